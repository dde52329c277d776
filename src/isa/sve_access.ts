// How SVE loads and stores reach memory: element by element, or at once where all lie in one page. Pages that active elements
// touch are probed before a register or memory is written.

import { FFR, readMask, writeMask } from './sve_lanes.ts';
import type { Plan, SveMachine } from './sve_machine.ts';

const PAGE = 4096;
/** Bytes from one vector register to the next. */
export const Z_STRIDE = 256;

/** Elements in memory and in registers: log2 of bytes; loads extend with the sign or with zeroes. */
export interface Shape {
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
export interface Access {
  /** The active elements. */
  readonly active: () => Uint8Array;
  /** A base register that may be SP, for its alignment check. */
  readonly Rn?: number;
}
/** What happens to elements that fault: the instruction does, or FFR says so for all of them or for all but the first. */
export type Faults = 'take' | 'first' | 'none';

/** Reads all active elements to the images, element e of register r from address(e, r). @returns whether it did not fault */
function read(
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
export const vectors =
  (m: SveMachine, Zt: number) =>
  (r: number): number =>
    m.z0 + ((Zt + r) & 31) * Z_STRIDE;
/** Copies what was read to registers. @param to where register r stands in memory */
function deliver(m: SveMachine, regs: number, to: (r: number) => number, bytes = m.vl): void {
  for (let r = 0; r < regs; r++) m.u8.set(IMAGE.subarray(r * Z_STRIDE, r * Z_STRIDE + bytes), to(r));
}
/**
 * Reads all active elements, before any register is written. @param to where register r stands in memory
 * @param bytes of a register @returns whether it did not fault
 */
export function gather(
  m: SveMachine,
  s: Shape,
  access: Access,
  faults: Faults,
  to: (r: number) => number,
  address: (e: number, r: number) => bigint,
  bytes = m.vl,
): boolean {
  if (!read(m, s, access, faults, address)) return false;
  deliver(m, s.regs, to, bytes);
  return true;
}
/** The same for one register, of which the first `bytes` are repeated as often as they fit. */
export function gatherRepeated(
  m: SveMachine,
  s: Shape,
  access: Access,
  to: (r: number) => number,
  address: (e: number) => bigint,
  bytes: number,
): boolean {
  if (!read(m, s, access, 'take', address)) return false;
  for (let at = bytes; at + bytes <= m.vl; at += bytes) IMAGE.copyWithin(at, 0, bytes);
  deliver(m, s.regs, to);
  return true;
}
/** Writes all active elements, after all of them have been checked. @param from where register r stands in memory */
export function scatter(
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
export function loadContiguous(m: SveMachine, s: Shape, Zt: number, access: Access, base: () => bigint): Plan {
  const step = s.regs << s.msz;
  const to = vectors(m, Zt);
  return () => {
    const va = base();
    const active = access.active();
    if (access.Rn !== undefined && active.includes(1) && !m.checkBase(access.Rn)) return false;
    const host = inOnePage(m, 'r', s, active, va);
    if (host === undefined) return false;
    if (host === 0) {
      if (!read(m, s, access, 'take', (e, r) => va + BigInt(e * step + (r << s.msz)))) return false;
    } else {
      IMAGE.fill(0, 0, s.regs * Z_STRIDE);
      for (let e = 0; e < m.vl >> s.esz; e++)
        if (active[e])
          for (let r = 0; r < s.regs; r++)
            loadElement(m, s, host + e * step + (r << s.msz), r * Z_STRIDE + (e << s.esz));
    }
    deliver(m, s.regs, to);
    return true;
  };
}
export function storeContiguous(m: SveMachine, s: Shape, Zt: number, access: Access, base: () => bigint): Plan {
  const step = s.regs << s.msz;
  const from = vectors(m, Zt);
  return () => {
    const va = base();
    const active = access.active();
    if (access.Rn !== undefined && active.includes(1) && !m.checkBase(access.Rn)) return false;
    const host = inOnePage(m, 'w', s, active, va);
    if (host === undefined) return false;
    if (host === 0) return scatter(m, s, access, from, (e, r) => va + BigInt(e * step + (r << s.msz)));
    for (let e = 0; e < m.vl >> s.esz; e++)
      if (active[e])
        for (let r = 0; r < s.regs; r++) storeElement(m, s, host + e * step + (r << s.msz), from(r) + (e << s.esz));
    return true;
  };
}
