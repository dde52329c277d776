// Runs a program with the interpreter, with regions compiled as soon as may be, and with those again that were kept then, and
// compares every state in which the engine came back. `npm run stepdiff -- [options of hypatia exec] PROGRAM [ARGUMENT...]`
import { parseExec } from '../dist/cli/options.js';
import { keepingTier } from '../dist/jit/index.js';
import { runOn } from './lockstep.mjs';

const argv = process.argv.slice(2);
if (!parseExec(argv, process.env)) {
  console.error('usage: npm run stepdiff -- [options of hypatia exec] PROGRAM [ARGUMENT...]');
  process.exit(2);
}

const digests = [];
const first = await runOn(undefined, argv, (_cpu, _reason, h) => digests.push(h));
process.stdout.write(first.output);

/** @returns what is kept */
async function compare(kept) {
  let at = 0;
  let stats;
  const tier = keepingTier(kept, { threshold: 1, stretch: [500, 5000] }, (s) => {
    stats = s;
  });
  const other = await runOn(tier.make, argv, (cpu, reason, h) => {
    if (digests[at++] === h) return;
    console.error(
      `stepdiff: return ${at} of the engine differs: reason ${reason}, pc 0x${cpu.pc.toString(16)}, ${cpu.icount} instructions`,
    );
    process.exit(1);
  });
  if (first.code !== other.code || at !== digests.length) {
    console.error(
      `stepdiff: ended with ${first.code} after ${digests.length} returns, and with ${other.code} after ${at}`,
    );
    process.exit(1);
  }
  console.log(
    `stepdiff: ${at} returns of the engine alike, ${first.instructions} instructions, ${stats.regions} regions, ${stats.kept} kept ones`,
  );
  return tier.bytes();
}
await compare(await compare(undefined));
