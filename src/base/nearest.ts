// Which known names somebody may have meant.

/** Insertions, deletions, replacements and exchanges of neighbours that lead from one text to the other. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** The names nearest to `text`, case ignored, nearest first; none that has little in common with it. */
export function nearest(text: string, names: Iterable<string>, count = 3): string[] {
  const wanted = text.toLowerCase();
  const far = Math.max(2, Math.ceil(wanted.length / 3));
  return [...new Set(names)]
    .map((name) => ({ name, d: distance(wanted, name.toLowerCase()) }))
    .filter(({ d }) => d <= far)
    .sort((a, b) => a.d - b.d || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}
/** `; did you mean a or b?`, or nothing. */
export function didYouMean(text: string, names: Iterable<string>): string {
  const found = nearest(text, names);
  return found.length === 0 ? '' : `; did you mean ${found.join(' or ')}?`;
}
