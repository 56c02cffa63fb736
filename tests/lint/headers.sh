#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99, C11 and C++, with all warnings; all
# of them together; and what is called from C++ is what the library exports.
. "$(dirname "$0")/functions.sh"
need cc c++ nm
map=$PWD/lib/libukcf.map

# compiles COMPILER STANDARD LANGUAGE
compiles() {
	for h in include/ukcf/*.h; do
		printf '#include <ukcf/%s>\nextern int used;\n' "${h##*/}" |
		$1 -std="$2" -pedantic -Wall -Wextra -Werror -Iinclude \
			-x "$3" -fsyntax-only - 2>&1
	done
}

# all together, twice, and one call of each function: COMPILER STANDARD LANGUAGE
together() {
	{
		for h in include/ukcf/*.h include/ukcf/*.h; do
			echo "#include <ukcf/${h##*/}>"
		done
		echo 'extern const void *used[]; const void *used[] = {'
		functions | sed 's/.*/(const void *)(size_t)&,/'
		echo '0 };'
	} | $1 -std="$2" -pedantic -Wall -Wextra -Werror -Iinclude -x "$3" \
		-c -o "$object" - 2>&1
	nm -u "$object" 2>/dev/null | awk '{ print $2 }' | sort >"$object.names"
	functions | sort | diff - "$object.names" |
		sed -n "s/^[<>]/$2: not a C function of that name:/p"
}

functions() {
	sed -n 's/^[[:space:]]*\(ukcf_[a-z0-9_]*\);.*/\1/p' "$map"
}

# Each function is declared with a comment that says since when it is there.
undocumented() {
	functions | while read -r f; do
		awk -v f="$f" '
			/^\/\*\*/ { text = "" }
			{ text = text $0 "\n" }
			$0 ~ "(^|[^a-z_])" f "\\(" && !/^( \*|\/\*)/ {
				if (text !~ f "\\(\\) - ") bad = "no summary"
				else if (text !~ /Since: [0-9]/) bad = "no Since:"
				exit }
			END { if (bad) print f ": " bad }' include/ukcf/ukcf.h
	done
}

c99() { compiles cc c99 c; }
c11() { compiles cc c11 c; }
cxx() { compiles c++ c++11 c++; }

c99_together() { together cc c99 c; }
cxx_together() { together c++ c++11 c++; }

object=$(mktemp) || exit 99
trap 'rm -f "$object" "$object.names"' EXIT
lint 'all together, as C99' c99_together
lint 'all together, as C++11' cxx_together
lint 'functions are documented where they are declared' undocumented
lint 'public headers alone as C99' c99
lint 'public headers alone as C11' c11
lint 'public headers alone as C++11' cxx
printf '/** ukcf_version() - x */\nconst char *ukcf_version(void);\n' |
	planted 'function without Since:' undocumented include/ukcf/ukcf.h
echo 'size_t f(void);' | planted 'type without its header' c99 include/ukcf/x.h
echo 'struct x { int a; } f(int class);' |
	planted 'C++ keyword' cxx include/ukcf/x.h
lint_done
