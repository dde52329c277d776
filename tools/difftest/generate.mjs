// Draws blocks: random rows with random fields, executed on the reference evaluator while they are drawn, so that
// addresses hit the window, branches stay in the block and sequences make sense. A fault ends a block, now and then.

import { encode } from '../../dist/arch/a64/encoding.js';
import { FPCR_BITS } from './ours.mjs';
import {
  CLEARS_MONITOR,
  EXCLUDED,
  FAULTS_OPEN,
  FPMR_BITS,
  LITERAL,
  NARROW,
  RARE,
  refused,
  refusedNow,
  sequenceOf,
} from './rows.mjs';
import { CODE_BASE, CODE_WORDS, END, generator, WINDOW_BASE, WINDOW_BYTES } from './state.mjs';

const CORNERS = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  15n,
  16n,
  31n,
  32n,
  63n,
  64n,
  127n,
  128n,
  255n,
  256n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffff80000000n,
  0xffffffffffffffffn,
  0xfffffffffffffffen,
  0x5555555555555555n,
  0xaaaaaaaaaaaaaaaan,
];
const HALF = [
  0, 0x8000, 1, 0x03ff, 0x0400, 0x3c00, 0x3c01, 0xbc00, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xfe01, 0x4248,
];
const SINGLE = [
  0, 0x80000000, 1, 0x007fffff, 0x00800000, 0x3f800000, 0x3f800001, 0xbf800000, 0x7f7fffff, 0x7f800000, 0xff800000,
  0x7fc00000, 0x7f800001, 0xffc00001, 0x40490fdb, 0x4f000000, 0xcf000000, 0x5f000000, 0x4b000000,
];
const DOUBLE = [
  0n, 1n << 63n, 1n, 0x000fffffffffffffn, 0x0010000000000000n, 0x3ff0000000000000n, 0x3ff0000000000001n,
  0xbff0000000000000n, 0x7fefffffffffffffn, 0x7ff0000000000000n, 0xfff0000000000000n, 0x7ff8000000000000n,
  0x7ff0000000000001n, 0xfff8000000000001n, 0x400921fb54442d18n, 0x41e0000000000000n, 0x43e0000000000000n,
  0x36a0000000000000n, 0x3e70000000000000n, 0x4330000000000000n,
]; // biome-ignore format: tables

/** A general register value. */
function word(r) {
  const how = r.below(10);
  if (how < 3) return r.u64();
  if (how < 5) return r.pick(CORNERS);
  if (how < 6) return BigInt(r.below(256));
  if (how < 7) return BigInt.asUintN(64, -BigInt(r.below(256)));
  if (how < 8) return BigInt(r.u32());
  return pointer(r);
}
/** An address well inside the window, mostly aligned. */
function pointer(r) {
  const at = 1024 + r.below(WINDOW_BYTES - 2048);
  return WINDOW_BASE + BigInt(r.chance(70) ? at & ~15 : at);
}
function fraction(r, bits) {
  if (r.chance(50)) {
    if (bits === 16) return BigInt(r.pick(HALF));
    return bits === 32 ? BigInt(r.pick(SINGLE)) : r.pick(DOUBLE);
  }
  const raw = r.u64() & ((1n << BigInt(bits)) - 1n);
  if (r.chance(50)) return raw;
  // Near one: results that round, cancel and stay in range.
  if (bits === 16) return (raw & 0x83ffn) | BigInt((0x0d + r.below(5)) << 10);
  if (bits === 32) return (raw & 0x807fffffn) | BigInt((0x7c + r.below(8)) * 2 ** 23);
  return (raw & 0x800fffffffffffffn) | (BigInt(0x3fc + r.below(8)) << 52n);
}
function vector(r) {
  const how = r.below(8);
  if (how === 0) return (r.u64() << 64n) | r.u64();
  if (how === 1) return (word(r) << 64n) | word(r);
  if (how === 2) return r.chance(50) ? 0n : (1n << 128n) - 1n;
  const bits = how < 4 ? 16 : how < 6 ? 32 : 64;
  let v = 0n;
  for (let i = 0; i < 128 / bits; i++) v = (v << BigInt(bits)) | fraction(r, bits);
  return v;
}

/** Formats that exist for the most part, scales that do not lead out of range. */
function fpmr(r) {
  if (r.chance(10)) return r.u64() & FPMR_BITS;
  const format = () => BigInt(r.below(r.chance(95) ? 2 : 8));
  const [lscale, lscale2, nscale] = [r.below(r.chance(70) ? 6 : 128), r.below(64), (r.below(17) - 8) & 255];
  const low = format() | (format() << 3n) | (format() << 6n) | BigInt((r.below(4) << 14) | (lscale << 16));
  return low | (BigInt(nscale) << 24n) | (BigInt(lscale2) << 32n);
}

/** @returns {import('./state.mjs').State} */
export function randomState(r) {
  const x = Array.from({ length: 31 }, () => word(r));
  for (let i = 0; i < 6; i++) x[r.below(31)] = pointer(r);
  return {
    x,
    sp: r.chance(90) ? pointer(r) & ~15n : pointer(r),
    nzcv: r.below(16),
    fpcr: r.chance(50) ? 0 : r.u32() & FPCR_BITS & (r.chance(50) ? ~7 : -1),
    fpsr: r.chance(70) ? 0 : r.u32() & 0x0800009f,
    fpmr: fpmr(r),
    v: Array.from({ length: 32 }, () => vector(r)),
  };
}

const MOVZ = (rd, imm, hw) => (0xd2800000 | (hw << 21) | (imm << 5) | rd) >>> 0;
const MOVK = (rd, imm, hw) => (0xf2800000 | (hw << 21) | (imm << 5) | rd) >>> 0;
/** @param bytes distance from this instruction */
const ADR = (rd, bytes) => (0x10000000 | ((bytes & 3) << 29) | ((bytes >> 2) << 5) | rd) >>> 0;
const isMemory = (w) => ((w >>> 25) & 5) === 4;

export class Drawer {
  /**
   * @param rows entries that may be drawn (RowEntry with semantics)
   * @param reference runs what is drawn
   */
  constructor(rows, reference, { length = 40 } = {}) {
    this.ref = reference;
    this.length = Math.min(length, CODE_WORDS - 8);
    this.byName = new Map(rows.map((r) => [r.name, r]));
    this.rows = rows.filter((r) => !(r.name in EXCLUDED));
  }

  /** @returns {import('./state.mjs').Block & { end: object }} */
  draw(seed, index) {
    this.r = generator(seed);
    this.words = [];
    /** First word of each unit: words that only make sense together. */
    this.units = [];
    this.steps = 0;
    this.used = new Set();
    const state = randomState(this.r);
    this.ref.start(state, index);
    this.stop = undefined;
    const target = 1 + this.r.below(this.length);
    for (let tries = 0; this.words.length < target && !this.stop && tries < 400; tries++) this.one();
    const end = this.stop ?? { how: 'end' };
    return {
      words: this.words,
      units: this.units,
      state,
      index,
      steps: this.steps,
      rows: [...this.used],
      end: this.ref.end(end),
    };
  }

  one() {
    const { r } = this;
    const s = this.ref.s;
    if (s.x.filter((v) => this.inWindow(v)).length < 3 && r.chance(50)) {
      this.set(r.below(31), pointer(r));
      return;
    }
    const entry = r.pick(this.rows);
    if (RARE.has(entry.name) && !r.chance(4)) return;
    const sequence = sequenceOf(entry.name);
    this.units.push(this.words.length);
    // A literal load reads the block's own words: there must be some.
    while (LITERAL.test(entry.name) && this.words.length < 4) this.put(this.word(this.entry('NOP')), 'NOP', true);
    if (sequence) this[sequence](entry);
    else this.put(this.word(entry), entry.name);
  }

  inWindow(v) {
    return v >= WINDOW_BASE + 512n && v < WINDOW_BASE + BigInt(WINDOW_BYTES - 512);
  }
  /** A register that points into the window, or any. */
  base() {
    const { x, sp } = this.ref.s;
    const good = x.map((v, i) => (this.inWindow(v) ? i : -1)).filter((i) => i >= 0);
    if (this.inWindow(sp)) good.push(31);
    return good.length > 0 && !this.r.chance(4) ? this.r.pick(good) : this.r.below(32);
  }
  /** A register with a small value. */
  small() {
    const good = this.ref.s.x.map((v, i) => (v < 512n ? i : -1)).filter((i) => i >= 0);
    return good.length > 0 ? this.r.pick(good) : 31;
  }
  /** A word of the row that suits the present state; undefined if none was found. */
  word(entry, given = {}) {
    const { r } = this;
    const { parsed, name } = entry;
    for (let tries = 0; tries < 30; tries++) {
      const f = {};
      for (const span of parsed.fields) f[span.name] = r.u32() & (2 ** span.width - 1);
      if (isMemory(parsed.value)) {
        if ('Rn' in f) f.Rn = this.base();
        if ('option' in f && 'Rm' in f && !r.chance(10)) f.Rm = this.small();
        if ('imm12' in f && !r.chance(10)) f.imm12 &= 63;
        // The block's own words, as far as they exist.
        if (LITERAL.test(name)) {
          f.imm19 = (1 << 19) - 4 - r.below(this.words.length - 3);
        }
      }
      NARROW[name]?.(f, r);
      Object.assign(f, given);
      const w = encode(parsed, f);
      if (this.ref.decoder.decode(w)?.entry === entry && !refused(name, f) && !refusedNow(name, f, this.ref.s))
        return w;
    }
    return undefined;
  }

  /** Appends a word if executing it leads on inside the block. @returns whether it was taken. */
  put(w, name, must = false) {
    if (w === undefined || this.stop) return false;
    const { ref, r } = this;
    const at = ref.offset;
    const branches = ((w >>> 26) & 7) === 5;
    const saved = branches ? { ...ref.s, x: [...ref.s.x] } : undefined;
    const stop = ref.step(w, this.words);
    if (stop) {
      // The other side can read the code, and ignores the top byte of addresses; the evaluator's memory is the window only.
      const untagged = BigInt.asUintN(56, stop.addr ?? 0n);
      if (untagged >> 24n === CODE_BASE >> 24n || (stop.addr !== untagged && this.inWindow(untagged))) return false;
      if (!must && (FAULTS_OPEN.test(name) || (!RARE.has(name) && !r.chance(8)))) return false;
      this.stop = stop;
    } else {
      const to = ref.offset;
      if (to !== at + 4 && saved) {
        if (to <= at || to > (CODE_WORDS - 12) * 4 || to & 3) {
          ref.restore(saved);
          return false;
        }
      }
    }
    this.words.push(w);
    this.used.add(name);
    this.steps++;
    // What a branch jumps over is never executed: anything may be there.
    if (!stop) while (this.words.length * 4 < ref.offset) this.words.push(this.filler());
    return true;
  }
  filler() {
    const w = this.r.u32();
    return w === END ? 0 : w;
  }
  /** Instructions that give a register a value. */
  set(rd, value) {
    let first = true;
    for (let hw = 0; hw < 4; hw++) {
      const part = Number((value >> BigInt(16 * hw)) & 0xffffn);
      if (part === 0 && !(hw === 0 && value === 0n)) continue;
      this.put(first ? MOVZ(rd, part, hw) : MOVK(rd, part, hw), first ? 'MOVZ' : 'MOVK', true);
      first = false;
    }
  }
  entry(name) {
    return this.byName.get(name);
  }
  /** Distinct registers below `limit`. */
  registers(n, limit = 31) {
    const out = [];
    while (out.length < n) {
      const i = this.r.below(limit);
      if (!out.includes(i)) out.push(i);
    }
    return out;
  }

  // ---- sequences --------------------------------------------------------------------------------------------------------

  /** A code is put into a pointer and checked: whatever the key, the pointer comes back (or the check faults). */
  signed(entry) {
    const { r } = this;
    const [, , kind, zero, key] = /^(PAC|AUT)([ID])(Z?)([AB])$/.exec(entry.name);
    const given = { Rd: r.below(31), Rn: r.below(32) };
    if (zero === '' && given.Rn === given.Rd) return;
    if (!this.canonical(this.ref.s.x[given.Rd])) this.set(given.Rd, this.address());
    for (const op of ['PAC', 'AUT']) {
      const e = this.entry(`${op}${kind}${zero}${key}`);
      this.put(this.word(e, given), e.name, true);
    }
    if (r.chance(30)) this.put(this.word(this.entry(kind === 'I' ? 'XPACI' : 'XPACD'), { Rd: given.Rd }), 'XPAC', true);
  }
  address() {
    const low = this.r.u64() & 0x7fffffffffffn;
    return this.r.chance(50) ? low : low | 0xffff800000000000n;
  }
  canonical(v) {
    const top = v >> 47n;
    return top === 0n || top === 0x1ffffn;
  }
  signedHint(entry) {
    const [, key, how] = /^(?:PAC|AUT)I([AB])(SP|Z|1716)$/.exec(entry.name);
    const register = how === '1716' ? 17 : 30;
    if (!this.canonical(this.ref.s.x[register])) this.set(register, this.address());
    for (const op of ['PAC', 'AUT']) {
      const e = this.entry(`${op}I${key}${how}`);
      this.put(this.word(e), e.name, true);
    }
  }
  /** Jump over a few words by an authenticated address. */
  signedBranch(entry) {
    const { r } = this;
    const M = r.below(2);
    const key = M ? 'B' : 'A';
    const zero = entry.name.endsWith('Z');
    const ret = entry.name === 'RETA';
    const Rn = ret ? 30 : r.below(31);
    const Rm = ret ? 31 : r.below(32);
    if (!ret && !zero && Rm === Rn) return;
    this.put(ADR(Rn, 12 + 4 * r.below(4)), 'ADR', true);
    const sign = this.entry(`PACI${zero ? 'Z' : ''}${key}`);
    this.put(this.word(sign, { Rd: Rn, Rn: Rm }), sign.name, true);
    this.put(this.word(entry, { M, Rn, Rm }), entry.name, true);
    this.put(this.word(this.entry('XPACI'), { Rd: Rn }), 'XPACI', true);
  }
  signedLoad(entry) {
    const { r } = this;
    const M = r.below(2);
    const Rn = r.below(31);
    const Rt = r.below(31);
    const W = r.below(2);
    if (W && Rt === Rn) return;
    this.set(Rn, pointer(r));
    const sign = this.entry(`PACDZ${M ? 'B' : 'A'}`);
    this.put(this.word(sign, { Rd: Rn }), sign.name, true);
    const S = r.below(2);
    this.put(this.word(entry, { M, Rn, Rt, W, S, imm9: S ? 511 - r.below(64) : r.below(64) }), entry.name, true);
    this.put(this.word(this.entry('XPACD'), { Rd: Rn }), 'XPACD', true);
  }
  /** Prologue, main, epilogue. */
  mops(entry) {
    const { r } = this;
    const kind = entry.name.slice(0, -1);
    const [Rd, Rs, Rn] = this.registers(3);
    this.set(Rd, WINDOW_BASE + BigInt(2048 + r.below(4096)));
    const isSet = kind === 'SET';
    if (!isSet) {
      const near = this.ref.s.x[Rd] + BigInt(r.below(64) - 32);
      const overlaps = kind === 'CPY' && r.chance(50);
      this.set(Rs, overlaps ? near : WINDOW_BASE + BigInt(8192 + r.below(4096)));
    }
    this.set(Rn, BigInt(r.chance(80) ? r.below(80) : r.below(1024)));
    const options = r.below(isSet ? 4 : 16);
    for (const part of ['P', 'M', 'E']) {
      const e = this.entry(kind + part);
      const w = this.word(e, { Rd, Rs, Rn, options });
      // Main and epilogue execute themselves again until nothing is left.
      let more = this.put(w, e.name, true);
      for (let n = 0; more && !this.stop && this.ref.offset === (this.words.length - 1) * 4 && n < 500; n++) {
        const stop = this.ref.step(w, this.words);
        if (stop) this.stop = stop;
        more = true;
      }
    }
  }
  /** A load-exclusive and a store-exclusive, with or without something in between. */
  exclusive(entry) {
    const { r } = this;
    const pair = entry.name.endsWith('P');
    const suffix = pair ? 'P' : 'R';
    const load = this.entry(`${r.pick(['LDX', 'LDAX'])}${suffix}`);
    const store = this.entry(`${r.pick(['STX', 'STLX'])}${suffix}`);
    const Rn = this.base();
    const size = { size: r.below(4), sz: r.below(2) };
    const [Rt, Rt2, Rs] = this.registers(3);
    const loaded = { Rn, Rt, ...(pair ? { Rt2 } : {}), ...size };
    if (r.chance(85)) {
      if (!this.put(this.word(load, loaded), load.name)) return;
    } else this.put(this.word(this.entry('CLREX')), 'CLREX', true); // an older load of another size would be UNPREDICTABLE
    if (Rt === Rn || (pair && Rt2 === Rn)) return;
    if (r.chance(10)) this.put(this.word(this.entry('CLREX')), 'CLREX', true);
    for (let n = r.below(3); n > 0; n--) {
      const e = r.pick(this.rows);
      if (!isMemory(e.parsed.value) && !sequenceOf(e.name) && !RARE.has(e.name) && !CLEARS_MONITOR.test(e.name))
        this.put(this.word(e), e.name);
    }
    const [a, b] = this.registers(2);
    if (a === Rs || b === Rs || Rs === Rn) return;
    this.put(this.word(store, { Rn, Rt: a, ...(pair ? { Rt2: b } : {}), Rs, ...size }), store.name);
  }
  branch(entry) {
    const { r } = this;
    const Rn = r.below(31);
    this.put(ADR(Rn, 8 + 4 * r.below(4)), 'ADR', true);
    this.put(this.word(entry, { Rn }), entry.name, true);
  }
}
