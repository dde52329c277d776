// The conditions of branches and selections.

/** Whether a condition (0 EQ, 1 NE, ... 14 and 15 always) holds. */
export function conditionHolds(condition: number, nzcv: number): boolean {
  const [n, z, c, v] = [(nzcv & 8) !== 0, (nzcv & 4) !== 0, (nzcv & 2) !== 0, (nzcv & 1) !== 0];
  const base = [z, c, n, v, c && !z, n === v, n === v && !z, true][condition >> 1]!;
  return (condition & 1) === 1 && condition !== 15 ? !base : base;
}
