#!/bin/sh
# SPDX-License-Identifier: MIT
# cryptoctl status names the problem and the way out, and its exit status is of
# the problem; and what completion offers.
. "$(dirname "$0")/functions.sh"
UKCFD_OPTIONS='--set daemon.providers=sodium,nullhw --set daemon.log_level=emerg'
export UKCFD_OPTIONS
under_daemon "$@"
cd "$tmp" || exit 99

# status_is STATUS WORDS: and it says WORDS on standard error ("": nothing)
status_is() {
	cryptoctl status >out 2>err
	found=$?
	same "status $1" "$1" "$found"
	if [ -n "$2" ]; then
		grep -qE -- "$2" err
		report $? "with: $2"
	else
		same "and no message" "" "$(cat err)"
	fi
	check "and what the daemon does" grep -q '^state.*running' out
}

status_is 0 ""
cryptoctl disable mechanism=sha2-512 >/dev/null
status_is 8 "1 mechanism is disabled.*sha2-512; .*list -p.*enable mechanism=sha2-512"
cryptoctl disable mechanism=sha2-256 >/dev/null
status_is 8 "2 mechanisms are disabled.*and others"
cryptoctl control provider=nullhw vanish >/dev/null
status_is 6 "provider nullhw failed.*cryptoctl test provider=nullhw"
check "every problem is named" grep -q "mechanisms are disabled" err
cryptoctl control provider=nullhw back >/dev/null
works_again() {
	cryptoctl list | grep -q '^nullhw .*READY'
}
check "it comes back by itself" await 20 works_again
cryptoctl enable mechanism=sha2-256,sha2-512 >/dev/null
status_is 0 ""
check "a provider is drained" cryptoctl drain provider=nullhw
status_is 0 ""
cryptoctl drain provider=sodium >/dev/null
status_is 6 "no provider is ready.*cryptoctl load"
cryptoctl load provider=sodium >/dev/null
cryptoctl load provider=nullhw >/dev/null
status_is 0 ""
check "the problem stands beside JSON" sh -c 'cryptoctl disable mechanism=sha2-512 \
	>/dev/null; cryptoctl status --json 2>err |
	python3 -c "import json, sys; json.load(sys.stdin)" && test -s err'
cryptoctl enable mechanism=sha2-512 >/dev/null

# as another user: the socket forbids it, or its code is not trusted
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 711 "$tmp"
	mkdir -m 755 bin
	for f in tools/.libs/cryptoctl tools/cryptoctl; do
		[ -x "$top_builddir/$f" ] && break
	done
	cp "$top_builddir/$f" bin/cryptoctl
	cp -a "$top_builddir"/lib/.libs/libukcf.so* bin
	other() {
		(cd / && LD_LIBRARY_PATH=$tmp/bin setpriv --reuid=65534 \
			--regid=65534 --clear-groups "$tmp/bin/cryptoctl" "$@")
	}
	chmod 600 "$UKCF_SOCKET"
	refused 5 "not permitted.*the modes of the socket" other status
	chmod 666 "$UKCF_SOCKET"
else
	unshown "another user" "only root can be one"
fi

# --- completion ---
# offers WORD... : what bash offers for the last of the words, on one line
offers() {
	bash -c '. "$0"
		COMP_WORDS=(cryptoctl "$@") COMP_CWORD=$#
		compopt() { :; }
		_cryptoctl
		echo "${COMPREPLY[*]}"' \
		"$top_srcdir/tools/completion/cryptoctl" "$@"
}
cryptoctl key generate box -m chacha20-poly1305
cryptoctl key generate boxer -m chacha20-poly1305
same "bash: a command" encrypt "$(offers encr)"
same "bash: commands of a group" "generate" "$(offers key gen)"
same "bash: of another" "list" "$(offers consumer '')"
same "bash: an option" "--force" "$(offers encrypt --fo)"
same "bash: one with a dash in it" "--dry-run" "$(offers enable --dry)"
same "bash: keys" "box boxer" "$(offers encrypt -k bo)"
same "bash: keys of the long option" "box boxer" "$(offers encrypt --key bo)"
same "bash: and behind its =" "box boxer" "$(offers encrypt --key = bo)"
same "bash: all of them" "box boxer" "$(offers encrypt --key =)"
same "bash: mechanisms, too" "sha2-256" "$(offers digest --mech = sha2-25)"
same "bash: explain's" "sha2-256" "$(offers explain --mechanism sha2-25)"
same "bash: mechanisms" "chacha20-poly1305" "$(offers key generate x -m chacha20-)"
same "bash: providers" "nullhw" "$(offers test provider = nullh)"
same "bash: nothing of what there is not" "" "$(offers encrypt -k none)"
if command -v zsh >/dev/null; then
	check "zsh: it is well formed" zsh -n \
		"$top_srcdir/tools/completion/_cryptoctl"
	# what it adds, by a compadd of ours
	zsh_offers() {
		zsh -fc '
			_describe() { shift; [[ $1 == option ]] && shift
				print -l -- ${(P)1%%:*}; }
			compadd() { print -l -- ${@:#-*}; }
			_files() { print a-file; }
			compset() { :; }
			words=(cryptoctl "$@")
			CURRENT=${#words}
			. "$0"' "$top_srcdir/tools/completion/_cryptoctl" "$@"
	}
	check "zsh: commands" sh -c 'echo "$1" | grep -qx encrypt' - \
		"$(zsh_offers '')"
	check "zsh: of a group" sh -c 'echo "$1" | grep -qx generate' - \
		"$(zsh_offers key '')"
	check "zsh: options" sh -c 'echo "$1" | grep -qx -- --force' - \
		"$(zsh_offers encrypt -)"
	same "zsh: keys" "box boxer" \
		"$(zsh_offers encrypt -k '' | sort | tr '\n' ' ' | sed 's/ $//')"
	check "zsh: mechanisms" sh -c 'echo "$1" | grep -qx sha2-256' - \
		"$(zsh_offers digest -m '')"
	same "zsh: files" "a-file" "$(zsh_offers digest -m sha2-256 '')"
	check "zsh: no files where a device is meant" sh -c \
		'! echo "$1" | grep -q a-file' - "$(zsh_offers device info '')"
	check "zsh: providers" sh -c 'echo "$1" | grep -qx nullhw' - \
		"$(zsh_offers test provider=)"
else
	echo "# no zsh here: its completion is not tried"
fi
finish
