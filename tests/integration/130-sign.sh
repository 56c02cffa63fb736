#!/bin/sh
# SPDX-License-Identifier: MIT
# Signatures of cryptoctl verify with openssl, and openssl's with cryptoctl.
. "$(dirname "$0")/functions.sh"
need openssl
under_daemon "$@"
cd "$tmp" || exit 99

cryptoctl key generate signer -m ed25519 || exit 1
cryptoctl key public signer --pem >signer.pem
openssl_says() {
	openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in "$1" \
		-sigfile "$2" >/dev/null 2>&1
}

head -c 67108864 /dev/urandom >64M
for n in 1 31 32 33 4096 4097 65536 1048577 67108863 67108864; do
	head -c $n 64M >m
	check "sign $n bytes" cryptoctl sign -k signer -f -o sig m
	check "$n bytes: openssl verifies" openssl_says m sig
	check "$n bytes: cryptoctl verifies" cryptoctl verify -k signer -s sig m
done
head -c 67108863 64M >m
check "openssl sees another message" sh -c '! openssl pkeyutl -verify \
	-pubin -inkey signer.pem -rawin -in m -sigfile sig >/dev/null 2>&1'
refused 1 "wrong signature.*changed" cryptoctl verify -k signer -s sig m
: >m
check "sign nothing" cryptoctl sign -k signer -f -o sig m
check "verify nothing" cryptoctl verify -k signer -s sig m

echo message >m
same "on standard output: 64 raw bytes" 64 \
	"$(cryptoctl sign -k signer m | wc -c)"
cryptoctl sign -k signer <m >sig
check "of standard input" openssl_says m sig
cryptoctl sign -k signer -o - m >sig
check "to -" openssl_says m sig
check "the signature from standard input" cryptoctl verify -k signer -s - m <sig
refused 2 "cannot both be standard input" cryptoctl verify -k signer -s -
openssl genpkey -algorithm ed25519 -outform DER -out private.der 2>/dev/null
tail -c 32 private.der | cryptoctl key import theirs -m ed25519
openssl pkeyutl -sign -keyform DER -inkey private.der -rawin -in m -out theirs
check "a signature of openssl's" cryptoctl verify -k theirs -s theirs m
refused 1 "wrong signature" cryptoctl verify -k signer -s theirs m

# --- any size ---
printf x >>64M
check "the digest of a long file is signed" cryptoctl sign -k signer --prehash \
	-o sig.long 64M
check "and verified" cryptoctl verify -k signer --prehash -s sig.long 64M
printf 'ukcf-signed-digest:1:sha2-512:%s\n' \
	"$(sha512sum <64M | cut -c -128)" >line
check "openssl verifies it by its form" openssl_says line sig.long
printf y >>64M
refused 1 "wrong signature.*--prehash" cryptoctl verify -k signer --prehash \
	-s sig.long 64M
cryptoctl sign -k signer --prehash m >sig.short
refused 1 "wrong signature" cryptoctl verify -k signer -s sig.short m
refused 1 "wrong signature.*without --prehash" cryptoctl verify -k signer \
	--prehash -s sig m
# mechanisms that sign in parts take any size; the others need it whole
head -c 1048577 64M >m
for mech in ed25519 ecdsa-p256-sha2-256; do
	cryptoctl key generate "$mech" -m "$mech" 2>err || continue
	cryptoctl sign -k "$mech" -f -o sig.long m &&
		cryptoctl verify -k "$mech" -s sig.long - <m
	report $? "$mech: in parts, or whole"
	refused 1 "wrong signature" sh -c 'head -c 1048578 64M |
		cryptoctl verify -k "$1" -s sig.long' - "$mech"
done
echo message >m

# --- refusals ---
cp sig before
refused 1 "sig: exists; -f replaces it" cryptoctl sign -k signer -o sig m
check "and it is as it was" cmp before sig
refused 1 "longer than 67108864 bytes: .*whole.*--prehash" \
	cryptoctl sign -k signer 64M
refused 1 "longer than 67108864 bytes" sh -c 'cryptoctl sign -k signer <64M'
refused 1 "longer than 67108864 bytes" cryptoctl verify -k signer -s sig 64M
for n in 0 1 63 65; do
	{ cat sig; printf x; } | head -c $n >wrong
	refused 1 "wrong signature: it has $n bytes" cryptoctl verify -k signer \
		-s wrong m
done
refused 1 "that is no signature" cryptoctl verify -k signer -s 64M m
refused 1 "none: No such file" cryptoctl verify -k signer -s none m
refused 1 "none: No such file" cryptoctl sign -k signer none
refused 1 "key nobody: .*key list" cryptoctl sign -k nobody m
refused 2 "-k is missing" cryptoctl sign m
refused 2 "-s is missing" cryptoctl verify -k signer m
finish
