// Text form of a block, for goldens and for eyes: one node a line, arms of `if` indented.

import { fpKey } from './fp_ops.ts';
import type { Block, Node } from './ops.ts';

function attrText(n: Node): string {
  switch (n.op) {
    case 'if':
      return '';
    case 'fp':
      return ` ${fpKey(n.attr)}`;
    case 'fpv':
      return ` ${fpKey(n.attr.fp)} x${n.attr.count}`;
    case 'helper':
      return ` ${n.attr.name}`;
    case 'helperV':
      return ` ${n.attr.name} ${n.attr.param}`;
    case 'i8x16.shuffle':
      return ` ${n.attr.join(',')}`;
    default: {
      const a: unknown = n.attr;
      if (a === undefined) return '';
      if (typeof a === 'bigint') return ` 0x${a.toString(16)}`;
      if (typeof a !== 'object') return ` ${String(a)}`;
      if ('operand' in a!) return ` $${String(a.operand)}`;
      return ` ${Object.entries(a!)
        .filter(([, v]) => v !== false && v !== undefined)
        .map(([k, v]) => (v === true ? k : k === 'slot' ? String(v) : `${k}=${String(v)}`))
        .join(' ')}`;
    }
  }
}

export function printBlock(block: Block, indent = ''): string {
  const lines: string[] = [];
  for (const n of block) {
    const args = n.args.map((a) => ` %${a.id}`).join('');
    const name = n.ty === 'void' ? '' : `%${n.id} = `;
    lines.push(`${indent}${name}${n.op}${attrText(n)}${args}`);
    if (n.op === 'if') {
      lines.push(printBlock(n.attr.yes, `${indent}  `));
      if (n.attr.no.length > 0) lines.push(`${indent}else`, printBlock(n.attr.no, `${indent}  `));
    }
  }
  return lines.filter((l) => l !== '').join('\n');
}
