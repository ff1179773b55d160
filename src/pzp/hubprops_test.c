/* Messages of a hub: only known members are stored, so that no hub can fill a device
 * (page 14 DOS-1). */
#include "pzp/node_fixture.h"

#include "peers/internal.h"
#include "service/descriptor.h"
#include "uplink/internal.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

#define API "http://example.org/api/lamp"

/* @param message taken */
static void
hub_says(const char *status, json_t *message)
{
	struct pz_envelope envelope;
	struct pz_buf frame;

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_prop(&frame, ZONE, ZONE "/laptop", status, message));
	json_decref(message);
	assert_ok(pz_envelope_scan(pz_frame_body(pz_buf_slice(&frame)), &envelope));
	pz_uplink_on_prop(w.node->uplink, &envelope);
	pz_buf_fini(&frame);
}

static json_t *
heavy(void)
{
	json_t *list = json_array();

	for (int i = 0; i < 1000; i++)
		json_array_append_new(list, json_object());
	return list;
}

static void
an_entry_of_an_update_is_built_anew(void **state)
{
	(void)state;
	start_member();
	hub_says("Update",
		 json_pack("{s:[{s:s, s:o}], s:[{s:s, s:b, s:[s,o], s:i, s:s, s:s, s:o}]}", "PZH",
			   "name", ZONE, "x", heavy(), "PZP", "name", "tv", "connected", 1,
			   "ipaddress", "10.0.0.5", heavy(), "port", 8040, "displayName",
			   "Living room", "session", "start-1", "x", heavy()));
	json_t *entry = json_object_get(pz_uplink_directory(w.node->uplink), "tv");
	json_t *expected = json_pack("{s:b, s:b, s:[s], s:i, s:s, s:s}", "connected", 1,
				     "listening", 0, "ipaddress", "10.0.0.5", "port", 8040,
				     "displayName", "Living room", "session", "start-1");
	assert_true(json_equal(entry, expected));
	json_decref(expected);
}

static void
a_service_that_was_found_is_built_anew(void **state)
{
	char id[PZ_SERVICE_ID_CHARS + 1];

	(void)state;
	start_member();
	assert_ok(pz_descriptor_id(API, "Lamp", "It shines.", id));
	hub_says("foundServices",
		 json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:o}]}", "services", "api", API, "id", id,
			   "displayName", "Lamp", "description", "It shines.", "serviceAddress",
			   ZONE "/tv", "x", heavy()));
	const json_t *kept = json_array_get(json_object_get(w.node->calls->known, "tv"), 0);
	assert_string_equal(pz_json_str(kept, "id"), id);
	assert_null(json_object_get(kept, "x"));
}

/* One that is said to be connected and revoked, or was there before, is not remembered. */
static void
names_of_devices_that_are_out_are_forgotten(void **state)
{
	char name[16];

	(void)state;
	start_member();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		if (i % 2)
			hub_says("Update", json_pack("{s:b, s:[{s:s, s:b}]}", "partial", 1, "PZP",
						     "name", name, "connected", 1));
		hub_says("Update", json_pack("{s:b, s:[{s:s, s:b, s:b}]}", "partial", 1, "PZP",
					     "name", name, "connected", 1, "revoked", 1));
	}
	assert_int_equal(json_object_size(pz_uplink_directory(w.node->uplink)), 0);
	assert_int_equal(json_object_size(w.node->uplink->told), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entry_of_an_update_is_built_anew),
		TEST(a_service_that_was_found_is_built_anew),
		TEST(names_of_devices_that_are_out_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
