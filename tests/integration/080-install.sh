#!/bin/sh
# SPDX-License-Identifier: MIT
# What make install makes serves a stranger: a program of his, compiled with
# what pkg-config says, runs; installing again keeps his configuration.
. "$(dirname "$0")/functions.sh"
need cc pkg-config make
under_daemon "$@"
prefix=${prefix:-/usr/local}

install_to() {
	make -s -C "$top_builddir" install DESTDIR="$1" >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log"; return 1; }
}

check "make install" install_to "$tmp/dest"
there=$tmp/dest$prefix
for f in sbin/ukcfd bin/cryptoctl lib/libukcf.so.0 lib/pkgconfig/ukcf.pc \
	include/ukcf/ukcf.h lib/ukcf/providers/sodium.so \
	lib/systemd/system/ukcfd.service lib/systemd/system/ukcfd.socket \
	lib/systemd/system/ukcf-metrics.service \
	lib/systemd/system/ukcf-metrics.timer \
	share/zsh/site-functions/_cryptoctl \
	share/bash-completion/completions/cryptoctl \
	lib/systemd/system/ukcfd-admin.socket lib/sysusers.d/ukcf.conf \
	lib/tmpfiles.d/ukcf.conf etc/ukcf/ukcfd.conf etc/ukcf/conf.d \
	etc/ukcf/policy.d/example share/doc/ukcf/examples/README; do
	check "installed: $f" test -e "$there/$f"
done
same "the service starts what was installed" "ExecStart=$prefix/sbin/ukcfd" \
	"$(grep ^ExecStart= "$there/lib/systemd/system/ukcfd.service")"

cat >"$tmp/consumer.c" <<'END'
#include <stdio.h>
#include <ukcf/ukcf.h>

int main(void)
{
	printf("%s\n", UKCF_DEFAULT_SOCKET);
	return ukcf_strerror(-22) == NULL;
}
END
# compile SOURCE: into $tmp/consumer; one example says that it needs liburing
compile() {
	# shellcheck disable=SC2046 # flags are words
	cc -Wall -Werror -o "$tmp/consumer" "$1" \
		$(PKG_CONFIG_PATH=$there/lib/pkgconfig pkg-config \
			--define-variable=prefix="$there" \
			--define-variable=libdir="$there/lib" \
			--define-variable=includedir="$there/include" \
			--cflags --libs ukcf) \
		$(grep -q '<liburing.h>' "$1" && echo -luring)
}
check "a consumer compiles with what pkg-config says" \
	compile "$tmp/consumer.c"
check "and runs with the installed library" \
	env LD_LIBRARY_PATH="$there/lib" "$tmp/consumer"
for f in "$there"/share/doc/ukcf/examples/*.c; do
	check "so does an example: ${f##*/}" compile "$f"
done
check "and the last one runs" \
	env LD_LIBRARY_PATH="$there/lib" "$tmp/consumer" "$f"

echo '# mine' >>"$there/etc/ukcf/ukcfd.conf"
check "make install again" install_to "$tmp/dest"
check "keeps the configuration" grep -q '^# mine' "$there/etc/ukcf/ukcfd.conf"
finish
