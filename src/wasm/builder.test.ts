import { describe, expect, it } from 'vitest';
import { WebAssemblyHost } from '../base/webassembly.ts';
import { Code } from './builder.ts';
import { ModuleBuilder } from './module.ts';
import { signature } from './opcodes.ts';

/** The result of a function without parameters. */
function run(type: 'i32' | 'i64', write: (code: Code) => void): unknown {
  const m = new ModuleBuilder();
  m.export('f', m.function([], [type], write));
  const { exports } = new WebAssemblyHost.Instance(new WebAssemblyHost.Module(m.finish()), {});
  return (exports['f'] as () => unknown)();
}

describe('the WebAssembly writer', () => {
  it('writes constants of all sizes', () => {
    for (const v of [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)]) {
      expect(run('i32', (c) => void c.i32(v))).toBe(v);
      expect(run('i64', (c) => void c.i64(BigInt(v)))).toBe(BigInt(v));
    }
    for (const v of [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(run('i64', (c) => void c.i64(v))).toBe(v);
    }
  });
  it('branches to labels, out of any depth', () => {
    const result = run('i32', (c) => {
      const n = c.local('i32');
      const out = c.block('block');
      const again = c.block('loop');
      c.get(n).i32(1).op('i32.add').tee(n).i32(10).op('i32.ge_u');
      c.block('if');
      c.br(out).end();
      c.br(again).end().end();
      c.get(n);
    });
    expect(result).toBe(10);
  });
  it('chooses by table', () => {
    const pick = (index: number): unknown =>
      run('i32', (c) => {
        const other = c.block('block');
        const one = c.block('block');
        const zero = c.block('block');
        c.i32(index).brTable([zero, one], other).end();
        c.i32(100).return().end();
        c.i32(101).return().end();
        c.i32(999);
      });
    expect([0, 1, 2, 77].map(pick)).toEqual([100, 101, 999, 999]);
  });
  it('refuses code whose blocks do not match', () => {
    const open = new Code([]);
    open.block('block');
    expect(() => open.finish()).toThrow('not ended');
    expect(() => new Code([]).end()).toThrow('not begun');
  });
  it('says which branches seldom happen', () => {
    const code = new Code(['i32']);
    code.local('i64');
    code.get(0).seldom().block('if');
    code.end();
    const { locals, code: instructions, unlikely } = code.finish();
    const bytes = [...locals.view, ...instructions.view];
    const IF = 0x04;
    expect(unlikely.map((at) => bytes[at])).toEqual([IF]);
    const module = new ModuleBuilder();
    module.importFunction('m', 'f', [], []);
    module.function(['i32'], [], (c) => {
      c.get(0).seldom().block('if');
      c.end();
    });
    const text = String.fromCharCode(...module.finish());
    // One function, number 1 because of the import, with one hint of one byte: at offset 3, not taken.
    expect(text).toContain('metadata.code.branch_hint\x01\x01\x01\x03\x01\x00');
    expect(WebAssemblyHost.validate(module.finish())).toBe(true);
  });
  it('derives types from names', () => {
    expect(signature('i64.eqz')).toEqual({ args: ['i64'], result: 'i32' });
    expect(signature('i64.extend_i32_u')).toEqual({ args: ['i32'], result: 'i64' });
    expect(signature('i16x8.extmul_low_i8x16_s')).toEqual({ args: ['v128', 'v128'], result: 'v128' });
    expect(signature('i64x2.splat')).toEqual({ args: ['i64'], result: 'v128' });
    expect(signature('f64.convert_i64_u')).toEqual({ args: ['i64'], result: 'f64' });
    expect(signature('v128.bitselect').args.length).toBe(3);
  });
});
