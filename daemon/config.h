/* SPDX-License-Identifier: MIT */
/* Owns the configuration: ukcfd.conf and its drop-ins, parsed and checked. */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_PROVIDERS_MAX 16
#define CONFIG_OPTIONS_MAX 64

struct config_option {
	char provider[32];
	char name[32];
	char value[128];
};

struct config {
	/* [daemon] */
	char socket[108];
	char admin_socket[108];
	char provider_dir[256];
	char state_dir[256]; /* what outlives the daemon */
	char policy_dir[256];
	char manifest_dir[256]; /* of policy files; "": there are none */
	unsigned int service_threads; /* 0: one per core but one, at least one */
	unsigned int bulk_workers;    /* 0: as service_threads */
	unsigned int slow_workers;    /* at least 1 */
	int log_level;		      /* syslog(3) */
	uint64_t spin_us;	      /* longest polling before sleep; 0: none */
	uint64_t inline_us;	      /* predicted cost that runs at once */
	uint64_t timeout_ms;	      /* default deadline of a request */
	unsigned int queue_slots;     /* of each queue: a lane, a device */
	uint64_t device_limit_ms;     /* a job that takes longer is lost */
	uint64_t start_limit_ms;      /* a provider that starts, stops,
					 resets longer is out */
	/* One answer of so many is checked by another provider; 0: none. */
	uint32_t cross_check; /* of hardware and other nodes */
	uint32_t cross_check_software;
	uint64_t cross_check_all_ms; /* all, after a provider came */
	unsigned int device_failures; /* in RECOVER_WINDOW_NS: it stays out */
	char providers[CONFIG_PROVIDERS_MAX][32]; /* loaded at start */
	unsigned int n_providers;
	bool providers_named; /* else all but the first may be missing */
	/* [quota], per uid */
	unsigned int connections;
	unsigned int rings;
	unsigned int requests; /* in flight: the sum of the rings' entries */
	unsigned int buffers;
	uint64_t buffer_bytes;
	unsigned int keys;
	unsigned int templates;
	unsigned int contexts;
	/* [provider NAME] */
	struct config_option options[CONFIG_OPTIONS_MAX];
	unsigned int n_options;
	bool captive; /* --run: the user's own daemon; own uid may connect as
			 consumer and administer */
};

void config_defaults(struct config *c);
/*
 * Read path and path's sibling directory conf.d/ (*.conf in order); each error
 * goes to errors as "file:line: what, and what is allowed".
 * Return: 0 or -EINVAL, -errno; a missing path is 0 unless required.
 */
int config_load(struct config *c, const char *path, bool required,
		FILE *errors);
/* One assignment SECTION.KEY=VALUE, as on the command line. */
int config_set(struct config *c, const char *assignment, FILE *errors);
/* "off", "all" or "1/N" as one of so many.  False: it is none of them. */
bool config_rate(const char *text, uint32_t *every);
/* The range of a number; false: there is no such key. */
bool config_range(const char *section, const char *name, uint64_t *min,
		  uint64_t *max);
const char *config_provider_option(const struct config *c, const char *provider,
				   const char *name);

#endif
