/* Notices of a hub's address: how a device uses them, and what the hub stores. */
#include "kit/test.h"

#include "kit/authority.h"
#include "record/record.h"
#include "zone/authority.h"
#include "zone/place.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define DAY_MS PZ_KIT_DAY_MS

#define FIRST UINT64_C(1700000000000)

static struct pz_kit_world w;
static struct pz_authority *zone, *other;

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	zone = pz_kit_authority_new(&w, ZONE);
	w.key_type = "rsa3072";
	other = pz_kit_authority_new(&w, "bob@example.org");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_authority_free(zone);
	pz_authority_free(other);
	pz_kit_world_fini(&w);
	return 0;
}

static struct pz_hub_address
address(const char *host, uint16_t port)
{
	struct pz_hub_address a;

	pz_hub_address_set(&a, host, port);
	return a;
}

static struct pz_hub_notice
notice_of(const struct pz_authority *a, const char *host, uint16_t port, uint64_t number)
{
	struct pz_hub_address at = address(host, port);
	struct pz_hub_notice n;

	assert_ok(pz_hub_notice_make(a->zone, &at, number, a->ca_key, &n, &w.info));
	return n;
}

/* ---- the notice itself ---- */

static void
test_good(void **state)
{
	struct pz_hub_notice made = notice_of(zone, "new.example.org", 9000, FIRST), read;
	json_t *json = pz_hub_notice_json(&made);

	(void)state;
	assert_ok(pz_hub_notice_parse(json, &read, &w.info));
	json_decref(json);
	assert_true(pz_hub_address_eq(&read.at, &made.at));
	assert_int_equal(read.number, FIRST);
	assert_ok(pz_hub_notice_check(&read, ZONE, zone->ca, &w.info));
	made = notice_of(other, "2001:db8::1", 1, 1);
	assert_ok(pz_hub_notice_check(&made, other->zone, other->ca, &w.info));
}

static void
test_changed(void **state)
{
	const struct pz_hub_notice good = notice_of(zone, "new.example.org", 9000, FIRST);
	struct pz_hub_notice n = good;

	(void)state;
	n.at.port++;
	assert_int_equal(pz_hub_notice_check(&n, ZONE, zone->ca, &w.info), PZ_ERR_DENIED_IDENTITY);
	n = good;
	n.number++;
	assert_int_equal(pz_hub_notice_check(&n, ZONE, zone->ca, NULL), PZ_ERR_DENIED_IDENTITY);
	n = good;
	n.at.host[0] = 'm';
	assert_int_equal(pz_hub_notice_check(&n, ZONE, zone->ca, NULL), PZ_ERR_DENIED_IDENTITY);
	n = good;
	n.sig[0] = '*';
	assert_int_equal(pz_hub_notice_check(&n, ZONE, zone->ca, NULL), PZ_ERR_PROTO);
	/* Of another zone, in its own name or in ours. */
	n = notice_of(other, "new.example.org", 9000, FIRST);
	assert_int_equal(pz_hub_notice_check(&n, ZONE, zone->ca, NULL), PZ_ERR_DENIED_IDENTITY);
	snprintf(n.zone, sizeof(n.zone), "%s", ZONE);
	assert_int_equal(pz_hub_notice_check(&n, ZONE, zone->ca, NULL), PZ_ERR_DENIED_IDENTITY);
}

static void
refuse_member(const char *name, json_t *takes_value)
{
	const struct pz_hub_notice good = notice_of(zone, "new.example.org", 9000, FIRST);
	struct pz_hub_notice out = {.number = 7};
	json_t *json = pz_hub_notice_json(&good);

	if (takes_value)
		json_object_set_new(json, name, takes_value);
	else
		json_object_del(json, name);
	assert_int_not_equal(pz_hub_notice_parse(json, &out, &w.info), PZ_OK);
	assert_int_equal(out.number, 7);
	json_decref(json);
}

static void
test_malformed(void **state)
{
	static const char *const members[] = {"zone", "host", "port", "number", "sig"};
	static const char *const hosts[] = {"", "-x", ".x", "a b", "a/b", "::1%lo", "g::1", "ä"};
	char long_text[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		refuse_member(members[i], NULL);
		refuse_member(members[i], json_true());
	}
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		refuse_member("host", json_string(hosts[i]));
	refuse_member("port", json_integer(0));
	refuse_member("port", json_integer(65536));
	refuse_member("number", json_integer(0));
	refuse_member("number", json_integer((json_int_t)PZ_SYNC_TIME_MS_MAX + 1));
	refuse_member("zone", json_string("Alice@example.org"));
	memset(long_text, 'a', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	refuse_member("sig", json_string(long_text));
	long_text[PZ_HOST_BYTES_MAX + 1] = '\0';
	refuse_member("host", json_string(long_text));
	assert_int_equal(pz_hub_notice_parse(NULL, &(struct pz_hub_notice){.number = 0}, NULL),
			 PZ_ERR_PROTO_MEMBER);
	struct pz_hub_address none = address("new.example.org", 0);
	struct pz_hub_notice n;
	assert_int_equal(pz_hub_notice_make(ZONE, &none, 1, zone->ca_key, &n, NULL), PZ_ERR_CONFIG);
}

/* ---- at the hub ---- */

static enum pz_err
take_zone(void *arg, struct pz_authority *takes)
{
	(void)arg;
	pz_authority_free(takes);
	return PZ_OK;
}

static void
announce(const char *host, uint16_t port, bool is_moving)
{
	struct pz_hub_address at = address(host, port);
	struct pz_txn *txn = pz_kit_txn();
	struct pz_hub_move move;

	assert_ok(pz_authority_announce(zone, &at, is_moving, txn, &move, &w.info));
	assert_ok(pz_kit_world_commit(&w, txn));
	zone->move = move;
}

static void
test_hub_keeps_it(void **state)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	(void)state;
	assert_int_equal(zone->move.notice.number, 0);
	announce("new.example.org", 9000, true);
	pz_kit_authority_restart(&w, &zone);
	assert_true(zone->move.is_moving);
	assert_string_equal(zone->move.notice.at.host, "new.example.org");
	assert_int_equal(zone->move.notice.number, w.clock.wall_ms);
	/* No device enrols or leaves here meanwhile. */
	assert_int_equal(
		pz_authority_revoke(zone, "tv", PZ_REVOKED_BY_OWNER, txn, &change, &w.info),
		PZ_ERR_DENIED);
	assert_non_null(strstr(w.info.text, "moving to new.example.org port 9000"));
	pz_txn_free(txn);
	/* A clock that was set back. */
	w.clock.wall_ms -= DAY_MS;
	announce(HOST, 8041, false);
	assert_int_equal(zone->move.notice.number, w.clock.wall_ms + DAY_MS + 1);
	pz_kit_authority_restart(&w, &zone);
	assert_ok(pz_authority_check_stays(zone, &w.info));
}

static void
test_hub_record_damaged(void **state)
{
	(void)state;
	announce("new.example.org", 9000, true);
	pz_kit_world_put(&w, "moved", ZONE, "{\"moving\":true}");
	pz_kit_world_restart(&w);
	assert_int_equal(
		pz_authority_load_all(w.store, w.keys, &w.clock.env, take_zone, NULL, &w.info),
		PZ_ERR_PROTO_MEMBER);
	/* Tests that follow need it. */
	struct pz_txn *txn = pz_kit_txn();
	assert_ok(pz_txn_remove(txn, "moved", ZONE));
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_kit_authority_restart(&w, &zone);
}

/* ---- at a device ---- */

static const struct pz_membership enrolled = {.hub_host = HOST, .hub_port = 8041};

static void
assert_at(const struct pz_hub_place *p, const char *host, const char *former)
{
	assert_string_equal(p->at.host, host);
	assert_string_equal(p->former.port ? p->former.host : "", former);
}

/* Stores, forgets and loads. */
static struct pz_hub_place
reload(const struct pz_hub_place *p)
{
	struct pz_hub_place loaded;
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_hub_place_put(p, txn));
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_kit_world_restart(&w);
	assert_ok(pz_hub_place_load(w.store, &enrolled, &loaded, &w.info));
	assert_int_equal(loaded.number, p->number);
	assert_int_equal(loaded.notice.number, p->notice.number);
	return loaded;
}

static void
test_device_receives(void **state)
{
	struct pz_hub_notice first = notice_of(zone, "b.example.org", 1, FIRST);
	struct pz_hub_notice second = notice_of(zone, "c.example.org", 1, FIRST + 1);
	struct pz_hub_place p;

	(void)state;
	assert_ok(pz_hub_place_load(w.store, &enrolled, &p, &w.info));
	assert_at(&p, HOST, "");
	assert_int_equal(pz_hub_place_take(&p, &first), PZ_PLACE_MOVED);
	assert_at(&p, "b.example.org", HOST);
	assert_int_equal(pz_hub_place_take(&p, &first), PZ_PLACE_OLD);
	p = reload(&p);
	assert_at(&p, "b.example.org", HOST);
	assert_int_equal(pz_hub_place_take(&p, &second), PZ_PLACE_MOVED);
	assert_int_equal(pz_hub_place_take(&p, &first), PZ_PLACE_OLD);
	assert_at(&p, "c.example.org", "b.example.org");
	assert_string_equal(p.notice.sig, second.sig);
}

static void
test_user_says(void **state)
{
	struct pz_hub_notice before = notice_of(zone, "b.example.org", 1, w.clock.wall_ms - 1);
	struct pz_hub_notice after = notice_of(zone, "c.example.org", 1, w.clock.wall_ms + 1);
	struct pz_hub_address typed = address("typed.example.org", 7);
	struct pz_hub_place p;

	(void)state;
	pz_hub_place_init(&p, &enrolled);
	assert_true(pz_hub_place_set_by_user(&p, &typed, w.clock.wall_ms));
	assert_at(&p, "typed.example.org", HOST);
	/* It is kept for others, but the user knew better. */
	assert_int_equal(pz_hub_place_take(&p, &before), PZ_PLACE_HEARD);
	assert_at(&p, "typed.example.org", HOST);
	assert_int_equal(p.notice.number, before.number);
	p = reload(&p);
	assert_false(pz_hub_place_set_by_user(&p, &typed, w.clock.wall_ms + 1));
	assert_at(&p, "typed.example.org", HOST);
	assert_int_equal(pz_hub_place_take(&p, &after), PZ_PLACE_HEARD); /* set at wall + 1 */
	after = notice_of(zone, "c.example.org", 1, w.clock.wall_ms + 2);
	assert_int_equal(pz_hub_place_take(&p, &after), PZ_PLACE_MOVED);
	/* A device whose clock is behind. */
	assert_true(pz_hub_place_set_by_user(&p, &typed, 5));
	assert_int_equal(p.number, w.clock.wall_ms + 3);
}

static void
test_device_record_damaged(void **state)
{
	struct pz_hub_place p;

	(void)state;
	pz_kit_world_put(&w, "membership", "hub", "{\"host\":\"x\",\"port\":0,\"number\":1}");
	assert_int_equal(pz_hub_place_load(w.store, &enrolled, &p, &w.info), PZ_ERR_PROTO);
	pz_kit_world_put(&w, "membership", "hub", "{\"host\":\"x\",\"port\":1}");
	assert_int_equal(pz_hub_place_load(w.store, &enrolled, &p, &w.info), PZ_ERR_PROTO);
	struct pz_txn *txn = pz_kit_txn();
	assert_ok(pz_membership_wipe(txn));
	assert_ok(pz_kit_world_commit(&w, txn));
	assert_ok(pz_hub_place_load(w.store, &enrolled, &p, &w.info));
	assert_at(&p, HOST, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_hub_keeps_it),
		cmocka_unit_test(test_hub_record_damaged),
		cmocka_unit_test(test_device_receives),
		cmocka_unit_test(test_user_says),
		cmocka_unit_test(test_device_record_damaged),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
