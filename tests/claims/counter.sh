#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/claims/count counts what ran, and passed, in this run: nothing else.
. "$(dirname "$0")/../integration/functions.sh"
driver=$top_srcdir/build-aux/tap-driver.sh
[ -f "$driver" ] || skip "no build-aux/tap-driver.sh"

# ran TREE NAME: a program of a tree has said what stands on stdin, and the
# driver of make check heard it
ran() {
	mkdir -p "$tmp/$1/tests/claims"
	cat >"$tmp/said"
	sh "$driver" --test-name "tests/claims/$2.claims" \
		--log-file "$tmp/$1/tests/claims/$2.log" \
		--trs-file "$tmp/$1/tests/claims/$2.trs" \
		--color-tests no --enable-hard-errors yes \
		--expect-failure no -- cat "$tmp/said" >/dev/null 2>&1
}

counted() {
	(cd "$tmp" && "$top_srcdir/tests/claims/count" "$@")
}

# shown N M: the line
shown() {
	echo "claims: $1 of 57 shown ($2 on pretend hardware)"
}

mkdir "$tmp/empty"
same 'no test ran' "$(shown 0 0)" "$(counted empty)"

ran all one <<'END'
1..3
ok 1 - claim 1: a thing
ok 2 - claim 12: another (pretend hardware)
ok 3 - defect 3: no claim
END
ran all two <<'END'
1..2
# claim 13: is not said so
ok 1 - claim 2: a third
ok 2 - claim 57: a fourth (pretend hardware)
END
same 'four passed, two of them on pretend hardware' "$(shown 4 2)" \
	"$(counted all)"

ran failed one <<'END'
1..2
not ok 1 - claim 1: a thing
ok 2 - claim 12: another (pretend hardware)
END
same 'one that failed is not counted' "$(shown 1 1)" "$(counted failed)"
same 'nor if it passed in another tree' "$(shown 3 2)" "$(counted all failed)"

ran skipped one <<'END'
1..2
ok 1 - claim 1: a thing # SKIP not here
ok 2 - claim 2: another
END
same 'one that was skipped is not counted' "$(shown 1 0)" "$(counted skipped)"
same 'unless it passed in another tree' "$(shown 4 2)" \
	"$(counted all skipped)"

ran died one <<'END'
1..3
ok 1 - claim 1: a thing
END
same 'what a program did not come to is not counted' "$(shown 1 0)" \
	"$(counted died)"

ran most one <<'END'
1..2
ok 1 - claim 58: of several nodes
ok 2 - claim 57: of one
END
same 'the last one is another matter' "$(shown 1 0)" "$(counted most)"

# heard TREE: a guest of tests/vfio has said what stands on stdin
heard() {
	mkdir -p "$tmp/$1/tests/vfio"
	cat >"$tmp/said"
	sh "$driver" --test-name tests/vfio/1.vfio \
		--log-file "$tmp/$1/tests/vfio/1.log" \
		--trs-file "$tmp/$1/tests/vfio/1.trs" \
		--color-tests no --enable-hard-errors yes \
		--expect-failure no -- cat "$tmp/said" >/dev/null 2>&1
}
heard guest <<'END'
ok - claim 12: another
ok - claim 57: a fourth # SKIP no device
1..2
END
same 'what a real device has shown is not pretended' "$(shown 4 1)" \
	"$(counted all guest)"
same 'whichever is looked at first' "$(shown 4 1)" "$(counted guest all)"
heard broken <<'END'
not ok - claim 12: another
1..1
END
same 'what it has not is not shown' "$(shown 3 1)" "$(counted all broken)"

rm "$tmp/all/tests/claims/two.trs"
same 'a log of a former run is not counted' "$(shown 2 1)" "$(counted all)"
finish
