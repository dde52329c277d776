// Sockets, as far as they exist here: pairs within one machine. There is no network; everything else is not a socket.

import { Errno, type Result } from '../../base/hostfile.ts';
import { MoreErrno } from '../abi/errors.ts';
import { Open } from '../abi/flags.ts';
import { Struct } from '../bytes.ts';
import type { Thread } from '../thread.ts';
import { Description } from '../vfs/file.ts';
import { Pipe, PipeEnd } from '../vfs/pipe.ts';
import { pair } from './descriptors.ts';
import { answer, type SyscallTable, SysError, sys } from './schema.ts';
import { after, fileOf, getIovecs, getStruct, put32, putBytes, unlessBlocking, userData } from './util.ts';

const { EINVAL, EOPNOTSUPP } = Errno;
const { ENOTSOCK, EAFNOSUPPORT, EPROTONOSUPPORT, EISCONN, ENOPROTOOPT } = MoreErrno;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOL_SOCKET = 1;
const MSG_PEEK = 2;
const MSG_DONTWAIT = 0x40;
const BUFFER = 212_992;

/** @throws EBADF, ENOTSOCK */
function socketOf(t: Thread, fd: number): { d: Description; end: PipeEnd } {
  const d = fileOf(t, fd);
  if (!(d.file instanceof PipeEnd) || !d.file.isSocket) throw new SysError(ENOTSOCK);
  return { d, end: d.file };
}
/** For calls that make no sense on a pair that is connected already. */
function refuse(t: Thread, fd: number, errno: number): number {
  socketOf(t, fd);
  return -errno;
}
function send(t: Thread, fd: number, data: Uint8Array, flags: number): Result {
  const { d, end } = socketOf(t, fd);
  return unlessBlocking(end.write(data, t), d.nonblock || (flags & MSG_DONTWAIT) !== 0);
}
/** @param place puts the received bytes into user memory */
function receive(t: Thread, fd: number, size: number, flags: number, place: (b: Uint8Array) => void): Result {
  const { d, end } = socketOf(t, fd);
  if ((flags & MSG_PEEK) !== 0) return -EOPNOTSUPP;
  const buffer = new Uint8Array(Math.min(size, 1 << 20));
  return after(unlessBlocking(end.read(buffer), d.nonblock || (flags & MSG_DONTWAIT) !== 0), (n) => {
    if (n > 0) place(buffer.subarray(0, n));
    return n;
  });
}
/** Our ends have no names: a bare family. */
function putName(t: Thread, addr: bigint, length: bigint): number {
  if (addr === 0n) return 0;
  const room = getStruct(t, length, 4).u32(0);
  putBytes(t, addr, new Struct(2).set16(0, AF_UNIX).bytes.subarray(0, room));
  put32(t, length, 2);
  return 0;
}
function getsockopt(t: Thread, fd: number, level: number, name: number, value: bigint, length: bigint): number {
  const { end } = socketOf(t, fd);
  // SO_TYPE, SO_ERROR, SO_SNDBUF, SO_RCVBUF, SO_PROTOCOL, SO_DOMAIN
  const known: Readonly<Record<number, number>> = {
    3: end.pipe.keepsMessages ? SOCK_DGRAM : SOCK_STREAM,
    4: 0,
    7: BUFFER,
    8: BUFFER,
    38: 0,
    39: AF_UNIX,
  };
  const v = level === SOL_SOCKET ? known[name] : undefined;
  if (v === undefined) return -ENOPROTOOPT;
  putBytes(t, value, new Struct(4).set32(0, v).bytes);
  put32(t, length, 4);
  return 0;
}
interface Message {
  readonly iov: ReturnType<typeof getIovecs>;
  readonly total: number;
}
function message(t: Thread, addr: bigint): Message {
  const s = getStruct(t, addr, 56);
  const iov = getIovecs(t, s.u64(16), s.n64(24));
  return { iov, total: iov.reduce((n, v) => n + v.length, 0) };
}

export const SOCKETS = {
  // There is no network in here.
  socket: answer(198, 'int domain, int type, int protocol', -EAFNOSUPPORT),
  socketpair: sys(199, 'int domain, int type, int protocol, pairout fds', (t, a) => {
    const kind = a.type & 15;
    if (a.domain !== AF_UNIX) return -EAFNOSUPPORT;
    if (kind !== SOCK_STREAM && kind !== SOCK_DGRAM && kind !== SOCK_SEQPACKET) return -EPROTONOSUPPORT;
    const x = new Pipe(kind !== SOCK_STREAM);
    const y = new Pipe(kind !== SOCK_STREAM);
    const flags = Open.O_RDWR | (a.type & Open.O_NONBLOCK);
    const one = new Description(new PipeEnd(x, y, true), flags, `socket:[${x.ino}]`);
    const two = new Description(new PipeEnd(y, x, true), flags, `socket:[${y.ino}]`);
    return pair(t, one, two, (a.type & Open.O_CLOEXEC) !== 0, a.fds);
  }),
  bind: sys(200, 'fd fd, ptr addr, uint length', (t, a) => refuse(t, a.fd, EINVAL)),
  listen: sys(201, 'fd fd, int backlog', (t, a) => refuse(t, a.fd, EINVAL)),
  accept: sys(202, 'fd fd, ptr addr, ptr length', (t, a) => refuse(t, a.fd, EINVAL)),
  accept4: sys(242, 'fd fd, ptr addr, ptr length, int flags', (t, a) => refuse(t, a.fd, EINVAL)),
  connect: sys(203, 'fd fd, ptr addr, uint length', (t, a) => refuse(t, a.fd, EISCONN)),
  getsockname: sys(204, 'fd fd, ptr addr, ptr length', (t, a) => {
    socketOf(t, a.fd);
    return putName(t, a.addr, a.length);
  }),
  getpeername: sys(205, 'fd fd, ptr addr, ptr length', (t, a) => {
    socketOf(t, a.fd);
    return putName(t, a.addr, a.length);
  }),
  sendto: sys(
    206,
    'fd fd, bufin buf, size size, int flags, ptr addr, uint length',
    (t, a): Result => (a.addr !== 0n ? -EISCONN : send(t, a.fd, userData(t, a.buf, a.size), a.flags)),
  ),
  recvfrom: sys(207, 'fd fd, bufout buf, size size, int flags, ptr addr, ptr length', (t, a) =>
    receive(t, a.fd, a.size, a.flags, (b) => {
      putBytes(t, a.buf, b);
      putName(t, a.addr, a.length);
    }),
  ),
  sendmsg: sys(211, 'fd fd, ptr message, int flags', (t, a) => {
    const m = message(t, a.message);
    const data = new Uint8Array(m.total);
    let at = 0;
    for (const v of m.iov) {
      const part = userData(t, v.base, v.length);
      data.set(part, at);
      at += part.length;
    }
    return send(t, a.fd, data, a.flags);
  }),
  recvmsg: sys(212, 'fd fd, ptr message, int flags', (t, a) => {
    const m = message(t, a.message);
    return receive(t, a.fd, m.total, a.flags, (b) => {
      let at = 0;
      for (const v of m.iov) {
        const part = b.subarray(at, at + v.length);
        putBytes(t, v.base, part);
        at += part.length;
      }
      putBytes(t, a.message + 40n, new Uint8Array(16)); // no control data, no flags
    });
  }),
  setsockopt: sys(208, 'fd fd, int level, int name, ptr value, uint length', (t, a) => {
    socketOf(t, a.fd);
    return a.level === SOL_SOCKET ? 0 : -ENOPROTOOPT;
  }),
  getsockopt: sys(209, 'fd fd, int level, int name, ptr value, ptr length', (t, a) =>
    getsockopt(t, a.fd, a.level, a.name, a.value, a.length),
  ),
  shutdown: sys(210, 'fd fd, int how', (t, a) => {
    const { end } = socketOf(t, a.fd);
    if (a.how < 0 || a.how > 2) return -EINVAL;
    end.shutdown(a.how !== 1, a.how !== 0);
    return 0;
  }),
} satisfies SyscallTable;
