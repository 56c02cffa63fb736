#!/bin/sh
# SPDX-License-Identifier: MIT
# What --json prints has the tables, members and types of cryptoctl-json(5).
. "$(dirname "$0")/functions.sh"
need python3
UKCFD_OPTIONS='--set daemon.providers=sodium,nullhw --set daemon.log_level=crit'
export UKCFD_OPTIONS
under_daemon "$@"
cd "$tmp" || exit 99

cat >schema.py <<'END'
import json, re, sys
page, command = sys.argv[1:3]
only = sys.argv[3] if len(sys.argv) > 3 else ""
want, here, table = {}, False, None
for line in open(page):
    m = re.match(r"\.Ss (.*): (\w+)$", line)
    if line.startswith((".Ss", ".Sh")):
        here = bool(m) and command in m.group(1).split(", ")
        if here:
            table = m.group(2)
    m = re.match(r"\.It Va (\S+) Ta (.*?) Ta (.*)", line)
    if here and m:
        want[m.group(1)] = m.group(2), m.group(3)
if not want:
    sys.exit(f"{command}: not in {page}")
if command == "status":
    public = {n for n, (t, text) in want.items() if text.startswith("*")}
    keep = public | {"state"} if only else set(want) - public
    want = {n: w for n, w in want.items() if n in keep}

def fits(value, kinds):
    for kind in kinds.split(" or "):
        if kind == "null" and value is None:
            return True
        if kind == "string" and isinstance(value, str):
            return True
        if kind == "boolean" and isinstance(value, bool):
            return True
        if kind == "number" and not isinstance(value, bool) and \
                isinstance(value, (int, float)):
            return True
        if kind == "array of strings" and isinstance(value, list) and \
                (value == [None] or
                 all(isinstance(v, str) for v in value)):
            return True
    return False

data = json.load(sys.stdin)
if list(data) != [table]:
    sys.exit(f"{command}: {list(data)}, not {table}")
if not data[table]:
    sys.exit(f"{command}: no rows to look at")
for row in data[table]:
    if set(row) != set(want):
        sys.exit(f"{command}: {set(row) ^ set(want)}")
    for name, value in row.items():
        if not fits(value, want[name][0]):
            sys.exit(f"{command}: {name}: {value!r} is not {want[name][0]}")
END
page=$top_srcdir/man/cryptoctl-json.5
# as_said COMMAND ARG...
as_said() {
	name=$1
	shift
	# shellcheck disable=SC2086 # words
	cryptoctl $name "$@" --json >found 2>err
	python3 schema.py "$page" "$name" <found
}

cryptoctl key generate box -m chacha20-poly1305
cryptoctl encrypt -k box -o sealed schema.py
for c in status list "list -m" "list -v" "list -p" "key list" stats "stats -p" \
	"stats -m"; do
	check "$c" as_said "$c"
done
check explain as_said explain -m chacha20-poly1305 -o encrypt
check "explain of two" as_said explain -m chacha20-poly1305,hmac-sha2-256 \
	-o encrypt-mac
check bench as_said bench -m chacha20-poly1305 --seconds=1
check disable as_said disable mechanism=sha2-512
check enable as_said enable mechanism=sha2-512
check drain as_said drain provider=nullhw
check load as_said load provider=nullhw
check test as_said test provider=nullhw
check control as_said control provider=nullhw back
mkfifo input
cryptoctl digest -m sha2-512 - <input >digest &
held=$!
exec 9>input
connected() {
	[ "$(cryptoctl consumer list | wc -l)" -ge 2 ]
}
await 30 connected
check "consumer list" as_said "consumer list"
exec 9>&-
wait $held
# who may not ask the socket for administration
UKCF_ADMIN_SOCKET=$tmp/none cryptoctl status --json >public 2>err
check "status of others" python3 schema.py "$page" status public <public

# the detector
cryptoctl stats -p --json >good
for edit in 's/"done"/"did"/' 's/"done": *[0-9]*/"done": "1"/' \
	's/"providers": \[/"others": [/' 's/"failed": [0-9]*,//'; do
	sed "$edit" good >bad
	check "the detector: $edit" sh -c '! cmp -s good bad &&
		! python3 schema.py "$1" "stats -p" <bad 2>err' - "$page"
done
finish
