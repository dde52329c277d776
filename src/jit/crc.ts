// CRC32 instructions in regions: one step for each byte, all of whose tables stand in linear memory.

import type { Emitter } from '../interp/emit.ts';
import { constantOf } from '../ir/builder.ts';
import type { NodeOf } from '../ir/ops.ts';
import type { Code } from '../wasm/builder.ts';
import { TABLE_SIZE } from './constants.ts';

/** @param tables address of the first of CRC_TABLES tables. Leaves the result on the stack. */
export function emitCrc(e: Emitter, n: NodeOf<'helper'>, tables: number): void {
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
    return code
      .i32(2)
      .op('i32.shl')
      .mem('i32.load', tables + (bytes - 1 - byte) * TABLE_SIZE);
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
