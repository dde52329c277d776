// Facts about the machine, randomness, and calls that only need an answer.

import { Errno } from '../../base/hostfile.ts';
import { FRAME_SIZE } from '../../cpu/physmem.ts';
import { Struct } from '../bytes.ts';
import { UTS } from '../machine.ts';
import { answer, type SyscallTable, sys } from './schema.ts';
import { putBytes, putStruct } from './util.ts';

const { EINVAL, EPERM } = Errno;

export const SYSTEM = {
  uname: sys(160, 'ptr buf', (t, a) => {
    const WIDTH = 65;
    const s = new Struct(6 * WIDTH);
    [UTS.sysname, UTS.nodename, UTS.release, UTS.version, UTS.machine, UTS.domainname].forEach((v, i) => {
      s.text(i * WIDTH, v, WIDTH);
    });
    putStruct(t, a.buf, s);
    return 0;
  }),
  sethostname: answer(161, 'ptr name, size length', -EPERM),
  sysinfo: sys(179, 'ptr info', (t, a) => {
    const m = t.machine;
    const s = new Struct(112);
    s.set64(0, Math.floor(m.clock.now() / 1e9));
    s.set64(32, m.totalMemory).set64(40, m.totalMemory - m.mem.programFrames * FRAME_SIZE);
    s.set16(80, m.allProcesses().length).set32(104, 1);
    putStruct(t, a.info, s);
    return 0;
  }),
  getrandom: sys(278, 'bufout buf, size length, uint flags', (t, a) => {
    if ((a.flags & ~7) !== 0) return -EINVAL;
    const b = new Uint8Array(Math.min(a.length, 1 << 25));
    t.machine.rng.fill(b);
    putBytes(t, a.buf, b);
    return b.length;
  }),
  syslog: sys(116, 'int type, ptr buf, int length', (_t, a) => (a.type === 10 || a.type === 9 ? 0 : -EPERM)),
  reboot: answer(142, 'int magic, int magic2, uint cmd, ptr arg', -EPERM),
  acct: answer(89, 'ptr path', -EPERM),
  vhangup: answer(58, '', -EPERM),
  // Kernel facilities that this machine was built without.
  bpf: answer(280, 'int cmd, ptr attr, uint size', -EPERM),
  perf_event_open: answer(241, 'ptr attr, pid pid, int cpu, fd group, u64 flags', -Errno.ENOENT),
} satisfies SyscallTable;
