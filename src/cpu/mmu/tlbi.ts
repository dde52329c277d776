// Which cached translations does a TLBI end? By the scope in its row: everything, an ASID, an address, a range. Broadcast
// forms reach every PE of the domain. Drops more than is asked for where that is simpler, never less.

import type { Operation } from '../../arch/sysregs.ts';
import { highHalf, lowHalf } from '../../base/bits.ts';

/** One PE's TLB as maintenance sees it. */
export interface TlbTarget {
  flushAll(): void;
  /** What translates one address (its halves): its page, or the block that it lies in. */
  flushPage(low: number, high: number): void;
  flushRange(start: bigint, end: bigint): void;
  flushAsid(asid: number): void;
  /** Whatever stage 2 says about these pages of 4 KiB, and about all that its entries for them translate. */
  flushIpas(first: number, end: number): void;
  flushBothStages(): void;
}

const PAGE_BITS: Readonly<Record<number, bigint>> = { 1: 12n, 2: 14n, 3: 16n };

/** @param ds TCR_EL1.DS, or VTCR_EL2.DS of stage 2: range operations count from 64 KiB on then */
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
      const page = lowHalf(value);
      const top = highHalf(value) << 20;
      for (const t of targets) t.mmu.flushPage((page << 12) >>> 0, ((page >>> 20) | (top >> 8)) >>> 0);
      return;
    }
    case 'asid': {
      const asid = Number((value >> 48n) & 0xffffn);
      for (const t of targets) t.mmu.flushAsid(asid);
      return;
    }
    case 'range':
    case 'iparange': {
      const bits = PAGE_BITS[Number((value >> 46n) & 3n)];
      if (bits === undefined) return; // reserved granule: nothing need be done
      const scale = (value >> 44n) & 3n;
      const num = (value >> 39n) & 31n;
      const length = ((num + 1n) << (5n * scale + 1n)) << bits;
      const shift = ds ? 16n : bits;
      if (scope === 'iparange') {
        const from = BigInt.asUintN(37, value) << shift;
        for (const t of targets) t.mmu.flushIpas(Number(from >> 12n), Number((from + length) >> 12n));
        return;
      }
      const from = BigInt.asUintN(64, BigInt.asIntN(37, value) << shift);
      for (const t of targets) t.mmu.flushRange(from, from + length);
      return;
    }
    case 'ipa': {
      // IPA<51:12> in bits 39:0.
      const page = Number(BigInt.asUintN(40, value));
      for (const t of targets) t.mmu.flushIpas(page, page + 1);
      return;
    }
    default:
      // EL2's forms are about stage 2 as well.
      for (const { mmu } of targets) {
        if (op.el === 2) mmu.flushBothStages();
        else mmu.flushAll();
      }
  }
}
