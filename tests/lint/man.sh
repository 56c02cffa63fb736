#!/bin/sh
# SPDX-License-Identifier: MIT
# Man pages are well formed, name every public function and nothing else.
. "$(dirname "$0")/functions.sh"
need mandoc

# Links to pages are judged by dead_links().
pages() {
	for f in man/*.[1-9]; do
		grep -q '^\.so ' "$f" ||
			mandoc -T lint -W warning "$f" 2>&1
	done
}

# The functions of the symbol map.
symbols() {
	sed -n 's/^[[:space:]]*\(ukcf_[a-z0-9_]*\);.*/\1/p' lib/libukcf.map 2>/dev/null |
		sort
}

# Every name in the NAME section of a section 3 page, and every .so link.
documented() {
	for f in man/*.3; do
		[ -f "$f" ] || continue
		if grep -q '^\.so ' "$f"; then
			basename "$f" .3
		else
			awk '/^\.Sh NAME/ { on = 1; next } /^\.Sh/ { on = 0 }
				on && $1 == ".Nm" { sub(/,$/, "", $2); print $2 }' "$f"
		fi
	done | grep '^ukcf_' | sort -u
}

undocumented() {
	[ -n "$(symbols)" ] || echo "lib/libukcf.map: no functions found"
	symbols | while read -r s; do
		[ -f "man/$s.3" ] || echo "lib/libukcf.map: $s: no man/$s.3"
	done
}

unexported() {
	documented | while read -r s; do
		symbols | grep -qxF "$s" ||
			grep -qE "(define|inline).*\<$s\>|^$s\(" include/ukcf/*.h ||
			echo "man/: $s is documented, not in lib/libukcf.map"
	done
}

dead_links() {
	grep -H '^\.so ' man/*.[1-9] 2>/dev/null | while read -r link target; do
		case $target in
		man[1-9]/*) target=man/${target#man?/} ;;
		*) target=man/${target#man/} ;;
		esac
		[ -f "$target" ] || echo "${link%%:*}: links to no page: $target"
	done
}

# What a page about functions of the library must have.
incomplete() {
	for f in man/ukcf_*.3; do
		[ -f "$f" ] && ! grep -q '^\.so ' "$f" || continue
		for section in SYNOPSIS DESCRIPTION 'RETURN VALUES' ERRORS; do
			grep -qx "\.Sh $section" "$f" ||
				echo "$f: has no section $section"
		done
		grep -qE '^\.Sh (EXAMPLES|SEE ALSO)$' "$f" ||
			echo "$f: has neither EXAMPLES nor SEE ALSO"
	done
}

lint 'mandoc has no warning' pages
lint 'every public function has its page' undocumented
lint 'every page in section 3 describes public functions' unexported
lint 'links lead to pages' dead_links
lint 'pages of functions have their sections' incomplete
printf '.Dd today\n.Dt X 3\n.Sh NAME\n.Xy\n' | planted 'broken page' pages man/x.3
echo '	ukcf_unknown;' | planted 'function without page' undocumented \
	lib/libukcf.map
sed '/^\.Sh ERRORS/d' man/ukcf_digest.3 |
	planted 'page without errors' incomplete man/ukcf_x.3
lint_done
