// Helpers of the reference evaluator, bound to what the CPU uses.

import { crc32, crc32c } from '../../dist/cpu/crc32.js';
import * as pac from '../../dist/cpu/pauth.js';

/** As a user process of Linux has it: 48-bit addresses, tags ignored in the lower range, all keys enabled. */
const pauth = { ...pac.resetPauth(), enabled: 15, tbiData: 1, tbiInstruction: 1 };
const lo = (v) => Number(BigInt.asIntN(32, v));
const hi = (v) => Number(BigInt.asIntN(32, v >> 32n));
const result = () => (BigInt(pac.result[1] >>> 0) << 32n) | BigInt(pac.result[0] >>> 0);
const HELPERS = {
  crc32: (a, b, bits) => crc32(Number(a), Number(b), Number(bits)),
  crc32c: (a, b, bits) => crc32c(Number(a), Number(b), Number(bits)),
  pacAdd: (p, m, key) => {
    pac.pacAdd(pauth, lo(p), hi(p), lo(m), hi(m), Number(key));
    return result();
  },
  pacAuth: (p, m, key) => {
    pac.pacAuth(pauth, lo(p), hi(p), lo(m), hi(m), Number(key));
    return result();
  },
  pacFailed: (combined) => (pac.pacFailed(pauth, combined !== 0) ? 1 : 0),
  pacStrip: (p, data) => {
    pac.pacStrip(pauth, lo(p), hi(p), data !== 0);
    return result();
  },
  pacGeneric: (d, m) => {
    pac.pacGeneric(pauth, lo(d), hi(d), lo(m), hi(m));
    return result();
  },
};

export const helperTable = {
  helper: (name, args) => HELPERS[name](...args),
};
