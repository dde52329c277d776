// What do the control registers say about translation in the EL1&0 regime? One value made from SCTLR_EL1, TCR_EL1,
// TCR2_EL1, TTBRn_EL1, MAIR_EL1 and the permission registers when one of them changes. Reads no memory.

import { mask64 } from '../../base/bits.ts';
import type { Has } from '../needs.ts';
import { bitOf, fieldOf, type PeRegs } from '../pe_regs.ts';

/** Half of the address space: what TTBR0_EL1 or TTBR1_EL1 translates. */
export interface Range {
  readonly disabled: boolean;
  readonly el0Disabled: boolean;
  /** Address bits translated: 64 - TxSZ; 0 where TxSZ is out of range, so that every access faults. */
  readonly inputBits: number;
  readonly granuleBits: 12 | 14 | 16;
  /** Level of the first table: -1 to 3. */
  readonly startLevel: number;
  /** Physical address of that table. */
  readonly base: number;
  readonly tbiData: boolean;
  readonly tbiInstruction: boolean;
  readonly hierarchical: boolean;
  /** Shareability of what is mapped, where descriptors do not say it (TCR_EL1.DS). */
  readonly sh: number;
}
export interface Regime {
  readonly on: boolean;
  /** HCR_EL2.DC: what is not translated is Normal memory. */
  readonly defaultCacheable: boolean;
  readonly lower: Range;
  readonly upper: Range;
  /** Output addresses have this many bits. */
  readonly outputBits: number;
  /** TCR_EL1.DS: 52-bit addresses with 4K and 16K granules. */
  readonly ds: boolean;
  readonly lpa64K: boolean;
  /** Blocks of 4 TiB with the 64K granule. */
  readonly largeBlocks: boolean;
  readonly wxn: boolean;
  /** SCTLR_EL1.A */
  readonly checksAlignment: boolean;
  readonly epan: boolean;
  readonly hardwareAf: boolean;
  readonly hardwareDirty: boolean;
  /** MAIR_EL1, by index. */
  readonly attrs: readonly number[];
  /** FEAT_S1PIE in use: permissions come from these, by index. */
  readonly pie: { readonly priv: readonly number[]; readonly user: readonly number[] } | undefined;
  readonly privOverlay: readonly number[] | undefined;
  readonly userOverlay: readonly number[] | undefined;
  /** Instruction fetches while the MMU is off are executable; data is Device memory. */
  readonly asid: number;
  /** What of an ASID counts: 8 or 16 bits. */
  readonly asidMask: number;
  /** Differs whenever anything here does (ASID apart from the tables included). */
  readonly key: string;
}

const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 52, 56];
const GRANULE0 = { 0: 12, 1: 16, 2: 14, 3: 12 } as const;
const GRANULE1 = { 0: 12, 1: 14, 2: 12, 3: 16 } as const;

const on = (value: bigint, mask: bigint): boolean => (value & mask) !== 0n;
const SCTLR = {
  M: bitOf('SCTLR_EL1', 'M'), A: bitOf('SCTLR_EL1', 'A'), WXN: bitOf('SCTLR_EL1', 'WXN'), EPAN: bitOf('SCTLR_EL1', 'EPAN'),
}; // biome-ignore format: a table
const TCR = {
  EPD0: bitOf('TCR_EL1', 'EPD0'), EPD1: bitOf('TCR_EL1', 'EPD1'), A1: bitOf('TCR_EL1', 'A1'), AS: bitOf('TCR_EL1', 'AS'),
  TBI0: bitOf('TCR_EL1', 'TBI0'), TBI1: bitOf('TCR_EL1', 'TBI1'), TBID0: bitOf('TCR_EL1', 'TBID0'), TBID1: bitOf('TCR_EL1', 'TBID1'),
  HA: bitOf('TCR_EL1', 'HA'), HD: bitOf('TCR_EL1', 'HD'), HPD0: bitOf('TCR_EL1', 'HPD0'), HPD1: bitOf('TCR_EL1', 'HPD1'),
  E0PD0: bitOf('TCR_EL1', 'E0PD0'), E0PD1: bitOf('TCR_EL1', 'E0PD1'), DS: bitOf('TCR_EL1', 'DS'),
}; // biome-ignore format: a table
const TCR2 = {
  PIE: bitOf('TCR2_EL1', 'PIE'), POE: bitOf('TCR2_EL1', 'POE'), E0POE: bitOf('TCR2_EL1', 'E0POE'),
}; // biome-ignore format: a table
const HCRX_TCR2EN = bitOf('HCRX_EL2', 'TCR2En');
const HCR = { DC: bitOf('HCR_EL2', 'DC'), TGE: bitOf('HCR_EL2', 'TGE') };
const ASID_SHIFT = 48n;

/** @param has what the guest has */
export function regimeOf(regs: PeRegs, has: Has): Regime {
  const sctlr = regs.value('SCTLR_EL1');
  const tcr = regs.value('TCR_EL1');
  const hcr = regs.value('HCR_EL2');
  const tcr2 = on(regs.value('HCRX_EL2'), HCRX_TCR2EN) && has('FEAT_TCR2') ? regs.value('TCR2_EL1') : 0n;
  const ttbr0 = regs.value('TTBR0_EL1');
  const ttbr1 = regs.value('TTBR1_EL1');
  const pie = on(tcr2, TCR2.PIE);
  const ds = on(tcr, TCR.DS);
  const granule0 = granuleOf(GRANULE0[fieldOf('TCR_EL1', 'TG0', tcr) as 0 | 1 | 2 | 3], has);
  const granule1 = granuleOf(GRANULE1[fieldOf('TCR_EL1', 'TG1', tcr) as 0 | 1 | 2 | 3], has);
  const ips = Math.min(fieldOf('TCR_EL1', 'IPS', tcr), has('FEAT_LPA') ? 6 : 5);
  const asidSource = on(tcr, TCR.A1) ? ttbr1 : ttbr0;
  const asidMask = on(tcr, TCR.AS) ? 0xffff : 0xff;
  const asid = Number(asidSource >> ASID_SHIFT) & asidMask;
  const defaultCacheable = on(hcr, HCR.DC);
  const mmu = on(sctlr, SCTLR.M) && !defaultCacheable && !on(hcr, HCR.TGE);
  const poe = on(tcr2, TCR2.POE) ? regs.value('POR_EL1') : undefined;
  const e0poe = on(tcr2, TCR2.E0POE) ? regs.value('POR_EL0') : undefined;
  const half = (upper: boolean): Range => {
    const granuleBits = upper ? granule1 : granule0;
    const tbi = on(tcr, upper ? TCR.TBI1 : TCR.TBI0);
    const ttbr = upper ? ttbr1 : ttbr0;
    const inputBits = inputBitsOf(fieldOf('TCR_EL1', upper ? 'T1SZ' : 'T0SZ', tcr), granuleBits, ds, has);
    const startLevel = inputBits === 0 ? 3 : startLevelOf(inputBits, granuleBits);
    return {
      disabled: on(tcr, upper ? TCR.EPD1 : TCR.EPD0),
      el0Disabled: on(tcr, upper ? TCR.E0PD1 : TCR.E0PD0),
      inputBits,
      granuleBits,
      startLevel,
      base: tableBase(
        ttbr,
        inputBits,
        startLevel,
        granuleBits,
        (ds && granuleBits !== 16) || (granuleBits === 16 && ips === 6),
      ),
      tbiData: tbi,
      tbiInstruction: tbi && !on(tcr, upper ? TCR.TBID1 : TCR.TBID0),
      hierarchical: !pie && !on(tcr, upper ? TCR.HPD1 : TCR.HPD0),
      sh: fieldOf('TCR_EL1', upper ? 'SH1' : 'SH0', tcr),
    };
  };
  const mair = regs.value('MAIR_EL1');
  const priv = pie ? regs.value('PIR_EL1') : 0n;
  const user = pie ? regs.value('PIRE0_EL1') : 0n;
  const vmid = regs.value('VTTBR_EL2');
  const relevant = sctlr & (SCTLR.M | SCTLR.A | SCTLR.WXN | SCTLR.EPAN);
  const parts = [
    relevant,
    tcr,
    tcr2,
    ttbr0,
    ttbr1,
    mair,
    priv,
    user,
    poe ?? -1n,
    e0poe ?? -1n,
    vmid & (mask64 << ASID_SHIFT),
    mmu ? 1n : defaultCacheable ? 2n : 0n,
  ];
  return {
    on: mmu,
    defaultCacheable,
    lower: half(false),
    upper: half(true),
    outputBits: OUTPUT_BITS[ips]!,
    ds,
    lpa64K: ips === 6,
    largeBlocks: has('FEAT_LPA'),
    wxn: on(sctlr, SCTLR.WXN),
    checksAlignment: on(sctlr, SCTLR.A),
    epan: on(sctlr, SCTLR.EPAN),
    hardwareAf: on(tcr, TCR.HA),
    hardwareDirty: on(tcr, TCR.HA) && on(tcr, TCR.HD),
    attrs: fieldsOf(mair, 8),
    pie: pie ? { priv: fieldsOf(priv, 4), user: fieldsOf(user, 4) } : undefined,
    privOverlay: poe === undefined ? undefined : fieldsOf(poe, 4),
    userOverlay: e0poe === undefined ? undefined : fieldsOf(e0poe, 4),
    asid,
    asidMask,
    key: parts.map((p) => p.toString(36)).join(),
  };
}

/** A register of equal fields. @param width of each, in bits */
function fieldsOf(value: bigint, width: number): number[] {
  return Array.from({ length: 64 / width }, (_, n) => Number(BigInt.asUintN(width, value >> BigInt(n * width))));
}
/** A granule that is not implemented behaves as one that is. */
function granuleOf(bits: 12 | 14 | 16, has: Has): 12 | 14 | 16 {
  const exists = has(bits === 12 ? 'FEAT_TGran4K' : bits === 14 ? 'FEAT_TGran16K' : 'FEAT_TGran64K');
  if (exists) return bits;
  return has('FEAT_TGran4K') ? 12 : has('FEAT_TGran64K') ? 16 : 14;
}
/** @arm AArch64.S1TxSZFaults */
function inputBitsOf(tsz: number, granuleBits: 12 | 14 | 16, ds: boolean, has: Has): number {
  const largest = has('FEAT_TTST') ? (granuleBits === 16 ? 47 : 48) : 39;
  const smallest = (granuleBits === 16 && has('FEAT_LVA')) || (granuleBits !== 16 && ds) ? 12 : 16;
  return tsz < smallest || tsz > largest ? 0 : 64 - tsz;
}
function startLevelOf(inputBits: number, granuleBits: number): number {
  return 3 - Math.floor((inputBits - 1 - granuleBits) / (granuleBits - 3));
}
/** @arm AArch64.S1TTBaseAddress */
function tableBase(ttbr: bigint, inputBits: number, startLevel: number, granuleBits: number, wide: boolean): number {
  const entriesBits = inputBits - (3 - startLevel) * (granuleBits - 3) - granuleBits;
  const alignBits = Math.max(entriesBits + 3, wide ? 6 : 5);
  let base = Number(ttbr & 0xffff_ffff_fffen);
  if (wide) base += (Number(ttbr >> 2n) & 15) * 2 ** 48;
  return base - (base % 2 ** alignBits);
}
