// Draws single SVE instructions with states that suit them: predicates of every kind, elements with corner values,
// addresses that hit the window or its ends.

import { encode } from '../../dist/arch/a64/encoding.js';
import { Decoder } from '../../dist/cpu/decode.js';
import { A64 } from '../../dist/isa/a64.js';
import { collectRows } from '../../dist/isa/handlers.js';
import { randomState } from './generate.mjs';
import { generator, WINDOW_BASE, WINDOW_BYTES } from './state.mjs';

/** Rows that are not drawn, with the reason. */
const CPA = 'qemu-aarch64 has no FEAT_CPA';
export const NOT_DRAWN = { ADDPT_zpzz: CPA, SUBPT_zpzz: CPA, ADDPT_zzz: CPA, SUBPT_zzz: CPA };

/** Elements of 128 bits in vectors that hold an odd number of them, which Arm has given up: the rest is zero for us. */
const POWER_OF_TWO = /^UZP[12]_zzq$/;

/** Contiguous first-fault and non-fault loads: QEMU reads the predicate wrongly unless element 0 is active. */
const FIRST_ACTIVE = /^LDFF1_rr|^LDNF1_ri/;

const entries = collectRows(A64);
const sveRows = new Set(A64.filter((g) => g.sve).flatMap((g) => Object.keys(g.rows)));
const decoder = new Decoder(entries, () => true);

export class SveDrawer {
  /** @param vl bytes of a vector @param only names of rows */
  constructor(vl, seed, only) {
    this.vl = vl;
    this.r = generator(seed);
    this.rows = entries.filter(
      (e) =>
        e.semantic &&
        !(POWER_OF_TWO.test(e.name) && vl & (vl - 1)) &&
        sveRows.has(e.name) &&
        !(e.name in NOT_DRAWN) &&
        (!only || only.test(e.name)),
    );
  }

  draw(entry) {
    const { r, vl } = this;
    for (let tries = 0; ; tries++) {
      if (tries === 1000) throw new Error(`${entry.name}: no word found`);
      const f = {};
      for (const span of entry.parsed.fields) f[span.name] = r.u32() & (2 ** span.width - 1);
      // Few predicates and patterns that mean something.
      if ('pattern' in f && r.chance(60)) f.pattern = r.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 29, 30, 31]);
      const word = encode(entry.parsed, f);
      if (decoder.decode(word)?.entry !== entry) continue;
      const state = randomState(r);
      // qemu.md: it negates NaNs though FPCR.AH is 1.
      if (/^FCMLA_x_/.test(entry.name)) state.fpcr &= ~2;
      state.z = this.vectors();
      state.p = this.predicates();
      if (FIRST_ACTIVE.test(entry.name)) state.p[(f.Pg * vl) / 8] |= 1;
      if (word >>> 31) this.aim(f, state);
      state.v = Array.from({ length: 32 }, (_, n) =>
        BigInt(`0x${Buffer.from(state.z.slice(n * vl, n * vl + 16).reverse()).toString('hex')}`),
      );
      return { words: [word], state, row: entry.name, fields: f };
    }
  }
  vectors() {
    const { r, vl } = this;
    const z = new Uint8Array(32 * vl);
    const view = new DataView(z.buffer);
    for (let n = 0; n < 32; n++) {
      const bytes = r.pick([1, 2, 4, 8]);
      const how = r.below(6);
      for (let at = n * vl; at < (n + 1) * vl; at += bytes) {
        let v = r.u64();
        if (how === 0) v = BigInt(r.below(256));
        else if (how === 1) v = r.pick([0n, 1n, -1n, 1n << BigInt(8 * bytes - 1), (1n << BigInt(8 * bytes - 1)) - 1n]);
        else if (how === 2) v = this.floating(bytes);
        else if (how === 3) v = BigInt(r.below(8)) - 4n;
        for (let i = 0; i < bytes; i++) view.setUint8(at + i, Number((BigInt.asUintN(64, v) >> BigInt(8 * i)) & 255n));
      }
    }
    return z;
  }
  floating(bytes) {
    const { r } = this;
    const [exponent, fraction] = { 1: [4, 3], 2: [5, 10], 4: [8, 23], 8: [11, 52] }[bytes];
    const bias = 2 ** (exponent - 1) - 1;
    const e = r.chance(80) ? bias - 3 + r.below(7) : r.pick([0, 2 ** exponent - 1, 1, 2 ** exponent - 2]);
    const m = r.chance(70) ? r.u64() & ((1n << BigInt(fraction)) - 1n) : 0n;
    return (BigInt(r.below(2)) << BigInt(exponent + fraction)) | (BigInt(e) << BigInt(fraction)) | m;
  }
  predicates() {
    const { r, vl } = this;
    const p = new Uint8Array((17 * vl) / 8);
    const set = (n, bit) => {
      p[(n * vl) / 8 + (bit >> 3)] |= 1 << (bit & 7);
    };
    for (let n = 0; n < 17; n++) {
      const how = n === 16 ? r.below(3) : r.below(8);
      const end = r.below(vl + 1);
      for (let bit = 0; bit < vl; bit++) {
        if (
          how === 0
            ? true
            : how === 1
              ? bit < end
              : how < 5
                ? r.chance(50)
                : how === 5
                  ? r.chance(8)
                  : how === 6
                    ? r.chance(92)
                    : n === 16
        )
          set(n, bit);
      }
    }
    return p;
  }
  /** Addresses near the window: mostly inside, now and then across one of its ends. */
  address() {
    const { r } = this;
    const how = r.below(10);
    const inside = 1024 + r.below(WINDOW_BYTES - 2048);
    if (how < 6) return WINDOW_BASE + BigInt(inside);
    if (how < 7) return WINDOW_BASE + 4096n - BigInt(r.below(4 * this.vl));
    if (how < 8) return WINDOW_BASE + BigInt(WINDOW_BYTES - r.below(4 * this.vl));
    if (how < 9) return WINDOW_BASE - BigInt(r.below(2 * this.vl));
    return r.chance(50) ? r.u64() & 0xffff_ffffn : WINDOW_BASE + BigInt(inside & ~15);
  }
  aim(f, state) {
    const { r, vl } = this;
    const view = new DataView(state.z.buffer);
    const base = this.address();
    const hasOffsets = 'Zm' in f || 'Zn' in f;
    if ('Rn' in f) {
      if (f.Rn === 31) state.sp = base;
      else state.x[f.Rn] = base;
    }
    if ('Rm' in f && f.Rm !== 31 && f.Rm !== f.Rn)
      state.x[f.Rm] = BigInt.asUintN(64, BigInt(r.below(64)) - (r.chance(20) ? 40n : 0n));
    if (!hasOffsets) return;
    const pointers = 'Zn' in f && !('Rn' in f);
    const n = pointers ? f.Zn : f.Zm;
    const wide = r.chance(50);
    for (let at = n * vl; at < (n + 1) * vl; at += wide || pointers ? 8 : 4) {
      const odd = r.chance(3);
      const v = pointers
        ? odd
          ? r.u64()
          : WINDOW_BASE + 1024n + BigInt(r.below(WINDOW_BYTES - 2048))
        : BigInt(r.below(odd ? 100000 : 64)) - (r.chance(20) ? 40n : 0n);
      if (wide || pointers) view.setBigUint64(at, BigInt.asUintN(64, v), true);
      else view.setInt32(at, Number(v), true);
    }
  }
  describe({ state, fields }) {
    const { vl } = this;
    const hex = (bytes, size, n) => Buffer.from(bytes.slice(n * size, (n + 1) * size).reverse()).toString('hex');
    return Object.entries(fields)
      .map(([k, v]) => {
        if (/^Z/.test(k)) return `  ${k} z${v}=0x${hex(state.z, vl, v)}\n`;
        if (/^P[gdnmv]/.test(k)) return `  ${k} p${v}=0x${hex(state.p, vl / 8, v)}\n`;
        if (/^[RV]/.test(k)) return `  ${k} x${v}=0x${(v === 31 ? state.sp : state.x[v]).toString(16)}\n`;
        return '';
      })
      .concat(`  ffr=0x${hex(state.p, vl / 8, 16)}\n`)
      .join('');
  }
}
