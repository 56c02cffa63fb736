#!/bin/sh
# SPDX-License-Identifier: MIT
# The provider virtio under a daemon, on a device that is a thread of the daemon.
. "$(dirname "$0")/functions.sh"
[ -e "$top_builddir/providers/.libs/virtiofake.so" ] ||
	skip "virtiofake was not built: no libcrypto"
UKCFD_OPTIONS="--set daemon.providers=sodium,openssl,virtiofake
	--set daemon.log_level=crit --set daemon.cross_check=off --set daemon.timeout_ms=60000
	--set provider.virtiofake.device=fake
	--set provider.virtiofake.timeout_ms=500"
under_daemon "$@"

state() {
	cryptoctl list | awk '$1 == "virtiofake" { print $4 }'
}
is_ready() {
	[ "$(state)" = READY ]
}
is_out() {
	[ "$(state)" = FAILED ]
}
agree() {
	"$top_builddir/tests/parts/agree" openssl virtiofake >"$tmp/out" 2>&1
}

same "it is ready" READY "$(state)"
check "openssl and virtio agree" agree
same "on all that it offers" 11 "$(grep -c '^ok: aes-' "$tmp/out")"
same "of RSA, too" 4 "$(grep -c '^ok: rsa-' "$tmp/out")"
vectors() {
	"$top_builddir/tests/vfio/vectors" "$1" >"$tmp/out" 2>&1 ||
		{ grep -v '^ok' "$tmp/out"; return 1; }
}
check "the vectors of NIST and IEEE are what openssl makes" vectors openssl
check "and what the device makes" vectors hardware
ukcf-bench --quick --device >"$tmp/out" 2>&1 || cat "$tmp/out"
same "ukcf-bench has it beside software, by size" 5 \
	"$(grep -cE '^\| [0-9]+ (\| [0-9.]+ ){6}\|$' "$tmp/out")"
# A wrong answer is not its own to find; another provider's is.
check "a wrong answer is ordered" cryptoctl control provider=virtiofake flip=1
agree && report 1 "and found" || report 0 "and found"

for trouble in hang go; do # tests/virtio/distrust has them all
	# until it is calm no reset helps: it is seen to be out
	for c in absent=1 $trouble=1; do
		cryptoctl control provider=virtiofake $c >"$tmp/out" 2>&1
	done
	# what it loses others do: but nobody else is asked here
	agree
	check "$trouble: it is taken out" await 20 is_out
	cryptoctl control provider=virtiofake calm >"$tmp/out" 2>&1
	check "$trouble: and comes back" await 20 is_ready
done
check "they agree again" agree

# With a limit it stays out in the end; with 0 of under_daemon() it does not.
cat >"$tmp/limited" <<'END'
log=$1
state() {
	cryptoctl list | awk '$1 == "nullhw" { print $4 }'
}
until_is() {
	end=$(($(date +%s) + 20))
	while [ "$(state)" != "$1" ]; do
		[ "$(date +%s)" -lt "$end" ] || return 1
	done
}
until_said() {
	end=$(($(date +%s) + 20))
	until grep -q "$1" "$log"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
	done
}
cryptoctl control provider=nullhw vanish && until_is FAILED &&
	cryptoctl control provider=nullhw back && until_is READY || exit 1
grep 'stays out' "$log" && exit 2
cryptoctl control provider=nullhw vanish && until_is FAILED &&
	cryptoctl control provider=nullhw back || exit 3
until_said 'failed 2 times in ten minutes: it stays out' || exit 4
[ "$(state)" = FAILED ] || exit 5
cryptoctl enable provider=nullhw mechanism=all && until_is READY || exit 6
END
limited() {
	"$top_builddir/daemon/ukcfd" --run --set daemon.providers=sodium,nullhw \
		--set daemon.log_level=err --set daemon.device_failures=2 \
		--provider-dir="$top_builddir/providers/.libs" -- \
		sh "$tmp/limited" "$tmp/log" >"$tmp/out" 2>"$tmp/log"
}
# Unplugged and plugged in again, it has not failed.
cat >"$tmp/unplugged" <<'END'
log=$1
said() {
	[ "$(grep -c 'somebody wants the device back' "$log")" -ge "$1" ]
}
ready() {
	cryptoctl list | grep -q '^virtiofake .* READY'
}
until_so() {
	end=$(($(date +%s) + 30))
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
	done
}
until_so ready || exit 1
for i in 1 2 3; do
	cryptoctl control provider=virtiofake go=1 || exit 2
	cryptoctl test provider=virtiofake # at work it is taken away
	until_so said $i && cryptoctl control provider=virtiofake calm &&
		until_so ready || exit 3
done
! grep 'stays out' "$log"
END
unplugged() {
	"$top_builddir/daemon/ukcfd" --run \
		--set daemon.providers=sodium,virtiofake \
		--set provider.virtiofake.device=fake \
		--set daemon.log_level=err --set daemon.device_failures=2 \
		--provider-dir="$top_builddir/providers/.libs" -- \
		sh "$tmp/unplugged" "$tmp/log" >"$tmp/out" 2>"$tmp/log"
}
unplugged
same "three times unplugged: it comes back each time" 0 $?
limited
same "a second failure: it stays out until it is enabled" 0 $?
finish
