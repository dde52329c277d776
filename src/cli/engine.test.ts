// Which engine the command line means.

import { describe, expect, it } from 'vitest';
import { UsageError } from '../base/assert.ts';
import { chooseTier } from './engine.ts';
import { parseExec } from './options.ts';

describe('the engine', () => {
  it('is chosen by option, then by environment, and is auto otherwise', () => {
    expect(parseExec(['prog'], {})?.engine).toBe('auto');
    expect(parseExec(['prog'], { HYPATIA_ENGINE: 'interp' })?.engine).toBe('interp');
    expect(parseExec(['--engine', 'jit', 'prog'], { HYPATIA_ENGINE: 'interp' })?.engine).toBe('jit');
    expect(() => parseExec(['--engine', 'fast', 'prog'], {})).toThrow(UsageError);
    expect(() => parseExec(['--jit-cache', '0', 'prog'], {})).toThrow(UsageError);
  });
  it('compiles nothing as an interpreter', async () => {
    expect((await chooseTier('interp')).make).toBeUndefined();
    expect((await chooseTier('jit')).make).toBeDefined();
    expect((await chooseTier('auto')).make).toBeDefined();
  });
});
