// dist/bin: the command in a few files instead of hundreds, because finding and reading these is most of what starting it
// costs. The modules of dist/ stay: the library and the tests use them.
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';

/** Node 22 and newer keep compiled code from one run to the next. */
const START = `#!/usr/bin/env node
import module from 'node:module';
module.enableCompileCache?.();
await import('./command.js');
`;

export async function bundle() {
  const input = await rolldown({ input: { command: 'dist/cli/main.js' }, platform: 'node', external: [/^node:/] });
  const { output } = await input.write({
    dir: 'dist/bin',
    format: 'es',
    chunkFileNames: '[name].js',
    minify: 'dce-only',
  });
  await input.close();
  const made = new Set([...output.map((o) => o.fileName), 'hypatia.js']);
  for (const name of readdirSync('dist/bin')) if (!made.has(name)) rmSync(`dist/bin/${name}`);
  writeFileSync('dist/bin/hypatia.js', START);
  chmodSync('dist/bin/hypatia.js', 0o755);
}
