/* SPDX-License-Identifier: MIT */
#include "tests/support/entry.h"

#include "tests/support/check.h"

void entry_submit(struct ukcf_ring *r, const struct ukcf_sqe *s, unsigned int n)
{
	if (ukcf_submit_sqes(r, s, n) != (int)n)
		check_bail("the ring is full");
}

struct ukcf_cqe entry_next(struct ukcf_ring *r, int64_t wait_ns)
{
	const struct ukcf_cqe *c;
	struct ukcf_cqe copy;
	int rc = ukcf_wait_cqe(r, &c, wait_ns);

	if (rc)
		check_bail("no completion: %s", ukcf_strerror(rc));
	copy = *c;
	ukcf_cqe_seen(r);
	return copy;
}
