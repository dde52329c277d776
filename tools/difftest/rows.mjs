// Which rows are drawn, how their fields are narrowed, and what is left out with the reason. Data about rows only;
// generate.mjs draws.

import { A64 } from '../../dist/isa/a64.js';

/** Rows never drawn by themselves. Everything else that has semantics is. */
export const EXCLUDED = {
  SVC: 'would call the host kernel',
  MSR_imm: 'user mode may write only fields that show nowhere in the state compared here',
  SYSL: 'no allocated operation is open to user mode',
  SEV: 'the other CPUs of the emulator do not exist',
  SYS: 'DC ZVA is the only one open to user mode that changes state, and its block has another size (512 bytes, ours 64): see difftest:regions',
  PACGA: 'the keys of the other process are unknown; checked against recorded values in cpu/pauth.test.ts',
};
/** Features that qemu-aarch64 11.1 does not have. */
export const NOT_THERE = ['FEAT_LRCPC3', 'FEAT_CPA', 'FEAT_LSFE', 'FEAT_LSUI', 'FEAT_PAuth_LR'];
for (const group of A64)
  for (const [name, { feat }] of Object.entries(group.rows))
    if (NOT_THERE.includes(feat)) EXCLUDED[name] = `qemu-aarch64 has no ${feat}`;

/** Rows that only make sense after others: drawn by the sequence of that name in generate.mjs. */
export const SEQUENCES = {
  signed: /^(PAC|AUT)(I|D)Z?[AB]$/,
  signedHint: /^(PAC|AUT)I[AB](SP|Z|1716)$/,
  signedBranch: /^(BRA|BLRA|BRAZ|BLRAZ|RETA)$/,
  signedLoad: /^LDRA$/,
  mops: /^(CPYF?|SET)[PME]$/,
  exclusive: /^(LD|ST)[AL]?X[RP]$/,
  branch: /^(BR|BLR|RET)$/,
};
export const sequenceOf = (name) => Object.keys(SEQUENCES).find((k) => SEQUENCES[k].test(name));

const systemRegister = (list) => (f, r) => Object.assign(f, r.pick(list));
const reg = (op1, CRn, CRm, op2) => ({ o0: 1, op1, CRn, CRm, op2 });
const NZCV = reg(3, 4, 2, 0);
const FPCR = reg(3, 4, 4, 0);
const FPSR = reg(3, 4, 4, 1);
const FPMR = reg(3, 4, 4, 2);
/** A few words ahead, so that both ways lead on. */
const skip = (field) => (f, r) => {
  f[field] = 1 + r.below(4);
};

/** Should-be-one operands: we do not look at them, qemu-aarch64 calls other values UNDEFINED; both are allowed. */
const ones =
  (...names) =>
  (f) => {
    for (const n of names) f[n] = 31;
  };

/** Changes to random fields, by row. `r` is the random source. */
export const NARROW = {
  MRS: systemRegister([NZCV, FPCR, FPSR, FPMR]),
  MSR_reg: systemRegister([NZCV, FPCR, FPSR, FPMR]),
  /** A deadline in the past. */
  WFET: (f) => Object.assign(f, { Rt: 31 }),
  WFIT: (f) => Object.assign(f, { Rt: 31 }),
  /** The immediate that qemu-aarch64 takes as a semihosting call. */
  HLT: (f) => {
    if (f.imm16 === 0xf000) f.imm16 = 1;
  },
  BRK: (f) => {
    if (f.imm16 === 0xd2d2) f.imm16 = 1;
  },
  B: skip('imm26'),
  BL: skip('imm26'),
  B_cond: skip('imm19'),
  BC_cond: skip('imm19'),
  CBZ: skip('imm19'),
  CBNZ: skip('imm19'),
  TBZ: skip('imm14'),
  TBNZ: skip('imm14'),
  CB_reg: skip('imm9'),
  CBB: skip('imm9'),
  CBH: skip('imm9'),
  CB_imm: skip('imm9'),
  SMULH: ones('Ra'),
  UMULH: ones('Ra'),
  LDAR: ones('Rs', 'Rt2'),
  STLR: ones('Rs', 'Rt2'),
  LDLAR: ones('Rs', 'Rt2'),
  STLLR: ones('Rs', 'Rt2'),
};
/** Rows that end a block or nearly always do: drawn seldom. */
export const RARE = new Set(['UDF', 'BRK', 'HLT', 'HVC', 'SMC', 'ERET', 'ERETA']);

/** Rows whose faults are not drawn: whether a store-exclusive looks at the address or at the monitor first is free. */
export const FAULTS_OPEN = /^STL?X[RP]$/;

/** Rows at which qemu-aarch64 loses the exclusive monitor, which any CPU may do at any time. */
export const CLEARS_MONITOR = /^(YIELD|WF[EI]T?)$/;

/** Literal loads read the code itself: the distance must stay inside the block. */
export const LITERAL = /_lit(_fp)?$/;

/** Bits that are RES0 for us but storage for a CPU that also has AArch32: Len and Stride, and the flags of VFP compares. */
const AARCH32_BITS = { FPCR: 0x0037_0000n, FPSR: 0xf000_0000n };
/** Bits of FPMR that mean something. */
export const FPMR_BITS = 0x3f_ff7f_c1ffn;
/** Vector FABS and FNEG. */
const VECTOR_SIGN = /^F(ABS|NEG)_vec/;
const AH = 2n;
/** @returns why this word is not drawn in this state (of the evaluator), or undefined. */
export function refusedNow(name, f, { x, slots }) {
  if (VECTOR_SIGN.test(name) && (slots.FPCR ?? 0n) & AH)
    return 'qemu-aarch64 changes the sign of NaNs though FPCR.AH is 1';
  if (name !== 'MSR_reg' || f.CRm !== FPCR.CRm) return undefined;
  if (f.op2 === FPMR.op2) return (x[f.Rt] ?? 0n) & ~FPMR_BITS ? 'writes RES0 bits of FPMR' : undefined;
  const bits = f.op2 === FPCR.op2 ? AARCH32_BITS.FPCR : AARCH32_BITS.FPSR;
  return (x[f.Rt] ?? 0n) & bits ? 'writes bits that only exist where AArch32 does' : undefined;
}

/**
 * Encodings that differ by an allowed choice (CONSTRAINED UNPREDICTABLE) or that the other side does not have.
 * @returns why this word is not drawn, or undefined
 */
export function refused(name, f) {
  const writesBase = /_(pre|post)(_fp)?$/.test(name);
  if (writesBase && !/_fp$/.test(name) && f.Rn !== 31 && (f.Rt === f.Rn || f.Rt2 === f.Rn))
    return 'CONSTRAINED UNPREDICTABLE: base written back is also transferred';
  if (/^LD(N?P|PSW|XP|AXP|IAPP)/.test(name) && f.Rt === f.Rt2)
    return 'CONSTRAINED UNPREDICTABLE: both loads to one register';
  if (
    /^STL?X[RP]$/.test(name) &&
    (f.Rs === f.Rt || (f.Rs === f.Rn && f.Rn !== 31) || (/P$/.test(name) && f.Rs === f.Rt2))
  )
    return 'CONSTRAINED UNPREDICTABLE: status register is also data or base';
  if (name === 'FCVTN_single_fp8' && f.Q && f.Rd === f.Rn)
    return 'qemu-aarch64 writes over the source while it reads it';
  if (/^(LDCLRP|LDSETP|SWPP)$/.test(name) && f.Rt === f.Rt2)
    return 'CONSTRAINED UNPREDICTABLE: both results to one register';
  return undefined;
}

/** Encodings that are UNDEFINED here and not on the other side, for undefined.mjs. */
export const NOT_UNDEFINED_THERE = [
  { holesOf: /_fpr$/, why: 'FEAT_FPRCVT has no conversions between equal sizes; qemu-aarch64 does' },
];
