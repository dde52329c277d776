// SHA-256 and ChaCha20 in plain C, CRC-32 by the CRC instructions where the machine has them.
#include "kernel.h"

static const u32 K[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
  0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
  0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
  0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static u8 buffer[1 << 16];
static u32 rotr(u32 v, int n) { return v >> n | v << (32 - n); }
static void sha_block(u32 *h, const u8 *p) {
  u32 w[64], s[8];
  for (int i = 0; i < 16; i++) w[i] = p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    u32 a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (rotr(a, 7) ^ rotr(a, 18) ^ a >> 3) + (rotr(b, 17) ^ rotr(b, 19) ^ b >> 10);
  }
  for (int i = 0; i < 8; i++) s[i] = h[i];
  for (int i = 0; i < 64; i++) {
    u32 e = s[4], a = s[0];
    u32 t1 = s[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + K[i] + w[i];
    u32 t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    for (int k = 7; k > 0; k--) s[k] = s[k - 1];
    s[4] += t1;
    s[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) h[i] += s[i];
}
static u32 chacha(u32 counter) {
  u32 in[16], x[16], sum = 0;
  for (int i = 0; i < 16; i++) in[i] = x[i] = K[i];
  in[12] = x[12] = counter;
#define QR(a, b, c, d) \
  x[a] += x[b], x[d] = rotr(x[d] ^ x[a], 16), x[c] += x[d], x[b] = rotr(x[b] ^ x[c], 20), \
  x[a] += x[b], x[d] = rotr(x[d] ^ x[a], 24), x[c] += x[d], x[b] = rotr(x[b] ^ x[c], 25)
  for (int i = 0; i < 10; i++) {
    QR(0, 4, 8, 12), QR(1, 5, 9, 13), QR(2, 6, 10, 14), QR(3, 7, 11, 15);
    QR(0, 5, 10, 15), QR(1, 6, 11, 12), QR(2, 7, 8, 13), QR(3, 4, 9, 14);
  }
  for (int i = 0; i < 16; i++) sum = sum * 31 + x[i] + in[i];
  return sum;
}
#ifdef __ARM_FEATURE_CRC32
static u32 crc(u32 c, u8 d) { __asm__("crc32b %w0, %w0, %w1" : "+r"(c) : "r"(d)); return c; }
#else
static u32 table[256];
static u32 crc(u32 c, u8 d) {
  if (!table[1])
    for (u32 i = 0; i < 256; i++) {
      u32 v = i;
      for (int k = 0; k < 8; k++) v = v >> 1 ^ (v & 1 ? 0xedb88320u : 0);
      table[i] = v;
    }
  return c >> 8 ^ table[(c ^ d) & 255];
}
#endif
u64 run(void) {
  u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  seed = 12345;
  for (u32 i = 0; i < sizeof buffer; i++) buffer[i] = rnd() >> 24;
  for (int round = 0; round < 16; round++)
    for (u32 i = 0; i < sizeof buffer; i += 64) sha_block(h, buffer + i);
  u32 c = ~0u, s = 0;
  for (int round = 0; round < 80; round++)
    for (u32 i = 0; i < sizeof buffer; i++) c = crc(c, buffer[i]);
  for (u32 i = 0; i < 40000; i++) s += chacha(i);
  return ((u64)(h[0] ^ h[7]) << 32 | c) + s;
}
