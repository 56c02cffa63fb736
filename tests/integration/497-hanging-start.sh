#!/bin/sh
# SPDX-License-Identifier: MIT
# A provider whose start does not return holds up no other one.
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
refused 1 'its start of before has not returned yet' \
	cryptoctl load provider=null

# Its thread is the only one: who tries again gets no second one.  It comes back
# in the end, and what it made is stopped.
again() {
	cryptoctl unload provider=null >/dev/null 2>&1
	! cryptoctl load provider=null 2>&1 | grep -q 'has not returned yet'
}
check "its start returns, and may be tried again" await 30 again
same "too slow as before" FAILED "$(row null | awk '{ print $4 }')"
refused 1 "null is loaded already" cryptoctl load provider=null
finish
