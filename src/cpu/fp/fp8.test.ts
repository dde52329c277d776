// 8-bit floating point against values worked out in the host's numbers, which hold every one of them, and every sum used
// here, exactly.

import { describe, expect, test } from 'vitest';
import { FPSR } from './context.ts';
import { type Fp8Context, fp8Convert, fp8DotAdd, fpConvertFp8 } from './fp8.ts';

const [E5M2, E4M3] = [0, 1];
interface Mode {
  s1?: number;
  s2?: number;
  d?: number;
  osm?: number;
  osc?: number;
  lscale?: number;
  nscale?: number;
  lscale2?: number;
}
function context(m: Mode, fpcr = 0): Fp8Context {
  const { s1 = 0, s2 = 0, d = 0, osm = 0, osc = 0, lscale = 0, nscale = 0, lscale2 = 0 } = m;
  const low = s1 | (s2 << 3) | (d << 6) | (osm << 14) | (osc << 15) | (lscale << 16);
  return { fpcr, fpsr: 0, fpmr: BigInt(low) | (BigInt(nscale & 255) << 24n) | (BigInt(lscale2) << 32n) };
}
/** What a byte says: a number, an infinity or NaN. */
function numberOf(byte: number, format: number): number {
  const [F, bias] = format === E5M2 ? [2, 15] : [3, 7];
  const sign = byte & 0x80 ? -1 : 1;
  const e = (byte & 0x7f) >> F;
  const f = byte & (2 ** F - 1);
  if (format === E5M2 && e === 31) return f === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (format === E4M3 && e === 15 && f === 7) return Number.NaN;
  return sign * (e === 0 ? f * 2 ** (1 - bias - F) : (1 + f / 2 ** F) * 2 ** (e - bias));
}
const data = new DataView(new ArrayBuffer(4));
function single(bits: bigint): number {
  data.setUint32(0, Number(bits));
  return data.getFloat32(0);
}
function bitsOf(v: number): bigint {
  data.setFloat32(0, v);
  return BigInt(data.getUint32(0));
}
function half(bits: bigint): number {
  const [sign, e, f] = [bits >> 15n ? -1 : 1, Number((bits >> 10n) & 31n), Number(bits & 1023n)];
  if (e === 31) return f ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (e === 0 ? f * 2 ** -24 : (1 + f / 1024) * 2 ** (e - 15));
}
const BYTES = Array.from({ length: 256 }, (_, i) => i);
const FORMATS = [E5M2, E4M3];

describe('conversion from 8 bits', () => {
  test.each(FORMATS)('gives every value of format %i, scaled', (format) => {
    for (const byte of BYTES) {
      const value = numberOf(byte, format);
      for (const lscale of [0, 1, 5, 7]) {
        const cx = context({ s1: format, lscale, s2: 1 - format });
        expect(half(fp8Convert(cx, byte, 'half', 1))).toBe(value / 2 ** lscale);
        expect(single(fp8Convert(cx, byte, 'bfloat16', 1) << 16n)).toBe(value / 2 ** lscale);
      }
      const far = context({ s2: format, s1: 1 - format, lscale2: 63 });
      expect(single(fp8Convert(far, byte, 'bfloat16', 2) << 16n)).toBe(value / 2 ** 63);
    }
  });
  test('calls formats that do not exist signalling NaNs', () => {
    for (const s1 of [2, 3, 4, 5, 6, 7]) {
      const cx = context({ s1 });
      expect([fp8Convert(cx, 0x3c, 'half', 1), cx.fpsr]).toEqual([0x7e00n, FPSR.IOC]);
    }
  });
});

describe('conversion to 8 bits', () => {
  test.each(FORMATS)('gives every number of format %i back', (d) => {
    for (const byte of BYTES) {
      const value = numberOf(byte, d);
      if (!Number.isFinite(value)) continue;
      const cx = context({ d, nscale: -3 });
      expect([fpConvertFp8(cx, 32, bitsOf(value * 8)), cx.fpsr]).toEqual([BigInt(byte), 0]);
    }
  });
  test.each(FORMATS)('takes the nearest number of format %i, the even one of two', (d) => {
    const numbers = BYTES.filter((b) => b < 0x80 && Number.isFinite(numberOf(b, d)));
    for (const b of numbers.slice(0, -1)) {
      const [low, high] = [numberOf(b, d), numberOf(b + 1, d)];
      const rounded = (v: number): bigint => fpConvertFp8(context({ d }), 32, bitsOf(v));
      expect(rounded((low + high) / 2)).toBe(BigInt(b + (b & 1)));
      expect(rounded((low * 33 + high * 31) / 64)).toBe(BigInt(b));
      expect(rounded((low * 31 + high * 33) / 64)).toBe(BigInt(b + 1));
    }
  });
  test.each([
    [E5M2, 0, 61440, 0x7cn],
    [E5M2, 1, 61440, 0x7bn],
    [E5M2, 0, 61439, 0x7bn],
    [E4M3, 0, 464.5, 0x7fn],
    [E4M3, 1, 464.5, 0x7en],
    [E4M3, 0, 464, 0x7en],
  ])('format %i, OSC %i: %d overflows or not', (d, osc, value, expected) => {
    const cx = context({ d, osc });
    expect(fpConvertFp8(cx, 32, bitsOf(value))).toBe(expected);
    expect(cx.fpsr & FPSR.OFC).toBe(value === 61439 || value === 464 ? 0 : FPSR.OFC);
    expect(fpConvertFp8(context({ d, osc }), 32, bitsOf(-value))).toBe(expected | 0x80n);
  });
});

describe('multiplication', () => {
  test('of any two bytes is exact in single precision', () => {
    for (const s1 of FORMATS)
      for (const s2 of FORMATS)
        for (const a of BYTES)
          for (const b of [0, 1, 3, 0x3c, 0x45, 0x7b, 0x7c, 0x7e, 0x7f, 0x81, 0xc7, 0xfc]) {
            const cx = context({ s1, s2, lscale: 9 });
            const product = (numberOf(a, s1) * numberOf(b, s2)) / 512;
            expect(single(fp8DotAdd(cx, 32, 0x8000_0000n, [a], [b]))).toBe(product);
            expect(cx.fpsr).toBe(0);
          }
  });
  test('sums without rounding in between', () => {
    // Large ones that cancel, and two of half the addend's last place.
    const cx = context({});
    expect(single(fp8DotAdd(cx, 32, 0n, [0x7b, 0xfb, 0x01], [0x7b, 0x7b, 0x01]))).toBe(2 ** -32);
    const [one, tiny] = [0x3c, 0x04]; // 1 and 2^-14
    expect(single(fp8DotAdd(cx, 32, bitsOf(2 ** 10), [tiny], [one]))).toBe(2 ** 10);
    expect(single(fp8DotAdd(cx, 32, bitsOf(2 ** 10), [tiny, tiny], [one, one]))).toBe(2 ** 10 + 2 ** -13);
  });
  test.each([0, 1])('overflow with OSM %i', (osm) => {
    const cx = context({ osm, osc: 1 - osm });
    expect(fp8DotAdd(cx, 16, 0n, [0x7b], [0x7b])).toBe(osm ? 0x7bffn : 0x7c00n);
    expect(fp8DotAdd(cx, 16, 0n, [0xfb], [0x7b])).toBe(osm ? 0xfbffn : 0xfc00n);
    expect(fp8DotAdd(cx, 16, 0x7c00n, [0x3c], [0x3c])).toBe(0x7c00n);
    expect(cx.fpsr).toBe(0);
  });
});
