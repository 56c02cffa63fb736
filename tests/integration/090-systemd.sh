#!/bin/sh
# SPDX-License-Identifier: MIT
# The installed service under a real systemd, in namespaces of its own: started
# by a connection to its socket, killed and back while a consumer waits,
# stopped cleanly.
#
# Without arguments this script makes the namespaces and enters them; "inside"
# is the part that runs there, before systemd takes over as process 1; "story"
# is what systemd runs as the test's own unit.
. "$(dirname "$0")/functions.sh"

root=${UKCF_TEST_ROOT:-}	# what make install made, and the results
prefix=${prefix:-/usr/local}
self=$top_srcdir/tests/integration/${0##*/}

namespaces='--fork --pid --mount --cgroup --propagation unchanged'

# --- outside ---

# shellcheck disable=SC2086 # a list of options
outside() {
	need unshare mount make
	[ "$(id -u)" = 0 ] || skip "namespaces with a systemd need root"
	[ -x /lib/systemd/systemd ] || skip "no systemd here"
	[ -d "$prefix" ] || skip "no folder $prefix to mount the installation on"
	unshare $namespaces true 2>/dev/null ||
		skip "this machine allows no namespaces"
	mkdir "$tmp/dest"
	make -s -C "$top_builddir" install DESTDIR="$tmp/dest" \
		>"$tmp/install.log" 2>&1 ||
		{ cat "$tmp/install.log"; bail "make install failed"; }
	mkdir "$tmp/story"
	: >"$tmp/story/log"
	export UKCF_TEST_ROOT="$tmp" prefix
	timeout -k 5 120 unshare $namespaces --kill-child "$self" inside >"$tmp/systemd.log" 2>&1
	cat "$tmp/story/log"
	[ ! -f "$tmp/story/skip" ] || skip "$(cat "$tmp/story/skip")"
	if [ ! -f "$tmp/story/done" ]; then
		tail -n 30 "$tmp/systemd.log"
		report 1 "the story under systemd came to its end"
		return
	fi
	grep -q '^FAILED' "$tmp/story/log" && test_failed=1
}

# --- inside, not yet systemd ---

impossible() {
	echo "$*" >"$root/story/skip"
	exit 0
}

# No mount made from here on is seen outside.  In a chroot "/" is no mount that
# could be made private; the root of the mount namespace is.
private_mounts() {
	if mountpoint -q /; then
		mount --make-rprivate /
	else
		nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /
	fi
}

inside() {
	trap - EXIT
	private_mounts && mount -t proc proc /proc &&
		mount -t tmpfs tmpfs /run ||
		impossible "mounting is not allowed"
	mkdir -p /run/etc/upper /run/etc/work /run/systemd/system
	mount -t overlay overlay -o \
		lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work \
		/etc || impossible "no overlay over /etc"
	mount --bind "$root/dest$prefix" "$prefix" ||
		impossible "cannot mount over $prefix"
	ldconfig
	systemd-sysusers "$prefix/lib/sysusers.d/ukcf.conf" ||
		impossible "systemd-sysusers cannot make the user"
	systemd-tmpfiles --create "$prefix/lib/tmpfiles.d/ukcf.conf" ||
		impossible "systemd-tmpfiles cannot make /run/ukcf"
	cp "$prefix"/lib/systemd/system/ukcfd* /run/systemd/system/
	cat >/run/systemd/system/story.target <<-END
		[Unit]
		DefaultDependencies=no
		Requires=ukcfd.socket ukcfd-admin.socket
		Wants=story.service
	END
	cat >/run/systemd/system/story.service <<-END
		[Unit]
		DefaultDependencies=no
		After=ukcfd.socket ukcfd-admin.socket
		[Service]
		Type=oneshot
		Environment=UKCF_TEST_ROOT=$root prefix=$prefix
		Environment=top_srcdir=$top_srcdir top_builddir=$top_builddir
		ExecStart=$self story
		StandardOutput=append:$root/story/log
		StandardError=append:$root/story/log
		ExecStopPost=/bin/systemctl exit --force --force
	END
	mkdir -p /run/systemd/system/ukcfd.service.d
	cat >/run/systemd/system/ukcfd.service.d/test.conf <<-END
		[Unit]
		DefaultDependencies=no
		[Service]
		StandardError=append:$root/story/daemon.log
	END
	cp "$top_srcdir/daemon/ukcfd-virtio.conf" \
		/run/systemd/system/ukcfd.service.d/virtio.conf
	for s in ukcfd ukcfd-admin; do
		mkdir -p "/run/systemd/system/$s.socket.d"
		printf '[Unit]\nDefaultDependencies=no\n' \
			>"/run/systemd/system/$s.socket.d/test.conf"
	done
	export container=docker
	exec /lib/systemd/systemd --system --unit=story.target --show-status=0
}

# --- inside, under systemd ---

property() {
	systemctl show -P "$1" ukcfd.service
}

active_again() {
	[ "$(property ActiveState)" = active ] &&
		[ "$(property MainPID)" != "$1" ]
}

story() {
	PATH=$prefix/bin:$prefix/sbin:/usr/bin:/bin:/usr/sbin:/sbin
	unset UKCF_SOCKET UKCF_ADMIN_SOCKET
	message=$top_srcdir/LICENSE
	sum=$(sha256sum <"$message" | cut -d' ' -f1)

	same "not started before somebody connects" inactive \
		"$(property ActiveState)"
	found=$(cryptoctl digest -m sha2-256 - <"$message" | cut -d' ' -f1)
	same "a connection starts it; digest as sha256sum's" "$sum" "$found"
	same "it says when it is ready" active "$(property ActiveState)"
	check "cryptoctl status" cryptoctl status
	same "runs as its own user" ukcf \
		"$(stat -c %U "/proc/$(property MainPID)")"

	same "with what the drop-in for accelerators lets it lock" \
		"$((96 << 20))" "$(property LimitMEMLOCK)"
	same "and no privilege" "NoNewPrivs: 1 CapBnd: 0000000000000000" \
		"$(awk '/^NoNewPrivs/ { n = $0 } /^CapBnd/ { c = $0 }
		END { $0 = n " " c; $1 = $1; print }' \
		"/proc/$(property MainPID)/status")"
	same "of devices, those of vfio" \
		"closed /dev/vfio/vfio rw char-vfio rw" \
		"$(property DevicePolicy) $(property DeviceAllow | sort | xargs)"
	systemd-analyze verify --man=no ukcfd.service >"$tmp/verified" 2>&1
	same "systemd has nothing to say about unit and drop-in" "" \
		"$(grep ukcfd "$tmp/verified")"

	killed=$(property MainPID)
	[ "${killed:-0}" -gt 1 ] || { echo "FAILED: it does not run"; exit 1; }
	check "a daemon-held key" cryptoctl key generate story -m ed25519
	cryptoctl sign -k story -o "$tmp/sig" "$message"
	kill -9 "$killed"
	check "the key signs after kill -9" \
		cryptoctl sign -k story -o "$tmp/sig2" "$message"
	check "the signature is that of before" cmp "$tmp/sig" "$tmp/sig2"
	check "another process serves" await 10 active_again "$killed"
	same "restarted once" 1 "$(property NRestarts)"

	check "stops when told to" systemctl stop ukcfd.service
	same "with success" success "$(property Result)"
	same "and is inactive" inactive "$(property ActiveState)"
	echo "daemon's log:"
	sed 's/^/  /' "$root/story/daemon.log"
	: >"$root/story/done"
}

case ${1:-} in
inside) inside ;;
story) story ;;
*)
	outside
	finish
	;;
esac
