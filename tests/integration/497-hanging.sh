#!/bin/sh
# SPDX-License-Identifier: MIT
# A provider whose start, reset or stop does not return holds up no other one.
. "$(dirname "$0")/functions.sh"
UKCFD_OPTIONS='--set daemon.providers=sodium --set daemon.log_level=emerg
--set daemon.start_limit_ms=300 --set provider.null.start_delay_ms=8000'
export UKCFD_OPTIONS
under_daemon "$@"

row() {
	cryptoctl list | grep "^$1 "
}

refused 1 'null is not loaded: .*start did not return in 300 ms' \
	cryptoctl load provider=null
same "it is FAILED, and why" "start did not return in 300 ms" \
	"$(row null | grep FAILED | grep -o 'start did.*')"
same "another one is loaded" "provider nullhw is loaded" \
	"$(cryptoctl load provider=nullhw)"
refused 1 "null did not start" cryptoctl control provider=null calm
refused 1 "null did not start: unload it" cryptoctl test provider=null
check "requests go on" cryptoctl digest -m sha2-256 "$0"
same "it can be unloaded" "provider null is unloaded" \
	"$(cryptoctl unload provider=null)"
refused 1 'a thread has not returned from its code yet' \
	cryptoctl load provider=null

# Its thread is the only one: who tries again gets no second one.  It comes back
# in the end, and what it made is stopped.
again() {
	cryptoctl unload provider=null >/dev/null 2>&1
	! cryptoctl load provider=null 2>&1 | grep -q 'has not returned from its code'
}
check "its start returns, and may be tried again" await 30 again
same "too slow as before" FAILED "$(row null | awk '{ print $4 }')"
refused 1 "null is loaded already" cryptoctl load provider=null

# --- a reset that does not return: nobody waits for it ---
cryptoctl control provider=nullhw reset_ms=600000 >/dev/null
refused 1 'nullhw is out.*its reset did not return in 300 ms' \
	cryptoctl device reset provider=nullhw
same "it is FAILED" FAILED "$(row nullhw | awk '{ print $4 }')"
same "another one is tested" "provider sodium gives the right answers" \
	"$(cryptoctl test provider=sodium)"
check "and loaded" cryptoctl load provider=nullhw2 >/dev/null
cryptoctl control provider=nullhw2 broken=1 >/dev/null
cryptoctl disable provider=sodium mechanism=sha2-256 >/dev/null
cryptoctl digest -m sha2-256 "$0" >/dev/null 2>&1
is_back() {
	[ "$(row "$1" | awk '{ print $4 }')" = READY ]
}
check "another one that failed recovers" await 30 is_back nullhw2
cryptoctl enable provider=sodium mechanism=sha2-256 >/dev/null
refused 1 'a thread has not returned from its code yet' \
	cryptoctl test provider=nullhw
refused 1 'nullhw stays: .*a thread has not returned from its code yet' \
	cryptoctl unload provider=nullhw
cryptoctl control provider=nullhw reset_ms=0 >/dev/null
check "when it returns, it is tried again by itself" await 30 is_back nullhw

# --- nor for a stop ---
cryptoctl control provider=nullhw stop_ms=5000 >/dev/null
same "it is unloaded all the same" "provider nullhw is unloaded" \
	"$(cryptoctl unload provider=nullhw)"
anew() {
	cryptoctl load provider=nullhw >"$tmp/anew" 2>&1 ||
		! grep -q 'has not returned' "$tmp/anew"
}
check "when it has returned, it can be loaded" await 30 anew
same "and is" "provider nullhw is loaded" "$(cat "$tmp/anew")"
finish
