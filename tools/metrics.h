/* SPDX-License-Identifier: MIT */
/* Owns what the daemon counts in Prometheus' text format, version 0.0.4. */
#ifndef TOOLS_METRICS_H
#define TOOLS_METRICS_H

#include <stddef.h>

/* The text, allocated, and its length in bytes; NULL after a complaint. */
char *metrics_text(size_t *len);

#endif
