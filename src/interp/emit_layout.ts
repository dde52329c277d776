// Where each operand of a handler lies in its records. This follows from the handler alone, so generated code and the pre-decoder
// compute it from here.

import type { Block, Node } from '../ir/ops.ts';
import type { Operand, Recording } from '../isa/record.ts';
import { POINTER_AT, RECORD_SIZE } from './record.ts';

const FIRST_OPERAND = 2;
const ROOM = RECORD_SIZE - FIRST_OPERAND;

export type Width = 1 | 2 | 4 | 8;
export interface Slot {
  /** Offset in the record, or in the side block that the record points to. */
  readonly at: number;
  readonly width: Width;
  readonly aside: boolean;
}
export interface Layout {
  readonly slots: readonly Slot[];
  /** Bytes of the side block; 0 if everything fits the record. The record then ends with its address. */
  readonly asideSize: number;
}

function widthOf(o: Operand, index: number, shiftOnly: ReadonlySet<number>): Width {
  if ('field' in o) return 2;
  if (o.kind === 'branch') return 4;
  if (shiftOnly.has(index)) return 1;
  return o.kind === 'i64' ? 8 : 4;
}

const NONE: ReadonlySet<number> = new Set();
/** Places for the operands of a handler. */
export function layoutOf(code: Recording): Layout {
  const shiftOnly = code.operands.some((o) => o.kind === 'i32' || o.kind === 'i64') ? shiftAmounts(code.block) : NONE;
  const widths = code.operands.map((o, i) => widthOf(o, i, shiftOnly));
  const total = widths.reduce((a, b) => a + b, 0);
  // Wide ones first: they then stand at even offsets for the sake of the memory system.
  const order = widths.map((width, i) => ({ width, i })).sort((a, b) => b.width - a.width || a.i - b.i);
  const slots: Slot[] = [];
  if (total <= ROOM) {
    let end = RECORD_SIZE;
    for (const { width, i } of order) {
      end -= width;
      slots[i] = { at: end, width, aside: false };
    }
    return { slots, asideSize: 0 };
  }
  let inRecord = FIRST_OPERAND;
  let aside = 0;
  for (const { width, i } of [...order].reverse()) {
    if (inRecord + width <= POINTER_AT && width <= 2) {
      slots[i] = { at: inRecord, width, aside: false };
      inRecord += width;
    }
  }
  for (const { width, i } of order) {
    if (slots[i]) continue;
    slots[i] = { at: aside, width, aside: true };
    aside += width;
  }
  return { slots, asideSize: aside };
}
const SHIFTS: ReadonlySet<string> = new Set(
  ['shl', 'shr_s', 'shr_u', 'rotl', 'rotr'].flatMap((op) => [`i32.${op}`, `i64.${op}`]),
);
/** Operands that are only ever shift amounts: one byte holds what counts of them. */
function shiftAmounts(block: Block): ReadonlySet<number> {
  const only = new Set<number>();
  const other = new Set<number>();
  const isImm = (n: Node | undefined): n is Extract<Node, { op: 'imm.i32' | 'imm.i64' }> =>
    n?.op === 'imm.i32' || n?.op === 'imm.i64';
  const walk = (nodes: Block): void => {
    for (const n of nodes) {
      n.args.forEach((a, i) => {
        if (!isImm(a)) return;
        const amount = i === 1 && SHIFTS.has(n.op);
        (amount ? only : other).add(a.attr);
      });
      if (n.op === 'if') {
        walk(n.attr.yes);
        walk(n.attr.no);
      }
    }
  };
  walk(block);
  return new Set([...only].filter((i) => !other.has(i)));
}
