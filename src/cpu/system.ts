// What instructions ask of everything that is not registers and memory: system registers, helpers, floating point. The
// same answers for all engines; each exists as a function that compiled code can import by name.

import { enc } from '../arch/schema.ts';
import { assert } from '../base/assert.ts';
import { fpTypes, parseFpKey } from '../ir/fp_ops.ts';
import { type HelperName, helperRows, type VectorHelperName } from '../isa/helpers.ts';
import type { Group } from '../isa/semantics.ts';
import type { AccessPath } from './access.ts';
import { packAccess } from './access.ts';
import { type CrcName, crcTablesIn } from './crc32.ts';
import type { SystemHooks } from './engine.ts';
import { bindFp, type HelperContext, SCALAR_HELPERS, VECTOR_HELPERS } from './helpers.ts';
import { PacCache } from './pac_cache.ts';
import { type PauthState, pacFailed, pacGood, pacWrong, resetPauth } from './pauth.ts';
import { FRAME_SHIFT, type PhysMem } from './physmem.ts';
import { PlainSysregs } from './plain_sysregs.ts';
import { type CpuState, Slot } from './state.ts';
import { Sve } from './sve.ts';

export interface SystemOptions {
  has(feature: string): boolean;
  readonly hooks: SystemHooks;
  /** Instruction tables; pass the same array each time, what is generated from it is kept. */
  readonly groups: readonly Group[];
  /** The pointer authentication state of a PE; absent: all keys disabled. */
  pauth?(cpu: CpuState): PauthState;
}

const FP_DISABLED = { ec: 0x07, iss: 0x1e00000 } as const;
/** A cache operation by address: may fault like a read, of the byte it is given. */
const BYTE = packAccess('r', { size: 1, element: 1, atomic: false, ordered: false, unprivileged: false });

export class SystemAccess {
  private readonly mem: PhysMem;
  private readonly path: AccessPath;
  private readonly hooks: SystemHooks;
  private readonly plain: PlainSysregs;
  private readonly pauthOf: (cpu: CpuState) => PauthState;
  private readonly dropCode: (frame: number) => void;
  private readonly rpres: boolean;
  /** If routines have been called. */
  private sve: Sve | undefined;
  private readonly groups: () => readonly Group[];
  private readonly pacs: PacCache;
  private cpu!: CpuState;
  private readonly context: { fpcr: number; fpsr: number; fpmr: bigint; readonly rpres: boolean; pauth: PauthState };

  constructor(mem: PhysMem, path: AccessPath, options: SystemOptions, dropCode: (frame: number) => void) {
    this.mem = mem;
    this.path = path;
    this.hooks = options.hooks;
    this.plain = new PlainSysregs((f) => options.has(f));
    this.dropCode = dropCode;
    this.rpres = options.has('FEAT_RPRES');
    const none = resetPauth();
    this.pauthOf = options.pauth ? (cpu) => options.pauth!(cpu) : () => none;
    this.groups = () => options.groups;
    this.pacs = new PacCache(mem);
    this.context = { fpcr: 0, fpsr: 0, fpmr: 0n, rpres: this.rpres, pauth: none };
  }
  /** The PE that calls come from. */
  enter(cpu: CpuState): void {
    this.cpu = cpu;
    this.sve?.enter(cpu);
    this.pacs.forget(cpu);
    this.mem.u32[(cpu.base + Slot.LEAVE) >>> 2] = 0;
  }

  // ---- system registers. Answers that leave the instruction have set LEAVE. -----------------------------------------------

  private leave(): void {
    const { cpu } = this;
    cpu.exception ??= { ec: 0, iss: 0, far: 0n, ipa: 0n, toEl2: false };
    this.mem.u32[(cpu.base + Slot.LEAVE) >>> 2] = 1;
  }
  readSysreg(encoding: number): bigint {
    const { cpu } = this;
    const v = this.plain.read(cpu, encoding) ?? this.hooks.readSysreg(cpu, encoding);
    if (v !== undefined) return BigInt.asUintN(64, v);
    this.leave();
    return 0n;
  }
  writeSysreg(encoding: number, value: bigint): void {
    const { cpu } = this;
    if (this.plain.needsFp(encoding) && !cpu.get(Slot.FP_ON)) {
      cpu.exception = { ...FP_DISABLED, far: 0n, ipa: 0n, toEl2: false };
      this.leave();
      return;
    }
    const v = BigInt.asUintN(64, value);
    if (this.plain.write(cpu, encoding, v)) return;
    if (!this.hooks.writeSysreg(cpu, encoding, v)) this.leave();
    this.pacs.forget(cpu);
  }
  operation(encoding: number, value: bigint, isRead: boolean): bigint {
    const { cpu } = this;
    const v = BigInt.asUintN(64, value);
    const cache = isRead ? undefined : this.plain.cacheOperation(cpu, encoding);
    if (cache) {
      const host = this.path.probe(cpu, v, BYTE);
      if (host === 0) this.leave();
      else if (cache === 'code') this.dropCode(host >>> FRAME_SHIFT);
      return 0n;
    }
    const r = this.hooks.system(cpu, encoding, v, isRead);
    this.pacs.forget(cpu);
    if (r !== undefined) return BigInt.asUintN(64, r);
    this.leave();
    return 0n;
  }
  /** MSR (immediate): `field` is op1<<3 | op2. */
  writeImmediate(field: number, value: number): void {
    const { cpu } = this;
    if (this.plain.writeImmediate(cpu, field, value)) return;
    const encoding = enc(0, field >> 3, 4, value, field & 7);
    this.pacs.forget(cpu);
    if (this.hooks.system(cpu, encoding, BigInt(value), false) === undefined) this.leave();
  }

  // ---- helpers ----------------------------------------------------------------------------------------------------------------

  /** Runs a helper with the floating-point state of the PE. */
  private with<T>(f: (cx: HelperContext) => T): T {
    const { context, cpu } = this;
    const { u32 } = this.mem;
    const [fpcr, fpsr] = [(cpu.base + Slot.FPCR) >>> 2, (cpu.base + Slot.FPSR) >>> 2];
    context.fpcr = u32[fpcr]!;
    context.fpsr = u32[fpsr]!;
    const r = f(context);
    u32[fpsr] = context.fpsr;
    return r;
  }
  /** Signing or checking a pointer. What is signed and checks is kept for compiled code. */
  private signing(name: 'pacAdd' | 'pacAuth'): (pointer: bigint, modifier: bigint, key: number) => bigint {
    const { context, mem, pacs } = this;
    const { pacAdd, pacAuth } = SCALAR_HELPERS;
    const auth = name === 'pacAuth';
    return (given, modifier, key) => {
      const { cpu } = this;
      const state = this.pauthOf(cpu);
      context.pauth = state;
      const r = auth ? pacAuth(context, given, modifier, key) : pacAdd(context, given, modifier, key);
      if (auth) {
        const failed = Number(pacFailed(state, false)) | (Number(pacFailed(state, true)) << 1);
        mem.u32[(cpu.base + Slot.PAC_FAILED) >>> 2] = failed;
        if (!pacWrong() && pacAdd(context, r, modifier, key) === given) pacs.keep(cpu, state, key, r, modifier, given);
      } else if (pacGood()) {
        pacs.keep(cpu, state, key, given, modifier, r);
      }
      return r;
    };
  }
  /** The next such instruction finds its tables in memory. */
  private placeTables(name: CrcName): void {
    const { mem } = this;
    const slot = (this.cpu.base + (name === 'crc32' ? Slot.CRC32 : Slot.CRC32C)) >>> 2;
    if (mem.u32[slot] === 0 && !mem.parallel) mem.u32[slot] = crcTablesIn(mem, name);
  }
  /** The function that compiled code imports under a name: `helper:..`, `vector:..`, `fp:..`, `routine:..` or an operation of the IR. */
  importFor(name: string): (...args: never[]) => unknown {
    const colon = name.indexOf(':');
    const rest = name.slice(colon + 1);
    switch (name.slice(0, Math.max(0, colon))) {
      case 'helper':
        return this.helper(rest as HelperName);
      case 'vector':
        return this.vectorHelper(rest as VectorHelperName);
      case 'fp':
        return this.floating(rest);
      case 'routine':
        return this.routine(rest);
      default:
        return this.operationOf(name);
    }
  }
  private helper(name: HelperName): (...args: never[]) => unknown {
    // What programs execute often takes nothing of the general form, which brings floating-point state along.
    if (name === 'pacAdd' || name === 'pacAuth') return this.signing(name);
    const helper = SCALAR_HELPERS[name] as ((cx: HelperContext, ...args: unknown[]) => unknown) | undefined;
    assert(helper, `no helper '${name}'`);
    const { context } = this;
    if (name === 'crc32' || name === 'crc32c') {
      return (a: number, b: number, c: number) => {
        this.placeTables(name);
        return helper(context, a, b, c);
      };
    }
    if (name.startsWith('pac')) {
      return (a: number | bigint, b: number | bigint, c: number) => {
        context.pauth = this.pauthOf(this.cpu);
        return helper(context, a, b, c);
      };
    }
    const wide = helperRows()[name].args.map((t) => t === 'i64');
    return (...args: (number | bigint)[]) => {
      for (let i = 0; i < args.length; i++) if (wide[i]) args[i] = BigInt.asUintN(64, args[i] as bigint);
      return this.with((cx) => helper(cx, ...args));
    };
  }
  private vectorHelper(name: VectorHelperName): (param: number) => void {
    const helper = VECTOR_HELPERS[name];
    assert(name in VECTOR_HELPERS, `no vector helper '${name}'`);
    const needsFpmr = /fp8/i.test(name);
    return (param) => {
      const at = (this.cpu.base + Slot.VECTORS) >>> 3;
      const { u64 } = this.mem;
      const vector = (i: number): bigint => u64[at + 2 * i]! | (u64[at + 2 * i + 1]! << 64n);
      if (needsFpmr) this.context.fpmr = this.cpu.get(Slot.FPMR);
      const r = this.with((cx) => helper(cx, param, vector(1), vector(2), vector(3), vector(4), vector(5)));
      u64[at] = BigInt.asUintN(64, r);
      u64[at + 1] = BigInt.asUintN(64, r >> 64n);
    };
  }
  /** Hundreds are imported, and few are called. */
  private floating(key: string): (...args: (number | bigint)[]) => number | bigint {
    let f: ReturnType<typeof bindFp> | undefined;
    return (...args) => {
      f ??= boundFp(key);
      const bound = f;
      return this.with((cx) => bound(cx, ...args));
    };
  }
  private routine(row: string): (word: number) => number {
    let f: ReturnType<Sve['routine']> | undefined;
    return (word) => {
      f ??= this.madeSve().routine(row);
      return f(word);
    };
  }
  private madeSve(): Sve {
    if (this.sve) return this.sve;
    const { groups } = this;
    const sve = new Sve(this.mem, this.path, {
      get groups() {
        return groups();
      },
      importFor: (name) => this.importFor(name),
      with: (f) => {
        this.context.fpmr = this.cpu.get(Slot.FPMR);
        return this.with(f);
      },
    });
    sve.enter(this.cpu);
    this.sve = sve;
    return sve;
  }
  private operationOf(name: string): (...args: never[]) => unknown {
    switch (name) {
      case 'sys.read':
        return (encoding: number) => this.readSysreg(encoding);
      case 'sys.write':
        return (encoding: number, value: bigint) => this.writeSysreg(encoding, value);
      case 'sys.op':
        return (encoding: number, value: bigint, isRead: number) => this.operation(encoding, value, isRead !== 0);
      case 'sys.imm':
        return (field: number, value: number) => this.writeImmediate(field, value);
      default:
        throw new Error(`compiled code wants '${name}', which nobody offers`);
    }
  }
}

function boundFp(key: string): ReturnType<typeof bindFp> {
  const attr = parseFpKey(key);
  return bindFp(attr, fpTypes(attr).result);
}
