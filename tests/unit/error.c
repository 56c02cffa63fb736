/* SPDX-License-Identifier: MIT */
/* Words for errors, details and events: each has its own, and what is unknown
 * has words that say so. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <ukcf/ukcf.h>

static void is_said(const char *words)
{
	cr_assert(words && strlen(words) > 3);
	cr_assert(!strchr(words, '\n'));
}

Test(error, errors_have_words_of_ukcf_or_of_the_system)
{
	static const int ours[] = { EINVAL, EOPNOTSUPP, EBADMSG, ENOKEY,
				    EKEYREVOKED, EKEYREJECTED, EACCES, EDQUOT,
				    EAGAIN, EMSGSIZE, ENOBUFS, EIO, ENODEV,
				    ETIMEDOUT, ECANCELED, EINTR, ESTALE,
				    EPROTO };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		const char *words = ukcf_strerror(-ours[i]);

		is_said(words);
		cr_assert_str_neq(words, "unknown error");
		for (size_t k = 0; k < i; k++)
			cr_assert_str_neq(words, ukcf_strerror(-ours[k]));
	}
	cr_assert_str_eq(ukcf_strerror(-EBADMSG), "authentication failed");
	cr_assert_str_eq(ukcf_strerror(0), "success");
	cr_assert_str_eq(ukcf_strerror(64), "success"); /* bytes */
	cr_assert_str_neq(ukcf_strerror(-EPIPE), "unknown error");
}

Test(error, what_is_no_error_is_unknown)
{
	cr_assert_str_eq(ukcf_strerror(-4000), "unknown error");
	cr_assert_str_eq(ukcf_strerror(INT64_MIN), "unknown error");
	cr_assert_str_eq(ukcf_strerror(-5000), "unknown error");
}

Test(error, each_detail_has_its_words)
{
	for (unsigned int i = 0; i < UKCF_DETAIL_LAST; i++)
		is_said(ukcf_detail_name(i));
	cr_assert_str_eq(ukcf_detail_name(UKCF_DETAIL_LAST), "unknown detail");
	cr_assert_str_eq(ukcf_detail_name(~0u), "unknown detail");
}

Test(error, each_event_has_its_words)
{
	for (int64_t i = UKCF_EVENT_MECH_ENABLED; i <= UKCF_EVENT_MANY; i++) {
		is_said(ukcf_event_name(i));
		cr_assert_str_neq(ukcf_event_name(i), "unknown event");
		for (int64_t k = UKCF_EVENT_MECH_ENABLED; k < i; k++)
			cr_assert_str_neq(ukcf_event_name(i),
					  ukcf_event_name(k));
	}
	cr_assert_str_eq(ukcf_event_name(UKCF_EVENT_MECH_ENABLED),
			 "mechanism enabled");
	cr_assert_str_eq(ukcf_event_name(UKCF_EVENT_PROVIDER_STATE),
			 "state of a provider");
}

Test(error, what_is_no_event_is_unknown)
{
	static const int64_t none[] = { 0, UKCF_EVENT_MANY + 1, -1, -EINVAL,
					INT64_MAX, INT64_MIN,
					INT64_C(0x100000001) };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		cr_assert_str_eq(ukcf_event_name(none[i]), "unknown event");
}
