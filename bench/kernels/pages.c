// Page tables: pages come, are touched, lose and regain their permission to be written, and go.
#include "kernel.h"

u64 run(void) {
  u64 sum = 0;
  for (int i = 0; i < 600; i++) {
    u8 *p = pages_map(64);
    for (int k = 0; k < 64; k++) p[k * 4096 + i % 4096] = k + i;
    pages_protect(p, 64, 0);
    for (int k = 0; k < 64; k++) sum = sum * 3 + p[k * 4096 + i % 4096];
    pages_protect(p, 64, 1);
    for (int k = 0; k < 64; k += 3) p[k * 4096]++;
    pages_unmap(p, 64);
  }
  return sum;
}
