/* A device that offers its hub a revocation list: page 14 REV-4. */
#include "base/auto.h"
#include "pzh/fixture_devices.h"
#include "record/record.h"

static struct pz_authority *
authority(void)
{
	return zone_of(ZONE)->authority;
}

static uint64_t
number(void)
{
	return pz_crl_number(authority()->crl);
}

/* A list that revokes one device, signed by the zone's CA or by another one. */
static char *
list_of(const struct device *d, uint64_t crl_number, const struct pz_authority *by)
{
	struct pz_crl_entry entry = {.when_ms = w.world.clock.wall_ms};
	struct pz_crl *crl = NULL;

	pz_cert_serial_hex(d->membership->device_ca, entry.serial_hex);
	assert_ok(pz_crl_issue(by->ca, by->ca_key, &entry, 1, crl_number, &w.world.clock.env, &crl,
			       NULL));
	char *text = pz_record_crl_text(crl);
	pz_crl_free(crl);
	assert_non_null(text);
	return text;
}

/* @param takes_text its value; NULL: a deletion */
static void
offer(const struct device *by, const char *key, char *takes_text)
{
	say_prop(by, by->address, "Update_Data",
		 json_pack("{s:[{s:s, s:s, s:I, s:s, s:b}]}", "crl", "key", key, "value",
			   takes_text ? takes_text : "", "mtime", (json_int_t)w.world.clock.wall_ms,
			   "origin", ZONE, "deleted", takes_text == NULL));
	free(takes_text);
}

static void
it_counts_once_it_is_stored(void **state)
{
	(void)state;
	forget_told(&laptop);
	forget_told(&car);
	offer(&laptop, ZONE, list_of(&tv, 5, authority()));
	assert_int_equal(number(), 1); /* not yet */
	assert_false(tv.link->closing);
	run(COMMIT_US);
	assert_int_equal(number(), 5);
	assert_true(member_of(&tv)->revoked);
	assert_int_equal(member_of(&tv)->revoked_why, PZ_REVOKED_LISTED);
	assert_null(member_of(&tv)->session);
	tv.link = NULL;
	/* all devices receive it */
	assert_int_equal(count_told(&car, "Sync_Data", car.address), 2);
	json_t *entry = entry_told(&laptop, "tv");
	assert_true(json_is_true(json_object_get(entry, "revoked")));
	json_decref(entry);
	run(10 * PZ_US_PER_S);
	link_down(&laptop);
	link_down(&car);
	restart_hub();
	assert_int_equal(number(), 5);
	assert_int_equal(pz_authority_member(authority(), "tv")->revoked_why, PZ_REVOKED_LISTED);
}

static void
what_is_not_good_changes_nothing(void **state)
{
	struct pz_authority *other = NULL;
	struct pz_txn *txn = pz_txn_new();
	char *cut = list_of(&tv, 5, authority());

	(void)state;
	assert_ok(pz_authority_create(ZONE, HOST, NULL, "ec-p256", w.world.keys, &w.world.clock.env,
				      txn, &other, NULL));
	pz_txn_free(txn);
	cut[strlen(cut) / 2] = '\0';
	uint64_t before = metric(PZ_METRIC_messages_dropped);
	offer(&laptop, ZONE, list_of(&tv, 5, other));
	offer(&laptop, ZONE, cut);
	offer(&laptop, ZONE, NULL);
	offer(&laptop, "bob@example.org", list_of(&tv, 5, authority()));
	assert_int_equal(metric(PZ_METRIC_messages_dropped),
			 before + 3); /* that of another zone is left out silently */
	run(PZ_US_PER_S);
	assert_int_equal(number(), 1);
	assert_false(member_of(&tv)->revoked);
	assert_false(laptop.link->closing);
	pz_authority_free(other);
}

static void
an_older_one_says_nothing(void **state)
{
	(void)state;
	offer(&laptop, ZONE, list_of(&tv, 5, authority()));
	run(PZ_US_PER_S);
	tv.link = NULL;
	uint64_t before = metric(PZ_METRIC_messages_dropped);
	offer(&laptop, ZONE, list_of(&tv, 4, authority()));
	run(PZ_US_PER_S);
	assert_int_equal(number(), 5);
	assert_int_equal(metric(PZ_METRIC_messages_dropped), before); /* it was away, that is all */
	/* but one that names another device does */
	offer(&laptop, ZONE, list_of(&phone, 4, authority()));
	run(PZ_US_PER_S);
	assert_int_equal(number(), 6);
	assert_int_equal(pz_crl_len(authority()->crl), 2);
	assert_true(member_of(&phone)->revoked);
}

/* Everybody comes back at once with the same list, and the owner revokes meanwhile. */
static void
one_after_the_other(void **state)
{
	struct pz_kit_answer answer;

	(void)state;
	begin(&answer, "revoke", json_pack("{s:s}", "device", "phone"));
	for (int i = 0; i < 3 * PZ_CRL_OFFERED_MAX; i++)
		offer(i % 2 ? &laptop : &car, ZONE, list_of(&tv, 5, authority()));
	assert_int_equal(zone_of(ZONE)->offered_lists, PZ_CRL_OFFERED_MAX);
	run(PZ_US_PER_S);
	assert_int_equal(zone_of(ZONE)->offered_lists, 0);
	assert_ok(answer.err);
	json_decref(answer.result);
	assert_true(member_of(&tv)->revoked && member_of(&phone)->revoked);
	assert_false(member_of(&laptop)->revoked || member_of(&car)->revoked);
	assert_int_equal(pz_crl_len(authority()->crl), 2);
	tv.link = NULL;
}

static void
a_full_disk_only_delays(void **state)
{
	(void)state;
	run(PZ_US_PER_S);
	pz_memory_disk_fail_after(w.world.disk, 0);
	offer(&laptop, ZONE, list_of(&tv, 5, authority()));
	run(PZ_US_PER_S);
	assert_int_equal(number(), 1);
	assert_false(member_of(&tv)->revoked || tv.link->closing);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	offer(&laptop, ZONE, list_of(&tv, 5, authority()));
	run(PZ_US_PER_S);
	assert_int_equal(number(), 5);
	tv.link = NULL;
}

/* Also when the hub ends, or the device that sent it, before it is stored. */
static void
nothing_is_left_behind(void **state)
{
	(void)state;
	offer(&laptop, ZONE, list_of(&tv, 5, authority()));
	offer(&car, ZONE, list_of(&phone, 5, authority()));
	link_down(&laptop);
	link_down(&car);
	link_down(&tv);
	restart_hub();
	assert_int_equal(number(), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up_devices, tear_down_devices)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(it_counts_once_it_is_stored), T(what_is_not_good_changes_nothing),
		T(an_older_one_says_nothing),   T(one_after_the_other),
		T(a_full_disk_only_delays),     T(nothing_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
