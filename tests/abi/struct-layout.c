/* SPDX-License-Identifier: MIT */
/*
 * The ABI is frozen: every size, offset and value of <ukcf/abi.h>, as a number
 * written down a second time.  A line that has to change here is a change of
 * UKCF_ABI_VERSION.
 */
#include <stddef.h>
#include <stdio.h>

#include <ukcf/abi.h>

#define SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " has another size")
#define AT(type, member, offset, size)                                \
	_Static_assert(offsetof(type, member) == (offset) &&          \
			       sizeof(((type *)0)->member) == (size), \
		       #type "." #member " has moved")
#define VALUE(name, value) \
	_Static_assert((long)(name) == (value), #name " has another value")

SIZE(struct ukcf_range, 8);
AT(struct ukcf_range, off, 0, 4);
AT(struct ukcf_range, len, 4, 4);

SIZE(struct ukcf_sqe, 128);
AT(struct ukcf_sqe, gen, 0, 4);
AT(struct ukcf_sqe, op, 4, 1);
AT(struct ukcf_sqe, mode, 5, 1);
AT(struct ukcf_sqe, flags, 6, 2);
AT(struct ukcf_sqe, user_data, 8, 8);
AT(struct ukcf_sqe, mech, 16, 8);
AT(struct ukcf_sqe, obj, 24, 16);
AT(struct ukcf_sqe, ctx, 40, 8);
AT(struct ukcf_sqe, timeout_us, 48, 4);
AT(struct ukcf_sqe, provider, 52, 2);
AT(struct ukcf_sqe, param_len, 54, 1);
AT(struct ukcf_sqe, tag_len, 55, 1);
AT(struct ukcf_sqe, in, 56, 8);
AT(struct ukcf_sqe, out, 64, 8);
AT(struct ukcf_sqe, aux, 72, 8);
AT(struct ukcf_sqe, tag, 80, 8);
AT(struct ukcf_sqe, buf, 88, 8);
AT(struct ukcf_sqe, param, 96, 24);
AT(struct ukcf_sqe, link_src, 120, 1);
AT(struct ukcf_sqe, link_dst, 121, 1);
AT(struct ukcf_sqe, subflags, 122, 2);
AT(struct ukcf_sqe, part_op, 124, 1);
AT(struct ukcf_sqe, reserved, 125, 3);

SIZE(struct ukcf_cqe, 32);
AT(struct ukcf_cqe, user_data, 0, 8);
AT(struct ukcf_cqe, res, 8, 8);
AT(struct ukcf_cqe, u.t.queue_ns, 16, 4);
AT(struct ukcf_cqe, u.t.service_ns, 20, 4);
AT(struct ukcf_cqe, u.value, 16, 8);
AT(struct ukcf_cqe, flags, 24, 2);
AT(struct ukcf_cqe, detail, 26, 2);
AT(struct ukcf_cqe, provider, 28, 2);
AT(struct ukcf_cqe, gen, 30, 2);

SIZE(struct ukcf_sq_head, 384);
AT(struct ukcf_sq_head, tail, 0, 4);
AT(struct ukcf_sq_head, pad0, 4, 124);
AT(struct ukcf_sq_head, cq_head, 128, 4);
AT(struct ukcf_sq_head, pad1, 132, 124);
AT(struct ukcf_sq_head, cq_event, 256, 4);
AT(struct ukcf_sq_head, notify, 260, 4);
AT(struct ukcf_sq_head, pad2, 264, 120);

SIZE(struct ukcf_cq_head, 512);
AT(struct ukcf_cq_head, tail, 0, 4);
AT(struct ukcf_cq_head, pad0, 4, 124);
AT(struct ukcf_cq_head, sq_head, 128, 4);
AT(struct ukcf_cq_head, pad1, 132, 124);
AT(struct ukcf_cq_head, sq_event, 256, 4);
AT(struct ukcf_cq_head, flags, 260, 4);
AT(struct ukcf_cq_head, pad2, 264, 120);
AT(struct ukcf_cq_head, futex, 384, 4);
AT(struct ukcf_cq_head, pad3, 388, 124);

SIZE(struct ukcf_key_req, 80);
AT(struct ukcf_key_req, name, 0, 64);
AT(struct ukcf_key_req, usage, 64, 4);
AT(struct ukcf_key_req, flags, 68, 4);
AT(struct ukcf_key_req, key_len, 72, 4);
AT(struct ukcf_key_req, reserved, 76, 4);

SIZE(struct ukcf_key_info, 112);
AT(struct ukcf_key_info, id, 0, 8);
AT(struct ukcf_key_info, mech, 8, 4);
AT(struct ukcf_key_info, usage, 12, 4);
AT(struct ukcf_key_info, flags, 16, 4);
AT(struct ukcf_key_info, bits, 20, 4);
AT(struct ukcf_key_info, name, 24, 64);
AT(struct ukcf_key_info, uses, 88, 8);
AT(struct ukcf_key_info, created_s, 96, 8);
AT(struct ukcf_key_info, next, 104, 8);

SIZE(struct ukcf_key_nonces, 16);
AT(struct ukcf_key_nonces, made, 0, 8);
AT(struct ukcf_key_nonces, most, 8, 8);

SIZE(struct ukcf_page_mech, 152);
AT(struct ukcf_page_mech, id, 0, 4);
AT(struct ukcf_page_mech, flags, 4, 4);
AT(struct ukcf_page_mech, name, 8, 32);
AT(struct ukcf_page_mech, ops, 40, 4);
AT(struct ukcf_page_mech, caller, 44, 2);
AT(struct ukcf_page_mech, nonce_len, 46, 2);
AT(struct ukcf_page_mech, key_min, 48, 2);
AT(struct ukcf_page_mech, key_max, 50, 2);
AT(struct ukcf_page_mech, tag_min, 52, 2);
AT(struct ukcf_page_mech, tag_max, 54, 2);
AT(struct ukcf_page_mech, out_len, 56, 2);
AT(struct ukcf_page_mech, pub_len, 58, 2);
AT(struct ukcf_page_mech, in_min, 60, 1);
AT(struct ukcf_page_mech, block, 61, 1);
AT(struct ukcf_page_mech, growth, 62, 1);
AT(struct ukcf_page_mech, padding, 63, 1);
AT(struct ukcf_page_mech, data_max, 64, 8);
AT(struct ukcf_page_mech, aad_max, 72, 8);
AT(struct ukcf_page_mech, providers, 80, 8);
AT(struct ukcf_page_mech, pkcs11, 88, 32);
AT(struct ukcf_page_mech, openssl, 120, 32);

SIZE(struct ukcf_page_provider, 80);
AT(struct ukcf_page_provider, id, 0, 2);
AT(struct ukcf_page_provider, kind, 2, 1);
AT(struct ukcf_page_provider, state, 3, 1);
AT(struct ukcf_page_provider, module_gen, 4, 4);
AT(struct ukcf_page_provider, name, 8, 32);
AT(struct ukcf_page_provider, version, 40, 32);
AT(struct ukcf_page_provider, n_mechs, 72, 4);
AT(struct ukcf_page_provider, pad, 76, 4);

SIZE(struct ukcf_page, 83200);
AT(struct ukcf_page, magic, 0, 4);
AT(struct ukcf_page, abi_version, 4, 4);
AT(struct ukcf_page, boot_gen, 8, 8);
AT(struct ukcf_page, features, 16, 4);
AT(struct ukcf_page, n_mechs, 20, 4);
AT(struct ukcf_page, n_providers, 24, 4);
AT(struct ukcf_page, inline_ns, 28, 4);
AT(struct ukcf_page, seq, 32, 4);
AT(struct ukcf_page, pad0, 36, 92);
AT(struct ukcf_page, epoch, 128, 4);
AT(struct ukcf_page, pad1, 132, 124);
AT(struct ukcf_page, providers, 256, 5120);
AT(struct ukcf_page, mechs, 5376, 77824);

/* enum ukcf_op */
VALUE(UKCF_OP_NOP, 0);
VALUE(UKCF_OP_DIGEST, 1);
VALUE(UKCF_OP_MAC, 2);
VALUE(UKCF_OP_MAC_VERIFY, 3);
VALUE(UKCF_OP_ENCRYPT, 4);
VALUE(UKCF_OP_DECRYPT, 5);
VALUE(UKCF_OP_SIGN, 6);
VALUE(UKCF_OP_VERIFY, 7);
VALUE(UKCF_OP_DERIVE, 8);
VALUE(UKCF_OP_RANDOM, 9);
VALUE(UKCF_OP_KEY_GENERATE, 16);
VALUE(UKCF_OP_KEY_IMPORT, 17);
VALUE(UKCF_OP_KEY_OPEN, 18);
VALUE(UKCF_OP_KEY_PUBLIC, 19);
VALUE(UKCF_OP_KEY_EXPORT, 20);
VALUE(UKCF_OP_KEY_DESTROY, 21);
VALUE(UKCF_OP_KEY_LIST, 22);
VALUE(UKCF_OP_KEY_NONCES, 23);
VALUE(UKCF_OP_CANCEL, 32);
VALUE(UKCF_OP_CANCEL_CTX, 33);
VALUE(UKCF_OP_NOTIFY_SPACE, 34);
VALUE(UKCF_OP_NOTIFY_EVENTS, 35);
VALUE(UKCF_OP_INIT, 40);
VALUE(UKCF_OP_UPDATE, 41);
VALUE(UKCF_OP_FINAL, 42);
VALUE(UKCF_OP_CTX_COPY, 43);
VALUE(UKCF_OP_TMPL_CREATE, 48);
VALUE(UKCF_OP_TMPL_DESTROY, 49);
VALUE(UKCF_OP_ENCRYPT_MAC, 56);
VALUE(UKCF_OP_MAC_DECRYPT, 57);
VALUE(UKCF_OP_MAC_VERIFY_DECRYPT, 58);
VALUE(UKCF_OP_PROVIDER_FETCH, 64);
VALUE(UKCF_OP_PROVIDER_COMMIT, 65);

/* enum ukcf_mode */
VALUE(UKCF_MODE_ASYNC, 0);
VALUE(UKCF_MODE_SYNC, 1);

/* enum ukcf_range_index */
VALUE(UKCF_RANGE_IN, 0);
VALUE(UKCF_RANGE_OUT, 1);
VALUE(UKCF_RANGE_AUX, 2);
VALUE(UKCF_RANGE_TAG, 3);

/* enum ukcf_buffer_kind */
VALUE(UKCF_BUFFER_INPUT, 0);
VALUE(UKCF_BUFFER_OUTPUT, 1);

/* enum ukcf_usage */
VALUE(UKCF_USE_DEFAULT, 0);
VALUE(UKCF_USE_MAC, 1);
VALUE(UKCF_USE_MAC_VERIFY, 2);
VALUE(UKCF_USE_ENCRYPT, 4);
VALUE(UKCF_USE_DECRYPT, 8);
VALUE(UKCF_USE_SIGN, 16);
VALUE(UKCF_USE_VERIFY, 32);
VALUE(UKCF_USE_DERIVE, 64);

/* enum ukcf_detail */
VALUE(UKCF_DETAIL_NONE, 0);
VALUE(UKCF_DETAIL_OP, 1);
VALUE(UKCF_DETAIL_MODE, 2);
VALUE(UKCF_DETAIL_FLAGS, 3);
VALUE(UKCF_DETAIL_RESERVED, 4);
VALUE(UKCF_DETAIL_MECH, 5);
VALUE(UKCF_DETAIL_MECH_OP, 6);
VALUE(UKCF_DETAIL_DISABLED, 7);
VALUE(UKCF_DETAIL_NO_PROVIDER, 8);
VALUE(UKCF_DETAIL_PROVIDER, 9);
VALUE(UKCF_DETAIL_KEY, 10);
VALUE(UKCF_DETAIL_KEY_MECH, 11);
VALUE(UKCF_DETAIL_KEY_USAGE, 12);
VALUE(UKCF_DETAIL_KEY_SIZE, 13);
VALUE(UKCF_DETAIL_KEY_NAME, 14);
VALUE(UKCF_DETAIL_NONCE_SIZE, 15);
VALUE(UKCF_DETAIL_TAG_SIZE, 16);
VALUE(UKCF_DETAIL_IN_RANGE, 17);
VALUE(UKCF_DETAIL_OUT_RANGE, 18);
VALUE(UKCF_DETAIL_AUX_RANGE, 19);
VALUE(UKCF_DETAIL_TAG_RANGE, 20);
VALUE(UKCF_DETAIL_OVERLAP, 21);
VALUE(UKCF_DETAIL_IN_SIZE, 22);
VALUE(UKCF_DETAIL_OUT_SIZE, 23);
VALUE(UKCF_DETAIL_AUX_SIZE, 24);
VALUE(UKCF_DETAIL_ONESHOT, 25);
VALUE(UKCF_DETAIL_QUEUE_FULL, 26);
VALUE(UKCF_DETAIL_QUOTA, 27);
VALUE(UKCF_DETAIL_TIMEOUT, 28);
VALUE(UKCF_DETAIL_AUTH, 29);
VALUE(UKCF_DETAIL_LOW_ORDER, 30);
VALUE(UKCF_DETAIL_PROVIDER_FAILED, 31);
VALUE(UKCF_DETAIL_NOT_EXPORTABLE, 32);
VALUE(UKCF_DETAIL_LOST_STATE, 33);
VALUE(UKCF_DETAIL_CTX, 34);
VALUE(UKCF_DETAIL_CTX_IN_USE, 35);
VALUE(UKCF_DETAIL_PART_OP, 36);
VALUE(UKCF_DETAIL_PART_FAILED, 37);
VALUE(UKCF_DETAIL_LINK, 38);
VALUE(UKCF_DETAIL_CANCELED, 39);
VALUE(UKCF_DETAIL_HANDLE, 40);
VALUE(UKCF_DETAIL_QUEUE, 41);
VALUE(UKCF_DETAIL_TMPL, 42);
VALUE(UKCF_DETAIL_KEY_VALUE, 43);
VALUE(UKCF_DETAIL_COST, 44);
VALUE(UKCF_DETAIL_NONCE_LIMIT, 45);

/* enum ukcf_provider_kind */
VALUE(UKCF_PROVIDER_SOFTWARE, 0);
VALUE(UKCF_PROVIDER_HARDWARE, 1);
VALUE(UKCF_PROVIDER_REMOTE, 2);

/* enum ukcf_provider_state */
VALUE(UKCF_PROVIDER_ABSENT, 0);
VALUE(UKCF_PROVIDER_LOADING, 1);
VALUE(UKCF_PROVIDER_READY, 2);
VALUE(UKCF_PROVIDER_BUSY, 3);
VALUE(UKCF_PROVIDER_FAILED, 4);
VALUE(UKCF_PROVIDER_DRAINING, 5);

/* flags and limits */
VALUE(UKCF_SQE_QUEUE, 1);
VALUE(UKCF_SQE_NOTIFY_OPDONE, 2);
VALUE(UKCF_SQE_WANT_HANDLE, 4);
VALUE(UKCF_SQE_NOTIFY_SPACE, 8);
VALUE(UKCF_SQE_LINK, 0x10);
VALUE(UKCF_SQE_FLAGS, 0xd);
VALUE(UKCF_SUB_REQUIRE_HW, 1);
VALUE(UKCF_SUB_IOV, 2);
VALUE(UKCF_SUB_NONCE, 8);
VALUE(UKCF_SUBFLAGS, 1);
VALUE(UKCF_PROVIDER_ANY, 0);
VALUE(UKCF_PARAM_MAX, 0x18);
VALUE(UKCF_CQE_KIND, 3);
VALUE(UKCF_CQE_RESULT, 0);
VALUE(UKCF_CQE_QUEUED, 1);
VALUE(UKCF_CQE_SPACE, 2);
VALUE(UKCF_CQE_EVENT, 3);
VALUE(UKCF_EVENT_MECH_ENABLED, 1);
VALUE(UKCF_EVENT_MECH_DISABLED, 2);
VALUE(UKCF_EVENT_PROVIDER_ADDED, 3);
VALUE(UKCF_EVENT_PROVIDER_STATE, 4);
VALUE(UKCF_EVENT_PROVIDER_REMOVED, 5);
VALUE(UKCF_EVENT_MANY, 6);
VALUE(UKCF_EVENTS_MECHS, 0x06);
VALUE(UKCF_EVENTS_PROVIDERS, 0x38);
VALUE(UKCF_EVENTS_ALL, 0x3e);
VALUE(UKCF_CQE_F_INLINE, 0x10);
VALUE(UKCF_CQE_F_IRQCTX, 0x20);
VALUE(UKCF_CQE_F_REPLAYED, 0x40);
VALUE(UKCF_CQE_F_NATIVE, 0x80);
VALUE(UKCF_NOTIFY_FUTEX, 0);
VALUE(UKCF_NOTIFY_SOCKET, 1);
VALUE(UKCF_RING_STALLED, 1);
VALUE(UKCF_RING_DEAD, 2);
VALUE(UKCF_RING_SLOTS, 0x1000);
VALUE(UKCF_SQ_ORDER_MIN, 1);
VALUE(UKCF_SQ_ORDER_MAX, 0xc);
VALUE(UKCF_CQ_ORDER_MAX, 0xd);
VALUE(UKCF_BUFFERS_MAX, 0x40);
VALUE(UKCF_BUFFER_SIZE_MAX, 0x8000000);
VALUE(UKCF_ONESHOT_MAX, 0x4000000);
VALUE(UKCF_KEY_EXPORTABLE, 1);
VALUE(UKCF_KEY_PUBLIC_ONLY, 2);
VALUE(UKCF_KEY_SESSION, 4);
VALUE(UKCF_KEY_OWN, 8);
VALUE(UKCF_KEY_BITS_2048, 0x10);
VALUE(UKCF_KEY_BITS_3072, 0x20);
VALUE(UKCF_KEY_BITS_4096, 0x40);
VALUE(UKCF_KEY_BITS, 0x70);
VALUE(UKCF_KEY_NAME_MAX, 0x40);
VALUE(UKCF_KEY_BYTES_MAX, 0x980);
VALUE(UKCF_KEY_PUBLIC_MAX, 0x280);
VALUE(UKCF_PAGE_MAGIC, 0x66636b75);
VALUE(UKCF_PAGE_SIZE, 0x20000);
VALUE(UKCF_PAGE_MECHS_MAX, 0x200);
VALUE(UKCF_PAGE_PROVIDERS_MAX, 0x3f);
VALUE(UKCF_PAGE_MECH_ENABLED, 1);
VALUE(UKCF_PAGE_MECH_BY_KEY, 2);

/* mechanism ids: never reused, never renumbered */
VALUE(UKCF_MECH_SHA2_256, 0x010001);
VALUE(UKCF_MECH_SHA2_512, 0x010002);
VALUE(UKCF_MECH_NULL_DIGEST, 0x010f00);
VALUE(UKCF_MECH_HMAC_SHA2_256, 0x020001);
VALUE(UKCF_MECH_NULL_MAC, 0x020f00);
VALUE(UKCF_MECH_AES_256_GCM, 0x030001);
VALUE(UKCF_MECH_CHACHA20_POLY1305, 0x030002);
VALUE(UKCF_MECH_ED25519, 0x050001);
VALUE(UKCF_MECH_NULL_SIGN, 0x050f00);
VALUE(UKCF_MECH_X25519, 0x060001);
VALUE(UKCF_MECH_RANDOM, 0x080001);

/* The compiler has judged all of it. */
int main(void)
{
	puts("1..1\nok 1 - layout of <ukcf/abi.h>, judged when compiled");
	return 0;
}
