#!/bin/sh
# SPDX-License-Identifier: MIT
# cryptoctl list: of one provider, of some mechanisms, and by whose word each is
# enabled.
. "$(dirname "$0")/functions.sh"
export UKCF_SOCKET="$tmp/ukcfd.sock" UKCF_ADMIN_SOCKET="$tmp/admin.sock"
mkdir -m 755 "$tmp/policy.d"
umask 022
cat >"$tmp/policy.d/1.conf" <<CONF
[mechanisms]
disable = sha2-512
[provider nullhw]
disable = sha2-256
[provider gone]
disable = all
CONF
serve list --set "daemon.socket=$UKCF_SOCKET" \
	--set "daemon.admin_socket=$UKCF_ADMIN_SOCKET" \
	--set daemon.log_level=info --set 'daemon.providers=sodium nullhw'

first() {
	awk 'NR > 1 { print $1 }' | xargs
}

# word PROVIDER MECH: ENABLED and BY of that offer
word() {
	cryptoctl list -p | awk -v p="$1" -v m="$2" \
		'$1 == p && $3 == m { print $4, $5 }'
}

same "all providers" "sodium nullhw" "$(cryptoctl list | first)"
same "one of them" nullhw "$(cryptoctl list provider=nullhw | first)"
same "one mechanism" sha2-256 "$(cryptoctl list mechanism=sha2-256 | first)"
same "some, in the order of all, by any name" "sha2-256 ed25519" \
	"$(cryptoctl list -m mechanism=ed25519,SHA256 | first)"
same "their limits" "sha2-256" "$(cryptoctl list -v mechanism=sha2-256 | first)"
same "of a provider that offers it" ed25519 \
	"$(cryptoctl list provider=sodium mechanism=ed25519 | first)"
check "all of a provider: not those of others" \
	test -z "$(cryptoctl list -m provider=nullhw | grep x25519)"
check "but its own" sh -c 'cryptoctl list -m provider=nullhw | grep -q hmac'
same "as JSON" '"mechanism":"ed25519"' "$(cryptoctl list --json \
	mechanism=ed25519 | tr -d ' \n' | grep -o '"mechanism":"ed25519"')"
refused 1 'no provider nix is loaded; there are sodium, nullhw' \
	cryptoctl list provider=nix
refused 1 "no mechanism nix: 'cryptoctl list -m'" cryptoctl list mechanism=nix
refused 1 "no mechanism nix" cryptoctl list -p mechanism=sha2-256,nix
refused 1 "so long a name" cryptoctl list \
	mechanism=01234567890123456789012345678901
refused 1 "nullhw does not offer x25519, or that is disabled" \
	cryptoctl list provider=nullhw mechanism=x25519
refused 2 "-p goes without -m and -v" cryptoctl list -p -m
refused 2 "has no value" cryptoctl list provider=
refused 2 "given twice" cryptoctl list provider=sodium provider=nullhw
refused 2 "only provider=NAME and mechanism=LIST" cryptoctl list sodium

# --- by whose word ---
same "by nobody's" "yes -" "$(word sodium sha2-256)"
same "by a file's: the mechanism" "no policy-file" "$(word sodium sha2-512)"
same "by a file's: of one provider" "no policy-file" "$(word nullhw sha2-256)"
same "of one that is not there" "no policy-file" "$(word gone all)"
cryptoctl disable mechanism=ed25519 >/dev/null
cryptoctl enable mechanism=sha2-512 >/dev/null
cryptoctl disable provider=nullhw mechanism=hmac-sha2-256 >/dev/null
same "by the administrator's" "no administrator" "$(word sodium ed25519)"
same "enabled, too" "yes administrator" "$(word sodium sha2-512)"
same "of one provider" "no administrator" "$(word nullhw hmac-sha2-256)"
same "and not of another" "yes -" "$(word sodium hmac-sha2-256)"
same "only of a provider" "nullhw" "$(cryptoctl list -p provider=nullhw |
	first | tr ' ' '\n' | sort -u | xargs)"
same "only of a mechanism" "sodium no nullhw no" "$(cryptoctl list -p \
	mechanism=ed25519 | awk 'NR > 1 { print $1, $4 }' | xargs)"
same "each row has as many words as the heading" "" \
	"$(cryptoctl list -p | awk 'NR == 1 { n = NF } NF != n')"
same "as JSON" '"enabled":false,"by":"administrator"' \
	"$(cryptoctl list -p --json mechanism=ed25519 | tr -d ' \n' |
	grep -o '"enabled":false,"by":"administrator"' | sort -u)"
UKCF_ADMIN_SOCKET=$tmp/none
refused 1 "$tmp/none: No such file" cryptoctl list -p
check "the others need no administrator" cryptoctl list -m >/dev/null
finish
