// Bytes that grow, and how WebAssembly writes numbers into them.

/** Bytes that there is room for at first: as many as V8 keeps in the heap, which costs least. */
const FIRST_ROOM = 64;
/** What they grow by, if nobody wants more. */
const GROWTH = 4;

/** Buffers that nobody needs any more: making them anew is what the garbage collector has most to do with. */
type Buffer = Uint8Array<ArrayBuffer>;
const spare: Buffer[] = [];
const MOST_SPARE = 8;

export class Bytes {
  private buffer: Buffer = new Uint8Array(FIRST_ROOM);
  /** Bytes written so far. */
  length = 0;

  byte(value: number): this {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
    return this;
  }
  /** Writes what is a byte, from an index on. @returns where that ends */
  run(values: Int32Array, from: number): number {
    const most = values.length - from;
    if (this.length + most > this.buffer.length) this.grow(most);
    const { buffer } = this;
    let { length } = this;
    let at = from;
    for (; at < values.length; at++) {
      const value = values[at]!;
      if (value > 0xff) break;
      buffer[length++] = value;
    }
    this.length = length;
    return at;
  }
  list(values: ArrayLike<number>): this {
    if (this.length + values.length > this.buffer.length) this.grow(values.length);
    this.buffer.set(values, this.length);
    this.length += values.length;
    return this;
  }
  /** LEB128. @param value 0..2^32-1 */
  unsigned(value: number): this {
    let v = value >>> 0;
    while (v >= 0x80) {
      this.byte((v & 0x7f) | 0x80);
      v >>>= 7;
    }
    return this.byte(v);
  }
  /** LEB128 of 32 bits. */
  signed(value: number): this {
    let v = value | 0;
    while (v < -0x40 || v >= 0x40) {
      this.byte((v & 0x7f) | 0x80);
      v >>= 7;
    }
    return this.byte(v & 0x7f);
  }
  /** LEB128 of 64 bits. */
  signed64(value: bigint): this {
    const small = Number(value);
    if (small >= -0x8000_0000 && small < 0x8000_0000) return this.signed(small);
    let low = Number(BigInt.asIntN(32, value));
    let high = Number(BigInt.asIntN(64, value) >> 32n);
    while (high !== low >> 31) {
      this.byte((low & 0x7f) | 0x80);
      low = (low >>> 7) | (high << 25);
      high >>= 7;
    }
    return this.signed(low);
  }
  /** A length and that many characters: names of ours, ASCII. */
  text(s: string): this {
    this.unsigned(s.length);
    for (let i = 0; i < s.length; i++) this.byte(s.charCodeAt(i));
    return this;
  }
  /** A length and that many bytes. */
  vector(content: Bytes): this {
    return this.unsigned(content.length).list(content.view);
  }
  /** What has been written, until more is. */
  get view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
  private grow(more: number): void {
    const { buffer, length } = this;
    const reused = spare.length > 0 && spare[spare.length - 1]!.length >= length + more ? spare.pop() : undefined;
    this.buffer = reused ?? new Uint8Array(Math.max(GROWTH * buffer.length, length + more));
    this.buffer.set(buffer.subarray(0, length));
    keep(buffer);
  }
  /** Gives the room away. What has been written is forgotten. */
  free(): void {
    const { buffer } = this;
    this.buffer = EMPTY;
    this.length = 0;
    keep(buffer);
  }
}
const EMPTY = new Uint8Array(0);
function keep(buffer: Buffer): void {
  if (buffer.length > FIRST_ROOM && spare.length < MOST_SPARE) spare.push(buffer);
}
