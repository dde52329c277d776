// Compiles the interpreter as V8 itself would when it has run for a while, which takes longer than a short program does. Run
// once for a version of Node (tools/load.cjs), as a process of its own: it uses functions of V8 that no standard promises. The
// module is standard input; to standard output go the length of a script's code, that code, and what the script brings back to life.
'use strict';
const { readFileSync, writeSync } = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const filename = `${__dirname}/restore.js`;
const bytes = new Uint8Array(readFileSync(0));
const instantiate = (module) => {
  const imports = {};
  for (const { name, kind } of WebAssembly.Module.imports(module))
    imports[name] = kind === 'memory' ? new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true }) : () => 0;
  return new WebAssembly.Instance(module, { h: imports }).exports;
};

setFlagsFromString('--allow-natives-syntax');
const [serialize, optimise] = new Script(
  '[(module) => %SerializeWasmModule(module), (f) => %WasmTierUpFunction(f)]',
).runInThisContext();
const script = new Script(readFileSync(filename, 'utf8'), { filename });
const restore = script.runInThisContext();
const compiled = new WebAssembly.Module(bytes);
for (const f of Object.values(instantiate(compiled))) if (typeof f === 'function') optimise(f);
restore(serialize(compiled), bytes);
// From here on all is as where it will be used: V8 compares its flags.
setFlagsFromString('--no-allow-natives-syntax');
const code = script.createCachedData();
const optimised = serialize(compiled);
const copy = new Script(readFileSync(filename, 'utf8'), { filename, cachedData: code });
if (copy.cachedDataRejected || typeof instantiate(copy.runInThisContext()(optimised, bytes)).run !== 'function')
  process.exit(1);

const head = new Uint32Array([code.length]);
for (const part of [head, code, new Uint8Array(optimised)]) {
  const all = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  for (let at = 0; at < all.length; ) at += writeSync(1, all, at);
}
