#!/bin/sh
# SPDX-License-Identifier: MIT
# What becomes of a result whose command, daemon or disk ends in the middle, and
# of files that are there already.
. "$(dirname "$0")/functions.sh"
need mkfifo script
no_core
UKCFD_OPTIONS='--set daemon.log_level=crit'
export UKCFD_OPTIONS
under_daemon "$@"
cd "$tmp" || exit 99

cryptoctl key generate box -m chacha20-poly1305 || exit 1
head -c 4194304 /dev/urandom >plain
cryptoctl encrypt -k box -o sealed plain || exit 1
mkdir out

# half_way COMMAND FILE [OPTION...]: one that has read half of FILE, and waits
# for the rest; $worker is its process, and descriptor 9 where the rest goes
half_way() {
	word=$1
	file=$2
	shift 2
	rm -f fifo
	mkfifo fifo
	cryptoctl "$word" -k box "$@" <fifo 2>err &
	worker=$!
	exec 9>fifo
	# what a pipe holds has not been read for certain
	head -c 2097152 "$file" >&9
}
rest() {
	tail -c +2097153 plain >&9
}

# --- the command ---
for sig in KILL TERM HUP; do
	half_way encrypt plain -o out/new
	kill -$sig $worker
	exec 9>&-
	wait $worker
	same "encrypt, ended by SIG$sig: no file, whole or partial" "" \
		"$(ls -A out)"
	half_way decrypt sealed -o out/new
	kill -$sig $worker
	exec 9>&-
	wait $worker
	same "decrypt, ended by SIG$sig: no file" "" "$(ls -A out)"
done
echo old >out/there
half_way encrypt plain -f -o out/there
kill -KILL $worker
exec 9>&-
wait $worker
same "what is there stays: with -f, too" "old there" \
	"$(cat out/there) $(ls -A out)"
half_way encrypt plain -o out/new
rest
exec 9>&-
wait $worker
report $? "the control: one that is let go on ends well"
check "and its file is whole" sh -c 'cryptoctl decrypt -k box out/new | cmp - plain'
rm out/*

# A file system without nameless files: there is a name until the end, and
# signals that end the program remove it.
nameless=$top_builddir/tests/integration/refuse-syscall
named() {
	"$nameless" access EPERM cryptoctl "$@"
}
if "$nameless" access EPERM true 2>/dev/null; then
	check "a temporary name" named encrypt -k box -o out/new plain
	same "leaves nothing beside the file" new "$(ls -A out)"
	refused 1 "out/new: exists" named encrypt -k box -o out/new plain
	check "replaces with -f" named encrypt -k box -f -o out/new plain
	same "and leaves nothing beside it" new "$(ls -A out)"
	check "what it wrote is right" sh -c \
		'cryptoctl decrypt -k box out/new | cmp - plain'
	rm out/*
	mkfifo named
	"$nameless" access EPERM cryptoctl encrypt -k box -o out/new <named &
	worker=$!
	exec 9>named
	head -c 2097152 plain >&9
	same "it has a name meanwhile" 1 "$(names out | grep -c '^new\.')"
	kill -TERM $worker
	exec 9>&-
	wait $worker
	same "that SIGTERM removes" "" "$(ls -A out)"
else
	unshown "temporary names" "no system call can be refused here"
fi

# --- the daemon ---
pid_of_daemon() {
	cryptoctl status | awk '$1 == "pid" { print $2 }'
}
for c in encrypt decrypt; do
	[ $c = encrypt ] && from=plain || from=sealed
	half_way $c $from -o out/new
	kill -KILL "$(pid_of_daemon)"
	tail -c +2097153 $from >&9
	exec 9>&-
	wait $worker
	report $? "$c, and the daemon is killed in the middle: only later"
	cat err
	if [ $c = encrypt ]; then
		cryptoctl decrypt -k box out/new | cmp - plain
	else
		cmp out/new plain
	fi
	report $? "$c: the file is right"
	rm -f out/new
done

# What a MAC has of the first half lies in the daemon: a file is read again, and
# a pipe cannot be.
cryptoctl key generate tag -m hmac-sha2-256
truncate -s 192M long
cryptoctl mac -m hmac-sha2-256 -k tag long >found 2>err &
worker=$!
under_way() {
	awk '/^pos:/ && $2 > 16777216 { found = 1 } END { exit !found }' \
		/proc/$worker/fdinfo/* 2>/dev/null || ! kill -0 $worker 2>/dev/null
}
await 30 under_way
kill -KILL "$(pid_of_daemon)"
if kill -0 $worker 2>/dev/null; then
	wait $worker
	same "mac, and the daemon is killed in the middle: only later" \
		"0 $(cryptoctl mac -m hmac-sha2-256 -k tag long)" "$? $(cat found)"
else
	unshown "mac, and the daemon is killed in the middle" "it was too quick"
fi
cat err
rm -f long fifo
mkfifo fifo
cryptoctl mac -m hmac-sha2-256 -k tag - <fifo >found 2>err &
worker=$!
exec 9>fifo
head -c 2097152 plain >&9
kill -KILL "$(pid_of_daemon)"
tail -c +2097153 plain >&9
exec 9>&-
wait $worker
case $? in
0) same "mac of a pipe: the daemon kept the state" "$(cat found)" \
	"$(cryptoctl mac -m hmac-sha2-256 -k tag - <plain)" ;;
*) check "mac of a pipe: lost, with a message, and no MAC" sh -c \
	'grep -q "daemon restarted, or.*; begin anew" err && ! test -s found' ;;
esac

# --- what is there ---
echo old >out/there
ln -s there out/link
ln -s nowhere out/dangling
for f in there link; do
	refused 1 "out/$f: exists; -f" cryptoctl encrypt -k box -o out/$f plain
	refused 1 "out/$f: exists; -f" cryptoctl decrypt -k box -o out/$f sealed
done
refused 1 "out/dangling: exists; -f" cryptoctl decrypt -k box -o out/dangling \
	sealed
same "and it is as it was" old "$(cat out/there)"
check "with -f a link is followed" cryptoctl decrypt -k box -f -o out/link sealed
check "what it leads to is replaced" sh -c 'test -L out/link && cmp out/there plain'
half_way encrypt plain -o out/new
echo came >out/new
tail -c +2097153 plain >&9
exec 9>&-
wait $worker
same "a file that came meanwhile stays" "1 came" "$? $(cat out/new)"
check "with a message" grep -q 'out/new: exists' err
check "a pipe is written to" sh -c 'rm -f fifo; mkfifo fifo
	cryptoctl decrypt -k box -o fifo sealed & cmp fifo plain && wait $!'
rm -f out/*

# --- the disk ---
# bounded CMD...: files end after 1 MiB, as a quota ends them
bounded() {
	(
		ulimit -f 2048 # blocks of 512
		trap '' XFSZ
		"$@"
	)
}
for c in "encrypt -k box -o out/new plain" "decrypt -k box -o out/new sealed"; do
	# shellcheck disable=SC2086 # words
	refused 1 "out/new: cannot be written: File too large" bounded cryptoctl $c
	same "no file is left: $c" "" "$(ls -A out)"
done
mkdir small
if mount -t tmpfs -o size=1m none small 2>/dev/null; then
	trap 'umount "$tmp/small"; clean_up' EXIT
	for c in "encrypt -k box -o small/new plain" \
		"decrypt -k box -o small/new sealed"; do
		# shellcheck disable=SC2086 # words
		refused 1 "small/new: cannot be written: No space left" \
			cryptoctl $c
		same "a full disk: no file is left: $c" "" "$(ls -A small)"
	done
	head -c 65536 plain >m
	check "what fits is written" cryptoctl encrypt -k box -o small/new m
fi
refused 1 "none/new: cannot be written: No such file" cryptoctl encrypt -k box \
	-o none/new plain

# --- anywhere ---
# points: a command, what ends it, and after how many bytes
points() {
	awk -v n=$rounds -v seed="${UKCF_SEED:-1}" 'BEGIN {
		srand(seed)
		split("encrypt decrypt", word)
		split("KILL INT TERM HUP disk", how)
		for (; n > 0; n--)
			print word[1 + int(rand() * 2)], how[1 + int(rand() * 5)],
				1024 + int(rand() * 4190000)
	}'
}
# ends WORD HOW AT: status 0 if it ended as it should and left nothing
ends() {
	from=plain
	[ "$1" = encrypt ] || from=sealed
	if [ "$2" = disk ]; then
		(
			ulimit -f $(($3 / 512))
			trap '' XFSZ
			cryptoctl "$1" -k box -o out/new $from 2>/dev/null
		)
		[ $? = 1 ] && [ -z "$(ls -A out)" ]
		return
	fi
	rm -f fifo
	mkfifo fifo
	# what a shell starts beside itself does not take SIGINT
	env --default-signal=INT cryptoctl "$1" -k box -o out/new <fifo \
		2>/dev/null &
	worker=$!
	exec 9>fifo
	head -c "$3" $from >&9
	kill "-$2" $worker
	exec 9>&-
	wait $worker
	[ $? -gt 128 ] && [ -z "$(ls -A out)" ]
}
rm -rf out/*
rounds=10
[ -z "${UKCF_SOAK:-}" ] || rounds=200
points >random
same "as many points as were asked for" $rounds "$(wc -l <random)"
wrong=
while read -r word how at; do
	ends "$word" "$how" "$at" || wrong="$wrong $word/$how/$at"
	rm -f out/*
done <random
same "$rounds ends anywhere, by signals and full disks: no file" "" "$wrong"
touch out/new
check "the detector: a file that is left is seen" sh -c \
	'test -n "$(ls -A out)"'
rm out/new

# --- a terminal ---
# The line that says how far it is comes after half a second, so the input has
# to take longer.
slow() {
	head -c 300000 plain
	timeout 0.7 tail -f /dev/null
	head -c 300000 plain
}
slow | cryptoctl encrypt -k box -o out/new 2>err
same "quiet in a pipe" "0 0" "$? $(stat -c %s err)"
rm out/new
cat >on-terminal <<'END'
{ head -c 300000 plain; timeout 0.7 tail -f /dev/null; head -c 300000 plain; } |
	cryptoctl encrypt -k box -o out/new
END
TERM=xterm script -qec "sh on-terminal" /dev/null </dev/null >pty
check "bytes and a rate on a terminal" grep -aqE 'iB, .*iB/s .*standard input' pty
check "and the line is cleared at the end" sh -c \
	'tail -c 4 pty | od -An -c | grep -q "033   \[   K"'
finish
