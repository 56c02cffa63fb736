#!/bin/sh
# SPDX-License-Identifier: MIT
# Sealed boxes: what cryptoctl seals libsodium opens, and the other way round.
. "$(dirname "$0")/functions.sh"
need cmp od python3
under_daemon "$@"
cd "$tmp" || exit 99

cat >box.py <<'END'
import ctypes, ctypes.util, sys
lib = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
lib.sodium_init()
read = lambda name: open(name, "rb").read()
what, keys, message = sys.argv[1], read(sys.argv[2]), sys.stdin.buffer.read()
size = ctypes.c_ulonglong(len(message))
if what == "seal":
    out = ctypes.create_string_buffer(len(message) + 48)
    failed = lib.crypto_box_seal(out, message, size, keys)
else:
    public = ctypes.create_string_buffer(32)
    lib.crypto_scalarmult_base(public, keys)
    out = ctypes.create_string_buffer(max(len(message) - 48, 1))
    failed = lib.crypto_box_seal_open(out, message, size, public, keys)
    out = out.raw[:len(message) - 48]
sys.stdout.buffer.write(b"" if failed else bytes(out))
sys.exit(1 if failed else 0)
END
head -c 32 /dev/zero | python3 -c 'import ctypes, ctypes.util, sys
ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")' \
	2>/dev/null || skip "no libsodium for python3"

cryptoctl key generate own -m x25519-sealed-box --exportable &&
	cryptoctl key export own >secret &&
	cryptoctl key public own >public || exit 1
cryptoctl key import other -m x25519-sealed-box --public <public
report $? "its public part alone is a key, too"
for n in 0 1 48 5000 300000; do
	head -c $n /dev/urandom >m
	cryptoctl encrypt -k other m >sealed
	same "$n bytes: 48 more" $((n + 48)) "$(stat -c %s sealed)"
	check "$n bytes: libsodium opens what was sealed to the public key" \
		sh -c 'python3 box.py open secret <sealed | cmp - m'
	python3 box.py seal public <m >sealed
	check "$n bytes: what libsodium sealed is opened" sh -c \
		'cryptoctl decrypt -k own sealed | cmp - m'
done
printf '\377' | dd of=sealed bs=1 seek=299999 conv=notrunc 2>/dev/null
printf x >>sealed
refused 1 "not authentic" cryptoctl decrypt -k own -o out sealed
check "and nothing is written" test ! -e out
check "nor does libsodium open it" sh -c \
	'! python3 box.py open secret <sealed >/dev/null'
head -c 47 sealed >short
refused 1 "not authentic" cryptoctl decrypt -k own short
refused 1 "usage does not allow it" cryptoctl decrypt -k other sealed
truncate -s 67108817 long
refused 1 "longer than 67108816 bytes: .*holds whole" \
	cryptoctl encrypt -k own long
truncate -s 67108816 long
check "the longest there is, there and back" sh -c \
	'cryptoctl encrypt -k own long | cryptoctl decrypt -k own | cmp - long'
head -c 32 /dev/zero >zero
if cryptoctl key import low -m x25519-sealed-box --public <zero 2>err; then
	refused 1 "shared secret is all zero" cryptoctl encrypt -k low m
else
	check "a public key of low order is refused" grep -q "all zero" err
fi
openssl=$(command -v openssl)
if [ -n "$openssl" ]; then
	same "its public part in PEM is one of X25519" "X25519 Public-Key:" \
		"$(cryptoctl key public own --pem |
			openssl pkey -pubin -noout -text | head -n 1)"
fi
finish
