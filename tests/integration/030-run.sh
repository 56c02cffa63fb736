#!/bin/sh
# SPDX-License-Identifier: MIT
# ukcfd --run: the command has its own streams, directory, environment and exit
# status, a private daemon for as long as it runs, and nothing is left.
. "$(dirname "$0")/functions.sh"

ukcfd=$top_builddir/daemon/ukcfd
no_core

run() {
	"$ukcfd" --run --provider-dir="$top_builddir/providers/.libs" -- "$@"
}

exits_with() {
	want=$1
	what=$2
	shift 2
	run "$@" >"$tmp/out" 2>&1
	same "exit status of $what" "$want" $?
}

# --- what is the command's ---

exits_with 0 "a command that succeeds" true
exits_with 7 "a command that fails" sh -c 'exit 7'
exits_with 255 "a command with the highest status" sh -c 'exit 255'
exits_with 143 "a command ended by SIGTERM" sh -c 'kill -TERM $$'
exits_with 137 "a command ended by SIGKILL" sh -c 'kill -KILL $$'
refused 127 'ukcfd --run: no-such-command: No such file or directory' \
	run no-such-command
refused 126 "ukcfd --run: $tmp: Permission denied" run "$tmp"
echo text >"$tmp/text"
refused 126 "ukcfd --run: $tmp/text: Permission denied" run "$tmp/text"

printf 'one\ntwo' >"$tmp/in"
run cat <"$tmp/in" >"$tmp/out" 2>"$tmp/err"
check "standard input and output are the command's" cmp "$tmp/in" "$tmp/out"
same "and nothing is said" "" "$(cat "$tmp/err")"
run sh -c 'echo words >&2' >"$tmp/out" 2>"$tmp/err"
same "so is standard error" words "$(cat "$tmp/err")"
same "arguments arrive as they are" 'a b|*||-x|' \
	"$(run sh -c 'printf "%s|" "$@"' sh 'a b' '*' '' -x)"
mkdir "$tmp/here"
same "the working directory is kept" "$tmp/here" \
	"$(cd "$tmp/here" && run sh -c 'pwd -P')"
list_fds='ls "/proc/$$/fd"'
same "the command has the caller's descriptors and no other" \
	"$(sh -c "$list_fds" | xargs)" "$(run sh -c "$list_fds" | xargs)"
# the daemon's is raised
same "the limit of open files is the caller's" \
	"$(grep 'Max open' /proc/self/limits)" \
	"$(run grep 'Max open' /proc/self/limits)"
same "the environment is the caller's" "here" \
	"$(WORD=here run sh -c 'echo $WORD')"
same "signals are as they were" "$(grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status)" \
	"$(run grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status)"

# Whoever reads the output sees its end when the command closes it, and not
# when the daemon ends.
mkfifo "$tmp/fifo"
"$ukcfd" --run --provider-dir="$top_builddir/providers/.libs" -- \
	sh -c "exec >&-; read -r word <'$tmp/fifo'" | {
	timeout 30 cat
	status=$?
	echo go >"$tmp/fifo"
	exit $status
}
report $? "output that the command closed is at its end"

# --- the private daemon ---

looks() {
	run sh -c 'dir=${UKCF_SOCKET%/*}
		echo "$dir" >"$1/dir"
		stat -c "%a %F" "$dir"
		ls "$dir" | xargs
		echo "$UKCF_SOCKET $UKCF_ADMIN_SOCKET $UKCF_DAEMON_PIDFILE"
		cat "/proc/$(cat "$UKCF_DAEMON_PIDFILE")/comm"
		readlink "/proc/$(cat "$UKCF_DAEMON_PIDFILE")/fd/0"
		' sh "$tmp"
}

looks >"$tmp/looks" 2>&1
dir=$(cat "$tmp/dir")
[ "$(id -u)" = 0 ] && mode=711 || mode=700
same "its folder, in it three sockets and the process id" "$mode directory
admin.sock notify pid ukcfd.sock
$dir/ukcfd.sock $dir/admin.sock $dir/pid
ukcfd
/dev/null" "$(cat "$tmp/looks")"
check "the folder is gone afterwards" test ! -e "$dir"

# A user's own is where XDG_RUNTIME_DIR says.
mkdir "$tmp/user"
as_user() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}
user_run() {
	module_dir=$1
	shift
	XDG_RUNTIME_DIR=$tmp/user as_user "$ukcfd" --run \
		--provider-dir="$module_dir" -- "$@"
}

if [ "$(id -u)" = 0 ]; then
	chmod 711 "$tmp"
	chown 65534 "$tmp/user"
fi
if as_user test -x "$ukcfd"; then
	same "a user's folder: private, where XDG_RUNTIME_DIR says" \
		"700 $tmp/user" \
		"$(user_run "$top_builddir/providers/.libs" sh -c '
			d=${UKCF_SOCKET%/*}
			echo "$(stat -c %a "$d") ${d%/*}"')"
	same "and empty afterwards" "" "$(ls "$tmp/user")"
	refused 125 "did not start" user_run "$tmp/none" true
	same "and after a refused start" "" "$(ls "$tmp/user")"
else
	echo "# another user cannot reach the build tree: not tried"
fi

# Two at a time: the inner one is another daemon behind other sockets.
pair() {
	run sh -c 'echo "$UKCF_SOCKET $(cat "$UKCF_DAEMON_PIDFILE")"
		"$@"' sh "$ukcfd" --run \
		--provider-dir="$top_builddir/providers/.libs" -- \
		sh -c 'echo "$UKCF_SOCKET $(cat "$UKCF_DAEMON_PIDFILE")"
			ps -o comm= -p "$(cat "$UKCF_DAEMON_PIDFILE")"
			exit 5'
}

pair >"$tmp/pair"
same "a daemon in a daemon's command: exit status" 5 $?
same "two daemons, two sockets" 2 \
	"$(head -n 2 "$tmp/pair" | cut -d' ' -f1 | sort -u | wc -l)"
same "two processes" 2 \
	"$(head -n 2 "$tmp/pair" | cut -d' ' -f2 | sort -u | wc -l)"

# --- when the daemon cannot start the command does not run ---

refused 125 'did not start: it exited with status 5' "$ukcfd" --run \
	--provider-dir="$tmp/none" -- touch "$tmp/ran"
check "the command did not run" test ! -e "$tmp/ran"
refused 3 'unknown key' "$ukcfd" --run --set daemon.x=1 -- touch "$tmp/ran"
check "nor with a wrong configuration" test ! -e "$tmp/ran"

# --- inherited dispositions ---

(trap '' CHLD && run sh -c 'exit 4')
same "with SIGCHLD ignored by who starts it" 4 $?
run sh -c 'exit 6' >&- 2>&- <&-
same "without standard streams" 6 $?
finish
