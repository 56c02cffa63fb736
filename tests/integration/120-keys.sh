#!/bin/sh
# SPDX-License-Identifier: MIT
# Keys of the daemon by cryptoctl: made, imported, shown, exported, destroyed.
. "$(dirname "$0")/functions.sh"
need openssl python3 script
under_daemon "$@"
cd "$tmp" || exit 99

same "at first there are none" "" "$(cryptoctl key list | tail -n +2)"
same "nor in JSON" "0" "$(cryptoctl key list --json |
	python3 -c 'import json, sys; print(len(json.load(sys.stdin)["keys"]))')"
for m in ed25519 x25519 aes-256-gcm chacha20-poly1305 hmac-sha2-256; do
	cryptoctl list -m | grep -q "^$m " || continue # no AES instructions
	check "generate: $m" cryptoctl key generate "k-$m" -m "$m"
done
same "list: a key" "k-ed25519 ed25519 256 sign,verify no no" \
	"$(cryptoctl key list | awk '$1 == "k-ed25519" {
		print $1, $2, $3, $4, $5, $6 }')"
same "list --json: the same" "ed25519 256 ['sign', 'verify'] False False" \
	"$(cryptoctl key list --json | python3 -c '
import json, sys
k = {k["key"]: k for k in json.load(sys.stdin)["keys"]}["k-ed25519"]
print(k["mechanism"], k["bits"], k["usage"], k["exportable"], k["public_only"])')"

# --- names ---
longest=$(printf '%063d' 0)
check "a name of 63 characters" cryptoctl key generate "$longest" -m ed25519
refused 1 "1 to 63" cryptoctl key generate "0$longest" -m ed25519
for name in '' .hidden 'two words' 'a/b' 'ü'; do
	refused 1 "1 to 63" cryptoctl key generate "$name" -m ed25519
done
refused 1 "another name" cryptoctl key generate k-ed25519 -m ed25519

# --- import and export ---
head -c 32 /dev/urandom >raw
check "import" sh -c \
	'cryptoctl key import mine -m hmac-sha2-256 --exportable <raw'
check "export gives the same bytes" sh -c 'cryptoctl key export mine | cmp - raw'
check "export to a file" cryptoctl key export mine -o out
check "the same bytes" cmp out raw
refused 1 "out: exists; -f replaces it" cryptoctl key export mine -o out
check "export over a file" cryptoctl key export mine -f -o out
same "which only its owner can read" "600" "$(stat -c %a out)"
refused 1 "exportable" cryptoctl key export k-hmac-sha2-256
check "import: the longest key" sh -c 'head -c 256 /dev/urandom |
	cryptoctl key import longest -m hmac-sha2-256'
refused 1 "1 to 256 raw bytes, and 300 came" sh -c 'head -c 300 /dev/zero |
	cryptoctl key import toolong -m hmac-sha2-256'
refused 1 "1 to 256 raw bytes, and at least [0-9]{4}" sh -c 'head -c 5000 /dev/zero |
	cryptoctl key import toolong -m hmac-sha2-256'
refused 1 "has 32 raw bytes, and 33 came" sh -c '{ cat raw; echo; } |
	cryptoctl key import newline -m chacha20-poly1305'
refused 1 "and 0 came" sh -c 'cryptoctl key import none -m ed25519 </dev/null'
refused 1 "sha2-256 has no keys" cryptoctl key generate x -m sha2-256
refused 1 "rot13: no such mechanism" cryptoctl key generate x -m rot13
script -qec 'cryptoctl key import tty -m ed25519' /dev/null >pty </dev/null
check "a key is not typed" grep -q "is a terminal.*< FILE" pty

# --- what a key may do ---
check "a key to sign only" cryptoctl key generate signs -m ed25519 --usage=sign
check "it signs" cryptoctl sign -k signs -o sig raw
refused 1 "cryptoctl key list" cryptoctl verify -k signs -s sig raw
refused 1 "does not have that use" cryptoctl key generate x -m ed25519 \
	--usage=encrypt
refused 1 "k-x25519 is a key of x25519, which does not sign" \
	cryptoctl sign -k k-x25519 raw

# --- nonces of the daemon's ---
check "a key whose nonces the daemon chooses" cryptoctl key generate counted \
	-m chacha20-poly1305 --daemon-nonces
same "the list says so, and of no other" "counted" \
	"$(cryptoctl key list | awk '$7 == "yes" { print $1 }')"
refused 1 "encrypts with nonces of the daemon.s only.*without --daemon-nonces" \
	cryptoctl encrypt -k counted raw
if cryptoctl list -m | grep -q "^aes-256-gcm "; then
	left() {
		cryptoctl key list | awk '$1 == "k-aes-256-gcm" { print $9 }'
	}
	same "a key of AES-GCM has nonces left, of 2^32" 4294967296 "$(left)"
	same "JSON: a number, and null where there is no limit" \
		"4294967296 None None" "$(cryptoctl key list --json | python3 -c '
import json, sys
k = {k["key"]: k["nonces_left"] for k in json.load(sys.stdin)["keys"]}
print(k["k-aes-256-gcm"], k["counted"], k["k-ed25519"])')"
fi
check "a key of one's own, too" sh -c \
	'cryptoctl key import own -m aes-256-gcm --daemon-nonces <raw ||
	cryptoctl key import own -m chacha20-poly1305 --daemon-nonces <raw'
refused 1 "ed25519: has no nonces.*class aead" \
	cryptoctl key generate x -m ed25519 --daemon-nonces

# --- public keys ---
same "public: 32 bytes" 32 "$(cryptoctl key public k-ed25519 | wc -c)"
cryptoctl key public k-ed25519 -o pub
refused 1 "pub: exists; -f replaces it" cryptoctl key public k-ed25519 -o pub
refused 1 "pub: exists" cryptoctl key public k-ed25519 --pem --output=pub
for m in ed25519 x25519; do
	check "public --pem: $m" cryptoctl key public "k-$m" --pem -o "$m.pem"
	openssl pkey -pubin -in "$m.pem" -outform DER 2>/dev/null |
		tail -c 32 >"$m.raw"
	cryptoctl key public "k-$m" | cmp - "$m.raw"
	report $? "openssl reads the same key: $m"
	openssl pkey -pubin -in "$m.pem" -out again.pem 2>/dev/null
	cmp "$m.pem" again.pem
	report $? "and writes the same text"
	same "and the mechanism: $m" "$m Public-Key:" \
		"$(openssl pkey -pubin -in "$m.pem" -noout -text |
			head -n 1 | tr '[:upper:]' '[:lower:]' |
			sed 's/public-key/Public-Key/')"
done
openssl genpkey -algorithm ed25519 -outform DER -out private.der 2>/dev/null
tail -c 32 private.der | cryptoctl key import theirs -m ed25519
openssl pkey -inform DER -in private.der -pubout 2>/dev/null >want.pem
cryptoctl key public theirs --pem | cmp - want.pem
report $? "a private key of openssl's has the public part that openssl says"
check "a public key can be imported" sh -c \
	'cryptoctl key import bob -m ed25519 --public <pub'
cryptoctl sign -k k-ed25519 -f -o sig raw
same "it is only public" "no yes" \
	"$(cryptoctl key list | awk '$1 == "bob" { print $5, $6 }')"
check "and verifies" cryptoctl verify -k bob -s sig raw
refused 1 "key list" cryptoctl sign -k bob raw
refused 1 "symmetric" cryptoctl key public mine --pem

# --- the end ---
check "destroy" cryptoctl key destroy k-ed25519 mine
refused 1 "key k-ed25519: .*key list" cryptoctl sign -k k-ed25519 raw
refused 1 "key mine:" cryptoctl key destroy mine
refused 1 "key never:" cryptoctl key public never --pem
same "the list lacks it" "" "$(cryptoctl key list | grep '^k-ed25519 ')"
check "the name is free again" cryptoctl key generate k-ed25519 -m ed25519
refused 1 "wrong signature" cryptoctl verify -k k-ed25519 -s sig raw
finish
