// The words that people know errnos by.

import { Errno, type ErrnoName } from '../../base/hostfile.ts';
import { MoreErrno } from './errors.ts';

const WORDS: Readonly<Record<ErrnoName, string>> = {
  EPERM: 'Operation not permitted', ENOENT: 'No such file or directory', ESRCH: 'No such process',
  EINTR: 'Interrupted system call', EIO: 'Input/output error', ENXIO: 'No such device or address',
  E2BIG: 'Argument list too long', ENOEXEC: 'Exec format error', EBADF: 'Bad file descriptor',
  ECHILD: 'No child processes', EAGAIN: 'Resource temporarily unavailable', ENOMEM: 'Cannot allocate memory',
  EACCES: 'Permission denied', EFAULT: 'Bad address', ENOTBLK: 'Block device required',
  EBUSY: 'Device or resource busy', EEXIST: 'File exists', EXDEV: 'Invalid cross-device link',
  ENODEV: 'No such device', ENOTDIR: 'Not a directory', EISDIR: 'Is a directory', EINVAL: 'Invalid argument',
  ENFILE: 'Too many open files in system', EMFILE: 'Too many open files', ENOTTY: 'Inappropriate ioctl for device',
  ETXTBSY: 'Text file busy', EFBIG: 'File too large', ENOSPC: 'No space left on device', ESPIPE: 'Illegal seek',
  EROFS: 'Read-only file system', EMLINK: 'Too many links', EPIPE: 'Broken pipe',
  EDOM: 'Numerical argument out of domain', ERANGE: 'Numerical result out of range',
  EDEADLK: 'Resource deadlock avoided', ENAMETOOLONG: 'File name too long', ENOLCK: 'No locks available',
  ENOSYS: 'Function not implemented', ENOTEMPTY: 'Directory not empty', ELOOP: 'Too many levels of symbolic links',
  EOVERFLOW: 'Value too large for defined data type', EOPNOTSUPP: 'Operation not supported',
  ETIMEDOUT: 'Connection timed out', EHWPOISON: 'Memory page has hardware error',
}; // biome-ignore format: a table
const MORE_WORDS: Readonly<Record<keyof typeof MoreErrno, string>> = {
  ENODATA: 'No data available',
  ENOTSOCK: 'Socket operation on non-socket',
  ENOPROTOOPT: 'Protocol not available',
  EISCONN: 'Transport endpoint is already connected',
  EPROTONOSUPPORT: 'Protocol not supported',
  EAFNOSUPPORT: 'Address family not supported by protocol',
};

export interface ErrorText {
  readonly name: string;
  readonly words: string;
}
const table = new Map<number, ErrorText>();
for (const [name, n] of Object.entries(Errno)) table.set(n, { name, words: WORDS[name as ErrnoName] });
for (const [name, n] of Object.entries(MoreErrno))
  table.set(n, { name, words: MORE_WORDS[name as keyof typeof MoreErrno] });

/** @param errno positive */
export function errorText(errno: number): ErrorText {
  return table.get(errno) ?? { name: `E${errno}`, words: 'Unknown error' };
}
