#!/bin/sh
# SPDX-License-Identifier: MIT
# Known answers by both paths: our own few always; Wycheproof's and NIST's
# where they are on this machine.
. "$(dirname "$0")/functions.sh"
[ ! -e "$top_builddir/providers/.libs/openssl.so" ] ||
	UKCFD_OPTIONS=${UKCFD_OPTIONS:---set=daemon.providers=sodium,openssl}
under_daemon "$@"

vectors=$top_builddir/tests/kat/ukcf-vectors
[ -x "$vectors" ] || skip "ukcf-vectors was not built: no jansson"

# Files of mechanisms that this build does not have are skipped with their
# reason; a failure in any makes the whole run fail.
run_dir() {
	what=$1
	shift
	[ -e "$1" ] || {
		echo "# $what: none on this machine (UKCF_VECTORS_DIR names a" \
			"directory of Wycheproof files)"
		return
	}
	"$vectors" "$@" >"$tmp/out" 2>&1
	status=$?
	grep -E 'FAILED|: skipped|(run, .*failed$)' "$tmp/out" | sed 's/^/# /'
	report $status "$what: $(tail -n 1 "$tmp/out")"
}

run_dir "vectors of RFCs and FIPS" "$top_srcdir"/tests/kat/data/*.json \
	"$top_srcdir"/tests/kat/data/*.rsp
same "of these refused: a key and a nonce of a wrong size, on each path" \
	"4 refused" "$(tail -n 1 "$tmp/out" | grep -o '[0-9]* refused')"

# The runner itself must see a wrong answer.
sed 's/ba7816bf/ba7816be/' "$top_srcdir/tests/kat/data/sha2-256.rsp" \
	>"$tmp/wrong.rsp"
if "$vectors" "$tmp/wrong.rsp" >"$tmp/out"; then
	report 1 "a file with a wrong digest fails"
else
	same "a file with a wrong digest fails, on both paths" "2 failed" \
		"$(tail -n 1 "$tmp/out" | grep -o '[0-9]* failed')"
fi
refused 1 'no daemon' env UKCF_SOCKET="$tmp/none" "$vectors" "$tmp/wrong.rsp"

dir=${UKCF_VECTORS_DIR:-$top_srcdir/../shared/vectors}
[ -d "$dir/wycheproof" ] && dir=$dir/wycheproof
run_dir "Wycheproof" "$dir"/*.json
nist=/usr/lib/python3/dist-packages/cryptography_vectors
run_dir "NIST SHA-2 (CAVP)" "$nist"/hashes/SHA2/SHA256*.rsp \
	"$nist"/hashes/SHA2/SHA512[LSM]*.rsp
run_dir "RFC 4231 as CAVP" "$nist"/HMAC/rfc-4231-sha256.txt
run_dir "NIST AES-256-GCM (CAVP)" "$nist"/ciphers/AES/GCM/gcm*256.rsp
run_dir "Ed25519, by its authors" "$nist"/asymmetric/Ed25519/sign.input
run_dir "RFC 4231 as CAVP, SHA-512" "$nist"/HMAC/rfc-4231-sha512.txt
run_dir "RFC 7539 as CAVP, Poly1305" "$nist"/poly1305/rfc7539.txt
finish
