#!/bin/sh
# SPDX-License-Identifier: MIT
# What the administrator enabled and disabled outlives the daemon, and a
# provider that is not there; it is kept whole or not changed at all.
. "$(dirname "$0")/functions.sh"
export UKCF_SOCKET="$tmp/ukcfd.sock" UKCF_ADMIN_SOCKET="$tmp/admin.sock"
state=$tmp/state
file=$state/policy.conf

start() {
	serve "$@" --set "daemon.socket=$UKCF_SOCKET" \
		--set "daemon.admin_socket=$UKCF_ADMIN_SOCKET" \
		--set daemon.log_level=info
}

stop() {
	kill -"${1:-TERM}" "$served"
	wait "$served" 2>/dev/null
	served=
}

sum() {
	printf abc | cryptoctl digest -m "$1" - 2>&1
}

# is_disabled MECH, of whoever offers it
is_disabled() {
	sum "$1" | grep -q 'disabled by the administrator'
}

# why PROVIDER MECH: it would not be chosen
why() {
	cryptoctl explain -m "$2" -o digest | awk -v p="$1" '$1 == p { print $7 }'
}

both='daemon.providers=sodium nullhw'

# --- kept ---
start first --set "$both"
same "nothing is kept before anything changed" "" \
	"$(ls "$state" 2>/dev/null)"
same "a dry run says what would change" "sha2-512 would be disabled" \
	"$(cryptoctl disable --dry-run mechanism=sha2-512)"
check "and changes nothing" cryptoctl digest -m sha2-512 /dev/null >/dev/null
check "in no file either" test ! -e "$file"
cryptoctl disable mechanism=SHA512 >/dev/null
check "disabled" is_disabled sha2-512
cryptoctl disable provider=nullhw mechanism=all >/dev/null
cryptoctl enable provider=nullhw mechanism=hmac-sha2-256 >/dev/null
same "a dry run of what is so" "sha2-512 is already disabled" \
	"$(cryptoctl disable --dry-run mechanism=sha2-512)"
same "the file has it in words, under the mechanism's own name" \
	"disable mechanism=sha2-512
disable provider=nullhw mechanism=all
enable provider=nullhw mechanism=hmac-sha2-256" \
	"$(grep -E '^(dis|en)able' "$file")"
same "its mode" 644 "$(stat -c %a "$file")"
refused 1 'no provider nix is loaded; there are sodium, nullhw' \
	cryptoctl disable provider=nix mechanism=all
refused 1 'no mechanism nix' cryptoctl enable mechanism=nix
same "as JSON" '"sha2-512","ok":true,"dry_run":true' \
	"$(cryptoctl enable --dry-run --json mechanism=sha2-512 | tr -d ' \n' |
	grep -o '"sha2-512","ok":true,"dry_run":true')"
check "a change is in the log, with who made it" \
	grep -q "uid $(id -u), pid [0-9]*: SHA512 is disabled" "$served_log"
check "and one that was refused" \
	grep -q "pid [0-9]*: refused: no provider nix" "$served_log"
check "and a dry run as such" \
	grep -q "pid [0-9]*: dry run: sha2-512 would be" "$served_log"

# --- by a daemon that is killed, too ---
stop KILL
start second --set "$both"
check "after kill -9: still disabled" is_disabled sha2-512
same "and of one provider" disabled "$(why nullhw sha2-256)"
stop
before=$(cat "$file")
start third --set daemon.providers=sodium
check "without the device: others are as before" is_disabled sha2-512
cryptoctl disable provider=sodium mechanism=sha2-256 >/dev/null
check "what is known of the device is kept" \
	grep -qx 'disable provider=nullhw mechanism=all' "$file"
cryptoctl enable provider=sodium mechanism=sha2-256 >/dev/null
same "one change and back: the same file" "$before" "$(cat "$file")"
stop
start fourth --set "$both"
same "the device is back: still disabled" disabled "$(why nullhw sha2-256)"
stop
start fifth --set daemon.providers=sodium
check "what is not there can be enabled" cryptoctl enable provider=nullhw \
	mechanism=all >/dev/null
refused 1 'no provider nullhw is loaded' cryptoctl enable provider=nullhw \
	mechanism=all
stop

# --- what cannot be trusted, or understood: no start ---
# no_start WORDS
no_start() {
	refused 3 "$1" "$top_builddir/daemon/ukcfd" --config=/dev/null \
		--provider-dir="$top_builddir/providers/.libs" \
		--set "daemon.state_dir=$state" \
		--set "daemon.socket=$UKCF_SOCKET" \
		--set "daemon.admin_socket=$UKCF_ADMIN_SOCKET"
}

cp "$file" "$tmp/good"
head -c -4 "$tmp/good" >"$file"
no_start "^$file:3: is cut off: .*remove it"
printf 'ukcf-policy 1\ndisable everything\nend\n' >"$file"
no_start "^$file:2: not a line of this file .*remove it"
printf 'ukcf-policy 9\nend\n' >"$file"
no_start "^$file:1: .*another version"
head -c 100 /dev/urandom >"$file"
no_start "^$file:.*remove it"
cp "$tmp/good" "$file"
chmod 666 "$file"
no_start "^$file: can be changed by others"
rm "$file"
ln -s "$tmp/good" "$file"
no_start "^$file: is a symbolic link"
rm "$file"
cp "$tmp/good" "$file"
if [ "$(id -u)" != 0 ]; then
	chmod 0 "$file"
	no_start "^$file: cannot be read by uid [0-9]*: Permission denied"
	chmod 644 "$file"
else
	chown 65534 "$file"
	no_start "^$file: can be changed by others"
	chown 0 "$file"
fi
start mended --set "$both"
check "mended: it starts, and forbids" is_disabled sha2-512

# --- what cannot be kept is not changed ---
# unchanged WORDS: by a change that should be kept in $file
unchanged() {
	refused 1 "$file: cannot be written: $1: nothing is changed" \
		cryptoctl disable mechanism=sha2-256
	check "it is not: $1" test "$(sum sha2-256 | wc -w)" = 2
	same "nor in the file: $1" "$was" "$(cat "$file")"
	same "and nothing is left beside it: $1" policy.conf \
		"$(names "$state")"
	refused 1 "$file: cannot be written: $1: nothing is changed" \
		cryptoctl enable mechanism=sha2-512
	check "what was disabled is, still: $1" is_disabled sha2-512
}

was=$(cat "$file")
if mount -t tmpfs -o size=64k none "$state" 2>/dev/null; then
	trap 'umount "$state"; clean_up' EXIT
	cp "$tmp/good" "$file"
	dd if=/dev/zero of="$tmp/state/fill" bs=1k 2>/dev/null
	mv "$tmp/state/fill" "$tmp/state/.fill"
	unchanged "No space left on device"
	rm "$state/.fill"
	check "room again: it is changed" cryptoctl disable mechanism=sha2-256 \
		>/dev/null
	cryptoctl enable mechanism=sha2-256 >/dev/null
	was=$(cat "$file")
	mount -o remount,ro "$state"
	unchanged "Read-only file system"
	mount -o remount,rw "$state"
	umount "$state"
	trap clean_up EXIT
else
	unshown "a full disk, and a read-only one" \
		"no tmpfs can be mounted here"
fi
mv "$state" "$tmp/away"
echo >"$state"
refused 1 "$file: cannot be written: Not a directory" \
	cryptoctl disable mechanism=sha2-256
rm "$state"
mv "$tmp/away" "$state"
check "and then it can" cryptoctl enable mechanism=sha2-512 >/dev/null
check "all is allowed" test "$(sum sha2-512 | wc -w)" = 2
stop

# --- a private daemon keeps its own ---
captive_keeps() {
	UKCF_SOCKET='' UKCF_ADMIN_SOCKET='' "$top_builddir/daemon/ukcfd" --run \
		--provider-dir="$top_builddir/providers/.libs" -- sh -c '
		dir=$(dirname "$UKCF_SOCKET")
		cryptoctl disable mechanism=sha2-256 >/dev/null || exit 1
		grep -qx "disable mechanism=sha2-256" "$dir/policy.conf" || exit 2
		kill -9 "$(cat "$UKCF_DAEMON_PIDFILE")"
		printf abc | cryptoctl digest -m sha2-256 - && exit 3
		echo "$dir" >"$1"' sh "$tmp/captive" 2>/dev/null
}
check "a captive daemon keeps it through its own crash" captive_keeps
check "and takes it along" test ! -e "$(cat "$tmp/captive")"
finish
