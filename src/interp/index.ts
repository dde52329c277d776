// The public face of the interpreter.

export { createInterpreter, type EngineOptions } from './engine.ts';
export { generateInterpreter } from './generate.ts';
export { Prebuilt } from './prebuilt.ts';
export { createReference } from './reference.ts';
