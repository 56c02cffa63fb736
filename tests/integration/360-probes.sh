#!/bin/sh
# SPDX-License-Identifier: MIT
# The static probes are in the daemon as ukcf-probes(7) says, fire when it says,
# and are not there at all in a build without them.
. "$(dirname "$0")/functions.sh"
need readelf cc awk
daemon=$top_builddir/daemon/ukcfd

# A program of the build tree may be a wrapper.
[ -x "$top_builddir/daemon/.libs/ukcfd" ] &&
	daemon=$top_builddir/daemon/.libs/ukcfd

# notes FILE: one line per probe, provider, name, number of arguments
notes() {
	readelf -n "$1" 2>/dev/null | awk '
		$1 == "Provider:" { provider = $2 }
		$1 == "Name:" { name = $2 }
		$1 == "Arguments:" { print provider, name, NF - 1 }' | sort
}

# list: what the header says there is, in the same form
list() {
	sed -n 's/^[[:space:]]*X(\([a-z]*\), \(true\|false\)).*/ukcfd \1 9/p' \
		"$top_srcdir/daemon/core/probes.h" | sort
}

documented() {
	awk '/^\.Bl -tag -width "complete"/ { on = 1 } /^\.El/ { on = 0 }
		on && $1 == ".It" { print "ukcfd", $3, 9 }' \
		"$top_srcdir/man/ukcf-probes.7" | sort
}

# compile OBJECT SOURCE OPTION...: a source of the daemon, with probes or without
compile() {
	object=$1
	source=$2
	shift 2
	cc -std=gnu11 -O2 "$@" -I"$tmp" -I"$top_srcdir/include" \
		-I"$top_srcdir" -include "$tmp/config.h" -c -o "$object" \
		"$top_srcdir/daemon/$source"
}

# left_of OBJECT...: what there is of probes in them
left_of() {
	for object; do
		notes "$object"
		readelf -Ws "$object" | grep -v " FILE " | grep -E "probe_|semaphore"
		readelf -WS "$object" | grep -oE '\.(probes|note\.stapsdt)'
	done
}

same "the list has five" 5 "$(list | wc -l)"
same "the page has those of the list" "$(list)" "$(documented)"

# --- without ---

grep -v ENABLE_PROBES "$top_builddir/config.h" >"$tmp/config.h"
sources='core/probes core/backlog core/service api/ring-cq api/ring-sq'
for s in $sources; do
	compile "$tmp/$(basename "$s").o" "$s.c" || bail "$s does not compile"
done
same "without probes nothing of them is there" "" "$(left_of "$tmp"/*.o)"

# --- with ---

if ! grep -q 'define ENABLE_PROBES' "$top_builddir/config.h"; then
	same "configured without: none in the daemon" "" "$(notes "$daemon")"
	unshown "the probes" "this build has none (systemtap-sdt-dev)"
	finish
fi
compile "$tmp/with.o" core/probes.c -DENABLE_PROBES || bail "no compiler"
same "control: with probes the same search finds them" "$(list)" \
	"$(notes "$tmp/with.o")"
same "the daemon has those of the list" "$(list)" "$(notes "$daemon")"

# --- when they fire ---

export UKCF_PROBE_LOG="$tmp/log"
"$top_builddir/tests/integration/probe-log" --run \
	--provider-dir="$top_builddir/providers/.libs" -- \
	"$top_builddir/examples/cancel" >"$tmp/out" 2>&1 ||
	{ cat "$tmp/out"; bail "no daemon with probes"; }

# of PROBE: user_data of what fired it, sorted; 0-7 are queued digests, 1000 is
# the cancel; the library's own requests are left out
of() {
	awk -v name="$1" '$1 == name && ($2 < 8 || $2 == 1000) { print $2 }' \
		"$tmp/log" | sort -n | xargs
}

same "submit: each request once" "0 1 2 3 4 5 6 7 1000" "$(of submit)"
same "queue: those that were queued, and their queue" "0 1 2 3 4 5 6 7" \
	"$(awk '$1 == "queue" && $4 == 256 { print $2 }' "$tmp/log" |
		sort -nu | xargs)"
same "complete or fail: each request once" "0 1 2 3 4 5 6 7 1000" \
	"$({ of complete; of fail; } | xargs -n 1 | sort -n | xargs)"
failed=$(sed -n 's/^\(request\|cancel\) \([0-9]*\): //p' "$tmp/out" |
	grep -vc '^done$')
same "fail: as many as the consumer saw" "$failed" "$(of fail | wc -w)"
same "start: none that did not run, none twice in a row" "" \
	"$(awk '$1 == "start" { started[$2] = 1 }
		$1 == "complete" && !started[$2] { print $0 }' "$tmp/log")"
finish
