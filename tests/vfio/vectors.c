/* SPDX-License-Identifier: MIT */
/*
 * vectors PROVIDER: the vectors of NIST SP 800-38A, appendix F, for CBC and CTR,
 * and of IEEE Std 1619-2007, annex B, for XTS, in both directions and both
 * modes, by that provider; by "hardware", whichever, it is required.  The first
 * vector of XTS has two halves of the key that are the same, and is refused.
 */
#include <stdio.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"

#define MOST 64u
#define ENTRIES 8
#define WAIT_NS (INT64_C(60000000000) * slowness())

/* SP 800-38A: of all */
#define BLOCKS                                                          \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
#define KEY_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define KEY_192 "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
#define KEY_256 \
	"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define IV "000102030405060708090a0b0c0d0e0f"
#define COUNTER "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

/* IEEE 1619: 0, 1, 2, ...; the first blocks of a unit stand for themselves. */
#define UP_TO_16 "000102030405060708090a0b0c0d0e0f"
#define UP_TO_64                                                        \
	UP_TO_16 "101112131415161718191a1b1c1d1e1f"                     \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define OF_4(x) x x x x
#define OF_16(x) OF_4(OF_4(x))
#define DOWN "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"
#define UNIT "33333333330000000000000000000000"

static const struct vector {
	const char *name;
	uint32_t mech;
	const char *key, *iv, *plain, *sealed;
} vectors[] = {
	{ "F.2.1", UKCF_MECH_AES_128_CBC, KEY_128, IV, BLOCKS,
	  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
	  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7" },
	{ "F.2.3", UKCF_MECH_AES_192_CBC, KEY_192, IV, BLOCKS,
	  "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
	  "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd" },
	{ "F.2.5", UKCF_MECH_AES_256_CBC, KEY_256, IV, BLOCKS,
	  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
	  "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
	{ "F.5.1", UKCF_MECH_AES_128_CTR, KEY_128, COUNTER, BLOCKS,
	  "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
	  "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee" },
	{ "F.5.3", UKCF_MECH_AES_192_CTR, KEY_192, COUNTER, BLOCKS,
	  "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
	  "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050" },
	{ "F.5.5", UKCF_MECH_AES_256_CTR, KEY_256, COUNTER, BLOCKS,
	  "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
	  "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6" },
	{ "vector 2", UKCF_MECH_AES_128_XTS, OF_16("11") OF_16("22"), UNIT,
	  OF_16("44") OF_16("44"),
	  "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0" },
	{ "vector 3", UKCF_MECH_AES_128_XTS, DOWN OF_16("22"), UNIT,
	  OF_16("44") OF_16("44"),
	  "af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89" },
	{ "vector 4", UKCF_MECH_AES_128_XTS,
	  "27182818284590452353602874713526"
	  "31415926535897932384626433832795", OF_16("00"), UP_TO_64,
	  "27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89c"
	  "c78cf7f5e543445f8333d8fa7f56000005279fa5d8b5e4ad40e736ddb4d35412" },
	{ "vector 10", UKCF_MECH_AES_256_XTS,
	  "2718281828459045235360287471352662497757247093699959574966967627"
	  "3141592653589793238462643383279502884197169399375105820974944592",
	  "ff000000000000000000000000000000", UP_TO_64,
	  "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b"
	  "5d31e276f8fe4a8d66b317f9ac683f44680a86ac35adfc3345befecb4bb188fd" },
	{ "vector 15, ciphertext stealing", UKCF_MECH_AES_128_XTS,
	  DOWN "bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0",
	  "9a785634120000000000000000000000", UP_TO_16 "10",
	  "6c1625db4671522d3d7599601de7ca09ed" },
};

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX + 1];
static uint16_t provider; /* 0: hardware, whichever */

static size_t unhex(const char *s, uint8_t *to)
{
	size_t n = strlen(s) / 2;

	for (size_t i = 0; i < n; i++)
		if (sscanf(s + 2 * i, "%2hhx", &to[i]) != 1)
			check_bail("not hexadecimal: %s", s);
	return n;
}

static const struct ukcf_page_provider *row_of(uint16_t id)
{
	static const struct ukcf_page_provider nobody = { .name = "nobody" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (id && rows[i].id == id)
			return &rows[i];
	return &nobody;
}

static void open_all(const char *name)
{
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, ENTRIES, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, MOST, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, MOST, &out) ||
	    ukcf_provider_list(u, rows, UKCF_PAGE_PROVIDERS_MAX + 1) < 0)
		check_bail("no ring");
	if (strcmp(name, "hardware") == 0)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			provider = rows[i].id;
	if (!provider)
		check_bail("no provider %s", name);
}

static bool is_whom_we_asked(uint16_t id)
{
	return provider ? id == provider :
			  row_of(id)->kind == UKCF_PROVIDER_HARDWARE;
}

static struct ukcf_cqe run(struct ukcf_sqe *s)
{
	const struct ukcf_cqe *c;
	struct ukcf_cqe copy;

	s->provider = provider;
	if (!provider)
		s->subflags |= UKCF_SUB_REQUIRE_HW;
	if (ukcf_submit_sqes(ring, s, 1) != 1 ||
	    ukcf_wait_cqe(ring, &c, WAIT_NS))
		check_bail("no completion");
	copy = *c;
	ukcf_cqe_seen(ring);
	return copy;
}

static void one_way(const struct vector *v, struct ukcf_key key, bool encrypt,
		    uint8_t mode)
{
	uint8_t iv[16], want[MOST];
	size_t len = unhex(encrypt ? v->plain : v->sealed, ukcf_buffer_data(in));
	struct ukcf_sqe s = { 0 };
	struct ukcf_cqe c;
	int err;

	unhex(encrypt ? v->sealed : v->plain, want);
	unhex(v->iv, iv);
	err = (encrypt ? ukcf_prep_encrypt : ukcf_prep_decrypt)(
		ring, &s, v->mech, key, iv, sizeof(iv), UKCF_SPAN_NONE,
		ukcf_buffer_span(in, 0, len), ukcf_buffer_span(out, 0, len));
	if (err)
		check_bail("%s cannot be prepared: %d", v->name, err);
	s.mode = mode;
	c = run(&s);
	check(c.res == (int64_t)len && is_whom_we_asked(c.provider) &&
		      memcmp(ukcf_buffer_data(out), want, len) == 0,
	      "%s, %s, %s: by %s, %lld", v->name,
	      encrypt ? "encrypted" : "decrypted",
	      mode == UKCF_MODE_SYNC ? "synchronous" : "asynchronous",
	      row_of(c.provider)->name, (long long)c.res);
}

static void vector(const struct vector *v)
{
	uint8_t bytes[64];
	size_t len = unhex(v->key, bytes);
	struct ukcf_key key;

	if (ukcf_key_import(u, NULL, v->mech, UKCF_USE_DEFAULT, 0, bytes, len,
			    &key))
		check_bail("%s: its key is refused", v->name);
	for (unsigned int i = 0; i < 4; i++)
		one_way(v, key, i & 1,
			i & 2 ? UKCF_MODE_SYNC : UKCF_MODE_ASYNC);
	if (ukcf_key_destroy(u, key))
		check_bail("%s: its key stays", v->name);
}

int main(int argc, char **argv)
{
	const size_t n = sizeof(vectors) / sizeof(vectors[0]);

	if (argc != 2)
		check_bail("usage: vectors PROVIDER | hardware");
	open_all(argv[1]);
	for (size_t i = 0; i < n; i++)
		vector(&vectors[i]);
	ukcf_disconnect(u);
	note("%zu requests", 4 * n);
	return check_done();
}
