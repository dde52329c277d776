// Rows of system calls: what they say of their arguments is checked, and taken apart.

import { expect, it } from 'vitest';
import { paramsOf, sys } from './schema.ts';

it('has the names and kinds of its arguments', () => {
  const row = sys(63, 'fd fd, bufout buf, size count', (_, { fd, buf, count }) => fd + Number(buf) + count);
  expect(paramsOf(row)).toEqual([
    ['fd', 'fd'],
    ['buf', 'bufout'],
    ['count', 'size'],
  ]);
  expect(paramsOf(sys(124, '', () => 0))).toEqual([]);
});
it('does not compile with a kind that there is not, or a name that is not its own', () => {
  // @ts-expect-error: no such kind
  expect(paramsOf(sys(63, 'fd fd, bytes buf', () => 0))).toHaveLength(2);
  // @ts-expect-error: no argument of that name
  sys(63, 'fd fd', (_, { buf }) => Number(buf));
});
