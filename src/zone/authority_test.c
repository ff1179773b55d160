/* The zone at its hub: page 2, and page 14 CERT-6, CERT-9, REV-2, REV-4. */
#include "kit/test.h"

#include "kit/authority.h"
#include "record/record.h"
#include "zone/authority.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define DAY_MS PZ_KIT_DAY_MS

static struct pz_kit_world w;
static struct pz_authority *zone;
static struct pz_key *device_key; /* of each device that enrols */

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	assert_ok(pz_key_generate(NULL, &device_key, NULL));
	zone = pz_kit_authority_new(&w, ZONE);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_authority_free(zone);
	pz_key_free(device_key);
	pz_kit_world_fini(&w);
	return 0;
}

/* ---- admitting ---- */

/* An enrolment under way. */
struct admitted {
	struct pz_txn *txn;
	struct pz_zone_change *change;
	struct pz_cert *cert;
	struct pz_crl *crl;
};

static enum pz_err
try_admit(struct admitted *a, const char *device)
{
	struct pz_admission wish = {device, "Ann's laptop", "pc", device_key};

	*a = (struct admitted){.txn = pz_kit_txn()};
	return pz_authority_admit(zone, &wish, a->txn, &a->change, &a->cert, &a->crl, &w.info);
}

static void
done_with(struct admitted *a)
{
	pz_cert_free(a->cert);
	pz_crl_free(a->crl);
}

static struct pz_member *
admit(const char *device)
{
	struct admitted a;

	assert_ok(try_admit(&a, device));
	assert_ok(pz_kit_world_commit(&w, a.txn));
	struct pz_member *member = pz_authority_apply(zone, a.change);
	assert_non_null(member);
	done_with(&a);
	return member;
}

/* As the hub does when the device has its first link. */
static void
confirm(struct pz_member *member)
{
	struct pz_txn *txn = pz_kit_txn();

	member->confirmed = true;
	member->last_seen_ms = w.clock.wall_ms;
	assert_ok(pz_authority_save_member(zone, member, txn));
	assert_ok(pz_kit_world_commit(&w, txn));
}

/* What the handshake proves about a device that shows its certificate of record. */
static struct pz_peer
peer_of(const struct pz_member *member)
{
	struct pz_peer peer = {.zone = ZONE};

	snprintf(peer.device, sizeof(peer.device), "%s", member->device);
	snprintf(peer.ca_serial, sizeof(peer.ca_serial), "%s", member->serial);
	memcpy(peer.ca_key_hash, member->ca_key_hash, sizeof(peer.ca_key_hash));
	return peer;
}

static enum pz_err
admits(const struct pz_peer *peer)
{
	struct pz_member *member = NULL;
	enum pz_err err = pz_authority_admits(zone, peer, &member, &w.info);

	assert_int_equal(member != NULL, err == PZ_OK);
	return err;
}

/* ---- the zone itself ---- */

static void
a_new_zone_has_what_page_2_says(void **state)
{
	char name[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	const char *uris[2];

	(void)state;
	assert_ok(pz_cert_identity(zone->ca, name, device));
	assert_string_equal(name, ZONE);
	assert_string_equal(device, "");
	assert_ok(pz_cert_identity(zone->tls, name, device));
	assert_string_equal(name, ZONE);
	assert_true(pz_cert_key_matches(zone->ca, zone->ca_key));
	assert_true(pz_cert_key_matches(zone->tls, zone->tls_key));
	assert_false(pz_cert_key_matches(zone->tls, zone->ca_key));
	assert_ok(pz_crl_verify(zone->crl, zone->ca, NULL));
	assert_int_equal(pz_crl_number(zone->crl), 1);
	assert_int_equal(pz_crl_len(zone->crl), 0);
	assert_string_equal(zone->name, ZONE);
	assert_int_equal(pz_map_len(zone->members), 0);
	pz_authority_key_uris(zone, uris);
	assert_string_not_equal(uris[0], uris[1]);
	assert_false(pz_authority_is_renewal_due(zone));
}

static void
wrong_names_are_refused(void **state)
{
	static const struct {
		const char *zone, *host, *name, *key_type;
	} rows[] = {
		{"alice", HOST, NULL, "ec-p256"},
		{"Alice@example.org", HOST, NULL, "ec-p256"},
		{"", HOST, NULL, "ec-p256"},
		{ZONE, "", NULL, "ec-p256"},
		{ZONE, "hub example", NULL, "ec-p256"},
		{ZONE, "hub/x", NULL, "ec-p256"},
		{ZONE, HOST, "", "ec-p256"},
		{ZONE, HOST, "line\nfeed", "ec-p256"},
		{ZONE, HOST, NULL, "rsa1024"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_txn *txn = pz_kit_txn();
		struct pz_authority *a = NULL;
		w.info.text[0] = '\0';
		assert_int_equal(pz_authority_create(rows[i].zone, rows[i].host, rows[i].name,
						     rows[i].key_type, w.keys, &w.clock.env, txn,
						     &a, &w.info),
				 PZ_ERR_CONFIG);
		assert_null(a);
		assert_true(w.info.text[0] != '\0');
		pz_txn_free(txn);
	}
}

static void
a_restart_brings_everything_back(void **state)
{
	struct pz_member *laptop, *phone;

	(void)state;
	laptop = admit("laptop");
	phone = admit("phone");
	confirm(phone);
	struct pz_peer proof = peer_of(laptop), other = peer_of(phone);
	pz_kit_revoke(&w, zone, "laptop", PZ_REVOKED_BY_OWNER);
	pz_kit_authority_restart(&w, &zone);
	assert_string_equal(zone->zone, ZONE);
	assert_string_equal(zone->host, HOST);
	assert_int_equal(pz_map_len(zone->members), 2);
	laptop = pz_authority_member(zone, "laptop");
	phone = pz_authority_member(zone, "phone");
	assert_true(laptop->revoked);
	assert_false(laptop->confirmed);
	assert_true(phone->confirmed);
	assert_int_equal(phone->last_seen_ms, w.clock.wall_ms);
	assert_int_equal(phone->enrolled_ms, w.clock.wall_ms);
	assert_string_equal(phone->display_name, "Ann's laptop");
	assert_string_equal(phone->device_type, "pc");
	assert_int_equal(pz_crl_number(zone->crl), 2);
	assert_int_equal(admits(&proof), PZ_ERR_DENIED_REVOKED);
	assert_ok(admits(&other));
	admit("tv"); /* the keys work */
}

static size_t zones_seen;

static enum pz_err
count_zone(void *arg, struct pz_authority *takes)
{
	zones_seen++;
	assert_int_equal(pz_map_len(takes->members), strcmp(takes->zone, ZONE) == 0 ? 1 : 0);
	pz_authority_free(takes);
	return *(enum pz_err *)arg;
}

static void
several_zones_are_loaded(void **state)
{
	enum pz_err answer = PZ_OK;

	(void)state;
	admit("laptop");
	pz_authority_free(pz_kit_authority_new(&w, "bob@example.org"));
	zones_seen = 0;
	assert_ok(
		pz_authority_load_all(w.store, w.keys, &w.clock.env, count_zone, &answer, &w.info));
	assert_int_equal(zones_seen, 2);
	/* The function that receives them may refuse: the others are freed. */
	answer = PZ_ERR_LIMIT_MEMORY;
	zones_seen = 0;
	assert_int_equal(
		pz_authority_load_all(w.store, w.keys, &w.clock.env, count_zone, &answer, &w.info),
		PZ_ERR_LIMIT_MEMORY);
	assert_int_equal(zones_seen, 1);
}

static void
an_unreadable_record_stops_the_start(void **state)
{
	enum pz_err answer = PZ_OK;
	static const char *const zones[] = {"", "[]", "{}", "{\"host\":\"h\",\"name\":7}", "{"};
	static const char *const members[] = {
		"{}", "7",
		"{\"displayName\":\"\",\"deviceType\":\"\",\"serial\":\"01\",\"keyHash\":\"zz\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		pz_kit_world_put(&w, "member:" ZONE, "laptop", members[i]);
		assert_int_equal(
			pz_err_category(pz_authority_load_all(w.store, w.keys, &w.clock.env,
							      count_zone, &answer, &w.info)),
			PZ_CAT_PROTO);
	}
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		pz_kit_world_put(&w, "zone", ZONE, zones[i]);
		assert_int_equal(
			pz_err_category(pz_authority_load_all(w.store, w.keys, &w.clock.env,
							      count_zone, &answer, &w.info)),
			PZ_CAT_PROTO);
	}
}

static void
a_missing_key_of_the_authority_stops_the_start(void **state)
{
	enum pz_err answer = PZ_OK;

	(void)state;
	assert_ok(pz_keystore_remove(w.keys, zone->ca_key_uri));
	assert_int_equal(
		pz_authority_load_all(w.store, w.keys, &w.clock.env, count_zone, &answer, &w.info),
		PZ_ERR_NOTFOUND);
}

static void
a_missing_tls_key_is_replaced(void **state)
{
	char lost[PZ_KEY_URI_MAX], fresh[PZ_KEY_URI_MAX];

	(void)state;
	snprintf(lost, sizeof(lost), "%s", zone->tls_key_uri);
	assert_ok(pz_keystore_remove(w.keys, lost));
	pz_kit_authority_restart(&w, &zone);
	assert_string_not_equal(zone->tls_key_uri, lost);
	assert_true(pz_cert_key_matches(zone->tls, zone->tls_key));
	snprintf(fresh, sizeof(fresh), "%s", zone->tls_key_uri);
	pz_kit_authority_restart(&w, &zone);
	assert_string_equal(zone->tls_key_uri, fresh); /* it was stored */
}

/* ---- members ---- */

static void
an_admitted_device_is_signed_for_and_let_in(void **state)
{
	struct admitted a;
	char name[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	char serial[PZ_SERIAL_HEX_BYTES];

	(void)state;
	assert_ok(try_admit(&a, "laptop"));
	/* Nothing has happened before the disk has it. */
	assert_null(pz_authority_member(zone, "laptop"));
	assert_int_equal(pz_kit_world_count(&w, "member:" ZONE), 0);
	assert_ok(pz_cert_identity(a.cert, name, device));
	assert_string_equal(device, "laptop");
	assert_true(pz_cert_key_matches(a.cert, device_key));
	assert_ptr_equal(a.crl, zone->crl); /* a new name changes no list */
	assert_ok(pz_kit_world_commit(&w, a.txn));
	struct pz_member *member = pz_authority_apply(zone, a.change);
	assert_ptr_equal(member, pz_authority_member(zone, "laptop"));
	pz_cert_serial_hex(a.cert, serial);
	assert_string_equal(member->serial, serial);
	assert_false(member->confirmed);
	struct pz_peer peer = peer_of(member);
	assert_ok(admits(&peer));
	done_with(&a);
}

static void
a_failed_commit_leaves_no_trace(void **state)
{
	struct admitted a;
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	(void)state;
	struct pz_member *phone = admit("phone");
	pz_memory_disk_fail_after(w.disk, 0);
	assert_ok(try_admit(&a, "laptop"));
	assert_int_equal(pz_kit_world_commit(&w, a.txn), PZ_ERR_IO_FULL);
	pz_authority_drop(a.change);
	done_with(&a);
	assert_true(pz_authority_is_name_free(zone, "laptop"));
	assert_null(pz_authority_member(zone, "laptop"));

	assert_ok(pz_authority_revoke(zone, "phone", PZ_REVOKED_BY_OWNER, txn, &change, &w.info));
	assert_int_equal(pz_kit_world_commit(&w, txn), PZ_ERR_IO_FULL);
	pz_authority_drop(change);
	pz_authority_drop(NULL);
	assert_false(phone->revoked);
	assert_int_equal(pz_crl_number(zone->crl), 1);
	struct pz_peer peer = peer_of(phone);
	assert_ok(admits(&peer));
}

static void
who_is_let_in(void **state)
{
	struct pz_member *laptop;

	(void)state;
	laptop = admit("laptop");
	admit("phone");
	struct pz_peer good = peer_of(laptop), peer = good;
	assert_ok(admits(&peer));

	snprintf(peer.device, sizeof(peer.device), "phone"); /* its name, our serial */
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_IDENTITY);
	snprintf(peer.device, sizeof(peer.device), "Laptop"); /* names are case-sensitive */
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_IDENTITY);
	peer = good;
	snprintf(peer.zone, sizeof(peer.zone), "bob@example.org");
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_IDENTITY);
	peer = good;
	peer.is_hub = true;
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_IDENTITY);
	peer = good;
	peer.ca_key_hash[31] ^= 1;
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_IDENTITY);
	peer = good;
	peer.ca_serial[0] = peer.ca_serial[0] == '0' ? '1' : '0';
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_IDENTITY);
	peer = good;
	snprintf(peer.ca_serial, sizeof(peer.ca_serial), "no hex"); /* fails closed */
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_REVOKED);
	assert_ok(admits(&good));
}

static void
a_name_is_free_until_its_device_was_here(void **state)
{
	struct admitted a;
	struct pz_member *first;

	(void)state;
	assert_true(pz_authority_is_name_free(zone, "laptop"));
	first = admit("laptop");
	struct pz_peer old = peer_of(first);
	/* It may have failed on the device after we stored it: asking again works (page 3). */
	assert_true(pz_authority_is_name_free(zone, "laptop"));
	assert_ok(try_admit(&a, "laptop"));
	assert_ptr_not_equal(a.crl, zone->crl);
	assert_int_equal(pz_crl_number(a.crl), 2);
	assert_true(pz_crl_has_serial(a.crl, old.ca_serial)); /* the former one is out, at once */
	assert_ok(pz_kit_world_commit(&w, a.txn));
	struct pz_member *second = pz_authority_apply(zone, a.change);
	assert_ptr_equal(second, first); /* pointers to members stay */
	assert_int_equal(pz_map_len(zone->members), 1);
	assert_int_equal(admits(&old), PZ_ERR_DENIED_REVOKED);
	struct pz_peer now = peer_of(second);
	assert_ok(admits(&now));
	done_with(&a);

	confirm(second);
	assert_false(pz_authority_is_name_free(zone, "laptop"));
	assert_int_equal(try_admit(&a, "laptop"), PZ_ERR_EXISTS);
	pz_txn_free(a.txn);
	pz_kit_authority_restart(&w, &zone);
	assert_false(pz_authority_is_name_free(zone, "laptop"));
	assert_int_equal(admits(&old), PZ_ERR_DENIED_REVOKED);
	assert_ok(admits(&now));
}

/* Page 14, CERT-9: a device keeps its name; the old certificate stays revoked. */
static void
a_revoked_name_may_be_enrolled_again(void **state)
{
	struct pz_member *member;

	(void)state;
	member = admit("laptop");
	confirm(member);
	member->info = json_pack("{s:s}", "displayName", "the old one");
	struct pz_peer old = peer_of(member);
	pz_kit_revoke(&w, zone, "laptop", PZ_REVOKED_BY_OWNER);
	assert_non_null(member->info); /* it is the same device still */
	assert_true(pz_authority_is_name_free(zone, "laptop"));
	member = admit("laptop");
	assert_false(member->revoked);
	assert_false(member->confirmed);
	assert_null(member->info); /* what another device said is not its own */
	assert_int_equal(member->last_seen_ms, 0);
	assert_int_equal(pz_crl_number(zone->crl), 2); /* it was on the list already */
	assert_int_equal(admits(&old), PZ_ERR_DENIED_REVOKED);
	struct pz_peer now = peer_of(member);
	assert_ok(admits(&now));
}

static void
revoking(void **state)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;
	struct pz_member *laptop, *phone;
	struct pz_session *session = (struct pz_session *)&w; /* only the pointer matters */

	(void)state;
	assert_int_equal(
		pz_authority_revoke(zone, "laptop", PZ_REVOKED_BY_OWNER, txn, &change, &w.info),
		PZ_ERR_NOTFOUND);
	laptop = admit("laptop");
	phone = admit("phone");
	laptop->session = session;
	struct pz_peer peer = peer_of(laptop), other = peer_of(phone);
	assert_ok(pz_authority_revoke(zone, "laptop", PZ_REVOKED_BY_OWNER, txn, &change, &w.info));
	assert_ok(admits(&peer)); /* not before it is durable */
	assert_ok(pz_kit_world_commit(&w, txn));
	assert_ptr_equal(pz_authority_apply(zone, change), laptop);
	assert_true(laptop->revoked);
	assert_ptr_equal(laptop->session, session); /* whose link the hub closes */
	laptop->session = NULL;
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_REVOKED);
	assert_ok(admits(&other));
	assert_int_equal(pz_crl_number(zone->crl), 2);
	assert_int_equal(pz_crl_len(zone->crl), 1);
	assert_ok(pz_crl_verify(zone->crl, zone->ca, NULL));

	txn = pz_kit_txn();
	assert_int_equal(
		pz_authority_revoke(zone, "laptop", PZ_REVOKED_BY_OWNER, txn, &change, &w.info),
		PZ_ERR_EXISTS);
	pz_txn_free(txn);
	pz_kit_revoke(&w, zone, "phone", PZ_REVOKED_BY_OWNER);
	assert_int_equal(pz_crl_number(zone->crl), 3);
	assert_int_equal(pz_crl_len(zone->crl), 2); /* no member is forgotten */
	assert_int_equal(admits(&peer), PZ_ERR_DENIED_REVOKED);
	assert_int_equal(admits(&other), PZ_ERR_DENIED_REVOKED);
}

/* The link ends while the revocation is being stored, and its record is written with what was then.
 */
static void
the_list_binds_whatever_a_record_says(void **state)
{
	struct pz_txn *txn = pz_kit_txn(), *late = pz_kit_txn();
	struct pz_zone_change *change = NULL;
	struct pz_member *laptop;

	(void)state;
	laptop = admit("laptop");
	confirm(laptop);
	assert_ok(pz_authority_revoke(zone, "laptop", PZ_REVOKED_BY_OWNER, txn, &change, &w.info));
	assert_ok(pz_authority_save_member(zone, laptop, late));
	assert_ok(pz_kit_world_commit(&w, txn));
	assert_ok(pz_kit_world_commit(&w, late));
	pz_authority_apply(zone, change);
	pz_kit_authority_restart(&w, &zone);
	laptop = pz_authority_member(zone, "laptop");
	assert_true(laptop->revoked);
	assert_true(pz_authority_is_name_free(zone, "laptop"));
}

static void
a_zone_has_room_for_so_many(void **state)
{
	static struct pz_member filler[PZ_DEVICES_PER_ZONE_MAX];
	struct admitted a;
	char name[PZ_DEVICE_BYTES_MAX + 1];

	(void)state;
	admit("laptop");
	struct pz_map *members = zone->members;
	struct pz_map *full = pz_map_new();
	assert_ok(pz_map_put(full, pz_slice_str("laptop"), pz_authority_member(zone, "laptop"),
			     NULL));
	for (int i = 1; i < PZ_DEVICES_PER_ZONE_MAX; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_ok(pz_map_put(full, pz_slice_str(name), &filler[i], NULL));
	}
	zone->members = full;
	assert_int_equal(try_admit(&a, "one-too-many"), PZ_ERR_LIMIT);
	pz_txn_free(a.txn);
	/* A name that is there takes no more room. */
	assert_ok(try_admit(&a, "laptop"));
	pz_txn_free(a.txn);
	pz_authority_drop(a.change);
	done_with(&a);
	zone->members = members;
	pz_map_free(full);
}

/* A list too long to be stored must not be stored in part: the next start would find no zone. */
static void
a_list_that_is_too_long_is_an_error(void **state)
{
	enum { MANY = 30000 };
	struct pz_crl_entry *entries = calloc(MANY, sizeof(*entries));
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	(void)state;
	assert_non_null(entries);
	admit("laptop");
	for (int i = 0; i < MANY; i++) {
		snprintf(entries[i].serial_hex, sizeof(entries[i].serial_hex), "7f%030x",
			 (unsigned)i);
		entries[i].when_ms = w.clock.wall_ms;
	}
	pz_crl_free(zone->crl);
	assert_ok(pz_crl_issue(zone->ca, zone->ca_key, entries, MANY, 1, &w.clock.env, &zone->crl,
			       NULL));
	assert_int_not_equal(
		pz_authority_revoke(zone, "laptop", PZ_REVOKED_BY_OWNER, txn, &change, &w.info),
		PZ_OK);
	assert_null(change);
	pz_txn_free(txn);
	pz_kit_authority_restart(&w, &zone);
	assert_false(pz_authority_member(zone, "laptop")->revoked);
	free(entries);
}

/* ---- renewal ---- */

static void
renew(void)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	assert_ok(pz_authority_renew(zone, w.keys, txn, &change, &w.info));
	assert_ok(pz_kit_world_commit(&w, txn));
	assert_null(pz_authority_apply(zone, change));
}

static void
the_list_is_renewed_at_half_its_life(void **state)
{
	char uri[PZ_KEY_URI_MAX];

	(void)state;
	admit("laptop");
	pz_kit_revoke(&w, zone, "laptop", PZ_REVOKED_BY_OWNER);
	snprintf(uri, sizeof(uri), "%s", zone->tls_key_uri);
	w.clock.wall_ms += 15 * DAY_MS - 60000;
	assert_false(pz_authority_is_renewal_due(zone));
	w.clock.wall_ms += 60000;
	assert_true(pz_authority_is_renewal_due(zone));
	renew();
	assert_false(pz_authority_is_renewal_due(zone));
	assert_int_equal(pz_crl_number(zone->crl), 3);
	assert_int_equal(pz_crl_len(zone->crl), 1);  /* what it revokes stays */
	assert_string_equal(zone->tls_key_uri, uri); /* the certificate is young */
}

static void
the_certificate_is_renewed_at_two_thirds(void **state)
{
	char uri[PZ_KEY_URI_MAX], name[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	uint8_t old_ca[32], new_ca[32];

	(void)state;
	snprintf(uri, sizeof(uri), "%s", zone->tls_key_uri);
	pz_cert_fingerprint(zone->ca, old_ca);
	w.clock.wall_ms = pz_cert_renew_at_ms(zone->tls) + 1;
	assert_true(pz_authority_is_renewal_due(zone));
	renew();
	assert_false(pz_authority_is_renewal_due(zone));
	assert_string_not_equal(zone->tls_key_uri, uri);
	assert_true(pz_cert_key_matches(zone->tls, zone->tls_key));
	assert_ok(pz_cert_identity(zone->tls, name, device));
	assert_string_equal(name, ZONE);
	pz_cert_fingerprint(zone->ca, new_ca);
	assert_memory_equal(old_ca, new_ca, sizeof(old_ca));
	snprintf(uri, sizeof(uri), "%s", zone->tls_key_uri);
	pz_kit_authority_restart(&w, &zone);
	assert_string_equal(zone->tls_key_uri, uri);
	assert_true(pz_cert_key_matches(zone->tls, zone->tls_key));
}

#define ZONE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ZONE_TEST(a_new_zone_has_what_page_2_says),
		ZONE_TEST(wrong_names_are_refused),
		ZONE_TEST(a_restart_brings_everything_back),
		ZONE_TEST(several_zones_are_loaded),
		ZONE_TEST(an_unreadable_record_stops_the_start),
		ZONE_TEST(a_missing_key_of_the_authority_stops_the_start),
		ZONE_TEST(a_missing_tls_key_is_replaced),
		ZONE_TEST(an_admitted_device_is_signed_for_and_let_in),
		ZONE_TEST(a_failed_commit_leaves_no_trace),
		ZONE_TEST(who_is_let_in),
		ZONE_TEST(a_name_is_free_until_its_device_was_here),
		ZONE_TEST(a_revoked_name_may_be_enrolled_again),
		ZONE_TEST(revoking),
		ZONE_TEST(the_list_binds_whatever_a_record_says),
		ZONE_TEST(a_zone_has_room_for_so_many),
		ZONE_TEST(a_list_that_is_too_long_is_an_error),
		ZONE_TEST(the_list_is_renewed_at_half_its_life),
		ZONE_TEST(the_certificate_is_renewed_at_two_thirds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
