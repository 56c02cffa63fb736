#!/bin/sh
# SPDX-License-Identifier: MIT
# What an administrator does: disable and enable, see why, test, command; and
# that nobody else may.
. "$(dirname "$0")/functions.sh"
UKCFD_OPTIONS='--set daemon.providers=sodium,nullhw --set daemon.log_level=crit'
export UKCFD_OPTIONS
under_daemon "$@"

sum() {
	printf abc | cryptoctl digest -m "$1" -
}

state_is() {
	[ "$(cryptoctl list | awk -v p="$1" '$1 == p { print $4 }')" = "$2" ]
}

# --- mechanisms ---
before=$(sum sha2-512)
same "disable says what it did" "sha2-512 is disabled" \
	"$(cryptoctl disable mechanism=sha2-512)"
refused 1 "disabled by the administrator" sum sha2-512
same "disabling twice changes nothing" "SHA512 is disabled" \
	"$(cryptoctl disable mechanism=SHA512)"
same "others go on" 64 "$(sum sha2-256 | awk '{ print length($1) }')"
same "list -m says so" no \
	"$(cryptoctl list -m | awk '$1 == "sha2-512" { print $4 }')"
check "enable" cryptoctl enable mechanism=sha2-512 >/dev/null
same "and it is as before" "$before" "$(sum sha2-512)"
refused 1 "no mechanism nix" cryptoctl disable mechanism=nix
check "a list goes on after one that is wrong" \
	sh -c '! cryptoctl disable mechanism=nix,sha2-512 2>/dev/null'
refused 1 "disabled by the administrator" sum sha2-512
cryptoctl enable mechanism=sha2-512 >/dev/null
refused 2 "which mechanism" cryptoctl disable provider=sodium
refused 1 "of which provider" cryptoctl disable mechanism=all
refused 1 "no provider nix" cryptoctl disable provider=nix mechanism=all
refused 1 "nullhw does not offer sha2-512" cryptoctl disable \
	provider=nullhw mechanism=sha2-512
refused 2 "given twice" cryptoctl disable mechanism=a mechanism=b

# --- one provider's offer ---
chosen() {
	cryptoctl explain -m sha2-256 -o digest --size 100 |
		awk '$2 == "yes" { print $1 }'
}
same "explain: software" sodium "$(chosen)"
cryptoctl disable provider=sodium mechanism=sha2-256 >/dev/null
same "explain: its offer is disabled, so hardware" nullhw "$(chosen)"
same "explain: why" disabled "$(cryptoctl explain -m sha2-256 -o digest |
	awk '$1 == "sodium" { print $7 }')"
same "the answer is the same" "$(printf abc | sha256sum)" "$(sum sha2-256)"
same "hardware did it" yes "$(cryptoctl stats |
	awk '$1 == "nullhw" { print ($8 > 0 ? "yes" : "no") }')"
cryptoctl disable provider=nullhw mechanism=sha2-256 >/dev/null
refused 1 "disabled by the administrator" sum sha2-256
cryptoctl enable provider=nullhw mechanism=all >/dev/null
cryptoctl enable provider=sodium mechanism=all >/dev/null
same "enabled: software again" sodium "$(chosen)"
refused 1 "nix: no such mechanism" cryptoctl explain -m nix -o digest
explained() {
	cryptoctl explain -m sha2-256 -o digest --size="$1" --json |
		grep -c '"chosen": true'
}
same "explain: a size with a suffix" 1 "$(explained 64KiB)"
refused 2 "--size: \"64Kb\" is not a number of bytes" \
	cryptoctl explain -m sha2-256 --size=64Kb
refused 2 "--size: \"17E\" is too many bytes" \
	cryptoctl explain -m sha2-256 --size=17E
refused 2 "frob: no such operation" cryptoctl explain -m sha2-256 -o frob
refused 2 "-m is missing" cryptoctl explain
same "explain: the usual operation" "$(cryptoctl explain -m sha2-256 -o digest |
	awk '{ print $1, $2 }')" "$(cryptoctl explain -m sha2-256 |
	awk '{ print $1, $2 }')"

# --- a provider that fails, and comes back ---
refused 1 "does not know 'frob'" cryptoctl control provider=nullhw frob
refused 1 "sodium takes no commands" cryptoctl control provider=sodium calm
check "a device is unplugged" cryptoctl control provider=nullhw vanish
check "it is out" state_is nullhw FAILED
check "and plugged in again" cryptoctl control provider=nullhw back
check "it comes back" await 60 state_is nullhw READY
same "a test on request" "provider nullhw gives the right answers" \
	"$(cryptoctl test provider=nullhw)"
check "takes nothing out of service" state_is nullhw READY
cryptoctl control provider=nullhw wrong=1 >/dev/null
refused 1 "SELF-TEST FAILED" cryptoctl test provider=nullhw
check "a device that gives a wrong answer is out" state_is nullhw FAILED
same "until it gives the right ones: at once, on request" \
	"provider nullhw gives the right answers" \
	"$(cryptoctl test provider=nullhw)"
check "and works again" state_is nullhw READY
# out, it is not brought back by what does not test it
check "none but the device" cryptoctl disable provider=sodium \
	mechanism=sha2-256
cryptoctl control provider=nullhw wrong=200 >/dev/null
refused 1 "SELF-TEST FAILED" cryptoctl test provider=nullhw
check "a liar is drained" cryptoctl drain provider=nullhw
refused 1 "SELF-TEST FAILED" cryptoctl load provider=nullhw
check "and is out when it is loaded again" state_is nullhw FAILED
printf abc >abc
refused 1 "no provider is left" cryptoctl digest -m sha2-256 abc
cryptoctl control provider=nullhw calm >/dev/null
cryptoctl drain provider=nullhw >/dev/null
check "one that is honest again is" sh -c 'cryptoctl load provider=nullhw |
	grep "is given requests again"'
check "and works" state_is nullhw READY
same "and so it does then" "$(sha256sum <abc | cut -d' ' -f1)" \
	"$(cryptoctl digest -m sha2-256 abc | cut -d' ' -f1)"
check "and not only the device" cryptoctl enable provider=sodium \
	mechanism=sha2-256

# --- a disabled mechanism is done by nobody ---
cryptoctl disable mechanism=sha2-256 >/dev/null
same "explain: nobody does what is disabled" "no the mechanism is disabled" \
	"$(cryptoctl explain -m sha2-256 | awk 'NR > 1 {
		w = $2; for (i = 7; i <= NF; i++) w = w " " $i; print w }' |
		sort -u)"
cryptoctl enable mechanism=sha2-256 >/dev/null

# --- who may ---
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 711 "$tmp"
	mkdir -m 755 "$tmp/bin"
	for f in tools/.libs/cryptoctl tools/cryptoctl; do
		[ -x "$top_builddir/$f" ] && break
	done
	cp "$top_builddir/$f" "$tmp/bin/cryptoctl"
	cp -a "$top_builddir"/lib/.libs/libukcf.so* "$tmp/bin"
	other() {
		LD_LIBRARY_PATH=$tmp/bin setpriv --reuid=65534 \
			--regid=65534 --clear-groups "$tmp/bin/cryptoctl" "$@"
	}
	refused 1 "only root and the daemon's own user" other disable \
		mechanism=sha2-256
	refused 1 "only root" other stats
	refused 1 "only root" other consumer list
fi
check "consumer list" cryptoctl consumer list
finish
