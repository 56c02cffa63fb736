#!/bin/sh
# SPDX-License-Identifier: MIT
# Shell scripts are clean under shellcheck.
. "$(dirname "$0")/functions.sh"
need shellcheck

scripts() {
	sources | while read -r f; do
		case $f in
		*.sh) echo "$f" ;;
		*) head -n 1 "$f" | grep -aqE '^#!.*/(ba)?sh$' && echo "$f" ;;
		esac
	done
}

checked() {
	# below a warning shellcheck calls every function unreachable that is
	# named, not called
	scripts | xargs -r shellcheck -x -P SCRIPTDIR \
		-S warning -f gcc 2>&1
}

lint 'shellcheck finds nothing' checked
printf '#!/bin/sh\nx=1\n' | planted 'unused variable' checked x.sh
lint_done
