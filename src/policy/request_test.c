/* Requests: the two JSON forms, their bounds, and what an enforcement point always sets. */
#include "policy/request.h"

#include "policy/fixture.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

static const struct pz_policy_bag *
bag_of(const struct pz_policy_request *request, enum pz_policy_category category, const char *name)
{
	struct pz_policy_attribute attr = pz_policy_attribute_parse(category, pz_slice_str(name));

	return pz_policy_request_bag(request, &attr);
}

static void
expect(const struct pz_policy_request *request, enum pz_policy_category category, const char *name,
       const char *value)
{
	const struct pz_policy_bag *bag = bag_of(request, category, name);

	if (bag->is_undetermined || bag->count != 1 || !pz_slice_eq_str(bag->values[0], value))
		fail_msg("%s is not %s", name, value);
}

static void
reads_the_form_by_objects(void **state)
{
	struct pz_policy_request *r = request_of(
		"{\"subjectInfo\":{\"userId\":\"alice@h\",\"userKeyRootFingerprint\":\"AA\"},"
		"\"deviceInfo\":{\"requestorId\":\"phone\",\"targetId\":\"tv\","
		"\"webinosEnabled\":true},"
		"\"widgetInfo\":{\"id\":\"a1b2\",\"class\":\"b-a\",\"authorKeyCn\":[\"x\",\"y\"],"
		"\"widget-attr:k\":\"v\"},"
		"\"resourceInfo\":{\"apiFeature\":\"f\",\"serviceId\":\"s\",\"paramFeature\":\"p\","
		"\"param:a\":\"1\"},"
		"\"environmentInfo\":{\"profile\":\"Work\",\"timemin\":600,\"days-of-week\":2,"
		"\"roaming\":null},"
		"\"context\":{\"owner\":\"alice@h\",\"now\":\"2012-12-10T14:00:00+01:00\"},"
		"\"purpose\":[true,false],\"obligations\":[]}");

	(void)state;
	expect(r, PZ_POLICY_SUBJECT, "user-id", "alice@h");
	expect(r, PZ_POLICY_SUBJECT, "user-key-root-fingerprint", "AA");
	expect(r, PZ_POLICY_SUBJECT, "requestor-id", "phone");
	expect(r, PZ_POLICY_SUBJECT, "target-id", "tv");
	expect(r, PZ_POLICY_SUBJECT, "webinos-enabled", "true");
	expect(r, PZ_POLICY_SUBJECT, "id", "a1b2");
	expect(r, PZ_POLICY_SUBJECT, "class", "b-a");
	assert_int_equal(bag_of(r, PZ_POLICY_SUBJECT, "author-key-cn")->count, 2);
	expect(r, PZ_POLICY_SUBJECT, "widget-attr:k", "v");
	expect(r, PZ_POLICY_RESOURCE, "api-feature", "f");
	expect(r, PZ_POLICY_RESOURCE, "service-id", "s");
	expect(r, PZ_POLICY_RESOURCE, "param:feature", "p");
	expect(r, PZ_POLICY_RESOURCE, "param:a", "1");
	expect(r, PZ_POLICY_ENVIRONMENT, "timemin", "600");
	expect(r, PZ_POLICY_ENVIRONMENT, "daysOfWeek", "2");
	assert_true(bag_of(r, PZ_POLICY_ENVIRONMENT, "roaming")->is_undetermined);
	assert_true(bag_of(r, PZ_POLICY_ENVIRONMENT, "bearer-type")->is_undetermined);
	assert_false(bag_of(r, PZ_POLICY_SUBJECT, "version")->is_undetermined);
	assert_true(pz_slice_eq_str(r->identities.owner, "alice@h"));
	assert_true(r->is_purpose_invalid);
	assert_int_equal(r->now_ms, INT64_C(1355144400000));
	pz_policy_request_free(r);
}

static void
reads_the_plain_form(void **state)
{
	struct pz_policy_request *r = request_of(
		"{\"subject\":{\"user-id\":[\"a\"],\"anything\":[\"b\"]},\"resource\":{},"
		"\"environment\":{\"days-of-month\":[]}}");

	(void)state;
	expect(r, PZ_POLICY_SUBJECT, "user-id", "a");
	expect(r, PZ_POLICY_SUBJECT, "anything", "b");
	assert_false(pz_policy_request_has_resource(r));
	assert_false(bag_of(r, PZ_POLICY_ENVIRONMENT, "daysOfMonth")->is_undetermined);
	assert_int_equal(r->now_ms, TEST_NOW_MS);
	assert_false(r->is_purpose_invalid);
	pz_policy_request_free(r);
}

static void
wrong_requests_are_refused_with_the_member(void **state)
{
	static const struct {
		const char *json, *reason;
		enum pz_err err;
	} cases[] = {
		{"[]", "", PZ_ERR_PROTO_JSON},
		{"{", "", PZ_ERR_PROTO_JSON},
		{"{\"subjekt\":{}}", "subjekt", PZ_ERR_PROTO_MEMBER},
		{"{\"subject\":[]}", "subject: must be an object", PZ_ERR_PROTO_MEMBER},
		{"{\"subject\":{\"user-id\":{}}}", "user-id", PZ_ERR_PROTO_MEMBER},
		{"{\"subject\":{\"user-id\":[1.5]}}", "user-id", PZ_ERR_PROTO_MEMBER},
		{"{\"subject\":{\"user-id\":[null]}}", "user-id", PZ_ERR_PROTO_MEMBER},
		{"{\"subjectInfo\":{\"user\":\"a\"}}", "subjectInfo.user", PZ_ERR_PROTO_MEMBER},
		{"{\"subjectInfo\":{\"apiFeature\":\"a\"}}", "apiFeature", PZ_ERR_PROTO_MEMBER},
		{"{\"resourceInfo\":1}", "resourceInfo", PZ_ERR_PROTO_MEMBER},
		{"{\"subjectInfo\":{\"userId\":\"a\"},\"subject\":{\"user-id\":\"a\"}}", "twice",
		 PZ_ERR_EXISTS},
		{"{\"environment\":{\"days-of-week\":1,\"daysOfWeek\":1}}", "twice", PZ_ERR_EXISTS},
		{"{\"context\":[]}", "context", PZ_ERR_PROTO_MEMBER},
		{"{\"context\":{\"owner\":1}}", "context.owner", PZ_ERR_PROTO_MEMBER},
		{"{\"context\":{\"known\":\"a\"}}", "context.known", PZ_ERR_PROTO_MEMBER},
		{"{\"context\":{\"known\":[1]}}", "context.known", PZ_ERR_PROTO_MEMBER},
		{"{\"context\":{\"friends\":[]}}", "context.friends", PZ_ERR_PROTO_MEMBER},
		{"{\"context\":{\"now\":\"noon\"}}", "context.now", PZ_ERR_PROTO_MEMBER},
		{"{\"obligations\":{}}", "obligations", PZ_ERR_PROTO_MEMBER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pz_policy_request *r = NULL;
		struct pz_errinfo info = {""};
		enum pz_err err =
			pz_policy_request_parse(pz_slice_str(cases[i].json), 0, &r, &info);

		if (err != cases[i].err || strstr(info.text, cases[i].reason) == NULL)
			fail_msg("%s: %s: %s", cases[i].json, pz_err_name(err), info.text);
		assert_null(r);
	}
}

/* ---- bounds ---- */

static struct pz_slice
many(char *memory, size_t len)
{
	memset(memory, 'x', len);
	return pz_slice_of(memory, len);
}

static void
bounds_of_values_are_held(void **state)
{
	static char memory[PZ_POLICY_VALUE_BYTES_MAX + 1];
	struct pz_policy_request *r = pz_policy_request_new();
	struct pz_slice values[PZ_POLICY_VALUES_MAX + 1];
	struct pz_slice name = pz_slice_str("user-id");

	(void)state;
	values[0] = many(memory, sizeof(memory));
	assert_int_equal(pz_policy_request_set(r, PZ_POLICY_SUBJECT, name, values, 1, NULL),
			 PZ_ERR_LIMIT);
	assert_int_equal(pz_policy_request_set(r, PZ_POLICY_SUBJECT, values[0], NULL, 0, NULL),
			 PZ_ERR_LIMIT);
	for (size_t i = 0; i <= PZ_POLICY_VALUES_MAX; i++)
		values[i] = many(memory, 1);
	assert_int_equal(pz_policy_request_set(r, PZ_POLICY_SUBJECT, name, values,
					       PZ_POLICY_VALUES_MAX + 1, NULL),
			 PZ_ERR_LIMIT);
	assert_int_equal(pz_policy_request_set(r, PZ_POLICY_SUBJECT, name, values,
					       PZ_POLICY_VALUES_MAX, NULL),
			 PZ_OK);
	for (size_t i = 0; i <= PZ_POLICY_VALUES_MAX; i++)
		values[i] = many(memory, PZ_POLICY_VALUE_BYTES_MAX);
	assert_int_equal(pz_policy_request_set(
				 r, PZ_POLICY_SUBJECT, pz_slice_str("id"), values,
				 PZ_POLICY_REQUEST_BYTES_MAX / PZ_POLICY_VALUE_BYTES_MAX, NULL),
			 PZ_ERR_LIMIT);
	assert_int_equal(
		pz_policy_request_set(r, PZ_POLICY_SUBJECT, pz_slice_str("id"), values, 1, NULL),
		PZ_OK);
	pz_policy_request_free(r);
}

static void
bounds_of_numbers_are_held(void **state)
{
	struct pz_policy_request *r = NULL;
	struct pz_buf buf;
	char name[16];

	(void)state;
	struct pz_policy_request *many_names = pz_policy_request_new();
	for (int i = 0; i < PZ_POLICY_REQUEST_ATTRIBUTES_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(pz_policy_request_set(many_names, PZ_POLICY_SUBJECT,
						       pz_slice_str(name), NULL, 0, NULL),
				 PZ_OK);
	}
	assert_int_equal(pz_policy_request_set(many_names, PZ_POLICY_SUBJECT, pz_slice_str("one"),
					       NULL, 0, NULL),
			 PZ_ERR_LIMIT);
	pz_policy_request_free(many_names);
	pz_buf_init(&buf, 1U << 20, NULL);
	assert_int_equal(pz_buf_append_str(&buf, "{\"obligations\":[0"), PZ_OK);
	for (int i = 0; i < PZ_POLICY_OBLIGATIONS_MAX; i++)
		assert_int_equal(pz_buf_append_str(&buf, ",0"), PZ_OK);
	assert_int_equal(pz_buf_append_str(&buf, "]}"), PZ_OK);
	assert_int_equal(pz_policy_request_parse(pz_buf_slice(&buf), 0, &r, NULL), PZ_ERR_LIMIT);
	pz_buf_fini(&buf);
}

static void
what_is_always_known_is_set_where_it_is_not_given(void **state)
{
	struct tm local = {.tm_hour = 13, .tm_min = 5, .tm_wday = 3, .tm_mday = 15};
	struct pz_policy_request *r = request_of("{\"environment\":{\"profile\":null},"
						 "\"resource\":{\"api-feature\":\"f\"}}");

	(void)state;
	assert_int_equal(pz_policy_request_complete(r, &local), PZ_OK);
	expect(r, PZ_POLICY_ENVIRONMENT, "timemin", "785");
	expect(r, PZ_POLICY_ENVIRONMENT, "days-of-week", "8");
	expect(r, PZ_POLICY_ENVIRONMENT, "days-of-month", "16384");
	expect(r, PZ_POLICY_RESOURCE, "api-feature", "f");
	assert_true(bag_of(r, PZ_POLICY_ENVIRONMENT, "profile")->is_undetermined);
	assert_false(bag_of(r, PZ_POLICY_RESOURCE, "service-id")->is_undetermined);
	assert_int_equal(bag_of(r, PZ_POLICY_RESOURCE, "service-id")->count, 0);
	assert_true(bag_of(r, PZ_POLICY_RESOURCE, "param:x")->is_undetermined);
	pz_policy_request_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_form_by_objects),
		cmocka_unit_test(reads_the_plain_form),
		cmocka_unit_test(wrong_requests_are_refused_with_the_member),
		cmocka_unit_test(bounds_of_values_are_held),
		cmocka_unit_test(bounds_of_numbers_are_held),
		cmocka_unit_test(what_is_always_known_is_set_where_it_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
