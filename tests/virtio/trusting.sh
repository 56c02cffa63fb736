#!/bin/sh
# SPDX-License-Identifier: MIT
# A provider without the checks of what a device says fails the test of each of
# them: tests/virtio/distrust can fail, and each row for its own reason.
. "$(dirname "$0")/../integration/functions.sh"

trusting=$top_builddir/tests/virtio/trusting

falls_for() {
	! timeout 60 "$trusting" "$1" >"$tmp/out" 2>&1
}

"$trusting" --checks >"$tmp/rows"
check "there are checks" test -s "$tmp/rows"
while read -r row; do
	check "without its check: $row" falls_for "$row"
done <"$tmp/rows"
# Those that need no check hold without.
check "the others hold: a job that hangs" timeout 60 "$trusting" hang
finish
