/* SPDX-License-Identifier: MIT */
/*
 * libukcf: the consumer interface of the userspace kernel cryptographic
 * framework.
 *
 * Two ways lead in.  The synchronous calls (ukcf_digest() and so on) run in
 * the calling thread when they need nothing secret of the daemon's, else over
 * a ring of the library's own.  The ring calls (ukcf_get_sqe(), ukcf_submit(),
 * ukcf_wait_cqe()) are asynchronous.  ukcf(7) and ukcf_ring(7) are the guides.
 *
 * Errors: every call returns a negative errno value; ukcf_strerror() has words
 * for it and ukcf_last_call() the detail.
 *
 * Threads: a struct ukcf may be used by any number of threads at once, as may
 * buffers and keys; a struct ukcf_ring and a struct ukcf_stream by one thread at
 * a time.  Nobody may use what is being closed.  ukcf_last_call() is per thread.
 *
 * Waits: each has a deadline, named where the function is declared.  Calls that
 * need the daemon's answer wait for 10 s at most, synchronous calls for as long
 * as ukcf_set_timeout() says, if it says less, too.
 *
 * Signals: ukcf_submit_sqes() and the prep functions on an SQE of the
 * handler's own are async-signal-safe (keys: those already registered).  All
 * other calls are not, and no synchronous call may be made in a handler.
 *
 * fork(): rings and buffers do not follow into the child; there every call
 * returns -ESTALE and ukcf_disconnect() only frees memory.  Connect again.
 *
 * The end: a program may exit, in any way and from any thread, with all of it
 * open; the daemon cleans up when the process is gone.
 */
#ifndef UKCF_UKCF_H
#define UKCF_UKCF_H

#include <stddef.h>
#include <stdint.h>

#include <ukcf/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UKCF_EXPORT __attribute__((visibility("default")))
#define UKCF_MUST_CHECK __attribute__((warn_unused_result))

#define UKCF_DEFAULT_SOCKET "/run/ukcf/ukcfd.sock"
#define UKCF_DEFAULT_ADMIN_SOCKET "/run/ukcf/admin.sock"

/** A connection to the daemon. */
struct ukcf;
/** A submission and a completion ring. */
struct ukcf_ring;
/** Registered memory. */
struct ukcf_buffer;
/** The state of a multipart operation in the caller. */
struct ukcf_stream;

/** A key: daemon-held, or local (ukcf_key_local()). */
struct ukcf_key {
	uint64_t id;
};
#define UKCF_KEY_NONE ((struct ukcf_key){ 0 })

/**
 * struct ukcf_span - a byte range inside a registered buffer
 * @off: bytes from the start of the buffer
 * @len: bytes; 0 means absent
 * @buf: ukcf_buffer_index()
 * @reserved: 0, else -EINVAL
 *
 * A span is data, not a pointer: it means the same in consumer and daemon.
 */
struct ukcf_span {
	uint32_t off;
	uint32_t len;
	uint16_t buf;
	uint16_t reserved;
};
#define UKCF_SPAN_NONE ((struct ukcf_span){ 0, 0, 0, 0 })

/* ------------------------------------------------------------ connection */

/* flags of ukcf_connect() */
#define UKCF_CONNECT_NO_CALLER 0x1 /* load no module: all calls use a ring */

/**
 * ukcf_connect() - connect to the daemon
 * @up: receives the connection
 * @path: socket; NULL: $UKCF_SOCKET (ignored in a setuid program), else
 *	/run/ukcf/ukcfd.sock
 * @flags: UKCF_CONNECT_*
 *
 * Bounded by 5 s.  Loads the daemon's provider modules for calls in the caller
 * if the peer is root, the owner of the socket's directory under /run, or the
 * caller's own user; otherwise calls go over the ring.
 *
 * Return: 0, -ENOENT or -ECONNREFUSED (no daemon), -EACCES (not permitted),
 * -EPROTO (not a ukcf daemon, or another ABI), -EDQUOT (over the quota of the
 * uid), -ETIMEDOUT, -ENOMEM, -EINVAL.
 * Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_connect(struct ukcf **up, const char *path,
					     unsigned int flags);

/** ukcf_disconnect() - close the connection, its rings, buffers and streams;
 * their pointers are no good any more.  Does not wait.  NULL is allowed.  Local
 * keys are wiped, session keys are destroyed.  Since: 0.1 */
UKCF_EXPORT void ukcf_disconnect(struct ukcf *u);

/** ukcf_version() - version of the library, e.g. "0.1.0".  Since: 0.1 */
UKCF_EXPORT const char *ukcf_version(void);

/** ukcf_strerror() - words for a negative errno value as ukcf uses it.
 * Static storage, any thread.  Since: 0.1 */
UKCF_EXPORT const char *ukcf_strerror(int64_t err);

/** ukcf_detail_name() - words for an enum ukcf_detail, cqe->detail or that of
 * ukcf_last_call(); never NULL.  For people: programs go by the errno value.
 * Since: 0.1 */
UKCF_EXPORT const char *ukcf_detail_name(unsigned int detail);
/** ukcf_event_name() - words for an enum ukcf_event, res of a CQE of kind
 * UKCF_CQE_EVENT; never NULL.  Since: 0.1 */
UKCF_EXPORT const char *ukcf_event_name(int64_t event);

/* Where a synchronous call ran. */
enum ukcf_where {
	UKCF_WHERE_NONE = 0,	/* refused by the library */
	UKCF_WHERE_CALLER = 1,	/* in the calling thread */
	UKCF_WHERE_INLINE = 2,	/* at once on a service thread */
	UKCF_WHERE_QUEUED = 3	/* by a worker, from a queue */
};

/* Why it did not run in the caller. */
enum ukcf_reason {
	UKCF_REASON_NONE = 0,
	UKCF_REASON_KEY = 1,	  /* the daemon holds the key */
	UKCF_REASON_OP = 2,	  /* key management is the daemon's */
	UKCF_REASON_NO_MODULE = 3, /* no provider offers it to callers */
	UKCF_REASON_REFUSED = 4,   /* UKCF_CONNECT_NO_CALLER */
	UKCF_REASON_UNTRUSTED = 5, /* the peer may not give us code */
	UKCF_REASON_LOAD = 6,	   /* the module could not be loaded */
	UKCF_REASON_PAGE = 7	   /* the page was being written */
};

/** struct ukcf_call - what is known of a thread's last synchronous call; times
 * saturate at 4.29 s */
struct ukcf_call {
	int64_t res;		/* what it returned */
	uint16_t where;		/* enum ukcf_where */
	uint16_t reason;	/* enum ukcf_reason */
	uint16_t provider;	/* provider id, 0: none took part */
	uint16_t detail;	/* enum ukcf_detail */
	uint32_t queue_ns;	/* 0 in the caller */
	uint32_t service_ns;	/* 0 in the caller: not measured there */
	uint16_t flags;		/* UKCF_CQE_F_* of the completion */
	uint16_t reserved[3];
};

/** ukcf_last_call() - this thread's last synchronous call.
 * Return: thread-local storage, valid until the next call.  Since: 0.1 */
UKCF_EXPORT const struct ukcf_call *ukcf_last_call(void);

/** struct ukcf_counts - what the daemon counted for this connection */
struct ukcf_counts {
	uint64_t accepted;	/* requests taken from its rings */
	uint64_t completed;	/* terminal CQEs posted */
	uint64_t inlined;	/* of these, ran at once */
	uint64_t queued;	/* of these, ran from a queue */
	uint64_t refused;	/* of these, failed a check */
	uint64_t doorbells;	/* doorbell wake-ups seen */
	uint64_t wakes;		/* futex wake-ups and bytes sent */
	uint64_t reserved[9];
};

/** ukcf_counts_get() - ask the daemon for the counters of this connection.
 * Return: 0, -ESTALE, -ETIMEDOUT, -EPROTO.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_counts_get(struct ukcf *u,
						struct ukcf_counts *c);

/* ------------------------------------------- mechanisms and providers */

/** ukcf_mech_lookup() - id of a mechanism by its name or an alias
 * @name: "aes-256-gcm", or OpenSSL's or PKCS#11's name, case ignored
 * Return: 0, -EOPNOTSUPP (no such mechanism), -EINVAL.  No system call.
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_mech_lookup(struct ukcf *u, const char *name, uint32_t *mech);

/** ukcf_mech_info() - the page's row of a mechanism, copied: sizes and limits in
 * bytes, who offers it, whether it is enabled.  No system call.
 * Return: 0, -EOPNOTSUPP (no such mechanism), -EINVAL.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_mech_info(struct ukcf *u, uint32_t mech, struct ukcf_page_mech *info);

/** ukcf_mech_list() - copy all rows.
 * @rows: room for @n rows, may be NULL if @n is 0
 * Return: how many there are, or -errno.  Since: 0.1 */
UKCF_EXPORT int ukcf_mech_list(struct ukcf *u, struct ukcf_page_mech *rows,
			       unsigned int n);

/** ukcf_provider_list() - copy all provider rows, as ukcf_mech_list().
 * Since: 0.1 */
UKCF_EXPORT int ukcf_provider_list(struct ukcf *u,
				   struct ukcf_page_provider *rows,
				   unsigned int n);

/** ukcf_boot_gen() - a number that changes when the daemon was restarted; 0 if
 * @u is NULL.  Never waits.  Since: 0.1 */
UKCF_EXPORT uint64_t ukcf_boot_gen(struct ukcf *u);

/* --------------------------------------------------------------- buffers */

/**
 * ukcf_buffer_alloc() - registered memory
 * @kind: INPUT is written by the consumer, OUTPUT only by the daemon (a store
 *	to it raises SIGSEGV)
 * @size: bytes, 1 to UKCF_BUFFER_SIZE_MAX, rounded up to whole pages
 *
 * Bounded by 10 s.  Not shared with children of fork(2), and in no core dump.
 *
 * Return: 0, -EINVAL, -EDQUOT (bytes or buffers of the user), -ENOMEM, -ESTALE,
 * -ETIMEDOUT.
 * Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_buffer_alloc(struct ukcf *u,
						  enum ukcf_buffer_kind kind,
						  size_t size,
						  struct ukcf_buffer **bp);
/** ukcf_buffer_free() - give it back.  Requests that still name it fail or
 * finish in memory that the daemon keeps until then.  NULL is allowed.  Bounded
 * by 10 s.  Since: 0.1 */
UKCF_EXPORT void ukcf_buffer_free(struct ukcf_buffer *b);
/** ukcf_buffer_data() - its address; const in spirit for OUTPUT. Since: 0.1 */
UKCF_EXPORT void *ukcf_buffer_data(struct ukcf_buffer *b);
/** ukcf_buffer_size() - its size in bytes, whole pages.  Since: 0.1 */
UKCF_EXPORT size_t ukcf_buffer_size(const struct ukcf_buffer *b);
/** ukcf_buffer_index() - its name in spans.  Since: 0.1 */
UKCF_EXPORT uint16_t ukcf_buffer_index(const struct ukcf_buffer *b);
/** ukcf_buffer_span() - the span of @len bytes at @off.  One that leaves the
 * buffer is found by the daemon: the request ends with -EINVAL.  Since: 0.1 */
UKCF_EXPORT struct ukcf_span ukcf_buffer_span(const struct ukcf_buffer *b,
					      size_t off, size_t len);

/* ------------------------------------------------------------------ ring */

/**
 * ukcf_ring_open() - a ring for one thread
 * @entries: SQ entries, 2 to 4096, rounded up to a power of two; the CQ has
 *	twice as many
 *
 * Bounded by 10 s.  Not shared with children of fork(2).
 *
 * Return: 0, -EINVAL, -EDQUOT (rings of the connection or the user), -ENOMEM,
 * -ESTALE, -ETIMEDOUT.  Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_ring_open(struct ukcf *u,
					       unsigned int entries,
					       struct ukcf_ring **rp);
/** ukcf_ring_close() - close a ring; results of requests in flight are
 * dropped.  NULL is allowed.  Bounded by 10 s.  Since: 0.1 */
UKCF_EXPORT void ukcf_ring_close(struct ukcf_ring *r);

/** ukcf_get_sqe() - the next private staging entry, zeroed.
 * Return: NULL if the ring is full (submit and reap to go on).  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK struct ukcf_sqe *ukcf_get_sqe(struct ukcf_ring *r);

/** ukcf_submit() - publish all entries got since the last submit.
 * Return: how many, or -errno; -EAGAIN if not one slot was free.  Entries that
 * found no slot stay staged for the next ukcf_submit().
 * Since: 0.1 */
UKCF_EXPORT int ukcf_submit(struct ukcf_ring *r);

/**
 * ukcf_submit_sqes() - publish entries of the caller's own
 * @sqe: @n entries in ordinary memory, copied during the call
 *
 * Lock-free, allocation-free, async-signal-safe: a signal handler may call it
 * on the ring that it interrupts.  Return: how many (fewer than @n if the ring
 * became full), or -errno.  Since: 0.1
 */
UKCF_EXPORT int ukcf_submit_sqes(struct ukcf_ring *r,
				 const struct ukcf_sqe *sqe, unsigned int n);

/**
 * ukcf_submit_retry() - publish an entry of the caller's own, and again each
 * time that its queue was full and has room
 * @sqe: copied; its user_data is no other's in flight on this ring
 *
 * The rejections (-EAGAIN) and the news of room are the library's: whoever
 * reaps sees QUEUED, if the entry asks for it, and the result.  Submission
 * happens again inside ukcf_peek_cqe() and ukcf_wait_cqe().
 *
 * Return: 0; -EAGAIN: the ring itself has no slot; -EEXIST, -ENOMEM, -ESTALE.
 * Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_submit_retry(struct ukcf_ring *r, const struct ukcf_sqe *sqe);

/** ukcf_peek_cqe() - the oldest completion, if there is one.
 * Return: 0, -EAGAIN, -ESTALE.  *cqe lies in shared memory that only the
 * daemon writes; it is valid until ukcf_cqe_seen().  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_peek_cqe(struct ukcf_ring *r,
					      const struct ukcf_cqe **cqe);
/** ukcf_wait_cqe() - as ukcf_peek_cqe(), waiting up to @timeout_ns (< 0: as
 * long as the daemon's own deadlines last, 24 h at most).
 * Return: 0, -ETIMEDOUT, -EINTR (a signal), -ESTALE.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_wait_cqe(struct ukcf_ring *r,
					      const struct ukcf_cqe **cqe,
					      int64_t timeout_ns);
/** ukcf_cqe_seen() - consume the oldest completion, which ukcf_peek_cqe() or
 * ukcf_wait_cqe() gave; its slot is the daemon's again.  Since: 0.1 */
UKCF_EXPORT void ukcf_cqe_seen(struct ukcf_ring *r);

/** ukcf_fd() - becomes readable when an armed ring has completions; for
 * epoll, poll, io_uring.  One per connection, the library's: do not read or
 * close it.  Stays readable when the daemon is gone.
 * Return: a descriptor, or -EINVAL.  Since: 0.1 */
UKCF_EXPORT int ukcf_fd(struct ukcf *u);
/** ukcf_fd_clear() - take what made ukcf_fd() readable.  Since: 0.1 */
UKCF_EXPORT void ukcf_fd_clear(struct ukcf *u);
/** ukcf_ring_arm() - ask for one notification when a completion comes.
 * Return: 1 if there is one already (nothing was armed), 0, -ESTALE.
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_ring_arm(struct ukcf_ring *r);

/*
 * Filling entries.  Each call overwrites the whole entry but user_data and
 * timeout_us.  Nothing is sent until ukcf_submit(); the daemon reads input and
 * writes output at any time between submission and completion, so leave those
 * bytes alone until the CQE is reaped.  What they hold after an error is said
 * in ukcf_ring(7).  Spans of input may lie in either kind of buffer, spans of
 * output only in OUTPUT buffers.  Lengths are in bytes.  Async-signal-safe, on an
 * entry of the handler's own and with keys that are registered.
 *
 * Return: 0, or -EINVAL if a length can never be valid; with a local key that
 * was not used over a ring before, also what ukcf_key_register() returns.
 * Completion: cqe->res is the number of bytes produced, or a negative errno
 * value; the man page of each function has the list.
 */

/** ukcf_prep_nop() - a request that does nothing; res = 0.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_nop(struct ukcf_sqe *sqe);
/** ukcf_prep_cancel() - cancel the request of this ring that was QUEUED with
 * @handle (flags UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE).  res = 0: it ends with
 * -ECANCELED; -EALREADY: it runs and will end as it does; -ENOENT: there is no
 * such request (any more).  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_cancel(struct ukcf_sqe *sqe, uint64_t handle);
/** ukcf_prep_notify_space() - be told of room in a queue, once
 * @queue: UKCF_QUEUE_BULK, UKCF_QUEUE_SLOW, or the id of a hardware provider;
 *	the completion of a request that got -EAGAIN names it
 * res = 0, and later (or at once) one CQE of kind UKCF_CQE_SPACE; -ENOENT: no
 * such queue.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_notify_space(struct ukcf_sqe *sqe, uint16_t queue,
					unsigned int slots);
/** ukcf_prep_notify_events() - be told what happens to mechanisms and providers
 * @kinds: UKCF_EVENTS_*, or bits of some kinds; 0: none any more
 * res = 0, and until the ring is closed, or asks again, CQEs of kind
 * UKCF_CQE_EVENT with this user_data; at most one of them that is not seen yet.
 * What happens meanwhile becomes one, UKCF_EVENT_MANY.  Look at the page (for
 * example ukcf_provider_list()) after the result, so that nothing is missed.
 * -EINVAL: a kind that there is not.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_notify_events(struct ukcf_sqe *sqe, uint32_t kinds);
/** ukcf_prep_digest() - digest of @in.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_prep_digest(struct ukcf_sqe *sqe,
						 uint32_t mech,
						 struct ukcf_span in,
						 struct ukcf_span out);
/** ukcf_prep_mac() - MAC of @in; @out.len (tag_min to tag_max) bytes of it, or
 * UKCF_SPAN_NONE if it is kept (ukcf_prep_keep()).
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_mac(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
	      struct ukcf_key key, struct ukcf_span in, struct ukcf_span out);
/** ukcf_prep_mac_verify() - res = 0 or -EBADMSG.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_mac_verify(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		     struct ukcf_key key, struct ukcf_span in,
		     struct ukcf_span tag);
/** ukcf_prep_encrypt() - AEAD: out = ciphertext || tag, @in.len + 16 bytes.
 * @nonce must never repeat under one key; the daemon does not check that.  What
 * it is, and how much one key may encrypt: RFC 5116 section 2.1, ukcf_mech(7).
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_encrypt(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		  struct ukcf_key key, const void *nonce, size_t nonce_len,
		  struct ukcf_span aad, struct ukcf_span in,
		  struct ukcf_span out);
/** ukcf_prep_encrypt_nonce() - AEAD with a nonce that the daemon chooses: out =
 * ciphertext || tag || nonce, and res counts all.  -EKEYREJECTED: the key has
 * given as many as its mechanism allows (detail UKCF_DETAIL_NONCE_LIMIT), or is
 * the consumer's own and the nonce is counted.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_encrypt_nonce(struct ukcf_ring *r, struct ukcf_sqe *sqe,
			uint32_t mech, struct ukcf_key key,
			struct ukcf_span aad, struct ukcf_span in,
			struct ukcf_span out);
/** ukcf_prep_decrypt() - AEAD: @in = ciphertext || tag; -EBADMSG leaves @out
 * as it was.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_decrypt(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		  struct ukcf_key key, const void *nonce, size_t nonce_len,
		  struct ukcf_span aad, struct ukcf_span in,
		  struct ukcf_span out);
/** ukcf_prep_sign() - signature of @in; res = its length, which of ECDSA and RSA
 * depends on the key.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_sign(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
	       struct ukcf_key key, struct ukcf_span in, struct ukcf_span out);
/** ukcf_prep_verify() - res = 0 or -EBADMSG.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_verify(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		 struct ukcf_key key, struct ukcf_span in,
		 struct ukcf_span sig);
/** ukcf_prep_derive() - shared secret of @key and @peer's public key; res =
 * -EKEYREJECTED if it is all zero (RFC 7748 section 6.1).  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_derive(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		 struct ukcf_key key, struct ukcf_span peer,
		 struct ukcf_span out);
/** ukcf_prep_kdf() - @out.len bytes from @key (input keying material), @salt
 * and @info, by a mechanism of class kdf (RFC 5869).  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_kdf(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
	      struct ukcf_key key, struct ukcf_span salt,
	      struct ukcf_span info, struct ukcf_span out);
/*
 * Linked requests.  Each of the following changes an entry that was filled in
 * by one of the functions above.
 */

/** ukcf_prep_link() - the next entry of the ring begins when this one has
 * succeeded; else it ends with -ECANCELED.  Up to UKCF_CHAIN_MAX entries follow
 * each other so.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_link(struct ukcf_sqe *sqe);
/** ukcf_prep_keep() - link, and the result (up to @len bytes, at most
 * UKCF_KEEP_MAX; a KDF derives @len) stays in the daemon, for the next entry.
 * It was filled in with UKCF_SPAN_NONE as its output.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_keep(struct ukcf_sqe *sqe, size_t len);
/** ukcf_prep_take_key() - what the entry before it kept is its key.  It was
 * filled in with UKCF_KEY_NONE.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_take_key(struct ukcf_sqe *sqe);
/** ukcf_prep_take_input() - what the entry before it kept is its input.  It was
 * filled in with UKCF_SPAN_NONE as its input.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_take_input(struct ukcf_sqe *sqe);

/**
 * struct ukcf_dual - the halves of a dual operation: a cipher, and a MAC over
 * aux || ciphertext
 */
struct ukcf_dual {
	uint32_t cipher; /* mechanism of class aead or cipher */
	uint32_t mac;	 /* mechanism of class mac */
	struct ukcf_key cipher_key;
	struct ukcf_key mac_key; /* never the same bytes as cipher_key */
	const void *nonce;	 /* of the cipher */
	size_t nonce_len;
	size_t mac_len; /* bytes of MAC made, tag_min to tag_max; 0: all */
};

/** ukcf_prep_encrypt_mac() - out = ciphertext || MAC.  One request, whichever
 * and however many providers do it.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_encrypt_mac(struct ukcf_ring *r, struct ukcf_sqe *sqe,
		      const struct ukcf_dual *d, struct ukcf_span aux,
		      struct ukcf_span in, struct ukcf_span out);
/** ukcf_prep_mac_decrypt() - out = plaintext || MAC of what @in holds, for the
 * caller to compare.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_mac_decrypt(struct ukcf_ring *r, struct ukcf_sqe *sqe,
		      const struct ukcf_dual *d, struct ukcf_span aux,
		      struct ukcf_span in, struct ukcf_span out);
/** ukcf_prep_mac_verify_decrypt() - out = plaintext, if @mac is right; else
 * nothing is decrypted and res = -EBADMSG.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_mac_verify_decrypt(struct ukcf_ring *r, struct ukcf_sqe *sqe,
			     const struct ukcf_dual *d, struct ukcf_span aux,
			     struct ukcf_span in, struct ukcf_span mac,
			     struct ukcf_span out);
/**
 * ukcf_prep_init() - begin an operation whose data comes in parts
 * @ctx: names the context on this ring: 1 to UKCF_CONTEXTS_MAX, not in use
 * @op: UKCF_OP_DIGEST, MAC, MAC_VERIFY, SIGN, VERIFY, ENCRYPT, or DECRYPT (not
 *	of AEADs)
 * @key: { 0 } for a digest
 * @nonce, @aad: for AEADs and ciphers
 *
 * Parts of a context run in the order of submission.  This one and
 * ukcf_prep_update() post no completion when they succeed, unless the entry's
 * flags have UKCF_SQE_NOTIFY_OPDONE.  Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_init(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint64_t ctx,
	       enum ukcf_op op, uint32_t mech, struct ukcf_key key,
	       const void *nonce, size_t nonce_len, struct ukcf_span aad);
/** ukcf_prep_update() - the next part of the data; @out only for encrypt and
 * decrypt; how much room it needs: ukcf_prep_init(3).
 * Return: 0, -EINVAL.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_prep_update(struct ukcf_sqe *sqe,
						 uint64_t ctx,
						 struct ukcf_span in,
						 struct ukcf_span out);
/** ukcf_prep_final() - the last part, which may be empty, and the result in
 * @out; for MAC_VERIFY and VERIFY @tag is what to compare with.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_final(struct ukcf_sqe *sqe, uint64_t ctx, struct ukcf_span in,
		struct ukcf_span out, struct ukcf_span tag);
/** ukcf_prep_ctx_copy() - @ctx begins with the state that @from has then.
 * Since: 0.1 */
UKCF_EXPORT void ukcf_prep_ctx_copy(struct ukcf_sqe *sqe, uint64_t ctx,
				    uint64_t from);
/** ukcf_prep_cancel_ctx() - end a context; its parts that do not run yet end
 * with -ECANCELED, res = how many.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_cancel_ctx(struct ukcf_sqe *sqe, uint64_t ctx);
/** ukcf_prep_tmpl_create() - res = handle of the template (struct ukcf_key).
 * @subflags: UKCF_SUB_TMPL_AUTO or 0.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_prep_tmpl_create(struct ukcf_ring *r, struct ukcf_sqe *sqe, uint32_t mech,
		      struct ukcf_key key, uint16_t subflags);
/** ukcf_prep_tmpl_destroy() - completes when the last request that uses it
 * has ended.  Since: 0.1 */
UKCF_EXPORT void ukcf_prep_tmpl_destroy(struct ukcf_sqe *sqe,
					struct ukcf_key tmpl);
/** ukcf_prep_random() - @out.len random bytes, fit for keys.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_prep_random(struct ukcf_sqe *sqe,
						 struct ukcf_span out);

/* ----------------------------------------------------- synchronous calls */

/*
 * All of them: ordinary memory; in and out disjoint or equal; a zero length
 * with a NULL pointer is fine.  They run in the caller if the key is local (or
 * none is needed) and a module is loaded, else over a ring, bounded by the
 * connection's deadline (ukcf_set_timeout(), 30 s).  On failure in the caller
 * the output is zeroed; over the ring it is left as it was.
 *
 * Return: bytes produced (0 for verify), or -EINVAL, -EOPNOTSUPP, -EACCES,
 * -ENOBUFS (output too small), -EMSGSIZE (over the mechanism's limit, or over
 * UKCF_ONESHOT_MAX on a ring), -ENOKEY, -EKEYREVOKED, -EKEYREJECTED, -EBADMSG
 * (authentication failed), -EDQUOT, -ETIMEDOUT, -EINTR, -EIO, -ENODEV,
 * -ESTALE.
 */

/** ukcf_set_timeout() - deadline of synchronous ring calls, 1 ms to 24 h, 30 s
 * at first; also of calls that are bounded by 10 s, if it is less.
 * Return: 0, -EINVAL.  Any thread.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_set_timeout(struct ukcf *u,
						 uint64_t timeout_ns);

/** ukcf_digest() - @out_size: at least the digest's length, which is what is
 * written.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_digest(struct ukcf *u, uint32_t mech,
						const void *in, size_t in_len,
						void *out, size_t out_size);
/** ukcf_mac() - @out_size: tag_min..tag_max bytes are made, the full tag if
 * there is room for more.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_mac(struct ukcf *u, uint32_t mech,
					     struct ukcf_key key,
					     const void *in, size_t in_len,
					     void *out, size_t out_size);
/** ukcf_mac_verify() - constant time in the tag.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_mac_verify(
	struct ukcf *u, uint32_t mech, struct ukcf_key key, const void *in,
	size_t in_len, const void *tag, size_t tag_len);
/** ukcf_encrypt() - out = ciphertext || tag.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t
ukcf_encrypt(struct ukcf *u, uint32_t mech, struct ukcf_key key,
	     const void *nonce, size_t nonce_len, const void *aad,
	     size_t aad_len, const void *in, size_t in_len, void *out,
	     size_t out_size);
/** ukcf_decrypt() - in = ciphertext || tag.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t
ukcf_decrypt(struct ukcf *u, uint32_t mech, struct ukcf_key key,
	     const void *nonce, size_t nonce_len, const void *aad,
	     size_t aad_len, const void *in, size_t in_len, void *out,
	     size_t out_size);
/** ukcf_encrypt_nonce() - with a nonce that the daemon chooses; @nonce receives
 * it, @nonce_size bytes, which is the mechanism's.  Always over a ring.
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t
ukcf_encrypt_nonce(struct ukcf *u, uint32_t mech, struct ukcf_key key,
		   void *nonce, size_t nonce_size, const void *aad,
		   size_t aad_len, const void *in, size_t in_len, void *out,
		   size_t out_size);
/** ukcf_sign() - @out_size: at least the signature's length.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_sign(struct ukcf *u, uint32_t mech,
					      struct ukcf_key key,
					      const void *in, size_t in_len,
					      void *out, size_t out_size);
/** ukcf_verify() - Return: 0 if @sig is one of @in, -EBADMSG if not, ...
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_verify(struct ukcf *u, uint32_t mech,
						struct ukcf_key key,
						const void *in, size_t in_len,
						const void *sig,
						size_t sig_len);
/** ukcf_derive() - -EKEYREJECTED if the shared secret is all zero (RFC 7748
 * section 6.1).  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_derive(struct ukcf *u, uint32_t mech,
						struct ukcf_key key,
						const void *peer,
						size_t peer_len, void *out,
						size_t out_size);
/** ukcf_kdf() - @out_size bytes from @key, @salt and @info (RFC 5869).
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_kdf(
	struct ukcf *u, uint32_t mech, struct ukcf_key key, const void *salt,
	size_t salt_len, const void *info, size_t info_len, void *out,
	size_t out_size);
/** ukcf_encrypt_mac() - out = ciphertext || MAC over aux || ciphertext.  Always
 * over a ring.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t
ukcf_encrypt_mac(struct ukcf *u, const struct ukcf_dual *d, const void *aux,
		 size_t aux_len, const void *in, size_t in_len, void *out,
		 size_t out_size);
/** ukcf_mac_decrypt() - out = plaintext || MAC.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t
ukcf_mac_decrypt(struct ukcf *u, const struct ukcf_dual *d, const void *aux,
		 size_t aux_len, const void *in, size_t in_len, void *out,
		 size_t out_size);
/** ukcf_mac_verify_decrypt() - -EBADMSG, and no decryption, if the MAC is
 * wrong.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t
ukcf_mac_verify_decrypt(struct ukcf *u, const struct ukcf_dual *d,
			const void *aux, size_t aux_len, const void *in,
			size_t in_len, const void *mac, size_t mac_len,
			void *out, size_t out_size);
/** ukcf_random() - @out_size random bytes.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_random(struct ukcf *u, void *out,
						size_t out_size);

/**
 * ukcf_stream_open() - digest or MAC of data that comes in parts, in the caller
 * @op: UKCF_OP_DIGEST or UKCF_OP_MAC
 * @key: UKCF_KEY_NONE for a digest; a local key for a MAC
 *
 * Return: 0; -EOPNOTSUPP where no module can do it in the caller.  One thread
 * at a time.  Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_stream_open(struct ukcf *u,
						 enum ukcf_op op, uint32_t mech,
						 struct ukcf_key key,
						 struct ukcf_stream **sp);
/** ukcf_stream_update() - the next @in_len bytes, 0 or more.
 * Return: 0, -EINVAL (it has ended), -EMSGSIZE (over the mechanism's limit),
 * -ESTALE (the parent's), -EIO.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_stream_update(struct ukcf_stream *s,
						   const void *in,
						   size_t in_len);
/** ukcf_stream_final() - the digest or MAC.
 * Return: bytes produced, -ENOBUFS (output too small), -EINVAL, -ESTALE, -EIO;
 * then only ukcf_stream_close() is left to call.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_stream_final(struct ukcf_stream *s,
						      void *out,
						      size_t out_size);
/** ukcf_stream_close() - wipe and free.  NULL is allowed.  Since: 0.1 */
UKCF_EXPORT void ukcf_stream_close(struct ukcf_stream *s);

/* ------------------------------------------------------------------ keys */

/**
 * ukcf_key_local() - a key whose bytes the consumer has
 * @usage: UKCF_USE_* bits, or UKCF_USE_DEFAULT
 *
 * The bytes are copied into locked memory of this process; calls with the key
 * run in the caller.  The first ring use registers it with the daemon as an
 * own key of this connection.
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, -EKEYREJECTED (size), -ENOMEM, -EDQUOT.
 * Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_key_local(struct ukcf *u, uint32_t mech,
					       uint32_t usage,
					       const void *bytes, size_t len,
					       struct ukcf_key *key);
/** ukcf_key_register() - register a local key with the daemon now, so that a
 * signal handler may use it.  Return: 0 or what a sync call returns. Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_key_register(struct ukcf *u,
						  struct ukcf_key key);
/**
 * ukcf_key_generate() - make a key that never leaves the daemon
 * @name: [A-Za-z0-9._-]{1,63}, unique per user, not starting with '.' or '-';
 *	NULL: a session key that ends with the connection
 * @flags: UKCF_KEY_EXPORTABLE, UKCF_KEY_DAEMON_NONCE or 0; for RSA and one of
 *	UKCF_KEY_BITS_2048, _3072 and _4096, without which a key has 3072 bits
 * Return: 0, -EEXIST, -EINVAL, -EOPNOTSUPP, -EDQUOT, ...  Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_key_generate(struct ukcf *u,
						  const char *name,
						  uint32_t mech, uint32_t usage,
						  uint32_t flags,
						  struct ukcf_key *key);
/** ukcf_key_import() - give the daemon a key; wipe your copy.  @flags also
 * UKCF_KEY_PUBLIC_ONLY for a public key.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int
ukcf_key_import(struct ukcf *u, const char *name, uint32_t mech, uint32_t usage,
		uint32_t flags, const void *bytes, size_t len,
		struct ukcf_key *key);
/** ukcf_key_open() - a key of this user by name.  Return: 0 or -ENOKEY.
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_key_open(struct ukcf *u, const char *name,
					      struct ukcf_key *key);
/** ukcf_key_public() - the public part, raw (ukcf_mech(7) says in which form).
 * Return: bytes, -ENOBUFS, -ENOKEY, or what a sync call returns.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_key_public(struct ukcf *u,
						    struct ukcf_key key,
						    void *out, size_t out_size);
/** ukcf_key_export() - the secret bytes, if exportable, else -EACCES.  Wipe them.
 * Return: bytes, -EACCES, -ENOBUFS, -ENOKEY, or what a sync call returns.
 * Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int64_t ukcf_key_export(struct ukcf *u,
						    struct ukcf_key key,
						    void *out, size_t out_size);
/** ukcf_key_destroy() - no later request can use it; its bytes are wiped when
 * the last request that uses it has ended.  For a local key: forget it here
 * too.  Return: 0, -ENOKEY, -EKEYREVOKED.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_key_destroy(struct ukcf *u,
						 struct ukcf_key key);
/**
 * ukcf_tmpl_create() - compute once what every operation with @key begins with
 * @subflags: UKCF_SUB_TMPL_AUTO: it ends with the first request that used it
 * @tmpl: receives the template, which may stand wherever a key may in requests
 *	of this connection
 * Return: 0, -EOPNOTSUPP (nothing to compute), -EDQUOT, -ENOKEY, ...
 * Since: 0.1
 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_tmpl_create(struct ukcf *u, uint32_t mech,
						 struct ukcf_key key,
						 uint16_t subflags,
						 struct ukcf_key *tmpl);
/** ukcf_tmpl_destroy() - no later request can use it; what was computed is
 * wiped when the last request that uses it has ended, and then this returns.
 * Return: 0, -ENOKEY, -EKEYREVOKED.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_tmpl_destroy(struct ukcf *u,
						  struct ukcf_key tmpl);
/** ukcf_key_list() - this user's named keys.
 * Return: how many rows were written (at most @n), or -errno.  Since: 0.1 */
UKCF_EXPORT int ukcf_key_list(struct ukcf *u, struct ukcf_key_info *rows,
			      unsigned int n);
/** ukcf_key_nonces() - how many nonces the daemon chose for @key, and how many
 * it will at most.  No use of the key.
 * Return: 0, -EOPNOTSUPP (it chooses none for such a key), -ENOKEY, or what a
 * sync call returns.  Since: 0.1 */
UKCF_EXPORT UKCF_MUST_CHECK int ukcf_key_nonces(struct ukcf *u,
						struct ukcf_key key,
						struct ukcf_key_nonces *n);

#ifdef __cplusplus
}
#endif
#endif
