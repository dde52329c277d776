// What regions read from linear memory because code that makes it would be longer: vectors, and tables of checksums.

import { type CrcName, crcTablesIn } from '../cpu/crc32.ts';
import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';

/** Bytes of all vectors: what comes when this is full stays in the code. */
const VECTORS_SIZE = FRAME_SIZE;
const VECTOR = 16;

export interface Constants {
  /** Address of the first of CRC_TABLES tables of a checksum. */
  crcTables(name: CrcName): number;
  /** Address of a vector; undefined: there is no room. */
  vector(value: bigint): number | undefined;
}

/** Everything is put there when it is first asked for. */
export class ConstantMemory implements Constants {
  private readonly mem: PhysMem;
  private readonly vectors = new Map<bigint, number>();
  private firstVector = 0;
  constructor(mem: PhysMem) {
    this.mem = mem;
  }
  crcTables(name: CrcName): number {
    return crcTablesIn(this.mem, name);
  }
  vector(value: bigint): number | undefined {
    const known = this.vectors.get(value);
    const used = this.vectors.size * VECTOR;
    if (known !== undefined || used === VECTORS_SIZE) return known;
    this.firstVector ||= this.mem.allocFixed(VECTORS_SIZE);
    const at = this.firstVector + used;
    for (let i = 0; i < 4; i++) this.mem.u32[(at >>> 2) + i] = Number((value >> BigInt(32 * i)) & 0xffff_ffffn);
    this.vectors.set(value, at);
    return at;
  }
}
