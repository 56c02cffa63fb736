#!/bin/sh
# SPDX-License-Identifier: MIT
# Providers that a request brings: manifests, install, uninstall, refresh.
. "$(dirname "$0")/functions.sh"

state=$tmp/state
manifests=$tmp/providers.d
mkdir "$manifests"

# daemon_with OPTION... -- CMD...: sodium at the start, the rest on request
daemon_with() {
	"$top_builddir/daemon/ukcfd" --run --set daemon.log_level=err \
		--set "daemon.state_dir=$state" \
		--set "daemon.manifest_dir=$manifests" \
		--set daemon.providers=sodium \
		--set 'provider null.start_delay_ms=1000' \
		--provider-dir="$top_builddir/providers/.libs" "$@"
}

# in_daemon SCRIPT: its words are told to one daemon
in_daemon() {
	daemon_with -- sh -c "$1" 2>"$tmp/log"
}

state_of='state_of() { cryptoctl list | awk -v p="$1" "\$1 == p { print \$4 }"; }'
sum='sum() { printf abc | cryptoctl digest -m "$1" - | cut -c 1-8; }'

# --- install, and what is there after a restart ---
same "install: dry" "provider openssl would be loaded, and installed" \
	"$(in_daemon 'cryptoctl install --dry-run provider=openssl')"
same "a dry run writes nothing" "" "$(ls "$state/providers.d" 2>/dev/null)"
# dry_refused WORDS ERROR: as the real one refuses it, and nothing is loaded
dry_refused() {
	in_daemon "cryptoctl $1 && echo accepted" >"$tmp/out"
	grep -q "$2" "$tmp/log" && test ! -s "$tmp/out"
	report $? "$1 is refused"
}
dry_refused 'load --dry-run provider=nope' 'nope is not loaded: .*No such file'
dry_refused 'load --dry-run provider=../evil' "evil is not loaded: .*name is"
dry_refused 'install --dry-run provider=nope' 'nope is not loaded: .*No such'
dry_refused 'install --dry-run provider=../evil' 'is not loaded: .*name is'
dry_refused 'load provider=../evil' 'is not loaded: .*name is'
same "load: dry, and nothing is loaded" "provider openssl would be loaded" \
	"$(in_daemon "$state_of"'; echo $(cryptoctl load --dry-run \
		provider=openssl) $(state_of openssl)')"
same "install" "provider openssl is installed: $state/providers.d/openssl.conf" \
	"$(in_daemon 'cryptoctl install provider=openssl')"
same "the next daemon knows it, and has not loaded it" ABSENT \
	"$(in_daemon "$state_of; state_of openssl")"
same "explain names it" "openssl not loaded" \
	"$(in_daemon 'cryptoctl explain -m sha3-256 -o digest |
		awk "\$1 == \"openssl\" { print \$1, \$(NF - 1), \$NF }"')"
same "the first request brings it" "3a985da7 READY" \
	"$(in_daemon "$state_of; $sum"'; echo $(sum sha3-256) $(state_of openssl)')"
same "what a loaded one can do brings nobody" "ba7816bf ABSENT" \
	"$(in_daemon "$state_of; $sum"'; echo $(sum sha2-256) $(state_of openssl)')"
same "one that an administrator unloaded is not brought" "ABSENT" \
	"$(in_daemon "$state_of; $sum"'; sum sha3-256 >/dev/null
		cryptoctl unload provider=openssl >/dev/null
		sum sha3-256 2>/dev/null; state_of openssl')"
same "until refresh" "3a985da7" \
	"$(in_daemon "$sum"'; cryptoctl load provider=openssl >/dev/null
		cryptoctl unload provider=openssl >/dev/null
		cryptoctl refresh >/dev/null; sum sha3-256')"
same "or load" "3a985da7" \
	"$(in_daemon "$sum"'; cryptoctl load provider=openssl >/dev/null
		cryptoctl unload provider=openssl >/dev/null
		cryptoctl load provider=openssl >/dev/null; sum sha3-256')"
# --- what fails brings the next one ---
# fails_over REQUEST: the device that is asked first cannot do it
fails_over() {
	in_failing='cryptoctl install provider=null >/dev/null
		cryptoctl unload provider=null >/dev/null
		cryptoctl refresh >/dev/null
		cryptoctl control provider=nullhw fail=1 >/dev/null'
	daemon_with --set 'daemon.providers=sodium nullhw' -- sh -c "$state_of
		$in_failing; $1
		cryptoctl uninstall provider=null >/dev/null" 2>"$tmp/log"
}
same "a request whose provider fails brings one that is not loaded" \
	"5a5a5a5a READY" "$(fails_over 'echo $(printf abc |
		cryptoctl digest -m null-digest - | cut -c 1-8) $(state_of null)')"
in_daemon 'cryptoctl install provider=openssl'
grep -q 'openssl is installed already' "$tmp/log"
report $? "installing twice is refused"
in_daemon 'cryptoctl install provider=nix'
grep -q 'nix is not loaded: .*No such file' "$tmp/log"
report $? "what cannot be loaded is not installed"
in_daemon 'cryptoctl install provider=null' >/dev/null

# --- requests that wait ---
check "requests that wait for their provider" daemon_with -- \
	"$top_builddir/tests/parts/parked"

# --- uninstall ---
same "uninstall" "provider null is uninstalled" \
	"$(in_daemon 'cryptoctl uninstall provider=null')"
same "the file is gone" openssl.conf "$(ls "$state/providers.d")"
in_daemon 'cryptoctl uninstall provider=null'
grep -q 'null is not installed' "$tmp/log"
report $? "uninstalling twice is refused"
same "uninstall of one that is loaded unloads it" \
	"provider openssl is uninstalled ABSENT" \
	"$(in_daemon "$state_of; $sum"'; sum sha3-256 >/dev/null
		echo $(cryptoctl uninstall provider=openssl) $(state_of openssl)')"

# --- an administrator's manifests ---
null='[provider null]
mechanisms = null-digest, null-mac
mechanisms = null-sign x-null-mac'
printf '%s\n' "$null" >"$manifests/null.conf"
digest_null='printf abc | cryptoctl digest -m null-digest - | cut -c 1-8'
same "a manifest" 5a5a5a5a "$(in_daemon "$digest_null")"
in_daemon 'cryptoctl uninstall provider=null'
grep -q 'was not made by install: remove the file' "$tmp/log"
report $? "is not uninstall's to remove"
printf '[provider null]\nmechanisms = null-digest\n' >"$manifests/null.conf"
in_daemon "$digest_null; $digest_null" >/dev/null
same "a module that offers more than its manifest says: refused, once" 1 \
	"$(grep -c 'does not offer what its manifest says' "$tmp/log")"
same "and both requests are told" 2 \
	"$(grep -c 'no provider' "$tmp/log")"
same "put right, and refreshed: it is tried again" 5a5a5a5a \
	"$(in_daemon "$digest_null >/dev/null
		printf '%s\n' '$null' >'$manifests/null.conf'
		cryptoctl refresh >/dev/null; $digest_null")"
printf '[provider gone]\nmechanisms = sha3-512\n' >"$manifests/gone.conf"
in_daemon 'printf abc | cryptoctl digest -m sha3-512 -'
grep -q 'gone was wanted by a request' "$tmp/log"
report $? "a module that is not there: said in the log, with the way out"

# bad TEXT WORDS: refused at the start, and by refresh
bad() {
	printf '%b\n' "$1" >"$manifests/bad.conf"
	daemon_with -- true >/dev/null 2>"$tmp/log"
	report $((! $?)) "refused at the start: $1"
	grep -qE -- "$2" "$tmp/log"
	report $? "with: $2"
	rm "$manifests/bad.conf"
	in_daemon "printf '%b\n' '$1' >'$manifests/bad.conf'
		cryptoctl refresh; $digest_null" >"$tmp/out"
	same "refresh changes nothing" 5a5a5a5a "$(cat "$tmp/out")"
	grep -qE -- "$2" "$tmp/log"
	report $? "and says why"
	rm "$manifests/bad.conf"
}
rm "$manifests/gone.conf"
bad '[provider x]\nmechanisms = nix' 'bad.conf:2: no mechanism nix'
bad '[provider x]\nmodule = y' 'bad.conf:2: unknown key module'
bad '[provider X/../y]\nmechanisms = sha2-256' 'bad.conf:1: .*a name is'
bad '[mechanism x]' 'bad.conf:1: .*only .provider NAME. is known'
bad '[provider null]\nmechanisms = null-mac' 'null has a manifest already'
bad '[provider x]' 'bad.conf: a provider without mechanisms'
bad 'mechanisms = sha2-256' 'stands before any section'
if [ "$(id -u)" = 0 ]; then
	printf '[provider x]\nmechanisms = sha2-256\n' >"$manifests/w.conf"
	chmod 666 "$manifests/w.conf"
	daemon_with -- true 2>"$tmp/log"
	grep -q 'others than root and the daemon may change it' "$tmp/log"
	report $? "one that others may write is refused"
	rm "$manifests/w.conf"
fi
finish
