// The host's files through Node: the one file of this layer that may use Node's API.

import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import type { ReadStream } from 'node:tty';
import { Errno, type ErrnoName } from '../../base/hostfile.ts';
import type { HostFs, HostStat, HostStream } from './hostfs.ts';

/** Node's error codes are the errno names. */
function errnoOf(e: unknown): number {
  const code = (e as { code?: string }).code ?? '';
  return -(code in Errno ? Errno[code as ErrnoName] : Errno.EIO);
}
function attempt<T>(f: () => T): T | number {
  try {
    return f();
  } catch (e) {
    return errnoOf(e);
  }
}
function done(f: () => void): number {
  return attempt(() => {
    f();
    return 0;
  });
}
function convert(s: BigIntStats): HostStat {
  return {
    dev: Number(s.dev & 0xffff_ffffn),
    ino: Number(s.ino),
    mode: Number(s.mode),
    nlink: Number(s.nlink),
    uid: Number(s.uid),
    gid: Number(s.gid),
    rdev: Number(s.rdev),
    size: Number(s.size),
    atime: s.atimeNs,
    mtime: s.mtimeNs,
    ctime: s.ctimeNs,
  };
}
function typeOf(d: Dirent): number {
  if (d.isDirectory()) return 0o040000;
  if (d.isSymbolicLink()) return 0o120000;
  if (d.isFIFO()) return 0o010000;
  if (d.isSocket()) return 0o140000;
  if (d.isCharacterDevice()) return 0o020000;
  if (d.isBlockDevice()) return 0o060000;
  return 0o100000;
}

const MAY_BE_ABSENT = { bigint: true, throwIfNoEntry: false } as const;

export const nodeFs: HostFs = {
  lstat: (path) => {
    try {
      // A system root lacks much of what programs look for, and Node takes long to throw.
      const s = lstatSync(path, MAY_BE_ABSENT);
      return s ? convert(s) : -Errno.ENOENT;
    } catch (e) {
      return errnoOf(e);
    }
  },
  readdir: (path) =>
    attempt(() => readdirSync(path, { withFileTypes: true }).map((d) => ({ name: d.name, type: typeOf(d) }))),
  readlink: (path) => attempt(() => readlinkSync(path)),
  open: (path, how, mode = 0o666) =>
    attempt(() =>
      openSync(
        path,
        how === 'read'
          ? constants.O_RDONLY | constants.O_NONBLOCK
          : how === 'write'
            ? constants.O_RDWR
            : constants.O_RDWR | constants.O_CREAT,
        mode,
      ),
    ),
  fstat: (handle) => attempt(() => convert(fstatSync(handle, { bigint: true }))),
  pread: (handle, out, offset) => {
    let n = 0;
    try {
      while (n < out.length) {
        const r = readSync(handle, out, n, out.length - n, offset + n);
        if (r === 0) break;
        n += r;
      }
    } catch (e) {
      return n > 0 ? n : errnoOf(e);
    }
    return n;
  },
  pwrite: (handle, data, offset) => attempt(() => writeSync(handle, data, 0, data.length, offset)),
  truncate: (handle, size) => done(() => ftruncateSync(handle, size)),
  close: (handle) => {
    done(() => closeSync(handle));
  },
  mkdir: (path, mode) => done(() => mkdirSync(path, { mode })),
  unlink: (path) => done(() => unlinkSync(path)),
  rmdir: (path) => done(() => rmdirSync(path)),
  rename: (from, to) => done(() => renameSync(from, to)),
  symlink: (target, path) => done(() => symlinkSync(target, path)),
  link: (from, to) => done(() => linkSync(from, to)),
  utimes: (path, atime, mtime) => done(() => utimesSync(path, Number(atime) / 1e9, Number(mtime) / 1e9)),
  chmod: (path, mode) => done(() => chmodSync(path, mode)),
};

/** /dev/null and its like. @linux Documentation/admin-guide/devices.txt */
const MEMORY_MAJOR = 1;

const CTRL_C = 3;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** Standard input, output or error of this process, without buffering. */
export async function nodeStream(fd: 0 | 1 | 2): Promise<HostStream> {
  const stat = attempt(() => fstatSync(fd));
  const type = typeof stat === 'number' ? 0o020000 : stat.mode & 0o170000;
  const isMemory = typeof stat !== 'number' && stat.rdev >> 8 === MEMORY_MAJOR;
  // Only terminals need it, and it brings networking along.
  const tty = type === 0o020000 && !isMemory ? await import('node:tty') : undefined;
  const isTty = tty?.isatty(fd) === true;
  // A terminal is read in the background, so that other threads run on while it is silent.
  const chunks: Uint8Array[] = [];
  let ended = false;
  let reading = false;
  let mode: ReadStream | undefined;
  let interrupt: (() => void) | undefined;
  const readAhead = () => {
    if (reading || ended) return;
    reading = true;
    const buffer = new Uint8Array(4096);
    read(fd, buffer, 0, buffer.length, null, (err, n) => {
      reading = false;
      if (err && err.code !== 'EAGAIN' && err.code !== 'EINTR') ended = true;
      else if (!err && n === 0) ended = true;
      else if (!err) keep(buffer.subarray(0, n));
      if (interrupt) readAhead(); // Ctrl-C must be seen even while the program reads nothing
    });
  };
  const keep = (bytes: Uint8Array) => {
    let rest = bytes;
    if (interrupt && bytes.includes(CTRL_C)) {
      interrupt();
      rest = bytes.filter((b) => b !== CTRL_C);
    }
    if (rest.length > 0) chunks.push(rest);
  };
  return {
    type,
    isTty,
    setRaw: (raw, onInterrupt) => {
      if (!isTty) return;
      mode ??= new tty.ReadStream(fd).pause();
      mode.setRawMode(raw);
      mode.unref();
      interrupt = raw ? onInterrupt : undefined;
      if (interrupt) readAhead();
    },
    size: () => {
      if (!isTty) return [0, 0];
      const out = new tty.WriteStream(fd);
      return [out.columns ?? 80, out.rows ?? 24];
    },
    read: (out) => {
      if (!isTty) {
        for (;;) {
          const r = attempt(() => readSync(fd, out, 0, out.length, null));
          if (r !== -Errno.EAGAIN) return r;
          Atomics.wait(pause, 0, 0, 5);
        }
      }
      const first = chunks[0];
      if (!first) {
        if (ended) {
          ended = false; // after Ctrl-D a terminal goes on
          return 0;
        }
        readAhead();
        return 'wait';
      }
      const n = Math.min(first.length, out.length);
      out.set(first.subarray(0, n));
      if (n === first.length) chunks.shift();
      else chunks[0] = first.subarray(n);
      return n;
    },
    readable: () => {
      if (!isTty) return true;
      if (chunks.length === 0) readAhead();
      return chunks.length > 0 || ended;
    },
    write: (data) => {
      let n = 0;
      while (n < data.length) {
        const r = attempt(() => writeSync(fd, data, n, data.length - n));
        if (r === -Errno.EAGAIN) Atomics.wait(pause, 0, 0, 1);
        else if (r < 0) return n > 0 ? n : r;
        else n += r;
      }
      return n;
    },
  };
}
