#!/bin/sh
# SPDX-License-Identifier: MIT
# Every file says its licence in its first lines, and none names a path of the
# machine it was written on.
. "$(dirname "$0")/functions.sh"

# Files whose form has no room for a comment.
no_comment='/corpus/|/LICENSE$|\.md$|^\./(NEWS|COPYING|INSTALL|\.gitignore)$|\.gitkeep$|\.(json|rsp|pem|bin|supp|raw|sig)$|/expected/'

spdx() {
	sources | grep -vE "$no_comment" | while read -r f; do
		head -n 4 "$f" | grep -q 'SPDX-License-Identifier: ' ||
			echo "$f: no SPDX-License-Identifier line"
	done
}

machine_paths() {
	sources | grep -v '/corpus/' | xargs grep -nHE \
		'(^|[^[:alnum:]_./$}-])/(home/[a-z]|root/|work/|tmp/[a-z]+/[a-z])' \
		2>/dev/null | grep -v '^\./tests/lint/spdx\.sh:'
}

unfinished() {
	sources -name '*.[ch]' | xargs grep -nHE \
		'\<(TODO|FIXME|XXX)\>|[Nn]ot (yet )?implemented' 2>/dev/null
}

lint 'every file has its SPDX line' spdx
lint 'no path of this machine' machine_paths
lint 'nothing is left unfinished' unfinished
echo 'int x;' | planted 'no SPDX line' spdx lib/x.c
echo 'cd /home/somebody/ukcf' | planted 'a home directory' machine_paths x.sh
echo '/* TODO: all */' | planted 'a TODO' unfinished lib/x.c
lint_done
