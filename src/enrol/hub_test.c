/* The hub's decisions: what it accepts, what it sends to which side, and when a code is used up. */
#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "enrol/message.h"
#include "kit/enrolment.h"
#include "x509/csr.h"

/** A session alone; the caller speaks for the device. */
static void
open_hub(struct pz_kit_enrolment *w)
{
	static const uint8_t sid[PZ_ENROL_SID_BYTES] = {1};
	assert_ok(pz_enrol_hub_new(sid, &w->clock.env, &pz_kit_enrolment_hub_ops, w, &w->hub));
}

static json_t *
good_hello(void)
{
	uint8_t share[32];
	json_t *hello = json_pack("{s:s, s:s, s:s, s:s}", "zone", PZ_KIT_ZONE, "device",
				  PZ_KIT_DEVICE, "displayName", "Laptop", "deviceType", "laptop");
	crypto_core_ristretto255_random(share);
	assert_ok(pz_enrol_set_bytes(hello, "share", pz_slice_of(share, 32)));
	return hello;
}

static void
assert_refused(struct pz_kit_enrolment *w, const char *reason)
{
	assert_int_equal(w->hub_failures, 1);
	assert_string_equal(w->hub_reason, reason);
	assert_true(w->tail > 0);
	assert_string_equal(w->queue[w->tail - 1].status, PZ_ENROL_ERROR);
	json_t *message = w->queue[w->tail - 1].message;
	assert_string_equal(json_string_value(json_object_get(message, "reason")), reason);
	assert_int_equal(json_object_size(message), 1);
}

static void
malformed_hello_is_a_bad_request(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const struct {
		const char *key, *value; /* NULL: removed */
	} rows[] = {
		{"zone", NULL},
		{"zone", ""},
		{"zone", "alice"},
		{"zone", "Alice@example.org"},
		{"device", NULL},
		{"device", ""},
		{"device", "a/b"},
		{"device", "0123456789012345678901234567890123456789012345678901234567890123"},
		{"displayName", NULL},
		{"displayName", ""},
		{"displayName", "a\tb"},
		{"deviceType", NULL},
		{"deviceType", ""},
		{"deviceType", "a\177"},
		{"deviceType", "01234567890123456789012345678901234567890123456789012345678901234"},
		{"share", NULL},
		{"share", ""},
		{"share", "AAAA"},
		{"share", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		{"share", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!"},
		{"share", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, /* 33 bytes */
		{"share", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="}, /* odd last bits */
	};
	pz_kit_enrolment_issue(w, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *hello = good_hello();
		if (rows[i].value)
			json_object_set_new(hello, rows[i].key, json_string(rows[i].value));
		else
			json_object_del(hello, rows[i].key);
		open_hub(w);
		pz_enrol_hub_message(w->hub, PZ_ENROL_HELLO, hello);
		assert_refused(w, PZ_ENROL_BAD_REQUEST);
		json_decref(hello);
		pz_kit_enrolment_hang_up(w);
	}
	assert_int_equal(w->code.attempts, 0);
}

static void
wrong_types_are_a_bad_request(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const char *const keys[] = {"zone", "device", "displayName", "deviceType", "share"};
	pz_kit_enrolment_issue(w, NULL);
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		json_t *values[] = {json_integer(1), json_null(), json_object(),
				    json_stringn("a@b\0c", 5)};
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			json_t *hello = good_hello();
			json_object_set_new(hello, keys[k], values[v]);
			open_hub(w);
			pz_enrol_hub_message(w->hub, PZ_ENROL_HELLO, hello);
			assert_refused(w, PZ_ENROL_BAD_REQUEST);
			json_decref(hello);
			pz_kit_enrolment_hang_up(w);
		}
	}
}

enum stage { AT_HELLO, AT_REQUEST, AT_ADMIT };

/** Brings a session to a stage with a real device. */
static void
hub_at(struct pz_kit_enrolment *w, enum stage stage)
{
	struct pz_enrol_device_config config =
		pz_kit_enrolment_config(w, pz_kit_enrolment_issue(w, NULL));
	w->answer = PZ_KIT_ADMIT_LATER;
	if (stage == AT_HELLO) {
		open_hub(w);
		return;
	}
	pz_kit_enrolment_connect(w, &config);
	if (stage == AT_ADMIT) {
		pz_kit_enrolment_pump(w);
		assert_int_equal(w->admits, 1);
		return;
	}
	pz_kit_enrolment_deliver(w, true, w->queue[0].status, w->queue[0].message);
}

static void
everything_out_of_order_ends_it(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const char *const statuses[] = {
		PZ_ENROL_HELLO,
		PZ_ENROL_SHARE,
		PZ_ENROL_REQUEST,
		PZ_ENROL_SIGNED,
		PZ_ENROL_ERROR,
		"Update",
		"",
	};
	for (enum stage stage = AT_HELLO; stage <= AT_ADMIT; stage++) {
		for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
			json_t *messages[] = {NULL, json_object(), json_array()};
			for (size_t m = 0; m < 3; m++) {
				hub_at(w, stage);
				pz_enrol_hub_message(w->hub, statuses[i], messages[m]);
				assert_refused(w, PZ_ENROL_BAD_REQUEST);
				pz_enrol_hub_message(w->hub, statuses[i], messages[m]);
				assert_int_equal(w->hub_failures, 1);
				json_decref(messages[m]);
				pz_kit_enrolment_hang_up(w);
			}
		}
	}
}

static void
zones_cannot_be_distinguished_without_a_code(void **state)
{
	struct pz_kit_enrolment *w = *state;
	json_t *hello = good_hello();
	for (int has_code = 0; has_code < 2; has_code++) {
		open_hub(w);
		w->has_code = has_code;
		pz_enrol_hub_message(w->hub, PZ_ENROL_HELLO, hello);
		assert_refused(w, PZ_ENROL_EXPIRED);
		pz_kit_enrolment_hang_up(w);
	}
	json_decref(hello);
}

static void
code_for_one_device_refuses_others(void **state)
{
	struct pz_kit_enrolment *w = *state;
	pz_kit_enrolment_attempt(w, pz_kit_enrolment_issue(w, "phone"));
	assert_string_equal(w->trace, "enrolHello enrolError");
	assert_string_equal(w->hub_reason, PZ_ENROL_BAD_CODE);
	assert_int_equal(w->device_err, PZ_ERR_DENIED_CODE);
	assert_int_equal(w->code.attempts, 1);
}

static void
a_taken_name_is_reported_only_with_the_code(void **state)
{
	struct pz_kit_enrolment *w = *state;
	w->is_name_taken = true;
	const char *code = pz_kit_enrolment_issue(w, NULL);
	pz_kit_enrolment_attempt(w, pz_kit_enrolment_wrong_code(w));
	assert_int_equal(w->name_questions, 0);
	pz_kit_enrolment_hang_up(w);

	pz_kit_enrolment_attempt(w, code);
	assert_int_equal(w->name_questions, 1);
	assert_int_equal(w->admits, 0);
	assert_string_equal(w->hub_reason, PZ_ENROL_NAME_TAKEN);
	assert_int_equal(w->device_err, PZ_ERR_EXISTS);
	pz_kit_enrolment_hang_up(w);

	/* the code is not used up: another name may use it */
	w->is_name_taken = false;
	pz_kit_enrolment_attempt(w, code);
	assert_int_equal(w->dones, 1);
}

/** Sends a request for this CSR that proves the code, from a device made by hand. */
static void
request_with(struct pz_kit_enrolment *w, const char *csr)
{
	static const uint8_t sid[PZ_ENROL_SID_BYTES] = {1};
	uint8_t ya[32], yb[32], isk[64], tag[64];
	struct pz_slice none = {NULL, 0};
	struct pz_enrol_confirm confirm;
	struct pz_cpace cpace;
	struct pz_buf ci;
	const char *code = pz_kit_enrolment_issue(w, NULL);

	pz_buf_init(&ci, 512, NULL);
	assert_ok(pz_enrol_channel_id(PZ_KIT_ZONE, PZ_KIT_DEVICE, &ci));
	assert_ok(pz_cpace_start(&cpace, pz_slice_str(code), pz_buf_slice(&ci),
				 pz_slice_of(sid, sizeof(sid)), &w->clock.env, ya));
	pz_buf_fini(&ci);
	json_t *hello = good_hello();
	assert_ok(pz_enrol_set_bytes(hello, "share", pz_slice_of(ya, 32)));
	open_hub(w);
	pz_enrol_hub_message(w->hub, PZ_ENROL_HELLO, hello);
	json_decref(hello);

	assert_string_equal(w->queue[0].status, PZ_ENROL_SHARE);
	assert_true(pz_enrol_bytes(w->queue[0].message, "share", yb, 32));
	assert_ok(pz_cpace_finish(&cpace, true, none, none, yb, isk));
	pz_enrol_confirm_init(&confirm, isk, ya, yb);
	pz_enrol_confirm_tag_a(&confirm, pz_slice_str(csr), tag);
	json_t *request = json_pack("{s:s}", "csr", csr);
	assert_ok(pz_enrol_set_bytes(request, "confirm", pz_slice_of(tag, 64)));
	pz_enrol_hub_message(w->hub, PZ_ENROL_REQUEST, request);
	json_decref(request);
}

static void
request_must_be_good_and_for_the_same_name(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const struct pz_cert_subject subjects[] = {
		{.zone = PZ_KIT_ZONE, .device = PZ_KIT_DEVICE},
		{.zone = PZ_KIT_ZONE, .device = "desktop"},
		{.zone = "bob@example.org", .device = PZ_KIT_DEVICE},
	};
	for (size_t i = 0; i < 3; i++) {
		struct pz_buf pem;
		pz_buf_init(&pem, PZ_CSR_PEM_BYTES_MAX, NULL);
		assert_ok(pz_csr_make(&subjects[i], w->device_key, &pem, NULL));
		assert_ok(pz_buf_append(&pem, pz_slice_of("", 1)));
		request_with(w, (const char *)pz_buf_slice(&pem).ptr);
		pz_buf_fini(&pem);
		assert_int_equal(w->admits, i == 0);
		if (i > 0)
			assert_refused(w, PZ_ENROL_BAD_REQUEST);
		pz_kit_enrolment_hang_up(w);
	}
	request_with(w, "-----BEGIN CERTIFICATE REQUEST-----\n");
	assert_refused(w, PZ_ENROL_BAD_REQUEST);
}

static void
invalid_share_costs_an_attempt(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const uint8_t neutral[32];
	json_t *hello = good_hello();
	pz_kit_enrolment_issue(w, NULL);
	assert_ok(pz_enrol_set_bytes(hello, "share", pz_slice_of(neutral, 32)));
	open_hub(w);
	pz_enrol_hub_message(w->hub, PZ_ENROL_HELLO, hello);
	assert_refused(w, PZ_ENROL_BAD_REQUEST);
	assert_int_equal(w->code.attempts, 1);
	json_decref(hello);
}

/* ---- the code goes while a device is between step 2 and step 3 ---- */

static void
finish_request(struct pz_kit_enrolment *w)
{
	/* the hello at the front was delivered by hub_at */
	json_decref(w->queue[w->head++].message);
	pz_kit_enrolment_pump(w);
}

static void
code_must_still_be_there_at_step_3(void **state)
{
	struct pz_kit_enrolment *w = *state;
	enum { CANCELLED, REPLACED, OUT_OF_TIME, TRIED_TOO_OFTEN, IN_USE, ZONE_GONE, KINDS };
	for (int kind = 0; kind < KINDS; kind++) {
		hub_at(w, AT_REQUEST);
		if (kind == CANCELLED)
			pz_code_cancel(&w->code);
		else if (kind == REPLACED)
			pz_kit_enrolment_issue(w, NULL);
		else if (kind == OUT_OF_TIME)
			w->code.expires_us = w->clock.now_us;
		else if (kind == IN_USE)
			w->code.claimed = true;
		else if (kind == ZONE_GONE)
			w->has_code = false;
		for (int i = 0; kind == TRIED_TOO_OFTEN && i < PZ_CODE_TRIES_MAX; i++) {
			char from[8];
			snprintf(from, sizeof(from), "%d", i);
			(void)!pz_code_spend(&w->code, &w->clock.env, PZ_KIT_DEVICE, from);
		}
		finish_request(w);
		assert_int_equal(w->admits, 0);
		assert_string_equal(w->hub_reason, PZ_ENROL_EXPIRED);
		assert_int_equal(w->device_err, PZ_ERR_DENIED_CODE);
		pz_kit_enrolment_hang_up(w);
	}
}

static void
two_devices_cannot_use_one_code(void **state)
{
	struct pz_kit_enrolment *w = *state;
	hub_at(w, AT_ADMIT);
	struct pz_enrol_hub *first_hub = w->hub;
	struct pz_enrol_device *first_device = w->device;
	char code[PZ_CODE_DIGITS + 1];
	memcpy(code, w->code.digits, sizeof(code));

	struct pz_enrol_device_config config = pz_kit_enrolment_config(w, code);
	config.device = "desktop";
	pz_kit_enrolment_connect(w, &config);
	pz_kit_enrolment_pump(w);
	assert_string_equal(w->hub_reason, PZ_ENROL_EXPIRED);
	assert_int_equal(w->admits, 1);
	pz_enrol_hub_free(w->hub);
	pz_enrol_device_free(w->device);

	w->hub = first_hub;
	w->device = first_device;
	pz_kit_enrolment_admit(w);
	pz_kit_enrolment_pump(w);
	assert_int_equal(w->dones, 1);
}

static void
refusal_gives_the_code_free_again(void **state)
{
	struct pz_kit_enrolment *w = *state;
	const char *code = pz_kit_enrolment_issue(w, NULL);
	w->answer = PZ_KIT_REFUSE_NOW;
	pz_kit_enrolment_attempt(w, code);
	assert_int_equal(w->admits, 1);
	assert_int_equal(w->hub_failures, 1);
	assert_int_equal(w->device_err, PZ_ERR_EXISTS);
	assert_false(w->code.claimed);
	pz_kit_enrolment_hang_up(w);
	w->answer = PZ_KIT_ADMIT_NOW;
	pz_kit_enrolment_attempt(w, code);
	assert_int_equal(w->dones, 1);
}

static void
refusal_leaves_a_newer_code_alone(void **state)
{
	struct pz_kit_enrolment *w = *state;
	hub_at(w, AT_ADMIT);
	pz_kit_enrolment_issue(w, NULL);
	w->code.claimed = true; /* by another session */
	pz_enrol_hub_refused(w->hub, PZ_ENROL_BAD_REQUEST);
	assert_true(w->code.claimed);
	pz_kit_enrolment_pump(w);
	assert_int_equal(w->device_err, PZ_ERR_PROTO);
}

static void
answers_of_the_owner_after_the_end_are_ignored(void **state)
{
	struct pz_kit_enrolment *w = *state;
	hub_at(w, AT_ADMIT);
	pz_enrol_hub_message(w->hub, PZ_ENROL_HELLO, NULL);
	assert_int_equal(w->hub_failures, 1);
	size_t sent = w->tail;
	pz_kit_enrolment_admit(w);
	pz_enrol_hub_refused(w->hub, PZ_ENROL_NAME_TAKEN);
	assert_int_equal(w->tail, sent);
	assert_int_equal(w->hub_failures, 1);
}

static void
owner_may_not_answer_before_it_is_asked(void **state)
{
	struct pz_kit_enrolment *w = *state;
	hub_at(w, AT_REQUEST);
	size_t sent = w->tail;
	pz_enrol_hub_refused(w->hub, PZ_ENROL_NAME_TAKEN);
	pz_enrol_hub_admitted(w->hub, w->alice.ca, w->alice.ca, w->alice.crl, PZ_KIT_ZONE,
			      PZ_KIT_HOST, 8040);
	assert_int_equal(w->tail, sent);
	assert_int_equal(w->hub_failures, 0);
}

static void
answer_that_cannot_be_built_ends_it(void **state)
{
	struct pz_kit_enrolment *w = *state;
	w->host = "\xff"; /* no UTF-8: jansson refuses it, as it would without memory */
	pz_kit_enrolment_attempt(w, pz_kit_enrolment_issue(w, NULL));
	assert_int_equal(w->admits, 1);
	assert_int_equal(w->hub_failures, 1);
	assert_string_equal(w->hub_reason, PZ_ENROL_BAD_REQUEST);
	assert_int_equal(w->device_err, PZ_ERR_PROTO);
}

static void
silence_ends_it_unless_we_are_the_ones_who_work(void **state)
{
	struct pz_kit_enrolment *w = *state;
	for (enum stage stage = AT_HELLO; stage <= AT_ADMIT; stage++) {
		hub_at(w, stage);
		pz_enrol_device_free(w->device); /* it has a clock of its own */
		w->device = NULL;
		pz_kit_clock_jump(&w->clock, PZ_ENROL_IDLE_US - 1);
		assert_int_equal(w->hub_failures, 0);
		pz_kit_clock_jump(&w->clock, 1);
		assert_int_equal(w->hub_failures, stage != AT_ADMIT);
		if (stage != AT_ADMIT)
			assert_refused(w, PZ_ENROL_BAD_REQUEST);
		pz_kit_enrolment_hang_up(w);
	}
}

static void
names_for_the_log(void **state)
{
	struct pz_kit_enrolment *w = *state;
	open_hub(w);
	assert_string_equal(pz_enrol_hub_zone(w->hub), "");
	assert_string_equal(pz_enrol_hub_device(w->hub), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		pz_kit_enrolment_test(malformed_hello_is_a_bad_request),
		pz_kit_enrolment_test(wrong_types_are_a_bad_request),
		pz_kit_enrolment_test(everything_out_of_order_ends_it),
		pz_kit_enrolment_test(zones_cannot_be_distinguished_without_a_code),
		pz_kit_enrolment_test(code_for_one_device_refuses_others),
		pz_kit_enrolment_test(a_taken_name_is_reported_only_with_the_code),
		pz_kit_enrolment_test(request_must_be_good_and_for_the_same_name),
		pz_kit_enrolment_test(invalid_share_costs_an_attempt),
		pz_kit_enrolment_test(code_must_still_be_there_at_step_3),
		pz_kit_enrolment_test(two_devices_cannot_use_one_code),
		pz_kit_enrolment_test(refusal_gives_the_code_free_again),
		pz_kit_enrolment_test(refusal_leaves_a_newer_code_alone),
		pz_kit_enrolment_test(answers_of_the_owner_after_the_end_are_ignored),
		pz_kit_enrolment_test(owner_may_not_answer_before_it_is_asked),
		pz_kit_enrolment_test(answer_that_cannot_be_built_ends_it),
		pz_kit_enrolment_test(silence_ends_it_unless_we_are_the_ones_who_work),
		pz_kit_enrolment_test(names_for_the_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
