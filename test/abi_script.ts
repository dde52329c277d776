// Carries out a script of requests on our /dev/kvm, and prints what tools/oracle/abi_script.c, where the language is
// described, prints on a real one.

import { Errno, type HostFile } from '../src/base/hostfile.ts';
import { PhysMem } from '../src/cpu/physmem.ts';
import type { KvmCompat } from '../src/kvm/compat.ts';
import { createKvm } from '../src/kvm/dev_kvm.ts';
import type { Host } from '../src/kvm/host.ts';
import { createMachine } from '../src/lib/machine.ts';
import { Eventfd, Process } from '../src/lib/process.ts';

export const BUFFER = 0x2_0000_0000n;
const BUFFER_BYTES = 64 << 20;

function allocate(file: HostFile | undefined, mode: number, offset: bigint, length: bigint): number {
  if (!file) return -Errno.EBADF;
  if (length <= 0n) return -Errno.EINVAL;
  return file.fallocate?.(mode, offset, length) ?? -Errno.EOPNOTSUPP;
}

/** Instructions after which the signal of the script's alarm arrives. */
const LIMIT = 20_000_000;

/** @param options.executes guests run. @param options.compat as --kvm-compat. @returns the lines that the script prints */
export function runScript(
  script: readonly string[],
  host: Host,
  options: { readonly executes?: boolean; readonly compat?: KvmCompat | undefined } = {},
): string[] {
  const mem = new PhysMem(128);
  const machine = options.executes ? createMachine({ mem, readId: (enc) => host.raw.get(enc) ?? 0n }) : undefined;
  const kvm = createKvm({
    host,
    mem,
    compat: options.compat,
    ...(machine && { hardware: machine.hardware, counter: machine.counter }),
  });
  const process = new Process(mem, 1, machine);
  process.limit = LIMIT;
  process.memory.allocateAt(BUFFER, BUFFER_BYTES);
  const fds = new Map<number, number>();
  const fd = (n: number): number => fds.get(n) ?? -1;
  const file = (n: number): HostFile | undefined => process.getFile(fd(n));
  const at = (text: string): bigint => BUFFER + BigInt(`0x${text}`);
  const bytes = (addr: bigint, length: number): Uint8Array => {
    const out = new Uint8Array(length);
    process.memory.read(addr, out);
    return out;
  };
  const hex = (b: Uint8Array): string => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');
  const out: string[] = [];
  for (const line of script) {
    const [a = '', b = '', c = '', d = '', e = ''] = line.slice(1).trim().split(/\s+/);
    const say = (result: string | number): void => void out.push(String(result));
    switch (line[0]) {
      case '#':
        out.push(line);
        break;
      case 'O':
        fds.set(Number(a), process.installFd(kvm.open()));
        break;
      case 'E':
        fds.set(Number(a), process.installFd(new Eventfd()));
        break;
      case 'C':
        process.close(fd(Number(a)));
        fds.delete(Number(a));
        break;
      case 'Z':
        for (const n of fds.values()) process.close(n);
        fds.clear();
        process.memory.write(BUFFER, new Uint8Array(1 << 20));
        break;
      case 'F':
        process.memory.write(
          at(a),
          Uint8Array.from(b.match(/../g) ?? [], (x) => Number.parseInt(x, 16)),
        );
        break;
      case 'X':
        process.memory.write(at(a), new Uint8Array(Int32Array.of(fd(Number(b))).buffer));
        break;
      case 'G':
        fds.set(Number(b), new Int32Array(bytes(at(a), 4).buffer)[0]!);
        process.memory.write(at(a), new Uint8Array(4));
        break;
      case 'D':
        say(hex(bytes(at(a), Number(b))));
        break;
      case 'I': {
        let r = process.ioctl(fd(Number(a)), Number.parseInt(b, 16), BigInt(`0x${c}`));
        if (d !== '' && r >= 0) {
          fds.set(Number(d), r);
          r = 0;
        }
        say(r);
        break;
      }
      case 'W':
        (file(Number(a)) as Eventfd).signal(BigInt(b));
        say(8);
        break;
      case 'R': {
        const n = (file(Number(a)) as Eventfd).consume();
        say(n === 0n ? `-${Errno.EAGAIN} 0` : `8 ${n}`);
        break;
      }
      case 'P': {
        const buffer = new Uint8Array(Number(c));
        const n = file(Number(a))?.pread?.(buffer, BigInt(b)) ?? -Errno.EBADF;
        say(`${n} ${hex(buffer.subarray(0, Math.max(0, n)))}`.trimEnd());
        break;
      }
      case 'M': {
        const r = process.mmap(fd(Number(a)), Number.parseInt(c, 16), BigInt(`0x${b}`), Number(d), e !== '0');
        say(r < 0n ? String(r) : 0);
        break;
      }
      case 'Y': {
        const page = process.mmap(fd(Number(a)), 4096);
        if (page < 0n) {
          say(String(page));
          break;
        }
        process.memory.write(page + 1n, Uint8Array.of(Number(b)));
        say(new Uint32Array(bytes(page + 8n, 4).buffer)[0]!);
        break;
      }
      case 'K':
      case 'k': {
        const page = process.mmap(fd(Number(a)), 4096);
        const offset = BigInt(`0x${b}`);
        if (line[0] === 'K') say(hex(bytes(page + offset, Number(c))));
        else
          process.memory.write(
            page + offset,
            Uint8Array.from(c.match(/../g) ?? [], (x) => Number.parseInt(x, 16)),
          );
        break;
      }
      case 'A':
        say(allocate(file(Number(a)), Number(b), BigInt(`0x${c}`), BigInt(`0x${d}`)));
        break;
    }
  }
  return out;
}
