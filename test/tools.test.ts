// The tools are plain JavaScript over dist/: no compiler sees whether what they import is still there.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const scripts = ['tools', 'bench', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.mjs'))
    .map((name) => join(folder, name)),
);
/** Names that a script imports from modules of dist/, each with its source. */
function imports(script: string): { source: string; names: string[] }[] {
  const text = readFileSync(join(root, script), 'utf8');
  return [...text.matchAll(/import \{([^}]*)\} from '([^']*\/dist\/[^']*)\.js'/g)].map(([, names, module]) => ({
    source: resolve(root, dirname(script), `${module}.ts`).replace(join(root, 'dist/'), join(root, 'src/')),
    names: names!.split(',').flatMap((n) => n.trim().split(' as ')[0] || []),
  }));
}

const using = scripts.map((script) => ({ script, from: imports(script) })).filter((x) => x.from.length > 0);
it('finds scripts that use the library', () => {
  expect(using.length).toBeGreaterThan(10);
});
it.each(using)(
  '$script imports what is there',
  async ({ from }) => {
    for (const { source, names } of from) {
      const module = (await import(source)) as Readonly<Record<string, unknown>>;
      expect(Object.keys(module), source).toEqual(expect.arrayContaining(names));
    }
  },
  60_000,
);

describe('numbers of tables in the bundled command', async () => {
  const { withConstants } = (await import(join(root, 'tools/constants.mjs'))) as {
    withConstants(code: string): string;
  };
  it('are written where they are asked for', () => {
    const code = `const A = { x: 1, y: -2 };\nconst B = { z: 3 };\nconst low = { n: 4 };
f(A.x, A.y, o.A.x, Object.keys(B), B.z, low.n);\nexports.A = A;\n`;
    expect(withConstants(code)).toBe(
      `\nconst B = { z: 3 };\nconst low = { n: 4 };
f((1), (-2), o.A.x, Object.keys(B), (3), low.n);\nexports.A = { x: 1, y: -2 };\n`,
    );
  });
  it('are not those of what changes', () => {
    expect(() => withConstants('const A = { x: 1 };\nA.x = 2;')).toThrow(/A is changed/);
    expect(() => withConstants('const A = { x: 1 };\nf(A.x++);')).toThrow(/A is changed/);
  });
});
