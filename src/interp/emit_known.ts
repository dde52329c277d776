// Code that copies the record of an instruction word which has been met before, on this page or another: most of what a short
// program meets. All else of decoding is TypeScript's (predecode.ts), and so is whatever is unusual here.

import { FRAME_SHIFT, FRAME_SIZE } from '../cpu/physmem.ts';
import type { Code } from '../wasm/builder.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { Pair, Same } from './hot_variants.ts';
import { EndRecord, FIRST_HANDLER, LONGEST, RECORD_SHIFT, RECORD_SIZE, RECORDS_PER_PAGE } from './record.ts';
import { Entry, HASH, Known, NUMBER, Place } from './templates.ts';

/** Pairs of handlers that are done by one: their numbers follow each other from `first` on. */
export interface Pairs {
  readonly first: number;
  readonly of: readonly Pair[];
}

const END = RECORDS_PER_PAGE * RECORD_SIZE;
const SUM_FACTOR = 0x01000193;
const ENTRY_BYTES = 4 * Entry.size;

/** A function of the address of a frame: a number that changes when the contents do, for all but contrived ones. */
export function buildSum(module: ModuleBuilder): number {
  return module.function(['i32'], ['i32'], (code) => {
    const at = 0;
    const [end, a, b] = [code.local('i32'), code.local('i32'), code.local('i32')];
    code.get(at).i32(FRAME_SIZE).op('i32.add').set(end).i32(1).set(a);
    const next = code.block('loop');
    code.get(a).i32(SUM_FACTOR).op('i32.mul').get(at).mem('i32.load').op('i32.xor').tee(a);
    code.get(b).op('i32.add').set(b);
    code.get(at).i32(4).op('i32.add').tee(at).get(end).op('i32.ne').brIf(next).end();
    code.get(a).get(b).op('i32.xor');
  });
}

/** A function of ip, records and the address of Known. It gives 0 where it has not made a record. */
export function buildKnown(module: ModuleBuilder, pairs: Pairs): number {
  const joined = buildJoined(module, pairs);
  const join = module.indexOf(joined);
  // For tools/optimise.cjs.
  module.export('join', joined);
  return module.function(['i32', 'i32', 'i32'], ['i32'], (code) => {
    const [ip, records, known] = [0, 1, 2];
    const [index, word, hash, entry, place, number, at, target] = Array.from({ length: 8 }, () =>
      code.local('i32'),
    ) as [...Locals];
    const unknown = code.block('block');
    // A region that begins here stays.
    code.get(ip).mem('i32.load16_u').brIf(unknown);
    code
      .get(records)
      .mem('i32.load16_u', END + EndRecord.used)
      .op('i32.eqz')
      .brIf(unknown);
    code.get(ip).get(records).op('i32.sub').i32(RECORD_SHIFT).op('i32.shr_u').tee(index).i32(2).op('i32.shl');
    code
      .get(records)
      .mem('i32.load', END + EndRecord.frame)
      .i32(FRAME_SHIFT)
      .op('i32.shl')
      .op('i32.add');
    code.mem('i32.load').tee(word).op('i32.eqz').brIf(unknown);

    code.get(word).i32(HASH.factor).op('i32.mul').i32(HASH.shift).op('i32.shr_u').set(hash);
    const found = code.block('block');
    const next = code.block('loop');
    code.get(known).mem('i32.load', Known.table);
    code.get(hash).get(known).mem('i32.load', Known.mask).op('i32.and').i32(ENTRY_BYTES).op('i32.mul').op('i32.add');
    code
      .tee(entry)
      .mem('i32.load', 4 * Entry.word)
      .tee(at)
      .get(word)
      .op('i32.eq')
      .brIf(found);
    code.get(at).op('i32.eqz').brIf(unknown);
    code.get(hash).i32(1).op('i32.add').set(hash).br(next).end().end();

    code
      .get(entry)
      .mem('i32.load', 4 * Entry.place)
      .tee(place)
      .i32(Place.aside)
      .op('i32.and')
      .brIf(unknown);
    code.get(entry).get(place).i32(Place.met).op('i32.or');
    code.mem('i32.store', 4 * Entry.place);
    code
      .get(entry)
      .mem('i32.load16_u', 4 * Entry.record)
      .set(number);
    // A branch may have its target in the first word.
    code
      .get(ip)
      .get(entry)
      .mem('i32.load', 4 * Entry.record)
      .i32(~NUMBER)
      .op('i32.and')
      .mem('i32.store');
    code
      .get(ip)
      .get(entry)
      .mem('i32.load', 4 * Entry.record + 4)
      .mem('i32.store', 4);
    code
      .get(ip)
      .get(entry)
      .mem('i64.load', 4 * Entry.record + 8)
      .mem('i64.store', 8);
    writePlace(code, { ip, records, index, place, number, at, target });
    code.get(known).get(number).op('i32.add').mem('i32.load8_u', Known.there).op('i32.eqz').brIf(unknown);
    // This one with those after it, those before it with this one.
    const after = target;
    code
      .get(index)
      .i32(RECORDS_PER_PAGE - 1)
      .op('i32.lt_u')
      .block('if');
    code.get(ip).mem('i32.load16_u', RECORD_SIZE).set(after);
    code.get(number).get(after).get(ip).call(join).set(number).end();
    code.get(ip).get(number).mem('i32.store16');
    code.get(number).set(after);
    const done = code.block('block');
    for (let i = 1; i < LONGEST; i++) {
      code.get(index).i32(i).op('i32.lt_u').brIf(done);
      code
        .get(ip)
        .i32(i * RECORD_SIZE)
        .op('i32.sub')
        .tee(entry)
        .mem('i32.load16_u')
        .set(number);
      code.get(number).get(after).get(entry).call(join).set(number);
      code.get(entry).get(number).mem('i32.store16').get(number).set(after);
    }
    code.end().i32(1).return();
    code.end().i32(0);
  });
}
type Locals = [number, number, number, number, number, number, number, number];

interface Branching {
  readonly ip: number;
  readonly records: number;
  readonly index: number;
  readonly place: number;
  readonly number: number;
  readonly at: number;
  readonly target: number;
}
/** A branch within the page has its target's record for a target, and a handler of its own. */
function writePlace(code: Code, { ip, records, index, place, number, at, target }: Branching): void {
  code.get(place).i32(Place.near).op('i32.shr_u').i32(NUMBER).op('i32.and').tee(target).block('if');
  code.get(place).i32(Place.at).op('i32.shr_u').i32(Place.atMask).op('i32.and').get(ip).op('i32.add').tee(at);
  code.mem('i32.load').i32(2).op('i32.shr_s').get(index).op('i32.add').tee(index);
  code.i32(RECORDS_PER_PAGE).op('i32.lt_u').block('if');
  code.get(target).set(number);
  code.get(at).get(index).i32(RECORD_SHIFT).op('i32.shl').get(records).op('i32.add').mem('i32.store').end();
  code.get(ip).get(records).op('i32.sub').i32(RECORD_SHIFT).op('i32.shr_u').set(index).end();
}
/** A function of a number: that of a pair becomes that of its first handler. */
function buildSingle(module: ModuleBuilder, pairs: Pairs): number {
  const firsts = [...new Set(pairs.of.map(([a]) => a))];
  return module.function(['i32'], ['i32'], (code) => {
    const number = 0;
    const blocks = firsts.map(() => code.block('block')).reverse();
    const other = code.block('block');
    code.get(number).i32(pairs.first).op('i32.sub');
    code.brTable(
      pairs.of.map(([a]) => blocks[firsts.indexOf(a)]!),
      other,
    );
    code.end().get(number).return();
    for (const a of firsts) {
      code
        .end()
        .i32(FIRST_HANDLER + a)
        .return();
    }
    code.unreachable();
  });
}
/** A function of the handlers of two records and where the first is: the number of what does it and, if there is such, those after it. */
function buildJoined(module: ModuleBuilder, pairs: Pairs): number {
  const built = buildSingle(module, pairs);
  // For tools/optimise.cjs.
  module.export('single', built);
  const singleOf = module.indexOf(built);
  const firsts = new Map<number, [second: number, number: number, same: readonly Same[]][]>();
  for (const [i, [a, b, same = []]] of pairs.of.entries()) {
    if (!firsts.has(a)) firsts.set(a, []);
    firsts.get(a)!.push([FIRST_HANDLER + b, pairs.first + i, same]);
  }
  return module.function(['i32', 'i32', 'i32'], ['i32'], (code) => {
    const [first, second, ip] = [0, 1, 2];
    const [single, joined] = [code.local('i32'), code.local('i32')];
    code.get(first).call(singleOf).tee(first).set(joined).get(second).call(singleOf).set(single);
    const blocks = [...firsts.keys()].map(() => code.block('block')).reverse();
    const none = code.block('block');
    const labels = Array.from({ length: pairs.first - FIRST_HANDLER }, () => none);
    for (const [i, a] of [...firsts.keys()].entries()) labels[a] = blocks[i]!;
    code.get(first).i32(FIRST_HANDLER).op('i32.sub').brTable(labels, none).end().get(first).return();
    for (const seconds of firsts.values()) {
      code.end();
      const among = (of: typeof seconds, local: number): void => {
        for (const [b, number, same] of of) {
          code.i32(number).get(joined).get(local);
          code.i32(b).op('i32.eq');
          for (const [written, after, other, differs] of same) {
            code.get(ip).mem('i32.load16_u', written).get(ip);
            code
              .mem('i32.load16_u', after * RECORD_SIZE + other)
              .op(differs ? 'i32.ne' : 'i32.eq')
              .op('i32.and');
          }
          code.select().set(joined);
        }
      };
      const isPair = ([b]: (typeof seconds)[number]): boolean => b >= pairs.first;
      among(
        seconds.filter((s) => !isPair(s)),
        single,
      );
      // More at once is better.
      among(seconds.filter(isPair), second);
      code.get(joined).return();
    }
    code.unreachable();
  });
}
