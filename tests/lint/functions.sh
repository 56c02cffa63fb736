# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the lints share; sourced.  Each lint is a function that prints what it
# finds below the current directory.  lint() wants it to find nothing in the
# sources, planted() wants it to find a violation made for it.
lint_rc=0

cd "${top_srcdir:-$(dirname "$0")/../..}" || exit 99

# need COMMAND...: or skip
need() {
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || {
			echo "SKIP: no $tool here"
			exit 77
		}
	done
}

# lint WHAT FUNCTION
lint() {
	found=$($2)
	if [ -z "$found" ]; then
		echo "ok: $1"
	else
		echo "FAILED: $1"
		printf '%s\n' "$found"
		lint_rc=1
	fi
}

# planted WHAT FUNCTION FILE: stdin is a violation that FUNCTION must find when
# it stands in FILE of an otherwise empty tree
planted() {
	tree=$(mktemp -d) || exit 99
	mkdir -p "$tree/$(dirname "$3")"
	cat >"$tree/$3"
	if [ -n "$(cd "$tree" && $2)" ]; then
		echo "ok: finds a planted violation: $1"
	else
		echo "FAILED: misses a planted violation: $1"
		lint_rc=1
	fi
	rm -rf "$tree"
}

lint_done() {
	exit $lint_rc
}

# The text files of the sources, in a checkout and in an unpacked archive; never
# those of a build.
sources() {
	find . -type d \( -name .git -o -name 'build*' -o -name '_build' -o \
		-name '_inst' -o -name autom4te.cache -o \
		-name 'ukcf-[0-9]*' \) -prune -o -type f "$@" -print |
	grep -vE '^\./(\.git|configure|aclocal.m4|Makefile.in|config.h.in|m4/.*\.m4)$|~$' |
	sort
}
