/* SPDX-License-Identifier: MIT */
/*
 * The word single_pass of every provider, tried: each declared operation runs
 * with its input on closed pages, and each byte of it must be read once, in
 * order.  What is not declared is reported, not judged, but for the planted
 * readers and the Ed25519 signature of libsodium, which must be found.
 *
 * An operation that reads no byte at all (the null provider's) has nothing
 * that could change under it.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "tests/trace/cases.h"
#include "tests/trace/planted.h"
#include "tests/trace/trace.h"

#define PAGE 4096u
/* a page that stays empty | aux | another | input | another */
#define AUX_AT PAGE
#define AUX_END (AUX_AT + 2 * PAGE)
#define IN_AT (AUX_END + PAGE)
#define IN_END (IN_AT + 6 * PAGE)
#define WINDOW (IN_END + PAGE)

_Static_assert(IN_END - IN_AT >= CASE_IN_MAX, "room for the longest input");

/* ------------------------------------------------------------ one run */

struct finding {
	char text[256]; /* "": nothing is wrong */
	bool touched;
	unsigned int runs;
	unsigned long reads;
};

static uint8_t expected[CASE_OUT_MAX], got[CASE_OUT_MAX];

/* The input begins at off, aux at aux_off.  False: something was found. */
static bool run(struct op_case *c, size_t off, size_t aux_off,
		struct finding *f)
{
	const struct trace_range ranges[] = {
		{ .off = off, .len = c->in_len },
		/* Once is what matters to who changes it meanwhile: libsodium
		 * reads four blocks of it in another order. */
		{ .off = aux_off, .len = c->aux_len, .any_order = true },
	};
	uint8_t *w = trace_base();
	const char *wrong, *trouble;
	int64_t want, res;
	bool touched;

	want = case_run(c, c->in, c->aux, expected);
	memcpy(w + off, c->in, c->in_len);
	memcpy(w + aux_off, c->aux, c->aux_len);
	trace_start();
	res = case_run(c, w + off, w + aux_off, got);
	trouble = trace_stop();
	f->runs++;
	f->reads += trace_count();
	wrong = trace_judge(ranges, 2, &touched);
	f->touched |= touched;
	if (trouble)
		wrong = trouble;
	else if (want < 0)
		wrong = "it fails";
	else if (res != want || (!case_is_random(c) &&
				 memcmp(got, expected, (size_t)want) != 0))
		wrong = "its result changes when it is traced";
	if (!wrong)
		return true;
	snprintf(f->text, sizeof(f->text), "%s; %zu bytes%s", wrong,
		 c->in_len, c->aux_len ? " with aux" : "");
	return false;
}

/* ------------------------------------------------- many sizes and places */

static const size_t borders[] = { 0,  1,  8,  15,  16,  17,	 31,  32, 33,
				  48, 63, 64,  65,  111, 112, 113, 127,
				  128, 129, 144, 191, 200 };
static const size_t longer[] = { 255,  256,  257,  384,  511,  512, 513,
				 1000, 1024, 1025, 2049, 4095, 4097, 16397 };
static const size_t aux_sizes[] = { 1, 8, 15, 16, 17, 31, 33, 64, 100, 127,
				    128, 129, 200, 300, 1031 };

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* An input that cannot be had (too short for its tag) is no finding. */
static bool at(struct op_case *c, size_t len, size_t aux, size_t off,
	       size_t aux_off, struct finding *f)
{
	if (!case_prepare(c, len, aux))
		return true;
	return run(c, off, aux_off, f);
}

/* Every length, ending where a page ends. */
static bool every_length(struct op_case *c, struct finding *f)
{
	size_t last = soaking() ? 1100 : 200;

	for (size_t len = 0; len <= last; len++)
		if (!at(c, len, 0, IN_END - len, AUX_AT, f))
			return false;
	return true;
}

/* A page border before every byte: the processor confirms what was decoded,
 * and the input has every alignment. */
static bool every_place(struct op_case *c, size_t longest, struct finding *f)
{
	for (size_t i = 0; i < N(borders); i++) {
		size_t len = borders[i];

		size_t step = len <= 65 || soaking() ? 1 : 7;

		if (len > longest || !case_prepare(c, len, 0))
			continue;
		for (size_t k = 0; k <= len; k += step)
			if (!run(c, IN_AT + PAGE - k, AUX_AT, f))
				return false;
	}
	return true;
}

static bool long_ones(struct op_case *c, struct finding *f)
{
	static const size_t shifts[] = { 1, 0, 8, 23 };

	for (size_t i = 0; i < N(longer); i++) {
		size_t n = soaking() ? N(shifts) : longer[i] > 2000 ? 1 : 2;

		if (!case_prepare(c, longer[i], 0))
			continue;
		for (size_t k = 0; k < n; k++)
			if (!run(c, IN_AT + shifts[k], AUX_AT, f))
				return false;
	}
	return true;
}

static bool with_aux(struct op_case *c, struct finding *f)
{
	size_t step = soaking() ? 1 : 3;

	if (!case_has_aux(c))
		return true;
	for (size_t a = 0; a < N(aux_sizes); a++) {
		size_t aux = aux_sizes[a];

		for (size_t i = 0; i < N(borders); i++)
			if (!at(c, borders[i], aux, IN_END - borders[i],
				AUX_END - aux, f))
				return false;
		for (size_t k = 0; k <= aux && k <= 200; k += step)
			if (!at(c, 33, aux, IN_AT, AUX_AT + PAGE - k, f))
				return false;
	}
	return at(c, 4097, 1031, IN_AT + 5, AUX_AT + 7, f);
}

/* Does another case have the same reader?  A template changes where the key
 * comes from only; a cut MAC is the whole one; who verifies a MAC makes it, and
 * a prehash is the same of both. */
static bool is_known_reader(const struct op_case *c)
{
	switch (c->row->id) {
	case UKCF_MECH_HMAC_SHA2_512_TRUNC_256:
		return true;
	case UKCF_MECH_HMAC_SHA2_512:
		return c->op == UKCF_OP_MAC_VERIFY;
	case UKCF_MECH_ED25519PH:
		return c->op == UKCF_OP_VERIFY;
	default:
		return c->tmpl;
	}
}

static bool all_ways(struct op_case *c, struct finding *f)
{
	if (c->op == UKCF_OP_DERIVE && c->row->out_len) { /* one size */
		for (size_t k = 0; k <= c->row->out_len; k++)
			if (!at(c, c->row->out_len, 0, IN_AT + PAGE - k,
				AUX_AT, f))
				return false;
		return true;
	}
	if (is_known_reader(c) && !soaking())
		return every_place(c, 65, f) && long_ones(c, f);
	return every_length(c, f) && every_place(c, 200, f) && long_ones(c, f) &&
	       with_aux(c, f);
}

/* -------------------------------------------------------------- providers */

static bool signature_found; /* the reader that is known to read twice */

/* Operations with an input, and those of them that were never seen to read it:
 * then the trace says nothing of them. */
static struct coverage {
	const char *provider;
	unsigned int ops, unread;
	char first[96]; /* of those unread */
} real = { .provider = "sodium" }, idle = { .provider = "null" };

static void cover(struct coverage *v, const struct op_case *c,
		  const struct finding *f)
{
	if (strcmp(c->provider, v->provider) != 0)
		return;
	v->ops++;
	if (f->touched || v->unread++)
		return;
	snprintf(v->first, sizeof(v->first), ": %s %s", c->row->name,
		 mech_op_name(c->op));
}

static bool judge(struct op_case *c)
{
	bool declared = c->op < 32 && (c->offer->single_pass >> c->op & 1);
	struct finding f = { 0 };
	char name[128];
	bool ok = all_ways(c, &f);

	snprintf(name, sizeof(name), "%s %s %s%s", c->provider, c->row->name,
		 mech_op_name(c->op), c->tmpl ? " (template)" : "");
	if (ok && f.touched)
		snprintf(f.text, sizeof(f.text), "single-pass");
	if (!f.touched)
		snprintf(f.text, sizeof(f.text), "reads no input");
	ok = ok || !f.touched;
	cover(&real, c, &f);
	cover(&idle, c, &f);
	if (declared)
		return check(ok, "%s: %s (%u runs, %lu reads)", name, f.text,
			     f.runs, f.reads);
	note("%s: not declared: %s", name, f.text);
	if (strcmp(c->provider, "sodium") == 0 &&
	    c->row->id == UKCF_MECH_ED25519 && c->op == UKCF_OP_SIGN)
		signature_found = strstr(f.text, "twice") != NULL;
	return true;
}

/* Of a mechanism that no table knows, as its provider describes it. */
static const struct mech_row *own_row(const struct ukcf_provider *p,
				      const struct ukcf_offer *o)
{
	uint32_t i = UKCF_MECH_INDEX(o->mech) - UKCF_MECH_DYNAMIC;
	const struct ukcf_mech_desc *d;
	static struct mech_row row;

	if (!p->mechs || i >= p->n_mechs)
		return NULL;
	d = &p->mechs[i];
	row = (struct mech_row){
		.id = o->mech,		   .name = d->name,
		.key_min = d->key_min,	   .key_max = d->key_max,
		.nonce_len = d->nonce_len, .tag_min = d->tag_min,
		.tag_max = d->tag_max,	   .out_len = d->out_len,
		.data_max = d->data_max,   .aad_max = d->aad_max,
		.pkcs11 = "",		   .openssl = "",
		.source = d->source,
	};
	return &row;
}

static const struct mech_row *row_of(const struct ukcf_provider *p,
				     const struct ukcf_offer *o)
{
	return UKCF_MECH_INDEX(o->mech) < UKCF_MECH_DYNAMIC ?
		       mech_row_by_id(o->mech) :
		       own_row(p, o);
}

static void judge_offer(const struct ukcf_provider *p,
			struct ukcf_instance *instance,
			const struct ukcf_offer *o)
{
	const char *provider = p->name;
	static struct op_case c;

	for (uint32_t op = 0; op < 32; op++) {
		if (!case_has_input(op) || !case_entry(o, op)) {
			if (o->single_pass >> op & 1)
				check(false, "%s %x: declares operation %u, "
				      "which has no input", provider, o->mech,
				      op);
			continue;
		}
		c = (struct op_case){ .provider = provider,
				      .instance = instance, .offer = o,
				      .row = row_of(p, o),
				      .op = op };
		if (!c.row) {
			check(false, "%s: mechanism %x has a row", provider,
			      o->mech);
			return;
		}
		judge(&c);
		/* not of one that is an object made of a real key only */
		c.tmpl = o->ops->init_tmpl && !o->ops->drop_tmpl &&
			 case_has_aux(&c);
		if (c.tmpl)
			judge(&c);
	}
}

static void host_log(void *host, int level, const char *fmt, ...)
{
	va_list ap;

	(void)host;
	if (level > LOG_ERR)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void *host_alloc(void *host, size_t size)
{
	(void)host;
	return calloc(1, size);
}

static void host_free(void *host, void *p, size_t size)
{
	(void)host;
	(void)size;
	free(p);
}

static const char *host_option(void *host, const char *name)
{
	(void)host;
	(void)name;
	return NULL;
}

static const struct ukcf_host host = {
	.struct_size = sizeof(host), .spi_version = UKCF_SPI_VERSION,
	.log = host_log, .secure_alloc = host_alloc,
	.secure_free = host_free, .option = host_option,
};

static bool judge_module(const char *path)
{
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct ukcf_provider *p;
	struct ukcf_instance *self = NULL;
	ukcf_provider_init_fn init;

	if (!check(dl != NULL, "%s is loaded", path)) {
		note("%s", dlerror());
		return false;
	}
	*(void **)&init = dlsym(dl, UKCF_PROVIDER_SYMBOL);
	p = init ? init(&host) : NULL;
	if (!check(p != NULL, "%s is a provider", path))
		return false;
	if (p->kind == UKCF_PROVIDER_HARDWARE) {
		/* Its jobs outlive the call, and their input is a copy. */
		note("%s: not traced: hardware gets private copies only",
		     p->name);
		return false;
	}
	if (!check(p->start(&host, &self) == 0, "%s starts", path))
		return false;
	for (uint32_t i = 0; i < p->n_offers; i++)
		judge_offer(p, self, &p->offers[i]);
	if (p->stop)
		p->stop(self);
	return true;
}

static void judge_providers(void)
{
	const char *top = getenv("top_builddir");
	unsigned int n = 0;
	struct dirent *e;
	char dir[3072], path[4096];
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/providers/.libs", top ? top : ".");
	d = opendir(dir);
	if (!d)
		check_bail("%s: %s: run this from the build tree", dir,
			   strerror(errno));
	while ((e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');

		if (!dot || strcmp(dot, ".so") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		n += judge_module(path);
	}
	closedir(d);
	check(n > 0, "%u providers were traced", n);
}

/* --------------------------------------------------------------- controls */

static bool cpu_can(const char *what)
{
#if defined(__x86_64__)
	if (strstr(what, "(avx2)"))
		return __builtin_cpu_supports("avx2");
	if (strstr(what, "(avx512f)"))
		return __builtin_cpu_supports("avx512f");
#endif
	return true;
}

static void control(const struct planted *p)
{
	static const struct mech_row row = { .name = "planted", .out_len = 32 };
	static struct op_case c;
	struct ukcf_offer offer = { .ops = &p->ops };
	struct finding f = { 0 };
	bool clean;

	if (!cpu_can(p->what)) {
		note("reader of %s: not on this processor", p->what);
		return;
	}
	c = (struct op_case){ .provider = "planted", .offer = &offer,
			      .row = &row, .op = UKCF_OP_DIGEST };
	clean = every_place(&c, 65, &f) &&
		at(&c, 5000, 0, IN_AT + 3, AUX_AT, &f);
	if (p->finding)
		check(!clean && strstr(f.text, p->finding),
		      "control: a reader of %s is found: %s", p->what, f.text);
	else
		check(clean, "control: a reader of %s is single-pass%s%s",
		      p->what, f.text[0] ? ": " : "", f.text);
}

int main(void)
{
	const char *why = trace_unavailable();

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!why && sysconf(_SC_PAGESIZE) != (long)PAGE)
		why = "the pages here are not of 4096 bytes";
	if (why)
		check_skip("%s", why);
	trace_init(NULL, WINDOW);
	for (unsigned int i = 0; i < n_planted; i++)
		control(&planted[i]);
	judge_providers();
	check(real.ops > 30 && !real.unread,
	      "each of the %u operations of sodium was seen to read its "
	      "input%s", real.ops, real.first);
	check(idle.unread > 0,
	      "control: those of null, which read nothing, were seen not to");
	check(signature_found,
	      "control: libsodium's Ed25519 signature reads its input twice");
	return check_done();
}
