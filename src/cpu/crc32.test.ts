import { describe, expect, it } from 'vitest';
import { crc32, crc32c } from './crc32.ts';

/** The usual checksum: inverted before and after. */
function checksum(step: typeof crc32, text: string): string {
  const crc = [...text].reduce((c, ch) => step(c, ch.charCodeAt(0), 8), -1);
  return (~crc >>> 0).toString(16);
}

describe('CRC32 instructions', () => {
  it('give the published check values', () => {
    expect(checksum(crc32, '123456789')).toBe('cbf43926');
    expect(checksum(crc32c, '123456789')).toBe('e3069283');
  });
  it('take in wider data from its low byte', () => {
    for (const step of [crc32, crc32c]) {
      const bytes = [0x78, 0x56, 0x34, 0x12].reduce((c, b) => step(c, b, 8), 0x1234567);
      expect(step(0x1234567, 0x12345678, 32)).toBe(bytes);
      expect(step(step(0x1234567, 0xffff5678, 16), 0x1234, 16)).toBe(bytes);
    }
  });
});
