// The interrupt controllers as devices of a VM: attribute groups of GICv2 and GICv3, with every rule and its errno.
// @linux arch/arm64/kvm/vgic/vgic-kvm-device.c

import { GICD } from '../../arch/gic.ts';
import { extract } from '../../base/bits.ts';
import {
  KVM_VGIC_ADDR_TYPE as ADDR,
  KVM_DEV_ARM_VGIC_CTRL as CTRL,
  KVM_DEV_ARM_VGIC_GRP as GRP,
} from '../../uapi/index.ts';
import { type Call, getU32, getU64, putU32, putU64 } from '../call.ts';
import { check, Refusal, refuse } from '../errors.ts';
import type { Attr, DeviceOps } from '../kvm_device.ts';
import { vcpuByMpidr } from '../mpidr.ts';
import type { Vcpu } from '../vcpu.ts';
import { gicSysreg } from '../vgic-sys-reg-v3.ts';
import type { Vm } from '../vm.ts';
import { isInitialized, isPpi, NR_PRIVATE_IRQS } from './vgic.ts';
import { createVgic, initVgic, V2_CPU_SIZE, V2_DIST_SIZE, V3_DIST_SIZE } from './vgic-init.ts';
import { savePendingTables } from './vgic-its.ts';
import { findRow, type Row, readLineLevels, readRow, writeLineLevels, writeRow } from './vgic-mmio.ts';
import { V2_CPU_REGISTERS, V2_DIST_REGISTERS } from './vgic-mmio-v2.ts';
import { V3_DIST_REGISTERS, V3_REDIST_REGISTERS } from './vgic-mmio-v3.ts';
import { checkPlace, setRedistBase } from './vgic-v3.ts';

const ALIGN_4K = 0x1000n;
const ALIGN_64K = 0x1_0000n;
/** What an address that was never set reads as. */
const UNDEFINED_ADDR = (1n << 64n) - 1n;
const MAX_IRQS = 1023;

/** Somebody runs a vCPU: state that runs away cannot be read. @linux kvm_trylock_all_vcpus */
export function requireStopped(vm: Vm): void {
  if (vm.vcpus.some((v) => v.running)) throw refuse.EBUSY;
}

// Group ADDR.

interface Place {
  readonly key: 'distBase' | 'cpuBase';
  readonly model: 'v2' | 'v3';
  readonly align: bigint;
  readonly size: number;
}
const PLACES = new Map<bigint, Place>([
  [BigInt(ADDR.V2_DIST), { key: 'distBase', model: 'v2', align: ALIGN_4K, size: V2_DIST_SIZE }],
  [BigInt(ADDR.V2_CPU), { key: 'cpuBase', model: 'v2', align: ALIGN_4K, size: V2_CPU_SIZE }],
  [BigInt(ADDR.V3_DIST), { key: 'distBase', model: 'v3', align: ALIGN_64K, size: V3_DIST_SIZE }],
]);

function requireModel(vm: Vm, model: 'v2' | 'v3'): void {
  if (vm.vgic.model !== model) throw refuse.ENODEV;
}
/** @throws ENODEV, EEXIST, EINVAL, E2BIG */
function setPlace(vm: Vm, p: Place, addr: bigint): void {
  requireModel(vm, p.model);
  checkPlace(vm, vm.vgic[p.key], addr, p.align, BigInt(p.size));
  vm.vgic[p.key] = addr;
}
/** KVM_ARM_SET_DEVICE_ADDR, GICv2 only. @linux kvm_set_legacy_vgic_v2_addr */
export function setLegacyV2Addr(vm: Vm, type: number, addr: bigint): void {
  const place = PLACES.get(BigInt(type));
  if (place?.model !== 'v2') throw refuse.ENODEV;
  setPlace(vm, place, addr);
}

/** count<63:52> base<51:16> flags<15:12> index<11:0>; of the index only the low byte counts. */
function setRegion(vm: Vm, word: bigint): void {
  const count = Number(extract(word, 63, 52));
  if (count === 0 || extract(word, 15, 12) !== 0n) throw refuse.EINVAL;
  setRedistBase(vm, Number(extract(word, 7, 0)), extract(word, 51, 16) << 16n, count);
}
function getRegion(vm: Vm, index: number): bigint {
  const r = vm.vgic.redistRegions.find((x) => x.index === index);
  if (!r) throw refuse.ENOENT;
  return (BigInt(r.count) << 52n) | r.base | BigInt(index);
}
/** @linux kvm_vgic_addr */
function setAddr(vm: Vm, call: Call, a: Attr): void {
  const word = getU64(call, a.addr);
  const place = PLACES.get(a.attr);
  const isRegion = a.attr === BigInt(ADDR.V3_REDIST_REGION);
  if (!place && !isRegion && a.attr !== BigInt(ADDR.V3_REDIST)) throw refuse.ENODEV;
  requireModel(vm, place?.model ?? 'v3');
  if (place) setPlace(vm, place, word);
  else if (isRegion) setRegion(vm, word);
  else setRedistBase(vm, 0, word, 0);
}
function getAddr(vm: Vm, call: Call, a: Attr): void {
  const isRegion = a.attr === BigInt(ADDR.V3_REDIST_REGION);
  const word = isRegion ? getU64(call, a.addr) : 0n;
  const place = PLACES.get(a.attr);
  if (!place && !isRegion && a.attr !== BigInt(ADDR.V3_REDIST)) throw refuse.ENODEV;
  requireModel(vm, place?.model ?? 'v3');
  const value = place
    ? vm.vgic[place.key]
    : isRegion
      ? getRegion(vm, Number(extract(word, 7, 0)))
      : vm.vgic.redistRegions[0]?.base;
  putU64(call, a.addr, value ?? UNDEFINED_ADDR);
}
/** The device says ENXIO where the address is another model's. */
function asNoSuchAttr(body: () => void): void {
  try {
    body();
  } catch (e) {
    throw e instanceof Refusal && e === refuse.ENODEV ? refuse.ENXIO : e;
  }
}

function control(vm: Vm, attr: bigint): void {
  if (attr === BigInt(CTRL.INIT)) {
    check(initVgic(vm));
    return;
  }
  if (attr !== BigInt(CTRL.SAVE_PENDING_TABLES) || vm.vgic.model !== 'v3') throw refuse.ENXIO;
  requireStopped(vm);
  if (!isInitialized(vm)) throw refuse.ENXIO;
  savePendingTables(vm);
}
/** @linux vgic_set_common_attr */
function setCommon(vm: Vm, call: Call, a: Attr): void {
  switch (a.group) {
    case GRP.ADDR:
      asNoSuchAttr(() => setAddr(vm, call, a));
      break;
    case GRP.NR_IRQS: {
      const n = getU32(call, a.addr);
      if (n < NR_PRIVATE_IRQS + 32 || n > MAX_IRQS || n % 32 !== 0) throw refuse.EINVAL;
      if (vm.vgic.nrSpis !== 0) throw refuse.EBUSY;
      vm.vgic.nrSpis = n - NR_PRIVATE_IRQS;
      break;
    }
    case GRP.CTRL:
      control(vm, a.attr);
      break;
    default:
      throw refuse.ENXIO;
  }
}
function getCommon(vm: Vm, call: Call, a: Attr): void {
  if (a.group === GRP.ADDR) asNoSuchAttr(() => getAddr(vm, call, a));
  else if (a.group === GRP.NR_IRQS) putU32(call, a.addr, vm.vgic.nrSpis + NR_PRIVATE_IRQS);
  else throw refuse.ENXIO;
}

// GICv3.

const MEMORY_GROUPS: ReadonlyMap<number, readonly Row[]> = new Map([
  [GRP.DIST_REGS, V3_DIST_REGISTERS],
  [GRP.REDIST_REGS, V3_REDIST_REGISTERS],
]);

/** mpidr<63:32> names the vCPU, except for the distributor. @throws EINVAL. @linux vgic_v3_parse_attr */
function v3Target(vm: Vm, a: Attr): Vcpu {
  const vcpu = a.group === GRP.DIST_REGS ? vm.vcpus[0] : vcpuByMpidr(vm, affinity(extract(a.attr, 63, 32)));
  if (!vcpu) throw refuse.EINVAL;
  return vcpu;
}
/** Aff3 stands in bits 39:32 of MPIDR_EL1. */
function affinity(word: bigint): bigint {
  return extract(word, 23, 0) | (extract(word, 31, 24) << 32n);
}
const offsetOf = (a: Attr): number => Number(extract(a.attr, 31, 0));
/** op0, op1, CRn, CRm, op2, packed as in a register id. */
const sysregOf = (a: Attr): number => Number(extract(a.attr, 15, 0));

function allowedBeforeInit(a: Attr): boolean {
  return a.group === GRP.DIST_REGS && (offsetOf(a) === GICD.IIDR || offsetOf(a) === GICD.TYPER2);
}
/** @linux vgic_v3_attr_regs_access */
function accessV3(vm: Vm, call: Call, a: Attr, isWrite: boolean): void {
  const vcpu = v3Target(vm, a);
  const isSysreg = a.group === GRP.CPU_SYSREGS;
  const word = !isSysreg && isWrite ? getU32(call, a.addr) : 0;
  requireStopped(vm);
  if (!isInitialized(vm) && !allowedBeforeInit(a)) throw refuse.EBUSY;
  const rows = MEMORY_GROUPS.get(a.group);
  if (isSysreg) accessSysreg(vcpu, call, a, isWrite);
  else if (!rows) accessLevels(vcpu, call, a, isWrite, word);
  else if (isWrite) check(writeRow(rows, vcpu, offsetOf(a), 4, BigInt(word), true));
  else putU32(call, a.addr, Number(readRow(rows, vcpu, offsetOf(a), 4, true)));
}
/** info<31:10> must be 0, INTID<9:0> the first of 32. */
function accessLevels(vcpu: Vcpu, call: Call, a: Attr, isWrite: boolean, word: number): void {
  const intid = Number(extract(a.attr, 9, 0));
  if (extract(a.attr, 31, 10) !== 0n || intid % 32 !== 0) throw refuse.EINVAL;
  if (isWrite) writeLineLevels(vcpu, intid, word);
  else putU32(call, a.addr, readLineLevels(vcpu, intid));
}
/** @throws ENOENT */
function accessSysreg(vcpu: Vcpu, call: Call, a: Attr, isWrite: boolean): void {
  const value = isWrite ? getU64(call, a.addr) : 0n;
  const reg = gicSysreg(vcpu, sysregOf(a));
  if (!reg) throw refuse.ENOENT;
  if (isWrite) reg.set(vcpu, value);
  else putU64(call, a.addr, reg.get(vcpu));
}
function hasRegister(vm: Vm, rows: readonly Row[], offset: number): boolean {
  return offset % 4 === 0 && findRow(vm, rows, offset, 4) !== undefined;
}
function hasV3(vm: Vm, a: Attr): boolean {
  switch (a.group) {
    case GRP.ADDR:
      return [ADDR.V3_DIST, ADDR.V3_REDIST, ADDR.V3_REDIST_REGION].some((t) => a.attr === BigInt(t));
    case GRP.DIST_REGS:
    case GRP.REDIST_REGS:
      v3Target(vm, a);
      return hasRegister(vm, MEMORY_GROUPS.get(a.group)!, offsetOf(a));
    case GRP.CPU_SYSREGS:
      return gicSysreg(v3Target(vm, a), sysregOf(a)) !== undefined;
    case GRP.NR_IRQS:
    case GRP.MAINT_IRQ:
      return true;
    case GRP.LEVEL_INFO:
      return extract(a.attr, 31, 10) === 0n;
    case GRP.CTRL:
      return a.attr === BigInt(CTRL.INIT) || a.attr === BigInt(CTRL.SAVE_PENDING_TABLES);
    default:
      return false;
  }
}
const V3_REGS: ReadonlySet<number> = new Set([GRP.DIST_REGS, GRP.REDIST_REGS, GRP.CPU_SYSREGS, GRP.LEVEL_INFO]);

export const VGIC_V3: DeviceOps = {
  name: 'kvm-arm-vgic-v3',
  create: (vm) => {
    createVgic(vm, 'v3');
    return {
      set: (call, a) => {
        if (V3_REGS.has(a.group)) return accessV3(vm, call, a, true);
        if (a.group !== GRP.MAINT_IRQ) return setCommon(vm, call, a);
        const intid = getU32(call, a.addr);
        if (isInitialized(vm)) throw refuse.EBUSY;
        if (!isPpi(intid)) throw refuse.EINVAL;
        vm.vgic.maintenanceIrq = intid;
      },
      get: (call, a) => {
        if (V3_REGS.has(a.group)) return accessV3(vm, call, a, false);
        if (a.group === GRP.MAINT_IRQ) return putU32(call, a.addr, vm.vgic.maintenanceIrq);
        return getCommon(vm, call, a);
      },
      has: (a) => hasV3(vm, a),
    };
  },
};

// GICv2.

const V2_GROUPS: ReadonlyMap<number, readonly Row[]> = new Map([
  [GRP.DIST_REGS, V2_DIST_REGISTERS],
  [GRP.CPU_REGS, V2_CPU_REGISTERS],
]);
/** vcpu<39:32> */
function v2Target(vm: Vm, a: Attr): Vcpu {
  const vcpu = vm.byId.get(Number(extract(a.attr, 39, 32)));
  if (!vcpu) throw refuse.EINVAL;
  return vcpu;
}
/** @linux vgic_v2_attr_regs_access */
function accessV2(vm: Vm, rows: readonly Row[], call: Call, a: Attr, isWrite: boolean): void {
  const vcpu = v2Target(vm, a);
  const word = isWrite ? getU32(call, a.addr) : 0;
  requireStopped(vm);
  check(initVgic(vm));
  if (isWrite) check(writeRow(rows, vcpu, offsetOf(a), 4, BigInt(word), true));
  else putU32(call, a.addr, Number(readRow(rows, vcpu, offsetOf(a), 4, true)));
}

export const VGIC_V2: DeviceOps = {
  name: 'kvm-arm-vgic-v2',
  create: (vm) => {
    createVgic(vm, 'v2');
    return {
      set: (call, a) => {
        const rows = V2_GROUPS.get(a.group);
        return rows ? accessV2(vm, rows, call, a, true) : setCommon(vm, call, a);
      },
      get: (call, a) => {
        const rows = V2_GROUPS.get(a.group);
        return rows ? accessV2(vm, rows, call, a, false) : getCommon(vm, call, a);
      },
      has: (a) => {
        const rows = V2_GROUPS.get(a.group);
        if (rows) {
          v2Target(vm, a);
          return hasRegister(vm, rows, offsetOf(a));
        }
        if (a.group === GRP.ADDR) return a.attr === BigInt(ADDR.V2_DIST) || a.attr === BigInt(ADDR.V2_CPU);
        return a.group === GRP.NR_IRQS || (a.group === GRP.CTRL && a.attr === BigInt(CTRL.INIT));
      },
    };
  },
};
