// Compiles a module as V8 itself would when it has run for a while, which takes longer than a short program does: the
// interpreter, once for a version of Node, from standard input, or what is kept of a program (src/jit/kept.ts), which is named. A process of its own
// (tools/keep.cjs): it uses functions of V8 that no standard promises. It gives the length of a script's code, that code, and
// what the script brings back to life: the interpreter to standard output; beside what is kept, in a file (programs.cjs).
'use strict';
const { readFileSync, renameSync, rmSync, statSync, writeFileSync, writeSync } = require('node:fs');
const { setPriority } = require('node:os');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const filename = `${__dirname}/restore.js`;
/** Milliseconds that a program's code may take; what has not been compiled then V8 does as ever. */
const PATIENCE = 20_000;
/** Of a program that is named: only one such process at a time. Of the interpreter: which functions of its table. */
const [, , program, chosen] = process.argv;
const lock = `${program}.making`;
if (program) begin();

function begin() {
  try {
    if (Date.now() - statSync(lock).mtimeMs > 4 * PATIENCE) rmSync(lock);
  } catch {
    // Nobody is at it.
  }
  try {
    writeFileSync(lock, '', { flag: 'wx' });
  } catch {
    process.exit(0);
  }
  process.once('exit', () => rmSync(lock, { force: true }));
  setPriority(19);
}

/** The module, and the number that it is known by. */
function subject() {
  if (!program) return { bytes: new Uint8Array(readFileSync(0)) };
  return require('./programs.js').moduleOf(readFileSync(program));
}
const { bytes, number } = subject();

/** @returns functions that run often */
function instantiate(module) {
  const imports = {};
  let table;
  for (const { name, kind } of WebAssembly.Module.imports(module))
    if (kind === 'memory') imports[name] = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
    else if (kind === 'table') imports[name] = table = new WebAssembly.Table({ initial: 65536, element: 'anyfunc' });
    else imports[name] = kind === 'global' ? 0 : () => 0;
  const { exports } = new WebAssembly.Instance(module, { h: imports });
  const all = Object.values(exports);
  const functions = all.filter((f) => typeof f === 'function');
  const inTable = table ?? all.find((t) => t instanceof WebAssembly.Table);
  const wanted = chosen?.split(',').map(Number) ?? Array(inTable.length).keys();
  for (const i of wanted) if (i < inTable.length && inTable.get(i)) functions.push(inTable.get(i));
  return functions;
}

setFlagsFromString('--allow-natives-syntax');
const [serialize, optimise] = new Script(
  '[(module) => %SerializeWasmModule(module), (f) => %WasmTierUpFunction(f)]',
).runInThisContext();
const script = new Script(readFileSync(filename, 'utf8'), { filename });
const restore = script.runInThisContext();
const compiled = new WebAssembly.Module(bytes);
const started = Date.now();
for (const f of instantiate(compiled)) if (Date.now() - started < PATIENCE) optimise(f);
restore(serialize(compiled), bytes);
// From here on all is as where it will be used: V8 compares its flags.
setFlagsFromString('--no-allow-natives-syntax');
const code = script.createCachedData();
const optimised = serialize(compiled);
const copy = new Script(readFileSync(filename, 'utf8'), { filename, cachedData: code });
if (copy.cachedDataRejected || instantiate(copy.runInThisContext()(optimised, bytes)).length === 0) process.exit(1);

const head = new Uint32Array([code.length]);
const parts = [head, code, new Uint8Array(optimised)].map((p) => Buffer.from(p.buffer, p.byteOffset, p.byteLength));
if (program) {
  const { MADE, together } = require('./programs.js');
  const part = `${program}${MADE}.${process.pid}`;
  writeFileSync(part, together(number, Buffer.concat(parts)));
  renameSync(part, `${program}${MADE}`);
} else for (const all of parts) for (let at = 0; at < all.length; ) at += writeSync(1, all, at);
