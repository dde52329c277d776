// Facts about the machine, and calls that only need an answer.

import { Errno } from '../../base/hostfile.ts';
import { FRAME_SIZE } from '../../cpu/physmem.ts';
import { Struct } from '../bytes.ts';
import { answer, type SyscallTable, sys } from './schema.ts';
import { putStruct } from './util.ts';

const { EPERM } = Errno;

export const SYSTEM = {
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
  syslog: sys(116, 'int type, ptr buf, int length', (_t, a) => (a.type === 10 || a.type === 9 ? 0 : -EPERM)),
  reboot: answer(142, 'int magic, int magic2, uint cmd, ptr arg', -EPERM),
  acct: answer(89, 'ptr path', -EPERM),
  vhangup: answer(58, '', -EPERM),
  // Kernel facilities that this machine was built without.
  bpf: answer(280, 'int cmd, ptr attr, uint size', -EPERM),
  perf_event_open: answer(241, 'ptr attr, pid pid, int cpu, fd group, u64 flags', -Errno.ENOENT),
} satisfies SyscallTable;
