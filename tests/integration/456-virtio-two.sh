#!/bin/sh
# SPDX-License-Identifier: MIT
# Two devices of one module: a queue, a state and failures of its own each.
. "$(dirname "$0")/functions.sh"
for f in providers/.libs/virtiofake.so tests/vfio/cipher; do
	[ -e "$top_builddir/$f" ] || skip "$f was not built: no libcrypto"
done
UKCFD_OPTIONS="--set daemon.providers=sodium,openssl,virtiofake
	--set daemon.log_level=crit --set daemon.cross_check=off
	--set daemon.timeout_ms=60000 --set daemon.inline_us=0
	--set provider.virtiofake.device=one,two
	--set provider.virtiofake.timeout_ms=60000
	--set provider.virtiofake-2.timeout_ms=300"
under_daemon "$@"

# state PROVIDER
state() {
	cryptoctl list | awk -v p="$1" '$1 == p { print $4 }'
}
# is STATE PROVIDER
is() {
	[ "$(state "$2")" = "$1" ]
}
# did: sets what each did since the last time
first=0 second=0 software=0
did() {
	cryptoctl stats -p >"$tmp/stats"
	since virtiofake first
	since virtiofake-2 second
	since openssl software
	echo "# did: $first, $second, openssl $software"
}
# since PROVIDER VARIABLE
since() {
	n=$(awk -v p="$1" '$1 == p { n = $2 } END { print n + 0 }' "$tmp/stats")
	eval "$2=\$((n - \${$2_before:-0})) $2_before=$n"
}
# ciphers N DEPTH: to whoever is done first; each is compared
ciphers() {
	"$top_builddir/tests/vfio/cipher" any "$1" "$2" >"$tmp/out" 2>&1 ||
		{ sed 's/^/# /' "$tmp/out"; return 1; }
}
# to DEVICE COMMAND
to() {
	cryptoctl control "provider=$1" "$2" >"$tmp/control" 2>&1
}

same "each is a provider" "READY READY" \
	"$(state virtiofake) $(state virtiofake-2)"
same "there are no more" "" "$(state virtiofake-3)"
refused 1 'there is no such device' cryptoctl load provider=virtiofake-3

# --- nobody else does AES-CBC ---
cryptoctl unload provider=openssl >"$tmp/out" 2>&1
did
check "requests to both" ciphers 2000 32
did
check "the work is shared" test "$first" -gt 200 -a "$second" -gt 200

# more of them than both take at once: some wait for it when it fails
to virtiofake-2 absent=1
to virtiofake-2 hang=1
check "one that hangs under load: nothing is lost" ciphers 3000 128
did
check "the other one goes on" test "$first" -gt 500
same "it is out" FAILED "$(state virtiofake-2)"
same "which has not failed" READY "$(state virtiofake)"
to virtiofake-2 calm
check "and it comes back" await 20 is READY virtiofake-2

to virtiofake-2 absent=1
to virtiofake-2 go=1
check "one that is pulled out under load: nothing is lost" ciphers 2000 32
check "it is out" is FAILED virtiofake-2
did
check "and all goes to the other one" ciphers 500 32
did
same "which did it" "500 0" "$((first > 499 ? 500 : first)) $second"
to virtiofake-2 calm
check "it is plugged in again" await 20 is READY virtiofake-2

# --- software beside them ---
cryptoctl load provider=openssl >"$tmp/out" 2>&1
did
three() {
	for p in virtiofake virtiofake-2 openssl; do
		"$top_builddir/tests/vfio/cipher" $p 500 8 >"$tmp/out.$p" 2>&1 &
	done
	wait
	! grep -L '^ok' "$tmp"/out.* | grep .
}
check "requests to each of the three at once" three
did
check "and each did its own" test "$first" -ge 500 -a "$second" -ge 500 \
	-a "$software" -ge 500

# --- one by one ---
check "one of them is unloaded" cryptoctl unload provider=virtiofake
same "the other one stays" READY "$(state virtiofake-2)"
check "requests go on" ciphers 500 32
check "and it is loaded again" cryptoctl load provider=virtiofake
same "as it was" READY "$(state virtiofake)"
finish
