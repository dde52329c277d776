// What a block of instructions starts from and what it leaves behind, the places both sides agree on, and how two ends
// are compared. Knows no engine.

export const CODE_BASE = 0x1_0000_0000n;
export const CODE_WORDS = 64;
/** Most blocks of one job. */
export const MAX_BLOCKS = 2048;
export const WINDOW_BASE = 0x2_0000_0000n;
export const WINDOW_BYTES = 16384;
/** Ends a block; what a block itself raises has other immediates. */
export const END = 0xd43a_5a40; // brk #0xd2d2

/** Deterministic 32-bit generator (xorshift). */
export function generator(seed) {
  let s = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  const next = () => {
    s ^= s << 13;
    s >>>= 0;
    s ^= s >>> 17;
    s ^= s << 5;
    s >>>= 0;
    return s;
  };
  return {
    u32: next,
    /** 0 .. n-1 */
    below: (n) => next() % n,
    chance: (percent) => next() % 100 < percent,
    pick: (list) => list[next() % list.length],
    u64: () => (BigInt(next()) << 32n) | BigInt(next()),
  };
}

/** The window's contents at the start of every block: 32-bit word i is i where i is a multiple of 8, else mixed bits. */
export function windowBytes() {
  const words = Uint32Array.from({ length: WINDOW_BYTES / 4 }, (_, i) => (i % 8 === 0 ? i : Math.imul(i, 0x9e3779b1)));
  return new Uint8Array(words.buffer);
}
export const WINDOW = windowBytes();

/**
 * @typedef {{ x: bigint[], sp: bigint, nzcv: number, fpcr: number, fpsr: number, fpmr: bigint, v: bigint[] }} State  v: 128 bits each
 * @typedef {{ words: number[], state: State, index: number, steps?: number, rows?: string[] }} Block
 * @typedef {{ how: string, at: number, addr?: bigint, state: State, memory: Map<number, bigint> }} End
 *   how: 'end', or the signal and what it means; at: byte offset of PC in the block; memory: changed 8-byte words
 */

export const codeAddress = (index) => CODE_BASE + BigInt(index * CODE_WORDS * 4);

/** @returns {string[]} what differs, empty if nothing does. */
export function differences(a, b, exact = false) {
  const out = [];
  const hex = (v) => (v === undefined ? 'none' : `0x${v.toString(16)}`);
  if (a.how !== b.how) out.push(`ends with ${a.how} / ${b.how}`);
  if (a.at !== b.at) out.push(`at +${a.at} / +${b.at}`);
  // Of addresses outside the translated range qemu-aarch64 says nothing (0).
  const known = (v) => v !== undefined && (exact || v >> 47n === 0n);
  if (known(a.addr) && known(b.addr) && a.addr !== b.addr) out.push(`fault address ${hex(a.addr)} / ${hex(b.addr)}`);
  const [p, q] = [a.state, b.state];
  p.x.forEach((v, i) => {
    if (v !== q.x[i]) out.push(`x${i} ${hex(v)} / ${hex(q.x[i])}`);
  });
  if (p.sp !== q.sp) out.push(`sp ${hex(p.sp)} / ${hex(q.sp)}`);
  if (p.nzcv !== q.nzcv) out.push(`nzcv ${p.nzcv} / ${q.nzcv}`);
  p.v.forEach((v, i) => {
    if (v !== q.v[i]) out.push(`v${i} ${hex(v)} / ${hex(q.v[i])}`);
  });
  if (p.z) {
    const vl = p.z.length / 32;
    const slice = (bytes, size, n) => Buffer.from(bytes.slice(n * size, (n + 1) * size).reverse()).toString('hex');
    const compare = (name, a, b, size, count) => {
      for (let n = 0; n < count; n++)
        if (slice(a, size, n) !== slice(b, size, n))
          out.push(
            `${name}${n === 16 && count === 17 ? '16 (ffr)' : n} 0x${slice(a, size, n)} / 0x${slice(b, size, n)}`,
          );
    };
    compare('z', p.z, q.z, vl, 32);
    compare('p', p.p, q.p, vl / 8, 17);
  }
  if (p.fpcr !== q.fpcr) out.push(`fpcr ${hex(p.fpcr)} / ${hex(q.fpcr)}`);
  if (p.fpsr !== q.fpsr) out.push(`fpsr ${hex(p.fpsr)} / ${hex(q.fpsr)}`);
  if (p.fpmr !== q.fpmr) out.push(`fpmr ${hex(p.fpmr)} / ${hex(q.fpmr)}`);
  for (const i of new Set([...a.memory.keys(), ...b.memory.keys()]))
    if (a.memory.get(i) !== b.memory.get(i))
      out.push(`[window+0x${(i * 8).toString(16)}] ${hex(a.memory.get(i))} / ${hex(b.memory.get(i))}`);
  return out;
}
