/* SPDX-License-Identifier: MIT */
/* Owns what is known of a thread's last synchronous call. */
#ifndef LIB_CALL_H
#define LIB_CALL_H

#include <stdint.h>

#include <ukcf/ukcf.h>

/* Small, and found without a call: initial-exec. */
extern __thread struct ukcf_call last_call
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The library refuses: nothing ran.  Return: err. */
static inline int64_t call_refused(int64_t err, unsigned int detail)
{
	last_call = (struct ukcf_call){ .res = err,
					.where = UKCF_WHERE_NONE,
					.detail = (uint16_t)detail };
	return err;
}

#endif
