/* A zone leaves one hub and arrives at another, by the commands of `pzh export` and `pzh import`;
 * and devices receive its new address. */
#include "archive/archive.h"
#include "base/codec.h"
#include "pzh/fake_file.h"
#include "pzh/fixture_devices.h"

static uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];

static json_t *
base64(const void *bytes, size_t len)
{
	char *text = pz_base64_encode(pz_slice_of(bytes, len));
	json_t *string = json_string(text);

	free(text);
	assert_non_null(string);
	return string;
}

static json_t *
export_params(void)
{
	pz_archive_head_make(&w.world.clock.env, head);
	memset(key, 7, sizeof(key));
	return json_pack("{s:o, s:o}", "head", base64(head, sizeof(head)), "key",
			 base64(key, sizeof(key)));
}

/* A file for the next command. */
static struct fake_file *
file_of(struct pz_buf *bytes, size_t part)
{
	struct fake_file *f = fake_file_new(&w.world.clock.env, bytes, part);

	w.file = &f->base;
	return f;
}

/* The whole archive; the caller wipes it. */
static struct pz_buf
exported(void)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	file_of(&out, 0);
	const struct pz_kit_answer *a = ask("export", export_params());
	assert_ok(a->err);
	assert_string_equal(pz_json_str(a->result, "zone"), ZONE);
	assert_int_equal(json_integer_value(json_object_get(a->result, "bytes")), out.len);
	assert_int_equal(fake_files_open, 0);
	return out;
}

/* The hub's machine is lost; a new one takes over. */
static void
other_machine(void)
{
	pz_hub_stop(w.hub);
	pz_turn_end(&w.turn);
	run(PZ_US_PER_S);
	pz_hub_free(w.hub);
	pz_kit_world_replace(&w.world);
	start_hub();
}

static json_t *
import_params(void)
{
	return json_pack("{s:o, s:s}", "key", base64(key, sizeof(key)), "host", "new.example.org");
}

static const struct pz_kit_answer *
imported_in_parts(struct pz_buf *archive, size_t part)
{
	file_of(archive, part);
	const struct pz_kit_answer *a = ask("import", import_params());
	assert_int_equal(fake_files_open, 0);
	return a;
}

static const struct pz_kit_answer *
imported(struct pz_buf *archive)
{
	return imported_in_parts(archive, 1000);
}

/* The same bytes in a buffer of their own. */
static struct pz_buf
copy_of(struct pz_slice bytes)
{
	struct pz_buf copy;

	pz_buf_init(&copy, PZ_ARCHIVE_BYTES_MAX, NULL);
	assert_ok(pz_buf_append(&copy, bytes));
	return copy;
}

static size_t
zone_count(void)
{
	return json_array_size(ask("zones", json_object())->result);
}

/* ---- there and back again ---- */

static void
a_zone_arrives(void **state)
{
	(void)state;
	make_zone(ZONE);
	make_zone("bob@example.org");
	add_member(ZONE, "tv", true);
	assert_ok(ask("devices", json_pack("{s:s}", "zone", ZONE))->err);
	struct pz_buf none;
	pz_buf_init(&none, 1, NULL);
	file_of(&none, 0);
	assert_int_equal(ask("export", export_params())->err, PZ_ERR_CONFIG); /* which? */
	other_machine();
	make_zone(ZONE);
	pz_hosted_save_member(zone_of(ZONE), add_member(ZONE, "tv", true));
	add_member(ZONE, "phone", true);
	assert_ok(ask("revoke", json_pack("{s:s}", "device", "phone"))->err);
	uint64_t crl = pz_crl_number(zone_of(ZONE)->authority->crl);
	struct pz_buf archive = exported();
	other_machine();
	const struct pz_kit_answer *a = imported(&archive);
	assert_ok(a->err);
	assert_string_equal(pz_json_str(a->result, "host"), "new.example.org");
	assert_int_equal(json_integer_value(json_object_get(a->result, "port")), PORT);
	assert_int_equal(json_integer_value(json_object_get(a->result, "devices")), 1);
	assert_ok(ask("token", json_pack("{s:s}", "device", "phone"))->err);
	assert_int_equal(ask("token", json_pack("{s:s}", "device", "tv"))->err, PZ_ERR_EXISTS);
	/* And is there after a restart, too. */
	restart_hub();
	assert_int_equal(zone_count(), 1);
	assert_true(pz_crl_number(zone_of(ZONE)->authority->crl) > crl + 1000);
	assert_true(pz_authority_member(zone_of(ZONE)->authority, "phone")->revoked);
	assert_int_equal(imported(&archive)->err, PZ_ERR_EXISTS);
	pz_buf_wipe(&archive);
}

/* Longer than a line of the control socket could be. */
static void
a_long_archive_arrives(void **state)
{
	enum { VALUES = 5, BYTES = 700000 };
	char *value = malloc(BYTES + 1), name[32];

	(void)state;
	assert_non_null(value);
	memset(value, 'x', BYTES);
	value[0] = value[BYTES - 1] = '"';
	value[BYTES] = '\0';
	make_zone(ZONE);
	for (int i = 0; i < VALUES; i++) {
		snprintf(name, sizeof(name), "app %d", i);
		assert_ok(pz_shared_write(zone_of(ZONE)->shared, PZ_SYNC_APP_DATA, name, value,
					  NULL, NULL, NULL));
	}
	run(PZ_US_PER_S);
	struct pz_buf archive = exported();
	assert_true(archive.len > PZ_CTL_LINE_BYTES_MAX);
	other_machine();
	assert_ok(imported_in_parts(&archive, PZ_FILE_PART_BYTES)->err);
	assert_string_equal(pz_shared_value(zone_of(ZONE)->shared, PZ_SYNC_APP_DATA, "app 4"),
			    value);
	free(value);
	pz_buf_wipe(&archive);
}

/* Runs until the zone of an import is on its way to the disk. */
static void
run_to_the_commit(void)
{
	while (pz_map_len(w.hub->making) == 0)
		run(PZ_US_PER_MS);
}

static void
a_crash_leaves_nothing_or_the_zone(void **state)
{
	struct pz_kit_answer a;
	char uri[PZ_KEY_URI_MAX];
	struct pz_key *found = NULL;

	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	file_of(&archive, 100);
	begin(&a, "import", import_params());
	run(3 * FAKE_FILE_US);
	restart_hub(); /* killed while it reads */
	assert_int_equal(a.ends, 0);
	assert_int_equal(fake_files_open, 0);
	assert_int_equal(zone_count(), 0);
	file_of(&archive, 100);
	begin(&a, "import", import_params());
	run_to_the_commit();
	assert_int_equal(a.ends, 0); /* the keys are written, the rest is on its way */
	snprintf(uri, sizeof(uri), "mem:1");
	assert_ok(pz_keystore_load(w.world.keys, uri, &found, NULL));
	pz_key_free(found);
	restart_hub(); /* killed */
	assert_int_equal(zone_count(), 0);
	assert_int_equal(pz_keystore_load(w.world.keys, "mem:1", &found, NULL), PZ_ERR_NOTFOUND);
	assert_int_equal(pz_keystore_load(w.world.keys, "mem:2", &found, NULL), PZ_ERR_NOTFOUND);
	assert_ok(imported(&archive)->err);
	restart_hub();
	assert_int_equal(zone_count(), 1);
	pz_buf_wipe(&archive);
}

static struct pz_request *
request_under_way(void)
{
	return PZ_CONTAINER(pz_list_first(&w.hub->requests.all), struct pz_request, all);
}

/* Its caller hangs up: while it reads that ends it, while it is stored it continues. */
static void
an_import_without_its_caller(void **state)
{
	struct pz_kit_answer a;

	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	file_of(&archive, 100);
	begin(&a, "import", import_params());
	run(3 * FAKE_FILE_US);
	pz_request_cancel(request_under_way());
	run(60 * PZ_US_PER_S);
	assert_int_equal(fake_files_open, 0);
	assert_int_equal(zone_count(), 0);
	file_of(&archive, 100);
	begin(&a, "import", import_params());
	run_to_the_commit();
	pz_request_cancel(request_under_way());
	run(PZ_US_PER_S);
	assert_int_equal(zone_count(), 1);
	assert_int_equal(a.ends, 0);
	assert_int_equal(fake_files_open, 0);
	pz_buf_wipe(&archive);
}

static void
an_export_without_its_caller(void **state)
{
	struct pz_buf out;
	struct pz_kit_answer a;

	(void)state;
	make_zone(ZONE);
	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	file_of(&out, 0);
	begin(&a, "export", export_params()); /* is written */
	pz_request_cancel(request_under_way());
	run(PZ_US_PER_S);
	assert_int_equal(out.len, 0);
	assert_int_equal(fake_files_open, 0);
	/* One that waits for its turn is not written either. */
	struct pz_kit_answer revoked;
	add_member(ZONE, "tv", true);
	begin(&revoked, "revoke", json_pack("{s:s}", "device", "tv"));
	file_of(&out, 0);
	begin(&a, "export", export_params());
	pz_request_cancel(PZ_CONTAINER(w.hub->requests.all.prev, struct pz_request, all));
	run(PZ_US_PER_S);
	assert_ok(revoked.err);
	json_decref(revoked.result);
	assert_int_equal(out.len, 0);
	assert_int_equal(fake_files_open, 0);
	assert_int_equal(a.ends, 0);
	pz_buf_wipe(&out);
}

static void
a_full_disk_keeps_the_zone_out(void **state)
{
	struct pz_key *found = NULL;

	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	pz_memory_disk_fail_after(w.world.disk, 0);
	assert_int_equal(imported(&archive)->err, PZ_ERR_IO_FULL);
	assert_int_equal(zone_count(), 0);
	run(1200 * PZ_US_PER_S); /* housekeeping */
	assert_int_equal(pz_keystore_load(w.world.keys, "mem:1", &found, NULL), PZ_ERR_NOTFOUND);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	assert_ok(imported(&archive)->err);
	pz_buf_wipe(&archive);
}

static void
a_file_that_fails_is_named(void **state)
{
	struct pz_buf archive;

	(void)state;
	make_zone(ZONE);
	pz_buf_init(&archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	file_of(&archive, 0)->fails = true;
	const struct pz_kit_answer *a = ask("export", export_params());
	assert_int_equal(a->err, PZ_ERR_IO_FULL);
	assert_string_equal(a->detail, "the archive cannot be written: no space left on device");
	file_of(&archive, 0)->fails = true;
	a = ask("import", import_params());
	assert_int_equal(a->err, PZ_ERR_IO_FULL);
	assert_non_null(strstr(a->detail, "the archive cannot be read"));
	assert_int_equal(fake_files_open, 0);
}

/* Two at once: the second must not take the first one's place while that is being stored. */
static void
a_zone_arrives_once(void **state)
{
	struct pz_kit_answer first, second;

	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	file_of(&archive, 500);
	begin(&first, "import", import_params());
	file_of(&archive, 500);
	begin(&second, "import", import_params());
	run_to_the_commit();
	run(5 * PZ_US_PER_S);
	assert_ok(first.err);
	assert_int_equal(second.err, PZ_ERR_EXISTS);
	json_decref(first.result);
	pz_buf_wipe(&archive);
}

static void
a_bad_archive_is_refused(void **state)
{
	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	struct pz_buf bad =
		copy_of(pz_slice_str("something that is as long as a head is, but no archive"));
	assert_int_equal(imported_in_parts(&bad, 5)->err, PZ_ERR_PROTO);
	pz_buf_wipe(&bad);
	key[0]++;
	assert_int_equal(imported_in_parts(&archive, 64)->err, PZ_ERR_CRYPTO);
	key[0]--;
	bad = copy_of(pz_slice_of(pz_buf_slice(&archive).ptr, archive.len - 1));
	assert_int_equal(imported(&bad)->err, PZ_ERR_PROTO);
	pz_buf_wipe(&bad);
	pz_buf_init(&bad, 1, NULL);
	assert_int_equal(imported(&bad)->err, PZ_ERR_PROTO); /* empty */
	assert_int_equal(zone_count(), 0);
	pz_buf_wipe(&archive);
}

static void
nonsense_is_refused(void **state)
{
	struct pz_buf bytes;
	json_t *params = export_params();

	(void)state;
	make_zone(ZONE);
	pz_buf_init(&bytes, PZ_ARCHIVE_BYTES_MAX, NULL);
	assert_int_equal(ask("export", export_params())->err, PZ_ERR_CONFIG); /* no file */
	file_of(&bytes, 0)->base.can_write = false;
	assert_int_equal(ask("export", export_params())->err, PZ_ERR_CONFIG);
	file_of(&bytes, 0);
	assert_int_equal(ask("zones", json_object())->err, PZ_ERR_CONFIG); /* wants none */
	file_of(&bytes, 0);
	json_object_set_new(params, "key", json_string("AAAA"));
	assert_int_equal(ask("export", params)->err, PZ_ERR_CONFIG);
	params = export_params();
	json_object_del(params, "head");
	file_of(&bytes, 0);
	assert_int_equal(ask("export", params)->err, PZ_ERR_CONFIG);
	params = export_params();
	head[0] = 'x';
	json_object_set_new(params, "head", base64(head, sizeof(head)));
	file_of(&bytes, 0);
	assert_int_equal(ask("export", params)->err, PZ_ERR_PROTO);
	params = export_params();
	json_object_set_new(params, "zone", json_string("bob@example.org"));
	file_of(&bytes, 0);
	assert_int_equal(ask("export", params)->err, PZ_ERR_NOTFOUND);
	assert_int_equal(bytes.len, 0);
	file_of(&bytes, 9);
	assert_int_equal(ask("import", json_object())->err, PZ_ERR_CONFIG);
	file_of(&bytes, 9);
	params = import_params();
	json_object_set_new(params, "port", json_integer(65536));
	assert_int_equal(ask("import", params)->err, PZ_ERR_CONFIG);
	file_of(&bytes, 9)->base.can_read = false;
	assert_int_equal(ask("import", import_params())->err, PZ_ERR_CONFIG);
	assert_int_equal(fake_files_open, 0);
}

static void
archives_are_few_at_once(void **state)
{
	struct pz_kit_answer a[PZ_ARCHIVES_MAX];
	struct pz_buf long_one = copy_of(pz_slice_of("PZ-ZONE\n\0\1\1\0", 12));

	(void)state;
	for (int i = 0; i < PZ_ARCHIVES_MAX; i++) {
		file_of(&long_one, 1);
		begin(&a[i], "import", import_params());
	}
	file_of(&long_one, 1);
	assert_int_equal(ask("import", import_params())->err, PZ_ERR_LIMIT);
	run(PZ_US_PER_S); /* all have ended by now */
	assert_int_equal(imported(&long_one)->err, PZ_ERR_PROTO);
	pz_buf_wipe(&long_one);
}

/* ---- moving ---- */

static json_t *
move_params(const char *host, int port)
{
	return json_pack("{s:s, s:i}", "host", host, "port", port);
}

/* The newest notice that a device has received; the caller decrefs. NULL: none. */
static json_t *
notice_told(const struct device *d)
{
	json_t *list = told(d), *message, *newest = NULL;
	size_t i;

	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		const char *status = pz_json_str(payload, "status");
		if (status && strcmp(status, "hubMoved") == 0) {
			json_decref(newest);
			newest = json_incref(json_object_get(payload, "message"));
		}
	}
	json_decref(list);
	return newest;
}

static void
assert_told(const struct device *d, const char *host, int port)
{
	json_t *message = notice_told(d);
	struct pz_hub_notice notice;

	assert_ok(pz_hub_notice_parse(message, &notice, NULL));
	assert_ok(pz_hub_notice_check(&notice, ZONE, zone_of(ZONE)->authority->ca, NULL));
	assert_string_equal(notice.at.host, host);
	assert_int_equal(notice.at.port, port);
	json_decref(message);
}

static void
devices_hear_where_it_moves(void **state)
{
	(void)state;
	assert_null(notice_told(&laptop));
	const struct pz_kit_answer *a = ask("move", move_params("new.example.org", 9000));
	assert_ok(a->err);
	assert_true(json_is_true(json_object_get(a->result, "moving")));
	assert_told(&laptop, "new.example.org", 9000);
	assert_told(&car, "new.example.org", 9000);
	link_up(&phone); /* one that comes later */
	assert_told(&phone, "new.example.org", 9000);
	restart_without_links();
	link_up(&laptop);
	assert_told(&laptop, "new.example.org", 9000);
	assert_ok(ask("move", json_pack("{s:b}", "stay", 1))->err);
	assert_told(&laptop, HOST, PORT);
}

static void
nothing_is_decided_while_it_moves(void **state)
{
	(void)state;
	assert_ok(ask("token", json_object())->err);
	assert_true(pz_hub_has_live_code(w.hub));
	assert_ok(ask("move", move_params("new.example.org", 9000))->err);
	assert_false(pz_hub_has_live_code(w.hub));
	const struct pz_kit_answer *a = ask("token", json_object());
	assert_int_equal(a->err, PZ_ERR_DENIED);
	assert_non_null(strstr(a->detail, "is moving to new.example.org port 9000"));
	a = ask("revoke", json_pack("{s:s}", "device", "tv"));
	assert_int_equal(a->err, PZ_ERR_DENIED);
	assert_non_null(strstr(a->detail, "--stay"));
	a = ask("zones", json_object());
	assert_non_null(json_object_get(json_array_get(a->result, 0), "moving"));
	/* It can be exported as often as one likes, and moved on. */
	struct pz_buf archive = exported();
	pz_buf_wipe(&archive);
	assert_ok(ask("move", move_params("third.example.org", 9000))->err);
	assert_ok(ask("move", json_pack("{s:b}", "stay", 1))->err);
	assert_ok(ask("revoke", json_pack("{s:s}", "device", "tv"))->err);
	assert_int_equal(ask("move", json_pack("{s:b}", "stay", 1))->err, PZ_ERR_NOTFOUND);
}

static void
moves_to_nowhere_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ask("move", json_object())->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("move", move_params("a b", 1))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("move", move_params("a", 0))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("move", move_params("a", 65536))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("move", move_params(HOST, PORT))->err, PZ_ERR_CONFIG);
	assert_int_equal(
		ask("move", json_pack("{s:s, s:s, s:i}", "zone", "b@c", "host", "a", "port", 1))
			->err,
		PZ_ERR_NOTFOUND);
	pz_memory_disk_fail_after(w.world.disk, 0);
	assert_int_equal(ask("move", move_params("new.example.org", 1))->err, PZ_ERR_IO_FULL);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	assert_null(notice_told(&laptop)); /* what is not stored is not sent */
	assert_ok(ask("token", json_object())->err);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
#define D(fn) cmocka_unit_test_setup_teardown(fn, set_up_devices, tear_down_devices)
	static const struct CMUnitTest tests[] = {
		T(a_zone_arrives),
		T(a_long_archive_arrives),
		T(a_crash_leaves_nothing_or_the_zone),
		T(an_import_without_its_caller),
		T(an_export_without_its_caller),
		T(a_full_disk_keeps_the_zone_out),
		T(a_file_that_fails_is_named),
		T(a_zone_arrives_once),
		T(a_bad_archive_is_refused),
		T(nonsense_is_refused),
		T(archives_are_few_at_once),
		D(devices_hear_where_it_moves),
		D(nothing_is_decided_while_it_moves),
		D(moves_to_nowhere_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
