/* SPDX-License-Identifier: MIT */
/*
 * Owns the requests whose provider failed, and whose next one is not loaded
 * yet: they wait here until it is, under their deadline, and can be cancelled.
 * (Those that found none from the beginning wait in their ring's parking.)
 */
#ifndef DAEMON_CORE_STRANDED_H
#define DAEMON_CORE_STRANDED_H

#include <stdint.h>

struct backlog;
struct request;

int stranded_init(void);
/* Whose deadlines main watches. */
struct backlog *stranded_backlog(void);
/* How often stranded_look() was called: before a provider is sent for. */
uint32_t stranded_looks(void);
/* It waits, looks being what there were before its provider was sent for.  Any
 * thread that may lock; the request is another's when this returns. */
void stranded_add(struct request *req, uint32_t looks);
/* A provider was loaded, or cannot be: all of them are tried again.  Any
 * thread that may lock. */
void stranded_look(void);

#endif
