// dist/bin: the command in a few files instead of hundreds, because finding and reading these is most of what starting it
// costs. The modules of dist/ stay: the library and the tests use them.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';

const OUT = 'dist/bin';
/** What comes before a command is chosen. Memory must be there before `exec` is loaded: src/cli/main.ts. */
const FIRST = /\/dist\/(base\/(assert|webassembly)|cpu\/physmem|cli\/message)\.js/;
/** Modules of other commands, and what few programs need. All that are left are one chunk: calls within it are direct. */
const APART = /\/dist\/(asm\/|cli\/(main|asm_commands|demo|fp8\w*|trap\w*|threads|stats)\.js)/;
const groups = [
  { name: 'first', priority: 2, test: FIRST },
  { name: 'exec', priority: 1, test: (id) => /\/dist\//.test(id) && !APART.test(id) },
];

/** What load.cjs runs: a function of what CommonJS modules are given. */
const wrapped = (code) =>
  `(function (exports, require, module, __filename, __dirname) {${code.replace(/^#!.*\n/, '')}})`;

export async function bundle() {
  const input = await rolldown({ input: { command: 'dist/cli/main.js' }, platform: 'node', external: [/^node:/] });
  const { output } = await input.generate({
    format: 'cjs',
    chunkFileNames: '[name].js',
    minify: 'dce-only',
    comments: false,
    dynamicImportInCjs: false,
    codeSplitting: { groups },
  });
  await input.close();
  const files = new Map(output.map(({ fileName, code }) => [fileName, wrapped(code)]));
  const digest = createHash('sha256');
  for (const text of files.values()) digest.update(text);
  const loader = readFileSync('tools/load.cjs', 'utf8');
  files.set('load.js', loader.replace('@BUILD@', digest.digest('hex').slice(0, 16)));
  files.set('hypatia.js', "#!/usr/bin/env node\nrequire('./load.js')('command.js');\n");
  files.set('package.json', '{ "type": "commonjs" }\n');
  mkdirSync(OUT, { recursive: true });
  for (const [name, text] of files) writeFileSync(`${OUT}/${name}`, text);
  for (const name of readdirSync(OUT)) if (!files.has(name)) rmSync(`${OUT}/${name}`, { recursive: true });
  chmodSync(`${OUT}/hypatia.js`, 0o755);
}
