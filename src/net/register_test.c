/* Registering: which peers may register, and the limits that are exchanged. */
#include "net/link_fixture.h"

#include "net/register.h"
#include "wire/message.h"

#define ZONE "alice@example.org"
#define LAPTOP ZONE "/laptop"
#define OURS 100000U

static struct fx_world w;

/* The frame that `end` has received, as a register. */
static struct pz_envelope
received(const struct fx_end *end)
{
	struct pz_envelope envelope;

	assert_int_equal(end->frame_count, 1);
	assert_ok(pz_envelope_scan(pz_frame_body(pz_buf_slice(&end->frames)), &envelope));
	assert_true(envelope.is_register);
	return envelope;
}

static void
both_ends_learn_what_the_other_takes(void **state)
{
	struct fx_end hub, laptop;

	(void)state;
	fx_open(&w);
	w.host.frame_max = OURS;
	fx_established(&w, &hub, &laptop);
	assert_ok(pz_link_send_register(laptop.link, LAPTOP, NULL));
	assert_ok(pz_link_send_register(hub.link, ZONE, NULL));
	fx_run(&hub, &laptop);

	const struct pz_envelope from_laptop = received(&hub), from_hub = received(&laptop);
	assert_true(pz_slice_eq_str(from_laptop.to, ZONE));
	assert_true(pz_slice_eq_str(from_hub.to, LAPTOP));
	hub.link->session.frame_max = laptop.link->session.frame_max = 0;
	assert_ok(pz_link_take_register(hub.link, &from_laptop));
	assert_ok(pz_link_take_register(laptop.link, &from_hub));
	assert_int_equal(hub.link->session.frame_max, OURS);
	assert_int_equal(laptop.link->session.frame_max, OURS);
	fx_end_fini(&hub, &laptop);
	fx_shut(&w);
}

static void
a_name_that_was_not_proved_is_refused(void **state)
{
	static const char *const others[] = {ZONE "/phone", ZONE, "eve@example.org/laptop",
					     LAPTOP "/app"};
	struct fx_end hub, laptop;

	(void)state;
	fx_open(&w);
	fx_established(&w, &hub, &laptop);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		pz_buf_consume(&hub.frames, hub.frames.len);
		hub.frame_count = 0;
		assert_ok(pz_link_send_register(laptop.link, others[i], NULL));
		fx_run(&hub, &laptop);
		const struct pz_envelope envelope = received(&hub);
		hub.link->session.frame_max = 1234;
		assert_int_equal(pz_link_take_register(hub.link, &envelope),
				 PZ_ERR_DENIED_IDENTITY);
		assert_int_equal(hub.link->session.frame_max, 1234);
	}
	fx_end_fini(&hub, &laptop);
	fx_shut(&w);
}

/* An end of an older version says nothing of limits. */
static void
without_limits_the_own_one_counts(void **state)
{
	struct fx_end hub, laptop;
	struct pz_envelope envelope;
	static const char body[] = "{\"type\":\"prop\",\"from\":\"" LAPTOP "\",\"to\":\"" ZONE
				   "\",\"register\":true,\"payload\":{}}";

	(void)state;
	fx_open(&w);
	w.host.frame_max = OURS;
	fx_established(&w, &hub, &laptop);
	assert_ok(pz_envelope_scan(pz_slice_str(body), &envelope));
	assert_true(envelope.is_register);
	hub.link->session.frame_max = 0;
	assert_ok(pz_link_take_register(hub.link, &envelope));
	assert_int_equal(hub.link->session.frame_max, OURS);
	fx_end_fini(&hub, &laptop);
	fx_shut(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_learn_what_the_other_takes),
		cmocka_unit_test(a_name_that_was_not_proved_is_refused),
		cmocka_unit_test(without_limits_the_own_one_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
