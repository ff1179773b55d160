/* What a member may send without waiting (page 7, 6.2; page 14 DOS-1). */
#include "route/fixture.h"

#include "base/log.h"
#include "route/allowance.h"
#include "rpc/error.h"

#define MAX PZ_MEMBER_MESSAGES_MAX

static unsigned log_lines;

static void
count_log(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
	log_lines += strcmp(id, "too-many-messages") == 0;
}

struct hub {
	struct world w;
	struct fake tv, laptop, phone;
};

static void
hub_open(struct hub *h)
{
	fx_open(&h->w, ZONE, 0, 0);
	fake_attach(&h->w, &h->tv, PZ_SESSION_DEVICE, TV);
	fake_attach(&h->w, &h->laptop, PZ_SESSION_DEVICE, LAPTOP);
	fake_attach(&h->w, &h->phone, PZ_SESSION_DEVICE, PHONE);
	log_lines = 0;
	pz_log_set_sink(count_log, NULL);
}

static void
hub_close(struct hub *h)
{
	pz_log_set_sink(NULL, NULL);
	fake_detach(&h->w, &h->tv);
	fake_detach(&h->w, &h->laptop);
	fake_detach(&h->w, &h->phone);
	fx_close(&h->w);
}

static void
call(struct world *w, struct fake *from, const char *to)
{
	assert_ok(pz_router_frame(w->router, &from->session, fx_call(from->address, to)));
}

static void
forget(struct world *w, struct fake *f)
{
	fake_drain(w, f, f->out.len);
}

/* The number of frames that wait for the other end; they are gone afterwards. */
static unsigned
frames(struct world *w, struct fake *f)
{
	struct pz_slice rest = pz_buf_slice(&f->out), frame;
	unsigned count = 0;
	size_t need;

	while (pz_frame_cut(rest, PZ_FRAME_BYTES_MAX, &frame, &need) == PZ_OK && frame.len) {
		rest = pz_slice_of(rest.ptr + frame.len, rest.len - frame.len);
		count++;
	}
	forget(w, f);
	return count;
}

static void
flood_is_refused_and_others_go_on(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	for (unsigned i = 0; i < 3 * MAX; i++)
		call(&h.w, &h.laptop, TV);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_refused), 2 * MAX);
	assert_int_equal(frames(&h.w, &h.tv), MAX); /* a refusal earns nothing */
	json_t *refusal = fx_take(&h.laptop.out);
	const json_t *error = json_object_get(json_object_get(refusal, "payload"), "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), PZ_RPC_CONGESTED);
	assert_string_equal(fx_str(refusal, "from"), TV);
	json_decref(refusal);
	assert_int_equal(log_lines, 1);
	call(&h.w, &h.phone, TV);
	assert_int_equal(frames(&h.w, &h.tv), 1);
	pz_kit_clock_jump(&h.w.clock, PZ_US_PER_S); /* time brings some more */
	for (unsigned i = 0; i < MAX; i++)
		call(&h.w, &h.laptop, TV);
	assert_int_equal(frames(&h.w, &h.tv), PZ_MEMBER_MESSAGES_PER_S);
	assert_int_equal(log_lines, 2);
	forget(&h.w, &h.laptop);
	hub_close(&h);
}

/* As fast as it can, as long as it waits for answers. */
static void
answered_calls_are_not_limited(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	for (unsigned i = 0; i < 20 * MAX; i++) {
		call(&h.w, &h.laptop, TV);
		if (i >= MAX / 2) { /* so many are outstanding */
			call(&h.w, &h.tv, LAPTOP);
			forget(&h.w, &h.laptop);
			forget(&h.w, &h.tv);
		}
	}
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_refused), 0);
	hub_close(&h);
}

/* A device that was busy answers all that it was asked at once, more than it may ask itself. */
static void
late_answers_are_not_refused(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	call(&h.w, &h.tv, LAPTOP); /* its allowance is not full */
	for (unsigned i = 0; i < 4 * MAX; i++) {
		h.phone.session.allowance = MAX; /* that is a long time */
		call(&h.w, &h.phone, TV);
	}
	forget(&h.w, &h.tv);
	for (unsigned i = 0; i < 4 * MAX; i++)
		call(&h.w, &h.tv, PHONE);
	assert_int_equal(fx_metric(&h.w, PZ_METRIC_messages_refused), 0);
	forget(&h.w, &h.phone);
	forget(&h.w, &h.laptop);
	hub_close(&h);
}

/* What others send earns no more than a maximum. */
static void
allowance_does_not_grow_beyond_its_maximum(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	call(&h.w, &h.laptop, TV);
	for (unsigned i = 0; i < 2 * PZ_ALLOWANCE_MAX; i++) {
		h.phone.session.allowance = MAX;
		call(&h.w, &h.phone, LAPTOP);
		forget(&h.w, &h.laptop);
	}
	forget(&h.w, &h.tv);
	unsigned passed = 0;
	for (unsigned i = 0; i < 2 * PZ_ALLOWANCE_MAX; i++) {
		call(&h.w, &h.laptop, TV);
		passed += frames(&h.w, &h.tv);
	}
	assert_int_equal(passed, PZ_ALLOWANCE_MAX);
	forget(&h.w, &h.laptop);
	hub_close(&h);
}

/* At a device: a peer is limited, its hub brings what all devices send. */
static void
peer_is_limited_and_the_own_hub_is_not(void **state)
{
	struct world w;
	struct fake hub, tv;

	(void)state;
	fx_open(&w, LAPTOP, 0, 0);
	fake_attach(&w, &hub, PZ_SESSION_HUB, ZONE);
	fake_attach(&w, &tv, PZ_SESSION_PEER, TV);
	for (unsigned i = 0; i < 2 * MAX; i++)
		assert_ok(pz_router_frame(w.router, &hub.session, fx_call(PHONE, LAPTOP)));
	assert_int_equal(w.locals, 2 * MAX);
	for (unsigned i = 0; i < 2 * MAX; i++)
		call(&w, &tv, LAPTOP);
	assert_int_equal(w.locals, 3 * MAX);
	/* What the device answers lets the peer continue. */
	for (unsigned i = 0; i < 10; i++)
		assert_ok(pz_router_send(w.router, fx_call(LAPTOP, TV)));
	for (unsigned i = 0; i < 20; i++)
		call(&w, &tv, LAPTOP);
	assert_int_equal(w.locals, 3 * MAX + 10);
	fake_detach(&w, &hub);
	fake_detach(&w, &tv);
	fx_close(&w);
}

static void
props_for_the_node_pass(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	for (unsigned i = 0; i < MAX + 10; i++)
		assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
					  fx_frame("{\"type\":\"prop\",\"from\":\"" LAPTOP
						   "\",\"to\":\"" ZONE "\",\"payload\":{}}")));
	assert_int_equal(h.w.locals, MAX + 10);
	for (unsigned i = 0; i < MAX + 10; i++)
		assert_ok(pz_router_frame(h.w.router, &h.laptop.session,
					  fx_frame("{\"type\":\"prop\",\"from\":\"" LAPTOP
						   "\",\"to\":\"" TV "\",\"payload\":{}}")));
	assert_int_equal(frames(&h.w, &h.tv), MAX);
	hub_close(&h);
}

/* Counted is the share of time: as much work, with pauses, costs no rest. */
static void
work_of_less_than_a_share_never_rests(void **state)
{
	struct hub h;
	const uint64_t cost_us = PZ_WORK_US / 4;

	(void)state;
	hub_open(&h);
	struct pz_session *session = &h.laptop.session;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(pz_allowance_spend(session, &h.w.clock.env, cost_us), 0);
		pz_kit_clock_jump(&h.w.clock, cost_us * (1 + PZ_WORK_REST_FACTOR));
	}
	for (int i = 0; i < 30000; i++) { /* also in very small parts */
		assert_int_equal(pz_allowance_spend(session, &h.w.clock.env, 1), 0);
		pz_kit_clock_jump(&h.w.clock, i % 3 ? 1 : 7);
	}
	hub_close(&h);
}

static void
work_without_a_pause_rests(void **state)
{
	struct hub h;

	(void)state;
	hub_open(&h);
	struct pz_session *session = &h.laptop.session;
	const struct pz_env *env = &h.w.clock.env;
	assert_int_equal(pz_allowance_spend(session, env, PZ_WORK_US), 0);
	assert_int_equal(pz_allowance_spend(session, env, 1),
			 PZ_WORK_REST_FACTOR * (PZ_WORK_US + 1));
	assert_int_equal(pz_allowance_spend(session, env, 1), 0); /* it begins again */
	assert_int_equal(pz_allowance_spend(session, env, 60 * PZ_US_PER_S), PZ_WORK_REST_MAX_US);
	hub_close(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flood_is_refused_and_others_go_on),
		cmocka_unit_test(answered_calls_are_not_limited),
		cmocka_unit_test(late_answers_are_not_refused),
		cmocka_unit_test(allowance_does_not_grow_beyond_its_maximum),
		cmocka_unit_test(peer_is_limited_and_the_own_hub_is_not),
		cmocka_unit_test(props_for_the_node_pass),
		cmocka_unit_test(work_of_less_than_a_share_never_rests),
		cmocka_unit_test(work_without_a_pause_rests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
