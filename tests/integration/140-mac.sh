#!/bin/sh
# SPDX-License-Identifier: MIT
# MACs of cryptoctl equal openssl's.
. "$(dirname "$0")/functions.sh"
need openssl od
under_daemon "$@"
cd "$tmp" || exit 99

hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}
# equal KEY FILE
equal() {
	want=$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(hex "$1.key")" \
		<"$2" | sed 's/.* //')
	found=$(cryptoctl mac -m hmac-sha2-256 -k "$1" "$2")
	[ "$want  $2" = "$found" ] || { echo "$want"; echo "$found"; return 1; }
}

head -c 67108864 /dev/urandom >64M
: >empty
printf x >one
# shorter than, as long as and longer than the hash's block
for n in 1 16 32 63 64 65 256; do
	head -c $n /dev/urandom >k$n.key
	cryptoctl key import k$n -m hmac-sha2-256 <k$n.key || exit 1
	for f in empty one; do
		check "a key of $n bytes, $f" equal k$n $f
	done
done
for n in 63 64 65 4096 65537 1048576; do
	head -c $n 64M >m
	check "$n bytes" equal k32 m
done
check "64 MiB" equal k32 64M
check "another key has another MAC" sh -c \
	'[ "$(cryptoctl mac -m hmac-sha2-256 -k k32 one)" != \
	"$(cryptoctl mac -m hmac-sha2-256 -k k64 one)" ]'
same "of standard input" "$(cryptoctl mac -m hmac-sha2-256 -k k32 one |
	sed 's/one$/-/')" "$(cryptoctl mac -m hmac-sha2-256 -k k32 <one)"
# in parts: files that are longer than what goes over a ring at once
for n in 262144 262145 1048577 2097152 67108865; do
	{ cat 64M; printf x; } | head -c $n >m
	check "$n bytes, in parts" equal k32 m
done
same "in parts, of standard input" \
	"$(cryptoctl mac -m hmac-sha2-256 -k k32 m | sed 's/m$/-/')" \
	"$(cryptoctl mac -m hmac-sha2-256 -k k32 <m)"
check "several files, long ones among them" sh -c \
	'cryptoctl mac -m hmac-sha2-256 -k k32 one m empty 64M >list'
check "a list of MACs is checked" cryptoctl mac -m hmac-sha2-256 -k k32 -c list
printf y >>m
cryptoctl mac -m hmac-sha2-256 -k k32 -c list >found 2>err
same "and a changed file is seen" "1 m: FAILED" "$? $(grep FAILED found)"
cryptoctl key generate signer -m ed25519
refused 1 "key signer is not of hmac-sha2-256" \
	cryptoctl mac -m hmac-sha2-256 -k signer one
refused 1 "sha2-256 does not make MACs" cryptoctl mac -m sha2-256 -k k32 one
refused 1 "key none: " cryptoctl mac -m hmac-sha2-256 -k none one
refused 2 "-k is missing" cryptoctl mac -m hmac-sha2-256 one
cryptoctl mac -m hmac-sha2-256 -k k32 none one >found 2>err
same "one missing file: the others come, the status is 1" \
	"1 $(cryptoctl mac -m hmac-sha2-256 -k k32 one)" "$? $(cat found)"
finish
