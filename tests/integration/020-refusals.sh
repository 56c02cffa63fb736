#!/bin/sh
# SPDX-License-Identifier: MIT
# A daemon that cannot work does not start: it names the cause and the way out,
# has an exit status of its own for each kind, and leaves no socket behind.
. "$(dirname "$0")/functions.sh"
need setpriv

ukcfd=$top_builddir/daemon/ukcfd
modules=$top_builddir/providers/.libs
refuse_syscall=$top_builddir/tests/integration/refuse-syscall
mkdir "$tmp/run"
sock=$tmp/run/ukcfd.sock
admin=$tmp/run/admin.sock
no_core

# start OPTION...: the daemon itself, as a service manager starts it
export ukcfd modules sock admin
cat >"$tmp/start" <<'END'
#!/bin/sh
exec timeout 60 "$ukcfd" --config=/dev/null --provider-dir="$modules" \
	--set "daemon.socket=$sock" --set "daemon.admin_socket=$admin" "$@"
END
chmod +x "$tmp/start"
PATH=$tmp:$PATH

# limited ULIMIT-OPTION N CMD...
limited() (
	# shellcheck disable=SC3045 # every shell of ours has it
	ulimit "$1" "$2"
	shift 2
	"$@"
)

no_socket() {
	same "no socket is left" "" "$(names "$tmp/run")"
}

# --- io_uring ---

"$refuse_syscall" acct EPERM true
case $? in
0) ;;
77) skip "no seccomp filters here" ;;
*) bail "refuse-syscall does not work" ;;
esac
refused 4 'io_uring is forbidden here: see sysctl kernel.io_uring_disabled .*seccomp' \
	"$refuse_syscall" io_uring_setup EPERM start
refused 4 'this kernel has no io_uring, or a seccomp profile hides it' \
	"$refuse_syscall" io_uring_setup ENOSYS start
refused 4 'no file descriptor left for an io_uring: raise LimitNOFILE=' \
	"$refuse_syscall" io_uring_setup EMFILE start
refused 125 'io_uring is forbidden here' "$refuse_syscall" io_uring_setup \
	EPERM "$ukcfd" --run --provider-dir="$modules" -- echo not run
refused 125 'did not start: it exited with status 4' "$refuse_syscall" \
	io_uring_setup EPERM "$ukcfd" --run --provider-dir="$modules" -- true
check "with another call refused it starts" "$refuse_syscall" acct EMFILE \
	"$ukcfd" --run --provider-dir="$modules" -- true

# --- limits ---

refused 4 'no memory for an io_uring: raise LimitMEMLOCK= \(ulimit -l\)' \
	limited -l 0 without ipc_lock start
if grep -aq __asan_init "$ukcfd"; then
	echo "# this build has an mlock(2) of its own that is never refused"
else
	refused 4 'no locked memory for keys: .*limit is 1000 KiB.*raise LimitMEMLOCK= \(ulimit -l\)' \
		limited -l 1000 without ipc_lock start
fi
refused 1 'Too many open files.*raise LimitNOFILE= \(ulimit -n\)' \
	limited -n 10 timeout 60 "$ukcfd" --config=/dev/null --provider-dir="$modules"
refused 125 'Too many open files' limited -n 6 "$ukcfd" --run \
	--provider-dir="$modules" -- true
no_socket

# --- sockets ---

sock=$tmp/none/ukcfd.sock
refused 6 "socket $sock: there is no folder $tmp/none: make it" start
mkdir -m 555 "$tmp/none"
refused 6 "socket $sock: folder $tmp/none is not writable for uid [0-9]*: Permission denied" \
	without dac_override start
rmdir "$tmp/none"
sock=$tmp/run/ukcfd.sock
echo precious >"$sock"
refused 6 "socket $sock: something else is there, which is not a socket: remove it" \
	start
same "and it is untouched" precious "$(cat "$sock")"
rm "$sock"
refused 3 'socket: a path of at most 107 bytes' start --set \
	"daemon.socket=/$(printf '%0107d' 0)"
no_socket

# --- a daemon is there already ---

serve first --set "daemon.socket=$sock" --set "daemon.admin_socket=$admin"
refused 6 "socket $sock: process $served \(uid $(id -u)\) serves it already: stop that one, or" \
	start
sock=$tmp/run/other.sock
refused 6 "socket $admin: process $served .*serves it already" start
same "the socket of the one that serves is still there, no other" \
	"admin.sock ukcfd.sock" "$(names "$tmp/run")"
sock=$tmp/run/ukcfd.sock
kill -9 "$served"
wait "$served" 2>/dev/null
same "what a killed one leaves" "admin.sock ukcfd.sock" \
	"$(names "$tmp/run")"
serve second --set "daemon.socket=$sock" --set "daemon.admin_socket=$admin"
check "is no obstacle" kill -TERM "$served"
wait "$served"
same "stopped as told to" 0 $?
served=
no_socket

# --- providers ---

refused 5 "provider folder $tmp/none: No such file or directory: install the providers, or name another \(--provider-dir" \
	start --provider-dir="$tmp/none"
modules=$tmp/modules
mkdir -m 755 "$modules"
refused 5 "provider file $modules/sodium.so: No such file" start
refused 5 "no provider could be loaded from $modules: see above" start
cp "$top_builddir/providers/.libs/sodium.so" "$modules/"
# started OPTION...: and ended
started() {
	"$ukcfd" --run --provider-dir="$modules" --set daemon.log_level=info \
		"$@" -- true >"$tmp/out" 2>&1
}
started
same "openssl may be missing where nobody named it" "0 1" \
	"$? $(grep -c 'info: provider openssl is not installed in' "$tmp/out")"
started --set 'daemon.providers=sodium openssl'
same "and is missed where it was named" "0 1" \
	"$? $(grep -c 'error: provider openssl is left out: No such' "$tmp/out")"
chmod 644 "$modules/sodium.so"
check "a copy of the module is taken" "$ukcfd" --run \
	--provider-dir="$modules" -- true
may_change='sodium.so: others than root and this user may change it or a directory above it'
chmod 757 "$modules"
refused 5 "$may_change" start
chmod 775 "$modules"
refused 5 "$may_change" start
chmod 755 "$modules"
chmod 666 "$modules/sodium.so"
refused 5 "$may_change" start
chmod 644 "$modules/sodium.so"
if [ "$(id -u)" = 0 ]; then
	chown 65534 "$modules/sodium.so"
	refused 5 "$may_change" start
	chown 0 "$modules/sodium.so"
fi
mv "$modules/sodium.so" "$modules/real.so"
ln -s real.so "$modules/sodium.so"
refused 5 'sodium.so: a symlink is in the way' start
rm "$modules/sodium.so"
mkdir "$modules/sodium.so"
refused 5 'sodium.so: not a regular file' start
rmdir "$modules/sodium.so"
whole='sodium.so: not a whole shared object: install it again'
echo 'not a module' >"$modules/sodium.so"
refused 5 "$whole" start
# where its code was, there is nothing to map
for bytes in 0 63 64 4096 8192; do
	head -c "$bytes" "$modules/real.so" >"$modules/sodium.so"
	refused 5 "$whole" start
done
cp "$(ldd "$ukcfd" | sed -n 's/.*=> \(.*liburing[^ ]*\) .*/\1/p')" \
	"$modules/sodium.so"
refused 5 'provider sodium: does not export ukcf_provider_init' start
cp "$top_builddir/providers/.libs/null.so" "$modules/sodium.so"
refused 5 'provider sodium: refused: its name is not that of its file' start
refused 5 "provider's name is \[a-z0-9-\]" start --set 'daemon.providers=../sodium'
no_socket

# --- where messages go ---

modules=$tmp/none
start 2>"$tmp/terminal"
check "a line for people has time, name and level" grep -qE \
	'^[0-2][0-9]:[0-5][0-9]:[0-6][0-9] ukcfd: error: provider folder ' \
	"$tmp/terminal"
: >"$tmp/journal"
JOURNAL_STREAM=$(stat -c %d:%i "$tmp/journal") start 2>"$tmp/journal"
check "a line for the journal has its priority, and no time" \
	grep -q '^<3>provider folder ' "$tmp/journal"
JOURNAL_STREAM=$(stat -c %d:%i "$tmp/terminal") start 2>"$tmp/journal"
check "standard error is another file than the journal's" \
	grep -q ' ukcfd: error: provider folder ' "$tmp/journal"
finish
