/* SPDX-License-Identifier: MIT */
/*
 * The lock guards everything; the device's thread has it while it works on a
 * request, and waits for doorbells without it.  What device and driver share is
 * accessed as a device does: by one load or store of a word.
 */
#include "tests/virtio/fake-device.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_crypto.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ukcf/provider.h>

#include "providers/virtio/virtio.h"

#define SESSIONS 256u
#define KEY_MAX 2432u
#define MAPS 80u
#define QUEUES 2u
#define CTRL 1u /* the queue */
#define DATA_MAX (1u << 20)

#define AT(m) offsetof(struct virtio_pci_common_cfg, m)

struct map {
	uint8_t *mem;
	size_t len;
	uint64_t iova;
	bool writable;
};

struct session {
	bool used;
	uint32_t service, algo, op;
	uint32_t padding, hash; /* of RSA */
	size_t len;
	uint8_t key[KEY_MAX];
};

struct queue {
	uint16_t size, vector, enabled;
	uint64_t desc, avail, used;
	int before; /* head of the request before, of this batch; -1: none */
	uint16_t seen; /* avail index */
	uint16_t made; /* used index */
};

/* A request, as it was found. */
struct request {
	uint16_t head;
	uint8_t in[DATA_MAX + 256];
	size_t n_in;
	uint8_t *answer, *status; /* mapped */
	size_t room;
	size_t zeros; /* that a number begins with: not written, as by QEMU */
};

#define FAULTS(F)                                                             \
	F(id_range) F(id_odd) F(id_idle) F(id_twice) F(len_long) F(len_zero)  \
	F(idx_jump) F(no_output) F(part_output) F(no_status) F(overrun)       \
	F(flip) F(hang) F(needs_reset) F(config) F(go) F(bus_error) F(ones)   \
	F(vanish) F(no_reset) F(slow_reset) F(same_session) F(keep_session)   \
	F(lose_session) F(no_session_status) F(ctrl_hang) F(no_ctr)           \
	F(no_version) F(no_platform) F(no_features) F(not_ready) F(error)     \
	F(idx_back) F(idx_far) F(len_max) F(len_short) F(used_flags)          \
	F(no_doorbell) F(lost_irq) F(irq_storm) F(config_storm)               \
	F(status_odd) F(status_notsupp) F(status_nospc) F(status_badmsg)      \
	F(head_output) F(tail_output) F(overrun_far) F(late)                  \
	F(create_err) F(create_notsupp) F(create_nospc) F(create_odd)         \
	F(session_huge) F(ctrl_id) F(ctrl_jump) F(ctrl_back) F(ctrl_len)      \
	F(status_zero) F(status_failed) F(not_ready_now)                      \
	F(no_enable) F(odd_size) F(tiny_queue) F(no_vector) F(few_queues)     \
	F(no_queues) F(no_raw) F(small_queue) F(flip_shared) F(gather) F(absent)

#define FAULT_ENUM(name) FAULT_##name,
#define FAULT_NAME(name) #name,
enum { FAULTS(FAULT_ENUM) N_FAULTS };
static const char *const names[N_FAULTS] = { FAULTS(FAULT_NAME) };

static struct fake {
	struct transport transport; /* first */
	pthread_mutex_t lock;
	pthread_cond_t kick;
	pthread_t thread;
	bool open, stopping;
	unsigned int faults[N_FAULTS];
	struct fake_counts counts;
	struct session sessions[SESSIONS];
	uint64_t last_session;

	uint8_t status;
	uint32_t feature_select, guest_select;
	uint32_t guest[2];
	uint16_t queue_select, config_vector;
	struct queue queues[QUEUES];
	struct map maps[MAPS], left[MAPS]; /* left: when it was closed */
	struct request request;
	bool is_late; /* that one is answered when it is too late */
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER,
	   .kick = PTHREAD_COND_INITIALIZER };

static bool spend(unsigned int fault)
{
	if (!fake.faults[fault])
		return false;
	fake.faults[fault]--;
	fake.counts.spent++;
	return true;
}

static void interrupt(enum transport_irq irq)
{
	const uint64_t one = 1;

	if (fake.transport.irq[irq] >= 0 &&
	    write(fake.transport.irq[irq], &one, sizeof(one)) < 0)
		abort();
}

/* ------------------------------------------------------------------- memory */

/* NULL: the IOMMU refuses. */
static uint8_t *reach(uint64_t iova, size_t len, bool writes)
{
	for (unsigned int i = 0; i < MAPS; i++) {
		const struct map *m = &fake.maps[i];

		if (m->mem && len <= m->len && iova >= m->iova &&
		    iova - m->iova <= m->len - len && (m->writable || !writes))
			return m->mem + (iova - m->iova);
	}
	fake.counts.violations++;
	return NULL;
}

static uint16_t load16(const void *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE));
}

static void store16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, htole16(v), __ATOMIC_SEQ_CST);
}

static void store32(void *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)p, htole32(v), __ATOMIC_RELAXED);
}

bool fake_reaches(const void *mem, size_t len)
{
	uintptr_t at = (uintptr_t)mem;
	bool is = false;

	pthread_mutex_lock(&fake.lock);
	for (unsigned int i = 0; i < MAPS; i++) {
		uintptr_t from = (uintptr_t)fake.maps[i].mem;

		is |= from && at < from + fake.maps[i].len && from < at + len;
	}
	pthread_mutex_unlock(&fake.lock);
	return is;
}

static void store8(uint8_t *p, uint8_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

/* -------------------------------------------------------------------- rings */

static struct vring_avail *avail_of(const struct queue *q)
{
	return (void *)reach(q->avail, sizeof(struct vring_avail) +
					       2u * q->size, false);
}

static struct vring_used *used_of(const struct queue *q)
{
	return (void *)reach(q->used, sizeof(struct vring_used) +
					      8u * q->size, true);
}

/* A chain of readable pieces, then one that is writable, or two: the answer and
 * its status. */
static bool gather(const struct queue *q, uint16_t head, struct request *r)
{
	uint16_t at = head;

	*r = (struct request){ .head = head };
	for (unsigned int i = 0; i < q->size; i++) {
		const struct vring_desc *d = (void *)reach(
			q->desc + 16u * at, sizeof(*d), false);
		uint64_t addr = d ? le64toh(d->addr) : 0;
		uint32_t len = d ? le32toh(d->len) : 0;
		uint16_t flags = d ? le16toh(d->flags) : 0;
		uint8_t *p = d ? reach(addr, len,
				       flags & VRING_DESC_F_WRITE) : NULL;

		if (!p || len > sizeof(r->in) - r->n_in)
			return false;
		if (flags & VRING_DESC_F_WRITE) {
			if (!r->answer)
				r->answer = p;
			r->status = p + len - 1;
			r->room += len;
		} else {
			memcpy(r->in + r->n_in, p, len);
			r->n_in += len;
		}
		if (!(flags & VRING_DESC_F_NEXT))
			return r->answer;
		at = le16toh(d->next);
	}
	return false;
}

static void put_used(struct queue *q, uint32_t id, uint32_t len)
{
	struct vring_used *u = used_of(q);

	if (!u)
		return;
	store32(&u->ring[q->made % q->size].id, id);
	store32(&u->ring[q->made % q->size].len, len);
	q->made++;
}

static void publish(struct queue *q, uint16_t old)
{
	struct vring_used *u = used_of(q);
	struct vring_avail *a = avail_of(q);
	bool wanted;

	if (!u || !a)
		return;
	if (q != &fake.queues[CTRL] && spend(FAULT_idx_back))
		q->made = (uint16_t)(old - 1);
	store16(&u->idx, q->made);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (spend(FAULT_used_flags)) /* of no meaning with event indexes */
		store16(&u->flags, 0xffff);
	if (fake.guest[0] & 1u << VIRTIO_RING_F_EVENT_IDX)
		wanted = vring_need_event(load16(&a->ring[q->size]), q->made,
					  old);
	else
		wanted = !(load16(&a->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	if (wanted && !spend(FAULT_lost_irq))
		interrupt(q == &fake.queues[CTRL] ? TRANSPORT_IRQ_CTRL :
						    TRANSPORT_IRQ_DATA);
}

/* ------------------------------------------------------------------- cipher */

static const EVP_CIPHER *cipher_of(const struct session *s)
{
	switch (s->algo << 8 | (uint32_t)s->len) {
	case VIRTIO_CRYPTO_CIPHER_AES_CBC << 8 | 16:
		return EVP_aes_128_cbc();
	case VIRTIO_CRYPTO_CIPHER_AES_CBC << 8 | 24:
		return EVP_aes_192_cbc();
	case VIRTIO_CRYPTO_CIPHER_AES_CBC << 8 | 32:
		return EVP_aes_256_cbc();
	case VIRTIO_CRYPTO_CIPHER_AES_CTR << 8 | 16:
		return EVP_aes_128_ctr();
	case VIRTIO_CRYPTO_CIPHER_AES_CTR << 8 | 24:
		return EVP_aes_192_ctr();
	case VIRTIO_CRYPTO_CIPHER_AES_CTR << 8 | 32:
		return EVP_aes_256_ctr();
	case VIRTIO_CRYPTO_CIPHER_AES_XTS << 8 | 32:
		return EVP_aes_128_xts();
	case VIRTIO_CRYPTO_CIPHER_AES_XTS << 8 | 64:
		return EVP_aes_256_xts();
	default:
		return NULL;
	}
}

static bool run_cipher(const struct session *s, const uint8_t *iv,
		       const uint8_t *in, uint8_t *out, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, rest = 0;
	bool ok = ctx && len % 16 == 0 &&
		  EVP_CipherInit_ex(ctx, cipher_of(s), NULL, s->key, iv,
				    s->op == VIRTIO_CRYPTO_OP_ENCRYPT) &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) &&
		  EVP_CipherUpdate(ctx, out, &n, in, (int)len) &&
		  EVP_CipherFinal_ex(ctx, out + n, &rest);

	EVP_CIPHER_CTX_free(ctx);
	return ok && (size_t)(n + rest) == len;
}

static EVP_PKEY *rsa_of(const struct session *s)
{
	const unsigned char *p = s->key;

	return s->op == VIRTIO_CRYPTO_AKCIPHER_KEY_TYPE_PRIVATE ?
		       d2i_PrivateKey(EVP_PKEY_RSA, NULL, &p, (long)s->len) :
		       d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)s->len);
}

static const EVP_MD *digest_of(const struct session *s)
{
	switch (s->hash) {
	case VIRTIO_CRYPTO_RSA_SHA256:
		return EVP_sha256();
	case VIRTIO_CRYPTO_RSA_SHA384:
		return EVP_sha384();
	default:
		return EVP_sha512();
	}
}

struct rsa_work {
	EVP_PKEY_CTX *ctx;
	const struct session *s;
	const uint8_t *in;
	size_t src, dst;
	uint8_t *out;
};

static bool set_padding(const struct rsa_work *w)
{
	return EVP_PKEY_CTX_set_rsa_padding(
		       w->ctx, w->s->padding == VIRTIO_CRYPTO_RSA_RAW_PADDING ?
				       RSA_NO_PADDING :
				       RSA_PKCS1_PADDING) > 0;
}

static uint8_t run_sign(const struct rsa_work *w)
{
	size_t len = w->dst;

	return EVP_PKEY_sign_init(w->ctx) > 0 && set_padding(w) &&
			       EVP_PKEY_CTX_set_signature_md(
				       w->ctx, digest_of(w->s)) > 0 &&
			       EVP_PKEY_sign(w->ctx, w->out, &len, w->in,
					     w->src) > 0 &&
			       len == w->dst ?
		       VIRTIO_CRYPTO_OK :
		       VIRTIO_CRYPTO_ERR;
}

/* The digest follows the signature. */
static uint8_t run_verify(const struct rsa_work *w)
{
	if (EVP_PKEY_verify_init(w->ctx) <= 0 || !set_padding(w) ||
	    EVP_PKEY_CTX_set_signature_md(w->ctx, digest_of(w->s)) <= 0)
		return VIRTIO_CRYPTO_ERR;
	return EVP_PKEY_verify(w->ctx, w->in, w->src, w->in + w->src,
			       w->dst) == 1 ?
		       VIRTIO_CRYPTO_OK :
		       VIRTIO_CRYPTO_KEY_REJECTED;
}

static uint8_t run_encrypt(const struct rsa_work *w)
{
	size_t len = w->dst;

	return EVP_PKEY_encrypt_init(w->ctx) > 0 && set_padding(w) &&
			       EVP_PKEY_encrypt(w->ctx, w->out, &len, w->in,
						w->src) > 0 &&
			       len == w->dst ?
		       VIRTIO_CRYPTO_OK :
		       VIRTIO_CRYPTO_ERR;
}

static uint8_t give(const struct rsa_work *w, const uint8_t *bytes)
{
	memcpy(w->out, bytes, w->dst);
	return VIRTIO_CRYPTO_OK;
}

static uint8_t run_decrypt(const struct rsa_work *w)
{
	uint8_t all[512]; /* libcrypto wants room for the modulus */
	size_t len = sizeof(all);

	return EVP_PKEY_decrypt_init(w->ctx) > 0 && set_padding(w) &&
			       EVP_PKEY_decrypt(w->ctx, all, &len, w->in,
						w->src) > 0 &&
			       len == w->dst ?
		       give(w, all) :
		       VIRTIO_CRYPTO_ERR;
}

static const struct {
	uint32_t opcode;
	uint8_t (*run)(const struct rsa_work *w);
	bool gives; /* bytes; else they are all read */
} rsa_ops[] = {
	{ VIRTIO_CRYPTO_AKCIPHER_SIGN, run_sign, true },
	{ VIRTIO_CRYPTO_AKCIPHER_VERIFY, run_verify, false },
	{ VIRTIO_CRYPTO_AKCIPHER_ENCRYPT, run_encrypt, true },
	{ VIRTIO_CRYPTO_AKCIPHER_DECRYPT, run_decrypt, true },
};

static void drop_zeros(struct request *r, uint8_t *out, size_t *n)
{
	while (r->zeros < *n && out[r->zeros] == 0)
		r->zeros++;
	*n -= r->zeros;
	memmove(out, out + r->zeros, *n);
	fake.counts.trimmed += r->zeros > 0;
}

static uint8_t perform_rsa(struct request *r, const struct session *s,
			   uint8_t *out, size_t *n)
{
	struct virtio_crypto_op_data_req q;
	struct rsa_work w = { .s = s, .in = r->in + sizeof(q), .out = out };
	uint8_t status = VIRTIO_CRYPTO_ERR;
	EVP_PKEY *key = rsa_of(s);
	unsigned int i = 0;
	size_t gives, reads;

	memcpy(&q, r->in, sizeof(q));
	w.src = le32toh(q.u.akcipher_req.para.src_data_len);
	w.dst = le32toh(q.u.akcipher_req.para.dst_data_len);
	while (i < 3 && rsa_ops[i].opcode != le32toh(q.header.opcode))
		i++;
	gives = rsa_ops[i].gives ? w.dst : 0;
	reads = rsa_ops[i].gives ? 0 : w.dst;
	w.ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	if (w.ctx && w.src <= DATA_MAX && w.dst <= DATA_MAX &&
	    r->n_in == sizeof(q) + w.src + reads && r->room == gives + 1) {
		*n = gives;
		status = rsa_ops[i].run(&w);
		if (status == VIRTIO_CRYPTO_OK)
			drop_zeros(r, out, n);
	}
	EVP_PKEY_CTX_free(w.ctx);
	EVP_PKEY_free(key);
	return status;
}

/* Return: the status; out has n bytes, as many as the request asks for. */
static uint8_t perform(struct request *r, uint8_t *out, size_t *n)
{
	struct virtio_crypto_op_data_req q;
	const struct virtio_crypto_cipher_para *p =
		&q.u.sym_req.u.cipher.para;
	const struct session *s;
	size_t iv;

	*n = r->zeros = 0;
	if (r->n_in < sizeof(q))
		return VIRTIO_CRYPTO_ERR;
	memcpy(&q, r->in, sizeof(q));
	if (le64toh(q.header.session_id) >= SESSIONS ||
	    !fake.sessions[le64toh(q.header.session_id)].used)
		return VIRTIO_CRYPTO_INVSESS;
	s = &fake.sessions[le64toh(q.header.session_id)];
	if (s->service != le32toh(q.header.opcode) >> 8)
		return VIRTIO_CRYPTO_ERR; /* QEMU falls over */
	if (s->service == VIRTIO_CRYPTO_SERVICE_AKCIPHER)
		return perform_rsa(r, s, out, n);
	iv = le32toh(p->iv_len);
	*n = le32toh(p->src_data_len);
	if (iv != 16 || *n > DATA_MAX || le32toh(p->dst_data_len) != *n ||
	    r->n_in != sizeof(q) + iv + *n || r->room != *n + 1) {
		*n = 0;
		return VIRTIO_CRYPTO_ERR;
	}
	return run_cipher(s, r->in + sizeof(q), r->in + sizeof(q) + iv, out,
			  *n) ? VIRTIO_CRYPTO_OK : VIRTIO_CRYPTO_ERR;
}

/* --------------------------------------------------------------- data queue */

static uint8_t output[DATA_MAX];

/* What it says of a request, whatever it did. */
static uint8_t other_status(uint8_t status)
{
	static const struct {
		unsigned int fault;
		uint8_t status;
	} others[] = {
		{ FAULT_error, VIRTIO_CRYPTO_ERR },
		{ FAULT_lose_session, VIRTIO_CRYPTO_INVSESS },
		{ FAULT_status_odd, 0x77 },
		{ FAULT_status_notsupp, VIRTIO_CRYPTO_NOTSUPP },
		{ FAULT_status_nospc, VIRTIO_CRYPTO_NOSPC },
		{ FAULT_status_badmsg, VIRTIO_CRYPTO_BADMSG },
	};

	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (spend(others[i].fault))
			return others[i].status;
	return status;
}

/* The right answer, or less. */
static void answer(struct request *r)
{
	size_t n;
	uint8_t status = other_status(perform(r, output, &n));

	/* of what it does not write into a copy */
	if (n && r->status != r->answer + n && spend(FAULT_flip_shared))
		output[n / 2] ^= 0x10;
	if (n && spend(FAULT_flip))
		output[n / 2] ^= 0x10;
	if (spend(FAULT_part_output))
		memcpy(r->answer, output, n / 2);
	else if (n >= 16 && spend(FAULT_head_output))
		memcpy(r->answer + 16, output + 16, n - 16);
	else if (n >= 16 && spend(FAULT_tail_output))
		memcpy(r->answer, output, n - 16);
	else if (!spend(FAULT_no_output) && status == VIRTIO_CRYPTO_OK)
		memcpy(r->answer, output, n);
	if (!spend(FAULT_no_status))
		store8(r->status, status);
	if (spend(FAULT_overrun)) /* it is mapped, and somebody else's */
		memset(r->status + 1, 0x33, 8);
	if (spend(FAULT_overrun_far))
		memset(r->status + 9, 0x33, 8);
}

static void say_used(struct queue *q, const struct request *r)
{
	uint32_t id = r->head, len = (uint32_t)(r->room - r->zeros);

	if (spend(FAULT_id_range))
		id = 0x7ffffffe;
	if (spend(FAULT_id_odd))
		id ^= 1;
	if (spend(FAULT_id_idle))
		id = q->size - 4u;
	if (spend(FAULT_len_long))
		len += 1000;
	if (spend(FAULT_len_max))
		len = UINT32_MAX;
	if (spend(FAULT_len_short))
		len--;
	if (spend(FAULT_len_zero))
		len = 0;
	if (q->before >= 0 && spend(FAULT_id_twice))
		id = (uint32_t)q->before;
	q->before = r->head;
	put_used(q, id, len);
	if (spend(FAULT_idx_jump))
		q->made = (uint16_t)(q->made + 3);
	if (spend(FAULT_idx_far))
		q->made = (uint16_t)(q->made + 0x8000);
}

static void storm(enum transport_irq irq)
{
	for (unsigned int i = 0; i < 1000; i++)
		interrupt(irq);
}

/* Without a request: what happens around it. */
static void happen(void)
{
	if (spend(FAULT_status_zero)) {
		fake.status = 0;
		interrupt(TRANSPORT_IRQ_CONFIG);
	}
	if (spend(FAULT_status_failed)) {
		fake.status |= VIRTIO_CONFIG_S_FAILED;
		interrupt(TRANSPORT_IRQ_CONFIG);
	}
	if (spend(FAULT_not_ready_now)) {
		fake.faults[FAULT_not_ready] = 1;
		interrupt(TRANSPORT_IRQ_CONFIG);
	}
	if (spend(FAULT_irq_storm)) {
		storm(TRANSPORT_IRQ_DATA);
		storm(TRANSPORT_IRQ_CTRL);
	}
	if (spend(FAULT_config_storm))
		storm(TRANSPORT_IRQ_CONFIG);
	if (spend(FAULT_needs_reset)) {
		fake.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
		interrupt(TRANSPORT_IRQ_CONFIG);
	}
	if (spend(FAULT_config))
		interrupt(TRANSPORT_IRQ_CONFIG);
	if (spend(FAULT_go)) {
		fake.faults[FAULT_absent] = 1;
		interrupt(TRANSPORT_IRQ_GO);
	}
	if (spend(FAULT_bus_error))
		interrupt(TRANSPORT_IRQ_ERROR);
}

static void serve_data(struct queue *q, struct request *r)
{
	fake.counts.requests++;
	if (spend(FAULT_hang))
		return;
	if (spend(FAULT_late)) { /* it stops here */
		fake.is_late = true;
		return;
	}
	answer(r);
	say_used(q, r);
}

/* ------------------------------------------------------------ control queue */

static int free_session(void)
{
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (!fake.sessions[i].used)
			return (int)i;
	return -1;
}

static void take_cipher(const struct virtio_crypto_op_ctrl_req *q,
			struct session *s)
{
	const struct virtio_crypto_cipher_session_para *p =
		&q->u.sym_create_session.u.cipher.para;

	s->algo = le32toh(p->algo);
	s->op = le32toh(p->op);
	s->len = le32toh(p->keylen);
}

static void take_rsa(const struct virtio_crypto_op_ctrl_req *q,
		     struct session *s)
{
	const struct virtio_crypto_akcipher_session_para *p =
		&q->u.akcipher_create_session.para;

	s->algo = le32toh(p->algo);
	s->op = le32toh(p->keytype);
	s->padding = le32toh(p->u.rsa.padding_algo);
	s->hash = le32toh(p->u.rsa.hash_algo);
	s->len = le32toh(p->keylen);
}

static uint32_t create(const struct request *r, uint64_t *id)
{
	struct virtio_crypto_op_ctrl_req q;
	struct session *s;
	int i = free_session();

	memcpy(&q, r->in, sizeof(q));
	if (i < 0)
		return VIRTIO_CRYPTO_ERR;
	s = &fake.sessions[i];
	*s = (struct session){ .service = le32toh(q.header.opcode) >> 8 };
	if (s->service == VIRTIO_CRYPTO_SERVICE_CIPHER)
		take_cipher(&q, s);
	else
		take_rsa(&q, s);
	if (s->len != r->n_in - sizeof(q) || s->len > KEY_MAX)
		return VIRTIO_CRYPTO_ERR;
	if (s->service == VIRTIO_CRYPTO_SERVICE_CIPHER &&
	    (!cipher_of(s) || (fake.faults[FAULT_no_ctr] &&
			       s->algo == VIRTIO_CRYPTO_CIPHER_AES_CTR)))
		return VIRTIO_CRYPTO_NOTSUPP;
	if (s->service == VIRTIO_CRYPTO_SERVICE_AKCIPHER &&
	    s->padding == VIRTIO_CRYPTO_RSA_RAW_PADDING &&
	    fake.faults[FAULT_no_raw])
		return VIRTIO_CRYPTO_NOTSUPP;
	memcpy(s->key, r->in + sizeof(q), s->len);
	s->used = true;
	fake.counts.created++;
	*id = (uint64_t)i;
	if (spend(FAULT_session_huge))
		*id = UINT64_MAX;
	if (spend(FAULT_same_session))
		*id = fake.last_session;
	fake.last_session = *id;
	return VIRTIO_CRYPTO_OK;
}

static uint8_t destroy(const struct request *r)
{
	struct virtio_crypto_op_ctrl_req q;
	uint64_t id;

	memcpy(&q, r->in, sizeof(q));
	id = le64toh(q.u.destroy_session.session_id);
	if (id >= SESSIONS || !fake.sessions[id].used)
		return VIRTIO_CRYPTO_ERR;
	if (spend(FAULT_keep_session))
		return VIRTIO_CRYPTO_ERR;
	memset(&fake.sessions[id], 0, sizeof(fake.sessions[id]));
	fake.counts.destroyed++;
	return VIRTIO_CRYPTO_OK;
}

/* Whatever it did. */
static uint32_t other_create_status(uint32_t status)
{
	if (spend(FAULT_create_err))
		return VIRTIO_CRYPTO_ERR;
	if (spend(FAULT_create_notsupp))
		return VIRTIO_CRYPTO_NOTSUPP;
	if (spend(FAULT_create_nospc))
		return VIRTIO_CRYPTO_NOSPC;
	return spend(FAULT_create_odd) ? 0x12345678 : status;
}

static void say_ctrl_used(struct queue *q, const struct request *r)
{
	put_used(q, spend(FAULT_ctrl_id) ? 0x7ffffffe : r->head,
		 (uint32_t)r->room + (spend(FAULT_ctrl_len) ? 1000 : 0));
	if (spend(FAULT_ctrl_jump))
		q->made = (uint16_t)(q->made + 3);
	if (spend(FAULT_ctrl_back))
		q->made = (uint16_t)(q->made - 2);
}

static void serve_ctrl(struct queue *q, struct request *r)
{
	struct virtio_crypto_session_input in = { 0 };
	uint32_t opcode;

	if (r->n_in < sizeof(struct virtio_crypto_op_ctrl_req) ||
	    spend(FAULT_ctrl_hang))
		return;
	memcpy(&opcode, r->in, sizeof(opcode));
	if (le32toh(opcode) == VIRTIO_CRYPTO_CIPHER_DESTROY_SESSION ||
	    le32toh(opcode) == VIRTIO_CRYPTO_AKCIPHER_DESTROY_SESSION ||
	    r->room < sizeof(in)) {
		store8(r->answer, destroy(r));
	} else if (!spend(FAULT_no_session_status)) {
		uint64_t id = 0;

		in.status = htole32(other_create_status(create(r, &id)));
		in.session_id = htole64(id);
		memcpy(r->answer, &in, sizeof(in));
	}
	say_ctrl_used(q, r);
}

/* --------------------------------------------------------------- the thread */

static bool has_work(struct queue *q, unsigned int at_least)
{
	bool works = q->enabled && !fake.is_late &&
		     fake.status & VIRTIO_CONFIG_S_DRIVER_OK &&
		     !(fake.status & (VIRTIO_CONFIG_S_NEEDS_RESET |
				      VIRTIO_CONFIG_S_FAILED)) &&
		     !fake.faults[FAULT_ones] && !fake.faults[FAULT_vanish] &&
		     /* nobody tells it */
		     !(q == &fake.queues[0] && fake.faults[FAULT_no_doorbell]);
	struct vring_avail *a = works ? avail_of(q) : NULL;
	uint16_t n = a ? (uint16_t)(load16(&a->idx) - q->seen) : 0;

	return n && n >= at_least;
}

static bool serve(struct queue *q)
{
	bool data = q != &fake.queues[CTRL];
	uint16_t old = q->made, head;

	if (!has_work(q, data ? fake.faults[FAULT_gather] : 0))
		return false;
	q->before = -1;
	if (data)
		fake.faults[FAULT_gather] = 0;
	if (data)
		happen();
	while (has_work(q, 0)) {
		head = load16(&avail_of(q)->ring[q->seen++ % q->size]);
		if (head >= q->size || !gather(q, head, &fake.request)) {
			fake.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
			interrupt(TRANSPORT_IRQ_CONFIG);
			return false;
		}
		(data ? serve_data : serve_ctrl)(q, &fake.request);
		if (fake.is_late)
			return true;
	}
	publish(q, old);
	return true;
}

/* Tell the driver when it wants to ring the doorbell. */
static void ask_for_doorbell(struct queue *q)
{
	struct vring_used *u = q->enabled ? used_of(q) : NULL;
	struct vring_avail *a = q->enabled ? avail_of(q) : NULL;

	if (!u || !a)
		return;
	/* at the next one, though it may not have begun */
	store16(&u->ring[q->size],
		(uint16_t)(load16(&a->idx) +
			   (fake.faults[FAULT_no_doorbell] ? 0x4000 : 0)));
}

static void *device_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&fake.lock);
	while (!fake.stopping) {
		bool did = false;

		for (unsigned int i = 0; i < QUEUES; i++)
			did |= serve(&fake.queues[i]);
		if (did)
			continue;
		for (unsigned int i = 0; i < QUEUES; i++)
			ask_for_doorbell(&fake.queues[i]);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!has_work(&fake.queues[0], fake.faults[FAULT_gather]) &&
		    !has_work(&fake.queues[CTRL], 0))
			pthread_cond_wait(&fake.kick, &fake.lock);
	}
	pthread_mutex_unlock(&fake.lock);
	return NULL;
}

/* ---------------------------------------------------------------- registers */

static uint64_t features(void)
{
	uint64_t f = UINT64_C(1) << VIRTIO_F_VERSION_1 |
		     UINT64_C(1) << VIRTIO_F_ACCESS_PLATFORM |
		     UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX |
		     UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC;

	if (fake.faults[FAULT_no_version])
		f &= ~(UINT64_C(1) << VIRTIO_F_VERSION_1);
	if (fake.faults[FAULT_no_platform])
		f &= ~(UINT64_C(1) << VIRTIO_F_ACCESS_PLATFORM);
	return f;
}

static struct queue *selected(void)
{
	return &fake.queues[fake.queue_select % QUEUES];
}

static uint64_t status_now(void)
{
	if (fake.status == 0 && fake.faults[FAULT_no_reset])
		return VIRTIO_CONFIG_S_DRIVER_OK;
	if (fake.status == 0 && spend(FAULT_slow_reset))
		return VIRTIO_CONFIG_S_DRIVER_OK;
	return fake.status;
}

/* The most that it has, until it is told how many are used. */
static uint64_t queue_size(void)
{
	if (fake.faults[FAULT_tiny_queue])
		return 1;
	if (!selected()->size && fake.faults[FAULT_small_queue])
		return 16;
	if (!selected()->size || fake.faults[FAULT_odd_size])
		return 1024;
	return selected()->size;
}

static uint64_t common(uint32_t at)
{
	switch (at) {
	case AT(device_feature):
		return features() >> (32 * fake.feature_select) & UINT32_MAX;
	case AT(device_status):
		return status_now();
	case AT(msix_config):
		return fake.config_vector;
	case AT(num_queues):
		return fake.faults[FAULT_few_queues] ? 1 : QUEUES;
	case AT(queue_size):
		return queue_size();
	case AT(queue_enable):
		return fake.faults[FAULT_no_enable] ? 0 : selected()->enabled;
	case AT(queue_notify_off):
		return fake.queue_select;
	case AT(queue_msix_vector):
		return fake.faults[FAULT_no_vector] ? 0xffff :
						      selected()->vector;
	default:
		return 0;
	}
}

static uint64_t config(uint32_t at)
{
	if (at == offsetof(struct virtio_crypto_config, status))
		return fake.faults[FAULT_not_ready] ? 0 :
						      VIRTIO_CRYPTO_S_HW_READY;
	if (at == offsetof(struct virtio_crypto_config, max_dataqueues))
		return fake.faults[FAULT_no_queues] ? 0 : QUEUES - 1;
	return 0;
}

static void reset(void)
{
	memset(fake.queues, 0, sizeof(fake.queues));
	memset(fake.guest, 0, sizeof(fake.guest));
	fake.status = 0;
}

static void set_status(uint8_t v)
{
	if (fake.faults[FAULT_no_features])
		v &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	fake.status = v;
	if (v == 0)
		reset();
}

static void set_half(uint64_t *to, unsigned int half, uint64_t v)
{
	*to = half ? (*to & UINT32_MAX) | v << 32 :
		     (*to & ~(uint64_t)UINT32_MAX) | v;
}

static void set_common(uint32_t at, uint64_t v)
{
	switch (at) {
	case AT(device_feature_select):
		fake.feature_select = v & 1;
		break;
	case AT(guest_feature_select):
		fake.guest_select = v & 1;
		break;
	case AT(guest_feature):
		fake.guest[fake.guest_select] = (uint32_t)v;
		break;
	case AT(device_status):
		set_status((uint8_t)v);
		break;
	case AT(msix_config):
		fake.config_vector = (uint16_t)v;
		break;
	case AT(queue_select):
		fake.queue_select = (uint16_t)v;
		break;
	case AT(queue_size):
		selected()->size = (uint16_t)v;
		break;
	case AT(queue_msix_vector):
		selected()->vector = (uint16_t)v;
		break;
	case AT(queue_enable):
		selected()->enabled = (uint16_t)v;
		break;
	case AT(queue_desc_lo):
	case AT(queue_desc_hi):
		set_half(&selected()->desc, at != AT(queue_desc_lo), v);
		break;
	case AT(queue_avail_lo):
	case AT(queue_avail_hi):
		set_half(&selected()->avail, at != AT(queue_avail_lo), v);
		break;
	case AT(queue_used_lo):
	case AT(queue_used_hi):
		set_half(&selected()->used, at != AT(queue_used_lo), v);
		break;
	}
}

/* ---------------------------------------------------------------- transport */

static int fake_read(struct transport *t, enum transport_space space,
		     uint32_t at, void *to, size_t len)
{
	uint64_t v;
	int err = 0;

	(void)t;
	pthread_mutex_lock(&fake.lock);
	v = htole64(space == TRANSPORT_COMMON ? common(at) : config(at));
	if (fake.faults[FAULT_ones])
		v = UINT64_MAX;
	if (fake.faults[FAULT_vanish])
		err = -EIO;
	pthread_mutex_unlock(&fake.lock);
	memcpy(to, &v, len);
	return err;
}

static int fake_write(struct transport *t, enum transport_space space,
		      uint32_t at, const void *from, size_t len)
{
	uint64_t v = 0;
	int err = 0;

	(void)t;
	memcpy(&v, from, len);
	pthread_mutex_lock(&fake.lock);
	if (fake.faults[FAULT_vanish])
		err = -EIO;
	else if (space == TRANSPORT_COMMON && !fake.faults[FAULT_ones])
		set_common(at, le64toh(v));
	pthread_mutex_unlock(&fake.lock);
	return err;
}

static int fake_notify(struct transport *t, uint16_t queue, uint16_t off)
{
	int err;

	(void)t;
	pthread_mutex_lock(&fake.lock);
	err = fake.faults[FAULT_vanish] > 1 || queue != off ? -EIO : 0;
	fake.counts.notified++;
	pthread_cond_signal(&fake.kick);
	pthread_mutex_unlock(&fake.lock);
	return err;
}

static int fake_map(struct transport *t, void *mem, size_t len, uint64_t iova,
		    bool writable)
{
	int err = -ENOSPC;

	(void)t;
	pthread_mutex_lock(&fake.lock);
	for (unsigned int i = 0; i < MAPS && err; i++) {
		if (fake.maps[i].mem)
			continue;
		fake.maps[i] = (struct map){ mem, len, iova, writable };
		err = 0;
	}
	pthread_mutex_unlock(&fake.lock);
	return err;
}

static int fake_unmap(struct transport *t, uint64_t iova, size_t len)
{
	int err = -ENOENT;

	(void)t;
	pthread_mutex_lock(&fake.lock);
	for (unsigned int i = 0; i < MAPS && err; i++) {
		struct map *m = &fake.maps[i];

		if (!m->mem || m->iova != iova || m->len != len)
			continue;
		*m = (struct map){ 0 };
		err = 0;
	}
	pthread_mutex_unlock(&fake.lock);
	return err;
}

/* Until it is closed it may write, and interrupt. */
static void answer_late(void)
{
	struct queue *q = &fake.queues[0];

	fake.is_late = false;
	answer(&fake.request);
	say_used(q, &fake.request);
	publish(q, (uint16_t)(q->made - 1));
}

static void fake_close(struct transport *t)
{
	pthread_mutex_lock(&fake.lock);
	fake.stopping = true;
	pthread_cond_signal(&fake.kick);
	pthread_mutex_unlock(&fake.lock);
	pthread_join(fake.thread, NULL);
	pthread_mutex_lock(&fake.lock);
	if (fake.is_late)
		answer_late();
	memcpy(fake.left, fake.maps, sizeof(fake.left));
	memset(fake.maps, 0, sizeof(fake.maps));
	reset();
	for (unsigned int i = 0; i < TRANSPORT_IRQS; i++) {
		close(t->irq[i]);
		t->irq[i] = -1;
	}
	fake.open = false;
	pthread_mutex_unlock(&fake.lock);
}

static const struct transport_ops ops = {
	.read = fake_read,
	.write = fake_write,
	.notify = fake_notify,
	.map = fake_map,
	.unmap = fake_unmap,
	.close = fake_close,
};

static int fake_open(const struct ukcf_host *host, const char *address,
		     struct transport **t)
{
	int err = 0;

	(void)host;
	(void)address;
	pthread_mutex_lock(&fake.lock);
	if (fake.open || fake.faults[FAULT_absent])
		err = fake.open ? -EBUSY : -ENODEV;
	if (!err) {
		fake.transport.ops = &ops;
		fake.transport.vectors = TRANSPORT_VECTORS;
		for (unsigned int i = 0; i < TRANSPORT_IRQS; i++)
			fake.transport.irq[i] =
				eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		fake.stopping = false;
		fake.open = true;
		fake.counts.opened++;
		err = -pthread_create(&fake.thread, NULL, device_main, NULL);
	}
	pthread_mutex_unlock(&fake.lock);
	*t = &fake.transport;
	return err;
}

static int fake_control(const char *command)
{
	const char *value = strchr(command, '=');
	size_t len = value ? (size_t)(value - command) : 0;
	int err = -EINVAL;

	pthread_mutex_lock(&fake.lock);
	if (strcmp(command, "calm") == 0) {
		memset(fake.faults, 0, sizeof(fake.faults));
		err = 0;
	}
	for (unsigned int i = 0; value && i < N_FAULTS; i++) {
		if (strlen(names[i]) != len ||
		    strncmp(names[i], command, len) != 0)
			continue;
		fake.faults[i] = (unsigned int)atoi(value + 1);
		err = 0;
	}
	if (fake.open && (fake.faults[FAULT_ones] || fake.faults[FAULT_vanish]))
		interrupt(TRANSPORT_IRQ_CONFIG); /* of the slot it was in */
	pthread_cond_signal(&fake.kick);
	pthread_mutex_unlock(&fake.lock);
	return err;
}

const struct transport_kind fake_transport = { .open = fake_open,
					       .control = fake_control };
const struct transport_kind *const virtio_transport = &fake_transport;

/* --------------------------------------------------------------- what it saw */

struct fake_counts fake_count(void)
{
	struct fake_counts c;

	pthread_mutex_lock(&fake.lock);
	c = fake.counts;
	c.open = fake.open;
	c.sessions = 0;
	for (unsigned int i = 0; i < SESSIONS; i++)
		c.sessions += fake.sessions[i].used;
	pthread_mutex_unlock(&fake.lock);
	return c;
}

/* The driver may write there meanwhile: the kernel makes a copy. */
static bool holds(const struct map *m, const void *bytes, size_t len)
{
	uint8_t *copy = malloc(m->len);
	struct iovec to = { copy, m->len }, from = { m->mem, m->len };
	bool is;

	if (!copy || process_vm_readv(getpid(), &to, 1, &from, 1, 0) !=
			     (ssize_t)m->len)
		abort();
	is = memmem(copy, m->len, bytes, len);
	free(copy);
	return is;
}

static unsigned int hold(const struct map maps[MAPS], const void *bytes,
			 size_t len)
{
	unsigned int n = 0;

	pthread_mutex_lock(&fake.lock);
	for (unsigned int i = 0; i < MAPS; i++)
		n += maps[i].mem && holds(&maps[i], bytes, len);
	pthread_mutex_unlock(&fake.lock);
	return n;
}

unsigned int fake_sees(const void *bytes, size_t len)
{
	return hold(fake.maps, bytes, len);
}

unsigned int fake_saw(const void *bytes, size_t len)
{
	return hold(fake.left, bytes, len);
}

void fake_leave_sessions(unsigned int n)
{
	pthread_mutex_lock(&fake.lock);
	for (unsigned int i = 0; i < n && i < SESSIONS; i++)
		fake.sessions[i] = (struct session){
			.used = true,
			.service = VIRTIO_CRYPTO_SERVICE_CIPHER,
			.algo = VIRTIO_CRYPTO_CIPHER_AES_CBC,
			.op = VIRTIO_CRYPTO_OP_ENCRYPT,
			.len = 16,
		};
	pthread_mutex_unlock(&fake.lock);
}
