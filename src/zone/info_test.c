/* What is stored of the descriptions that devices and hubs send: pages 4 and 6. */
#include "kit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "kit/json.h"
#include "zone/info.h"

static void
expect_list(json_t *given, json_t *list, bool is_good)
{
	assert_int_equal(list != NULL, is_good);
	if (list) {
		assert_true(json_equal(given, list));
		assert_ptr_not_equal(given, list); /* never what came */
	}
	json_decref(given);
	json_decref(list);
}

static void
addresses(void **state)
{
	static const struct {
		const char *given, *kept; /* NULL: refused */
	} table[] = {
		{"[]", "[]"},
		{"['10.0.0.1','fe80::1%wlan0','fe80::5%br-12_a.7']",
		 "['10.0.0.1','fe80::1%wlan0','fe80::5%br-12_a.7']"},
		{"{}", NULL},
		{"'10.0.0.1'", NULL},
		{"null", NULL},
		{"[7]", "[]"},
		{"['']", "[]"},
		{"['10.0.0.1\\u0000','10.0.0.1 "
		 "x','10.0.0.2','\\u001b[31m','http://x/','dead','::1']",
		 "['10.0.0.2','::1']"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *given = pz_kit_json(table[i].given);
		json_t *kept = table[i].kept ? pz_kit_json(table[i].kept) : NULL;
		json_t *list = pz_info_addresses(given);
		assert_int_equal(list != NULL, kept != NULL);
		assert_true(kept == NULL || json_equal(list, kept));
		json_decref(given);
		json_decref(kept);
		json_decref(list);
	}
	assert_null(pz_info_addresses(NULL));
	/* Too many: the first ones, which are the best, are better than nothing. */
	json_t *given = pz_kit_json_texts(PZ_INFO_ADDRESSES_MAX + 9, "10.0.0.1");
	json_t *list = pz_info_addresses(given);
	assert_int_equal(json_array_size(list), PZ_INFO_ADDRESSES_MAX);
	json_decref(given);
	json_decref(list);
}

static void
devices(void **state)
{
	json_t *given = pz_kit_json("['tv','laptop']");

	(void)state;
	expect_list(given, pz_info_devices(given, 2), true);
	given = pz_kit_json("['tv','laptop']");
	expect_list(given, pz_info_devices(given, 1), false);
	given = pz_kit_json("['no device']");
	expect_list(given, pz_info_devices(given, 9), false);
	given = pz_kit_json("{}");
	expect_list(given, pz_info_devices(given, 9), false);
	json_t *none = pz_info_devices(NULL, 9);
	assert_int_equal(json_array_size(none), 0);
	assert_non_null(none);
	json_decref(none);
}

static void
an_entry_has_what_we_know(void **state)
{
	static const struct {
		const char *given, *kept;
	} table[] = {
		{"{}", "{'connected':false,'listening':false,'ipaddress':[],'port':0}"},
		{"7", "{'connected':false,'listening':false,'ipaddress':[],'port':0}"},
		{"{'connected':true,'listening':true,'ipaddress':['10.0.0.1'],'port':8040,"
		 "'displayName':'Living room','deviceType':'tv','session':'a-1',"
		 "'lastSeen':5,'x':[1,2,3]}",
		 "{'connected':true,'listening':true,'ipaddress':['10.0.0.1'],'port':8040,"
		 "'displayName':'Living room','deviceType':'tv','session':'a-1',"
		 "'lastSeen':5}"},
		{"{'connected':1,'listening':'yes','ipaddress':['10.0.0.1',7,'a b','10.0.0.2'],"
		 "'port':65536,'displayName':'a\\nb','deviceType':[],'session':'a b',"
		 "'lastSeen':-5}",
		 "{'connected':false,'listening':false,'ipaddress':['10.0.0.1','10.0.0.2'],"
		 "'port':0}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *given = pz_kit_json(table[i].given), *kept = pz_kit_json(table[i].kept);
		json_t *entry = pz_info_entry(given);
		assert_true(json_equal(entry, kept));
		json_decref(given);
		json_decref(kept);
		json_decref(entry);
	}
	json_t *given = json_pack("{s:o}", "ipaddress", pz_kit_json_texts(1000, "10.0.0.1"));
	json_t *entry = pz_info_entry(given);
	assert_int_equal(json_array_size(json_object_get(entry, "ipaddress")),
			 PZ_INFO_ADDRESSES_MAX);
	json_decref(given);
	json_decref(entry);
}

static void
names_of_starts(void **state)
{
	char longest[PZ_INSTANCE_BYTES_MAX + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[PZ_INSTANCE_BYTES_MAX + 1] = '\0';
	assert_false(pz_info_is_instance(longest));
	assert_true(pz_info_is_instance(longest + 1));
	assert_true(pz_info_is_instance(""));
	assert_true(pz_info_is_instance("aZ09+/=._:-"));
	assert_false(pz_info_is_instance("a b"));
	assert_false(pz_info_is_instance("a\"b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(devices),
		cmocka_unit_test(an_entry_has_what_we_know),
		cmocka_unit_test(names_of_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
