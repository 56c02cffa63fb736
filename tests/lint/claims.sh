#!/bin/sh
# SPDX-License-Identifier: MIT
# The rows of ukcf_claims(7) are those of the tables in tests/claims; each claim
# and each defect stands in one of them; each program with a table is run.  With
# "rows" as argument it prints the rows as they should stand in the page.
. "$(dirname "$0")/functions.sh"
top=$PWD

# WORD NUMBER PROGRAM ON WHAT of each row, from the tables of a tree
tables() {
	for f in tests/claims/*.c; do
		[ -f "$f" ] || continue
		program=${f##*/}
		tr -s '\n\t ' ' ' <"$f" |
		grep -oE '(CLAIM|LATER|DEFECT)\("[^"]*", (REAL|PRETEND), "[^"]*"' |
		awk -F '"' -v program="${program%.c}" '{
			word = /^DEFECT/ ? "defect" : "claim"
			on = $3 ~ /PRETEND/ ? "pretend" : "real"
			n = split($2, number, " ")
			for (i = 1; i <= n; i++)
				print word, number[i], program, on, $4
		}'
	done | sort -k1,1 -k2,2n
}

rows() {
	tables | awk '{
		what = $0
		sub(/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ /, "", what)
		printf ".It %s %s Ta %s Ta %s Ta %s\n", $1, $2, $3, $4, what
	}'
}

of_page() {
	grep -E '^\.It (claim|defect) [0-9]+ Ta ' man/ukcf_claims.7
}

differences() {
	(cd "$top" && rows) >"$dir/want" 2>&1
	of_page >"$dir/have" 2>&1
	diff "$dir/want" "$dir/have" | sed -n 's/^</ukcf_claims.7 lacks:/p
		s/^>/tests\/claims lacks:/p'
}

# numbers WORD LAST: 1 to LAST, each once
numbers() {
	tables | awk -v word="$1" -v last="$2" '
		$1 == word { n[$2]++ }
		$1 == word && $2 > last { print word, $2, "is too many" }
		END {
			for (i = 1; i <= last; i++)
				if (n[i] != 1)
					print word, i, "stands in", n[i] + 0,
						"tables"
		}'
}

each_once() {
	numbers claim 57
	numbers defect 11
}

not_run() {
	tables | awk '{ print $3 }' | sort -u | while read -r program; do
		grep -qF "tests/claims/$program.claims" \
			"$top/tests/claims/Makemodule.am" ||
			echo "tests/claims/$program.c: is in no Makemodule.am"
	done
}

dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
[ "${1-}" != rows ] || { rows; exit; }
lint 'ukcf_claims(7) has the rows of tests/claims' differences
of_page | sed '1s/real$/pretend/;2d' |
	planted 'a row that is missing' differences man/ukcf_claims.7
lint 'each claim and each defect stands in one table' each_once
printf '\tCLAIM("1 2", REAL, "x",\n\t      y),\n\tCLAIM("2", REAL, "x", y),\n' |
	planted 'one that stands in two' each_once tests/claims/x.c
lint 'each table is run' not_run
echo 'CLAIM("1", REAL, "x", y),' |
	planted 'a program that is not' not_run tests/claims/nobody.c
lint_done
