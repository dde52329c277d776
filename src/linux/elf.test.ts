import { describe, expect, it } from 'vitest';
import { ElfError, parseElf } from './elf.ts';
import { tinyElf } from './testing.ts';

const parse = (b: Uint8Array) => parseElf('prog', b.length, (o, n) => b.subarray(o, o + n));
const changed = (f: (v: DataView, b: Uint8Array) => void) => {
  const b = tinyElf();
  f(new DataView(b.buffer), b);
  return () => parse(b);
};

describe('parseElf', () => {
  it('reads a program', () => {
    const e = parse(tinyElf());
    expect(e.isPie).toBe(false);
    expect(e.entry).toBe(0x400100);
    expect(e.phdrAddr).toBe(0x400040);
    expect(e.segments).toEqual([{ vaddr: 0x400000, offset: 0, filesz: 4096, memsz: 4096, prot: 7, align: 4096 }]);
  });
  it('finds the promise to land on BTI instructions only', () => {
    expect(parse(tinyElf()).bti).toBe(false);
    // A second program header, which names a note behind the segment's bytes.
    const note = [4, 0, 0, 0, 24, 0, 0, 0, 5, 0, 0, 0, 0x47, 0x4e, 0x55, 0];
    const other = [2, 0, 0, 0xc0, 4, 0, 0, 0, 0, 0, 0, 0];
    const withNote = (features: number): Uint8Array => {
      const b = tinyElf();
      const v = new DataView(b.buffer);
      v.setUint16(56, 2, true);
      v.setUint32(120, 0x6474e553, true);
      v.setBigUint64(128, 0x200n, true);
      v.setBigUint64(152, 64n, true);
      b.set([...note, ...other, 0, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0, features], 0x200);
      v.setUint32(0x204, 32, true);
      return b;
    };
    expect([1, 2, 3].map((f) => parse(withNote(f)).bti)).toEqual([true, false, true]);
  });
  it('says in one line what is wrong', () => {
    const rejects = (f: () => unknown, text: RegExp) => {
      expect(f).toThrow(ElfError);
      expect(f).toThrow(text);
      try {
        f();
      } catch (e) {
        expect((e as Error).message).not.toContain('\n');
      }
    };
    rejects(() => parse(new TextEncoder().encode('#!/bin/sh\n')), /prog: not an ELF program/);
    rejects(() => parse(new Uint8Array(0)), /not an ELF program/);
    rejects(() => parse(tinyElf().subarray(0, 40)), /header is cut off/);
    rejects(
      changed((v) => v.setUint16(18, 62, true)),
      /a program for x86-64, not arm64/,
    );
    rejects(
      changed((v) => v.setUint16(18, 0x1234, true)),
      /machine 4660/,
    );
    rejects(
      changed((_, b) => b.set([1], 4)),
      /32-bit/,
    );
    rejects(
      changed((_, b) => b.set([2], 5)),
      /big-endian/,
    );
    rejects(
      changed((v) => v.setUint16(16, 1, true)),
      /not a program/,
    );
    rejects(
      changed((v) => v.setBigUint64(96, 100000n, true)),
      /larger in the file than in memory/,
    );
    rejects(
      changed((v) => {
        v.setBigUint64(96, 100000n, true);
        v.setBigUint64(104, 100000n, true);
      }),
      /segment 0 ends at byte 100000, but the file has only 4096: truncated/,
    );
    rejects(
      changed((v) => v.setBigUint64(80, 0x400001n, true)),
      /not aligned/,
    );
    rejects(
      changed((v) => v.setUint32(64, 5, true)),
      /no loadable segment/,
    );
    rejects(
      changed((v) => v.setBigUint64(32, 1n << 40n, true)),
      /program headers are cut off/,
    );
  });
});
