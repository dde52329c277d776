// A compiled region as text: its instructions, what each of them means, and the code that was made of them all.

import { printBlock } from '../ir/print.ts';
import { printModule } from '../wasm/wat.ts';
import type { Block, Edge, Graph } from './graph.ts';

export interface CompiledRegion {
  /** Address of the page that places are counted from. */
  readonly base: bigint;
  readonly graph: Graph;
  /** For each entry, how many instructions it may be to where the budget is looked at. */
  readonly limits: readonly number[];
  /** The module. */
  readonly bytes: Uint8Array;
  /** The word at a place of the region. */
  word(place: number): number;
}
/** Text of an instruction word at an address. */
export type Disassemble = (word: number, pc: bigint) => string;

/** @returns lines, the last one ended */
export function regionText(region: CompiledRegion, disassemble: Disassemble): string {
  const { base, graph, limits, bytes, word } = region;
  const address = (place: number): bigint => base + BigInt(place * 4);
  const at = (place: number): string => `0x${address(place).toString(16)}`;
  const edge = (e: Edge): string => at(e.to) + (graph.blocks.has(e.to) ? '' : ' (outside)');
  const entries = graph.entries.map((place, i) => `${at(place)} (${limits[i]})`).join(', ');
  const lines = [
    `region ${at(graph.entries[0]!)}: ${graph.size} instructions, ${bytes.length} bytes`,
    `entries (instructions to where the budget is looked at): ${entries}`,
  ];
  const writeBlock = (block: Block): void => {
    const { start, code, next, branch } = block;
    const ways = [branch && `branch ${edge(branch)}`, next && `next ${edge(next)}`].filter((x) => x !== undefined);
    lines.push('', `block ${at(start)}${ways.length > 0 ? `: ${ways.join(', ')}` : ''}`);
    code.forEach((one, i) => {
      const flow = one.flow === 'next' ? '' : `    ; ${one.flow}`;
      lines.push(`  ${at(start + i)}  ${disassemble(word(start + i), address(start + i))}${flow}`);
      const meaning = one.block();
      if (meaning.length > 0) lines.push(printBlock(meaning, '      '));
    });
  };
  for (const block of [...graph.blocks.values()].sort((a, b) => a.start - b.start)) writeBlock(block);
  lines.push('', printModule(bytes), '');
  return lines.join('\n');
}
