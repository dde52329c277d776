// Semantics of arch/a64/sve_mem.ts: which elements stand where. How they get from and to there is in sve_access.ts.

import { SVE_MEM } from '../arch/a64/sve_mem.ts';
import { routines } from './semantics.ts';
import {
  type Access,
  type Faults,
  gather,
  gatherRepeated,
  loadContiguous,
  type Shape,
  scatter,
  storeContiguous,
  vectors,
  Z_STRIDE,
} from './sve_access.ts';
import { maskRoom, readMask } from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';

/** Bytes from one predicate register to the next. */
const P_STRIDE = 32;

// ---- shapes and addresses -----------------------------------------------------------------------------------------------

/** What dtype says. */
const LOADS: readonly (readonly [msz: number, esz: number, signed: boolean])[] = [
  [0, 0, false], [0, 1, false], [0, 2, false], [0, 3, false], [2, 3, true], [1, 1, false], [1, 2, false], [1, 3, false],
  [1, 3, true], [1, 2, true], [2, 2, false], [2, 3, false], [0, 3, true], [0, 2, true], [0, 1, true], [3, 3, false],
]; // biome-ignore format: a table
function dtypeShape(dtype: number): Shape {
  const [msz, esz, signed] = LOADS[dtype]!;
  return { msz, esz, signed, regs: 1 };
}
/** Elements of memory as they are, in so many registers. */
const plain = (msz: number, regs = 1, esz = msz): Shape => ({ msz, esz, signed: false, regs });
const governed = (m: SveMachine, Pg: number, esz: number, Rn?: number): Access => ({
  active: () => readMask(m, 0, Pg, esz).subarray(0, m.vl >> esz),
  ...(Rn !== undefined && { Rn }),
});
const signed = (v: number, bits: number): number => (v << (32 - bits)) >> (32 - bits);

/** Xn + Xm << msz */
const scaled =
  (m: SveMachine, f: { Rn: number; Rm: number }, msz: number): (() => bigint) =>
  () =>
    m.addAddress(m.xsp(f.Rn), m.x(f.Rm) << BigInt(msz));
/** Xn + imm4 * bytes that the registers take in memory */
const lengths =
  (m: SveMachine, f: { Rn: number; imm4: number }, s: Shape): (() => bigint) =>
  () =>
    m.addAddress(m.xsp(f.Rn), BigInt(signed(f.imm4, 4) * s.regs * ((m.vl >> s.esz) << s.msz)));
/** Where a predicate register stands in memory. */
const predicate =
  (m: SveMachine, Pt: number): (() => number) =>
  () =>
    m.p0 + Pt * P_STRIDE;
const zBytes = (m: SveMachine): number => m.vl;
const pBytes = (m: SveMachine): number => m.vl / 8;
/** A register of so many bytes, whole, at Xn + imm9 times that. */
const whole = (
  m: SveMachine,
  f: { Rn: number; imm9h: number; imm9l: number },
  bytes: (m: SveMachine) => number,
): { access: Access; base: () => bigint } => ({
  access: { active: () => maskRoom(0).fill(0).fill(1, 0, bytes(m)).subarray(0, m.vl), Rn: f.Rn },
  base: () => m.addAddress(m.xsp(f.Rn), BigInt(signed((f.imm9h << 3) | f.imm9l, 9) * bytes(m))),
});

// Addresses of single elements. esz: 2 words, 3 doublewords.
type Offset = (m: SveMachine, e: number) => bigint;
const words =
  (Z: number, esz: number, sign: boolean): Offset =>
  (m, e) =>
    BigInt((sign ? m.i32 : m.u32)[((m.z0 + Z * Z_STRIDE) >> 2) + (e << (esz - 2))]!);
const doublewords =
  (Z: number): Offset =>
  (m, e) =>
    m.u64[((m.z0 + Z * Z_STRIDE) >> 3) + e]!;
type Address = (m: SveMachine) => (e: number) => bigint;
const withBase =
  (Rn: number, offset: Offset, shift: number): Address =>
  (m) => {
    const base = m.xsp(Rn);
    return (e) => m.addAddress(base, offset(m, e) << BigInt(shift));
  };
const vectorPlus =
  (Zn: number, esz: number, add: (m: SveMachine) => bigint): Address =>
  (m) => {
    const [each, more] = [esz === 3 ? doublewords(Zn) : words(Zn, 2, false), add(m)];
    return (e) => m.addAddress(each(m, e), more);
  };
interface Gather {
  readonly msz: number;
  readonly U: number;
  readonly ff?: number;
  readonly Pg: number;
  readonly Rn?: number;
  readonly Zt: number;
}
function gatherLoad(m: SveMachine, f: Gather, esz: number, address: Address): Plan {
  const s: Shape = { msz: f.msz, esz, signed: f.U === 0, regs: 1 };
  const access = governed(m, f.Pg, esz, f.Rn);
  return () => gather(m, s, access, f.ff ? 'first' : 'take', vectors(m, f.Zt), address(m));
}
function scatterStore(m: SveMachine, f: Omit<Gather, 'U'>, esz: number, address: Address): Plan {
  const access = governed(m, f.Pg, esz, f.Rn);
  return () => scatter(m, plain(f.msz, 1, esz), access, vectors(m, f.Zt), address(m));
}
type Indexed = Omit<Gather, 'U'> & { readonly Rn: number; readonly Zm: number };
/** Xn + (32 bits of Zm, extended) << msz if scaled */
const extended = (f: Indexed & { readonly xs: number }, esz: number, isScaled: boolean): Address =>
  withBase(f.Rn, words(f.Zm, esz, f.xs === 1), isScaled ? f.msz : 0);
const long = (f: Indexed, isScaled: boolean): Address => withBase(f.Rn, doublewords(f.Zm), isScaled ? f.msz : 0);
const immediate = (f: { Zn: number; imm5: number; msz: number }, esz: number): Address =>
  vectorPlus(f.Zn, esz, () => BigInt(f.imm5 << f.msz));
const register = (f: { Zn: number; Rm: number }, esz: number): Address => vectorPlus(f.Zn, esz, (m) => m.x(f.Rm));

/** Loads that leave the rest to FFR: element by element. */
function speculative(
  m: SveMachine,
  f: { dtype: number; Pg: number; Rn: number; Zt: number },
  faults: Faults,
  base: () => bigint,
): Plan {
  const s = dtypeShape(f.dtype);
  const access = governed(m, f.Pg, s.esz, f.Rn);
  return () => {
    const va = base();
    return gather(m, s, access, faults, vectors(m, f.Zt), (e) => va + BigInt(e << s.msz));
  };
}
/** Loads `bytes` (16 or 32) under the low part of the predicate and repeats them as often as they fit. */
function repeated(
  m: SveMachine,
  f: { msz: number; Pg: number; Rn: number; Zt: number },
  bytes: number,
  base: () => bigint,
): Plan {
  const s = plain(f.msz);
  const access: Access = {
    active: () =>
      readMask(m, 0, f.Pg, f.msz)
        .fill(0, bytes >> f.msz)
        .subarray(0, m.vl >> f.msz),
    Rn: f.Rn,
  };
  return () => {
    if (m.vl < bytes) return m.undefined();
    const va = base();
    return gatherRepeated(m, s, access, vectors(m, f.Zt), (e) => va + BigInt(e << s.msz), bytes);
  };
}
const nothing = (): Plan => () => true;

export const sveMem = routines(SVE_MEM, {
  LD1_rr: (f, m) => {
    const s = dtypeShape(f.dtype);
    return loadContiguous(m, s, f.Zt, governed(m, f.Pg, s.esz, f.Rn), scaled(m, f, s.msz));
  },
  LDFF1_rr: (f, m) => speculative(m, f, 'first', scaled(m, f, dtypeShape(f.dtype).msz)),
  LD1_ri: (f, m) => {
    const s = dtypeShape(f.dtype);
    return loadContiguous(m, s, f.Zt, governed(m, f.Pg, s.esz, f.Rn), lengths(m, f, s));
  },
  LDNF1_ri: (f, m) => speculative(m, f, 'none', lengths(m, f, dtypeShape(f.dtype))),
  LDNT1_rr: (f, m) => loadContiguous(m, plain(f.msz), f.Zt, governed(m, f.Pg, f.msz, f.Rn), scaled(m, f, f.msz)),
  LDNT1_ri: (f, m) =>
    loadContiguous(m, plain(f.msz), f.Zt, governed(m, f.Pg, f.msz, f.Rn), lengths(m, f, plain(f.msz))),
  LDn_rr: (f, m) => loadContiguous(m, plain(f.msz, f.n + 1), f.Zt, governed(m, f.Pg, f.msz, f.Rn), scaled(m, f, f.msz)),
  LDn_ri: (f, m) => {
    const s = plain(f.msz, f.n + 1);
    return loadContiguous(m, s, f.Zt, governed(m, f.Pg, f.msz, f.Rn), lengths(m, f, s));
  },
  LD1RQ_rr: (f, m) => repeated(m, f, 16, scaled(m, f, f.msz)),
  LD1RQ_ri: (f, m) => repeated(m, f, 16, () => m.addAddress(m.xsp(f.Rn), BigInt(signed(f.imm4, 4) * 16))),
  LD1RO_rr: (f, m) => repeated(m, f, 32, scaled(m, f, f.msz)),
  LD1RO_ri: (f, m) => repeated(m, f, 32, () => m.addAddress(m.xsp(f.Rn), BigInt(signed(f.imm4, 4) * 32))),
  LD1R_z: (f, m) => {
    const s = dtypeShape((f.dtypeh << 2) | f.dtypel);
    const access = governed(m, f.Pg, s.esz, f.Rn);
    return () => {
      const va = m.addAddress(m.xsp(f.Rn), BigInt(f.imm6 << s.msz));
      return gather(m, s, access, 'take', vectors(m, f.Zt), () => va);
    };
  },

  LD1_zs: (f, m) => gatherLoad(m, f, 2, extended(f, 2, false)),
  LD1_zs_scaled: (f, m) => gatherLoad(m, f, 2, extended(f, 2, true)),
  LD1_zi_s: (f, m) => gatherLoad(m, f, 2, immediate(f, 2)),
  LDNT1_zr_s: (f, m) => gatherLoad(m, f, 2, register(f, 2)),
  LD1_zd: (f, m) => gatherLoad(m, f, 3, extended(f, 3, false)),
  LD1_zd_scaled: (f, m) => gatherLoad(m, f, 3, extended(f, 3, true)),
  LD1_z64: (f, m) => gatherLoad(m, f, 3, long(f, false)),
  LD1_z64_scaled: (f, m) => gatherLoad(m, f, 3, long(f, true)),
  LD1_zi_d: (f, m) => gatherLoad(m, f, 3, immediate(f, 3)),
  LDNT1_zr_d: (f, m) => gatherLoad(m, f, 3, register(f, 3)),

  PRF_ri: nothing,
  PRF_rr: nothing,
  PRF_zs: nothing,
  PRF_zi_s: nothing,
  PRF_zd: nothing,
  PRF_z64: nothing,
  PRF_zi_d: nothing,

  LDR_z: (f, m) => {
    const { access, base } = whole(m, f, zBytes);
    return loadContiguous(m, plain(0), f.Zt, access, base);
  },
  LDR_p: (f, m) => {
    const { access, base } = whole(m, f, pBytes);
    return () => {
      const va = base();
      return gather(m, plain(0), access, 'take', predicate(m, f.Pt), (e) => va + BigInt(e), pBytes(m));
    };
  },
  STR_z: (f, m) => {
    const { access, base } = whole(m, f, zBytes);
    return storeContiguous(m, plain(0), f.Zt, access, base);
  },
  STR_p: (f, m) => {
    const { access, base } = whole(m, f, pBytes);
    return () => {
      const va = base();
      return scatter(m, plain(0), access, predicate(m, f.Pt), (e) => va + BigInt(e));
    };
  },

  ST1_rr: (f, m) =>
    storeContiguous(m, plain(f.msz, 1, f.size), f.Zt, governed(m, f.Pg, f.size, f.Rn), scaled(m, f, f.msz)),
  ST1_ri: (f, m) => {
    const s = plain(f.msz, 1, f.size);
    return storeContiguous(m, s, f.Zt, governed(m, f.Pg, f.size, f.Rn), lengths(m, f, s));
  },
  STNT1_rr: (f, m) => storeContiguous(m, plain(f.msz), f.Zt, governed(m, f.Pg, f.msz, f.Rn), scaled(m, f, f.msz)),
  STNT1_ri: (f, m) =>
    storeContiguous(m, plain(f.msz), f.Zt, governed(m, f.Pg, f.msz, f.Rn), lengths(m, f, plain(f.msz))),
  STn_rr: (f, m) =>
    storeContiguous(m, plain(f.msz, f.n + 1), f.Zt, governed(m, f.Pg, f.msz, f.Rn), scaled(m, f, f.msz)),
  STn_ri: (f, m) => {
    const s = plain(f.msz, f.n + 1);
    return storeContiguous(m, s, f.Zt, governed(m, f.Pg, f.msz, f.Rn), lengths(m, f, s));
  },

  ST1_zd: (f, m) => scatterStore(m, f, 3, extended(f, 3, false)),
  ST1_zd_scaled: (f, m) => scatterStore(m, f, 3, extended(f, 3, true)),
  ST1_zs: (f, m) => scatterStore(m, f, 2, extended(f, 2, false)),
  ST1_zs_scaled: (f, m) => scatterStore(m, f, 2, extended(f, 2, true)),
  ST1_z64: (f, m) => scatterStore(m, f, 3, long(f, false)),
  ST1_z64_scaled: (f, m) => scatterStore(m, f, 3, long(f, true)),
  ST1_zi_d: (f, m) => scatterStore(m, f, 3, immediate(f, 3)),
  ST1_zi_s: (f, m) => scatterStore(m, f, 2, immediate(f, 2)),
  STNT1_zr_d: (f, m) => scatterStore(m, f, 3, register(f, 3)),
  STNT1_zr_s: (f, m) => scatterStore(m, f, 2, register(f, 2)),
});
