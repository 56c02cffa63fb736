#!/bin/sh
# SPDX-License-Identifier: MIT
# What waits in a queue: cancel, deadlines, and room for what was rejected.
. "$(dirname "$0")/functions.sh"

# under SLOTS CMD...: of a daemon with one worker and so many places
under() {
	slots=$1
	shift
	"$top_builddir/daemon/ukcfd" --run --set "daemon.queue_slots=$slots" \
		--set daemon.bulk_workers=1 \
		--set 'daemon.providers=sodium null' \
		--provider-dir="$top_builddir/providers/.libs" -- "$@"
}

queues() {
	slots=$1
	shift
	under "$slots" "$top_builddir/tests/stress/queues" "$@"
}

# The queue was full indeed: what the daemon counted.
# shellcheck disable=SC2016
space_then_rejected() {
	under 4 sh -c '"$1/tests/stress/queues" space || exit 1
		"$1/tools/cryptoctl" stats' sh "$top_builddir" |
		awk '{ print } $1 == "bulk" { n = $9 } END { exit n == 0 }'
}

for slots in 1 2 64; do
	check "cancel with a queue of $slots" queues "$slots" cancel "$slots"
done
check 'a full queue tells those who wait when there is room' \
	space_then_rejected
check 'deadlines of what waits' queues 16 deadline
# --- shares: who is served when, by the trace ---
# started FILTER: lines "bytes" of those that a worker took, in order
cat >"$tmp/shares" <<'END'
cryptoctl trace --json mechanism=null-digest >"$1" &
tracer=$!
until cryptoctl trace provider=nix 2>&1 | grep -q another; do :; done
"$2" shares 4242 || exit 1
until [ "$(grep -c '"done".*"bytes":10[0-2],' "$1")" = 481 ]; do :; done
kill $tracer
END
shares() {
	mkdir "$tmp/policy.$1"
	printf '[gid 4242]\nweight = %s\n' "$1" >"$tmp/policy.$1/1.conf"
	timeout 120 "$top_builddir/daemon/ukcfd" --run \
		--set daemon.bulk_workers=1 --set daemon.log_level=crit \
		--set "daemon.policy_dir=$tmp/policy.$1" \
		--set 'daemon.providers=sodium null' \
		--provider-dir="$top_builddir/providers/.libs" -- \
		sh "$tmp/shares" "$tmp/trace" "$top_builddir/tests/stress/queues" &&
		sed -n 's/.*"started".*"bytes":\(10[0-2]\),.*/\1/p' \
			"$tmp/trace" >"$tmp/order"
}
# Of the first 160 it has 120, give or take a turn.
has_share() {
	head -n 160 "$tmp/order" | awk -v want="$1" '$1 == 100 { n++ }
		END { print n " of 160, want " want
		      exit n < want - 6 || n > want + 6 }'
}
light_waits_for() {
	awk '$1 == 102 { print NR - 1; exit }' "$tmp/order"
}
if [ "$(id -u)" = 0 ]; then
	check 'two who always have requests, and one who has one' shares 300
	check 'a weight of three has three quarters' has_share 120
	n=$(light_waits_for)
	check "the light one waits for $n of 480" test "$n" -le 24
	check 'the same with equal weights' shares 100
	check 'control: of equal weights each has a half' has_share 80
else
	unshown 'shares of consumers' 'only root can be of two groups'
fi
# --- what runs at once: by consumer, not by ring ---
cat >"$tmp/rings" <<'END'
cryptoctl trace --json mechanism=sha2-256 >"$1" &
tracer=$!
until cryptoctl trace provider=nix 2>&1 | grep -q another; do :; done
"$2" rings || exit 1
until [ "$(grep -c '"done".*"bytes":10[02],' "$1")" = 1800 ]; do :; done
kill $tracer
END
check 'a consumer with eight rings, and one with one' timeout 120 \
	"$top_builddir/daemon/ukcfd" --run --set daemon.log_level=crit \
	--set daemon.service_threads=1 --set daemon.providers=sodium \
	--provider-dir="$top_builddir/providers/.libs" -- \
	sh "$tmp/rings" "$tmp/order" "$top_builddir/tests/stress/queues"
n=$(sed -n 's/.*"done".*"bytes":\(10[02]\),.*/\1/p' "$tmp/order" | awk '
	$1 == 100 { others++ }
	$1 == 102 { last = others }
	END { print last }')
check "$n of the one were done before 200 of the other" test "$n" -lt 500
check 'the daemon is killed while some wait for room' queues 4 killed 4
finish
