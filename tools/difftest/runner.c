// The side of difftest that runs on the other CPU: one freestanding aarch64 program that executes blocks of
// instructions from given states and reports where each ended and what it left behind. Reads a job from stdin, writes
// results to stdout. It never calls a block: a block is entered by returning from a signal handler whose frame was
// filled with the wanted state, and it is left by whatever signal it raises (a BRK at its end, or a fault).
// The layout of Job, In and Out is known to qemu.mjs too. With -DSVE_VL=BYTES states have Z, P and FFR as well, of vectors of
// that length, which the process must have from its start.

typedef unsigned int u32;
typedef unsigned long u64;

enum { CODE_WORDS = 64, WINDOW_WORDS = 2048, PAGE = 4096 };
static const u64 CODE_BASE = 0x100000000ul;
static const u64 WINDOW_BASE = 0x200000000ul;

struct Job { u64 blocks, first; u64 window[WINDOW_WORDS]; };
#ifdef SVE_VL
enum { SVE_BYTES = 32 * SVE_VL + 17 * SVE_VL / 8, SVE_WORDS = (SVE_BYTES + 7) / 8 };
#define SVE_STATE , sve[SVE_WORDS]
#else
#define SVE_STATE
#endif
struct In { u64 x[31], sp, nzcv, fpcr, fpsr, fpmr, v[64] SVE_STATE; u32 code[CODE_WORDS]; };
struct Out { u64 signal, code, addr, pc, x[31], sp, nzcv, fpcr, fpsr, fpmr, v[64] SVE_STATE, changes; };
struct Change { u64 index, value; };

struct Siginfo { int signo, err, code, pad; u64 addr; };
struct Fpsimd { u32 magic, size, fpsr, fpcr; u64 v[64]; } __attribute__((aligned(16)));
struct Fpmr { u32 magic, size; u64 fpmr; };
struct Sve { u32 magic, size; unsigned short vl, flags, pad[2]; unsigned char regs[]; };
struct Extra { u32 magic, size; u64 data; };
struct Ucontext {
  u64 flags, link, stack[3], mask[16], pad;
  u64 fault, x[31], sp, pc, pstate;
  u64 pad2;
  unsigned char records[4096];
};
enum { FPSIMD_MAGIC = 0x46508001, FPMR_MAGIC = 0x46504d52, SVE_MAGIC = 0x53564501, EXTRA_MAGIC = 0x45585401 };

static u64 call(u64 n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  register u64 x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  register u64 x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
enum { READ = 63, WRITE = 64, EXIT = 93, SIGALTSTACK = 132, SIGACTION = 134, MMAP = 222, MPROTECT = 226 };

static void leave(int status) {
  for (;;) call(EXIT, status, 0, 0, 0, 0, 0);
}
static void *map(u64 at, u64 bytes, int prot) {
  u64 p = call(MMAP, at, bytes, prot, at ? 0x100022 : 0x22, -1, 0); // PRIVATE | ANONYMOUS (| FIXED_NOREPLACE)
  if (p > -4096ul || (at && p != at)) leave(3);
  return (void *)p;
}
static void readAll(void *to, u64 bytes) {
  for (u64 got = 0; got < bytes;) {
    u64 n = call(READ, 0, (u64)to + got, bytes - got, 0, 0, 0);
    if (n == 0 || n > -4096ul) leave(4);
    got += n;
  }
}
static void writeAll(const void *from, u64 bytes) {
  for (u64 done = 0; done < bytes;) {
    u64 n = call(WRITE, 1, (u64)from + done, bytes - done, 0, 0, 0);
    if (n == 0 || n > -4096ul) leave(5);
    done += n;
  }
}

static struct Job job;
static struct In *in;
static u64 next, running;
static struct Out out;
static struct Change changed[WINDOW_WORDS];
static unsigned char buffer[1 << 20];
static u64 used;

static void emit(const void *from, u64 bytes) {
  if (used + bytes > sizeof buffer) {
    writeAll(buffer, used);
    used = 0;
  }
  const u64 *s = from;
  u64 *d = (u64 *)(buffer + used);
  for (u64 i = 0; i < bytes / 8; i++) d[i] = s[i];
  used += bytes;
}

static void report(const struct Siginfo *info, const struct Ucontext *uc, const struct Fpsimd *fp, const struct Sve *sve, u64 fpmr) {
  (void)sve;
  out.signal = info->signo;
  out.code = info->code;
  out.addr = info->addr;
  out.pc = uc->pc;
  for (int i = 0; i < 31; i++) out.x[i] = uc->x[i];
  out.sp = uc->sp;
  out.nzcv = uc->pstate >> 28 & 15;
  out.fpcr = fp->fpcr;
  out.fpsr = fp->fpsr;
  out.fpmr = fpmr;
  for (int i = 0; i < 64; i++) out.v[i] = fp->v[i];
#ifdef SVE_VL
  for (int i = 0; i < SVE_BYTES; i++) ((unsigned char *)out.sve)[i] = sve->regs[i];
#endif
  u64 *window = (u64 *)WINDOW_BASE;
  out.changes = 0;
  for (int i = 0; i < WINDOW_WORDS; i++) {
    if (window[i] == job.window[i]) continue;
    changed[out.changes].index = i;
    changed[out.changes++].value = window[i];
    window[i] = job.window[i];
  }
  emit(&out, sizeof out);
  emit(changed, out.changes * sizeof *changed);
}

/** The record of the frame with that mark, if there is one. */
static void *recordFrom(void *first, u32 magic) {
  for (u32 *r = first;; r = (u32 *)((unsigned char *)r + r[1])) {
    if (r[0] == magic) return r;
    if (r[0] == 0) return 0;
  }
}
static void *record(struct Ucontext *uc, u32 magic) {
  void *found = recordFrom(uc->records, magic);
  struct Extra *extra = found ? 0 : recordFrom(uc->records, EXTRA_MAGIC);
  return extra ? recordFrom((void *)extra->data, magic) : found;
}

static void handler(int signo, struct Siginfo *info, struct Ucontext *uc) {
  (void)signo;
  struct Fpsimd *fp = record(uc, FPSIMD_MAGIC);
  if (!fp) leave(6);
  struct Sve *sve = 0;
#ifdef SVE_VL
  sve = record(uc, SVE_MAGIC);
  if (!sve || sve->vl != SVE_VL) leave(7);
#endif
  u64 fpmr;
  __asm__ volatile("mrs %0, s3_3_c4_c4_2" : "=r"(fpmr)); // signals leave it alone
  if (running) report(info, uc, fp, sve, fpmr);
  running = 1;
  if (next == job.blocks) {
    writeAll(buffer, used);
    leave(0);
  }
  const struct In *b = &in[next];
  for (int i = 0; i < 31; i++) uc->x[i] = b->x[i];
  uc->sp = b->sp;
  uc->pc = CODE_BASE + (job.first + next) * sizeof b->code;
  uc->pstate = b->nzcv << 28;
  fp->fpcr = b->fpcr;
  fp->fpsr = b->fpsr;
  struct Fpmr *mode = record(uc, FPMR_MAGIC);
  if (mode) mode->fpmr = b->fpmr;
  __asm__ volatile("msr s3_3_c4_c4_2, %0" ::"r"(b->fpmr));
  for (int i = 0; i < 64; i++) fp->v[i] = b->v[i];
#ifdef SVE_VL
  for (int i = 0; i < SVE_BYTES; i++) sve->regs[i] = ((const unsigned char *)b->sve)[i];
#endif
  // Restoring a frame does not tell the emulator's translator of FPCR.AH and NEP; writing the register does.
  __asm__ volatile("msr fpcr, %0" ::"r"(b->fpcr));
  next++;
}
__asm__("restorer: mov x8, #139\n svc #0");
extern char restorer[];

void run(void) {
  readAll(&job, sizeof job);
  u64 bytes = (job.blocks * sizeof *in + PAGE - 1) & -PAGE;
  in = map(0, bytes, 3);
  readAll(in, job.blocks * sizeof *in);
  u64 codeBytes = ((job.first + job.blocks) * sizeof in->code + PAGE - 1) & -PAGE;
  u32 *code = map(CODE_BASE, codeBytes, 3);
  code += job.first * CODE_WORDS;
  for (u64 b = 0; b < job.blocks; b++)
    for (int i = 0; i < CODE_WORDS; i++) *code++ = in[b].code[i];
  call(MPROTECT, CODE_BASE, codeBytes, 5, 0, 0, 0);
  u64 *window = map(WINDOW_BASE, sizeof job.window, 3);
  for (int i = 0; i < WINDOW_WORDS; i++) window[i] = job.window[i];
  u64 stack[3] = {(u64)map(0, 1 << 16, 3), 0, 1 << 16};
  call(SIGALTSTACK, (u64)stack, 0, 0, 0, 0, 0);
  u64 action[4] = {(u64)handler, 4 | 0x04000000 | 0x08000000, (u64)restorer, 0}; // SIGINFO, RESTORER, ONSTACK
  static const int signals[] = {4, 5, 7, 8, 11};
  for (int i = 0; i < 5; i++) call(SIGACTION, signals[i], (u64)action, 0, 8, 0, 0);
  __asm__ volatile("brk #1");
}
__asm__(".global _start\n_start: mov x29, xzr\n bl run\n brk #2");
