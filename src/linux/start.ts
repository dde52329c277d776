// The first process: the tree of files it sees, its descriptors, its program.

import { UsageError } from '../base/assert.ts';
import { Errno, type ErrnoName } from '../base/hostfile.ts';
import { lazy } from '../base/lazy.ts';
import { Open } from './abi/flags.ts';
import { ElfError } from './elf.ts';
import { become, load, type Program } from './exec.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { Process, SigHand } from './process.ts';
import { Thread } from './thread.ts';
import { devTree, StreamFile } from './vfs/dev.ts';
import { FdTable } from './vfs/fdtable.ts';
import { Description } from './vfs/file.ts';
import { DirNode, Location } from './vfs/node.ts';
import { FsState, locate, walk } from './vfs/path.ts';
import { procTree } from './vfs/proc.ts';
import type { FsContext } from './vfs/regular.ts';
import { sysTree } from './vfs/sys.ts';
import { TreeDir } from './vfs/tree.ts';

export interface StartOptions extends Program {
  /** As given on the command line: what argv[0] and AT_EXECFN show. */
  readonly path: string;
  /** Absolute. */
  readonly cwd: string;
}

function errnoName(n: number): string {
  for (const [name, v] of Object.entries(Errno) as [ErrnoName, number][]) if (v === n) return name;
  return `errno ${n}`;
}
/** What a person would say. */
function explain(errno: number): string {
  if (errno === Errno.ENOENT) return 'no such file or directory';
  if (errno === Errno.EACCES) return 'permission denied';
  if (errno === Errno.ENOTDIR) return 'not a directory';
  if (errno === Errno.ELOOP) return 'too many levels of symbolic links';
  return errnoName(errno);
}

/** @throws UsageError for a --bind or --rw that cannot be */
function buildTree(m: Machine, fs: FsContext, options: MachineOptions): DirNode {
  const { host } = fs;
  const writable = (options.writable ?? []).map((d) => (d === '/' ? '' : d));
  const isWritable = (path: string) => writable.some((d) => path === d || path.startsWith(`${d}/`));
  const hostDir = (path: string, option: string, below: readonly string[] = []): TreeDir => {
    const s = host?.lstat(path);
    if (s === undefined || typeof s === 'number')
      throw new UsageError(`${option} ${path}: ${explain(typeof s === 'number' ? -s : Errno.ENOENT)}`);
    return new TreeDir(fs, { lowers: [path, ...below], stat: s, writable: isWritable });
  };
  for (const d of writable) hostDir(d || '/', '--rw');
  // A system root lies over the host's own tree: its loader and libraries are found first.
  const root = !host
    ? new TreeDir(fs)
    : options.sysroot === undefined
      ? hostDir('/', '/')
      : hostDir(options.sysroot, '--sysroot', ['/']);
  m.root = root;
  const at = new Location(root, undefined, '');
  // Many a program looks at none of them.
  root.mounts.set(
    'dev',
    lazy(() => devTree(m, fs)),
  );
  root.mounts.set(
    'proc',
    lazy(() => procTree(m, () => m.scheduler.current)),
  );
  root.mounts.set(
    'sys',
    lazy(() => sysTree(m)),
  );
  for (const b of options.binds ?? []) mount(fs, at, b.target, nodeOf(fs, b.source, isWritable));
  return root;
}
function nodeOf(fs: FsContext, path: string, writable: (p: string) => boolean) {
  const slash = path.lastIndexOf('/');
  const parent = new TreeDir(fs, { lowers: [path.slice(0, slash) || '/'], writable });
  const n = path === '/' ? parent : parent.lookup(path.slice(slash + 1));
  if (n === undefined || typeof n === 'number')
    throw new UsageError(`--bind ${path}: ${explain(typeof n === 'number' ? -n : Errno.ENOENT)}`);
  return n;
}
/** Puts a node at a path, making the directories on the way. */
function mount(fs: FsContext, root: Location, path: string, node: ReturnType<typeof nodeOf>): void {
  let at = root;
  const parts = path.split('/').filter((p) => p !== '');
  const name = parts.pop();
  if (name === undefined) throw new UsageError('--bind: the destination cannot be /; use --sysroot');
  for (const p of parts) {
    const w = walk(root, at, p, true);
    let next = typeof w === 'number' ? undefined : w.location;
    if (!next) {
      const made = new TreeDir(fs);
      (at.node as DirNode).mounts.set(p, () => made);
      next = new Location(made, at, p);
    }
    if (!(next.node instanceof DirNode)) throw new UsageError(`--bind: ${next.path()} is not a directory`);
    at = next;
  }
  (at.node as DirNode).mounts.set(name, () => node);
}

/**
 * Makes the machine and its first process.
 * @throws UsageError when the program cannot be run: the message says why
 */
export function boot(options: MachineOptions, start: StartOptions): Machine {
  const m = new Machine(options);
  const fsContext: FsContext = { mem: m.mem, host: options.host.fs, now: () => m.clock.realtime() };
  const root = buildTree(m, fsContext, options);
  const top = new Location(root, undefined, '');
  const cwd = locate(top, top, start.cwd);
  if (typeof cwd === 'number' || !(cwd.node instanceof DirNode))
    throw new UsageError(`--cwd ${start.cwd}: ${explain(typeof cwd === 'number' ? -cwd : Errno.ENOTDIR)}`);
  const fs = new FsState(top, cwd);
  const location = locate(top, cwd, start.path);
  if (typeof location === 'number') throw new UsageError(`${start.path}: ${explain(-location)}`);
  if (location.node instanceof DirNode) throw new UsageError(`${start.path}: is a directory`);
  const probe = location.node.open(0);
  if (typeof probe === 'number') throw new UsageError(`${start.path}: cannot be read: ${explain(-probe)}`);
  let loaded: ReturnType<typeof load>;
  try {
    loaded = load(m, fs, location, start.path, start);
  } catch (e) {
    if (e instanceof ElfError) throw new UsageError(e.message);
    throw e;
  } finally {
    probe.close();
  }
  const p = new Process(m, m.allocPid(), undefined, loaded.mm, new SigHand(), m.defaultLimits());
  m.addProcess(p);
  const files = new FdTable();
  const streams = [
    [options.host.stdin, 0],
    [options.host.stdout, Open.O_WRONLY],
    [options.host.stderr, Open.O_WRONLY],
  ] as const;
  for (const [s, flags] of streams) {
    const label = s.isTty ? '/dev/pts/0' : s.type === 0o010000 ? 'pipe:[1]' : '/dev/stdio';
    files.install(new Description(new StreamFile(m, s), s.isTty ? Open.O_RDWR : flags, label), false, 1024);
  }
  const t = new Thread(m, p.pid, p, m.newCpuState(), files, fs);
  become(t, loaded);
  return m;
}
