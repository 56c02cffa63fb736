#!/bin/sh
# SPDX-License-Identifier: MIT
# The long options in a program's --help are those of its man page.
. "$(dirname "$0")/functions.sh"
build=${top_builddir:-$PWD/build}

# --help's options, one a line
of_help() {
	"$1" --help 2>&1 | grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z0-9-]+' |
		sed 's/.*--/--/' | sort -u
}

# Those of an mdoc page and of its parts, as cryptoctl-key.1 is one of
# cryptoctl.1: .Fl -name, or .Fl Fl name
of_page() {
	cat "$1" "${1%.[1-9]}"-*."${1##*.}" 2>/dev/null | sed 's/\\-/-/g' |
	grep -oE 'Fl (-|Fl )[a-z][a-z0-9-]+' | sed -E 's/Fl (-|Fl )/--/' | sort -u
}

differences() {
	for row in daemon/ukcfd:man/ukcfd.8 tools/cryptoctl:man/cryptoctl.1 \
		tools/cryptoctl:man/cryptoctl.8 \
		tests/kat/ukcf-vectors:man/ukcf-vectors.1 \
		tests/bench/ukcf-bench:man/ukcf-bench.1 \
		tools/ukcf-demo:man/ukcf-demo.1; do
		program=$build/${row%:*}
		page=${row#*:}
		[ -x "$program" ] && [ -f "$page" ] || continue
		help=$(of_help "$program")
		doc=$(of_page "$page")
		for o in $help; do
			printf '%s\n' "$doc" | grep -qxFe "$o" ||
				echo "$page: lacks $o, which --help names"
		done
		for o in $doc; do
			printf '%s\n' "$help" | grep -qxFe "$o" ||
				echo "$page: names $o, which --help lacks"
		done
	done
}

# Every installed program has a page.
pageless() {
	for p in daemon/ukcfd tools/cryptoctl tests/kat/ukcf-vectors \
		tests/bench/ukcf-bench; do
		[ -x "$build/${p}" ] || continue
		[ -f "man/${p##*/}.1" ] || [ -f "man/${p##*/}.8" ] ||
			echo "$p: no man page"
	done
}

lint 'man pages and --help name the same options' differences
lint 'every program has its man page' pageless
[ ! -x "$build/daemon/ukcfd" ] || echo '.Fl -no-such-option' |
	planted 'an option that no --help names' differences man/ukcfd.8
lint_done
