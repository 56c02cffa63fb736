#!/bin/sh
# SPDX-License-Identifier: MIT
# cryptoctl encrypt and decrypt work on chunks themselves while the daemon has
# enough to do: the daemon is stopped, and more is taken from a pipe than it
# could have been given.
. "$(dirname "$0")/functions.sh"
need python3
under_daemon "$@"
cd "$tmp" || exit 99

# chunks: that the daemon has done
chunks() {
	cryptoctl stats -p --json | python3 -c '
import json, sys
print(sum(p["bytes"] for p in json.load(sys.stdin)["providers"]) // (1 << 18))'
}

# The daemon stops when it was given the first chunk, and before the third; it
# goes on when the command sleeps, with all of its places taken or no input.
cat >through.py <<'END'
import os, signal, subprocess, sys, time

daemon = int(open(os.environ["UKCF_DAEMON_PIDFILE"]).read())
data = open("in", "rb").read()
cut, more = 3 << 18, (8 << 18) + 40000  # a pipe holds 65536
p = subprocess.Popen(["cryptoctl", *sys.argv[1:]], stdin=subprocess.PIPE,
                     stdout=open("out", "wb"), bufsize=0)


def give(part):
    while part:
        part = part[p.stdin.write(part):]


def sleeps():
    return open(f"/proc/{p.pid}/stat").read().rpartition(")")[2].split()[0] == "S"


give(data[:cut])
os.kill(daemon, signal.SIGSTOP)
try:
    give(data[cut:more])
    end = time.monotonic() + 30
    while not sleeps() and time.monotonic() < end:
        os.sched_yield()
finally:
    os.kill(daemon, signal.SIGCONT)
try:
    give(data[more:])
    p.stdin.close()
except BrokenPipeError:
    pass
sys.exit(p.wait(60))
END

cryptoctl key generate k -m chacha20-poly1305
head -c $((12 << 18)) /dev/urandom >plain
cp plain in
before=$(chunks)
check "encrypted, beside a daemon that stands still" \
	timeout 60 python3 through.py encrypt -k k
check "the daemon did not do all of it" test $(($(chunks) - before)) -lt 12
mv out sealed
check "which decrypts as ever" cryptoctl decrypt -k k -o again sealed
check "to the same" cmp again plain
cp sealed in
before=$(chunks)
check "decrypted so" timeout 60 python3 through.py decrypt -k k
check "to the same" cmp out plain
check "the daemon did not do all of that, either" \
	test $(($(chunks) - before)) -lt 12

# A wrong bit in a chunk that is worked on here.
python3 -c '
d = bytearray(open("sealed", "rb").read())
d[6 * (1 << 18) + 5000] ^= 1
open("in", "wb").write(d)'
timeout 60 python3 through.py decrypt -k k 2>err
same "a wrong bit is found there, too" 1 $?
check "with where it is" grep -q "not authentic: it was changed, or cut, behind" \
	err
finish
