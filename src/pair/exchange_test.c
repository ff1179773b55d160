/* Both sides against each other: the good case, each message altered in transit, and an attacker in
 * the middle. */
#include "pair/pair.h"

#include "kit/test.h"

#include <stdio.h>

#include "base/codec.h"
#include "kit/clock.h"
#include "kit/zone.h"
#include "wire/json.h"
#include "x509/stranger.h"

#define QUEUE_MAX 16

static struct pz_kit_clock clock;
static struct pz_kit_zone alice, bob;

/* What one side has sent and not delivered. */
struct message {
	char status[32];
	json_t *body;
};

struct end {
	struct pz_pair *pair;
	struct pz_pair_card card;
	struct message out[QUEUE_MAX];
	size_t out_len;
	char digits[PZ_PAIR_DIGITS + 1];
	char met[PZ_PAIR_IDENTITY_BYTES_MAX + 1], met_name[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	unsigned mets, compares, stores, dones, failures;
	bool is_opener, wanted, remembered;
	bool is_slow, is_full; /* its disk */
	bool waits;            /* does not choose the partner that it has met */
	uint8_t secret[PZ_PAIR_NUMBER_BYTES];
	enum pz_err err;
	char reason[256];
};

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct end *end = arg;

	assert_true(end->out_len < QUEUE_MAX);
	snprintf(end->out[end->out_len].status, sizeof(end->out[0].status), "%s", status);
	end->out[end->out_len++].body = json_deep_copy(message);
}

static void
on_met(void *arg, const struct pz_pair_card *partner)
{
	struct end *end = arg;

	end->mets++;
	snprintf(end->met, sizeof(end->met), "%s", partner->identity);
	snprintf(end->met_name, sizeof(end->met_name), "%s", partner->display_name);
}

static void
on_compare(void *arg, const char *digits)
{
	struct end *end = arg;

	end->compares++;
	snprintf(end->digits, sizeof(end->digits), "%s", digits);
}

static bool
on_store(void *arg, const struct pz_pair_result *result)
{
	struct end *end = arg;

	end->stores++;
	assert_true(result->wanted && !result->remembered);
	assert_string_equal(result->partner->identity, end->met);
	memcpy(end->secret, result->secret, sizeof(end->secret));
	return !end->is_full;
}

static void
on_done(void *arg, const struct pz_pair_result *result)
{
	struct end *end = arg;

	if (result->wanted)
		assert_memory_equal(result->secret, end->secret, sizeof(end->secret));
	end->dones++;
	end->wanted = result->wanted;
	end->remembered = result->remembered;
	memcpy(end->secret, result->secret, sizeof(end->secret));
	assert_string_equal(result->partner->identity, end->met);
}

static void
on_failed(void *arg, enum pz_err err, const char *reason)
{
	struct end *end = arg;

	end->failures++;
	end->err = err;
	snprintf(end->reason, sizeof(end->reason), "%s", reason);
	assert_true(reason[0] != '\0' && strchr(reason, '\n') == NULL);
}

static const struct pz_pair_ops ops = {
	.send = on_send,
	.met = on_met,
	.compare = on_compare,
	.store = on_store,
	.done = on_done,
	.failed = on_failed,
};

/* ---- set up ---- */

static void
begin(struct end *end, const struct pz_pair_card_parts *parts, struct pz_key *key, bool is_opener,
      uint8_t exporter)
{
	struct pz_pair_config config = {
		.card = &end->card,
		.key = key,
		.is_opener = is_opener,
		.left_us = PZ_PAIR_WINDOW_US,
		.env = &clock.env,
	};

	*end = (struct end){.is_opener = is_opener};
	memset(config.exporter, exporter, sizeof(config.exporter));
	assert_ok(pz_pair_card_make(parts, &end->card));
	assert_ok(pz_pair_new(&config, &ops, end, &end->pair));
}

static void
begin_member(struct end *end, const struct pz_kit_zone *zone, const char *name, bool is_opener,
	     uint8_t exporter)
{
	const struct pz_pair_card_parts parts = {
		.zone = zone->name,
		.device = "laptop",
		.display_name = name,
		.pzh_ca = zone->ca,
		.pzp_ca = zone->laptop.ca,
	};

	begin(end, &parts, zone->laptop.ca_key, is_opener, exporter);
}

static void
fini(struct end *end)
{
	for (size_t i = 0; i < end->out_len; i++)
		json_decref(end->out[i].body);
	pz_pair_free(end->pair);
	pz_pair_card_fini(&end->card);
}

/* ---- delivery ---- */

static struct message
take(struct end *end)
{
	struct message first = end->out[0];

	assert_true(end->out_len > 0);
	memmove(end->out, end->out + 1, --end->out_len * sizeof(end->out[0]));
	return first;
}

static void
deliver(struct end *from, struct end *to)
{
	struct message m = take(from);

	pz_pair_message(to->pair, m.status, m.body);
	json_decref(m.body);
	/* What the window does: the side that accepted takes the first partner. */
	if (to->mets == 1 && !to->waits && !to->is_opener)
		pz_pair_reveal(to->pair);
	if (to->stores > 0 && !to->is_slow)
		pz_pair_stored(to->pair, true);
}

static void
pump(struct end *a, struct end *b)
{
	while (a->out_len + b->out_len > 0)
		if (a->out_len > 0)
			deliver(a, b);
		else
			deliver(b, a);
}

static void
say(struct end *to, const char *status, const char *json)
{
	json_t *body = json_loads(json, 0, NULL);

	pz_pair_message(to->pair, status, body);
	json_decref(body);
}

static void
assert_failed(const struct end *end, enum pz_err err, const char *words)
{
	assert_int_equal(end->failures, 1);
	assert_int_equal(end->dones, 0);
	if (end->err != err || strstr(end->reason, words) == NULL)
		fail_msg("%s: %s", pz_err_name(end->err), end->reason);
}

static struct end a, b;

static int
set_up(void **state)
{
	(void)state;
	pz_kit_clock_init(&clock);
	begin_member(&a, &alice, "Alice's laptop", true, 7);
	begin_member(&b, &bob, "Bob's laptop", false, 7);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fini(&a);
	fini(&b);
	assert_true(pz_kit_clock_is_idle(&clock));
	return 0;
}

static void
meet(void)
{
	pz_pair_start(a.pair);
	pz_pair_start(b.pair);
	pump(&a, &b);
	assert_int_equal(a.compares, 1);
	assert_int_equal(b.compares, 1);
}

/* ---- the good case ---- */

static void
two_that_say_yes_trust_each_other(void **state)
{
	(void)state;
	meet();
	assert_string_equal(a.met, "bob@example.net/laptop");
	assert_string_equal(b.met, "alice@example.org/laptop");
	assert_string_equal(a.met_name, "Bob's laptop");
	assert_int_equal(strlen(a.digits), PZ_PAIR_DIGITS);
	assert_string_equal(a.digits, b.digits);
	pz_pair_answer(a.pair, true, false);
	pump(&a, &b);
	assert_int_equal(a.dones + b.dones, 0); /* one is not enough */
	pz_pair_answer(b.pair, true, true);
	pump(&a, &b);
	assert_int_equal(a.dones, 1);
	assert_int_equal(b.dones, 1);
	assert_false(a.remembered); /* only one of them wants it */
	assert_false(b.remembered);
	assert_memory_equal(a.secret, b.secret, sizeof(a.secret));
	pz_kit_clock_run(&clock, PZ_PAIR_WINDOW_US);
	assert_int_equal(a.failures + b.failures, 0);
}

static void
both_remember(void **state)
{
	(void)state;
	meet();
	pz_pair_answer(a.pair, true, true);
	pz_pair_answer(b.pair, true, true);
	pump(&a, &b);
	assert_true(a.remembered);
	assert_true(b.remembered);
	assert_int_equal(a.stores, 1);
	assert_int_equal(b.stores, 1);
	assert_memory_equal(a.secret, b.secret, sizeof(a.secret));
}

static void
say_yes(void)
{
	meet();
	pz_pair_answer(a.pair, true, true);
	pz_pair_answer(b.pair, true, true);
	pump(&a, &b);
}

/* Neither side ends while one of them has not stored it, and no side is sent "trusted" before. */
static void
a_slow_disk_is_waited_for(void **state)
{
	(void)state;
	a.is_slow = true;
	say_yes();
	assert_int_equal(a.dones + b.dones, 0);
	assert_int_equal(a.out_len, 0);
	pz_pair_stored(a.pair, true);
	pz_pair_stored(a.pair, false); /* a second time */
	assert_int_equal(a.dones, 1);
	assert_int_equal(b.dones, 0);
	pump(&a, &b);
	assert_int_equal(b.dones, 1);
	assert_true(a.remembered && b.remembered);
}

/* At once, or after a while. */
static void
what_one_cannot_store_no_side_remembers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		a.is_slow = i == 1;
		a.is_full = i == 0;
		say_yes();
		pz_pair_stored(a.pair, false);
		pump(&a, &b);
		assert_int_equal(a.dones, 1);
		assert_int_equal(b.dones, 1);
		assert_true(a.wanted && b.wanted);
		assert_false(a.remembered || b.remembered);
		fini(&a);
		fini(&b);
		begin_member(&a, &alice, "Alice's laptop", true, 7);
		begin_member(&b, &bob, "Bob's laptop", false, 7);
	}
}

static void
a_disk_that_never_answers_is_a_time_out(void **state)
{
	(void)state;
	a.is_slow = true;
	say_yes();
	pz_kit_clock_run(&clock, PZ_PAIR_WINDOW_US);
	assert_failed(&a, PZ_ERR_IO_TIMEOUT, "time");
	assert_failed(&b, PZ_ERR_IO_TIMEOUT, "time");
	pz_pair_stored(a.pair, true); /* too late */
	assert_int_equal(a.dones, 0);
}

/* While it is being stored here. */
static void
a_result_comes_once(void **state)
{
	static const char *const rows[] = {"{\"trusted\": true}",
					   "{\"trusted\": true, \"remembered\": 1}"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		a.is_slow = true;
		b.is_slow = i == 1;
		say_yes();
		say(&a, PZ_PAIR_RESULT, rows[i]);
		assert_failed(&a, PZ_ERR_PROTO, "pairResult");
		fini(&a);
		fini(&b);
		begin_member(&a, &alice, "Alice's laptop", true, 7);
		begin_member(&b, &bob, "Bob's laptop", false, 7);
	}
}

/* The window closes meanwhile, here or there. */
static void
it_ends_while_it_is_stored(void **state)
{
	(void)state;
	a.is_slow = true;
	say_yes();
	pz_pair_stop(b.pair, PZ_ERR_IO_CLOSED, PZ_PAIR_STOPPED, "closed");
	pump(&a, &b);
	assert_failed(&a, PZ_ERR_DENIED_REMOTE, "closed");
	pz_pair_stored(a.pair, true);
	assert_int_equal(a.dones + b.dones, 0);
	assert_int_equal(a.out_len, 0);
}

static void
a_virgin_device_is_trusted_and_not_remembered(void **state)
{
	struct pz_key *key = NULL;
	struct pz_cert *cert = NULL;
	struct end virgin;

	(void)state;
	assert_ok(pz_key_generate(NULL, &key, NULL));
	assert_ok(pz_cert_issue_stranger(key, &clock.env, &cert, NULL));
	const struct pz_pair_card_parts parts = {
		.device = "laptop", .display_name = "new", .pzp_ca = cert};
	begin(&virgin, &parts, key, true, 7);
	pz_pair_start(virgin.pair);
	pz_pair_start(b.pair);
	pump(&virgin, &b);
	assert_string_equal(virgin.digits, b.digits);
	assert_non_null(strstr(b.met, "laptop#"));
	pz_pair_answer(virgin.pair, true, true);
	pz_pair_answer(b.pair, true, true);
	pump(&virgin, &b);
	assert_int_equal(virgin.dones + b.dones, 2);
	assert_false(b.remembered); /* there is no zone to be a friend of */
	assert_false(virgin.remembered);
	fini(&virgin);
	pz_cert_free(cert);
	pz_key_free(key);
}

/* Nothing is revealed before both are committed; the side that was dialled reveals first. */
static void
the_side_that_was_dialled_decides(void **state)
{
	(void)state;
	b.waits = true;
	pz_pair_start(a.pair);
	pz_pair_start(b.pair);
	deliver(&b, &a);
	deliver(&a, &b);
	assert_int_equal(a.out_len, 0);
	assert_int_equal(b.out_len, 0);
	assert_false(pz_pair_has_revealed(a.pair));
	pz_pair_reveal(b.pair);
	pz_pair_reveal(b.pair);
	assert_int_equal(b.out_len, 1);
	pump(&a, &b);
	assert_string_equal(a.digits, b.digits);
}

/* ---- no ---- */

static void
one_says_no(void **state)
{
	(void)state;
	meet();
	pz_pair_answer(a.pair, true, true);
	pz_pair_answer(b.pair, false, true);
	pump(&a, &b);
	assert_failed(&a, PZ_ERR_DENIED_CODE, "said no");
	assert_failed(&b, PZ_ERR_DENIED_CODE, "digits differ");
}

static void
the_window_is_over(void **state)
{
	(void)state;
	meet();
	pz_pair_answer(a.pair, true, true);
	pz_kit_clock_run(&clock, PZ_PAIR_WINDOW_US);
	assert_failed(&a, PZ_ERR_IO_TIMEOUT, "time");
	assert_failed(&b, PZ_ERR_IO_TIMEOUT, "time");
}

static void
a_late_yes_does_not_count(void **state)
{
	(void)state;
	meet();
	pz_pair_answer(a.pair, true, true);
	pz_pair_answer(b.pair, true, true);
	struct message confirm = take(&a);
	json_decref(confirm.body);
	pz_kit_clock_run(&clock, PZ_PAIR_WINDOW_US);
	pump(&a, &b);
	assert_int_equal(b.dones, 0);
	assert_int_equal(a.dones, 0);
}

static void
a_person_closes_the_window(void **state)
{
	(void)state;
	meet();
	pz_pair_stop(a.pair, PZ_ERR_IO_CLOSED, PZ_PAIR_STOPPED, "closed");
	pump(&a, &b);
	assert_failed(&a, PZ_ERR_IO_CLOSED, "closed");
	assert_failed(&b, PZ_ERR_DENIED_REMOTE, "closed at the other device");
}

/* ---- the other side cheats ---- */

static void
the_same_device_and_the_same_zone_are_refused(void **state)
{
	const struct pz_pair_card_parts phone = {
		.zone = alice.name,
		.device = "phone",
		.display_name = "phone",
		.pzh_ca = alice.ca,
		.pzp_ca = alice.phone.ca,
	};
	struct end self, sister;

	(void)state;
	begin_member(&self, &alice, "me", false, 7);
	begin(&sister, &phone, alice.phone.ca_key, false, 7);
	pz_pair_start(a.pair);
	pz_pair_start(self.pair);
	pump(&a, &self);
	assert_failed(&a, PZ_ERR_DENIED_IDENTITY, "this very device");
	fini(&a);
	begin_member(&a, &alice, "Alice's laptop", true, 7);
	pz_pair_start(a.pair);
	pz_pair_start(sister.pair);
	pump(&a, &sister);
	assert_failed(&a, PZ_ERR_DENIED_IDENTITY, "your own zone");
	assert_int_equal(a.compares, 0);
	fini(&self);
	fini(&sister);
}

/* Every order but the right one. */
static void
a_message_out_of_order_ends_it(void **state)
{
	static const struct {
		unsigned delivered; /* of the honest messages, by then */
		const char *status, *body;
	} rows[] = {
		{0, PZ_PAIR_REVEAL, "{}"}, /* a reveal before the commitment */
		{0, PZ_PAIR_CONFIRM, "{\"match\": true, \"remember\": true}"},
		{0, PZ_PAIR_RESULT, "{\"trusted\": true}"},
		{1, PZ_PAIR_HELLO, "{}"}, /* a second try */
		{1, PZ_PAIR_CONFIRM, "{\"match\": true, \"remember\": true}"},
		{1, PZ_PAIR_RESULT, "{\"trusted\": true}"},
		{2, PZ_PAIR_HELLO, "{}"},
		{2, PZ_PAIR_REVEAL, "{}"},
		{2, PZ_PAIR_RESULT, "{\"trusted\": true}"},
		{2, PZ_PAIR_CONFIRM, "{\"match\": 1}"},
		{2, PZ_PAIR_CONFIRM, "{\"match\": true, \"remember\": \"yes\"}"},
		{0, "pairWhat", "{}"},
		{0, "register", "{}"},
		{0, PZ_PAIR_HELLO, "null"},
		{0, PZ_PAIR_HELLO, "[]"},
		{1, PZ_PAIR_REVEAL, "null"},
		{1, PZ_PAIR_REVEAL, "{\"k\": \"AAAA\", \"proof\": \"\"}"},
		{2, PZ_PAIR_CONFIRM, "null"},
		{2, PZ_PAIR_RESULT, "null"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct end x, y;

		begin_member(&x, &alice, "x", false, 7);
		begin_member(&y, &bob, "y", true, 7);
		pz_pair_start(x.pair);
		pz_pair_start(y.pair);
		if (rows[i].delivered > 0) {
			deliver(&y, &x);
			deliver(&x, &y);
		}
		if (rows[i].delivered > 1) {
			deliver(&x, &y);
			deliver(&y, &x);
			assert_int_equal(x.compares, 1);
		}
		say(&x, rows[i].status, rows[i].body);
		if (x.failures != 1 || x.err != PZ_ERR_PROTO)
			fail_msg("row %zu: %s %s", i, pz_err_name(x.err), x.reason);
		assert_int_equal(x.dones, 0);
		/* What comes after the end is ignored. */
		pump(&x, &y);
		assert_int_equal(x.failures, 1);
		fini(&x);
		fini(&y);
	}
}

static void
another_number_than_committed_is_refused(void **state)
{
	uint8_t other[PZ_PAIR_NUMBER_BYTES] = {1};
	char *text = pz_base64_encode(pz_slice_of(other, sizeof(other)));

	(void)state;
	pz_pair_start(a.pair);
	pz_pair_start(b.pair);
	deliver(&a, &b);
	deliver(&b, &a);
	struct message reveal = take(&b);
	json_object_set_new(reveal.body, "k", json_string(text));
	pz_pair_message(a.pair, reveal.status, reveal.body);
	json_decref(reveal.body);
	free(text);
	assert_failed(&a, PZ_ERR_DENIED_CODE, "another number");
	assert_false(pz_pair_has_revealed(a.pair));
}

/* Its info was changed on the way: also one byte that people do not see. */
static void
another_info_than_committed_is_refused(void **state)
{
	(void)state;
	pz_pair_start(a.pair);
	pz_pair_start(b.pair);
	deliver(&a, &b);
	struct message hello = take(&b);
	json_t *info = json_sprintf("%s ", json_string_value(json_object_get(hello.body, "info")));
	json_object_set_new(hello.body, "info", info);
	pz_pair_message(a.pair, hello.status, hello.body);
	json_decref(hello.body);
	pump(&a, &b);
	assert_failed(&a, PZ_ERR_DENIED_CODE, "another number");
	assert_int_equal(a.compares, 0);
}

/* Certificates can be copied, their key cannot: mallory shows bob's. */
static void
certificates_of_others_are_refused(void **state)
{
	const struct pz_pair_card_parts parts = {
		.zone = bob.name,
		.device = "laptop",
		.display_name = "Bob's laptop",
		.pzh_ca = bob.ca,
		.pzp_ca = bob.laptop.ca,
	};
	struct end mallory;

	(void)state;
	begin(&mallory, &parts, alice.phone.ca_key, false, 7);
	pz_pair_start(a.pair);
	pz_pair_start(mallory.pair);
	pump(&a, &mallory);
	assert_failed(&a, PZ_ERR_DENIED_IDENTITY, "not its own");
	assert_int_equal(a.compares, 0);
	fini(&mallory);
}

/* ---- a man in the middle ---- */

/* He passes the messages on between two connections of his own: the exporters differ. */
static void
messages_passed_on_between_two_connections_prove_nothing(void **state)
{
	struct end far;

	(void)state;
	begin_member(&far, &bob, "Bob's laptop", false, 8);
	pz_pair_start(a.pair);
	pz_pair_start(far.pair);
	pump(&a, &far);
	assert_failed(&a, PZ_ERR_DENIED_IDENTITY, "not its own");
	assert_int_equal(a.compares, 0);
	fini(&far);
}

/* He runs an exchange with each, with certificates of his own: swapped certificates and
 * commitments. The digits differ. */
static void
an_exchange_with_each_shows_different_digits(void **state)
{
	struct pz_kit_zone eve;
	unsigned same = 0;

	(void)state;
	pz_kit_zone_init(&eve, "eve@evil.example", &clock.env);
	for (unsigned i = 0; i < 20; i++) {
		struct end x, y, to_x, to_y;

		begin_member(&x, &alice, "x", true, 1);
		begin_member(&y, &bob, "y", false, 2);
		begin_member(&to_x, &eve, "y", false, 1);
		begin_member(&to_y, &eve, "x", true, 2);
		pz_pair_start(x.pair);
		pz_pair_start(y.pair);
		pz_pair_start(to_x.pair);
		pz_pair_start(to_y.pair);
		pump(&x, &to_x);
		pump(&y, &to_y);
		assert_int_equal(x.compares + y.compares, 2);
		same += strcmp(x.digits, y.digits) == 0;
		fini(&x);
		fini(&y);
		fini(&to_x);
		fini(&to_y);
	}
	assert_int_equal(same, 0);
	pz_kit_zone_fini(&eve);
}

/* What was recorded in one exchange is worth nothing in the next. */
static void
a_replay_is_refused(void **state)
{
	struct message hello, reveal;
	struct end again;

	(void)state;
	pz_pair_start(a.pair);
	pz_pair_start(b.pair);
	deliver(&a, &b);
	hello = take(&b);
	reveal = take(&b);
	begin_member(&again, &alice, "Alice's laptop", true, 9);
	pz_pair_start(again.pair);
	pz_pair_message(again.pair, hello.status, hello.body);
	pz_pair_message(again.pair, reveal.status, reveal.body);
	assert_failed(&again, PZ_ERR_DENIED_IDENTITY, "not its own");
	json_decref(hello.body);
	json_decref(reveal.body);
	fini(&again);
}

/* Our own messages come back. */
static void
a_reflection_is_refused(void **state)
{
	(void)state;
	pz_pair_start(a.pair);
	struct message hello = take(&a);
	pz_pair_message(a.pair, hello.status, hello.body);
	json_decref(hello.body);
	assert_failed(&a, PZ_ERR_DENIED_IDENTITY, "this very device");
}

static void
digits_do_not_repeat(void **state)
{
	char before[PZ_PAIR_DIGITS + 1];

	(void)state;
	meet();
	memcpy(before, a.digits, sizeof(before));
	fini(&a);
	fini(&b);
	begin_member(&a, &alice, "Alice's laptop", true, 7);
	begin_member(&b, &bob, "Bob's laptop", false, 7);
	meet();
	assert_string_not_equal(before, a.digits);
}

static int
open_zones(void **state)
{
	(void)state;
	pz_kit_clock_init(&clock);
	pz_kit_zone_init(&alice, "alice@example.org", &clock.env);
	pz_kit_zone_init(&bob, "bob@example.net", &clock.env);
	return 0;
}

static int
close_zones(void **state)
{
	(void)state;
	pz_kit_zone_fini(&alice);
	pz_kit_zone_fini(&bob);
	return 0;
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(two_that_say_yes_trust_each_other),
		TEST(both_remember),
		TEST(a_slow_disk_is_waited_for),
		TEST(what_one_cannot_store_no_side_remembers),
		TEST(a_disk_that_never_answers_is_a_time_out),
		TEST(a_result_comes_once),
		TEST(it_ends_while_it_is_stored),
		TEST(a_virgin_device_is_trusted_and_not_remembered),
		TEST(the_side_that_was_dialled_decides),
		TEST(one_says_no),
		TEST(the_window_is_over),
		TEST(a_late_yes_does_not_count),
		TEST(a_person_closes_the_window),
		TEST(the_same_device_and_the_same_zone_are_refused),
		TEST(a_message_out_of_order_ends_it),
		TEST(another_number_than_committed_is_refused),
		TEST(another_info_than_committed_is_refused),
		TEST(certificates_of_others_are_refused),
		TEST(messages_passed_on_between_two_connections_prove_nothing),
		TEST(an_exchange_with_each_shows_different_digits),
		TEST(a_replay_is_refused),
		TEST(a_reflection_is_refused),
		TEST(digits_do_not_repeat),
	};

	return cmocka_run_group_tests(tests, open_zones, close_zones);
}
