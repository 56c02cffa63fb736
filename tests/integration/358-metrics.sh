#!/bin/sh
# SPDX-License-Identifier: MIT
# cryptoctl stats --prometheus is in the text format of Prometheus, and says what
# the other tables say.
. "$(dirname "$0")/functions.sh"
UKCFD_OPTIONS='--set daemon.providers=sodium,nullhw --set daemon.log_level=crit'
export UKCFD_OPTIONS
under_daemon "$@"
cd "$tmp" || exit 99

# The exposition format, version 0.0.4: HELP and TYPE once, before the samples of
# a family, which stand together; names, labels, values; no sample twice.
cat >format.awk <<'AWK'
function bad(why) { print NR ": " why ": " $0; wrong = 1 }
/^$/ { bad("an empty line"); next }
/^# HELP / {
	if (NF < 4) bad("no help")
	if ($3 in help) bad("HELP twice")
	if ($0 ~ /\\[^\\n]/) bad("a wrong escape")
	help[$3] = 1
	family = $3
	next
}
/^# TYPE / {
	if ($3 != family) bad("TYPE does not follow its HELP")
	if ($4 !~ /^(counter|gauge)$/ || NF != 4) bad("an unknown type")
	if ($3 in type) bad("TYPE twice")
	type[$3] = $4
	if (($3 ~ /_total$/) != ($4 == "counter")) bad("not a counter's name")
	next
}
/^#/ { bad("a comment"); next }
{
	name = $0
	sub(/[{ ].*/, "", name)
	if (name !~ /^[a-zA-Z_:][a-zA-Z0-9_:]*$/) bad("not a name")
	if (name != family || !(name in type)) bad("not in its family")
	rest = substr($0, length(name) + 1)
	if (rest ~ /^\{/ &&
	    rest !~ /^\{[a-z_]+="([^"\\]|\\["\\n])*"\} [^ ]+$/) bad("a wrong label")
	if (rest !~ /^\{/ && rest !~ /^ [^ ]+$/) bad("not name and value")
	value = $0
	sub(/.* /, "", value)
	if (value !~ /^[0-9]+(\.[0-9]+)?$/) bad("not a number")
	key = $0
	sub(/ [^ ]*$/, "", key)
	if (key in seen) bad("twice")
	seen[key] = 1
	samples[name]++
}
END {
	for (f in type) if (!(f in samples) && f !~ /^x_may/) {
		print f ": no sample"; wrong = 1 }
	if (!NR) { print "nothing"; wrong = 1 }
	exit wrong
}
AWK
well_formed() {
	awk -f format.awk "$1" && [ "$(tail -c 1 "$1" | od -An -c | tr -d ' ')" = '\n' ]
}

echo abc >m
cryptoctl key generate k -m hmac-sha2-256
for _ in 1 2 3; do
	cryptoctl mac -m hmac-sha2-256 -k k m >/dev/null
done
check "stats --prometheus" sh -c 'cryptoctl stats --prometheus >metrics'
check "its form" well_formed metrics

# the detector sees what is wrong
wrong() {
	sed "$2" metrics >changed
	cmp -s metrics changed && bail "$1: nothing was changed"
	check "the detector: $1" sh -c '! awk -f format.awk changed >/dev/null'
}
wrong "a sample without its TYPE" '/^# TYPE ukcf_keys /d'
wrong "no HELP" '/^# HELP ukcf_keys /d'
wrong "no sample" '/^ukcf_keys /d'
wrong "a sample twice" '/^ukcf_keys /p'
wrong "no value" 's/^ukcf_keys .*/ukcf_keys/'
wrong "a value that is no number" 's/^ukcf_keys .*/ukcf_keys many/'
wrong "a name that is none" 's/^ukcf_keys/ukcf-keys/'
wrong "a label without its quote" 's/queue="bulk"/queue="bulk/'
wrong "a label that is not escaped" 's/queue="bulk"/queue="a"b"/'
wrong "an unknown type" 's/^# TYPE ukcf_keys gauge/# TYPE ukcf_keys size/'
wrong "an empty line" 's/^ukcf_keys .*/&\n/'

value() {
	awk -v name="$1" '$1 == name { print $2 }' metrics
}
same "keys" 1 "$(value ukcf_keys)"
same "requests of a mechanism: as stats -m says" \
	"$(cryptoctl stats -m | awk '$1 == "hmac-sha2-256" { print $2 }')" \
	"$(value 'ukcf_mechanism_requests_done_total{mechanism="hmac-sha2-256"}')"
same "bytes" "$(cryptoctl stats -m | awk '$1 == "hmac-sha2-256" { print $4 }')" \
	"$(value 'ukcf_mechanism_bytes_total{mechanism="hmac-sha2-256"}')"
same "all queues" "bulk nullhw slow" "$(sed -n \
	's/^ukcf_queue_slots{queue="\(.*\)"}.*/\1/p' metrics | sort | xargs)"
check "nanoseconds are seconds" awk '
	$1 == "ukcf_provider_service_seconds_total{provider=\"sodium\"}" {
		found = $2 > 0 && $2 < 60 } END { exit !found }' metrics
check "to a file" cryptoctl stats --prometheus -o file
check "that is whole" well_formed file
refused 1 "file: exists; -f replaces it" cryptoctl stats --prometheus -o file
check "and again" cryptoctl stats --prometheus -f -o file
same "others may read it" "$(umask 022; : >new; stat -c %a new)" \
	"$(umask 022; cryptoctl stats --prometheus -f -o file; stat -c %a file)"
refused 2 "one of --prometheus and --json" cryptoctl stats --prometheus --json
refused 2 "one of -p and -m and --prom" cryptoctl stats --prometheus -p
refused 2 "only with --prometheus" cryptoctl stats -o file
refused 2 "-f: only with -o" cryptoctl stats --prometheus -f
refused 1 "none/x: cannot be written" cryptoctl stats --prometheus -o none/x
UKCF_ADMIN_SOCKET=$tmp/none
export UKCF_ADMIN_SOCKET
echo before >file
refused 1 "$tmp/none: No such file" cryptoctl stats --prometheus -f -o file
same "what was there stays" before "$(cat file)"
finish
