import { describe, expect, it } from 'vitest';
import { ModuleBuilder } from './module.ts';
import { printModule } from './wat.ts';

/** The lines of the body that `write` writes. */
function body(write: Parameters<ModuleBuilder['function']>[2]): string[] {
  const m = new ModuleBuilder();
  m.function(['i32', 'i64'], ['i32'], write);
  const lines = printModule(m.finish()).split('\n');
  return lines.slice(lines.findIndex((l) => l.includes('(func')) + 1, -1).map((l) => l.slice(4));
}

describe('modules as text', () => {
  it('puts operands into their instructions', () => {
    const lines = body((c) => {
      const t = c.local('i64');
      c.get(1).i64(-0x123456789n).op('i64.add').tee(t).op('i32.wrap_i64').get(0).mem('i32.load', 24).op('i32.xor');
    });
    expect(lines).toEqual([
      '(local i64)  ;; $2',
      'i32.xor',
      '  (i32.wrap_i64 (local.tee $2 (i64.add (local.get $1) (i64.const -0x123456789))))',
      '  (i32.load offset=24 (local.get $0)))',
    ]);
  });
  it('writes down what waits on the stack before something else is done', () => {
    const lines = body((c) => {
      c.get(0).i32(1).get(0).mem('i32.store8').i32(2).op('i32.add');
    });
    expect(lines).toEqual(['local.get $0', 'i32.store8 (i32.const 1) (local.get $0)', 'i32.add (i32.const 2))']);
  });
  it('names blocks, indents them and knows where branches lead', () => {
    const lines = body((c) => {
      const out = c.block('block', 'i32');
      const again = c.block('loop');
      c.get(0);
      c.block('if');
      c.br(again).else().i32(7).br(out).end();
      c.get(0).brTable([again], out).end().unreachable().end();
    });
    expect(lines).toEqual([
      'block $L0 (result i32)',
      '  loop $L1',
      '    local.get $0',
      '    if $L2',
      '      br $L1',
      '    else',
      '      i32.const 7',
      '      br $L0',
      '    end',
      '    br_table $L1 $L0 (local.get $0)',
      '  end',
      '  unreachable',
      'end)',
    ]);
  });
  it('shows vectors, floats, calls and imports', () => {
    const m = new ModuleBuilder();
    const f = m.importFunction('host', 'probe', ['i64'], ['i32']);
    m.importMemory('host', 'memory', 1, 2);
    m.importTable('host', 'table');
    const type = m.type(['i32'], ['i32']);
    m.export(
      'run',
      m.function([], ['i32'], (c) => {
        c.v128(0x00112233_44556677_8899aabb_ccddeeffn).lane('i64x2.extract_lane', 1).call(f).drop();
        c.f64(1.5).op('i32.trunc_sat_f64_s').i32(3).returnCallIndirect(type);
      }),
    );
    expect(printModule(m.finish()).split('\n')).toEqual([
      '(module',
      '  (import "host" "probe" (func $f0 (param i64) (result i32)))',
      '  (import "host" "memory" (memory 1 2))',
      '  (import "host" "table" (table 0 funcref))',
      '  (export "run" (func 1))',
      '  (func $f1 (result i32)',
      '    drop (call $f0 (i64x2.extract_lane 1 (v128.const i32x4 0xccddeeff 0x8899aabb 0x44556677 0x00112233)))',
      '    return_call_indirect (i32.trunc_sat_f64_s (f64.const 1.5)) (i32.const 3))',
      ')',
    ]);
  });
  it('refuses what the writer does not write', () => {
    const m = new ModuleBuilder();
    m.function([], [], (c) => c.byte(0x06));
    expect(() => printModule(m.finish())).toThrow('0x6');
  });
});
