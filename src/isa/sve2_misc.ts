// Semantics of arch/a64/sve2_misc.ts: bits, permutations, matching, cryptography.

import { SVE2_MISC } from '../arch/a64/sve2_misc.ts';
import { routines } from './semantics.ts';
import { bySegment } from './sve_fp_mla.ts';
import { maskRoom, predTest, readMask, writeMask } from './sve_lanes.ts';
import type { Plan, Routine } from './sve_machine.ts';
import * as crypto from './sve2_crypto.ts';
import { type IntOp, lanewise, produce, reader } from './sve2_shapes.ts';

// ---- bits ---------------------------------------------------------------------------------------------------------------

/** Exclusive or of elements at the one place (Zn) and the other (Zm), into the place that is named first. */
const xorInterleaved =
  (place: 0 | 1): Routine =>
  (f, m): Plan => {
    const { size, Zd, Zn, Zm } = f as { size: number; Zd: number; Zn: number; Zm: number };
    const get = reader(m, size);
    return () => produce(m, Zd, size, (i) => ((i & 1) === place ? get(Zn, i) ^ get(Zm, i ^ 1) : get(Zd, i)));
  };

/** The bits of a that the mask selects, side by side. */
const gatherBits: IntOp = (a, mask, _c, bits) => {
  let out = 0n;
  let k = 0n;
  for (let i = 0n; i < bits; i++) if ((mask >> i) & 1n) out |= ((a >> i) & 1n) << k++;
  return out;
};
/** The lowest bits of a, put where the mask has ones. */
const scatterBits: IntOp = (a, mask, _c, bits) => {
  let out = 0n;
  let k = 0n;
  for (let i = 0n; i < bits; i++) if ((mask >> i) & 1n) out |= ((a >> k++) & 1n) << i;
  return out;
};
/** The selected bits below, the others above them. */
const groupBits: IntOp = (a, mask, c, bits) => {
  const ones = (1n << BigInt(bits)) - 1n;
  let selected = 0n;
  for (let x = mask; x !== 0n; x &= x - 1n) selected++;
  return gatherBits(a, mask, c, bits) | (gatherBits(a, ~mask & ones, c, bits) << selected);
};

// ---- matching -------------------------------------------------------------------------------------------------------------

/** Pd: whether an active element of Zn is (or is not) among those of its segment of Zm. */
const match =
  (wanted: boolean): Routine =>
  (f, m): Plan => {
    const { size, Pd, Pg, Zn, Zm } = f as { size: number; Pd: number; Pg: number; Zn: number; Zm: number };
    const get = reader(m, size);
    const perSegment = 16 >>> size;
    return () => {
      const active = readMask(m, 0, Pg, size);
      const out = maskRoom(1);
      const count = m.vl >>> size;
      for (let i = 0; i < count; i++) {
        const segment = i - (i % perSegment);
        const value = get(Zn, i);
        let found = false;
        for (let k = 0; k < perSegment; k++) found ||= get(Zm, segment + k) === value;
        out[i] = active[i] && found === wanted ? 1 : 0;
      }
      writeMask(m, Pd, size, out);
      predTest(m, active, out, count);
    };
  };
/** How many active elements of Zm up to its own place equal each active element of Zn. */
const histogram: Routine = (f, m): Plan => {
  const { size, Zd, Zn, Zm, Pg } = f as { size: number; Zd: number; Zn: number; Zm: number; Pg: number };
  const get = reader(m, size);
  return () => {
    const active = readMask(m, 0, Pg, size);
    produce(m, Zd, size, (i) => {
      let n = 0n;
      if (active[i]) for (let k = 0; k <= i; k++) if (active[k] && get(Zm, k) === get(Zn, i)) n++;
      return n;
    });
  };
};
/** How many bytes of its segment of Zm equal each byte of Zn. */
const histogramSegment: Routine = (f, m): Plan => {
  const { Zd, Zn, Zm } = f as { Zd: number; Zn: number; Zm: number };
  const get = reader(m, 0);
  return () =>
    produce(m, Zd, 0, (i) => {
      let n = 0n;
      for (let k = 0; k < 16; k++) if (get(Zm, (i & ~15) + k) === get(Zn, i)) n++;
      return n;
    });
};

// ---- cryptography ---------------------------------------------------------------------------------------------------------

/** Zdn, or Zdn and Zm, by segments. */
const inPlace =
  (op: (a: bigint, b: bigint) => bigint): Routine =>
  (f, m): Plan => {
    const { Zdn, Zm } = f as { Zdn: number; Zm?: number };
    return () => bySegment(m, Zdn, [Zdn, Zm ?? Zdn], (a, b) => op(a!, b!));
  };
const bySegments =
  (op: (a: bigint, b: bigint) => bigint): Routine =>
  (f, m): Plan => {
    const { Zd, Zn, Zm } = f as { Zd: number; Zn: number; Zm: number };
    return () => bySegment(m, Zd, [Zn, Zm], (a, b) => op(a!, b!));
  };
const rotateXor: IntOp = (a, b) => a ^ BigInt.asUintN(64, (b << 1n) | (b >> 63n));

/** @arm the pages of C8.2 for these instructions */
export const sve2Misc = routines(SVE2_MISC, {
  EORBT: xorInterleaved(0),
  EORTB: xorInterleaved(1),
  BEXT: lanewise(gatherBits),
  BDEP: lanewise(scatterBits),
  BGRP: lanewise(groupBits),

  MATCH: match(true),
  NMATCH: match(false),
  HISTCNT: histogram,
  HISTSEG: histogramSegment,

  AESMC_z: inPlace(crypto.aesMixColumns),
  AESIMC_z: inPlace(crypto.aesInverseMixColumns),
  AESE_z: inPlace(crypto.aesEncrypt),
  AESD_z: inPlace(crypto.aesDecrypt),
  SM4E_z: inPlace(crypto.sm4Encrypt),
  SM4EKEY_z: bySegments(crypto.sm4Key),
  RAX1_z: lanewise(rotateXor, 3),
});
