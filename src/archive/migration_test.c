/* A zone in an archive: what is moved, and what is not (page 14 WIP-7, KEY-3, DAT-6, HST-5). */
#include "archive/migration_fixture.h"

/* ---- moving ---- */

static void
assert_same_cert(const struct pz_cert *a, const struct pz_cert *b)
{
	uint8_t one[32], two[32];

	pz_cert_fingerprint(a, one);
	pz_cert_fingerprint(b, two);
	assert_memory_equal(one, two, sizeof(one));
}

static void
assert_same_members(const struct pz_authority *a)
{
	static const char *const names[] = {"laptop", "phone", "tv", "watch"};

	assert_int_equal(pz_map_len(a->members), 4);
	for (size_t i = 0; i < 4; i++) {
		const struct pz_member *is = pz_authority_member(a, names[i]);
		const struct pz_member *was = pz_authority_member(zone, names[i]);
		assert_non_null(is);
		assert_string_equal(is->serial, was->serial);
		assert_memory_equal(is->ca_key_hash, was->ca_key_hash, sizeof(is->ca_key_hash));
		assert_string_equal(is->display_name, was->display_name);
		assert_int_equal(is->revoked, was->revoked);
		assert_int_equal(is->revoked_ms, was->revoked_ms);
		assert_int_equal(is->enrolled_ms, was->enrolled_ms);
		assert_int_equal(is->revoked_why, was->revoked_why);
		assert_int_equal(json_array_size(is->former), i == 3);
		assert_int_equal(json_equal(is->former, was->former), i == 3);
		assert_string_equal(is->ca_pem ? is->ca_pem : "", was->ca_pem ? was->ca_pem : "");
	}
}

static void
test_moves(void **state)
{
	struct pz_buf archive = exported(zone, 8041);
	struct pz_authority *a = imported(&archive, "new.example.org", 9000);
	char tls[PZ_SERIAL_HEX_BYTES], was[PZ_SERIAL_HEX_BYTES];

	(void)state;
	assert_string_equal(a->zone, ZONE);
	assert_string_equal(a->host, "new.example.org");
	assert_string_equal(a->name, "Alice");
	assert_same_cert(a->ca, zone->ca);
	assert_true(pz_cert_key_matches(a->ca, a->ca_key));
	assert_memory_equal(a->secret, zone->secret, sizeof(a->secret));
	assert_same_members(a);
	/* Its own TLS key and certificate, for its own host. */
	assert_true(pz_cert_key_matches(a->tls, a->tls_key));
	assert_false(pz_cert_key_matches(zone->tls, a->tls_key));
	pz_cert_serial_hex(a->tls, tls);
	pz_cert_serial_hex(zone->tls, was);
	assert_string_not_equal(tls, was);
	/* A list that wins over what the former hub continues to issue. */
	assert_ok(pz_crl_verify(a->crl, zone->ca, NULL));
	assert_true(pz_crl_number(a->crl) > pz_crl_number(zone->crl) + PZ_DEVICES_PER_ZONE_MAX);
	assert_int_equal(pz_crl_len(a->crl), 2);
	assert_true(pz_crl_has_serial(a->crl, pz_authority_member(zone, "phone")->serial));
	/* What devices share. */
	struct pz_shared *shared = shared_of(&target);
	assert_string_equal(pz_shared_value(shared, PZ_SYNC_USER_DETAILS, "fullName"), "\"Alice\"");
	assert_string_equal(pz_shared_value(shared, PZ_SYNC_USER_DETAILS, "device/tv"), "\"Den\"");
	pz_shared_free(shared);
	/* And the notice of where it is. */
	assert_ok(pz_hub_notice_check(&a->move.notice, ZONE, zone->ca, NULL));
	assert_string_equal(a->move.notice.at.host, "new.example.org");
	assert_int_equal(a->move.notice.at.port, 9000);
	assert_ok(pz_authority_check_stays(a, NULL));
	pz_authority_free(a);
	pz_buf_wipe(&archive);
}

static void
test_what_devices_wrote_moves(void **state)
{
	struct pz_shared *here = shared_of(&w);

	(void)state;
	assert_ok(pz_shared_write(here, PZ_SYNC_PREFERENCES, "peer.auto", "true", NULL, NULL,
				  &w.info));
	assert_ok(
		pz_shared_write(here, PZ_SYNC_APP_DATA, "shop list/ü", "[1]", NULL, NULL, &w.info));
	assert_ok(pz_kit_world_commit(&w, pz_kit_txn()));
	struct pz_buf archive = exported(zone, 8041);
	struct pz_authority *a = imported(&archive, "new.example.org", 9000);
	struct pz_shared *there = shared_of(&target);
	assert_string_equal(pz_shared_value(there, PZ_SYNC_PREFERENCES, "peer.auto"), "true");
	assert_string_equal(pz_shared_value(there, PZ_SYNC_APP_DATA, "shop list/ü"), "[1]");
	pz_shared_free(there);
	pz_shared_forget(here, PZ_SYNC_PREFERENCES, NULL, NULL); /* for the other tests */
	pz_shared_forget(here, PZ_SYNC_APP_DATA, NULL, NULL);
	assert_ok(pz_kit_world_commit(&w, pz_kit_txn()));
	pz_shared_free(here);
	pz_authority_free(a);
	pz_buf_wipe(&archive);
}

/* What its devices were given is signed, so the new hub gives them the same bytes. */
static void
test_friends_move(void **state)
{
	struct pz_kit_zone bob, eve;
	struct pz_friend *f = NULL;
	struct pz_friends_kept there;
	struct pz_invitation invitation;
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	pz_kit_zone_init(&bob, "bob@example.net", &w.clock.env);
	pz_kit_zone_init(&eve, "eve@example.net", &w.clock.env);
	assert_ok(pz_friend_new(bob.name, bob.ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name), "Bob");
	assert_ok(pz_friend_set_crl(f, bob.crl, NULL));
	f->is_confirmed_here = f->is_confirmed_there = true;
	f->since_ms = f->seen_ms = 1800000000000;
	assert_ok(pz_friend_sign(f, ZONE, zone->ca_key));
	assert_ok(pz_friends_put_record(f, ZONE, txn));
	assert_ok(pz_friends_end_record(eve.name, 1700000000000, ZONE, txn));
	assert_ok(pz_invitation_make(ZONE, zone->ca, HOST, 8041, &w.clock.env, &invitation));
	assert_ok(pz_friends_put_invitation(&invitation, txn));
	assert_ok(pz_kit_world_commit(&w, txn));
	struct pz_buf archive = exported(zone, 8041);
	struct pz_authority *a = imported(&archive, "new.example.org", 9000);
	assert_ok(pz_friends_kept_init(&there));
	assert_ok(pz_friends_kept_load(target.store, ZONE, zone->ca, &there, &w.info));
	const struct pz_friend *moved = pz_friends_find(there.table, pz_slice_str(bob.name));
	assert_non_null(moved);
	assert_string_equal(moved->sig, f->sig);
	assert_int_equal(moved->seen_ms, f->seen_ms);
	assert_int_equal(pz_crl_number(moved->crl), 1);
	assert_int_equal(pz_friends_ended_ms(&there, eve.name), 1700000000000);
	assert_int_equal(there.invitations.len, 0); /* they name the former hub */
	pz_friends_kept_fini(&there);
	txn = pz_kit_txn(); /* for the other tests */
	assert_ok(pz_txn_remove_space(txn, "friend:" ZONE));
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_friend_free(f);
	pz_authority_free(a);
	pz_buf_wipe(&archive);
	pz_kit_zone_fini(&bob);
	pz_kit_zone_fini(&eve);
}

static void
test_same_address(void **state)
{
	struct pz_buf archive = exported(zone, 8041);
	struct pz_authority *a;

	(void)state;
	a = imported(&archive, NULL, 8041);
	assert_string_equal(a->host, HOST);
	assert_int_equal(a->move.notice.number, 0); /* there is nothing to report */
	pz_authority_free(a);
	pz_buf_wipe(&archive);
}

static struct pz_authority *
announced(const char *host, uint16_t port)
{
	struct pz_authority *a = new_zone("carol@example.org");
	struct pz_hub_address at;
	struct pz_txn *txn = pz_kit_txn();

	pz_kit_admit(&w, a, "pad", NULL);
	pz_hub_address_set(&at, host, port);
	assert_ok(pz_authority_announce(a, &at, true, txn, &a->move, &w.info));
	assert_ok(pz_kit_world_commit(&w, txn));
	return a;
}

static void
test_announced_before(void **state)
{
	struct pz_authority *from = announced("new.example.org", 9000), *a = NULL;
	struct pz_buf archive = exported(from, 8041);
	struct pz_txn *txn = NULL;

	(void)state;
	/* The notice that devices have received still counts. */
	assert_ok(try_read(&archive));
	assert_ok(pz_migration_settle(migration, NULL, 9000, target.keys, &txn, &a, &w.info));
	pz_migration_free(PZ_TAKE(migration));
	assert_string_equal(a->host, "new.example.org");
	assert_int_equal(a->move.notice.number, from->move.notice.number);
	assert_ok(pz_authority_check_stays(a, NULL)); /* it has arrived */
	pz_authority_free(a);
	pz_txn_free(txn);
	/* Elsewhere: a newer one, although the clock has not moved on. */
	assert_ok(try_read(&archive));
	assert_ok(pz_migration_settle(migration, NULL, 9001, target.keys, &txn, &a, &w.info));
	pz_migration_free(PZ_TAKE(migration));
	assert_int_equal(a->move.notice.at.port, 9001);
	assert_true(a->move.notice.number > from->move.notice.number);
	pz_authority_free(a);
	pz_txn_free(txn);
	pz_authority_free(from);
	pz_buf_wipe(&archive);
}

static void
test_one_zone_only(void **state)
{
	struct pz_authority *other = new_zone("bob@example.org");
	char *text;

	(void)state;
	pz_kit_admit(&w, other, "bobs-phone", NULL);
	struct pz_buf archive = exported(zone, 8041);
	text = content_of(&archive);
	/* With what base64 does not have: keys and certificates are random, and "bob" may be there.
	 */
	assert_null(strstr(text, "bob@"));
	assert_null(strstr(text, "bobs-"));
	/* One private key, the CA's: no hub's TLS key, and there are no keys of devices. */
	char *first = strstr(text, "PRIVATE KEY");
	assert_non_null(first);
	assert_non_null(first = strstr(first + 1, "PRIVATE KEY")); /* its END line */
	assert_null(strstr(first + 1, "PRIVATE KEY"));
	free(text);
	pz_buf_wipe(&archive);
	pz_authority_free(other);
}

static void
test_key_in_a_token(void **state)
{
	char was[PZ_KEY_URI_MAX];
	struct pz_buf out;

	(void)state;
	memcpy(was, zone->ca_key_uri, sizeof(was));
	snprintf(zone->ca_key_uri, sizeof(zone->ca_key_uri), "pkcs11:object=ca?pin-value=1234");
	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	assert_int_equal(pz_migration_write(zone, w.store, 1, head, key, &out, &w.info),
			 PZ_ERR_CONFIG);
	assert_non_null(strstr(w.info.text, "not a file (pkcs11) and cannot be exported"));
	assert_null(strstr(w.info.text, "1234"));
	memcpy(zone->ca_key_uri, was, sizeof(was));
	pz_buf_fini(&out);
}

static void
test_no_room(void **state)
{
	struct pz_buf out;

	(void)state;
	pz_buf_init(&out, 3000, NULL);
	assert_int_equal(pz_migration_write(zone, w.store, 1, head, key, &out, &w.info),
			 PZ_ERR_LIMIT);
	assert_non_null(strstr(w.info.text, "too large"));
	pz_buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_what_devices_wrote_moves),
		cmocka_unit_test(test_friends_move),
		cmocka_unit_test(test_same_address),
		cmocka_unit_test(test_announced_before),
		cmocka_unit_test(test_one_zone_only),
		cmocka_unit_test(test_key_in_a_token),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
