/* The promises of hub.h that can be tested without a network, and changes of a zone one after the
 * other. */
#include "kit/stream.h"
#include "pzh/fixture.h"

static void
unknown_commands_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ask("nonsense", json_object())->err, PZ_ERR_NOTFOUND);
	assert_int_equal(ask("", json_object())->err, PZ_ERR_NOTFOUND);
}

static void
a_zone_is_made_and_found_again_after_a_restart(void **state)
{
	(void)state;
	const struct pz_kit_answer *a =
		ask("init", json_pack("{s:s, s:s, s:s}", "zone", "Alice@Example.ORG", "host", HOST,
				      "name", "Alice"));
	assert_ok(a->err);
	assert_string_equal(pz_json_str(a->result, "zone"), ZONE);
	char *fingerprint = strdup(pz_json_str(a->result, "fingerprint"));
	assert_int_equal(strlen(fingerprint), 64);

	restart_hub();
	a = ask("zones", json_object());
	assert_ok(a->err);
	assert_int_equal(json_array_size(a->result), 1);
	const json_t *zone = json_array_get(a->result, 0);
	assert_string_equal(pz_json_str(zone, "zone"), ZONE);
	assert_string_equal(pz_json_str(zone, "name"), "Alice");
	assert_string_equal(pz_json_str(zone, "fingerprint"), fingerprint);
	assert_int_equal(json_integer_value(json_object_get(zone, "devices")), 0);
	free(fingerprint);
}

static enum pz_err
take_secret_out(void *arg, const char *key, struct pz_slice value)
{
	json_t *record = pz_json_parse(value, NULL);

	assert_int_equal(json_object_del(record, "secret"), 0);
	return pz_record_put(arg, "zone", key, record);
}

static void
a_zone_of_an_older_version_gets_a_secret_at_once(void **state)
{
	uint8_t secret[PZ_ZONE_SECRET_BYTES];
	struct pz_txn *txn = pz_txn_new();

	(void)state;
	make_zone(ZONE);
	memcpy(secret, zone_of(ZONE)->authority->secret, sizeof(secret));
	assert_ok(pz_store_load(w.world.store, "zone", take_secret_out, txn, NULL));
	pz_store_commit(w.world.store, txn, NULL, NULL);
	run(PZ_US_PER_S);
	restart_hub();
	assert_memory_not_equal(secret, zone_of(ZONE)->authority->secret, sizeof(secret));
	memcpy(secret, zone_of(ZONE)->authority->secret, sizeof(secret));
	run(COMMIT_US);
	restart_hub();
	assert_memory_equal(secret, zone_of(ZONE)->authority->secret, sizeof(secret));
}

static void
a_zone_that_cannot_be_made_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ask("init", json_object())->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("init", json_pack("{s:s}", "zone", ZONE))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("init", json_pack("{s:s, s:s}", "zone", "no zone", "host", HOST))->err,
			 PZ_ERR_CONFIG);
	assert_int_equal(ask("init", json_pack("{s:s, s:s}", "zone", ZONE, "host", "a b"))->err,
			 PZ_ERR_CONFIG);
	assert_int_equal(json_array_size(ask("zones", json_object())->result), 0);
	make_zone(ZONE);
	assert_int_equal(ask("init", json_pack("{s:s, s:s}", "zone", ZONE, "host", HOST))->err,
			 PZ_ERR_EXISTS);
}

/* Two at once: the second must not take the first one's place while that is being stored. */
static void
a_zone_is_made_once(void **state)
{
	struct pz_kit_answer first, second;

	(void)state;
	begin(&first, "init", json_pack("{s:s, s:s}", "zone", ZONE, "host", HOST));
	begin(&second, "init", json_pack("{s:s, s:s}", "zone", ZONE, "host", "other.example"));
	assert_int_equal(second.ends, 1);
	assert_int_equal(second.err, PZ_ERR_EXISTS);
	run(PZ_US_PER_S);
	assert_int_equal(first.ends, 1);
	assert_ok(first.err);
	json_decref(first.result);
	assert_string_equal(zone_of(ZONE)->authority->host, HOST);
}

static void
a_zone_on_a_full_disk_does_not_exist(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(w.world.disk, 0);
	assert_int_equal(ask("init", json_pack("{s:s, s:s}", "zone", ZONE, "host", HOST))->err,
			 PZ_ERR_IO_FULL);
	assert_int_equal(json_array_size(ask("zones", json_object())->result), 0);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	make_zone(ZONE);
}

/* ---- which zone ---- */

static void
the_zone_need_not_be_named_when_there_is_one(void **state)
{
	(void)state;
	assert_int_equal(ask("token", json_object())->err, PZ_ERR_CONFIG);
	make_zone(ZONE);
	assert_ok(ask("token", json_object())->err);
	assert_ok(ask("devices", json_pack("{s:n}", "zone"))->err);
	assert_int_equal(ask("devices", json_pack("{s:s}", "zone", "b@c"))->err, PZ_ERR_NOTFOUND);
	make_zone("bob@example.org");
	assert_int_equal(ask("token", json_object())->err, PZ_ERR_CONFIG);
	assert_ok(ask("token", json_pack("{s:s}", "zone", "bob@example.org"))->err);
}

/* Else a number as the zone would mean the only zone, and one as the device any device. */
static void
a_name_that_is_no_text_is_not_one_left_out(void **state)
{
	(void)state;
	make_zone(ZONE);
	assert_int_equal(ask("devices", json_pack("{s:i}", "zone", 5))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("token", json_pack("{s:[]}", "device"))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("revoke", json_pack("{s:b}", "device", 1))->err, PZ_ERR_CONFIG);
	assert_false(pz_hub_has_live_code(w.hub));
}

/* ---- token ---- */

static void
a_token_has_what_page_12_says(void **state)
{
	struct pz_enrol_link link;
	struct pz_errinfo info;

	(void)state;
	make_zone(ZONE);
	assert_false(pz_hub_has_live_code(w.hub));
	const struct pz_kit_answer *a = ask("token", json_pack("{s:i}", "ttl", 60));
	assert_ok(a->err);
	const char *code = pz_json_str(a->result, "code");
	assert_int_equal(strlen(code), 9);
	assert_int_equal(code[4], '-');
	assert_ok(pz_enrol_link_parse(pz_json_str(a->result, "link"), &link, &info));
	assert_string_equal(link.zone, ZONE);
	assert_string_equal(link.host, HOST);
	assert_int_equal(link.port, PORT);
	assert_memory_equal(link.code, code, 4);
	assert_memory_equal(link.code + 4, code + 5, 4);
	assert_true(pz_hub_has_live_code(w.hub));
	run(61 * PZ_US_PER_S);
	assert_false(pz_hub_has_live_code(w.hub));
}

static void
a_token_with_wrong_wishes_is_refused(void **state)
{
	(void)state;
	make_zone(ZONE);
	add_member(ZONE, "laptop", true);
	assert_int_equal(ask("token", json_pack("{s:i}", "ttl", 601))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("token", json_pack("{s:i}", "ttl", 0))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("token", json_pack("{s:s}", "ttl", "60"))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("token", json_pack("{s:s}", "device", "a/b"))->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("token", json_pack("{s:s}", "device", "laptop"))->err, PZ_ERR_EXISTS);
	assert_false(pz_hub_has_live_code(w.hub));
	assert_ok(ask("token", json_pack("{s:s}", "device", "phone"))->err);
}

static void
a_restart_cancels_the_code(void **state)
{
	(void)state;
	make_zone(ZONE);
	assert_ok(ask("token", json_object())->err);
	restart_hub();
	assert_false(pz_hub_has_live_code(w.hub));
}

/* ---- devices, revoke, status ---- */

static void
a_revoked_device_is_out_also_after_a_restart(void **state)
{
	(void)state;
	make_zone(ZONE);
	add_member(ZONE, "laptop", true);
	add_member(ZONE, "phone", true);
	assert_int_equal(json_array_size(ask("devices", json_object())->result), 2);
	assert_int_equal(ask("revoke", json_object())->err, PZ_ERR_CONFIG);
	assert_int_equal(ask("revoke", json_pack("{s:s}", "device", "tv"))->err, PZ_ERR_NOTFOUND);
	const struct pz_kit_answer *a = ask("revoke", json_pack("{s:s}", "device", "laptop"));
	assert_ok(a->err);
	assert_int_equal(json_integer_value(json_object_get(a->result, "crlNumber")), 2);
	assert_int_equal(ask("revoke", json_pack("{s:s}", "device", "laptop"))->err, PZ_ERR_EXISTS);
	restart_hub();
	a = ask("devices", json_object());
	assert_int_equal(json_array_size(a->result), 1);
	assert_string_equal(pz_json_str(json_array_get(a->result, 0), "name"), "phone");
	assert_int_equal(pz_crl_number(zone_of(ZONE)->authority->crl), 2);
}

static void
a_name_that_no_device_can_have_is_not_found(void **state)
{
	char name[200];

	(void)state;
	make_zone(ZONE);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(ask("revoke", json_pack("{s:s}", "device", name))->err, PZ_ERR_NOTFOUND);
}

/* What comes while a change is being stored waits; it was refused, and a device that left stayed in
 * the zone. */
static void
changes_wait_for_each_other(void **state)
{
	struct pz_kit_answer answers[3];

	(void)state;
	make_zone(ZONE);
	add_member(ZONE, "a", true);
	add_member(ZONE, "b", true);
	begin(&answers[0], "revoke", json_pack("{s:s}", "device", "a"));
	begin(&answers[1], "revoke", json_pack("{s:s}", "device", "b"));
	begin(&answers[2], "revoke", json_pack("{s:s}", "device", "b"));
	assert_int_equal(answers[0].ends + answers[1].ends + answers[2].ends, 0);
	run(PZ_US_PER_S);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(answers[i].ends, 1);
		assert_int_equal(answers[i].err, i < 2 ? PZ_OK : PZ_ERR_EXISTS);
		json_decref(answers[i].result);
	}
	assert_int_equal(pz_crl_number(zone_of(ZONE)->authority->crl), 3);
	assert_int_equal(json_array_size(ask("devices", json_object())->result), 0);
}

static void
a_revocation_that_is_not_stored_did_not_happen(void **state)
{
	(void)state;
	make_zone(ZONE);
	struct pz_member *member = add_member(ZONE, "laptop", true);
	run(PZ_US_PER_S);
	pz_memory_disk_fail_after(w.world.disk, 0);
	assert_int_equal(ask("revoke", json_pack("{s:s}", "device", "laptop"))->err,
			 PZ_ERR_IO_FULL);
	assert_false(member->revoked);
	assert_int_equal(pz_crl_number(zone_of(ZONE)->authority->crl), 1);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	assert_ok(ask("revoke", json_pack("{s:s}", "device", "laptop"))->err);
	assert_true(member->revoked);
}

/* A hub that ends with changes waiting frees them; who asked is gone too. */
static void
a_hub_may_end_while_changes_wait(void **state)
{
	struct pz_kit_answer answers[3];

	(void)state;
	make_zone(ZONE);
	add_member(ZONE, "a", true);
	add_member(ZONE, "b", true);
	run(PZ_US_PER_S);
	begin(&answers[0], "revoke", json_pack("{s:s}", "device", "a"));
	begin(&answers[1], "revoke", json_pack("{s:s}", "device", "b"));
	begin(&answers[2], "init", json_pack("{s:s, s:s}", "zone", "bob@b.org", "host", HOST));
	restart_hub(); /* killed: no completion is reported, nothing happened, nothing leaks */
	assert_int_equal(answers[0].ends + answers[1].ends + answers[2].ends, 0);
	assert_int_equal(json_array_size(ask("devices", json_object())->result), 2);
	assert_int_equal(json_array_size(ask("zones", json_object())->result), 1);
}

/* What others note about a device while it is revoked must not undo that on disk. */
static void
a_record_is_not_overwritten_by_an_older_one(void **state)
{
	struct pz_kit_answer answer;

	(void)state;
	make_zone(ZONE);
	struct pz_member *member = add_member(ZONE, "laptop", true);
	run(PZ_US_PER_S);
	begin(&answer, "revoke", json_pack("{s:s}", "device", "laptop"));
	pz_hosted_save_member(zone_of(ZONE), member);
	pz_hosted_save_now(zone_of(ZONE));
	run(COMMIT_US);
	assert_int_equal(answer.ends, 1);
	json_decref(answer.result);
	restart_hub(); /* before the note is stored after all */
	assert_true(pz_authority_member(zone_of(ZONE)->authority, "laptop")->revoked);
}

static const json_t *
warnings(void)
{
	return json_object_get(ask("status", json_object())->result, "warnings");
}

static int
days_left(const char *of)
{
	const json_t *zone = json_array_get(ask("zones", json_object())->result, 0);

	return (int)json_integer_value(json_object_get(json_object_get(zone, "daysLeft"), of));
}

static void
a_renewal_that_fails_is_reported_and_tried_again(void **state)
{
	const uint64_t day = UINT64_C(86400) * PZ_US_PER_S;

	(void)state;
	make_zone(ZONE);
	assert_int_equal(days_left("tls"), 396);
	assert_int_equal(days_left("crl"), 29);
	pz_memory_disk_fail_after(w.world.disk, 0);
	run(16 * day);
	assert_int_equal(days_left("crl"), 13);
	assert_int_equal(json_array_size(warnings()), 2); /* of the disk, and what follows */
	assert_non_null(strstr(json_string_value(json_array_get(warnings(), 1)),
			       "zone " ZONE ": certificate or revocation list could not be "
			       "renewed"));
	run(20 * day);
	assert_int_equal(days_left("crl"), -7);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	run(660 * PZ_US_PER_S);
	assert_int_equal(json_array_size(warnings()), 0);
	assert_int_equal(days_left("crl"), 29);
	assert_int_equal(pz_metric_get(&w.hub->hosting.metrics, PZ_METRIC_crl_days_left), 29);
	assert_int_equal(pz_crl_number(zone_of(ZONE)->authority->crl), 2);
}

#define DAY_MS INT64_C(86400000)

/* In thirty years the zone's CA has ended; then the certificate that there is is good again. */
static void
a_renewal_that_only_a_wrong_clock_asked_for_is_forgotten(void **state)
{
	const uint64_t ahead_ms = (uint64_t)DAY_MS * 365 * 30;

	(void)state;
	make_zone(ZONE);
	w.world.clock.wall_ms += ahead_ms;
	pz_hub_clock_set(w.hub);
	run(COMMIT_US);
	assert_true(pz_condition_is_raised(w.hub->hosting.conditions, PZ_CONDITION_RENEWAL_FAILED,
					   ZONE));
	w.world.clock.wall_ms -= ahead_ms;
	pz_hub_clock_set(w.hub);
	assert_false(pz_condition_is_raised(w.hub->hosting.conditions, PZ_CONDITION_RENEWAL_FAILED,
					    ZONE));
}

static bool
warns(const char *part)
{
	const json_t *list = warnings(), *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (strstr(json_string_value(one), part))
			return true;
	return false;
}

/* A machine without a battery that began in 1970, or years ahead. */
static void
a_clock_that_is_set_is_noticed_and_shown(void **state)
{
	(void)state;
	make_zone(ZONE);
	assert_int_equal(json_array_size(warnings()), 0);
	w.world.clock.wall_ms = DAY_MS; /* 1970 */
	assert_true(warns("this program was built later"));
	assert_true(warns("was made later"));
	assert_true(warns("the hub's certificate has not begun"));
	assert_int_equal(
		ask("init", json_pack("{s:s, s:s}", "zone", "b@example.org", "host", HOST))->err,
		PZ_ERR_CONFIG);

	w.world.clock.wall_ms =
		PZ_KIT_WALL_MS + 400 * DAY_MS; /* longer than the certificate is good for */
	assert_true(warns("the hub's certificate has ended"));
	pz_hub_clock_set(w.hub); /* the system says so: at once */
	run(COMMIT_US);
	assert_int_equal(days_left("tls"), 396);
	assert_int_equal(json_array_size(warnings()), 0);
	w.world.clock.wall_ms = PZ_KIT_WALL_MS; /* without a word from the system */
	assert_true(warns("the hub's certificate has not begun"));
	run(PZ_CLOCK_LOOK_US + COMMIT_US);
	assert_int_equal(json_array_size(warnings()), 0);
	assert_int_equal(days_left("tls"), 396);
}

static void
every_device_is_shown_on_request(void **state)
{
	(void)state;
	make_zone(ZONE);
	add_member(ZONE, "laptop", true);
	add_member(ZONE, "tv", false);
	run(PZ_US_PER_S);
	assert_ok(ask("revoke", json_pack("{s:s}", "device", "laptop"))->err);
	add_member(ZONE, "tv", true);
	run(PZ_US_PER_S);
	restart_hub();
	assert_int_equal(json_array_size(ask("devices", json_object())->result), 1);
	const json_t *all = ask("devices", json_pack("{s:b}", "all", 1))->result, *one;
	size_t i, seen = 0;
	assert_int_equal(json_array_size(all), 3);
	json_array_foreach ((json_t *)all, i, one) {
		const char *name = pz_json_str(one, "name"), *why = pz_json_str(one, "reason");
		bool is_out = json_is_integer(json_object_get(one, "revoked"));
		if (strcmp(name, "laptop") == 0)
			seen += is_out && strcmp(why, "revoked by the owner") == 0;
		else if (is_out)
			seen += strcmp(why, "enrolled again") == 0;
		else
			seen += why[0] == '\0';
	}
	assert_int_equal(seen, 3);
}

static void
notes_about_devices_are_stored_together(void **state)
{
	(void)state;
	make_zone(ZONE);
	struct pz_member *a = add_member(ZONE, "a", true), *b = add_member(ZONE, "b", true);
	run(PZ_US_PER_S);
	for (int i = 0; i < 1000; i++) {
		pz_hosted_save_member(zone_of(ZONE), a);
		pz_hosted_save_member(zone_of(ZONE), b);
	}
	assert_int_equal(pz_store_pending(w.world.store), 0);
	snprintf(a->display_name, sizeof(a->display_name), "Ann");
	run(PZ_US_PER_S);
	assert_int_equal(pz_store_pending(w.world.store), 1);
	run(COMMIT_US);
	restart_hub();
	assert_string_equal(pz_authority_member(zone_of(ZONE)->authority, "a")->display_name,
			    "Ann");
}

static void
status_has_what_page_12_says(void **state)
{
	(void)state;
	make_zone(ZONE);
	const json_t *r = ask("status", json_object())->result;
	assert_non_null(pz_json_str(r, "version"));
	assert_true(json_is_integer(json_object_get(r, "pid")));
	assert_true(json_is_integer(json_object_get(r, "uptime")));
	assert_int_equal(json_array_size(json_object_get(r, "zones")), 1);
	assert_int_equal(json_array_size(json_object_get(r, "links")), 0);
	const json_t *ports = json_object_get(r, "ports");
	assert_int_equal(json_integer_value(json_object_get(ports, "overlay")), PORT);
	assert_true(json_is_null(json_object_get(ports, "web")));
	const json_t *messages = json_object_get(r, "messages");
	assert_true(json_is_integer(json_object_get(messages, "in")) &&
		    json_is_integer(json_object_get(messages, "out")) &&
		    json_is_integer(json_object_get(messages, "dropped")));
}

/* ---- a link between handshake and registration ---- */

/* As link.c leaves it once the certificates are accepted; without TLS. */
static struct pz_hosted_conn *
fake_registering(struct pz_member *member)
{
	static struct pz_link link;
	static struct pz_hosted_conn conn;
	static char name[] = ZONE "/laptop";

	conn = (struct pz_hosted_conn){.hosting = &w.hub->hosting,
				       .log = &w.hub->refuse_log,
				       .zone = zone_of(ZONE),
				       .link = &link,
				       .member = member,
				       .state = PZ_HOSTED_REGISTERING};
	snprintf(conn.serial, sizeof(conn.serial), "%s", member->serial);
	link = (struct pz_link){
		.host = &w.hub->link_host, .owner = &conn, .stream = pz_kit_stream_lost()};
	link.session.address = name;
	link.session.address_len = strlen(name);
	link.session.kind = PZ_SESSION_DEVICE;
	pz_buf_init(&link.tx, PZ_QUEUE_MAX_BYTES, NULL);
	pz_list_append(&w.hub->hosting.links, &link.owner_node);
	return &conn;
}

static void
drop_fake(struct pz_hosted_conn *conn)
{
	pz_list_remove(&conn->link->owner_node);
	pz_list_remove(&conn->link->dirty_node);
	pz_list_remove(&conn->link->end.node);
	pz_buf_fini(&conn->link->tx);
	free(conn->link->end.detail);
}

static void
registers(struct pz_hosted_conn *conn)
{
	struct pz_buf frame;

	pz_buf_init(&frame, PZ_FRAME_BYTES_ENROL, NULL);
	assert_ok(pz_message_register(&frame, ZONE "/laptop", ZONE, PZ_FRAME_BYTES_DEFAULT, NULL));
	assert_ok(pz_hub_link_events.frame(conn->link, pz_buf_slice(&frame)));
	pz_buf_fini(&frame);
}

static void
a_device_that_is_revoked_before_it_registers_is_closed(void **state)
{
	struct pz_kit_answer answer;

	(void)state;
	make_zone(ZONE);
	struct pz_hosted_conn *conn = fake_registering(add_member(ZONE, "laptop", true));
	begin(&answer, "revoke", json_pack("{s:s}", "device", "laptop"));
	w.world.clock.turn = NULL; /* without the end of a turn: the fake stays */
	run(COMMIT_US);
	assert_int_equal(answer.ends, 1);
	json_decref(answer.result);
	assert_true(conn->link->closing);
	assert_int_equal(conn->link->end.why, PZ_ERR_DENIED_REVOKED);
	drop_fake(conn);
}

static void
a_name_that_was_given_away_does_not_register(void **state)
{
	(void)state;
	make_zone(ZONE);
	struct pz_member *member = add_member(ZONE, "laptop", false);
	struct pz_hosted_conn *conn = fake_registering(member);
	add_member(ZONE, "laptop", false); /* enrolled again, by another device */
	assert_string_not_equal(conn->serial, member->serial);
	registers(conn);
	assert_int_equal(conn->state, PZ_HOSTED_REGISTERING);
	assert_true(conn->link->closing);
	assert_int_equal(conn->link->end.why, PZ_ERR_DENIED_REVOKED);
	assert_null(member->session);
	assert_false(member->confirmed);
	drop_fake(conn);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(unknown_commands_are_refused),
		T(a_zone_is_made_and_found_again_after_a_restart),
		T(a_zone_of_an_older_version_gets_a_secret_at_once),
		T(a_zone_that_cannot_be_made_is_refused),
		T(a_zone_is_made_once),
		T(a_zone_on_a_full_disk_does_not_exist),
		T(the_zone_need_not_be_named_when_there_is_one),
		T(a_name_that_is_no_text_is_not_one_left_out),
		T(a_token_has_what_page_12_says),
		T(a_token_with_wrong_wishes_is_refused),
		T(a_restart_cancels_the_code),
		T(a_revoked_device_is_out_also_after_a_restart),
		T(a_name_that_no_device_can_have_is_not_found),
		T(changes_wait_for_each_other),
		T(a_revocation_that_is_not_stored_did_not_happen),
		T(a_hub_may_end_while_changes_wait),
		T(a_record_is_not_overwritten_by_an_older_one),
		T(a_renewal_that_fails_is_reported_and_tried_again),
		T(a_renewal_that_only_a_wrong_clock_asked_for_is_forgotten),
		T(a_clock_that_is_set_is_noticed_and_shown),
		T(every_device_is_shown_on_request),
		T(notes_about_devices_are_stored_together),
		T(status_has_what_page_12_says),
		T(a_device_that_is_revoked_before_it_registers_is_closed),
		T(a_name_that_was_given_away_does_not_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
