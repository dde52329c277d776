import { describe, expect, it } from 'vitest';
import { WebAssemblyHost } from '../base/webassembly.ts';
import { ModuleBuilder } from './module.ts';
import { customSize, sectionNamed, withMemory } from './sections.ts';

function moduleWith(shared: boolean, contents: Uint8Array): Uint8Array {
  const module = new ModuleBuilder();
  module.importMemory('host', 'memory', 16, 65536, shared);
  module.export(
    'f',
    module.function(['i32'], ['i32'], (code) => code.get(0).mem('i32.load')),
  );
  module.customSection('aside', contents);
  return module.finish();
}

describe('sections', () => {
  it('are found, with what custom ones contain', () => {
    for (const size of [0, 100, 121, 122, 200, 20_000]) {
      const contents = new Uint8Array(size).fill(7);
      const bytes = moduleWith(false, contents);
      const last = sectionNamed(bytes, 'aside')!;
      expect(last.to).toBe(bytes.length);
      expect(last.to - last.from).toBe(customSize('aside', size));
      expect(sectionNamed(bytes, 'asides')).toBeUndefined();
      expect(bytes.subarray(last.contents, last.to)).toEqual(contents);
    }
  });
  it('say what memory a module imports, which can be changed', () => {
    for (const shared of [true, false]) {
      const other = withMemory(moduleWith(!shared, new Uint8Array(3)), shared);
      expect(other).toEqual(moduleWith(shared, new Uint8Array(3)));
      expect(withMemory(other, shared)).toBe(other);
      const memory = new WebAssemblyHost.Memory({ initial: 16, maximum: 65536, ...(shared && { shared }) });
      expect(() => new WebAssemblyHost.Instance(new WebAssemblyHost.Module(other), { host: { memory } })).not.toThrow();
    }
  });
});
