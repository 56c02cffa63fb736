# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the scripts in the guest share.  They begin and end as integration tests
# do, and have what those have; but a property is a line of TAP.
. "$top_srcdir/tests/integration/functions.sh"

bdf=0000:01:00.0 # of the accelerator, behind the root port
export bdf

report() {
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		test_failed=1
	fi
}

unshown() {
	echo "ok - $1 # SKIP $2"
}

skip() {
	echo "ok - nothing of it # SKIP $*"
	exit 0
}

bail() {
	echo "Bail out! $*"
	exit 99
}

finish() {
	exit $test_failed
}

# monitor COMMAND...: tell it to QEMU; what it says goes to $tmp/monitor
monitor() {
	if ! [ -e "$tmp/monitor" ]; then
		: >"$tmp/monitor"
		cat /dev/ttyS2 >"$tmp/monitor" &
	fi
	echo "$*" >/dev/ttyS2
}
