#!/usr/bin/env bash
# run.sh [-c CPU] [-m MODE] [-a "MACHINE OPTIONS"] PROGRAM [ARGS...]: runs a static arm64 program on a real Linux KVM.
# run.sh [...] -l LIST DIR: runs many, one after another in one boot. LIST: lines of `NAME SECONDS ARGS...`, programs of DIR
#   and how long each may take. Prints for each `#run NAME`, the end of its output, `#ran NAME EXIT START END` (uptime), marks with QEMU's CPU time added.
# Boots Debian's arm64 kernel under QEMU (prepare.sh reference makes both; KERNEL=6.12 chooses that one) with the program as
# its only task and prints what it prints; exits with its exit code. MODE: vhe (default), nvhe, protected, nested. CPU: any of
# QEMU's (default max). LIMIT: seconds that the whole may take.
set -euo pipefail
REF=${HYPATIA_REF:-${XDG_CACHE_HOME:-$HOME/.cache}/hypatia}; CPU=max; MODE=vhe; MACHINE=; LIST=
while getopts c:m:a:l: o; do case $o in c) CPU=$OPTARG;; m) MODE=$OPTARG;; a) MACHINE=,$OPTARG;; l) LIST=$OPTARG;; *) exit 2;; esac; done
shift $((OPTIND - 1)); [ $# -gt 0 ] || { echo "run.sh: give a static arm64 program" >&2; exit 2; }
"$(dirname "$0")/../debian/prepare.sh" reference >&2
GUEST=$REF/guest${KERNEL:+-$KERNEL}
D=$(mktemp -d "$REF/trixie/tmp/run.XXXXXX"); trap 'rm -rf "$D"' EXIT; R=$D/root; mkdir -p "$R"/{bin,proc,sys,dev,tmp}
cp "$(find "$GUEST" -path '*/bin/busybox' -type f | head -1)" "$R/bin/busybox"
for a in sh mount poweroff cut cat dmesg grep timeout tail; do ln -s busybox "$R/bin/$a"; done
if [ -n "$LIST" ]; then
  while read -r name _; do cp "$1/$name" "$R/tmp/"; done < "$LIST"
  cp "$LIST" "$R/list"
  # Output goes to memory first: the console is slow, and not part of what is timed.
  cat > "$R/cmd" <<'C'
while read -r name limit args; do
  echo "#run $name"; s=$(cut -d' ' -f1 /proc/uptime); timeout -s KILL $limit ./$name $args > /tmp/out 2>&1 < /dev/null; rc=$?
  e=$(cut -d' ' -f1 /proc/uptime); tail -n 12 /tmp/out; echo; echo "#ran $name $rc $s $e"
done < /list
C
else prog=$1; shift; cp "$prog" "$R/tmp/$(basename "$prog")"; printf '%q ' "./$(basename "$prog")" "$@" > "$R/cmd"; fi
cat > "$R/init" <<'I'
#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mkdir -p /dev/shm; mount -t tmpfs t /dev/shm
echo "#kernel $(cut -d' ' -f1,3 /proc/version)"; cd /tmp; echo "#start $(cut -d' ' -f1 /proc/uptime)"; . /cmd; rc=$?
echo "#end $(cut -d' ' -f1 /proc/uptime)"; echo "#exit $rc"; poweroff -f
I
chmod +x "$R/init"; (cd "$R" && find . | cpio -o -H newc 2>/dev/null | gzip -1) > "$D/initrd.gz"; cp "$(find "$GUEST" -name 'vmlinuz*' | head -1)" "$D/Image"
case $MODE in vhe) K=;; nvhe|protected|nested) K=kvm-arm.mode=$MODE;; *) echo "run.sh: unknown mode '$MODE'" >&2; exit 2;; esac
# With a list, each mark is followed by the CPU time that QEMU has used so far, in hundredths of a second.
marks() { while IFS= read -r line; do case $line in '#kernel'*|'#exit'*|'['*) ;; '#'*) echo "$line $(awk '{ print $14 + $15 }' "/proc/$(cat "$D/pid")/stat" 2>/dev/null || echo 0)";; *) echo "$line";; esac; done; }
show() { if [ -n "$LIST" ]; then marks; else sed -n '/^#start/,/^#end/p' | grep -v '^#'; fi; }
chroot "$REF/trixie" timeout "${LIMIT:-600}" qemu-system-aarch64 -M "virt,virtualization=on,gic-version=3$MACHINE" -cpu "$CPU" -smp 2 -m 4G -nographic -no-reboot -pidfile "${D#"$REF/trixie"}/pid" \
  -kernel "${D#"$REF/trixie"}/Image" -initrd "${D#"$REF/trixie"}/initrd.gz" -append "console=ttyAMA0 quiet panic=-1 $K" </dev/null | stdbuf -oL tr -d '\r' | tee "$D/log" | show || true
grep -a '^#\(kernel\|start\|end\)' "$D/log" >&2 || { echo "run.sh: the reference did not boot; its console:" >&2; tail -20 "$D/log" >&2; exit 1; }
exit "$(sed -n 's/^#exit //p' "$D/log" | tail -1)"
