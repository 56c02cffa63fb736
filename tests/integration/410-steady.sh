#!/bin/sh
# SPDX-License-Identifier: MIT
# 10^6 requests, polling: no malloc and no system call in consumer and daemon.
. "$(dirname "$0")/functions.sh"

need strace
lib=$top_builddir/tests/perf/.libs/alloc-count.so
[ -e "$lib" ] || skip "no malloc interposer in this build (sanitizers have" \
	"their own malloc)"
truncate -s 1M "$tmp/allocs"

# A long spin window: on a machine that others use too, a side that loses its
# CPU for a moment must not send the other to sleep.  libcrypto allocates in its
# calls.
LD_PRELOAD=$lib UKCF_ALLOC_FILE=$tmp/allocs \
	"$top_builddir/daemon/ukcfd" --run --set daemon.spin_us=1000 \
	--set daemon.providers=sodium \
	--provider-dir="$top_builddir/providers/.libs" -- \
	"$top_builddir/tests/perf/steady" "$tmp/trace"
exit $?
