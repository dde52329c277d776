// Memory that other PEs use at the same time (`--parallel`): what is atomic or ordered for the guest is so in the host's
// memory. Plain accesses stay plain accesses of the host.
//
// A read-modify-write, and a store-exclusive, become a compare-and-exchange with what was loaded; if another was faster the
// instruction begins anew. Ordered accesses are sequentially consistent ones. WebAssembly's atomics are of at most 64 bits and
// aligned: exchanges of more, or misaligned ones (FEAT_LSE2), are carried out while no other PE executes.

import { Slot } from '../cpu/state.ts';
import type { Block, Node } from '../ir/ops.ts';
import type { AtomicOp } from '../wasm/opcodes.ts';
import type { Emitter } from './emit.ts';
import type { Probe } from './emit_frame.ts';
import { emitHost, type LoadNode, type StoreNode } from './emit_memory.ts';

/** Accesses to the place that one probe found. */
export interface Touched {
  readonly loads: LoadNode[];
  readonly stores: StoreNode[];
}
const isProbe = (n: Node): n is Probe => n.op === 'mem.r' || n.op === 'mem.w' || n.op === 'mem.rw';

/** Accesses that are atomic or ordered, by the probe that they follow. */
export function touchedBy(block: Block, found = new Map<number, Touched>()): ReadonlyMap<number, Touched> {
  for (const n of block) {
    if (n.op === 'if') {
      touchedBy(n.attr.yes, found);
      touchedBy(n.attr.no, found);
    } else if (isProbe(n)) {
      if (n.attr.atomic || n.attr.ordered) found.set(n.id, { loads: [], stores: [] });
    } else if (n.op.startsWith('host.load')) found.get(n.args[0]!.id)?.loads.push(n as LoadNode);
    else if (n.op.startsWith('host.store')) found.get(n.args[0]!.id)?.stores.push(n as StoreNode);
  }
  return found;
}
/** Both read and written, as one access. */
const exchanges = (t: Touched): boolean => t.loads.length > 0 && t.stores.length > 0;
const bitsOf = (n: LoadNode | StoreNode): number => Number(/\d+$/.exec(n.op)![0]);
const isWord = (n: LoadNode | StoreNode): boolean => bitsOf(n) <= 64;
/** One access that WebAssembly has an atomic instruction for. */
const isOne = ({ loads, stores }: Touched): boolean =>
  loads.length <= 1 && stores.length <= 1 && [...loads, ...stores].every(isWord);
/** Done by compare-and-exchange. */
export const exchanged = (t: Touched): boolean => exchanges(t) && isOne(t);

/** Puts an i32 on the stack: nonzero if the address is not aligned for the access. */
function misaligned(e: Emitter, host: Node, bits: number): void {
  e.value(host);
  e.code.i32(bits / 8 - 1).op('i32.and');
}

/** After the probe: leaves for a place where the instruction is alone, if it can be atomic in no other way. */
export function emitUnlessAlone(e: Emitter, probe: Probe): void {
  const touched = e.touchedAt(probe);
  if (!touched || !exchanges(touched)) return;
  const { code, f } = e;
  const bits = bitsOf(touched.loads[0]!);
  if (isOne(touched) && bits === 8) return;
  code.get(f.cpu).mem('i32.load', Slot.ALONE).op('i32.eqz');
  if (isOne(touched)) {
    misaligned(e, probe, bits);
    code.i32(0).op('i32.ne').op('i32.and');
  }
  code.block('if');
  f.exit('alone');
  code.end();
}

const typeOf = (bits: number): 'i32' | 'i64' => (bits === 64 ? 'i64' : 'i32');
const narrow = (bits: number): string => (bits < 32 ? String(bits) : '');
const unsigned = (bits: number): string => (bits < 32 ? `${bits}_u` : '');

/** @returns false: the load is a plain one */
export function emitOrderedLoad(e: Emitter, n: LoadNode): boolean {
  const host = n.args[0]!;
  const touched = e.touchedAt(host);
  // What an exchange has loaded is compared again.
  if (!touched || exchanges(touched)) return false;
  const { code } = e;
  const fenced = (): void => {
    code.fence();
    emitHost(e, n);
    code.fence();
  };
  const bits = bitsOf(n);
  if (!isOne(touched)) {
    fenced();
    return true;
  }
  const ordered = (): void => {
    e.value(host);
    code.atomic(`${typeOf(bits)}.atomic.load${unsigned(bits)}` as AtomicOp, n.attr);
  };
  if (bits === 8) {
    ordered();
    return true;
  }
  misaligned(e, host, bits);
  code.block('if', typeOf(bits));
  fenced();
  code.else();
  ordered();
  code.end();
  return true;
}

/** @returns false: the store is a plain one */
export function emitSharedStore(e: Emitter, n: StoreNode): boolean {
  const host = n.args[0]!;
  const touched = e.touchedAt(host);
  if (!touched) return false;
  const { code } = e;
  if (!isOne(touched)) {
    if (exchanges(touched)) return false; // nobody else executes
    code.fence();
    emitHost(e, n);
    code.fence();
    return true;
  }
  const bits = bitsOf(n);
  const value = e.inLocal(n.args[1]!);
  const ordered = (): void => {
    e.value(host);
    if (exchanges(touched)) {
      const expected = e.inLocal(touched.loads[0]!);
      code.get(expected).get(value);
      code.atomic(`${typeOf(bits)}.atomic.rmw${narrow(bits)}.cmpxchg${bits < 32 ? '_u' : ''}` as AtomicOp, n.attr);
      code
        .get(expected)
        .op(`${typeOf(bits)}.ne`)
        .brIf(e.retry!);
    } else {
      code.get(value).atomic(`${typeOf(bits)}.atomic.store${narrow(bits)}` as AtomicOp, n.attr);
    }
  };
  if (exchanges(touched)) e.inLocal(touched.loads[0]!);
  if (bits === 8) {
    ordered();
    return true;
  }
  misaligned(e, host, bits);
  code.block('if');
  if (!exchanges(touched)) code.fence();
  emitHost(e, n);
  if (!exchanges(touched)) code.fence();
  code.else();
  ordered();
  code.end();
  return true;
}

export function emitFence(e: Emitter): void {
  if (e.s.parallel) e.code.fence();
}
