// From the arguments of a call to a place in the tree, and whether the caller may use it.

import { Errno } from '../../base/hostfile.ts';
import { AT_FDCWD, Mode } from '../abi/flags.ts';
import type { Thread } from '../thread.ts';
import type { Stat } from '../vfs/file.ts';
import { DirNode, type Location } from '../vfs/node.ts';
import { type Walked, walk } from '../vfs/path.ts';
import { SysError } from './schema.ts';

const { ENOENT, ENOTDIR, EBADF } = Errno;

function baseOf(t: Thread, dirfd: number, path: string): Location {
  if (path.startsWith('/') || dirfd === AT_FDCWD) return t.fs.cwd;
  const d = t.files.get(dirfd);
  if (!d) throw new SysError(EBADF);
  if (!d.location || !(d.location.node instanceof DirNode)) throw new SysError(ENOTDIR);
  return d.location;
}
export function find(t: Thread, dirfd: number, path: string, follow: boolean): Walked {
  const w = walk(t.fs.root, baseOf(t, dirfd, path), path, follow);
  if (typeof w === 'number') throw new SysError(-w);
  return w;
}
export function place(t: Thread, dirfd: number, path: string, follow = true): Location {
  const w = find(t, dirfd, path, follow);
  if (!w.location) throw new SysError(ENOENT);
  return w.location;
}
export function dirOf(w: Walked): DirNode {
  const { node } = w.parent;
  if (!(node instanceof DirNode)) throw new SysError(ENOTDIR);
  return node;
}

/** @param want 4 read, 2 write, 1 execute */
export function permits(t: Thread, s: Stat, want: number): boolean {
  const { uid, gid } = t.process.cred;
  if (uid === 0) return (want & 1) === 0 || (s.mode & Mode.S_IFMT) === Mode.S_IFDIR || (s.mode & 0o111) !== 0;
  const shift = s.uid === uid ? 6 : s.gid === gid ? 3 : 0;
  return ((s.mode >> shift) & want) === want;
}
