#!/bin/sh
# SPDX-License-Identifier: MIT
# Wrong answers of a provider: another one finds them out before anybody gets
# them, and who lies is taken out.
. "$(dirname "$0")/functions.sh"
daemon=$top_builddir/daemon/ukcfd
wrong=$top_builddir/tests/parts/crosscheck

# under PROVIDERS RATE COMMAND...: so much of hardware is checked
under() {
	providers=$1
	rate=$2
	shift 2
	"$daemon" --run --set "daemon.log_level=${level:-emerg}" \
		--set "daemon.providers=$providers" \
		--set "daemon.cross_check=$rate" \
		--set "daemon.cross_check_software=${software:-off}" \
		--set daemon.cross_check_all_ms=0 \
		--provider-dir="$top_builddir/providers/.libs" -- "$@"
}

traced() {
	cryptoctl trace provider=nix 2>&1 |
		grep -q 'another administrator traces'
}

is_in() {
	grep -qE -- "$2" "$tmp/$1"
}

# Who looks for it finds it, wherever that is.
if [ "${1:-}" = inside ]; then
	cryptoctl trace >"$tmp/trace" &
	tracer=$!
	await 20 traced || bail 'the trace does not begin'
	"$wrong" liar >"$tmp/liar" || cat "$tmp/liar"
	cryptoctl list >"$tmp/list"
	cryptoctl list --json >"$tmp/json"
	cryptoctl stats -p >"$tmp/stats"
	cryptoctl status >"$tmp/status"
	check 'list says why it is out' is_in list \
		'^nullhw .*FAILED.*wrong answer: sha2-256, digest: .*stays out'
	check 'also as JSON' is_in json '"reason": *"wrong answer: sha2-256'
	check 'stats counts it' is_in stats '^nullhw( +[0-9]+){5} +3 +3 +0 +0$'
	check 'status names it' is_in status '^failed providers +nullhw'
	check 'the trace has it' await 20 is_in trace 'wrong.*nullhw'
	kill "$tracer"
	cryptoctl control provider=nullhw calm >/dev/null
	check 'an administrator has it tested' cryptoctl test provider=nullhw
	cryptoctl list >"$tmp/list"
	check 'and it is back' is_in list '^nullhw .*READY'
	finish
fi

check 'of every operation, by two' under 'sodium nullhw' all "$wrong" operations
check 'by three' under 'sodium nullhw nullhw2' all "$wrong" third
software=all
check 'of who checks' under 'sodium nullhw nullhw2' all "$wrong" checker
software=off
level=err
check 'it is seen' under 'sodium nullhw' all "$0" inside 2>"$tmp/log"
check 'the log has it' is_in log \
	'provider nullhw: wrong answer: sha2-256, digest: nullhw and sodium'
level=emerg

# What these can see.
check 'control: nothing is checked' under 'sodium nullhw' off "$wrong" off
daemon=$top_builddir/tests/claims/broken
if [ -x "$daemon" ]; then
	export UKCF_PLANTED=unchecked
	under 'sodium nullhw nullhw2' all "$wrong" third >"$tmp/out" 2>&1
	check 'control: a daemon that does not check is found out' is_in out \
		'^FAILED: .*all were right'
fi
finish
