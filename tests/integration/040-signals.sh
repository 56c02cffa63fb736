#!/bin/sh
# SPDX-License-Identifier: MIT
# Signals: the daemon stops cleanly; the parent of a captive one passes them on
# to the command; a daemon that dies comes back, and one that keeps dying is
# given up.
#
# "as-command CASE" is the part that runs as a captive daemon's command.
. "$(dirname "$0")/functions.sh"

ukcfd=$top_builddir/daemon/ukcfd
no_core

daemon_pid() {
	cat "$UKCF_DAEMON_PIDFILE"
}

# n_lines N PATTERN: messages of the captive daemon and its parent
n_lines() {
	[ "$(grep -cE "$2" "$UKCF_TEST_LOG")" -ge "$1" ]
}

other_daemon() {
	now=$(daemon_pid)
	[ "$now" != "$1" ] && kill -0 "$now" 2>/dev/null
}

# SIGKILL three times: it is back each time.
case_killed() {
	for n in 1 2 3; do
		await 30 n_lines "$n" 'is ready: ' || exit 20
		old=$(daemon_pid)
		kill -KILL "$old"
		await 30 other_daemon "$old" || exit 21
	done
	await 30 n_lines 4 'is ready: ' || exit 22
	exit 3
}

# It dies of itself, again and again, until no new one comes.
case_dying() {
	trap 'echo told to end; exit 5' TERM
	while :; do
		old=$(daemon_pid)
		kill -ABRT "$old" 2>/dev/null
		await 30 other_daemon "$old" || exit 20
	done
}

# Waits for a signal, and says which one came.
case_signals() {
	for s in TERM INT HUP QUIT; do
		# shellcheck disable=SC2064 # now
		trap "echo $s; kill \$!; exit 9" $s
	done
	tail -f /dev/null &
	echo waiting
	wait
}

if [ "${1:-}" = as-command ]; then
	"case_$2"
	exit 0
fi

# captive CASE: this script as the command, messages to $UKCF_TEST_LOG
captive() {
	export UKCF_TEST_LOG="$tmp/$1.log"
	: >"$UKCF_TEST_LOG"
	# a shell ignores these for what it starts in the background
	exec env --default-signal=INT,QUIT "$ukcfd" --run --log-level=info \
		--provider-dir="$top_builddir/providers/.libs" -- \
		"$0" as-command "$1" >"$tmp/$1.out" 2>"$UKCF_TEST_LOG" </dev/null
}

# --- the daemon itself ---

mkdir "$tmp/run"
for signal in TERM INT; do
	serve "sig$signal" --set "daemon.socket=$tmp/run/ukcfd.sock" \
		--set "daemon.admin_socket=$tmp/run/admin.sock"
	kill -s $signal "$served"
	wait "$served"
	same "SIG$signal: it stops, exit status" 0 $?
	served=
	check "SIG$signal: and says so" grep -q 'info: stopping$' "$served_log"
	same "SIG$signal: its sockets are gone" "" "$(names "$tmp/run")"
done
cat >"$tmp/ukcfd.conf" <<CONF
[daemon]
log_level = info
CONF
serve hup --config="$tmp/ukcfd.conf" \
	--set "daemon.socket=$tmp/run/ukcfd.sock" \
	--set "daemon.admin_socket=$tmp/run/admin.sock"
kill -HUP "$served"
check "SIGHUP: the configuration is read" await 30 \
	grep -q 'SIGHUP: the log level is read anew' "$served_log"
echo 'x = 1' >>"$tmp/ukcfd.conf"
kill -HUP "$served"
check "SIGHUP: a wrong one is named" await 30 \
	grep -q "^$tmp/ukcfd.conf:3: unknown key x" "$served_log"
check "SIGHUP: and changes nothing" await 30 \
	grep -q 'SIGHUP: the configuration is wrong, nothing changes' \
	"$served_log"
kill -TERM "$served"
wait "$served"
same "SIGHUP: it goes on until told to stop" 0 $?
served=

# --- passed on ---

for signal in TERM INT HUP QUIT; do
	: >"$tmp/signals.out"
	captive signals &
	served=$!
	await 30 grep -q waiting "$tmp/signals.out" || bail "no command"
	kill -s $signal "$served"
	wait "$served"
	same "SIG$signal to the parent: exit status is the command's" 9 $?
	served=
	same "SIG$signal reaches the command" "waiting $signal" \
		"$(xargs <"$tmp/signals.out")"
	same "SIG$signal: the parent has nothing to add" 0 \
		"$(grep -c '^ukcfd --run:' "$tmp/signals.log")"
done

# A parent that is killed leaves no daemon behind.
: >"$tmp/signals.out"
captive signals &
served=$!
await 30 grep -q waiting "$tmp/signals.out" || bail "no command"
orphan() {
	! kill -0 "$daemon" 2>/dev/null
}
daemon=$(pgrep -P "$served" -x ukcfd)
check "the parent's child is the daemon" kill -0 "$daemon"
command=$(pgrep -P "$served" -f as-command)
dir=$(tr '\0' '\n' <"/proc/$command/environ" |
	sed -n 's|^UKCF_SOCKET=\(.*\)/ukcfd.sock|\1|p')
kill -KILL "$served"
wait "$served" 2>/dev/null
served=
check "it ends with a killed parent" await 30 orphan
kill -TERM "$command"
[ -z "$dir" ] || rm -r "$dir" # nobody else is left to do it

# --- killed, and back ---

(captive killed)
same "killed three times: the command goes on to its end" 3 $?
same "each death is said" 3 "$(grep -cE \
	'^ukcfd --run: the daemon was ended by signal 9 \(Killed\): it is started again' \
	"$tmp/killed.log")"
same "each successor says whose it is" "1 2 3" \
	"$(sed -n 's/.*info: restart \([0-9]*\): .*/\1/p' "$tmp/killed.log" | xargs)"

# --- dying, and given up ---

(captive dying)
same "a daemon that dies again and again: exit status" 125 $?
same "it was started again ten times" 10 \
	"$(grep -c 'it is started again$' "$tmp/dying.log")"
check "and then given up, with the reason" grep -qE \
	'^ukcfd --run: the daemon died 11 times soon after its start, this time it (was ended by signal 6|exited with status).*: it is not started again' \
	"$tmp/dying.log"
same "the command was told to end" "told to end" "$(cat "$tmp/dying.out")"
finish
