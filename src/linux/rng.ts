// The one source of randomness of an emulated machine: a seeded generator (xoshiro128** with a splitmix seed), so
// that two runs with the same seed see the same getrandom(), AT_RANDOM, RNDR and scheduling jitter.

export class Rng {
  private readonly s = new Uint32Array(4);

  constructor(seed: bigint) {
    let z = BigInt.asUintN(64, seed);
    for (let i = 0; i < 4; i += 2) {
      z = BigInt.asUintN(64, z + 0x9e3779b97f4a7c15n);
      let x = z;
      x = BigInt.asUintN(64, (x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n);
      x = BigInt.asUintN(64, (x ^ (x >> 27n)) * 0x94d049bb133111ebn);
      x ^= x >> 31n;
      this.s[i] = Number(x & 0xffffffffn);
      this.s[i + 1] = Number(x >> 32n);
    }
  }

  /** 32 random bits. */
  next(): number {
    const s = this.s;
    const s1 = s[1]!;
    const m = Math.imul(s1, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0;
    const t = s1 << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s1;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    const w = s[3]!;
    s[3] = (w << 11) | (w >>> 21);
    return result;
  }
  /** A whole number in [0, n). */
  below(n: number): number {
    return this.next() % n;
  }
  next64(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }
  fill(out: Uint8Array): void {
    for (let i = 0; i < out.length; i += 4) {
      const r = this.next();
      for (let k = 0; k < 4 && i + k < out.length; k++) out[i + k] = r >>> (8 * k);
    }
  }
}
