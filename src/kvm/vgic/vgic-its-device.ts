// The ITS as registers and as a device of a VM. @linux arch/arm64/kvm/vgic/vgic-its.c (register and device parts)

import { BASER_FIELDS, BASER_PAGE_64K, BASER_TYPE, GIC_IIDR, GITS, GITS_CTLR, GITS_TYPER } from '../../arch/gic.ts';
import { extract, fieldMask, insert } from '../../base/bits.ts';
import { Errno } from '../../base/hostfile.ts';
import {
  KVM_VGIC_ADDR_TYPE as ADDR,
  KVM_DEV_ARM_VGIC_CTRL as CTRL,
  KVM_DEV_ARM_VGIC_GRP as GRP,
} from '../../uapi/index.ts';
import { type Call, getU64, putU64 } from '../call.ts';
import { check, refuse } from '../errors.ts';
import type { IoDevice } from '../io_bus.ts';
import type { Attr, DeviceFace, DeviceOps } from '../kvm_device.ts';
import type { Vm } from '../vm.ts';
import { cleanItsBaser, cleanItsCbaser, defaultAttributes, extractBytes, mergeBytes } from './vgic-baser.ts';
import {
  DEVICE_BITS, ENTRY_SIZE, EVENT_BITS, freeCollections, freeDevices, ITS_SIZE, type Its, isValidBaser, processCommands, queueBytes,
} from './vgic-its.ts'; // biome-ignore format: one list
import { restoreTables, saveTables } from './vgic-its-tables.ts';
import { requireStopped } from './vgic-kvm-device.ts';
import { iidr } from './vgic-mmio-v3.ts';
import { checkPlace } from './vgic-v3.ts';

const UNDEFINED_ADDR = (1n << 64n) - 1n;
const F = BASER_FIELDS.GITS_BASER;

function initialBaser(type: number): bigint {
  const reg = insert(defaultAttributes(F), ...F.pageSize, BigInt(BASER_PAGE_64K));
  return insert(insert(reg, ...F.type, BigInt(type)), ...F.entrySize, BigInt(ENTRY_SIZE - 1));
}
function makeIts(vm: Vm): Its {
  return {
    vm, base: undefined, enabled: false, baserDevice: initialBaser(BASER_TYPE.Device),
    baserCollection: initialBaser(BASER_TYPE.Collection), cbaser: 0n, creadr: 0, cwriter: 0, devices: new Map(), collections: new Map(),
  }; // biome-ignore format: a record
}

interface Access {
  readonly its: Its;
  /** Bytes from the start of the row. */
  readonly at: number;
  readonly length: number;
}
interface Row {
  readonly offset: number;
  readonly length: number;
  /** 64-bit registers take 4 and 8 bytes from the guest, 8 from the program. */
  readonly wide: boolean;
  read(a: Access): bigint;
  write?(a: Access, value: bigint): void;
  /** Where the program may do what the guest may not. @returns 0 or a negative errno */
  restore?(a: Access, value: bigint): number;
}
const wideRead =
  (f: (its: Its) => bigint) =>
  (a: Access): bigint =>
    extractBytes(f(a.its), a.at & 7, a.length);

const TYPER =
  (1n << BigInt(GITS_TYPER.Physical)) |
  (BigInt(DEVICE_BITS - 1) << BigInt(GITS_TYPER.Devbits)) |
  (BigInt(EVENT_BITS - 1) << BigInt(GITS_TYPER.ID_bits)) |
  (BigInt(ENTRY_SIZE - 1) << BigInt(GITS_TYPER.ITT_entry_size));

/** Offset of a command in the queue. */
const commandOffset = (value: bigint): number => Number(extract(value, 19, 5) << 5n);

function writeCtlr({ its }: Access, value: bigint): void {
  const on = (value & BigInt(GITS_CTLR.Enabled)) !== 0n;
  const ready =
    isValidBaser(its.baserDevice) && isValidBaser(its.baserCollection) && extract(its.cbaser, 63, 63) !== 0n;
  if (on && !its.enabled && !ready) return;
  its.enabled = on;
  processCommands(its);
}
function writeCbaser({ its, at, length }: Access, value: bigint): void {
  if (its.enabled) return;
  its.cbaser = cleanItsCbaser(mergeBytes(its.cbaser, at, length, value));
  its.creadr = 0;
  its.cwriter = 0;
}
function writeCwriter({ its, at, length }: Access, value: bigint): void {
  const offset = commandOffset(mergeBytes(BigInt(its.cwriter), at, length, value));
  if (offset >= queueBytes(its)) return;
  its.cwriter = offset;
  processCommands(its);
}
function restoreCreadr({ its }: Access, value: bigint): number {
  if (its.enabled) return -Errno.EBUSY;
  const offset = commandOffset(value);
  if (offset >= queueBytes(its)) return -Errno.EINVAL;
  its.creadr = offset;
  return 0;
}
const BASER_RO = fieldMask(...F.entrySize) | fieldMask(...F.type);
function writeBaser({ its, at, length }: Access, value: bigint): void {
  const key = ([['baserDevice', BASER_TYPE.Device], ['baserCollection', BASER_TYPE.Collection]] as const)[at >> 3]; // biome-ignore format: two
  if (!key || its.enabled) return;
  const [name, type] = key;
  const old = its[name];
  let reg = mergeBytes(old, at, length, value) & ~BASER_RO;
  if (name === 'baserCollection') reg &= ~fieldMask(F.indirect, F.indirect); // collections have one level
  reg = insert(insert(reg, ...F.type, BigInt(type)), ...F.entrySize, BigInt(ENTRY_SIZE - 1));
  its[name] = cleanItsBaser(reg);
  if (its[name] === old) return; // drivers write it again on resume
  if (name === 'baserDevice') freeDevices(its);
  else freeCollections(its);
}
/** Part number and class of the component: a GICv3 ITS with a 64 KiB frame. */
const ID_BYTES = new Map<number, bigint>([
  [GITS.PIDR0, 0x92n], [GITS.PIDR1, 0xb4n], [GITS.PIDR2, 0x3bn], [GITS.PIDR4, 0x40n],
  [GITS.CIDR0, 0x0dn], [GITS.CIDR1, 0xf0n], [GITS.CIDR2, 0x05n], [GITS.CIDR3, 0xb1n],
]); // biome-ignore format: a table

const ROWS: readonly Row[] = [
  {
    offset: GITS.CTLR,
    length: 4,
    wide: false,
    read: ({ its }) =>
      BigInt(((its.creadr === its.cwriter ? GITS_CTLR.Quiescent : 0) | (its.enabled ? GITS_CTLR.Enabled : 0)) >>> 0),
    write: writeCtlr,
  },
  {
    offset: GITS.IIDR,
    length: 4,
    wide: false,
    read: () => iidr(0),
    // There is one revision of the tables' layout.
    restore: (_a, value) => (extract(value, 15, GIC_IIDR.Revision) === 0n ? 0 : -Errno.EINVAL),
  },
  { offset: GITS.TYPER, length: 8, wide: true, read: wideRead(() => TYPER) },
  { offset: GITS.CBASER, length: 8, wide: true, read: wideRead((its) => its.cbaser), write: writeCbaser },
  { offset: GITS.CWRITER, length: 8, wide: true, read: wideRead((its) => BigInt(its.cwriter)), write: writeCwriter },
  { offset: GITS.CREADR, length: 8, wide: true, read: wideRead((its) => BigInt(its.creadr)), restore: restoreCreadr },
  {
    offset: GITS.BASER,
    length: 0x40,
    wide: true,
    read: (a) => extractBytes([a.its.baserDevice, a.its.baserCollection][a.at >> 3] ?? 0n, a.at & 7, a.length),
    write: writeBaser,
  },
  { offset: GITS.IDREGS, length: 0x30, wide: false, read: ({ at }) => ID_BYTES.get(GITS.IDREGS + at) ?? 0n },
];
function rowAt(offset: number): Row | undefined {
  return ROWS.find((r) => offset >= r.offset && offset < r.offset + r.length);
}

function frame(its: Its, base: bigint): IoDevice {
  const at = (addr: bigint, length: number): [Row, Access] | undefined => {
    const offset = Number(addr - base);
    const row = rowAt(offset);
    const fits = row && (length === 4 || (length === 8 && row.wide)) && offset % length === 0;
    return fits ? [row, { its, at: offset - row.offset, length }] : undefined;
  };
  return {
    name: 'vgic-its',
    read: (_vcpu, addr, data) => {
      const hit = at(addr, data.length);
      const value = hit ? hit[0].read(hit[1]) : 0n;
      for (let i = 0; i < data.length; i++) data[i] = Number((value >> BigInt(i * 8)) & 0xffn);
      return true;
    },
    write: (_vcpu, addr, data) => {
      const hit = at(addr, data.length);
      hit?.[0].write?.(
        hit[1],
        data.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n),
      );
      return true;
    },
  };
}

// Attributes.

/** The row for an attribute. @throws EINVAL where it is not aligned */
function userRow(a: Attr): Row | undefined {
  const isNarrow = a.attr < BigInt(GITS.TYPER) || a.attr >= BigInt(GITS.PIDR4);
  if ((a.attr & (isNarrow ? 3n : 7n)) !== 0n) throw refuse.EINVAL;
  return a.attr < ITS_SIZE ? rowAt(Number(a.attr)) : undefined;
}
/** @throws EINVAL, EBUSY, ENXIO. @linux vgic_its_attr_regs_access */
function accessRow(its: Its, a: Attr): readonly [Row, Access] {
  const row = userRow(a);
  requireStopped(its.vm);
  if (its.base === undefined || !row) throw refuse.ENXIO;
  return [row, { its, at: Number(a.attr) - row.offset, length: row.wide ? 8 : 4 }];
}
function place(its: Its, addr: bigint): void {
  checkPlace(its.vm, its.base, addr, 0x1_0000n, ITS_SIZE);
  its.vm.buses.mmio.register(addr, Number(ITS_SIZE), frame(its, addr));
  its.base = addr;
}
/** @linux vgic_its_ctrl */
function control(its: Its, attr: bigint): void {
  if (attr === BigInt(CTRL.INIT)) return; // nothing left to do
  requireStopped(its.vm);
  switch (attr) {
    case BigInt(CTRL.ITS_CTRL_RESET):
      reset(its);
      break;
    case BigInt(CTRL.ITS_SAVE_TABLES):
      saveTables(its);
      break;
    case BigInt(CTRL.ITS_RESTORE_TABLES):
      restoreTables(its);
      break;
    default:
      throw refuse.ENXIO;
  }
}
function reset(its: Its): void {
  its.baserDevice &= ~fieldMask(F.valid, F.valid);
  its.baserCollection &= ~fieldMask(F.valid, F.valid);
  its.cbaser = 0n;
  its.creadr = 0;
  its.cwriter = 0;
  its.enabled = false;
  freeDevices(its);
  freeCollections(its);
}

function face(its: Its): DeviceFace {
  const isAddr = (a: Attr): boolean => a.attr === BigInt(ADDR.ITS);
  return {
    set: (call: Call, a: Attr) => {
      if (a.group === GRP.ADDR) {
        if (!isAddr(a)) throw refuse.ENODEV;
        return place(its, getU64(call, a.addr));
      }
      if (a.group === GRP.CTRL) return control(its, a.attr);
      if (a.group !== GRP.ITS_REGS) throw refuse.ENXIO;
      const value = getU64(call, a.addr);
      const [row, access] = accessRow(its, a);
      if (row.restore) check(row.restore(access, value));
      else row.write?.(access, value);
    },
    get: (call: Call, a: Attr) => {
      if (a.group === GRP.ADDR) {
        if (!isAddr(a)) throw refuse.ENODEV;
        return putU64(call, a.addr, its.base ?? UNDEFINED_ADDR);
      }
      if (a.group !== GRP.ITS_REGS) throw refuse.ENXIO;
      const [row, access] = accessRow(its, a);
      putU64(call, a.addr, row.read(access));
    },
    has: (a: Attr) => {
      if (a.group === GRP.ADDR) return isAddr(a);
      if (a.group === GRP.ITS_REGS) return userRow(a) !== undefined;
      const attrs = [CTRL.INIT, CTRL.ITS_CTRL_RESET, CTRL.ITS_SAVE_TABLES, CTRL.ITS_RESTORE_TABLES];
      return a.group === GRP.CTRL && attrs.some((c) => a.attr === BigInt(c));
    },
  };
}

/** The first ITS of a VM turns on LPIs and MSIs. */
export const VGIC_ITS: DeviceOps = {
  name: 'kvm-arm-vgic-its',
  create: (vm) => {
    const its = makeIts(vm);
    vm.vgic.itses.push(its);
    vm.vgic.hasIts = true;
    vm.vgic.msisRequireDevid = true;
    vm.vgic.propbaser = defaultAttributes(BASER_FIELDS.GICR_PROPBASER);
    return face(its);
  },
};
