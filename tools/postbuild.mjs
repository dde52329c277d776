// After tsc: generate the interpreter, bundle the command and leave the stamp that tools/setup.mjs compares with.
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { bundle } from './bundle.mjs';

const [{ generateInterpreter }, { A64 }] = await Promise.all([
  import('../dist/interp/index.js'),
  import('../dist/isa/a64.js'),
]);
writeFileSync('dist/interp/interp.wasm', generateInterpreter(A64));
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755);
await bundle();
writeFileSync('dist/.built', '');
