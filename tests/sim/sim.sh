#!/bin/sh
# SPDX-License-Identifier: MIT
# 10,000 seeds of the simulation; then each breakage must be found by its own
# checks and by no other.
sim=${top_builddir:?}/tests/sim/sim
rc=0

"$sim" "10000${UKCF_SOAK:+00}" || rc=1

# planted BREAKAGE CHECK...
planted() {
	name=$1
	shift
	want=$(printf '%s\n' "$@" | sort)
	found=$("$sim" "--break=$name" 500 |
		sed -n 's/^FAILED: \([a-z]*\)$/\1/p' | sort)
	if [ "$found" = "$want" ]; then
		echo "ok: $name is found by:" "$@"
	else
		echo "FAILED: $name: want" "$@" "found" "$found"
		rc=1
	fi
}

# The same seed does the same, twice.
if [ "$("$sim" --seed 7)" = "$("$sim" --seed 7)" ]; then
	echo 'ok: a seed replays'
else
	echo 'FAILED: a seed does not replay'
	rc=1
fi
planted fifo jain weights light
planted lost-space space
planted double-end once
planted leak capacity
planted first-offer choice
planted pushy turn
planted incurious learned price
planted curious price
exit $rc
