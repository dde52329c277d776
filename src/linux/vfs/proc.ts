// /proc, as far as programs look. Of all that is in it, a C library asks at its start for /proc/self/exe: that is here.

import { lazy } from '../../base/lazy.ts';
import type { Machine } from '../machine.ts';
import type { Process } from '../process.ts';
import type { Thread } from '../thread.ts';
import { procEntries, taskEntries } from './proc_entries.ts';
import { FixedDir, isNumber, link } from './synthetic.ts';

function taskDir(p: Process, t: Thread | undefined, isTask: boolean): FixedDir {
  const exe = lazy(
    link(
      () => p.exe?.path() ?? '',
      () => p.exe,
    ),
  );
  const tasks = () =>
    new FixedDir(
      'proc',
      {},
      {
        names: () => p.threads.map((x) => String(x.tid)),
        find: (name) => {
          const x = p.threads.find((y) => String(y.tid) === name);
          return x && taskDir(p, x, true);
        },
      },
    );
  const entries = () => ({ ...taskEntries(p, t, exe), ...(isTask ? {} : { task: tasks }) });
  return new FixedDir('proc', entries, { names: () => [], find: (name) => (name === 'exe' ? exe() : undefined) });
}

/** @param current the thread that looks: /proc/self */
export function procTree(m: Machine, current: () => Thread | undefined): FixedDir {
  const self = lazy(link(() => String(current()?.pid ?? 0)));
  return new FixedDir('proc', () => procEntries(m, current, self), {
    names: () => m.allProcesses().map((p) => String(p.pid)),
    find: (name) => {
      if (name === 'self') return self();
      if (!isNumber(name)) return undefined;
      const p = m.process(Number(name));
      if (p) return taskDir(p, p.leader, false);
      const t = m.thread(Number(name));
      return t && taskDir(t.process, t, false);
    },
  });
}
