// What does a virtual CPU show of the 2023 extensions, and what happens when it is told to hide them?
// Run: npx tsx examples/register_list.ts   (or copy it: it needs nothing but this package)

import { KvmError, openKvm } from 'hypatia';

/** @param print takes one line */
export function main(print: (line: string) => void): void {
  const kvm = openKvm({ cpu: 'max' });
  const vm = kvm.createVm();
  const vcpu = vm.createVcpu(0);
  vcpu.init({ features: ['PSCI_0_2', 'PMU_V3'] });

  const registers = vcpu.regList();
  print(`${registers.length} registers, FPMR ${registers.some((r) => r.name === 'FPMR') ? 'among them' : 'missing'}`);
  for (const name of ['ID_AA64PFR2_EL1', 'ID_AA64FPFR0_EL1', 'ID_AA64ISAR3_EL1']) {
    const mask = vm.writableMasks().get(name) ?? 0n;
    print(`${name} = 0x${vcpu.getOneReg(name).toString(16)}, can change 0x${mask.toString(16)}`);
  }

  vcpu.setOneReg('ID_AA64PFR2_EL1', 0n);
  print(`without FPMR: ${vcpu.regList().length} registers`);
  try {
    vcpu.getOneReg('FPMR');
  } catch (e) {
    if (!(e instanceof KvmError)) throw e;
    print(`${e.name}: ${e.message}`);
  }
}
