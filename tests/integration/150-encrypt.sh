#!/bin/sh
# SPDX-License-Identifier: MIT
# encrypt and decrypt: what goes in comes out, in the form of cryptoctl(1), and
# nothing comes out of what was changed.
. "$(dirname "$0")/functions.sh"
need cmp od
under_daemon "$@"
cd "$tmp" || exit 99

head -c 67108864 /dev/urandom >64M
: >empty
mechs=$(cryptoctl list -m | awk '$2 == "aead" && $1 !~ /^null/ { print $1 }')
for m in $mechs; do
	cryptoctl key generate "$m" -m "$m" || exit 1
	for n in 0 1 15 16 17 4096 65537 1048576 67108864; do
		head -c $n 64M >m
		cryptoctl encrypt -k "$m" -o box m &&
			cryptoctl decrypt -k "$m" -o back box && cmp m back
		report $? "$m: $n bytes there and back"
		same "$m: 40 bytes more" "$((n + 40))" "$(stat -c %s box)"
	done
done
check "two mechanisms, or this machine lacks AES" test -n "$mechs"

echo letter >m
cryptoctl key generate box -m chacha20-poly1305
cryptoctl encrypt -k box <m >sealed
check "by standard input and output" sh -c \
	'cryptoctl decrypt -k box <sealed | cmp - m'
same "the form: magic, version, mechanism" \
	"75 6b 63 66 6d 73 67 01 02 00 03 00" \
	"$(head -c 12 sealed | od -An -tx1 | sed 's/^ //')"
cryptoctl encrypt -k box m | tail -c +13 | head -c 12 >n1
cryptoctl encrypt -k box m | tail -c +13 | head -c 12 >n2
check "every message has its own nonce" sh -c '! cmp -s n1 n2'
check "the text is not in it" sh -c '! grep -qa letter sealed'

# --- changed ---
size=$(stat -c %s sealed)
at=0
flips=0
echo before >out
while [ "$at" -lt "$size" ]; do
	byte=$(tail -c +$((at + 1)) sealed | head -c 1 | od -An -tu1)
	{
		head -c "$at" sealed
		# shellcheck disable=SC2059 # the byte is the format
		printf "\\$(printf %03o $((byte ^ 1)))"
		tail -c +$((at + 2)) sealed
	} >changed
	cmp -s changed sealed && bail "byte $at was not changed"
	cryptoctl decrypt -k box -o out changed 2>>errors && break
	flips=$((flips + 1))
	at=$((at + 1))
done
same "one bit changed in any of its bytes: refused" "$size" "$flips"
same "and the output is as it was" before "$(cat out)"
grep -q 'not authentic: it was changed' errors
report $? "with a message that says so"
for n in 0 7 11 12 23 24 39 $((size - 1)); do
	head -c $n sealed >changed
	refused 1 "not a message|cut short|not authentic" \
		cryptoctl decrypt -k box changed
done
{ cat sealed; printf x; } >changed
refused 1 "not authentic" cryptoctl decrypt -k box changed
{ printf 'ukcfmsg\002'; tail -c +9 sealed; } >changed
refused 1 "of version 2" cryptoctl decrypt -k box changed
refused 1 "not a message of" cryptoctl decrypt -k box m
cryptoctl key generate box2 -m chacha20-poly1305
refused 1 "another key than box2" cryptoctl decrypt -k box2 sealed
check "unchanged it is still right" sh -c \
	'cryptoctl decrypt -k box sealed | cmp - m'

# --- refusals ---
printf x >>64M
refused 1 "longer than 67108864 bytes: .*split" cryptoctl encrypt -k box 64M
refused 1 "key none: " cryptoctl encrypt -k none m
cryptoctl key generate signer -m ed25519
refused 1 "signer is a key of ed25519, which does not encrypt.*aead" \
	cryptoctl encrypt -k signer m
cryptoctl key generate opens -m chacha20-poly1305 --usage=decrypt
refused 1 "key list" cryptoctl encrypt -k opens m
for m in $mechs; do
	[ "$m" = chacha20-poly1305 ] ||
		refused 1 "encrypted by chacha20-poly1305, and key $m is of $m" \
			cryptoctl decrypt -k "$m" sealed
done
finish
