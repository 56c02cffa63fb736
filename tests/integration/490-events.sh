#!/bin/sh
# SPDX-License-Identifier: MIT
# Consumers are told what happens to mechanisms and providers.
. "$(dirname "$0")/functions.sh"

# listen DAEMON
listen() {
	"$top_builddir/$1" --run --set daemon.log_level=crit \
		--set daemon.device_failures=0 \
		--set 'daemon.providers=sodium nullhw openssl' \
		--provider-dir="$top_builddir/providers/.libs" -- \
		"$top_builddir/tests/stress/events"
}

loses() {
	UKCF_PLANTED=$1 listen tests/stress/deaf >"${TMPDIR:-/tmp}/deaf.$$"
	status=$?
	cat "${TMPDIR:-/tmp}/deaf.$$"
	grep -q '^FAILED: .*everybody knows' "${TMPDIR:-/tmp}/deaf.$$" &&
		[ $status = 1 ]
	rc=$?
	rm -f "${TMPDIR:-/tmp}/deaf.$$"
	return $rc
}

check 'no event is lost' listen daemon/ukcfd
for fault in kick forget; do
	check "a daemon that loses some is noticed: $fault" loses "$fault"
done
finish
