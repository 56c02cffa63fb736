/* SPDX-License-Identifier: MIT */
/*
 * How a read is seen.  The first fault of an instruction makes it the current
 * one: it is decoded, the page is opened, the trap flag is set.  It faults
 * again for each further page; then it runs, and traps, and what was opened is
 * closed.  Repeated string instructions trap after each turn.
 *
 * The processor says which pages an instruction touches, so the decoder is
 * checked by it: the pages that faulted must be the pages of the operands.
 */
#include "tests/trace/trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "tests/trace/insn.h"

#define ACCESS_MAX 262144u
#define PAGES_MAX 64u /* a bit each */
#define RANGES_MAX 2u

static struct {
	uint8_t *base;
	size_t size, page;
	volatile bool active;
	/* the current instruction */
	volatile bool stepping;
	uintptr_t ip;
	struct insn_operand ops[INSN_OPERANDS];
	int n_ops;
	uint64_t opened; /* pages, as bits */
	bool write;
	/* the run */
	struct trace_access *list;
	unsigned int n;
	char trouble[160];
} t;

const char *trace_unavailable(void)
{
#if !defined(__x86_64__)
	return "it steps and decodes x86-64 instructions, and this is another "
	       "processor";
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return "a sanitizer handles the signals and adds reads of its own";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return "a sanitizer handles the signals and adds reads of its own";
#else
	return NULL;
#endif
#else
	return NULL;
#endif
}

static void trouble(const char *what, uintptr_t ip)
{
	const uint8_t *b = (const uint8_t *)ip;

	if (t.trouble[0])
		return;
	snprintf(t.trouble, sizeof(t.trouble),
		 "%s: instruction %02x %02x %02x %02x %02x %02x %02x %02x",
		 what, b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
}

#if defined(__x86_64__)

#define TRAP_FLAG 0x100
#define FAULT_IS_WRITE 2

static uint64_t pages_of(const struct insn_operand *o)
{
	uintptr_t from = o->addr - (uintptr_t)t.base;
	uint64_t bits = 0;

	for (uintptr_t p = from / t.page; p <= (from + o->len - 1) / t.page;
	     p++)
		if (p < t.size / t.page)
			bits |= UINT64_C(1) << p;
	return bits;
}

static bool in_window(uintptr_t addr)
{
	return addr - (uintptr_t)t.base < t.size;
}

static void protect(uint64_t pages, int prot)
{
	for (unsigned int p = 0; pages; pages >>= 1, p++)
		if ((pages & 1) &&
		    mprotect(t.base + p * t.page, t.page, prot) < 0)
			_exit(99);
}

static void begin_step(const ucontext_t *uc)
{
	t.stepping = true;
	t.ip = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
	t.opened = 0;
	t.write = false;
	t.n_ops = insn_operands(uc, t.ops);
	if (t.n_ops < 0)
		trouble("not decoded", t.ip);
}

static void record(void)
{
	for (int i = 0; i < t.n_ops; i++) {
		const struct insn_operand *o = &t.ops[i];

		if (!in_window(o->addr) && !in_window(o->addr + o->len - 1))
			continue;
		if (t.n == ACCESS_MAX) {
			trouble("too many reads", t.ip);
			return;
		}
		t.list[t.n++] = (struct trace_access){
			.ip = t.ip,
			.off = o->addr - (uintptr_t)t.base,
			.len = o->len,
			.write = t.write,
		};
	}
}

static void end_step(void)
{
	uint64_t expected = 0;

	for (int i = 0; i < t.n_ops; i++)
		expected |= pages_of(&t.ops[i]);
	if (t.n_ops > 0 && expected != t.opened)
		trouble("decoded wrongly, by the pages it touched", t.ip);
	record();
	protect(t.opened, PROT_NONE);
	t.stepping = false;
}

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;
	uintptr_t addr = (uintptr_t)si->si_addr;
	uint64_t page;

	if (!t.active || !in_window(addr)) {
		signal(sig, SIG_DFL); /* a fault like any other */
		return;
	}
	if (!t.stepping)
		begin_step(uc);
	page = UINT64_C(1) << (addr - (uintptr_t)t.base) / t.page;
	if (uc->uc_mcontext.gregs[REG_ERR] & FAULT_IS_WRITE)
		t.write = true;
	protect(page, t.write ? PROT_READ | PROT_WRITE : PROT_READ);
	t.opened |= page;
	uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_trap(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)si;
	if (!t.stepping) {
		signal(sig, SIG_DFL);
		return;
	}
	end_step();
	uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };

	sigemptyset(&sa.sa_mask);
	sa.sa_sigaction = fn;
	if (sigaction(sig, &sa, NULL) < 0)
		check_bail("sigaction: %s", strerror(errno));
}

static void install(void)
{
	handle(SIGSEGV, on_fault);
	handle(SIGTRAP, on_trap);
}

#else

static void install(void)
{
	trouble("no tracing here", (uintptr_t)t.base);
}

#endif

void trace_init(void *base, size_t size)
{
	t.page = (size_t)sysconf(_SC_PAGESIZE);
	if (size % t.page || size / t.page > PAGES_MAX)
		check_bail("a window of %zu bytes", size);
	if (!t.list)
		t.list = calloc(ACCESS_MAX, sizeof(*t.list));
	if (!base)
		base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!t.list || base == MAP_FAILED)
		check_bail("no memory: %s", strerror(errno));
	t.base = base;
	t.size = size;
	install();
}

uint8_t *trace_base(void)
{
	return t.base;
}

void trace_start(void)
{
	t.n = 0;
	t.trouble[0] = '\0';
	if (mprotect(t.base, t.size, PROT_NONE) < 0)
		check_bail("mprotect: %s", strerror(errno));
	t.active = true;
}

const char *trace_stop(void)
{
	t.active = false;
	/* Memory that another process writes stays read-only. */
	if (mprotect(t.base, t.size, PROT_READ | PROT_WRITE) < 0 &&
	    mprotect(t.base, t.size, PROT_READ) < 0)
		check_bail("mprotect: %s", strerror(errno));
	return t.trouble[0] ? t.trouble : NULL;
}

unsigned int trace_count(void)
{
	return t.n;
}

const struct trace_access *trace_at(unsigned int i)
{
	return &t.list[i];
}

/* ------------------------------------------------------------------ judge */

static const char *where(uintptr_t ip)
{
	static char text[96];
	const char *name;
	Dl_info info;

	if (!dladdr((void *)ip, &info) || !info.dli_fname)
		return "?";
	name = strrchr(info.dli_fname, '/');
	snprintf(text, sizeof(text), "%s+0x%zx",
		 name ? name + 1 : info.dli_fname,
		 (size_t)(ip - (uintptr_t)info.dli_fbase));
	return text;
}

static const struct trace_range *range_of(const struct trace_access *a,
					  const struct trace_range *r,
					  unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (a->off >= r[i].off && a->len <= r[i].len &&
		    a->off - r[i].off <= r[i].len - a->len)
			return &r[i];
	return NULL;
}

static bool may_be_often(const struct trace_range *r, size_t at, size_t len)
{
	return at >= r->often && at + len <= r->often + r->n_often;
}

static uint8_t *counts; /* reads per byte of the window */

/* Return: what is wrong with this access, or NULL. */
static const char *judge_one(const struct trace_access *a,
			     const struct trace_range *r, size_t *next,
			     char *text, size_t size)
{
	size_t at;

	if (!r) {
		snprintf(text, size, "reads outside its input (%s)",
			 where(a->ip));
		return text;
	}
	at = a->off - r->off;
	if (a->write) {
		snprintf(text, size, "writes byte %zu of %zu of its input (%s)",
			 at, r->len, where(a->ip));
		return text;
	}
	if (may_be_often(r, at, a->len))
		return NULL;
	for (size_t i = at; i < at + a->len; i++) {
		if (may_be_often(r, i, 1) || ++counts[r->off + i] == 1)
			continue;
		snprintf(text, size, "reads byte %zu of %zu twice (%s)", i,
			 r->len, where(a->ip));
		return text;
	}
	if (at < *next && !r->any_order) {
		snprintf(text, size, "goes back from byte %zu to byte %zu of "
			 "%zu (%s)", *next, at, r->len, where(a->ip));
		return text;
	}
	*next = at + a->len;
	return NULL;
}

const char *trace_judge(const struct trace_range *ranges, unsigned int n,
			bool *touched)
{
	size_t next[RANGES_MAX] = { 0 };
	static char text[192];

	if (n > RANGES_MAX)
		check_bail("%u ranges", n);
	counts = realloc(counts, t.size);
	if (!counts)
		check_bail("no memory");
	memset(counts, 0, t.size);
	*touched = t.n > 0;
	for (unsigned int i = 0; i < t.n; i++) {
		const struct trace_range *r = range_of(&t.list[i], ranges, n);
		const char *wrong =
			judge_one(&t.list[i], r, r ? &next[r - ranges] : NULL,
				  text, sizeof(text));

		if (wrong)
			return wrong;
	}
	for (unsigned int i = 0; i < n; i++) {
		for (size_t k = 0; k < ranges[i].len; k++) {
			if (counts[ranges[i].off + k] ||
			    may_be_often(&ranges[i], k, 1))
				continue;
			snprintf(text, sizeof(text), "does not read byte %zu "
				 "of %zu", k, ranges[i].len);
			return text;
		}
	}
	return NULL;
}
