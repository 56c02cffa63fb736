#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99, C11 and C++, with all warnings.
. "$(dirname "$0")/functions.sh"
need cc c++

# compiles COMPILER STANDARD LANGUAGE
compiles() {
	for h in include/ukcf/*.h; do
		printf '#include <ukcf/%s>\nextern int used;\n' "${h##*/}" |
		$1 -std="$2" -pedantic -Wall -Wextra -Werror -Iinclude \
			-x "$3" -fsyntax-only - 2>&1
	done
}

c99() { compiles cc c99 c; }
c11() { compiles cc c11 c; }
cxx() { compiles c++ c++11 c++; }

lint 'public headers alone as C99' c99
lint 'public headers alone as C11' c11
lint 'public headers alone as C++11' cxx
echo 'size_t f(void);' | planted 'type without its header' c99 include/ukcf/x.h
echo 'struct x { int a; } f(int class);' |
	planted 'C++ keyword' cxx include/ukcf/x.h
lint_done
