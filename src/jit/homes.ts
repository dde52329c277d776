// Where the registers of a region live: in locals, loaded when the region is entered and stored when it is left. A vector
// register that is only ever used as a scalar is a number; the rest of it, which such instructions set to zero, is
// written to the CPU state at once.

import { slotOffset } from '../cpu/state.ts';
import { constantOf } from '../ir/builder.ts';
import type { Block, Node } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';

export interface Home {
  readonly local: number;
  readonly type: 'i64' | 'v128' | 'f64' | 'f32';
  readonly offset: number;
  readonly written: boolean;
}

/** Registers, and the exclusive monitor, that are kept in locals; everything else stays in the CPU state. */
const REGISTER = /^(X\d+|SP|V\d+|EXCL_\w+)$/;

/** What is done to a register. */
export interface Use {
  readonly slot: string;
  readonly written: boolean;
  /** Sorts of accesses. */
  readonly word: boolean;
  readonly double: boolean;
  readonly vector: boolean;
}
type Uses = Map<string, { -readonly [K in keyof Use]: Use[K] }>;
function useIn(uses: Uses, slot: string) {
  let use = uses.get(slot);
  if (!use) {
    use = { slot, written: false, word: false, double: false, vector: false };
    uses.set(slot, use);
  }
  return use;
}

export interface Scalar {
  readonly part: Node;
  readonly bits: 32 | 64;
}
/** The low part that a write puts into an otherwise zero register, if that is what it does. */
export function scalarOf(value: Node): Scalar | undefined {
  if (value.op !== 'i64x2.replace_lane' || value.attr !== 0 || constantOf(value.args[0]!) !== 0n) return undefined;
  const part = value.args[1]!;
  return part.op === 'i64.extend_i32_u' ? { part: part.args[0]!, bits: 32 } : { part, bits: 64 };
}

function scan(block: Block, uses: Uses): void {
  for (const n of block) {
    if (n.op === 'if') {
      scan(n.attr.yes, uses);
      scan(n.attr.no, uses);
      continue;
    }
    const write = n.op === 'set.i32' || n.op === 'set.i64' || n.op === 'set.v128';
    if (!write && n.op !== 'get.i32' && n.op !== 'get.i64' && n.op !== 'get.v128') continue;
    const place = n.attr as { readonly slot: string };
    if (!REGISTER.test(place.slot)) continue;
    const use = useIn(uses, place.slot);
    if (write) {
      use.written = true;
      const bits = scalarOf(n.args[0]!)?.bits;
      if (bits === 32) use.word = true;
      else if (bits === 64) use.double = true;
      else use.vector = true;
    } else if (n.op === 'get.i32') use.word = true;
    else if (n.op === 'get.i64') use.double = true;
    else use.vector = true;
  }
}
/** What an instruction does to registers that are kept in locals. */
export function usesOf(block: Block): readonly Use[] {
  const uses: Uses = new Map();
  scan(block, uses);
  return [...uses.values()];
}

export class Homes {
  private readonly homes = new Map<string, Home>();

  constructor(code: Code, everything: readonly { readonly uses: readonly Use[] }[]) {
    const uses: Uses = new Map();
    for (const one of everything) {
      for (const { slot, written, word, double, vector } of one.uses) {
        const use = useIn(uses, slot);
        use.written ||= written;
        use.word ||= word;
        use.double ||= double;
        use.vector ||= vector;
      }
    }
    for (const [slot, use] of uses) {
      const scalar = use.double ? 'f64' : 'f32';
      const type = slot[0] !== 'V' ? 'i64' : use.vector ? 'v128' : scalar;
      this.homes.set(slot, { local: code.local(type), type, offset: slotOffset(slot), written: use.written });
    }
  }
  of(slot: string): Home | undefined {
    return this.homes.get(slot);
  }
  get writesVectors(): boolean {
    return [...this.homes.values()].some((h) => h.type !== 'i64' && h.written);
  }
  load(code: Code, cpu: number): void {
    for (const h of this.homes.values()) code.get(cpu).mem(`${h.type}.load`, h.offset).set(h.local);
  }
  store(code: Code, cpu: number): void {
    for (const h of this.homes.values()) {
      if (h.written) code.get(cpu).get(h.local).mem(`${h.type}.store`, h.offset);
    }
  }
}
/** Zeroes what a scalar write leaves of the register in the CPU state. */
export function clearRest(code: Code, cpu: number, h: Home): void {
  if (h.type === 'f32')
    code
      .get(cpu)
      .i32(0)
      .mem('i32.store', h.offset + 4);
  code
    .get(cpu)
    .i64(0n)
    .mem('i64.store', h.offset + 8);
}
