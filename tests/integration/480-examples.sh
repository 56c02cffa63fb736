#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs of examples/ do what they say, and are short.
. "$(dirname "$0")/functions.sh"
need sha256sum
under_daemon "$@"
here=$top_builddir/examples

# --- hash-file ---

cd "$tmp" || exit 99
: >empty
printf x >one
head -c 200000 /dev/urandom >large
same "hash-file: as sha256sum" "$(sha256sum empty one large)" \
	"$("$here/hash-file" empty one large)"
refused 1 '^no-such-file: No such file' "$here/hash-file" no-such-file

# --- daemon-key ---

"$here/daemon-key" 'a text' >first
"$here/daemon-key" 'a text' >second
"$here/daemon-key" 'another text' >third
check "daemon-key: the next program finds the key" cmp first second
check "and a MAC is of its text" sh -c '! cmp -s first third'
same "a wrong MAC, and what nobody gets out" \
	"authentication failed|not permitted" \
	"$(sed -n 's/^one bit turned: \([^:]*\).*/\1/p
		s/^the key.s bytes: \([^:]*\).*/\1/p' first |
		paste -sd '|')"

# --- batch ---

same "batch: all of them" "64 digests" "$("$here/batch")"

# --- cancel ---

"$here/cancel" >out
same "cancel: each request ends once, the cancel too" \
	"0 1 1000 2 3 4 5 6 7" \
	"$(sed 's/^[a-z]* \([0-9]*\):.*/\1/' out | LC_ALL=C sort | xargs)"
same "the others are done" 7 "$(grep -c '^request [0-6]: done$' out)"
# in time: the cancel is done, and the request is not; else not both
check "taken back, or done: not both" \
	test "$(grep -cE '^(request 7|cancel 1000): done$' out)" -lt 2

# --- multipart, dual, chain ---

same "multipart" '"one part, another, the last": its MAC is that of its parts' \
	"$("$here/multipart")"
"$here/dual" >out
same "dual: there and back" "opened: a secret text" "$(head -n 1 out)"
check "and never under a wrong MAC" \
	grep -q 'authentication failed.*nothing was decrypted: ""$' out
same "chain: its three steps" "32 32 28" \
	"$("$here/chain" | sed 's/.*: \([0-9]*\) bytes/\1/' | xargs)"

# --- nonce ---

same "nonce: three messages, three nonces" "00 01 02" \
	"$("$here/nonce" | sed -n \
		's/.*ends in \([0-9a-f]*\): meet me at noon$/\1/p' | xargs)"

# --- all of them ---

for program in batch cancel chain daemon-key dual hash-file multipart nonce; do
	check "$program: less than 80 lines" sh -c '[ "$(wc -l <"$1")" -lt 80 ]' \
		- "$top_srcdir/examples/$program.c"
	refused 1 . env UKCF_SOCKET=/nonexistent "$here/$program" one
done
finish
