# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the integration tests share.  A test begins with
#
#	. "$(dirname "$0")/functions.sh"
#	under_daemon "$@"
#
# says one line per property with check(), refused() or same(), and ends with
# finish.  Its directory, $tmp, is removed afterwards.
set -u

top_srcdir=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd) || exit 99
top_builddir=$(cd "${top_builddir:-$PWD}" && pwd) || exit 99
export top_srcdir top_builddir LC_ALL=C.UTF-8
PATH=$top_builddir/tools:$top_builddir/tests/kat:$top_builddir/tests/bench:$PATH
PATH=$top_builddir/daemon:$PATH
test_failed=0
test_unshown=0

skip() {
	echo "SKIP: $*"
	exit 77
}

bail() {
	echo "BAIL: $*"
	exit 99
}

# need COMMAND...: or skip
need() {
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || skip "no $tool here"
	done
}

# Run this script again as the command of a captive daemon; UKCFD_OPTIONS are
# more options for it.
under_daemon() {
	[ -z "${UKCF_UNDER_DAEMON:-}" ] || return 0
	[ -x "$top_builddir/daemon/ukcfd" ] || bail "no daemon/ukcfd in" \
		"$top_builddir: set top_builddir to the build tree"
	export UKCF_UNDER_DAEMON=1
	# shellcheck disable=SC2086 # a list of options
	exec "$top_builddir/daemon/ukcfd" --run \
		--provider-dir="$top_builddir/providers/.libs" \
		--set daemon.device_failures=0 \
		${UKCFD_OPTIONS:-} -- "$0" "$@"
}

# report STATUS WHAT
report() {
	if [ "$1" = 0 ]; then
		echo "ok: $2"
	else
		echo "FAILED: $2"
		test_failed=1
	fi
}

# unshown WHAT WHY: a property that cannot be looked at here; the test is then
# no pass, but at best a skip
unshown() {
	echo "SKIP: $1: $2"
	test_unshown=$((test_unshown + 1))
}

# check WHAT CMD...: CMD succeeds
check() {
	what=$1
	shift
	"$@"
	report $? "$what"
}

# refused STATUS WORDS CMD...: CMD exits with STATUS, with nothing on stdout,
# and says WORDS (a grep -E pattern) on stderr
refused() {
	want=$1
	words=$2
	shift 2
	"$@" >"$tmp/refused.out" 2>"$tmp/refused.err"
	status=$?
	if [ "$status" != "$want" ]; then
		cat "$tmp/refused.err"
		report 1 "$*: exit status $status, not $want"
	elif [ -s "$tmp/refused.out" ]; then
		report 1 "$*: refused, with output"
	elif ! grep -qE -- "$words" "$tmp/refused.err"; then
		cat "$tmp/refused.err"
		report 1 "$*: the message does not say: $words"
	else
		report 0 "refused: $* ($(head -n 1 "$tmp/refused.err"))"
	fi
}

# same WHAT EXPECTED FOUND
same() {
	[ "$2" = "$3" ]
	status=$?
	report $status "$1"
	[ $status = 0 ] || printf 'expected: %s\nfound:    %s\n' "$2" "$3"
}

# Let others run for a moment: between two looks.
pause() {
	timeout 0.05 tail -f /dev/null
}

# await SECONDS CMD...: until CMD succeeds; CMD looks at the event, this only
# bounds the wait
await() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		pause
	done
	return 0 # not the status of what was waited with
}

# Daemons that are made to die leave no file.
no_core() {
	# shellcheck disable=SC3045 # every shell of ours has it
	ulimit -c 0
}

# names DIR: of its files, on one line
names() {
	(cd "$1" && set -- * && [ -e "$1" ] && echo "$@")
}

# without CAPABILITY,... CMD...: also root gets no further than others
without() {
	caps=-$(echo "$1" | sed 's/,/,-/g')
	shift
	if [ "$(id -u)" = 0 ]; then
		setpriv --bounding-set "$caps" --inh-caps "$caps" "$@"
	else
		"$@"
	fi
}

# serve NAME OPTION...: a daemon of its own, as a service; when it is ready
# $served is its process and $served_log its messages
serve() {
	served_log=$tmp/$1.log
	shift
	"$top_builddir/daemon/ukcfd" --config=/dev/null \
		--set "daemon.state_dir=$tmp/state" \
		--set "daemon.policy_dir=$tmp/policy.d" \
		--provider-dir="$top_builddir/providers/.libs" "$@" \
		>"$served_log" 2>&1 </dev/null &
	served=$!
	await 30 ready_or_gone || bail "the daemon does not become ready"
	grep -q 'is ready: ' "$served_log" ||
		{ cat "$served_log"; bail "the daemon does not start"; }
}

ready_or_gone() {
	grep -q 'is ready: ' "$served_log" || ! kill -0 "$served" 2>/dev/null
}

finish() {
	[ $test_failed = 0 ] && [ $test_unshown != 0 ] &&
		skip "$test_unshown properties could not be looked at"
	exit $test_failed
}

clean_up() {
	[ -z "$served" ] || kill -9 "$served" 2>/dev/null
	rm -rf "$tmp"
}

served=
tmp=$(mktemp -d) || exit 99
trap clean_up EXIT
trap 'exit 99' HUP INT TERM
