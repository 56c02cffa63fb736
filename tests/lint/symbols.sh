#!/bin/sh
# SPDX-License-Identifier: MIT
# libukcf.so exports the functions of its symbol map and no more, a provider
# module its one entry point, which is all that it needs from its host.
. "$(dirname "$0")/functions.sh"
need nm
build=${top_builddir:-$PWD/build}

exported() {
	nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
		sed 's/@.*//' | sort
}

of_map() {
	sed -n 's/^[[:space:]]*\(ukcf_[a-z0-9_]*\);.*/\1/p' lib/libukcf.map | sort
}

library() {
	exported "$build/lib/.libs/libukcf.so" >"$lists/have" 2>&1
	of_map >"$lists/want" 2>&1
	diff "$lists/want" "$lists/have" | sed -n 's/^< /in the map only: /p
		s/^> /exported, not in the map: /p'
}

modules() {
	for m in "$build"/providers/.libs/*.so; do
		[ "$(exported "$m")" = ukcf_provider_init ] ||
			echo "$m exports: $(exported "$m" | tr '\n' ' ')"
		nm -D --undefined-only "$m" | grep -E ' (ukcf|secmem|log)_' |
			sed "s|^|$m wants of its host: |"
	done
}

# Those that only fill in an entry ask nobody, but for keys: one stands for all.
not_stopped() {
	of_map | grep -v '^ukcf_prep_' | while read -r f; do
		grep -qw "$f" tests/stress/stopped.c 2>/dev/null ||
			echo "tests/stress/stopped.c: $f is not called"
	done
}

lists=$(mktemp -d) || exit 99
trap 'rm -rf "$lists"' EXIT
lint 'libukcf exports what its map says' library
lint 'provider modules export one symbol' modules
echo 'ukcf_none;' |
	planted 'a symbol that is only in the map' library lib/libukcf.map
lint 'each is called while the daemon is stopped' not_stopped
echo '		ukcf_new;' |
	planted 'one that is not' not_stopped lib/libukcf.map
lint_done
