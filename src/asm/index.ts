// The assembler and disassembler as a library: `import { assemble, disassemble } from 'hypatia/asm'`.

export { assembleLine, type DisassembleOptions, disassemble } from './a64.ts';
export { writeElf } from './elf.ts';
export { AsmError, assembleProgram, type Program, type Section } from './program.ts';
