#include "service/fixture.h"

static struct pz_service *
make(const char *api, const char *description)
{
	struct pz_service *service = NULL;
	assert_ok(pz_service_new(api, "Name", description, NULL, 0, &service, NULL));
	return service;
}

struct seen {
	int added, removed, address;
	char id[PZ_SERVICE_ID_CHARS + 1];
	struct pz_registry *r;
	size_t count_then;
};

static void
on_change(void *arg, enum pz_registry_event event, struct pz_service *service)
{
	struct seen *seen = arg;
	seen->added += event == PZ_REGISTRY_ADDED;
	seen->removed += event == PZ_REGISTRY_REMOVED;
	seen->address += event == PZ_REGISTRY_ADDRESS;
	seen->count_then = pz_registry_count(seen->r);
	if (service)
		memcpy(seen->id, service->descriptor.id, sizeof(seen->id));
}

static void
a_service_is_found_by_api_and_id(void **state)
{
	struct pz_registry *r = pz_registry_new();
	struct pz_service *one = make("a", "one"), *two = make("a", "two"),
			  *again = make("a", "one");
	(void)state;
	assert_ok(pz_registry_add(r, one, NULL));
	assert_ok(pz_registry_add(r, two, NULL));
	assert_int_equal(pz_registry_add(r, again, NULL), PZ_ERR_EXISTS);
	assert_ptr_equal(pz_registry_lookup(r, "a", one->descriptor.id), one);
	assert_ptr_equal(pz_registry_lookup(r, "a", two->descriptor.id), two);
	assert_null(pz_registry_lookup(r, "b", one->descriptor.id));
	assert_int_equal(pz_registry_remove(r, "b", one->descriptor.id), PZ_ERR_NOTFOUND);
	assert_ok(pz_registry_remove(r, "a", again->descriptor.id));
	assert_int_equal(pz_registry_count(r), 1);
	assert_ok(pz_registry_add(r, again, NULL)); /* free again */
	pz_registry_free(r);
}

static void
the_number_of_services_is_limited(void **state)
{
	struct pz_registry *r = pz_registry_new();
	char text[16];
	(void)state;
	for (int i = 0; i < PZ_SERVICES_PER_DEVICE_MAX; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		assert_ok(pz_registry_add(r, make("a", text), NULL));
	}
	struct pz_service *over = make("a", "over");
	assert_int_equal(pz_registry_add(r, over, NULL), PZ_ERR_LIMIT);
	pz_service_free(over);
	pz_registry_free(r);
}

static void
lists_filter_by_pattern(void **state)
{
	struct pz_registry *r = pz_registry_new();
	(void)state;
	assert_ok(pz_registry_add(r, make("http://x/a", "1"), NULL));
	assert_ok(pz_registry_add(r, make("http://x/b", "2"), NULL));
	json_t *all = pz_registry_list(r, NULL), *some = pz_registry_list(r, "*/b");
	assert_int_equal(json_array_size(all), 2);
	assert_int_equal(json_array_size(some), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(some, 0), "description")), "2");
	json_decref(all);
	json_decref(some);
	pz_registry_free(r);
}

/* The id stays, the address follows the enrolment. */
static void
the_address_changes_with_enrolment(void **state)
{
	struct pz_registry *r = pz_registry_new();
	struct pz_service *one = make("a", "one"), *two = make("a", "two");
	struct seen seen = {.r = r};
	struct pz_registry_watch watch = {.changed = on_change, .arg = &seen};
	(void)state;
	pz_registry_watch(r, &watch);
	assert_null(pz_registry_address(r));
	assert_ok(pz_registry_add(r, one, NULL));
	assert_null(one->descriptor.address);
	assert_ok(pz_registry_set_address(r, "tv"));
	assert_string_equal(one->descriptor.address, "tv");
	assert_ok(pz_registry_set_address(r, "tv"));
	assert_int_equal(seen.address, 1);
	assert_ok(pz_registry_add(r, two, NULL));
	assert_ok(pz_registry_set_address(r, "a@b.c/tv"));
	assert_string_equal(one->descriptor.address, "a@b.c/tv");
	assert_string_equal(two->descriptor.address, "a@b.c/tv");
	assert_string_equal(pz_registry_address(r), "a@b.c/tv");
	assert_int_equal(pz_registry_set_address(r, "a@b.c/tv/00:1"), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(pz_registry_set_address(r, ""), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(seen.address, 2);
	pz_registry_free(r);
}

static void
watchers_see_every_change(void **state)
{
	struct pz_registry *r = pz_registry_new();
	struct pz_service *one = make("a", "one");
	struct seen seen = {.r = r};
	struct pz_registry_watch watch = {.changed = on_change, .arg = &seen};
	(void)state;
	pz_registry_watch(r, &watch);
	assert_ok(pz_registry_add(r, one, NULL));
	assert_int_equal(seen.added, 1);
	assert_int_equal(seen.count_then, 1);
	assert_ok(pz_registry_remove(r, "a", seen.id));
	assert_int_equal(seen.removed, 1);
	assert_int_equal(seen.count_then, 0); /* out of the list already */
	assert_ok(pz_registry_add(r, make("a", "two"), NULL));
	pz_registry_unwatch(&watch);
	pz_registry_unwatch(&watch);
	pz_registry_free(r);
	assert_int_equal(seen.removed, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_is_found_by_api_and_id),
		cmocka_unit_test(the_number_of_services_is_limited),
		cmocka_unit_test(lists_filter_by_pattern),
		cmocka_unit_test(the_address_changes_with_enrolment),
		cmocka_unit_test(watchers_see_every_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
