// Registers in memory frames: finding the row for an offset, and the handlers that GICv2 and GICv3 share. A row serves
// the guest and the program that saves and restores it; where the two differ the row says so.
// @linux arch/arm64/kvm/vgic/vgic-mmio.c

import type { IoDevice } from '../io_bus.ts';
import type { Vcpu } from '../vcpu.ts';
import type { Vm } from '../vm.ts';
import { getIrq, isPending, NR_PRIVATE_IRQS, NR_SGIS, requeue, type VgicIrq } from './vgic.ts';

/** One access to a row. */
export interface Access {
  /** Whose redistributor or CPU interface; for the distributor, who asks. */
  readonly vcpu: Vcpu;
  /** Bytes from the start of the row, and the length of the access: 1, 4 or 8. */
  readonly at: number;
  readonly length: number;
  /** The program asks, not the guest. */
  readonly user: boolean;
}
export type Read = (a: Access) => bigint;
/** @returns 0 or a negative errno, which only the program sees */
export type Write = (a: Access, value: bigint) => number;

export interface Row {
  readonly offset: number;
  readonly length: number;
  /** Lengths of access that work. */
  readonly widths: readonly number[];
  /** Bits for each interrupt, where the row is an array over INTIDs. */
  readonly bits?: number;
  /** The private interrupts of the array are elsewhere (GICv3): zero, ignored. */
  readonly shared?: boolean;
  readonly read: Read;
  readonly write: Write;
}

export const raz: Read = () => 0n;
export const ignore: Write = () => 0;

/** The row at `offset`, if it can be accessed so. @linux vgic_get_mmio_region */
export function findRow(vm: Vm, rows: readonly Row[], offset: number, length: number): Row | undefined {
  const row = rows.find((r) => offset >= r.offset && offset < r.offset + r.length);
  if (!row?.widths.includes(length) || offset % length !== 0) return undefined;
  if (row.bits !== undefined && firstIntid(row, offset) >= vm.vgic.nrSpis + NR_PRIVATE_IRQS) return undefined;
  return row;
}
function firstIntid(row: Row, offset: number): number {
  return ((offset - row.offset) * 8) / (row.bits ?? 1);
}
function isElsewhere(row: Row, offset: number): boolean {
  return row.shared === true && firstIntid(row, offset) < NR_PRIVATE_IRQS;
}
/** Anything that is not a register reads as zero. */
export function readRow(rows: readonly Row[], vcpu: Vcpu, offset: number, length: number, user: boolean): bigint {
  const row = findRow(vcpu.vm, rows, offset, length);
  if (!row || isElsewhere(row, offset)) return 0n;
  return BigInt.asUintN(length * 8, row.read({ vcpu, at: offset - row.offset, length, user }));
}
export function writeRow(
  rows: readonly Row[],
  vcpu: Vcpu,
  offset: number,
  length: number,
  value: bigint,
  user: boolean,
): number {
  const row = findRow(vcpu.vm, rows, offset, length);
  if (!row || isElsewhere(row, offset)) return 0;
  return row.write({ vcpu, at: offset - row.offset, length, user }, value);
}

/** A frame of registers on the bus. @param owner whose it is; undefined: of whoever accesses it */
export function frameDevice(name: string, vm: Vm, base: bigint, rows: readonly Row[], owner?: Vcpu): IoDevice {
  const who = (vcpu: Vcpu | undefined): Vcpu | undefined => owner ?? vcpu ?? vm.vcpus[0];
  return {
    name,
    read: (vcpu, addr, data) => {
      const v = who(vcpu);
      const value = v ? readRow(rows, v, Number(addr - base), data.length, false) : 0n;
      for (let i = 0; i < data.length; i++) data[i] = Number((value >> BigInt(i * 8)) & 0xffn);
      return true;
    },
    write: (vcpu, addr, data) => {
      const v = who(vcpu);
      const value = data.reduceRight((x, b) => (x << 8n) | BigInt(b), 0n);
      if (v) writeRow(rows, v, Number(addr - base), data.length, value, false);
      return true;
    },
  };
}

/** The interrupts that an access covers, each with its bits' position. */
function each(a: Access, bits: number, visit: (irq: VgicIrq, shift: bigint, intid: number) => void): void {
  const first = (a.at * 8) / bits;
  for (let i = 0; i < (a.length * 8) / bits; i++) {
    const irq = getIrq(a.vcpu.vm, a.vcpu, first + i);
    if (irq) visit(irq, BigInt(i * bits), first + i);
  }
}
function readBits(a: Access, bits: number, value: (irq: VgicIrq) => number | boolean): bigint {
  let out = 0n;
  each(a, bits, (irq, shift) => {
    out |= BigInt(Number(value(irq))) << shift;
  });
  return out;
}
/** Visits interrupts whose bit is one. */
function eachSet(a: Access, value: bigint, visit: (irq: VgicIrq) => void): number {
  each(a, 1, (irq, shift) => {
    if ((value >> shift) & 1n) visit(irq);
  });
  return 0;
}

export const readGroup: Read = (a) => readBits(a, 1, (irq) => irq.group);
export const writeGroup: Write = (a, value) => {
  each(a, 1, (irq, shift) => {
    irq.group = (value >> shift) & 1n ? 1 : 0;
    requeue(irq);
  });
  return 0;
};
export const readEnable: Read = (a) => readBits(a, 1, (irq) => irq.enabled);
export const setEnable: Write = (a, value) =>
  eachSet(a, value, (irq) => {
    irq.enabled = true;
    requeue(irq);
  });
export const clearEnable: Write = (a, value) =>
  eachSet(a, value, (irq) => {
    irq.enabled = false;
    requeue(irq);
  });

/** GICv3's program sees the latch alone: it saves the level of lines separately. */
export const readPending: Read = (a) =>
  readBits(a, 1, (irq) => (a.user && a.vcpu.vm.vgic.model === 'v3' ? irq.pendingLatch : isPending(irq)));
function isV2Sgi(a: Access, irq: VgicIrq): boolean {
  return irq.intid < NR_SGIS && a.vcpu.vm.vgic.model === 'v2';
}
export const setPending: Write = (a, value) =>
  eachSet(a, value, (irq) => {
    if (isV2Sgi(a, irq)) {
      if (!a.user) return; // the guest sends SGIs by GICD_SGIR
      irq.source |= 1 << a.vcpu.id; // nobody knows who sent it
    }
    irq.pendingLatch = true;
    requeue(irq);
  });
export const clearPending: Write = (a, value) =>
  eachSet(a, value, (irq) => {
    if (isV2Sgi(a, irq)) {
      if (!a.user) return;
      irq.source = 0;
    }
    irq.pendingLatch = false;
    requeue(irq);
  });
/** GICv3's program writes the latches as they shall be, ones and zeros, through ISPENDR. */
export const restorePending: Write = (a, value) => {
  if (!a.user) return setPending(a, value);
  setPending(a, value);
  return clearPending(a, ~value);
};
/** ICPENDR of GICv3 has nothing for the program. */
export const readPendingGuest: Read = (a) => (a.user ? 0n : readPending(a));
export const clearPendingGuest: Write = (a, value) => (a.user ? 0 : clearPending(a, value));

export const readActive: Read = (a) => readBits(a, 1, (irq) => irq.active);
export const setActive: Write = (a, value) =>
  eachSet(a, value, (irq) => {
    irq.active = true;
    if (isV2Sgi(a, irq)) irq.activeSource = a.user ? 0 : a.vcpu.id;
    requeue(irq);
  });
export const clearActive: Write = (a, value) =>
  eachSet(a, value, (irq) => {
    irq.active = false;
    requeue(irq);
  });

/** Five bits of priority are implemented, the upper ones. */
export const PRIORITY_MASK = 0xf8n;
export const readPriority: Read = (a) => readBits(a, 8, (irq) => irq.priority);
export const writePriority: Write = (a, value) => {
  each(a, 8, (irq, shift) => {
    irq.priority = Number((value >> shift) & PRIORITY_MASK);
    requeue(irq);
  });
  return 0;
};
export const readConfig: Read = (a) => readBits(a, 2, (irq) => (irq.config === 'edge' ? 2 : 0));
/** SGIs are edges and PPIs levels, for good. */
export const writeConfig: Write = (a, value) => {
  each(a, 2, (irq, shift, intid) => {
    if (intid < NR_PRIVATE_IRQS) return;
    irq.config = (value >> shift) & 2n ? 'edge' : 'level';
    requeue(irq);
  });
  return 0;
};

/** The input lines of 32 interrupts from `intid`. @linux vgic_read_irq_line_level_info */
export function readLineLevels(vcpu: Vcpu, intid: number): number {
  let out = 0;
  for (let i = 0; i < 32; i++) {
    const irq = lineOf(vcpu, intid + i);
    if (irq?.config === 'level' && irq.lineLevel) out |= 1 << i;
  }
  return out >>> 0;
}
export function writeLineLevels(vcpu: Vcpu, intid: number, levels: number): void {
  for (let i = 0; i < 32; i++) {
    const irq = lineOf(vcpu, intid + i);
    if (!irq) continue;
    irq.lineLevel = ((levels >>> i) & 1) === 1; // also of edges: the configuration may be restored later
    requeue(irq);
  }
}
function lineOf(vcpu: Vcpu, intid: number): VgicIrq | undefined {
  if (intid < NR_SGIS || intid >= vcpu.vm.vgic.nrSpis + NR_PRIVATE_IRQS) return undefined;
  return getIrq(vcpu.vm, vcpu, intid);
}
