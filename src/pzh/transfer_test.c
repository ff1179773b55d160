/* A zone leaves one hub and arrives at another, by the commands of `pzh export` and `pzh import`;
 * and devices are told where it goes. */
#include "base/codec.h"
#include "pzh/fixture_devices.h"
#include "zone/archive.h"

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
	pz_archive_head_make(&w.env, head);
	memset(key, 7, sizeof(key));
	return json_pack("{s:o, s:o}", "head", base64(head, sizeof(head)), "key",
			 base64(key, sizeof(key)));
}

/* The whole archive; the caller wipes it. */
static struct pz_buf
exported(void)
{
	const struct answer *a = ask("export", export_params());
	char transfer[64];
	struct pz_buf out;

	assert_ok(a->err);
	assert_string_equal(pz_json_str(a->result, "zone"), ZONE);
	snprintf(transfer, sizeof(transfer), "%s", pz_json_str(a->result, "transfer"));
	json_int_t bytes = json_integer_value(json_object_get(a->result, "bytes"));
	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	while ((json_int_t)out.len < bytes) {
		a = ask("part",
			json_pack("{s:s, s:I}", "transfer", transfer, "at", (json_int_t)out.len));
		assert_ok(a->err);
		assert_ok(pz_base64_decode(pz_slice_str(pz_json_str(a->result, "data")), &out));
	}
	/* With the last part it is over. */
	assert_int_equal(ask("part", json_pack("{s:s, s:i}", "transfer", transfer, "at", 0))->err,
			 PZ_ERR_NOTFOUND);
	return out;
}

/* The hub's machine is lost; this is another one. */
static void
other_machine(void)
{
	pz_hub_stop(w.hub);
	pz_turn_end(&w.turn);
	run(PZ_US_PER_S);
	pz_hub_free(w.hub);
	pz_store_free(w.store);
	pz_memory_disk_free(w.disk);
	pz_keystore_free(w.keys);
	w.disk = pz_memory_disk_new();
	w.store = pz_store_new_memory(&w.env, w.disk, COMMIT_US);
	w.keys = pz_keystore_new_memory();
	start_hub();
}

static json_t *
import_begun(void)
{
	const struct answer *a = ask("import", json_pack("{s:o}", "key", base64(key, sizeof(key))));

	assert_ok(a->err);
	return json_incref(json_object_get(a->result, "transfer"));
}

/* Up to `importEnd`. @return the transfer, the caller's; NULL: a part was refused, see *out */
static json_t *
handed_in(struct pz_slice archive, size_t part, enum pz_err *out)
{
	json_t *transfer = import_begun();

	*out = PZ_OK;
	for (size_t at = 0; at < archive.len && *out == PZ_OK; at += part) {
		size_t len = archive.len - at < part ? archive.len - at : part;
		*out = ask("part", json_pack("{s:O, s:o}", "transfer", transfer, "data",
					     base64(archive.ptr + at, len)))
			       ->err;
	}
	if (*out != PZ_OK) {
		assert_int_equal(ask("importEnd", json_pack("{s:O}", "transfer", transfer))->err,
				 PZ_ERR_NOTFOUND);
		json_decref(transfer);
		return NULL;
	}
	return transfer;
}

static const struct answer *
imported(const struct pz_buf *archive)
{
	enum pz_err err;
	json_t *transfer = handed_in(pz_buf_slice(archive), 1000, &err);

	assert_ok(err);
	return ask("importEnd",
		   json_pack("{s:o, s:s}", "transfer", transfer, "host", "new.example.org"));
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
	assert_int_equal(ask("export", export_params())->err, PZ_ERR_CONFIG); /* which? */
	other_machine();
	make_zone(ZONE);
	zone_save_member(zone_of(ZONE), add_member(ZONE, "tv", true));
	add_member(ZONE, "phone", true);
	assert_ok(ask("revoke", json_pack("{s:s}", "device", "phone"))->err);
	uint64_t crl = pz_crl_number(zone_of(ZONE)->authority->crl);
	struct pz_buf archive = exported();
	other_machine();
	const struct answer *a = imported(&archive);
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

/* As many parts as it takes. */
static void
a_long_archive_travels_in_parts(void **state)
{
	enum { VALUES = 5, BYTES = 700000 };
	char *value = malloc(BYTES + 1), name[32];
	enum pz_err err;

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
	assert_true(archive.len > 3 * PZ_TRANSFER_PART_BYTES);
	other_machine();
	json_t *transfer = handed_in(pz_buf_slice(&archive), PZ_TRANSFER_PART_BYTES, &err);
	assert_ok(err);
	assert_ok(ask("importEnd", json_pack("{s:o}", "transfer", transfer))->err);
	assert_string_equal(pz_shared_value(zone_of(ZONE)->shared, PZ_SYNC_APP_DATA, "app 4"),
			    value);
	free(value);
	pz_buf_wipe(&archive);
}

static void
a_crash_leaves_nothing_or_the_zone(void **state)
{
	json_t *transfer;
	enum pz_err err;
	struct answer a;
	char uri[PZ_KEY_URI_MAX];
	struct pz_key *found = NULL;

	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	transfer = handed_in(pz_buf_slice(&archive), 100, &err);
	assert_ok(err);
	begin(&a, "importEnd", json_pack("{s:o}", "transfer", transfer));
	assert_int_equal(a.ends, 0); /* the keys are written, the rest is on its way */
	snprintf(uri, sizeof(uri), "mem:1");
	assert_ok(pz_keystore_load(w.keys, uri, &found, NULL));
	pz_key_free(found);
	restart_hub(); /* killed */
	assert_int_equal(zone_count(), 0);
	assert_int_equal(pz_keystore_load(w.keys, "mem:1", &found, NULL), PZ_ERR_NOTFOUND);
	assert_int_equal(pz_keystore_load(w.keys, "mem:2", &found, NULL), PZ_ERR_NOTFOUND);
	assert_ok(imported(&archive)->err);
	restart_hub();
	assert_int_equal(zone_count(), 1);
	pz_buf_wipe(&archive);
}

static void
a_full_disk_keeps_the_zone_out(void **state)
{
	struct pz_key *found = NULL;

	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	pz_memory_disk_fail_after(w.disk, 0);
	assert_int_equal(imported(&archive)->err, PZ_ERR_IO_FULL);
	assert_int_equal(zone_count(), 0);
	run(1200 * PZ_US_PER_S); /* housekeeping */
	assert_int_equal(pz_keystore_load(w.keys, "mem:1", &found, NULL), PZ_ERR_NOTFOUND);
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	assert_ok(imported(&archive)->err);
	pz_buf_wipe(&archive);
}

/* Two at once: the second must not take the first one's place while that is being stored. */
static void
a_zone_arrives_once(void **state)
{
	struct answer first, second;
	json_t *one, *two;
	enum pz_err err;

	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	one = handed_in(pz_buf_slice(&archive), 500, &err);
	two = handed_in(pz_buf_slice(&archive), 500, &err);
	begin(&first, "importEnd", json_pack("{s:o}", "transfer", one));
	begin(&second, "importEnd", json_pack("{s:o}", "transfer", two));
	assert_int_equal(second.err, PZ_ERR_EXISTS);
	run(PZ_US_PER_S);
	assert_ok(first.err);
	json_decref(first.result);
	pz_buf_wipe(&archive);
}

static void
a_bad_archive_is_refused(void **state)
{
	enum pz_err err;

	(void)state;
	make_zone(ZONE);
	struct pz_buf archive = exported();
	other_machine();
	/* Told as soon as it is seen. */
	assert_null(handed_in(
		pz_slice_str("something that is as long as a head is, but no archive"), 5, &err));
	assert_int_equal(err, PZ_ERR_PROTO);
	key[0]++;
	assert_null(handed_in(pz_buf_slice(&archive), 64, &err));
	assert_int_equal(err, PZ_ERR_CRYPTO);
	key[0]--;
	struct pz_slice cut = pz_slice_of(pz_buf_slice(&archive).ptr, archive.len - 1);
	json_t *transfer = handed_in(cut, 1000, &err);
	assert_ok(err);
	assert_int_equal(ask("importEnd", json_pack("{s:o}", "transfer", transfer))->err,
			 PZ_ERR_PROTO);
	assert_int_equal(zone_count(), 0);
	pz_buf_wipe(&archive);
}

static void
nonsense_is_refused(void **state)
{
	json_t *params = export_params(), *transfer;

	(void)state;
	make_zone(ZONE);
	json_object_set_new(params, "key", json_string("AAAA"));
	assert_int_equal(ask("export", params)->err, PZ_ERR_CONFIG);
	params = export_params();
	json_object_del(params, "head");
	assert_int_equal(ask("export", params)->err, PZ_ERR_CONFIG);
	params = export_params();
	head[0] = 'x';
	json_object_set_new(params, "head", base64(head, sizeof(head)));
	assert_int_equal(ask("export", params)->err, PZ_ERR_PROTO);
	params = export_params();
	json_object_set_new(params, "zone", json_string("bob@example.org"));
	assert_int_equal(ask("export", params)->err, PZ_ERR_NOTFOUND);
	assert_int_equal(ask("import", json_object())->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("part", json_object())->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("part", json_pack("{s:s}", "transfer", "x"))->err, PZ_ERR_NOTFOUND);
	transfer = import_begun();
	assert_int_equal(
		ask("part", json_pack("{s:O, s:s}", "transfer", transfer, "data", "*"))->err,
		PZ_ERR_CONFIG);
	json_decref(transfer);
	transfer = import_begun();
	assert_int_equal(
		ask("importEnd", json_pack("{s:O, s:i}", "transfer", transfer, "port", 65536))->err,
		PZ_ERR_CONFIG);
	json_decref(transfer);
	const struct answer *a = ask("export", export_params());
	transfer = json_incref(json_object_get(a->result, "transfer"));
	assert_int_equal(
		ask("part", json_pack("{s:O, s:I}", "transfer", transfer, "at", (json_int_t)-1))
			->err,
		PZ_ERR_CONFIG);
	assert_int_equal(ask("importEnd", json_pack("{s:o}", "transfer", transfer))->err,
			 PZ_ERR_CONFIG);
}

static void
transfers_are_few_and_end(void **state)
{
	(void)state;
	for (int i = 0; i < PZ_TRANSFERS_MAX; i++)
		json_decref(import_begun());
	assert_int_equal(ask("import", json_pack("{s:o}", "key", base64(key, sizeof(key))))->err,
			 PZ_ERR_LIMIT);
	run(PZ_TRANSFER_IDLE_US);
	json_decref(import_begun());
}

/* ---- moving ---- */

static json_t *
move_params(const char *host, int port)
{
	return json_pack("{s:s, s:i}", "host", host, "port", port);
}

/* The newest notice that a device was told; the caller decrefs. NULL: none. */
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
	const struct answer *a = ask("move", move_params("new.example.org", 9000));
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
	assert_true(hub_has_live_code(w.hub));
	assert_ok(ask("move", move_params("new.example.org", 9000))->err);
	assert_false(hub_has_live_code(w.hub));
	const struct answer *a = ask("token", json_object());
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
	pz_memory_disk_fail_after(w.disk, 0);
	assert_int_equal(ask("move", move_params("new.example.org", 1))->err, PZ_ERR_IO_FULL);
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	assert_null(notice_told(&laptop)); /* what is not stored is not told */
	assert_ok(ask("token", json_object())->err);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
#define D(fn) cmocka_unit_test_setup_teardown(fn, set_up_devices, tear_down_devices)
	static const struct CMUnitTest tests[] = {
		T(a_zone_arrives),
		T(a_long_archive_travels_in_parts),
		T(a_crash_leaves_nothing_or_the_zone),
		T(a_full_disk_keeps_the_zone_out),
		T(a_zone_arrives_once),
		T(a_bad_archive_is_refused),
		T(nonsense_is_refused),
		T(transfers_are_few_and_end),
		D(devices_hear_where_it_moves),
		D(nothing_is_decided_while_it_moves),
		D(moves_to_nowhere_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
