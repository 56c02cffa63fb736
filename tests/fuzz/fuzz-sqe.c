/* SPDX-License-Identifier: MIT */
/*
 * Intake of a submission entry: any 128 bytes are refused, or become a request
 * that stays inside its buffers and its mechanism's limits, whatever the
 * provider then does with them.
 *
 * Input: the entry.  Values that a fuzzer cannot find (key handles) are chosen
 * by obj[0], and by obj[1] of dual operations.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/arena.h"
#include "daemon/api/consumer.h"
#include "daemon/api/decode.h"
#include "daemon/core/chain.h"
#include "daemon/core/context.h"
#include "daemon/core/dual.h"
#include "daemon/core/execute.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/template.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/mech-table.h"
#include "tests/fuzz/replay.h"

#define ARENA_SIZE 8192u
#define PAGE 4096u

/* --------------------------------------- a provider that checks its job */

static uint64_t touch(struct ukcf_bytes b)
{
	uint64_t sum = 0;

	FUZZ_RULE(b.len == 0 || b.data != NULL);
	for (size_t i = 0; i < b.len; i++)
		sum += b.data[i];
	return sum;
}

static size_t produced(const struct ukcf_job *job, const struct mech_row *row)
{
	size_t less;

	switch (job->op) {
	case UKCF_OP_ENCRYPT:
		if (row->by_key)
			return row->out_len;
		if (row->padding)
			return (job->in.len / row->padding + 1) * row->padding;
		return job->in.len + job->tag_len + row->growth;
	case UKCF_OP_DECRYPT:
		if (job->ctx) /* the last part: as much as there is room for */
			return job->out_size;
		if (row->by_key)
			return (size_t)row->data_max;
		less = job->tag_len + row->growth + (row->padding ? 1u : 0u);
		FUZZ_RULE(job->in.len >= less);
		return job->in.len - less;
	case UKCF_OP_MAC:
		return job->tag_len;
	case UKCF_OP_RANDOM:
	case UKCF_OP_KEY_GENERATE:
		return job->out_size;
	case UKCF_OP_DERIVE: /* of a KDF: as much as is asked for */
		return row->out_len ? row->out_len : job->out_size;
	case UKCF_OP_MAC_VERIFY:
	case UKCF_OP_VERIFY:
		return 0;
	case UKCF_OP_DIGEST:
		return row->tag_max ? job->tag_len : row->out_len;
	default:
		return row->out_len;
	}
}

/* The public part of a pair, or the secret one. */
static void check_key(const struct ukcf_job *job, const struct mech_row *row)
{
	size_t least = row->key_min, most = row->key_max;

	if (mech_takes_public(row->id, job->op)) {
		least = row->by_key ? 1 : row->pub_len;
		most = row->pub_len;
	}
	FUZZ_RULE(job->key.len >= least && job->key.len <= most);
}

/* MACs here are right if their length is even. */
static bool is_wrong(const struct ukcf_job *job)
{
	return job->op == UKCF_OP_MAC_VERIFY && job->tag.len % 2;
}

static enum ukcf_status perform(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	const struct mech_row *row = mech_row_by_id(job->mech);
	size_t n;

	(void)self;
	FUZZ_RULE(row != NULL);
	n = produced(job, row);
	/* of a KDF it is what comes out; ciphertext of RSA is of its modulus */
	FUZZ_RULE(job->in.len <= row->data_max ||
		  UKCF_MECH_CLASS(row->id) == UKCF_CLASS_KDF ||
		  (row->by_key && job->in.len <= row->out_len) ||
		  job->in.len - row->data_max <=
			  row->tag_max + row->growth + row->padding);
	if (row->block && !job->ctx)
		FUZZ_RULE(job->in.len % row->block == 0);
	FUZZ_RULE(job->aux.len <= row->aad_max || !job->aux.len);
	if (job->key.len)
		check_key(job, row);
	FUZZ_RULE(n <= job->out_size);
	FUZZ_RULE(n == 0 || job->out != NULL);
	touch(job->in);
	touch(job->aux);
	touch(job->tag);
	touch(job->param);
	touch(job->key);
	if (n)
		memset(job->out, 0x5a, n);
	job->res = (int64_t)n;
	if (is_wrong(job)) {
		job->res = -EBADMSG;
		job->detail = UKCF_DETAIL_AUTH;
	}
	return UKCF_DONE;
}

static enum ukcf_status begin(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	touch(job->aux);
	touch(job->param);
	touch(job->key);
	memset(job->ctx, 0x5a, CONTEXT_STATE_MAX);
	return UKCF_DONE;
}

static enum ukcf_status go_on(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	touch(job->in);
	if (job->op != UKCF_OP_ENCRYPT)
		return UKCF_DONE;
	FUZZ_RULE(job->out_size >= job->in.len +
					   (mech_row_by_id(job->mech)->chunks ?
						    job->tag_len : 0));
	if (job->in.len)
		memset(job->out, 0x5a, job->in.len);
	job->res = (int64_t)job->in.len;
	return UKCF_DONE;
}

static const struct ukcf_mech_ops all_ops = {
	.digest = perform, .mac = perform, .mac_verify = perform,
	.encrypt = perform, .decrypt = perform, .sign = perform,
	.verify = perform, .derive = perform, .random = perform,
	.generate = perform, .public_key = perform, .init_tmpl = perform,
	.init = begin, .update = go_on, .final = perform,
};

static struct ukcf_offer offers[UKCF_PAGE_MECHS_MAX];
static const struct ukcf_provider spi = {
	.struct_size = sizeof(spi), .spi_version = UKCF_SPI_VERSION,
	.name = "fuzz", .kind = UKCF_PROVIDER_SOFTWARE,
};
static struct provider provider = {
	.id = 1, .state = UKCF_PROVIDER_READY, .name = "fuzz", .spi = &spi,
};

/* -------------------------------------------------------------- fixture */

static struct consumer consumer = { .magic = CONSUMER_MAGIC, .refs = 1,
				    .serial = 1 };
static struct arena arenas[2];

/* Requests here come from no ring; the linker sends the daemon's question for
 * the consumer of one here (--wrap). */
struct consumer *__wrap_ring_consumer(const struct ring *r);

struct consumer *__wrap_ring_consumer(const struct ring *r)
{
	(void)r;
	return &consumer;
}

/* Nor has it a ring's contexts: id 1 is one of a digest that goes on. */
static struct context_table contexts;
struct context_table *__wrap_ring_contexts(struct ring *r);

struct context_table *__wrap_ring_contexts(struct ring *r)
{
	(void)r;
	return &contexts;
}

/* An entry here is the first of a chain, or of none. */
static struct chain_end chain;
struct chain_end *__wrap_ring_chain(struct ring *r);

struct chain_end *__wrap_ring_chain(struct ring *r)
{
	(void)r;
	return &chain;
}

/* Between the halves of a dual operation it is asked whether it still counts. */
bool __wrap_ring_is_closing(const struct ring *r);

bool __wrap_ring_is_closing(const struct ring *r)
{
	(void)r;
	return false;
}

/* There are no queues: one thread does both halves. */
bool __wrap_dispatch_runs_at_once(const struct request *req);

bool __wrap_dispatch_runs_at_once(const struct request *req)
{
	(void)req;
	return true;
}

static struct scratch scratch;
static uint64_t keys[24];
static unsigned int n_keys;

/* Followed by a page that faults. */
static uint8_t *guarded(void)
{
	uint8_t *p = mmap(NULL, ARENA_SIZE + PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	FUZZ_RULE(p != MAP_FAILED);
	FUZZ_RULE(mprotect(p + ARENA_SIZE, PAGE, PROT_NONE) == 0);
	return p;
}

static void make_key(uint32_t mech, uint32_t usage, uint32_t flags)
{
	static const uint8_t bytes[UKCF_KEY_BYTES_MAX] = { 1 };
	const struct mech_row *row = mech_row_by_id(mech);
	struct key_spec spec = {
		.uid = 1, .consumer_serial = 1, .mech = mech, .usage = usage,
		.flags = flags | UKCF_KEY_SESSION,
		.secret = { bytes, row->by_key ? row->key_max : 32 },
		.pub = { bytes, row->by_key ? row->pub_len : 32 },
	};

	FUZZ_RULE(keystore_create(&spec, &keys[n_keys++]) == 0);
}

/* Of the first key; an obj[0] that is one more than the number of keys. */
static void make_template(void)
{
	const struct object_user who = { 1, 1 };
	struct key *k;

	FUZZ_RULE(keystore_hold(keys[0], 1, 1, &k) == 0);
	FUZZ_RULE(template_create(k, mech_choose(mech_find(key_mech(k)),
						 UKCF_OP_TMPL_CREATE, 0),
				  who, (struct request_id){ 1, 1 }, false,
				  &keys[n_keys++]) == 0);
	keystore_release(k);
}

static void make_context(uint64_t id, uint32_t op, uint32_t mech)
{
	const struct mech *m = mech_find(mech);
	const struct context_spec spec = {
		.op = op, .tag_len = m->limits.tag_max, .mech = m,
		.offer = mech_choose(m, op, 0),
	};

	contexts.at[id] = context_new(1, &spec);
	FUZZ_RULE(contexts.at[id] != NULL);
}

static void set_up(void)
{
	clock_init();
	consumer.uid = 1;
	for (unsigned int i = 0; i < 2; i++) {
		arenas[i] = (struct arena){ .refs = 1, .index = (uint16_t)i,
					    .kind = (uint16_t)i,
					    .base = guarded(),
					    .size = ARENA_SIZE, .fd = -1 };
		consumer.buffers[i] = &arenas[i];
	}
	FUZZ_RULE(mech_init() == 0);
	FUZZ_RULE(keystore_open(-1, 1000) == 0);
	FUZZ_RULE(template_open(-1, 1000) == 0);
	FUZZ_RULE(context_init(1000) == 0);
	FUZZ_RULE(scratch_init(&scratch) == 0);
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		offers[i] = (struct ukcf_offer){
			.mech = mech_rows[i].id, .ops = &all_ops,
			.cost_ns = 100,
			/* half of them read in place */
			.single_pass = i & 1 ? UINT32_MAX : 0,
		};
		FUZZ_RULE(mech_add_offer(&provider, &offers[i]) == 0);
	}
	make_key(UKCF_MECH_HMAC_SHA2_256, 0x7f, 0);
	make_key(UKCF_MECH_AES_256_GCM, 0x7f, 0);
	make_key(UKCF_MECH_AES_256_GCM, 0x7f, UKCF_KEY_OWN);
	make_key(UKCF_MECH_CHACHA20_POLY1305, UKCF_USE_ENCRYPT, 0);
	make_key(UKCF_MECH_ED25519, 0x7f, 0);
	make_key(UKCF_MECH_X25519, 0x7f, UKCF_KEY_EXPORTABLE);
	make_key(UKCF_MECH_NULL_SIGN, 0x7f, 0);
	make_template();
	make_key(UKCF_MECH_AES_256_CBC, 0x7f, 0);
	make_key(UKCF_MECH_AES_256_CBC_PAD, 0x7f, UKCF_KEY_OWN);
	make_key(UKCF_MECH_AES_256_KW, 0x7f, 0);
	make_key(UKCF_MECH_XCHACHA20_POLY1305, 0x7f, UKCF_KEY_OWN);
	make_key(UKCF_MECH_CHACHA20_POLY1305, 0x7f, UKCF_KEY_DAEMON_NONCE);
	make_key(UKCF_MECH_SECRETSTREAM, 0x7f, 0);
	make_key(UKCF_MECH_X25519_SEALED_BOX, 0x7f, 0);
	make_key(UKCF_MECH_RSA_OAEP_SHA2_256, 0x7f, 0);
	make_key(UKCF_MECH_RSA_PSS_SHA2_256, 0x7f, 0);
	make_key(UKCF_MECH_HKDF_SHA2_256, 0x7f, 0);
	make_key(UKCF_MECH_ARGON2ID, 0x7f, 0);
	make_context(1, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256);
	make_context(2, UKCF_OP_ENCRYPT, UKCF_MECH_CHACHA20_POLY1305);
	make_context(3, UKCF_OP_MAC_VERIFY, UKCF_MECH_HMAC_SHA2_256);
	make_context(4, UKCF_OP_DECRYPT, UKCF_MECH_AES_256_CBC_PAD);
	make_context(5, UKCF_OP_ENCRYPT, UKCF_MECH_SECRETSTREAM);
	make_context(6, UKCF_OP_DECRYPT, UKCF_MECH_SECRETSTREAM);
	make_context(7, UKCF_OP_DIGEST, UKCF_MECH_BLAKE2B);
}

/* --------------------------------------------------------------- the rule */

static void inside(const struct request *req, unsigned int i,
		   struct ukcf_range r)
{
	const struct arena *a = req->arena[i];

	if (!req->at[i])
		return;
	FUZZ_RULE(a != NULL && r.len > 0);
	FUZZ_RULE(r.len <= ARENA_SIZE && r.off <= ARENA_SIZE - r.len);
	FUZZ_RULE(req->at[i] == a->base + r.off);
	FUZZ_RULE(i != UKCF_RANGE_OUT || a->kind == UKCF_BUFFER_OUTPUT);
}

#define UNTOUCHED 0xa5 /* no provider here writes it */

static void clear_out(const struct request *req)
{
	if (req->at[UKCF_RANGE_OUT])
		memset(req->at[UKCF_RANGE_OUT], UNTOUCHED,
		       req->entry->sqe.out.len);
}

/* Of two halves nothing comes out but the result, and that only if both ended
 * well. */
static void check_dual(const struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	const uint8_t *out = req->at[UKCF_RANGE_OUT];
	int64_t res = req->entry->cqe.res;
	size_t made = res > 0 ? (size_t)res : 0;

	FUZZ_RULE(res == -EBADMSG || res >= 0);
	FUZZ_RULE(res >= 0 || (s->op == UKCF_OP_MAC_VERIFY_DECRYPT &&
			       s->tag.len % 2));
	FUZZ_RULE(made <= s->out.len);
	for (size_t i = 0; i < s->out.len; i++)
		FUZZ_RULE((out[i] == UNTOUCHED) == (i >= made));
	FUZZ_RULE(dual_is_over(req));
}

static void run(struct request *req)
{
	const struct ukcf_sqe *s = &req->entry->sqe;
	unsigned int detail;

	inside(req, UKCF_RANGE_IN, s->in);
	inside(req, UKCF_RANGE_OUT, s->out);
	inside(req, UKCF_RANGE_AUX, s->aux);
	inside(req, UKCF_RANGE_TAG, s->tag);
	FUZZ_RULE(s->reserved[0] == 0 && s->reserved[1] == 0 &&
		  s->reserved[2] == 0);
	FUZZ_RULE(s->part_op == 0 || s->op == UKCF_OP_INIT);
	/* there is nothing that a first one could take */
	FUZZ_RULE(s->link_src == 0 && s->link_dst <= UKCF_LINK_KEEP);
	FUZZ_RULE(s->link_dst == 0 || (s->flags & UKCF_SQE_LINK));
	FUZZ_RULE((s->flags & ~(UKCF_SQE_FLAGS | UKCF_SQE_NOTIFY_OPDONE |
				UKCF_SQE_LINK)) == 0);
	FUZZ_RULE(s->op != UKCF_OP_NOTIFY_EVENTS ||
		  (s->ctx & ~(uint64_t)UKCF_EVENTS_ALL) == 0);
	/* There is no ring here to act on. */
	if (req->rule->kind == OP_NOP || req->rule->kind == OP_RING)
		return;
	/* Making and destroying keys would fill the store. */
	if (s->op == UKCF_OP_KEY_GENERATE || s->op == UKCF_OP_KEY_IMPORT ||
	    s->op == UKCF_OP_KEY_DESTROY || s->op == UKCF_OP_TMPL_CREATE ||
	    s->op == UKCF_OP_TMPL_DESTROY)
		return;
	if (req->entry->linked || (s->flags & UKCF_SQE_LINK)) {
		context_begin(req);
		FUZZ_RULE(chain_turn(req, &detail) == 0);
	}
	if (req->dual)
		clear_out(req);
	execute_request(req, &scratch);
	FUZZ_RULE(req->entry->cqe.res >= -4095);
	if (req->dual)
		check_dual(req);
	FUZZ_RULE(req->entry->cqe.res <= (int64_t)ARENA_SIZE + 1 ||
		  s->op == UKCF_OP_KEY_OPEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rec_entry entry;
	struct request req = { .entry = &entry };
	unsigned int detail = 0;
	int rc;

	if (!n_keys)
		set_up();
	memset(&entry, 0, sizeof(entry));
	memcpy(&entry.sqe, data,
	       size < sizeof(entry.sqe) ? size : sizeof(entry.sqe));
	for (unsigned int i = 0; i < 2; i++)
		if (entry.sqe.obj[i] && entry.sqe.obj[i] <= n_keys)
			entry.sqe.obj[i] = keys[entry.sqe.obj[i] - 1];
	rc = decode_request(&req, &consumer, &detail);
	FUZZ_RULE(rc <= 0 && rc >= -4095);
	if (rc) {
		FUZZ_RULE(detail != UKCF_DETAIL_NONE &&
			  detail < UKCF_DETAIL_LAST);
	} else {
		run(&req);
		if (req.context && context_is_chain(req.context))
			context_go_on(context_leave(&req));
		request_release(&req);
	}
	FUZZ_RULE(req.key == NULL && req.tmpl == NULL);
	FUZZ_RULE(arenas[0].refs == 1 && arenas[1].refs == 1);
	return 0;
}
