#include "kit/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "metrics/metrics.h"

static char *
text_of(const struct pz_metrics *m)
{
	struct pz_buf out;
	char *text;

	pz_buf_init(&out, 1 << 16, NULL);
	assert_ok(pz_metrics_text(m, "pzh", &out));
	text = pz_slice_dup(pz_buf_slice(&out));
	assert_non_null(text);
	pz_buf_fini(&out);
	return text;
}

static void
test_add_sub_set(void **state)
{
	struct pz_metrics m = {0};

	(void)state;
	pz_metric_add(&m, PZ_METRIC_messages_in, 2);
	pz_metric_add(&m, PZ_METRIC_messages_in, 3);
	assert_int_equal(pz_metric_get(&m, PZ_METRIC_messages_in), 5);
	pz_metric_add(&m, PZ_METRIC_links, 2);
	pz_metric_sub(&m, PZ_METRIC_links, 1);
	assert_int_equal(pz_metric_get(&m, PZ_METRIC_links), 1);
	pz_metric_sub(&m, PZ_METRIC_links, 5); /* a book-keeping slip must not show 2^64 links */
	assert_int_equal(pz_metric_get(&m, PZ_METRIC_links), 0);
	pz_metric_set(&m, PZ_METRIC_queued_bytes, 77);
	pz_metric_set(&m, PZ_METRIC_queued_bytes, 7);
	assert_int_equal(pz_metric_get(&m, PZ_METRIC_queued_bytes), 7);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(pz_metric_name(PZ_METRIC_messages_in), "messages_in");
	assert_string_equal(pz_metric_name(PZ_METRIC_crl_days_left), "crl_days_left");
	assert_string_equal(pz_metric_name(PZ_METRIC_COUNT), "unknown");
}

static void
test_text_is_openmetrics(void **state)
{
	struct pz_metrics m = {0};
	PZ_AUTO_FREE char *text = NULL;

	(void)state;
	m.value[PZ_METRIC_spoofed] = 12;
	m.value[PZ_METRIC_links] = UINT64_MAX;
	text = text_of(&m);
	assert_non_null(strstr(text,
			       "# TYPE pzh_spoofed counter\n"
			       "# HELP pzh_spoofed Messages whose sender was not the link's peer.\n"
			       "pzh_spoofed_total 12\n"));
	assert_non_null(strstr(text, "# TYPE pzh_links gauge\n"
				     "# HELP pzh_links Open links.\n"
				     "pzh_links 18446744073709551615\n"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

static void
test_every_metric_is_in_the_text_once(void **state)
{
	struct pz_metrics m = {0};
	PZ_AUTO_FREE char *text = text_of(&m);

	(void)state;
	for (int i = 0; i < PZ_METRIC_COUNT; i++) {
		char line[100];
		const char *at;
		snprintf(line, sizeof(line), "# TYPE pzh_%s ", pz_metric_name((enum pz_metric)i));
		at = strstr(text, line);
		assert_non_null(at);
		assert_null(strstr(at + 1, line));
	}
}

static void
test_text_is_all_or_nothing(void **state)
{
	struct pz_metrics m = {0};
	struct pz_buf out;

	(void)state;
	pz_buf_init(&out, 100, NULL);
	assert_int_equal(pz_metrics_text(&m, "pzh", &out), PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(out.len, 0);
	pz_buf_fini(&out);
}

static void
test_json_has_every_metric(void **state)
{
	struct pz_metrics m = {0};
	json_t *object;

	(void)state;
	m.value[PZ_METRIC_bytes_in] = UINT64_C(1) << 40;
	m.value[PZ_METRIC_bytes_out] = UINT64_MAX;
	object = pz_metrics_json(&m);
	assert_int_equal(json_object_size(object), PZ_METRIC_COUNT);
	assert_int_equal(json_integer_value(json_object_get(object, "bytes_in")), INT64_C(1) << 40);
	assert_int_equal(json_integer_value(json_object_get(object, "bytes_out")), INT64_MAX);
	json_decref(object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_sub_set),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_text_is_openmetrics),
		cmocka_unit_test(test_every_metric_is_in_the_text_once),
		cmocka_unit_test(test_text_is_all_or_nothing),
		cmocka_unit_test(test_json_has_every_metric),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
