// What the library throws where Linux would return -1 and set errno.

import { Errno, type ErrnoName } from '../base/hostfile.ts';

const names = new Map<number, ErrnoName>(Object.entries(Errno).map(([n, v]) => [v, n as ErrnoName]));

/** A request was refused. `name` is the errno's name, so messages read `ENOENT: KVM_GET_ONE_REG FPMR`. */
export class KvmError extends Error {
  override readonly name: ErrnoName;
  /** The number, positive. */
  readonly errno: number;
  /** The request, as in 'KVM_GET_ONE_REG'. */
  readonly ioctl: string;

  constructor(errno: number, ioctl: string, subject = '') {
    super(subject === '' ? ioctl : `${ioctl} ${subject}`);
    this.name = names.get(errno) ?? 'EINVAL';
    this.errno = errno;
    this.ioctl = ioctl;
  }
}
