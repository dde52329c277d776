#!/usr/bin/env bash
# Makes what the slower checks need out of Debian's packages, once, under $HYPATIA_REF (default: the user's cache).
#   prepare.sh selftests   $HYPATIA_REF/linux (newest linux-source of $SUITE) and $HYPATIA_REF/selftests (arm64, static)
#   prepare.sh selftests-arm64  $HYPATIA_REF/selftests-arm64: those of tools/testing/selftests/arm64
#   prepare.sh qemu        $HYPATIA_REF/trixie: a chroot with QEMU from Debian's stable-backports
#   prepare.sh programs    $HYPATIA_REF/sysroot: some arm64 programs of Debian with their libraries
#   prepare.sh llvm        llvm-mc-19 and friends, installed on this machine
#   prepare.sh reference   all of that, and Debian's arm64 kernel: a real Linux KVM to boot under QEMU
# KERNEL=6.12: selftests and reference are of that kernel, from $SUITE (trixie), in directories with -6.12 in their names.
# Needs root (apt-get, debootstrap) and a Debian machine; says so otherwise.
set -euo pipefail
REF=${HYPATIA_REF:-${XDG_CACHE_HOME:-$HOME/.cache}/hypatia}; KERNEL=${KERNEL:-}; V=${KERNEL:+-$KERNEL}
SUITE=${SUITE:-$([ -n "$KERNEL" ] && echo trixie || echo sid)}
LINUX=$REF/linux$V; SELFTESTS=$REF/selftests$V; GUEST=$REF/guest$V; DEB=$REF/deb$V
command -v apt-get >/dev/null || { echo "prepare: this needs Debian's apt-get" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "prepare: run as root: it installs Debian packages" >&2; exit 2; }
mkdir -p "$REF"/apt/{lists/partial,cache/archives/partial} "$DEB"
URI=$( { grep -hs '^URIs' /etc/apt/sources.list.d/debian.sources || true; } | head -1 | awk '{print $2}')
[ -n "$URI" ] || URI=$(grep -hs '^deb ' /etc/apt/sources.list | head -1 | sed 's/\[[^]]*\]//' | awk '{print $2}')
KEY=/usr/share/keyrings/debian-archive-keyring.gpg
OPT=(-o Dir::Etc::SourceList="$REF/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$REF/apt/lists" -o Dir::Cache="$REF/apt/cache" -o APT::Architectures::=amd64 -o APT::Architectures::=arm64)
updated=""
install() {
  local missing=(); for p in "$@"; do dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p"); done
  [ ${#missing[@]} = 0 ] && return
  [ -n "$updated" ] || { apt-get -q update >/dev/null; updated=1; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${missing[@]}" >/dev/null
}
# The package lists of $SUITE, for both architectures, apart from those of this machine.
lists() {
  echo "deb [signed-by=$KEY arch=amd64,arm64] $URI $SUITE main" > "$REF/apt/sources.list"
  apt-get "${OPT[@]}" -q update >/dev/null 2>&1
}
selftests() {
  [ -e "$SELFTESTS/.done" ] && return
  install gcc-aarch64-linux-gnu libc6-dev-arm64-cross rsync flex bison bc make gcc xz-utils
  local src=""
  if lists; then
    src=${KERNEL:+linux-source-$KERNEL}
    [ -n "$src" ] || src=$(apt-cache "${OPT[@]}" depends "linux-source/$SUITE" 2>/dev/null | grep -o 'linux-source-[0-9.]*' | head -1)
    [ -z "$src" ] || (cd "$DEB" && rm -f linux-source-*.deb && apt-get "${OPT[@]}" download "$src" >/dev/null)
  fi
  if [ -z "$src" ]; then
    echo "prepare: $SUITE is not reachable; falling back to the configured sources' linux-source" >&2
    [ -n "$updated" ] || { apt-get -q update >/dev/null; updated=1; }
    src=$(apt-cache depends linux-source | grep -o 'linux-source-[0-9.]*' | head -1)
    (cd "$DEB" && rm -f linux-source-*.deb && apt-get download "$src" >/dev/null)
  fi
  local unpacked; unpacked=$(mktemp -d "$REF/src.XXXXXX")
  rm -rf "$LINUX"; mkdir -p "$LINUX" "$SELFTESTS"
  dpkg -x "$DEB"/linux-source-*.deb "$unpacked"
  tar xf "$unpacked"/usr/src/linux-source-*.tar.xz -C "$LINUX" --strip-components=1
  rm -rf "$unpacked"
  make -C "$LINUX" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- headers_install >/dev/null
  make -C "$LINUX/tools/testing/selftests/kvm" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- LDFLAGS=-static -j"$(nproc)" -k > "$SELFTESTS.log" 2>&1 || true
  # Before 6.14 the directories are named as compilers name the architecture.
  (cd "$LINUX/tools/testing/selftests/kvm"
   for f in arm64/* aarch64/* *; do
     if [ -f "$f" ] && [ -x "$f" ]; then case $f in *.*) ;; *) aarch64-linux-gnu-strip -o "$SELFTESTS/$(basename "$f")" "$f" 2>/dev/null || true;; esac; fi
   done)
  make -s -C "$LINUX" kernelversion > "$SELFTESTS/.version"
  touch "$SELFTESTS/.done"
}
# tools/testing/selftests/arm64: what a process can see by itself (no SME, no GCS, no endless ones).
selftests-arm64() {
  selftests
  local out=$REF/selftests-arm64; [ ! -e "$out/.done-2" ] || return 0
  mkdir -p "$out"
  local objects; objects=$(mktemp -d)
  local include=(-I"$LINUX/tools/testing/selftests" -I"$LINUX/tools/include" -isystem "$LINUX/usr/include")
  local cc=(aarch64-linux-gnu-gcc -O2 -w -D_GNU_SOURCE= "${include[@]}")
  (
    cd "$LINUX/tools/testing/selftests/arm64"
    for p in abi/hwcap tags/tags_test; do "${cc[@]}" -static -o "$out/${p#*/}" $p.c; done
    "${cc[@]}" -static -o "$out/syscall-abi" abi/syscall-abi.c abi/syscall-abi-asm.S
    for p in sve-probe-vls vec-syscfg; do "${cc[@]}" -static -o "$out/$p" fp/$p.c fp/rdvl.S; done
    "${cc[@]}" -march=armv8.2-a+sve -nostdlib -static -o "$out/fp-pidbench" fp/fp-pidbench.S fp/asm-utils.S
    local pac=(-mbranch-protection=pac-ret)
    "${cc[@]}" "${pac[@]}" -march=armv8.3-a -c -o "$objects/helper.o" pauth/helper.c
    "${cc[@]}" -march=armv8.3-a -c -o "$objects/pac_corruptor.o" pauth/pac_corruptor.S
    "${cc[@]}" "${pac[@]}" -march=armv8.2-a -static -o "$out/pac" pauth/pac.c "$objects"/{helper,pac_corruptor}.o
    "${cc[@]}" "${pac[@]}" -march=armv8.2-a -static -o "$out/exec_target" pauth/exec_target.c "$objects/helper.o"
    for bti in 0 1; do
      local how=(-mbranch-protection=none) name=nobtitest
      [ $bti = 0 ] || { how=(-mbranch-protection=standard); name=btitest; }
      for s in test.c signal.c system.c start.S syscall.S teststubs.S trampoline.S; do
        "${cc[@]}" "${how[@]}" -DBTI=$bti -ffreestanding -c -o "$objects/$bti.$s.o" bti/$s
      done
      "${cc[@]}" -mbranch-protection=standard -nostdlib -static -o "$out/$name" "$objects/$bti".*.o
    done
    cd signal
    for s in test_signals.c test_signals_utils.c testcases/testcases.c signals.S sve_helpers.c; do
      "${cc[@]}" -std=gnu99 -I. -c -o "$objects/signal.${s##*/}.o" $s
    done
    for p in testcases/*.c; do
      local name=${p#*/}; name=${name%.c}
      case $name in testcases|gcs_*|sme_*|ssve_*|za_*|zt_*|*_sme_*) continue ;; esac
      "${cc[@]}" -std=gnu99 -I. -static -o "$out/$name" $p "$objects"/signal.*.o
    done
  )
  rm -rf "$objects"; cp "$SELFTESTS/.version" "$out/.version"; touch "$out/.done-2"
}
probe() {
  selftests
  aarch64-linux-gnu-gcc -O1 -static -I"$LINUX/usr/include" -o "$REF/kvmprobe" "$(dirname "$0")/../oracle/kvmprobe.c"
}
qemu() {
  [ -x "$REF/trixie/usr/bin/qemu-aarch64" ] && return
  install debootstrap
  rm -rf "$REF/trixie"; debootstrap --variant=minbase trixie "$REF/trixie" "$URI" > "$REF/debootstrap.log"
  echo "deb $URI trixie-backports main" >> "$REF/trixie/etc/apt/sources.list"; cp -r /etc/apt/apt.conf.d "$REF/trixie/etc/apt/"
  chroot "$REF/trixie" apt-get -q update >/dev/null
  chroot "$REF/trixie" apt-get install -y -q -t trixie-backports qemu-system-arm qemu-user >/dev/null
}
reference() {
  selftests; qemu; llvm
  [ -n "$KERNEL" ] || probe
  [ -e "$GUEST/.done" ] || {
    lists; install cpio
    local img; img=$(apt-cache "${OPT[@]}" depends linux-image-arm64:arm64 | grep -o 'linux-image-[0-9][^ :]*' | head -1)
    (cd "$DEB" && apt-get "${OPT[@]}" download "$img:arm64" busybox-static:arm64 >/dev/null
     for p in $(dpkg -I "$img"_*.deb | { grep -oE 'linux-(binary|modules)-[0-9][^ ,]*' || true; } | sort -u); do apt-get "${OPT[@]}" download "$p:arm64" >/dev/null || true; done
     mkdir -p "$GUEST"; for d in linux-image-*arm64*.deb linux-binary-*.deb linux-modules-*.deb busybox*.deb; do [ ! -e "$d" ] || dpkg -x "$d" "$GUEST"; done)
    touch "$GUEST/.done"
  }
  [ -e "$REF/idregs.bin" ] || {
    clang-19 --target=aarch64-none-elf -nostdlib -c "$(dirname "$0")/../oracle/idregs.S" -o "$REF/idregs.o"
    ld.lld-19 -Ttext=0x40010000 -o "$REF/idregs.elf" "$REF/idregs.o"; llvm-objcopy-19 -O binary "$REF/idregs.elf" "$REF/idregs.bin"
  }
}
programs() {
  [ -e "$REF/sysroot/.done" ] && return
  # Lists of their own: the versions of a program and its libraries must come from one suite.
  local A=$REF/apt-programs; mkdir -p "$A"/{lists/partial,cache/archives/partial} "$REF/deb/programs"; rm -rf "$REF/sysroot" "$REF"/deb/programs/*.deb
  local own=(-o Dir::Etc::SourceList="$A/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$A/lists" -o Dir::Cache="$A/cache" -o APT::Architecture=arm64 -o APT::Architectures=arm64)
  echo "deb [signed-by=$KEY arch=arm64] $URI trixie main" > "$A/sources.list"; apt-get "${own[@]}" -q update >/dev/null
  local all; all=$(apt-cache "${own[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    busybox-static lua5.4 openssl sqlite3 | grep -E '^[a-z0-9.+-]+$' | sort -u)
  (cd "$REF/deb/programs" && for p in $all; do apt-get "${own[@]}" download "$p" >/dev/null 2>&1 || true; done
   for d in *.deb; do dpkg -x "$d" "$REF/sysroot"; done)
  [ -e "$REF/sysroot/usr/lib/aarch64-linux-gnu/libc.so.6" ] || { echo "prepare: no C library among the programs' packages" >&2; return 1; }
  [ -e "$REF/sysroot/lib" ] || ln -s usr/lib "$REF/sysroot/lib"
  touch "$REF/sysroot/.done"
}
llvm() { install llvm-19 clang-19 lld-19; }
for what in "$@"; do
  case $what in
    selftests|selftests-arm64|probe|qemu|llvm|programs|reference) "$what" ;;
    *) echo "prepare: unknown part '$what' (selftests, selftests-arm64, probe, qemu, llvm, programs, reference)" >&2; exit 2 ;;
  esac
done
