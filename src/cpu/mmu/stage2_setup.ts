// What do EL2's registers say about stage 2 of the EL1&0 regime? One value made from HCR_EL2, VTCR_EL2, VTTBR_EL2 and
// S2PIR_EL2. Reads no memory. @arm AArch64.GetS2TTWParams, AArch64.S2InvalidSL, AArch64.S2InconsistentSL

import type { Has } from '../needs.ts';
import { bitOf, fieldOf, type PeRegs } from '../pe_regs.ts';

type GranuleBits = 12 | 14 | 16;
export interface Stage2Setup {
  /** Addresses go through. */
  readonly off: boolean;
  /** T0SZ, SL0 and SL2 do not fit each other or the machine: every access faults. */
  readonly invalid: boolean;
  readonly inputBits: number;
  /** Output addresses have this many bits. */
  readonly outputBits: number;
  readonly granuleBits: GranuleBits;
  /** Level of the first table, or of the first of several concatenated ones: -1 to 3. */
  readonly startLevel: number;
  /** Physical address of that table. */
  readonly base: number;
  /** 52-bit addresses with 4K and 16K granules. */
  readonly ds: boolean;
  /** 52-bit addresses with the 64K granule. */
  readonly lpa64K: boolean;
  /** Blocks of 4 TiB with the 64K granule. */
  readonly largeBlocks: boolean;
  readonly hardwareAf: boolean;
  readonly hardwareDirty: boolean;
  /** Execution is granted to EL1 and EL0 apart (FEAT_XNX). */
  readonly xnx: boolean;
  /** FEAT_S2PIE in use: permissions come from here, by index. */
  readonly pir: bigint | undefined;
  /** HCR_EL2.FWB: stage 2 overrides attributes rather than limiting them. */
  readonly fwb: boolean;
  /** HCR_EL2.CD: data is not cached. */
  readonly uncached: boolean;
  /** HCR_EL2.PTW: stage 1 tables may not lie in Device memory. */
  readonly protectedWalks: boolean;
  /** Shareability where descriptors do not say it (VTCR_EL2.DS). */
  readonly sh: number;
}

const HCR = {
  VM: bitOf('HCR_EL2', 'VM'), PTW: bitOf('HCR_EL2', 'PTW'), DC: bitOf('HCR_EL2', 'DC'), TGE: bitOf('HCR_EL2', 'TGE'), CD: bitOf('HCR_EL2', 'CD'),
  E2H: bitOf('HCR_EL2', 'E2H'), FWB: bitOf('HCR_EL2', 'FWB'),
}; // biome-ignore format: a table
const VTCR = {
  HA: bitOf('VTCR_EL2', 'HA'), HD: bitOf('VTCR_EL2', 'HD'), DS: bitOf('VTCR_EL2', 'DS'), SL2: bitOf('VTCR_EL2', 'SL2'),
  S2PIE: bitOf('VTCR_EL2', 'S2PIE'),
}; // biome-ignore format: a table
const on = (value: bigint, mask: bigint): boolean => (value & mask) !== 0n;

const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 52, 52] as const;
const GRANULES = [12, 16, 14, undefined] as const;
const GRANULE_FEATS = { 12: 'FEAT_S2TGran4K', 14: 'FEAT_S2TGran16K', 16: 'FEAT_S2TGran64K' } as const;

/**
 * Start levels by SL2:SL0, and the size of physical addresses from which on each exists. What has no entry is reserved.
 * SL2 counts only with 4K and DS.
 */
const START: Readonly<Record<GranuleBits, readonly (readonly [level: number, minimum: number] | undefined)[]>> = {
  12: [[2, 0], [1, 0], [0, 44], [3, 0], [-1, 52]],
  14: [[3, 0], [2, 0], [1, 42], [0, 52]],
  16: [[3, 0], [2, 0], [1, 44]],
}; // biome-ignore format: a table
/** Tables that may be concatenated at the first level: log2. */
const CONCATENATED = 4;

/**
 * @param has what the hardware has
 * @param paBits the size of its physical addresses
 */
export function stage2SetupOf(regs: PeRegs, has: Has, paBits: number): Stage2Setup {
  const hcr = regs.value('HCR_EL2');
  const vtcr = regs.value('VTCR_EL2');
  const granuleBits = granuleOf(GRANULES[fieldOf('VTCR_EL2', 'TG0', vtcr)], has);
  const ds = on(vtcr, VTCR.DS) && granuleBits !== 16;
  const wide = ds || granuleBits === 16;
  const largest = Math.min(paBits, wide ? 52 : 48);
  const outputBits = Math.min(largest, OUTPUT_BITS[fieldOf('VTCR_EL2', 'PS', vtcr)]!);
  const lpa64K = granuleBits === 16 && outputBits === 52;

  const t0sz = fieldOf('VTCR_EL2', 'T0SZ', vtcr);
  const inputBits = 64 - t0sz;
  const largestT0sz = has('FEAT_TTST') ? (granuleBits === 16 ? 47 : 48) : 39;
  const sl = fieldOf('VTCR_EL2', 'SL0', vtcr) + (on(vtcr, VTCR.SL2) && ds && granuleBits === 12 ? 4 : 0);
  const start = START[granuleBits][sl];
  const stride = granuleBits - 3;
  // What is resolved below the first level.
  const below = start ? (3 - start[0]) * stride + granuleBits : 0;
  const invalid =
    inputBits > largest ||
    t0sz > largestT0sz ||
    start === undefined ||
    paBits < start[1] ||
    (granuleBits === 12 && start[0] === 3 && !has('FEAT_TTST')) ||
    (granuleBits === 14 && start[0] === 0 && !ds) ||
    inputBits <= below ||
    inputBits > below + stride + CONCATENATED;

  const hardwareAf = on(vtcr, VTCR.HA);
  return {
    off: !(on(hcr, HCR.VM) || on(hcr, HCR.DC)) || (on(hcr, HCR.E2H) && on(hcr, HCR.TGE)),
    invalid,
    inputBits,
    outputBits,
    granuleBits,
    startLevel: start?.[0] ?? 3,
    base: tableBase(regs.value('VTTBR_EL2'), inputBits - below, ds || lpa64K),
    ds,
    lpa64K,
    largeBlocks: granuleBits === 16 && paBits === 52,
    hardwareAf,
    hardwareDirty: hardwareAf && on(vtcr, VTCR.HD),
    xnx: has('FEAT_XNX'),
    pir: on(vtcr, VTCR.S2PIE) ? regs.value('S2PIR_EL2') : undefined,
    fwb: on(hcr, HCR.FWB),
    uncached: on(hcr, HCR.CD),
    protectedWalks: on(hcr, HCR.PTW),
    sh: fieldOf('VTCR_EL2', 'SH0', vtcr),
  };
}

/** A granule that is not implemented, or reserved, behaves as one that is. */
function granuleOf(bits: GranuleBits | undefined, has: Has): GranuleBits {
  if (bits !== undefined && has(GRANULE_FEATS[bits])) return bits;
  return has('FEAT_S2TGran4K') ? 12 : has('FEAT_S2TGran64K') ? 16 : 14;
}
/** @arm AArch64.S2TTBaseAddress */
function tableBase(vttbr: bigint, entriesBits: number, wide: boolean): number {
  const alignBits = Math.max(entriesBits + 3, wide ? 6 : 5);
  let base = Number(vttbr & 0xffff_ffff_fffen);
  if (wide) base += (Number(vttbr >> 2n) & 15) * 2 ** 48;
  return base - (base % 2 ** alignBits);
}

/** Everything that a setup is made from, as one string: equal strings, equal setups. VMIDs count. */
export function stage2Key(regs: PeRegs): string {
  return KEY.map((name) => regs.value(name).toString(36)).join() + (regs.value('HCR_EL2') & HCR_USED).toString(36);
}
const KEY = ['VTCR_EL2', 'VTTBR_EL2', 'S2PIR_EL2'] as const;
const HCR_USED = Object.values(HCR).reduce((a, b) => a | b, 0n);
