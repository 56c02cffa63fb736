#!/bin/sh
# SPDX-License-Identifier: MIT
# Without Criterion or jansson tests would be missing, and nobody would see it.
. "$(dirname "$0")/functions.sh"
build=${top_builddir:-$PWD/build}

# absent CONDITION: configure found it to be false
absent() {
	grep -qF "S[\"$1_TRUE\"]=\"#\"" "$build/config.status"
}

left_out() {
	absent HAVE_CRITERION &&
		echo "no unit test was built: install libcriterion-dev"
	absent HAVE_JANSSON &&
		echo "ukcf-vectors was not built: install libjansson-dev"
	[ -f "$build/config.status" ] || echo "$build is not configured"
}

lint 'no test is left out of this build' left_out
build=.
echo 'S["HAVE_CRITERION_TRUE"]="#"' |
	planted 'a build without Criterion' left_out config.status
lint_done
