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

# --- seal-messages, sign ---

same "seal-messages: there and back, and in no other order" \
	"message 0: 3 bytes sealed are 19, opened: one
as message 1: authentication failed
message 1: 0 bytes sealed are 16, opened: 
as message 2: authentication failed" "$("$here/seal-messages" one '')"
refused 1 '^seal: output too small' "$here/seal-messages" \
	"$(head -c 1000 /dev/zero | tr '\0' x)"
"$here/sign" 'a text' >first
"$here/sign" 'another text' >second
same "sign: the next program finds the key" "$(sed -n 's/^public //p' first)" \
	"$(sed -n 's/^public //p' second)"
check "and a signature is of its text" \
	sh -c '[ "$(grep ^sig first)" != "$(grep ^sig second)" ]'
same "a wrong signature, and what nobody gets out" \
	"authentication failed|not permitted" \
	"$(sed -n 's/^one bit turned: \([^:]*\).*/\1/p
		s/^the key.s bytes: \([^:]*\).*/\1/p' first |
		paste -sd '|')"

# --- the loops ---

lines() {
	printf 'one\n'
	for line in $(seq 40); do
		printf 'line %s\n' "$line"
	done
}
# a read may find several lines at once: then they are one
lines | "$here/epoll-loop" >out
check "epoll-loop: what was read has its MAC" grep -q '^line 0: has its MAC$' out
same "and nothing else is said" 0 "$(grep -vc '^line [0-9]*: has its MAC$' out)"
same "epoll-loop: no input, no output" "" "$(: | "$here/epoll-loop")"
refused 1 '^stdin: ' "$here/epoll-loop" <empty
(while :; do echo x; done) 2>/dev/null | head -c 100000 | "$here/epoll-loop" >out
check "more input than has its place: it waits" \
	sh -c '[ "$(wc -l <out)" -ge 391 ]' # of 256 bytes at most

split -b 65536 large piece.
same "uring-loop: as sha256sum of each piece" \
	"$(sha256sum piece.* | awk '{ print NR - 1, $1 }')" \
	"$("$here/uring-loop" large | LC_ALL=C sort -n)"
same "uring-loop: an empty file has none" "" "$("$here/uring-loop" empty)"
refused 1 '^no-such-file: No such file' "$here/uring-loop" no-such-file
refused 1 '^usage: ' "$here/uring-loop"

# --- threads, fork ---

same "threads: each did its own" "1000 1000 1000 1000" \
	"$("$here/threads" | sed 's/.*: \([0-9]*\) requests/\1/' | xargs)"
"$here/fork" >out
same "fork: the child has nothing of the parent's" 2 \
	"$(grep -c "^child, the parent's .*: connection lost" out)"
same "then each has its own" "child: its ring works|parent: its ring works" \
	"$(grep 'its ring works' out | paste -sd '|')"

# --- all of them ---

# short CEILING PROGRAM...: and none goes on without a daemon
short() {
	ceiling=$1
	shift
	for program; do
		check "$program: less than $ceiling lines" \
			sh -c '[ "$(wc -l <"$1")" -lt "$2" ]' - \
			"$top_srcdir/examples/$program.c" "$ceiling"
		refused 1 . env UKCF_SOCKET=/nonexistent "$here/$program" one
	done
}

short 80 batch cancel chain daemon-key dual fork hash-file multipart nonce \
	seal-messages sign threads
short 135 epoll-loop uring-loop
finish
