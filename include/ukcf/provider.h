/* SPDX-License-Identifier: MIT */
/*
 * The provider interface (SPI): what a provider module exports and what it is
 * given.
 *
 * A provider is a shared object that exports one symbol, ukcf_provider_init.
 * It uses no symbol of its host: the daemon, libukcf (for calls in the
 * caller), the tests and the benchmark all load the same file and hand it a
 * struct ukcf_host.  ukcf-provider(3) has the life cycle.
 */
#ifndef UKCF_PROVIDER_H
#define UKCF_PROVIDER_H

#include <stddef.h>
#include <stdint.h>

#include <ukcf/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UKCF_SPI_VERSION 1

/** What a provider's entry point says about a job. */
enum ukcf_status {
	UKCF_DONE = 0,		/* finished; job->res is the result */
	UKCF_QUEUED = 1,	/* the provider will call host->complete() */
	UKCF_BUSY = 2,		/* no room now; nothing was done */
	UKCF_RETRY_ELSEWHERE = 3, /* recoverable: another provider may do it */
	UKCF_FAILED = 4		/* the provider is broken: take it out */
};

/** A run of bytes that the host has bounded; data may be NULL iff len is 0. */
struct ukcf_bytes {
	const uint8_t *data;
	size_t len;
};

/**
 * struct ukcf_job - one operation, as a provider sees it
 *
 * The host has checked every size against the mechanism table, so a provider
 * may pass them straight to its library.  in and out are disjoint or equal.
 * Output of an operation that fails is the host's to withhold.
 */
struct ukcf_job {
	uint32_t op;		/* enum ukcf_op */
	uint32_t mech;
	struct ukcf_bytes key;	/* secret key; for verify, and for encrypt of
				   class PKE, the public key */
	struct ukcf_bytes pub;	/* sign, derive: the public part, if known */
	struct ukcf_bytes in;
	struct ukcf_bytes aux;
	struct ukcf_bytes tag;	/* what to verify: MAC, signature */
	struct ukcf_bytes param; /* nonce */
	uint8_t *out;
	size_t out_size;	/* room at out */
	size_t tag_len;		/* bytes of MAC or AEAD tag wanted; of a key to
				   generate its bits, 0: as the provider likes */
	const void *tmpl;	/* made by init_tmpl(), or NULL */
	void *ctx;		/* multipart state of offer->ctx_size bytes */
	int64_t res;		/* result: bytes produced, or -errno */
	uint32_t detail;	/* enum ukcf_detail */
	uint32_t status;	/* enum ukcf_status of a job that was QUEUED:
				   set before complete() */
	void *cookie;		/* the host's */
};

/**
 * struct ukcf_mech_desc - a mechanism that the built-in table does not know
 *
 * In a provider's offers the i-th is UKCF_MECH_ID(class, UKCF_MECH_DYNAMIC + i).
 * The daemon gives it an id that follows from its class and name, so that it is
 * the same in every daemon; jobs carry that.  Sizes as in <ukcf/mech.def>.  It
 * is never run in callers.  MAC, digest, cipher and AEAD classes only: those can
 * be tested without known answers.
 */
struct ukcf_mech_desc {
	const char *name; /* "x-" and [a-z0-9-]+, shorter than UKCF_NAME_MAX */
	const char *source;
	uint32_t class_; /* enum ukcf_class */
	uint32_t key_min, key_max;
	uint32_t nonce_len;
	uint32_t tag_min, tag_max;
	uint32_t out_len;
	uint64_t data_max, aad_max;
};

struct ukcf_instance; /* the provider's own state */

typedef enum ukcf_status (*ukcf_job_fn)(struct ukcf_instance *self,
					struct ukcf_job *job);

/**
 * struct ukcf_mech_ops - the entry points of a mechanism; NULL: not offered
 *
 * KCF groups them by kind of operation; one table serves here, since every
 * entry point has the same shape.
 */
struct ukcf_mech_ops {
	ukcf_job_fn digest;
	ukcf_job_fn mac;
	ukcf_job_fn mac_verify;
	ukcf_job_fn encrypt; /* out = ciphertext || tag */
	ukcf_job_fn decrypt; /* in = ciphertext || tag */
	ukcf_job_fn sign;
	ukcf_job_fn verify;
	ukcf_job_fn derive;
	ukcf_job_fn random;
	ukcf_job_fn generate;	/* out = secret key */
	ukcf_job_fn public_key;	/* key -> out */
	/* multipart: state in job->ctx, offer->ctx_size bytes */
	ukcf_job_fn init;	/* op says of what */
	ukcf_job_fn update;	/* in; out for ciphers */
	ukcf_job_fn final;	/* in may be empty; out or tag; releases ctx */
	ukcf_job_fn drop;	/* release ctx: no final will come; NULL: there
				   is nothing to release */
	ukcf_job_fn copy;	/* ctx from that at in.data; NULL: ctx is flat */
	/* template: key (and pub, alone of a public key) -> out,
	 * offer->tmpl_size bytes */
	ukcf_job_fn init_tmpl;
	/* Is it one?  key, or pub alone of a public key; its length is right.
	 * 0 or -EKEYREJECTED.  NULL: any bytes are */
	ukcf_job_fn check_key;
	/* Let go of what tmpl owns: no job will use it any more.  NULL: it is
	 * flat memory.  With it the host makes one of each key by itself, at the
	 * first use */
	ukcf_job_fn drop_tmpl;
};

/* offer.flags */
#define UKCF_OFFER_NOSLEEP 0x1	/* never blocks, locks or allocates: may run in
				   completion context and in signal handlers */
#define UKCF_OFFER_FLAT_CTX 0x2 /* ctx is flat memory: it can be copied, moved
				   and survives a restart */
#define UKCF_OFFER_SLOW 0x4	/* belongs into the slow lane */
#define UKCF_OFFER_CALLER 0x8	/* may run in the caller (vDSO-like) */
#define UKCF_OFFER_NO_CALIBRATE 0x10 /* keep the declared cost: not measured */
#define UKCF_OFFER_SHARED 0x20 /* input may change while it works on it, and the
				  output be seen: so both may lie in memory that
				  was given to share().  Hardware; encrypt and
				  decrypt */

/**
 * struct ukcf_offer - one mechanism that a provider performs; static data
 * @single_pass: bit n: operation enum ukcf_op n reads every input byte exactly
 *	once and in no other way than forward, so the input may be memory that
 *	somebody else can write.  Shown by the page-fault tracer, not claimed.
 * @cost_ns, @cost_ps_per_byte: predicted service time before measurement
 */
struct ukcf_offer {
	uint32_t mech;
	uint32_t flags;
	const struct ukcf_mech_ops *ops;
	uint32_t single_pass;
	uint32_t ctx_size;
	uint32_t tmpl_size;
	uint32_t cost_ns;
	uint32_t cost_ps_per_byte;
	uint32_t reserved;
};

/**
 * struct ukcf_dual_job - a cipher and a MAC over its ciphertext, as one job
 * @op: UKCF_OP_ENCRYPT_MAC, UKCF_OP_MAC_DECRYPT or UKCF_OP_MAC_VERIFY_DECRYPT
 * @cipher: as of its half alone; no two of its ranges overlap
 * @mac: likewise, but what the MAC is of is mac.in, the additional data, and
 *	behind it the ciphertext: cipher.out if it is encrypted, else cipher.in
 *
 * Neither has a template or a context.  Both get their res and detail; the
 * result of the first operation that failed, in the order of @op, is the job's.
 * If the MAC is wrong mac.res is -EBADMSG, and not a byte of cipher.out was
 * written.
 */
struct ukcf_dual_job {
	uint32_t op;
	uint32_t reserved;
	struct ukcf_job cipher;
	struct ukcf_job mac;
};

/** Return: as of ukcf_job_fn, but not UKCF_QUEUED. */
typedef enum ukcf_status (*ukcf_dual_fn)(struct ukcf_instance *self,
					 struct ukcf_dual_job *job);

/**
 * struct ukcf_dual_offer - two mechanisms that a provider performs in one job
 * @cipher, @mac: of built-in mechanisms, which it offers one by one as well
 * @ops: enum ukcf_dual_ops
 * @flags: UKCF_OFFER_SLOW and UKCF_OFFER_NO_CALIBRATE, no other
 * @cost_ns, @cost_ps_per_byte: as of an offer
 *
 * Static data.  Chosen where it is predicted to be done before the two one
 * after the other.  Of providers of kind software.
 */
struct ukcf_dual_offer {
	uint32_t cipher, mac;
	uint32_t ops;
	uint32_t flags;
	ukcf_dual_fn run;
	uint32_t cost_ns;
	uint32_t cost_ps_per_byte;
};

enum ukcf_dual_ops {
	UKCF_DUAL_ENCRYPT_MAC = 0x1,
	UKCF_DUAL_MAC_DECRYPT = 0x2,
	UKCF_DUAL_MAC_VERIFY_DECRYPT = 0x4,
	UKCF_DUAL_ALL = 0x7
};

/** What a provider counts, and only it can know. */
enum ukcf_count {
	UKCF_COUNT_SHARED = 0, /* jobs whose device worked on memory that was
				  given to share() */
	UKCF_COUNT_LAST = 1
};

/**
 * struct ukcf_host - what the host gives to a provider
 *
 * Valid from ukcf_provider_init() until stop() has returned.  New members are
 * only added at the end; struct_size says how many there are.
 */
struct ukcf_host {
	uint32_t struct_size;
	uint32_t spi_version;
	void *host;
	/* level as in syslog(3); never a secret */
	void (*log)(void *host, int level, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));
	/* locked, non-dumpable memory, wiped when freed; NULL if there is none */
	void *(*secure_alloc)(void *host, size_t size);
	void (*secure_free)(void *host, void *p, size_t size);
	/* a QUEUED job ended; callable from any thread */
	void (*complete)(void *host, struct ukcf_job *job);
	/* enum ukcf_provider_state: READY, BUSY or FAILED; ABSENT: out like
	 * FAILED, because its device was taken away, which is no fault of it */
	void (*notify)(void *host, int state);
	/* value of a configuration option of this provider, or NULL */
	const char *(*option)(void *host, const char *name);
	/* which of the provider's devices it is started for: 0 to instances() - 1
	 */
	uint32_t instance;
	/* one more of that; what is not known is not counted.  Callable from any
	 * thread.  A host that is older has none, or NULL */
	void (*count)(void *host, enum ukcf_count what);
};

/**
 * struct ukcf_provider - what a provider is; static data and entry points
 *
 * New members are only added at the end; struct_size says how many there are.
 */
struct ukcf_provider {
	uint32_t struct_size;
	uint32_t spi_version;
	const char *name;	 /* [a-z0-9-]+, shorter than UKCF_NAME_MAX */
	const char *description;
	const char *version;	 /* of the library beneath */
	uint32_t kind;		 /* enum ukcf_provider_kind */
	uint32_t n_offers;
	const struct ukcf_offer *offers;
	/* Called once before any job.  0 and *self, or -errno. */
	int (*start)(const struct ukcf_host *host, struct ukcf_instance **self);
	/* No job is in flight. */
	void (*stop)(struct ukcf_instance *self);
	const struct ukcf_mech_desc *mechs; /* NULL: it brings none */
	uint32_t n_mechs;
	uint32_t depth; /* hardware: jobs that it takes at once; 0: 1 */
	/* An administrator's word to it: "NAME" or "NAME=VALUE".  -EINVAL if it
	 * does not know it; NULL: it takes none. */
	int (*control)(struct ukcf_instance *self, const char *command);
	/* Bring it back after trouble.  When it has returned, no job of before
	 * is touched any more, whether it was completed or not.  -errno: it
	 * does not work; NULL: there is nothing to reset. */
	int (*reset)(struct ukcf_instance *self);
	/* These bytes are a key no longer, and are wiped when it has returned:
	 * a session or a schedule that was made of them goes soon.  Any thread,
	 * also completion context.  No job uses them any more.  NULL: it keeps
	 * nothing of a key. */
	void (*forget_key)(struct ukcf_instance *self, struct ukcf_bytes key);
	const struct ukcf_dual_offer *duals; /* NULL: it has none */
	uint32_t n_duals;
	/* Hardware: how many devices it is configured to drive.  The host loads
	 * the module once for each, as a provider of its own: NAME, NAME-2, ...
	 * NULL: one. */
	uint32_t (*instances)(const struct ukcf_host *host);
	/* Memory of a consumer, whole pages, that its device may be given: to
	 * read, or writable.  Jobs of offers with UKCF_OFFER_SHARED may lie in
	 * it.  unshare(): no job does any more; when it has returned the device
	 * reaches it no more.  One thread at a time, between start() and stop().
	 * -errno: it is not, which is no fault.  NULL, both: it has no use for
	 * it. */
	int (*share)(struct ukcf_instance *self, void *mem, size_t len,
		     int writable);
	void (*unshare)(struct ukcf_instance *self, void *mem);
};

/* The struct_size of a provider that knows of no duals, or of no instances. */
#define UKCF_PROVIDER_SIZE_1 offsetof(struct ukcf_provider, duals)
#define UKCF_PROVIDER_SIZE_2 offsetof(struct ukcf_provider, instances)
#define UKCF_INSTANCES_MAX 8u

/**
 * ukcf_provider_init() - the one symbol of a provider module
 * @host: services of the host; the provider may keep the pointer
 *
 * Return: the provider, whose data lives as long as the module is loaded; NULL
 * if it cannot work here (the reason goes to host->log).
 */
typedef const struct ukcf_provider *(*ukcf_provider_init_fn)(
	const struct ukcf_host *host);

#define UKCF_PROVIDER_SYMBOL "ukcf_provider_init"

#ifdef __cplusplus
}
#endif
#endif
