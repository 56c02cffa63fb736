#!/bin/sh
# SPDX-License-Identifier: MIT
# The provider that ukcf-provider(3) quotes can be loaded, and the quotation is
# what is compiled.
. "$(dirname "$0")/functions.sh"

modules=$top_builddir/providers/.libs

loads() {
	"$top_builddir/daemon/ukcfd" --provider-dir="$modules" \
		--set "daemon.providers=$1" --run -- true >"$tmp/log" 2>&1
}

# The page's code, as the formatter shows it.
quoted() {
	awk '/^\.\\" example\.c$/ { on = 1; next } /^\.Ed$/ { on = 0 }
		on && !/^\.Bd/' "$top_srcdir/man/ukcf-provider.3" |
		sed 's/\\e/\\/g'
}

code() {
	awk '/^#include <errno/ { on = 1 } on' \
		"$top_srcdir/providers/example/example.c"
}

is_quoted() {
	quoted >"$tmp/quoted"
	code >"$tmp/code"
	[ -s "$tmp/code" ] && diff "$tmp/code" "$tmp/quoted" >"$tmp/log"
}

no_such() {
	! loads no-such-provider
}

check "the daemon loads the example" loads example
check "and does not start with a provider that is not there" no_such
check "ukcf-provider(3) quotes the example as it is" is_quoted
finish
