/* SPDX-License-Identifier: MIT */
/*
 * Owns the control protocol of connected consumers: what each verb does, and
 * when a consumer ends.
 */
#ifndef DAEMON_API_CONTROL_H
#define DAEMON_API_CONTROL_H

#include <stdint.h>

#include <ukcf/ukcf.h>

struct config;
struct consumer;
struct listener;
struct loop;

int control_init(struct loop *loop, const struct config *c);
/* Accept consumers from now on. */
int control_start(struct listener *l);
/* After a restart: go on with every consumer whose descriptors are there.
 * Return: how many were lost. */
unsigned int control_restore(void);
/* Half-open connections end; consumers stay as they are recorded. */
void control_stop(void);
/* What the daemon counted for a consumer, closed rings included. */
void control_counts(const struct consumer *c, struct ukcf_counts *sum);
/* And for those that are gone. */
void control_counts_gone(struct ukcf_counts *sum);

#endif
