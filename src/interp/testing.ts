// A small machine for tests of engines: assembled code, pages that appear when they are mapped, scripted hooks.

import type { Engine, SystemHooks, Tlb, Translator } from '../cpu/engine.ts';
import { FRAME_SIZE, PhysMem } from '../cpu/physmem.ts';
import { CpuState } from '../cpu/state.ts';
import { A64 } from '../isa/a64.ts';
import type { EngineOptions } from './options.ts';

/** Deterministic random numbers (a xorshift), the same in every run. */
export class Random {
  private s: number;
  constructor(seed: number) {
    this.s = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  }
  u32(): number {
    let { s } = this;
    s ^= s << 13;
    s >>>= 0;
    s ^= s >>> 17;
    s ^= s << 5;
    this.s = s >>> 0;
    return this.s;
  }
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
  /** 0 to n - 1. */
  below(n: number): number {
    return this.u32() % n;
  }
  chance(percent: number): boolean {
    return this.u32() % 100 < percent;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.u32() % list.length]!;
  }
}

export interface Page {
  frame: number;
  writable: boolean;
  readable: boolean;
  executable: boolean;
  guarded: boolean;
  /** The TLB is not told of it. */
  uncached?: boolean;
}

export class TestMachine {
  readonly mem: PhysMem;
  readonly pages = new Map<bigint, Page>();
  readonly engine: Engine;
  readonly cpu: CpuState;
  readonly tlb: Tlb;
  /** What was asked of the translator: access and address. */
  readonly asked: string[] = [];
  /** Is told of what the translator has allowed. */
  onTranslate: (va: bigint, access: 'read' | 'write' | 'execute') => void = () => {};
  hooks: SystemHooks = { readSysreg: () => undefined, writeSysreg: () => false, system: () => undefined };
  readonly without = new Set<string>();

  constructor(
    make: (mem: PhysMem, options: EngineOptions) => Engine,
    without: readonly string[] = [],
    more: Partial<EngineOptions> = {},
    megabytes = 64,
  ) {
    this.mem = new PhysMem(megabytes);
    for (const f of without) this.without.add(f);
    this.engine = make(this.mem, {
      has: (f) => !this.without.has(f),
      groups: A64,
      ...more,
      hooks: {
        readSysreg: (cpu, enc) => this.hooks.readSysreg(cpu, enc),
        writeSysreg: (cpu, enc, value) => this.hooks.writeSysreg(cpu, enc, value),
        system: (cpu, enc, value, isRead) => this.hooks.system(cpu, enc, value, isRead),
      },
    });
    this.cpu = new CpuState(this.mem);
    this.cpu.fpOn = true;
    this.cpu.sp = 0x7fff0000n;
    this.tlb = this.engine.createTlb(this.translator);
    this.cpu.tlb = this.tlb.base;
  }

  private readonly translator: Translator = {
    translate: (va, access) => {
      this.asked.push(`${access} ${va.toString(16)}`);
      const p = this.pages.get(va >> 12n);
      const allowed = p && (access === 'read' ? p.readable : access === 'write' ? p.writable : p.executable);
      if (p && allowed) {
        this.onTranslate(va, access);
        return { ok: true, ...p };
      }
      const ec = access === 'execute' ? 0x20 : 0x24;
      return { ok: false, ec, iss: (p ? 0xf : 7) | (access === 'write' ? 0x40 : 0), far: va };
    },
  };

  /** Maps a page of zeros, or the given frame, with all rights but those taken away. */
  map(va: bigint, rights: Partial<Page> = {}): Page {
    const page: Page = {
      frame: rights.frame ?? this.mem.allocFrame(),
      readable: true,
      writable: true,
      executable: true,
      guarded: false,
      ...rights,
    };
    this.pages.set(va >> 12n, page);
    this.tlb.flush(va, va + BigInt(FRAME_SIZE));
    return page;
  }
  /** Writes bytes to mapped memory, past all rights. */
  poke(va: bigint, bytes: Uint8Array): void {
    bytes.forEach((b, i) => {
      const at = va + BigInt(i);
      const page = this.pages.get(at >> 12n) ?? this.map(at & ~0xfffn);
      this.mem.u8[page.frame * FRAME_SIZE + Number(at & 0xfffn)] = b;
    });
  }
  peek64(va: bigint): bigint {
    let v = 0n;
    for (let i = 7n; i >= 0n; i--) {
      const page = this.pages.get((va + i) >> 12n)!;
      v = (v << 8n) | BigInt(this.mem.u8[page.frame * FRAME_SIZE + Number((va + i) & 0xfffn)]!);
    }
    return v;
  }
}
