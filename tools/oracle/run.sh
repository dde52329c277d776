#!/usr/bin/env bash
# run.sh [-c CPU] [-m MODE] [-a "MACHINE OPTIONS"] PROGRAM [ARGS...]: runs a static arm64 program on a real Linux KVM.
# Boots Debian's arm64 kernel under QEMU (prepare.sh reference makes both) with the program as its only task and prints
# what it prints; exits with its exit code. MODE: vhe (default), nvhe, protected, nested. CPU: any of QEMU's (default max).
set -euo pipefail
REF=${HYPATIA_REF:-${XDG_CACHE_HOME:-$HOME/.cache}/hypatia}; CPU=max; MODE=vhe; MACHINE=
while getopts c:m:a: o; do case $o in c) CPU=$OPTARG;; m) MODE=$OPTARG;; a) MACHINE=,$OPTARG;; *) exit 2;; esac; done
shift $((OPTIND - 1)); [ $# -gt 0 ] || { echo "run.sh: give a static arm64 program" >&2; exit 2; }
"$(dirname "$0")/../debian/prepare.sh" reference >&2
D=$(mktemp -d "$REF/trixie/tmp/run.XXXXXX"); trap 'rm -rf "$D"' EXIT; R=$D/root; mkdir -p "$R"/{bin,proc,sys,dev,tmp}
cp "$(find "$REF/guest" -path '*/bin/busybox' -type f | head -1)" "$R/bin/busybox"; for a in sh mount poweroff cut cat dmesg grep; do ln -s busybox "$R/bin/$a"; done
prog=$1; shift; cp "$prog" "$R/tmp/$(basename "$prog")"; printf '%q ' "./$(basename "$prog")" "$@" > "$R/cmd"
cat > "$R/init" <<'I'
#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mkdir -p /dev/shm; mount -t tmpfs t /dev/shm
echo "#kernel $(cut -d' ' -f1,3 /proc/version)"; cd /tmp; echo "#start $(cut -d' ' -f1 /proc/uptime)"; eval "$(cat /cmd)"; rc=$?
echo "#end $(cut -d' ' -f1 /proc/uptime)"; echo "#exit $rc"; poweroff -f
I
chmod +x "$R/init"; (cd "$R" && find . | cpio -o -H newc 2>/dev/null | gzip -1) > "$D/initrd.gz"; cp "$(find "$REF/guest" -name 'vmlinuz*' | head -1)" "$D/Image"
case $MODE in vhe) K=;; nvhe|protected|nested) K=kvm-arm.mode=$MODE;; *) echo "run.sh: unknown mode '$MODE'" >&2; exit 2;; esac
chroot "$REF/trixie" timeout "${LIMIT:-600}" qemu-system-aarch64 -M "virt,virtualization=on,gic-version=3$MACHINE" -cpu "$CPU" -smp 2 -m 4G -nographic -no-reboot \
  -kernel "${D#"$REF/trixie"}/Image" -initrd "${D#"$REF/trixie"}/initrd.gz" -append "console=ttyAMA0 quiet panic=-1 $K" </dev/null | tr -d '\r' | tee "$D/log" | sed -n '/^#start/,/^#end/p' | grep -v '^#'
grep -a '^#\(kernel\|start\|end\)' "$D/log" >&2 || { echo "run.sh: the reference did not boot; its console:" >&2; tail -20 "$D/log" >&2; exit 1; }
exit "$(sed -n 's/^#exit //p' "$D/log")"
