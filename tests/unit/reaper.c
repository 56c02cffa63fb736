/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>

#include "daemon/core/reaper.h"

#define EACH 2000

static struct reaper r;
static struct node {
	struct reaper_node node;
	unsigned int seen;
} nodes[4][EACH];

static void setup(void)
{
	cr_assert_eq(reaper_init(&r), 0);
}

TestSuite(reaper, .init = setup, .timeout = 60);

static unsigned int take_all(void)
{
	struct reaper_node *n = reaper_take(&r), *next;
	unsigned int count = 0;

	for (; n; n = next) {
		next = n->next;
		((struct node *)(void *)n)->seen++;
		count++;
	}
	return count;
}

Test(reaper, is_readable_exactly_while_there_is_something_to_take)
{
	struct pollfd p = { .fd = r.fd, .events = POLLIN };

	cr_assert_eq(poll(&p, 1, 0), 0);
	cr_assert_null(reaper_take(&r));
	reaper_push(&r, &nodes[0][0].node);
	reaper_push(&r, &nodes[0][1].node);
	cr_assert_eq(poll(&p, 1, 0), 1);
	cr_assert_eq(take_all(), 2);
	cr_assert_eq(poll(&p, 1, 0), 0);
	reaper_deinit(&r);
	reaper_deinit(&r);
}

static void *push_all(void *arg)
{
	struct node *n = arg;

	for (int i = 0; i < EACH; i++)
		reaper_push(&r, &n[i].node);
	return NULL;
}

Test(reaper, what_many_threads_push_is_taken_once_each)
{
	struct pollfd p = { .fd = r.fd, .events = POLLIN };
	unsigned int taken = 0;
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, push_all, nodes[i]);
	while (taken < 4 * EACH) {
		cr_assert_eq(poll(&p, 1, 20000), 1, "%u taken", taken);
		taken += take_all();
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < EACH; k++)
			cr_assert_eq(nodes[i][k].seen, 1);
}
