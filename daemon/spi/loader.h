/* SPDX-License-Identifier: MIT */
/*
 * Owns the thread for what may take long with providers: loading, unloading,
 * known answers, bringing back the failed ones.  One thing at a time, so no two
 * of them change a provider at once.
 */
#ifndef DAEMON_SPI_LOADER_H
#define DAEMON_SPI_LOADER_H

struct provider;

/* The beginning of what the thread is to do. */
struct loader_job {
	struct loader_job *next;
	void (*run)(struct loader_job *job);  /* on the thread */
	void (*done)(struct loader_job *job); /* then on main */
};

int loader_start(void);
/* Ends when what it does now has ended. */
void loader_stop(void);
/* main.  Does not block. */
void loader_post(struct loader_job *job);
/* main: readable when jobs were done; loader_collect() calls their done(). */
int loader_done_fd(void);
void loader_collect(void);
/* A provider has failed.  Any thread, does not block. */
void loader_look(void);
/* A request waits for p: it is loaded, or held if that cannot be, and parked
 * requests are looked at again.  Any thread, does not block. */
void loader_want(struct provider *p);

#endif
