// What regions read from linear memory because code that makes it would be longer: vectors, and tables of checksums.

import { CRC_TABLE_SIZE, CRC_TABLES, type CrcName, crcTables } from '../cpu/crc32.ts';
import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { Area } from './area.ts';

/** Bytes of all vectors: what comes when this is full stays in the code. */
const VECTORS_SIZE = FRAME_SIZE;
const VECTOR = 16;

export interface Constants {
  /** Address of the first of CRC_TABLES tables of a checksum. */
  crcTables(name: CrcName): number;
  /** Address of a vector; undefined: there is no room. */
  vector(value: bigint): number | undefined;
}

/** Order of their tables. */
const CRCS: readonly CrcName[] = ['crc32', 'crc32c'];

/** Everything is put there when it is first asked for. */
export class ConstantMemory implements Constants {
  private readonly mem: PhysMem;
  private readonly firstTable: number;
  private readonly firstVector: number;
  private readonly tables = new Set<CrcName>();
  private readonly vectors = new Map<bigint, number>();
  /** @param area see area.ts */
  constructor(mem: PhysMem, area: number) {
    this.mem = mem;
    this.firstTable = area + Area.tables;
    this.firstVector = area + Area.vectors;
  }
  /** What has been asked for, in that order. */
  get used(): { readonly vectors: readonly bigint[]; readonly tables: readonly CrcName[] } {
    return { vectors: [...this.vectors.keys()], tables: [...this.tables] };
  }
  crcTables(name: CrcName): number {
    const at = this.firstTable + CRCS.indexOf(name) * CRC_TABLES * CRC_TABLE_SIZE;
    if (!this.tables.has(name)) {
      this.mem.u32.set(crcTables(name), at >>> 2);
      this.tables.add(name);
    }
    return at;
  }
  vector(value: bigint): number | undefined {
    const known = this.vectors.get(value);
    const used = this.vectors.size * VECTOR;
    if (known !== undefined || used === VECTORS_SIZE) return known;
    const at = this.firstVector + used;
    for (let i = 0; i < 4; i++) this.mem.u32[(at >>> 2) + i] = Number((value >> BigInt(32 * i)) & 0xffff_ffffn);
    this.vectors.set(value, at);
    return at;
  }
}
