/* SPDX-License-Identifier: MIT */
/* Claims on context templates.  Provider null makes them visible: the MAC of a
 * request with one is what was computed when the template was made. */
#include <errno.h>
#include <string.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

#define MAC 32u

static struct ukcf_key template_of(uint32_t mech, struct ukcf_key k)
{
	struct ukcf_key t;

	if (ukcf_tmpl_create(conn, mech, k, 0, &t))
		give_up("no template: detail %u", ukcf_last_call()->detail);
	return t;
}

static struct ukcf_sqe mac(uint64_t user_data, uint32_t mech,
			   struct ukcf_key k)
{
	struct ukcf_sqe s = { .user_data = user_data };

	if (ukcf_prep_mac(ring, &s, mech, k, ukcf_buffer_span(in, 0, 300),
			  ukcf_buffer_span(out, user_data * OUT_SLOT, MAC)))
		give_up("prep_mac");
	return s;
}

static int64_t made(uint64_t user_data, uint32_t mech, struct ukcf_key k)
{
	struct ukcf_sqe s = mac(user_data, mech, k);

	return run(&s).res;
}

static bool same(uint64_t a, uint64_t b)
{
	return memcmp(output(a), output(b), MAC) == 0;
}

/* The request names it where it would name the key. */
static void of_a_request(void)
{
	const uint32_t mech = UKCF_MECH_HMAC_SHA2_256;
	struct ukcf_key k, t, other;

	consumer_open(0);
	k = held_key(mech);
	t = template_of(mech, k);
	other = template_of(mech, held_key(mech));
	expect(t.id && t.id != k.id, "a template is made, with its own name");
	expect(made(1, mech, k) == MAC && made(2, mech, t) == MAC &&
		       same(1, 2),
	       "a request with it has the key's result");
	expect(made(3, mech, other) == MAC && !same(1, 3),
	       "one with another template has another");
	expect(ukcf_tmpl_destroy(conn, t) == 0 &&
		       made(4, mech, t) == -EKEYREVOKED,
	       "destroyed: no request can name it any more");
	consumer_close();
}

static void four_steps(void)
{
	const uint32_t mech = UKCF_MECH_NULL_MAC;
	struct ukcf_key k, t;

	consumer_open(0);
	k = held_key(mech);
	if (made(1, mech, k) != MAC)
		give_up("no MAC");
	t = template_of(mech, k);
	expect(made(2, mech, t) == MAC && !same(1, 2),
	       "what was computed beforehand is what the request uses");
	expect(made(3, mech, t) == MAC && same(2, 3),
	       "it was stored: the next request has the same, not computed "
	       "again");
	t = template_of(mech, k);
	expect(made(4, mech, t) == MAC && !same(3, 4),
	       "another template of the same key is allocated, and computed, "
	       "on its own");
	expect(ukcf_tmpl_create(conn, UKCF_MECH_ED25519,
				held_key(UKCF_MECH_ED25519), 0, &t) ==
		       -EOPNOTSUPP,
	       "where there is nothing to compute there is none");
	consumer_close();
}

/* One in the worker, three behind it, then the order to destroy. */
static void after_all_operations(void)
{
	const uint32_t mech = UKCF_MECH_NULL_MAC;
	unsigned int n = 0, right = 0, destroyed_at = 0;
	struct ukcf_key t, once;
	struct ukcf_sqe s;

	consumer_open(0);
	t = template_of(mech, held_key(mech));
	if (made(4, mech, t) != MAC)
		give_up("no MAC");
	occupy_worker(9, 100 * MS);
	for (unsigned int i = 0; i < 3; i++) {
		s = mac(i, mech, t);
		s.flags = UKCF_SQE_QUEUE;
		submit(&s);
	}
	s = (struct ukcf_sqe){ .user_data = 8 };
	ukcf_prep_tmpl_destroy(&s, t);
	submit(&s);
	while (n < 5) {
		struct ukcf_cqe c = result();

		n++;
		right += c.user_data < 3 && c.res == MAC &&
			 same(c.user_data, 4);
		if (c.user_data == 8 && c.res == 0)
			destroyed_at = n;
	}
	expect(right == 3, "destroyed while %u requests use it: all are done, "
	       "with it", right);
	expect(destroyed_at == 5, "and then it is gone");
	expect(made(5, mech, t) == -EKEYREVOKED, "no later one can use it");
	if (ukcf_tmpl_create(conn, mech, held_key(mech), UKCF_SUB_TMPL_AUTO,
			     &once))
		give_up("no template");
	expect(made(6, mech, once) == MAC &&
		       made(7, mech, once) == -EKEYREVOKED,
	       "one that is for one operation ends with it");
	consumer_close();
}

/* Whichever provider the request goes to, the framework has its part. */
static void by_the_framework(void)
{
	const uint32_t mech = UKCF_MECH_HMAC_SHA2_256;
	static const char *const names[] = { "sodium", "openssl" };
	struct ukcf_key k, t;
	struct ukcf_sqe s;

	consumer_open(0);
	k = held_key(mech);
	if (made(1, mech, k) != MAC)
		give_up("no MAC");
	t = template_of(mech, k);
	for (size_t i = 0; i < 2; i++) {
		struct ukcf_cqe c;

		s = mac(2 + i, mech, t);
		s.provider = provider_id(names[i]);
		c = run(&s);
		expect(c.res == MAC && c.provider == s.provider &&
			       same(1, 2 + i),
		       "of one template, %s has the key's result", names[i]);
	}
	k = held_key(UKCF_MECH_NULL_MAC);
	t = template_of(UKCF_MECH_NULL_MAC, k);
	expect(made(4, UKCF_MECH_NULL_MAC, k) == MAC &&
		       made(5, UKCF_MECH_NULL_MAC, t) == MAC && !same(4, 5),
	       "the consumer gave a key, and the request used what was "
	       "computed from it");
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("18 39", REAL, "a template, associated with a request",
	      of_a_request),
	CLAIM("19", REAL, "it is allocated, initialised, computed, stored",
	      four_steps),
	CLAIM("20", REAL, "it ends after all operations that use it",
	      after_all_operations),
	CLAIM("40 52", REAL, "the framework initialises and computes it",
	      by_the_framework),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
