/* SPDX-License-Identifier: MIT */
#include "tests/bench/shares.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/bench/session.h"
#include "tests/bench/stat.h"

#define MS UINT64_C(1000000)
#define HEAVY 16u    /* requests in flight */
#define LEN (16u << 10) /* each some 30 us of service */
#define LEN_MAX (64u << 10)
#define DIGEST 32u
#define SAMPLES 101u
#define PROVIDERS_MAX 8

/* What a consumer had in the time that counts. */
struct account {
	double service_ns;
	struct series wait, service;
	int err;
};

struct board {
	uint32_t ready; /* atomic: how many have their requests in flight */
	uint32_t go;	/* atomic: it counts from now on */
	uint32_t stop;	/* atomic */
	struct account of[SHARES_CONSUMERS];
};

/* --------------------------------------------------------------- a consumer */

static int ask(struct session *s, unsigned int slot, uint32_t len,
	       uint16_t provider)
{
	struct ukcf_sqe *sqe = ukcf_get_sqe(s->ring);
	int rc;

	if (!sqe)
		return -ENOSPC;
	rc = ukcf_prep_digest(sqe, UKCF_MECH_SHA2_256,
			      ukcf_buffer_span(s->in, 0, len),
			      ukcf_buffer_span(s->out, slot * DIGEST, DIGEST));
	if (rc)
		return rc;
	sqe->user_data = slot;
	sqe->provider = provider;
	sqe->flags = UKCF_SQE_QUEUE;
	rc = ukcf_submit(s->ring);
	return rc < 0 ? rc : 0;
}

static void enter(struct account *a, const struct ukcf_cqe *c)
{
	a->service_ns += c->u.t.service_ns;
	series_add(&a->wait, c->u.t.queue_ns);
	series_add(&a->service, c->u.t.service_ns);
}

static int consume(struct board *b, struct account *a, unsigned int depth)
{
	struct session s = { 0 };
	struct ukcf_cqe c;
	int err = session_open(&s, HEAVY, LEN_MAX, HEAVY * DIGEST);

	for (unsigned int i = 0; !err && i < depth; i++)
		err = ask(&s, i, LEN, UKCF_PROVIDER_ANY);
	fetch_add_u32(&b->ready, 1);
	while (!err && !load_relaxed_u32(&b->stop)) {
		err = session_answer(&s, &c);
		if (!err && load_relaxed_u32(&b->go))
			enter(a, &c);
		if (!err)
			err = ask(&s, (unsigned int)c.user_data, LEN,
				  UKCF_PROVIDER_ANY);
	}
	session_close(&s);
	return err;
}

/* ------------------------------------------------------------ eight of them */

static void sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

static void conduct(struct board *b, unsigned int ms)
{
	for (unsigned int i = 0; i < 5000; i++) {
		if (load_relaxed_u32(&b->ready) == SHARES_CONSUMERS)
			break;
		sleep_ms(1);
	}
	sleep_ms(ms / 4); /* the costs are learned */
	store_release_u32(&b->go, 1);
	sleep_ms(ms);
	store_release_u32(&b->go, 0);
	store_release_u32(&b->stop, 1);
}

/* depth of the first one; all others are heavy. */
static int run_board(struct board *b, unsigned int depth, unsigned int ms)
{
	pid_t pids[SHARES_CONSUMERS];
	int err = 0;

	memset(b, 0, sizeof(*b));
	for (unsigned int i = 0; i < SHARES_CONSUMERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			b->of[i].err = consume(b, &b->of[i],
					       i ? HEAVY : depth);
			_exit(0);
		}
		if (pids[i] < 0)
			b->of[i].err = -errno;
	}
	conduct(b, ms);
	for (unsigned int i = 0; i < SHARES_CONSUMERS; i++) {
		if (pids[i] > 0)
			waitpid(pids[i], NULL, 0);
		if (!err)
			err = b->of[i].err;
	}
	return err;
}

/* Jain, Chiu and Hawe, A Quantitative Measure of Fairness, DEC-TR-301, 1984. */
static double jain_of(const struct board *b)
{
	double sum = 0, squares = 0;

	for (unsigned int i = 0; i < SHARES_CONSUMERS; i++) {
		sum += b->of[i].service_ns;
		squares += b->of[i].service_ns * b->of[i].service_ns;
	}
	return squares > 0 ? sum * sum / (SHARES_CONSUMERS * squares) : 0;
}

static double median_of(struct series *s)
{
	return s->n ? median(s->v, s->n) : 0;
}

static int share_out(struct shares *s, unsigned int ms)
{
	struct board *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int err;

	if (b == MAP_FAILED)
		return -ENOMEM;
	err = run_board(b, HEAVY, ms);
	s->jain = jain_of(b);
	if (!err)
		err = run_board(b, 1, ms);
	s->light_wait_ns = median_of(&b->of[0].wait);
	s->heavy_wait_ns = median_of(&b->of[1].wait);
	s->service_ns = median_of(&b->of[1].service);
	munmap(b, sizeof(*b));
	return err;
}

/* ------------------------------------------------------------------- choice */

/* Median service time; *who receives who did most of them last. */
static int service_time(struct session *s, uint32_t len, uint16_t provider,
			uint16_t *who, double *ns)
{
	struct series v = { .n = 0 };
	struct ukcf_cqe c;
	int err = 0;

	for (unsigned int i = 0; !err && i < SAMPLES; i++) {
		err = ask(s, 0, len, provider);
		if (!err)
			err = session_answer(s, &c);
		if (!err)
			series_add(&v, c.u.t.service_ns);
	}
	if (err)
		return err;
	*who = c.provider;
	*ns = median(v.v, v.n);
	return 0;
}

static int choose(struct session *s, struct shares_choice *to)
{
	struct ukcf_page_provider rows[PROVIDERS_MAX];
	int n = ukcf_provider_list(s->u, rows, PROVIDERS_MAX);
	uint16_t chosen, who;
	double ns;
	int err = n < 0 ? n :
			  service_time(s, to->len, UKCF_PROVIDER_ANY, &chosen,
				       &to->chosen_ns);

	for (int i = 0; !err && i < n; i++) {
		if (rows[i].id == chosen)
			snprintf(to->chosen, sizeof(to->chosen), "%.31s",
				 rows[i].name);
		if (service_time(s, to->len, rows[i].id, &who, &ns))
			continue; /* it does not offer it */
		if (*to->best && ns >= to->best_ns)
			continue;
		snprintf(to->best, sizeof(to->best), "%.31s", rows[i].name);
		to->best_ns = ns;
	}
	return err;
}

static int choose_all(struct shares *s)
{
	static const uint32_t sizes[SHARES_SIZES] = { 64, 1024, 16384,
						      LEN_MAX };
	struct session session = { 0 };
	int err = session_open(&session, HEAVY, LEN_MAX, HEAVY * DIGEST);

	for (unsigned int i = 0; !err && i < SHARES_SIZES; i++) {
		s->choice[i].len = sizes[i];
		err = choose(&session, &s->choice[i]);
	}
	session_close(&session);
	return err;
}

int shares_measure(struct shares *s, bool quick)
{
	int err = share_out(s, quick ? 300 : 3000);

	if (!err)
		err = choose_all(s);
	if (err)
		fprintf(stderr, "ukcf-bench: eight consumers: %s\n",
			ukcf_strerror(err));
	return err;
}
