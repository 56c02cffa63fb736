/* SPDX-License-Identifier: MIT */
#include "daemon/core/nonce.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "lib/shared/mech-table.h"

#define COUNTED 12u /* bytes */
#define RANDOM 24u
#define FIELD 4u /* of a counted one, before the counter */

_Static_assert(RANDOM <= UKCF_PARAM_MAX, "a request has room for it");

/* SP 800-38D section 8.3 allows 2^32 messages unless nonces cannot collide; the
 * part that tells keys apart is random here.  RFC 8439 section 4 asks for no
 * more than that nonces differ, and so does draft-irtf-cfrg-xchacha-03. */
static const struct {
	uint32_t mech;
	uint64_t most;
} limits[] = {
	{ UKCF_MECH_AES_128_GCM, UINT64_C(1) << 32 },
	{ UKCF_MECH_AES_192_GCM, UINT64_C(1) << 32 },
	{ UKCF_MECH_AES_256_GCM, UINT64_C(1) << 32 },
};

uint64_t nonce_limit(uint32_t mech)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].mech == mech)
			return limits[i].most;
	return UINT64_MAX;
}

static int refuse(unsigned int *detail, unsigned int why, int err)
{
	*detail = why;
	return err;
}

static void put_big_endian(uint8_t *to, uint64_t v, unsigned int bytes)
{
	for (unsigned int i = bytes; i-- > 0; v >>= 8)
		to[i] = (uint8_t)v;
}

static int draw_random(uint8_t *nonce)
{
	return getrandom(nonce, RANDOM, 0) == (ssize_t)RANDOM ? 0 : -EIO;
}

int nonce_draw(struct request *req, unsigned int *detail)
{
	uint32_t len = req->mech->limits.nonce_len;
	uint64_t n;

	if (len != COUNTED && len != RANDOM)
		return refuse(detail, UKCF_DETAIL_NONCE_SIZE, -EOPNOTSUPP);
	/* Who has the bytes may register them more than once, each time with a
	 * counter of its own. */
	if (len == COUNTED && (key_flags(req->key) & UKCF_KEY_OWN))
		return refuse(detail, UKCF_DETAIL_KEY_USAGE, -EKEYREJECTED);
	if (!key_take_nonce(req->key, nonce_limit(req->mech->id), &n))
		return refuse(detail, UKCF_DETAIL_NONCE_LIMIT, -EKEYREJECTED);
	req->nonce_len = (uint8_t)len;
	if (len == RANDOM)
		return draw_random(req->nonce);
	put_big_endian(req->nonce, key_nonce_field(req->key), FIELD);
	put_big_endian(req->nonce + FIELD, n, COUNTED - FIELD);
	return 0;
}

int nonce_count(const struct key *k, struct ukcf_key_nonces *n)
{
	const struct mech_row *row = mech_row_by_id(key_mech(k));
	uint32_t len = row && !row->chunks &&
		       UKCF_MECH_CLASS(row->id) == UKCF_CLASS_AEAD ?
			       row->nonce_len : 0;

	if (len != RANDOM &&
	    (len != COUNTED || (key_flags(k) & UKCF_KEY_OWN)))
		return -EOPNOTSUPP;
	*n = (struct ukcf_key_nonces){ key_nonces_taken(k),
				       nonce_limit(row->id) };
	return 0;
}

int64_t nonce_deliver(const struct request *req, int64_t res)
{
	uint64_t room = req->entry->sqe.out.len;

	if (!req->nonce_len || res < 0)
		return res;
	if ((uint64_t)res > room || room - (uint64_t)res < req->nonce_len)
		return -EIO;
	memcpy(req->at[UKCF_RANGE_OUT] + res, req->nonce, req->nonce_len);
	return res + req->nonce_len;
}
