// What all encoding rows must satisfy beyond what their types say.

import { describe, expect, it } from 'vitest';
import { isFeat } from '../arch/features.ts';
import { A64 } from './a64.ts';

const rows = A64.flatMap((g) => Object.entries(g.rows));

describe('encoding rows', () => {
  it('have names of their own', () => {
    const names = rows.map(([name]) => name);
    expect(names.filter((n, i) => names.indexOf(n) !== i)).toEqual([]);
  });
  it('name features that exist', () => {
    const wrong = rows.flatMap(([name, row]) =>
      [row.feat, row.also].filter((f) => f !== undefined && !isFeat(f)).map((f) => `${name}: ${f}`),
    );
    expect(wrong).toEqual([]);
  });
  it('lie inside rows that exist', () => {
    const names = new Set(rows.map(([name]) => name));
    expect(rows.filter(([, row]) => row.inside !== undefined && !names.has(row.inside)).map(([name]) => name)).toEqual(
      [],
    );
  });
});
