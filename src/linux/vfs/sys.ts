// /sys, as far as programs look: CPUs, memory nodes, huge page sizes, parameters of modules.

import type { Machine } from '../machine.ts';
import { cpuList } from './proc_text.ts';
import { type FixedDir, TextNode, type TextTree, textTree } from './synthetic.ts';

/** What one CPU shows of itself. @linux Documentation/ABI/testing/sysfs-devices-system-cpu */
function cpuDir(m: Machine, i: number): TextTree {
  const hex64 = (enc: number) => `0x${m.readId(enc).toString(16).padStart(16, '0')}\n`;
  const MIDR_EL1 = 0xc000;
  const REVIDR_EL1 = 0xc006;
  return {
    online: '1\n',
    topology: {
      core_id: `${i}\n`,
      physical_package_id: '0\n',
      core_cpus_list: `${i}\n`,
      thread_siblings_list: `${i}\n`,
      package_cpus_list: `${cpuList(m.allCpus)}\n`,
    },
    regs: { identification: { midr_el1: hex64(MIDR_EL1), revidr_el1: hex64(REVIDR_EL1) } },
  };
}

export function sysTree(m: Machine): FixedDir {
  const online = `${cpuList(m.allCpus)}\n`;
  const cpus: Record<string, TextTree> = {};
  for (let i = 0; i < m.scheduler.cpus; i++) cpus[`cpu${i}`] = cpuDir(m, i);
  const parameters: Record<string, TextTree> = {};
  for (const [name, p] of Object.entries(m.options.moduleParameters ?? {}))
    parameters[name] = { parameters: Object.fromEntries(Object.entries(p).map(([k, v]) => [k, `${v}\n`])) };
  const noPages = {
    nr_hugepages: new TextNode('0\n', () => 0),
    free_hugepages: '0\n',
    resv_hugepages: '0\n',
    surplus_hugepages: '0\n',
    nr_overcommit_hugepages: '0\n',
  };
  return textTree('sysfs', {
    devices: {
      system: {
        cpu: {
          online,
          possible: online,
          present: online,
          offline: '\n',
          kernel_max: '4095\n',
          isolated: '\n',
          smt: { active: '0\n', control: 'notimplemented\n' },
          ...cpus,
        },
        node: {
          online: '0\n',
          possible: '0\n',
          has_cpu: '0\n',
          has_memory: '0\n',
          has_normal_memory: '0\n',
          node0: { cpulist: online, distance: '10\n', meminfo: `Node 0 MemTotal: ${m.totalMemory / 1024} kB\n` },
        },
        clocksource: {
          clocksource0: { current_clocksource: 'arch_sys_counter\n', available_clocksource: 'arch_sys_counter\n' },
        },
      },
    },
    kernel: {
      mm: {
        transparent_hugepage: {
          enabled: 'always [madvise] never\n',
          defrag: 'always defer defer+madvise [madvise] never\n',
          hpage_pmd_size: '2097152\n',
          shmem_enabled: 'always within_size advise [never] deny force\n',
          use_zero_page: '1\n',
        },
        hugepages: { 'hugepages-2048kB': noPages, 'hugepages-1048576kB': noPages },
        ksm: { run: '0\n' },
        lru_gen: { enabled: '0x0007\n', min_ttl_ms: '0\n' },
      },
      debug: {},
    },
    module: parameters,
    firmware: {},
    fs: { cgroup: {} },
    class: {},
    block: {},
    bus: {},
  });
}
