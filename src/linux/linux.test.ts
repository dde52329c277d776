// Whole-machine tests with scripted programs: threads, signals, futexes, pipes, processes, time.

import { describe, expect, it } from 'vitest';
import { Errno } from '../base/hostfile.ts';
import { Clone, Futex, Open, Signal } from './abi/flags.ts';
import { Struct, utf8 } from './bytes.ts';
import { callByNumber, syscalls } from './syscalls/dispatch.ts';
import { call, HANDLER, SCRATCH, type Script, testMachine } from './testing.ts';
import type { Thread } from './thread.ts';

const THREAD =
  Clone.CLONE_VM | Clone.CLONE_FS | Clone.CLONE_FILES | Clone.CLONE_SIGHAND | Clone.CLONE_THREAD | Clone.CLONE_SYSVSEM;
const at = (n: number) => BigInt(SCRATCH + n);
const write32 = (t: Thread, n: number, v: number) => t.mm.write(at(n), new Struct(4).set32(0, v).bytes);
const read32 = (t: Thread, n: number) => {
  const s = new Struct(4);
  t.mm.read(at(n), s.bytes);
  return s.u32(0);
};
const text = (t: Thread, n: number, s: string) => t.mm.write(at(n), utf8(`${s}\0`));
function* say(t: Thread, s: string) {
  t.mm.write(at(0x800), utf8(s));
  return yield* call('write', 1, at(0x800), utf8(s).length);
}
/** Starts script number `id` as a thread. */
function* spawn(t: Thread, id: number, flags = THREAD) {
  const own = t.state.x(19);
  t.state.setX(19, BigInt(id));
  const tid = yield* call('clone', flags, 0, 0, 0, 0);
  t.state.setX(19, own);
  return tid;
}
async function run(main: Script, o: Parameters<typeof testMachine>[1] = {}, also: Script[] = []) {
  const m = testMachine(main, o);
  for (const s of also) m.engine.add(s);
  const code = await m.machine.run();
  return { code, out: m.output(), messages: m.messages, machine: m.machine };
}

describe('a system call', () => {
  it('has a number of its own', () => {
    const numbers = Object.values(syscalls()).map(({ nr }) => nr);
    expect(numbers.filter((nr, i) => numbers.indexOf(nr) !== i)).toEqual([]);
    expect(Object.entries(syscalls()).filter(([name, { nr }]) => callByNumber(nr)?.name !== name)).toEqual([]);
  });
});
describe('a process', () => {
  it('writes, exits with its code', async () => {
    const r = await run(function* (t) {
      expect(yield* say(t, 'hello\n')).toBe(6);
      yield* call('exit_group', 7);
    });
    expect(r.out).toBe('hello\n');
    expect(r.code).toBe(7);
  });
  it('dies of a fault: 128 + signal and a report', async () => {
    const r = await run(function* (t) {
      t.mm.fault(0x1234_5678, true);
      yield { fault: { ec: 0x24, iss: 0x47, far: 0x1234_5678n } };
    });
    expect(r.code).toBe(139);
    expect(r.messages.join('\n')).toMatch(/SIGSEGV \(address not mapped\) at 0x12345678; pc 0x400100/);
    expect(r.messages.join('\n')).toMatch(/x0 0x0000000000000000/);
  });
  it('answers ENOSYS to an unknown call and reports it once', async () => {
    const r = await run(function* (t) {
      for (let i = 0; i < 2; i++) {
        t.state.setX(8, 0n);
        expect(yield { call: 'getpid', args: [] }).toBe(100);
      }
    });
    expect(r.code).toBe(0);
    expect(r.messages).toEqual([]);
  });
});

describe('threads', () => {
  it('wait on a futex and are woken', async () => {
    const r = await run(
      function* (t) {
        write32(t, 0, 1);
        yield* spawn(t, 1);
        expect(yield* call('futex', at(0), Futex.FUTEX_WAIT, 2, 0)).toBe(-Errno.EAGAIN);
        while (read32(t, 0) === 1)
          expect(yield* call('futex', at(0), Futex.FUTEX_WAIT, 1, 0)).toBeOneOf([0, -Errno.EAGAIN]);
        yield* say(t, 'woken\n');
      },
      {},
      [
        function* (t) {
          yield { run: 100_000 };
          write32(t, 0, 0);
          expect(yield* call('futex', at(0), Futex.FUTEX_WAKE, 1)).toBe(1);
        },
      ],
    );
    expect(r.out).toBe('woken\n');
  });
  it('a futex times out in virtual time', async () => {
    await run(function* (t) {
      write32(t, 0, 1);
      t.mm.write(at(16), new Struct(16).set64(0, 3600).bytes);
      const before = t.machine.clock.now();
      expect(yield* call('futex', at(0), Futex.FUTEX_WAIT, 1, at(16))).toBe(-Errno.ETIMEDOUT);
      expect(t.machine.clock.now() - before).toBeGreaterThanOrEqual(3600e9);
    });
  });
  it('clear a word and wake at their end', async () => {
    const r = await run(
      function* (t) {
        write32(t, 0, 99);
        const own = t.state.x(19);
        t.state.setX(19, 1n);
        const tid = yield* call(
          'clone',
          THREAD | Clone.CLONE_CHILD_CLEARTID | Clone.CLONE_PARENT_SETTID,
          0,
          at(4),
          0,
          at(0),
        );
        t.state.setX(19, own);
        expect(read32(t, 4)).toBe(tid);
        while (read32(t, 0) !== 0) yield* call('futex', at(0), Futex.FUTEX_WAIT, 99, 0);
        yield* say(t, 'joined\n');
      },
      {},
      [
        function* () {
          yield { run: 1000 };
        },
      ],
    );
    expect(r.out).toBe('joined\n');
  });
  it('leave robust locks marked', async () => {
    await run(
      function* (t) {
        const tid = yield* spawn(t, 1);
        write32(t, 0x40, tid);
        yield* call('futex', at(0x48), Futex.FUTEX_WAKE, 1);
        write32(t, 0x48, 1);
        while (t.machine.thread(tid)) yield { run: 1000 };
        expect(read32(t, 0x40)).toBe(0x4000_0000);
      },
      {},
      [
        function* (t) {
          while (read32(t, 0x48) === 0) yield { run: 1000 };
          // head at 0x20: list -> entry at 0x30 -> head; futex_offset 0x10
          t.mm.write(at(0x20), new Struct(24).set64(0, at(0x30)).set64(8, 0x10).bytes);
          t.mm.write(at(0x30), new Struct(8).set64(0, at(0x20)).bytes);
          expect(yield* call('set_robust_list', at(0x20), 24)).toBe(0);
        },
      ],
    );
  });
  it('spin on each other: preemption gets them on', async () => {
    const r = await run(
      function* (t) {
        yield* spawn(t, 1);
        while (read32(t, 0) !== 1) yield { run: 1_000_000 };
        yield* say(t, 'seen\n');
        yield* call('exit_group', 0);
      },
      { options: { cpus: 1 } },
      [
        function* (t) {
          yield { run: 1_000_000 };
          write32(t, 0, 1);
          for (;;) yield { run: 1_000_000 };
        },
      ],
    );
    expect(r.out).toBe('seen\n');
  });
  it('stay on the CPUs that they may use', async () => {
    await run(
      function* (t) {
        t.mm.write(at(0), new Struct(8).set64(0, 2).bytes);
        expect(yield* call('sched_setaffinity', 0, 8, at(0))).toBe(0);
        yield* call('getcpu', at(8), 0);
        expect(read32(t, 8)).toBe(1);
        const tid = yield* spawn(t, 1);
        t.mm.write(at(0), new Struct(8).set64(0, 1).bytes);
        expect(yield* call('sched_setaffinity', tid, 8, at(0))).toBe(0);
        yield* call('sched_yield');
        expect(t.machine.thread(tid)!.cpuIndex).toBe(0);
        expect(yield* call('sched_getaffinity', tid, 8, at(16))).toBe(8);
        expect(read32(t, 16)).toBe(1);
      },
      {},
      [
        function* () {
          for (let i = 0; i < 10; i++) yield { run: 100_000 };
        },
      ],
    );
  });
});

describe('signals', () => {
  function* catchSignal(t: Thread, sig: number, script: number, flags = 4) {
    t.mm.write(at(0x100), new Struct(32).set64(0, HANDLER + script).set64(8, flags).bytes);
    expect(yield* call('rt_sigaction', sig, at(0x100), 0, 8)).toBe(0);
  }
  it('are listened for from where a program says what it does about them', async () => {
    let heard = 0;
    await run(function* (t) {
      t.machine.onSignals = () => heard++;
      yield* call('getpid');
      yield* call('kill', 100, 0);
      expect(heard).toBe(0);
      yield* catchSignal(t, Signal.SIGINT, 1);
      expect(heard).toBe(1);
      yield* call('rt_sigprocmask', 0, 0, 0, 8);
      expect(heard).toBe(2);
    });
  });
  it('run a handler and come back with all registers', async () => {
    const r = await run(
      function* (t) {
        yield* catchSignal(t, Signal.SIGUSR1, 1);
        t.state.setX(20, 0x1234n);
        t.state.setV(9, 5n, 6n);
        expect(yield* call('kill', 100, Signal.SIGUSR1)).toBe(0);
        expect(t.state.x(20)).toBe(0x1234n);
        expect(t.state.v(9)).toEqual([5n, 6n]);
        expect(t.mask).toBe(0n);
        yield* say(t, 'back\n');
      },
      {},
      [
        function* (t) {
          expect(t.state.x(0)).toBe(BigInt(Signal.SIGUSR1));
          expect(t.mask & (1n << BigInt(Signal.SIGUSR1 - 1))).not.toBe(0n);
          t.state.setX(20, 0n);
          t.state.setV(9, 0n, 0n);
          yield* say(t, 'handler\n');
        },
      ],
    );
    expect(r.out).toBe('handler\nback\n');
  });
  it('a handler may edit the context: the program goes on elsewhere', async () => {
    await run(
      function* (t) {
        yield* catchSignal(t, Signal.SIGILL, 1);
        const pc = t.state.pc;
        yield { fault: { ec: 0, iss: 0, far: 0n } };
        expect(t.state.pc).toBe(pc + 4n);
        expect(t.state.x(5)).toBe(77n);
      },
      {},
      [
        function* (t) {
          const uc = t.state.x(2);
          yield { run: 1 };
          const s = new Struct(8);
          t.mm.read(uc + 176n + 264n, s.bytes); // uc_mcontext.pc
          t.mm.write(uc + 176n + 264n, new Struct(8).set64(0, s.u64(0) + 4n).bytes);
          t.mm.write(uc + 176n + 8n + 40n, new Struct(8).set64(0, 77).bytes);
          const info = new Struct(24);
          t.mm.read(t.state.x(1), info.bytes);
          expect([info.u32(0), info.u32(8)]).toEqual([Signal.SIGILL, 1]);
        },
      ],
    );
  });
  it('SA_RESTART restarts a read, otherwise it is EINTR', async () => {
    for (const [flags, expected] of [
      [0x1000_0000, 1],
      [0, -Errno.EINTR],
    ] as const) {
      const seen: number[] = [];
      await run(
        function* (t) {
          yield* catchSignal(t, Signal.SIGALRM, 1, flags);
          yield* call('pipe2', at(0), 0);
          // 1 ms from now
          t.mm.write(at(32), new Struct(32).set64(24, 1000).bytes);
          yield* call('setitimer', 0, at(32), 0);
          seen.push(yield* call('read', read32(t, 0), at(64), 1));
        },
        {},
        [
          function* (t) {
            yield* call('write', read32(t, 4), at(0), 1);
          },
        ],
      );
      expect(seen).toEqual([expected]);
    }
  });
  it('a blocked fault kills', async () => {
    const r = await run(function* (t) {
      t.mm.write(at(0), new Struct(8).set64(0, 1n << 10n).bytes);
      yield* call('rt_sigprocmask', 0, at(0), 0, 8);
      t.mm.fault(0x9999_0000, false);
      yield { fault: { ec: 0x24, iss: 7, far: 0x9999_0000n } };
    });
    expect(r.code).toBe(139);
  });
  it('sigtimedwait takes a signal that nobody handles', async () => {
    await run(function* (t) {
      t.mm.write(at(0), new Struct(8).set64(0, 1n << BigInt(Signal.SIGUSR2 - 1)).bytes);
      yield* call('rt_sigprocmask', 0, at(0), 0, 8);
      yield* call('kill', 100, Signal.SIGUSR2);
      expect(yield* call('rt_sigtimedwait', at(0), 0, 0, 8)).toBe(Signal.SIGUSR2);
      t.mm.write(at(16), new Struct(16).set64(8, 1000).bytes);
      expect(yield* call('rt_sigtimedwait', at(0), 0, at(16), 8)).toBe(-Errno.EAGAIN);
    });
  });
});

describe('processes', () => {
  it('fork, run apart, are waited for', async () => {
    const r = await run(
      function* (t) {
        write32(t, 0, 1);
        const pid = yield* spawn(t, 1, Signal.SIGCHLD);
        expect(yield* call('wait4', -1, at(8), 0, 0)).toBe(pid);
        expect(read32(t, 8)).toBe(3 << 8);
        expect(read32(t, 0)).toBe(1);
        expect(yield* call('wait4', -1, at(8), 0, 0)).toBe(-Errno.ECHILD);
      },
      {},
      [
        function* (t) {
          expect(t.pid).not.toBe(100);
          write32(t, 0, 2);
          yield* say(t, 'child\n');
          yield* call('exit_group', 3);
        },
      ],
    );
    expect(r.out).toBe('child\n');
  });
  it('a pipe ends when its last writer is gone', async () => {
    await run(
      function* (t) {
        yield* call('pipe2', at(0), 0);
        yield* spawn(t, 1, Signal.SIGCHLD);
        yield* call('close', read32(t, 4));
        expect(yield* call('read', read32(t, 0), at(64), 100)).toBe(3);
        expect(yield* call('read', read32(t, 0), at(64), 100)).toBe(0);
      },
      {},
      [
        function* (t) {
          yield { run: 50_000 };
          yield* call('write', read32(t, 4), at(0), 3);
        },
      ],
    );
  });
});

describe('files', () => {
  const files = { '/etc/motd': 'welcome\n', '/etc/sub/x': '1' };
  it('are read from the host and written in memory only', async () => {
    const r = await run(
      function* (t) {
        text(t, 0, '/etc/motd');
        const fd = yield* call('openat', -100, at(0), Open.O_RDWR, 0);
        expect(yield* call('read', fd, at(64), 100)).toBe(8);
        expect(yield* call('pwrite64', fd, at(0), 4, 0)).toBe(4);
        expect(yield* call('lseek', fd, 0, 0)).toBe(0);
        expect(yield* call('read', fd, at(64), 100)).toBe(8);
        const b = new Uint8Array(8);
        t.mm.read(at(64), b);
        expect(new TextDecoder().decode(b)).toBe('/etcome\n');
        text(t, 0, '/etc/new');
        expect(yield* call('openat', -100, at(0), Open.O_RDWR, 0)).toBe(-Errno.ENOENT);
        expect(yield* call('openat', -100, at(0), Open.O_RDWR | Open.O_CREAT, 0o644)).toBeGreaterThan(0);
        expect(yield* call('unlinkat', -100, at(0), 0)).toBe(0);
        expect(yield* call('faccessat', -100, at(0), 0)).toBe(-Errno.ENOENT);
        text(t, 0, '/etc/motd/x');
        expect(yield* call('openat', -100, at(0), 0, 0)).toBe(-Errno.ENOTDIR);
      },
      { files },
    );
    expect((r.machine.options.host.fs!.lstat('/etc/motd') as { size: number }).size).toBe(8);
  });
  it('/proc shows the process itself', async () => {
    const r = await run(function* (t) {
      text(t, 0, '/proc/self/comm');
      const fd = yield* call('openat', -100, at(0), 0, 0);
      const n = yield* call('read', fd, at(0x800), 100);
      yield* call('write', 1, at(0x800), n);
      text(t, 0, '/proc/self/exe');
      expect(yield* call('readlinkat', -100, at(0), at(64), 100)).toBe('/bin/prog'.length);
    });
    expect(r.out).toBe('prog\n');
  });
  it('tells of the memory that programs have, not of what the engine takes', async () => {
    await run(function* (t) {
      const told = function* () {
        expect(yield* call('sysinfo', at(0))).toBe(0);
        expect(yield* call('getrusage', 0, at(0x200))).toBe(0);
        text(t, 0x400, '/proc/meminfo');
        const fd = yield* call('openat', -100, at(0x400), 0, 0);
        const n = yield* call('read', fd, at(0x800), 0x700);
        yield* call('close', fd);
        const bytes = new Uint8Array(n);
        t.mm.read(at(0x800), bytes);
        return [read32(t, 40), read32(t, 0x220), new TextDecoder().decode(bytes)];
      };
      yield* told();
      const before = yield* told();
      t.machine.mem.allocFixed(1 << 20);
      expect(yield* told()).toEqual(before);
      // Programs' memory does show.
      const page = yield* call('mmap', 0, 4096, 3, 0x22, -1, 0);
      t.mm.write(BigInt(page), Uint8Array.of(1));
      expect(yield* told()).not.toEqual(before);
    });
  });
  it('eventfd and epoll work together', async () => {
    await run(function* (t) {
      const ev = yield* call('eventfd2', 0, Open.O_NONBLOCK);
      const ep = yield* call('epoll_create1', 0);
      t.mm.write(at(0), new Struct(16).set32(0, 1).set64(8, 42).bytes);
      expect(yield* call('epoll_ctl', ep, 1, ev, at(0))).toBe(0);
      expect(yield* call('epoll_pwait', ep, at(32), 4, 0, 0, 8)).toBe(0);
      expect(yield* call('read', ev, at(64), 8)).toBe(-Errno.EAGAIN);
      t.mm.write(at(64), new Struct(8).set64(0, 5).bytes);
      expect(yield* call('write', ev, at(64), 8)).toBe(8);
      expect(yield* call('epoll_pwait', ep, at(32), 4, -1, 0, 8)).toBe(1);
      expect(read32(t, 40)).toBe(42);
      expect(yield* call('read', ev, at(64), 8)).toBe(8);
      expect(read32(t, 64)).toBe(5);
    });
  });
});

describe('userfaultfd', () => {
  it('blocks a call until the page is supplied', async () => {
    const RANGE = 0x5000_0000;
    await run(
      function* (t) {
        const fd = yield* call('userfaultfd', 0);
        t.mm.write(at(0), new Struct(24).set64(0, 0xaa).bytes);
        expect(yield* call('ioctl', fd, 0xc018aa3f, at(0))).toBe(0);
        expect(yield* call('mmap', RANGE, 4096, 3, 0x32, -1, 0)).toBe(RANGE);
        t.mm.write(at(0), new Struct(32).set64(0, RANGE).set64(8, 4096).set64(16, 1).bytes);
        expect(yield* call('ioctl', fd, 0xc020aa00, at(0))).toBe(0);
        write32(t, 0x40, fd);
        yield* spawn(t, 1);
        // The kernel itself touches the page: it waits for the handler.
        expect(yield* call('write', 1, RANGE, 3)).toBe(3);
      },
      {},
      [
        function* (t) {
          const fd = read32(t, 0x40);
          expect(yield* call('read', fd, at(0x80), 32)).toBe(32);
          const msg = new Struct(32);
          t.mm.read(at(0x80), msg.bytes);
          expect([msg.bytes[0], msg.u64(16)]).toEqual([0x12, BigInt(RANGE)]);
          const page = new Uint8Array(4096);
          page.set(utf8('uff'));
          yield* call('mmap', 0x6000_0000, 4096, 3, 0x32, -1, 0);
          t.mm.write(0x6000_0000n, page);
          t.mm.write(at(0xc0), new Struct(40).set64(0, RANGE).set64(8, 0x6000_0000).set64(16, 4096).bytes);
          expect(yield* call('ioctl', fd, 0xc028aa03, at(0xc0))).toBe(0);
        },
      ],
    ).then((r) => expect(r.out).toBe('uff'));
  });
});

describe('determinism', () => {
  it('two runs interleave the same way', async () => {
    const once = () =>
      run(
        function* (t) {
          yield* spawn(t, 1);
          for (let i = 0; i < 20; i++) {
            yield { run: 30_000 };
            yield* say(t, 'a');
          }
          while (t.process.threads.length > 1) yield { run: 1000 };
        },
        {},
        [
          function* (t) {
            for (let i = 0; i < 20; i++) {
              yield { run: 20_000 };
              t.mm.write(at(0x700), utf8('b'));
              yield* call('write', 1, at(0x700), 1);
            }
          },
        ],
      );
    const [x, y] = [await once(), await once()];
    expect(x.out).toBe(y.out);
    expect(x.out).toMatch(/ab|ba/);
  });
});
