#!/bin/sh
# SPDX-License-Identifier: MIT
# The provider openssl, chosen before any other: NIST's and Wycheproof's known
# answers by both paths, and the tool openssl(1) as judge.
. "$(dirname "$0")/functions.sh"
[ -e "$top_builddir/providers/.libs/openssl.so" ] ||
	skip "the provider openssl was not built: no libcrypto >= 3.0"
need openssl
# ukcf-vectors needs random, which sodium has.
UKCFD_OPTIONS=${UKCFD_OPTIONS:---set=daemon.providers=openssl,sodium}
under_daemon "$@"

vectors=$top_builddir/tests/kat/ukcf-vectors

# all_of WHAT FILE...: each vector is run on both paths; none fails or is
# skipped for want of a mechanism
all_of() {
	what=$1
	shift
	if ! [ -x "$vectors" ]; then
		unshown "$what" "ukcf-vectors was not built"
		return
	fi
	for f; do
		[ -e "$f" ] && continue
		unshown "$what" "no file $f on this machine"
		return
	done
	"$vectors" "$@" >"$tmp/out" 2>&1
	status=$?
	grep -E 'FAILED|: skipped' "$tmp/out" | sed 's/^/# /'
	! grep -q 'does not offer' "$tmp/out" || status=1
	report $status "$what: $(tail -n 1 "$tmp/out")"
}

head -c 100001 /dev/urandom >m
: >empty
for pair in sha1:sha1 sha2-224:sha224 sha2-256:sha256 sha2-384:sha384 \
	sha2-512:sha512 sha2-512-256:sha512-256 sha3-224:sha3-224 \
	sha3-256:sha3-256 sha3-384:sha3-384 sha3-512:sha3-512; do
	for f in m empty; do
		same "${pair%:*} of $f: as openssl(1) says" \
			"$(openssl dgst -r -"${pair#*:}" $f | cut -d' ' -f1)" \
			"$(cryptoctl digest -m "${pair%:*}" $f | cut -d' ' -f1)"
	done
done
head -c 40 /dev/urandom >k40
key=$(od -An -v -tx1 k40 | tr -d ' \n')
for pair in sha1:sha1 sha2-224:sha224 sha2-256:sha256 sha2-384:sha384 \
	sha2-512:sha512; do
	cryptoctl key import "t-${pair%:*}" -m "hmac-${pair%:*}" <k40 || exit 1
	same "hmac-${pair%:*}: as openssl(1) says" \
		"$(openssl dgst -r -"${pair#*:}" -mac HMAC \
			-macopt "hexkey:$key" m | cut -d' ' -f1)" \
		"$(cryptoctl mac -m "hmac-${pair%:*}" -k "t-${pair%:*}" m |
			cut -d' ' -f1)"
done
for bits in 128 192 256; do
	head -c $((bits / 8)) /dev/urandom >k
	key=$(od -An -v -tx1 k | tr -d ' \n')
	cryptoctl key import c$bits -m aes-$bits-cmac <k || exit 1
	same "aes-$bits-cmac: as openssl(1) says" \
		"$(openssl mac -cipher aes-$bits-cbc -macopt "hexkey:$key" \
			-in m CMAC | tr 'A-F' 'a-f')" \
		"$(cryptoctl mac -m aes-$bits-cmac -k c$bits m |
			cut -d' ' -f1)"
	cryptoctl key generate g$bits -m aes-$bits-gcm || exit 1
	cryptoctl encrypt -k g$bits <m >sealed || exit 1
	check "aes-$bits-gcm: decrypts what it encrypted" \
		sh -c "cryptoctl decrypt -k g$bits <sealed |
			cmp - m"
	for mode in cbc ctr; do
		cryptoctl key import $mode$bits -m "aes-$bits-$mode" <k ||
			exit 1
	done
done
refused 1 'cbc256 is a key of aes-256-cbc, which does not encrypt and authenticate.*aead' \
	cryptoctl encrypt -k cbc256 m
head -c 32 /dev/urandom >k
cat k k >twice
cryptoctl key generate xts -m aes-256-xts || exit 1
refused 1 'no key of this mechanism, or a weak one' \
	sh -c 'cryptoctl key import twice -m aes-256-xts <twice'
for m in ecdsa-p256-sha2-256 ecdsa-p384-sha2-384 ecdh-p256 ecdh-p384; do
	cryptoctl key generate "p-$m" -m "$m" || exit 1
	cryptoctl key public "p-$m" --pem >pem || exit 1
	cryptoctl key public "p-$m" >raw || exit 1
	same "$m: openssl(1) reads its public key" \
		"$(od -An -v -tx1 raw | tr -d ' \n')" \
		"$(openssl pkey -pubin -in pem -noout -text | grep '^ ' |
			tr -d ' :\n')"
done
for m in ed25519 ecdsa-p256-sha2-256 ecdsa-p384-sha2-384; do
	cryptoctl key generate "s-$m" -m "$m" || exit 1
	cryptoctl key public "s-$m" >raw || exit 1
	cryptoctl key import "v-$m" -m "$m" --public <raw || exit 1
	cryptoctl sign -k "s-$m" m >sig || exit 1
	check "$m: a public key verifies what the secret one signed" \
		cryptoctl verify -k "v-$m" -s sig m
	refused 1 . cryptoctl verify -k "v-$m" -s sig k
done
head -c 65 /dev/urandom >raw
refused 1 'no key of this mechanism, or a weak one' sh -c \
	'cryptoctl key import off -m ecdsa-p256-sha2-256 --public <raw'
head -c 32 /dev/zero >raw
refused 1 'no key of this mechanism, or a weak one' sh -c \
	'cryptoctl key import zero -m ecdh-p256 <raw'

# rsa BITS DIGEST PADDING: this padding's options of openssl(1) are $options
rsa_agrees() {
	m=rsa-$3-sha2-$2 k=rsa-$1-$2-$3
	options=
	[ "$3" = pkcs1 ] || options="-sigopt rsa_padding_mode:pss
		-sigopt rsa_pss_saltlen:digest"
	cryptoctl key import "$k" -m "$m" <"$1.p8" || exit 1
	[ "$2" != 256 ] || cryptoctl key import "$k-p1" -m "$m" <"$1.p1" ||
		exit 1
	cryptoctl key import "$k-spki" -m "$m" --public <"$1.spki" || exit 1
	cryptoctl key public "$k" >raw || exit 1
	cryptoctl key import "$k-pub" -m "$m" --public <raw || exit 1
	cryptoctl sign -k "$k" m >sig
	# shellcheck disable=SC2086 # a list of options
	same "$m, $1 bits: openssl(1) verifies" "Verified OK $(($1 / 8))" \
		"$(openssl dgst "-sha$2" $options -verify "$1.pem" \
			-signature sig m) $(wc -c <sig)"
	# shellcheck disable=SC2086
	openssl dgst "-sha$2" $options -sign "$1.key" m >sig || exit 1
	for v in spki pub p1; do
		[ $v != p1 ] || [ "$2" = 256 ] || continue # read in one way
		check "$m, $1 bits: verifies what openssl(1) signed ($v)" \
			cryptoctl verify -k "$k-$v" -s sig m
	done
	refused 1 'wrong signature' cryptoctl verify -k "$k-pub" -s sig empty
	check "$m, $1 bits: its public key in PEM is openssl(1)'s" sh -c \
		'cryptoctl key public "$1" --pem | cmp - "$2"' - "$k" "$1.pem"
	[ "$3" = pss ] || return 0
	# shellcheck disable=SC2086
	openssl dgst "-sha$2" ${options%digest}0 -sign "$1.key" m >sig ||
		exit 1
	refused 1 'wrong signature' cryptoctl verify -k "$k-pub" -s sig m
}

# rsa_key NAME BITS OPTION...: NAME.key, .pem, and in DER .p8, .p1, .spki
rsa_key() {
	name=$1 bits=$2
	shift 2
	openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" \
		-out "$name.key" "$@" 2>/dev/null &&
		openssl pkey -in "$name.key" -pubout -out "$name.pem" &&
		openssl pkcs8 -topk8 -nocrypt -in "$name.key" -outform DER \
			-out "$name.p8" &&
		openssl rsa -in "$name.key" -traditional -outform DER \
			-out "$name.p1" 2>/dev/null &&
		openssl pkey -in "$name.key" -pubout -outform DER \
			-out "$name.spki" || exit 1
}

# rsa_crypts MECH KEY OPTION...: options of openssl-pkeyutl(1), without -pkeyopt
rsa_crypts() {
	m=$1 k=$2
	shift 2
	pkeyopts=
	for o; do
		pkeyopts="$pkeyopts -pkeyopt $o"
	done
	head -c 60 m >plain
	cryptoctl key public "$k" --pem >"$k.pem" || exit 1
	cryptoctl key public "$k" >raw || exit 1
	cryptoctl key import "$k-pub" -m "$m" --public <raw || exit 1
	# shellcheck disable=SC2086 # a list of options
	openssl pkeyutl -encrypt -pubin -inkey "$k.pem" -in plain $pkeyopts \
		-out sealed || exit 1
	check "$m: decrypts what openssl(1) encrypted" sh -c \
		'cryptoctl decrypt -k "$1" sealed | cmp - plain' - "$k"
	cryptoctl encrypt -k "$k-pub" plain >sealed || exit 1
	check "$m: and what its public key did" sh -c \
		'cryptoctl decrypt -k "$1" sealed | cmp - plain' - "$k"
	refused 1 'usage does not allow it' \
		cryptoctl decrypt -k "$k-pub" sealed
	refused 1 'such a key takes one short message' \
		cryptoctl encrypt -k "$k" m
	[ "$m" != rsa-pkcs1 ] || return 0
	refused 1 'not authentic' cryptoctl decrypt -k "$k" plain
}

# Each padding with each digest, and each size with one of them: what a size and
# a digest are does not depend on each other.
rsa_key 2048 2048
for sha in 256 384 512; do
	rsa_agrees 2048 $sha pkcs1
	rsa_agrees 2048 $sha pss
done
for bits in 3072 4096; do
	rsa_key $bits $bits
	rsa_agrees $bits 256 pss
done
same "rsa: the bits of a key are those of its modulus" \
	"2048 3072 4096" "$(cryptoctl key list |
		awk '$1 ~ /^rsa-.*-pss$/ { print $3 }' | sort -u | xargs)"
# The daemon makes keys, and openssl(1) uses them.
cryptoctl key generate made -m rsa-oaep-sha2-256 --bits=2048 --exportable ||
	exit 1
cryptoctl key export made >made.der || exit 1
same "rsa: openssl(1) finds nothing wrong with a key that was made" \
	"RSA key ok" "$(openssl rsa -inform DER -in made.der -check -noout 2>&1)"
same "rsa: of the size that was asked for, with exponent 65537" \
	"2048 65537" "$(openssl rsa -inform DER -in made.der -noout -text |
		sed -n 's/.*Key: (\([0-9]*\) bit.*/\1/p
			s/^publicExponent: \([0-9]*\).*/\1/p' | xargs)"
refused 2 '1024: no size of a key' \
	cryptoctl key generate small -m rsa-pkcs1 --bits=1024
refused 1 'ed25519: its keys have one size' \
	cryptoctl key generate small -m ed25519 --bits=2048
rsa_crypts rsa-oaep-sha2-256 made rsa_padding_mode:oaep rsa_oaep_md:sha256 \
	rsa_mgf1_md:sha256
cryptoctl key import sha1 -m rsa-oaep-sha1 <made.der || exit 1
rsa_crypts rsa-oaep-sha1 sha1 rsa_padding_mode:oaep
cryptoctl key import v15 -m rsa-pkcs1 <made.der || exit 1
rsa_crypts rsa-pkcs1 v15 rsa_padding_mode:pkcs1
# A wrong padding looks like a right one, and always like the same.
printf '%0256d' 0 | tr 0 '\001' >sealed
cryptoctl decrypt -k v15 sealed >first
same "rsa-pkcs1: a wrong padding is not told" "0" $?
check "rsa-pkcs1: and gives the same bytes again" sh -c \
	'cryptoctl decrypt -k v15 sealed | cmp - first'
weak='no key of this mechanism, or a weak one'
# no_rsa_key FILE OPTION...
no_rsa_key() {
	file=$1
	shift
	refused 1 "$weak|raw bytes" sh -c 'file=$1; shift
		cryptoctl key import weak -m rsa-pss-sha2-256 "$@" <"$file"' \
		- "$file" "$@"
}
rsa_key short 1024
rsa_key odd 2056
rsa_key e3 2048 -pkeyopt rsa_keygen_pubexp:3
for name in short odd e3; do # where they stand is read in one way
	no_rsa_key $name.p8
	no_rsa_key $name.spki --public
done
no_rsa_key 2048.spki
no_rsa_key 2048.p8 --public
no_rsa_key m
cat 2048.p1 empty >same
printf x | cat 2048.p1 - >longer
no_rsa_key longer
check "rsa: the control" sh -c \
	'cryptoctl key import control -m rsa-pss-sha2-256 <same'
# One bit of p, q, d or what follows from them: 2048.p1 has e at 271.
for at in 300 700 1180; do # all of them: tests/unit/openssl.c
	(
		head -c $at 2048.p1
		head -c $((at + 1)) 2048.p1 | tail -c 1 |
			od -An -v -tu1 | awk '{ printf "%c", ($1 + 1) % 128 }'
		tail -c +$((at + 2)) 2048.p1
	) >damaged
	no_rsa_key damaged
done

nist=/usr/lib/python3/dist-packages/cryptography_vectors
# One Monte Carlo test, which is long, for all sizes of SHA-2.
all_of "NIST SHA-1 (CAVP)" "$nist"/hashes/SHA1/*Msg.rsp
all_of "NIST SHA-2 (CAVP)" "$nist"/hashes/SHA2/SHA224*Msg.rsp \
	"$nist"/hashes/SHA2/SHA384*.rsp "$nist"/hashes/SHA2/SHA512_256*Msg.rsp \
	"$nist"/hashes/SHA2/SHA256*Msg.rsp "$nist"/hashes/SHA2/SHA512[LS]*Msg.rsp
all_of "NIST SHA-3 (CAVP)" "$nist"/hashes/SHA3/*Msg.rsp
all_of "RFC 2202 and 4231 as CAVP" "$nist"/HMAC/rfc-2202-sha1.txt \
	"$nist"/HMAC/rfc-4231-*.txt
all_of "SP 800-38B as CAVP" "$nist"/CMAC/nist-800-38b-aes*.txt
aes=$nist/ciphers/AES
all_of "NIST AES-CBC (CAVP)" "$aes"/CBC/CBC*.rsp
all_of "RFC 3686 as CAVP" "$aes"/CTR/aes-*-ctr.txt
all_of "NIST AES-XTS (CAVP)" "$aes"/XTS/tweak-128hexstr/XTSGenAES*.rsp
all_of "NIST AES key wrap (CAVP)" "$nist"/keywrap/kwtestvectors/KW_A[ED]_???.txt
all_of "NIST AES-GCM (CAVP)" "$nist"/ciphers/AES/GCM/gcmDecrypt1*.rsp
# Those that sodium answers where both are; the others are in 400-vectors.sh.
dir=${UKCF_VECTORS_DIR:-$top_srcdir/../shared/vectors}
[ -d "$dir/wycheproof" ] && dir=$dir/wycheproof
for f in ed25519 aes_gcm chacha20_poly1305 hmac_sha256 hkdf_sha256 x25519; do
	all_of "Wycheproof $f" "$dir/${f}_test.json"
done

# Its states are not flat, and its pieces those of every mechanism.
for t in multipart pieces links; do
	"$top_builddir/tests/parts/$t" >"$tmp/out" 2>&1
	status=$?
	grep -v '^ok' "$tmp/out" | sed 's/^/# /'
	report $status "tests/parts/$t: $(grep -c '^ok' "$tmp/out") properties"
done

# The judge must be able to say no.
check "a digest of another file differs" \
	[ "$(openssl dgst -r -sha1 m)" != "$(openssl dgst -r -sha1 empty)" ]
finish
