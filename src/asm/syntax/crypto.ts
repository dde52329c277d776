// How the cryptographic instructions are written.

import { CRYPTO } from '../../arch/a64/crypto.ts';
import { form, type Shape, syntax } from '../form.ts';
import { imm } from '../operands.ts';
import { E, indexIn, S, V } from '../operands_simd.ts';

const aes: Shape = (m) => form`${m} ${V('Rd', '16b')}, ${V('Rn', '16b')}`;
const words3: Shape = (m) => form`${m} ${V('Rd', '4s')}, ${V('Rn', '4s')}, ${V('Rm', '4s')}`;
const words2: Shape = (m) => form`${m} ${V('Rd', '4s')}, ${V('Rn', '4s')}`;
const sha1: Shape = (m) => form`${m} ${S('Rd', 'q')}, ${S('Rn', 's')}, ${V('Rm', '4s')}`;
const hash: Shape = (m) => form`${m} ${S('Rd', 'q')}, ${S('Rn', 'q')}, ${V('Rm', '4s')}`;
const hash512: Shape = (m) => form`${m} ${S('Rd', 'q')}, ${S('Rn', 'q')}, ${V('Rm', '2d')}`;
const sm3tt: Shape = (m) => form`${m} ${V('Rd', '4s')}, ${V('Rn', '4s')}, ${E('Rm', 's', indexIn(['imm2', 2]))}`;
const bytes4: Shape = (m) => form`${m} ${V('Rd', '16b')}, ${V('Rn', '16b')}, ${V('Rm', '16b')}, ${V('Ra', '16b')}`;

export const CRYPTO_SYNTAX = syntax(CRYPTO, {
  AESE: aes,
  AESD: aes,
  AESMC: aes,
  AESIMC: aes,
  SHA1C: sha1,
  SHA1P: sha1,
  SHA1M: sha1,
  SHA1SU0: words3,
  SHA256H: hash,
  SHA256H2: hash,
  SHA256SU1: words3,
  SHA1H: form`sha1h ${S('Rd', 's')}, ${S('Rn', 's')}`,
  SHA1SU1: words2,
  SHA256SU0: words2,
  SHA512H: hash512,
  SHA512H2: hash512,
  SHA512SU1: (m) => form`${m} ${V('Rd', '2d')}, ${V('Rn', '2d')}, ${V('Rm', '2d')}`,
  RAX1: (m) => form`${m} ${V('Rd', '2d')}, ${V('Rn', '2d')}, ${V('Rm', '2d')}`,
  SHA512SU0: form`sha512su0 ${V('Rd', '2d')}, ${V('Rn', '2d')}`,
  EOR3: bytes4,
  BCAX: bytes4,
  XAR: form`xar ${V('Rd', '2d')}, ${V('Rn', '2d')}, ${V('Rm', '2d')}, ${imm('imm6', { bits: 6 })}`,
  SM3SS1: (m) => form`${m} ${V('Rd', '4s')}, ${V('Rn', '4s')}, ${V('Rm', '4s')}, ${V('Ra', '4s')}`,
  SM3TT1A: sm3tt,
  SM3TT1B: sm3tt,
  SM3TT2A: sm3tt,
  SM3TT2B: sm3tt,
  SM3PARTW1: words3,
  SM3PARTW2: words3,
  SM4EKEY: words3,
  SM4E: words2,
});
