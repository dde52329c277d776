// The public face of the interpreter.

export { createInterpreter, type EngineOptions } from './engine.ts';
export { Prebuilt } from './prebuilt.ts';
export { generateInterpreter } from './program.ts';
export { createReference } from './reference.ts';
