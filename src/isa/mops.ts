// Semantics of arch/a64/mops.ts: memory copy and memory set, by the architecture's option A. Each execution of a main or
// epilogue instruction moves at most 16 bytes and then executes itself again, so a fault or an interrupt finds the
// registers as the architecture describes them, and the instruction goes on from there.
//
// Option A, after the prologue: Xn is minus the bytes still to be moved and Xd, Xs are past the end; backward copies
// have Xn positive and Xd, Xs at the start. PSTATE.C = 0 says so. The prologue itself moves nothing.

import { MOPS_ROWS } from '../arch/a64/mops.ts';
import type { Bits, Ops, Reg, Val } from './ops.ts';
import { semantics } from './semantics.ts';

interface Copy {
  readonly Rd: Reg;
  readonly Rs: Reg;
  readonly Rn: Reg;
}

/** Sizes above the largest are taken as the largest. */
const MAX_FORWARD = 0x7fff_ffff_ffff_ffffn;
const MAX_EITHER = 0x007f_ffff_ffff_ffffn;
const VA_MASK = 0x00ff_ffff_ffff_ffffn;

const saturate = (o: Ops, size: Val, max: bigint): Val => o.select(o.ltU(o.i64(max), size), o.i64(max), size);

/** Runs `move` for the largest power of two of bytes that `left` (unsigned) still has, at most 16. @returns that number. */
function chunk(o: Ops, left: Val, move: (bits: Bits) => void): Val {
  const done = o.local(o.i64(0));
  const step = (bytes: number, smaller: () => void): void =>
    o.if(
      o.leU(o.i64(bytes), left),
      () => {
        move((bytes * 8) as Bits);
        done.set(o.i64(bytes));
      },
      smaller,
    );
  step(16, () => step(8, () => step(4, () => step(2, () => step(1, () => {})))));
  return done.get();
}

/** A fault if the flags say option B. The ISS names what the handler needs to start over. @arm MismatchedMemCpyException */
function checkOption(o: Ops, isSet: boolean, epilogue: boolean): void {
  o.if(o.carry(), () =>
    o.exception(
      'mops',
      o.imm32((f) => {
        const which = ((isSet ? 1 : 0) << 24) | (((f['options'] ?? 0) & 15) << 19) | ((epilogue ? 1 : 0) << 18);
        const option = (1 << 17) | (1 << 16);
        return which | option | ((f['Rd'] ?? 0) << 10) | ((f['Rs'] ?? 0) << 5) | (f['Rn'] ?? 0);
      }),
    ),
  );
}

/** Rights of the T forms: options<0> is for writes (and for sets), options<1> for reads. */
interface Rights {
  readonly write: { unprivileged: boolean };
  readonly read: { unprivileged: boolean };
}
const copyRights = (o: Ops): Rights => {
  const t = o.pick((f) => f['options']! & 3, [0, 1, 2, 3]);
  return { write: { unprivileged: (t & 1) !== 0 }, read: { unprivileged: (t & 2) !== 0 } };
};
const setRights = (o: Ops): Rights['write'] => ({ unprivileged: o.pick((f) => f['options']! & 1, [0, 1]) === 1 });

/** After a chunk: again while anything is left. */
const repeatUnlessZero = (o: Ops, left: Val): void => o.branchIf(o.eqz(o.eqz(left)), () => 0n);

const forwardPrologue = (o: Ops, { Rd, Rs, Rn }: Copy): void => {
  const size = saturate(o, o.X(Rn), MAX_FORWARD);
  const to = o.add(o.X(Rd), size);
  const from = o.add(o.X(Rs), size);
  o.setX(Rd, to);
  o.setX(Rs, from);
  o.setX(Rn, o.neg(size));
  o.setNZCV(o.i32(0));
};
/** Backward where the destination starts inside the source: going up would overwrite what is still to be read. */
const eitherPrologue = (o: Ops, { Rd, Rs, Rn }: Copy): void => {
  const size = saturate(o, o.X(Rn), MAX_EITHER);
  const to = o.X(Rd);
  const from = o.X(Rs);
  const va = (x: Val): Val => o.and(x, o.i64(VA_MASK));
  const backward = o.and(o.ltU(va(from), va(to)), o.ltU(va(to), o.add(va(from), size)));
  const past = o.select(backward, o.i64(0), size);
  o.setX(Rd, o.add(to, past));
  o.setX(Rs, o.add(from, past));
  o.setX(Rn, o.select(backward, size, o.neg(size)));
  o.setNZCV(o.i32(0));
};

const copyForward =
  (epilogue: boolean) =>
  (o: Ops, { Rd, Rs, Rn }: Copy): void => {
    checkOption(o, false, epilogue);
    const left = o.X(Rn); // negative
    const to = o.add(o.X(Rd), left);
    const from = o.add(o.X(Rs), left);
    const { read, write } = copyRights(o);
    const done = chunk(o, o.neg(left), (bits) => o.st(to, bits, o.ld(from, bits, read), write));
    const now = o.add(left, done);
    o.setX(Rn, now);
    repeatUnlessZero(o, now);
  };
const copyEither =
  (epilogue: boolean) =>
  (o: Ops, { Rd, Rs, Rn }: Copy): void => {
    checkOption(o, false, epilogue);
    const left = o.X(Rn);
    const forward = o.ltS(left, o.i64(0));
    const magnitude = o.select(forward, o.neg(left), left);
    const to = o.X(Rd);
    const from = o.X(Rs);
    const { read, write } = copyRights(o);
    // Forward: left is minus the distance to the end. Backward: the last bytes of what is left.
    const done = chunk(o, magnitude, (bits) => {
      const at = o.select(forward, left, o.sub(left, o.i64(bits / 8)));
      o.st(o.add(to, at), bits, o.ld(o.add(from, at), bits, read), write);
    });
    const now = o.select(forward, o.add(left, done), o.sub(left, done));
    o.setX(Rn, now);
    repeatUnlessZero(o, now);
  };

const setPrologue = (o: Ops, { Rd, Rn }: Copy): void => {
  const size = saturate(o, o.X(Rn), MAX_FORWARD);
  const end = o.add(o.X(Rd), size);
  o.setX(Rd, end);
  o.setX(Rn, o.neg(size));
  o.setNZCV(o.i32(0));
};
const set =
  (epilogue: boolean) =>
  (o: Ops, { Rd, Rs, Rn }: Copy): void => {
    checkOption(o, true, epilogue);
    const left = o.X(Rn);
    const to = o.add(o.X(Rd), left);
    const rights = setRights(o);
    const vector = o.splat('i8x16', o.X(Rs, 0));
    const done = chunk(o, o.neg(left), (bits) => {
      o.st(to, bits, bits === 128 ? vector : o.lane(vector, bits, 0), rights);
    });
    const now = o.add(left, done);
    o.setX(Rn, now);
    repeatUnlessZero(o, now);
  };

export const mops = semantics(MOPS_ROWS, {
  CPYFP: forwardPrologue,
  CPYFM: copyForward(false),
  CPYFE: copyForward(true),
  CPYP: eitherPrologue,
  CPYM: copyEither(false),
  CPYE: copyEither(true),
  SETP: setPrologue,
  SETM: set(false),
  SETE: set(true),
});
