#!/bin/sh
# SPDX-License-Identifier: MIT
# The keys that daemon/config.c reads are those of the sample configuration and
# of the man page.
. "$(dirname "$0")/functions.sh"

of_code() {
	sed -n 's/^[[:space:]]*{ "\(daemon\|quota\)", "\([a-z_]*\)",.*/\2/p' \
		daemon/config.c 2>/dev/null | sort
}

of_sample() {
	sed -n 's/^#\([a-z_]*\) = .*/\1/p' daemon/ukcfd.conf.in 2>/dev/null | sort
}

of_page() {
	sed -n 's/^\.It \(Cm\|Ic\|Va\|Li\|Sy\) \([a-z_]*\)\( .*\)*$/\2/p' \
		man/ukcfd.conf.5 | sort -u
}

unlike() {
	for k in $(of_code); do
		of_sample | grep -qxF "$k" || echo "daemon/ukcfd.conf.in lacks $k"
		[ ! -f man/ukcfd.conf.5 ] || of_page | grep -qxF "$k" ||
			echo "man/ukcfd.conf.5 lacks $k"
	done
	[ -n "$(of_code)" ] || echo "daemon/config.c: no keys found"
	for k in $(of_sample); do
		of_code | grep -qxF "$k" ||
			echo "daemon/ukcfd.conf.in: $k is unknown to the daemon"
	done
}

lint 'daemon, sample and man page know the same keys' unlike
echo '	{ "daemon", "colour", T_TEXT, 0 },' |
	planted 'a key that is in no sample' unlike daemon/config.c
lint_done
