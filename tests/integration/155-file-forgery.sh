#!/bin/sh
# SPDX-License-Identifier: MIT
# Encrypted files that were cut, changed, put together or added to: every one is
# refused, and no file appears.
. "$(dirname "$0")/functions.sh"
need python3
under_daemon "$@"
cd "$tmp" || exit 99

cryptoctl key generate box -m chacha20-poly1305 &&
	cryptoctl key generate other -m chacha20-poly1305 || exit 1
chunk=262144
head -c $((3 * chunk)) /dev/urandom >long
head -c $((3 * chunk)) /dev/urandom >long2
head -c $((3 * chunk + 5)) /dev/urandom >longer
echo letter >m
for f in m long long2 longer; do
	cryptoctl encrypt -k box -o $f.ukcf $f || exit 1
done
cryptoctl encrypt -k other -o other.ukcf m

# make KIND: the forgeries of a kind, in the folder of that name
cat >forge.py <<'END'
import os, sys
kind = sys.argv[1]
os.mkdir(kind)
data = {f: open(f + ".ukcf", "rb").read()
        for f in ("m", "long", "long2", "longer", "other")}
HEAD, UNIT = 48 + 12 + 32 + 16, 262144 + 16

def parts(f):
    b = data[f][HEAD:]
    return data[f][:HEAD], [b[i:i + UNIT] for i in range(0, len(b), UNIT)]

def write(name, *pieces):
    with open(f"{kind}/{name}.ukcf", "wb") as f:
        f.write(b"".join(pieces))

m = data["m"]
h, c = parts("long")
h2, c2 = parts("long2")
hl, cl = parts("longer")
assert len(c) == len(c2) == 3 and len(cl) == 4
if kind == "cut":
    for n in range(len(m)):
        write(n, m[:n])
elif kind == "bits":
    # each of the header; one in each byte of the chunk
    for n in (*range(8 * HEAD), *range(8 * HEAD, 8 * len(m), 9)):
        b = bytearray(m)
        b[n // 8] ^= 1 << n % 8
        write(n, b)
elif kind == "cut-chunks":
    write("one-less", h, c[0], c[1])
    write("two-less", h, c[0])
    write("all", h)
    write("in-tag", h, c[0], c[1], c[2][:8])
    write("in-last", h, c[0], c[1], c[2][:-1])
    write("short-end", hl, cl[0], cl[1], cl[2])
elif kind == "follows":
    write("byte", data["long"], b"x")
    write("chunk", data["long"], c[2])
    write("file", data["long"], data["long2"])
    write("small-byte", m, b"x")
    write("small-file", m, m)
elif kind == "order":
    write("swapped", h, c[1], c[0], c[2])
    write("last-first", h, c[2], c[0], c[1])
    write("twice", h, c[0], c[0], c[2])
    write("left-out", h, c[0], c[2])
    write("end-swapped", h, c[0], c[2], c[1])
elif kind == "splice":
    write("head", h2, *c)
    write("middle", h, c[0], c2[1], c[2])
    write("end", h, c[0], c[1], c2[2])
    write("key", data["other"][:HEAD], m[HEAD:])
    write("wrapped", m[:60], data["other"][60:HEAD], m[HEAD:])
    write("nonce", m[:48], h[48:60], m[60:])
elif kind == "sane":
    write("m", m)
    write("long", data["long"])
    write("longer", hl, *cl)
END

# forged KIND WORDS: all are refused, each with one line that says WORDS
forged() {
	python3 forge.py "$1" || bail "no forgeries"
	mkdir "$1.out"
	made=$(find "$1" -name '*.ukcf' | wc -l)
	find "$1" -name '*.ukcf' -exec cryptoctl decrypt -k box -o "$1.out" \
		{} + 2>"$1.err"
	same "$1: the status" 1 $?
	same "$1: of $made none came out" "" "$(ls -A "$1.out")"
	same "$1: a message for each" "$made" \
		"$(grep -cE "^cryptoctl: $1/.*($2)" "$1.err")"
	grep -vE "^cryptoctl: $1/.*($2)" "$1.err" | head -n 3
}

cut="cut short|not a file of"
forged cut "$cut|not authentic"
forged bits "not authentic|not a file of|of version|encrypted by"
forged cut-chunks "cut short: its end is missing|cut short: its header|not authentic: it was changed, or cut"
forged follows "something follows its end|not authentic: it was changed"
forged order "not authentic"
forged splice "not authentic"
same "a chunk less is said to be missing" 5 \
	"$(grep -c 'cut short: its end is missing' cut-chunks.err)"
same "what follows the end is said to follow" 3 \
	"$(grep -c 'something follows its end' follows.err)"
same "where it was changed" "$(grep -c splice/middle splice.err)" \
	"$(grep -c "splice/middle.*behind byte $chunk of" splice.err)"

# the detector: what was only taken apart and put together is right
python3 forge.py sane && mkdir sane.out
check "the sane ones" cryptoctl decrypt -k box -o sane.out sane/*
check "are right" sh -c 'for f in sane.out/*; do cmp "$f" "${f#*/}" || exit 1
	done'

# --- a pipe gets what is authentic, and the status says that it is not all ---
cryptoctl decrypt -k box cut-chunks/one-less.ukcf 2>err | cat >found
check "a pipe: a beginning of what was encrypted" sh -c \
	'cmp -n "$(stat -c %s found)" found long && test -s found'
cryptoctl decrypt -k box cut-chunks/one-less.ukcf 2>err >/dev/null
same "and status 3" 3 $?
check "with a message" grep -q 'its end is missing' err
cryptoctl decrypt -k box bits/$((8 * 108)).ukcf 2>err | cat >found
same "nothing of a small one" 0 "$(stat -c %s found)"
echo before >found
cryptoctl decrypt -k box cut-chunks/one-less.ukcf >>found 2>err
same "standard output that is a file is cut back: status 1" "1 before" \
	"$? $(cat found)"
# the header is read before anything is asked of it
head -c 1048576 /dev/zero >zeros
refused 1 "not a file of" cryptoctl decrypt -k box zeros
refused 1 "encrypted by another key than box" cryptoctl decrypt -k box other.ukcf
refused 1 "cut short|not a file of" cryptoctl decrypt -k box /dev/null
finish
