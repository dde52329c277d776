// What the reference evaluator calls, bound to what the CPU uses.

import { bindFp, SCALAR_HELPERS, VECTOR_HELPERS } from '../../dist/cpu/helpers.js';
import { resetPauth } from '../../dist/cpu/pauth.js';
import { fpKey, fpTypes } from '../../dist/ir/fp_ops.js';

/** As a user process of Linux has it: 48-bit addresses, tags ignored in the lower range, all keys enabled. */
export const pauthState = { ...resetPauth(), enabled: 15, tbiData: 1, tbiInstruction: 1 };

/** @param slots where FPCR, FPSR and FPMR are, asked at each call */
export function helpersFor(slots) {
  const context = { fpcr: 0, fpsr: 0, fpmr: 0n, rpres: true, pauth: pauthState };
  const bound = new Map();
  const within = (f) => {
    const s = slots();
    context.fpcr = Number(s.FPCR ?? 0n);
    context.fpsr = Number(s.FPSR ?? 0n);
    context.fpmr = s.FPMR ?? 0n;
    const result = f();
    s.FPSR = BigInt(context.fpsr >>> 0);
    return result;
  };
  return {
    helper: (name, args) => within(() => SCALAR_HELPERS[name](context, ...args)),
    helperV: (name, param, args) => within(() => VECTOR_HELPERS[name](context, param, ...args)),
    fp: (attr, args) => {
      const key = fpKey(attr);
      let f = bound.get(key);
      if (!f) {
        f = bindFp(attr, fpTypes(attr).result);
        bound.set(key, f);
      }
      return within(() => f(context, ...args));
    },
  };
}
