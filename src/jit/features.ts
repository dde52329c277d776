// What the WebAssembly engine can do, found out by trying.

import type { WasmFunction } from '../base/webassembly.ts';

/** A function of three f64, which multiplies the first two and adds the third, rounds once. */
export function roundsOnce(madd: WasmFunction): boolean {
  // Exact products need twice the digits: what is left after the rounded product is taken away is not zero.
  const cases: readonly (readonly [number, number, number, number])[] = [
    [1 + 2 ** -52, 1 + 2 ** -52, -(1 + 2 ** -51), 2 ** -104],
    [1 + 2 ** -30, 1 - 2 ** -30, -1, -(2 ** -60)],
    [3, 1 / 3, -1, -(2 ** -54)],
    [2 ** 600, 2 ** 500, -(2 ** 1023), Number.POSITIVE_INFINITY],
  ];
  return cases.every(([a, b, c, expected]) => madd(a, b, c) === expected);
}
