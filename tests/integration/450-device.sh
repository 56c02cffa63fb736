#!/bin/sh
# SPDX-License-Identifier: MIT
# Hardware queues, failover and recovery, on pretend hardware.
. "$(dirname "$0")/functions.sh"

# device SLOTS DEPTH ARG...: with so many places in each queue, and so many jobs
# in one of the devices
device() {
	slots=$1
	depth=$2
	shift 2
	"$top_builddir/daemon/ukcfd" --run --set "daemon.queue_slots=$slots" \
		--set "daemon.device_limit_ms=${limit:-300}" --set daemon.log_level=crit \
		--set "daemon.cross_check=$check" \
		--set daemon.device_failures=0 \
		--set "daemon.providers=sodium nullhw nullhw2 ${more:-}" \
		--set "provider nullhw.depth=$depth" \
		--set "provider nullhw2.depth=${depth2:-16}" \
		--provider-dir="$top_builddir/providers/.libs" -- \
		"$top_builddir/tests/stress/device" "$@"
}

check=off # its wrong answer is to be seen
check 'one trouble after the other' device 2 1 cases
limit=60000 depth2=1
check 'what waits for a device that breaks' device 2 1 evicted
limit='' depth2=''
check=1/16 # in the first second, all
check 'troubles at random under load' device 256 16 storm
check=1/1
check 'wrong answers under load, each checked' device 256 16 liars
check=1/16
more=openssl
check 'providers come and go under load' device 256 16 traffic
finish
