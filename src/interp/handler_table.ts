// The table of handlers that are functions: which numbers are taken, which modules have put theirs there, and what modules
// import. A number that a record names may be of a module that is not there yet.

import { type WasmInstance, type WasmTable, WebAssemblyHost } from '../base/webassembly.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import type { Handler, RowEntry } from '../isa/handlers.ts';
import { HOST, MEMORY, TABLE, TABLE_MAX } from './imports.ts';
import type { Numbers } from './predecode.ts';
import type { Aside, Part, Program } from './program.ts';
import { FIRST_SLOT } from './region.ts';
import { Known } from './templates.ts';

/** Numbers kept for handlers that are met later. */
const RESERVED = 4096;

export class HandlerTable {
  /** Called when a number stands for something else. */
  onChange: (number: number, part?: Part) => void = () => {};
  /** Address of Known. */
  readonly known: number;
  /** Address of the numbers of the functions that stand in for handlers of the loop, as far as they are known. */
  readonly standIns: number;
  private readonly mem: PhysMem;
  private readonly program: Program;
  private readonly importFor: (name: string) => unknown;
  /** What modules import, the memory and the table too. Without a prototype V8 makes no shape for each name. */
  readonly imports = Object.create(null) as Record<string, unknown>;
  private readonly joined = new Set<Aside>();
  /** For each number: it is known to be in the table. Of Known. */
  private readonly there: Uint8Array;
  private readonly freeSlots: number[] = [];
  private nextNumber: number;
  private table: WasmTable | undefined;

  /** @param importFor gives what modules import, by name */
  constructor(mem: PhysMem, program: Program, importFor: (name: string) => unknown) {
    this.mem = mem;
    this.program = program;
    this.importFor = importFor;
    this.imports[MEMORY] = mem.wasm;
    this.nextNumber = program.firstFree;
    this.known = mem.allocFixed(Known.size);
    this.there = mem.u8.subarray(this.known + Known.there, this.known + Known.size);
    this.there.fill(1, 0, program.endOfMain);
    this.standIns = mem.allocFixed(2 * program.endOfLoop);
  }
  /** Instantiates the main module. @returns what it exports */
  begin(): Readonly<Record<string, unknown>> {
    const { exports } = this.instantiate(this.program.main);
    this.table = exports['handlers'] as WasmTable;
    this.imports[TABLE] = this.table;
    return exports;
  }

  /** Has the handler in the main module or in the table. */
  install(handler: Handler, row: RowEntry | undefined): Numbers {
    const known = this.program.known(handler);
    return { near: known?.near, far: known?.far ?? (row && this.join(handler, row)) ?? this.load(handler) };
  }
  /** The handler of a number that a template names is in the table, or can be put there. */
  isThere(number: number): boolean {
    if (this.there[number] === 0) {
      const aside = this.program.asideWith(number);
      if (number >= this.nextNumber) return false;
      if (aside) this.joinAll(aside);
      this.there[number] = 1;
    }
    return true;
  }
  /** Number of the function that does what a handler of the loop leaves to it. */
  standIn(number: number): number {
    const { u16 } = this.mem;
    const at = (this.standIns >>> 1) + number;
    u16[at] ||= this.findStandIn(number);
    return u16[at]!;
  }
  private findStandIn(number: number): number {
    const made = this.program.standIn(number);
    return made !== undefined && this.isThere(made) ? made : this.load(this.program.handlerInLoop(number));
  }
  /** Puts a handler into the table, with others of its kind, unless they are there. @returns its number */
  private join(handler: Handler, row: RowEntry): number | undefined {
    const aside = this.program.asideOf(row);
    if (aside) this.joinAll(aside);
    return aside?.number(handler.key);
  }
  private joinAll(aside: Aside): void {
    if (this.joined.has(aside)) return;
    this.joined.add(aside);
    this.reach(aside.end);
    this.instantiate(aside.part);
  }
  /** Puts the function of a handler into the table. @returns its number */
  private load(handler: Handler): number {
    const number = this.newNumber();
    this.set(number, this.program.part(handler));
    return number;
  }

  /** A number for what is not a handler. @returns undefined if there are none left */
  takeSlot(): number | undefined {
    return this.freeSlots.pop() ?? (this.nextNumber < TABLE_MAX - RESERVED ? this.newNumber() : undefined);
  }
  freeSlot(slot: number): void {
    this.set(slot);
    this.freeSlots.push(slot);
  }
  /** The first function of a module has a number from now on; none: nothing has. */
  set(number: number, part?: Part): void {
    this.onChange(number, part);
    this.table!.set(number, part ? this.instantiate(part).exports['0'] : null);
  }
  /**
   * A module that puts functions into the table itself (FIRST_SLOT).
   * @returns the first number of theirs; undefined if there are not enough, or the module is not good
   */
  fill(count: number, part: Part, isGood: (exports: Readonly<Record<string, unknown>>) => boolean): number | undefined {
    if (this.nextNumber + count > TABLE_MAX - RESERVED) return undefined;
    const first = this.nextNumber;
    this.nextNumber += count;
    this.reach(this.nextNumber);
    const { exports } = this.instantiate(part, first);
    return isGood(exports) ? first : undefined;
  }
  private newNumber(): number {
    const number = this.nextNumber++;
    this.reach(this.nextNumber);
    return number;
  }
  /** The table has room for numbers before `end`. */
  private reach(end: number): void {
    const { length } = this.table!;
    if (end > length) this.table!.grow(Math.min(Math.max(length, end - length), TABLE_MAX - length));
  }

  private instantiate({ module, imports }: Part, first?: number): WasmInstance {
    const all = this.imports;
    imports.forEach((name) => {
      all[name] ??= this.importFor(name);
    });
    if (first !== undefined) all[FIRST_SLOT] = first;
    return new WebAssemblyHost.Instance(module, { [HOST]: all });
  }
}
