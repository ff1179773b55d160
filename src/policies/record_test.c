#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/clock.h"
#include "kit/zone.h"
#include "policies/record.h"

#define DOCUMENT                                                                                   \
	"<policy description=\"Gr\xc3\xbc\xc3\x9f\x65\">\n<rule effect=\"deny\"/></policy>\n"

static struct pz_kit_clock clock_ = PZ_KIT_CLOCK(clock_);
static struct pz_kit_zone zone, other;

static int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	pz_kit_clock_init(&clock_);
	pz_kit_zone_init(&zone, PZ_KIT_ZONE, &clock_.env);
	pz_kit_zone_init(&other, "bob@example.org", &clock_.env);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_zone_fini(&zone);
	pz_kit_zone_fini(&other);
	return 0;
}

static char *
make(const struct pz_kit_zone *signer)
{
	const struct pz_policy_version version = {
		.slot = PZ_POLICY_SLOT_USER,
		.sequence = 7,
		.time_ms = 1800000000000,
		.author = PZ_KIT_ZONE "/phone",
	};
	char *text = NULL;

	assert_ok(pz_policy_record_make(&version, pz_slice_str(DOCUMENT),
					signer ? signer->name : NULL,
					signer ? signer->ca_key : NULL, &text, NULL));
	return text;
}

static enum pz_err
check(const char *text, const struct pz_kit_zone *by)
{
	struct pz_policy_record record;

	PZ_TRY(pz_policy_record_parse(pz_slice_str(text), &record, NULL));
	return pz_policy_record_check(&record, by->name, by->ca, NULL);
}

static void
a_record_is_read_as_it_was_made(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *text = make(&zone);
	struct pz_policy_record record;

	assert_ok(pz_policy_record_parse(pz_slice_str(text), &record, NULL));
	assert_ok(pz_policy_record_check(&record, zone.name, zone.ca, NULL));
	assert_int_equal(record.version.slot, PZ_POLICY_SLOT_USER);
	assert_int_equal(record.version.sequence, 7);
	assert_int_equal(record.version.time_ms, 1800000000000);
	assert_string_equal(record.version.author, PZ_KIT_ZONE "/phone");
	assert_true(pz_slice_eq_str(record.document, DOCUMENT));
}

/* Each byte of version and document is under the signature. */
static void
a_changed_record_is_refused(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *text = make(&zone);
	static const struct {
		const char *find, *replace;
	} changes[] = {
		{"\"sequence\":7", "\"sequence\":8"},
		{"1800000000000", "1800000000001"},
		{"/phone", "/phome"},
		{"\"user\"", "\"exceptions\""},
		{"effect=\"deny\"", "effect=\"DENY\""},
		{"</policy>\n", "</policy> "},
	};

	assert_ok(check(text, &zone));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char changed[4096];
		const char *at = strstr(text, changes[i].find);
		assert_non_null(at);
		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text,
			 changes[i].replace, at + strlen(changes[i].find));
		assert_int_not_equal(check(changed, &zone), PZ_OK);
	}
}

static void
only_the_ca_of_the_zone_signs(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *foreign = make(&other);
	PZ_AUTO_FREE char *unsigned_text = make(NULL);
	struct pz_policy_record record;

	assert_ok(check(foreign, &other));
	assert_int_equal(check(foreign, &zone), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(check(unsigned_text, &zone), PZ_ERR_DENIED_CHAIN);
	assert_ok(pz_policy_record_parse(pz_slice_str(unsigned_text), &record, NULL));
	assert_ok(pz_policy_record_check(&record, NULL, NULL, NULL)); /* a device's own */
}

static void
a_record_of_another_zone_with_the_same_key_is_refused(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *text = make(&zone);
	struct pz_policy_record record;

	assert_ok(pz_policy_record_parse(pz_slice_str(text), &record, NULL));
	assert_int_equal(pz_policy_record_check(&record, "eve@example.org", zone.ca, NULL),
			 PZ_ERR_DENIED_CHAIN);
}

static void
what_is_no_record_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"{}",
		"[]\n",
		"{}\n",
		"nonsense\n<policy/>",
		"{\"slot\":\"root\",\"sequence\":1,\"time\":1,\"author\":\"a\",\"sha256\":\"\","
		"\"sig\":\"\"}\n",
		"{\"slot\":\"user\",\"sequence\":0,\"time\":1,\"author\":\"a\",\"sha256\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"sig\":\"\"}\n",
		"{\"slot\":\"user\",\"sequence\":9007199254740992,\"time\":1,\"author\":\"a\","
		"\"sha256\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"sig\":\"\"}\n",
	};
	struct pz_policy_record record;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pz_err_category(pz_policy_record_parse(pz_slice_str(bad[i]),
									&record, NULL)),
				 PZ_CAT_PROTO);
}

static void
a_document_has_room_in_one_value_and_no_more(void **state)
{
	(void)state;
	const struct pz_policy_version version = {.slot = PZ_POLICY_SLOT_USER, .sequence = 1};
	struct pz_slice document = {NULL, PZ_POLICY_ZONE_BYTES_MAX};
	PZ_AUTO_FREE char *bytes = malloc(document.len + 1);
	PZ_AUTO_FREE char *text = NULL;

	assert_non_null(bytes);
	memset(bytes, ' ', document.len + 1);
	document.ptr = (const uint8_t *)bytes;
	assert_ok(pz_policy_record_make(&version, document, zone.name, zone.ca_key, &text, NULL));
	assert_true(strlen(text) <= PZ_SYNC_VALUE_BYTES_MAX);
	assert_ok(check(text, &zone));
	document.len++;
	char *none = NULL;
	assert_int_equal(
		pz_policy_record_make(&version, document, zone.name, zone.ca_key, &none, NULL),
		PZ_ERR_LIMIT);
	document.len = 10;
	bytes[5] = '\0';
	assert_int_equal(
		pz_policy_record_make(&version, document, zone.name, zone.ca_key, &none, NULL),
		PZ_ERR_CONFIG);
	assert_null(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_read_as_it_was_made),
		cmocka_unit_test(a_changed_record_is_refused),
		cmocka_unit_test(only_the_ca_of_the_zone_signs),
		cmocka_unit_test(a_record_of_another_zone_with_the_same_key_is_refused),
		cmocka_unit_test(what_is_no_record_is_refused),
		cmocka_unit_test(a_document_has_room_in_one_value_and_no_more),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
