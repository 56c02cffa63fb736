#!/bin/sh
# SPDX-License-Identifier: MIT
# ./bootstrap, in a tree that is built in a moment: what exec promises to its
# command, how a build that fails and packages that are missing are told, and
# wrong usage.  The programs of that tree are those of this build.
. "$(dirname "$0")/functions.sh"
need flock make

tree=$tmp/tree
mkdir -p "$tree" "$tmp/here" "$tmp/stubs"
cp "$top_srcdir/bootstrap" "$tree/"
bootstrap=$tree/bootstrap

# a configure that writes a Makefile, which makes noise on standard output
cat >"$tree/configure" <<'END_CONFIGURE'
#!/bin/sh
echo noise of configure
[ ! -e ../no-configure ] || exit 1
cat >Makefile <<'END_MAKEFILE'
all:
	@echo noise of make
	@test ! -e ../no-make
	@mkdir -p daemon providers
	@ln -sfn "$(top_builddir)/daemon/ukcfd" daemon/ukcfd
	@ln -sfn "$(top_builddir)/providers/.libs" providers/.libs
END_MAKEFILE
END_CONFIGURE
chmod +x "$tree/configure"

# every package is there, whatever this machine has
cat >"$tmp/stubs/dpkg-query" <<'END_STUB'
#!/bin/sh
[ -e "$UKCF_TEST_MISSING" ] && exit 1
for p; do
	echo "installed $p"
done
END_STUB
chmod +x "$tmp/stubs/dpkg-query"
export UKCF_TEST_MISSING="$tmp/missing"
PATH=$tmp/stubs:$PATH

# --- exec ---

cd "$tmp/here" || exit 99
echo 'from stdin' |
	"$bootstrap" exec sh -c 'cat; pwd -P; exit 7' >"$tmp/out" 2>"$tmp/err"
same "exec: exit status is the command's" 7 $?
same "exec: standard output is the command's, input and directory too" \
	"from stdin $tmp/here" "$(xargs <"$tmp/out")"
same "exec: the build's output is on standard error" \
	"noise of configure noise of make" "$(xargs <"$tmp/err")"
same "exec: sockets, and the built programs first" \
	"ukcfd.sock admin.sock $tree/build/bin/ukcfd" \
	"$("$bootstrap" exec sh -c '
		echo ${UKCF_SOCKET##*/} ${UKCF_ADMIN_SOCKET##*/}
		command -v ukcfd' 2>/dev/null | xargs)"
same "exec: the program is this build's" "$("$top_builddir/daemon/ukcfd" \
	--version)" "$("$bootstrap" exec ukcfd --version 2>/dev/null)"
same "exec: words arrive as they are" 'a b|*|--help|' \
	"$("$bootstrap" exec printf '%s|' 'a b' '*' --help 2>/dev/null)"
"$bootstrap" exec true 2>"$tmp/err" >"$tmp/out"
same "exec: configured once" "noise of make" "$(xargs <"$tmp/err")"
"$bootstrap" exec no-such-command 2>"$tmp/err"
same "exec: no such command" 127 $?
same "exec: two at a time" "one two" "$(
	"$bootstrap" exec echo one 2>/dev/null >"$tmp/one" &
	"$bootstrap" exec echo two 2>/dev/null >"$tmp/two"
	wait
	cat "$tmp/one" "$tmp/two" | xargs)"
ln -s "$tree" "$tmp/link"
same "exec: by a link to the tree" here \
	"$("$tmp/link/bootstrap" exec echo here 2>/dev/null)"

# --- what fails ---

: >"$tree/no-make"
refused 4 'bootstrap: the build failed' "$bootstrap" exec echo not run
refused 4 'bootstrap: the build failed' "$bootstrap" build
rm "$tree/no-make"
rm -r "$tree/build"
: >"$tree/no-configure"
refused 4 'bootstrap: configure failed in build/' "$bootstrap" build
rm "$tree/no-configure"
check "and when it is repaired, it builds" "$bootstrap" build

: >"$UKCF_TEST_MISSING"
printf '#!/bin/sh\necho 1000\n' >"$tmp/stubs/id"
printf '#!/bin/sh\nexit 1\n' >"$tmp/stubs/sudo"
chmod +x "$tmp/stubs/id" "$tmp/stubs/sudo"
refused 3 'run: apt-get install -y --no-install-recommends .*liburing-dev' \
	"$bootstrap" exec echo not run
rm "$tmp/stubs/id" "$UKCF_TEST_MISSING"

mkdir "$tmp/locked"
cp "$bootstrap" "$tmp/locked/"
chmod 555 "$tmp/locked"
refused 4 "cannot write to $tmp/locked" without dac_override \
	"$tmp/locked/bootstrap" build

# --- check ---

# its make runs one claim test, as the driver would have left it
mkdir -p "$tree/tests/claims"
cp "$top_srcdir/tests/claims/count" "$tree/tests/claims/"
cat >"$tree/configure" <<'END_CONFIGURE'
#!/bin/sh
cat >Makefile <<'END_MAKEFILE'
TESTS = tests/claims/x.claims
all:
check:
	@mkdir -p tests/claims
	@echo 'PASS: $(TESTS) 1 - claim 7: it (pretend hardware)' \
		>tests/claims/x.log
	@echo ':test-result: PASS' >tests/claims/x.trs
distcheck:
END_MAKEFILE
END_CONFIGURE
rm -r "$tree/build"
"$bootstrap" check >"$tmp/out" 2>"$tmp/err"
same "check: its last lines count claims and tests" \
	"claims: 1 of 57 shown (1 on pretend hardware)
N passed, N failed, N skipped" \
	"$(tail -n 2 "$tmp/out" | sed '2s/[0-9][0-9]*/N/g')"

# --- wrong usage ---

refused 2 '^Usage: ./bootstrap COMMAND' "$bootstrap"
refused 2 '^Usage: ./bootstrap COMMAND' "$bootstrap" no-such-command
refused 2 '^Usage: ./bootstrap COMMAND' "$bootstrap" exec
refused 2 '^Usage: ./bootstrap COMMAND' "$bootstrap" demo one two
for command in build check soak; do
	refused 2 '^Usage: ./bootstrap COMMAND' "$bootstrap" $command more
done
same "--help is no wrong usage" "Usage: ./bootstrap COMMAND [ARG...]" \
	"$("$bootstrap" --help | head -n 1)"

# --- this tree, if bootstrap built it ---

if [ "$top_builddir" = "$top_srcdir/build" ] && [ -e "$top_builddir/bin" ]; then
	PATH=$(echo "$PATH" | sed "s|^$tmp/stubs:||")
	same "exec in this tree" "$top_builddir/bin/ukcfd 5" \
		"$({ "$top_srcdir/bootstrap" exec sh -c \
			'command -v ukcfd; exit 5' 2>"$tmp/err"
			echo $?; } | xargs)"
	"$top_srcdir/bootstrap" exec cryptoctl status >"$tmp/out" 2>"$tmp/err"
	same "exec: the tools of this tree find their library" 0 $?
fi
finish
