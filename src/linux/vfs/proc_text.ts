// What /proc/PID says in words: maps, status, stat, limits. Texts only; which file has which is in proc_entries.ts.

import { NSIG, sigBit } from '../abi/flags.ts';
import { PAGE } from '../mm/pages.ts';
import type { Vma } from '../mm/vma.ts';
import { type Process, RLIM_INFINITY, SIG_DFL, SIG_IGN } from '../process.ts';
import type { Thread } from '../thread.ts';

const TICK_NS = 1e7;
const KIB = 1024;
const hex = (n: number, w: number) => n.toString(16).padStart(w, '0');

function mapsLine(v: Vma): string {
  const p = (b: number, c: string) => ((v.prot & b) !== 0 ? c : '-');
  const rights = p(1, 'r') + p(2, 'w') + p(4, 'x') + (v.shared ? 's' : 'p');
  const b = v.backing;
  const isFile = b !== undefined && b.path !== '[sigpage]';
  const dev = isFile ? `${hex(Math.floor(b.dev / 256) & 0xfff, 2)}:${hex(b.dev & 0xff, 2)}` : '00:00';
  const head = `${hex(v.start, 8)}-${hex(v.end, 8)} ${rights} ${hex(isFile ? v.offset : 0, 8)} ${dev} ${isFile ? b.ino : 0} `;
  const name = b ? b.path : v.name;
  return name ? `${head.padEnd(73)}${name}` : head;
}
export const maps = (p: Process) => p.mm.vmas.all.map((v) => `${mapsLine(v)}\n`).join('');
export function smaps(p: Process): string {
  return p.mm.vmas.all
    .map((v) => {
      const kb = (n: number) => `${String(n / KIB).padStart(8)} kB`;
      const rss = p.mm.resident(v) * PAGE;
      return (
        `${mapsLine(v)}\nSize:           ${kb(v.end - v.start)}\nKernelPageSize: ${kb(PAGE)}\nMMUPageSize:    ${kb(PAGE)}\n` +
        `Rss:            ${kb(rss)}\nPss:            ${kb(rss)}\nAnonymous:      ${kb(v.backing ? 0 : rss)}\n` +
        `AnonHugePages:  ${kb(0)}\nSwap:           ${kb(0)}\nLocked:         ${kb(0)}\nTHPeligible:           0\nVmFlags: ${vmFlags(v)}\n`
      );
    })
    .join('');
}
function vmFlags(v: Vma): string {
  const rights = ['rd', 'wr', 'ex'].filter((_, i) => ((v.prot >> i) & 1) !== 0);
  const may = ['mr', 'mw', 'me'];
  const more = [
    v.shared && 'sh',
    v.growsDown && 'gd',
    v.locked && 'lo',
    v.noreserve && 'nr',
    v.dontFork && 'dc',
    v.wipeOnFork && 'wf',
    v.userfault && 'um',
    !v.backing && 'ac',
  ];
  return [...rights, ...may, ...more.filter((x) => typeof x === 'string')].join(' ');
}
export function sizes(p: Process): { vm: number; rss: number } {
  let vm = 0;
  let rss = 0;
  for (const v of p.mm.vmas.all) {
    vm += v.end - v.start;
    rss += p.mm.resident(v);
  }
  return { vm, rss: rss * PAGE };
}
const stateOf = (t: Thread | undefined, p: Process) =>
  !t ? 'Z (zombie)' : p.stopped ? 'T (stopped)' : t.runnable ? 'R (running)' : 'S (sleeping)';
const mask16 = (m: bigint) => m.toString(16).padStart(16, '0');

export function status(p: Process, t: Thread | undefined): string {
  const { vm, rss } = sizes(p);
  const kb = (n: number) => `${String(Math.floor(n / KIB)).padStart(8)} kB`;
  let ignored = 0n;
  let caught = 0n;
  for (let s = 1; s <= NSIG; s++) {
    const h = p.sighand.action(s).handler;
    if (h === SIG_IGN) ignored |= sigBit(s);
    else if (h !== SIG_DFL) caught |= sigBit(s);
  }
  const { uid, gid } = p.cred;
  const cpus = t?.affinity ?? 0n;
  const caps = uid === 0 ? '000001ffffffffff' : '0000000000000000';
  const rows: [string, string][] = [
    ['Name', t?.comm ?? ''],
    ['Umask', (t?.fs.umask ?? 0).toString(8).padStart(4, '0')],
    ['State', stateOf(t, p)],
    ['Tgid', String(p.pid)],
    ['Ngid', '0'],
    ['Pid', String(t?.tid ?? p.pid)],
    ['PPid', String(p.parent?.pid ?? 1)],
    ['TracerPid', '0'],
    ['Uid', `${uid}\t${uid}\t${uid}\t${uid}`],
    ['Gid', `${gid}\t${gid}\t${gid}\t${gid}`],
    ['FDSize', String(Math.max(64, t?.files.size ?? 0))],
    ['Groups', ''],
    ['VmPeak', kb(vm)],
    ['VmSize', kb(vm)],
    ['VmLck', kb(0)],
    ['VmPin', kb(0)],
    ['VmHWM', kb(rss)],
    ['VmRSS', kb(rss)],
    ['RssAnon', kb(rss)],
    ['RssFile', kb(0)],
    ['RssShmem', kb(0)],
    ['VmData', kb(vm)],
    ['VmStk', kb(132 * KIB)],
    ['VmSwap', kb(0)],
    ['Threads', String(p.threads.length)],
    ['SigQ', '0/63000'],
    ['SigPnd', mask16(t?.pending.mask ?? 0n)],
    ['ShdPnd', mask16(p.pending.mask)],
    ['SigBlk', mask16(t?.mask ?? 0n)],
    ['SigIgn', mask16(ignored)],
    ['SigCgt', mask16(caught)],
    ['CapInh', '0000000000000000'],
    ['CapPrm', caps],
    ['CapEff', caps],
    ['CapBnd', '000001ffffffffff'],
    ['CapAmb', '0000000000000000'],
    ['NoNewPrivs', p.noNewPrivs ? '1' : '0'],
    ['Seccomp', '0'],
    ['Cpus_allowed', cpus.toString(16)],
    ['Cpus_allowed_list', cpuList(cpus)],
    ['Mems_allowed', '1'],
    ['Mems_allowed_list', '0'],
    ['voluntary_ctxt_switches', String(t?.voluntarySwitches ?? 0)],
    ['nonvoluntary_ctxt_switches', String(t?.involuntarySwitches ?? 0)],
  ];
  return rows.map(([k, v]) => `${k}:\t${v}\n`).join('');
}
/** 0-3,5 */
export function cpuList(mask: bigint): string {
  const out: string[] = [];
  for (let i = 0; mask >> BigInt(i) !== 0n; i++) {
    if (((mask >> BigInt(i)) & 1n) === 0n) continue;
    let j = i;
    while (((mask >> BigInt(j + 1)) & 1n) !== 0n) j++;
    out.push(i === j ? `${i}` : `${i}-${j}`);
    i = j;
  }
  return out.join(',');
}
export function taskStat(p: Process, t: Thread | undefined): string {
  const { vm, rss } = sizes(p);
  const f: (string | number)[] = new Array(52).fill(0);
  f[0] = t?.tid ?? p.pid;
  f[1] = `(${t?.comm ?? ''})`;
  f[2] = stateOf(t, p)[0]!;
  f[3] = p.parent?.pid ?? 1;
  f[4] = p.pgid;
  f[5] = p.sid;
  f[13] = Math.floor((t?.cpuTime ?? p.cpuTime) / TICK_NS);
  f[17] = 20;
  f[18] = t?.nice ?? 0;
  f[19] = p.threads.length;
  f[21] = Math.floor(p.startTime / TICK_NS);
  f[22] = vm;
  f[23] = rss / PAGE;
  f[24] = '18446744073709551615';
  f[27] = p.mm.stackTop;
  f[37] = 17;
  f[38] = t?.cpuIndex ?? 0;
  return `${f.join(' ')}\n`;
}
const LIMIT_NAMES: readonly (readonly [string, string])[] = [
  ['Max cpu time', 'seconds'], ['Max file size', 'bytes'], ['Max data size', 'bytes'], ['Max stack size', 'bytes'],
  ['Max core file size', 'bytes'], ['Max resident set', 'bytes'], ['Max processes', 'processes'],
  ['Max open files', 'files'], ['Max locked memory', 'bytes'], ['Max address space', 'bytes'],
  ['Max file locks', 'locks'], ['Max pending signals', 'signals'], ['Max msgqueue size', 'bytes'],
  ['Max nice priority', ''], ['Max realtime priority', ''], ['Max realtime timeout', 'us'],
]; // biome-ignore format: a table
export function limits(p: Process): string {
  const v = (n: number) => (n === RLIM_INFINITY ? 'unlimited' : String(n)).padEnd(20);
  const rows = p.limits.map(
    (l, i) => `${LIMIT_NAMES[i]![0].padEnd(25)} ${v(l.soft)} ${v(l.hard)} ${LIMIT_NAMES[i]![1]}\n`,
  );
  return `${'Limit'.padEnd(25)} ${'Soft Limit'.padEnd(20)} ${'Hard Limit'.padEnd(20)} Units\n${rows.join('')}`;
}
