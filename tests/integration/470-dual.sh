#!/bin/sh
# SPDX-License-Identifier: MIT
# Operations in two halves, of one provider or of two, and of one in one job.
. "$(dirname "$0")/functions.sh"

check 'a cipher and a MAC as one request' \
	"$top_builddir/daemon/ukcfd" --run --set daemon.device_limit_ms=300 \
	--set daemon.cross_check=off \
	--set daemon.device_failures=0 \
	--set daemon.log_level=crit \
	--set 'daemon.providers=sodium nullhw' \
	--provider-dir="$top_builddir/providers/.libs" -- \
	"$top_builddir/tests/parts/dual"

# native PROVIDERS WHAT [OPTION...]
native() {
	native_of=$1
	native_what=$2
	shift 2
	"$top_builddir/daemon/ukcfd" --run --set daemon.log_level=err \
		--set "daemon.providers=$native_of" \
		--provider-dir="$top_builddir/providers/.libs" "$@" -- \
		"$top_builddir/tests/parts/native" "$native_what" 2>"$tmp/errors"
	native_status=$?
	cat "$tmp/errors" >&2
	return $native_status
}

# wrongly ORDER WHAT: its own test finds it; its halves are used all the same
wrongly() {
	native 'sodium twofold' split --set "provider.twofold.order=$1" &&
		grep -q "chacha20-poly1305 and hmac-sha2-256 in one:\
 SELF-TEST FAILED ($2), not used" "$tmp/errors"
}

# negative control of wrongly
quietly() {
	native 'sodium twofold' split --set provider.twofold.cost_ns=90000000 &&
		! grep -q 'SELF-TEST' "$tmp/errors"
}

check 'in one job, where that is faster' native 'sodium twofold' twofold
check 'not where it is slower' quietly
check 'a MAC over the plaintext is found' wrongly plain encrypt-mac
check 'decryption before the MAC is right is found' \
	wrongly early mac-verify-decrypt
check 'a provider that was built before there were any has none' \
	native 'sodium twofold' split --set provider.twofold.offer=old

# explained FILTER [OPTION...]: lines "provider chosen does" of that
explained() {
	explained_filter=$1
	shift
	"$top_builddir/daemon/ukcfd" --run --set daemon.log_level=err \
		--set 'daemon.providers=sodium twofold' \
		--provider-dir="$top_builddir/providers/.libs" "$@" -- \
		cryptoctl explain -m chacha20-poly1305,hmac-sha2-256 \
		-o encrypt-mac --size=100 |
		awk "$explained_filter"' { print $1, $2, $NF }'
}

same 'explain: both in one, so no half is chosen' 'twofold yes both' \
	"$(explained '$2 == "yes"')"
same 'explain: one by one, where that is faster' \
	'sodium yes encrypt sodium yes mac' \
	"$(explained '$2 == "yes"' --set provider.twofold.cost_ns=90000000 |
		xargs)"
same 'explain: each of them is named' 5 "$(explained 'NR > 1' | wc -l)"
refused 2 'takes a cipher and a MAC' \
	cryptoctl explain -m chacha20-poly1305 -o encrypt-mac
refused 2 'takes one mechanism' \
	cryptoctl explain -m chacha20-poly1305,hmac-sha2-256 -o encrypt

# Who traces sees which of them were one job.
cat >"$tmp/traced" <<'END'
cryptoctl trace --json -n 400 mechanism=hmac-sha2-256 >"$1" &
tracer=$!
until cryptoctl trace provider=nix 2>&1 | grep -q 'another'; do :; done
"$2" twofold >/dev/null
kill $tracer
END
"$top_builddir/daemon/ukcfd" --run --set daemon.log_level=crit \
	--set 'daemon.providers=sodium twofold' \
	--provider-dir="$top_builddir/providers/.libs" -- \
	sh "$tmp/traced" "$tmp/trace" "$top_builddir/tests/parts/native"
has_traced() {
	grep '"event":"done"' "$tmp/trace" |
		grep '"op":"encrypt-mac".*"mac":"hmac-sha2-256"' |
		grep "\"provider\":\"$1\"" | grep -q "\"native\":$2"
}
check 'trace: one job' has_traced twofold true
check 'trace: one by one' has_traced sodium false

# offers HOW WORDS: such a description is refused
offers() {
	refused 125 "provider twofold: refused: $2" \
		"$top_builddir/daemon/ukcfd" --run --set daemon.log_level=err \
		--set daemon.providers=twofold \
		--set "provider.twofold.offer=$1" \
		--provider-dir="$top_builddir/providers/.libs" -- true
}

offers absent 'its description is malformed'
offers empty 'a dual offer without an entry point or operation'
offers flags 'a dual offer without an entry point or operation'
offers class 'a dual offer is of a built-in cipher and MAC'
offers alone 'a dual offer of mechanisms that it does not offer one by one'
offers hardware 'dual offers are of software'

# Of a chain, too, whose member takes what the one before it made.
check 'a linked request goes to the next provider with what it took' \
	"$top_builddir/daemon/ukcfd" --run --set daemon.log_level=crit \
	--set 'daemon.providers=sodium twofold' \
	--set provider.twofold.each_ns=1 \
	--provider-dir="$top_builddir/providers/.libs" -- \
	"$top_builddir/tests/parts/links" failing

if [ -e "$top_builddir/providers/.libs/openssl.so" ]; then
	check 'in one pass of openssl' native openssl openssl
fi
finish
