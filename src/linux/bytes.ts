// Reading and writing the ABI's little-endian structures in byte arrays.

import { joined } from '../base/bits.ts';
import { textOf } from '../base/text.ts';

export class Struct {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(size: number | Uint8Array) {
    this.bytes = typeof size === 'number' ? new Uint8Array(size) : size;
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }
  u16(o: number): number {
    return this.view.getUint16(o, true);
  }
  u32(o: number): number {
    return this.view.getUint32(o, true);
  }
  i32(o: number): number {
    return this.view.getInt32(o, true);
  }
  u64(o: number): bigint {
    return this.view.getBigUint64(o, true);
  }
  /** A 64-bit field whose values fit a number. */
  n64(o: number): number {
    return joined(this.i32(o + 4), this.u32(o));
  }
  set8(o: number, v: number): this {
    this.view.setUint8(o, v);
    return this;
  }
  set16(o: number, v: number): this {
    this.view.setUint16(o, v, true);
    return this;
  }
  set32(o: number, v: number): this {
    this.view.setUint32(o, v >>> 0, true);
    return this;
  }
  set64(o: number, v: bigint | number): this {
    if (typeof v === 'bigint') this.view.setBigUint64(o, v, true);
    else this.set32(o, v).view.setInt32(o + 4, Math.floor(v / 0x1_0000_0000), true);
    return this;
  }
  text(o: number, s: string, size: number): this {
    const e = new TextEncoder().encode(s).subarray(0, size - 1);
    this.bytes.fill(0, o, o + size);
    this.bytes.set(e, o);
    return this;
  }
}

export function utf8(s: string): Uint8Array {
  return new TextEncoder().encode(s);
}
export function fromUtf8(b: Uint8Array): string {
  return textOf(b);
}

/** struct timespec at `o` as ns. @returns undefined when tv_nsec is out of range or tv_sec negative */
export function timespec(s: Struct, o: number): number | undefined {
  const sec = s.n64(o);
  const nsec = s.n64(o + 8);
  return sec < 0 || nsec < 0 || nsec >= 1e9 ? undefined : sec * 1e9 + nsec;
}
/** As timespec, exact for times since 1970, which do not fit a number. */
export function timespec64(s: Struct, o: number): bigint | undefined {
  return timespec(s, o) === undefined ? undefined : s.u64(o) * 1_000_000_000n + s.u64(o + 8);
}
export function putTimespec(s: Struct, o: number, ns: bigint | number): void {
  const n = BigInt(ns);
  s.set64(o, n / 1_000_000_000n).set64(o + 8, n % 1_000_000_000n);
}
export function putTimeval(s: Struct, o: number, ns: bigint | number): void {
  const n = BigInt(ns);
  s.set64(o, n / 1_000_000_000n).set64(o + 8, (n % 1_000_000_000n) / 1000n);
}
