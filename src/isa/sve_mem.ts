// Semantics of arch/a64/sve_mem.ts. All pages that active elements touch are probed before a register or memory is written.

import { SVE_MEM } from '../arch/a64/sve_mem.ts';
import { routines } from './semantics.ts';
import { readMask } from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';

const PAGE = 4096;
const Z_STRIDE = 256;

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

/** Elements e of registers r = 0.. stand at base + (e * regs + r) << msz. */
export function loadContiguous(m: SveMachine, s: Shape, Zt: number, Pg: number, base: () => bigint, Rn: number): Plan {
  const step = s.regs << s.msz;
  return () => {
    const count = m.vl >> s.esz;
    const active = readMask(m, 0, Pg, s.esz);
    const range = activeRange(active, count);
    IMAGE.fill(0, 0, s.regs * Z_STRIDE);
    if (range) {
      if (!m.checkBase(Rn)) return false;
      const va = base();
      const start = va + BigInt(range.first * step);
      const bytes = (range.end - range.first) * step;
      const inPage = PAGE - Number(start & 4095n);
      const host = bytes <= inPage ? m.probe('r', start, bytes, 1 << s.msz) : 0;
      if (bytes <= inPage && host === 0) return false;
      for (let e = range.first; e < range.end; e++) {
        if (!active[e]) continue;
        for (let r = 0; r < s.regs; r++) {
          const offset = e * step + (r << s.msz);
          const at = host
            ? host + offset - range.first * step
            : m.probe('r', va + BigInt(offset), 1 << s.msz, 1 << s.msz);
          if (at === 0) return false;
          loadElement(m, s, at, r * Z_STRIDE + (e << s.esz));
        }
      }
    }
    for (let r = 0; r < s.regs; r++)
      m.u8.set(IMAGE.subarray(r * Z_STRIDE, r * Z_STRIDE + m.vl), m.z0 + ((Zt + r) & 31) * Z_STRIDE);
    return true;
  };
}
export function storeContiguous(m: SveMachine, s: Shape, Zt: number, Pg: number, base: () => bigint, Rn: number): Plan {
  const step = s.regs << s.msz;
  const element = 1 << s.msz;
  return () => {
    const count = m.vl >> s.esz;
    const active = readMask(m, 0, Pg, s.esz);
    const range = activeRange(active, count);
    if (!range) return true;
    if (!m.checkBase(Rn)) return false;
    const va = base();
    const start = va + BigInt(range.first * step);
    const bytes = (range.end - range.first) * step;
    const inPage = PAGE - Number(start & 4095n);
    const host = bytes <= inPage ? m.probe('w', start, bytes, element) : 0;
    if (bytes <= inPage && host === 0) return false;
    // Two pages: every element is checked before the first is written.
    for (const write of host ? [true] : [false, true]) {
      for (let e = range.first; e < range.end; e++) {
        if (!active[e]) continue;
        for (let r = 0; r < s.regs; r++) {
          const offset = e * step + (r << s.msz);
          const at = host ? host + offset - range.first * step : m.probe('w', va + BigInt(offset), element, element);
          if (at === 0) return false;
          if (!write) continue;
          storeElement(m, s, at, m.z0 + ((Zt + r) & 31) * Z_STRIDE + (e << s.esz));
          if (!host) m.commit(at);
        }
      }
    }
    return true;
  };
}

/** What dtype says. */
const loads: readonly (readonly [msz: number, esz: number, signed: boolean])[] = [
  [0, 0, false], [0, 1, false], [0, 2, false], [0, 3, false], [2, 3, true], [1, 1, false], [1, 2, false], [1, 3, false],
  [1, 3, true], [1, 2, true], [2, 2, false], [2, 3, false], [0, 3, true], [0, 2, true], [0, 1, true], [3, 3, false],
]; // biome-ignore format: a table
function dtypeShape(dtype: number): Shape {
  const [msz, esz, signed] = loads[dtype]!;
  return { msz, esz, signed, regs: 1 };
}
const signed4 = (imm4: number): number => (imm4 << 28) >> 28;

/** Xn + Xm << msz */
const scaled =
  (m: SveMachine, Rn: number, Rm: number, msz: number): (() => bigint) =>
  () =>
    m.xsp(Rn) + (m.x(Rm) << BigInt(msz));
/** Xn + imm4 * bytes that the registers take in memory */
const lengths =
  (m: SveMachine, Rn: number, imm4: number, s: Shape): (() => bigint) =>
  () =>
    m.xsp(Rn) + BigInt(signed4(imm4) * s.regs * ((m.vl >> s.esz) << s.msz));

export const sveMem = routines(SVE_MEM, {
  LD1_rr: ({ dtype, Rm, Pg, Rn, Zt }, m) => {
    const s = dtypeShape(dtype);
    return loadContiguous(m, s, Zt, Pg, scaled(m, Rn, Rm, s.msz), Rn);
  },
  LD1_ri: ({ dtype, imm4, Pg, Rn, Zt }, m) => {
    const s = dtypeShape(dtype);
    return loadContiguous(m, s, Zt, Pg, lengths(m, Rn, imm4, s), Rn);
  },
  ST1_rr: ({ msz, size, Rm, Pg, Rn, Zt }, m) =>
    storeContiguous(m, { msz, esz: size, signed: false, regs: 1 }, Zt, Pg, scaled(m, Rn, Rm, msz), Rn),
  ST1_ri: ({ msz, size, imm4, Pg, Rn, Zt }, m) => {
    const s = { msz, esz: size, signed: false, regs: 1 };
    return storeContiguous(m, s, Zt, Pg, lengths(m, Rn, imm4, s), Rn);
  },
});
