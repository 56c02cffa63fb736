/* SPDX-License-Identifier: MIT */
/*
 * The shared-memory ABI between consumer and daemon: ring entries, ring and
 * page layout, opcodes, flags.  Data only, no functions.
 *
 * Little-endian, explicit padding, no bit-fields; reserved fields are zero or
 * the request is refused with -EINVAL.  Shared memory carries data, never
 * pointers.  ukcf_ring(7) explains how the pieces work together.
 */
#ifndef UKCF_ABI_H
#define UKCF_ABI_H

#include <stdint.h>

#include <ukcf/mech.h>
#include <ukcf/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a submission asks for (sqe.op).  Values are ABI. */
enum ukcf_op {
	UKCF_OP_NOP = 0,
	UKCF_OP_DIGEST = 1,	    /* in -> out */
	UKCF_OP_MAC = 2,	    /* obj[0], in -> out; tag_len truncates */
	UKCF_OP_MAC_VERIFY = 3,	    /* obj[0], in, tag */
	UKCF_OP_ENCRYPT = 4,	    /* obj[0], param, aux, in -> out || tag */
	UKCF_OP_DECRYPT = 5,	    /* obj[0], param, aux, in || tag -> out */
	UKCF_OP_SIGN = 6,	    /* obj[0], in -> out */
	UKCF_OP_VERIFY = 7,	    /* obj[0], in, tag = signature */
	UKCF_OP_DERIVE = 8,	    /* obj[0], in = peer public -> out; of a KDF
				       in = salt, aux = info */
	UKCF_OP_RANDOM = 9,	    /* -> out, out.len bytes */
	UKCF_OP_KEY_GENERATE = 16,  /* in = struct ukcf_key_req; res = handle */
	UKCF_OP_KEY_IMPORT = 17,    /* in = struct ukcf_key_req || key bytes */
	UKCF_OP_KEY_OPEN = 18,	    /* in = struct ukcf_key_req; res = handle */
	UKCF_OP_KEY_PUBLIC = 19,    /* obj[0] -> out */
	UKCF_OP_KEY_EXPORT = 20,    /* obj[0] -> out, if exportable */
	UKCF_OP_KEY_DESTROY = 21,   /* obj[0] */
	UKCF_OP_KEY_LIST = 22,	    /* ctx = first slot -> struct ukcf_key_info[] */
	UKCF_OP_KEY_NONCES = 23,    /* obj[0] -> struct ukcf_key_nonces */
	UKCF_OP_CANCEL = 32,	    /* ctx = handle; res 0, -ENOENT, -EALREADY */
	UKCF_OP_CANCEL_CTX = 33,    /* ctx; res = number of parts cancelled */
	UKCF_OP_NOTIFY_SPACE = 34,  /* provider = queue, ctx = slots wanted */
	UKCF_OP_NOTIFY_EVENTS = 35, /* ctx = UKCF_EVENTS_* wanted on this ring from
				       now on; 0: none any more */
	UKCF_OP_INIT = 40,	    /* ctx, part_op, obj[0], param, aux */
	UKCF_OP_UPDATE = 41,	    /* ctx, in -> out */
	UKCF_OP_FINAL = 42,	    /* ctx, in -> out, or tag to verify */
	UKCF_OP_CTX_COPY = 43,	    /* obj[1] = context to copy -> ctx */
	UKCF_OP_TMPL_CREATE = 48,   /* obj[0] = key; res = template handle */
	UKCF_OP_TMPL_DESTROY = 49,  /* obj[0] = template */
	/* dual: mech[0] and obj[0] of the cipher, mech[1] and obj[1] of the MAC
	 * over aux || ciphertext */
	UKCF_OP_ENCRYPT_MAC = 56, /* in -> out = ciphertext || MAC */
	UKCF_OP_MAC_DECRYPT = 57, /* in -> out = plaintext || MAC */
	UKCF_OP_MAC_VERIFY_DECRYPT = 58, /* in, tag -> out = plaintext */
	UKCF_OP_PROVIDER_FETCH = 64,	 /* reserved: out-of-process provider */
	UKCF_OP_PROVIDER_COMMIT = 65,	 /* reserved */
	UKCF_OP_LAST = 66
};

/** How the caller means to wait (sqe.mode). */
enum ukcf_mode {
	UKCF_MODE_ASYNC = 0,
	UKCF_MODE_SYNC = 1
};

/* sqe.flags */
#define UKCF_SQE_QUEUE 0x0001	     /* queue even if it could run at once */
#define UKCF_SQE_NOTIFY_OPDONE 0x0002 /* CQE for init and update, too */
#define UKCF_SQE_WANT_HANDLE 0x0004  /* with QUEUE: handle in the QUEUED CQE */
#define UKCF_SQE_NOTIFY_SPACE 0x0008 /* after -EAGAIN a SPACE event */
#define UKCF_SQE_LINK 0x0010	     /* the next entry waits for this one */
#define UKCF_SQE_FLAGS \
	(UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE | UKCF_SQE_NOTIFY_SPACE)

/* sqe.subflags */
#define UKCF_SUB_REQUIRE_HW 0x0001 /* only a hardware provider will do */
#define UKCF_SUB_IOV 0x0002	   /* reserved: in names a list of spans */
#define UKCF_SUB_TMPL_AUTO 0x0004  /* TMPL_CREATE: ends with its first use */
#define UKCF_SUB_NONCE 0x0008	   /* ENCRYPT of AEAD: the daemon chooses the
				      nonce; out = ciphertext || tag || nonce */
#define UKCF_SUBFLAGS UKCF_SUB_REQUIRE_HW

/* sqe.link_dst: where the result of an entry with LINK goes */
#define UKCF_LINK_OUT 0	 /* to its out range, as without LINK */
#define UKCF_LINK_KEEP 1 /* stays in the daemon, for the next entry; out.len is
			    its size, and names no memory */
/* sqe.link_src: what the entry takes from the one before it */
#define UKCF_LINK_NONE 0 /* nothing but its turn */
#define UKCF_LINK_KEY 1	 /* the kept bytes are its key */
#define UKCF_LINK_IN 2	 /* the kept bytes are its input */
#define UKCF_CHAIN_MAX 8 /* entries of a chain */
#define UKCF_KEEP_MAX 256 /* bytes that one keeps for the next */

#define UKCF_CONTEXTS_MAX 64 /* per ring; ids are 1 to this */

/* Queues, where a CQE or NOTIFY_SPACE names one: a provider id names the queue
 * of that hardware provider. */
#define UKCF_QUEUE_BULK 0x100 /* software queue */
#define UKCF_QUEUE_SLOW 0x101 /* its lane for slow mechanisms */

/* sqe.provider: 0 lets the daemon choose, else a provider id from the page */
#define UKCF_PROVIDER_ANY 0

/** A byte range inside a registered buffer. */
struct ukcf_range {
	uint32_t off; /* bytes from the start of the buffer */
	uint32_t len; /* bytes; 0 means absent */
};

/* Index of the ranges in ukcf_sqe.buf[]. */
enum ukcf_range_index {
	UKCF_RANGE_IN = 0,
	UKCF_RANGE_OUT = 1,
	UKCF_RANGE_AUX = 2,
	UKCF_RANGE_TAG = 3
};

#define UKCF_PARAM_MAX 24 /* bytes: the nonce of XChaCha20 is the longest */

/**
 * struct ukcf_sqe - submission queue entry, 128 bytes
 *
 * Written by the consumer, copied by the daemon exactly once.  gen is stored
 * last: the entry at index i of a ring of 2^order slots is ready when its gen
 * equals (uint32_t)((i >> order) + 1).
 */
struct ukcf_sqe {
	uint32_t gen;
	uint8_t op;		/* enum ukcf_op */
	uint8_t mode;		/* enum ukcf_mode */
	uint16_t flags;		/* UKCF_SQE_* */
	uint64_t user_data;	/* opaque, returned in the CQE */
	uint32_t mech[2];	/* mech[1] only for dual operations */
	uint64_t obj[2];	/* key or template handles */
	uint64_t ctx;		/* context, or the handle to cancel */
	uint32_t timeout_us;	/* relative; 0: the daemon's default */
	uint16_t provider;	/* UKCF_PROVIDER_ANY or an id */
	uint8_t param_len;	/* bytes of param used */
	uint8_t tag_len;	/* bytes; 0: the mechanism's full tag */
	struct ukcf_range in;
	struct ukcf_range out;
	struct ukcf_range aux;	/* additional authenticated data */
	struct ukcf_range tag;	/* MAC or signature to verify */
	uint16_t buf[4];	/* buffer of in, out, aux, tag */
	uint8_t param[UKCF_PARAM_MAX];
	uint8_t link_src;	/* UKCF_LINK_* */
	uint8_t link_dst;	/* UKCF_LINK_* */
	uint16_t subflags;	/* UKCF_SUB_* */
	uint8_t part_op;	/* INIT: enum ukcf_op that it begins */
	uint8_t reserved[3];	/* 0 */
};

/* cqe.flags: what kind of entry, in the low two bits ... */
#define UKCF_CQE_KIND 0x0003
#define UKCF_CQE_RESULT 0x0000 /* terminal: res is bytes produced or -errno */
#define UKCF_CQE_QUEUED 0x0001 /* value is the handle, 0 if none was wanted */
#define UKCF_CQE_SPACE 0x0002  /* res is the number of free slots */
#define UKCF_CQE_EVENT 0x0003  /* value: mechanism or provider, res: what */
/* ... and how it came about */
#define UKCF_CQE_F_INLINE 0x0010   /* ran at once on the service thread */
#define UKCF_CQE_F_IRQCTX 0x0020   /* ran in completion context */
#define UKCF_CQE_F_REPLAYED 0x0040 /* ran again after a daemon restart */
#define UKCF_CQE_F_NATIVE 0x0080   /* both halves were one job of a provider */

/**
 * struct ukcf_cqe - completion queue entry, 32 bytes
 *
 * Written by the daemon only.  gen is stored last: the entry at index i of a
 * ring of 2^order slots is ready when gen equals (uint16_t)((i >> order) + 1).
 */
struct ukcf_cqe {
	uint64_t user_data;
	int64_t res;		/* bytes produced (or a handle), or -errno */
	union {
		struct {
			uint32_t queue_ns;   /* accepted -> started, saturating */
			uint32_t service_ns; /* started -> done, saturating */
		} t;
		uint64_t value;
	} u;
	uint16_t flags;		/* UKCF_CQE_* */
	uint16_t detail;	/* enum ukcf_detail: for people */
	uint16_t provider;	/* provider (or queue) id; 0: none took part */
	uint16_t gen;
};

/**
 * struct ukcf_sq_head - first page of the SQ half, written by the consumer
 *
 * Hot words are 128 bytes apart: the adjacent-line prefetcher pairs lines.
 * The slots follow at UKCF_RING_SLOTS.
 */
struct ukcf_sq_head {
	uint32_t tail;	     /* entries published: a hint, never a bound */
	uint32_t pad0[31];
	uint32_t cq_head;    /* CQEs consumed */
	uint32_t pad1[31];
	uint32_t cq_event;   /* wake me when the CQE of this index is posted */
	uint32_t notify;	     /* UKCF_NOTIFY_*: how */
	uint32_t pad2[30];
};

#define UKCF_NOTIFY_FUTEX 0  /* FUTEX_WAKE on ukcf_cq_head.futex */
#define UKCF_NOTIFY_SOCKET 1 /* a byte on the notification socket */

/** struct ukcf_cq_head - first page of the CQ half, written by the daemon */
struct ukcf_cq_head {
	uint32_t tail;	    /* CQEs posted: a hint; gen decides */
	uint32_t pad0[31];
	uint32_t sq_head;   /* SQEs taken: these slots are free again */
	uint32_t pad1[31];
	uint32_t sq_event;  /* ring the doorbell when this index is published */
	uint32_t flags;	    /* UKCF_RING_* */
	uint32_t pad2[30];
	uint32_t futex;	    /* counts wake-ups; FUTEX_WAIT works read-only */
	uint32_t pad3[31];
};

/**
 * What happened (res of an EVENT CQE).  value names whom it is about, a
 * mechanism or a provider; provider is the provider, 0 where a mechanism was
 * enabled or disabled as such.  The page shows it already.
 */
enum ukcf_event {
	UKCF_EVENT_MECH_ENABLED = 1,
	UKCF_EVENT_MECH_DISABLED = 2,
	UKCF_EVENT_PROVIDER_ADDED = 3,
	UKCF_EVENT_PROVIDER_STATE = 4, /* the page has the new one */
	UKCF_EVENT_PROVIDER_REMOVED = 5,
	UKCF_EVENT_MANY = 6 /* more than one thing, since the last event: look at
			       the page; value is its epoch */
};

/* Bit n: enum ukcf_event n.  MANY is always told. */
#define UKCF_EVENTS_MECHS 0x06
#define UKCF_EVENTS_PROVIDERS 0x38
#define UKCF_EVENTS_ALL (UKCF_EVENTS_MECHS | UKCF_EVENTS_PROVIDERS)

#define UKCF_RING_STALLED 0x1 /* no CQ slot is free: reap to go on, and ring */
#define UKCF_RING_DEAD 0x2    /* the daemon closed this ring */

#define UKCF_RING_SLOTS 4096	/* byte offset of the slots in either half */
#define UKCF_SQ_ORDER_MIN 1	/* 2 entries */
#define UKCF_SQ_ORDER_MAX 12	/* 4096 entries */
#define UKCF_CQ_ORDER_MAX 13

/** Kinds of registered buffers. */
enum ukcf_buffer_kind {
	UKCF_BUFFER_INPUT = 0, /* written by the consumer, read by the daemon */
	UKCF_BUFFER_OUTPUT = 1 /* written by the daemon, read by the consumer */
};

#define UKCF_BUFFERS_MAX 64		    /* per connection */
#define UKCF_BUFFER_SIZE_MAX (128u << 20)   /* bytes */
#define UKCF_ONESHOT_MAX (64u << 20)	    /* bytes of in or out that must be
					       copied or withheld whole */

/** What a key may be used for; one set per key, fixed at creation. */
enum ukcf_usage {
	UKCF_USE_DEFAULT = 0, /* all that the mechanism's class allows */
	UKCF_USE_MAC = 0x01,
	UKCF_USE_MAC_VERIFY = 0x02,
	UKCF_USE_ENCRYPT = 0x04,
	UKCF_USE_DECRYPT = 0x08,
	UKCF_USE_SIGN = 0x10,
	UKCF_USE_VERIFY = 0x20,
	UKCF_USE_DERIVE = 0x40
};

/* flags of a key */
#define UKCF_KEY_EXPORTABLE 0x1 /* ukcf_key_export() gives its bytes out */
#define UKCF_KEY_PUBLIC_ONLY 0x2 /* holds only a public part */
#define UKCF_KEY_SESSION 0x4	/* nameless; ends with the connection */
#define UKCF_KEY_OWN 0x8	/* its consumer has the bytes: nothing is kept
				   from it (ukcf_key_local()) */
/* KEY_GENERATE, where a mechanism has keys of several sizes: one of these, or
 * none of them for the provider's choice */
#define UKCF_KEY_BITS_2048 0x10
#define UKCF_KEY_BITS_3072 0x20
#define UKCF_KEY_BITS_4096 0x40
#define UKCF_KEY_BITS 0x70
#define UKCF_KEY_DAEMON_NONCE 0x80 /* encrypts with nonces of the daemon's only
				      (UKCF_SUB_NONCE) */

#define UKCF_KEY_NAME_MAX 64  /* bytes with the NUL */
#define UKCF_KEY_BYTES_MAX 2432 /* bytes of a key: PKCS#8, RSA of 4096 bits */
#define UKCF_KEY_PUBLIC_MAX 640 /* bytes of a public part */

/** Input of the key operations; the raw key bytes follow it. */
struct ukcf_key_req {
	char name[UKCF_KEY_NAME_MAX]; /* [A-Za-z0-9._-]+, NUL padded */
	uint32_t usage;		      /* enum ukcf_usage bits */
	uint32_t flags;		      /* UKCF_KEY_* */
	uint32_t key_len;	      /* bytes that follow (import) */
	uint32_t reserved;
};

/** What argon2id is to cost: aux of DERIVE, both little-endian. */
struct ukcf_argon2_cost {
	uint32_t passes;     /* RFC 9106 section 3.1: t, 1 or more */
	uint32_t memory_kib; /* m, 8 or more; one lane */
};

/** One row of KEY_LIST. */
struct ukcf_key_info {
	uint64_t id;
	uint32_t mech;
	uint32_t usage;
	uint32_t flags;
	uint32_t bits; /* size of the key */
	char name[UKCF_KEY_NAME_MAX];
	uint64_t uses;
	uint64_t created_s; /* seconds since the epoch */
	uint64_t next;	    /* sqe.ctx for the following rows */
};

/** What KEY_NONCES tells of a key: nonces that the daemon chooses for it. */
struct ukcf_key_nonces {
	uint64_t made; /* so far, those that a restart skipped included */
	uint64_t most; /* that it will ever make; UINT64_MAX: no limit but the
			  size of their counter */
};

/** Which field or rule made a request fail: for people, not for control flow. */
enum ukcf_detail {
	UKCF_DETAIL_NONE = 0,
	UKCF_DETAIL_OP = 1,	   /* unknown operation */
	UKCF_DETAIL_MODE = 2,
	UKCF_DETAIL_FLAGS = 3,
	UKCF_DETAIL_RESERVED = 4,  /* a reserved field is not zero */
	UKCF_DETAIL_MECH = 5,	   /* no such mechanism */
	UKCF_DETAIL_MECH_OP = 6,   /* the mechanism has no such operation */
	UKCF_DETAIL_DISABLED = 7,  /* disabled by the administrator */
	UKCF_DETAIL_NO_PROVIDER = 8,
	UKCF_DETAIL_PROVIDER = 9,  /* the provider asked for cannot do it */
	UKCF_DETAIL_KEY = 10,	   /* no such key (or not yours) */
	UKCF_DETAIL_KEY_MECH = 11, /* the key is of another mechanism */
	UKCF_DETAIL_KEY_USAGE = 12,
	UKCF_DETAIL_KEY_SIZE = 13,
	UKCF_DETAIL_KEY_NAME = 14, /* malformed, or taken already */
	UKCF_DETAIL_NONCE_SIZE = 15,
	UKCF_DETAIL_TAG_SIZE = 16,
	UKCF_DETAIL_IN_RANGE = 17, /* in leaves its buffer */
	UKCF_DETAIL_OUT_RANGE = 18,
	UKCF_DETAIL_AUX_RANGE = 19,
	UKCF_DETAIL_TAG_RANGE = 20,
	UKCF_DETAIL_OVERLAP = 21,  /* in and out overlap without being equal */
	UKCF_DETAIL_IN_SIZE = 22,  /* input too short or too long */
	UKCF_DETAIL_OUT_SIZE = 23, /* output too small */
	UKCF_DETAIL_AUX_SIZE = 24,
	UKCF_DETAIL_ONESHOT = 25,  /* over UKCF_ONESHOT_MAX */
	UKCF_DETAIL_QUEUE_FULL = 26,
	UKCF_DETAIL_QUOTA = 27,
	UKCF_DETAIL_TIMEOUT = 28,
	UKCF_DETAIL_AUTH = 29,	   /* tag, MAC or signature is wrong */
	UKCF_DETAIL_LOW_ORDER = 30, /* all-zero shared secret, RFC 7748 6.1 */
	UKCF_DETAIL_PROVIDER_FAILED = 31,
	UKCF_DETAIL_NOT_EXPORTABLE = 32,
	UKCF_DETAIL_LOST_STATE = 33, /* by a restart, or with its provider */
	UKCF_DETAIL_CTX = 34,	   /* no such context, or not begun */
	UKCF_DETAIL_CTX_IN_USE = 35, /* INIT of a context that is begun */
	UKCF_DETAIL_PART_OP = 36,  /* no such operation in parts */
	UKCF_DETAIL_PART_FAILED = 37, /* an earlier part of the context did */
	UKCF_DETAIL_LINK = 38,	   /* the entry before it failed, or no chain */
	UKCF_DETAIL_CANCELED = 39,
	UKCF_DETAIL_HANDLE = 40,   /* no such request */
	UKCF_DETAIL_QUEUE = 41,	   /* no such queue */
	UKCF_DETAIL_TMPL = 42,	   /* no such template (or not yours) */
	UKCF_DETAIL_KEY_VALUE = 43, /* a weak key, or none of this kind */
	UKCF_DETAIL_COST = 44,	   /* argon2id: dearer than is allowed, or none */
	UKCF_DETAIL_NONCE_LIMIT = 45, /* the key has made as many nonces as it may */
	UKCF_DETAIL_LAST = 46
};

/*
 * The page: what the vDSO's data is to the kernel.  One read-only page set for
 * all consumers.  A sequence count guards the tables (odd: being written);
 * readers retry a bounded number of times and then ask over the ring.  epoch
 * changes with every change of the tables: one load says "nothing changed".
 */
#define UKCF_PAGE_MAGIC 0x66636b75 /* "ukcf" */
#define UKCF_PAGE_SIZE (128u << 10)
#define UKCF_PAGE_MECHS_MAX 512
#define UKCF_PAGE_PROVIDERS_MAX 63

struct ukcf_page_mech {
	uint32_t id;
	uint32_t flags;		/* UKCF_PAGE_MECH_* */
	char name[UKCF_NAME_MAX];
	uint32_t ops;		/* bit n: enum ukcf_op n, n < 32, is offered */
	uint16_t caller;	/* provider whose module may run it in the
				   caller; 0: none */
	uint16_t nonce_len;
	uint16_t key_min;
	uint16_t key_max;
	uint16_t tag_min;
	uint16_t tag_max;
	uint16_t out_len;
	uint16_t pub_len;	/* of a public key; 0: has none */
	/* of ciphers: bytes of plaintext at least, and a multiple of; bytes by
	 * which ciphertext is longer; or what it is padded to a multiple of */
	uint8_t in_min;
	uint8_t block;
	uint8_t growth;
	uint8_t padding;
	uint64_t data_max;
	uint64_t aad_max;
	uint64_t providers;	/* bit n: provider id n offers it */
	char pkcs11[UKCF_NAME_MAX];
	char openssl[UKCF_NAME_MAX];
};

#define UKCF_PAGE_MECH_ENABLED 0x1
#define UKCF_PAGE_MECH_BY_KEY 0x2 /* out_len, pub_len: the most a key has */
#define UKCF_PAGE_MECH_CHUNKS 0x4 /* AEAD: each part has a tag of its own */

/** Provider kinds. */
enum ukcf_provider_kind {
	UKCF_PROVIDER_SOFTWARE = 0,
	UKCF_PROVIDER_HARDWARE = 1,
	UKCF_PROVIDER_REMOTE = 2
};

/** Provider states. */
enum ukcf_provider_state {
	UKCF_PROVIDER_ABSENT = 0,
	UKCF_PROVIDER_LOADING = 1, /* self-tests are running */
	UKCF_PROVIDER_READY = 2,
	UKCF_PROVIDER_BUSY = 3,
	UKCF_PROVIDER_FAILED = 4,
	UKCF_PROVIDER_DRAINING = 5
};

struct ukcf_page_provider {
	uint16_t id;
	uint8_t kind;		/* enum ukcf_provider_kind */
	uint8_t state;		/* enum ukcf_provider_state */
	uint32_t module_gen;	/* 0: has no module for callers */
	char name[UKCF_NAME_MAX];
	char version[UKCF_NAME_MAX]; /* of the library beneath */
	uint32_t n_mechs;
	uint32_t pad;
};

struct ukcf_page {
	uint32_t magic;
	uint32_t abi_version;
	uint64_t boot_gen;	/* changes with every start of the daemon */
	uint32_t features;	/* UKCF_FEAT_* */
	uint32_t n_mechs;
	uint32_t n_providers;
	uint32_t inline_ns;	/* predicted cost up to which a request runs
				   at once */
	uint32_t seq;
	uint32_t pad0[23];
	uint32_t epoch;		/* on a line of its own */
	uint32_t pad1[31];
	struct ukcf_page_provider providers[UKCF_PAGE_PROVIDERS_MAX + 1];
	struct ukcf_page_mech mechs[UKCF_PAGE_MECHS_MAX];
};

#ifdef __cplusplus
}
#endif
#endif
