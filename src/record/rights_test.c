/* Rights of devices as text and as an item. @spec page 9, 10.2; page 14 AC-10 */
#include "kit/test.h"

#include "record/rights.h"

#define ZONE "alice@example.org"

static void
a_set_is_its_text(void **state)
{
	char text[PZ_RIGHTS_TEXT_CHARS];

	(void)state;
	for (unsigned set = 0; set <= PZ_RIGHTS_ALL; set++)
		assert_int_equal(pz_rights_parse(pz_slice_str(pz_rights_text(set, text))), set);
	assert_string_equal(pz_rights_text(PZ_RIGHTS_ALL, text), "answer policy admin");
	assert_string_equal(pz_rights_text(0, text), "");
	json_t *list = pz_rights_json(PZ_RIGHT_POLICY);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_array_get(list, 0)), "policy");
	json_decref(list);
}

static void
only_whole_names_are_rights(void **state)
{
	static const struct {
		const char *text;
		unsigned set;
	} rows[] = {
		{"policy  answer", PZ_RIGHT_POLICY | PZ_RIGHT_ANSWER},
		{" admin ", PZ_RIGHT_ADMIN},
		{"fly policy", PZ_RIGHT_POLICY}, /* of a later version */
		{"policys polic Policy", 0},
		{"all", 0},
		{"policy,admin", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(pz_rights_parse(pz_slice_str(rows[i].text)), rows[i].set);
	assert_int_equal(pz_right_find("admin"), PZ_RIGHT_ADMIN);
	assert_int_equal(pz_right_find("admin policy"), 0);
	assert_int_equal(pz_right_find(""), 0);
}

static struct pz_sync_chunk *
make(const char *key, const char *value)
{
	struct pz_sync_parts parts = {key, ZONE, pz_slice_str(value), 1, value == NULL};
	struct pz_sync_chunk *chunk = NULL;

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	return chunk;
}

static void
a_device_of_which_nothing_is_written_has_all(void **state)
{
	struct pz_sync_item *item = pz_sync_item_new(pz_sync_kind(PZ_SYNC_RIGHTS));

	(void)state;
	assert_int_equal(pz_rights_of(NULL, "tv"), PZ_RIGHTS_ALL);
	assert_int_equal(pz_rights_of(item, "tv"), PZ_RIGHTS_ALL);
	assert_ok(pz_sync_item_put(item, make("tv", "answer"), NULL));
	assert_ok(pz_sync_item_put(item, make("car", ""), NULL));
	assert_int_equal(pz_rights_of(item, "tv"), PZ_RIGHT_ANSWER);
	assert_int_equal(pz_rights_of(item, "car"), 0);
	assert_int_equal(pz_rights_of(item, "phone"), PZ_RIGHTS_ALL);
	assert_ok(pz_sync_item_put(item, make("tv", NULL), NULL));
	assert_int_equal(pz_rights_of(item, "tv"), PZ_RIGHTS_ALL);
	pz_sync_item_free(item);
}

static void
a_key_is_the_name_of_a_device(void **state)
{
	struct pz_sync_chunk *good = make("tv", "answer"), *bad = make("tv/app", "answer");

	(void)state;
	assert_ok(pz_rights_check(good, NULL));
	assert_int_equal(pz_rights_check(bad, NULL), PZ_ERR_PROTO);
	pz_sync_chunk_free(good);
	pz_sync_chunk_free(bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_its_text),
		cmocka_unit_test(only_whole_names_are_rights),
		cmocka_unit_test(a_device_of_which_nothing_is_written_has_all),
		cmocka_unit_test(a_key_is_the_name_of_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
