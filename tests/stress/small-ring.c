/* SPDX-License-Identifier: MIT */
/*
 * A consumer that has reaped everything finds its ring empty: the daemon says
 * once per burst which entries it has taken, and a quick consumer's next
 * requests make that burst longer.
 */
#include <ukcf/ukcf.h>

#include "tests/support/check.h"

#define ENTRIES 2
#define WAIT_NS INT64_C(20000000000)
#define LEN 4096
#define DIGEST 32

static struct ukcf_buffer *in, *out;

/* One request, then its completion: it is inline, and takes some time. */
static bool turn(struct ukcf_ring *r, uint64_t *full)
{
	struct ukcf_sqe *sqe = ukcf_get_sqe(r);
	const struct ukcf_cqe *cqe;

	if (!sqe) {
		++*full;
		return true;
	}
	if (ukcf_prep_digest(sqe, UKCF_MECH_SHA2_256,
			     ukcf_buffer_span(in, 0, LEN),
			     ukcf_buffer_span(out, 0, DIGEST)) != 0 ||
	    ukcf_submit(r) != 1)
		return false;
	if (ukcf_wait_cqe(r, &cqe, WAIT_NS) != 0)
		return false;
	ukcf_cqe_seen(r);
	return true;
}

/* The detector: a ring that is full is seen to be full. */
static bool is_seen(struct ukcf_ring *r)
{
	const struct ukcf_cqe *cqe;
	unsigned int n = 0;
	bool seen;

	for (struct ukcf_sqe *sqe; (sqe = ukcf_get_sqe(r)); n++)
		ukcf_prep_nop(sqe);
	seen = n == ENTRIES && !ukcf_get_sqe(r);
	if (ukcf_submit(r) != ENTRIES)
		return false;
	while (n-- > 0) {
		if (ukcf_wait_cqe(r, &cqe, WAIT_NS) != 0)
			return false;
		ukcf_cqe_seen(r);
	}
	return seen;
}

int main(void)
{
	uint64_t turns = scaled(50000, 2000000), full = 0, i;
	struct ukcf_ring *r;
	struct ukcf *u;

	if (ukcf_connect(&u, NULL, 0) || ukcf_ring_open(u, ENTRIES, &r) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, LEN, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, DIGEST, &out))
		check_bail("no ring");
	for (i = 0; i < turns && turn(r, &full); i++)
		;
	check(i == turns, "%llu turns of a ring of %u entries",
	      (unsigned long long)i, ENTRIES);
	check(full == 0, "full, with all reaped: %llu times",
	      (unsigned long long)full);
	check(is_seen(r), "a ring that is full is seen to be full");
	ukcf_disconnect(u);
	return check_done();
}
