// Writes WebAssembly modules section by section; what functions do is written by a Code (builder.ts).

import { type Body, Code } from './builder.ts';
import { Bytes } from './bytes.ts';
import { CONTROL, TYPE_CODE, type ValueType } from './opcodes.ts';
import { KIND, LIMITS, SECTION } from './sections.ts';

const FUNCREF = 0x70;
/** What engines know of it or ignore. */
const BRANCH_HINTS = 'metadata.code.branch_hint';

/** The body of a function for another module: the declaration of locals and the code. */
export interface FunctionBody {
  readonly bytes: Uint8Array;
  readonly unlikely: readonly number[];
}

/** A module: imports first, then functions; finish() gives the bytes. */
export class ModuleBuilder {
  private readonly types: string[] = [];
  private readonly typeBytes = new Bytes();
  private readonly imports = new Bytes();
  private imported = 0;
  private importedFunctions = 0;
  private importedGlobals = 0;
  private readonly functions: number[] = [];
  private readonly bodies: Body[] = [];
  private readonly exports: { readonly name: string; readonly func: number }[] = [];
  private readonly custom: Bytes[] = [];
  private tableName = '';
  private tableSize: readonly [number, number] = [0, 0];
  private elements:
    | { readonly offset: number | { readonly global: number }; readonly functions: readonly number[] }
    | undefined;

  type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}:${results.join()}`;
    const known = this.types.indexOf(key);
    if (known >= 0) return known;
    this.typeBytes.byte(0x60);
    for (const list of [params, results]) this.typeBytes.byte(list.length).list(list.map((t) => TYPE_CODE[t]));
    return this.types.push(key) - 1;
  }
  private import(module: string, name: string, kind: number): Bytes {
    this.imported++;
    return this.imports.text(module).text(name).byte(kind);
  }
  /** @param min @param max pages of 64 KiB that the imported memory may have */
  importMemory(module: string, name: string, min: number, max: number, shared = false): void {
    this.import(module, name, KIND.memory)
      .byte(shared ? LIMITS.shared : LIMITS.own)
      .unsigned(min)
      .unsigned(max);
  }
  /** Table 0 comes from elsewhere. */
  importTable(module: string, name: string): void {
    this.import(module, name, KIND.table).list([FUNCREF, 0, 0]);
  }
  /** A number that does not change comes from elsewhere. @returns its index, good for fillTable */
  importGlobal(module: string, name: string): number {
    this.import(module, name, KIND.global).list([TYPE_CODE.i32, 0]);
    return this.importedGlobals++;
  }
  /** @returns the function's index, good for Code.call. */
  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    this.import(module, name, KIND.func).unsigned(this.type(params, results));
    return this.importedFunctions++;
  }
  /**
   * Adds a function with the code that `build` writes, which may still import others.
   * @returns its number among the module's own functions, good for table() and export()
   */
  function(params: readonly ValueType[], results: readonly ValueType[], build: (code: Code) => void): number {
    const code = new Code(params);
    build(code);
    this.bodies.push(code.finish());
    return this.functions.push(this.type(params, results)) - 1;
  }
  /** Adds a function of another module that imports the same functions, as `bodyOf` gave it. @returns its number */
  add(params: readonly ValueType[], results: readonly ValueType[], { bytes, unlikely }: FunctionBody): number {
    this.bodies.push({ locals: new Bytes(), code: new Bytes().list(bytes), unlikely });
    return this.functions.push(this.type(params, results)) - 1;
  }
  /** What there is of one of the module's own functions: good as long as nothing that its code names has another index. */
  bodyOf(func: number): FunctionBody {
    const { locals, code, unlikely } = this.bodies[func]!;
    const bytes = new Uint8Array(locals.length + code.length);
    bytes.set(locals.view);
    bytes.set(code.view, locals.length);
    return { bytes, unlikely };
  }
  /** Index of one of the module's own functions, good for Code.call, once everything is imported. */
  indexOf(func: number): number {
    return this.importedFunctions + func;
  }
  /** Table 0, exported as `name`. */
  table(name: string, size: number, max: number): void {
    this.tableSize = [size, max];
    this.tableName = name;
  }
  /** Puts functions into table 0, from `offset` on, or from what a global says. */
  fillTable(offset: number | { readonly global: number }, functions: readonly number[]): void {
    this.elements = { offset, functions };
  }
  export(name: string, func: number): void {
    this.exports.push({ name, func });
  }
  customSection(name: string, bytes: Uint8Array): void {
    this.custom.push(new Bytes().text(name).list(bytes));
  }

  finish(): Uint8Array {
    const out = new Bytes().list([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, content: Bytes): void => {
      out.byte(id).vector(content);
      content.free();
    };
    /** @param count of the items that `write` writes */
    const items = (count: number, write: (to: Bytes) => void): Bytes => {
      const to = new Bytes().unsigned(count);
      write(to);
      return to;
    };
    const { types, functions, exports, elements, bodies } = this;
    section(
      SECTION.type,
      items(types.length, (to) => to.list(this.typeBytes.view)),
    );
    section(
      SECTION.import,
      items(this.imported, (to) => to.list(this.imports.view)),
    );
    section(
      SECTION.function,
      items(functions.length, (to) => {
        for (const type of functions) to.unsigned(type);
      }),
    );
    const hasTable = this.tableName !== '';
    if (hasTable)
      section(
        SECTION.table,
        items(1, (to) => to.list([FUNCREF, 1]).unsigned(this.tableSize[0]).unsigned(this.tableSize[1])),
      );
    section(
      SECTION.export,
      items(exports.length + (hasTable ? 1 : 0), (to) => {
        for (const e of exports) to.text(e.name).byte(KIND.func).unsigned(this.indexOf(e.func));
        if (hasTable) to.text(this.tableName).byte(KIND.table).byte(0);
      }),
    );
    if (elements && elements.functions.length > 0) {
      section(
        SECTION.element,
        items(1, (to) => {
          to.byte(0);
          if (typeof elements.offset === 'number') to.byte(0x41).signed(elements.offset);
          else to.byte(CONTROL['global.get']).unsigned(elements.offset.global);
          to.byte(CONTROL.end).unsigned(elements.functions.length);
          for (const func of elements.functions) to.unsigned(this.indexOf(func));
        }),
      );
    }
    const hinted = bodies.filter(({ unlikely }) => unlikely.length > 0).length;
    if (hinted > 0) {
      const hints = items(hinted, (to) => {
        bodies.forEach(({ unlikely }, func) => {
          if (unlikely.length === 0) return;
          to.unsigned(this.indexOf(func)).unsigned(unlikely.length);
          for (const at of unlikely) to.unsigned(at).byte(1).byte(0);
        });
      });
      section(SECTION.custom, new Bytes().text(BRANCH_HINTS).list(hints.view));
    }
    const codes = items(bodies.length, (to) => {
      for (const { locals, code } of bodies)
        to.unsigned(locals.length + code.length)
          .list(locals.view)
          .list(code.view);
    });
    section(SECTION.code, codes);
    for (const c of this.custom) out.byte(SECTION.custom).vector(c);
    const bytes = out.view.slice();
    out.free();
    return bytes;
  }
  /** Where the bodies of functions are in what finish() gave: they come last, if there are no custom sections. */
  placesOf(bytes: Uint8Array): { readonly from: number; readonly to: number }[] {
    const places: { from: number; to: number }[] = [];
    let to = bytes.length;
    for (const { locals, code } of [...this.bodies].reverse()) {
      const size = locals.length + code.length;
      places.unshift({ from: to - size, to });
      to -= size + new Bytes().unsigned(size).length;
    }
    return places;
  }
  /** Nothing more is done with the module. */
  free(): void {
    this.typeBytes.free();
    this.imports.free();
    for (const { locals, code } of this.bodies) {
      locals.free();
      code.free();
    }
  }
}
