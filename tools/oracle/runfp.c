/*
 * Executes one floating-point instruction over many operands and reports result and flags; see record-fp.mjs.
 * Input: blocks of { u32 instruction, u32 FPCR, u32 count, u32 0, u64 FPMR } and count times V0..V3 (64 bytes; X1 is
 * V1<63:0>). A CPU without FPMR takes blocks with FPMR zero.
 * Output, per item: V0 (16 bytes), X0, u32 FPSR, u32 NZCV.
 * Build: aarch64-linux-gnu-gcc -O2 -static -o runfp runfp.c
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct block {
	uint32_t insn, fpcr, count, zero;
	uint64_t fpmr;
};
struct item {
	uint64_t v[8];
};
struct answer {
	uint64_t v0[2], x0;
	uint32_t fpsr, nzcv;
};
typedef void routine(const struct item *, struct answer *, uint64_t fpcr, uint64_t count);

/* The loop around the instruction; its place is marked by a nop. */
extern const uint32_t loop_start[], loop_insn[], loop_end[];
__asm__(".text\n.global loop_start, loop_insn, loop_end\n"
	"loop_start: mrs x13, fpcr\n msr fpcr, x2\n mov x9, x0\n mov x10, x1\n mov x12, x3\n"
	"1: cbz x12, 2f\n ldp q0, q1, [x9], #32\n ldp q2, q3, [x9], #32\n"
	" fmov x1, d1\n mov x0, xzr\n msr fpsr, xzr\n msr nzcv, xzr\n"
	"loop_insn: nop\n"
	" mrs x14, fpsr\n mrs x15, nzcv\n str q0, [x10], #16\n str x0, [x10], #8\n stp w14, w15, [x10], #8\n"
	" sub x12, x12, #1\n b 1b\n"
	"2: msr fpcr, x13\n ret\n"
	"loop_end:\n");

static void write_fpmr(uint64_t value)
{
	static uint64_t now;

	if (value != now)
		__asm__ volatile("msr s3_3_c4_c4_2, %0" ::"r"(value));
	now = value;
}

static int read_all(void *to, size_t size)
{
	for (char *p = to; size;) {
		ssize_t n = read(0, p, size);
		if (n <= 0)
			return 0;
		p += n;
		size -= n;
	}
	return 1;
}

static int write_all(const void *from, size_t size)
{
	for (const char *p = from; size;) {
		ssize_t n = write(1, p, size);
		if (n <= 0)
			return 0;
		p += n;
		size -= n;
	}
	return 1;
}

int main(void)
{
	static struct item items[1024];
	static struct answer answers[1024];
	size_t words = loop_end - loop_start, capacity = 1 << 16, used = 0;
	uint32_t *code = mmap(0, capacity * 4, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	routine *run = 0;
	struct block b, last = { 0 };

	if (code == MAP_FAILED)
		return 2;
	while (read_all(&b, sizeof(b))) {
		if (!run || b.insn != last.insn) {
			if (used + words > capacity)
				used = 0;
			uint32_t *at = code + used;
			memcpy(at, loop_start, words * 4);
			at[loop_insn - loop_start] = b.insn;
			__builtin___clear_cache((char *)at, (char *)(at + words));
			run = (routine *)at;
			used += words;
			last = b;
		}
		write_fpmr(b.fpmr);
		while (b.count) {
			uint32_t n = b.count < 1024 ? b.count : 1024;
			if (!read_all(items, n * sizeof(items[0])))
				return 4;
			run(items, answers, b.fpcr, n);
			if (!write_all(answers, n * sizeof(answers[0])))
				return 3;
			b.count -= n;
		}
	}
	return 0;
}
