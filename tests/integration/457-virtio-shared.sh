#!/bin/sh
# SPDX-License-Identifier: MIT
# A device that works in the buffers of consumers: with their own keys alone, and
# what becomes of it when the device fails or the consumer ends.
. "$(dirname "$0")/functions.sh"
for f in providers/.libs/virtiofake.so tests/virtio/shared; do
	[ -e "$top_builddir/$f" ] || skip "$f was not built: no libcrypto"
done
UKCFD_OPTIONS="--set daemon.providers=sodium,openssl,virtiofake
	--set daemon.log_level=crit --set daemon.cross_check=off
	--set daemon.timeout_ms=60000 --set daemon.inline_us=0
	--set provider.virtiofake.device=fake
	--set provider.virtiofake.share_min=${share_min:-4096}
	--set provider.virtiofake.timeout_ms=600"
under_daemon "$@"

is_ready() {
	cryptoctl list | grep -q '^virtiofake .* READY'
}
# to COMMAND
to() {
	cryptoctl control provider=virtiofake "$1" >"$tmp/control" 2>&1
}
# shared PROVIDER LEN COUNT own|held
shared() {
	"$top_builddir/tests/virtio/shared" "$@" >"$tmp/out" 2>&1
	status=$?
	grep '^#' "$tmp/out"
	return $status
}
# How many the device did in the buffers of consumers.
counted() {
	cryptoctl stats -p | awk '$1 == "virtiofake" { print $NF }'
}
wrong() {
	! shared "$@" && grep -q '^FAILED: .* 1 wrong' "$tmp/out"
}

for len in 4096 16384 65536; do
	check "$len bytes, with an own key" shared virtiofake $len 100 own
	check "and with one that the daemon holds" \
		shared virtiofake $len 100 held
done
same "those with an own key are counted" 300 "$(counted)"
check "in other buffers each time, more than it has places for" \
	shared virtiofake 4096 100 anew
same "are counted, too" 400 "$(counted)"
to flip_shared=1
check "with a key that the daemon holds: copied" shared virtiofake 4096 1 held
check "less than it is for: copied" shared virtiofake 4080 1 own
check "with an own key: not copied" wrong virtiofake 4096 1 own

# what it has not ended others do, from the buffer
for trouble in hang late idx_jump no_output; do
	to $trouble=1
	check "$trouble: nothing is lost" shared any 16384 20 own
	to calm
	check "$trouble: it is back" await 20 is_ready
	check "and works" shared virtiofake 16384 5 own
done

# the memory of a consumer that ends is the device's until that is closed
to hang=1
"$top_builddir/tests/virtio/shared" virtiofake 65536 1 own >"$tmp/out" 2>&1 &
killed=$!
check "a consumer is killed while the device has its buffer" kill -KILL $killed
wait $killed 2>"$tmp/err"
to calm
check "the daemon goes on" await 20 is_ready
check "and so does the device" shared virtiofake 65536 5 own
finish
