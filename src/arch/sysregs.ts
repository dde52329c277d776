// temporary
import { ID_REGS } from './id_regs.ts';
import type { IdReg } from './schema.ts';

export { enc, encParts } from './schema.ts';
export const REGISTERS: ReadonlyMap<string, IdReg> = new Map(Object.entries(ID_REGS));
export const SYSTEM_OPS: ReadonlyMap<string, IdReg> = new Map();
