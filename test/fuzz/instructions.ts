// Guest code at random that gets somewhere: every row of the instruction tables with fields that mostly make sense, system
// registers and operations by their rows, and short pieces that guests are made of: calls of firmware, interrupt
// controllers, timers, the MMU, debug registers, returns from exceptions.

import { encode, type ParsedRow, parseRow } from '../../src/arch/a64/encoding.ts';
import { SMCCC } from '../../src/arch/smccc.ts';
import { encOf, REGISTERS, type RegName, SYSTEM_OPS } from '../../src/arch/sysregs.ts';
import { A64 } from '../../src/isa/a64.ts';
import { HOLDS, RAM } from './layout.ts';
import type { Random } from './random.ts';

interface Drawn {
  readonly name: string;
  readonly parsed: ParsedRow;
  /** It has a base register. */
  readonly memory: boolean;
  /** Bits that are neither fixed nor in a field. */
  readonly free: number;
}
const BRANCH_IMM = /^imm(26|19|14|9)$/;
const MEMORY_NAMES = /^(LD|ST|CAS|SWP|PRFM|RPRFM|CPY|SET|RCW|GCS)/;
const freeBits = (p: ParsedRow): number =>
  p.fields.reduce((m, f) => m & ~(((2 ** f.width - 1) << f.lo) >>> 0), ~p.mask);
const rows = (wanted: (name: string) => boolean): Drawn[] =>
  A64.flatMap((g) => Object.entries(g.rows))
    .filter(([name]) => wanted(name))
    .map(([name, row]) => {
      const parsed = parseRow(row);
      const memory = parsed.fields.some((f) => f.name === 'Rn') && MEMORY_NAMES.test(name);
      return { name, parsed, memory, free: freeBits(parsed) };
    });
const ALL = rows((name) => !/^(HVC|SMC|ERETA?|WF)/.test(name));
const MEMORY = ALL.filter((d) => d.memory);
const RARE = rows((name) => /^(HVC|SMC|SVC|BRK|HLT|UDF|ERET|WF[EI]T?|YIELD|SEVL?|ISB|DSB|ESB|SB)$/.test(name));
const SYSREGS = [...REGISTERS.values()].map((r) => r.enc);
const EL1_SYSREGS = [...REGISTERS.values()].filter((r) => r.el < 2).map((r) => r.enc);
const OPS = [...SYSTEM_OPS.values()].map((o) => o.enc);
const CALLS = Object.values(SMCCC);

/** A field value for a row: registers that are to be used, distances that stay near. */
function fieldValue(r: Random, name: string, width: number, memory: boolean): number {
  if (/^(Rn|Xn)$/.test(name)) return r.chance(0.85) ? (memory ? 8 + r.below(10) : r.below(8)) : r.below(32);
  if (/^(R[dtmsa]2?|X[dtmsa])$/.test(name)) return r.chance(0.9) ? r.below(8) : r.below(32);
  if (BRANCH_IMM.test(name) && width > 9) return r.below(14) - 3;
  if (name === 'imm12' && memory) return r.below(64);
  if (name === 'imm16' && r.chance(0.7)) return 0;
  return r.u32() & (2 ** width - 1);
}
function draw(r: Random, d: Drawn): number {
  const values: Record<string, number> = {};
  for (const f of d.parsed.fields) values[f.name] = fieldValue(r, f.name, f.width, d.memory);
  return (encode(d.parsed, values) | (r.u32() & d.free)) >>> 0;
}

const MRS = 0xd530_0000;
const MSR = 0xd510_0000;
const ISB = 0xd503_3fdf;
const ERET = 0xd69f_03e0;
const HVC = 0xd400_0002;
const SMC = 0xd400_0003;
const SVC = 0xd400_0001;
const msr = (enc: number, rt: number): number => (MSR | ((enc & 0x7fff) << 5) | rt) >>> 0;
const mrs = (enc: number, rt: number): number => (MRS | ((enc & 0x7fff) << 5) | rt) >>> 0;
const sys = (enc: number, rt: number, read: boolean): number =>
  ((read ? 0xd528_0000 : 0xd508_0000) | ((enc & 0x3fff) << 5) | rt) >>> 0;
const msrName = (name: RegName, rt: number): number => msr(encOf(name), rt);
/** MOVZ and as many MOVK as it takes. */
function load(rd: number, value: bigint): number[] {
  const out = [(0xd280_0000 | (Number(value & 0xffffn) << 5) | rd) >>> 0];
  for (let hw = 1; hw < 4; hw++) {
    const part = Number((value >> BigInt(16 * hw)) & 0xffffn);
    if (part !== 0) out.push((0xf280_0000 | (hw << 21) | (part << 5) | rd) >>> 0);
  }
  return out;
}
/** LDR or STR of 1 to 8 bytes at Xn + Xm. */
const access = (r: Random, rt: number, rn: number, rm: number): number =>
  ((r.pick([0, 1, 2, 2, 2, 3]) << 30) | (r.chance(0.5) ? 0x3820_6800 : 0x3860_6800) | (rm << 16) | (rn << 5) | rt) >>>
  0;

/** Offsets of what is in a distributor or redistributor, and near it. */
const GIC_OFFSETS = [
  0, 4, 8, 0x10, 0x14, 0x40, 0x48, 0x70, 0x78, 0x80, 0x84, 0x100, 0x104, 0x180, 0x184, 0x200, 0x204, 0x280, 0x284, 0x300, 0x380,
  0x384, 0x400, 0x404, 0x420, 0x800, 0x820, 0xc00, 0xc04, 0xc08, 0xd00, 0xf00, 0xf10, 0xf20, 0x6100, 0x6108, 0xffe8,
  0x1_0080, 0x1_0100, 0x1_0180, 0x1_0200, 0x1_0280, 0x1_0300, 0x1_0380, 0x1_0400, 0x1_0c00, 0x1_0c04, 0x2_0000, 0x3_0100,
]; // biome-ignore format: a list
const ITS_OFFSETS = [0, 4, 8, 0x80, 0x88, 0x90, 0x100, 0x108, 0x138, 0x1_0040, 0xffe8];

type Piece = (r: Random) => number[];
const gicAccess: Piece = (r) => [
  ...load(6, BigInt(r.chance(0.85) ? r.pick(GIC_OFFSETS) : r.below(0x2_0000))),
  ...load(5, r.chance(0.5) ? r.word() : 0xffff_ffffn),
  access(r, 5, 14 + r.below(2), 6),
];
const itsAccess: Piece = (r) => [
  ...load(6, BigInt(r.pick(ITS_OFFSETS))),
  ...load(5, r.chance(0.5) ? (1n << 63n) | (RAM + BigInt(r.below(256) * 4096)) | BigInt(r.below(4)) : BigInt(r.below(64) * 32)),
  access(r, 5, 17, 6),
]; // biome-ignore format: one access
const interruptsOn: Piece = () => [
  ...load(0, 0xffn), msrName('ICC_PMR_EL1', 0), ...load(0, 1n), msrName('ICC_IGRPEN1_EL1', 0), 0xd503_47ff, // DAIFClr #7
]; // biome-ignore format: a sequence
const acknowledge: Piece = (r) => {
  const [iar, eoir] = r.chance(0.8)
    ? (['ICC_IAR1_EL1', 'ICC_EOIR1_EL1'] as const)
    : (['ICC_IAR0_EL1', 'ICC_EOIR0_EL1'] as const);
  return [mrs(encOf(iar), 4), ...(r.chance(0.8) ? [msrName(eoir, 4)] : [])];
};
const sgi: Piece = (r) => [
  ...load(3, (BigInt(r.below(16)) << 24n) | (r.chance(0.3) ? 1n << 40n : BigInt(r.below(8)))),
  msrName(r.pick(['ICC_SGI1R_EL1', 'ICC_SGI0R_EL1', 'ICC_ASGI1R_EL1'] as const), 3),
];
const timer: Piece = (r) => {
  const [tval, cval, ctl] = r.chance(0.5)
    ? (['CNTV_TVAL_EL0', 'CNTV_CVAL_EL0', 'CNTV_CTL_EL0'] as const)
    : (['CNTP_TVAL_EL0', 'CNTP_CVAL_EL0', 'CNTP_CTL_EL0'] as const);
  const when = r.chance(0.7) ? [...load(2, BigInt(r.below(3000))), msrName(tval, 2)] : [...load(2, r.word()), msrName(cval, 2)];
  return [...when, ...load(2, BigInt(r.pick([1, 1, 1, 3, 0]))), msrName(ctl, 2)];
}; // biome-ignore format: short lines
const firmware: Piece = (r) => [
  ...load(0, BigInt(r.chance(0.9) ? r.pick(CALLS) : r.u32())),
  ...load(1, r.chance(0.6) ? BigInt(r.below(4)) : r.word()),
  ...load(2, r.chance(0.6) ? RAM : r.word()),
  ...load(3, r.word()),
  r.chance(0.8) ? HVC : SMC,
];
const mmuOn: Piece = (r) => [
  msrName('MAIR_EL1', HOLDS.mair), msrName('TCR_EL1', HOLDS.tcr), msrName('TTBR0_EL1', HOLDS.ttbr0), msrName('TTBR1_EL1', HOLDS.ttbr0),
  ISB, msrName('SCTLR_EL1', HOLDS.sctlr), ...(r.chance(0.9) ? [ISB] : []),
]; // biome-ignore format: a sequence
const PSTATES = [
  0n,
  0n,
  4n,
  5n,
  5n,
  0x3c0n,
  0x3c5n,
  0x3c4n,
  0x8000_0000n,
  0x20_0005n,
  0x10_0005n,
  0x40_0005n,
  8n,
  9n,
  0xdn,
  0x10n,
  0x13n,
];
const exceptionReturn: Piece = (r) => [
  ...load(7, r.chance(0.9) ? RAM + BigInt(r.below(64) * 4) : r.word()), msrName('ELR_EL1', 7),
  ...load(7, r.chance(0.9) ? r.pick(PSTATES) : r.word()), msrName('SPSR_EL1', 7), ERET,
]; // biome-ignore format: a sequence
const debug: Piece = (r) => {
  const n = r.below(4);
  const reg = r.pick([`DBGBVR${n}_EL1`, `DBGWVR${n}_EL1`] as const);
  const control = reg.replace('VR', 'CR') as RegName;
  const mdscr = BigInt(r.pick([0x2000, 0xa000, 1, 0xa001, 0x8000, 0]));
  return [
    ...load(4, r.chance(0.7) ? RAM + BigInt(r.below(64) * 4) : r.word()), msrName(reg, 4),
    ...load(4, r.chance(0.7) ? 0x1e7n | (BigInt(r.below(16)) << 20n) | (BigInt(r.below(4)) << 1n) : r.word()), msrName(control, 4),
    ...load(4, mdscr), msrName('MDSCR_EL1', 4), ...(r.chance(0.3) ? [msrName('OSLAR_EL1', 31)] : []),
    ...(r.chance(0.4) ? [0xd503_48ff] : []), ISB, // DAIFClr #8
  ]; // biome-ignore format: a sequence
};
const sysreg: Piece = (r) => {
  const enc = r.pick(r.chance(0.8) ? EL1_SYSREGS : SYSREGS);
  const rt = r.chance(0.1) ? 31 : r.below(22);
  return [r.chance(0.45) ? msr(enc, rt) : mrs(enc, rt & 7)];
};
const anySysreg: Piece = (r) => {
  const enc = (r.pick([2, 3]) << 14) | (r.u32() & 0x3fff);
  return [r.chance(0.5) ? msr(enc, r.below(32)) : mrs(enc, r.below(8))];
};
const operation: Piece = (r) => [
  sys(r.chance(0.95) ? r.pick(OPS) : 0x4000 | r.below(0x4000), r.pick([8, 9, 10, 12, 13, r.below(32)]), r.chance(0.05)),
];
const fpOn: Piece = (r) => [...load(1, r.chance(0.8) ? 0x1330_0000n : r.word()), msrName('CPACR_EL1', 1), ISB];
const pstate: Piece = (r) => [(0xd500_401f | (r.below(8) << 16) | (r.below(16) << 8) | (r.below(8) << 5)) >>> 0];
const selfModify: Piece = (r) => [
  ...load(5, BigInt(r.chance(0.7) ? draw(r, r.pick(ALL)) : r.u32())), (0xb900_0000 | (r.below(128) << 10) | (13 << 5) | 5) >>> 0,
  ...(r.chance(0.7) ? [(0xd50b_7520 | 13) >>> 0, ISB] : []), // IC IVAU, X13
]; // biome-ignore format: a sequence
const pmu: Piece = (r) => [
  ...load(1, r.chance(0.6) ? BigInt(r.below(0x40)) : r.word()),
  msrName(r.pick(['PMCR_EL0', 'PMCNTENSET_EL0', 'PMINTENSET_EL1', 'PMSELR_EL0', 'PMXEVTYPER_EL0', 'PMUSERENR_EL0', 'PMSWINC_EL0', 'PMOVSSET_EL0', 'PMEVTYPER0_EL0', 'PMCCNTR_EL0'] as const), 1),
]; // biome-ignore format: a list

const PIECES: readonly (readonly [number, Piece])[] = [
  [22, (r) => [draw(r, r.pick(ALL))]],
  [16, (r) => [draw(r, r.pick(MEMORY))]],
  [5, (r) => [draw(r, r.pick(RARE))]],
  [12, sysreg], [2, anySysreg], [5, operation], [3, pstate], [2, fpOn], [2, mmuOn], [3, exceptionReturn],
  [3, (r) => [access(r, r.below(8), r.pick([8, 8, 9, 10, 11, 12, 16]), 31)]],
  [3, gicAccess], [1, itsAccess], [2, interruptsOn], [2, acknowledge], [2, sgi], [3, timer], [4, firmware], [2, debug], [1, selfModify],
  [2, pmu],
  [2, (r) => [r.pick([SVC, HVC, SMC])]],
  [1, (r) => [r.u32()]],
  [2, (r) => load(r.chance(0.8) ? r.below(8) : r.below(31), r.word())],
]; // biome-ignore format: a table

/** Code that goes round: it ends with a branch to its start. */
export function randomCode(r: Random, words: number): Uint32Array {
  const out = new Uint32Array(words);
  for (let at = 0; at < words - 1; ) for (const word of r.weighted(PIECES)(r)) if (at < words - 1) out[at++] = word;
  out[words - 1] = (0x1400_0000 | (0x3ff_ffff & -(words - 1))) >>> 0;
  return out;
}
/** A vector: a little code, then back to where it came from, sometimes past the instruction. */
export function randomVector(r: Random): Uint32Array {
  const out: number[] = [];
  while (out.length < 20 && r.chance(0.4)) out.push(...(r.chance(0.5) ? acknowledge : r.weighted(PIECES))(r));
  const skip = [mrs(encOf('ELR_EL1'), 7), 0x9100_10e7, msrName('ELR_EL1', 7)]; // ADD X7, X7, #4
  return Uint32Array.from([...out.slice(0, 24), ...(r.chance(0.8) ? skip : []), ERET]);
}
export { PSTATES };
