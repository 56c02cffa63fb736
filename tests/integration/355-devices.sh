#!/bin/sh
# SPDX-License-Identifier: MIT
# cryptoctl device, on a made-up tree of /sys, /dev and /proc in which each thing
# that can stand in the way does so; tests/vfio has a real one.
. "$(dirname "$0")/functions.sh"
need python3 setpriv mkfifo
UKCFD_OPTIONS="--set daemon.providers=sodium,nullhw
	--set daemon.log_level=crit"
under_daemon "$@"
# It is started often: without libtool's wrapper, where there is one.
if [ -x "$top_builddir/tools/.libs/cryptoctl" ]; then
	PATH=$top_builddir/tools/.libs:$PATH
	export LD_LIBRARY_PATH="$top_builddir/lib/.libs"
fi

# --- what the tree is made of ---
root=$tmp/root
bus=$root/sys/bus/pci
groups=$root/sys/kernel/iommu_groups
vc=0000:01:00.0
export UKCF_DEVICE_ROOT="$root"

# driver NAME: there is one; the kernel reads what is written to unbind
driver() {
	mkdir -p "$bus/drivers/$1"
	ln -sfn "$tmp/kernel" "$bus/drivers/$1/unbind"
}

# function ADDRESS VENDOR DEVICE CLASS DRIVER GROUP: of a device; "-": none
function_of() {
	d=$bus/devices/$1
	mkdir -p "$d"
	echo "$2" >"$d/vendor"
	echo "$3" >"$d/device"
	echo "$4" >"$d/class"
	echo 0 >"$d/numa_node"
	echo '(null)' >"$d/driver_override"
	[ "$5" = - ] || { driver "$5"; ln -sfn "$bus/drivers/$5" "$d/driver"; }
	[ "$6" != - ] || return 0
	mkdir -p "$groups/$6/devices" "$root/dev/vfio"
	ln -sfn "$groups/$6" "$d/iommu_group"
	ln -sfn "$d" "$groups/$6/devices/$1"
	printf '%s %s msi\n' 0x00000000fee00000 0x00000000feefffff \
		>"$groups/$6/reserved_regions"
	: >"$root/dev/vfio/$6"
}

# a machine on which all is well
machine() {
	rm -rf "$root" "$tmp/natural"
	mkdir -p "$root/sys/class/iommu/dmar0" "$root/proc" "$root/dev/vfio"
	function_of $vc 0x1af4 0x1054 0x100000 - 3
	function_of 0000:00:1c.0 0x8086 0x3420 0x060400 pcieport 3
	function_of 0000:00:02.0 0x1234 0x1111 0x030000 bochs 4
	driver vfio-pci
	: >"$root/dev/vfio/vfio"
	ln -s "$tmp/kernel" "$bus/drivers_probe"
}

# The kernel, as far as a bind needs it: an address that is written takes the
# driver from a device that has one, else gives it the one in driver_override,
# or in $tmp/natural.
kernel() {
	while read -r address; do
		d=$bus/devices/$address
		if [ -e "$d/driver" ]; then
			rm "$d/driver"
			continue
		fi
		want=$(head -n 1 "$d/driver_override")
		[ -e "$tmp/refuses" ] && continue
		[ -n "$want" ] || want=$(cat "$tmp/natural" 2>/dev/null)
		[ -z "$want" ] || ln -s "$bus/drivers/$want" "$d/driver"
	done
}
mkfifo "$tmp/kernel"
kernel <>"$tmp/kernel" &
kernel_pid=$!
trap 'kill $kernel_pid; clean_up' EXIT

driver_is() {
	[ "$(readlink "$bus/devices/$vc/driver" | sed 's|.*/||')" = "$1" ]
}
json() {
	python3 -c "import json, sys; d = json.load(sys.stdin); $1"
}
as_it_was() {
	find "$root" -printf '%p %l %s\n' | sort | cmp -s - "$tmp/before"
}
remember() {
	find "$root" -printf '%p %l %s\n' | sort >"$tmp/before"
}
# info NAME: a line of device info
info() {
	cryptoctl device info $vc | sed -n "s/^$1 *//p"
}

# --- list and info ---
machine
same "list: the accelerator, and no other device" \
	"$vc 1af4:1054 virtio-crypto - 3 0 no -" \
	"$(cryptoctl device list | awk 'NR > 1 { $1 = $1; print }')"
same "list --json: what is - otherwise is null" \
	"$vc None 3 False [None]" "$(cryptoctl device list --json |
	json 'r = d["devices"][0]
print(r["device"], r["driver"], r["group"], r["bound"], r["used_by"])')"
same "info: others in its group" 0000:00:1c.0 "$(info "others in group")"
same "info: who drives it" virtio "$(info provider)"
same "info: it can be used" yes "$(info usable)"
same "info: nothing stands in the way" - "$(info why)"
same "info --json" "True 0x100000" "$(cryptoctl device info --json $vc |
	json 'r = d["device"][0]; print(r["usable"], r["class"])')"
rm -r "$bus/devices/$vc"
cryptoctl device list >"$tmp/out" 2>"$tmp/err"
same "list: a machine without one" "0 1" "$? $(grep -c \
	'no PCI device here does cryptography' "$tmp/err")"

# --- what is no device ---
machine
for a in 01:00.0 0000:01:00.8 0000:01:00.0/.. ../../../etc 0000:0A:00.0 '' \
	0000:01:00.00; do
	refused 1 'an address is written as 0000:01:00.0' \
		cryptoctl device bind "$a"
done
refused 1 "no PCI device 0000:09:00.0: .*device list" \
	cryptoctl device info 0000:09:00.0
refused 2 "an argument is missing" cryptoctl device bind
refused 1 "0000:00:02.0 is no crypto device .class 0x030000" \
	cryptoctl device bind --replace 0000:00:02.0
driver_is '' && [ -e "$bus/devices/0000:00:02.0/driver" ]
report $? "and its driver has it still"

# --- bind ---
remember
same "bind --dry-run" "$vc would be bound to vfio-pci" \
	"$(cryptoctl device bind --dry-run $vc)"
check "changes nothing" as_it_was
same "bind" "$vc is bound to vfio-pci: /dev/vfio/3" \
	"$(cryptoctl device bind $vc)"
check "the driver has it" driver_is vfio-pci
same "info: what it is bound to" "yes $vc is bound to vfio-pci already" \
	"$(info bound) $(info why)"
same "once more" "$vc is bound to vfio-pci already" \
	"$(cryptoctl device bind $vc)"
same "the same in JSON" "$vc True False" \
	"$(cryptoctl device bind --json $vc | json 'r = d["changes"][0]
print(r["device"], r["ok"], r["dry_run"])')"

# --- unbind ---
mkdir -p "$root/proc/4242/fd"
ln -s /dev/vfio/3 "$root/proc/4242/fd/17"
echo ukcfd >"$root/proc/4242/comm"
same "list: who uses it" "ukcfd(4242)" \
	"$(cryptoctl device list | awk 'NR > 1 { print $NF }')"
refused 1 "$vc is in use by ukcfd .pid 4242., and the kernel would wait.*unload" \
	cryptoctl device unbind $vc
rm -r "$root/proc/4242"
remember
same "unbind --dry-run" "$vc would be unbound from vfio-pci" \
	"$(cryptoctl device unbind --dry-run $vc)"
check "changes nothing either" as_it_was
same "unbind" "$vc is not bound to vfio-pci any more: no driver has it" \
	"$(cryptoctl device unbind $vc)"
check "no driver has it" driver_is ''
same "nor is one ordered" "" "$(head -n 1 "$bus/devices/$vc/driver_override")"
refused 1 "$vc is not bound to any driver" cryptoctl device unbind $vc

# --- another driver ---
machine
function_of $vc 0x1af4 0x1054 0x100000 virtio-pci 3
echo virtio-pci >"$tmp/natural"
refused 1 "driver virtio-pci has $vc: --replace" cryptoctl device bind $vc
check "it is left alone" driver_is virtio-pci
refused 1 "driver virtio-pci has $vc, not vfio-pci: it is left alone" \
	cryptoctl device unbind $vc
check "bind --replace" cryptoctl device bind --replace $vc
check "takes it away" driver_is vfio-pci
check "unbind" cryptoctl device unbind $vc
check "gives it back" await 10 driver_is virtio-pci

# --- what stands in the way ---
# in_the_way WORDS: a bind is refused so, dry or not, info says so, and nothing
# is changed
in_the_way() {
	remember
	refused 1 "$1" cryptoctl device bind $vc
	refused 1 "$1" cryptoctl device bind --dry-run $vc
	cryptoctl device info $vc >"$tmp/info"
	check "info: it cannot be used" grep -qE '^usable +no$' "$tmp/info"
	check "info: why" grep -qE "^why .*($1)" "$tmp/info"
	check "nothing was changed" as_it_was
	machine
}
machine
rm -r "$bus/devices/$vc/iommu_group" "$root/sys/class/iommu/dmar0"
in_the_way "this machine has no IOMMU, or it is off: .*intel_iommu=on"
rm -r "$bus/devices/$vc/iommu_group"
in_the_way "no IOMMU stands before $vc"
function_of 0000:01:00.1 0x8086 0x10d3 0x020000 e1000e 3
function_of 0000:01:00.2 0x8086 0x10d3 0x010000 ahci 3
in_the_way "group 3 of $vc is not viable: .*01:00.1 .e1000e.*01:00.2 .ahci"
function_of 0000:01:00.1 0x8086 0x10d3 0x020000 vfio-pci 3
check "another one that has vfio-pci is not in the way" \
	cryptoctl device bind --dry-run $vc
machine
echo '0x000000007d000000 0x000000007f7fffff direct' \
	>>"$groups/3/reserved_regions"
in_the_way "0x000000007d000000-0x000000007f7fffff mapped for $vc .RMRR"
echo '0x000000007d000000 0x000000007f7fffff direct-relaxable' \
	>>"$groups/3/reserved_regions"
check "a relaxed region is not in the way" \
	cryptoctl device bind --dry-run $vc
machine
rm -r "$bus/drivers/vfio-pci"
in_the_way "vfio-pci is not loaded: modprobe vfio-pci"
rm "$root/dev/vfio/vfio"
in_the_way "no /dev/vfio/vfio: modprobe vfio_iommu_type1"

chmod 444 "$bus/devices/$vc/driver_override"
chmod 755 "$tmp" "$root"
refused 1 "no permission to write .*/driver_override: do it as root" \
	without dac_override,dac_read_search cryptoctl device bind $vc
machine

# --- the kernel does not want ---
: >"$tmp/refuses"
refused 1 "vfio-pci did not take $vc: the kernel's log" \
	cryptoctl device bind $vc
same "and no driver is ordered any more" "" \
	"$(head -n 1 "$bus/devices/$vc/driver_override")"
rm "$tmp/refuses"

# --- what the daemon may lock ---
pid=$(cat "$UKCF_DAEMON_PIDFILE")
mkdir -p "$root/proc/$pid"
echo 'Max locked memory         65536                65536                bytes' \
	>"$root/proc/$pid/limits"
check "bind, with too little memory to lock" sh -c \
	'cryptoctl device bind --dry-run "$1" 2>"$2"' - $vc "$tmp/err"
check "says so, and what to raise" grep -q \
	'may lock only 64 KiB.*LimitMEMLOCK' "$tmp/err"
same "info: how much" 65536 "$(info memlock)"
echo 'Max locked memory         unlimited            unlimited            bytes' \
	>"$root/proc/$pid/limits"
same "without a limit nothing is said" "" \
	"$(cryptoctl device bind --dry-run $vc 2>&1 >/dev/null)"

# --- reset: the daemon's work ---
unset UKCF_DEVICE_ROOT
refused 2 "an argument is missing" cryptoctl device reset
refused 2 "an ADDRESS, or provider=NAME" cryptoctl device reset mechanism=all
refused 1 "provider sodium has nothing to reset" \
	cryptoctl device reset provider=sodium
refused 1 "no provider none|none" cryptoctl device reset provider=none
same "reset --dry-run" \
	"provider nullhw would be reset, and give its known answers" \
	"$(cryptoctl device reset --dry-run provider=nullhw)"
same "reset" "provider nullhw was reset, and gives the right answers" \
	"$(cryptoctl device reset provider=nullhw)"
same "and works" READY \
	"$(cryptoctl list | awk '$1 == "nullhw" { print $4 }')"
check "drained, it is not brought back so" cryptoctl drain provider=nullhw
refused 1 "nullhw is drained: 'cryptoctl load'" \
	cryptoctl device reset provider=nullhw
export UKCF_DEVICE_ROOT="$root"
refused 1 "virtio" cryptoctl device reset $vc
finish
