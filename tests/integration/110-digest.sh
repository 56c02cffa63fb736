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

# --- lists: as sha256sum checks them ---
# checked LIST [OPTION]: the same lines and the same status
checked() {
	sha256sum -c "$@" >want 2>want.err
	want=$?
	cryptoctl digest -m sha2-256 -c "$@" >found 2>found.err
	found=$?
	[ $want = $found ] && cmp want found &&
		sed 's/^sha256sum: //' want.err | sort >want.lines &&
		sed 's/^cryptoctl: //' found.err | sort >found.lines &&
		cmp want.lines found.lines
}
mkdir ok && for f in one empty 'two words' 'back\slash' "line${nl}feed"; do
	echo "$f" >"$f"
done
sha256sum one empty 'two words' 'back\slash' "line${nl}feed" >list
check "a list: all is right" checked list
check "with --quiet" checked list --quiet
check "with --status" checked list --status
check "of standard input" sh -c 'cryptoctl digest -m sha2-256 -c <list >found &&
	sha256sum -c <list | cmp - found'
sha256sum -b one >binary
check "of binary files" checked binary
{ sed 's/^[0-9a-f]*/\U&/' list; } >upper
check "upper-case digits" checked upper
for f in one empty; do
	{ cat list; echo "$(printf %064d 7)  $f"; } >wrong
	check "a wrong sum" checked wrong
	check "a wrong sum, --quiet" checked wrong --quiet
	check "a wrong sum, --status" checked wrong --status
done
sed 's/one$/gone/' list >missing
check "a missing file" checked missing
{ cat list; echo nonsense; echo; echo "# a comment"; echo abc1; } >malformed
check "lines that are none" checked malformed
{ cat wrong missing malformed; } >all
check "all of it" checked all
echo nonsense >none
check "nothing but such lines" checked none
: >none
check "no lines" checked none
printf %s "$(cat list)" >unended
check "no line feed at the end" checked unended
refused 1 "gone: No such file" cryptoctl digest -m sha2-256 -c gone
refused 2 "only with -c" cryptoctl digest -m sha2-256 --quiet list
# the detector: what is compared are lines that differ when files do
sha256sum -c list >want
echo changed >one
check "a changed file is seen" sh -c '! cryptoctl digest -m sha2-256 -c list \
	>found 2>err && ! cmp -s want found && grep -q "^one: FAILED$" found'

# --- refusals ---
refused 1 "nothing-here: No such file" cryptoctl digest -m sha2-256 nothing-here
refused 1 "directory" cryptoctl digest -m sha2-256 .
refused 1 "rot13: no such mechanism.*list -m" cryptoctl digest -m rot13 one
refused 1 "ed25519 does not make digests" cryptoctl digest -m ed25519 one
cryptoctl digest -m sha2-256 nothing-here one >found 2>err
same "one missing file: the others come, the status is 1" \
	"1 $(sha256sum one)" "$? $(cat found)"
finish
