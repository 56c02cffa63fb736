#!/bin/sh
# SPDX-License-Identifier: MIT
# The C code that man pages show compiles.  A fragment stands in a function;
# what it takes for granted is in the table below.
. "$(dirname "$0")/functions.sh"
need cc
top=$PWD

granted() {
	case ${1##*/} in
	ukcf_strerror.3) echo 'static uint32_t mech; static const char *in;
		static size_t in_len; static uint8_t out[32];' ;;
	ukcf_submit.3) echo 'static struct ukcf_buffer *in, *out;' ;;
	ukcf_fd.3) echo 'void handle(const struct ukcf_cqe *cqe);' ;;
	esac
	echo 'static struct ukcf *u; static struct ukcf_ring *r;'
}

# The literal displays of a page that are C.
code() {
	awk '/^\.Bd -literal/ { on = 1; text = ""; next }
		/^\.Ed/ { if (on && text ~ /ukcf_[a-z_]*\(/) printf "%s", text
			on = 0 }
		on { text = text $0 "\n" }' "$1" | sed 's/\\e/\\/g'
}

program() {
	if code "$1" | grep -q '^#include'; then
		code "$1"
		return
	fi
	printf '#include <poll.h>\n#include <stdio.h>\n#include <ukcf/ukcf.h>\n'
	granted "$1"
	printf 'int fragment(void);\nint fragment(void)\n{\nint err = 0;\n'
	# some fragments begin with a declaration of their own
	printf 'int64_t n = 0;\n{\n'
	code "$1"
	printf '}\n(void)u; (void)r; (void)n;\nreturn err;\n}\n'
}

broken() {
	for f in man/*.3 man/*.7; do
		[ -f "$f" ] && [ -n "$(code "$f")" ] || continue
		program "$f" | cc -std=gnu11 -Wall -Werror -fsyntax-only \
			-Wno-unused-but-set-variable -Wno-unused-variable \
			-I"$top/include" -x c - 2>&1 | sed "s|^|$f: |"
	done
}

lint 'the C code of man pages compiles' broken
printf '.Bd -literal\nerr = ukcf_submitt(r);\n.Ed\n' |
	planted 'a function that does not exist' broken man/x.3
lint_done
