// Numbers from a seed, and choices made with them: the same in every run.

export class Random {
  private a: number;
  /** @param seeds any number of integers, all of which matter */
  constructor(...seeds: readonly number[]) {
    this.a = seeds.reduce((a, s) => Math.imul(a ^ s, 0x9e37_79b1) ^ (a >>> 15), 0x2545_f491);
    for (let i = 0; i < 4; i++) this.u32();
  }
  /** mulberry32 */
  u32(): number {
    this.a = (this.a + 0x6d2b79f5) | 0;
    let t = Math.imul(this.a ^ (this.a >>> 15), 1 | this.a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
  /** 0 to n - 1. */
  below(n: number): number {
    return this.u32() % n;
  }
  chance(p: number): boolean {
    return this.u32() < p * 2 ** 32;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  /** One of the deeds, by weight. */
  weighted<T>(list: readonly (readonly [weight: number, T])[]): T {
    let at = this.below(list.reduce((sum, [w]) => sum + w, 0));
    for (const [w, x] of list) {
      if (at < w) return x;
      at -= w;
    }
    throw new Error('weights do not add up');
  }
  /** 64 bits as programs have them: small numbers, single bits, masks, almost 0, anything. */
  word(): bigint {
    switch (this.below(7)) {
      case 0:
        return 0n;
      case 1:
        return BigInt(this.below(32));
      case 2:
        return 1n << BigInt(this.below(64));
      case 3:
        return (1n << BigInt(this.below(64))) - 1n;
      case 4:
        return BigInt.asUintN(64, -BigInt(this.below(8192)));
      case 5:
        return BigInt(this.u32());
      default:
        return this.u64();
    }
  }
}
