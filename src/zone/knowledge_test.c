/* What a device learns from its hub and from peers: page 8 "Store", page 2 "Revocation". */
#include "kit/test.h"

#include "kit/authority.h"
#include "sync/session.h"
#include "zone/authority.h"
#include "zone/knowledge.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define DAY_MS PZ_KIT_DAY_MS

/* A device with a disk of its own; the hub's is w.store. */
struct device {
	const char *name;
	struct pz_kit_world world;
	struct pz_membership *membership;
	struct pz_knowledge *knowledge;
};

static struct pz_kit_world w;
static struct pz_authority *zone;
static struct device laptop, phone;
static size_t refusals, skipped;
static char refused[512];

/* ---- hub and devices ---- */

static void
enrol(struct device *d, const char *name)
{
	*d = (struct device){.name = name};
	pz_kit_world_init_beside(&d->world, &w);
	d->membership = pz_kit_enrol(&w, zone, name, d->world.keys, NULL);
	assert_ok(pz_knowledge_load(d->world.store, d->membership, &d->knowledge, NULL, NULL));
}

static void
restart(struct device *d)
{
	pz_knowledge_free(d->knowledge);
	pz_kit_world_restart(&d->world);
	assert_ok(pz_knowledge_load(d->world.store, d->membership, &d->knowledge, &skipped, NULL));
}

static void
close_device(struct device *d)
{
	pz_knowledge_free(d->knowledge);
	pz_membership_free(d->membership);
	pz_kit_world_fini(&d->world);
}

static void
revoke(const char *device)
{
	w.clock.wall_ms += 1000;
	pz_kit_revoke(&w, zone, device, PZ_REVOKED_BY_OWNER);
}

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	zone = pz_kit_authority_new(&w, ZONE);
	refusals = 0;
	enrol(&laptop, "laptop");
	enrol(&phone, "phone");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close_device(&laptop);
	close_device(&phone);
	pz_authority_free(zone);
	pz_kit_world_fini(&w);
	return 0;
}

/* ---- sessions, as the daemons would own them ---- */

struct end {
	struct device *device; /* NULL: the hub */
	struct pz_sync_session *session;
	json_t *inbox; /* [status, message, …] */
	struct end *peer;
};

static enum pz_err
on_send(void *arg, const char *status, json_t *message)
{
	struct end *end = arg;

	assert_int_equal(json_array_append_new(end->peer->inbox, json_string(status)), 0);
	assert_int_equal(json_array_append_new(end->peer->inbox, json_deep_copy(message)), 0);
	return PZ_OK;
}

static struct pz_sync_item *
on_item(void *arg, const struct pz_sync_kind *kind)
{
	const struct end *end = arg;

	return end->device ? pz_knowledge_item(end->device->knowledge, kind)
			   : pz_authority_item(zone, kind);
}

static enum pz_err
on_accept(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	const struct end *end = arg;

	assert_non_null(end->device); /* a hub is given nothing of these */
	return pz_knowledge_accept(end->device->knowledge, kind, chunk, info);
}

static void
on_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct end *end = arg;
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_knowledge_apply(end->device->knowledge, kind, keys, txn));
	assert_ok(pz_kit_world_commit(&end->device->world, txn));
}

static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	(void)arg;
	refusals++;
	snprintf(refused, sizeof(refused), "%s %s: %s", item, key, reason);
}

static const struct pz_sync_ops ops = {
	.send = on_send,
	.item = on_item,
	.accept = on_accept,
	.changed = on_changed,
	.number = pz_knowledge_number,
	.refused = on_refused,
};

static bool
step(struct end *end)
{
	if (json_array_size(end->inbox) == 0)
		return false;
	json_t *status = json_incref(json_array_get(end->inbox, 0));
	json_t *message = json_incref(json_array_get(end->inbox, 1));
	json_array_remove(end->inbox, 0);
	json_array_remove(end->inbox, 0);
	assert_ok(pz_sync_session_message(end->session, json_string_value(status), message, NULL));
	json_decref(status);
	json_decref(message);
	return true;
}

/* `dialler` opens; `other` NULL: the hub. Returns the number of messages. */
static size_t
meet(struct device *dialler, struct device *other)
{
	struct end ends[2] = {{.device = dialler, .peer = &ends[1]},
			      {.device = other, .peer = &ends[0]}};
	size_t steps = 0;

	for (int i = 0; i < 2; i++) {
		struct pz_sync_config config = {
			.self = ends[i].device ? PZ_SYNC_DEVICE : PZ_SYNC_HUB,
			.other = ends[1 - i].device ? PZ_SYNC_DEVICE : PZ_SYNC_HUB,
			.env = &w.clock.env,
			.ops = &ops,
			.arg = &ends[i],
		};
		assert_non_null(ends[i].inbox = json_array());
		assert_non_null(ends[i].session = pz_sync_session_new(&config));
	}
	assert_ok(pz_sync_session_open(ends[0].session));
	while (step(&ends[0]) || step(&ends[1]))
		steps++;
	for (int i = 0; i < 2; i++) {
		pz_sync_session_free(ends[i].session);
		json_decref(ends[i].inbox);
	}
	return steps;
}

static void
knows_all(const struct device *d)
{
	const struct pz_known_device *known = pz_knowledge_device(d->knowledge, "phone");

	assert_int_equal(pz_knowledge_len(d->knowledge), 2);
	assert_non_null(known);
	assert_string_equal(known->serial, pz_authority_member(zone, "phone")->serial);
	assert_non_null(pz_knowledge_device(d->knowledge, "laptop"));
	assert_memory_equal(pz_knowledge_secret(d->knowledge), zone->secret, PZ_ZONE_SECRET_BYTES);
}

/* ---- with the hub ---- */

static void
a_new_device_knows_the_list_of_its_enrolment(void **state)
{
	(void)state;
	assert_int_equal(pz_crl_number(pz_knowledge_crl(laptop.knowledge)), 1);
	assert_null(pz_knowledge_secret(laptop.knowledge));
	assert_int_equal(pz_knowledge_len(laptop.knowledge), 0);
}

static void
it_learns_from_the_hub_and_keeps_it(void **state)
{
	size_t pos = 0, count = 0;

	(void)state;
	meet(&laptop, NULL);
	knows_all(&laptop);
	assert_int_equal(meet(&laptop, NULL), 2); /* in sync: one message each way */
	restart(&laptop);
	assert_int_equal(skipped, 0);
	knows_all(&laptop);
	while (pz_knowledge_next(laptop.knowledge, &pos))
		count++;
	assert_int_equal(count, 2);
	assert_int_equal(meet(&laptop, NULL), 2);
	assert_int_equal(refusals, 0);
}

static void
it_learns_of_revocations(void **state)
{
	(void)state;
	meet(&laptop, NULL);
	revoke("phone");
	meet(&laptop, NULL);
	assert_int_equal(pz_crl_number(pz_knowledge_crl(laptop.knowledge)), 2);
	assert_null(pz_knowledge_device(laptop.knowledge, "phone"));
	assert_int_equal(meet(&laptop, NULL), 2);
	restart(&laptop);
	assert_int_equal(skipped, 0);
	assert_int_equal(pz_crl_number(pz_knowledge_crl(laptop.knowledge)), 2);
	assert_null(pz_knowledge_device(laptop.knowledge, "phone"));
	assert_int_equal(meet(&laptop, NULL), 2);
	/* its name comes back with another certificate */
	close_device(&phone);
	w.clock.wall_ms += 1000;
	enrol(&phone, "phone");
	meet(&laptop, NULL);
	knows_all(&laptop);
	assert_int_equal(refusals, 0);
}

static void
what_the_hub_has_forgotten_is_forgotten(void **state)
{
	(void)state;
	meet(&laptop, NULL);
	revoke("phone");
	w.clock.wall_ms += 91 * DAY_MS; /* the device was away for longer than deletions are kept */
	pz_sync_item_expire(pz_authority_item(zone, pz_sync_kind(PZ_SYNC_TRUSTED_PZP)),
			    w.clock.wall_ms);
	meet(&laptop, NULL);
	assert_null(pz_sync_item_get(
		pz_knowledge_item(laptop.knowledge, pz_sync_kind(PZ_SYNC_TRUSTED_PZP)), "phone"));
	assert_int_equal(pz_kit_world_count(&laptop.world, "knowledge"), 3);
	assert_int_equal(meet(&laptop, NULL), 2);
}

static void
a_wipe_leaves_nothing(void **state)
{
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	meet(&laptop, NULL);
	assert_ok(pz_membership_wipe(txn));
	assert_ok(pz_kit_world_commit(&laptop.world, txn));
	restart(&laptop);
	assert_null(pz_knowledge_secret(laptop.knowledge));
	assert_int_equal(pz_knowledge_len(laptop.knowledge), 0);
}

/* ---- with peers ---- */

static void
peers_pass_on_lists_and_certificates_but_no_secret(void **state)
{
	(void)state;
	revoke("phone"); /* nothing stops it from talking to those who do not know */
	close_device(&phone);
	w.clock.wall_ms += 1000;
	enrol(&phone, "phone");
	meet(&laptop, NULL);
	meet(&phone, &laptop);
	assert_int_equal(pz_crl_number(pz_knowledge_crl(phone.knowledge)), 2);
	assert_int_equal(pz_knowledge_len(phone.knowledge), 2);
	assert_null(pz_knowledge_secret(phone.knowledge));
	assert_int_equal(meet(&laptop, &phone), 2);
	assert_int_equal(refusals, 0);
}

static void
a_newer_list_drops_a_device_before_its_deletion_comes(void **state)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_CRL);
	struct pz_sync_item *item = pz_knowledge_item(laptop.knowledge, kind);
	struct pz_sync_parts parts = {.key = ZONE, .origin = ZONE};
	struct pz_sync_chunk *chunk = NULL;
	struct pz_txn *txn = pz_kit_txn();
	json_t *keys = json_pack("[s]", ZONE);

	(void)state;
	meet(&laptop, NULL);
	revoke("phone");
	parts.value = pz_slice_str(pz_sync_item_get(pz_authority_item(zone, kind), ZONE)->value);
	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	assert_ok(pz_knowledge_accept(laptop.knowledge, kind, chunk, NULL));
	assert_ok(pz_sync_item_put(item, chunk, NULL));
	assert_ok(pz_knowledge_apply(laptop.knowledge, kind, keys, txn));
	assert_null(pz_knowledge_device(laptop.knowledge, "phone"));
	assert_non_null(pz_knowledge_device(laptop.knowledge, "laptop"));
	json_decref(keys);
	pz_txn_free(txn);
}

/* ---- what is refused ---- */

static enum pz_err
offer(enum pz_sync_id id, const char *key, const char *value, const char *origin)
{
	struct pz_sync_parts parts = {key, origin, pz_slice_str(value), w.clock.wall_ms,
				      value == NULL};
	struct pz_errinfo info = {""};
	struct pz_sync_chunk *chunk = NULL;

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	enum pz_err err = pz_knowledge_accept(laptop.knowledge, pz_sync_kind(id), chunk, &info);
	assert_true((err == PZ_OK) == (info.text[0] == '\0'));
	snprintf(refused, sizeof(refused), "%s", info.text);
	pz_sync_chunk_free(chunk);
	return err;
}

static void
certificates_of_others_are_refused(void **state)
{
	enum pz_sync_id id = PZ_SYNC_TRUSTED_PZP;
	struct pz_cert_subject subject = {.zone = ZONE, .device = "phone"};
	struct pz_key *key = NULL;
	struct pz_cert *own = NULL;
	char *good = strdup(pz_authority_member(zone, "phone")->ca_pem), *pem;

	(void)state;
	assert_ok(offer(id, "phone", good, ZONE));
	assert_ok(offer(id, "phone", NULL, ZONE));
	assert_int_equal(offer(id, "tv", good, ZONE), PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(offer(id, "phone", good, ZONE "/phone"), PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(offer(id, "phone", "no certificate", ZONE), PZ_ERR_PROTO);
	assert_int_equal(offer(id, "phone", "", ZONE), PZ_ERR_PROTO);

	/* a self-signed PZP CA, and the zone's CA itself */
	assert_ok(pz_key_generate(NULL, &key, NULL));
	assert_ok(
		pz_cert_issue(PZ_CERT_PZP_CA, &subject, key, NULL, key, &w.clock.env, &own, NULL));
	pem = pz_record_cert_text(own);
	assert_int_equal(offer(id, "phone", pem, ZONE), PZ_ERR_DENIED_CHAIN);
	free(pem);
	pem = pz_record_cert_text(zone->ca);
	assert_int_equal(pz_err_category(offer(id, "phone", pem, ZONE)), PZ_CAT_DENIED);
	free(pem);
	pem = pz_record_cert_text(laptop.membership->tls);
	assert_int_equal(pz_err_category(offer(id, "laptop", pem, ZONE)), PZ_CAT_DENIED);
	free(pem);

	revoke("phone");
	meet(&laptop, NULL);
	assert_int_equal(offer(id, "phone", good, ZONE), PZ_ERR_DENIED_REVOKED);
	pz_key_free(key);
	pz_cert_free(own);
	free(good);
}

static void
a_wrong_clock_does_not_keep_certificates_out(void **state)
{
	(void)state;
	w.clock.wall_ms = 1000;
	assert_ok(offer(PZ_SYNC_TRUSTED_PZP, "phone", pz_authority_member(zone, "phone")->ca_pem,
			ZONE));
}

static void
lists_of_others_and_older_ones_are_refused(void **state)
{
	enum pz_sync_id id = PZ_SYNC_CRL;
	char *first = pz_record_crl_text(zone->crl), *pem;
	struct pz_txn *txn = pz_kit_txn();
	struct pz_authority *other = NULL;

	(void)state;
	assert_ok(offer(id, ZONE, first, ZONE)); /* the same once more */
	assert_int_equal(offer(id, "bob@example.org", first, ZONE), PZ_ERR_NOTFOUND);
	assert_int_equal(offer(id, ZONE, NULL, ZONE), PZ_ERR_DENIED);
	assert_int_equal(offer(id, ZONE, "no list", ZONE), PZ_ERR_PROTO);
	assert_ok(pz_authority_create("bob@example.org", HOST, NULL, "ec-p256", w.keys,
				      &w.clock.env, txn, &other, &w.info));
	pem = pz_record_crl_text(other->crl);
	assert_int_equal(offer(id, ZONE, pem, ZONE), PZ_ERR_DENIED_CHAIN);
	free(pem);
	pz_txn_free(txn);
	pz_authority_free(other);

	revoke("phone");
	meet(&laptop, NULL);
	assert_int_equal(offer(id, ZONE, first, ZONE), PZ_ERR_DENIED);
	assert_non_null(strstr(refused, "older CRL"));
	free(first);
}

/* ---- lists that do not replace each other ---- */

static struct pz_sync_chunk *
list_chunk(uint64_t number, const char *const *serials, size_t count)
{
	struct pz_crl_entry entries[4] = {{.when_ms = 0}};
	struct pz_crl *crl = NULL;
	struct pz_sync_chunk *chunk = NULL;

	for (size_t i = 0; i < count; i++) {
		snprintf(entries[i].serial_hex, sizeof(entries[i].serial_hex), "%s", serials[i]);
		entries[i].when_ms = w.clock.wall_ms;
	}
	assert_ok(pz_crl_issue(zone->ca, zone->ca_key, entries, count, number, &w.clock.env, &crl,
			       NULL));
	char *text = pz_record_crl_text(crl);
	struct pz_sync_parts parts = {.key = ZONE,
				      .origin = ZONE,
				      .value = pz_slice_str(text),
				      .mtime_ms = w.clock.wall_ms};
	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	free(text);
	pz_crl_free(crl);
	return chunk;
}

/* As a session does with one that wins. */
static void
take_list(uint64_t number, const char *const *serials, size_t count)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_CRL);
	struct pz_sync_chunk *chunk = list_chunk(number, serials, count);
	json_t *keys = json_pack("[s]", ZONE);
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_knowledge_accept(laptop.knowledge, kind, chunk, NULL));
	assert_ok(pz_sync_item_put(pz_knowledge_item(laptop.knowledge, kind), chunk, NULL));
	assert_ok(pz_knowledge_apply(laptop.knowledge, kind, keys, txn));
	assert_ok(pz_kit_world_commit(&laptop.world, txn));
	json_decref(keys);
	restart(&laptop);
	assert_int_equal(skipped, 0);
}

static struct pz_crl_difference
weigh(uint64_t number, const char *const *serials, size_t count, bool is_kept)
{
	struct pz_sync_chunk *chunk = list_chunk(number, serials, count);
	struct pz_crl_difference weight;
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_knowledge_compare_crl(laptop.knowledge, chunk, &weight, NULL));
	if (is_kept)
		assert_ok(pz_knowledge_keep_older_crl(laptop.knowledge, chunk, txn, NULL));
	assert_ok(pz_kit_world_commit(&laptop.world, txn));
	if (is_kept)
		restart(&laptop);
	pz_sync_chunk_free(chunk);
	return weight;
}

static size_t
older_lists(void)
{
	return pz_knowledge_older_crls(laptop.knowledge)->count;
}

static void
who_was_ever_on_a_list_stays_out_until_one_says_all(void **state)
{
	static const char *const ab[] = {"0a", "0b"}, *const cd[] = {"0c", "0d"},
				 *const abcd[] = {"0a", "0b", "0c", "0d"};
	struct pz_crl_difference weight;

	(void)state;
	take_list(5, ab, 2);
	take_list(6, cd, 1); /* of a hub that was restored before 0a */
	assert_int_equal(pz_crl_number(pz_knowledge_crl(laptop.knowledge)), 6);
	assert_int_equal(older_lists(), 1);
	assert_true(pz_knowledge_is_revoked(laptop.knowledge, "0a"));
	assert_true(pz_knowledge_is_revoked(laptop.knowledge, "0c"));
	assert_false(pz_knowledge_is_revoked(laptop.knowledge, "0d"));

	weight = weigh(5, ab, 2, false);
	assert_true(weight.has_less && !weight.has_more);
	assert_true(weight.number == 5 && weight.known == 6);
	weight = weigh(4, cd, 2, true); /* only a peer has it */
	assert_true(weight.has_more && !weight.has_less);
	assert_int_equal(older_lists(), 2);
	assert_true(pz_knowledge_is_revoked(laptop.knowledge, "0d"));
	weight = weigh(4, cd, 2, false);
	assert_false(weight.has_more);

	take_list(7, abcd, 4);
	assert_int_equal(older_lists(), 0);
	assert_true(pz_knowledge_is_revoked(laptop.knowledge, "0a"));
	assert_true(pz_knowledge_is_revoked(laptop.knowledge, "0d"));
}

static void
there_is_room_for_a_few_such_lists(void **state)
{
	struct pz_crl_difference weight;

	(void)state;
	take_list(100, NULL, 0);
	for (size_t i = 0; i <= PZ_CRL_HISTORY_MAX; i++) {
		char serial[8];
		const char *one[] = {serial};
		snprintf(serial, sizeof(serial), "1%zu", i);
		weight = weigh(50 + i, one, 1, i < PZ_CRL_HISTORY_MAX);
		assert_true(weight.has_more);
	}
	assert_int_equal(older_lists(), PZ_CRL_HISTORY_MAX);
}

/* After a commit that failed everything is written again, in place of what is stored. */
static void
what_is_written_anew_is_all_that_is_known(void **state)
{
	static const char *const ab[] = {"0a", "0b"}, *const c[] = {"0c"}, *const d[] = {"0d"};
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	meet(&laptop, NULL);
	take_list(15, ab, 2);
	take_list(16, c, 1);
	(void)weigh(14, d, 1, true);
	assert_int_equal(older_lists(), 2);
	assert_ok(pz_knowledge_save(laptop.knowledge, txn));
	assert_ok(pz_kit_world_commit(&laptop.world, txn));
	restart(&laptop);
	assert_int_equal(skipped, 0);
	assert_int_equal(older_lists(), 2);
	assert_int_equal(pz_crl_number(pz_knowledge_crl(laptop.knowledge)), 16);
	for (size_t i = 0; i < 4; i++) {
		static const char *const serials[] = {"0a", "0b", "0c", "0d"};
		assert_true(pz_knowledge_is_revoked(laptop.knowledge, serials[i]));
	}
	assert_non_null(pz_knowledge_device(laptop.knowledge, "phone"));
	assert_non_null(pz_knowledge_secret(laptop.knowledge));
}

static void
a_secret_has_32_bytes(void **state)
{
	enum pz_sync_id id = PZ_SYNC_ZONE_SECRET;
	const char *good = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

	(void)state;
	assert_ok(offer(id, "zone-secret", good, ZONE));
	assert_int_equal(offer(id, "zone-secret", "AAEC", ZONE), PZ_ERR_PROTO);
	assert_int_equal(offer(id, "zone-secret", "", ZONE), PZ_ERR_PROTO);
	assert_int_equal(offer(id, "zone-secret", NULL, ZONE), PZ_ERR_PROTO);
	assert_int_equal(
		offer(id, "zone-secret", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==", ZONE),
		PZ_ERR_PROTO);
	assert_int_equal(offer(id, "other", good, ZONE), PZ_ERR_NOTFOUND);
	assert_null(strstr(refused, "AAEC"));
}

static void
other_items_are_not_kept_here(void **state)
{
	(void)state;
	assert_int_equal(offer(PZ_SYNC_PREFERENCES, "colour", "1", ZONE), PZ_ERR_NOTFOUND);
	assert_int_equal(offer(PZ_SYNC_CONTEXT, "mood", "1", ZONE), PZ_ERR_NOTFOUND);
	assert_null(pz_knowledge_item(laptop.knowledge, pz_sync_kind(PZ_SYNC_CONTEXT)));
}

/* Nothing in it is needed to reach the hub, and there it comes again. */
static void
a_damaged_record_is_left_out_and_comes_again(void **state)
{
	(void)state;
	meet(&laptop, NULL);
	pz_kit_world_put(&laptop.world, "knowledge", "trusted-pzp/phone", "{");
	pz_kit_world_put(&laptop.world, "knowledge", "zone-secret/zone-secret",
			 "{\"key\":\"zone-secret\",\"value\":\"x\","
			 "\"mtime\":1,\"origin\":\"" ZONE "\"}");
	pz_kit_world_put(&laptop.world, "knowledge", "crl/" ZONE, "[]");
	pz_kit_world_put(&laptop.world, "knowledge", "unknown/a", "{}");
	pz_kit_world_put(&laptop.world, "knowledge", "no slash", "{}");
	pz_kit_world_put(&laptop.world, "knowledge", "preferences/a",
			 "{\"key\":\"a\",\"value\":\"x\",\"mtime\":1,\"origin\":\"" ZONE "\"}");
	restart(&laptop);
	assert_int_equal(skipped, 6);
	assert_int_equal(pz_knowledge_len(laptop.knowledge), 1);
	assert_null(pz_knowledge_secret(laptop.knowledge));
	assert_int_equal(pz_crl_number(pz_knowledge_crl(laptop.knowledge)), 1);
	meet(&laptop, NULL);
	knows_all(&laptop);
}

#define ZONE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ZONE_TEST(a_new_device_knows_the_list_of_its_enrolment),
		ZONE_TEST(it_learns_from_the_hub_and_keeps_it),
		ZONE_TEST(it_learns_of_revocations),
		ZONE_TEST(what_the_hub_has_forgotten_is_forgotten),
		ZONE_TEST(a_wipe_leaves_nothing),
		ZONE_TEST(peers_pass_on_lists_and_certificates_but_no_secret),
		ZONE_TEST(a_newer_list_drops_a_device_before_its_deletion_comes),
		ZONE_TEST(certificates_of_others_are_refused),
		ZONE_TEST(a_wrong_clock_does_not_keep_certificates_out),
		ZONE_TEST(lists_of_others_and_older_ones_are_refused),
		ZONE_TEST(who_was_ever_on_a_list_stays_out_until_one_says_all),
		ZONE_TEST(there_is_room_for_a_few_such_lists),
		ZONE_TEST(what_is_written_anew_is_all_that_is_known),
		ZONE_TEST(a_secret_has_32_bytes),
		ZONE_TEST(other_items_are_not_kept_here),
		ZONE_TEST(a_damaged_record_is_left_out_and_comes_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
