// A bytecode interpreter with computed goto: an indirect branch every few instructions.
#include "kernel.h"

static const u8 program[] = {0, 200, 0, 1, 4, 3, 0, 3, 1, 2, 0, 7, 1, 0, 5, 2, 6, 5, 4, 7};
u64 run(void) {
  static void *const go[] = {&&push, &&add, &&sub, &&dup, &&swap, &&jnz, &&dec, &&halt};
  u64 sum = 0;
  for (int round = 0; round < 1000; round++) {
    long stack[64], *sp = stack;
    long counter = 200;
    const u8 *pc = program;
    goto *go[*pc++];
  push: *sp++ = *pc++; goto *go[*pc++];
  add: sp--; sp[-1] += sp[0]; goto *go[*pc++];
  sub: sp--; sp[-1] = sp[0] - sp[-1]; goto *go[*pc++];
  dup: sp[0] = sp[-1]; sp++; goto *go[*pc++];
  swap: { long t = sp[-1]; sp[-1] = sp[-2]; sp[-2] = t; } goto *go[*pc++];
  dec: counter--; goto *go[*pc++];
  jnz: if (counter) pc = program + *pc, sp = stack + 2; else pc++; goto *go[*pc++];
  halt: sum += sp[-1];
  }
  return sum;
}
