/* A hub that was restored from a backup, and what its devices know: page 14 REV-4. */
#include "kit/test.h"
#include "zone/crl_history.h"

#include "kit/authority.h"
#include "zone/authority.h"
#include "zone/change.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define DAY_MS PZ_KIT_DAY_MS

static struct pz_kit_world w;
static struct pz_authority *zone;
static const char *const names[] = {"laptop", "phone", "tv"};

static void
revoke(const char *device, enum pz_revoked why)
{
	w.clock.wall_ms += 1000;
	pz_kit_revoke(&w, zone, device, why);
}

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	zone = pz_kit_authority_new(&w, ZONE);
	for (size_t i = 0; i < 3; i++)
		pz_kit_admit(&w, zone, names[i], NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_authority_free(zone);
	pz_kit_world_fini(&w);
	return 0;
}

static struct pz_member *
member(const char *name)
{
	return pz_authority_member(zone, name);
}

/* What a device holds; then the hub forgets it, as one does that is restored. */
static struct pz_crl *
forgotten(const char *device)
{
	struct pz_crl *before = pz_crl_ref(zone->crl);
	struct pz_txn *txn = pz_kit_txn();

	revoke(device, PZ_REVOKED_BY_OWNER);
	struct pz_crl *newest = pz_crl_ref(zone->crl);
	pz_crl_free(zone->crl);
	zone->crl = before;
	member(device)->revoked = false;
	member(device)->revoked_ms = 0;
	assert_ok(pz_authority_put_zone(zone, zone->tls_key_uri, zone->tls, zone->crl, txn));
	assert_ok(pz_authority_save_member(zone, member(device), txn));
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_kit_authority_restart(&w, &zone);
	assert_false(member(device)->revoked);
	return newest;
}

static size_t
learn(struct pz_crl *crl)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;
	size_t marked = 0;

	assert_true(pz_authority_crl_adds(zone, crl));
	assert_ok(pz_authority_add_crl(zone, crl, txn, &change, &w.info));
	pz_kit_apply(&w, zone, txn, change);
	for (size_t i = 0; i < 3; i++)
		marked += pz_authority_mark_listed(zone, member(names[i]));
	assert_false(pz_authority_crl_adds(zone, crl));
	return marked;
}

static void
a_higher_number_is_taken_as_it_is(void **state)
{
	struct pz_crl *crl = forgotten("tv");
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;
	uint64_t revoked_ms = w.clock.wall_ms;

	(void)state;
	w.clock.wall_ms += DAY_MS;
	assert_int_equal(pz_crl_number(crl), 2);
	assert_int_equal(learn(crl), 1);
	assert_ptr_equal(zone->crl, crl);
	assert_true(member("tv")->revoked);
	assert_int_equal(member("tv")->revoked_ms, revoked_ms / 1000 * 1000);
	assert_string_equal(pz_revoked_text(member("tv")->revoked_why),
			    "on a revocation list that a device had");
	assert_int_equal(pz_authority_add_crl(zone, crl, txn, &change, &w.info), PZ_ERR_EXISTS);
	pz_txn_free(txn);
	/* The list is on the disk; that binds, although no record says so. */
	pz_kit_authority_restart(&w, &zone);
	assert_int_equal(pz_crl_number(zone->crl), 2);
	assert_true(member("tv")->revoked);
	assert_int_equal(member("tv")->revoked_ms, revoked_ms / 1000 * 1000);
	assert_false(member("phone")->revoked);
	/* The number continues from there. */
	revoke("phone", PZ_REVOKED_BY_OWNER);
	assert_int_equal(pz_crl_number(zone->crl), 3);
	pz_crl_free(crl);
}

/* The hub has revoked others since: then neither list says all, whichever number is higher. */
static void
lists_that_grew_apart_are_united(void **state)
{
	struct pz_crl *crl = forgotten("tv"); /* 2 */
	struct pz_crl *theirs;

	(void)state;
	revoke("phone", PZ_REVOKED_BY_OWNER); /* 2, too */
	pz_kit_admit(&w, zone, "phone", NULL);
	revoke("phone", PZ_REVOKED_BY_OWNER);
	assert_int_equal(pz_crl_number(zone->crl), 3);
	assert_int_equal(learn(crl), 1);
	assert_int_equal(pz_crl_number(zone->crl), 4);
	assert_int_equal(pz_crl_len(zone->crl), 3);
	assert_true(member("tv")->revoked && member("phone")->revoked);
	assert_ok(pz_crl_verify(zone->crl, zone->ca, NULL));
	pz_crl_free(crl);

	/* theirs is the higher one, and lacks a device */
	assert_ok(pz_crl_issue(zone->ca, zone->ca_key, NULL, 0, 9, &w.clock.env, &theirs, NULL));
	assert_int_equal(learn(theirs), 0);
	assert_int_equal(pz_crl_number(zone->crl), 10);
	assert_int_equal(pz_crl_len(zone->crl), 3);
	pz_crl_free(theirs);
}

static void
only_the_list_of_the_zone_counts(void **state)
{
	struct pz_crl_entry entry = {.serial_hex = "0a", .when_ms = w.clock.wall_ms};
	struct pz_authority *other = NULL;
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;
	struct pz_crl *forged;

	(void)state;
	assert_ok(pz_authority_create(ZONE, HOST, NULL, "ec-p256", w.keys, &w.clock.env, txn,
				      &other, &w.info));
	assert_ok(
		pz_crl_issue(other->ca, other->ca_key, &entry, 1, 9, &w.clock.env, &forged, NULL));
	pz_txn_free(txn);
	txn = pz_kit_txn();
	assert_int_equal(pz_authority_add_crl(zone, forged, txn, &change, &w.info),
			 PZ_ERR_DENIED_CHAIN);
	assert_null(change);
	assert_int_equal(pz_crl_number(zone->crl), 1);
	pz_txn_free(txn);
	pz_crl_free(forged);
	pz_authority_free(other);
}

static void
a_failed_commit_leaves_no_trace(void **state)
{
	struct pz_crl *crl = forgotten("tv");
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	(void)state;
	assert_ok(pz_authority_add_crl(zone, crl, txn, &change, &w.info));
	pz_memory_disk_fail_after(w.disk, 0);
	assert_int_equal(pz_kit_world_commit(&w, txn), PZ_ERR_IO_FULL);
	pz_authority_drop(change);
	assert_int_equal(pz_crl_number(zone->crl), 1);
	assert_false(pz_authority_mark_listed(zone, member("tv")));
	pz_crl_free(crl);
}

/* ---- why a device is revoked ---- */

static const char *
former_why(const char *name, size_t i)
{
	return json_string_value(json_object_get(json_array_get(member(name)->former, i), "why"));
}

static void
it_is_remembered_why(void **state)
{
	(void)state;
	assert_string_equal(pz_revoked_text(member("tv")->revoked_why), "");
	revoke("tv", PZ_REVOKED_LEFT);
	revoke("phone", PZ_REVOKED_BY_OWNER);
	pz_kit_admit(&w, zone, "laptop", NULL); /* has never been here */
	pz_kit_authority_restart(&w, &zone);
	assert_string_equal(pz_revoked_text(member("tv")->revoked_why), "left by itself");
	assert_string_equal(pz_revoked_text(member("phone")->revoked_why), "revoked by the owner");
	assert_string_equal(former_why("laptop", 0), "replaced");
	pz_kit_admit(&w, zone, "tv", NULL);
	revoke("tv", PZ_REVOKED_BY_OWNER);
	pz_kit_authority_restart(&w, &zone);
	assert_string_equal(former_why("tv", 0), "left");
	for (size_t i = 0; i < 2 * PZ_FORMER_HOLDERS_MAX; i++)
		pz_kit_admit(&w, zone, "tv", NULL);
	pz_kit_authority_restart(&w, &zone);
	assert_int_equal(json_array_size(member("tv")->former), PZ_FORMER_HOLDERS_MAX);
	assert_false(member("tv")->revoked);
	assert_string_equal(former_why("tv", PZ_FORMER_HOLDERS_MAX - 1), "replaced");
}

#define ZONE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ZONE_TEST(a_higher_number_is_taken_as_it_is),
		ZONE_TEST(lists_that_grew_apart_are_united),
		ZONE_TEST(only_the_list_of_the_zone_counts),
		ZONE_TEST(a_failed_commit_leaves_no_trace),
		ZONE_TEST(it_is_remembered_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
