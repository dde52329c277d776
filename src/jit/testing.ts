// Random programs, for those who compare engines, and regions without one.

import { Decoder } from '../cpu/decode.ts';
import { importer } from '../interp/imports.ts';
import type { Random } from '../interp/testing.ts';
import { A64 } from '../isa/a64.ts';
import { collectRows } from '../isa/handlers.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { explore, type Graph } from './graph.ts';
import { type Assumptions, type Lifted, lift } from './lift.ts';
import { pageOf } from './places.ts';
import { buildRegion } from './region.ts';

const CONDITIONS = ['eq', 'ne', 'cs', 'cc', 'mi', 'pl', 'vs', 'vc', 'hi', 'ls', 'ge', 'lt', 'gt', 'le'] as const;

export interface RandomProgram {
  /** How it ends; what follows does not matter. */
  readonly end: string;
  /** For programs of a process: they may change their own code, jump to nowhere, take traps. */
  readonly process?: {
    /** The same code is mapped at the address with these bits changed, too. */
    readonly alias: number;
    /** The word of a line. */
    assemble(line: string): number;
  };
}
type Make = () => string;

/**
 * A program with branches, loops and calls that comes to an end, also if instructions that fault are passed over. It uses
 * x0..x9 for numbers, x10..x13 for addresses, x14..x19 for itself; x20 says how often it runs, x21 is the base of the data.
 */
export function randomProgram(r: Random, { end, process }: RandomProgram): string {
  const x = (): string => `${r.pick(['x', 'w'])}${r.below(10)}`;
  const big = (): string => `x${r.below(10)}`;
  const word = (): string => `w${r.below(10)}`;
  const same = (n: number): string => {
    const size = r.pick(['x', 'w']);
    return Array.from({ length: n }, () => `${size}${r.below(10)}`).join(', ');
  };
  const address = (): string => `x${10 + r.below(4)}`;
  const pair = (): string => `x${r.below(5)}, x${5 + r.below(5)}`;
  const d = (): number => r.below(6);
  const vectors = (n: number, shape: string): string => Array.from({ length: n }, () => `v${d()}.${shape}`).join(', ');
  const scalars = (n: number, size: string): string => Array.from({ length: n }, () => `${size}${d()}`).join(', ');
  const three = (...ops: string[]): string => `${r.pick(ops)} ${same(3)}`;
  const plain: readonly Make[] = [
    () => three('add', 'sub', 'and', 'orr', 'eor', 'bic', 'mul', 'udiv', 'sdiv', 'lsl', 'lsr', 'asr', 'ror'),
    () => three('adds', 'subs', 'ands', 'bics', 'adcs', 'sbcs', 'adc', 'sbc'),
    () => `${r.pick(['add', 'sub', 'adds', 'subs'])} ${same(2)}, #${r.below(4096)}`,
    () => `${r.pick(['cmp', 'cmn', 'tst'])} ${same(2)}`,
    () => `${r.pick(['ccmp', 'ccmn'])} ${same(2)}, #${r.below(16)}, ${r.pick(CONDITIONS)}`,
    () => `${r.pick(['csel', 'csinc', 'csinv', 'csneg'])} ${same(3)}, ${r.pick(CONDITIONS)}`,
    () => `madd ${same(4)}`,
    () => `crc32${r.pick(['b', 'h', 'w', 'cb', 'ch', 'cw'])} w${r.below(10)}, w${r.below(10)}, w${r.below(10)}`,
    () => `crc32${r.pick(['x', 'cx'])} w${r.below(10)}, w${r.below(10)}, x${r.below(10)}`,
    () => `${r.pick(['umulh', 'smulh'])} ${big()}, ${big()}, ${big()}`,
    () => `${r.pick(['clz', 'rbit', 'rev'])} ${same(2)}`,
    () => `extr ${same(3)}, #${r.below(32)}`,
    () => `${r.pick(['bfi', 'ubfx', 'sbfiz'])} ${same(2)}, #${r.below(16)}, #${1 + r.below(16)}`,
    () => `mov ${x()}, #${r.below(65536)}`,
    () => `adr ${big()}, .+${4 * r.below(100)}`,
    // Now and then an address is left that leads nowhere.
    () => {
      const a = address();
      const b = r.below(8) === 0 ? address() : a;
      return `and ${a}, ${big()}, #0x${r.pick(['3fff', '3ff8', '1ff0', '0fff'])}\n add ${b}, x21, ${b}`;
    },
    () => `mrs ${big()}, nzcv`,
    () => `msr nzcv, ${big()}`,
    () => r.pick(process ? ['yield', 'isb'] : ['yield', 'isb', `mrs ${big()}, cntvct_el0`, `mrs ${big()}, cntpct_el0`]),
  ];
  const memory: readonly Make[] = [
    () => `${r.pick(['ldr', 'str'])} ${x()}, [${address()}]`,
    () => `${r.pick(['ldrb', 'strb', 'ldrh', 'strh', 'ldrsb', 'ldrsh'])} ${word()}, [${address()}]`,
    () => `${r.pick(['ldr', 'str'])} ${big()}, [x21, #${8 * r.below(2000)}]`,
    () => `ldr ${big()}, [${address()}], #${r.below(16)}`,
    () => `${r.pick(['ldr', 'str'])} ${r.pick(['d', 's'])}${d()}, [${address()}]`,
    () => `ldr q${d()}, [${address()}]`,
  ];
  /** What machines may do differently: which part is done before a fault, whether a store without a reservation faults. */
  const loose: readonly Make[] = [
    () => `str q${d()}, [${address()}]`,
    () => `${r.pick(['ldp', 'stp'])} ${pair()}, [${address()}, #${8 * r.below(8)}]`,
    () => `ldp ${pair()}, [${address()}], #${8 * (r.below(9) - 4)}`,
    () => `stp ${pair()}, [${address()}, #${8 * (r.below(9) - 4)}]!`,
    () => `ldadd ${big()}, ${big()}, [${address()}]`,
    () => `ldxr ${big()}, [${address()}]`,
    () => `stxr w${r.below(5)}, x${5 + r.below(5)}, [${address()}]`,
    () => `dc zva, ${address()}`,
  ];
  const vector: readonly Make[] = [
    () => `${r.pick(['fadd', 'fsub', 'fmul', 'fdiv', 'fmax', 'fmin'])} ${scalars(3, 'd')}`,
    () => `${r.pick(['fadd', 'fsub', 'fmul', 'fdiv'])} ${scalars(3, 's')}`,
    () => `${r.pick(['fmadd', 'fnmsub', 'fmsub'])} ${scalars(4, r.pick(['d', 's']))}`,
    () => `fcmp d${d()}, d${d()}`,
    () => `fcsel d${d()}, d${d()}, d${d()}, ${r.pick(CONDITIONS)}`,
    () => `scvtf d${d()}, ${big()}`,
    () => `fcvtzs ${big()}, d${d()}`,
    () => `fmov d${d()}, ${big()}`,
    () => `${r.pick(['fsqrt', 'frintn', 'frintz', 'fabs', 'fneg'])} ${scalars(2, 'd')}`,
    () => `${r.pick(['add', 'sub', 'mul'])} ${vectors(3, '4s')}`,
    () => `${r.pick(['fadd', 'fmul', 'fmla', 'fmls'])} ${vectors(3, r.pick(['2d', '4s']))}`,
    () => `${r.pick(['zip1', 'uzp2', 'cmhi', 'uqadd', 'orr'])} ${vectors(3, '16b')}`,
    () => `fcvt s${d()}, d${d()}`,
    () => `frecpe d${d()}, d${d()}`,
    () => `movi v${d()}.${r.pick(['16b', '4s', '8h'])}, #${r.below(256)}`,
    () => `${r.pick(['aese', 'aesd', 'aesmc', 'aesimc'])} ${vectors(2, '16b')}`,
    () => `${r.pick(['eor3', 'bcax'])} ${vectors(4, '16b')}`,
    () => `${r.pick(['sha256h', 'sha256h2'])} q${d()}, q${d()}, ${vectors(1, '4s')}`,
    () => `${r.pick(['sha256su0', 'sha1su1', 'sm4e'])} ${vectors(2, '4s')}`,
    () => `pmull v${d()}.1q, ${vectors(2, '1d')}`,
  ];
  /** Of a process: with x18 as the address of something aligned; that is always there. */
  const aligned = (line: string): string => `and x18, ${address()}, #0xfffffffffffffff0\n ${line}`;
  const present = (line: string): string => `and x18, ${address()}, #0x1ff0\n add x18, x21, x18\n ${line}`;
  /**
   * Zeroes a block, which may fault, then as memset does the 512 bytes that begin there: the same comes of blocks of all sizes.
   * Only what cannot fault has their size in a register. x14 is 0 if there is memory that the first DC ZVA may have zeroed.
   */
  const zeroes = (to: string): string => `and x18, ${to}, #0xfffffffffffffe00
 mov x14, #-1\n dc zva, x18\n ldr x14, [x18]\n cbnz x14, .+48
 add x14, x18, #512\n mrs x19, dczid_el0\n and x19, x19, #15\n mov x17, #4\n lsl x19, x17, x19
 add x18, x18, #${r.below(64)}\n dc zva, x18\n add x18, x18, x19\n cmp x18, x14\n b.lo .-12\n mov x19, #0`;
  const system: readonly Make[] = [
    () => aligned(`${r.pick(['ldp', 'stp'])} ${pair()}, [x18, #${16 * r.below(8)}]`),
    () => aligned(`ldp ${pair()}, [x18], #${16 * (r.below(9) - 4)}\n mov ${address()}, x18`),
    () => aligned(`stp ${pair()}, [x18, #${16 * (r.below(9) - 4)}]!\n ldp d0, d1, [x18]`),
    () => aligned(`${r.pick(['ldadd', 'ldclral', 'ldset', 'ldeora', 'ldsmax', 'ldumin', 'swpal'])} ${same(2)}, [x18]`),
    () => aligned(`${r.pick(['cas', 'casal'])} ${same(2)}, [x18]`),
    () => aligned(`casp ${r.pick(['x0, x1', 'x2, x3'])}, x4, x5, [x18]`),
    () => present(`ldaxr ${big()}, [x18]\n ${r.pick(plain)()}\n stlxr w${r.below(5)}, x${5 + r.below(5)}, [x18]`),
    () => aligned(`${r.pick(['ld1 {v0.16b}', 'st1 {v0.16b}', `str q${d()}`])}, [x18]`),
    () => 'msr fpsr, xzr',
    () => `mrs ${big()}, fpsr`,
    () => `msr fpcr, ${r.pick(['xzr', 'xzr', 'x24'])}`,
    () => r.pick(['udf #1', 'brk #2', 'nop', 'yield', 'prfm pldl1keep, [x10]', 'clrex']),
    () => r.pick(['cfinv', 'rmif x3, #5, #3', 'setf8 w4', 'axflag']),
    () => `crc32cx ${word()}, ${word()}, ${big()}`,
    () => `ldr ${big()}, [x21, ${address()}]`,
    () => `adr x18, .+${8 + r.below(8)}\n ${r.pick(['br', 'blr'])} x18\n nop\n nop\n nop`,
    () => aligned(`${r.pick(['blr', 'blr', 'br'])} x18`),
    () => `mov x0, ${big()}\n mov x8, #1000\n svc #0`,
    () => zeroes(address()),
  ];
  const lines: string[] = [];
  /** Places whose instruction may be replaced. */
  const targets: string[] = [];
  const straight = (anything = true): void => {
    for (let n = 1 + r.below(6); n > 0; n--) {
      const kinds = [plain, plain, memory, vector, process ? system : loose].slice(0, anything ? 5 : 4);
      if (process && r.below(12) === 0) {
        const name = `t${targets.length}`;
        targets.push(name);
        lines.push(`${name}: ${r.pick(plain)()}`);
      } else lines.push(r.pick(r.pick(kinds))());
    }
  };
  /** Ends, too, where something has come into the middle of a loop. */
  const countdown = (counter: string, to: string): string[] =>
    r.below(2) === 0
      ? [`subs ${counter}, ${counter}, #1`, `b.gt ${to}`]
      : process
        ? [`sub ${counter}, ${counter}, #1`, `cmp ${counter}, xzr`, `b.gt ${to}`]
        : [`sub ${counter}, ${counter}, #1`, `cbnz ${counter}, ${to}`];
  let label = 100;
  const body = (depth: number): void => {
    for (let n = 1 + r.below(4); n > 0; n--) {
      straight();
      const l = label++;
      switch (r.below(depth > 0 ? (process ? 8 : 6) : 3)) {
        case 0:
          lines.push(`b.${r.pick(CONDITIONS)} ${l}f`);
          straight();
          lines.push(`${l}:`);
          break;
        case 1:
          lines.push(`${r.pick(['cbz', 'cbnz'])} ${x()}, ${l}f`);
          straight();
          lines.push(`b ${l}0f`, `${l}:`);
          straight();
          lines.push(`${l}0:`);
          break;
        case 2:
          lines.push(`tbnz ${big()}, #${r.below(64)}, ${l}f`);
          straight();
          lines.push(`${l}:`);
          break;
        case 3: {
          const counter = `x${14 + depth}`;
          lines.push(`mov ${counter}, #${2 + r.below(6)}`, `${l}:`);
          body(depth - 1);
          lines.push(...countdown(counter, `${l}b`));
          break;
        }
        case 4:
          lines.push('bl 9f');
          break;
        case 5:
          lines.push(`adr x19, ${l}f`, r.pick(['br x19', 'blr x19']));
          straight();
          lines.push(`${l}:`, r.pick(['bti j', 'bti c', 'bti jc', 'nop']));
          break;
        default:
          lines.push(CHANGE);
      }
    }
  };
  lines.push('1:');
  body(2);
  lines.push(...countdown('x20', '1b'), end, '9:');
  straight(false);
  lines.push('ret');
  if (!process) return lines.join('\n');

  /** One of two words is put in a place, by one of its addresses, as Arm demands it of those who change code. */
  const change = (): string => {
    if (targets.length === 0) return 'nop';
    const target = r.pick(targets);
    const one = (register: string): string => {
      const w = process.assemble(r.pick(plain)().split('\n')[0]!);
      return `movz ${register}, #${w & 0xffff}\n movk ${register}, #${w >>> 16}, lsl #16`;
    };
    return `adr x18, ${target}\n ${one('w19')}\n ${one('w14')}\n csel w19, w19, w14, ${r.pick(CONDITIONS)}
 eor x14, x18, #${process.alias}\n str w19, [${r.pick(['x18', 'x18', 'x14'])}]
 dc cvau, x18\n dsb ish\n ic ivau, x18\n ic ivau, x14\n dsb ish\n isb`;
  };
  return lines
    .map((line) => (line === CHANGE ? `b.${r.pick(CONDITIONS)} ${label}f\n ${change()}\n ${label++}:` : line))
    .join('\n');
}
/** Stands for a change of code until all places are known. */
const CHANGE = '(change)';

/** The graph of code, with everything known that is there. @param words from `root` on, which is where it is entered @param elsewhere as of explore */
export function testGraph(
  words: Uint32Array,
  root: number,
  known: Assumptions,
  elsewhere: (place: number) => number = () => 0,
): Graph {
  const fetch = (place: number): Lifted | undefined => {
    const word = words[place - root];
    const d = word === undefined ? undefined : decoder.decode(word);
    return d && lift(d.entry.handler(d.fields), d.fields, known);
  };
  return explore(root, fetch, () => [], { size: 500, entries: 64 }, elsewhere);
}
const decoder = new Decoder(collectRows(A64), () => true);

/** A region as a module of its own, as if an interpreter had its records anywhere. @param places in all its pages */
export function testRegion(graph: Graph, known: Assumptions, places: readonly number[]) {
  const module = new ModuleBuilder();
  const options = {
    known,
    pages: [...new Set(places.map(pageOf))],
    cell: 0x8000,
    flat: [0x1000000, 0x1800000] as const,
    fused: true,
    parallel: false,
    misses: 0x7000,
    asks: undefined,
    constants: { crcTables: () => 0x3000, vector: (value: bigint) => 0x4000 + 16 * Number(value % 64n) },
  };
  const { func, limits } = buildRegion(module, importer(module).add, graph, options);
  module.export('0', func);
  return { limits, bytes: module.finish() };
}
