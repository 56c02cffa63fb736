/* SPDX-License-Identifier: MIT */
/*
 * Each reads its input in one way, once, twice or otherwise.  The loads are
 * written as instructions, so that the compiler can neither join nor leave out
 * any.
 */
#include "tests/trace/planted.h"

#if defined(__x86_64__)

typedef const uint8_t *at;

static enum ukcf_status done(struct ukcf_job *job)
{
	job->res = 0;
	return UKCF_DONE;
}

static inline void load1(at p)
{
	uint32_t v;

	__asm__ volatile("movzbl (%1), %0" : "=r"(v) : "r"(p) : "memory");
}

/* Whole steps by one instruction, the rest bytewise. */
#define FORWARD(name, step, instruction, ...)                                 \
	static enum ukcf_status name(struct ukcf_instance *self,              \
				     struct ukcf_job *job)                    \
	{                                                                     \
		at p = job->in.data, end = p + job->in.len;                   \
		(void)self;                                                   \
		for (; end - p >= (step); p += (step))                        \
			__asm__ volatile(instruction                          \
					 :                                    \
					 : "r"(p), "r"(p + 64)                \
					 : "memory", __VA_ARGS__);            \
		for (; p < end; p++)                                          \
			load1(p);                                             \
		return done(job);                                             \
	}

FORWARD(by_1, 1, "cmpb $0, (%0)", "cc")
FORWARD(by_2, 2, "movzwl -64(%1), %%eax", "eax")
FORWARD(by_4, 4, "movl (%0), %%r8d", "r8")
FORWARD(by_8, 8, "xor %%r9d, %%r9d; addq -64(%1,%%r9,4), %%rax", "rax", "r9",
	"cc")
FORWARD(by_8_movq, 8, "movq (%0), %%xmm1", "xmm1")
FORWARD(by_8_bswap, 8, "movq (%0), %%rax; bswap %%rax", "rax")
FORWARD(by_16, 16, "movdqu (%0), %%xmm9", "xmm9")
FORWARD(by_16_lo_hi, 16, "movlps (%0), %%xmm1; movhps 8(%0), %%xmm1", "xmm1")
FORWARD(by_lods, 8, "mov %0, %%rsi; lodsq", "rsi", "rax")
FORWARD(by_32, 32, "vmovdqu (%0), %%ymm8; vzeroupper", "xmm8")
FORWARD(by_32_split, 32,
	"vmovdqu -64(%1), %%xmm1; vinserti128 $1, 16(%0), %%ymm1, %%ymm1; "
	"vzeroupper", "xmm1")
FORWARD(by_64, 64, "vmovdqu64 -64(%1), %%zmm3; vzeroupper", "xmm3")

static enum ukcf_status by_rep(struct ukcf_instance *self, struct ukcf_job *job)
{
	uint8_t to[512], *d = to;
	at p = job->in.data;
	size_t n = job->in.len < sizeof(to) ? job->in.len : sizeof(to);

	(void)self;
	__asm__ volatile("rep movsb" : "+S"(p), "+D"(d), "+c"(n)::"memory");
	for (; p < job->in.data + job->in.len; p++)
		load1(p);
	return done(job);
}

/* The middle byte of the first 40 twice, however it is reached. */
#define TWICE(name, instruction, ...)                                         \
	static enum ukcf_status name(struct ukcf_instance *self,              \
				     struct ukcf_job *job)                    \
	{                                                                     \
		at p = job->in.data;                                          \
		by_1(self, job);                                              \
		if (job->in.len >= 40)                                        \
			__asm__ volatile(instruction                          \
					 :                                    \
					 : "r"(p + 20)                        \
					 : "memory", __VA_ARGS__);            \
		return done(job);                                             \
	}

TWICE(twice_byte, "movzbl (%0), %%eax", "eax")
TWICE(twice_simd, "movdqu -15(%0), %%xmm1", "xmm1")
TWICE(twice_string, "mov %0, %%rsi; lodsb", "rsi", "rax")

static enum ukcf_status twice_at_once(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	at p = job->in.data, end = p + job->in.len;

	(void)self;
	for (; end - p >= 24; p += 24) /* the second overlaps the first */
		__asm__ volatile("movdqu (%0), %%xmm1; movdqu 8(%0), %%xmm2"
				 :
				 : "r"(p)
				 : "memory", "xmm1", "xmm2");
	for (; p < end; p++)
		load1(p);
	return done(job);
}

static enum ukcf_status compare_with_itself(struct ukcf_instance *self,
					    struct ukcf_job *job)
{
	at a = job->in.data, b = a;
	size_t n = job->in.len;

	(void)self;
	if (n)
		__asm__ volatile("repe cmpsb"
				 : "+S"(a), "+D"(b), "+c"(n)::"memory", "cc");
	return done(job);
}

static enum ukcf_status backwards(struct ukcf_instance *self,
				  struct ukcf_job *job)
{
	(void)self;
	for (size_t i = job->in.len; i > 0; i--)
		load1(job->in.data + i - 1);
	return done(job);
}

static enum ukcf_status leaves_one_out(struct ukcf_instance *self,
				       struct ukcf_job *job)
{
	(void)self;
	for (size_t i = 0; i < job->in.len; i++)
		if (i != 20)
			load1(job->in.data + i);
	return done(job);
}

static enum ukcf_status reads_behind(struct ukcf_instance *self,
				     struct ukcf_job *job)
{
	by_1(self, job);
	if (job->in.len)
		load1(job->in.data + job->in.len);
	return done(job);
}

static enum ukcf_status writes(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	for (size_t i = 0; i < job->in.len; i++)
		__asm__ volatile("orb $0, (%0)"
				 :
				 : "r"(job->in.data + i)
				 : "memory", "cc");
	return done(job);
}

const struct planted planted[] = {
	{ "bytes", NULL, { .digest = by_1 } },
	{ "words of 2", NULL, { .digest = by_2 } },
	{ "words of 4", NULL, { .digest = by_4 } },
	{ "words of 8", NULL, { .digest = by_8 } },
	{ "words of 8, byte swapped", NULL, { .digest = by_8_bswap } },
	{ "words of 8 into a vector", NULL, { .digest = by_8_movq } },
	{ "vectors of 16", NULL, { .digest = by_16 } },
	{ "vectors of 16 in halves", NULL, { .digest = by_16_lo_hi } },
	{ "lodsq", NULL, { .digest = by_lods } },
	{ "rep movsb", NULL, { .digest = by_rep } },
	{ "a byte twice", "twice", { .digest = twice_byte } },
	{ "a byte twice, in a vector", "twice", { .digest = twice_simd } },
	{ "a byte twice, by lodsb", "twice", { .digest = twice_string } },
	{ "overlapping vectors", "twice", { .digest = twice_at_once } },
	{ "two operands of one instruction", "twice",
	  { .digest = compare_with_itself } },
	{ "backwards", "goes back", { .digest = backwards } },
	{ "all bytes but one", "does not read",
	  { .digest = leaves_one_out } },
	{ "a byte behind the input", "outside", { .digest = reads_behind } },
	{ "in order to write", "writes", { .digest = writes } },
	/* the processor must have these */
	{ "vectors of 32 (avx2)", NULL, { .digest = by_32 } },
	{ "vectors of 32 in halves (avx2)", NULL, { .digest = by_32_split } },
	{ "vectors of 64 (avx512f)", NULL, { .digest = by_64 } },
};

const unsigned int n_planted = sizeof(planted) / sizeof(planted[0]);

#else

const struct planted planted[] = { { "nothing", NULL, { 0 } } };
const unsigned int n_planted;

#endif
