/* SPDX-License-Identifier: MIT */
/* Attacks on the control socket. */
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "tests/hostile/hc.h"

#define MS UINT64_C(1000000)
#define FDS_MAX 253 /* SCM_MAX_FD */

/* ---------------------------------------------------- half-open connections */

static int half_open(bool hello)
{
	struct msg_hello m = { .abi_version = UKCF_ABI_VERSION };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const char *path = getenv("UKCF_SOCKET");
	struct raw r = { .seq = 1 };

	r.sock = socket(AF_UNIX,
			SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r.sock < 0 || !path || strlen(path) >= sizeof(sa.sun_path))
		return -1;
	strcpy(sa.sun_path, path);
	if (connect(r.sock, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(r.sock);
		return -1;
	}
	if (hello)
		raw_send(&r, MSG_HELLO, &m, sizeof(m));
	return r.sock;
}

#define TIMES 9

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median: what holds connections up holds up each of them, a processor
 * that others use as well does not. */
static int connect_quickly(void)
{
	uint64_t ns[TIMES], t0;
	struct raw r;
	int rc;

	for (unsigned int i = 0; i < TIMES; i++) {
		t0 = clock_ns();
		rc = raw_connect(&r);
		ns[i] = clock_ns() - t0;
		hc_want(rc == 0, "another user cannot connect: %s",
			strerror(-rc));
		raw_close(&r);
	}
	qsort(ns, TIMES, sizeof(*ns), by_value);
	printf("#   another user connects in %.1f ms, at most %.1f ms\n",
	       (double)ns[TIMES / 2] / 1e6, (double)ns[TIMES - 1] / 1e6);
	hc_want(ns[TIMES / 2] < 50 * MS * slowness(),
		"another user waits %.1f ms", (double)ns[TIMES / 2] / 1e6);
	return hc_status();
}

static void hc_30(struct hc *h)
{
	uint64_t n = scaled(2000, 10000), open = 0;

	for (uint64_t i = 0; i < n; i++)
		if (half_open(i & 1) >= 0)
			open++;
	printf("#   %llu half-open connections made\n",
	       (unsigned long long)open);
	if (h->can_drop)
		hc_want(hc_other(h) == 0,
			"half-open connections hold up another user");
	hc_want(victim_progress(h->v, 100, 10000), "the victim waits");
}

/* ------------------------------------------------------------ descriptors */

/* fd, n times. */
static int send_fds(int sock, unsigned int n, int fd, const struct msg_head *h,
		    const void *body, size_t len)
{
	char control[CMSG_SPACE(sizeof(int) * FDS_MAX)] = { 0 };
	struct iovec v[2] = { { (void *)(uintptr_t)h, sizeof(*h) },
			      { (void *)(uintptr_t)body, len } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(sizeof(int) * n) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	for (unsigned int i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Set where hc_31_old() starts this program under a daemon of its own. */
#define TAKES_FDS "UKCF_HC_DAEMON_TAKES_FDS"

static void nothing(int sig)
{
	(void)sig;
}

/* Where the daemon was quicker our close() is the last one, and the wait is
 * ours: a signal ends it. */
static timer_t awake_at_times(void)
{
	struct sigaction sa = { .sa_handler = nothing,
				.sa_flags = SA_RESTART };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGUSR1 };
	struct itimerspec it = { .it_value.tv_nsec = 200 * (long)MS,
				 .it_interval.tv_nsec = 200 * (long)MS };
	timer_t timer;

	if (sigaction(SIGUSR1, &sa, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &ev, &timer) < 0 ||
	    timer_settime(timer, 0, &it, NULL) < 0)
		hc_bail("no timer: %s", strerror(errno));
	return timer;
}

static void close_at_once(int fd)
{
	struct linger linger = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static int send_message(struct raw *r, bool connected, unsigned int n, int fd)
{
	struct msg_hello hello = { .abi_version = UKCF_ABI_VERSION };
	struct msg_head head = {
		.magic = MSG_MAGIC, .version = UKCF_ABI_VERSION,
		.verb = connected ? MSG_COUNTS : MSG_HELLO,
		.seq = r->seq++, .len = connected ? 0 : sizeof(hello),
	};

	return send_fds(r->sock, n, fd, &head, &hello, head.len);
}

/*
 * With SO_PASSRIGHTS (Linux 6.16) the kernel refuses the message; without it
 * the daemon gets the descriptors.  give: fd is closed, the last reference
 * shall be the daemon's.
 */
static void with_fds(bool connected, unsigned int n, int fd, bool give,
		     uint64_t *refused)
{
	static struct msg_in in;
	struct raw r;
	int rc = connected ? raw_connect(&r) : raw_open(&r, NULL);

	if (rc)
		hc_bail("cannot connect: %s", strerror(-rc));
	rc = send_message(&r, connected, n, fd);
	if (give && rc == 0)
		close(fd);
	else if (give)
		close_at_once(fd);
	if (rc == -EPERM && !getenv(TAKES_FDS)) {
		++*refused;
	} else if (hc_want(rc == 0, "send: %s", strerror(-rc))) {
		rc = raw_recv(&r, &in, 10000);
		hc_want(rc || in.h.err < 0,
			"a message with %u descriptors is taken", n);
		hc_want(rc != -ETIMEDOUT, "no answer to %u descriptors", n);
	}
	raw_close(&r);
}

static void hc_31(struct hc *h)
{
	static const unsigned int counts[] = { 1, 3, 4, 100, FDS_MAX };
	uint64_t refused = 0;
	int fd = STDOUT_FILENO;

	(void)h;
	for (unsigned int i = 0; i < 2 * sizeof(counts) / sizeof(*counts); i++)
		with_fds(i & 1, counts[i / 2], fd, false, &refused);
	printf("#   %llu of %u messages refused by the kernel\n",
	       (unsigned long long)refused,
	       2 * (unsigned int)(sizeof(counts) / sizeof(*counts)));
	hc_fresh_works();
}

/* A descriptor whose close() takes as long as its owner likes: a TCP socket
 * that lingers over what nobody reads. */
static int slow_to_close(unsigned int seconds)
{
	struct linger linger = { 1, (int)seconds };
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	static const char junk[65536];
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (l < 0 || c < 0 || bind(l, (struct sockaddr *)&sa, len) < 0 ||
	    listen(l, 1) < 0 || getsockname(l, (struct sockaddr *)&sa, &len) ||
	    connect(c, (struct sockaddr *)&sa, len) < 0 ||
	    setsockopt(c, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		hc_skip("no TCP on the loopback: %s", strerror(errno));
	while (send(c, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	return c; /* l stays open, and never accepts */
}

/* The main thread must not be the one that closes them. */
static void hc_31_slow(struct hc *h)
{
	uint64_t refused = 0;
	timer_t timer = awake_at_times();

	(void)h;
	for (unsigned int i = 0; i < 16; i++) {
		with_fds(i & 1, 1, slow_to_close(60), true, &refused);
		hc_fresh_works();
	}
	timer_delete(timer);
	printf("#   %llu of 16 messages refused by the kernel\n",
	       (unsigned long long)refused);
}

/* The daemon's end of the notification socket is never read. */
static void hc_31_notify(struct hc *h)
{
	struct msg_head head = { .magic = MSG_MAGIC };
	struct hc_conn c;
	int fd = slow_to_close(30);

	(void)h;
	hc_open(&c, 4, 4096);
	hc_want(send_fds(c.r.notify, 1, fd, &head, NULL, 0) == -EPIPE,
		"a descriptor can be left in the notification socket");
	close_at_once(fd);
	hc_close(&c);
	hc_fresh_works();
}

static int deny_passrights(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 83, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			 SECCOMP_RET_ERRNO | (ENOPROTOOPT & 0xffff)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return -errno;
	return 0;
}

static int under_old_daemon(void *arg)
{
	char self[PATH_MAX], dir[PATH_MAX], opt[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)arg;
	if (n < 0 || !getcwd(dir, sizeof(dir)) || deny_passrights())
		return 1;
	self[n] = '\0';
	snprintf(opt, sizeof(opt), "--provider-dir=%s/providers/.libs", dir);
	setenv(TAKES_FDS, "1", 1);
	execl("daemon/ukcfd", "ukcfd", "--run", opt, "--", self, "31", NULL);
	return 1;
}

/* The same as if the kernel were older: under a daemon of its own. */
static void hc_31_old(struct hc *h)
{
	int rc;

	(void)h;
	if (getenv(TAKES_FDS))
		return;
	rc = hc_child(under_old_daemon, NULL);
	hc_want(rc == 0, "under a daemon that takes descriptors: %d", rc);
}

/* ------------------------------------------------------------- identities */

struct passed {
	struct raw r;
	struct msg_challenge c;
	struct hc_conn conn;
};

static int answer_for_parent(void *arg)
{
	struct passed *p = arg;
	int fds[3];
	int rc = raw_call(&p->r, MSG_ANSWER, &p->c, sizeof(p->c),
			  &p->r.welcome, sizeof(p->r.welcome), fds, 3);

	hc_want(rc < 0, "the challenge was answered by another process");
	return hc_status();
}

static int ring_for_parent(void *arg)
{
	struct passed *p = arg;
	struct raw_buf b;
	int64_t key;
	int rc;

	rc = raw_buf_new(&p->conn.r, UKCF_BUFFER_INPUT, 4096, &b);
	if (rc) /* allowed to refuse as well */
		return 0;
	key = raw_key(&p->conn.q, &b, UKCF_OP_KEY_GENERATE,
		      UKCF_MECH_HMAC_SHA2_256, "hc33", 0, NULL, 0);
	hc_want(key > 0, "a key through a passed connection: %lld",
		(long long)key);
	return hc_status();
}

static int own_keys(void)
{
	struct ukcf_key_req req = { .name = "hc33" };
	struct ukcf_sqe sqe = { .op = UKCF_OP_KEY_OPEN,
				.in = { 0, sizeof(req) } };
	struct hc_conn c;
	int64_t res;

	hc_open(&c, 2, 4096);
	memcpy(c.in.p, &req, sizeof(req));
	sqe.buf[UKCF_RANGE_IN] = c.in.index;
	res = raw_do(&c.q, &sqe, NULL);
	hc_want(res == -ENOKEY,
		"a key made through somebody's connection is ours: %lld",
		(long long)res);
	return hc_status();
}

/* A connection passed on stays that of its connector. */
static void hc_33(struct hc *h)
{
	struct msg_hello hello = { .abi_version = UKCF_ABI_VERSION };
	static struct passed p;
	int rc = raw_open(&p.r, NULL);

	if (!rc)
		rc = raw_call(&p.r, MSG_HELLO, &hello, sizeof(hello), &p.c,
			      sizeof(p.c), NULL, 0);
	if (rc)
		hc_bail("HELLO: %s", strerror(-rc));
	hc_want(hc_child(answer_for_parent, &p) == 0,
		"another process may answer the challenge");
	raw_close(&p.r);
	hc_open(&p.conn, 4, 4096);
	hc_want(hc_child(ring_for_parent, &p) == 0,
		"a passed connection fails");
	hc_want(raw_key(&p.conn.q, &p.conn.in, UKCF_OP_KEY_GENERATE,
			UKCF_MECH_HMAC_SHA2_256, "hc33", 0, NULL, 0) < 0,
		"the key was not made as the connector's");
	if (h->can_drop)
		hc_want(hc_other(h) == 0, "another user opens it");
	hc_close(&p.conn);
}

/* --------------------------------------------------------- malformed messages */

static bool refused(struct raw *r, const char *what)
{
	static struct msg_in m;
	int rc = raw_recv(r, &m, 10000);

	if (!rc)
		msg_close_fds(&m);
	return hc_want(rc != -ETIMEDOUT, "%s: no answer", what) &&
	       hc_want(rc < 0 || m.h.err < 0, "%s: accepted", what);
}

/* One message on a connection of its own, and what it must not get. */
static void one_message(bool connected, const struct msg_head *head,
			const void *body, size_t len, const char *what)
{
	uint8_t buf[4096 + sizeof(*head)];
	struct raw r;
	int rc = connected ? raw_connect(&r) : raw_open(&r, NULL);

	if (rc)
		hc_bail("cannot connect: %s", strerror(-rc));
	memcpy(buf, head, sizeof(*head));
	memcpy(buf + sizeof(*head), body, len);
	if (send(r.sock, buf, sizeof(*head) + len, MSG_NOSIGNAL) < 0)
		hc_want(false, "%s: send: %s", what, strerror(errno));
	else
		refused(&r, what);
	raw_close(&r);
}

static void hc_34(struct hc *h)
{
	static const uint16_t verbs[] = { 0, 11, 12, 30, 31, 32, 33, 34, 64,
					  255, 256, 0x7fff, 0xffff };
	struct msg_head good = { .magic = MSG_MAGIC,
				 .version = UKCF_ABI_VERSION,
				 .seq = 100 };
	struct msg_head m;
	uint8_t body[4096] = { 0 };
	char what[64];

	for (unsigned int i = 0; i < 2 * sizeof(verbs) / sizeof(*verbs); i++) {
		m = good;
		m.verb = verbs[i / 2];
		snprintf(what, sizeof(what), "verb %u", m.verb);
		one_message(i & 1, &m, body, 0, what);
	}
	for (uint16_t v = MSG_HELLO; v <= MSG_MODULE_GET; v++)
		for (uint32_t len = 0; len < 64; len++) {
			if ((v == MSG_HELLO || v == MSG_ANSWER ||
			     v == MSG_MODULE_GET) && len == 8)
				continue;
			if (v >= MSG_RING_OPEN && v <= MSG_RING_CLOSE &&
			    len == sizeof(struct msg_ring))
				continue;
			if (v >= MSG_BUFFER_ALLOC && v <= MSG_BUFFER_FREE &&
			    len == sizeof(struct msg_buffer))
				continue;
			m = good;
			m.verb = v;
			m.len = len;
			snprintf(what, sizeof(what), "verb %u, body %u", v,
				 len);
			one_message(v > MSG_ANSWER, &m, body, len, what);
		}
	m = good;
	m.verb = MSG_COUNTS;
	m.magic++;
	one_message(true, &m, body, 0, "wrong magic");
	m = good;
	m.verb = MSG_COUNTS;
	m.version++;
	one_message(true, &m, body, 0, "wrong version");
	m = good;
	m.verb = MSG_COUNTS;
	m.len = 1;
	one_message(true, &m, body, 0, "len says more than there is");
	m.len = 0;
	one_message(true, &m, body, 8, "len says less than there is");
	m.len = UINT32_MAX;
	one_message(true, &m, body, 0, "len 2^32 - 1");
	(void)h;
	hc_fresh_works();
}

/* Reserved fields and impossible values in bodies of the right size. */
static void hc_34_values(struct hc *h)
{
	struct hc_conn c;
	struct msg_ring ring;
	struct msg_buffer buf;
	int fds[3], rc;

	(void)h;
	for (unsigned int i = 0; i < 8; i++) {
		static const uint8_t orders[8] = { 0, 13, 14, 31, 32, 63, 64,
						   255 };

		hc_open(&c, 2, 4096);
		ring = (struct msg_ring){ .sq_order = orders[i],
					  .cq_order = 3 };
		rc = raw_call(&c.r, MSG_RING_OPEN, &ring, sizeof(ring), &ring,
			      sizeof(ring), fds, 2);
		hc_want(rc < 0, "a ring of order %u", orders[i]);
		hc_close(&c);
	}
	for (unsigned int i = 0; i < 6; i++) {
		static const uint64_t sizes[6] = {
			0, UKCF_BUFFER_SIZE_MAX + 1, UINT32_MAX,
			UINT64_C(1) << 40, INT64_MAX, UINT64_MAX };

		hc_open(&c, 2, 4096);
		buf = (struct msg_buffer){ .size = sizes[i] };
		rc = raw_call(&c.r, MSG_BUFFER_ALLOC, &buf, sizeof(buf), &buf,
			      sizeof(buf), fds, 1);
		hc_want(rc < 0, "a buffer of %llu bytes",
			(unsigned long long)sizes[i]);
		hc_close(&c);
	}
	hc_open(&c, 2, 4096);
	buf = (struct msg_buffer){ .size = 4096, .kind = 2 };
	rc = raw_call(&c.r, MSG_BUFFER_ALLOC, &buf, sizeof(buf), &buf,
		      sizeof(buf), fds, 1);
	hc_want(rc < 0, "a buffer of kind 2");
	hc_close(&c);
	hc_open(&c, 2, 4096);
	buf = (struct msg_buffer){ .size = 4096, .reserved = 1 };
	rc = raw_call(&c.r, MSG_BUFFER_ALLOC, &buf, sizeof(buf), &buf,
		      sizeof(buf), fds, 1);
	hc_want(rc < 0, "a reserved field in a buffer request");
	hc_close(&c);
	for (unsigned int v = MSG_RING_READY; v <= MSG_BUFFER_FREE; v++) {
		if (v == MSG_BUFFER_ALLOC)
			continue;
		hc_open(&c, 2, 4096);
		ring = (struct msg_ring){ .ring = 0xffff };
		buf = (struct msg_buffer){ .buffer = 0xffff };
		rc = v < MSG_BUFFER_ALLOC ?
			     raw_call(&c.r, v, &ring, sizeof(ring), &ring,
				      sizeof(ring), NULL, 0) :
			     raw_call(&c.r, v, &buf, sizeof(buf), &buf,
				      sizeof(buf), NULL, 0);
		hc_want(rc < 0, "verb %u on an object that is not there", v);
		hc_close(&c);
	}
	hc_fresh_works();
}

/* As after a restart, by who has had a ring: the notifier may be about to send
 * to the socket that would be closed. */
static void hc_34_again(struct hc *h)
{
	struct msg_challenge any = { 0 };
	struct msg_welcome welcome;
	int fds[3], rc;
	struct hc_conn c;

	(void)h;
	hc_open(&c, 2, 4096);
	hc_works(&c);
	rc = raw_ring_close(&c.q);
	hc_want(rc == 0, "the ring is not closed: %s", strerror(-rc));
	c.r.seq--; /* of that message */
	rc = raw_call(&c.r, MSG_ANSWER, &any, sizeof(any), &welcome,
		      sizeof(welcome), fds, 3);
	hc_want(rc < 0, "it is welcomed once more");
	raw_close(&c.r);
	hc_fresh_works();
}

/* Messages near the valid ones, seeded. */
static void hc_34_random(struct hc *h)
{
	uint64_t n = scaled(3000, 200000);
	uint8_t msg[256];
	struct msg_head *m = (struct msg_head *)msg;
	struct raw r = { .sock = -1 };
	size_t len;
	int rc;

	for (uint64_t i = 0; i < n; i++) {
		if (r.sock < 0) {
			rc = i & 1 ? raw_connect(&r) : raw_open(&r, NULL);
			if (rc)
				hc_bail("cannot connect: %s", strerror(-rc));
		}
		len = rng_below(&h->rng, 40);
		rng_fill(&h->rng, msg, sizeof(msg));
		*m = (struct msg_head){
			.magic = MSG_MAGIC, .version = UKCF_ABI_VERSION,
			.verb = (uint16_t)rng_below(&h->rng, 36),
			.seq = (uint32_t)i, .len = (uint32_t)len,
		};
		if (rng_below(&h->rng, 4) == 0)
			msg[rng_below(&h->rng, sizeof(*m))] ^=
				(uint8_t)(1u << rng_below(&h->rng, 8));
		for (size_t j = sizeof(*m); j < sizeof(*m) + len; j++)
			if (rng_below(&h->rng, 2))
				msg[j] = 0;
		if (send(r.sock, msg, sizeof(*m) + len,
			 MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
		    rng_below(&h->rng, 8) == 0)
			raw_close(&r);
	}
	raw_close(&r);
	hc_fresh_works();
}

/* --------------------------------------------------------------- authority */

static void hc_57(struct hc *h)
{
	static const uint16_t verbs[] = { MSG_ADMIN_STATUS,
					  MSG_ADMIN_CONSUMERS };
	const char *admin = getenv("UKCF_ADMIN_SOCKET");
	static struct msg_in m;
	struct hc_conn c;
	struct raw r;
	int rc;

	for (unsigned int i = 0; i < 2; i++) {
		hc_open(&c, 2, 4096);
		rc = raw_send(&c.r, verbs[i], NULL, 0);
		if (!rc)
			rc = raw_recv(&c.r, &m, 10000);
		hc_want(rc < 0 || m.h.err < 0,
			"verb %u is served on the consumer socket", verbs[i]);
		hc_want(rc != -ETIMEDOUT, "verb %u: no answer", verbs[i]);
		hc_close(&c);
	}
	if (!h->can_drop)
		hc_skip("the daemon has our own uid, which may administer");
	if (!admin)
		hc_skip("UKCF_ADMIN_SOCKET is not set");
	rc = raw_open(&r, admin);
	if (!rc)
		rc = raw_send(&r, MSG_ADMIN_STATUS, NULL, 0);
	if (!rc)
		rc = raw_recv(&r, &m, 10000);
	hc_want(rc < 0 || m.h.err < 0, "the admin socket serves us");
	raw_close(&r);
}

const struct hc_case hc_control_cases[] = {
	{ "30", "half-open connections beyond the cap", hc_30, 0, 0,
	  connect_quickly },
	{ "31a", "messages with descriptors", hc_31, 0, 0, NULL },
	{ "31b", "descriptors that are slow to close", hc_31_slow, 0, 0, NULL },
	{ "31c", "descriptors left in the notification socket", hc_31_notify, 0,
	  0, NULL },
	{ "31d", "all that, if the kernel does not refuse them", hc_31_old, 1, 0,
	  NULL },
	{ "33", "connections passed to another process", hc_33, 0, 0, own_keys },
	{ "34a", "unknown verbs, wrong sizes", hc_34, 0, 0, NULL },
	{ "34b", "reserved fields, impossible values", hc_34_values, 0, 0, NULL },
	{ "34d", "an answer after a ring", hc_34_again, 0, 0, NULL },
	{ "34c", "random messages", hc_34_random, 0, 0, NULL },
	{ "57", "admin verbs without authority", hc_57, 0, 0, NULL },
	{ 0 },
};
