// How loads and stores of vector structures are written.

import { SIMD_LDST_MULTIPLE, SIMD_LDST_SINGLE } from '../../arch/a64/simd_ldst.ts';
import type { Fields, Operand } from '../form.ts';
import { alias, type Form, form, syntax } from '../form.ts';
import { dec, imm, X, Xsp } from '../operands.ts';
import { ARRANGEMENT, type Index, indexIn, list, type Named } from '../operands_simd.ts';

/** The post-index amount that Rm = 31 stands for: the number of bytes transferred. */
function transferred(bytes: (f: Fields) => number): Operand {
  return {
    print: (f) => dec(bytes(f)),
    parse(c, set, f) {
      let n = -1;
      imm('n', { bits: 8 }).parse(c, (_, v) => { n = v; }, f);
      if (n !== bytes(f)) c.fail(`#${bytes(f)}, the number of bytes transferred,`);
      set('Rm', 31);
    },
  };
}
const base = (regs: Operand, m: string): Form => form`${m} ${regs}, [${Xsp('Rn')}]`;
const post = (regs: Operand, m: string, bytes: (f: Fields) => number): Form[] => [
  alias(form`${m} ${regs}, [${Xsp('Rn')}], ${transferred(bytes)}`, (f) => f['Rm'] === 31),
  form`${m} ${regs}, [${Xsp('Rn')}], ${X('Rm')}`,
];

const whole = (n: number) => list('Rt', ARRANGEMENT, n);
const wholeBytes = (n: number) => (f: Fields) => n * (f['Q'] ? 16 : 8);
const multiple = (n: number) => (m: string) => base(whole(n), m);
const multiplePost = (n: number) => (m: string) => post(whole(n), m, wholeBytes(n));

export const SIMD_LDST_MULTIPLE_SYNTAX = syntax(SIMD_LDST_MULTIPLE, {
  LD1_x1: multiple(1), LD1_x1_post: multiplePost(1), LD1_x2: multiple(2), LD1_x2_post: multiplePost(2),
  LD1_x3: multiple(3), LD1_x3_post: multiplePost(3), LD1_x4: multiple(4), LD1_x4_post: multiplePost(4),
  LD2: multiple(2), LD2_post: multiplePost(2), LD3: multiple(3), LD3_post: multiplePost(3), LD4: multiple(4),
  LD4_post: multiplePost(4), ST1_x1: multiple(1), ST1_x1_post: multiplePost(1), ST1_x2: multiple(2),
  ST1_x2_post: multiplePost(2), ST1_x3: multiple(3), ST1_x3_post: multiplePost(3), ST1_x4: multiple(4),
  ST1_x4_post: multiplePost(4), ST2: multiple(2), ST2_post: multiplePost(2), ST3: multiple(3),
  ST3_post: multiplePost(3), ST4: multiple(4), ST4_post: multiplePost(4),
});

type Lane = 'b' | 'h' | 's' | 'd';
const LANE: Readonly<Record<Lane, readonly [bytes: number, index: Index]>> = {
  b: [1, indexIn(['Q', 1], ['S', 1], ['size', 2])],
  h: [2, indexIn(['Q', 1], ['S', 1], ['size', 1])],
  s: [4, indexIn(['Q', 1], ['S', 1])],
  d: [8, indexIn(['Q', 1])],
};
const lane = (n: number, l: Lane) => (m: string) => base(list('Rt', l, n, LANE[l][1]), m);
const lanePost = (n: number, l: Lane) => (m: string) => post(list('Rt', l, n, LANE[l][1]), m, () => n * LANE[l][0]);
const replicated = (n: number) => (m: string) => base(whole(n), m);
const replicatedPost = (n: number) => (m: string) => post(whole(n), m, (f) => n << f['size']!);
const D: Named = [['d', {}]];

export const SIMD_LDST_SINGLE_SYNTAX = syntax(SIMD_LDST_SINGLE, {
  LD1_lane_b: lane(1, 'b'), LD1_lane_b_post: lanePost(1, 'b'), LD1_lane_h: lane(1, 'h'), LD1_lane_h_post: lanePost(1, 'h'),
  LD1_lane_s: lane(1, 's'), LD1_lane_s_post: lanePost(1, 's'), LD1_lane_d: lane(1, 'd'), LD1_lane_d_post: lanePost(1, 'd'),
  LD2_lane_b: lane(2, 'b'), LD2_lane_b_post: lanePost(2, 'b'), LD2_lane_h: lane(2, 'h'), LD2_lane_h_post: lanePost(2, 'h'),
  LD2_lane_s: lane(2, 's'), LD2_lane_s_post: lanePost(2, 's'), LD2_lane_d: lane(2, 'd'), LD2_lane_d_post: lanePost(2, 'd'),
  LD3_lane_b: lane(3, 'b'), LD3_lane_b_post: lanePost(3, 'b'), LD3_lane_h: lane(3, 'h'), LD3_lane_h_post: lanePost(3, 'h'),
  LD3_lane_s: lane(3, 's'), LD3_lane_s_post: lanePost(3, 's'), LD3_lane_d: lane(3, 'd'), LD3_lane_d_post: lanePost(3, 'd'),
  LD4_lane_b: lane(4, 'b'), LD4_lane_b_post: lanePost(4, 'b'), LD4_lane_h: lane(4, 'h'), LD4_lane_h_post: lanePost(4, 'h'),
  LD4_lane_s: lane(4, 's'), LD4_lane_s_post: lanePost(4, 's'), LD4_lane_d: lane(4, 'd'), LD4_lane_d_post: lanePost(4, 'd'),
  ST1_lane_b: lane(1, 'b'), ST1_lane_b_post: lanePost(1, 'b'), ST1_lane_h: lane(1, 'h'), ST1_lane_h_post: lanePost(1, 'h'),
  ST1_lane_s: lane(1, 's'), ST1_lane_s_post: lanePost(1, 's'), ST1_lane_d: lane(1, 'd'), ST1_lane_d_post: lanePost(1, 'd'),
  ST2_lane_b: lane(2, 'b'), ST2_lane_b_post: lanePost(2, 'b'), ST2_lane_h: lane(2, 'h'), ST2_lane_h_post: lanePost(2, 'h'),
  ST2_lane_s: lane(2, 's'), ST2_lane_s_post: lanePost(2, 's'), ST2_lane_d: lane(2, 'd'), ST2_lane_d_post: lanePost(2, 'd'),
  ST3_lane_b: lane(3, 'b'), ST3_lane_b_post: lanePost(3, 'b'), ST3_lane_h: lane(3, 'h'), ST3_lane_h_post: lanePost(3, 'h'),
  ST3_lane_s: lane(3, 's'), ST3_lane_s_post: lanePost(3, 's'), ST3_lane_d: lane(3, 'd'), ST3_lane_d_post: lanePost(3, 'd'),
  ST4_lane_b: lane(4, 'b'), ST4_lane_b_post: lanePost(4, 'b'), ST4_lane_h: lane(4, 'h'), ST4_lane_h_post: lanePost(4, 'h'),
  ST4_lane_s: lane(4, 's'), ST4_lane_s_post: lanePost(4, 's'), ST4_lane_d: lane(4, 'd'), ST4_lane_d_post: lanePost(4, 'd'),
  LD1R: replicated(1), LD1R_post: replicatedPost(1), LD2R: replicated(2), LD2R_post: replicatedPost(2),
  LD3R: replicated(3), LD3R_post: replicatedPost(3), LD4R: replicated(4), LD4R_post: replicatedPost(4),
  LDAP1: (m) => base(list('Rt', D, 1, LANE.d[1]), m), STL1: (m) => base(list('Rt', D, 1, LANE.d[1]), m),
});
