#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line and the configuration: what is wrong is refused with its
# place and with what would be right.
. "$(dirname "$0")/functions.sh"

ukcfd=$top_builddir/daemon/ukcfd
conf=$tmp/ukcfd.conf
mkdir "$tmp/conf.d"

# judged STATUS WORDS: ukcfd.conf from stdin
judged() {
	cat >"$conf"
	if [ "$1" = 0 ]; then
		check "taken: $2" "$ukcfd" --config="$conf" --check-config
	else
		refused "$1" "$2" "$ukcfd" --config="$conf" --check-config
	fi
}

# --- command line ---

help_names() {
	"$ukcfd" --help >"$tmp/help" || return
	for word in --config=FILE --check-config --provider-dir=DIR \
		--set=SECTION.KEY=VALUE --log-level=LEVEL --run --version \
		--help 'exit status'; do
		grep -qF -- "$word" "$tmp/help" || return
	done
}

check "--help names the options and exit statuses" help_names
same "--version" "ukcfd $(sed -n 's/^#define UKCF_VERSION "\(.*\)"/\1/p' \
	"$top_srcdir/include/ukcf/version.h")" "$("$ukcfd" --version)"
refused 2 "unrecognized option" "$ukcfd" --no-such
refused 2 "Try 'ukcfd --help'" "$ukcfd" --no-such
refused 2 "requires an argument" "$ukcfd" --config
refused 2 "stray: only --run takes a command" "$ukcfd" stray
refused 2 "no command: ukcfd --run -- CMD" "$ukcfd" --run
refused 3 "not SECTION.KEY=VALUE" "$ukcfd" --check-config --set spin_us=1
refused 3 "daemon.spinus=1: unknown key spinus in \[daemon\]; there are .*spin_us" \
	"$ukcfd" --check-config --set daemon.spinus=1
refused 3 '"loud" is not one of .*debug' "$ukcfd" --check-config \
	--log-level=loud
refused 3 '"providers" is not an absolute path' "$ukcfd" --check-config \
	--provider-dir=providers
check "--check-config judges --set" "$ukcfd" --check-config --config=/dev/null \
	--set quota.keys=1 --set provider.null.delay=1 --log-level=debug

# --- files ---

sed 's/^#\([a-z_]* = \)/\1/' "$top_builddir/daemon/ukcfd.conf" >"$tmp/all"
grep -q '^keys = ' "$tmp/all" || bail "no defaults in daemon/ukcfd.conf"
judged 0 "what is installed, with every default spelled out" <"$tmp/all"
judged 0 "blanks, comments, providers' own options, no last newline" <<CONF
; comment
  [daemon]
	log_level = info   ; comment
providers = sodium, null example
[provider null]
delay_us = 1
$(printf '[quota]\nkeys = 1')
CONF
judged 3 "^$conf:3: unknown key log_levle in \[daemon\]; there are .*log_level" <<CONF
[daemon]
spin_us = 1
log_levle = info
CONF
judged 3 "^$conf:2: unknown section \[daemons\]; there are \[daemon\], \[quota\]" <<CONF
[daemons]
spin_us = 1
CONF
judged 3 "^$conf:1: spin_us stands before any section" <<CONF
spin_us = 1
CONF
for value in 65 -1 1x '' 99999999999999999999; do
	judged 3 "^$conf:2: service_threads: \"$value\" is not a number from 0 to 64" <<CONF
[daemon]
service_threads = $value
CONF
done
judged 3 "^$conf:2: socket: \"ukcfd.sock\" is not an absolute path" <<CONF
[daemon]
socket = ukcfd.sock
CONF
judged 3 "^$conf:2: socket: a path of at most 107 bytes" <<CONF
[daemon]
socket = /$(printf '%0107d' 0)
CONF
judged 3 "^$conf:2: log_level: \"loud\" is not one of emerg, .*debug" <<CONF
[daemon]
log_level = loud
CONF
judged 3 "^$conf:2: providers: name at least one, for example sodium" <<CONF
[daemon]
providers =
CONF
judged 3 "^$conf:3: not a section, a key = value pair or a comment" <<CONF
[daemon]
providers = sodium,
	null
CONF
judged 3 "^$conf:2: the line is longer than 198 bytes" <<CONF
[daemon]
# $(printf '%0300d' 0)
CONF
printf '[daemon]\nspin_us = 1\0' >"$tmp/binary"
judged 3 "^$conf:2: this is not text" <"$tmp/binary"

# Every complaint of a file, not one at a time.
printf '[daemon]\nx = 1\nspin_us = x\n' >"$conf"
"$ukcfd" --check-config --config="$conf" 2>"$tmp/complaints"
same "all complaints at once" "$conf:2: $conf:3: " \
	"$(grep -o "^$conf:[0-9]*: " "$tmp/complaints" | tr -d '\n')"

refused 3 "^$tmp/none.conf: cannot be read by uid [0-9]*: No such file" \
	"$ukcfd" --check-config --config="$tmp/none.conf"
refused 3 "^$tmp: cannot be read by uid [0-9]*: Is a directory" \
	"$ukcfd" --check-config --config="$tmp"

unreadable() {
	chmod 000 "$1"
	refused 3 "^$1: cannot be read by uid [0-9]*: Permission denied" \
		without dac_override,dac_read_search \
		"$ukcfd" --check-config --config="$conf"
	chmod 700 "$1"
}

echo '[daemon]' >"$conf"
unreadable "$conf"
unreadable "$tmp/conf.d"
mkdir "$tmp/conf.d/folder.conf"
refused 3 "^$tmp/conf.d/folder.conf: cannot be read.*Is a directory" \
	"$ukcfd" --check-config --config="$conf"
rmdir "$tmp/conf.d/folder.conf"

# --- drop-ins: the last one wins, the command line stands above all ---

# The daemon does not start, and names the socket it was to make.
to_be_served() {
	"$ukcfd" --config="$conf" "$@" \
		--provider-dir="$top_builddir/providers/.libs" 2>&1 |
		sed -n "s|.*socket $tmp/none/\([^:]*\): there is no folder.*|\1|p"
}

names_socket() {
	printf '[daemon]\nsocket = %s/none/%s\n' "$tmp" "$2" >"$1"
}

names_socket "$conf" main
same "the file itself" main "$(to_be_served)"
names_socket "$tmp/conf.d/20-b.conf" second
names_socket "$tmp/conf.d/10-a.conf" first
names_socket "$tmp/conf.d/30-c.conf.off" off
names_socket "$tmp/conf.d/.40.conf" hidden
same "the last drop-in, in order of names, of those named *.conf" second \
	"$(to_be_served)"
same "--set is read last" set \
	"$(to_be_served --set "daemon.socket=$tmp/none/set")"
echo 'x = 1' >"$tmp/conf.d/15.conf"
refused 3 "^$tmp/conf.d/15.conf:1: x stands before any section" \
	"$ukcfd" --check-config --config="$conf"
finish
