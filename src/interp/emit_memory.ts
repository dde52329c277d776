// Memory accesses of handlers: a probe of the software TLB gives a host address, plain loads and stores go there.
//
// One comparison decides: (va XOR tag) <= 4096 - size holds exactly if the page is the entry's and the access does not
// reach past its end. Everything else (miss, two pages, device, watch) is a call that fills the TLB, or answers with the
// bounce buffer, or with 0 for a fault.

import { type AccessKind, packAccess } from '../cpu/access.ts';
import { FLAT_MASK, FLAT_SHIFT } from '../cpu/flat.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { ENTRY_VALUE, TlbTable } from '../cpu/tlb.ts';
import type { Node, NodeOf } from '../ir/ops.ts';
import type { Emitter } from './emit.ts';
import type { Probe } from './emit_frame.ts';
import { writeDataEntry } from './tlb_entry.ts';

/**
 * Puts an i32 on the stack: zero if the TLB answers.
 * @param tlb the local with the address of the TLB, if there is one
 * @returns the local with the address of the entry
 */
export function emitLookup(e: Emitter, n: Probe, va: number, tlb?: number): number {
  const { code, f } = e;
  const { unprivileged } = n.attr;
  const entry = f.temp('i32');
  if (tlb !== undefined) code.get(tlb);
  else code.get(f.cpu).mem('i32.load', unprivileged ? Slot.TLB_UNPRIVILEGED : Slot.TLB);
  writeDataEntry(code, va).op('i32.add').tee(entry);
  code.mem('i64.load', tableOf(n)).get(va).op('i64.xor');
  code.i64(offsetLimit(e, n)).op('i64.gt_u');
  return entry;
}
/**
 * The same for flat pages (cpu/flat.ts): the address is the host's then. The difference is the offset with all bits turned;
 * V8 reads what is subtracted from once, and what is compared, or XORed, with a register twice.
 * @param tables of tags, for reads and for writes
 */
export function emitFlatLookup(e: Emitter, n: Probe, va: number, tables: readonly [number, number]): void {
  const { code } = e;
  code.get(va).op('i32.wrap_i64').i32(FLAT_SHIFT).op('i32.shr_u').i32(FLAT_MASK).op('i32.and');
  code.mem('i64.load', tables[n.op === 'mem.r' ? 0 : 1]);
  code.get(va).op('i64.sub');
  code.i64(~offsetLimit(e, n)).op('i64.lt_u');
}
/** The highest offset in its page that an access may have. With the offset on the stack: bits that alignment wants to be zero become the highest ones. */
function offsetLimit({ code }: Emitter, n: Probe): bigint {
  const { size, atomic, ordered } = n.attr;
  const shift = atomic || ordered ? Math.log2(size) : 0;
  if (shift > 0) code.i64(BigInt(shift)).op('i64.rotr');
  return BigInt((FRAME_SIZE - size) >> shift);
}
const tableOf = (n: Probe): number => (n.op === 'mem.r' ? TlbTable.read : TlbTable.write);
/** Puts the host address on the stack that the entry says. */
export function emitHit(e: Emitter, n: Probe, va: number, entry: number): void {
  e.code
    .get(va)
    .op('i32.wrap_i64')
    .get(entry)
    .mem('i32.load', tableOf(n) + ENTRY_VALUE)
    .op('i32.add');
}

/** The access as a number. */
export const accessOf = (n: Probe): number => packAccess(n.op.slice(4) as AccessKind, n.attr);
/**
 * A probe that asks in line on a miss.
 * @param ask puts where the access at an address goes into a local, or leaves the instruction
 */
export function emitProbe(e: Emitter, n: Probe, ask: (va: number, host: number) => void): void {
  const { code, f } = e;
  const va = e.inLocal(n.args[0]!);
  const host = f.temp('i32');
  const entry = emitLookup(e, n, va);
  code.seldom().block('if', 'i32');
  ask(va, host);
  code.get(host).else();
  emitHit(e, n, va, entry);
  code.end();
  e.store(n);
}
/** Has a store that went to the bounce buffer carried out. */
export function emitCommit(e: Emitter, n: NodeOf<'mem.commit'>, carryOut: () => void): void {
  const { code, f } = e;
  e.value(n.args[0]);
  code.get(f.cpu).i32(Slot.BOUNCE).op('i32.add').op('i32.eq');
  code.seldom().block('if');
  carryOut();
  code.end();
}

const LOAD = {
  'host.load8': 'i32.load8_u',
  'host.load16': 'i32.load16_u',
  'host.load32': 'i32.load',
  'host.load64': 'i64.load',
  'host.load128': 'v128.load',
} as const;
const STORE = {
  'host.store8': 'i32.store8',
  'host.store16': 'i32.store16',
  'host.store32': 'i32.store',
  'host.store64': 'i64.store',
  'host.store128': 'v128.store',
} as const;
const STORE_NUMBER = { 'host.store32': 'f32.store', 'host.store64': 'f64.store' } as const;
type HostOp = keyof typeof LOAD | keyof typeof STORE;
export type LoadNode = NodeOf<keyof typeof LOAD>;
export type StoreNode = NodeOf<keyof typeof STORE>;

export function emitHost(e: Emitter, n: NodeOf<HostOp>): void {
  const { code } = e;
  e.value(n.args[0] as Node);
  if (n.op in LOAD) {
    code.mem(LOAD[n.op as keyof typeof LOAD], n.attr as number);
  } else if (n.op in STORE_NUMBER && e.isNumber(n.args[1] as Node)) {
    e.number(n.args[1] as Node);
    code.mem(STORE_NUMBER[n.op as keyof typeof STORE_NUMBER], n.attr as number);
  } else {
    e.value(n.args[1] as Node);
    code.mem(STORE[n.op as keyof typeof STORE], n.attr as number);
  }
}
