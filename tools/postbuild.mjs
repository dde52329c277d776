// After tsc: generate the interpreter, make the command executable and leave the stamp that tools/setup.mjs compares with.
import { chmodSync, existsSync, writeFileSync } from 'node:fs';

const [{ generateInterpreter }, { A64 }] = await Promise.all([
  import('../dist/interp/index.js'),
  import('../dist/isa/a64.js'),
]);
writeFileSync('dist/interp/interp.wasm', generateInterpreter(A64));
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755);
writeFileSync('dist/.built', '');
