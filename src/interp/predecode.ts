// Makes the record of an instruction when it is first met: finds its handler and writes its operands, or copies what an
// instruction of the same word was made into before.

import type { FieldValues } from '../arch/a64/encoding.ts';
import type { Decoder } from '../cpu/decode.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { type Handler, type RowEntry, UNDEFINED } from '../isa/handlers.ts';
import type { Operand } from '../isa/record.ts';
import { type CodePages, registerOffset } from './code_pages.ts';
import { type Layout, layoutOf } from './emit_layout.ts';
import type { IsSame } from './pair_table.ts';
import { FIRST_HANDLER, POINTER_AT, RECORD_SIZE, Special } from './record.ts';
import { type BranchPlace, place, type Templates } from './templates.ts';

export interface Numbers {
  /** For branches within the page, if there is such a handler. */
  readonly near: number | undefined;
  readonly far: number;
}
interface Installed extends Numbers {
  readonly layout: Layout;
}
/** What numbers handlers have. */
export interface HandlerNumbers {
  readonly decoder: () => Decoder;
  /** Has a handler be where its numbers say. */
  install(handler: Handler, row: RowEntry | undefined): Numbers;
  /** The handler of a number that a template names is there, or can be. */
  isThere(number: number): boolean;
  /** What does two in a row. @param ip of the first */
  pair(first: number, second: number, ip: number, isSame: IsSame): number | undefined;
}

export class Predecoder {
  private readonly mem: PhysMem;
  private readonly pages: CodePages;
  private readonly templates: Templates;
  private readonly numbers: HandlerNumbers;
  private readonly installed = new Map<Handler, Installed>();
  private readonly pairOf = (first: number, second: number, ip: number): number | undefined =>
    first < FIRST_HANDLER || second < FIRST_HANDLER ? undefined : this.numbers.pair(first, second, ip, this.isSame);
  private readonly isSame: IsSame = (ip, written, after, other, differs) => {
    const { u16 } = this.mem;
    return (u16[(ip + written) >>> 1] === u16[(ip + after * RECORD_SIZE + other) >>> 1]) !== differs;
  };

  /** @param known address of Known */
  constructor(mem: PhysMem, pages: CodePages, templates: Templates, known: number, numbers: HandlerNumbers) {
    this.mem = mem;
    this.pages = pages;
    this.templates = templates;
    templates.settle(mem, known);
    this.numbers = numbers;
  }

  /** Makes the record at `ip`, of the page whose records begin at `records`. */
  decode(ip: number, records: number): void {
    const { mem, pages } = this;
    // Two threads have come to it at once: the first may be executing what would be written again, step by step.
    if (mem.parallel && Atomics.load(mem.u16, ip >>> 1) !== Special.Decode) return;
    const { word, index } = pages.locate(ip, records);
    const isHooked = mem.u16[ip >>> 1] === Special.Region;
    const known = this.templates.copyTo(mem, pages, word, { ip, index, records });
    if (known === 0 || !this.numbers.isThere(known)) this.decodeAnew(word, ip, index, records);
    if (isHooked) pages.decodedBehindHook(records, index);
    else if (!mem.parallel) pages.pair(records, index, this.pairOf);
  }
  private decodeAnew(word: number, ip: number, index: number, records: number): void {
    const d = this.numbers.decoder().decode(word);
    const handler = d ? d.entry.handler(d.fields) : UNDEFINED;
    const { layout, near, far } = this.installed.get(handler) ?? this.install(handler, d?.entry);
    const { view } = this.mem;
    let aside = 0;
    if (layout.asideSize > 0) {
      aside = this.pages.allocAside(records, layout.asideSize);
      view.setUint32(ip + POINTER_AT, aside, true);
    }
    const { operands } = handler.code;
    let branch: BranchPlace | undefined;
    for (let i = 0; i < operands.length; i++) {
      const o = operands[i]!;
      const slot = layout.slots[i]!;
      const at = (slot.aside ? aside : ip) + slot.at;
      if (o.kind === 'branch') {
        branch = { at: slot.at, isAside: slot.aside, near };
        view.setInt32(at, Number(o.value(d!.fields)), true);
      } else this.writeOperand(o, slot.width, at, d!.fields);
    }
    const finished = { number: far, branch, aside, asideSize: layout.asideSize };
    this.templates.keep(this.mem, word, ip, finished);
    const number = place(view, finished, { ip, index, records });
    if (this.mem.parallel) Atomics.store(this.mem.u16, ip >>> 1, number);
    else this.mem.u16[ip >>> 1] = number;
  }
  private install(handler: Handler, row: RowEntry | undefined): Installed {
    const made = { layout: layoutOf(handler.code), ...this.numbers.install(handler, row) };
    this.installed.set(handler, made);
    return made;
  }
  private writeOperand(o: Operand, width: number, at: number, fields: FieldValues): void {
    const { view } = this.mem;
    if ('field' in o) {
      view.setUint16(at, registerOffset(o.kind, (fields[o.field]! + o.add) & 31), true);
      return;
    }
    const value = o.value(fields);
    if (width === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    else if (width === 4) view.setInt32(at, Number(value), true);
    else view.setUint8(at, Number(BigInt(value) & 63n));
  }
}
