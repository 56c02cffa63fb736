#!/bin/sh
# SPDX-License-Identifier: MIT
# cryptoctl trace: every kind of event, filters, one administrator at a time,
# and a lease that ends.
. "$(dirname "$0")/functions.sh"
UKCFD_OPTIONS='--set daemon.providers=sodium,nullhw,nullhw2,null
	--set daemon.log_level=crit --set daemon.queue_slots=4
	--set daemon.bulk_workers=1'
export UKCFD_OPTIONS
under_daemon "$@"

# follow NAME OPTION...: a trace in the background, to $tmp/NAME
follow() {
	out=$tmp/$1
	shift
	cryptoctl trace "$@" >"$out" 2>"$out.err" &
	tracer=$!
	await 30 begun || bail "the trace does not begin"
}

# Asked for what is refused: who holds the lease is said before.
begun() {
	cryptoctl trace provider=nix 2>"$tmp/second.err"
	grep -q 'another administrator traces' "$tmp/second.err"
}

end_trace() {
	kill "$tracer"
	wait "$tracer" 2>/dev/null
	await 30 over || bail "the trace does not end"
}

over() {
	! begun
}

# has NAME KIND PATTERN: at least one
has() {
	grep "\"event\":\"$2\"" "$tmp/$1" | grep -q "$3"
}

echo abc >"$tmp/file"
cryptoctl key generate k -m hmac-sha2-256

# --- what runs at once ---
follow one --json
same "one administrator at a time" \
	"cryptoctl: another administrator traces: one can at a time" \
	"$(cat "$tmp/second.err")"
cryptoctl mac -m hmac-sha2-256 -k k "$tmp/file" >/dev/null
check "accepted" await 30 has one accepted '"op":"mac".*"bytes":4,'
check "done: by whom, how long, with what result" await 30 has one "done" \
	'"mechanism":"hmac-sha2-256","bytes":4,"provider":"sodium","queue_ns":[0-9]*,"service_ns":[1-9][0-9]*,"at_once":true,"result":"32"'
check "a handle is no result" has one "done" '"op":"key-open".*"result":"0"'

# --- what is queued ---
cryptoctl disable provider=sodium mechanism=sha2-256 >/dev/null
cryptoctl digest -m sha2-256 "$tmp/file" >/dev/null
check "queued" await 30 has one queued '"sha2-256",.*"provider":"nullhw"'
check "started" await 30 has one started '"sha2-256",.*"provider":"nullhw"'
cryptoctl disable provider=nullhw2 mechanism=sha2-256 >/dev/null
cryptoctl control provider=nullhw fail=1 >/dev/null
cryptoctl digest -m sha2-256 "$tmp/file" >/dev/null 2>&1
check "failed over" await 30 has one failed-over '"sha2-256",.*"nullhw"'
check "to nobody: that is its result" await 30 has one "done" \
	'"sha2-256",.*"result":"EIO"'
cryptoctl enable provider=sodium mechanism=all >/dev/null
"$top_builddir/tests/stress/queues" cancel 4 >/dev/null
check "cancelled" await 30 has one cancelled '"result":"ECANCELED"'
"$top_builddir/tests/stress/queues" deadline >/dev/null
check "timed out" await 30 has one timed-out '"result":"ETIMEDOUT"'
"$top_builddir/tests/stress/queues" space >/dev/null
check "rejected" await 30 has one rejected '"result":"EAGAIN"'
end_trace
check "each line is an object" python3 -c '
import json, sys
kinds = [json.loads(line)["event"] for line in open(sys.argv[1])]
sys.exit(len(kinds) < 20)' "$tmp/one"
check "no key, no handle, no user_data in it" sh -c \
	'! grep -qE "\"(key|handle|user_data|data)\"" "$1"' - "$tmp/one"

# --- filters ---
follow two --json mechanism=SHA512
cryptoctl mac -m hmac-sha2-256 -k k "$tmp/file" >/dev/null
"$top_builddir/tests/stress/queues" cancel 4 >/dev/null
cryptoctl disable provider=sodium mechanism=sha2-256 >/dev/null
cryptoctl digest -m sha2-256 "$tmp/file" >/dev/null
end_trace
same "of another mechanism: nothing" "" "$(cat "$tmp/two")"
follow three --json provider=nullhw
cryptoctl mac -m hmac-sha2-256 -k k "$tmp/file" >/dev/null
cryptoctl digest -m sha2-256 "$tmp/file" >/dev/null
check "of a provider" await 30 has three "done" nullhw
end_trace
same "and only of it" nullhw "$(sed 's/.*"provider":\("\([^"]*\)"\|null\).*/\2/' \
	"$tmp/three" | sort -u)"
follow four --consumer=4294967295
cryptoctl mac -m hmac-sha2-256 -k k "$tmp/file" >/dev/null
end_trace
same "of a consumer that is not there: the heading" 1 "$(wc -l <"$tmp/four")"

# --- its end ---
same "-n: so many" 3 "$( (cryptoctl trace --json -n 3 | wc -l) & \
	await 30 begun
	cryptoctl mac -m hmac-sha2-256 -k k "$tmp/file" >/dev/null; wait)"
check "the lease ends by itself, with status 0" \
	cryptoctl trace --seconds=1 >/dev/null
follow killed --seconds=3600
kill -KILL "$tracer"
check "a trace that is killed is over" await 30 over

# --- what is wrong ---
refused 1 'no provider nix is loaded; there are sodium' cryptoctl trace \
	provider=nix
refused 1 'no mechanism nix' cryptoctl trace mechanism=nix
refused 2 'not a number from 1 to 3600' cryptoctl trace --seconds=0
refused 2 'not a number from 1 to 3600' cryptoctl trace --seconds=3601
refused 2 'not a number' cryptoctl trace --consumer=x
refused 2 'not a number' cryptoctl trace -n -1
refused 2 'one mechanism=NAME' cryptoctl trace mechanism=a,b
refused 2 'x: one provider=NAME' cryptoctl trace x
refused 1 'too long' cryptoctl trace \
	provider=0123456789012345678901234567890123456789
export UKCF_ADMIN_SOCKET="$tmp/none"
refused 1 "$tmp/none: No such file" cryptoctl trace
finish
