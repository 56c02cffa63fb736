# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the scripts in the guest share.  They begin and end as integration tests
# do, and have what those have; but a property is a line of TAP.
. "$top_srcdir/tests/integration/functions.sh"

bdf=0000:01:00.0 # of the accelerator, behind the root port
export bdf
driver=virtio # the provider that drives it
# how often a trouble is repeated
rounds=${UKCF_SOAK:+20}
rounds=${rounds:-2}

report() {
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		test_failed=1
	fi
}

unshown() {
	echo "ok - $1 # SKIP $2"
}

skip() {
	echo "ok - nothing of it # SKIP $*"
	exit 0
}

bail() {
	echo "Bail out! $*"
	exit 99
}

finish() {
	exit $test_failed
}

# busybox's timeout is told of by the shell, each time
pause() {
	[ -e "$tmp/nothing" ] || mkfifo "$tmp/nothing"
	# shellcheck disable=SC3045 # busybox's read has it
	read -r -t 0.05 _ <>"$tmp/nothing"
}

# monitor COMMAND...: tell it to QEMU; what it says, and its echo for a terminal,
# goes to $tmp/monitor
monitor() {
	[ -e "$tmp/monitor" ] || open_monitor
	echo "$*" >/dev/ttyS2
}

# It drops what comes before it has shown that it listens.
open_monitor() {
	cat /dev/ttyS2 >"$tmp/monitor" &
	await 60 prompted || bail "QEMU's monitor does not answer"
}

prompted() {
	echo >/dev/ttyS2
	grep -aq '(qemu)' "$tmp/monitor"
}

# what went wrong in it
monitor_errors() {
	tr '\r' '\n' <"$tmp/monitor" | grep -a '^Error' | sed 's/^/# monitor: /'
}

# --- the system's log ---

with_system_log() {
	syslogd -O "$tmp/syslog"
}

logged() {
	grep -qF -- "$1" "$tmp/syslog"
}

# --- the device, and a daemon that drives it ---

# info NAME: a line of "cryptoctl device info"
info() {
	cryptoctl device info $bdf | sed -n "s/^$1 *//p"
}

# serve_device NAME OPTION...
serve_device() {
	serve "$@" --set "daemon.providers=sodium openssl $driver" \
		--set "provider $driver.device=$bdf"
}

stop_daemon() {
	kill -TERM "$served"
	wait "$served"
	same "the daemon ends when it is told to" 0 $?
	sed 's/^/# ukcfd: /' "$served_log" | tail -n 40
	served=
}

# offers PROVIDER MECHANISM
offers() {
	cryptoctl list -m | awk -v p="$1" -v m="$2" '
		$1 == m && ("," $6 ",") ~ ("," p ",") { found = 1 }
		END { exit !found }'
}

# done_by PROVIDER: how many requests it did
done_by() {
	cryptoctl stats -p | awk -v p="$1" '$1 == p { n = $2 } END { print n + 0 }'
}

# how many of them the device did in the buffers of consumers
in_place() {
	cryptoctl stats -p | awk -v p="$driver" '$1 == p { print $NF }'
}

# interrupts of the device so far
interrupts() {
	awk '/vfio-msix/ { for (i = 2; i <= 3; i++) n += $i }
		END { print n + 0 }' /proc/interrupts
}

# ciphers PROVIDER COUNT DEPTH: random ones, against libcrypto; a property
ciphers() {
	"$top_builddir/tests/vfio/cipher" "$@" >"$tmp/ciphers" 2>&1
	status=$?
	grep '^#' "$tmp/ciphers"
	report $status "$2 random requests to $1, $3 in flight: $(
		tail -n 1 "$tmp/ciphers")"
}

# vectors WHOSE: of NIST and IEEE; each done by the device, as it counts
vectors() {
	did=$(done_by $driver)
	"$top_builddir/tests/vfio/vectors" "$1" >"$tmp/vectors" 2>&1
	status=$?
	grep '^FAILED' "$tmp/vectors"
	report $status "the vectors of SP 800-38A and IEEE 1619, by $1"
	same "cryptoctl stats: the device did each of them" \
		"$(sed -n 's/^# \([0-9]*\) requests/\1/p' "$tmp/vectors")" \
		$(($(done_by $driver) - did))
}

# state of the provider that drives the device
state() {
	cryptoctl list | awk -v p="$driver" '$1 == p { print $4 }'
}

# did_more PROVIDER N: since it had done N
did_more() {
	[ "$(done_by "$1")" -gt $(($2 + 20)) ]
}

# --- the device comes and goes ---

device=/sys/bus/pci/devices/$bdf

gone() {
	[ ! -e "$device" ]
}

there() {
	[ -e "$device" ]
}

failed() {
	[ "$(state)" = FAILED ]
}

ready() {
	[ "$(state)" = READY ]
}

# Writes to sysfs that take a device away wait for those who use it.
unbind() {
	timeout 60 sh -c "echo $bdf >/sys/bus/pci/drivers/vfio-pci/unbind" &&
		[ ! -e "$device/driver" ] && await 60 failed
}

unplug() {
	monitor device_del vc0
	await 60 gone && await 60 failed
}

# as it was when the machine was started: see tests/vfio/run
plug_in() {
	monitor device_add "virtio-crypto-pci,id=vc0,bus=rp1,cryptodev=cryptodev0,disable-legacy=on,disable-modern=off,iommu_platform=on,vectors=4,aer=on"
	await 60 there && bind_again
}

bind_again() {
	cryptoctl device bind $bdf >"$tmp/bind" 2>&1 ||
		{ cat "$tmp/bind"; return 1; }
	works_again
}

# the daemon tries it again by itself, later and later
works_again() {
	is_back || { cat "$tmp/test"; return 1; }
}

is_back() {
	ready || cryptoctl test provider=$driver >"$tmp/test" 2>&1 || ready
}

# while the kernel resets it, it cannot be had
comes_back() {
	await 60 is_back || { cat "$tmp/test"; return 1; }
}

# --- requests of four consumers that whoever can do them does, until load_ends ---

consumers='5 7 9 11' # each with so many in flight

# consumer N: goes on until $tmp/stop is there
consumer() {
	exec "$top_builddir/tests/vfio/cipher" any 50 "$1" "$tmp/stop"
}

# Return: the device does some of them.
load_begins() {
	rm -f "$tmp/stop"
	loads=
	for n in $consumers; do
		consumer "$n" >"$tmp/load.$n" 2>&1 </dev/null &
		loads="$loads $!"
	done
	has_part && return
	report 1 "the device has a part in the load"
	load_ends "a load"
	return 1
}

# it is given requests
has_part() {
	did=$(done_by $driver)
	await 60 did_more $driver "$did"
}

# load_ends WHAT: every request was answered once, and right; a property
load_ends() {
	: >"$tmp/stop"
	status=0
	for pid in $loads; do
		wait "$pid" || status=1
	done
	for n in $consumers; do
		sed -n "s/^# \([0-9]* requests\)/# consumer $n: \1/p
			s/^FAILED: /# &/p" "$tmp/load.$n"
	done
	report $status "$1: $(awk '/ were answered/ {
			answered += $2; sent += $4; twice += $7; wrong += $9
		}
		END {
			print answered + 0, "of", sent + 0, "answered,",
				twice + 0, "twice,", wrong + 0, "wrong"
		}' "$tmp"/load.*)"
}

# trouble WHAT HAPPENS MENDS: under load
trouble() {
	load_begins || return
	trouble_under_load "$@"
	load_ends "$1"
}

trouble_under_load() {
	"$2"
	report $? "$1: it happens"
	"$3"
	report $? "$1: the device works again"
	check "$1: and is given requests" has_part
}

# troubles WHAT HAPPENS MENDS: as many rounds, under one load
troubles() {
	load_begins || return
	for round in $(seq "$rounds"); do
		trouble_under_load "$1, $round of $rounds" "$2" "$3"
	done
	load_ends "$1, $rounds times"
}
