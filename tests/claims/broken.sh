#!/bin/sh
# SPDX-License-Identifier: MIT
# Each fault of tests/claims/broken.c makes certain cases fail, and no others:
# the claim tests can fail, and each group of them for its own reason.  A few of
# the faults in make check, all of them under UKCF_SOAK=1; with faults as
# arguments, those, and what fails is shown.
. "$(dirname "$0")/../integration/functions.sh"

# A fault, whether it is for make check, and what it makes fail: c: claim, d:
# defect.
faults() {
	cat <<'END'
none -
no-caller quick c2 c9 c30
always-queued - c1 c2 c9 c29 c31
other-provider - c10 c40 c42 c45 c46 c48 c50 c51 c52 c54 c57
any-kind - c5 c11 c36 c47 d10
disabled - c1 c7 c25 c28 c45 c57 d11
any-mechanism - c26 c41 c53 d8
uncounted - c29 d7
unlisted - c8 c42 c54
all-offer - c42 c54
stale - c44 c45 c56 c57
no-verify - c23
never-full - c3 c4 c12 c14 c15 c34 c35 d2 d4
sync-refused - c3 c12 c14 d9
one-device - c48 c49 d10
wrong-lane - c2 c6 c9 c13 c22 c31 c37 c50
not-told - c4 c15 c35
leak - d2 d4 d7
no-time - c2 c9 c22
no-handle - c17 c25 c33 d1 d2 d3 d5 d7
unchecked -
unasked - c16 c32 d7
context-stays - d6
template-stays - c18 c20 c39
not-computed - c19 c40 c52
unused - c20
unordered - c21 d3
incomplete - d3
any-mac - c24
second-half - c25
silent - c38 c51 d5
no-interrupt quick c7 c28
not-out - c42 c54 d10
not-loaded - c27 c43 c55
endless - d11
END
}

programs=$(cd "$top_srcdir/tests/claims" &&
	grep -lE '(CLAIM|DEFECT)\("' ./*.c | sed 's|^\./||;s/\.c$//')
cd "$top_builddir" || exit 99
[ -e providers/.libs/openssl.so ] || skip "no provider openssl here"
[ -x tests/claims/broken ] || bail "no tests/claims/broken in $PWD"

# failing FAULT: the cases that fail with it
failing() {
	for program in $programs; do
		UKCF_CLAIMS_DAEMON=tests/claims/broken UKCF_PLANTED=$1 \
			UKCF_CLAIMS_PATIENCE_MS=1500 \
			timeout 300 "$top_srcdir/tests/claims/under-daemon" \
			"tests/claims/$program.claims" >"$tmp/out" 2>&1
		grep -q '^1\.\.' "$tmp/out" || echo "$program-did-not-run"
		sed -nE 's/^not ok [0-9]+ - (.)[a-z]+ ([0-9]+): .*/\1\2/p' \
			"$tmp/out"
	done | sort -V | xargs
}

if [ $# -gt 0 ]; then
	for fault; do
		echo "$fault: $(failing "$fault")"
	done
	exit
fi
faults >"$tmp/faults"
while read -r fault when cases; do
	[ "$when" = quick ] || [ "${UKCF_SOAK:-0}" != 0 ] || continue
	same "$fault: fails ${cases:-nothing}" "$cases" "$(failing "$fault")"
done <"$tmp/faults"
finish
