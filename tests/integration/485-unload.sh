#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that loads libukcf as a plugin may close it in any order.
. "$(dirname "$0")/functions.sh"
under_daemon "$@"
library=$top_builddir/lib/.libs/libukcf.so
[ -e "$library" ] || bail "no $library"
check 'opened, used, closed, in several orders' \
	"$top_builddir/tests/stress/unload" "$library"
finish
