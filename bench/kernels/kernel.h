// What a benchmark kernel sees: run() is called several times and returns a checksum that every engine must agree on.
#pragma once
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned char u8;
typedef long long s64;

/** One repetition. The checksum may not depend on earlier repetitions. */
u64 run(void);

// What the platform offers (platform/*.c): the same work by the means of a process, or of a kernel on the bare machine.
/** The cheapest call into the system: a system call, or an SVC taken and returned from. @returns a number */
u64 sys_nop(void);
/** Executes an undefined instruction that a handler steps over. */
void fault_once(void);
/** `pages` fresh zeroed pages of 4 KiB. */
u8 *pages_map(u64 pages);
void pages_protect(u8 *at, u64 pages, int writable);
void pages_unmap(u8 *at, u64 pages);

static u32 seed;
static inline u32 rnd(void) { return seed = seed * 1664525u + 1013904223u; }
