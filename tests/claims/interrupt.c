/* SPDX-License-Identifier: MIT */
/* Claims on interrupt context: of the daemon, completion context; of the
 * consumer, a signal handler. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/harness.h"

/* ------------------------------------------------- what a device answers */

static void in_completion_context(void)
{
	uint16_t hw = provider_id("nullhw");
	struct ukcf_sqe s = sha256(1);
	struct ukcf_cqe c;

	await_state(hw, UKCF_PROVIDER_READY);
	s.provider = hw;
	c = run(&s);
	expect(is_sha256(&c) && c.provider == hw &&
		       (c.flags & UKCF_CQE_F_IRQCTX) &&
		       !(c.flags & UKCF_CQE_F_INLINE),
	       "asynchronous, hardware: completed in the device's interrupt");
	s.provider = provider_id("sodium");
	c = run(&s);
	expect(is_sha256(&c) && !(c.flags & UKCF_CQE_F_IRQCTX),
	       "control: software completes it elsewhere");
}

/* ----------------------------------------- what a device's answer begins */

static const uint8_t nonce[12] = "0123456789a";

static void continued_there(void)
{
	struct ukcf_dual d = { .cipher = UKCF_MECH_CHACHA20_POLY1305,
			       .mac = UKCF_MECH_HMAC_SHA2_256,
			       .cipher_key =
				       held_key(UKCF_MECH_CHACHA20_POLY1305),
			       .mac_key = held_key(UKCF_MECH_HMAC_SHA2_256),
			       .nonce = nonce,
			       .nonce_len = sizeof(nonce) };
	struct ukcf_sqe s = { .user_data = 2 };
	struct ukcf_cqe c;

	if (ukcf_prep_encrypt_mac(ring, &s, &d, UKCF_SPAN_NONE,
				  ukcf_buffer_span(in, 0, 100),
				  ukcf_buffer_span(out, 2 * OUT_SLOT,
						   100 + 16 + 32)))
		give_up("prep_encrypt_mac");
	disable("sodium", "chacha20-poly1305");
	disable("openssl", "chacha20-poly1305");
	disable("nullhw", "hmac-sha2-256");
	disable("nullhw2", "hmac-sha2-256");
	c = run(&s);
	expect(c.res == 148 && (c.flags & UKCF_CQE_F_IRQCTX) &&
		       provider_row(c.provider).kind ==
			       UKCF_PROVIDER_SOFTWARE,
	       "the device did the first half; software (provider %u) did the "
	       "second in its interrupt", c.provider);
}

/* -------------------------------------------------------- in the consumer */

static struct {
	struct ukcf_sqe sqe;
	volatile sig_atomic_t submitted;
} handler;

static void on_signal(int sig)
{
	(void)sig;
	handler.submitted = ukcf_submit_sqes(ring, &handler.sqe, 1);
}

static void from_a_handler(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct ukcf_cqe c;

	handler.sqe = sha256(3);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	c = result();
	expect(handler.submitted == 1 && c.user_data == 3 && is_sha256(&c),
	       "asked for in a signal handler of the consumer: done");
}

static void interrupts(void)
{
	consumer_open(UKCF_CONNECT_NO_CALLER);
	in_completion_context();
	continued_there();
	from_a_handler();
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("7 28", PRETEND, "performed in interrupt context", interrupts),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
