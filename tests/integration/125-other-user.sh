#!/bin/sh
# SPDX-License-Identifier: MIT
# Keys belong to a user: another one neither uses nor sees them.
. "$(dirname "$0")/functions.sh"
need setpriv
[ "$(id -u)" = 0 ] || skip "only root can be another user"
under_daemon "$@"

# The build tree may be root's only: the other user runs a copy.
chmod 711 "$tmp"
mkdir -m 755 "$tmp/bin"
for f in tools/.libs/cryptoctl tools/cryptoctl; do
	[ -x "$top_builddir/$f" ] && break
done
cp "$top_builddir/$f" "$tmp/bin/cryptoctl"
cp -a "$top_builddir"/lib/.libs/libukcf.so* "$tmp/bin"
mkdir "$tmp/theirs"
chown 65534:65534 "$tmp/theirs"
cd "$tmp/theirs" || exit 99

other() {
	LD_LIBRARY_PATH=$tmp/bin setpriv --reuid=65534 --regid=65534 \
		--clear-groups "$tmp/bin/cryptoctl" "$@"
}

echo message >"$tmp/m"
chmod 644 "$tmp/m"
for m in ed25519 hmac-sha2-256 chacha20-poly1305; do
	cryptoctl key generate "$m" -m $m || exit 1
done
cryptoctl sign -k ed25519 -o "$tmp/sig" "$tmp/m"
cryptoctl encrypt -k chacha20-poly1305 -o "$tmp/box" "$tmp/m"
chmod 644 "$tmp/sig" "$tmp/box"

check "another user is served" other random 1 >/dev/null
same "and has no keys" "" "$(other key list | tail -n +2)"
refused 1 "key ed25519: .*key list" other sign -k ed25519 "$tmp/m"
refused 1 "key ed25519: " other verify -k ed25519 -s "$tmp/sig" "$tmp/m"
refused 1 "key ed25519: " other key public ed25519 --pem
refused 1 "key hmac-sha2-256: " other mac -m hmac-sha2-256 -k hmac-sha2-256 \
	"$tmp/m"
refused 1 "key chacha20-poly1305: " other decrypt -k chacha20-poly1305 \
	"$tmp/box"
refused 1 "key ed25519: " other key destroy ed25519
refused 1 "key ed25519: " other key export ed25519
other key destroy ed25519 2>"$tmp/theirs.err"
other key destroy no-such-key 2>"$tmp/none.err"
same "a key of somebody else and none sound alike" \
	"$(sed s/no-such-key/ed25519/ "$tmp/none.err")" \
	"$(cat "$tmp/theirs.err")"

check "both may use one name" other key generate ed25519 -m ed25519
refused 1 "wrong signature" other verify -k ed25519 -s "$tmp/sig" "$tmp/m"
check "the first one's still verifies" cryptoctl verify -k ed25519 \
	-s "$tmp/sig" "$tmp/m"
check "the other destroys its own" other key destroy ed25519
check "the first one's is still there" cryptoctl verify -k ed25519 \
	-s "$tmp/sig" "$tmp/m"

other status >"$tmp/status" 2>"$tmp/err"
report $? "status for another user"
check "says that the daemon runs" grep -q '^state.*running' "$tmp/status"
check "and who would see more" grep -q 'root and the daemon' "$tmp/err"
check "and not what root sees" sh -c '! grep -q ^accepted "$1"' - "$tmp/status"
check "which root does see" sh -c 'cryptoctl status | grep -q ^accepted'
chmod 600 "$UKCF_SOCKET"
refused 1 "not permitted" other list
chmod 666 "$UKCF_SOCKET"
finish
