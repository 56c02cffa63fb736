/* SPDX-License-Identifier: MIT */
/* See consumer.h. */
#include "tests/bench/consumer.h"

#include <errno.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/bench/cipher.h"

#define OUT_STRIDE (LARGE + 64)
#define POLLS_MAX 4000000 /* then something is wrong: wait with a deadline */
#define WAIT_NS INT64_C(2000000000)

static struct ukcf *conn, *sync_conn;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in_buf, *out_buf;
static struct ukcf_key key, mac_key, mac_tmpl;
static uint16_t sodium; /* both MACs are its: one provider, two ways */
static uint32_t mech;
static uint64_t submitted, nonce_counter;
static struct ukcf_counts last_counts;
/* Slots of the buffers, given out in the order in which they became free:
 * requests may end in any order. */
static unsigned int free_slots[DEPTH], last_slot;
static uint64_t slots_taken, slots_freed;
static uint64_t slot_nonce[DEPTH];

/* By name; whichever, if there is none of that name. */
static uint16_t find_provider(const char *name)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	int n = ukcf_provider_list(conn, rows, UKCF_PAGE_PROVIDERS_MAX);

	for (int i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].id;
	return UKCF_PROVIDER_ANY;
}

int consumer_open(void)
{
	int err = ukcf_connect(&conn, NULL, UKCF_CONNECT_NO_CALLER);

	if (!err)
		err = ukcf_connect(&sync_conn, NULL, 0);
	if (!err)
		err = ukcf_mech_lookup(conn, cipher_name(), &mech);
	if (!err)
		err = ukcf_ring_open(conn, 2 * DEPTH, &ring);
	if (!err)
		err = ukcf_buffer_alloc(conn, UKCF_BUFFER_INPUT, DEPTH * LARGE,
					&in_buf);
	if (!err)
		err = ukcf_buffer_alloc(conn, UKCF_BUFFER_OUTPUT,
					DEPTH * OUT_STRIDE, &out_buf);
	if (!err)
		err = ukcf_key_local(conn, mech, UKCF_USE_DEFAULT, cipher_key(),
				     32, &key);
	if (!err)
		err = ukcf_key_register(conn, key);
	if (!err)
		err = ukcf_key_import(conn, NULL, UKCF_MECH_HMAC_SHA2_256,
				      UKCF_USE_DEFAULT, 0, cipher_key(), 32,
				      &mac_key);
	if (!err)
		err = ukcf_tmpl_create(conn, UKCF_MECH_HMAC_SHA2_256, mac_key,
				       0, &mac_tmpl);
	if (err)
		return err;
	sodium = find_provider("sodium");
	memset(ukcf_buffer_data(in_buf), 0x5a, DEPTH * LARGE);
	for (slots_freed = 0; slots_freed < DEPTH; slots_freed++)
		free_slots[slots_freed] = (unsigned int)slots_freed;
	return ukcf_counts_get(conn, &last_counts);
}

void consumer_close(void)
{
	ukcf_disconnect(conn);
	ukcf_disconnect(sync_conn);
}

/* A slot of the buffers, or -ENOSPC. */
static int take_slot(struct ukcf_sqe *sqe)
{
	if (slots_taken == slots_freed)
		return -ENOSPC;
	sqe->user_data = free_slots[slots_taken++ % DEPTH];
	return (int)sqe->user_data;
}

static int put_mac(struct ukcf_key with)
{
	struct ukcf_sqe *sqe = ukcf_get_sqe(ring);
	int i = sqe ? take_slot(sqe) : -ENOSPC, err;

	if (i < 0)
		return i;
	err = ukcf_prep_mac(ring, sqe, UKCF_MECH_HMAC_SHA2_256, with,
			    ukcf_buffer_span(in_buf, (uint32_t)i * LARGE,
					     SMALL),
			    ukcf_buffer_span(out_buf,
					     (uint32_t)i * OUT_STRIDE, 32));
	sqe->provider = sodium;
	return err;
}

static int put_encrypt(struct ukcf_sqe *sqe, uint32_t len)
{
	uint8_t nonce[CIPHER_NONCE] = { 0 };
	int slot = take_slot(sqe);
	unsigned int i;

	if (slot < 0)
		return slot;
	i = (unsigned int)slot;
	slot_nonce[i] = ++nonce_counter;
	memcpy(nonce, &nonce_counter, sizeof(nonce_counter));
	return ukcf_prep_encrypt(ring, sqe, mech, key, nonce, sizeof(nonce),
				 UKCF_SPAN_NONE,
				 ukcf_buffer_span(in_buf, i * LARGE, len),
				 ukcf_buffer_span(out_buf, i * OUT_STRIDE,
						  len + CIPHER_TAG));
}

/* len 0: a NOP. */
static int put(uint32_t len)
{
	struct ukcf_sqe *sqe = ukcf_get_sqe(ring);

	if (!sqe)
		return -ENOSPC;
	if (len)
		return put_encrypt(sqe, len);
	ukcf_prep_nop(sqe);
	return 0;
}

static int publish(unsigned int n)
{
	int rc = ukcf_submit(ring);

	if (rc > 0)
		submitted += (unsigned int)rc;
	return rc == (int)n ? 0 : rc < 0 ? rc : -ENOSPC;
}

static int reap(int64_t want)
{
	const struct ukcf_cqe *cqe;
	int64_t res;
	int rc;

	for (unsigned int i = 0; i < POLLS_MAX; i++) {
		rc = ukcf_peek_cqe(ring, &cqe);
		if (rc != -EAGAIN)
			break;
	}
	if (rc == -EAGAIN)
		rc = ukcf_wait_cqe(ring, &cqe, WAIT_NS);
	if (rc)
		return rc;
	res = cqe->res;
	if (want) { /* an encryption */
		last_slot = (unsigned int)cqe->user_data % DEPTH;
		free_slots[slots_freed++ % DEPTH] = last_slot;
	}
	ukcf_cqe_seen(ring);
	return res == want ? 0 : res < 0 ? (int)res : -EBADE;
}

static int64_t result_of(uint32_t len)
{
	return len ? (int64_t)len + CIPHER_TAG : 0;
}

static int round_trip(uint32_t len)
{
	int rc = put(len);

	if (!rc)
		rc = publish(1);
	return rc ? rc : reap(result_of(len));
}

int consumer_nop(void)
{
	return round_trip(0);
}

int consumer_encrypt_small(void)
{
	return round_trip(SMALL);
}

int consumer_mac_batch(bool tmpl)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < BATCH; i++)
		rc = put_mac(tmpl ? mac_tmpl : mac_key);
	if (!rc)
		rc = publish(BATCH);
	for (unsigned int i = 0; !rc && i < BATCH; i++)
		rc = reap(32);
	return rc;
}

static int put_batch(uint32_t len)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < BATCH; i++)
		rc = put(len);
	return rc ? rc : publish(BATCH);
}

static int reap_batch(uint32_t len)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < BATCH; i++)
		rc = reap(result_of(len));
	return rc;
}

int consumer_pipe_begin(bool encrypt)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < DEPTH / BATCH; i++)
		rc = put_batch(encrypt ? LARGE : 0);
	return rc;
}

int consumer_pipe_batches(bool encrypt, unsigned int n)
{
	uint32_t len = encrypt ? LARGE : 0;
	int rc = 0;

	while (!rc && n-- > 0) {
		rc = reap_batch(len);
		if (!rc)
			rc = put_batch(len);
	}
	return rc;
}

int consumer_pipe_end(bool encrypt)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < DEPTH / BATCH; i++)
		rc = reap_batch(encrypt ? LARGE : 0);
	return rc;
}

int consumer_digest_small(void)
{
	static const uint8_t in[SMALL] = { 1 };
	uint8_t md[32];
	int64_t n = ukcf_digest(sync_conn, UKCF_MECH_SHA2_256, in, sizeof(in),
				md, sizeof(md));

	return n == sizeof(md) ? 0 : n < 0 ? (int)n : -EBADE;
}

bool consumer_ran_in_caller(void)
{
	return ukcf_last_call()->where == UKCF_WHERE_CALLER;
}

int consumer_counts_agree(void)
{
	struct ukcf_counts c;
	uint64_t n = submitted;
	int rc = ukcf_counts_get(conn, &c);

	submitted = 0;
	if (rc)
		return rc;
	rc = c.accepted - last_counts.accepted == n &&
			     c.completed - last_counts.completed == n ?
		     0 :
		     -EBADE;
	last_counts = c;
	return rc;
}

bool consumer_result_right(void)
{
	static uint8_t want[LARGE + CIPHER_TAG];
	unsigned int i = last_slot;
	uint8_t nonce[CIPHER_NONCE] = { 0 };
	const uint8_t *in = ukcf_buffer_data(in_buf);
	const uint8_t *out = ukcf_buffer_data(out_buf);

	memcpy(nonce, &slot_nonce[i], sizeof(slot_nonce[i]));
	cipher_encrypt(want, in + (size_t)i * LARGE, LARGE, nonce);
	return memcmp(want, out + (size_t)i * OUT_STRIDE, sizeof(want)) == 0;
}
