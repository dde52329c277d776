// Options of the tools: misuse ends with a line that says what was wrong, and with 2.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

/** As parseArgs of node:util. */
export function toolArgs(config) {
  try {
    return parseArgs(config);
  } catch (e) {
    const tool = basename(process.argv[1]);
    process.stderr.write(`${tool}: ${e.message}; what it takes is said at the top of ${tool}\n`);
    process.exit(2);
  }
}
