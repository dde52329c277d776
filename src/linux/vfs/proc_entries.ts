// What is in /proc: the machine's numbers, and those of processes and threads.

import { enc } from '../../arch/schema.ts';
import { extract } from '../../base/bits.ts';
import { Errno } from '../../base/hostfile.ts';
import { FRAME_SIZE } from '../../cpu/physmem.ts';
import { Mode } from '../abi/flags.ts';
import { Struct } from '../bytes.ts';
import { hwcapNames } from '../hwcap.ts';
import { type Machine, UTS } from '../machine.ts';
import { Pte } from '../mm/page_table.ts';
import { PAGE } from '../mm/pages.ts';
import type { Process } from '../process.ts';
import type { Thread } from '../thread.ts';
import type { Description, FileOps } from './file.ts';
import { DeviceNode, type Location, Node, SymlinkNode } from './node.ts';
import { limits, maps, sizes, smaps, status, taskStat } from './proc_text.ts';
import { type Entries, FixedDir, isNumber, link, TextNode, text, textTree } from './synthetic.ts';

const TICK_NS = 1e7;
const KIB = 1024;

// ---- the machine -----------------------------------------------------------------------------------------------------

function cpuinfo(m: Machine): string {
  const midr = m.readId(enc(3, 0, 0, 0, 0));
  const field = (hi: number, lo: number) => extract(midr, hi, lo);
  const features = hwcapNames(m.readId).join(' ');
  let out = '';
  for (let i = 0; i < m.scheduler.cpus; i++) {
    out += `processor\t: ${i}\nBogoMIPS\t: 2000.00\nFeatures\t: ${features}\n`;
    out += `CPU implementer\t: 0x${field(31, 24).toString(16).padStart(2, '0')}\nCPU architecture: 8\n`;
    out += `CPU variant\t: 0x${field(23, 20).toString(16)}\nCPU part\t: 0x${field(15, 4).toString(16).padStart(3, '0')}\n`;
    out += `CPU revision\t: ${field(3, 0)}\n\n`;
  }
  return out;
}
function meminfo(m: Machine): string {
  const total = Math.floor(m.totalMemory / KIB);
  const free = total - m.mem.programFrames * (FRAME_SIZE / KIB);
  const rows: [string, number][] = [
    ['MemTotal', total], ['MemFree', free], ['MemAvailable', free], ['Buffers', 0], ['Cached', 0], ['SwapCached', 0],
    ['Active', 0], ['Inactive', 0], ['SwapTotal', 0], ['SwapFree', 0], ['Dirty', 0], ['Writeback', 0],
    ['AnonPages', total - free], ['Mapped', 0], ['Shmem', 0], ['CommitLimit', total], ['Committed_AS', total - free],
    ['VmallocTotal', 0x7ffffc00000], ['AnonHugePages', 0],
  ]; // biome-ignore format: a table
  let out = rows.map(([k, v]) => `${`${k}:`.padEnd(15)} ${String(v).padStart(8)} kB\n`).join('');
  out += 'HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n';
  return `${out}Hugepagesize:       2048 kB\nHugetlb:               0 kB\n`;
}
function stat(m: Machine): string {
  const ticks = Math.floor(m.clock.now() / TICK_NS);
  let out = `cpu  ${ticks} 0 0 0 0 0 0 0 0 0\n`;
  for (let i = 0; i < m.scheduler.cpus; i++) out += `cpu${i} ${ticks} 0 0 0 0 0 0 0 0 0\n`;
  const boot = m.clock.realtime() / 1_000_000_000n - BigInt(Math.floor(m.clock.now() / 1e9));
  return `${out}intr 0\nctxt 0\nbtime ${boot}\nprocesses ${m.allProcesses().length}\nprocs_running 1\nprocs_blocked 0\n`;
}
function uptime(m: Machine): string {
  const s = (m.clock.now() / 1e9).toFixed(2);
  return `${s} 0.00\n`;
}

/** A descriptor seen from outside: a link whose target is the open file itself. */
class FdNode extends Node {
  readonly description: () => Description;
  constructor(d: Description) {
    super(d.location?.node.mode ?? Mode.S_IFREG | 0o600);
    this.description = () => d;
  }
  /** Opening it opens the same thing again; what has no place in the tree is shared. */
  reopen(): Description {
    return this.description().ref();
  }
  override open(flags: number): FileOps | number {
    const d = this.description();
    return d.location ? d.location.node.open(flags) : d.file;
  }
}
function fdDir(t: Thread): FixedDir {
  return new FixedDir(
    'proc',
    {},
    {
      names: () => t.files.entries().map(([fd]) => String(fd)),
      find: (name) => {
        const d = isNumber(name) ? t.files.get(Number(name)) : undefined;
        if (!d) return undefined;
        const jump = () =>
          d.location ?? ({ node: new FdNode(d), parent: undefined, name, path: () => d.path } as Location);
        return new SymlinkNode(() => d.path, jump);
      },
    },
  );
}
function fdinfoDir(t: Thread): FixedDir {
  return new FixedDir(
    'proc',
    {},
    {
      names: () => t.files.entries().map(([fd]) => String(fd)),
      find: (name) => {
        const d = isNumber(name) ? t.files.get(Number(name)) : undefined;
        return (
          d &&
          new TextNode(
            () =>
              `pos:\t${d.pos}\nflags:\t0${d.flags.toString(8)}\nmnt_id:\t1\nino:\t${d.stat().ino}\n${d.file.info?.() ?? ''}`,
          )
        );
      },
    },
  );
}
/** One 64-bit word a page: bit 63 present, bit 61 file page or shared, frame number for the privileged. */
function pagemap(p: Process): Node {
  return new DeviceNode(
    0,
    () => ({
      kind: 'pagemap',
      seekable: true,
      pread: (out, offset) => {
        if (out.length % 8 !== 0 || offset % 8n !== 0n) return -Errno.EINVAL;
        const s = new Struct(out.length);
        const first = Number(offset / 8n);
        for (let i = 0; i < out.length / 8; i++) {
          const e = p.mm.table.get(first + i);
          if ((e & Pte.PRESENT) === 0) continue;
          const shared = (e & (Pte.OBJECT | Pte.ZERO)) !== 0;
          s.set64(8 * i, (1n << 63n) | (shared ? 1n << 61n : 0n) | BigInt(e & Pte.FRAME));
        }
        out.set(s.bytes);
        return out.length;
      },
      close() {},
    }),
    Mode.S_IFREG | 0o400,
  );
}
/** /proc/PID/mem: reads and writes that permissions do not stop. */
function memFile(p: Process): Node {
  return new DeviceNode(
    0,
    () => ({
      kind: 'mem',
      seekable: true,
      pread: (out, offset) => (p.mm.read(offset, out, true) ? out.length : -Errno.EIO),
      pwrite: (data, offset) => (p.mm.write(offset, data, true) ? data.length : -Errno.EIO),
      close() {},
    }),
    Mode.S_IFREG | 0o600,
  );
}

/** What is in the directory of a task. @param exe is made elsewhere */
export function taskEntries(p: Process, t: Thread | undefined, exe: () => Node): Entries {
  const joined = (list: readonly string[]) => list.map((x) => `${x}\0`).join('');
  return {
    status: text(() => status(p, t)),
    stat: text(() => taskStat(p, t)),
    statm: text(() => {
      const { vm, rss } = sizes(p);
      return `${vm / PAGE} ${rss / PAGE} 0 0 0 ${vm / PAGE} 0\n`;
    }),
    maps: text(() => maps(p)),
    smaps: text(() => smaps(p)),
    cmdline: text(() => joined(p.cmdline)),
    environ: text(() => joined(p.environ)),
    auxv: text(() => p.auxv),
    comm: text(
      () => `${t?.comm ?? ''}\n`,
      (text) => {
        if (t) t.comm = text.trimEnd().slice(0, 15);
        return 0;
      },
    ),
    limits: text(() => limits(p)),
    schedstat: text(() => `${Math.floor(t?.cpuTime ?? 0)} ${Math.floor(t?.runDelay ?? 0)} ${t?.timeslices ?? 0}\n`),
    exe,
    cwd: link(
      () => t?.fs.cwd.path() ?? '',
      () => t?.fs.cwd,
    ),
    root: link(
      () => t?.fs.root.path() ?? '',
      () => t?.fs.root,
    ),
    mountinfo: text('1 0 0:1 / / rw - overlay overlay rw\n'),
    mounts: text('overlay / overlay rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n'),
    cgroup: text('0::/\n'),
    oom_score_adj: text('0\n', () => 0),
    wchan: text('0'),
    pagemap: () => pagemap(p),
    mem: () => memFile(p),
    ...(t ? { fd: () => fdDir(t), fdinfo: () => fdinfoDir(t) } : {}),
  };
}

const sysctl = (): FixedDir =>
  textTree('proc', {
    kernel: {
      osrelease: `${UTS.release}\n`,
      ostype: `${UTS.sysname}\n`,
      version: `${UTS.version}\n`,
      hostname: `${UTS.nodename}\n`,
      domainname: `${UTS.domainname}\n`,
      pid_max: '4194304\n',
      'threads-max': '127000\n',
      randomize_va_space: '0\n',
      numa_balancing: '0\n',
      perf_event_paranoid: '4\n',
      cap_last_cap: '40\n',
      core_pattern: 'core\n',
      ngroups_max: '65536\n',
      sched_rt_runtime_us: '950000\n',
      random: { boot_id: '00000000-0000-4000-8000-000000000000\n', entropy_avail: '256\n' },
    },
    vm: {
      max_map_count: '65530\n',
      overcommit_memory: '1\n',
      mmap_min_addr: '65536\n',
      nr_hugepages: new TextNode('0\n', () => 0),
      swappiness: '60\n',
      unprivileged_userfaultfd: '1\n',
    },
    fs: { 'file-max': '9223372036854775807\n', nr_open: '1048576\n', pipe: { 'max-size': '1048576\n' } },
    net: { core: { somaxconn: '4096\n' } },
  });

/** What is in /proc. @param self is made elsewhere */
export function procEntries(m: Machine, current: () => Thread | undefined, self: () => Node): Entries {
  return {
    cpuinfo: text(() => cpuinfo(m)),
    meminfo: text(() => meminfo(m)),
    stat: text(() => stat(m)),
    uptime: text(() => uptime(m)),
    loadavg: text(() => `0.00 0.00 0.00 1/${m.threadCount} ${m.allProcesses().at(-1)?.pid ?? 1}\n`),
    version: text(`Linux version ${UTS.release} (hypatia) ${UTS.version}\n`),
    cmdline: text('\n'),
    filesystems: text('nodev\tproc\nnodev\tsysfs\nnodev\ttmpfs\nnodev\toverlay\n'),
    mounts: link('self/mounts'),
    self,
    'thread-self': link(() => `${current()?.pid ?? 0}/task/${current()?.tid ?? 0}`),
    sys: sysctl,
  };
}
