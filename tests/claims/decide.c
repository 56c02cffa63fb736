/* SPDX-License-Identifier: MIT */
/* Claims on the framework as a whole: what it decides for a request, who
 * performs it, and the two interfaces between which it stands. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ukcf/provider.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

static const uint8_t nonce[12] = "0123456789a";

/* One request, and what the daemon says of it beforehand. */
static void chosen_is(const char *name)
{
	struct ukcf_sqe s = sha256(1);
	uint16_t id = provider_id(name);
	bool at_once = false;
	uint16_t chosen = explained(UKCF_OP_DIGEST, "sha2-256", 512, &at_once);
	struct ukcf_cqe c = run(&s);

	expect(chosen == id && c.provider == id && is_sha256(&c) &&
		       !(c.flags & UKCF_CQE_F_INLINE) == !at_once,
	       "%s is chosen, does it %s, and the completion names it", name,
	       at_once ? "at once" : "from a queue");
}

static void only(const char *name)
{
	static const char *const all[] = { "sodium", "openssl", "nullhw",
					   "nullhw2" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i], name) == 0)
			enable(all[i], "sha2-256");
		else
			disable(all[i], "sha2-256");
	}
}

static void two_decisions(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	for (unsigned int i = 0; i < 3; i++) {
		only("sodium");
		chosen_is("sodium");
		only("openssl");
		chosen_is("openssl");
	}
	s = sha256(2);
	s.flags = UKCF_SQE_QUEUE;
	submit(&s);
	c = next_cqe();
	expect(kind_of(&c) == UKCF_CQE_QUEUED,
	       "asynchronous: it says first that it is queued");
	c = result();
	s.mode = UKCF_MODE_SYNC;
	submit(&s);
	c = next_cqe();
	expect(kind_of(&c) == UKCF_CQE_RESULT && is_sha256(&c),
	       "synchronous: the same entry has one completion, the result");
	consumer_close();
}

static void a_provider_performs(void)
{
	static const char *const names[] = { "sodium", "openssl" };
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	for (size_t i = 0; i < 2; i++) {
		s = sha256(i);
		s.provider = provider_id(names[i]);
		c = run(&s);
		expect(is_sha256(&c) && c.provider == s.provider,
		       "%s performs it when it is asked for", names[i]);
	}
	s = sha256(3);
	s.provider = provider_id("null");
	c = run(&s);
	expect(c.res == -EOPNOTSUPP && c.detail == UKCF_DETAIL_PROVIDER,
	       "a provider that does not offer it: refused, and why");
	consumer_close();
}

static void the_request_names_it(void)
{
	static const uint32_t mechs[] = { UKCF_MECH_SHA2_256,
					  UKCF_MECH_SHA2_512,
					  UKCF_MECH_SHA1 };
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(0);
	for (size_t i = 0; i < 3; i++) {
		uint8_t want[64];
		uint32_t len = mech_row(mechs[i]).out_len;

		/* in the caller, by a call of its own */
		if (ukcf_digest(conn, mechs[i], text, 100, want,
				sizeof(want)) != (int64_t)len)
			give_up("digest");
		s = digest_of(i, mechs[i], 100);
		c = run(&s);
		expect(c.res == (int64_t)len &&
			       memcmp(output(i), want, len) == 0,
		       "the entry says %s: that digest, %u bytes",
		       mech_row(mechs[i]).name, len);
	}
	expect(memcmp(output(0), output(1), 32) != 0 &&
		       memcmp(output(1), output(2), 32) != 0,
	       "three mechanisms, three results");
	s = digest_of(4, UKCF_MECH_SHA2_256, 100);
	s.mech[0] = UKCF_MECH_ID(UKCF_CLASS_DIGEST, 0x7fff);
	c = run(&s);
	expect(c.res == -EOPNOTSUPP && c.detail == UKCF_DETAIL_MECH,
	       "one that does not exist: refused, and why");
	consumer_close();
}

/* The module as the daemon has it, by the one symbol it exports. */
static const struct ukcf_provider *module(const char *name)
{
	static const struct ukcf_host host = {
		.struct_size = sizeof(host),
		.spi_version = UKCF_SPI_VERSION,
	};
	const char *top = getenv("top_builddir");
	ukcf_provider_init_fn init;
	char path[4096];
	void *h, *symbol;

	snprintf(path, sizeof(path), "%s/providers/.libs/%s.so",
		 top ? top : ".", name);
	h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!h)
		give_up("%s", dlerror());
	symbol = dlsym(h, UKCF_PROVIDER_SYMBOL);
	if (!symbol)
		give_up("%s exports nothing", path);
	memcpy(&init, &symbol, sizeof(init));
	return init(&host);
}

static void two_interfaces(void)
{
	const struct ukcf_provider *p;
	struct ukcf_page_provider row;
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	p = module("null");
	row = provider_row(provider_id("null"));
	expect(p && p->spi_version == UKCF_SPI_VERSION &&
		       strcmp(p->name, row.name) == 0 &&
		       p->n_offers == row.n_mechs && p->kind == row.kind,
	       "the provider interface: what the module says of itself is "
	       "what the page has");
	s = work(1, 0);
	c = run(&s);
	expect(c.res == 32 && c.provider == row.id,
	       "the consumer interface: an entry of the ring reaches it");
	expect(daemon_status().pid != (uint32_t)getpid(),
	       "and the framework stands between, in a process of its own");
	s.reserved[0] = 1;
	c = run(&s);
	expect(c.res == -EINVAL && c.detail == UKCF_DETAIL_RESERVED,
	       "which judges what comes over the consumer interface");
	consumer_close();
}

static void receives_and_schedules(void)
{
	struct ukcf_counts before, after;
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	expect(daemon_status().pid != (uint32_t)getpid(),
	       "the consumer is a process, the daemon another");
	only("sodium");
	before = counts();
	s = sha256(1);
	s.mode = UKCF_MODE_SYNC;
	c = run(&s);
	expect(is_sha256(&c), "a synchronous request");
	s = sha256(2);
	c = run(&s);
	expect(is_sha256(&c), "an asynchronous one");
	s = sha256(3);
	s.flags = UKCF_SQE_QUEUE;
	c = run(&s);
	expect(is_sha256(&c), "an asynchronous one to be queued");
	after = counts();
	expect(after.accepted == before.accepted + 3 &&
		       after.completed == before.completed + 3 &&
		       after.inlined == before.inlined + 2 &&
		       after.queued == before.queued + 1,
	       "the daemon received three, ran two at once and one from a "
	       "queue (%llu, %llu, %llu, %llu)",
	       (unsigned long long)(after.accepted - before.accepted),
	       (unsigned long long)(after.completed - before.completed),
	       (unsigned long long)(after.inlined - before.inlined),
	       (unsigned long long)(after.queued - before.queued));
	consumer_close();
}

/* ------------------------------------- many functions, of many providers */

static struct ukcf_sqe mac_of(uint64_t user_data)
{
	struct ukcf_key k = held_key(UKCF_MECH_HMAC_SHA2_256);
	struct ukcf_sqe s = { .user_data = user_data };

	if (ukcf_prep_mac(ring, &s, UKCF_MECH_HMAC_SHA2_256, k,
			  ukcf_buffer_span(in, 0, 200),
			  ukcf_buffer_span(out, user_data * OUT_SLOT, 32)))
		give_up("prep_mac");
	return s;
}

static struct ukcf_sqe sealed(uint64_t user_data)
{
	struct ukcf_key k = held_key(UKCF_MECH_CHACHA20_POLY1305);
	struct ukcf_sqe s = { .user_data = user_data };

	if (ukcf_prep_encrypt(ring, &s, UKCF_MECH_CHACHA20_POLY1305, k, nonce,
			      sizeof(nonce), UKCF_SPAN_NONE,
			      ukcf_buffer_span(in, 0, 200),
			      ukcf_buffer_span(out, user_data * OUT_SLOT,
					       216)))
		give_up("prep_encrypt");
	return s;
}

static struct ukcf_sqe sha(uint64_t user_data)
{
	return sha256(user_data);
}

static void plurality(void)
{
	static const struct {
		const char *name;
		struct ukcf_sqe (*make)(uint64_t user_data);
		int64_t res;
	} functions[] = {
		{ "digest", sha, 32 },
		{ "mac", mac_of, 32 },
		{ "encrypt", sealed, 216 },
	};
	static const char *const providers[] = { "sodium", "openssl" };
	uint8_t first[216];

	consumer_open(UKCF_CONNECT_NO_CALLER);
	for (size_t f = 0; f < 3; f++) {
		struct ukcf_sqe s = functions[f].make(f);
		bool right = true;

		for (size_t i = 0; i < 4; i++) {
			struct ukcf_cqe c;

			s.provider = provider_id(providers[i / 2]);
			s.mode = i % 2 ? UKCF_MODE_SYNC : UKCF_MODE_ASYNC;
			c = run(&s);
			right = right && c.res == functions[f].res &&
				c.provider == s.provider;
			if (i == 0)
				memcpy(first, output(f), (size_t)c.res);
			right = right && memcmp(first, output(f),
						(size_t)functions[f].res) == 0;
		}
		expect(right, "%s: of two providers, synchronous and "
			      "asynchronous, the same result",
		       functions[f].name);
	}
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("1", REAL, "when it runs, and by which provider, is decided",
	      two_decisions),
	CLAIM("8", REAL, "a consumer interface and a provider interface",
	      two_interfaces),
	CLAIM("10", REAL, "a provider performs the function",
	      a_provider_performs),
	CLAIM("26 41 53", REAL, "the request names a mechanism",
	      the_request_names_it),
	CLAIM("29", REAL, "a daemon receives and schedules both kinds",
	      receives_and_schedules),
	CLAIM("46", REAL, "several functions of several providers", plurality),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
