#!/bin/sh
# SPDX-License-Identifier: MIT
# Providers that offer the same mechanism give the same answers.
. "$(dirname "$0")/functions.sh"
openssl=$top_builddir/providers/.libs/openssl.so
more=
[ ! -e "$openssl" ] || more=,openssl
UKCFD_OPTIONS="--set daemon.providers=sodium,nullhw$more
	--set daemon.log_level=crit --set daemon.timeout_ms=60000"
under_daemon "$@"

vectors=$top_builddir/tests/kat/ukcf-vectors

# agree A B [WORD...]: each line of its own is a property
agree() {
	"$top_builddir/tests/parts/agree" "$@" >"$tmp/out" 2>&1
	status=$?
	sed 's/^ok: //' "$tmp/out" | grep '[a-z0-9-]*: .*questions' >"$tmp/said"
	return $status
}

if [ -n "$more" ]; then
	check "sodium and openssl" agree sodium openssl
	sed 's/^/# /' "$tmp/said"
	for m in sha2-256 sha2-512 hmac-sha2-256 aes-256-gcm chacha20-poly1305 \
		hkdf-sha2-256 x25519 ed25519; do
		# sodium has AES only where the processor has it
		[ $m != aes-256-gcm ] || grep -q '^flags.* aes' /proc/cpuinfo ||
			continue
		check "$m was compared" \
			grep -qE "^$m: [0-9]+ questions" "$tmp/said"
	done
	check "some of what was asked are errors" \
		grep -qE '^ed25519: .* [1-9][0-9]* of them errors' "$tmp/said"
	# Nobody else has these: what one and the same signs and encrypts
	# twice, which is never the same, it verifies and decrypts.
	check "openssl and itself" agree openssl openssl ecdsa- ecdh- \
		rsa-pss-sha2-256 rsa-oaep-sha1
	sed 's/^/# /' "$tmp/said"
	for m in ecdsa-p256-sha2-256 ecdh-p384 rsa-pss-sha2-256 \
		rsa-oaep-sha1; do
		check "$m was compared" \
			grep -qE "^$m: [0-9]+ questions" "$tmp/said"
	done
	check "some points are on the curve" \
		awk -F '[ :,]+' '$1 == "ecdh-p384" && $4 < $2 * 5 / 6 { n++ }
			END { exit n != 1 }' "$tmp/said"
	check "some ciphertexts are refused, and messages too long" \
		grep -qE '^rsa-oaep-sha1: .* [1-9][0-9]* of them errors' \
		"$tmp/said"
else
	unshown "sodium and openssl agree" "the provider openssl was not built"
fi

check "sodium and pretend hardware" agree sodium nullhw
# Who answers wrongly once is found.
check "one wrong answer is ordered" cryptoctl control provider=nullhw wrong=1
refused_agreement() {
	! agree sodium nullhw && grep -q "^FAILED: $1: .*they differ" "$tmp/out"
}
check "and found" refused_agreement sha2-256
check "it was one only" agree sodium nullhw

if [ -x "$vectors" ]; then
	data=$top_srcdir/tests/kat/data
	"$vectors" --provider=nullhw "$data/sha2-256.rsp" >"$tmp/out"
	report $? "known answers by a provider that is named"
	check "none of them in the caller" grep -q \
		'skipped .*in the caller cannot ask for a provider' "$tmp/out"
	cryptoctl control provider=nullhw wrong=1
	"$vectors" --provider=nullhw "$data/sha2-256.rsp" >"$tmp/out"
	same "a wrong one is found" "1 1 failed" \
		"$? $(tail -n 1 "$tmp/out" | grep -o '[0-9]* failed')"
	"$vectors" --provider=nullhw "$data/x25519.json" >"$tmp/out"
	same "what it does not offer is skipped, and nothing passes" \
		"1 0 passed" \
		"$? $(tail -n 1 "$tmp/out" | grep -o '[0-9]* passed')"
	refused 1 'no provider none; .cryptoctl list -p. has' \
		"$vectors" --provider=none "$data/ed25519.json"
else
	unshown "known answers by a provider that is named" \
		"ukcf-vectors was not built"
fi
finish
