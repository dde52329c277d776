// The facade of ops.ts on top of the IR: what Arm's words mean in nodes. State is named by slots (X0..X30, SP, ZERO,
// SINK, V0.., FPCR, ...) whose layout is the engine's business. Arithmetic and memory are in build_data.ts.

import { encode } from '../arch/a64/encoding.ts';
import { enc } from '../arch/schema.ts';
import type { Place, Ty, ValueNode } from '../ir/ops.ts';
import { makeArithmetic, makeFloat, makeMemory, makeVectors } from './build_data.ts';
import { type HelperName, helperRows, VECTOR_HELPERS } from './helpers.ts';
import {
  type InlineCounter,
  type InlineSysreg,
  inlineCounters,
  inlineSysregs,
  SysOpen,
  WAIT_TICKS,
} from './inline_sysregs.ts';
import type { Ops, Reg, Val } from './ops.ts';
import { immName, type Recorder, type RegKind, tokenOf } from './record.ts';

/** Exception classes (ESR_ELx.EC) of what instructions raise by themselves. */
const EC = {
  Unknown: 0x00,
  FpAccess: 0x07,
  Pac: 0x1c,
  Svc: 0x15,
  Hvc: 0x16,
  Smc: 0x17,
  SpAlignment: 0x26,
  SveAccess: 0x19,
  Mops: 0x27,
  Brk: 0x3c,
} as const;
/** ISS of a trapped FP access from AArch64: CV = 1, COND = 14. */
const ISS_FP = 0x1e00000;
/** Positions in the PSTATE slot, which has SPSR_ELx's layout. */
const PSTATE_BIT = { DIT: [24, 1], SSBS: [12, 1], TCO: [25, 1], BTYPE: [10, 3], PAN: [22, 1], UAO: [23, 1] } as const;
const DC_ZVA = enc(1, 3, 7, 4, 1);
const CACHE_BLOCK = 64;

type Fields = Readonly<Record<string, number>>;
const registerOf = (f: Fields): number => enc(2 + f['o0']!, f['op1']!, f['CRn']!, f['CRm']!, f['op2']!);
const operationOf = (f: Fields): number => enc(1, f['op1']!, f['CRn']!, f['CRm']!, f['op2']!);

export const node = (v: Val): ValueNode => v as ValueNode;
const wide = (sf: number | undefined): boolean => sf === undefined || sf !== 0;

export function makeOps(r: Recorder): Ops {
  const i32 = (n: number): ValueNode => r.ir.const('i32', n);
  const i64 = (n: bigint | number): ValueNode => r.ir.const('i64', n);
  const get = (place: Place, ty: Ty): ValueNode => r.ir.add(`get.${ty}`, [], place);
  const set = (place: Place, value: Val): void => {
    r.ir.add(`set.${value.ty}`, [node(value)], place);
  };
  const slot = (name: string): Place => ({ slot: name });
  const raise = (ec: number, iss: ValueNode, past = false): void => {
    r.ir.add('raise', [iss], { ec, past });
  };
  const resync = (): void => {
    r.ir.add('resync', []);
  };
  const read = (n: Reg, kind: RegKind, sf: number | undefined, add = 0): Val =>
    get(r.place(tokenOf(n), kind, add), wide(sf) ? 'i64' : 'i32');
  const write = (n: Reg, kind: RegKind, value: Val, add = 0): void =>
    set(r.place(tokenOf(n), kind, add), value.ty === 'i32' ? ops.extU(value) : value);
  const notAtEl0 = (): void => ops.if(ops.eqz(get(slot('EL'), 'i32')), () => ops.undefined());

  const constants: Pick<Ops, 'imm' | 'imm32' | 'i64' | 'i32' | 'v128' | 'pick'> = {
    imm: (value) => r.ir.add('imm.i64', [], r.operand({ kind: 'i64', value })),
    imm32: (value) => r.ir.add('imm.i32', [], r.operand({ kind: 'i32', value })),
    i64,
    i32,
    v128: (lo, hi) => r.ir.const('v128', BigInt.asUintN(64, lo) | (BigInt.asUintN(64, hi) << 64n)),
    pick: (of, values) => r.pick(of, values) as (typeof values)[number],
  };

  const registers: Pick<
    Ops,
    | 'X' | 'setX' | 'XSP' | 'reg' | 'setXSP' | 'setLR' | 'Xpair' | 'setXpair' | 'base'
    | 'V' | 'setV' | 'Vs' | 'setVs' | 'Vlist' | 'setVlist'
  > = {
    X: (n, sf) => read(n, 'xr', sf),
    setX: (n, value) => write(n, 'xw', value),
    XSP: (n, sf) => read(n, 'sp', sf),
    reg: (n) => ({ field: undefined, n }) as unknown as Reg,
    setXSP: (n, value) => write(n, 'sp', value),
    setLR: (value) => set(slot('X30'), value),
    Xpair: (n, sf) => read(n, 'xr', sf, 1),
    setXpair: (n, value) => write(n, 'xw', value, 1),
    base: (n) => {
      const { field, n: fixed } = tokenOf(n);
      const isSp =
        field === undefined ? fixed === 31 : r.pickOf(`${field}=31`, (f) => (f[field] === 31 ? 1 : 0), [0, 1]) === 1;
      if (!isSp) return read(n, 'xr', 1);
      const sp = get(slot('SP'), 'i64');
      const wrong = ops.and(ops.wrap(sp), get(slot('SP_MASK'), 'i32'));
      ops.if(ops.ne(wrong, i32(0)), () => raise(EC.SpAlignment, i32(0)));
      return sp;
    },
    V: (n) => get(r.place(tokenOf(n), 'v'), 'v128'),
    setV: (n, value) => set(r.place(tokenOf(n), 'v'), value),
    Vs: (n, bits) => {
      const place = r.place(tokenOf(n), 'v');
      if (bits === 128) return get(place, 'v128');
      if (bits === 64) return get(place, 'i64');
      const low = get(place, 'i32');
      return bits === 32 ? low : ops.zext(low, bits);
    },
    setVs: (n, bits, value) => {
      if (bits === 128) return ops.setV(n, value);
      const low = bits === 64 ? value : ops.extU(bits === 32 ? value : ops.zext(value, bits));
      ops.setV(n, r.ir.add('i64x2.replace_lane', [r.ir.const('v128', 0n), node(low)], 0));
    },
    Vlist: (n, k) => get(r.place(tokenOf(n), 'v', k), 'v128'),
    setVlist: (n, k, value) => set(r.place(tokenOf(n), 'v', k), value),
  }; // biome-ignore format: the Pick is a table

  const flags: Pick<Ops, 'addWithCarry' | 'setNZ' | 'nzcv' | 'setNZCV' | 'cond' | 'carry'> = {
    addWithCarry: (a, b, carry, setFlags) => {
      const c = typeof carry === 'number' ? i32(carry) : carry;
      if (setFlags) return r.ir.add(`adc.${a.ty as 'i32' | 'i64'}`, [node(a), node(b), node(c)]);
      return ops.add(ops.add(a, b), a.ty === 'i64' ? ops.extU(c) : c);
    },
    setNZ: (value) => {
      r.ir.add(`flags.nz.${value.ty as 'i32' | 'i64'}`, [node(value)]);
    },
    nzcv: () => r.ir.add('flags.get', []),
    setNZCV: (value) => {
      r.ir.add('flags.set', [node(value)]);
    },
    cond: (c) => {
      const name = immName(c);
      const always = 14;
      const value = r.pickOf(
        name,
        (f) => Math.min(f[name]!, always),
        Array.from({ length: always + 1 }, (_, i) => i),
      );
      return value === always ? i32(1) : r.ir.add('flags.cond', [], value);
    },
    carry: () => r.ir.add('flags.carry', []),
  };

  const control: Pick<Ops, 'if' | 'local' | 'pc' | 'pcRel' | 'branch' | 'branchIf' | 'branchTo'> = {
    if: (cond, then, otherwise) => r.ir.if(node(cond), then, otherwise),
    local: (initial) => r.ir.local(node(initial)) as ReturnType<Ops['local']>,
    pc: () => r.ir.add('pc', []),
    pcRel: (offset) => ops.add(ops.pc(), ops.imm(offset)),
    branch: (value) => {
      r.ir.add('br', [], r.operand({ kind: 'branch', value }));
    },
    branchIf: (cond, value) => {
      r.ir.if(node(cond), () => ops.branch(value));
    },
    branchTo: (target, type) => {
      r.ir.add('br.to', [node(target)], type);
    },
  };

  const helpers: Pick<Ops, 'helper' | 'helperV'> = {
    helper: (name, ...args) => {
      const row = helperRows()[name as HelperName];
      if (!row) throw new Error(`no scalar helper '${name}': add its row to isa/helpers.ts`);
      return r.ir.add('helper', args.map(node), { name, ...row });
    },
    helperV: (name, param, ...args) => {
      if (!(VECTOR_HELPERS as readonly string[]).includes(name)) {
        throw new Error(`no vector helper '${name}': add it to isa/helpers.ts`);
      }
      return r.ir.add('helperV', args.map(node), { name, param });
    },
  };

  /** The row that a system register access is made of, if there is one. */
  const inlineRow = <T extends { readonly enc: number }>(name: string, rows: readonly T[]): T | undefined => {
    const i = r.pickOf(
      name,
      (f) => rows.findIndex((s) => s.enc === registerOf(f)) + 1,
      Array.from({ length: rows.length + 1 }, (_, k) => k),
    );
    return rows[i - 1];
  };
  const inlineRegister = (): InlineSysreg | undefined => inlineRow('sysreg', inlineSysregs());
  const passTicks = (): void => {
    set(slot('PASSED'), ops.add(get(slot('PASSED'), 'i64'), i64(WAIT_TICKS)));
    set(slot('BUDGET'), ops.sub(get(slot('BUDGET'), 'i32'), i32(WAIT_TICKS)));
  };
  const readCounter = ({ slot: ahead }: InlineCounter): Val => {
    const instructions = ops.add(get(slot('ICOUNT'), 'i64'), ops.extU(r.ir.add('executed', [])));
    const value = ops.local(ops.add(ops.add(get(slot(ahead), 'i64'), get(slot('PASSED'), 'i64')), instructions));
    passTicks();
    return value.get();
  };
  /** Does `open` where no control can trap the access, `ask` where one might. */
  const whenOpen = (bit: number, open: () => void, ask: () => void): void =>
    ops.if(ops.and(get(slot('SYS_OPEN'), 'i32'), i32(bit)), open, ask);
  const askSystem = (value: Val, isRead: boolean): Val => {
    const encoding = ops.imm32(operationOf as (f: unknown) => number);
    return r.ir.add('sys.op', [node(encoding), node(value)], isRead);
  };

  const system: Pick<
    Ops,
    | 'undefined' | 'exception' | 'idle' | 'readSysreg' | 'writeSysreg' | 'sys' | 'sysl' | 'msrImm' | 'eret' | 'pstate'
    | 'checkFP' | 'checkFPMR' | 'checkSVE' | 'routine' | 'pacm' | 'ifPacm' | 'barrier' | 'clrex' | 'setQC'
  > = {
    undefined: () => {
      raise(EC.Unknown, i32(0));
      if (r.ir.depth === 0) r.stop();
    },
    exception: (kind, imm) => {
      switch (kind) {
        case 'svc':
          return raise(EC.Svc, node(imm), true);
        case 'hvc':
          notAtEl0();
          return raise(EC.Hvc, node(imm), true);
        case 'smc':
          notAtEl0();
          return raise(EC.Smc, node(imm), true);
        case 'brk':
          return raise(EC.Brk, node(imm));
        case 'hlt': // halting debug does not exist here
          return ops.undefined();
        case 'pac':
          return raise(EC.Pac, node(imm));
        case 'mops':
          return raise(EC.Mops, node(imm));
      }
    },
    idle: (kind, deadline) => {
      const event = slot('EVENT');
      const wait = (): void => {
        r.ir.add('exit', [], 'idle');
      };
      if (kind === 'yield') return passTicks();
      set(slot('IDLE_DEADLINE'), deadline ?? i64(-1n));
      if (kind === 'wfi' || kind === 'wfit') return wait();
      if (kind === 'sev' || kind === 'sevl') return set(event, i64(1));
      ops.if(ops.eqz(get(event, 'i64')), wait, () => set(event, i64(0)));
    },
    readSysreg: () => {
      const ask = (): Val => r.ir.add('sys.read', [node(ops.imm32(registerOf as (f: unknown) => number))]);
      const inline = inlineRegister();
      const counter = inline ? undefined : inlineRow('counter', inlineCounters());
      if (counter) {
        const result = ops.local(i64(0));
        whenOpen(counter.open, () => result.set(readCounter(counter)), () => result.set(ask()));
        return result.get();
      }
      if (!inline) return ask();
      if (inline.fp) ops.checkFP();
      const value = inline.slot === 'NZCV' ? ops.shl(ops.extU(ops.nzcv()), i64(28)) : get(slot(inline.slot), 'i64');
      if (inline.open === 0) return value;
      const result = ops.local(value);
      whenOpen(inline.open, () => {}, () => result.set(ask()));
      return result.get();
    },
    writeSysreg: (value) => {
      const ask = (): void => {
        const encoding = ops.imm32(registerOf as (f: unknown) => number);
        r.ir.add('sys.write', [node(encoding), node(value)]);
        resync();
      };
      const inline = inlineRegister();
      if (!inline?.writable) return ask();
      if (inline.fp) ops.checkFP();
      const direct = (): void => {
        if (inline.slot === 'NZCV') ops.setNZCV(ops.and(ops.wrap(ops.shrU(value, i64(28))), i32(15)));
        else set(slot(inline.slot), inline.mask === undefined ? value : ops.and(value, i64(inline.mask)));
      };
      if (inline.openWrite === 0) direct();
      else whenOpen(inline.openWrite, direct, ask);
    },
    sys: (value) => {
      const ask = (): void => {
        askSystem(value, false);
        resync();
      };
      if (!r.pickOf('DC ZVA', (f) => (operationOf(f) === DC_ZVA ? 1 : 0), [0, 1])) return ask();
      const zero = r.ir.const('v128', 0n);
      const clear = (): void => {
        // A fault reports the address as given, not that of the block.
        r.ir.add('mem.w', [node(value)], { size: 1, element: 1, atomic: false, ordered: false, unprivileged: false });
        ops.stMany(ops.and(value, i64(-CACHE_BLOCK)), 128, [zero, zero, zero, zero]);
      };
      whenOpen(SysOpen.DcZva, clear, ask);
    },
    sysl: () => askSystem(i64(0), true),
    msrImm: () => {
      const field = ops.imm32(((f: Fields) => (f['op1']! << 3) | f['op2']!) as (f: unknown) => number);
      r.ir.add('sys.imm', [node(field), node(ops.imm32(((f: Fields) => f['CRm']!) as (f: unknown) => number))]);
      resync();
    },
    eret: () => {
      notAtEl0();
      r.ir.add('exit', [], 'system');
    },
    pstate: (bit) => {
      const [shift, mask] = PSTATE_BIT[bit];
      return ops.and(ops.wrap(ops.shrU(get(slot('PSTATE'), 'i64'), i64(shift))), i32(mask));
    },
    checkFP: () => ops.if(ops.eqz(get(slot('FP_ON'), 'i32')), () => raise(EC.FpAccess, i32(ISS_FP))),
    // PACM marks the instruction after it by its address plus 1. That one alone looks at the mark, and takes it away.
    pacm: () => whenOpen(SysOpen.Pacm, () => set(slot('PACM'), ops.pcRel(() => 5n)), () => {}),
    ifPacm: (then) =>
      ops.if(ops.eq(get(slot('PACM'), 'i64'), ops.pcRel(() => 1n)), () => {
        set(slot('PACM'), i64(0));
        then();
      }),
    checkFPMR: () => ops.if(ops.eqz(get(slot('FPMR_ON'), 'i32')), () => ops.undefined()),
    checkSVE: () => {
      const trap = get(slot('SVE_TRAP'), 'i32');
      ops.if(trap, () => {
        ops.if(ops.eq(trap, i32(EC.FpAccess)), () => raise(EC.FpAccess, i32(ISS_FP)));
        raise(EC.SveAccess, i32(0));
      });
    },
    routine: (row) => {
      const { encoding } = r;
      const word = r.operand({ kind: 'i32', value: (f) => encode(encoding, f) | 0 });
      r.ir.add('routine', [r.ir.add('imm.i32', [], word)], row);
    },
    barrier: (kind) => {
      if (kind === 'dmb' || kind === 'dsb') r.ir.add('fence', []);
      // A context synchronisation may change what the next instruction is.
      if (kind === 'isb') resync();
    },
    clrex: () => set(slot('EXCL_ADDR'), i64(0)),
    setQC: (cond) => {
      const qc = 1 << 27;
      const bit = ops.select(cond, i32(qc), i32(0));
      set(slot('FPSR'), ops.extU(ops.or(get(slot('FPSR'), 'i32'), bit)));
    },
  }; // biome-ignore format: the Pick is a table

  const ops: Ops = {
    ...constants,
    ...registers,
    ...flags,
    ...control,
    ...helpers,
    ...system,
    ...makeArithmetic(r),
    ...makeMemory(r, () => ops),
    ...makeVectors(r, () => ops),
    ...makeFloat(r, () => ops),
  };
  return ops;
}
