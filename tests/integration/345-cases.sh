#!/bin/sh
# SPDX-License-Identifier: MIT
# The seven cases of a request, each seen by its consumer, in the daemon's
# counters (tests/parts/cases) and in its trace.
. "$(dirname "$0")/functions.sh"
UKCFD_OPTIONS='--set daemon.providers=sodium,nullhw --set daemon.log_level=crit
	--set daemon.queue_slots=2 --set provider.nullhw.depth=1
	--set daemon.cross_check=off --set daemon.device_limit_ms=60000'
export UKCFD_OPTIONS
under_daemon "$@"

cryptoctl trace --json >"$tmp/trace" 2>"$tmp/trace.err" &
tracer=$!

begun() {
	cryptoctl trace provider=nix 2>&1 | grep -q 'another administrator traces'
}

await 30 begun || bail "the trace does not begin"
check 'what each looks like to its consumer, and is counted as' \
	"$top_builddir/tests/parts/cases"

# case_is N ASKED PROVIDER AT_ONCE RESULT EVENT...: the events of the one with
# 100+N bytes, in their order, and what the last one says
case_is() {
	bytes=$((100 + $1))
	asked=$2
	end="\"provider\":\"$3\",.*\"at_once\":$4,\"result\":\"$5\""
	shift 5
	await 30 ended || return 1
	request=$(sed 's/.*"request":\([0-9]*\),.*/\1/; q' "$tmp/end")
	grep "\"request\":$request,.*\"bytes\":$bytes," "$tmp/trace" >"$tmp/case"
	[ "$(sed 's/.*"event":"\([a-z-]*\)".*/\1/' "$tmp/case" |
		tr '\n' ' ')" = "$* " ] &&
		! grep -v "\"asked\":\"$asked\"" "$tmp/case"
}

# Its end is there, as it should be.
ended() {
	grep "\"bytes\":$bytes,.*$end" "$tmp/trace" >"$tmp/end"
}

check "2: synchronous, at once" case_is 2 sync sodium true 32 accepted "done"
check "3: synchronous, from a device's queue" \
	case_is 3 sync nullhw false 32 accepted queued started "done"
check "4: asynchronous, at once" case_is 4 async sodium true 32 accepted "done"
check "5: asynchronous, from a queue that was asked for" \
	case_is 5 queue sodium false 32 accepted queued started "done"
check "6: asynchronous, from a device's queue" \
	case_is 6 async nullhw false 32 accepted queued started "done"
check "7: rejected by a full queue" \
	case_is 7 queue nullhw false EAGAIN accepted rejected
check "1: the daemon knows nothing of it" sh -c \
	'! grep -q "\"bytes\":101," "$1"' - "$tmp/trace"
kill "$tracer"
wait "$tracer" 2>/dev/null
finish
