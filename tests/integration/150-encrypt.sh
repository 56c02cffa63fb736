#!/bin/sh
# SPDX-License-Identifier: MIT
# encrypt and decrypt: what goes in comes out, in the form of ukcf-file(5).
. "$(dirname "$0")/functions.sh"
need cmp od python3
under_daemon "$@"
cd "$tmp" || exit 99

chunk=262144
head -c $((64 * 1048576)) /dev/urandom >64M
mkdir boxes back many
unbound='xsalsa20-poly1305 secretstream-xchacha20-poly1305'
mechs=$(cryptoctl list -m | awk -v unbound=" $unbound " '
	$2 == "aead" && $1 !~ /^null/ && !index(unbound, " " $1 " ") {
		print $1 }')
check "two mechanisms, or this machine lacks AES" test -n "$mechs"
sizes="0 1 15 16 17 4096 $((chunk - 1)) $chunk $((chunk + 1))
	$((2 * chunk)) $((7 * chunk)) $((8 * chunk)) $((8 * chunk + 1))
	$((9 * chunk - 16)) $((20 * chunk + 77))"
for n in $sizes; do
	head -c "$n" 64M >"many/$n"
done

# lengths MECH: each file is as long as ukcf-file(5) says
lengths() {
	for n in $sizes; do
		chunks=$(((n + chunk - 1) / chunk))
		[ "$chunks" != 0 ] || chunks=1
		key=32
		case $1 in aes-128-*) key=16 ;; aes-192-*) key=24 ;; esac
		nonce=12
		case $1 in x*) nonce=24 ;; esac
		want=$((48 + nonce + key + 16 + n + 16 * chunks))
		[ "$want" = "$(stat -c %s "boxes/$n.ukcf")" ] || {
			echo "$n: $(stat -c %s "boxes/$n.ukcf"), not $want"
			return 1
		}
	done
}

for m in $mechs; do
	cryptoctl key generate "$m" -m "$m" || exit 1
	rm -f boxes/* back/*
	cryptoctl encrypt -k "$m" -o boxes many/* &&
		cryptoctl decrypt -k "$m" -o back boxes/*
	report $? "$m: many files, one command"
	check "$m: there and back" diff -r many back
	check "$m: their lengths" lengths "$m"
done

for m in $unbound; do
	cryptoctl key generate "$m" -m "$m" || exit 1
	refused 1 "$m: does not encrypt files: it cannot bind.*aes-256-gcm can" \
		cryptoctl encrypt -k "$m" many/1
	cryptoctl key destroy "$m"
done

# --- standard input and output ---
echo letter >m
cryptoctl key generate box -m chacha20-poly1305 --exportable
cryptoctl encrypt -k box <m >sealed
check "by standard input and output" sh -c \
	'cryptoctl decrypt -k box <sealed | cmp - m'
check "a pipe that comes in pieces" sh -c \
	'{ head -c 70 sealed; timeout 0.05 tail -f /dev/null
	tail -c +71 sealed; } | cryptoctl decrypt -k box | cmp - m'
check "one file goes to standard output" sh -c \
	'cryptoctl encrypt -k box m | cryptoctl decrypt -k box - | cmp - m'
cryptoctl encrypt -k box m >again
check "every file has its own key and nonce" sh -c \
	'! cmp -s sealed again && [ "$(tail -c +49 sealed | head -c 12 | od -An -tx1)" \
	!= "$(tail -c +49 again | head -c 12 | od -An -tx1)" ]'
check "the text is not in it" sh -c '! grep -qa letter sealed'
same "the form: magic, version, sizes" \
	"75 6b 63 66 66 69 6c 65 01 12 0c 20 10 00 00 00" \
	"$(head -c 16 sealed | od -An -tx1 | sed 's/^ //')"

# --- by the letter of ukcf-file(5), without any of ours ---
cat >open.py <<'END'
import ctypes, ctypes.util, sys
sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")

def opened(key, nonce, aad, box):
    out = ctypes.create_string_buffer(len(box))
    n = ctypes.c_ulonglong()
    if sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
            out, ctypes.byref(n), None, box, ctypes.c_ulonglong(len(box)),
            aad, ctypes.c_ulonglong(len(aad)), nonce, key):
        sys.exit("not authentic")
    return out.raw[:n.value]

key, data = (open(f, "rb").read() for f in sys.argv[1:3])
assert data[:9] == b"ukcffile\x01" and data[13:16] == bytes(3)
order, n, k, t = data[9:13]
assert data[16:48].rstrip(b"\0") == b"chacha20-poly1305"
head = 48 + n + k + t
file_key = opened(key, data[48:48 + n], data[:48 + n], data[48 + n:head])
unit = (1 << order) + t
at, i = head, 0
while True:
    box = data[at:at + unit]
    at += unit
    last = at >= len(data)
    nonce = i.to_bytes(n - 1, "big") + bytes([last])
    sys.stdout.buffer.write(opened(file_key, nonce, data[:head], box))
    i += 1
    if last:
        break
END
cryptoctl key export box >box.key
for n in 0 1 $chunk $((20 * chunk + 77)); do
	cryptoctl encrypt -k box -f -o sealed "many/$n"
	check "libsodium alone opens it: $n bytes" sh -c \
		'python3 open.py box.key sealed | cmp - "$1"' - "many/$n"
done
cryptoctl encrypt -k box -f -o sealed m
head -c 32 /dev/zero >zero.key
check "and with another key it does not" sh -c \
	'! python3 open.py zero.key sealed >found 2>/dev/null'

# --- who may read it ---
# mode OLD: of what decrypt -f makes of a file that had that
mode() {
	echo old >private
	chmod "$1" private
	(umask 022 && cryptoctl decrypt -k box -f -o private sealed) || return
	stat -c %a private
}
same "a private file stays private when it is replaced" 600 "$(mode 600)"
same "one for the group stays that" 640 "$(mode 640)"
same "one for all is no wider than a new one" 644 "$(mode 666)"
check "it is the new text" cmp -s private m
rm private
(umask 022 && cryptoctl decrypt -k box -f -o private sealed)
same "a new file is as the umask has it" 644 "$(stat -c %a private)"

# --- memory ---
cat >peak.py <<'END'
import resource, subprocess, sys
rc = subprocess.run(sys.argv[1:]).returncode
kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"# {kib} KiB at most", file=sys.stderr)
open("peak", "w").write(str(kib))
sys.exit(rc)
END
# the file's size does not show in the memory; what the program itself has is
# that of a small file
size=$((64 * 1048576))
if [ -n "${UKCF_SOAK:-}" ]; then
	size=$((1024 * 1048576))
fi
truncate -s $size big
python3 peak.py cryptoctl encrypt -k box -f -o sealed m
small=$(cat peak)
check "encrypt $size bytes" python3 peak.py cryptoctl encrypt -k box -o big.box big
check "in constant memory" test "$(cat peak)" -lt $((small + 8192))
check "decrypt them" sh -c \
	'python3 peak.py cryptoctl decrypt -k box big.box | cmp - big'
check "in constant memory, too" test "$(cat peak)" -lt $((small + 8192))
check "the detector: more than 8 MiB is seen" sh -c \
	'python3 peak.py python3 -c "b = bytearray(48 << 20)" &&
	! test "$(cat peak)" -lt $(('"$small"' + 8192))'

# --- refusals ---
refused 1 "key none: " cryptoctl encrypt -k none m
cryptoctl key generate signer -m ed25519
refused 1 "signer is a key of ed25519, which does not encrypt.*aead" \
	cryptoctl encrypt -k signer m
cryptoctl key generate opens -m chacha20-poly1305 --usage=decrypt
refused 1 "key list" cryptoctl encrypt -k opens m
refused 1 "none: No such file" cryptoctl encrypt -k box none
refused 2 "several files: -o has to name a folder" cryptoctl encrypt -k box m m
refused 2 "which files" cryptoctl encrypt -k box -o boxes
refused 1 "standard input has no name" cryptoctl encrypt -k box -o boxes -
refused 1 "m: does not end in .ukcf" cryptoctl decrypt -k box -o boxes m
refused 1 "m: not a file of" cryptoctl decrypt -k box m
for m in $mechs; do
	[ "$m" = chacha20-poly1305 ] ||
		refused 1 "encrypted by chacha20-poly1305, and key $m is of $m" \
			cryptoctl decrypt -k "$m" sealed
done
rm -f boxes/*
cryptoctl encrypt -k box -o boxes m none many/1 2>err
same "one missing file: the others come, the status is 1" \
	"1 1.ukcf m.ukcf" "$? $(names boxes)"
finish
