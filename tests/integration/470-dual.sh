#!/bin/sh
# SPDX-License-Identifier: MIT
# Operations in two halves, of one provider or of two.
. "$(dirname "$0")/functions.sh"

check 'a cipher and a MAC as one request' \
	"$top_builddir/daemon/ukcfd" --run --set daemon.device_limit_ms=300 \
	--set daemon.cross_check=off \
	--set daemon.device_failures=0 \
	--set daemon.log_level=crit \
	--set 'daemon.providers=sodium nullhw' \
	--provider-dir="$top_builddir/providers/.libs" -- \
	"$top_builddir/tests/parts/dual"
finish
