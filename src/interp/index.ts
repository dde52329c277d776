// The public face of the interpreter.

export { createInterpreter } from './engine.ts';
export { generateInterpreter } from './generate.ts';
export type { EngineOptions } from './options.ts';
export { Prebuilt } from './prebuilt.ts';
export { createReference } from './reference.ts';
