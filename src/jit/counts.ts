// What compiled code counts where statistics are wanted, in cells of linear memory. Without them it counts nothing.

import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import type { TierHost } from '../interp/region.ts';
import type { Block } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import { Area } from './area.ts';

/** Instructions executed in regions, entries, and why they are left: the meaning is in STATS_HELP of the command. */
export const COUNTED = ['inside', 'entered', 'missed', 'inexact', 'interpreted', 'budget', 'edge', 'indirect'] as const;
export type Counted = (typeof COUNTED)[number];
const CELL = 8;

export class Counts {
  /** Address of the cells. */
  readonly at: number;
  /** Of the blocks that were met by samples: instructions, and accesses to memory by them. */
  readonly surveyed = { instructions: 0, accesses: 0 };
  private readonly mem: PhysMem;

  /** @param area see area.ts */
  constructor(mem: PhysMem, area: number) {
    this.mem = mem;
    this.at = area + Area.counts;
  }
  get(what: Counted): number {
    return Number(this.mem.view.getBigInt64(cell(this.at, what), true));
  }
  /** Looks at the block that begins at a place that a sample has met. */
  survey({ decoder, pages }: TierHost, records: number, index: number): void {
    for (let i = index; i < FRAME_SIZE / 4; i++) {
      const found = decoder.decode(pages.wordAt(records, i));
      const ops = found ? [...opsOf(found.entry.handler(found.fields).code.block)] : ['raise'];
      this.surveyed.instructions++;
      this.surveyed.accesses += ops.filter((op) => op.startsWith('mem.') && op !== 'mem.commit').length;
      if (ops.some((op) => op === 'br' || op === 'br.to' || op === 'raise')) break;
    }
  }
}
const cell = (at: number, what: Counted): number => at + COUNTED.indexOf(what) * CELL;

/** Adds 1, or what `amount` puts on the stack as an i64. @param at undefined: nothing is counted */
export function writeCount(code: Code, at: number | undefined, what: Counted, amount?: () => void): void {
  if (at === undefined) return;
  code.i32(cell(at, what)).i32(cell(at, what)).mem('i64.load');
  if (amount) amount();
  else code.i64(1n);
  code.op('i64.add').mem('i64.store');
}

function* opsOf(block: Block): Generator<string> {
  for (const n of block) {
    yield n.op;
    if (n.op === 'if') {
      yield* opsOf(n.attr.yes);
      yield* opsOf(n.attr.no);
    }
  }
}
