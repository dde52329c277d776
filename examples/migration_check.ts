// Can a VM that started on one machine continue on another? Take the ID registers as the source shows them, write them
// on the destination, and see what it refuses.
// Run: npx tsx examples/migration_check.ts

import { KvmError, type ModelName, openKvm } from 'hypatia';

/** @returns names of the ID registers that `to` refuses. */
export function refusedRegisters(from: ModelName, to: ModelName): string[] {
  const [source, destination] = [from, to].map((cpu) => {
    const vm = openKvm({ cpu }).createVm();
    vm.enableCap('ARM_WRITABLE_IMP_ID_REGS');
    const vcpu = vm.createVcpu();
    vcpu.init();
    return vcpu;
  });
  if (!source || !destination) return [];
  return source
    .regList()
    .filter((r) => r.name.startsWith('ID_AA64'))
    .flatMap((r) => {
      try {
        destination.setOneReg(r.id, source.getOneReg(r.id));
        return [];
      } catch (e) {
        if (!(e instanceof KvmError)) throw e;
        return [r.name];
      }
    });
}

/** @param print takes one line */
export function main(print: (line: string) => void): void {
  print(`neoverse-v1 to max: ${refusedRegisters('neoverse-v1', 'max').join(' ') || 'nothing refused'}`);
  print(`max to neoverse-n1: ${refusedRegisters('max', 'neoverse-n1').join(' ')}`);
}
