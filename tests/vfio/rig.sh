#!/bin/sh
# SPDX-License-Identifier: MIT
# The rig notices what it is there for: properties that fail in the guest,
# complaints of its kernel, a guest that falls over, one that hangs.
. "$(dirname "$0")/../integration/functions.sh"
run=$top_srcdir/tests/vfio/run

why=$("$run" --check 2>&1) || skip "$why"
refused 2 '^usage: run' "$run"
refused 2 '^usage: run' "$run" --no-such-option
mkdir "$tmp/bin"
ln -s "$(command -v dirname)" "$tmp/bin/dirname"
refused 77 'the rig cannot run here: no qemu-system-x86_64' \
	env PATH="$tmp/bin" /bin/sh "$run" --check
no_kernel() {
	UKCF_VFIO_KERNEL=/dev/null/none "$run" 010-software.vfio >"$tmp/out"
	[ $? = 77 ] && grep -q '^1\.\.0 # SKIP cannot write' "$tmp/out"
}
check "without a kernel a test is skipped, with the reason" no_kernel

UKCF_VFIO_LIMIT=1 "$run" 010-software.vfio >"$tmp/out"
same "a guest that takes too long: exit status" 99 $?
check "and it is said" grep -q '^Bail out! .*did not end within 1 s' "$tmp/out"

"$run" planted-fall.vfio >"$tmp/out"
same "a guest that falls over: exit status" 99 $?
check "what it said before is there" grep -q '^ok - this was said' "$tmp/out"
check "and that it fell over" grep -q '^Bail out! .*fell over' "$tmp/out"

"$run" planted-failure.vfio >"$tmp/out"
same "a property that fails: exit status" 1 $?
check "those that hold are told" grep -q '^ok - this holds' "$tmp/out"
check "it is told" grep -q '^not ok - this does not hold' "$tmp/out"
check "a fault of a DMA is seen" grep -q '^not ok - .*no fault of a DMA' \
	"$tmp/out"
check "so is a warning of the kernel" grep -q \
	'^not ok - .*no complaint about itself' "$tmp/out"
same "all of them are counted" 1..4 "$(tail -n 1 "$tmp/out")"

[ -x "$top_builddir/tests/vfio/cipher" ] || finish # no libcrypto
"$run" planted-dma.vfio >"$tmp/out"
same "a device that reads astray: exit status" 1 $?
check "none of it reaches anybody" grep -q '^ok - none of it' "$tmp/out"
check "and the kernel says that it did" grep -q \
	'^not ok - .*no fault of a DMA' "$tmp/out"
finish
