// The same Engine over the reference evaluator: instruction by instruction, no pre-decoding, no TLB between it and the
// translator. Hundreds of times slower; what it does is what the interpreter must do.

import { AccessPath, packAccess, translate } from '../cpu/access.ts';
import { branchTypeOf, btypeOf, type LandingPads, mayLand, putBtype, takeBtype } from '../cpu/bti.ts';
import { type Decoded, Decoder } from '../cpu/decode.ts';
import { type Engine, Exit, type ExitReason, type Tlb, type Translator } from '../cpu/engine.ts';
import { landingPads } from '../cpu/landing_pads.ts';
import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { SystemAccess } from '../cpu/system.ts';
import { SoftTlb } from '../cpu/tlb.ts';
import { type Env, evaluate } from '../ir/eval.ts';
import { toValue, type Value } from '../ir/eval_pure.ts';
import { fpKey } from '../ir/fp_ops.ts';
import type { Place, Ty } from '../ir/ops.ts';
import { collectRows, type Handler, UNDEFINED } from '../isa/handlers.ts';
import { checkPointer } from '../isa/pointer_check.ts';
import { registerOffset } from './code_pages.ts';
import { slotOffset } from './emit_slots.ts';
import { MAX_BUDGET } from './exits.ts';
import type { EngineOptions } from './options.ts';

/** How an instruction ended that did not simply come to its end. */
class Leave extends Error {
  readonly reason: ExitReason | 'jump' | 'resync';
  readonly past: boolean;
  /** For a jump: what kind. */
  readonly type: number;
  constructor(reason: ExitReason | 'jump' | 'resync', past: boolean, type = 0) {
    super('');
    this.type = type;
    this.reason = reason;
    this.past = past;
  }
}

/** What an engine shares with the evaluator that runs in its place. */
export interface ReferenceParts {
  readonly decoder: Decoder;
  readonly pads: LandingPads;
  readonly path: AccessPath;
  readonly system: SystemAccess;
  /**
   * The instruction at an address as the engine's TLB finds it, or undefined after having set cpu.exception. With it, data
   * too is looked up in the TLB first: misses take virtual time, and there must be as many.
   */
  readonly fetch?: (cpu: CpuState, pc: bigint) => { readonly word: number; readonly guarded: boolean } | undefined;
}

export class Reference implements Engine {
  private readonly mem: PhysMem;
  private readonly decoder: Decoder;
  private readonly pads: LandingPads;
  private readonly path: AccessPath;
  private readonly system: SystemAccess;
  private readonly fetchAs: ReferenceParts['fetch'];
  private readonly hasBti: boolean;
  private readonly functions = new Map<string, (...args: unknown[]) => unknown>();
  private cpu!: CpuState;
  /** How control got here, whether from a guarded page, and what BTYPE the run began with. */
  private branchType = 0;
  private guarded = false;
  private btype = 0;

  constructor(mem: PhysMem, hasBti: boolean, parts: ReferenceParts) {
    this.mem = mem;
    this.hasBti = hasBti;
    this.decoder = parts.decoder;
    this.pads = parts.pads;
    this.path = parts.path;
    this.system = parts.system;
    this.fetchAs = parts.fetch;
  }
  createTlb(translator: Translator): Tlb {
    const tlb = new SoftTlb(this.mem, translator);
    this.path.add(tlb);
    return tlb;
  }
  invalidateCode(): void {}

  run(cpu: CpuState, budget: number): ExitReason {
    const { u32 } = this.mem;
    const at = (slot: number): number => (cpu.base + slot) >>> 2;
    this.cpu = cpu;
    this.system.enter(cpu);
    cpu.exception = undefined;
    u32[at(Slot.EXEC)] = 0;
    u32[at(Slot.BUDGET)] = Math.min(budget, MAX_BUDGET);
    const reason = this.loop(cpu, budget);
    cpu.set(Slot.ICOUNT, cpu.get(Slot.ICOUNT) + BigInt(u32[at(Slot.EXEC)]!));
    u32[at(Slot.EXEC)] = 0;
    return reason;
  }
  private loop(cpu: CpuState, budget: number): ExitReason {
    const { u32, i32 } = this.mem;
    const executed = (cpu.base + Slot.EXEC) >>> 2;
    const kick = (cpu.base + Slot.KICK) >>> 2;
    let check = true;
    this.guarded = false;
    this.branchType = 0;
    this.btype = takeBtype(cpu);
    for (;;) {
      if (check && (u32[kick] || u32[executed]! >= i32[(cpu.base + Slot.BUDGET) >>> 2]!)) {
        this.putBtype();
        const kicked = u32[kick] !== 0;
        u32[kick] = 0;
        return kicked ? Exit.Kick : Exit.Budget;
      }
      const pc = cpu.pc;
      const word = this.fetch(pc);
      if (word === undefined) return Exit.Exception;
      this.branchType = 0;
      const end = this.one(word, pc);
      if (typeof end === 'number') return end;
      u32[executed]!++;
      if (end !== 'jump') cpu.pc = BigInt.asUintN(64, pc + 4n);
      // The budget counts where control leaves the straight line.
      check = end !== 'next' || (cpu.pc & 0xfffn) === 0n || budget === 1;
    }
  }
  private fetch(pc: bigint): number | undefined {
    const { cpu } = this;
    const found = this.fetchAs ? this.fetchAs(cpu, pc) : this.fetchUncached(pc);
    if (!found) {
      this.putBtype();
      return undefined;
    }
    const { word } = found;
    const btype = this.pendingBtype();
    this.btype = 0;
    this.guarded = found.guarded;
    return !this.guarded || mayLand(this.pads, cpu, word, btype) ? word : undefined;
  }
  private fetchUncached(pc: bigint): ReturnType<NonNullable<ReferenceParts['fetch']>> {
    const { cpu } = this;
    if (pc & 3n) {
      cpu.exception = { ec: 0x22, iss: 0, far: pc, ipa: 0n, toEl2: false };
      return undefined;
    }
    const t = translate(this.path.tlbOf(cpu).translator, pc, 'execute', 4, cpu);
    if (!t) return undefined;
    const word = this.mem.u32[(t.frame * FRAME_SIZE + Number(pc & 0xfffn)) >>> 2]!;
    return { word, guarded: t.guarded ?? false };
  }
  private pendingBtype(): number {
    return this.btype || btypeOf(this.branchType, this.guarded);
  }
  private putBtype(): void {
    if (this.hasBti) putBtype(this.cpu, this.pendingBtype());
  }
  private one(word: number, pc: bigint): ExitReason | 'jump' | 'next' | 'resync' {
    const { cpu } = this;
    const d = this.decoder.decode(word);
    const handler = d ? d.entry.handler(d.fields) : UNDEFINED;
    try {
      evaluate(handler.code.block, this.env(handler, d, pc));
      return 'next';
    } catch (e) {
      if (!(e instanceof Leave)) throw e;
      if (e.past) {
        this.mem.u32[(cpu.base + Slot.EXEC) >>> 2]!++;
        cpu.pc = BigInt.asUintN(64, pc + 4n);
      }
      this.branchType = e.type;
      return e.reason;
    }
  }

  private function(name: string): (...args: unknown[]) => unknown {
    let f = this.functions.get(name);
    if (!f) {
      f = this.system.importFor(name) as (...args: unknown[]) => unknown;
      this.functions.set(name, f);
    }
    return f;
  }
  /** Leaves if a system call-out says so. */
  private answered<T>(value: T): T {
    if (this.mem.u32[(this.cpu.base + Slot.LEAVE) >>> 2]) throw new Leave(Exit.Exception, false);
    return value;
  }

  private env(handler: Handler, d: Decoded | undefined, pc: bigint): Env {
    const { cpu, mem, path, system } = this;
    const { operands } = handler.code;
    const offsetOf = (place: Place): number => {
      if ('slot' in place) return slotOffset(place.slot);
      const o = operands[place.operand]!;
      return 'field' in o ? registerOffset(o.kind, (d!.fields[o.field]! + o.add) & 31) : 0;
    };
    const load = (host: number, bytes: number): bigint => {
      let v = 0n;
      for (let i = bytes - 1; i >= 0; i--) v = (v << 8n) | BigInt(mem.u8[host + i]!);
      return v;
    };
    const store = (host: number, bytes: number, value: bigint): void => {
      for (let i = 0; i < bytes; i++) mem.u8[host + i] = Number((value >> BigInt(8 * i)) & 0xffn);
    };
    const bytesOf = (ty: Ty): number => (ty === 'v128' ? 16 : ty === 'i64' ? 8 : 4);
    return {
      operand: (i) => {
        const o = operands[i]!;
        return 'field' in o ? 0 : o.value(d!.fields);
      },
      get: (place, ty) => toValue(ty, load(cpu.base + offsetOf(place), bytesOf(ty))),
      set: (place, ty, value) => {
        const bytes = bytesOf(ty);
        const at = cpu.base + offsetOf(place);
        store(at, bytes, BigInt.asUintN(bytes * 8, BigInt(value)));
        const isVector = at >= cpu.base + Slot.V && at < cpu.base + Slot.P;
        if (isVector && cpu.sveLive > 0) mem.u8.fill(0, at + bytes, at + cpu.sveLive);
      },
      get flags() {
        return cpu.nzcv;
      },
      set flags(v) {
        cpu.nzcv = v;
      },
      pc,
      get executed() {
        return mem.u32[(cpu.base + Slot.EXEC) >>> 2]!;
      },
      pointer: (sum, base, of, overflow) => checkPointer(sum, base, cpu.pointerChecks, of, overflow),
      probe: (kind, va, access) => {
        const { size, unprivileged } = access;
        const aligned = !(access.atomic || access.ordered) || (va & BigInt(size - 1)) === 0n;
        const known = this.fetchAs && aligned ? path.cached(cpu, kind, va, size, unprivileged) : 0;
        const host = known || path.probe(cpu, va, packAccess(kind, access));
        if (host === 0) throw new Leave(Exit.Exception, false);
        return host;
      },
      load,
      store,
      commit: (host) => {
        if (host === cpu.base + Slot.BOUNCE) path.commit(cpu);
      },
      branch: (target, kind) => {
        cpu.pc = BigInt.asUintN(64, target);
        throw new Leave('jump', false, branchTypeOf(kind));
      },
      raise: (ec, past, iss) => {
        cpu.exception = { ec, iss: iss >>> 0, far: 0n, ipa: 0n, toEl2: false };
        throw new Leave(Exit.Exception, past);
      },
      exit: (kind) => {
        throw kind === 'idle' ? new Leave(Exit.Idle, true) : new Leave(Exit.System, false);
      },
      resync: () => {
        throw new Leave('resync', false);
      },
      sysRead: (encoding) => this.answered(system.readSysreg(encoding)),
      sysWrite: (encoding, value) => this.answered(system.writeSysreg(encoding, value)),
      sysOp: (encoding, value, isRead) => this.answered(system.operation(encoding, value, isRead)),
      sysImm: (field, value) => this.answered(system.writeImmediate(field, value)),
      helper: (name, args) => this.function(`helper:${name}`)(...args) as Value,
      helperV: (name, param, args) => {
        const at = cpu.base + Slot.VECTORS;
        args.forEach((a, i) => {
          store(at + 16 * (i + 1), 16, a);
        });
        this.function(`vector:${name}`)(param);
        return load(at, 16);
      },
      fp: (attr, args) => this.function(`fp:${fpKey(attr)}`)(...args) as Value,
      routine: (name, word) => {
        if (!this.function(`routine:${name}`)(word)) throw new Leave(Exit.Exception, false);
      },
    };
  }
}

/** The reference engine for one machine in `mem`. Exits, states and counts are those of the interpreter. */
export function createReference(mem: PhysMem, options: EngineOptions): Engine {
  const has = (feature: string): boolean => options.has(feature);
  const decoder = new Decoder(collectRows(options.groups), has);
  const path = new AccessPath(mem, { lse2: options.has('FEAT_LSE2') });
  const system = new SystemAccess(mem, path, options, () => {});
  return new Reference(mem, options.has('FEAT_BTI'), { decoder, pads: landingPads(has), path, system });
}
