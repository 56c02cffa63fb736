#!/bin/sh
# SPDX-License-Identifier: MIT
# Results that cannot be written: a message, status 1, and nothing half-written.
. "$(dirname "$0")/functions.sh"
[ -w /dev/full ] || skip "no /dev/full here"
under_daemon "$@"
cd "$tmp" || exit 99

cryptoctl key generate signer -m ed25519 --exportable || exit 1
cryptoctl key generate box -m chacha20-poly1305
cryptoctl key generate tag -m hmac-sha2-256
echo letter >m
cryptoctl encrypt -k box -o sealed m
cryptoctl sign -k signer -o sig m

for c in status list "list --json" "key list" "digest -m sha2-256 m" \
	"mac -m hmac-sha2-256 -k tag m" "key public signer" \
	"key public signer --pem" "key export signer" "sign -k signer m" \
	"verify -k signer -s sig m" "encrypt -k box m" "decrypt -k box sealed" \
	"random 16" "--help" "--version"; do
	refused 1 "No space left" sh -c "cryptoctl $c >/dev/full"
done
for c in "key public signer" "sign -k signer m" "encrypt -k box m" \
	"decrypt -k box sealed"; do
	# shellcheck disable=SC2086 # words
	refused 1 "/dev/full: .*No space left" cryptoctl $c -o /dev/full
done
check "/dev/full is still a device" test -c /dev/full
refused 1 "none/out: .*No such file" cryptoctl sign -k signer -o none/out m

# --- what -o does to what is there ---
echo old >out
ln -s out link
refused 1 "link: exists; -f replaces it" cryptoctl sign -k signer -o link m
same "and it is there" old "$(cat out)"
cryptoctl sign -k signer -f -o link m
check "a link is followed" test -L link
check "a file is replaced" cmp out sig
same "with the mode of a new file" \
	"$(umask 022; : >new; stat -c %a new)" "$(umask 022
	cryptoctl sign -k signer -f -o out m && stat -c %a out)"
same "and nothing is left beside it" "" "$(find . -name 'out.*')"

# --- a file system that is full ---
mkdir small
mount -t tmpfs -o size=64k none small 2>/dev/null || {
	echo "# no tmpfs can be mounted here: /dev/full only"
	finish
}
trap 'umount "$tmp/small"; clean_up' EXIT
head -c 262144 /dev/urandom >m
cryptoctl encrypt -k box -f -o sealed m
echo old >small/out
for c in "encrypt -k box m" "decrypt -k box sealed"; do
	# shellcheck disable=SC2086 # words
	refused 1 "small/out: .*No space left" cryptoctl $c -f -o small/out
	same "and the old file is there: $c" old "$(cat small/out)"
	# shellcheck disable=SC2086
	refused 1 "small/new: .*No space left" cryptoctl $c -o small/new
	same "and no new one: $c" out "$(ls -A small)"
	refused 1 "No space left" sh -c "cryptoctl $c >small/new"
	same "standard output is empty again: $c" 0 "$(stat -c %s small/new)"
	rm small/new
	refused 1 "No space left" sh -c "cryptoctl $c >>small/out"
	same "what it held is there: $c" old "$(cat small/out)"
done
echo letter >m
check "what fits is written" cryptoctl sign -k signer -o small/sig m
check "whole" cryptoctl verify -k signer -s small/sig m
finish
