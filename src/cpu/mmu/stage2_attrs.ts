// What becomes of memory attributes when stage 2 has its say: those of a stage 1 leaf, as MAIR_EL1 writes them, with those
// of a stage 2 leaf. @arm S2CombineS1MemAttrs, AArch64.S2ApplyFWBMemAttrs, EffectiveShareability

/** What a stage 2 leaf says about memory. */
export interface Stage2Memory {
  /** MemAttr[3:0] */
  readonly attr: number;
  readonly sh: number;
  /** HCR_EL2.FWB: how `attr` is to be read. */
  readonly fwb: boolean;
  /** HCR_EL2.CD */
  readonly uncached: boolean;
}
/** An attribute byte of MAIR_EL1, and shareability. */
export interface Memory {
  readonly attr: number;
  readonly sh: number;
}

const OUTER_SHAREABLE = 2;
const INNER_SHAREABLE = 3;
const NON_CACHEABLE = 0x44;
const NC = 4;
/** Normal, write-back, MTE tagged. */
const TAGGED = 0xf0;

/** Attribute bytes that stand for another one but for what no access notices (FEAT_XS). */
const PLAIN: Readonly<Record<number, number>> = { 64: NON_CACHEABLE, 160: 0xaa, [TAGGED]: 0xff };
const isDevice = (attr: number): boolean => (attr & 0xf0) === 0;

/** Whether stage 2 by itself makes the memory Device. */
export function isDeviceAtStage2(m: Stage2Memory): boolean {
  return (m.attr & (m.fwb ? 4 : 0xc)) === 0;
}

export function combine(s1: Memory, m: Stage2Memory): Memory {
  const first = isDevice(s1.attr) ? s1.attr & 0xc : (PLAIN[s1.attr] ?? s1.attr);
  const attr = attrOf(first, m);
  const tagged = s1.attr === TAGGED && attr === 0xff;
  const uncached = isDevice(attr) || attr === NON_CACHEABLE;
  const sh1 = isDevice(first) || first === NON_CACHEABLE ? OUTER_SHAREABLE : shareability(s1.sh);
  const sh2 = shareability(m.sh);
  const either = (sh: number): boolean => sh1 === sh || sh2 === sh;
  const joined = either(OUTER_SHAREABLE) ? OUTER_SHAREABLE : either(INNER_SHAREABLE) ? INNER_SHAREABLE : 0;
  return { attr: tagged ? TAGGED : attr, sh: uncached ? OUTER_SHAREABLE : joined };
}
/** The reserved value is taken for outer shareable. */
const shareability = (sh: number): number => (sh === 1 ? OUTER_SHAREABLE : sh);

function attrOf(first: number, m: Stage2Memory): number {
  if (isDeviceAtStage2(m)) {
    const device = (m.attr & 3) << 2;
    return isDevice(first) ? Math.min(first, device) : device;
  }
  if (m.fwb) {
    const attr = forced(first, m.attr & 3);
    return m.uncached && !isDevice(attr) ? NON_CACHEABLE : attr;
  }
  if (isDevice(first)) return first;
  const [outer, inner] = m.uncached ? [1, 1] : [m.attr >> 2, m.attr & 3];
  return (limited(first >> 4, outer) << 4) | limited(first & 15, inner);
}
/** HCR_EL2.FWB, not Device: 3 leaves stage 1's attributes, 2 is write-back, the others Non-cacheable. */
function forced(first: number, how: number): number {
  if (how === 3) return first;
  if (how !== 2) return isDevice(first) ? first : NON_CACHEABLE;
  if (isDevice(first)) return 0xff;
  const writeBack = (nibble: number): number => (kindOf(nibble) === 1 ? 15 : hinted(nibble, 3));
  return (writeBack(first >> 4) << 4) | writeBack(first & 15);
}
/** The weaker of a nibble of stage 1 and a kind of stage 2, with stage 1's hints. */
function limited(nibble: number, kind: number): number {
  const least = Math.min(kindOf(nibble), Math.max(kind, 1));
  return least === 1 ? NC : hinted(nibble, least);
}
/** 1 Non-cacheable, 2 write-through, 3 write-back: as stage 2 writes it. */
const kindOf = (nibble: number): number => (nibble === NC || nibble === 0 ? 1 : nibble & 4 ? 3 : 2);
/** A nibble of another kind: allocation hints and transience (bit 3 clear) stay. */
const hinted = (nibble: number, kind: number): number => (nibble & 0xb) | (kind === 3 ? 4 : 0);
