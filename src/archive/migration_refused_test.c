/* Forged archives: no part of them is imported (page 14 WIP-8). */
#include "archive/migration_fixture.h"

/* ---- what is refused ---- */

static void
test_zone_line(void **state)
{
	static const char *const members[] = {"zone",    "host",  "port",   "name",
					      "keyType", "caKey", "secret", "ca"};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		refuse(0, members[i], NULL, PZ_ERR_PROTO, "");
		refuse(0, members[i], json_integer(-1), PZ_ERR_PROTO, "");
	}
	refuse(0, "port", json_integer(65536), PZ_ERR_PROTO, "port");
	refuse(0, "zone", json_string("Bob"), PZ_ERR_CONFIG, "zone 'Bob'");
	refuse(0, "zone", json_string("bob@example.org"), PZ_ERR_PROTO, "another zone");
	refuse(0, "host", json_string("a b"), PZ_ERR_CONFIG, "host");
	refuse(0, "name", json_string("\n"), PZ_ERR_CONFIG, "name");
	refuse(0, "keyType", json_string("rsa512"), PZ_ERR_PROTO, "key type");
	refuse(0, "secret", json_string("AAAA"), PZ_ERR_PROTO, "secret");
	refuse(0, "caKey", json_string("x"), PZ_ERR_PROTO, "");
	refuse(0, "ca", json_string("x"), PZ_ERR_PROTO, "");
}

/* The public half of a key says whose it is; that the private one is damaged shows when it signs.
 */
static void
test_damaged_key(void **state)
{
	const size_t at = strlen("-----BEGIN PRIVATE KEY-----\n") + 50; /* in the private half */
	struct pz_buf pem;

	(void)state;
	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	assert_ok(pz_key_to_pem(zone->ca_key, &pem));
	char *text = (char *)pem.mem + pem.start;
	text[at] = text[at] == 'A' ? 'B' : 'A';
	refuse(0, "caKey", json_stringn(text, pem.len), PZ_ERR_PROTO, "not that of the CA");
	pz_buf_wipe(&pem);
}

static void
test_other_keys(void **state)
{
	struct pz_authority *other = new_zone("dave@example.org");
	struct pz_buf pem;

	(void)state;
	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	assert_ok(pz_key_to_pem(other->ca_key, &pem));
	json_t *text = json_stringn((const char *)pz_buf_slice(&pem).ptr, pem.len);
	refuse(0, "caKey", json_incref(text), PZ_ERR_PROTO, "not that of the CA");
	refuse(0, "ca", pz_record_cert(other->ca), PZ_ERR_PROTO, "not that of the CA");
	/* Its own key and certificate, but what they signed is not there. */
	json_t *lines[LINES];
	good_lines(lines);
	json_object_set_new(lines[0], "caKey", text);
	json_object_set_new(lines[0], "ca", pz_record_cert(other->ca));
	refuse_lines(lines, PZ_ERR_DENIED_CHAIN, "");
	/* No CA at all. */
	struct pz_cert *leaf = zone->tls;
	pz_buf_wipe(&pem);
	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	assert_ok(pz_key_to_pem(zone->tls_key, &pem));
	good_lines(lines);
	json_object_set_new(lines[0], "caKey",
			    json_stringn((const char *)pz_buf_slice(&pem).ptr, pem.len));
	json_object_set_new(lines[0], "ca", pz_record_cert(leaf));
	refuse_lines(lines, PZ_ERR_DENIED_CHAIN, "");
	pz_buf_wipe(&pem);
	pz_authority_free(other);
}

static void
test_list_line(void **state)
{
	struct pz_authority *other = new_zone("erin@example.org");
	struct pz_crl *huge = NULL;

	(void)state;
	refuse(1, "crl", NULL, PZ_ERR_PROTO, "");
	refuse(1, "crl", json_string("x"), PZ_ERR_PROTO, "");
	refuse(1, "crl", pz_record_crl(other->crl), PZ_ERR_DENIED_CHAIN, "");
	assert_ok(pz_crl_issue(zone->ca, zone->ca_key, NULL, 0, UINT64_C(1) << 62, &w.clock.env,
			       &huge, NULL));
	refuse(1, "crl", pz_record_crl(huge), PZ_ERR_PROTO, "is too high");
	pz_crl_free(huge);
	refuse(1, "notice", json_true(), PZ_ERR_PROTO_MEMBER, "notice");
	struct pz_hub_address at;
	struct pz_hub_notice forged;
	pz_hub_address_set(&at, "evil.example.org", 1);
	assert_ok(pz_hub_notice_make(ZONE, &at, 1, other->ca_key, &forged, NULL));
	refuse(1, "notice", pz_hub_notice_json(&forged), PZ_ERR_DENIED_IDENTITY, "not signed");
	pz_authority_free(other);
}

static void
test_member_lines(void **state)
{
	static const char *const members[] = {"displayName", "deviceType", "serial", "keyHash"};
	struct pz_authority *other = new_zone("frank@example.org");
	json_t *lines[LINES];

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		refuse(2, members[i], NULL, PZ_ERR_PROTO, "");
	refuse(2, "displayName", json_string("\x1b[2J"), PZ_ERR_PROTO, "malformed");
	refuse(2, "deviceType", json_string("\a"), PZ_ERR_PROTO, "malformed");
	refuse(2, "serial", json_string("00"), PZ_ERR_PROTO, "not the one of its record");
	refuse(2, "serial", json_string("xyz"), PZ_ERR_PROTO, "");
	refuse(2, "keyHash", json_string("00"), PZ_ERR_PROTO, "");
	refuse(2, "revoked", json_true(), PZ_ERR_PROTO, "not on the revocation list");
	refuse(2, "ca", json_string("x"), PZ_ERR_PROTO, "");
	refuse(2, "ca", pz_record_cert(other->ca), PZ_ERR_DENIED_CHAIN, "");
	refuse(2, "key", json_string("../x"), PZ_ERR_PROTO, "name is not valid");
	refuse(2, "key", json_string("tv"), PZ_ERR_DENIED_IDENTITY, "");
	refuse(2, "key", NULL, PZ_ERR_PROTO, "malformed");
	refuse(2, "value", json_array(), PZ_ERR_PROTO, "malformed");
	refuse(2, "space", json_string("weather"), PZ_ERR_CONFIG, "'weather'");
	/* Twice the same, although the number is right. */
	good_lines(lines);
	json_decref(lines[3]);
	lines[3] = json_incref(lines[2]);
	refuse_lines(lines, PZ_ERR_PROTO, "twice");
	/* A device of another zone. */
	pz_kit_admit(&w, other, "laptop", NULL);
	good_lines(lines);
	json_object_set_new(json_object_get(lines[2], "value"), "ca",
			    json_string(pz_authority_member(other, "laptop")->ca_pem));
	refuse_lines(lines, PZ_ERR_DENIED_CHAIN, "");
	pz_authority_free(other);
}

static json_t *
former(json_t *takes_serial, json_t *takes_why)
{
	return json_pack("[{s:o, s:i, s:i, s:o*}]", "serial", takes_serial, "enrolled", 1,
			 "revokedAt", 2, "why", takes_why);
}

static void
test_former_holders(void **state)
{
	const char *serial = pz_authority_member(zone, "phone")->serial;
	json_t *many = json_array();
	char why[64];

	(void)state;
	refuse(WATCH, "former", json_true(), PZ_ERR_PROTO, "no list");
	refuse(WATCH, "former", json_pack("[i]", 1), PZ_ERR_PROTO, "malformed");
	refuse(WATCH, "former", former(json_string("00"), NULL), PZ_ERR_PROTO, "not revoked");
	refuse(WATCH, "former", former(json_true(), NULL), PZ_ERR_PROTO, "malformed");
	memset(why, 'x', sizeof(why));
	refuse(WATCH, "former", former(json_string(serial), json_stringn(why, sizeof(why))),
	       PZ_ERR_PROTO, "malformed");
	for (int i = 0; i <= PZ_FORMER_HOLDERS_MAX; i++) {
		json_t *one = former(json_string(serial), json_string("left"));
		json_array_extend(many, one);
		json_decref(one);
	}
	refuse(WATCH, "former", many, PZ_ERR_PROTO, "long");
}

static void
test_shared_lines(void **state)
{
	json_t *lines[LINES], *long_value;
	char *text = malloc(100001);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 100000);
	text[0] = text[99999] = '"';
	text[100000] = '\0';
	long_value = json_string(text);
	free(text);
	refuse(SHARED, "key", json_string("user-details"), PZ_ERR_PROTO, "unknown name");
	refuse(SHARED, "key", json_string("weather/fullName"), PZ_ERR_PROTO, "unknown name");
	refuse(SHARED, "key", json_string("zone-secret/fullName"), PZ_ERR_PROTO, "unknown name");
	refuse(SHARED, "key", json_string("user-details/phone"), PZ_ERR_PROTO, "two names");
	refuse(SHARED, "value", json_object(), PZ_ERR_PROTO_MEMBER, "");
	refuse(SHARED, "value", json_true(), PZ_ERR_PROTO, "malformed");
	refuse(SHARED, "value", long_value, PZ_ERR_PROTO, "");
	refuse(SHARED, "origin", json_string("bob@example.org/tv"), PZ_ERR_DENIED_IDENTITY, "");
	refuse(SHARED, "mtime", json_integer(-1), PZ_ERR_PROTO_MEMBER, "");
	good_lines(lines);
	json_decref(lines[SHARED]);
	lines[SHARED] = json_incref(lines[SHARED + 1]);
	refuse_lines(lines, PZ_ERR_PROTO, "twice");
}

static void
refuse_shared(const char *place, json_t *takes_record)
{
	json_t *lines[LINES];

	good_lines(lines);
	json_decref(lines[SHARED]);
	lines[SHARED] = json_pack("{s:s, s:s, s:o}", "space", "shared", "key", place, "value",
				  takes_record);
	refuse_lines(lines, PZ_ERR_PROTO, "");
}

static json_t *
chunk(const char *name, const char *value)
{
	return json_pack("{s:s, s:s, s:I, s:s}", "key", name, "value", value, "mtime",
			 (json_int_t)1000, "origin", ZONE);
}

static void
test_preferences_that_are_none(void **state)
{
	(void)state;
	refuse_shared("peer.auto", chunk("peer.auto", "true"));
	refuse_shared("crl/" ZONE, chunk(ZONE, "true"));
	refuse_shared("preferences/peer.auto", chunk("peer.listen", "true"));
	refuse_shared("preferences/peer.auto", chunk("peer.auto", "7"));
}

/* What was said to be revoked on no list, and the other way round: the list binds. */
static void
test_list_binds(void **state)
{
	json_t *lines[LINES];
	struct pz_buf text;

	(void)state;
	good_lines(lines);
	json_object_set_new(json_object_get(lines[3], "value"), "revoked", json_false());
	pz_buf_init(&text, PZ_ARCHIVE_BYTES_MAX, NULL);
	for (size_t i = 0; i < LINES; i++) {
		char *line = json_dumps(lines[i], JSON_COMPACT);
		assert_ok(pz_buf_printf(&text, "%s\n", line));
		free(line);
	}
	assert_ok(pz_buf_append(&text, pz_slice_of("", 1)));
	struct pz_buf archive = sealed((const char *)pz_buf_slice(&text).ptr);
	struct pz_authority *a = imported(&archive, NULL, 8041);
	assert_true(pz_authority_member(a, "phone")->revoked);
	pz_authority_free(a);
	pz_buf_fini(&text);
	pz_buf_wipe(&archive);
	free_lines(lines);
}

static void
refuse_text(const char *content, const char *word)
{
	struct pz_buf archive = sealed(content);

	assert_int_equal(try_read(&archive), PZ_ERR_PROTO);
	assert_non_null(strstr(w.info.text, word));
	pz_buf_wipe(&archive);
}

static void
test_ends(void **state)
{
	json_t *lines[LINES];

	(void)state;
	refuse(LINES - 1, "end", json_integer(2), PZ_ERR_PROTO, "records are missing");
	refuse(LINES - 1, "end", json_string("3"), PZ_ERR_PROTO, "records are missing");
	refuse(LINES - 1, "end", NULL, PZ_ERR_PROTO, "malformed");
	good_lines(lines);
	json_t *swap = lines[LINES - 1];
	lines[LINES - 1] = lines[LINES - 2];
	lines[LINES - 2] = swap;
	refuse_lines(lines, PZ_ERR_PROTO, "missing");
	refuse_text("", "too early");
	refuse_text("{\"zone\":", "too early");
	refuse_text("\n", "no JSON object");
	refuse_text("[]\n", "no JSON object");
}

static void
test_too_long_a_line(void **state)
{
	size_t len = PZ_ARCHIVE_LINE_BYTES_MAX + 1;
	char *text = malloc(len + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	struct pz_buf archive = sealed(text);
	assert_int_equal(try_read(&archive), PZ_ERR_LIMIT);
	pz_buf_wipe(&archive);
	free(text);
}

static void
test_settle_refuses(void **state)
{
	struct pz_buf archive = exported(zone, 8041);
	struct pz_authority *a = NULL;
	struct pz_txn *txn = NULL;

	(void)state;
	assert_ok(try_read(&archive));
	assert_int_equal(pz_migration_settle(migration, "a b", 1, target.keys, &txn, &a, &w.info),
			 PZ_ERR_CONFIG);
	assert_null(a);
	assert_null(txn);
	pz_migration_free(PZ_TAKE(migration));
	/* Twenty-one years later. */
	assert_ok(try_read(&archive));
	target.clock.wall_ms += 21 * 365 * PZ_KIT_DAY_MS;
	assert_int_equal(pz_migration_settle(migration, NULL, 1, target.keys, &txn, &a, &w.info),
			 PZ_ERR_DENIED_EXPIRED);
	target.clock.wall_ms -= 21 * 365 * PZ_KIT_DAY_MS;
	pz_migration_free(PZ_TAKE(migration));
	pz_buf_wipe(&archive);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone_line),
		cmocka_unit_test(test_damaged_key),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_list_line),
		cmocka_unit_test(test_member_lines),
		cmocka_unit_test(test_former_holders),
		cmocka_unit_test(test_shared_lines),
		cmocka_unit_test(test_preferences_that_are_none),
		cmocka_unit_test(test_list_binds),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_too_long_a_line),
		cmocka_unit_test(test_settle_refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
