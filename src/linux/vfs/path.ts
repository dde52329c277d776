// From a path to a place in the tree: component by component, following links, within the process's root. @linux namei

import { Errno } from '../../base/hostfile.ts';
import { DirNode, Location, type Node, SymlinkNode } from './node.ts';

/** Where a process stands in the tree. Shared by CLONE_FS. */
export class FsState {
  root: Location;
  cwd: Location;
  umask = 0o022;
  users = 1;

  constructor(root: Location, cwd: Location) {
    this.root = root;
    this.cwd = cwd;
  }
  copy(): FsState {
    const c = new FsState(this.root, this.cwd);
    c.umask = this.umask;
    return c;
  }
}

const MAX_LINKS = 40;
const NAME_MAX = 255;
const PATH_MAX = 4096;

export interface Walked {
  /** The directory that holds (or would hold) the last component. */
  readonly parent: Location;
  readonly name: string;
  /** The place itself, if it exists. */
  readonly location: Location | undefined;
  /** The path ended in a slash: it must be a directory. */
  readonly slash: boolean;
}

/**
 * @param start where a relative path begins
 * @param follow whether a link at the very end is followed
 * @returns what was found, or a negative errno. A missing last component is not an error here.
 */
export function walk(root: Location, start: Location, path: string, follow: boolean): Walked | number {
  if (path === '') return -Errno.ENOENT;
  if (path.length >= PATH_MAX) return -Errno.ENAMETOOLONG;
  let links = 0;
  const go = (from: Location, text: string, followLast: boolean): Walked | number => {
    let at = text.startsWith('/') ? root : from;
    const slash = text.endsWith('/');
    const parts = text.split('/').filter((p) => p !== '' && p !== '.');
    if (parts.length === 0) {
      if (!(at.node instanceof DirNode)) return -Errno.ENOTDIR;
      return { parent: at.parent ?? at, name: at.name, location: at, slash };
    }
    for (let i = 0; i < parts.length; i++) {
      const name = parts[i]!;
      const last = i === parts.length - 1;
      if (!(at.node instanceof DirNode)) return -Errno.ENOTDIR;
      if (name.length > NAME_MAX) return -Errno.ENAMETOOLONG;
      if (name === '..') {
        if (at !== root && at.parent) at = at.parent;
        if (last) return { parent: at.parent ?? at, name: at.name, location: at, slash };
        continue;
      }
      const found: Node | number | undefined = at.node.lookup(name);
      if (typeof found === 'number') return found;
      if (found === undefined) return last ? { parent: at, name, location: undefined, slash } : -Errno.ENOENT;
      if (found instanceof SymlinkNode && (!last || followLast || slash)) {
        if (++links > MAX_LINKS) return -Errno.ELOOP;
        if (found.jump) {
          const target = found.jump();
          if (!target) return -Errno.ENOENT;
          if (last) return { parent: target.parent ?? target, name: target.name, location: target, slash };
          at = target;
          continue;
        }
        const target = found.readlink();
        if (target === '') return -Errno.ENOENT;
        const w = go(at, target, true);
        if (typeof w === 'number') return w;
        if (last) return { ...w, slash: slash || w.slash };
        if (!w.location) return -Errno.ENOENT;
        at = w.location;
        continue;
      }
      const next: Location = new Location(found, at, name);
      if (last) {
        if (slash && !(found instanceof DirNode)) return -Errno.ENOTDIR;
        return { parent: at, name, location: next, slash };
      }
      at = next;
    }
    return -Errno.ENOENT;
  };
  return go(start, path, follow);
}

/** Like walk, but the place must exist. */
export function locate(root: Location, start: Location, path: string, follow = true): Location | number {
  const w = walk(root, start, path, follow);
  if (typeof w === 'number') return w;
  return w.location ?? -Errno.ENOENT;
}
