#!/bin/sh
# SPDX-License-Identifier: MIT
# What is counted, of queues, providers, mechanisms and consumers; and the rates
# that cryptoctl top makes of it.
. "$(dirname "$0")/functions.sh"
UKCFD_OPTIONS='--set daemon.providers=sodium,nullhw --set daemon.log_level=crit'
export UKCFD_OPTIONS
under_daemon "$@"

# cell HEADING NAME: of the row that begins with NAME, from standard input
cell() {
	awk -v heading="$1" -v name="$2" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == heading) n = i }
		$1 == name { print $n; exit }'
}

of_provider() {
	cryptoctl stats -p | cell "$1" "$2"
}

of_mech() {
	cryptoctl stats -m | cell "$1" "$2"
}

echo abc >"$tmp/file"
cryptoctl key generate k -m hmac-sha2-256
cryptoctl key generate box -m aes-256-gcm 2>/dev/null ||
	cryptoctl key generate box -m chacha20-poly1305
macs() {
	for _ in $(seq "$1"); do
		cryptoctl mac -m hmac-sha2-256 -k k "$tmp/file" >/dev/null
	done
}

# --- counted ---
done=$(of_provider DONE sodium)
bytes=$(of_provider BYTES sodium)
mech=$(of_mech DONE hmac-sha2-256)
macs 3
same "of a provider: each request once" $((done + 3)) \
	"$(of_provider DONE sodium)"
same "its bytes" $((bytes + 12)) "$(of_provider BYTES sodium)"
same "of a mechanism" $((mech + 3)) "$(of_mech DONE hmac-sha2-256)"
same "of another nothing" 0 "$(of_mech DONE sha2-512)"
check "time in service" test "$(of_provider SERVICE_NS sodium)" -gt 0
check "and before it" test "$(of_provider QUEUE_NS sodium)" -gt 0
failed=$(of_provider FAILED sodium)
cryptoctl encrypt -k box -o "$tmp/box" "$tmp/file"
printf x >>"$tmp/box"
refused 1 . cryptoctl decrypt -k box "$tmp/box"
same "one that fails is counted as such" $((failed + 1)) \
	"$(of_provider FAILED sodium)"
done=$(of_provider DONE sodium)
check "one that is refused has not run" \
	sh -c '! cryptoctl sign -k k "$1" 2>/dev/null' - "$tmp/file"
same "and is not counted" "$done" "$(of_provider DONE sodium)"
taken=$(cryptoctl stats | cell TAKEN nullhw)
waited=$(cryptoctl stats | cell QUEUE_NS nullhw)
serviced=$(cryptoctl stats | cell SERVICE_NS nullhw)
cryptoctl disable provider=sodium mechanism=sha2-256 >/dev/null
cryptoctl digest -m sha2-256 "$tmp/file" >/dev/null
same "of a queue" $((taken + 1)) "$(cryptoctl stats | cell TAKEN nullhw)"
check "the time that those taken waited" test \
	"$(cryptoctl stats | cell QUEUE_NS nullhw)" -gt "$waited"
check "and were served: no less than the device takes" test \
	"$(cryptoctl stats | cell SERVICE_NS nullhw)" -ge $((serviced + 20000))
same "of its provider" 1 "$(of_provider DONE nullhw)"
for o in '' -p -m; do
	check "stats $o as JSON" sh -c 'cryptoctl stats $1 --json |
		python3 -c "import json, sys; json.load(sys.stdin)"' - "$o"
done
refused 2 "one of -p and -m" cryptoctl stats -p -m
refused 2 "one argument too many" cryptoctl stats x

# --- rates ---
# else it is tried now and then
cryptoctl disable provider=nullhw mechanism=hmac-sha2-256 >/dev/null
mkfifo "$tmp/input"
cryptoctl digest -m sha2-512 - <"$tmp/input" >"$tmp/digest" &
held=$!
exec 9>"$tmp/input"
connected() {
	[ "$(cryptoctl consumer list | wc -l)" = 2 ]
}
check "a consumer is connected" await 30 connected
: >"$tmp/go"
while [ -e "$tmp/go" ]; do macs 1; done &
running=$!
cryptoctl top -n 3 >"$tmp/top"
cryptoctl top -n 2 --json >"$tmp/top.json"
rm "$tmp/go"
wait "$running"
same "so many tables, each with queues, providers, consumers" "3 3 3" \
	"$(awk '$1 == "QUEUE" { q++ } $1 == "PROVIDER" { p++ }
		$1 == "CONSUMER" { c++ } END { print q, p, c }' "$tmp/top")"
check "plain in a pipe" sh -c '! grep -q "$1" "$2"' - \
	"$(printf '\033')" "$tmp/top"
check "a provider that worked has a rate, and its times" awk '
	$1 == "PROVIDER" { at = 1 }
	at && $1 == "sodium" && $3 > 0 && $7 > 0 { n++ }
	END { exit n == 0 }' "$tmp/top"
check "one that did not has none" awk '
	$1 == "PROVIDER" { at = 1 }
	at && $1 == "nullhw" && $3 > 0 { n++ } END { exit n }' "$tmp/top"
check "JSON: an object a line, with all three; rates are of the interval" \
	python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert len(rows) == 2
for r in rows:
    assert r["interval_ns"] >= 1000000000
    assert {q["queue"] for q in r["queues"]} == {"bulk", "slow", "nullhw"}
    for p in r["providers"]:
        assert 0 <= p["per_s"] < 1e6 and 0 <= p["queue_ns"] < 1e10
    assert all(c["weight"] == 100 for c in r["consumers"])
assert any("cryptoctl" in c["consumer"] for r in rows for c in r["consumers"])
' "$tmp/top.json"
on_terminal() {
	TERM=xterm script -qec "cryptoctl top -n 1" /dev/null </dev/null
}
check "on a terminal it begins at its top" sh -c 'printf %s "$2" | grep -qF "$1"' \
	- "$(printf '\033[H\033[2J')" "$(on_terminal)"
exec 9>&-
wait "$held"
same "who was looked at ends well" "$(printf '' | sha512sum | cut -d' ' -f1)" \
	"$(cut -d' ' -f1 "$tmp/digest")"
refused 2 'not a number from 1 to 3600' cryptoctl top --interval=0
refused 2 'not a number from 1 to 3600' cryptoctl top --interval=1.5
refused 2 'not a number' cryptoctl top -n 0
refused 2 "one argument too many" cryptoctl top x
export UKCF_ADMIN_SOCKET="$tmp/none"
refused 1 "$tmp/none: No such file" cryptoctl top -n 1
refused 1 "$tmp/none: No such file" cryptoctl stats -p
finish
