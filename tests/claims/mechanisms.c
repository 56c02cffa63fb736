/* SPDX-License-Identifier: MIT */
/* Claims on the list of mechanisms: whose they are, how they come and go. */
#include <errno.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

#define ROWS UKCF_PAGE_MECHS_MAX

/* As the list says: the provider does it, or is refused. */
static bool list_is_right(const struct ukcf_page_mech *m, uint16_t provider)
{
	bool listed = m->providers >> provider & 1;
	struct ukcf_sqe s = digest_of(1, m->id, 64);
	struct ukcf_cqe c;

	s.provider = provider;
	c = run(&s);
	if (listed)
		return c.res == (int64_t)m->out_len && c.provider == provider;
	return c.res == -EOPNOTSUPP && c.detail == UKCF_DETAIL_PROVIDER;
}

static void of_each_provider(void)
{
	static const char *const names[] = { "sodium", "openssl", "null",
					     "nullhw" };
	struct ukcf_page_mech rows[ROWS];
	int n;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	n = ukcf_mech_list(conn, rows, ROWS);
	expect(n > 0 && n <= ROWS, "%d mechanisms are listed", n);
	for (unsigned int p = 0; p < 4; p++) {
		uint16_t id = provider_id(names[p]);
		unsigned int offered = 0, tried = 0, right = 0;

		for (int i = 0; i < n; i++) {
			offered += (rows[i].providers >> id & 1) != 0;
			if (UKCF_MECH_CLASS(rows[i].id) != UKCF_CLASS_DIGEST ||
			    !rows[i].providers)
				continue;
			tried++;
			right += list_is_right(&rows[i], id);
		}
		expect(offered == provider_row(id).n_mechs,
		       "%s offers %u", names[p], offered);
		expect(tried > 1 && right == tried,
		       "%s performs those of %u digests that the list has, and "
		       "no other", names[p], tried);
	}
	consumer_close();
}

/* Of the two that have SHA3-256, none is loaded; one has a manifest. */
static void loaded_on_request(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	uint16_t id;
	uint32_t sha3;

	consumer_open(0);
	id = provider_id("openssl");
	put_away("openssl");
	expect(provider_row(id).state == UKCF_PROVIDER_ABSENT,
	       "a provider that is known by its list of mechanisms only");
	s = sha256(1);
	c = run(&s);
	expect(is_sha256(&c) && provider_row(id).state == UKCF_PROVIDER_ABSENT,
	       "a mechanism that others have does not load it");
	expect(ukcf_mech_lookup(conn, "sha3-256", &sha3) == 0,
	       "one that only it has can be named");
	s = digest_of(2, sha3, 64);
	c = run(&s);
	expect(c.res == 32 && c.provider == id,
	       "a request for that is done, by it (%lld)", (long long)c.res);
	expect(provider_row(id).state == UKCF_PROVIDER_READY,
	       "for which it was loaded");
	consumer_close();
	bring_back("openssl");
}

static bool is_enabled(uint32_t mech)
{
	return mech_row(mech).flags & UKCF_PAGE_MECH_ENABLED;
}

static void added(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	uint8_t digest[32];

	consumer_open(0);
	disable(NULL, "sha2-256");
	s = sha256(1);
	c = run(&s);
	expect(c.res == -EOPNOTSUPP && !is_enabled(UKCF_MECH_SHA2_256),
	       "a mechanism that is not there");
	enable(NULL, "sha2-256");
	expect(is_enabled(UKCF_MECH_SHA2_256),
	       "it is added, and the connected consumer's list has it");
	c = run(&s);
	expect(is_sha256(&c), "its requests are done");
	expect(ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 9, digest, 32) ==
		       32, "and its calls in the caller");
	consumer_close();
}

/* At one provider, then at all. */
static void removed(void)
{
	uint8_t digest[32];
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	uint16_t id;

	consumer_open(0);
	id = provider_id("sodium");
	s = sha256(1);
	s.provider = id;
	c = run(&s);
	expect(is_sha256(&c), "a mechanism of sodium");
	disable("sodium", "sha2-256");
	c = run(&s);
	expect(c.res == -EOPNOTSUPP && c.detail == UKCF_DETAIL_DISABLED,
	       "removed from sodium: it does not do it any more");
	s.provider = 0;
	c = run(&s);
	expect(is_sha256(&c) && c.provider != id, "another one does");
	disable(NULL, "sha2-256");
	expect(!is_enabled(UKCF_MECH_SHA2_256),
	       "removed from all: the list of a connected consumer says so");
	c = run(&s);
	expect(c.res == -EOPNOTSUPP && c.detail == UKCF_DETAIL_DISABLED,
	       "its requests are refused, and why");
	expect(ukcf_digest(conn, UKCF_MECH_SHA2_256, text, 9, digest, 32) ==
		       -EOPNOTSUPP, "and its calls in the caller");
	s = digest_of(2, UKCF_MECH_SHA2_512, 9);
	c = run(&s);
	expect(c.res == 64, "others go on");
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("27 43 55", REAL,
	      "a provider is loaded for the mechanism of a request",
	      loaded_on_request),
	CLAIM("42 54", REAL, "a list of the mechanisms of each provider",
	      of_each_provider),
	CLAIM("44 56", REAL, "a mechanism is added while requests come",
	      added),
	CLAIM("45 57", REAL, "a mechanism is removed while requests come",
	      removed),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
