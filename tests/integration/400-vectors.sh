#!/bin/sh
# SPDX-License-Identifier: MIT
# Known answers by both paths: our own few always; Wycheproof's and NIST's
# where they are on this machine.
. "$(dirname "$0")/functions.sh"
[ ! -e "$top_builddir/providers/.libs/openssl.so" ] ||
	UKCFD_OPTIONS=${UKCFD_OPTIONS:---set=daemon.providers=sodium,openssl}
under_daemon "$@"

vectors=$top_builddir/tests/kat/ukcf-vectors
[ -x "$vectors" ] || skip "ukcf-vectors was not built: no jansson"

# Files of mechanisms that this build does not have are skipped with their
# reason; a failure in any makes the whole run fail.
run_dir() {
	what=$1
	shift
	[ -e "$1" ] || {
		echo "# $what: none on this machine (UKCF_VECTORS_DIR names a" \
			"directory of Wycheproof files)"
		return
	}
	"$vectors" "$@" >"$tmp/out" 2>&1
	status=$?
	grep -E 'FAILED|: skipped|(run, .*failed$)' "$tmp/out" | sed 's/^/# /'
	report $status "$what: $(tail -n 1 "$tmp/out")"
}

run_dir "vectors of RFCs and FIPS" "$top_srcdir"/tests/kat/data/*.json \
	"$top_srcdir"/tests/kat/data/*.rsp
same "of these refused: keys, nonces and a tag of a wrong size, on each path" \
	"10 refused" "$(tail -n 1 "$tmp/out" | grep -o '[0-9]* refused')"
check "skipped with a reason: HMAC with SHA-512/256, which is none of ours" \
	grep -q 'skipped 4: no mechanism here for HMACSHA512/256' "$tmp/out"

# The runner itself must see a wrong answer.
# sees_wrong WHAT SCRIPT FILE: of a file that sed(1) made wrong in one place
sees_wrong() {
	if ! [ -e "$3" ]; then
		unshown "$1" "no file $3 on this machine"
		return
	fi
	sed "$2" "$3" >"$tmp/changed"
	same "$1: one line is changed" 1 \
		"$(diff "$3" "$tmp/changed" | grep -c '^>')"
	"$vectors" "$tmp/changed" >"$tmp/out" 2>&1
	same "$1: it fails, on both paths" "2 failed" \
		"$(tail -n 1 "$tmp/out" | grep -o '[0-9]* failed')"
}
for form in xchacha20-poly1305 hmac-sha2-512 hkdf-sha2-512 siphash-2-4 \
	x25519-sealed-box; do
	sees_wrong "$form: what is invalid is said to be right" \
		'0,/"result": "invalid"/s/"invalid"/"valid"/' \
		"$top_srcdir/tests/kat/data/$form.json"
done
sed 's/ba7816bf/ba7816be/' "$top_srcdir/tests/kat/data/sha2-256.rsp" \
	>"$tmp/wrong.rsp"
if "$vectors" "$tmp/wrong.rsp" >"$tmp/out"; then
	report 1 "a file with a wrong digest fails"
else
	same "a file with a wrong digest fails, on both paths" "2 failed" \
		"$(tail -n 1 "$tmp/out" | grep -o '[0-9]* failed')"
fi
refused 1 'no daemon' env UKCF_SOCKET="$tmp/none" "$vectors" "$tmp/wrong.rsp"

dir=${UKCF_VECTORS_DIR:-$top_srcdir/../shared/vectors}
[ -d "$dir/wycheproof" ] && dir=$dir/wycheproof
run_dir "Wycheproof" "$dir"/*.json
nist=/usr/lib/python3/dist-packages/cryptography_vectors
run_dir "NIST SHA-2 (CAVP)" "$nist"/hashes/SHA2/SHA256*.rsp \
	"$nist"/hashes/SHA2/SHA512[LSM]*.rsp
run_dir "RFC 4231 as CAVP" "$nist"/HMAC/rfc-4231-sha256.txt
run_dir "NIST AES-256-GCM (CAVP)" "$nist"/ciphers/AES/GCM/gcm*256.rsp
# without AES instructions, and without openssl, none is run
if [ -e "$nist/ciphers/AES/GCM/gcmDecrypt256.rsp" ] &&
	cryptoctl list -m | grep -q '^aes-256-gcm '; then
	same "of these run: those with nonces of 96 and tags of 128 bits" \
		"1500 passed, 30000 refused, 0 skipped" "$(tail -n 1 "$tmp/out" |
			grep -o '[0-9]* passed.*skipped')"
fi
pairs=$nist/asymmetric
run_dir "NIST ECDSA and RSA signatures, ECDH (CAVP)" \
	"$pairs"/ECDSA/FIPS_186-3/SigVer.rsp \
	"$pairs"/ECDSA/FIPS_186-3/SigGen.txt \
	"$pairs"/RSA/FIPS_186-2/SigVer*_186-3.rsp \
	"$pairs"/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_*.fax
run_dir "RSA Laboratories' encryption" "$pairs"/RSA/pkcs1v15crypt-vectors.txt \
	"$pairs"/RSA/pkcs-1v2-1d2-vec/oaep-vect.txt \
	"$pairs"/RSA/oaep-custom/oaep-sha256-sha256.txt
if [ -e "$top_builddir/providers/.libs/openssl.so" ]; then
	sees_wrong "a forgery of OAEP that is said to be right" \
		'0,/"result": "invalid"/s/"invalid"/"valid"/' \
		"$top_srcdir/tests/kat/data/rsa-oaep.json"
	sees_wrong "another message of v1.5" \
		'0,/"msg": "74/s/"msg": "74/"msg": "75/' \
		"$top_srcdir/tests/kat/data/rsa-pkcs1.json"
	sees_wrong "a signature of ECDSA that is said to be wrong" \
		'/^\[P-256,SHA-256/,/Result = P/s/Result = P/Result = F/' \
		"$pairs/ECDSA/FIPS_186-3/SigVer.rsp"
	sees_wrong "one of RSA" \
		'/^\[mod = 2048/,$ {
			/SHA256/,/^$/ {
				/^e = 0*10001/,/^$/ {
					/Result = P/ {
						x; s/^/x/
						/^x$/ { x; s/P/F/; x }
						x
					}
				}
			}
		}' "$pairs/RSA/FIPS_186-2/SigVer15_186-3.rsp"
	sees_wrong "another secret of ECDH" \
		'/^\[EC - SHA256/,/^\[ED/ {
			/^COUNT = 2[^0-9]*$/,/^Result = P/s/^Z = ../Z = 00/
		}' \
		"$pairs/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax"
fi
run_dir "Ed25519, by its authors" "$nist"/asymmetric/Ed25519/sign.input
[ ! -e "$nist/asymmetric/Ed25519/sign.input" ] ||
	same "all of them, on each path" "2048 run, 2048 passed" \
		"$(tail -n 1 "$tmp/out" | grep -o '^.* passed')"
run_dir "RFC 4231 as CAVP, SHA-512" "$nist"/HMAC/rfc-4231-sha512.txt
run_dir "RFC 5869 as CAVP, HKDF-SHA-256" "$nist"/KDF/rfc-5869-HKDF-SHA256.txt \
	"$nist"/KDF/hkdf-generated.txt
[ ! -e "$nist/KDF/hkdf-generated.txt" ] ||
	same "all of them, on each path" "8 run, 8 passed" \
		"$(tail -n 1 "$tmp/out" | grep -o '^.* passed')"
sees_wrong "another output of HKDF" '0,/^OKM  = ../s//OKM  = 00/' \
	"$nist/KDF/rfc-5869-HKDF-SHA256.txt"
# Nothing in this file says what it is of.
blake2b=$nist/hashes/blake2/blake2b.txt
if [ -e "$blake2b" ]; then
	{
		printf '# BLAKE2b test vectors\n[L = 64]\n'
		cat "$blake2b"
	} >"$tmp/blake2b.txt"
	run_dir "BLAKE2b" "$tmp/blake2b.txt"
	same "all of them, on each path" "14 run, 14 passed" \
		"$(tail -n 1 "$tmp/out" | grep -o '^.* passed')"
	sees_wrong "another digest of BLAKE2b" '0,/^MD = ../s//MD = 00/' \
		"$tmp/blake2b.txt"
fi
run_dir "RFC 7539 as CAVP, Poly1305" "$nist"/poly1305/rfc7539.txt
finish
