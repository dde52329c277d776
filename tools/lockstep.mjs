// One program on one engine, with every exception and every return of the engine looked at: for tools that compare engines.
import { assemble } from '../dist/cli/exec.js';
import { nodeHost } from '../dist/cli/host.js';
import { parseExec } from '../dist/cli/options.js';
import { Slot } from '../dist/cpu/state.js';

/** What a program can see of a PE, as a number. */
export function digest(cpu, reason) {
  const { u32 } = cpu.mem;
  let h = 0x811c9dc5 ^ reason;
  const add = (from, to) => {
    for (let i = (cpu.base + from) >>> 2; i < (cpu.base + to) >>> 2; i++) h = Math.imul(h ^ u32[i], 0x01000193);
  };
  add(Slot.X, Slot.ZERO);
  add(Slot.PC, Slot.PC + 8);
  add(Slot.FPCR, Slot.BUDGET);
  add(Slot.EXEC, Slot.EXEC + 4);
  for (let n = 0; n < 32; n++) add(Slot.V + 256 * n, Slot.V + 256 * n + 16);
  return Math.imul(h ^ cpu.nzcv, 0x01000193) >>> 0;
}

/**
 * @param make the tier, undefined: interpreted @param argv as of `hypatia exec` @param seen is told of every return of the engine, and of exceptions of processes that it does not return for
 * @param most instructions
 * @returns exit code, standard output, instructions executed
 */
export async function runOn(make, argv, seen, most = Number.POSITIVE_INFINITY) {
  const options = parseExec(argv, process.env);
  const tier = {
    make,
    observe: (engine) => ({
      createTlb: (t) => engine.createTlb(t),
      invalidateCode: (frame) => engine.invalidateCode(frame),
      run(cpu, budget) {
        const before = cpu.icount;
        const reason = engine.run(cpu, budget);
        instructions += Number(cpu.icount - before);
        if (instructions > most) throw new Error(`the program has not ended after ${instructions} instructions`);
        seen(cpu, reason, digest(cpu, reason));
        return reason;
      },
    }),
  };
  let instructions = 0;
  const chunks = [];
  const services = { ...(await nodeHost(false)), message() {} };
  const stdout = {
    ...services.stdout,
    write(bytes) {
      chunks.push(Buffer.from(bytes));
      return bytes.length;
    },
  };
  const machine = assemble(options, { ...services, stdout }, tier);
  const { scheduler } = machine;
  const resumeRun = scheduler.resumeRun.bind(scheduler);
  scheduler.resumeRun = (cpu, reason) => {
    const h = digest(cpu, reason);
    if (!resumeRun(cpu, reason)) return false;
    seen(cpu, reason, h);
    return true;
  };
  const code = await machine.run();
  return { code, output: Buffer.concat(chunks), instructions };
}
