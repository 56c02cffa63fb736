#!/bin/sh
# SPDX-License-Identifier: MIT
# cryptoctl, as far as no key is needed: usage, status, lists, and what it says
# when there is no daemon or somebody else.
. "$(dirname "$0")/functions.sh"
need python3 script
under_daemon "$@"

json() {
	python3 -c "import json, sys; d = json.load(sys.stdin); $1"
}

# --- usage ---
check "--help succeeds" sh -c 'cryptoctl --help >"$1"' - "$tmp/help"
for c in status list digest mac "key generate" "key import" "key list" \
	"key public" "key export" "key destroy" sign verify encrypt decrypt \
	random; do
	check "--help names: $c" grep -q "^  $c" "$tmp/help"
done
refused 2 "a command is missing.*--help" cryptoctl
refused 2 "frobnicate: no such command.*--help" cryptoctl frobnicate
refused 2 "key: what.*key --help" cryptoctl key
refused 2 "key turn: no such command; 'cryptoctl key --help'" cryptoctl key turn
refused 2 "-V: unknown option here: a command comes first" cryptoctl -V
refused 2 "-k: unknown option here" cryptoctl key -k box list
refused 2 "-m is missing" cryptoctl digest
refused 2 "-x: unknown option" cryptoctl digest -x
refused 2 "-m: needs an argument" cryptoctl digest -m
refused 2 "--jason: unknown option" cryptoctl list --jason
refused 2 "more: only provider=NAME" cryptoctl list more
refused 2 "an argument is missing" cryptoctl random
refused 2 "random: \"ten\" is not a number" cryptoctl random ten
refused 2 "eat: no use of a key" cryptoctl key generate x -m ed25519 \
	--usage=sign,eat

# --- what the tables say ---
check "status" sh -c 'cryptoctl status >"$1"' - "$tmp/status"
check "status: it runs" grep -qE '^state +running$' "$tmp/status"
same "status: its process" "$(cat "$UKCF_DAEMON_PIDFILE")" \
	"$(awk '$1 == "pid" { print $2 }' "$tmp/status")"
cryptoctl status --json >"$tmp/json"
same "status --json: the same process" "$(cat "$UKCF_DAEMON_PIDFILE")" \
	"$(json 'print(d["status"][0]["pid"])' <"$tmp/json")"
same "list: the provider" "sodium READY" \
	"$(cryptoctl list | awk '$1 == "sodium" { print $1, $4 }')"
same "list --json: the provider" "sodium READY" "$(cryptoctl list --json |
	json 'p = d["providers"][0]; print(p["provider"], p["state"])')"
# openssl offers it, too, where it was built
same "list -m: a mechanism" "sha2-256 digest 0x00010001 yes sodium sodium digest" \
	"$(cryptoctl list -m | awk '$1 == "sha2-256" { $1 = $1; print }' |
		sed 's/,openssl / /')"
same "list -m --json: lists are arrays, truth is a boolean" \
	"['encrypt', 'decrypt', 'key-generate'] True" \
	"$(cryptoctl list -m --json | json 'print(*[
(sorted(m["operations"], key=["encrypt", "decrypt", "key-generate"].index),
 m["enabled"]) for m in d["mechanisms"]
 if m["mechanism"] == "chacha20-poly1305"][0])')"
same "list -v: limits" "hmac-sha2-256 1-256 16-32 32" \
	"$(cryptoctl list -v | awk '$1 == "hmac-sha2-256" { print $1, $3, $5, $6 }')"
same "list -v --json: sizes are numbers, none is null" "12 None" \
	"$(cryptoctl list -v --json | json '
m = {m["mechanism"]: m for m in d["mechanisms"]}
print(m["chacha20-poly1305"]["nonce"], m["sha2-256"]["nonce"])')"
same "list -m: each row has as many words as the heading" "" \
	"$(cryptoctl list -m | awk 'NR == 1 { n = NF } NF != n')"

# --- plain in a pipe ---
esc=$(printf '\033')
on_terminal() {
	TERM=xterm script -qec "$1" /dev/null </dev/null
}
cryptoctl list -m >"$tmp/plain"
check "plain when piped" sh -c '! grep -q "$1" "$2"' - "$esc" "$tmp/plain"
on_terminal "cryptoctl list -m" >"$tmp/pty"
check "with headings in bold on a terminal" grep -q "$esc" "$tmp/pty"
NO_COLOR=1 on_terminal "cryptoctl list -m" >"$tmp/pty"
check "not with NO_COLOR" sh -c '! grep -q "$1" "$2"' - "$esc" "$tmp/pty"
on_terminal "cryptoctl random 16" >"$tmp/pty"
check "no raw bytes on a terminal" grep -q "is a terminal.*redirect" "$tmp/pty"

# --- random ---
for n in 0 1 16 65536 65537 1000003; do
	same "random $n: bytes" "$n" "$(cryptoctl random $n | wc -c)"
done
for n in 2K=2048 1KiB=1024 3kB=3000 2KB=2000 1m=1048576 1MB=1000000; do
	same "random ${n%=*}: bytes" "${n#*=}" \
		"$(cryptoctl random "${n%=*}" | wc -c)"
done
for n in "" K 1x 1Ki 1Kb 1KiBs 1.5K " 1" 0x10; do
	refused 2 "random: \"$n\" is not a number of bytes" cryptoctl random "$n"
done
for n in 16E 20EB 18446744073709551616 99999999999999999999K; do
	refused 2 "random: \"$n\" is too many bytes" cryptoctl random $n
done
cryptoctl random 64 >"$tmp/a"
cryptoctl random 64 >"$tmp/b"
check "random: never the same twice" sh -c '! cmp -s "$1" "$2"' - \
	"$tmp/a" "$tmp/b"

# --- no daemon, or another ---
export UKCF_SOCKET="$tmp/socket" UKCF_ADMIN_SOCKET="$tmp/admin"
refused 4 "no daemon: $tmp/socket does not exist" cryptoctl status
for c in list "digest -m sha2-256 /dev/null" "key list" "random 1"; do
	# shellcheck disable=SC2086 # words
	refused 1 "no daemon: $tmp/socket does not exist" cryptoctl $c
done
grep -q "UKCF_SOCKET" "$tmp/refused.err"
report $? "and the variable is named, which leads there"
: >"$tmp/socket"
refused 4 "is not a socket" cryptoctl status
rm "$tmp/socket"

# pose_as WHAT: somebody at the socket who does that
pose_as() {
	python3 -c '
import os, socket, sys
what, path = sys.argv[1:]
kind = socket.SOCK_STREAM if what == "stream" else socket.SOCK_SEQPACKET
s = socket.socket(socket.AF_UNIX, kind)
s.bind(path)
if what == "dead":
    print("ready", flush=True)
    sys.exit()
s.listen(8)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    if what == "silent":
        keep = c
    elif what == "noise":
        c.recv(4096)
        c.send(b"220 mail.example ready\r\n")
    else:
        c.close()
' "$1" "$tmp/socket" >"$tmp/posed" &
	server=$!
	await 10 grep -q ready "$tmp/posed" || bail "no server"
}
stop_posing() {
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	rm -f "$tmp/socket" "$tmp/posed"
}
pose_as dead
wait "$server"
refused 4 "nobody listens" cryptoctl status
stop_posing
for who in stream close noise; do
	pose_as $who
	refused 1 "no ukcfd|ended|lost|no daemon" cryptoctl list
	stop_posing
done
pose_as silent
refused 1 "did not answer" cryptoctl list
stop_posing
finish
