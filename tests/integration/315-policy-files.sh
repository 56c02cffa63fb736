#!/bin/sh
# SPDX-License-Identifier: MIT
# Policy files: weights, quotas and what is disabled hold from the start and
# from a reload on, wholly or not at all, while requests run.
. "$(dirname "$0")/functions.sh"
export UKCF_SOCKET="$tmp/ukcfd.sock" UKCF_ADMIN_SOCKET="$tmp/admin.sock"
dir=$tmp/policy.d
me=$(id -u)
mkdir -m 755 "$dir"
umask 022

start() {
	serve "$@" --set "daemon.socket=$UKCF_SOCKET" \
		--set "daemon.admin_socket=$UKCF_ADMIN_SOCKET" \
		--set daemon.log_level=info --set 'daemon.providers=sodium nullhw'
}

stop() {
	kill -TERM "$served"
	wait "$served" 2>/dev/null
	served=
}

# column NAME: of the first consumer
column() {
	cryptoctl consumer list | awk -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) n = i }
		NR == 2 { print $n }'
}

weight_is() {
	[ "$(column WEIGHT)" = "$1" ]
}

# said N PATTERN: at least N lines of the daemon's messages
said() {
	[ "$(grep -cE "$2" "$served_log")" -ge "$1" ]
}

# reload PATTERN: SIGHUP, until the daemon has said that once more
reload() {
	n=$(grep -cE "$1" "$served_log")
	kill -HUP "$served"
	await 30 said $((n + 1)) "$1"
}

is_disabled() {
	printf abc | cryptoctl digest -m "$1" - 2>&1 |
		grep -q 'disabled by the administrator'
}

# --- at the start ---
cat >"$dir/10-a.conf" <<CONF
[uid $me]
weight = 7
[mechanisms]
disable = sha2-512
[provider nullhw]
disable = all
CONF
start first
mkfifo "$tmp/input"
cryptoctl digest -m sha2-256 - <"$tmp/input" >"$tmp/digest" &
held=$!
exec 9>"$tmp/input"
is_connected() {
	[ -n "$(column CONSUMER)" ]
}
check "a consumer is connected" await 30 is_connected
await 30 weight_is 7
same "its weight is that of the file" 7 "$(column WEIGHT)"
check "what the file disables is disabled" is_disabled sha2-512
same "also a provider's" disabled "$(cryptoctl explain -m sha2-256 -o digest |
	awk '$1 == "nullhw" { print $7 }')"
unit=$(column UNIT)

# --- the administrator's word stands above it ---
same "enable" "sha2-512 is enabled" "$(cryptoctl enable mechanism=sha2-512)"
check "it is not disabled any more" test "$(is_disabled sha2-512; echo $?)" = 1
check "refresh" cryptoctl refresh >/dev/null
check "nor after a refresh" test "$(is_disabled sha2-512; echo $?)" = 1
check "it is kept" grep -qx 'enable mechanism=sha2-512' \
	"$tmp/state/policy.conf"

# --- while requests run ---
cryptoctl key generate k -m hmac-sha2-256
echo abc >"$tmp/file"
cryptoctl mac -m hmac-sha2-256 -k k "$tmp/file" >"$tmp/mac"
requests() {
	while [ -e "$tmp/go" ]; do
		cryptoctl mac -m hmac-sha2-256 -k k "$tmp/file" |
			cmp -s - "$tmp/mac" || echo wrong >>"$tmp/wrong"
		echo >>"$tmp/done"
	done
}
: >"$tmp/go"
requests &
running=$!
for w in 1 1000 55; do
	printf '[uid %s]\nweight = %s\n' "$me" "$w" >"$dir/20-b.conf"
	check "SIGHUP" reload 'SIGHUP: the log level is read anew, and 2 policy'
	same "the weight of who is connected changes at once" "$w" \
		"$(column WEIGHT)"
done
same "a dry run says how many there are" "2 policy files and 0 manifests would hold" \
	"$(cryptoctl refresh --dry-run)"
before=$(wc -l <"$tmp/done")
more() {
	[ "$(wc -l <"$tmp/done")" -gt $((before + 2)) ]
}

# --- one that is wrong changes nothing ---
printf '[uid %s]\nweight = 77\n[mechanisms]\ndisable = sha2-256\n' "$me" \
	>"$dir/30-c.conf"
printf '[uid %s]\nweight = 0\n' "$me" >"$dir/40-d.conf"
check "SIGHUP: what is wrong is said" reload \
	"^$dir/40-d.conf:2: weight: \"0\" is not a number from 1 to 1000"
check "and that the old one stays" await 30 said 1 \
	'SIGHUP: the policy is wrong, .*the old one stays'
same "it does" 55 "$(column WEIGHT)"
check "in all of its parts" test "$(is_disabled sha2-256; echo $?)" = 1
refused 1 "$dir/40-d.conf:2: weight" cryptoctl refresh
refused 1 "$dir/40-d.conf:2: weight" cryptoctl refresh --dry-run
refused 2 "one argument too many" cryptoctl refresh x
same "as JSON" '"ok":false' "$(cryptoctl refresh --json 2>/dev/null |
	tr -d ' \n' | grep -o '"ok":false')"
same "still" 55 "$(column WEIGHT)"
chmod 666 "$dir/30-c.conf"
rm "$dir/40-d.conf"
refused 1 "$dir/30-c.conf: can be changed by others" cryptoctl refresh
chmod 644 "$dir/30-c.conf"
check "a dry run of a right one" cryptoctl refresh --dry-run >/dev/null
same "changes nothing" 55 "$(column WEIGHT)"
same "and then it holds" "3 policy files and 0 manifests hold from now on" \
	"$(cryptoctl refresh)"
same "in all of its parts" 77 "$(column WEIGHT)"
check "also this" is_disabled sha2-256
check "requests went on" await 30 more
rm "$tmp/go"
wait "$running"
check "and none was wrong" test ! -e "$tmp/wrong"

# --- whose it is: a user's before a unit's before a group's ---
rm "$dir"/*.conf
printf '[gid %s]\nweight = 31\n' "$(id -g)" >"$dir/1.conf"
cryptoctl refresh >/dev/null
same "its group's" 31 "$(column WEIGHT)"
if [ "$unit" != - ] && [ ${#unit} -lt 45 ]; then
	printf '[unit %s]\nweight = 32\n' "$unit" >"$dir/2.conf"
	cryptoctl refresh >/dev/null
	same "its unit's ($unit)" 32 "$(column WEIGHT)"
else
	unshown "the weight of a unit" "this process belongs to none"
fi
printf '[uid %s]\nweight = 33\n' "$me" >"$dir/0.conf"
cryptoctl refresh >/dev/null
same "its user's" 33 "$(column WEIGHT)"
rm "$dir"/*.conf
same "without files" "0 policy files and 0 manifests hold from now on" "$(cryptoctl refresh)"
same "the usual one" 100 "$(column WEIGHT)"
check "what was disabled by files is not any more" \
	test "$(is_disabled sha2-256; echo $?)" = 1

# --- quotas of one user ---
printf '[uid %s]\nconnections = 1\n' "$me" >"$dir/1.conf"
cryptoctl refresh >/dev/null
refused 1 "." cryptoctl digest -m sha2-256 "$tmp/file"
check "who is connected stays" kill -0 "$held"
printf '[uid %s]\nconnections = 2\n' "$me" >"$dir/2.conf"
cryptoctl refresh >/dev/null
check "one more" cryptoctl digest -m sha2-256 "$tmp/file" >/dev/null
printf abc >&9
exec 9>&-
wait "$held"
same "the consumer that was there all the time ends well" \
	"$(printf abc | sha256sum | cut -d' ' -f1)" \
	"$(cut -d' ' -f1 "$tmp/digest")"
stop

# --- no start with one that is wrong; --check-config says all of it ---
printf '[uid no-such-user]\nweight = 1\n' >"$dir/3.conf"
printf '[frob]\n' >"$dir/4.conf"
for option in '' --check-config; do
	# shellcheck disable=SC2086 # none or one
	refused 3 "^$dir/3.conf:1: no user no-such-user in /etc/passwd" \
		"$top_builddir/daemon/ukcfd" --config=/dev/null $option \
		--set "daemon.policy_dir=$dir" \
		--set "daemon.state_dir=$tmp/state" \
		--set "daemon.socket=$UKCF_SOCKET" \
		--set "daemon.admin_socket=$UKCF_ADMIN_SOCKET"
	check "the other one, too" grep -q "^$dir/4.conf:1: unknown section" \
		"$tmp/refused.err"
done
rm "$dir/3.conf" "$dir/4.conf"
check "--check-config: what is right" "$top_builddir/daemon/ukcfd" \
	--config=/dev/null --check-config --set "daemon.policy_dir=$dir"
finish
