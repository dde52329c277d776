import { expect, test } from 'vitest';
import { didYouMean, nearest } from './nearest.ts';

test('suggests what is near, nearest first, and nothing else', () => {
  const names = ['fdot', 'fmlalb', 'fmlalt', 'famax', 'FPMR', 'LSCALE', 'LSCALE2'];
  expect(nearest('fodt', names)).toEqual(['fdot']);
  expect(nearest('fmlalx', names)).toEqual(['fmlalb', 'fmlalt']);
  expect(nearest('lscal', names)).toEqual(['LSCALE', 'LSCALE2']);
  expect(nearest('bogus', names)).toEqual([]);
  expect(didYouMean('fpmr', names)).toBe('; did you mean FPMR?');
  expect(didYouMean('quite different', names)).toBe('');
});
