// Runs a program with the interpreter and with regions compiled as soon as may be, and compares every state in which the
// engine came back. `npm run stepdiff -- [options of hypatia exec] PROGRAM [ARGUMENT...]`
import { assemble } from '../dist/cli/exec.js';
import { nodeHost } from '../dist/cli/host.js';
import { parseExec } from '../dist/cli/options.js';
import { Slot } from '../dist/cpu/state.js';
import { jitTier } from '../dist/jit/index.js';

const options = parseExec(process.argv.slice(2), process.env);
if (!options) {
  console.error('usage: npm run stepdiff -- [options of hypatia exec] PROGRAM [ARGUMENT...]');
  process.exit(2);
}

/** What a program can see of a PE, as a number. */
function digest(cpu, reason) {
  const { u32 } = cpu.mem;
  let h = 0x811c9dc5 ^ reason;
  const add = (from, to) => {
    for (let i = (cpu.base + from) >>> 2; i < (cpu.base + to) >>> 2; i++) h = Math.imul(h ^ u32[i], 0x01000193);
  };
  add(Slot.X, Slot.ZERO);
  add(Slot.PC, Slot.PC + 8);
  add(Slot.FPCR, Slot.BUDGET);
  for (let n = 0; n < 32; n++) add(Slot.V + 256 * n, Slot.V + 256 * n + 16);
  return Math.imul(h ^ cpu.nzcv, 0x01000193) >>> 0;
}

async function run(name, make, seen) {
  const tier = {
    make,
    stats: () => undefined,
    observe: (engine) => ({
      createTlb: (t) => engine.createTlb(t),
      invalidateCode: (frame) => engine.invalidateCode(frame),
      run(cpu, budget) {
        const reason = engine.run(cpu, budget);
        seen(cpu, reason, digest(cpu, reason));
        return reason;
      },
    }),
  };
  const quiet = { write: (bytes) => bytes.length };
  const services = { ...nodeHost(false), message() {} };
  if (name !== 'interpreter') Object.assign(services, { stdout: { ...services.stdout, ...quiet } });
  return assemble(options, services, tier).run();
}

const digests = [];
const first = await run('interpreter', undefined, (_cpu, _reason, h) => digests.push(h));
let at = 0;
let stats;
const tier = jitTier({ threshold: 1, stretch: [500, 5000] }, (s) => {
  stats = s;
});
const second = await run('jit', tier, (cpu, reason, h) => {
  if (digests[at++] === h) return;
  console.error(
    `stepdiff: return ${at} of the engine differs: reason ${reason}, pc 0x${cpu.pc.toString(16)}, ${cpu.icount} instructions`,
  );
  process.exit(1);
});
if (first !== second || at !== digests.length) {
  console.error(`stepdiff: ended with ${first} after ${digests.length} returns, and with ${second} after ${at}`);
  process.exit(1);
}
console.log(`stepdiff: ${at} returns of the engine alike, ${stats.regions} regions`);
