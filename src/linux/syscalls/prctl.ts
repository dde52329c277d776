// prctl(2): what a thread or its process says of itself.

import { Errno, type Result } from '../../base/hostfile.ts';
import { Struct } from '../bytes.ts';
import { newPauth } from '../pauth.ts';
import { getVectorLength, setVectorLength } from '../sve.ts';
import type { Thread } from '../thread.ts';
import { getString, put32, putBytes } from './util.ts';

const { EINVAL } = Errno;

// biome-ignore format: a table
const Prctl = {
  PR_SET_PDEATHSIG: 1, PR_GET_PDEATHSIG: 2, PR_GET_DUMPABLE: 3, PR_SET_DUMPABLE: 4, PR_SET_NAME: 15, PR_GET_NAME: 16,
  PR_GET_SECCOMP: 21, PR_CAPBSET_READ: 23, PR_SET_TIMERSLACK: 29, PR_GET_TIMERSLACK: 30, PR_SET_CHILD_SUBREAPER: 36,
  PR_GET_CHILD_SUBREAPER: 37, PR_SET_NO_NEW_PRIVS: 38, PR_GET_NO_NEW_PRIVS: 39, PR_SVE_SET_VL: 50, PR_SVE_GET_VL: 51,
  PR_PAC_RESET_KEYS: 54, PR_SET_TAGGED_ADDR_CTRL: 55, PR_GET_TAGGED_ADDR_CTRL: 56, PR_SET_VMA: 0x53564d41,
} as const;
export function prctl(t: Thread, option: number, a2: bigint, a3: bigint, a4: bigint, a5: bigint): Result {
  const p = t.process;
  const n = Number(BigInt.asIntN(32, a2));
  switch (option) {
    case Prctl.PR_SET_NAME:
      t.comm = getString(t, a2, 4096).slice(0, 15);
      return 0;
    case Prctl.PR_GET_NAME:
      putBytes(t, a2, new Struct(16).text(0, t.comm, 16).bytes);
      return 0;
    case Prctl.PR_SET_PDEATHSIG:
      t.parentDeathSignal = n;
      return 0;
    case Prctl.PR_GET_PDEATHSIG:
      put32(t, a2, t.parentDeathSignal);
      return 0;
    case Prctl.PR_GET_DUMPABLE:
      return p.dumpable;
    case Prctl.PR_SET_DUMPABLE:
      if (n !== 0 && n !== 1) return -EINVAL;
      p.dumpable = n;
      return 0;
    case Prctl.PR_SET_NO_NEW_PRIVS:
      if (n !== 1 || a3 !== 0n || a4 !== 0n || a5 !== 0n) return -EINVAL;
      p.noNewPrivs = true;
      return 0;
    case Prctl.PR_GET_NO_NEW_PRIVS:
      return p.noNewPrivs ? 1 : 0;
    case Prctl.PR_SET_CHILD_SUBREAPER:
      p.subreaper = n !== 0;
      return 0;
    case Prctl.PR_GET_CHILD_SUBREAPER:
      put32(t, a2, p.subreaper ? 1 : 0);
      return 0;
    case Prctl.PR_GET_SECCOMP:
      return 0;
    case Prctl.PR_CAPBSET_READ:
      return n >= 0 && n <= 40 ? 1 : -EINVAL;
    case Prctl.PR_SET_TIMERSLACK:
      return 0;
    case Prctl.PR_GET_TIMERSLACK:
      return 50_000;
    case Prctl.PR_SET_TAGGED_ADDR_CTRL:
      return a2 <= 1n ? 0 : -EINVAL;
    case Prctl.PR_GET_TAGGED_ADDR_CTRL:
      return 0;
    case Prctl.PR_SVE_SET_VL:
      return setVectorLength(t, n);
    case Prctl.PR_SVE_GET_VL:
      return getVectorLength(t);
    case Prctl.PR_PAC_RESET_KEYS:
      if ((a2 & ~31n) !== 0n || a3 !== 0n || a4 !== 0n || a5 !== 0n) return -EINVAL;
      p.pauth = newPauth(t.machine.facts, t.machine.rng);
      return 0;
    case Prctl.PR_SET_VMA: {
      if (a2 !== 0n) return -EINVAL;
      const name = a5 === 0n ? '' : `[anon:${getString(t, a5, 80)}]`;
      const start = Number(a3);
      t.mm.vmas.change(start, start + Number(a4), (v) => {
        if (!v.backing) v.name = name;
      });
      return 0;
    }
    default:
      return -EINVAL;
  }
}
