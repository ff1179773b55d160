/* The device without a real hub: settings, order, errors from the hub, time-outs. */
#include "kit/test.h"

#include <string.h>

#include "enrol/message.h"
#include "kit/enrolment.h"

static void
settings_are_checked_before_anything_is_sent(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const char long_text[] =
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789";
	struct pz_enrol_device_config rows[13];
	for (size_t i = 0; i < 13; i++)
		rows[i] = pz_kit_enrolment_config(w, "12345678");
	rows[0].zone = "alice";
	rows[1].zone = "Alice@example.org";
	rows[2].zone = "";
	rows[3].device = "-laptop";
	rows[4].device = "";
	rows[5].device = long_text;
	rows[6].display_name = "";
	rows[7].display_name = "a\nb";
	rows[8].display_name = long_text;
	rows[9].device_type = long_text;
	rows[10].code = "1234-5678";
	rows[11].code = "1234567";
	rows[12].code = "1234567x";
	for (size_t i = 0; i < 13; i++) {
		struct pz_errinfo info = {""};
		struct pz_enrol_device *out = NULL;
		assert_int_equal(
			pz_enrol_device_new(&rows[i], &pz_kit_enrolment_device_ops, w, &out, &info),
			PZ_ERR_CONFIG);
		assert_null(out);
		assert_int_not_equal(strlen(info.text), 0);
		assert_null(strstr(info.text, "12345678"));
	}
	rows[0] = pz_kit_enrolment_config(w, "12345678");
	rows[0].device_type = "";
	assert_int_equal(
		pz_enrol_device_new(&rows[0], &pz_kit_enrolment_device_ops, w, &w->device, NULL),
		PZ_ERR_CONFIG);
}

static void
zero_random(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, 0, len);
}

static void
broken_random_source_is_reported(void **state)
{
	struct pz_kit_enrolment *w = *state;
	struct pz_enrol_device_config config = pz_kit_enrolment_config(w, "12345678");
	struct pz_env env = w->clock.env;
	env.random = zero_random;
	config.env = &env;
	assert_int_equal(
		pz_enrol_device_new(&config, &pz_kit_enrolment_device_ops, w, &w->device, NULL),
		PZ_ERR_CRYPTO);
}

/** A device that has sent step 1 (and, with is_proven, step 3); the hub's answer is held back. */
static void
device_at(struct pz_kit_enrolment *w, bool is_proven)
{
	const char *code = pz_kit_enrolment_issue(w, NULL);
	struct pz_enrol_device_config config = pz_kit_enrolment_config(w, code);
	w->answer = PZ_KIT_ADMIT_LATER;
	pz_kit_enrolment_connect(w, &config);
	if (is_proven)
		pz_kit_enrolment_pump(w);
}

static void
everything_out_of_order_ends_it(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const char *const statuses[] = {
		PZ_ENROL_HELLO, PZ_ENROL_SHARE, PZ_ENROL_REQUEST, PZ_ENROL_SIGNED, "Update", "",
		"enrolshare",
	};
	for (int is_proven = 0; is_proven < 2; is_proven++) {
		for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
			/* also in order, but with no or an empty message */
			json_t *messages[] = {NULL, json_object(), json_array()};
			for (size_t m = 0; m < 3; m++) {
				device_at(w, is_proven);
				pz_enrol_device_message(w->device, statuses[i], messages[m]);
				assert_int_equal(w->device_failures, 1);
				assert_int_equal(w->device_err, PZ_ERR_PROTO);
				/* the end is the end */
				pz_enrol_device_message(w->device, statuses[i], messages[m]);
				assert_int_equal(w->device_failures, 1);
				json_decref(messages[m]);
				pz_kit_enrolment_hang_up(w);
			}
		}
	}
}

static void
nothing_may_come_before_start(void **state)
{
	struct pz_kit_enrolment *w = *state;
	struct pz_enrol_device_config config = pz_kit_enrolment_config(w, "12345678");
	json_t *message = json_pack("{s:s}", "reason", PZ_ENROL_BAD_CODE);
	assert_ok(pz_enrol_device_new(&config, &pz_kit_enrolment_device_ops, w, &w->device, NULL));
	pz_enrol_device_message(w->device, PZ_ENROL_ERROR, message);
	assert_int_equal(w->device_err, PZ_ERR_PROTO);
	pz_enrol_device_start(w->device); /* too late */
	assert_string_equal(w->trace, "");
	json_decref(message);
}

static void
start_works_once(void **state)
{
	struct pz_kit_enrolment *w = *state;
	device_at(w, false);
	pz_enrol_device_start(w->device);
	assert_string_equal(w->trace, "enrolHello");
}

static void
errors_of_the_hub_become_clear_text(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const struct {
		const char *reason;
		enum pz_err err;
		const char *says;
	} rows[] = {
		{PZ_ENROL_BAD_CODE, PZ_ERR_DENIED_CODE, "called 'laptop'"},
		{PZ_ENROL_EXPIRED, PZ_ERR_DENIED_CODE, "no live code for alice@example.org"},
		{PZ_ENROL_ATTEMPTS, PZ_ERR_DENIED_CODE, "make a new code with `pzh token`"},
		{PZ_ENROL_NAME_TAKEN, PZ_ERR_EXISTS, "pzh revoke laptop"},
		{PZ_ENROL_BUSY, PZ_ERR_LIMIT, "wait a minute"},
		{PZ_ENROL_BAD_REQUEST, PZ_ERR_PROTO, "see its log"},
		{"\033[2Jevil", PZ_ERR_PROTO, "see its log"},
		{"", PZ_ERR_PROTO, "see its log"},
	};
	for (int is_proven = 0; is_proven < 2; is_proven++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			json_t *message = json_pack("{s:s}", "reason", rows[i].reason);
			device_at(w, is_proven);
			pz_enrol_device_message(w->device, PZ_ENROL_ERROR, message);
			assert_int_equal(w->device_failures, 1);
			assert_int_equal(w->device_err, rows[i].err);
			assert_non_null(strstr(w->device_reason, rows[i].says));
			assert_null(strstr(w->device_reason, "evil"));
			json_decref(message);
			pz_kit_enrolment_hang_up(w);
		}
	}
	device_at(w, false);
	pz_enrol_device_message(w->device, PZ_ENROL_ERROR, NULL);
	assert_int_equal(w->device_err, PZ_ERR_PROTO);
}

static void
progress_restarts_the_clock(void **state)
{
	struct pz_kit_enrolment *w = *state;
	device_at(w, false);
	pz_kit_clock_jump(&w->clock, PZ_ENROL_IDLE_US - 1);
	pz_kit_enrolment_pump(w);
	assert_int_equal(w->proven, 1);
	pz_kit_clock_jump(&w->clock, PZ_ENROL_IDLE_US - 1);
	assert_int_equal(w->device_failures, 0);
	pz_kit_enrolment_admit(w);
	pz_kit_enrolment_pump(w);
	assert_int_equal(w->dones, 1);
	pz_kit_clock_jump(&w->clock, 2 * PZ_ENROL_IDLE_US);
	assert_int_equal(w->device_failures, 0);
}

static void
long_names_fit(void **state)
{
	struct pz_kit_enrolment *w = *state;
	char device[PZ_DEVICE_BYTES_MAX + 1], name[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	char type[PZ_ENROL_DEVICE_TYPE_BYTES_MAX + 1];
	memset(device, 'd', sizeof(device));
	device[sizeof(device) - 1] = '\0';
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memset(type, 't', sizeof(type));
	type[sizeof(type) - 1] = '\0';
	struct pz_enrol_device_config config =
		pz_kit_enrolment_config(w, pz_kit_enrolment_issue(w, device));
	config.device = device;
	config.display_name = name;
	config.device_type = type;
	pz_kit_enrolment_connect(w, &config);
	pz_kit_enrolment_pump(w);
	assert_int_equal(w->dones, 1);
	assert_string_equal(w->admitted.device, device);
	assert_string_equal(w->admitted.display_name, name);
	assert_string_equal(w->admitted.device_type, type);
}

static size_t allocations_left;

static void *
scarce_malloc(size_t size)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	return malloc(size);
}

/** Trees cannot be built at any one point: each side that is alive ends once, nothing leaks. */
static void
without_memory_for_messages_it_ends_cleanly(void **state)
{
	struct pz_kit_enrolment *w = *state;
	bool was_done = false;
	for (size_t n = 0; !was_done; n++) {
		struct pz_enrol_device_config config =
			pz_kit_enrolment_config(w, pz_kit_enrolment_issue(w, NULL));
		allocations_left = n;
		json_set_alloc_funcs(scarce_malloc, free);
		pz_kit_enrolment_connect(w, &config);
		pz_kit_enrolment_pump(w);
		json_set_alloc_funcs(malloc, free);
		assert_in_range(w->dones + w->device_failures, 0, 1);
		assert_in_range(w->hub_failures, 0, 1);
		assert_true(w->dones + w->device_failures + w->hub_failures > 0);
		was_done = w->dones == 1;
		pz_kit_enrolment_hang_up(w);
		assert_in_range(n, 0, 1000);
	}
}

static void
free_of_nothing(void **state)
{
	(void)state;
	pz_enrol_device_free(NULL);
	pz_enrol_hub_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		pz_kit_enrolment_test(settings_are_checked_before_anything_is_sent),
		pz_kit_enrolment_test(broken_random_source_is_reported),
		pz_kit_enrolment_test(everything_out_of_order_ends_it),
		pz_kit_enrolment_test(nothing_may_come_before_start),
		pz_kit_enrolment_test(start_works_once),
		pz_kit_enrolment_test(errors_of_the_hub_become_clear_text),
		pz_kit_enrolment_test(progress_restarts_the_clock),
		pz_kit_enrolment_test(long_names_fit),
		pz_kit_enrolment_test(without_memory_for_messages_it_ends_cleanly),
		cmocka_unit_test(free_of_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
