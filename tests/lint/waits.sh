#!/bin/sh
# SPDX-License-Identifier: MIT
# Every file of the library that waits is in the table of ARCHITECTURE.md, with
# its deadline; none waits in a way that has none.
. "$(dirname "$0")/functions.sh"
page=$PWD/ARCHITECTURE.md

# what waits: calls, not comments
waits='\<(pthread_cond_timedwait|p?poll|sched_yield|connect|turn_take|nanosleep)\(|FUTEX_WAIT\>'

unlisted() {
	for f in lib/*.c lib/shared/*.c; do
		[ -f "$f" ] || continue
		grep -v '^[[:space:]]*/\?\*' "$f" | grep -qE "$waits" || continue
		grep -qE "^\| \`${f#lib/}\`" "$page" ||
			echo "$f waits, and is not in the table of ARCHITECTURE.md"
	done
}

# Waits without a deadline have names of their own.
endless() {
	grep -nE '\<(pthread_cond_wait|sem_wait|pause|sigwait|select|pthread_join|epoll_wait|waitpid|wait|flock|sleep|usleep)\(' \
		lib/*.c lib/shared/*.c 2>/dev/null
}

lint 'each wait of the library is listed, with its deadline' unlisted
lint 'none is without a deadline' endless
echo 'int f(void) { return poll(0, 0, -1); }' |
	planted 'a file that waits and is not listed' unlisted lib/x.c
echo 'void f(void) { pthread_cond_wait(0, 0); }' |
	planted 'a wait without a deadline' endless lib/x.c
lint_done
