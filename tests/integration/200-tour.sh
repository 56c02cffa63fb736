#!/bin/sh
# SPDX-License-Identifier: MIT
# What README.md shows: the tour, command by command, its program, and the demo.
. "$(dirname "$0")/functions.sh"
need openssl sha256sum od cmp cc
under_daemon "$@"
cp "$top_srcdir/README.md" "$tmp/README.md"
cd "$tmp" || exit 99

# --- the tour: the lines between its first and "exit" ---
awk '/^\$ \.\/bootstrap exec sh$/ { on = 1; next } on && /^exit$/ { exit }
	on' README.md >tour
check "the tour has commands" test "$(wc -l <tour)" -ge 10
n=0
while IFS= read -r line; do
	n=$((n + 1))
	sh -c "$line" >"out.$n" 2>"err.$n" </dev/null
	status=$?
	[ $status = 0 ] || cat "err.$n"
	report $status "tour: $line"
done <tour
of_line() {
	cat "out.$(grep -nF -- "$1" tour | head -n 1 | cut -d: -f1)"
}
same "both digests are the same" "$(of_line 'sha256sum README.md')" \
	"$(of_line 'digest -m sha2-256 README.md')"
same "what was decrypted is the same" same "$(of_line 'cryptoctl decrypt')"
check "openssl says so" sh -c 'echo "$1" | grep -qi success' - \
	"$(of_line 'openssl pkeyutl')"

# --- the program ---
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' README.md >program.c
# sanitized if the library is
compiled() {
	# shellcheck disable=SC2046 # a list of options
	cc -Wall -Werror $(sed -n 's/^S\["SAN_CFLAGS"\]="\(.*\)"$/\1/p' \
		"$top_builddir/config.status") -I"$top_srcdir/include" \
		-o program program.c -L"$top_builddir/lib/.libs" -lukcf \
		-Wl,-rpath,"$top_builddir/lib/.libs"
}
check "the program of README.md compiles" compiled
same "and signs" signed "$(./program)"
same "and says what is wrong" "no daemon: there is no socket of that name" \
	"$(UKCF_SOCKET=none ./program)"

# --- the demo ---
demo() {
	ukcf-demo "$1" >demo.out 2>demo.err || { cat demo.out demo.err; return 1; }
}
check "demo on README.md" demo README.md
for where in "in the caller" "inline on the service thread" \
	"queued, by a worker"; do
	check "demo: the table has what ran $where" grep -q "$where" demo.out
done
check "demo: sha256sum was asked" grep -q "ok:.*sha256sum agrees" demo.out
check "demo: openssl was asked" grep -q "ok:.*openssl agrees" demo.out
: >empty
check "demo on an empty file" demo empty
head -c 3000000 /dev/urandom >large
check "demo on 3 MB" demo large
refused 1 "none: No such file" ukcf-demo none
refused 1 "no daemon" env UKCF_SOCKET=none ukcf-demo README.md
mkdir fake
printf '#!/bin/sh\necho 0000 README.md\n' >fake/sha256sum
chmod +x fake/sha256sum
check "demo: fails when sha256sum does not agree" sh -c \
	'! PATH=$PWD/fake:$PATH ukcf-demo README.md >demo.out 2>&1'
check "and says so" grep -q "FAILED: digest: sha256sum" demo.out
finish
