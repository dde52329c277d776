// Which cached translations does a TLBI end? By the scope in its row: everything, an ASID, an address, a range. Broadcast
// forms reach every PE of the domain. Drops more than is asked for where that is simpler, never less.

import type { Operation } from '../../arch/sysregs.ts';

/** One PE's TLB as maintenance sees it. */
export interface TlbTarget {
  flushAll(): void;
  /** What translates one address (its halves): its page, or the block that it lies in. */
  flushPage(low: number, high: number): void;
  flushRange(start: bigint, end: bigint): void;
  flushAsid(asid: number): void;
}

const PAGE_BITS: Readonly<Record<number, bigint>> = { 1: 12n, 2: 14n, 3: 16n };

/** @param ds TCR_ELx.DS of the regime: range operations count from 64 KiB on then */
export function invalidate(
  op: Operation,
  value: bigint,
  targets: readonly { readonly mmu: TlbTarget }[],
  ds: boolean,
): void {
  const scope = op.tlbi!.scope;
  switch (scope) {
    case 'va': {
      // VA<55:12> in bits 43:0, and bit 55 stands for those above. The level hint is not needed.
      const page = Number(BigInt.asUintN(32, value));
      const top = Number(BigInt.asUintN(32, value >> 32n)) << 20;
      for (const t of targets) t.mmu.flushPage((page << 12) >>> 0, ((page >>> 20) | (top >> 8)) >>> 0);
      return;
    }
    case 'asid': {
      const asid = Number((value >> 48n) & 0xffffn);
      for (const t of targets) t.mmu.flushAsid(asid);
      return;
    }
    case 'range': {
      const bits = PAGE_BITS[Number((value >> 46n) & 3n)];
      if (bits === undefined) return; // reserved granule: nothing need be done
      const scale = (value >> 44n) & 3n;
      const num = (value >> 39n) & 31n;
      const start = BigInt.asIntN(37, value) << (ds ? 16n : bits);
      const length = ((num + 1n) << (5n * scale + 1n)) << bits;
      const from = BigInt.asUintN(64, start);
      for (const t of targets) t.mmu.flushRange(from, from + length);
      return;
    }
    default:
      for (const t of targets) t.mmu.flushAll();
  }
}
