/* SPDX-License-Identifier: MIT */
/* Words for errno values, in the sense in which ukcf uses them. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <ukcf/ukcf.h>

static const struct {
	int err;
	const char *words;
} errors[] = {
	{ 0, "success" },
	{ EINVAL, "malformed request" },
	{ EOPNOTSUPP, "no such mechanism or operation, or nobody offers it" },
	{ EBADMSG, "authentication failed" },
	{ ENOKEY, "no such key" },
	{ EKEYREVOKED, "the key was destroyed" },
	{ EKEYREJECTED, "the key does not fit the mechanism or its usage" },
	{ EEXIST, "there is a key of that name" },
	{ EACCES, "not permitted" },
	{ EDQUOT, "over the quota of the user" },
	{ EAGAIN, "queue full, or nothing there yet" },
	{ EMSGSIZE, "message too long" },
	{ ENOBUFS, "output too small" },
	{ EIO, "the provider failed" },
	{ ENODEV, "no provider is left" },
	{ ETIMEDOUT, "the deadline passed" },
	{ ECANCELED, "cancelled" },
	{ EINTR, "interrupted by a signal" },
	{ ESTALE, "connection lost, or the parent process's" },
	{ EPROTO, "the peer does not speak this protocol" },
	{ ENOMEM, "out of memory" },
	{ ENFILE, "the daemon has as many connections as it can hold" },
	{ ENOENT, "no daemon: there is no socket of that name" },
	{ ECONNREFUSED, "no daemon: nobody listens on the socket" },
};

const char *ukcf_strerror(int64_t err)
{
	const char *words;

	if (err > 0)
		return "success";
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (err == -(int64_t)errors[i].err)
			return errors[i].words;
	words = err >= -4095 ? strerrordesc_np((int)-err) : NULL;
	return words ? words : "unknown error";
}

static const char *const details[UKCF_DETAIL_LAST] = {
	[UKCF_DETAIL_NONE] = "nothing more is known",
	[UKCF_DETAIL_OP] = "unknown operation",
	[UKCF_DETAIL_MODE] = "unknown mode",
	[UKCF_DETAIL_FLAGS] = "unknown or contradicting flags",
	[UKCF_DETAIL_RESERVED] = "a reserved field is not zero",
	[UKCF_DETAIL_MECH] = "no such mechanism",
	[UKCF_DETAIL_MECH_OP] = "the mechanism has no such operation",
	[UKCF_DETAIL_DISABLED] = "disabled by the administrator",
	[UKCF_DETAIL_NO_PROVIDER] = "no provider offers it",
	[UKCF_DETAIL_PROVIDER] = "the provider asked for cannot do it",
	[UKCF_DETAIL_KEY] = "no such key, or it is not yours",
	[UKCF_DETAIL_KEY_MECH] = "the key is of another mechanism",
	[UKCF_DETAIL_KEY_USAGE] = "the key's usage does not allow it",
	[UKCF_DETAIL_KEY_SIZE] = "the key has a wrong size",
	[UKCF_DETAIL_KEY_NAME] = "the key's name is malformed or taken",
	[UKCF_DETAIL_NONCE_SIZE] = "the nonce has a wrong size",
	[UKCF_DETAIL_TAG_SIZE] = "the tag has a wrong size",
	[UKCF_DETAIL_IN_RANGE] = "the input leaves its buffer",
	[UKCF_DETAIL_OUT_RANGE] = "the output leaves its buffer",
	[UKCF_DETAIL_AUX_RANGE] = "the additional data leaves its buffer",
	[UKCF_DETAIL_TAG_RANGE] = "the tag or signature leaves its buffer",
	[UKCF_DETAIL_OVERLAP] = "input and output overlap",
	[UKCF_DETAIL_IN_SIZE] = "the input has a wrong size",
	[UKCF_DETAIL_OUT_SIZE] = "the output has a wrong size",
	[UKCF_DETAIL_AUX_SIZE] = "the additional data has a wrong size",
	[UKCF_DETAIL_ONESHOT] = "over 64 MiB in one request",
	[UKCF_DETAIL_QUEUE_FULL] = "the queue is full",
	[UKCF_DETAIL_QUOTA] = "a quota or memory is used up",
	[UKCF_DETAIL_TIMEOUT] = "the deadline passed",
	[UKCF_DETAIL_AUTH] = "tag, MAC or signature is wrong",
	[UKCF_DETAIL_LOW_ORDER] = "the shared secret is all zero",
	[UKCF_DETAIL_PROVIDER_FAILED] = "the provider failed",
	[UKCF_DETAIL_NOT_EXPORTABLE] = "the key is not exportable",
	[UKCF_DETAIL_LOST_STATE] =
		"lost: the daemon restarted, or its provider was taken out",
	[UKCF_DETAIL_CTX] = "no such context, or not begun",
	[UKCF_DETAIL_CTX_IN_USE] = "the context is begun already",
	[UKCF_DETAIL_PART_OP] = "the mechanism does not do this in parts",
	[UKCF_DETAIL_PART_FAILED] = "an earlier part of the context failed",
	[UKCF_DETAIL_LINK] = "the entry before it in the chain failed",
	[UKCF_DETAIL_CANCELED] = "cancelled",
	[UKCF_DETAIL_HANDLE] = "no such request",
	[UKCF_DETAIL_QUEUE] = "no such queue",
	[UKCF_DETAIL_TMPL] = "no such template, or not yours",
	[UKCF_DETAIL_KEY_VALUE] = "no key of this mechanism, or a weak one",
	[UKCF_DETAIL_COST] = "passes or memory are more than is allowed, or none",
	[UKCF_DETAIL_NONCE_LIMIT] = "the key has made as many nonces as it may",
};

const char *ukcf_detail_name(unsigned int detail)
{
	return detail < UKCF_DETAIL_LAST ? details[detail] : "unknown detail";
}

static const char *const events[] = {
	[UKCF_EVENT_MECH_ENABLED] = "mechanism enabled",
	[UKCF_EVENT_MECH_DISABLED] = "mechanism disabled",
	[UKCF_EVENT_PROVIDER_ADDED] = "provider added",
	[UKCF_EVENT_PROVIDER_STATE] = "state of a provider",
	[UKCF_EVENT_PROVIDER_REMOVED] = "provider removed",
	[UKCF_EVENT_MANY] = "more than one thing",
};

const char *ukcf_event_name(int64_t event)
{
	if (event < UKCF_EVENT_MECH_ENABLED || event > UKCF_EVENT_MANY)
		return "unknown event";
	return events[event];
}
