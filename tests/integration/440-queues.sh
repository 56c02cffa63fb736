#!/bin/sh
# SPDX-License-Identifier: MIT
# What waits in a queue: cancel, deadlines, and room for what was rejected.
. "$(dirname "$0")/functions.sh"

# under SLOTS CMD...: of a daemon with one worker and so many places
under() {
	slots=$1
	shift
	"$top_builddir/daemon/ukcfd" --run --set "daemon.queue_slots=$slots" \
		--set daemon.bulk_workers=1 \
		--set 'daemon.providers=sodium null' \
		--provider-dir="$top_builddir/providers/.libs" -- "$@"
}

queues() {
	slots=$1
	shift
	under "$slots" "$top_builddir/tests/stress/queues" "$@"
}

# The queue was full indeed: what the daemon counted.
# shellcheck disable=SC2016
space_then_rejected() {
	under 4 sh -c '"$1/tests/stress/queues" space || exit 1
		"$1/tools/cryptoctl" stats' sh "$top_builddir" |
		awk '{ print } $1 == "bulk" { n = $9 } END { exit n == 0 }'
}

for slots in 1 2 64; do
	check "cancel with a queue of $slots" queues "$slots" cancel "$slots"
done
check 'a full queue tells those who wait when there is room' \
	space_then_rejected
check 'deadlines of what waits' queues 16 deadline
check 'the daemon is killed while some wait for room' queues 4 killed 4
finish
