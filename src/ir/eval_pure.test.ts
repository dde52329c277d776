// What the evaluator says an operation means, against the WebAssembly engine that runs this test.

import { describe, expect, it } from 'vitest';
import { WebAssemblyHost } from '../base/webassembly.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { INT, LANE, type LaneOp, type PlainOp, signature, VECTOR } from '../wasm/opcodes.ts';
import { PURE, type Value } from './eval_pure.ts';
import { OPS, type Op, type Ty } from './ops.ts';

const RESULT = 64;
const memory = new WebAssemblyHost.Memory({ initial: 1, maximum: 1 });
const view = new DataView(memory.buffer);

let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed ^ (seed >>> 15)) >>> 0;
};
const WORDS = [0, 1, 2, 31, 32, 63, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const word = (): number => (random() & 1 ? random() : WORDS[random() % WORDS.length]!);

function put(at: number, ty: Ty, value: Value): void {
  let v = BigInt.asUintN(128, BigInt(value));
  for (let i = 0; i < (ty === 'v128' ? 16 : ty === 'i64' ? 8 : 4); i++, v >>= 8n)
    view.setUint8(at + i, Number(v & 255n));
}
function take(at: number, ty: Ty): Value {
  if (ty === 'i32') return view.getInt32(at, true);
  const lo = view.getBigUint64(at, true);
  return ty === 'i64' ? lo : lo | (view.getBigUint64(at + 8, true) << 64n);
}
function value(ty: Ty): Value {
  if (ty === 'i32') return word() | 0;
  const parts = ty === 'i64' ? 2 : 4;
  let v = 0n;
  for (let i = 0; i < parts; i++) v = (v << 32n) | BigInt(word());
  return v;
}

/** A module with one function for each operation (and lane), which works from memory to memory. */
const cases = [
  ...[...Object.keys(INT), ...Object.keys(VECTOR)].map((op) => ({ op: op as PlainOp, lane: undefined })),
  ...(Object.keys(LANE) as LaneOp[]).flatMap((op) => {
    const lanes = 128 / Number(op.slice(1).split('x')[0]);
    return Array.from({ length: lanes }, (_, lane) => ({ op, lane }));
  }),
];
function compile(): Readonly<Record<string, unknown>> {
  const module = new ModuleBuilder();
  module.importMemory('h', 'memory', 1, 1);
  for (const [i, { op, lane }] of cases.entries()) {
    const { args, result } = signature(op);
    const f = module.function([], [], (code) => {
      code.i32(RESULT);
      args.forEach((ty, k) => {
        code.i32(16 * k).mem(`${ty as Ty}.load`);
      });
      if (lane === undefined) code.op(op as PlainOp);
      else code.lane(op as LaneOp, lane);
      code.mem(`${result as Ty}.store`);
    });
    module.export(String(i), f);
  }
  return new WebAssemblyHost.Instance(new WebAssemblyHost.Module(module.finish()), { h: { memory } }).exports;
}

describe('pure operations', () => {
  it('are what WebAssembly makes of their names', () => {
    const exports = compile();
    for (const [i, { op, lane }] of cases.entries()) {
      const { args, result } = signature(op) as { args: Ty[]; result: Ty };
      for (let round = 0; round < 40; round++) {
        const values = args.map(value);
        values.forEach((v, k) => {
          put(16 * k, args[k]!, v);
        });
        (exports[String(i)] as () => void)();
        const ours = PURE[op]!(lane as never, ...(values as never[]));
        expect({ op, lane, values, result: ours }).toEqual({ op, lane, values, result: take(RESULT, result) });
      }
    }
  });
  it('all have a meaning', () => {
    const without = (Object.keys(OPS) as Op[]).filter((op) => OPS[op].effect === 'pure' && !PURE[op]);
    expect(without).toEqual([
      'const.i32',
      'const.i64',
      'const.v128',
      'imm.i32',
      'imm.i64',
      'pc',
      'executed',
      'ptr.add',
      'ptr.check',
    ]);
  });
  it('take most negative by -1 and zero divisors as Arm does', () => {
    const call = (op: string, ...args: Value[]): Value => PURE[op]!(undefined as never, ...(args as never[]));
    expect(call('i32.quot_s', -(2 ** 31), -1)).toBe(-(2 ** 31));
    expect(call('i64.quot_s', 1n << 63n, (1n << 64n) - 1n)).toBe(1n << 63n);
    expect(call('i64.quot_u', 5n, 0n)).toBe(0n);
    expect(call('i64.mulhi_s', (1n << 64n) - 1n, 5n)).toBe((1n << 64n) - 1n);
    expect(call('i64.mulhi_u', (1n << 64n) - 1n, 5n)).toBe(4n);
  });
});
