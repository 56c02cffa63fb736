#!/bin/sh
# SPDX-License-Identifier: MIT
# Every project include is spelled from the top of the tree, so who depends on
# whom is a property of text: one row per layer, what it may name.  Libraries
# and memory orders have their rooms too: a provider that shares memory with a
# device may not name lib/shared, so it has one of its own.
. "$(dirname "$0")/functions.sh"

include='^[[:space:]]*#[[:space:]]*include[[:space:]]*'

# layer DIR ALLOWED-PREFIX...
layer() {
	dir=$1
	shift
	[ -d "$dir" ] || return
	allow=$(printf '%s|' "$@")
	grep -rnE --include='*.[ch]' "$include(\"|<ukcf/)" "$dir" |
	grep -vE "include[[:space:]]*[\"<](${allow%|})" |
	sed "s|\$|  ($dir may include: $*)|"
}

layers() {
	layer include ukcf/
	layer lib/shared ukcf/ lib/shared/
	layer lib ukcf/ lib/
	layer daemon ukcf/ lib/shared/ daemon/
	layer tools ukcf/ lib/shared/ tools/
	layer examples ukcf/
	for p in providers/*/; do
		layer "$p" ukcf/ providers/shared/ "$p"
	done
}

# Within the daemon a lower room never includes a higher one.
inner_layers() {
	grep -rnE --include='*.[ch]' "$include\"daemon/api/" daemon/spi
	grep -rnE --include='*.[ch]' "$include\"daemon/main" daemon
}

# only HEADER-PATTERN FILE-PATTERN: where a library's header may be named
only() {
	grep -rnE --include='*.[ch]' "$include<($1)" \
		include lib daemon providers tools tests 2>/dev/null |
	grep -vE "^($2)"
}

libraries() {
	only 'liburing' 'daemon/loop\.[ch]:|tests/'
	only 'sodium' 'providers/(sodium|null)/|tests/|tools/(bench|ukcf-bench)'
	only 'openssl/' 'providers/openssl/|tests/'
	only 'systemd/' 'daemon/[^:]*|lib/shared/log\.c:|tests/'
	only 'ini\.h' 'daemon/ini-file\.c:|tests/'
	only 'libsmartcols' 'tools/'
	only 'jansson' 'tools/|tests/'
	only 'p11-kit/' 'tests/bench/token\.c:'
	only 'sys/sdt' 'daemon/core/probes\.c:'
}

memory_orders() {
	grep -rnE --include='*.[ch]' '__atomic_|__sync_|stdatomic' \
		include lib daemon providers tools 2>/dev/null |
	grep -vE '^(lib/shared/ring-ops|providers/virtio/order)\.h:'
}

lint 'includes follow the layers' layers
lint 'daemon: no lower room includes a higher one' inner_layers
lint 'libraries stay in their rooms' libraries
lint 'memory orders only in ring-ops.h and order.h' memory_orders
echo '#include "daemon/core/ring.h"' |
	planted 'daemon header in lib' layers lib/x.c
echo '#include "lib/shared/log.h"' |
	planted 'shared header in a provider' layers providers/x/x.c
echo '#include "ring.h"' |
	planted 'include not from the top' layers daemon/api/x.c
echo '#include <liburing.h>' |
	planted 'liburing outside the loop' libraries daemon/core/x.c
echo '#include <sodium.h>' |
	planted 'libsodium in the core' libraries daemon/core/x.c
echo 'int f(int *p) { return __atomic_load_n(p, 0); }' |
	planted 'memory order in the library' memory_orders lib/x.c
lint_done
