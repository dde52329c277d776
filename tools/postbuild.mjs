// After tsc: generate the interpreter, bundle the command and leave the stamp that tools/setup.mjs compares with.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { bundle } from './bundle.mjs';

const [{ generateInterpreter }, { A64 }] = await Promise.all([
  import('../dist/interp/index.js'),
  import('../dist/isa/a64.js'),
]);
writeFileSync('dist/interp/interp.wasm', generateInterpreter(A64));
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755);
await bundle();
// A module that is in the wrong chunk shows when the chunk is evaluated: tools/bundle.mjs says which modules go where.
const CHECK =
  "const load = require('./dist/bin/hypatia.js'); for (const c of ['exec', 'code', 'wasm', 'numbers', 'seldom', 'kvm']) load(c + '.js')";
execFileSync(process.execPath, ['-e', CHECK], {
  env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
});
writeFileSync('dist/.built', '');
