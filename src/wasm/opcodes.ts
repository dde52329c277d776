// WebAssembly instructions: which number each name has. Argument and result types are derived from the names
// (signature below), never restated. Knows the binary format's numbers only; builder.ts knows how they are written.

/** Structure, variables, calls. */
export const CONTROL = {
  unreachable: 0x00, nop: 0x01, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, br_if: 0x0d,
  br_table: 0x0e, return: 0x0f, call: 0x10, call_indirect: 0x11, return_call: 0x12, return_call_indirect: 0x13, drop: 0x1a, select: 0x1b,
  'local.get': 0x20, 'local.set': 0x21, 'local.tee': 0x22, 'global.get': 0x23, 'global.set': 0x24,
} as const; // biome-ignore format: a table

export const MEMORY = {
  'i32.load': 0x28, 'i64.load': 0x29, 'f32.load': 0x2a, 'f64.load': 0x2b, 'i32.load8_s': 0x2c, 'i32.load8_u': 0x2d,
  'i32.load16_s': 0x2e, 'i32.load16_u': 0x2f, 'i64.load8_s': 0x30, 'i64.load8_u': 0x31, 'i64.load16_s': 0x32,
  'i64.load16_u': 0x33, 'i64.load32_s': 0x34, 'i64.load32_u': 0x35, 'i32.store': 0x36, 'i64.store': 0x37,
  'f32.store': 0x38, 'f64.store': 0x39, 'i32.store8': 0x3a, 'i32.store16': 0x3b, 'i64.store8': 0x3c,
  'i64.store16': 0x3d, 'i64.store32': 0x3e,
} as const; // biome-ignore format: a table

/** Integer arithmetic that never traps: usable anywhere in any order. */
export const INT = {
  'i32.eqz': 0x45, 'i32.eq': 0x46, 'i32.ne': 0x47, 'i32.lt_s': 0x48, 'i32.lt_u': 0x49, 'i32.gt_s': 0x4a,
  'i32.gt_u': 0x4b, 'i32.le_s': 0x4c, 'i32.le_u': 0x4d, 'i32.ge_s': 0x4e, 'i32.ge_u': 0x4f,
  'i64.eqz': 0x50, 'i64.eq': 0x51, 'i64.ne': 0x52, 'i64.lt_s': 0x53, 'i64.lt_u': 0x54, 'i64.gt_s': 0x55,
  'i64.gt_u': 0x56, 'i64.le_s': 0x57, 'i64.le_u': 0x58, 'i64.ge_s': 0x59, 'i64.ge_u': 0x5a,
  'i32.clz': 0x67, 'i32.ctz': 0x68, 'i32.popcnt': 0x69, 'i32.add': 0x6a, 'i32.sub': 0x6b, 'i32.mul': 0x6c,
  'i32.and': 0x71, 'i32.or': 0x72, 'i32.xor': 0x73, 'i32.shl': 0x74, 'i32.shr_s': 0x75, 'i32.shr_u': 0x76,
  'i32.rotl': 0x77, 'i32.rotr': 0x78,
  'i64.clz': 0x79, 'i64.ctz': 0x7a, 'i64.popcnt': 0x7b, 'i64.add': 0x7c, 'i64.sub': 0x7d, 'i64.mul': 0x7e,
  'i64.and': 0x83, 'i64.or': 0x84, 'i64.xor': 0x85, 'i64.shl': 0x86, 'i64.shr_s': 0x87, 'i64.shr_u': 0x88,
  'i64.rotl': 0x89, 'i64.rotr': 0x8a,
  'i32.wrap_i64': 0xa7, 'i64.extend_i32_s': 0xac, 'i64.extend_i32_u': 0xad,
  'i32.extend8_s': 0xc0, 'i32.extend16_s': 0xc1, 'i64.extend8_s': 0xc2, 'i64.extend16_s': 0xc3, 'i64.extend32_s': 0xc4,
} as const; // biome-ignore format: a table

/** Division, which traps on zero and on overflow. */
export const DIVISION = {
  'i32.div_s': 0x6d, 'i32.div_u': 0x6e, 'i32.rem_s': 0x6f, 'i32.rem_u': 0x70,
  'i64.div_s': 0x7f, 'i64.div_u': 0x80, 'i64.rem_s': 0x81, 'i64.rem_u': 0x82,
} as const; // biome-ignore format: a table

export const FLOAT = {
  'f32.eq': 0x5b, 'f32.ne': 0x5c, 'f32.lt': 0x5d, 'f32.gt': 0x5e, 'f32.le': 0x5f, 'f32.ge': 0x60,
  'f64.eq': 0x61, 'f64.ne': 0x62, 'f64.lt': 0x63, 'f64.gt': 0x64, 'f64.le': 0x65, 'f64.ge': 0x66,
  'f32.abs': 0x8b, 'f32.neg': 0x8c, 'f32.ceil': 0x8d, 'f32.floor': 0x8e, 'f32.trunc': 0x8f, 'f32.nearest': 0x90,
  'f32.sqrt': 0x91, 'f32.add': 0x92, 'f32.sub': 0x93, 'f32.mul': 0x94, 'f32.div': 0x95, 'f32.min': 0x96,
  'f32.max': 0x97, 'f32.copysign': 0x98,
  'f64.abs': 0x99, 'f64.neg': 0x9a, 'f64.ceil': 0x9b, 'f64.floor': 0x9c, 'f64.trunc': 0x9d, 'f64.nearest': 0x9e,
  'f64.sqrt': 0x9f, 'f64.add': 0xa0, 'f64.sub': 0xa1, 'f64.mul': 0xa2, 'f64.div': 0xa3, 'f64.min': 0xa4,
  'f64.max': 0xa5, 'f64.copysign': 0xa6,
  'f32.convert_i32_s': 0xb2, 'f32.convert_i32_u': 0xb3, 'f32.convert_i64_s': 0xb4, 'f32.convert_i64_u': 0xb5,
  'f32.demote_f64': 0xb6, 'f64.convert_i32_s': 0xb7, 'f64.convert_i32_u': 0xb8, 'f64.convert_i64_s': 0xb9,
  'f64.convert_i64_u': 0xba, 'f64.promote_f32': 0xbb, 'i32.reinterpret_f32': 0xbc, 'i64.reinterpret_f64': 0xbd,
  'f32.reinterpret_i32': 0xbe, 'f64.reinterpret_i64': 0xbf,
} as const; // biome-ignore format: a table

/** After the prefix 0xfc. */
export const SATURATING = {
  'i32.trunc_sat_f32_s': 0, 'i32.trunc_sat_f32_u': 1, 'i32.trunc_sat_f64_s': 2, 'i32.trunc_sat_f64_u': 3,
  'i64.trunc_sat_f32_s': 4, 'i64.trunc_sat_f32_u': 5, 'i64.trunc_sat_f64_s': 6, 'i64.trunc_sat_f64_u': 7,
} as const; // biome-ignore format: a table

/** Vector instructions (prefix 0xfd) on integers. */
export const VECTOR = {
  'i8x16.swizzle': 14, 'i8x16.splat': 15, 'i16x8.splat': 16, 'i32x4.splat': 17, 'i64x2.splat': 18,
  'i8x16.eq': 35, 'i8x16.ne': 36, 'i8x16.lt_s': 37, 'i8x16.lt_u': 38, 'i8x16.gt_s': 39, 'i8x16.gt_u': 40,
  'i8x16.le_s': 41, 'i8x16.le_u': 42, 'i8x16.ge_s': 43, 'i8x16.ge_u': 44,
  'i16x8.eq': 45, 'i16x8.ne': 46, 'i16x8.lt_s': 47, 'i16x8.lt_u': 48, 'i16x8.gt_s': 49, 'i16x8.gt_u': 50,
  'i16x8.le_s': 51, 'i16x8.le_u': 52, 'i16x8.ge_s': 53, 'i16x8.ge_u': 54,
  'i32x4.eq': 55, 'i32x4.ne': 56, 'i32x4.lt_s': 57, 'i32x4.lt_u': 58, 'i32x4.gt_s': 59, 'i32x4.gt_u': 60,
  'i32x4.le_s': 61, 'i32x4.le_u': 62, 'i32x4.ge_s': 63, 'i32x4.ge_u': 64,
  'v128.not': 77, 'v128.and': 78, 'v128.andnot': 79, 'v128.or': 80, 'v128.xor': 81, 'v128.bitselect': 82,
  'v128.any_true': 83,
  'i8x16.abs': 96, 'i8x16.neg': 97, 'i8x16.popcnt': 98, 'i8x16.all_true': 99, 'i8x16.bitmask': 100,
  'i8x16.narrow_i16x8_s': 101, 'i8x16.narrow_i16x8_u': 102, 'i8x16.shl': 107, 'i8x16.shr_s': 108,
  'i8x16.shr_u': 109, 'i8x16.add': 110, 'i8x16.add_sat_s': 111, 'i8x16.add_sat_u': 112, 'i8x16.sub': 113,
  'i8x16.sub_sat_s': 114, 'i8x16.sub_sat_u': 115, 'i8x16.min_s': 118, 'i8x16.min_u': 119, 'i8x16.max_s': 120,
  'i8x16.max_u': 121, 'i8x16.avgr_u': 123,
  'i16x8.extadd_pairwise_i8x16_s': 124, 'i16x8.extadd_pairwise_i8x16_u': 125, 'i32x4.extadd_pairwise_i16x8_s': 126,
  'i32x4.extadd_pairwise_i16x8_u': 127,
  'i16x8.abs': 128, 'i16x8.neg': 129, 'i16x8.q15mulr_sat_s': 130, 'i16x8.all_true': 131, 'i16x8.bitmask': 132,
  'i16x8.narrow_i32x4_s': 133, 'i16x8.narrow_i32x4_u': 134, 'i16x8.extend_low_i8x16_s': 135,
  'i16x8.extend_high_i8x16_s': 136, 'i16x8.extend_low_i8x16_u': 137, 'i16x8.extend_high_i8x16_u': 138,
  'i16x8.shl': 139, 'i16x8.shr_s': 140, 'i16x8.shr_u': 141, 'i16x8.add': 142, 'i16x8.add_sat_s': 143,
  'i16x8.add_sat_u': 144, 'i16x8.sub': 145, 'i16x8.sub_sat_s': 146, 'i16x8.sub_sat_u': 147, 'i16x8.mul': 149,
  'i16x8.min_s': 150, 'i16x8.min_u': 151, 'i16x8.max_s': 152, 'i16x8.max_u': 153, 'i16x8.avgr_u': 155,
  'i16x8.extmul_low_i8x16_s': 156, 'i16x8.extmul_high_i8x16_s': 157, 'i16x8.extmul_low_i8x16_u': 158,
  'i16x8.extmul_high_i8x16_u': 159,
  'i32x4.abs': 160, 'i32x4.neg': 161, 'i32x4.all_true': 163, 'i32x4.bitmask': 164, 'i32x4.extend_low_i16x8_s': 167,
  'i32x4.extend_high_i16x8_s': 168, 'i32x4.extend_low_i16x8_u': 169, 'i32x4.extend_high_i16x8_u': 170,
  'i32x4.shl': 171, 'i32x4.shr_s': 172, 'i32x4.shr_u': 173, 'i32x4.add': 174, 'i32x4.sub': 177, 'i32x4.mul': 181,
  'i32x4.min_s': 182, 'i32x4.min_u': 183, 'i32x4.max_s': 184, 'i32x4.max_u': 185, 'i32x4.dot_i16x8_s': 186,
  'i32x4.extmul_low_i16x8_s': 188, 'i32x4.extmul_high_i16x8_s': 189, 'i32x4.extmul_low_i16x8_u': 190,
  'i32x4.extmul_high_i16x8_u': 191,
  'i64x2.abs': 192, 'i64x2.neg': 193, 'i64x2.all_true': 195, 'i64x2.bitmask': 196, 'i64x2.extend_low_i32x4_s': 199,
  'i64x2.extend_high_i32x4_s': 200, 'i64x2.extend_low_i32x4_u': 201, 'i64x2.extend_high_i32x4_u': 202,
  'i64x2.shl': 203, 'i64x2.shr_s': 204, 'i64x2.shr_u': 205, 'i64x2.add': 206, 'i64x2.sub': 209, 'i64x2.mul': 213,
  'i64x2.eq': 214, 'i64x2.ne': 215, 'i64x2.lt_s': 216, 'i64x2.gt_s': 217, 'i64x2.le_s': 218, 'i64x2.ge_s': 219,
  'i64x2.extmul_low_i32x4_s': 220, 'i64x2.extmul_high_i32x4_s': 221, 'i64x2.extmul_low_i32x4_u': 222,
  'i64x2.extmul_high_i32x4_u': 223,
} as const; // biome-ignore format: a table

/** Vector instructions with a lane number. */
export const LANE = {
  'i8x16.extract_lane_s': 21, 'i8x16.extract_lane_u': 22, 'i8x16.replace_lane': 23, 'i16x8.extract_lane_s': 24,
  'i16x8.extract_lane_u': 25, 'i16x8.replace_lane': 26, 'i32x4.extract_lane': 27, 'i32x4.replace_lane': 28,
  'i64x2.extract_lane': 29, 'i64x2.replace_lane': 30,
} as const; // biome-ignore format: a table

export const VECTOR_MEMORY = {
  'v128.load': 0,
  'v128.load64_zero': 93,
  'v128.load32_zero': 92,
  'v128.store': 11,
} as const;
/**
 * Atomic accesses (prefix 0xfe): sequentially consistent, the address must be a multiple of the size, and results of fewer
 * bits than the type are zero-extended.
 */
export const ATOMIC = {
  'i32.atomic.load': 0x10, 'i64.atomic.load': 0x11, 'i32.atomic.load8_u': 0x12, 'i32.atomic.load16_u': 0x13,
  'i32.atomic.store': 0x17, 'i64.atomic.store': 0x18, 'i32.atomic.store8': 0x19, 'i32.atomic.store16': 0x1a,
  'i32.atomic.rmw.cmpxchg': 0x48, 'i64.atomic.rmw.cmpxchg': 0x49, 'i32.atomic.rmw8.cmpxchg_u': 0x4a,
  'i32.atomic.rmw16.cmpxchg_u': 0x4b,
} as const; // biome-ignore format: a table
/** Followed by 16 bytes. */
export const VECTOR_BYTES = { 'v128.const': 12, 'i8x16.shuffle': 13 } as const;
/** With a lane number, on numbers. */
export const FLOAT_LANE = {
  'f32x4.extract_lane': 31, 'f32x4.replace_lane': 32, 'f64x2.extract_lane': 33, 'f64x2.replace_lane': 34,
} as const; // biome-ignore format: a table

/** The relaxed ones are not in every engine: probe before use. */
export const VECTOR_RELAXED = { 'i8x16.relaxed_swizzle': 256 } as const;

/** Vector floating point, some of it relaxed. */
export const VECTOR_FLOAT = {
  'f32x4.splat': 19, 'f64x2.splat': 20,
  'f32x4.eq': 65, 'f32x4.ne': 66, 'f32x4.lt': 67, 'f32x4.gt': 68, 'f32x4.le': 69, 'f32x4.ge': 70,
  'f64x2.eq': 71, 'f64x2.ne': 72, 'f64x2.lt': 73, 'f64x2.gt': 74, 'f64x2.le': 75, 'f64x2.ge': 76,
  'f32x4.demote_f64x2_zero': 94, 'f64x2.promote_low_f32x4': 95,
  'f32x4.ceil': 103, 'f32x4.floor': 104, 'f32x4.trunc': 105, 'f32x4.nearest': 106, 'f64x2.ceil': 116,
  'f64x2.floor': 117, 'f64x2.trunc': 122, 'f64x2.nearest': 148,
  'f32x4.abs': 224, 'f32x4.neg': 225, 'f32x4.sqrt': 227, 'f32x4.add': 228, 'f32x4.sub': 229, 'f32x4.mul': 230,
  'f32x4.div': 231, 'f32x4.min': 232, 'f32x4.max': 233,
  'f64x2.abs': 236, 'f64x2.neg': 237, 'f64x2.sqrt': 239, 'f64x2.add': 240, 'f64x2.sub': 241, 'f64x2.mul': 242,
  'f64x2.div': 243, 'f64x2.min': 244, 'f64x2.max': 245,
  'f32x4.relaxed_madd': 261, 'f32x4.relaxed_nmadd': 262, 'f64x2.relaxed_madd': 263, 'f64x2.relaxed_nmadd': 264,
} as const; // biome-ignore format: a table

export type IntOp = keyof typeof INT;
export type VectorOp = keyof typeof VECTOR;
export type LaneOp = keyof typeof LANE;
export type FloatLaneOp = keyof typeof FLOAT_LANE;
export type MemoryOp = keyof typeof MEMORY;
export type VectorMemoryOp = keyof typeof VECTOR_MEMORY;
export type AtomicOp = keyof typeof ATOMIC;
/** Every instruction without immediate operands that only computes. */
export type PlainOp =
  | IntOp
  | VectorOp
  | keyof typeof DIVISION
  | keyof typeof FLOAT
  | keyof typeof SATURATING
  | keyof typeof VECTOR_FLOAT
  | keyof typeof VECTOR_RELAXED;

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';
/** How the binary format names them. */
export const TYPE_CODE: Readonly<Record<ValueType, number>> = {
  i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b,
}; // biome-ignore format: a table
export interface Signature {
  readonly args: readonly ValueType[];
  readonly result: ValueType;
}

const UNARY =
  /^(eqz|clz|ctz|popcnt|abs|neg|not|ceil|floor|trunc|nearest|sqrt|extend.*|extadd.*|demote.*|promote.*|convert.*|trunc_sat.*|reinterpret.*|wrap.*)$/;
const TEST = /^(eqz?|ne|[lg][te](_[su])?)$/;

/** The scalar that a lane of the shape is moved as. */
function laneType(shape: string): ValueType {
  return shape[0] === 'f' ? (shape === 'f32x4' ? 'f32' : 'f64') : shape === 'i64x2' ? 'i64' : 'i32';
}

/** Types of a computing instruction, from its name alone. */
export function signature(name: PlainOp | LaneOp): Signature {
  const [type, op] = name.split('.') as [string, string];
  if (type.includes('x') || type === 'v128') {
    if (op === 'splat') return { args: [laneType(type)], result: 'v128' };
    if (op.startsWith('extract_lane')) return { args: ['v128'], result: laneType(type) };
    if (op === 'replace_lane') return { args: ['v128', laneType(type)], result: 'v128' };
    if (/^(any_true|all_true|bitmask)$/.test(op)) return { args: ['v128'], result: 'i32' };
    if (/^(shl|shr_[su])$/.test(op)) return { args: ['v128', 'i32'], result: 'v128' };
    const count = UNARY.test(op) ? 1 : /^(bitselect|relaxed_n?madd)$/.test(op) ? 3 : 2;
    return { args: Array<ValueType>(count).fill('v128'), result: 'v128' };
  }
  const from = /_(i32|i64|f32|f64)(_[su])?$/.exec(op);
  const arg = (from?.[1] ?? type) as ValueType;
  return {
    args: UNARY.test(op) ? [arg] : [arg, arg],
    result: TEST.test(op) ? 'i32' : (type as ValueType),
  };
}
