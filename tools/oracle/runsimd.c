/*
 * Executes single instructions on vector registers, X0..X3 and 128 bytes of memory; see record-simd.mjs.
 * Input: items; output: the same with what the instruction made of them.
 * Build: aarch64-linux-gnu-gcc -O1 -static -o runsimd runsimd.c
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct item {
	uint32_t insn; /* out: the signal it raised, or 0 */
	uint32_t fpsr;
	uint64_t x[4];
	uint64_t v[64];
	uint8_t memory[128];
};
#define MEMORY ((uint8_t *)0x200000000)

void run(struct item *item, const uint32_t *code);
__asm__(".text\n.global run\n"
	"run: stp x29, x30, [sp, #-112]!\n stp x19, x20, [sp, #16]\n"
	" stp d8, d9, [sp, #32]\n stp d10, d11, [sp, #48]\n stp d12, d13, [sp, #64]\n stp d14, d15, [sp, #80]\n"
	" mov x19, x0\n mov x20, x1\n msr fpcr, xzr\n msr fpsr, xzr\n add x9, x19, #40\n"
	" ld1 {v0.2d-v3.2d}, [x9], #64\n ld1 {v4.2d-v7.2d}, [x9], #64\n"
	" ld1 {v8.2d-v11.2d}, [x9], #64\n ld1 {v12.2d-v15.2d}, [x9], #64\n"
	" ld1 {v16.2d-v19.2d}, [x9], #64\n ld1 {v20.2d-v23.2d}, [x9], #64\n"
	" ld1 {v24.2d-v27.2d}, [x9], #64\n ld1 {v28.2d-v31.2d}, [x9], #64\n"
	" ldp x0, x1, [x19, #8]\n ldp x2, x3, [x19, #24]\n"
	" blr x20\n"
	" stp x0, x1, [x19, #8]\n stp x2, x3, [x19, #24]\n add x9, x19, #40\n"
	" st1 {v0.2d-v3.2d}, [x9], #64\n st1 {v4.2d-v7.2d}, [x9], #64\n"
	" st1 {v8.2d-v11.2d}, [x9], #64\n st1 {v12.2d-v15.2d}, [x9], #64\n"
	" st1 {v16.2d-v19.2d}, [x9], #64\n st1 {v20.2d-v23.2d}, [x9], #64\n"
	" st1 {v24.2d-v27.2d}, [x9], #64\n st1 {v28.2d-v31.2d}, [x9], #64\n"
	" mrs x9, fpsr\n str w9, [x19, #4]\n"
	" ldp d8, d9, [sp, #32]\n ldp d10, d11, [sp, #48]\n ldp d12, d13, [sp, #64]\n ldp d14, d15, [sp, #80]\n"
	" ldp x19, x20, [sp, #16]\n ldp x29, x30, [sp], #112\n ret\n");

static sigjmp_buf back;
static void on_signal(int number)
{
	siglongjmp(back, number);
}

static size_t transfer(int write_out, void *at, size_t size)
{
	size_t done = 0;
	while (done < size) {
		char *p = (char *)at + done;
		ssize_t n = write_out ? write(1, p, size - done) : read(0, p, size - done);
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

int main(void)
{
	static struct item item;
	uint32_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mmap(MEMORY, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MEMORY)
		return 2;
	signal(SIGILL, on_signal);
	signal(SIGSEGV, on_signal);
	signal(SIGBUS, on_signal);
	while (transfer(0, &item, sizeof item) == sizeof item) {
		if (code[0] != item.insn) {
			code[0] = item.insn;
			code[1] = 0xd65f03c0; /* ret */
			__builtin___clear_cache((char *)code, (char *)(code + 2));
		}
		memcpy(MEMORY, item.memory, sizeof item.memory);
		int number = sigsetjmp(back, 1);
		if (number == 0)
			run(&item, code);
		item.insn = number;
		memcpy(item.memory, MEMORY, sizeof item.memory);
		if (transfer(1, &item, sizeof item) != sizeof item)
			return 1;
	}
	return 0;
}
