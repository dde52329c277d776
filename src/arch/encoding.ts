// How the encodings of system registers and operations are packed into a number.

/** op0, op1, CRn, CRm, op2 of MRS/MSR/SYS. */
export type Encoding = readonly [op0: number, op1: number, CRn: number, CRm: number, op2: number];

/** Packs an encoding: op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2. */
export function enc(op0: number, op1: number, CRn: number, CRm: number, op2: number): number {
  return (op0 << 14) | (op1 << 11) | (CRn << 7) | (CRm << 3) | op2;
}
/** The five numbers of a packed encoding. */
export function encParts(packed: number): Encoding {
  return [(packed >> 14) & 3, (packed >> 11) & 7, (packed >> 7) & 15, (packed >> 3) & 15, packed & 7];
}
/** Arm's name for an encoding without one: S3_3_C4_C4_2. */
export function encText(packed: number): string {
  const [op0, op1, CRn, CRm, op2] = encParts(packed);
  return `S${op0}_${op1}_C${CRn}_C${CRm}_${op2}`;
}
