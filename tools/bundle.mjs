// dist/bin: the command in a few files instead of hundreds, because finding and reading these is most of what starting it
// costs. The modules of dist/ stay: the library and the tests use them.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { minifySync } from 'rolldown/utils';
import { withConstants } from './constants.mjs';

const OUT = 'dist/bin';
const FIRST_FILE = 'first.js';
const EXEC_FILE = 'exec.js';
const COMMAND_FILE = 'command.js';
/** A script whose code brings a compiled module back to life (tools/optimise.cjs, tools/keep.cjs). */
const RESTORE = '(optimised, bytes) => %DeserializeWasmModule(optimised, bytes);\n';
/** What comes before a command is chosen, and what everything stands on. */
const FIRST = /\/dist\/(base\/(?!nearest)|cli\/message)|rolldown\/runtime/;
/** Modules of other commands, and what few programs need. */
const APART = /\/dist\/(asm\/|cli\/(main|asm_commands|demo|fp8\w*|trap\w*|threads|stats)\.js)/;
/** What a program needs that opens /dev/kvm: KVM, the CPU above EL0 with its system registers. */
const KVM = new RegExp(
  '/dist/(?:' +
    [
      'kvm/(?!(?:host|cpufeature|cputype|compat|modes)\\.)',
      'uapi/',
      'lib/',
      'arch/(?:state_regs|fp_regs|control_regs|sysregs|sys_ops|gic|smccc|spaces|esr)\\.',
      'cpu/(?:syndrome|pe|pe_context|pe_controls|pe_exceptions|pe_regs|pe_system|timer|debug|exception|pstate|resx|access_questions|sysreg_access|sysreg_effects)\\.',
      'cpu/mmu/',
      'cli/guests\\.',
    ].join('|') +
    ')',
);
/** What instructions mean, and what makes code of that: not needed for what is decoded already. */
const CODE =
  /\/dist\/(?:(?:isa\/(?!helpers|inline_sysregs|pointer_check)|arch\/a64\/|ir\/(?!fp_ops|conditions)|wasm\/wat|jit\/(?!(?:regions|kept|cells|area|constants|counts|cover|places|features)\.))|cpu\/(?:decode|landing_pads|sve)|interp\/(?:emit|generate|fp_|vector_rest|handler_frame|loop|cold|hot|reference|record_state|record_place|restart|temps))/;
/** What regions of an earlier run need, and what writes modules: also how regions find each other, and frames of signals. */
const WASM =
  /\/dist\/(?:wasm\/(?!sections|wat)|interp\/(?:tlb_entry|late_flags|linker|misses|region_check)|ir\/conditions|jit\/)/;
/** Which CPU has what: for a model that has run before, it is kept what is asked of it. */
const FACTS =
  /\/dist\/(?:arch\/(?:schema|id_regs|id_fields|features|requirements)|cpu\/model(?:s|_\w+)|kvm\/(?:host|cpufeature|cputype)|linux\/hwcap)\.js/;
/** Floating point that the host's does not do. */
const NUMBERS = /\/dist\/(?:cpu\/fp\/|base\/nearest)/;
/** System calls that a program makes that does more than to start, write and end. */
const CALLS =
  /\/dist\/linux\/(?:syscalls\/(?:descriptors|files|futex|io|memory|process|signals|stat|system|time)|futex|mm\/advice|vfs\/fifo)\.js/;
/** What most programs never meet. */
const SELDOM =
  /\/dist\/(?:linux\/(?:abi\/(?:error_text|signals)|strace\w*|sigframe(?!_layout)\w*|deliver|crash|vfs\/(?:\w+fd|epoll|pipe|sys|proc_(?:entries|text))|syscalls\/(?:clone|events|sched|sockets))|cpu\/qarma|interp\/(?:crew|flights)|cli\/fp_trace)\.js/;
/** Everything else is one chunk: calls within it are direct. */
const groups = [
  { name: 'first', priority: 3, test: FIRST },
  { name: 'kvm', priority: 2, test: KVM },
  { name: 'code', priority: 2, test: CODE },
  { name: 'wasm', priority: 2, test: WASM },
  { name: 'numbers', priority: 2, test: NUMBERS },
  { name: 'calls', priority: 2, test: CALLS },
  { name: 'seldom', priority: 2, test: SELDOM },
  { name: 'facts', priority: 2, test: FACTS },
  { name: 'exec', priority: 1, test: (id) => /\/dist\//.test(id) && !APART.test(id) },
];
/** Chunks that are there, whole, before anything that imports them runs. All others are loaded when something of them is used. */
const EARLY = new Set(['first', 'exec']);

/**
 * What a chunk imports. From an early one these are constants; another one is loaded when something of it is first used, so
 * that tables which a program does not meet are never made. No module has effects: nobody sees when it is evaluated.
 */
function linked(code) {
  const used = new Map();
  const body = code.replace(/(\bnew )?\brequire_(\w+)\.([\w$]+)/g, (_, made = '', chunk, name) => {
    if (!EARLY.has(chunk)) return made ? `new (require_${chunk}().${name})` : `require_${chunk}().${name}`;
    used.set(chunk, (used.get(chunk) ?? new Set()).add(name));
    return `${made}${chunk}_${name}`;
  });
  return body.replace(/^const require_(\w+) = (require\("[^"]+"\));$/gm, (_, chunk, load) => {
    if (!EARLY.has(chunk)) return `let ${chunk}_made;\nconst require_${chunk} = () => (${chunk}_made ??= ${load});`;
    return `const { ${[...(used.get(chunk) ?? [])].map((name) => `${name}: ${chunk}_${name}`).join(', ')} } = ${load};`;
  });
}

/** Values instead of getters, which take ten times as long to make: what is exported does not change. */
function exported(code) {
  return code.replace(
    /^Object\.defineProperty\(exports, "([\w$]+)", \{\s*enumerable: true,\s*get: function\(\) \{\s*return ([\w$]+);\s*\}\s*\}\);$/gm,
    'exports.$1 = $2;',
  );
}

/**
 * What other chunks use than the command's is exported when the first of these is loaded (tools/keep.cjs): most programs load
 * none. The command's uses whole modules.
 */
function later(fileName, code) {
  if (fileName !== EXEC_FILE) return code;
  return code.replace(/(?:^exports\.[\w$]+ = [\w$]+;\n?)+/m, (block) => {
    const whole = block.replace(/^exports\.\w+_exports = .*\n/gm, '');
    const now = block.match(/^exports\.\w+_exports = .*\n/gm) ?? [];
    return `${now.join('')}module.rest = () => {\n${whole}};\n`;
  });
}

/** What rolldown adds for itself becomes a part of the first chunk: a file less. */
function together(output) {
  const runtime = output.find(({ fileName }) => fileName === 'rolldown-runtime.js');
  const first = 'const require_first = require("./first.js");\n';
  const renamed = (code) =>
    code
      .replaceAll('require_rolldown_runtime.', 'require_first.')
      .replace(/^const require_rolldown_runtime = .*\n/m, code.includes(first) ? '' : first);
  return output
    .filter((chunk) => chunk !== runtime)
    .map(({ fileName, code }) => ({ fileName, code: fileName === FIRST_FILE ? runtime.code + code : renamed(code) }));
}

/** @throws Error if something that a module exports may change */
function isConstant(code, id) {
  const [found] = /^export let .*$/m.exec(code) ?? [];
  if (found) throw new Error(`${id}: '${found}': dist/bin has its first value only`);
}

/** What load.cjs and keep.cjs run: a function of what CommonJS modules are given. */
const wrapped = (code) => `(function (exports, require, module, __filename, __dirname) {${code}})`;
/** Names of variables are strings that V8 makes one by one when it reads the code. Functions and lines stay what they are. */
function shortened(name, text) {
  const mangle = { toplevel: false, keepNames: { function: true, class: true } };
  const { code, errors } = minifySync(name, text, { compress: false, mangle, codegen: { removeWhitespace: false } });
  if (errors.length > 0) throw new Error(`${name}: ${errors[0].message}`);
  return code.replace(/;\s*$/, '');
}
/** Read as it is, byte by byte. */
const inAscii = (code) => code.replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
const withoutHashbang = (code) => code.replace(/^#!.*\n/, '');

export async function bundle() {
  const input = await rolldown({
    input: { command: 'dist/cli/main.js' },
    platform: 'node',
    external: [/^node:/],
    plugins: [{ name: 'constant', transform: isConstant }],
    preserveEntrySignatures: false,
  });
  const { output } = await input.generate({
    format: 'cjs',
    chunkFileNames: '[name].js',
    minify: 'dce-only',
    comments: false,
    dynamicImportInCjs: false,
    codeSplitting: { groups, includeDependenciesRecursively: false },
  });
  await input.close();
  const files = new Map();
  for (const { fileName, code } of together(output))
    files.set(fileName, withConstants(later(fileName, linked(exported(code)))));
  // The command is a part of the first chunk, to be called: others use that as well. And what loads all others.
  const keep = readFileSync('tools/keep.cjs', 'utf8').replace("'@RESTORE@'", JSON.stringify(RESTORE));
  files.set(
    FIRST_FILE,
    `${files.get(FIRST_FILE)}module.start = () => {\n${withoutHashbang(files.get(COMMAND_FILE))}};\n(function (exports) {${keep}})(module);`,
  );
  files.delete(COMMAND_FILE);
  for (const [name, text] of files) files.set(name, inAscii(shortened(name, wrapped(text))));
  // The command that matters has its chunk together with the first one.
  files.set(EXEC_FILE, `[${files.get(FIRST_FILE)},${files.get(EXEC_FILE)}]`);
  const digest = createHash('sha256');
  for (const text of files.values()) digest.update(text);
  digest.update(readFileSync('dist/interp/interp.wasm'));
  const loader = readFileSync('tools/load.cjs', 'utf8');
  files.set('hypatia.js', `#!/usr/bin/env node\n${loader.replace('@BUILD@', digest.digest('hex').slice(0, 16))}`);
  for (const name of ['optimise', 'programs']) files.set(`${name}.js`, readFileSync(`tools/${name}.cjs`, 'utf8'));
  files.set('restore.js', RESTORE);
  files.set('package.json', '{ "type": "commonjs" }\n');
  mkdirSync(OUT, { recursive: true });
  for (const [name, text] of files) writeFileSync(`${OUT}/${name}`, text);
  for (const name of readdirSync(OUT)) if (!files.has(name)) rmSync(`${OUT}/${name}`, { recursive: true });
  chmodSync(`${OUT}/hypatia.js`, 0o755);
}
