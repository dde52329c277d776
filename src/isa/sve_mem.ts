// Semantics of arch/a64/sve_mem.ts. All pages that active elements touch are probed before a register or memory is written.

import { SVE_MEM } from '../arch/a64/sve_mem.ts';
import { routines } from './semantics.ts';
import { FFR, maskRoom, readMask, writeMask } from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';

const PAGE = 4096;
const Z_STRIDE = 256;
const P_STRIDE = 32;

/** Elements in memory and in registers: log2 of bytes; loads extend with the sign or with zeroes. */
interface Shape {
  readonly msz: number;
  readonly esz: number;
  readonly signed: boolean;
  /** Registers, interleaved in memory. */
  readonly regs: number;
}

/** What a load has read so far: images of up to four registers. */
const IMAGE = new Uint8Array(4 * Z_STRIDE);
const image = new DataView(IMAGE.buffer);

function loadElement(m: SveMachine, s: Shape, host: number, to: number): void {
  const { view } = m;
  if (s.msz === 3) {
    image.setUint32(to, view.getUint32(host, true), true);
    image.setUint32(to + 4, view.getUint32(host + 4, true), true);
    return;
  }
  const v = s.msz === 0 ? view.getUint8(host) : s.msz === 1 ? view.getUint16(host, true) : view.getUint32(host, true);
  const shift = 32 - (8 << s.msz);
  const value = s.signed ? (v << shift) >> shift : v;
  if (s.esz === 0) image.setUint8(to, value);
  else if (s.esz === 1) image.setUint16(to, value, true);
  else image.setUint32(to, value, true);
  if (s.esz === 3) image.setInt32(to + 4, s.signed ? value >> 31 : 0, true);
}
function storeElement(m: SveMachine, s: Shape, host: number, from: number): void {
  const { view, u8 } = m;
  if (s.msz === 0) u8[host] = u8[from]!;
  else if (s.msz === 1) view.setUint16(host, view.getUint16(from, true), true);
  else view.setUint32(host, view.getUint32(from, true), true);
  if (s.msz === 3) view.setUint32(host + 4, view.getUint32(from + 4, true), true);
}

/** First active element and the one after the last, or undefined if none is. */
function activeRange(active: Uint8Array, count: number): { first: number; end: number } | undefined {
  const first = active.indexOf(1);
  if (first < 0 || first >= count) return undefined;
  let end = count;
  while (!active[end - 1]) end--;
  return { first, end };
}

/** Where an access finds its parts. */
interface Access {
  /** The active elements. */
  readonly active: () => Uint8Array;
  /** A base register that may be SP, for its alignment check. */
  readonly Rn?: number;
}
/** What happens to elements that fault: the instruction does, or FFR says so for all of them or for all but the first. */
type Faults = 'take' | 'first' | 'none';

/** Reads all active elements, element e of register r from address(e, r). @returns whether it did not fault */
function gather(
  m: SveMachine,
  s: Shape,
  access: Access,
  faults: Faults,
  address: (e: number, r: number) => bigint,
): boolean {
  const element = 1 << s.msz;
  const count = m.vl >> s.esz;
  const active = access.active();
  const first = active.indexOf(1);
  IMAGE.fill(0, 0, s.regs * Z_STRIDE);
  if (first < 0 || first >= count) return true;
  if (access.Rn !== undefined && !m.checkBase(access.Rn)) return false;
  for (let e = first; e < count; e++) {
    if (!active[e]) continue;
    for (let r = 0; r < s.regs; r++) {
      const va = BigInt.asUintN(64, address(e, r));
      const taken = faults === 'take' || (faults === 'first' && e === first);
      const host = taken ? m.probe('r', va, element, element) : m.peek(va, element, element);
      if (host !== 0) loadElement(m, s, host, r * Z_STRIDE + (e << s.esz));
      else if (taken) return false;
      else {
        // From here on nothing is known.
        const ffr = readMask(m, 1, FFR, 0);
        ffr.fill(0, e << s.esz);
        writeMask(m, FFR, 0, ffr);
        return true;
      }
    }
  }
  return true;
}
/** Where vector register Zt + r stands in memory. */
const vectors =
  (m: SveMachine, Zt: number) =>
  (r: number): number =>
    m.z0 + ((Zt + r) & 31) * Z_STRIDE;
/** Copies what was read to registers. */
function deliver(m: SveMachine, regs: number, Zt: number): void {
  const at = vectors(m, Zt);
  for (let r = 0; r < regs; r++) m.u8.set(IMAGE.subarray(r * Z_STRIDE, r * Z_STRIDE + m.vl), at(r));
}
/** Writes all active elements, after all of them have been checked. @param from where register r stands in memory */
function scatter(
  m: SveMachine,
  s: Shape,
  access: Access,
  from: (r: number) => number,
  address: (e: number, r: number) => bigint,
): boolean {
  const element = 1 << s.msz;
  const count = m.vl >> s.esz;
  const active = access.active();
  const first = active.indexOf(1);
  if (first < 0 || first >= count) return true;
  if (access.Rn !== undefined && !m.checkBase(access.Rn)) return false;
  for (const write of [false, true])
    for (let e = first; e < count; e++) {
      if (!active[e]) continue;
      for (let r = 0; r < s.regs; r++) {
        const host = m.probe('w', BigInt.asUintN(64, address(e, r)), element, element);
        if (host === 0) return false;
        if (!write) continue;
        storeElement(m, s, host, from(r) + (e << s.esz));
        m.commit(host);
      }
    }
  return true;
}

/**
 * The host address of element 0 (active or not) of a contiguous access that lies in one page, from the first active
 * element to the last; 0 if it is to be done element by element, undefined after a fault.
 */
function inOnePage(m: SveMachine, kind: 'r' | 'w', s: Shape, active: Uint8Array, va: bigint): number | undefined {
  const range = activeRange(active, m.vl >> s.esz);
  if (!range) return 0;
  const step = s.regs << s.msz;
  const start = BigInt.asUintN(64, va + BigInt(range.first * step));
  const bytes = (range.end - range.first) * step;
  if (bytes > PAGE - Number(start & 4095n)) return 0;
  const host = m.probe(kind, start, bytes, 1 << s.msz);
  return host === 0 ? undefined : host - range.first * step;
}
/** Elements e of registers r = 0.. stand at base + (e * regs + r) << msz. */
function loadContiguous(m: SveMachine, s: Shape, Zt: number, access: Access, base: () => bigint): Plan {
  const step = s.regs << s.msz;
  return () => {
    const va = base();
    const active = access.active();
    if (access.Rn !== undefined && active.includes(1) && !m.checkBase(access.Rn)) return false;
    const host = inOnePage(m, 'r', s, active, va);
    if (host === undefined) return false;
    if (host === 0) {
      if (!gather(m, s, access, 'take', (e, r) => va + BigInt(e * step + (r << s.msz)))) return false;
    } else {
      IMAGE.fill(0, 0, s.regs * Z_STRIDE);
      for (let e = 0; e < m.vl >> s.esz; e++)
        if (active[e])
          for (let r = 0; r < s.regs; r++)
            loadElement(m, s, host + e * step + (r << s.msz), r * Z_STRIDE + (e << s.esz));
    }
    deliver(m, s.regs, Zt);
    return true;
  };
}
function storeContiguous(m: SveMachine, s: Shape, Zt: number, access: Access, base: () => bigint): Plan {
  const step = s.regs << s.msz;
  return () => {
    const va = base();
    const active = access.active();
    if (access.Rn !== undefined && active.includes(1) && !m.checkBase(access.Rn)) return false;
    const host = inOnePage(m, 'w', s, active, va);
    if (host === undefined) return false;
    if (host === 0) return scatter(m, s, access, vectors(m, Zt), (e, r) => va + BigInt(e * step + (r << s.msz)));
    for (let e = 0; e < m.vl >> s.esz; e++)
      if (active[e])
        for (let r = 0; r < s.regs; r++)
          storeElement(m, s, host + e * step + (r << s.msz), m.z0 + ((Zt + r) & 31) * Z_STRIDE + (e << s.esz));
    return true;
  };
}

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
  return () => {
    if (!gather(m, s, access, f.ff ? 'first' : 'take', address(m))) return false;
    deliver(m, 1, f.Zt);
    return true;
  };
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
    if (!gather(m, s, access, faults, (e) => va + BigInt(e << s.msz))) return false;
    deliver(m, 1, f.Zt);
    return true;
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
    if (!gather(m, s, access, 'take', (e) => va + BigInt(e << s.msz))) return false;
    for (let at = bytes; at + bytes <= m.vl; at += bytes) IMAGE.copyWithin(at, 0, bytes);
    deliver(m, 1, f.Zt);
    return true;
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
      if (!gather(m, s, access, 'take', () => va)) return false;
      deliver(m, 1, f.Zt);
      return true;
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
      if (!gather(m, plain(0), access, 'take', (e) => va + BigInt(e))) return false;
      m.u8.set(IMAGE.subarray(0, pBytes(m)), m.p0 + f.Pt * P_STRIDE);
      return true;
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
      return scatter(
        m,
        plain(0),
        access,
        () => m.p0 + f.Pt * P_STRIDE,
        (e) => va + BigInt(e),
      );
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
