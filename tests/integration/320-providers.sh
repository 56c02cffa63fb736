#!/bin/sh
# SPDX-License-Identifier: MIT
# Providers come and go while the daemon runs.
. "$(dirname "$0")/functions.sh"
UKCFD_OPTIONS='--set daemon.providers=sodium,nullhw --set daemon.log_level=crit
--set daemon.device_limit_ms=5000'
export UKCFD_OPTIONS
under_daemon "$@"

sum() {
	printf abc | cryptoctl digest -m "$1" -
}

state_of() {
	cryptoctl list | awk -v p="$1" '$1 == p { print $4 }'
}

reason() {
	cryptoctl explain -m sha2-256 -o digest |
		awk -v p="$1" '$1 == p { $1 = $2 = $3 = $4 = $5 = $6 = ""
					 sub(/^ */, ""); print }'
}

# --- load ---
same "not loaded: nobody offers its mechanisms" "" \
	"$(cryptoctl list -m | awk '$1 == "sha3-256"')"
same "load, dry" "provider openssl would be loaded" \
	"$(cryptoctl load --dry-run provider=openssl)"
same "changes nothing" "" "$(state_of openssl)"
same "load" "provider openssl is loaded" \
	"$(cryptoctl load provider=openssl)"
same "it is ready" READY "$(state_of openssl)"
same "and answers" \
	3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532 \
	"$(sum sha3-256 | cut -d' ' -f1)"
refused 1 "openssl is loaded already" cryptoctl load provider=openssl
refused 1 "nix is not loaded: .*nix.so.*No such file" \
	cryptoctl load provider=nix
refused 1 "a provider's name is" cryptoctl load provider=../sodium
refused 2 "which provider" cryptoctl load openssl
same "what could not be loaded left nothing" 3 \
	"$(cryptoctl list | awk 'NR > 1' | wc -l)"

# --- unload ---
same "unload, dry" "provider openssl would be drained, and unloaded" \
	"$(cryptoctl unload --dry-run provider=openssl)"
same "unload" "provider openssl is unloaded" \
	"$(cryptoctl unload provider=openssl)"
same "it is listed as absent" ABSENT "$(state_of openssl)"
same "explain says so" "not loaded" "$(reason openssl)"
refused 1 "no provider" sum sha3-256
same "others go on" "$(printf abc | sha256sum)" "$(sum sha2-256)"
refused 1 "no provider openssl is loaded; there are sodium, nullhw" \
	cryptoctl unload provider=openssl
refused 1 "no provider openssl" cryptoctl test provider=openssl
same "it can come again" "provider openssl is loaded" \
	"$(cryptoctl load provider=openssl)"
same "and answers again" 64 "$(sum sha3-256 | cut -d' ' -f1 | tr -d '\n' |
	wc -c)"

# --- drain ---
same "drain" "provider openssl is loaded, and nobody uses it" \
	"$(cryptoctl drain provider=openssl)"
same "it is loaded, and gets nothing" "DRAINING not ready" \
	"$(state_of openssl) $(reason openssl)"
refused 1 "no provider is left" sum sha3-256
same "it can be tested meanwhile" "provider openssl gives the right answers" \
	"$(cryptoctl test provider=openssl)"
same "load brings it back" "provider openssl is given requests again" \
	"$(cryptoctl load provider=openssl)"
same "it works" READY "$(state_of openssl)"

# --- one that somebody keeps with an operation that does not end ---
cryptoctl key generate held -m hmac-sha2-256 >/dev/null
cryptoctl disable provider=sodium mechanism=hmac-sha2-256 >/dev/null
cryptoctl disable provider=nullhw mechanism=hmac-sha2-256 >/dev/null
mkfifo "$tmp/fifo"
cryptoctl mac -m hmac-sha2-256 -k held - <"$tmp/fifo" >"$tmp/mac" 2>&1 &
user=$!
exec 9>"$tmp/fifo"
head -c 8M /dev/zero >&9 # it has read most of it, so it has begun
refused 1 "openssl is still in use: 0 requests, 1 multipart contexts: it" \
	cryptoctl unload --timeout=0 provider=openssl
same "but not by force" "provider openssl is unloaded" \
	"$(cryptoctl unload --force --timeout=0 provider=openssl)"
head -c 8M /dev/zero >&9 2>/dev/null || :
exec 9>&-
wait $user
same "whose it was is told" 1 \
	"$(grep -c 'or its provider was taken out.*; begin anew' "$tmp/mac")"
refused 2 "unknown option|unrecognized|invalid option" \
	cryptoctl load --force provider=openssl
check "and it comes again" cryptoctl load provider=openssl >/dev/null
cryptoctl enable provider=sodium mechanism=all >/dev/null
cryptoctl enable provider=nullhw mechanism=all >/dev/null

# --- one that is in use ---
cryptoctl control provider=nullhw hang=1 >/dev/null
cryptoctl disable provider=sodium mechanism=sha2-256 >/dev/null
cryptoctl disable provider=openssl mechanism=sha2-256 >/dev/null
sum sha2-256 >"$tmp/sum" 2>&1 &
user=$!
waits() {
	[ "$(cryptoctl stats | awk '$1 == "nullhw" { print $6 }')" = 1 ]
}
check "a request is with the device" await 30 waits
refused 1 "nullhw is still in use: 1 requests, 0 multipart contexts: it works" \
	cryptoctl unload --timeout 0 provider=nullhw
same "it stays" READY "$(state_of nullhw)"
refused 2 '"x" is not a number from 0 to 600' \
	cryptoctl unload --timeout x provider=nullhw
cryptoctl unload provider=nullhw >"$tmp/unload" 2>&1 &
unload=$!
is_draining() {
	[ "$(state_of nullhw)" = DRAINING ]
}
check "with more time it waits" await 30 is_draining
refused 1 "another change of provider nullhw has not ended" \
	cryptoctl unload provider=nullhw
refused 1 "nullhw is being taken out" \
	cryptoctl control provider=nullhw release
wait $user
same "the request ends when the device lost it: by nobody else" 1 \
	"$(grep -c 'cryptoctl' "$tmp/sum")"
wait $unload
grep -q 'nullhw stays: .*jobs did not come back' "$tmp/unload"
report $? "a device that has lost a job is not stopped"
back() {
	[ "$(state_of nullhw)" = READY ]
}
check "it is reset, and works again" await 60 back
cryptoctl enable provider=sodium mechanism=all >/dev/null
same "and can be unloaded then" "provider nullhw is unloaded" \
	"$(cryptoctl unload provider=nullhw)"
same "and come again" "provider nullhw is loaded" \
	"$(cryptoctl load provider=nullhw)"

# --- one that brings a mechanism which no table knows ---
refused 1 "no mechanism .*x-null-mac|x-null-mac.*no.* mechanism" \
	cryptoctl key generate own -m x-null-mac
check "null comes" cryptoctl load provider=null >/dev/null
check "a key of x-null-mac" cryptoctl key generate own -m x-null-mac
raw_own() {
	printf abc | cryptoctl mac -m x-null-mac -k own -
}
mac_own() {
	raw_own | cut -d' ' -f1
}
same "its mechanism works" \
	"$(printf '5a%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 \
		21 22 23 24 25 26 27 28 29 30 31 32)" "$(mac_own)"
own_id=$(cryptoctl list -m | awk '$1 == "x-null-mac" { print $3 }')
check "null goes" cryptoctl unload provider=null >/dev/null
refused 1 "no provider" raw_own
check "null comes again" cryptoctl load provider=null >/dev/null
same "the key still works" 64 "$(mac_own | tr -d '\n' | wc -c)"
same "and the mechanism has its id" "$own_id" \
	"$(cryptoctl list -m | awk '$1 == "x-null-mac" { print $3 }')"
check "it can be disabled" cryptoctl disable mechanism=x-null-mac >/dev/null
refused 1 "disabled by the administrator" raw_own
check "and null goes" cryptoctl unload provider=null >/dev/null
check "and comes" cryptoctl load provider=null >/dev/null
refused 1 "disabled by the administrator" raw_own

# --- all of them ---
for p in sodium openssl nullhw null; do
	check "unload $p" cryptoctl unload provider=$p >/dev/null
done
refused 1 "no provider" sum sha2-256
cryptoctl status >/dev/null
same "status: nobody is there" 6 $?
same "and one is back" "$(printf abc | sha256sum)" \
	"$(cryptoctl load provider=sodium >/dev/null && sum sha2-256)"
finish
