#!/bin/sh
# SPDX-License-Identifier: MIT
# cryptoctl digest equals sha256sum: bytes, files, names, failures.
. "$(dirname "$0")/functions.sh"
need sha256sum sha512sum python3
under_daemon "$@"

# equal FILE...: the same output, byte for byte
equal() {
	sha256sum -- "$@" >"$tmp/want" 2>/dev/null
	cryptoctl digest -m sha2-256 -- "$@" >"$tmp/found" 2>/dev/null
	cmp "$tmp/want" "$tmp/found"
}

cd "$tmp" || exit 99
: >empty
printf x >one
head -c 262144 /dev/urandom >chunk
head -c 262145 /dev/urandom >chunk-and-one
check "0 bytes" equal empty
check "1 byte" equal one
check "a read's length, and one more" equal chunk chunk-and-one
same "of standard input" "$(sha256sum <one)" \
	"$(cryptoctl digest -m sha2-256 <one)"
same "and as -" "$(sha256sum - <one)" "$(cryptoctl digest -m sha2-256 - <one)"
same "in a pipe that comes in pieces" "$(printf ab | sha256sum)" \
	"$({ printf a; timeout 0.05 tail -f /dev/null; printf b; } |
		cryptoctl digest -m sha2-256)"
same "sha2-512" "$(sha512sum one)" "$(cryptoctl digest -m sha2-512 one)"
same "by OpenSSL's name" "$(sha256sum one)" "$(cryptoctl digest -m SHA256 one)"

nl='
'
for name in 'two words' 'back\slash' "line${nl}feed" "all\\of${nl}it" \
	'-dash' 'ümläut'; do
	printf 'in %s' "$name" >"./$name"
	check "a name: $(printf %s "$name" | tr '\n' '?')" equal "$name"
done
check "sha256sum -c takes it" sh -c \
	'cryptoctl digest -m sha2-256 -- "$@" | sha256sum --quiet -c' - \
	one 'two words' 'back\slash' "line${nl}feed" '-dash'

# the detector: a wrong digest must be seen
check "a wrong digest is seen" sh -c '! cryptoctl digest -m sha2-256 one |
	sed "s/^[0-9a-e]/f/;t;s/^f/0/" | sha256sum --status -c'

# 3 GiB in constant memory
truncate -s 3G big
cat >peak.py <<'END'
import resource, subprocess, sys
rc = subprocess.run(sys.argv[1:]).returncode
kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"# {kib} KiB at most", file=sys.stderr)
sys.exit(rc or kib > 256 * 1024)
END
sha256sum big >want.big &
check "3 GiB, in less than 256 MiB of memory" sh -c \
	'python3 peak.py cryptoctl digest -m sha2-256 big >found'
wait
same "3 GiB" "$(cat want.big)" "$(cat found)"

# --- refusals ---
refused 1 "nothing-here: No such file" cryptoctl digest -m sha2-256 nothing-here
refused 1 "directory" cryptoctl digest -m sha2-256 .
refused 1 "rot13: no such mechanism.*list -m" cryptoctl digest -m rot13 one
refused 1 "ed25519 does not make digests" cryptoctl digest -m ed25519 one
cryptoctl digest -m sha2-256 nothing-here one >found 2>err
same "one missing file: the others come, the status is 1" \
	"1 $(sha256sum one)" "$? $(cat found)"
finish
