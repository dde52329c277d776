// A guest that prints: a few lines of assembly that write a string to a device, byte by byte. The device is this program.
// Run: npx tsx examples/hello_guest.ts   (or copy it: it needs nothing but this package)

import { openKvm } from 'hypatia';
import { assembleProgram } from 'hypatia/asm';

const RAM = 0x4000_0000n;
/** Where there is no memory, so accesses come out of KVM_RUN. */
const DEVICE = 0x0900_0000n;

const SOURCE = `
  adr x0, text
  mov x1, #${DEVICE}
next:
  ldrb w2, [x0], #1
  cbz w2, done
  strb w2, [x1]
  b next
done:
  mov x0, #0x0008        // PSCI SYSTEM_OFF
  movk x0, #0x8400, lsl #16
  hvc #0
text:
  .asciz "Hello from EL1\\n"
`;

/** @param print takes one line */
export function main(print: (line: string) => void): void {
  const vm = openKvm({ cpu: 'max' }).createVm();
  const ram = vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: RAM, size: 0x1_0000n });
  const program = assembleProgram(SOURCE, { base: RAM });
  for (const s of program.sections) ram.write(Number(s.address - RAM), s.bytes);

  const vcpu = vm.createVcpu();
  vcpu.init({ features: ['PSCI_0_2'] });
  vcpu.setOneReg('PC', program.entry);

  let line = '';
  for (;;) {
    const exit = vcpu.run();
    switch (exit.reason) {
      case 'MMIO': {
        if (exit.phys_addr !== DEVICE || !exit.is_write) throw new Error(`no device at ${exit.phys_addr.toString(16)}`);
        const char = String.fromCharCode(exit.data[0] ?? 0);
        if (char !== '\n') line += char;
        else {
          print(line);
          line = '';
        }
        break;
      }
      case 'SYSTEM_EVENT':
        print(`the guest is off, at PC 0x${vcpu.getOneReg('PC').toString(16)}`);
        return;
      default:
        throw new Error(`unexpected exit: ${exit.reason}`);
    }
  }
}
