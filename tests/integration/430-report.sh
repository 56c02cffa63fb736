#!/bin/sh
# SPDX-License-Identifier: MIT
# ukcf-bench --report writes a document in which every way has its row: measured,
# or with the reason why not.
. "$(dirname "$0")/functions.sh"
need python3
[ "$(nproc)" -ge 2 ] || skip "two processors are needed"
under_daemon "$@"

check "a report is written" ukcf-bench --quick --report "$tmp/report"
same "its files" "depth.svg latency.svg report.md size.svg" \
	"$(names "$tmp/report")"
check "the charts are XML, with lines that have points" \
	python3 - "$tmp"/report/*.svg <<'END'
import sys
import xml.etree.ElementTree as tree

for name in sys.argv[1:]:
    svg = tree.parse(name).getroot()
    lines = [e for e in svg.iter() if e.tag.endswith("polyline")]
    assert lines, name
    assert all(e.get("points").strip() for e in lines), name
    points = [float(v) for e in lines
              for p in e.get("points").split() for v in p.split(",")]
    assert all(0 <= v <= 720 for v in points), name
END

# silent FILE: rows without a figure and without a reason
silent() {
	awk -F '|' '/^\| / && NF == 10 && $5 ~ /^ *-? *$/ && $9 ~ /^ *$/' "$1"
}
echo '| a way | 64 |  | - | | | | |' >"$tmp/planted"
check "control: a row that says nothing is found" \
	test -n "$(silent "$tmp/planted")"
same "no row is without a figure and a reason" "" \
	"$(silent "$tmp/report/report.md")"
for row in 'libsodium, direct' 'OpenSSL EVP, direct' 'ukcf, in the caller' \
	'ukcf ring, depth 1' 'ukcf ring, depth 64' 'SoftHSM2, in process' \
	'p11-kit remote, SoftHSM2' 'DPDK cryptodev' 'one request' \
	'two requests' 'three linked requests' 'three round trips'; do
	check "a row: $row" grep -q "^| $row" "$tmp/report/report.md"
done

# The index of eight equal numbers is 1, of one alone an eighth.
check "eight consumers have equal shares" \
	awk -F '|' '/^\| Jain/ && $3 > .8 && $3 <= 1 { n++ } END { exit n != 1 }' \
	"$tmp/report/report.md"
same "a provider is named for each size, and the quickest" 4 \
	"$(sed -n '/^## Choice/,$p' "$tmp/report/report.md" |
		grep -cE '^\| [0-9]+ \| [a-z]+ \| [0-9]+ \| [a-z]+ \| [0-9]+ \|$')"

check "files are encrypted and decrypted, beside the same library" awk -F '|' '
	/^## / { files = $0 == "## Files" }
	files && /^\| (sodium|openssl) / {
		n++
		bad += NF != 8 || !($3 > 0 && $4 > 0 && $5 > 0 && $6 > 0 && $7 > 0)
	}
	END { exit n < 1 || bad }' "$tmp/report/report.md"

check "there is no device here, and it says so" grep -q \
	'^Not measured: no device' "$tmp/report/report.md"

refused 1 '/report/report.md/under: Not a directory' \
	ukcf-bench --quick --report "$tmp/report/report.md/under"
refused 2 'requires an argument' ukcf-bench --report
refused 2 '^usage: ' ukcf-bench --json --report "$tmp/x"
refused 2 '^usage: ' ukcf-bench --json --device
refused 1 'not measured: no device' ukcf-bench --device
finish
