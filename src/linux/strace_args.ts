// What --strace prints of one argument: by its kind in the call's row, structures behind pointers from the program's
// memory, KVM requests by the tables of uapi/. Knows nothing of lines.

import { hex } from '../base/bits.ts';
import { describeIoctl, formatStruct } from '../uapi/index.ts';
import {
  AT_FDCWD,
  At,
  Clockid,
  Clone,
  Fcntl,
  FUTEX_CLOCK_REALTIME,
  FUTEX_PRIVATE_FLAG,
  Futex,
  Madvise,
  Map_,
  Mode,
  O_ACCMODE,
  Open,
  Protection,
  Rlimit,
  SigAction,
} from './abi/flags.ts';
import { signalName } from './abi/signals.ts';
import { Struct } from './bytes.ts';
import type { Call } from './syscalls/dispatch.ts';
import type { Kind } from './syscalls/schema.ts';
import type { Thread } from './thread.ts';

const MAX_STRING = 32;
const MAX_ARGV = 32;

export class ArgumentPrinter {
  private readonly regName: ((id: bigint) => string | undefined) | undefined;

  /** @param regName names of KVM register ids */
  constructor(regName?: (id: bigint) => string | undefined) {
    this.regName = regName;
  }
  text(t: Thread, call: Call, kind: Kind, i: number, raw: readonly bigint[], result = 0): string {
    const v = raw[i]!;
    const int = Number(BigInt.asIntN(32, v));
    switch (kind) {
      case 'int':
      case 'fd':
      case 'pid':
        return String(int);
      case 'whence':
        return ['SEEK_SET', 'SEEK_CUR', 'SEEK_END', 'SEEK_DATA', 'SEEK_HOLE'][int] ?? String(int);
      case 'sighow':
        return ['SIG_BLOCK', 'SIG_UNBLOCK', 'SIG_SETMASK'][int] ?? String(int);
      case 'uint':
        return String(v & 0xffff_ffffn);
      case 'long':
        return String(BigInt.asIntN(64, v));
      case 'size':
        return String(v);
      case 'dirfd':
        return int === AT_FDCWD ? 'AT_FDCWD' : String(int);
      case 'sig':
        return int === 0 ? '0' : signalName(int);
      case 'mode':
        return `0${(v & 0xffff_ffffn).toString(8)}`;
      case 'path': {
        const s = this.string(t, v);
        return s ?? pointer(v);
      }
      case 'bufin':
        return this.buffer(t, v, Number(raw[i + 1] ?? 0n));
      case 'bufout':
        return this.buffer(t, v, Math.max(0, result));
      case 'openflags': {
        const acc = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'][int & O_ACCMODE]!;
        const rest = flags(int & ~O_ACCMODE, Open, '');
        if (call.name !== 'openat') return flags(int, Open, '0');
        return rest ? `${acc}|${rest}` : acc;
      }
      case 'prot':
        return flags(int, Protection, 'PROT_NONE');
      case 'mapflags': {
        const type = ['', 'MAP_SHARED', 'MAP_PRIVATE', 'MAP_SHARED_VALIDATE'][int & 3]!;
        const rest = flags(int & ~3, Map_, '');
        return rest ? `${type}|${rest}` : type;
      }
      case 'madvice':
        return name(int, Madvise);
      case 'cloneflags': {
        const n = Number(v);
        const signal = n % 256;
        const rest = flags(n - signal, Clone, '');
        return [rest, signal ? signalName(signal) : ''].filter((x) => x).join('|') || '0';
      }
      case 'atflags':
        return flags(int, At, '0');
      case 'futexop': {
        const base = name(int & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), Futex);
        const priv = (int & FUTEX_PRIVATE_FLAG) !== 0 ? '_PRIVATE' : '';
        return base + priv + ((int & FUTEX_CLOCK_REALTIME) !== 0 ? '|FUTEX_CLOCK_REALTIME' : '');
      }
      case 'clockid':
        return name(int, Clockid);
      case 'fcntlcmd':
        return name(int, Fcntl);
      case 'rlimit':
        return name(int, Rlimit);
      case 'ioctlcmd':
        return describeIoctl(Number(v & 0xffff_ffffn), fdKind(t, raw))?.name ?? hex(v & 0xffff_ffffn);
      case 'ioctlarg':
        return this.ioctlArgument(t, raw);
      case 'timespec':
      case 'timespecout':
        return this.struct(t, v, 16, (s) => `{tv_sec=${s.n64(0)}, tv_nsec=${s.n64(8)}}`);
      case 'sigset':
      case 'sigsetout':
        return this.struct(t, v, 8, (s) => signalSet(s.u64(0)));
      case 'sigaction':
      case 'sigactionout':
        return this.struct(t, v, 32, (s) => {
          const h = s.u64(0);
          const handler = h === 0n ? 'SIG_DFL' : h === 1n ? 'SIG_IGN' : hex(h);
          return `{sa_handler=${handler}, sa_mask=${signalSet(s.u64(24))}, sa_flags=${flags(s.u32(8), SigAction, '0')}}`;
        });
      case 'statout':
        return this.struct(t, v, 128, (s) => {
          const mode = s.u32(16);
          const type = name(mode & Mode.S_IFMT, Mode);
          return `{st_mode=${type}|0${(mode & 0o7777).toString(8)}, st_size=${s.n64(48)}, ...}`;
        });
      case 'intout':
        return this.struct(t, v, 4, (s) => `[${s.i32(0)}]`);
      case 'pairout':
        return this.struct(t, v, 8, (s) => `[${s.i32(0)}, ${s.i32(4)}]`);
      case 'waitstatus':
        return this.struct(t, v, 4, (s) => (result > 0 ? `[${waitText(s.u32(0))}]` : pointer(v)));
      case 'iovin':
      case 'iovout':
        return this.iovec(
          t,
          v,
          Number(raw[i + 1] ?? 0n),
          kind === 'iovin' ? Number.MAX_SAFE_INTEGER : Math.max(0, result),
        );
      case 'argv':
        return this.argv(t, v);
      case 'cpuset':
        return this.struct(t, v, 8, (s) => `[${hex(s.u64(0))}]`);
      default:
        return pointer(v);
    }
  }
  private read(t: Thread, addr: bigint, n: number): Uint8Array | undefined {
    const b = new Uint8Array(n);
    try {
      return addr !== 0n && t.mm.read(addr, b) ? b : undefined;
    } catch {
      return undefined;
    }
  }
  private struct(t: Thread, addr: bigint, n: number, f: (s: Struct) => string): string {
    const b = this.read(t, addr, n);
    return b ? f(new Struct(b)) : pointer(addr);
  }
  private string(t: Thread, addr: bigint): string | undefined {
    try {
      const s = t.mm.readString(addr);
      return typeof s === 'string' ? quote(new TextEncoder().encode(s), Number.MAX_SAFE_INTEGER) : undefined;
    } catch {
      return undefined;
    }
  }
  private buffer(t: Thread, addr: bigint, n: number): string {
    const b = this.read(t, addr, Math.min(n, MAX_STRING + 1));
    return b ? quote(b, n) : pointer(addr);
  }
  private iovec(t: Thread, addr: bigint, count: number, limit: number): string {
    const b = this.read(t, addr, Math.min(count, 16) * 16);
    if (!b) return pointer(addr);
    const s = new Struct(b);
    const out: string[] = [];
    for (let i = 0; i < b.length / 16; i++) {
      const n = s.n64(i * 16 + 8);
      out.push(`{iov_base=${this.buffer(t, s.u64(i * 16), Math.min(n, limit))}, iov_len=${n}}`);
      limit = Math.max(0, limit - n);
    }
    return `[${out.join(', ')}]`;
  }
  private argv(t: Thread, addr: bigint): string {
    const out: string[] = [];
    for (let i = 0; i < MAX_ARGV; i++) {
      const p = this.read(t, addr + BigInt(8 * i), 8);
      if (!p) return pointer(addr);
      const at = new Struct(p).u64(0);
      if (at === 0n) return `[${out.join(', ')}]`;
      out.push(this.string(t, at) ?? pointer(at));
    }
    return `[${out.join(', ')}, ...]`;
  }
  /** Behind struct kvm_one_reg stands the value: {id=..., addr=... => 0x11}. */
  private oneReg(t: Thread, b: Uint8Array, text: string): string {
    const s = new Struct(b);
    const size = 1 << Number((s.u64(0) >> 52n) & 15n);
    const value = size <= 16 ? this.read(t, s.u64(8), size) : undefined;
    if (!value) return text;
    const digits = [...value]
      .reverse()
      .map((x) => x.toString(16).padStart(2, '0'))
      .join('');
    return `${text.slice(0, -1)} => 0x${digits.replace(/^0+(?=.)/, '')}}`;
  }
  ioctlArgument(t: Thread, raw: readonly bigint[]): string {
    const arg = raw[2]!;
    const known = describeIoctl(Number(raw[1]! & 0xffff_ffffn), fdKind(t, raw));
    const struct = known?.row.arg;
    if (!known) return hex(arg);
    if (!struct) return arg < 0x1_0000n ? String(arg) : hex(arg);
    const b = this.read(t, arg, struct.size);
    if (!b) return pointer(arg);
    const text = formatStruct(struct, b, this.regName ? { regName: this.regName } : {});
    return known.name === 'KVM_GET_ONE_REG' || known.name === 'KVM_SET_ONE_REG' ? this.oneReg(t, b, text) : text;
  }
}

/** What a request number says of its argument: 1 the call reads it, 2 it writes it, 3 both. */
export function direction(raw: readonly bigint[]): number {
  return Number((raw[1]! >> 30n) & 3n);
}
/** The request fills its argument in; KVM_GET_ONE_REG fills what its argument points to. */
export function isWrittenOnly(t: Thread, raw: readonly bigint[]): boolean {
  return (
    direction(raw) === 2 || describeIoctl(Number(raw[1]! & 0xffff_ffffn), fdKind(t, raw))?.name === 'KVM_GET_ONE_REG'
  );
}
/** Which kind of KVM file the call is made on: one request number can mean two things. */
function fdKind(t: Thread, raw: readonly bigint[]): 'system' | 'vm' | 'vcpu' | 'device' | undefined {
  const kind = t.files.get(Number(BigInt.asIntN(32, raw[0]!)))?.file.kind;
  return kind === 'kvm-vm'
    ? 'vm'
    : kind === 'kvm-vcpu'
      ? 'vcpu'
      : kind === 'kvm-device'
        ? 'device'
        : kind === 'kvm'
          ? 'system'
          : undefined;
}
export function pointer(v: bigint): string {
  return v === 0n ? 'NULL' : hex(v);
}
function flags(value: number, table: Readonly<Record<string, number>>, none: string): string {
  const out: string[] = [];
  let left = value < 0 ? value + 2 ** 32 : value;
  // Names of several bits first, so that O_TMPFILE is not O_DIRECTORY and something.
  for (const [name, bit] of Object.entries(table).sort((a, b) => b[1] - a[1])) {
    if (bit !== 0 && BigInt.asUintN(64, BigInt(left) & BigInt(bit)) === BigInt(bit)) {
      out.unshift(name);
      left -= bit;
    }
  }
  if (left !== 0) out.push(hex(left));
  return out.join('|') || none;
}
function name(value: number, table: Readonly<Record<string, number>>): string {
  return Object.entries(table).find(([, n]) => n === value)?.[0] ?? hex(BigInt.asUintN(32, BigInt(value)));
}
function signalSet(mask: bigint): string {
  const out: string[] = [];
  const many = mask.toString(2).split('1').length - 1 > 32;
  const shown = many ? ~mask & 0xffff_ffff_ffff_ffffn : mask;
  for (let s = 1; s <= 64; s++) if (((shown >> BigInt(s - 1)) & 1n) !== 0n) out.push(signalName(s).replace(/^SIG/, ''));
  return `${many ? '~' : ''}[${out.join(' ')}]`;
}
function waitText(status: number): string {
  if ((status & 0x7f) === 0) return `{WIFEXITED(s) && WEXITSTATUS(s) == ${(status >> 8) & 0xff}}`;
  if ((status & 0xff) === 0x7f) return `{WIFSTOPPED(s) && WSTOPSIG(s) == ${signalName((status >> 8) & 0xff)}}`;
  return `{WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(status & 0x7f)}}`;
}
const ESCAPES: Readonly<Record<number, string>> = {
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};
function quote(b: Uint8Array, total: number): string {
  let out = '';
  const n = total > MAX_STRING && total !== Number.MAX_SAFE_INTEGER ? MAX_STRING : b.length;
  for (let i = 0; i < Math.min(n, b.length); i++) {
    const c = b[i]!;
    const next = b[i + 1];
    if (ESCAPES[c] !== undefined) out += ESCAPES[c];
    else if (c >= 32 && c < 127) out += String.fromCharCode(c);
    // A digit after a short octal escape would be read as part of it.
    else out += `\\${next !== undefined && next >= 48 && next <= 57 ? c.toString(8).padStart(3, '0') : c.toString(8)}`;
  }
  return `"${out}"${total > MAX_STRING && total !== Number.MAX_SAFE_INTEGER ? '...' : ''}`;
}
