// /dev: the memory devices, the three streams, shared memory, and what the composition root plugs in.

import { type Caller, Errno, type HostFile, type Result } from '../../base/hostfile.ts';
import { Mode, Poll } from '../abi/flags.ts';
import { Struct } from '../bytes.ts';
import type { Machine } from '../machine.ts';
import { PageStore } from '../mm/pages.ts';
import { Wait } from '../wait.ts';
import { blankStat, type FileOps, makedev, type Stat } from './file.ts';
import type { HostStream } from './hostfs.ts';
import { shmemBacking } from './memfd.ts';
import { DeviceNode, type DirNode, freshIno, SymlinkNode } from './node.ts';
import type { FsContext } from './regular.ts';
import { TreeDir } from './tree.ts';

const MEM_MAJOR = 1;
const both = Poll.POLLIN | Poll.POLLOUT;

function simple(kind: string, ops: Pick<FileOps, 'read' | 'write' | 'backing'>): FileOps {
  return { kind, poll: () => both, close() {}, ...ops };
}
function memDevices(m: Machine): Record<string, readonly [minor: number, () => FileOps]> {
  const random = () =>
    simple('random', {
      read: (out) => {
        m.rng.fill(out);
        return out.length;
      },
      write: (d) => d.length,
    });
  return {
    null: [3, () => simple('null', { read: () => 0, write: (d) => d.length })],
    zero: [
      5,
      () =>
        simple('zero', {
          read: (out) => {
            out.fill(0);
            return out.length;
          },
          write: (d) => d.length,
          // Every mapping of it is memory of its own.
          backing: () => shmemBacking(new PageStore(m.mem, 2 ** 40), '/dev/zero', freshIno()),
        }),
    ],
    full: [
      7,
      () =>
        simple('full', {
          read: (out) => {
            out.fill(0);
            return out.length;
          },
          write: () => -Errno.ENOSPC,
        }),
    ],
    random: [8, random],
    urandom: [9, random],
  };
}

// biome-ignore format: a table
const Tty = {
  TCGETS2: 0x802c542a, TCSETS2: 0x402c542b, TCSETSW2: 0x402c542c, TCSETSF2: 0x402c542d, TCGETS: 0x5401, TCSETS: 0x5402, TCSETSW: 0x5403, TCSETSF: 0x5404, TCFLSH: 0x540b, TCSBRK: 0x5409, TIOCGPGRP: 0x540f,
  TIOCSPGRP: 0x5410, TIOCGWINSZ: 0x5413, TIOCSWINSZ: 0x5414, TIOCSCTTY: 0x540e, TIOCGSID: 0x5429,
} as const;
/** Control characters of a fresh terminal: ^C ^\\ DEL ^U ^D, VTIME 0, VMIN 1, ... */
const CONTROL = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];
/** struct termios2: flag words, line discipline, control characters, speeds. struct termios is its first 36 bytes. */
const TERMIOS2_SIZE = 44;
const TERMIOS_SIZE = 36;
const C_LFLAG = 12;
const ISIG = 1;
const ICANON = 2;
const BAUD = 38400;
function freshTermios(): Struct {
  const s = new Struct(TERMIOS2_SIZE);
  s.set32(0, 0x500).set32(4, 5).set32(8, 0xbf).set32(C_LFLAG, 0x8a3b).set32(36, BAUD).set32(40, BAUD);
  s.bytes.set(CONTROL, 17);
  return s;
}
/** The one terminal that the three streams may be. */
const terminals = new WeakMap<Machine, Struct>();
function termiosOf(m: Machine): Struct {
  let t = terminals.get(m);
  if (!t) {
    t = freshTermios();
    terminals.set(m, t);
  }
  return t;
}

/** Standard input, output or error. */
export class StreamFile implements FileOps {
  readonly kind = 'stream';
  private readonly stream: HostStream;
  private readonly m: Machine;
  private readonly ino = freshIno();

  constructor(m: Machine, stream: HostStream) {
    this.m = m;
    this.stream = stream;
  }
  read(out: Uint8Array): Result {
    if (out.length === 0) return 0;
    const r = this.stream.read(out);
    if (r !== 'wait') return r;
    // A terminal: nobody here can wake us, the scheduler asks again.
    return new Wait(() => this.stream.read(out));
  }
  write(data: Uint8Array, caller: Caller): Result {
    const r = this.stream.write(data);
    if (r === -Errno.EPIPE) (caller as Caller & { raise?(signo: number): void }).raise?.(13);
    return r;
  }
  poll(): number {
    return Poll.POLLOUT | (this.stream.readable() ? Poll.POLLIN : 0);
  }
  stat(): Stat {
    const tty = this.stream.type === Mode.S_IFCHR;
    return {
      ...blankStat(),
      ino: this.ino,
      mode: this.stream.type | (tty ? 0o620 : 0o600),
      rdev: tty ? makedev(136, 0) : 0,
      blksize: tty ? 1024 : 4096,
      uid: this.m.credentials.uid,
      gid: this.m.credentials.gid,
    };
  }
  ioctl(cmd: number, arg: bigint, caller: Caller): Result {
    if (!this.stream.isTty) return -Errno.ENOTTY;
    switch (cmd) {
      case Tty.TCGETS:
      case Tty.TCGETS2: {
        const size = cmd === Tty.TCGETS ? TERMIOS_SIZE : TERMIOS2_SIZE;
        return caller.memory.write(arg, termiosOf(this.m).bytes.subarray(0, size)) ? 0 : -Errno.EFAULT;
      }
      case Tty.TCSETS:
      case Tty.TCSETSW:
      case Tty.TCSETSF:
        return this.setTermios(arg, TERMIOS_SIZE, caller);
      case Tty.TCSETS2:
      case Tty.TCSETSW2:
      case Tty.TCSETSF2:
        return this.setTermios(arg, TERMIOS2_SIZE, caller);
      case Tty.TIOCGWINSZ: {
        const [columns, rows] = this.stream.size?.() ?? [80, 24];
        const s = new Struct(8).set16(0, rows).set16(2, columns);
        return caller.memory.write(arg, s.bytes) ? 0 : -Errno.EFAULT;
      }
      case Tty.TIOCGPGRP:
      case Tty.TIOCGSID:
        return caller.memory.write(arg, new Struct(4).set32(0, caller.pid).bytes) ? 0 : -Errno.EFAULT;
      case Tty.TCFLSH:
      case Tty.TCSBRK:
      case Tty.TIOCSPGRP:
      case Tty.TIOCSCTTY:
      case Tty.TIOCSWINSZ:
        return 0;
      default:
        return -Errno.ENOTTY;
    }
  }
  private setTermios(arg: bigint, size: number, caller: Caller): number {
    const next = new Uint8Array(size);
    if (!caller.memory.read(arg, next)) return -Errno.EFAULT;
    const t = termiosOf(this.m);
    t.bytes.set(next);
    const flags = t.u32(C_LFLAG);
    const SIGINT = 2;
    this.m.host.stdin.setRaw?.(
      (flags & ICANON) === 0,
      (flags & ISIG) !== 0 ? () => this.m.interrupt(SIGINT) : undefined,
    );
    return 0;
  }
  close(): void {}
}

/** Fills the directory that becomes /dev. */
export function devTree(m: Machine, fs: FsContext): DirNode {
  const dir = new TreeDir(fs);
  for (const [name, [minor, open]] of Object.entries(memDevices(m)))
    dir.add(name, new DeviceNode(makedev(MEM_MAJOR, minor), open));
  for (const plug of m.options.devices ?? [])
    dir.add(
      plug.name,
      new DeviceNode(makedev(plug.major, plug.minor), () => plug.open() as HostFile as FileOps, Mode.S_IFCHR | 0o660),
    );
  const stdin = () => new StreamFile(m, m.host.stdin);
  dir.add('tty', new DeviceNode(makedev(5, 0), () => (m.host.stdin.isTty ? stdin() : -Errno.ENXIO)));
  dir.add('console', new DeviceNode(makedev(5, 1), () => new StreamFile(m, m.host.stdout)));
  dir.add('fd', new SymlinkNode('/proc/self/fd'));
  dir.add('stdin', new SymlinkNode('/proc/self/fd/0'));
  dir.add('stdout', new SymlinkNode('/proc/self/fd/1'));
  dir.add('stderr', new SymlinkNode('/proc/self/fd/2'));
  const shm = new TreeDir(fs, { mode: 0o1777 });
  dir.add('shm', shm);
  return dir;
}
