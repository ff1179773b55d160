/* The owner's policy at the hub, and what a device accepts of it: page 9, 13; page 8 "Store". */
#include "kit/test.h"

#include <string.h>

#include "kit/authority.h"
#include "sync/merge.h"
#include "zone/knowledge.h"
#include "zone/policy.h"

#define ZONE PZ_KIT_ZONE
#define PERMIT "<policy><rule effect=\"permit\"/></policy>"
#define PERMIT_2 "<policy><rule effect=\"permit\" id=\"two\"/></policy>"
#define PERMIT_3 "<policy><rule effect=\"permit\" id=\"three\"/></policy>"
#define DENY "<policy><rule effect=\"deny\"/></policy>"

static struct pz_kit_world w, phone;
static struct pz_authority *zone;
static struct pz_membership *membership;
static struct pz_knowledge *knowledge;
static struct pz_errinfo info;

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	zone = pz_kit_authority_new(&w, ZONE);
	pz_kit_world_init_beside(&phone, &w);
	membership = pz_kit_enrol(&w, zone, "phone", phone.keys, NULL);
	assert_ok(pz_knowledge_load(phone.store, membership, &knowledge, NULL, NULL));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_knowledge_free(knowledge);
	pz_membership_free(membership);
	pz_kit_world_fini(&phone);
	pz_authority_free(zone);
	pz_kit_world_fini(&w);
	return 0;
}

/* ---- at the hub ---- */

static enum pz_err
set(const char *document, int64_t base, bool is_forced)
{
	const struct pz_zone_policy_edit edit = {
		.document = pz_slice_str(document),
		.has_base = base >= 0,
		.base = base >= 0 ? (uint64_t)base : 0,
		.author = ZONE "/phone",
		.device = "phone",
		.is_forced = is_forced,
	};
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;
	enum pz_err err = pz_authority_set_policy(zone, &edit, txn, &change, &info);

	if (err == PZ_OK)
		pz_kit_apply(&w, zone, txn, change);
	else
		pz_txn_free(txn);
	return err;
}

static enum pz_err
give_back(const char *text)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;
	enum pz_err err = pz_authority_add_policy(zone, pz_slice_str(text), txn, &change, &info);

	if (err == PZ_OK)
		pz_kit_apply(&w, zone, txn, change);
	else
		pz_txn_free(txn);
	return err;
}

static bool
has(const char *document, uint64_t sequence)
{
	return zone->policy && zone->policy->record.version.sequence == sequence &&
	       pz_slice_eq_str(zone->policy->record.document, document);
}

static void
a_change_is_signed_numbered_and_stored(void **state)
{
	(void)state;
	assert_int_equal(pz_authority_policy_sequence(zone), 0);
	assert_ok(set(PERMIT, 0, false));
	assert_ok(set(PERMIT_2, 1, false));
	assert_true(has(PERMIT_2, 2));
	pz_kit_authority_restart(&w, &zone);
	assert_true(has(PERMIT_2, 2));
	assert_string_equal(zone->policy->record.version.author, ZONE "/phone");
	assert_ok(pz_policy_record_check(&zone->policy->record, ZONE, zone->ca, &info));
	struct pz_zone_policy *former = NULL;
	assert_ok(pz_authority_former_policy(w.store, zone, &former, &info));
	assert_true(pz_slice_eq_str(former->record.document, PERMIT));
	pz_zone_policy_free(former);
}

static void
a_change_of_an_older_version_is_a_conflict(void **state)
{
	(void)state;
	assert_ok(set(PERMIT, 0, false));
	assert_int_equal(set(PERMIT_2, 0, false), PZ_ERR_EXISTS);
	assert_non_null(strstr(info.text, "conflict"));
	assert_int_equal(set(PERMIT_2, 2, false), PZ_ERR_EXISTS);
	assert_true(has(PERMIT, 1));
	assert_ok(set(PERMIT_2, -1, false)); /* on what there is */
	assert_true(has(PERMIT_2, 2));
}

static void
a_document_that_is_not_valid_is_refused(void **state)
{
	(void)state;
	assert_int_equal(set("<policy>\n<rule/></policy>", 0, true), PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, "line 2"));
	assert_int_equal(set("", 0, true), PZ_ERR_CONFIG);
	assert_null(zone->policy);
}

/* Also by saying nothing, and at other times only. */
static void
a_document_that_locks_the_owner_out_needs_force(void **state)
{
	(void)state;
	static const char *const locks[] = {
		DENY,
		"<policy/>",
		"<policy combine=\"first-applicable\"><rule effect=\"deny\"><condition>"
		"<subject-match attr=\"user-id\" match=\"http://webinos.org/subject/id/PZ-Owner\"/>"
		"</condition></rule><rule effect=\"permit\"/></policy>",
		"<policy combine=\"first-applicable\"><rule effect=\"permit\"><condition>"
		"<environment-match attr=\"timemin\" match=\"1440\" func=\"greater-than\"/>"
		"</condition></rule><rule effect=\"deny\"/></policy>",
	};

	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
		assert_int_equal(set(locks[i], 0, false), PZ_ERR_DENIED);
		assert_non_null(strstr(info.text, "locks the owner out"));
	}
	assert_ok(set(DENY, 0, true));
	assert_true(has(DENY, 1));
}

static void
a_zone_that_moves_changes_nothing_here(void **state)
{
	(void)state;
	zone->move.is_moving = true;
	assert_int_equal(set(PERMIT, 0, false), PZ_ERR_DENIED);
}

/* @spec page 9, 13: a hub that was restored from a backup brings no older policy back */
static void
a_restored_hub_takes_back_what_it_has_signed(void **state)
{
	(void)state;
	assert_ok(set(PERMIT, 0, false));
	struct pz_memory_disk *backup = pz_memory_disk_copy(w.disk);
	assert_ok(set(PERMIT_2, 1, false));
	PZ_AUTO_FREE char *newer = strdup(zone->policy->text);

	struct pz_memory_disk *lost = w.disk;
	w.disk = backup;
	pz_kit_authority_restart(&w, &zone);
	pz_memory_disk_free(lost);
	assert_true(has(PERMIT, 1));
	assert_ok(give_back(newer));
	assert_true(has(PERMIT_2, 2));
	assert_int_equal(give_back(newer), PZ_ERR_EXISTS);
	assert_string_equal(zone->policy->text, newer);
}

static void
a_number_that_was_given_twice_is_settled_by_the_later_change(void **state)
{
	(void)state;
	assert_ok(set(PERMIT, 0, false));
	assert_ok(set(PERMIT_2, 1, false));
	PZ_AUTO_FREE char *first = strdup(zone->policy->text);
	pz_zone_policy_free(PZ_TAKE(zone->policy)); /* the backup had none */
	w.clock.wall_ms += 1000;
	assert_ok(set(PERMIT, 0, false));
	assert_ok(set(PERMIT_3, 1, false));
	PZ_AUTO_FREE char *second = strdup(zone->policy->text);

	assert_ok(give_back(first)); /* ours is the later one, and gets a number of its own */
	assert_true(has(PERMIT_3, 3));
	pz_zone_policy_free(PZ_TAKE(zone->policy));
	assert_ok(give_back(first));
	assert_true(has(PERMIT_2, 2));
	assert_ok(give_back(second));
	assert_true(has(PERMIT_3, 3));
}

static void
a_hub_takes_nothing_that_its_zone_has_not_signed(void **state)
{
	(void)state;
	struct pz_authority *other = pz_kit_authority_new(&w, "eve@example.org");
	const struct pz_policy_version version = {.slot = PZ_POLICY_SLOT_USER, .sequence = 9};
	struct pz_policy_version exceptions = version;
	char *text = NULL;

	assert_ok(pz_policy_record_make(&version, pz_slice_str(PERMIT), ZONE, other->ca_key, &text,
					&info));
	assert_int_equal(give_back(text), PZ_ERR_DENIED_CHAIN);
	free(text);
	exceptions.slot = PZ_POLICY_SLOT_EXCEPTIONS;
	assert_ok(pz_policy_record_make(&exceptions, pz_slice_str(PERMIT), ZONE, zone->ca_key,
					&text, &info));
	assert_int_equal(give_back(text), PZ_ERR_DENIED);
	free(text);
	assert_int_equal(give_back("nonsense"), PZ_ERR_PROTO_JSON);
	pz_authority_free(other);
	assert_null(zone->policy);
}

/* ---- at a device ---- */

static struct pz_sync_chunk *
chunk_of(const char *text)
{
	struct pz_sync_parts parts = {.key = PZ_ZONE_POLICY_KEY,
				      .origin = ZONE,
				      .value = pz_slice_str(text),
				      .mtime_ms = w.clock.wall_ms};
	struct pz_sync_chunk *chunk = NULL;

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	return chunk;
}

/* As a session does it: only what wins is looked at further. */
static enum pz_err
receive(const char *text)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_POLICIES);
	struct pz_sync_item *item = pz_knowledge_item(knowledge, kind);
	struct pz_sync_judge judge = {.kind = kind, .number = pz_knowledge_number};
	struct pz_sync_chunk *chunk = chunk_of(text);
	json_t *keys = json_pack("[s]", PZ_ZONE_POLICY_KEY);
	enum pz_err err = pz_knowledge_accept(knowledge, kind, chunk, &info);

	if (err == PZ_OK)
		assert_true(pz_sync_wins(pz_sync_item_get(item, chunk->key), chunk, &judge));
	if (err == PZ_OK) {
		struct pz_txn *txn = pz_kit_txn();
		assert_ok(pz_sync_item_put(item, chunk, NULL));
		assert_ok(pz_knowledge_apply(knowledge, kind, keys, txn));
		assert_ok(pz_kit_world_commit(&phone, txn));
	} else {
		pz_sync_chunk_free(chunk);
	}
	json_decref(keys);
	return err;
}

static char *
signed_text(const char *document, uint64_t sequence)
{
	const struct pz_policy_version version = {.slot = PZ_POLICY_SLOT_USER,
						  .sequence = sequence};
	char *text = NULL;

	assert_ok(pz_policy_record_make(&version, pz_slice_str(document), ZONE, zone->ca_key, &text,
					NULL));
	return text;
}

static bool
device_has(const char *document)
{
	struct pz_policy_record record;

	return pz_knowledge_policy(knowledge, &record) &&
	       pz_slice_eq_str(record.document, document);
}

static void
reload(void)
{
	pz_knowledge_free(knowledge);
	pz_kit_world_restart(&phone);
	assert_ok(pz_knowledge_load(phone.store, membership, &knowledge, NULL, NULL));
}

static void
a_device_refuses_lower_and_equal_numbers(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *five = signed_text(PERMIT, 5), *other_five = signed_text(PERMIT_2, 5);
	PZ_AUTO_FREE char *four = signed_text(PERMIT_3, 4), *six = signed_text(DENY, 6);

	assert_ok(receive(five));
	assert_int_equal(receive(four), PZ_ERR_DENIED);
	assert_non_null(strstr(info.text, "older policy: number 4, here is 5"));
	assert_int_equal(receive(other_five), PZ_ERR_DENIED);
	assert_true(device_has(PERMIT));
	assert_ok(receive(six));
	reload();
	assert_true(device_has(DENY));
	assert_int_equal(receive(five), PZ_ERR_DENIED);
}

static void
a_device_refuses_what_the_zone_has_not_signed(void **state)
{
	(void)state;
	struct pz_authority *other = pz_kit_authority_new(&w, "eve@example.org");
	struct pz_policy_version version = {.slot = PZ_POLICY_SLOT_USER, .sequence = 9};
	PZ_AUTO_FREE char *good = signed_text(PERMIT, 1);
	char *text = NULL;

	assert_ok(pz_policy_record_make(&version, pz_slice_str(PERMIT), ZONE, other->ca_key, &text,
					NULL));
	assert_int_equal(receive(text), PZ_ERR_DENIED_CHAIN);
	free(text);
	assert_ok(pz_policy_record_make(&version, pz_slice_str(PERMIT), NULL, NULL, &text, NULL));
	assert_int_equal(receive(text), PZ_ERR_DENIED_CHAIN);
	free(text);
	version.slot = PZ_POLICY_SLOT_EXCEPTIONS; /* refused from others, with any signature */
	assert_ok(pz_policy_record_make(&version, pz_slice_str(PERMIT), ZONE, zone->ca_key, &text,
					NULL));
	assert_int_equal(receive(text), PZ_ERR_DENIED);
	free(text);
	pz_authority_free(other);
	assert_ok(receive(good));
}

/* Of a newer hub perhaps: what is here still counts. */
static void
a_device_keeps_its_policy_when_a_newer_one_is_not_valid(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *good = signed_text(PERMIT, 1);
	PZ_AUTO_FREE char *bad = signed_text("<policy><rule effect=\"maybe\"/></policy>", 2);

	assert_ok(receive(good));
	assert_int_equal(receive(bad), PZ_ERR_CONFIG);
	assert_true(device_has(PERMIT));
}

/* It may have denied something: nothing stands for it but the same or a newer one. */
static void
a_stored_policy_that_cannot_be_read_is_noticed(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *text = signed_text(PERMIT, 1);

	assert_ok(receive(text));
	reload();
	assert_false(pz_knowledge_is_policy_unreadable(knowledge));
	pz_kit_world_put(&phone, "knowledge", "policies/user", "{\"key\":\"user\"}");
	reload();
	assert_true(pz_knowledge_is_policy_unreadable(knowledge));
	assert_ok(receive(text));
	assert_false(pz_knowledge_is_policy_unreadable(knowledge));
}

/* Its number has a record of its own, so that damage opens no way back. */
static void
a_damaged_policy_keeps_its_number(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *four = signed_text(PERMIT_2, 4), *five = signed_text(PERMIT, 5);
	PZ_AUTO_FREE char *six = signed_text(PERMIT_3, 6);

	assert_ok(receive(five));
	pz_kit_world_put(&phone, "knowledge", "policies/user", "damaged");
	reload();
	assert_true(pz_knowledge_is_policy_unreadable(knowledge));
	assert_int_equal(receive(four), PZ_ERR_DENIED);
	assert_non_null(strstr(info.text, "older policy: number 4, here is 5"));
	assert_true(pz_knowledge_is_policy_unreadable(knowledge));
	assert_ok(receive(five));
	assert_int_equal(receive(five), PZ_ERR_DENIED);
	assert_ok(receive(six));
	reload();
	assert_true(device_has(PERMIT_3));
}

/* A part of the disk that was put back, or a record that is gone, is damage as well. */
static void
a_policy_older_than_its_number_is_damaged(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *four = signed_text(PERMIT_2, 4), *five = signed_text(PERMIT, 5);
	struct pz_txn *txn = pz_kit_txn();
	struct pz_sync_chunk *old = chunk_of(four);

	assert_ok(receive(five));
	json_t *record = pz_sync_chunk_to_json(old);
	PZ_AUTO_FREE char *text = json_dumps(record, JSON_COMPACT);
	json_decref(record);
	pz_kit_world_put(&phone, "knowledge", "policies/user", text);
	reload();
	assert_true(pz_knowledge_is_policy_unreadable(knowledge));
	assert_int_equal(receive(four), PZ_ERR_DENIED);
	assert_ok(receive(five));
	assert_false(pz_knowledge_is_policy_unreadable(knowledge));
	assert_ok(pz_txn_remove(txn, "knowledge", "policies/user"));
	assert_ok(pz_kit_world_commit(&phone, txn));
	reload();
	assert_true(pz_knowledge_is_policy_unreadable(knowledge));
	pz_sync_chunk_free(old);
}

static void
a_policy_goes_with_the_membership(void **state)
{
	(void)state;
	PZ_AUTO_FREE char *text = signed_text(PERMIT, 1);
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(receive(text));
	assert_ok(pz_membership_wipe(txn));
	assert_ok(pz_kit_world_commit(&phone, txn));
	reload();
	assert_false(device_has(PERMIT));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_change_is_signed_numbered_and_stored),
		TEST(a_change_of_an_older_version_is_a_conflict),
		TEST(a_document_that_is_not_valid_is_refused),
		TEST(a_document_that_locks_the_owner_out_needs_force),
		TEST(a_zone_that_moves_changes_nothing_here),
		TEST(a_restored_hub_takes_back_what_it_has_signed),
		TEST(a_number_that_was_given_twice_is_settled_by_the_later_change),
		TEST(a_hub_takes_nothing_that_its_zone_has_not_signed),
		TEST(a_device_refuses_lower_and_equal_numbers),
		TEST(a_device_refuses_what_the_zone_has_not_signed),
		TEST(a_device_keeps_its_policy_when_a_newer_one_is_not_valid),
		TEST(a_stored_policy_that_cannot_be_read_is_noticed),
		TEST(a_damaged_policy_keeps_its_number),
		TEST(a_policy_older_than_its_number_is_damaged),
		TEST(a_policy_goes_with_the_membership),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
