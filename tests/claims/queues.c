/* SPDX-License-Identifier: MIT */
/* Claims on kinds of providers and their queues. */
#include <errno.h>
#include <string.h>

#include "tests/claims/admin.h"
#include "tests/claims/consumer.h"
#include "tests/claims/hardware.h"
#include "tests/claims/harness.h"

static uint16_t sodium, openssl, hw, hw2;

static void open_all(void)
{
	consumer_open(UKCF_CONNECT_NO_CALLER);
	hardware_open();
	sodium = provider_id("sodium");
	openssl = provider_id("openssl");
	hw = provider_id(hardware_name(0));
	hw2 = provider_id(hardware_name(1));
	await_state(hw, UKCF_PROVIDER_READY);
	await_state(hw2, UKCF_PROVIDER_READY);
}

static uint64_t taken(uint16_t queue)
{
	return queue_row(queue).taken;
}

/* What that provider does. */
static struct ukcf_sqe of(uint64_t user_data, uint16_t provider)
{
	bool hard = provider && (provider == hw || provider == hw2);
	struct ukcf_sqe s = hard ? hardware_job(user_data) : sha256(user_data);

	s.provider = provider;
	return s;
}

static bool is_right(const struct ukcf_cqe *c)
{
	return c->provider == hw || c->provider == hw2 ? is_hardware_job(c) :
							  is_sha256(c);
}

static struct ukcf_sqe to_be_queued(uint64_t user_data, uint16_t provider)
{
	struct ukcf_sqe s = of(user_data, provider);

	s.flags = UKCF_SQE_QUEUE;
	return s;
}

static void kinds(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	open_all();
	s = of(1, sodium);
	c = run(&s);
	expect(is_right(&c) &&
		       provider_row(c.provider).kind == UKCF_PROVIDER_SOFTWARE,
	       "a software provider performs it");
	s = hardware_job(2);
	s.subflags = UKCF_SUB_REQUIRE_HW;
	c = run(&s);
	expect(is_right(&c) &&
		       provider_row(c.provider).kind == UKCF_PROVIDER_HARDWARE,
	       "hardware is required: a hardware provider performs it");
	s = digest_of(3, UKCF_MECH_SHA2_512, 64);
	s.subflags = UKCF_SUB_REQUIRE_HW;
	c = run(&s);
	expect(c.res == -EOPNOTSUPP && c.detail == UKCF_DETAIL_PROVIDER,
	       "required where there is none: never by software");
	consumer_close();
}

static void queue_of_each_kind(void)
{
	uint64_t soft, hard;
	struct ukcf_sqe s;
	struct ukcf_cqe c;

	open_all();
	soft = taken(UKCF_QUEUE_BULK);
	hard = taken(hw);
	s = to_be_queued(1, hw);
	c = run(&s);
	expect(is_right(&c) && taken(hw) == hard + 1 &&
		       taken(UKCF_QUEUE_BULK) == soft,
	       "of the hardware provider: through the queue that bears its id");
	s = to_be_queued(2, sodium);
	c = run(&s);
	expect(is_right(&c) && taken(hw) == hard + 1 &&
		       taken(UKCF_QUEUE_BULK) == soft + 1,
	       "of the software provider: through the software queue");
	expect(!has_queue(sodium) && has_queue(UKCF_QUEUE_BULK),
	       "a software provider has none of its own");
	consumer_close();
}

/* Places: one job in the device, four in the queue. */
static void sync_to_hardware(void)
{
	unsigned int good = 0;
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	uint64_t before;

	open_all();
	tell(hardware_name(0), "hang=1");
	before = taken(hw);
	for (unsigned int i = 0; i < 8; i++) {
		s = of(i, hw);
		if (i >= 5) { /* it is full */
			s.mode = UKCF_MODE_SYNC;
			s.subflags = UKCF_SUB_REQUIRE_HW;
		}
		submit(&s);
		if (i == 0) /* it takes no place any more */
			await_queue(hw, 0, 1);
	}
	await_queue(hw, 7, 1);
	expect(is_quiet(), "synchronous, hardware required: they wait in its "
			   "queue, and none is refused, though it is full");
	s = of(8, hw);
	submit(&s);
	c = next_cqe();
	expect(c.res == -EAGAIN, "control: asynchronous, it is");
	tell(hardware_name(0), "release");
	for (unsigned int i = 0; i < 8; i++) {
		c = next_cqe();
		good += kind_of(&c) == UKCF_CQE_RESULT && is_right(&c) &&
			!(c.flags & UKCF_CQE_F_INLINE) && c.provider == hw;
	}
	expect(good == 8 && taken(hw) == before + 8,
	       "%u went through the queue, each with one completion", good);
	consumer_close();
}

static void several_of_each(void)
{
	const char *const names[] = { "sodium", "openssl", hardware_name(0),
				      hardware_name(1) };
	unsigned int soft = 0, hard = 0;

	open_all();
	for (unsigned int i = 0; i < 4; i++) {
		struct ukcf_sqe s = of(i, provider_id(names[i]));
		struct ukcf_cqe c = run(&s);
		unsigned int kind = provider_row(s.provider).kind;

		expect(is_right(&c) && c.provider == s.provider,
		       "%s performs it", names[i]);
		soft += kind == UKCF_PROVIDER_SOFTWARE;
		hard += kind == UKCF_PROVIDER_HARDWARE;
	}
	expect(soft == 2 && hard == 2,
	       "%u of them are software, %u are hardware", soft, hard);
	consumer_close();
}

static void one_hardware_queue_each(void)
{
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	uint64_t before;

	open_all();
	before = taken(hw2);
	tell(hardware_name(0), "hang=1");
	for (unsigned int i = 0; i < 3; i++) {
		s = of(i, hw);
		submit(&s);
	}
	await_queue(hw, 2, 1);
	s = of(4, hw2);
	submit(&s);
	c = result();
	expect(c.user_data == 4 && is_right(&c) && c.provider == hw2 &&
		       taken(hw2) == before + 1,
	       "one device hangs, and what waits in its queue holds up "
	       "nobody in the other's");
	expect(queue_row(hw).waiting == 2 && queue_row(hw2).waiting == 0,
	       "two wait for the first device, none for the second");
	tell(hardware_name(0), "release");
	for (unsigned int i = 0; i < 3; i++) {
		c = result();
		expect(is_right(&c) && c.provider == hw, "done after all");
	}
	consumer_close();
}

static void one_software_queue(void)
{
	uint16_t ids[2];
	struct ukcf_sqe s;
	struct ukcf_cqe c;
	uint64_t before;

	consumer_open(UKCF_CONNECT_NO_CALLER);
	ids[0] = provider_id("sodium");
	ids[1] = provider_id("openssl");
	/* A machine with devices is an emulated one. */
	occupy_worker(9, (hardware_is_real() ? 2000 : 100) * MS);
	before = taken(UKCF_QUEUE_BULK);
	for (unsigned int i = 0; i < 2; i++) {
		s = to_be_queued(i, ids[i]);
		submit(&s);
		next_of(UKCF_CQE_QUEUED);
	}
	expect(queue_row(UKCF_QUEUE_BULK).waiting == 2,
	       "requests for two software providers wait in one queue, for a "
	       "worker that is with a third");
	c = result();
	expect(c.user_data == 9 && c.res == 32, "the third one's is done");
	for (unsigned int i = 0; i < 2; i++) {
		c = result();
		expect(is_sha256(&c) && c.user_data == i &&
			       c.provider == ids[i],
		       "then provider %u's, in order", ids[i]);
	}
	expect(taken(UKCF_QUEUE_BULK) == before + 2,
	       "both came out of that queue");
	consumer_close();
}

static const struct claim_case cases[] = {
	CLAIM("5 11 36 47", PRETEND, "hardware and software providers",
	      kinds),
	CLAIM("6 13 37", PRETEND, "a hardware queue and a software queue",
	      queue_of_each_kind),
	CLAIM("12", PRETEND, "synchronous, hardware required: queued",
	      sync_to_hardware),
	CLAIM("48", PRETEND, "several providers of each kind",
	      several_of_each),
	CLAIM("49", PRETEND, "each hardware provider has its own queue",
	      one_hardware_queue_each),
	CLAIM("50", REAL, "one queue for several software providers",
	      one_software_queue),
};

int main(void)
{
	return claims_main(cases, sizeof(cases) / sizeof(cases[0]));
}
