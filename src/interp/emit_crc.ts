// CRC32 instructions in line: one step for each byte, all of whose tables stand in linear memory.

import { CRC_TABLE_SIZE, type CrcName } from '../cpu/crc32.ts';
import { constantOf } from '../ir/builder.ts';
import type { NodeOf } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import type { Emitter } from './emit.ts';

export const isCrc = (name: string): name is CrcName => name === 'crc32' || name === 'crc32c';

/**
 * Leaves the result on the stack.
 * @param tables address of the first of CRC_TABLES tables, or of that less what a local holds
 */
export function emitCrc(e: Emitter, n: NodeOf<'helper'>, tables: number, base?: number): void {
  const { code, f } = e;
  const [crc, data, size] = n.args as [NodeOf<'get.i32'>, NodeOf<'get.i32'>, NodeOf<'const.i32'>];
  const bytes = Number(constantOf(size)) / 8;
  const before = e.inLocal(crc);
  const mixed = f.temp('i32');
  code.get(before);
  e.value(data);
  code.op('i32.xor').set(mixed);
  // A byte that others follow goes through as many zeros: there is a table for each distance.
  const step = (byte: number): Code => {
    code.get(mixed);
    if (byte > 0) code.i32(8 * byte).op('i32.shr_u');
    if (byte < 3) code.i32(255).op('i32.and');
    code.i32(2).op('i32.shl');
    if (base !== undefined) code.get(base).op('i32.add');
    return code.mem('i32.load', tables + (bytes - 1 - byte) * CRC_TABLE_SIZE);
  };
  step(0);
  for (let byte = 1; byte < bytes; byte++) step(byte).op('i32.xor');
  if (bytes < 4)
    code
      .get(before)
      .i32(8 * bytes)
      .op('i32.shr_u')
      .op('i32.xor');
}
