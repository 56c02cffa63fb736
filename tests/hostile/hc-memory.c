/* SPDX-License-Identifier: MIT */
/* Attacks on ranges, memfds, the page, and across fork(). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/ring-ops.h"
#include "tests/hostile/hc.h"

#define SIZE 8192 /* of the buffers here */

static const uint32_t lattice[] = {
	0, 1, 31, 32, 64, SIZE - 33, SIZE - 32, SIZE - 1, SIZE, SIZE + 1,
	0x7fffffff, 0x80000000, 0xffffffdf, 0xffffffff,
};
#define POINTS (sizeof(lattice) / sizeof(*lattice))

static bool inside(uint32_t off, uint32_t len)
{
	return len <= SIZE && off <= SIZE - len;
}

static void hc_06_in_out(struct hc_conn *c)
{
	struct ukcf_sqe sqe;
	uint32_t off, len;
	int64_t res;
	bool ok;

	for (unsigned int i = 0; i < POINTS * POINTS; i++) {
		off = lattice[i / POINTS];
		len = lattice[i % POINTS];
		sqe = raw_digest(i, &c->in, off, len, &c->out, 0);
		res = raw_do(&c->q, &sqe, NULL);
		ok = inside(off, len) ? res == 32 :
		     len	      ? res == -EINVAL :
					res == -EINVAL || res == 32;
		hc_want(ok, "in %u+%u gives %lld", off, len, (long long)res);
		sqe = raw_digest(i, &c->in, 0, 64, &c->out, off);
		sqe.out.len = len;
		res = raw_do(&c->q, &sqe, NULL);
		ok = inside(off, len) && len >= 32 ? res == 32 :
		     len < 32 ? res == -ENOBUFS || res == -EINVAL :
				res == -EINVAL;
		hc_want(ok, "out %u+%u gives %lld", off, len, (long long)res);
	}
}

static void hc_06_aux_tag(struct hc_conn *c, uint64_t aead, uint64_t mac)
{
	struct ukcf_sqe sqe;
	uint32_t off, len;
	int64_t res;

	for (unsigned int i = 0; i < POINTS * POINTS; i++) {
		off = lattice[i / POINTS];
		len = lattice[i % POINTS];
		sqe = (struct ukcf_sqe){
			.op = UKCF_OP_ENCRYPT, .user_data = i,
			.mech = { UKCF_MECH_CHACHA20_POLY1305 },
			.obj = { aead }, .param_len = 12,
			.in = { 0, 64 }, .out = { 0, 80 }, .aux = { off, len },
			.buf = { c->in.index, c->out.index, c->in.index },
		};
		res = raw_do(&c->q, &sqe, NULL);
		hc_want(inside(off, len) ? res == 80 :
					   res == -EINVAL ||
						   (!len && res == 80),
			"aux %u+%u gives %lld", off, len, (long long)res);
		sqe = raw_mac(i, mac, &c->in, 0, 64, &c->out, 0);
		sqe.op = UKCF_OP_MAC_VERIFY;
		sqe.out = (struct ukcf_range){ 0, 0 };
		sqe.tag = (struct ukcf_range){ off, len };
		sqe.buf[UKCF_RANGE_OUT] = 0;
		sqe.buf[UKCF_RANGE_TAG] = c->in.index;
		res = raw_do(&c->q, &sqe, NULL);
		hc_want(inside(off, len) && len >= 16 && len <= 32 ?
				res == -EBADMSG :
				res == -EINVAL,
			"tag %u+%u gives %lld", off, len, (long long)res);
	}
}

static void hc_06(struct hc *h)
{
	static const uint8_t key[32] = { 1 };
	static const uint16_t names[] = { 2, 3, 31, 62, 63, 64, 65, 255,
					  0x7fff, 0x8000, 0xffff };
	struct ukcf_sqe sqe;
	struct hc_conn c;
	int64_t aead, mac, res;

	(void)h;
	hc_open(&c, 4, SIZE);
	aead = raw_key(&c.q, &c.in, UKCF_OP_KEY_IMPORT,
		       UKCF_MECH_CHACHA20_POLY1305, NULL, 0, key, 32);
	mac = raw_key(&c.q, &c.in, UKCF_OP_KEY_IMPORT,
		      UKCF_MECH_HMAC_SHA2_256, NULL, 0, key, 32);
	if (aead < 0 || mac < 0)
		hc_bail("no keys: %lld %lld", (long long)aead, (long long)mac);
	hc_06_in_out(&c);
	hc_06_aux_tag(&c, (uint64_t)aead, (uint64_t)mac);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
		sqe = raw_digest(i, &c.in, 0, 64, &c.out, 0);
		sqe.buf[UKCF_RANGE_IN] = names[i];
		res = raw_do(&c.q, &sqe, NULL);
		hc_want(res == -EINVAL, "in buffer %u gives %lld", names[i],
			(long long)res);
		sqe = raw_digest(i, &c.in, 0, 64, &c.out, 0);
		sqe.buf[UKCF_RANGE_OUT] = names[i];
		res = raw_do(&c.q, &sqe, NULL);
		hc_want(res == -EINVAL, "out buffer %u gives %lld", names[i],
			(long long)res);
	}
	/* Output into memory that the consumer writes. */
	sqe = raw_digest(1, &c.in, 0, 64, &c.in, 0);
	hc_want(raw_do(&c.q, &sqe, NULL) == -EINVAL,
		"output into an input buffer");
	hc_works(&c);
	hc_close(&c);
}

/* ---------------------------------------------------------------- overlap */

/* Known plaintext in the output buffer: random() of the daemon's. */
static void fill_out(struct hc_conn *c, uint32_t len)
{
	struct ukcf_sqe sqe = {
		.op = UKCF_OP_RANDOM, .mech = { UKCF_MECH_RANDOM },
		.out = { 0, len }, .buf = { [UKCF_RANGE_OUT] = c->out.index },
	};
	int64_t res = raw_do(&c->q, &sqe, NULL);

	if (res != len)
		hc_bail("random %u gives %lld", len, (long long)res);
}

static void overlap_digest(struct hc_conn *c, uint32_t a, uint32_t len,
			   uint32_t b)
{
	uint8_t before[1024], want[32];
	struct ukcf_sqe sqe;
	int64_t res;
	bool apart = a + len <= b || b + 32 <= a;

	fill_out(c, sizeof(before));
	memcpy(before, c->out.p, sizeof(before));
	crypto_hash_sha256(want, before + a, len);
	sqe = raw_digest(1, &c->out, a, len, &c->out, b);
	res = raw_do(&c->q, &sqe, NULL);
	if (apart || a == b) /* in place, whatever the lengths: ukcf_digest(3) */
		hc_want(res == 32, "digest %u+%u -> %u gives %lld", a, len, b,
			(long long)res);
	else
		hc_want(res == -EINVAL, "digest %u+%u -> %u gives %lld", a,
			len, b, (long long)res);
	if (res == 32)
		memcpy(before + b, want, 32);
	hc_want(memcmp(before, c->out.p, sizeof(before)) == 0,
		"digest %u+%u -> %u: wrong bytes", a, len, b);
}

static void overlap_seal(struct hc_conn *c, uint64_t key, const uint8_t *kb,
			 uint32_t a, uint32_t len, uint32_t b, uint32_t aux)
{
	uint8_t before[1024], want[512], nonce[12] = { 0 };
	struct ukcf_sqe sqe;
	int64_t res;
	bool apart = a + len <= b || b + len + 16 <= a;
	bool aux_apart = aux + 32 <= b || b + len + 16 <= aux;

	fill_out(c, sizeof(before));
	memcpy(before, c->out.p, sizeof(before));
	crypto_aead_chacha20poly1305_ietf_encrypt(want, NULL, before + a, len,
						  before + aux, 32, NULL,
						  nonce, kb);
	sqe = (struct ukcf_sqe){
		.op = UKCF_OP_ENCRYPT, .mech = { UKCF_MECH_CHACHA20_POLY1305 },
		.obj = { key }, .param_len = 12, .in = { a, len },
		.out = { b, len + 16 }, .aux = { aux, 32 },
		.buf = { c->out.index, c->out.index, c->out.index },
	};
	res = raw_do(&c->q, &sqe, NULL);
	hc_want((apart || a == b) && aux_apart ? res == len + 16 :
						 res == -EINVAL,
		"seal %u+%u -> %u, aad %u gives %lld", a, len, b, aux,
		(long long)res);
	if (res > 0)
		memcpy(before + b, want, len + 16);
	hc_want(memcmp(before, c->out.p, sizeof(before)) == 0,
		"seal %u+%u -> %u, aad %u: wrong bytes after %lld", a, len, b,
		aux, (long long)res);
}

static void hc_08(struct hc *h)
{
	static const uint32_t at[] = { 0, 1, 16, 31, 32, 33, 64, 127, 128 };
	static const uint8_t kb[32] = { 8 };
	const unsigned int n = sizeof(at) / sizeof(*at);
	struct hc_conn c;
	int64_t key;

	(void)h;
	hc_open(&c, 4, SIZE);
	key = raw_key(&c.q, &c.in, UKCF_OP_KEY_IMPORT,
		      UKCF_MECH_CHACHA20_POLY1305, NULL, 0, kb, 32);
	if (key < 0)
		hc_bail("no key: %lld", (long long)key);
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < n; j++) {
			overlap_digest(&c, at[i], 32, at[j]);
			overlap_digest(&c, at[i], 64, at[j]);
			overlap_digest(&c, at[i], 1, at[j]);
			overlap_seal(&c, (uint64_t)key, kb, at[i], 64, at[j],
				     600);
			overlap_seal(&c, (uint64_t)key, kb, 400, 64, at[j],
				     at[i]);
		}
	hc_works(&c);
	hc_close(&c);
}

/* ------------------------------------------------------- holes and seals */

static void hc_20(struct hc *h)
{
	struct hc_conn c;
	struct raw_ring q;
	struct raw_buf b;
	struct { const char *what; int fd; } m[5];

	(void)h;
	hc_open(&c, 4, SIZE);
	if (raw_ring_open(&c.r, 4, &q) ||
	    raw_buf_alloc(&c.r, UKCF_BUFFER_INPUT, SIZE, &b))
		hc_bail("no second ring or buffer");
	m[0].what = "input buffer";
	m[0].fd = c.in.fd;
	m[1].what = "SQ half";
	m[1].fd = c.q.sq_fd;
	m[2].what = "SQ half before READY";
	m[2].fd = q.sq_fd;
	m[3].what = "input buffer before READY";
	m[3].fd = b.fd;
	m[4].what = "output buffer";
	m[4].fd = c.out.fd;
	for (unsigned int i = 0; i < 5; i++) {
		hc_want(ftruncate(m[i].fd, 0) < 0, "shrink %s", m[i].what);
		hc_want(ftruncate(m[i].fd, 1 << 20) < 0, "grow %s",
			m[i].what);
		hc_want(fallocate(m[i].fd, 0, 0, 1 << 20) < 0,
			"fallocate %s", m[i].what);
	}
	hc_works(&c);
	hc_close(&c);
}

static int punch(int fd, off_t off, off_t len)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
			 len) < 0 ? -errno : 0;
}

/* Holes before READY are found, afterwards they cannot be made. */
static void hc_22(struct hc *h)
{
	struct hc_conn c;
	struct raw_ring q;
	struct raw_buf b;
	int rc;

	(void)h;
	hc_open(&c, 4, SIZE);
	if (raw_buf_alloc(&c.r, UKCF_BUFFER_INPUT, 16 * SIZE, &b))
		hc_bail("no second buffer");
	hc_want(punch(b.fd, 4096, 4096) == 0, "a hole before READY");
	rc = raw_buf_ready(&b);
	hc_want(rc == -EPROTO, "READY with a hole gives %d", rc);
	raw_close(&c.r);
	hc_open(&c, 4, SIZE);
	if (raw_ring_open(&c.r, 8, &q))
		hc_bail("no second ring");
	hc_want(punch(q.sq_fd, 4096, 4096) == 0, "a hole before READY");
	rc = raw_ring_ready(&q);
	hc_want(rc == -EPROTO, "READY of a ring with a hole gives %d", rc);
	raw_close(&c.r);
	hc_open(&c, 4, 16 * SIZE);
	hc_want(punch(c.in.fd, 0, 4096) == -EPERM, "a hole in a buffer");
	hc_want(punch(c.q.sq_fd, 4096, 4096) == -EPERM, "a hole in a ring");
	hc_want(punch(c.out.fd, 0, 4096) < 0, "a hole in an output buffer");
	hc_want(madvise(c.in.p, 4096, MADV_REMOVE) < 0,
		"MADV_REMOVE on a buffer");
	hc_want(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, c.in.fd,
		     0) == MAP_FAILED, "another writable mapping");
	hc_want(write(c.in.fd, "x", 1) < 0, "write(2) to a sealed buffer");
	hc_works(&c);
	hc_close(&c);
}

/* ------------------------------------------------ what only ukcfd writes */

struct target {
	const char *what;
	int fd;
	void *p;
	size_t size;
};

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

static int w_mprotect(const struct target *t)
{
	return mprotect(t->p, t->size, PROT_READ | PROT_WRITE);
}

static int w_map(const struct target *t)
{
	return mmap(NULL, t->size, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd,
		    0) == MAP_FAILED ? -1 : 0;
}

static int w_write(const struct target *t)
{
	return write(t->fd, "x", 1) == 1 ? 0 : -1;
}

static int w_pwrite(const struct target *t)
{
	return pwrite(t->fd, "x", 1, 0) == 1 ? 0 : -1;
}

static int w_pwritev(const struct target *t)
{
	struct iovec v = { (void *)(uintptr_t)"x", 1 };

	return pwritev2(t->fd, &v, 1, 0, 0) == 1 ? 0 : -1;
}

static int w_ftruncate(const struct target *t)
{
	return ftruncate(t->fd, 0);
}

static int w_punch(const struct target *t)
{
	return punch(t->fd, 0, 4096);
}

static int w_reopen(const struct target *t)
{
	return reopen(t->fd, O_RDWR);
}

static int w_reopen_wo(const struct target *t)
{
	return reopen(t->fd, O_WRONLY | O_TRUNC);
}

static int w_chmod(const struct target *t)
{
	return fchmod(t->fd, 0666);
}

static int w_seal(const struct target *t)
{
	return fcntl(t->fd, F_ADD_SEALS, F_SEAL_WRITE);
}

static int w_sendfile(const struct target *t)
{
	int src = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t n = sendfile(t->fd, src, NULL, 1);

	close(src);
	return n == 1 ? 0 : -1;
}

static int w_splice(const struct target *t)
{
	int p[2];
	ssize_t n;

	if (pipe(p) < 0 || write(p[1], "x", 1) != 1)
		return 0;
	n = splice(p[0], NULL, t->fd, NULL, 1, 0);
	close(p[0]);
	close(p[1]);
	return n == 1 ? 0 : -1;
}

static int w_read_into(const struct target *t)
{
	int src = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(src, t->p, 1);

	close(src);
	return n == 1 ? 0 : -1;
}

static int w_process_vm(const struct target *t)
{
	char x = 'x';
	struct iovec l = { &x, 1 }, r = { t->p, 1 };

	return process_vm_writev(getpid(), &l, 1, &r, 1, 0) == 1 ? 0 : -1;
}

/* FOLL_FORCE writes through read-only private mappings, not shared ones. */
static int w_proc_mem(const struct target *t)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pwrite(fd, "x", 1, (off_t)(uintptr_t)t->p);

	if (fd >= 0)
		close(fd);
	return n == 1 ? 0 : -1;
}

static int w_remove(const struct target *t)
{
	return madvise(t->p, 4096, MADV_REMOVE);
}

static const struct {
	const char *how;
	int (*fn)(const struct target *t); /* below 0: refused */
} ways[] = {
	{ "mprotect", w_mprotect },
	{ "mmap PROT_WRITE", w_map },
	{ "write", w_write },
	{ "pwrite", w_pwrite },
	{ "pwritev2", w_pwritev },
	{ "ftruncate", w_ftruncate },
	{ "punch a hole", w_punch },
	{ "reopen O_RDWR", w_reopen },
	{ "reopen O_WRONLY | O_TRUNC", w_reopen_wo },
	{ "fchmod", w_chmod },
	{ "add a seal", w_seal },
	{ "sendfile", w_sendfile },
	{ "splice", w_splice },
	{ "read into the mapping", w_read_into },
	{ "process_vm_writev", w_process_vm },
	{ "/proc/self/mem", w_proc_mem },
	{ "MADV_REMOVE", w_remove },
};

static void hc_25(struct hc *h)
{
	struct target t[3];
	struct hc_conn c;
	uint8_t *copy;

	if (!h->can_drop)
		hc_skip("the daemon has our own uid: needs root to drop");
	hc_open(&c, 4, SIZE);
	fill_out(&c, 4096);
	t[0] = (struct target){ "page", c.r.page_fd,
				(void *)(uintptr_t)c.r.page, UKCF_PAGE_SIZE };
	t[1] = (struct target){ "CQ half", c.q.cq_fd,
				(void *)(uintptr_t)c.q.cq, c.q.cq_size };
	t[2] = (struct target){ "output buffer", c.out.fd, c.out.p,
				c.out.size };
	for (unsigned int i = 0; i < 3; i++) {
		copy = malloc(t[i].size);
		if (!copy)
			hc_bail("no memory");
		memcpy(copy, t[i].p, t[i].size);
		for (unsigned int j = 0; j < sizeof(ways) / sizeof(*ways); j++)
			hc_want(ways[j].fn(&t[i]) < 0, "%s: %s is allowed",
				t[i].what, ways[j].how);
		hc_want(memcmp(copy, t[i].p, t[i].size) == 0, "%s: changed",
			t[i].what);
		free(copy);
	}
	hc_works(&c);
	hc_close(&c);
}

/* ----------------------------------------------------------------- quota */

static int share_of_another(void)
{
	struct hc_conn c;

	hc_open(&c, 6, 1 << 20);
	return hc_works(&c) ? 0 : 1;
}

/* Open until refused; what: how the last refusal should read. */
static unsigned int until_refused(struct hc *h, unsigned int max,
				  int (*one)(void *), void *arg,
				  const char *what)
{
	unsigned int n;
	int rc = 0;

	for (n = 0; n < max; n++) {
		rc = one(arg);
		if (rc)
			break;
	}
	hc_want(rc == -EDQUOT, "%s: %u allowed, then %s", what, n,
		rc ? strerror(-rc) : "no end");
	printf("#   %u %s, then %s\n", n, what, strerror(-rc));
	if (h->can_drop)
		hc_want(hc_other(h) == 0,
			"another user gets nothing while we hold all %s",
			what);
	return n;
}

static int one_connection(void *arg)
{
	struct raw r;

	(void)arg;
	return raw_connect(&r);
}

static int one_ring(void *arg)
{
	struct raw_ring q;

	return raw_ring_new(arg, 2, &q);
}

static int one_big_ring(void *arg)
{
	struct raw_ring q;

	return raw_ring_new(arg, UKCF_SQ_ORDER_MAX, &q);
}

/* As many as a connection can name, from one connection after another. */
static int one_small_buffer(void *arg)
{
	struct msg_buffer m = { .kind = UKCF_BUFFER_OUTPUT, .size = 4096 };
	static unsigned int n;
	struct raw *r = arg;
	int fd, rc = 0;

	if (n++ % UKCF_BUFFERS_MAX == 0)
		rc = raw_connect(r); /* the former one stays */
	if (!rc)
		rc = raw_call(r, MSG_BUFFER_ALLOC, &m, sizeof(m), &m,
			      sizeof(m), &fd, 1);
	if (!rc)
		close(fd);
	return rc;
}

static int one_buffer(void *arg)
{
	struct msg_buffer m = { .kind = UKCF_BUFFER_OUTPUT,
				.size = 16 << 20 };
	struct raw *r = arg;
	int fd, rc;

	rc = raw_call(r, MSG_BUFFER_ALLOC, &m, sizeof(m), &m, sizeof(m), &fd,
		      1);
	if (!rc)
		close(fd);
	return rc;
}

static int one_key(void *arg)
{
	struct hc_conn *c = arg;
	int64_t k = raw_key(&c->q, &c->in, UKCF_OP_KEY_GENERATE,
			    UKCF_MECH_HMAC_SHA2_256, NULL, 0, NULL, 0);

	return k < 0 ? (int)k : 0;
}

static void hc_24(struct hc *h)
{
	struct raw many;
	struct hc_conn c;
	unsigned int n;

	hc_open(&c, 4, SIZE);
	until_refused(h, 100000, one_key, &c, "keys");
	hc_close(&c);
	hc_open(&c, 4, SIZE);
	until_refused(h, 4096, one_ring, &c.r, "rings");
	raw_close(&c.r);
	hc_open(&c, 4, SIZE);
	n = until_refused(h, 256, one_big_ring, &c.r, "rings of 4096 entries");
	hc_want(n < 64, "%u rings of 4096 entries: no bound of requests", n);
	raw_close(&c.r);
	hc_open(&c, 4, SIZE);
	until_refused(h, 4096, one_buffer, &c.r, "buffers of 16 MiB");
	raw_close(&c.r);
	n = until_refused(h, 8192, one_small_buffer, &many, "small buffers");
	hc_want(n < 4096, "%u buffers: all that there are", n);
	until_refused(h, 4096, one_connection, NULL, "connections");
}

/* ------------------------------------------------------------------ fork */

struct forked {
	struct ukcf *u;
	struct ukcf_ring *r;
	struct ukcf_buffer *in, *out;
};

static void in_child(struct forked *f)
{
	struct ukcf_sqe sqe = { .op = UKCF_OP_NOP };
	const struct ukcf_cqe *cqe;
	struct ukcf_buffer *b;
	struct ukcf_counts n;
	struct ukcf_ring *r;
	uint8_t out[32];
	int64_t res;
	int rc;

	res = ukcf_digest(f->u, UKCF_MECH_SHA2_256, "x", 1, out, 32);
	hc_want(res == -ESTALE, "child: digest gives %lld", (long long)res);
	rc = ukcf_ring_open(f->u, 8, &r);
	hc_want(rc == -ESTALE, "child: ring_open gives %d", rc);
	rc = ukcf_buffer_alloc(f->u, UKCF_BUFFER_INPUT, 4096, &b);
	hc_want(rc == -ESTALE, "child: buffer_alloc gives %d", rc);
	rc = ukcf_counts_get(f->u, &n);
	hc_want(rc == -ESTALE, "child: counts_get gives %d", rc);
	if (f->r) {
		rc = ukcf_submit_sqes(f->r, &sqe, 1);
		hc_want(rc == -ESTALE, "child: submit gives %d", rc);
		rc = ukcf_peek_cqe(f->r, &cqe);
		hc_want(rc == -ESTALE, "child: peek gives %d", rc);
		rc = ukcf_wait_cqe(f->r, &cqe, 1000000);
		hc_want(rc == -ESTALE, "child: wait gives %d", rc);
	}
	ukcf_disconnect(f->u);
	rc = ukcf_connect(&f->u, NULL, 0);
	hc_want(rc == 0, "child: connect gives %d", rc);
	if (rc)
		return;
	res = ukcf_digest(f->u, UKCF_MECH_SHA2_256, "x", 1, out, 32);
	hc_want(res == 32, "child: digest after connecting gives %lld",
		(long long)res);
	ukcf_disconnect(f->u);
}

/* Submit n digests, reap m of them. */
static void some(struct forked *f, unsigned int n, unsigned int m)
{
	const struct ukcf_cqe *cqe;
	struct ukcf_sqe *sqe;
	int rc;

	for (unsigned int i = 0; i < n; i++) {
		sqe = ukcf_get_sqe(f->r);
		if (!sqe || ukcf_prep_digest(sqe, UKCF_MECH_SHA2_256,
					     ukcf_buffer_span(f->in, 0, 64),
					     ukcf_buffer_span(f->out, 0, 32)))
			hc_bail("no entry");
	}
	rc = ukcf_submit(f->r);
	hc_want(rc == (int)n, "parent: submit gives %d", rc);
	for (unsigned int i = 0; i < m; i++) {
		rc = ukcf_wait_cqe(f->r, &cqe, 10000000000);
		if (!hc_want(rc == 0, "parent: wait gives %d", rc))
			return;
		hc_want(cqe->res == 32, "parent: res %lld",
			(long long)cqe->res);
		ukcf_cqe_seen(f->r);
	}
}

static void fork_now(struct forked *f, const char *state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(30);
		in_child(f);
		_exit(hc_status());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		hc_bail("fork");
	hc_want(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"%s: the child ended with %x", state, status);
}

static void hc_27(struct hc *h)
{
	struct forked f = { 0 };
	uint8_t out[32];
	int64_t res;

	(void)h;
	if (ukcf_connect(&f.u, NULL, 0))
		hc_bail("cannot connect");
	fork_now(&f, "connected");
	if (ukcf_ring_open(f.u, 32, &f.r) ||
	    ukcf_buffer_alloc(f.u, UKCF_BUFFER_INPUT, 4096, &f.in) ||
	    ukcf_buffer_alloc(f.u, UKCF_BUFFER_OUTPUT, 4096, &f.out))
		hc_bail("no ring");
	fork_now(&f, "ring and buffers");
	some(&f, 8, 0);
	fork_now(&f, "requests in flight");
	some(&f, 0, 8);
	some(&f, 8, 4);
	fork_now(&f, "half of them reaped");
	some(&f, 0, 4);
	for (unsigned int i = 0; i < scaled(20, 500); i++) {
		some(&f, 16, 0);
		fork_now(&f, "under load");
		some(&f, 0, 16);
	}
	res = ukcf_digest(f.u, UKCF_MECH_SHA2_256, "x", 1, out, 32);
	hc_want(res == 32, "parent: digest gives %lld", (long long)res);
	ukcf_disconnect(f.u);
}

/* Memory of one consumer never shows in another's. */
static int all_zero(void)
{
	struct hc_conn c;
	uint64_t dirty = 0;

	for (unsigned int n = 0; n < 4; n++) {
		hc_open(&c, 8, 1 << 20);
		for (uint64_t i = 0; i < c.out.size; i++)
			dirty += c.out.p[i] != 0;
		for (uint64_t i = 0; i < c.in.size; i++)
			dirty += c.in.p[i] != 0;
		for (uint64_t i = UKCF_RING_SLOTS; i < c.q.cq_size; i++)
			dirty += ((const uint8_t *)c.q.cq)[i] != 0;
		hc_close(&c);
	}
	hc_want(dirty == 0, "%llu bytes of somebody else's",
		(unsigned long long)dirty);
	return dirty != 0;
}

static void hc_48(struct hc *h)
{
	struct ukcf_sqe sqe;
	struct hc_conn c;

	hc_open(&c, 8, 1 << 20);
	memset(c.in.p, 0xa5, c.in.size);
	fill_out(&c, 1 << 20);
	for (unsigned int i = 0; i < 200; i++) {
		sqe = raw_digest(i, &c.in, i, 100000, &c.out, 0);
		raw_do(&c.q, &sqe, NULL);
	}
	hc_close(&c);
	hc_want(hc_other(h) == 0, "another consumer sees old bytes");
}

const struct hc_case hc_memory_cases[] = {
	{ "06", "offsets and lengths: boundary lattice", hc_06, 0, 0, NULL },
	{ "08", "overlapping ranges", hc_08, 0, 0, NULL },
	{ "20", "shrinking and growing memfds", hc_20, 0, 0, NULL },
	{ "22", "holes before and after READY", hc_22, 0, 0, NULL },
	{ "24", "open until refused; another user's share", hc_24, 0, 0,
	  share_of_another },
	{ "25", "writing what only the daemon writes", hc_25, 0, 0, NULL },
	{ "27", "fork in every state", hc_27, 0, 0, NULL },
	{ "48", "stale bytes in fresh memory", hc_48, 0, 0, all_zero },
	{ 0 },
};
