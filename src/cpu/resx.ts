// Which bits of a register are reserved, given what the machine (or VM) has? Computed from the rows: a bit whose need
// fails is RES0 unless a word says RES1; bits without a field are RES0 where the row names fields at all. Knows no
// values.

import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import { type ControlBits, type ControlReg, type Field, maskOf, type Need } from '../arch/schema.ts';
import type { Register } from '../arch/sysregs.ts';
import { fieldMask, mask64 } from '../base/bits.ts';
import { type Has, meets } from './needs.ts';

export interface Resx {
  readonly res0: bigint;
  readonly res1: bigint;
}
const FREE: Resx = { res0: 0n, res1: 0n };

/** Registers without fields in their row that have reserved bits all the same. */
const OTHERS: Readonly<Record<string, Resx>> = {
  VBAR_EL1: { res0: fieldMask(10, 0), res1: 0n },
};

/** @param e2h HCR_EL2.E2H, which decides about layouts and words of EL2 registers */
export function resxOf(row: Register, has: Has, e2h: boolean): Resx {
  const fixed = OTHERS[row.name];
  if (fixed) return fixed;
  if (row.table === 'control') return controlResx(CONTROL_REGS[row.key as ControlRegName], has, e2h);
  const fields = Object.values(row.fields);
  if (fields.length === 0) return FREE;
  return { res0: mask64 & ~(union(fields) | layoutBits(row) | row.res1), res1: row.res1 };
}

/** What a layout of a register says whatever the machine has, and its bits that depend on that. */
interface Layout {
  readonly res0: bigint;
  readonly res1: bigint;
  readonly open: readonly { readonly mask: bigint; readonly need: Need; readonly isRes1: boolean }[];
}
function layoutOf(row: ControlReg, e2h: boolean): Layout {
  const other = !e2h && row.e2h0 !== undefined;
  const fields: ControlBits = other ? row.e2h0! : row.fields;
  const res1 = other ? row.e2h0Res1! : row.res1;
  let known = res1;
  const open = Object.values(fields).map((f) => {
    const mask = fieldMask(f.hi, f.lo);
    known |= mask;
    const need: Need = e2h || !f.words.includes('needs-e2h') ? f.need : { any: [] };
    const isRes1 = f.words.includes('res1-if-absent') || f.words.includes(e2h ? 'res1-if-e2h1' : 'res1-if-e2h0');
    return { mask, need, isRes1 };
  });
  return { res0: mask64 & ~known, res1, open };
}
const layouts = new Map<ControlReg, { readonly e2h: Layout; readonly e2h0: Layout }>();

function controlResx(row: ControlReg, has: Has, e2h: boolean): Resx {
  let both = layouts.get(row);
  if (!both) {
    both = { e2h: layoutOf(row, true), e2h0: layoutOf(row, false) };
    layouts.set(row, both);
  }
  let { res0, res1, open } = e2h ? both.e2h : both.e2h0;
  for (const { mask, need, isRes1 } of open) {
    if (meets(need, has)) continue;
    if (isRes1) res1 |= mask;
    else res0 |= mask;
  }
  return { res0: res0 & ~res1, res1 };
}

const union = (fields: readonly Field[]): bigint => fields.reduce((m, f) => m | fieldMask(f.hi, f.lo), 0n);
function layoutBits(row: Register): bigint {
  const { layouts } = row as { layouts?: Readonly<Record<string, Readonly<Record<string, Field>>>> };
  return layouts ? Object.values(layouts).reduce((m, l) => m | union(Object.values(l)), 0n) : maskOf();
}
