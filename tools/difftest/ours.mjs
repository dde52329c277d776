// Our side: blocks on the reference evaluator, one instruction at a time, and on the generated interpreter. Says
// what a user process would see of each exception.

import { enc } from '../../dist/arch/schema.js';
import { Exit } from '../../dist/cpu/engine.js';
import { FPCR } from '../../dist/cpu/fp/context.js';
import { PhysMem } from '../../dist/cpu/physmem.js';
import { CpuState, Slot } from '../../dist/cpu/state.js';
import { A64 } from '../../dist/isa/a64.js';
import { SysOpen } from '../../dist/isa/inline_sysregs.js';
import { runEntry, testState } from '../../dist/isa/testing.js';
import { helpersFor, pauthState } from './helpers.mjs';
import { LITERAL } from './rows.mjs';
import { CODE_BASE, CODE_WORDS, codeAddress, END, MAX_BLOCKS, WINDOW, WINDOW_BASE } from './state.mjs';

const FPCR_ENC = enc(3, 3, 4, 4, 0);
const FPMR_ENC = enc(3, 3, 4, 4, 2);
/** Bits of FPCR that both machines have. */
export const FPCR_BITS =
  FPCR.AHP | FPCR.DN | FPCR.FZ | FPCR.RMode | FPCR.FZ16 | FPCR.EBF | FPCR.NEP | FPCR.AH | FPCR.FIZ;

const EC = {
  UNKNOWN: 0x00,
  PAC: 0x1c,
  IABORT: 0x20,
  PC_ALIGN: 0x22,
  DABORT: 0x24,
  SP_ALIGN: 0x26,
  MOPS: 0x27,
  BRK: 0x3c,
};

/** The signal that Linux makes of an exception. */
export function signalOf(ec, iss) {
  switch (ec) {
    case EC.UNKNOWN:
    case EC.PAC:
      return 'SIGILL';
    case EC.BRK:
      return 'SIGTRAP';
    case EC.PC_ALIGN:
    case EC.SP_ALIGN:
      return 'SIGBUS 1';
    case EC.DABORT:
      return (iss & 63) === 0x21 ? 'SIGBUS 1' : 'SIGSEGV';
    case EC.IABORT:
      return 'SIGSEGV';
    default:
      return `exception class 0x${ec.toString(16)}`;
  }
}

/** Changed 8-byte words of the window. */
export function changes(memory) {
  const now = new BigUint64Array(memory.buffer, memory.byteOffset, memory.length / 8);
  const before = new BigUint64Array(WINDOW.buffer);
  const out = new Map();
  for (let i = 0; i < now.length; i++) if (now[i] !== before[i]) out.set(i, now[i]);
  return out;
}

const joined = (count, nth) => new Uint8Array(Array.from({ length: count }, (_, n) => [...nth(n)]).flat());

/** Blocks on an engine of the project, over real memory and a translation of its own. */
export class Machine {
  /** @param make creates the engine: createInterpreter or createReference */
  constructor(make) {
    this.mem = new PhysMem(64);
    const pages = (bytes) => Array.from({ length: Math.ceil(bytes / 4096) }, () => this.mem.allocFrame());
    this.code = pages(CODE_WORDS * 4 * MAX_BLOCKS);
    this.data = pages(WINDOW.length);
    this.write(this.data, 0, WINDOW);
    const frameOf = (va, base, frames) => (va >= base ? frames[Number((va - base) >> 12n)] : undefined);
    const translate = (va, access) => {
      const code = frameOf(va, CODE_BASE, this.code);
      const frame = code ?? frameOf(va, WINDOW_BASE, this.data);
      if (frame !== undefined && !(code !== undefined && access === 'write'))
        return { ok: true, frame, writable: code === undefined, executable: code !== undefined };
      return {
        ok: false,
        ec: access === 'execute' ? EC.IABORT : EC.DABORT,
        iss: access === 'write' ? 0x47 : 7,
        far: va,
      };
    };
    this.engine = make(this.mem, {
      has: () => true,
      groups: A64,
      pauth: () => pauthState,
      hooks: { readSysreg: () => undefined, writeSysreg: () => false, system: () => undefined },
    });
    this.cpu = new CpuState(this.mem);
    this.cpu.tlb = this.engine.createTlb({ translate }).base;
  }
  write(frames, at, bytes) {
    for (let i = 0; i < bytes.length; ) {
      const n = Math.min(bytes.length - i, 4096 - ((at + i) & 4095));
      this.mem.u8.set(bytes.subarray(i, i + n), frames[(at + i) >> 12] * 4096 + ((at + i) & 4095));
      i += n;
    }
  }
  /** Puts blocks where they belong. */
  load(blocks) {
    for (const b of blocks) {
      const words = Uint32Array.from({ length: CODE_WORDS }, (_, i) => b.words[i] ?? END);
      this.write(this.code, b.index * CODE_WORDS * 4, new Uint8Array(words.buffer));
    }
    for (const frame of this.code) this.engine.invalidateCode(frame);
  }
  /** Runs a block that was loaded. */
  run({ state, index, words }) {
    const { cpu, engine } = this;
    const base = codeAddress(index);
    state.x.forEach((v, i) => {
      cpu.setX(i, v);
    });
    cpu.sp = state.sp;
    cpu.pc = base;
    cpu.nzcv = state.nzcv;
    state.v.forEach((v, i) => {
      cpu.setV(i, BigInt.asUintN(64, v), v >> 64n);
    });
    if (state.z) {
      const vl = state.z.length / 32;
      cpu.vl = vl;
      for (let n = 0; n < 32; n++) cpu.z(n).set(state.z.subarray(n * vl, (n + 1) * vl));
      for (let n = 0; n < 17; n++) cpu.p(n).set(state.p.subarray((n * vl) / 8, ((n + 1) * vl) / 8));
      cpu.touchSve(vl);
    }
    cpu.set(Slot.FPCR, BigInt(state.fpcr));
    cpu.set(Slot.FPSR, BigInt(state.fpsr >>> 0));
    cpu.set(Slot.FPMR, state.fpmr);
    cpu.set(Slot.EXCL_ADDR, 0n);
    cpu.set(Slot.SP_MASK, 0n);
    cpu.set(Slot.SYS_OPEN, BigInt(SysOpen.Registers | SysOpen.DcZva | SysOpen.Fpmr));
    cpu.set(Slot.EVENT, 0n);
    cpu.fpOn = true;
    let reason;
    do reason = engine.run(cpu, 100_000);
    while (reason === Exit.Idle);
    const at = Number(BigInt.asIntN(64, cpu.pc - base));
    const x = cpu.exception;
    let how = `exit ${reason}`;
    if (reason === Exit.Exception) how = signalOf(x.ec, x.iss);
    if (how === 'SIGTRAP' && (words[at / 4] ?? END) === END) how = 'end';
    const window = new Uint8Array(WINDOW.length);
    this.data.forEach((frame, i) => {
      window.set(this.mem.frameBytes(frame), i * 4096);
    });
    const memory = changes(window);
    if (memory.size > 0) this.write(this.data, 0, WINDOW);
    return {
      how,
      at,
      ...(how === 'SIGSEGV' ? { addr: x.far } : {}),
      state: {
        x: Array.from({ length: 31 }, (_, i) => cpu.x(i)),
        sp: cpu.sp,
        nzcv: cpu.nzcv,
        fpcr: Number(cpu.get(Slot.FPCR)),
        fpsr: Number(cpu.get(Slot.FPSR)),
        fpmr: cpu.get(Slot.FPMR),
        v: Array.from({ length: 32 }, (_, i) => cpu.v(i)[0] | (cpu.v(i)[1] << 64n)),
        ...(state.z ? { z: joined(32, (n) => cpu.z(n)), p: joined(17, (n) => cpu.p(n)) } : {}),
      },
      memory,
    };
  }
}

/** A run of the reference evaluator that can be taken forward one instruction at a time. */
export class Reference {
  /** @param decoder of the machine */
  constructor(decoder) {
    this.decoder = decoder;
    this.helpers = {
      ...helpersFor(() => this.s.slots),
      readSysreg: (e) => (e === FPMR_ENC ? (this.s.slots.FPMR ?? 0n) : 0n),
      writeSysreg: (e, value) => {
        if (e === FPCR_ENC) this.s.slots.FPCR = value & BigInt(FPCR_BITS);
        else if (e === FPMR_ENC) this.s.slots.FPMR = value;
      },
      system: () => 0n,
    };
  }
  /** @param state is not changed */
  start(state, index) {
    this.base = codeAddress(index);
    this.s = testState({
      x: state.x,
      sp: state.sp,
      pc: this.base,
      nzcv: state.nzcv,
      v: state.v,
      memoryBase: WINDOW_BASE,
      memory: WINDOW.slice(),
      // qemu-aarch64 never checks the alignment of SP (its translate-a64.c says so).
      slots: { FPCR: BigInt(state.fpcr), FPSR: BigInt(state.fpsr >>> 0), FPMR: state.fpmr, SP_MASK: 0n },
    });
  }
  /** A copy to go back to. */
  save() {
    const { s } = this;
    return { ...s, x: [...s.x], v: [...s.v], memory: s.memory.slice(), slots: { ...s.slots } };
  }
  restore(saved) {
    this.s = saved;
  }
  get offset() {
    return Number(BigInt.asIntN(64, this.s.pc - this.base));
  }
  /** Executes one word at PC. @param words the block, for literal loads @returns undefined to go on, or how it ended. */
  step(word, words) {
    if (word === END) return { how: 'end' };
    const hit = this.decoder.decode(word);
    if (!hit) return { how: 'SIGILL' };
    const { s } = this;
    const { memory } = s;
    if (LITERAL.test(hit.entry.name)) {
      s.memoryBase = this.base;
      s.memory = new Uint8Array(Uint32Array.from({ length: CODE_WORDS }, (_, i) => words[i] ?? END).buffer);
    }
    const o = runEntry(hit.entry, word, s, this.helpers);
    s.memoryBase = WINDOW_BASE;
    s.memory = memory;
    if (o.kind !== 'exception') return undefined;
    const how = signalOf(o.ec, o.iss);
    return how === 'SIGSEGV' ? { how, addr: o.far } : { how };
  }
  end(outcome) {
    const { s } = this;
    return {
      ...outcome,
      at: this.offset,
      state: {
        x: [...s.x],
        sp: s.sp,
        nzcv: s.nzcv,
        fpcr: Number(s.slots.FPCR ?? 0n),
        fpsr: Number(s.slots.FPSR ?? 0n),
        fpmr: s.slots.FPMR ?? 0n,
        v: [...s.v],
      },
      memory: changes(s.memory),
    };
  }
  /** Runs a whole block. @returns its end and the number of instructions. */
  run(block, limit = 5000) {
    this.start(block.state, block.index);
    for (let steps = 0; steps < limit; steps++) {
      const at = this.offset;
      if (at < 0 || at >= CODE_WORDS * 4) return { end: this.end({ how: 'SIGSEGV' }), steps };
      if (at & 3) return { end: this.end({ how: 'SIGBUS 1' }), steps };
      const stop = this.step(block.words[at / 4] ?? END, block.words);
      if (stop) return { end: this.end(stop), steps };
    }
    return { end: this.end({ how: 'no end' }), steps: limit };
  }
}
