// Entries of the TLB, as compiled code looks for them.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { DATA_ENTRIES, ENTRY_SIZE, FETCH_ENTRIES, TlbTable } from '../cpu/tlb.ts';
import type { Code } from '../wasm/builder.ts';

/** Bits of an address that the tag of an entry must match: the page, and that the address is a multiple of 4. */
const TAG = ~BigInt(FRAME_SIZE - 4);
/** From the number of a page, which is an address from bit 12 on, to the distance of its entry. */
const INDEX_SHIFT = Math.log2(FRAME_SIZE / ENTRY_SIZE);
const FETCH_MASK = (FETCH_ENTRIES - 1) * ENTRY_SIZE;
const DATA_MASK = (DATA_ENTRIES - 1) * ENTRY_SIZE;

/** The address on the stack becomes that of its entry in the table for code. @param tlb puts the address of the TLB there */
export function writeFetchEntry(code: Code, tlb: () => Code): Code {
  code.i64(BigInt(INDEX_SHIFT)).op('i64.shr_u').op('i32.wrap_i64').i32(FETCH_MASK).op('i32.and');
  return tlb().op('i32.add');
}
/** The address of an entry on the stack becomes nonzero if it is not that of a local's address. */
export function writeFetchMisses(code: Code, address: number): Code {
  return code.mem('i64.load', TlbTable.fetch).get(address).i64(TAG).op('i64.and').op('i64.ne');
}
/** Puts on the stack how far the entry for the address in a local is from the first one of a table for data. */
export function writeDataEntry(code: Code, address: number): Code {
  return code.get(address).op('i32.wrap_i64').i32(INDEX_SHIFT).op('i32.shr_u').i32(DATA_MASK).op('i32.and');
}
