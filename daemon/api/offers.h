/* SPDX-License-Identifier: MIT */
/*
 * Owns what an administrator sees of the offers: which provider offers which
 * mechanism, whether that may be used, and whose word it is if not; also rules
 * about what is not here.  Main thread.
 */
#ifndef DAEMON_API_OFFERS_H
#define DAEMON_API_OFFERS_H

#include "lib/shared/msg.h"

/* Up to n rows, without the first `from' ones.  Return: how many. */
uint32_t offers_list(uint32_t from, struct msg_offer *rows, uint32_t n);

#endif
