// What a program is told the CPU can do (AT_HWCAP*) and what it reads from the ID registers at EL0. One row a
// capability: its bit and the feature that must be present; both answers are derived. @linux arm64_elf_hwcaps

import { type Feat, type FieldPath, fieldsBehind, has, isFeat, type ReadId } from '../arch/features.ts';
import { idRegAt, idRegRow, readField } from '../arch/id_fields.ts';
import type { IdRegName } from '../arch/id_regs.ts';
import { enc } from '../arch/schema.ts';
import { extract, fieldMask } from '../base/bits.ts';
import { lazy } from '../base/lazy.ts';

interface Hwcap {
  /** Which auxv word: AT_HWCAP, AT_HWCAP2, AT_HWCAP3. */
  readonly word: 1 | 2 | 3;
  readonly bit: number;
  /** All must be present; an ID field must not be zero. Empty: always there. */
  readonly needs: readonly Need[];
}
type Need = Feat | FieldPath;
const one = (bit: number, ...needs: readonly Need[]): Hwcap => ({ word: 1, bit, needs });
const two = (bit: number, ...needs: readonly Need[]): Hwcap => ({ word: 2, bit, needs });
const three = (bit: number, ...needs: readonly Need[]): Hwcap => ({ word: 3, bit, needs });

/** Names as /proc/cpuinfo prints them, in the order of their bits. */
// biome-ignore format: a table
export const HWCAPS = {
  fp:          one(0, 'FEAT_FP'),        asimd:       one(1, 'FEAT_AdvSIMD'),  evtstrm:     one(2),
  aes:         one(3, 'FEAT_AES'),       pmull:       one(4, 'FEAT_PMULL'),    sha1:        one(5, 'FEAT_SHA1'),
  sha2:        one(6, 'FEAT_SHA256'),    crc32:       one(7, 'FEAT_CRC32'),    atomics:     one(8, 'FEAT_LSE'),
  fphp:        one(9, 'FEAT_FP16'),      asimdhp:     one(10, 'FEAT_FP16'),    cpuid:       one(11),
  asimdrdm:    one(12, 'FEAT_RDM'),      jscvt:       one(13, 'FEAT_JSCVT'),   fcma:        one(14, 'FEAT_FCMA'),
  lrcpc:       one(15, 'FEAT_LRCPC'),    dcpop:       one(16, 'FEAT_DPB'),     sha3:        one(17, 'FEAT_SHA3'),
  sm3:         one(18, 'FEAT_SM3'),      sm4:         one(19, 'FEAT_SM4'),     asimddp:     one(20, 'FEAT_DotProd'),
  sha512:      one(21, 'FEAT_SHA512'),   sve:         one(22, 'FEAT_SVE'),     asimdfhm:    one(23, 'FEAT_FHM'),
  dit:         one(24, 'FEAT_DIT'),      uscat:       one(25, 'FEAT_LSE2'),    ilrcpc:      one(26, 'FEAT_LRCPC2'),
  flagm:       one(27, 'FEAT_FlagM'),    ssbs:        one(28, 'FEAT_SSBS2'),   sb:          one(29, 'FEAT_SB'),
  paca:        one(30, 'FEAT_PAuth'),    pacg:        one(31, 'FEAT_PAuth'),   gcs:         one(32, 'FEAT_GCS'),
  cmpbr:       one(33, 'FEAT_CMPBR'),    fprcvt:      one(34, 'FEAT_FPRCVT'),  f8mm8:       one(35, 'FEAT_F8F32MM'),
  f8mm4:       one(36, 'FEAT_F8F16MM'),  svef16mm:    one(37, 'FEAT_SVE', 'FEAT_SVE_F16F32MM'),
  sveeltperm:  one(38, 'FEAT_SVE', 'FEAT_SVE2p2'),    sveaes2:     one(39, 'FEAT_SVE', 'FEAT_SVE_AES2'),
  svebfscale:  one(40, 'FEAT_SVE', 'FEAT_SVE_BFSCALE'), sve2p2:    one(41, 'FEAT_SVE', 'FEAT_SVE2p2'),
  sme2p2:      one(42, 'FEAT_SME', 'FEAT_SME2p2'),
  smesbitperm: one(43, 'FEAT_SME', 'ID_AA64SMFR0_EL1.SBitPerm'),
  smeaes:      one(44, 'FEAT_SME', 'ID_AA64SMFR0_EL1.AES'),
  smesfexpa:   one(45, 'FEAT_SME', 'ID_AA64SMFR0_EL1.SFEXPA'),
  smestmop:    one(46, 'FEAT_SME', 'ID_AA64SMFR0_EL1.STMOP'),
  smesmop4:    one(47, 'FEAT_SME', 'ID_AA64SMFR0_EL1.SMOP4'),
  dcpodp:      two(0, 'FEAT_DPB2'),      sve2:        two(1, 'FEAT_SVE', 'FEAT_SVE2'),
  sveaes:      two(2, 'FEAT_SVE', 'FEAT_SVE_AES'),     svepmull:    two(3, 'FEAT_SVE', 'FEAT_SVE_PMULL128'),
  svebitperm:  two(4, 'FEAT_SVE', 'FEAT_SVE_BitPerm'), svesha3:     two(5, 'FEAT_SVE', 'FEAT_SVE_SHA3'),
  svesm4:      two(6, 'FEAT_SVE', 'FEAT_SVE_SM4'),
  flagm2:      two(7, 'FEAT_FlagM2'),    frint:       two(8, 'FEAT_FRINTTS'),
  svei8mm:     two(9, 'FEAT_SVE', 'ID_AA64ZFR0_EL1.I8MM'),        svef32mm:    two(10, 'FEAT_SVE', 'ID_AA64ZFR0_EL1.F32MM'),
  svef64mm:    two(11, 'FEAT_SVE', 'ID_AA64ZFR0_EL1.F64MM'),      svebf16:     two(12, 'FEAT_SVE', 'ID_AA64ZFR0_EL1.BF16'),
  i8mm:        two(13, 'FEAT_I8MM'),     bf16:        two(14, 'FEAT_BF16'),    dgh:         two(15, 'FEAT_DGH'),
  rng:         two(16, 'FEAT_RNG'),      bti:         two(17, 'FEAT_BTI'),     mte:         two(18, 'FEAT_MTE2'),
  ecv:         two(19, 'FEAT_ECV'),      afp:         two(20, 'FEAT_AFP'),     rpres:       two(21, 'FEAT_RPRES'),
  mte3:        two(22, 'FEAT_MTE3'),     sme:         two(23, 'FEAT_SME'),
  smei16i64:   two(24, 'FEAT_SME', 'ID_AA64SMFR0_EL1.I16I64'),
  smef64f64:   two(25, 'FEAT_SME', 'ID_AA64SMFR0_EL1.F64F64'),
  smei8i32:    two(26, 'FEAT_SME', 'ID_AA64SMFR0_EL1.I8I32'),
  smef16f32:   two(27, 'FEAT_SME', 'ID_AA64SMFR0_EL1.F16F32'),
  smeb16f32:   two(28, 'FEAT_SME', 'ID_AA64SMFR0_EL1.B16F32'),
  smef32f32:   two(29, 'FEAT_SME', 'ID_AA64SMFR0_EL1.F32F32'),
  smefa64:     two(30, 'FEAT_SME', 'ID_AA64SMFR0_EL1.FA64'),
  wfxt:        two(31, 'FEAT_WFxT'),     ebf16:       two(32, 'FEAT_EBF16'),
  sveebf16:    two(33, 'FEAT_SVE', 'FEAT_EBF16'),
  cssc:        two(34, 'FEAT_CSSC'),     rprfm:       two(35, 'FEAT_RPRFM'),
  sve2p1:      two(36, 'FEAT_SVE', 'FEAT_SVE2p1'),     sme2:        two(37, 'FEAT_SME', 'FEAT_SME2'),
  sme2p1:      two(38, 'FEAT_SME', 'FEAT_SME2p1'),
  smei16i32:   two(39, 'FEAT_SME', 'ID_AA64SMFR0_EL1.I16I32'),
  smebi32i32:  two(40, 'FEAT_SME', 'ID_AA64SMFR0_EL1.BI32I32'),
  smeb16b16:   two(41, 'FEAT_SME', 'ID_AA64SMFR0_EL1.B16B16'),
  smef16f16:   two(42, 'FEAT_SME', 'ID_AA64SMFR0_EL1.F16F16'),
  mops:        two(43, 'FEAT_MOPS'),     hbc:         two(44, 'FEAT_HBC'),
  sveb16b16:   two(45, 'FEAT_SVE', 'FEAT_SVE_B16B16'),
  lrcpc3:      two(46, 'FEAT_LRCPC3'),   lse128:      two(47, 'FEAT_LSE128'),  fpmr:        two(48, 'FEAT_FPMR'),
  lut:         two(49, 'FEAT_LUT'),      faminmax:    two(50, 'FEAT_FAMINMAX'), f8cvt:      two(51, 'FEAT_FP8'),
  f8fma:       two(52, 'FEAT_FP8FMA'),   f8dp4:       two(53, 'FEAT_FP8DOT4'), f8dp2:       two(54, 'FEAT_FP8DOT2'),
  f8e4m3:      two(55, 'FEAT_FP8', 'ID_AA64FPFR0_EL1.F8E4M3'),      f8e5m2:      two(56, 'FEAT_FP8', 'ID_AA64FPFR0_EL1.F8E5M2'),
  smelutv2:    two(57, 'FEAT_SME', 'ID_AA64SMFR0_EL1.LUTv2'),
  smef8f16:    two(58, 'FEAT_SME', 'ID_AA64SMFR0_EL1.F8F16'),
  smef8f32:    two(59, 'FEAT_SME', 'ID_AA64SMFR0_EL1.F8F32'),
  smesf8fma:   two(60, 'FEAT_SME', 'ID_AA64SMFR0_EL1.SF8FMA'),
  smesf8dp4:   two(61, 'FEAT_SME', 'ID_AA64SMFR0_EL1.SF8DP4'),
  smesf8dp2:   two(62, 'FEAT_SME', 'ID_AA64SMFR0_EL1.SF8DP2'),
  poe:         two(63, 'FEAT_S1POE'),
  mtefar:      three(0, 'FEAT_MTE_TAGGED_FAR'),        mtestoreonly: three(1, 'FEAT_MTE_STORE_ONLY'),
  lsfe:        three(2, 'FEAT_LSFE'),    ls64:        three(3, 'FEAT_LS64'),
  sveb16mm:    three(4, 'FEAT_SVE', 'FEAT_SVE_B16MM'),         sve2p3:      three(5, 'FEAT_SVE', 'FEAT_SVE2p3'),
  smelut6:     three(6, 'FEAT_SME', 'ID_AA64SMFR0_EL1.LUT6'),  sme2p3:      three(7, 'FEAT_SME', 'FEAT_SME2p3'),
  f16mm:       three(8, 'FEAT_F16MM'),                         f16f32dot:   three(9, 'FEAT_F16F32DOT'),
  f16f32mm:    three(10, 'FEAT_F16F32MM'),
} as const satisfies Readonly<Record<string, Hwcap>>;
export type HwcapName = keyof typeof HWCAPS;

const rows: readonly [string, Hwcap][] = Object.entries(HWCAPS);

function fieldAt(path: string, read: ReadId): number {
  const [reg, name] = path.split('.') as [IdRegName, string];
  const row = idRegRow(reg);
  return readField(read(row.enc), row.fields[name]!);
}
/**
 * Cores on which Linux hides SSBS from programs: a change of PSTATE.SSBS takes effect late there. By MIDR_EL1's
 * implementer and part number. @linux erratum_spec_ssbs_list
 */
const LATE_SSBS: ReadonlySet<string> = new Set([
  ...[
    0xd0b, 0xd0c, 0xd0d, 0xd40, 0xd41, 0xd44, 0xd47, 0xd48, 0xd49, 0xd4b, 0xd4c, 0xd4d, 0xd4e, 0xd4f, 0xd81, 0xd82,
    0xd83, 0xd84, 0xd85, 0xd87, 0xd89, 0xd8e,
  ].map((part) => `41:${part.toString(16)}`),
  '6d:d49',
]); // biome-ignore format: a list
function hidesSsbs(read: ReadId): boolean {
  const midr = read(enc(3, 0, 0, 0, 0));
  return LATE_SSBS.has(`${extract(midr, 31, 24).toString(16)}:${extract(midr, 15, 4).toString(16)}`);
}
function present(h: Hwcap, read: ReadId): boolean {
  if (h === HWCAPS.ssbs && hidesSsbs(read)) return false;
  return h.needs.every((n) => (isFeat(n) ? has(n, read) : fieldAt(n, read) !== 0));
}
/** Names of the capabilities, in /proc/cpuinfo's order. */
export function hwcapNames(read: ReadId): string[] {
  return rows.filter(([, h]) => present(h, read)).map(([name]) => name);
}
/** AT_HWCAP, AT_HWCAP2, AT_HWCAP3. */
export function hwcapWords(read: ReadId): readonly [bigint, bigint, bigint] {
  const words: [bigint, bigint, bigint] = [0n, 0n, 0n];
  for (const [, h] of rows) if (present(h, read)) words[h.word - 1]! |= 1n << BigInt(h.bit);
  return words;
}

/** ID register fields that stand behind some capability are shown to programs as they are; all others are not. */
const visible = lazy((): ReadonlyMap<string, bigint> => {
  const masks = new Map<string, bigint>();
  const show = (reg: IdRegName, field: string) => {
    const f = idRegRow(reg).fields[field]!;
    masks.set(reg, (masks.get(reg) ?? 0n) | fieldMask(f.hi, f.lo));
  };
  for (const [, h] of rows)
    for (const n of h.needs) {
      if (isFeat(n)) for (const u of fieldsBehind(n)) show(u.reg, u.field);
      else {
        const [reg, field] = n.split('.') as [IdRegName, string];
        show(reg, field);
      }
    }
  return masks;
});

/** What a hidden field reads as where that is not zero. @linux ftr_id_aa64pfr0 and its neighbours: safe values */
const SAFE: Readonly<Record<string, bigint>> = {
  ID_AA64PFR0_EL1: 0x11n, // EL1 and EL0 in AArch64 state
  ID_AA64DFR0_EL1: 0x6n, // Armv8 debug
  ID_AA64MMFR0_EL1: 0xff00_0000n, // no 4K and no 64K granule
};

/** What a register of the ID space, after the first three, reads as at EL0. */
export function visibleAt(packed: number, read: ReadId): bigint {
  const name = idRegAt(packed);
  if (name === undefined) return 0n;
  const mask = visible().get(name) ?? 0n;
  return (read(packed) & mask) | ((SAFE[name] ?? 0n) & ~mask);
}
