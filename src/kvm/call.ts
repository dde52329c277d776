// One ioctl on its way: its argument, the program that made it, and copying between the two. A dispatch table is
// total over the requests of its kind of file, so a row in uapi/ without a handler does not compile.

import type { Caller, HostFile, Result } from '../base/hostfile.ts';
import {
  decode,
  encode,
  type FdKind,
  type IoctlOn,
  KVM,
  type PartialValue,
  type Struct,
  type StructValue,
} from '../uapi/index.ts';
import { answer, refuse } from './errors.ts';

export interface Call {
  readonly arg: bigint;
  readonly caller: Caller;
}

/** Bytes of the program. @throws EFAULT */
export function readUser(call: Call, addr: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (!call.caller.memory.read(addr, bytes)) throw refuse.EFAULT;
  return bytes;
}
/** @throws EFAULT */
export function writeUser(call: Call, addr: bigint, bytes: Uint8Array): void {
  if (!call.caller.memory.write(addr, bytes)) throw refuse.EFAULT;
}
/** The structure that the argument (or `addr`) points to. @throws EFAULT */
export function copyIn<F>(call: Call, s: Struct<F>, addr = call.arg): StructValue<F> {
  return decode(s, readUser(call, addr, s.size));
}
/** @throws EFAULT */
export function copyOut<F>(call: Call, s: Struct<F>, value: PartialValue<F>, addr = call.arg): void {
  writeUser(call, addr, encode(s, value));
}
export function getU32(call: Call, addr: bigint): number {
  const b = readUser(call, addr, 4);
  return new DataView(b.buffer).getUint32(0, true);
}
export function getS32(call: Call, addr: bigint): number {
  return getU32(call, addr) | 0;
}
export function putU32(call: Call, addr: bigint, value: number): void {
  const b = new Uint8Array(4);
  new DataView(b.buffer).setUint32(0, value, true);
  writeUser(call, addr, b);
}
export function getU64(call: Call, addr: bigint): bigint {
  const b = readUser(call, addr, 8);
  return new DataView(b.buffer).getBigUint64(0, true);
}
export function putU64(call: Call, addr: bigint, value: bigint): void {
  const b = new Uint8Array(8);
  new DataView(b.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  writeUser(call, addr, b);
}

export type Handler<T> = (target: T, call: Call) => Result;
export type IoctlTable<K extends FdKind, T> = { readonly [N in IoctlOn<K>]: Handler<T> };

/** Looks requests up in a table. @param unknown what any other number is answered with */
export function dispatcher<K extends FdKind, T>(
  table: IoctlTable<K, T>,
  unknown: (target: T, cmd: number) => Result,
): (target: T, cmd: number, arg: bigint, caller: Caller) => Result {
  const byNumber = new Map<number, Handler<T>>();
  for (const [name, handler] of Object.entries(table) as [IoctlOn<K>, Handler<T>][]) {
    byNumber.set(KVM[name], handler);
  }
  return (target, cmd, arg, caller) =>
    answer(() => byNumber.get(cmd >>> 0)?.(target, { arg, caller }) ?? unknown(target, cmd));
}

/** File status flags of new descriptors (asm-generic and arm64 fcntl.h). */
export const O_RDWR = 0o2;
export const O_CLOEXEC = 0o2000000;

/** Gives the program a descriptor for `file`. @throws the errno for which there is none */
export function installFd(call: Call, file: HostFile, path: string, flags: number): number {
  const fd = call.caller.installFd(file, path, flags);
  if (fd < 0) file.close();
  return fd;
}
