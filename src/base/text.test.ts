import { describe, expect, it } from 'vitest';
import { textOf } from './text.ts';

describe('text', () => {
  it('is what its bytes say', () => {
    for (const text of ['', 'plain', 'x'.repeat(10_000), 'größer als ½ π', `${'y'.repeat(5000)}é`]) {
      expect(textOf(new TextEncoder().encode(text))).toBe(text);
    }
    expect(textOf(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\ufffdb');
  });
});
