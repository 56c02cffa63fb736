/* SPDX-License-Identifier: MIT */
/*
 * Owns the control protocol: one SOCK_SEQPACKET message is one request or one
 * reply.  Fixed-size little-endian bodies; a body of another size, an unknown
 * verb or a non-zero reserved field is -EPROTO and ends the connection.
 * Descriptors travel from the daemon to the consumer only.
 *
 * A consumer that waits for a reply and gets MSG_RESTARTED instead (the daemon
 * was started again meanwhile) sends its request once more with the same seq;
 * the daemon recognises ring and buffer requests it had carried out.
 */
#ifndef LIB_SHARED_MSG_H
#define LIB_SHARED_MSG_H

#include <stddef.h>
#include <stdint.h>

#include <ukcf/abi.h>
#include <ukcf/ukcf.h>

#define MSG_MAGIC 0x4d4b5543u
#define MSG_FDS_MAX 3
#define MSG_SIZE_MAX 65536

enum msg_verb {
	MSG_HELLO = 1,	       /* msg_hello -> msg_challenge */
	MSG_ANSWER = 2,	       /* msg_challenge -> msg_welcome;
				  fds: page, doorbell, notification */
	MSG_RING_OPEN = 3,     /* msg_ring -> msg_ring; fds: SQ, CQ half */
	MSG_RING_READY = 4,    /* msg_ring -> msg_ring */
	MSG_RING_CLOSE = 5,    /* msg_ring -> msg_ring */
	MSG_BUFFER_ALLOC = 6,  /* msg_buffer -> msg_buffer; fd */
	MSG_BUFFER_READY = 7,  /* msg_buffer -> msg_buffer */
	MSG_BUFFER_FREE = 8,   /* msg_buffer -> msg_buffer */
	MSG_MODULE_GET = 9,    /* msg_module -> msg_module; fd */
	MSG_COUNTS = 10,       /* - -> struct ukcf_counts */
	MSG_RESTARTED = 31,    /* daemon -> consumer, unasked */
	MSG_ADMIN_STATUS = 32, /* - -> msg_status; admin socket only */
	MSG_ADMIN_CONSUMERS = 33, /* - or msg_from -> msg_consumer[] */
	MSG_ADMIN_CHANGE = 34, /* msg_change -> msg_changed */
	MSG_ADMIN_QUEUES = 35, /* - -> msg_queue[] */
	MSG_ADMIN_EXPLAIN = 36, /* msg_explain -> msg_candidate[] */
	MSG_ADMIN_OFFERS = 37, /* msg_from -> msg_offer[] */
	MSG_ADMIN_TRACE = 38, /* msg_trace -> msg_changed */
	MSG_ADMIN_EVENTS = 39, /* - -> msg_event[] */
	MSG_ADMIN_PROVIDERS = 40, /* - -> msg_provider[] */
	MSG_VERB_LAST = 41
};

struct msg_head {
	uint32_t magic;	  /* MSG_MAGIC */
	uint16_t version; /* UKCF_ABI_VERSION */
	uint16_t verb;	  /* enum msg_verb */
	uint32_t seq;	  /* echoed in the reply; grows per connection */
	int32_t err;	  /* reply: 0 or -errno */
	uint32_t len;	  /* bytes of body */
	uint32_t detail;  /* enum ukcf_detail */
};

struct msg_hello {
	uint32_t abi_version;
	uint32_t flags; /* 0 */
};

/* The consumer echoes it with its credentials attached by the kernel. */
struct msg_challenge {
	uint64_t nonce;
};

struct msg_welcome {
	uint32_t consumer; /* id, for people and logs */
	uint32_t rings_max;
	uint64_t buffer_bytes_max; /* left in the quota of the uid */
	uint64_t boot_gen;
};

struct msg_ring {
	uint16_t ring;	   /* index within the connection */
	uint8_t sq_order;  /* OPEN: wanted; reply: given */
	uint8_t cq_order;
	uint32_t reserved;
	uint64_t sq_size; /* bytes of the SQ half's memfd */
	uint64_t cq_size;
};

/* With a kind: no device is given it, for keys pass through it. */
#define MSG_BUFFER_HIDDEN 0x8000u

struct msg_buffer {
	uint16_t buffer;
	uint16_t kind; /* enum ukcf_buffer_kind, MSG_BUFFER_HIDDEN */
	uint32_t reserved;
	uint64_t size;
};

struct msg_module {
	uint16_t provider;
	uint16_t reserved;
	uint32_t module_gen; /* reply */
};

struct msg_status {
	char version[16];
	uint64_t boot_gen;
	uint64_t started_s;   /* seconds since the epoch */
	uint32_t pid;
	uint32_t restarts;    /* times the state was taken over */
	uint32_t consumers;
	uint32_t rings;	      /* also those that are closing; so with ... */
	uint32_t buffers;     /* ... those that only requests keep */
	uint32_t keys;
	uint64_t buffer_bytes;
	uint32_t service_threads;
	uint32_t workers;
	uint32_t queue_bulk;  /* requests waiting */
	uint32_t queue_slow;
	uint32_t closing;     /* consumers that ended, with requests that run */
	uint32_t reserved;
	struct ukcf_counts total;
};

/* What an administrator changes. */
enum msg_change_what {
	MSG_CHANGE_CONTROL = 1, /* tell provider a word: argument */
	MSG_CHANGE_TEST = 2,	/* its known answers, now */
	MSG_CHANGE_ENABLE = 3,	/* mechanism argument, of all providers */
	MSG_CHANGE_DISABLE = 4, /* likewise */
	/* those of one provider */
	MSG_CHANGE_LOAD = 5,	/* argument: nothing */
	MSG_CHANGE_UNLOAD = 6,	/* argument: seconds that it may take, or "" */
	MSG_CHANGE_DRAIN = 7,	/* likewise */
	MSG_CHANGE_REFRESH = 8, /* read policy files and manifests again */
	MSG_CHANGE_INSTALL = 9,	 /* provider: load it when it is needed */
	MSG_CHANGE_UNINSTALL = 10,
	MSG_CHANGE_RESET = 11, /* its device; what it has goes to others */
	MSG_CHANGE_LAST = 12
};

#define MSG_DRAIN_SECONDS_MAX 600u /* of unload, drain, uninstall */
#define MSG_CHANGE_DRY_RUN 1u /* say what would change, and change nothing */
#define MSG_CHANGE_FORCE 2u   /* unload, drain, uninstall: when the time is up, take
				 multipart contexts away */

struct msg_change {
	uint32_t what;	   /* enum msg_change_what */
	uint32_t flags;	   /* MSG_CHANGE_DRY_RUN, MSG_CHANGE_FORCE */
	char provider[UKCF_NAME_MAX];
	char argument[96];
};

struct msg_changed {
	int32_t err;	/* 0 or -errno */
	char text[256]; /* for people: what was done, or why not */
};

struct msg_explain {
	uint32_t op;	   /* enum ukcf_op; UKCF_OP_NOP: its usual one */
	uint32_t reserved; /* 0 */
	uint64_t size;	   /* bytes */
	char mech[UKCF_NAME_MAX];
	char mac[UKCF_NAME_MAX]; /* of a dual operation; else "" */
};

/* What a candidate would do of the operation. */
enum msg_share { MSG_SHARE_ALL, MSG_SHARE_BOTH, MSG_SHARE_HALF };

/* A provider that offers the mechanism, as things stand now. */
struct msg_candidate {
	uint8_t share; /* enum msg_share: it, both halves in one, a half */
	uint8_t op;    /* enum ukcf_op: it, or the half */
	uint8_t pad[6];
	uint64_t wait_ns;
	uint64_t service_ns;
	uint16_t provider;
	uint16_t chosen;   /* 0 or 1 */
	uint16_t at_once;  /* it would run on the service thread */
	uint16_t hardware;
	char name[UKCF_NAME_MAX];
	char reason[48];
};

struct msg_queue {
	uint16_t id; /* UKCF_QUEUE_*, or a provider's */
	uint16_t servers;
	uint32_t slots;
	uint32_t waiting;
	uint32_t in_flight; /* in a device */
	uint64_t wait_ns;   /* predicted, for one that comes now */
	uint64_t taken;	    /* since the start, like those that follow */
	uint64_t rejected;
	uint64_t cancelled;
	uint64_t timed_out;
	uint64_t lost; /* by a device */
	uint64_t waited_ns; /* of those taken: a sum */
	uint64_t served_ns; /* likewise */
	char name[UKCF_NAME_MAX];
};

/* Of a table that one message may not hold: without the first rows.  The answer
 * has none where there are no more. */
struct msg_from {
	uint32_t from;
	uint32_t reserved; /* 0 */
};

/* Requests that ran, since the process started; times are sums. */
struct msg_tally {
	uint64_t done;
	uint64_t failed;
	uint64_t bytes;
	uint64_t queue_ns;
	uint64_t service_ns;
};

/* Whose word it is. */
enum msg_by { MSG_BY_NOBODY = 0, MSG_BY_FILE = 1, MSG_BY_ADMINISTRATOR = 2 };

/* A mechanism of a provider, or a rule about what is not here. */
struct msg_offer {
	char provider[UKCF_NAME_MAX]; /* "": the mechanism, by whomever */
	char mech[UKCF_NAME_MAX];     /* or "all" */
	uint16_t id;		      /* the provider's; 0: not loaded */
	uint8_t state;		      /* enum ukcf_provider_state */
	uint8_t enabled;	      /* 0 or 1 */
	uint8_t by;		      /* enum msg_by */
	uint8_t reserved[3];
	struct msg_tally tally;
};

#define MSG_REASON_MAX 224

/* How far a provider is believed. */
struct msg_provider {
	char name[UKCF_NAME_MAX];
	uint16_t id;
	uint8_t state;	    /* enum ukcf_provider_state */
	uint8_t stays_out;  /* 0 or 1: until an administrator lets it in */
	uint32_t every;	    /* one answer of so many is checked; 0: none */
	uint64_t checked;   /* answers, by another provider */
	uint64_t wrong;
	uint64_t unchecked; /* due, and no other could do it */
	uint64_t shared;    /* its device did in the consumers' own memory */
	char reason[MSG_REASON_MAX]; /* why it failed; "": not known */
};

#define MSG_TRACE_SECONDS_MAX 3600u

/* Trace requests, until this connection ends, but not longer than that. */
struct msg_trace {
	uint32_t seconds;
	uint32_t consumer;	      /* 0: any */
	char provider[UKCF_NAME_MAX]; /* "": any */
	char mech[UKCF_NAME_MAX];     /* likewise */
};

enum msg_event_kind {
	MSG_EVENT_LOST = 0, /* bytes: how many events there was no place for */
	MSG_EVENT_ACCEPTED = 1,
	MSG_EVENT_QUEUED = 2,
	MSG_EVENT_STARTED = 3,
	MSG_EVENT_FAILED_OVER = 4,
	MSG_EVENT_DONE = 5,
	MSG_EVENT_REJECTED = 6,
	MSG_EVENT_CANCELLED = 7,
	MSG_EVENT_TIMED_OUT = 8,
	MSG_EVENT_WRONG = 9, /* the provider gave a wrong answer */
	MSG_EVENT_LAST = 10
};

/* What happened to a request; never what is in it. */
struct msg_event {
	uint64_t time_ns; /* since the trace began */
	uint32_t consumer;
	uint16_t ring;
	uint8_t kind; /* enum msg_event_kind */
	uint8_t op;   /* enum ukcf_op */
	uint32_t mech;
	uint32_t queue_ns, service_ns;
	uint16_t at_once; /* 0 or 1 */
	uint16_t native;  /* 0 or 1: both halves in one job */
	uint32_t mac;	  /* of a dual operation; else 0 */
	uint8_t sync;	  /* 0 or 1: its consumer waits for it */
	uint8_t queue;	  /* 0 or 1: it asked for a queue */
	uint16_t reserved;
	uint64_t seq;	  /* of the request in its ring */
	uint64_t bytes;
	int64_t res;
	char provider[UKCF_NAME_MAX]; /* or a queue; "": none yet */
};

struct msg_consumer {
	uint32_t id;
	uint32_t uid;
	uint32_t pid;
	uint32_t rings;
	uint32_t buffers;
	uint32_t weight; /* of its share in the queues */
	uint64_t buffer_bytes;
	char comm[16];
	char unit[48]; /* of systemd; "": none */
	struct msg_tally tally; /* of the rings that it has now */
	struct ukcf_counts counts;
};

/**
 * msg_send() - one message with up to MSG_FDS_MAX descriptors
 * Never blocks (MSG_DONTWAIT), never raises SIGPIPE.
 * Return: 0, -EAGAIN, -EPIPE, ...
 */
int msg_send(int sock, const struct msg_head *h, const void *body,
	     const int *fds, unsigned int n_fds);

/** struct msg_in - a received message; owns its descriptors */
struct msg_in {
	struct msg_head h;
	uint8_t body[MSG_SIZE_MAX - sizeof(struct msg_head)];
	int fds[MSG_FDS_MAX];
	unsigned int n_fds;
	uint32_t pid;	/* of SCM_CREDENTIALS, 0 if there were none */
	uint32_t uid;
};

/**
 * msg_recv() - one message, not waiting
 * @fds_allowed: 0 in the daemon: a message with descriptors is -EPROTO and
 *	they are closed
 * Return: 1, 0 (end of file), -EAGAIN, -EPROTO, -errno.
 */
int msg_recv(int sock, struct msg_in *m, unsigned int fds_allowed);

/** msg_body() - the body if it has exactly this size, else NULL */
const void *msg_body(const struct msg_in *m, size_t size);

/** msg_close_fds() - close the descriptors that nobody took (-1: taken) */
void msg_close_fds(struct msg_in *m);

#endif
