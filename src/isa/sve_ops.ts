// What SVE does to single elements: functions of numbers (up to 32 bits, read signed or unsigned as the operation says)
// and of bigints (64 bits). Results are taken modulo the width when they are written.

import type { F2, Op2 } from './sve_lanes.ts';

export const op2 = (n: F2<number>, w: F2<bigint>): Op2 => ({ signed: false, n, w });
export const signed2 = (n: F2<number>, w: F2<bigint>): Op2 => ({ signed: true, n, w });

export const add = op2((a, b) => a + b, (a, b) => a + b); // biome-ignore format: a table
export const sub = op2((a, b) => a - b, (a, b) => a - b); // biome-ignore format: a table
