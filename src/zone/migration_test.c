/* A zone in an archive: what travels, and that nothing of a stranger's making does (page 14 WIP-7,
 * WIP-8, KEY-3, DAT-6, HST-5). */
#include "zone/fixture.h"
#include "zone/migration.h"
#include "zone/record.h"
#include "zone/shared.h"

#define LINES 6 /* zone, list, three members, end */

static struct world w, target; /* former and new hub */
static struct pz_authority *zone;
static struct pz_key *device_key;
static uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];

static struct pz_authority *
new_zone(const char *name)
{
	struct pz_txn *txn = fx_txn();
	struct pz_authority *a = NULL;

	assert_ok(
		pz_authority_create(name, HOST, "Alice", "ec-p256", w.keys, &w.env, txn, &a, NULL));
	assert_ok(fx_commit(&w, txn));
	return a;
}

static void
admit(struct pz_authority *a, const char *device)
{
	struct pz_admission wish = {device, "A device", "pc", device_key};
	struct pz_zone_change *change = NULL;
	struct pz_txn *txn = fx_txn();
	struct pz_cert *cert = NULL;
	struct pz_crl *crl = NULL;

	assert_ok(pz_authority_admit(a, &wish, txn, &change, &cert, &crl, &w.info));
	assert_ok(fx_commit(&w, txn));
	assert_non_null(pz_authority_apply(a, change));
	pz_cert_free(cert);
	pz_crl_free(crl);
}

static void
revoke(const char *device)
{
	struct pz_zone_change *change = NULL;
	struct pz_txn *txn = fx_txn();

	assert_ok(pz_authority_revoke(zone, device, PZ_REVOKED_BY_OWNER, txn, &change, &w.info));
	assert_ok(fx_commit(&w, txn));
	assert_non_null(pz_authority_apply(zone, change));
}

static int
set_up(void **state)
{
	(void)state;
	fx_open(&w);
	fx_open(&target);
	assert_ok(pz_key_generate(NULL, &device_key, NULL));
	zone = new_zone(ZONE);
	admit(zone, "laptop");
	admit(zone, "phone");
	admit(zone, "tv");
	revoke("phone");
	pz_archive_head_make(&w.env, head);
	randombytes_buf(key, sizeof(key));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_authority_free(zone);
	pz_key_free(device_key);
	fx_close(&w);
	fx_close(&target);
	return 0;
}

/* ---- archives, and what is in them ---- */

static struct pz_buf
exported(const struct pz_authority *a, uint16_t port)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	assert_ok(pz_migration_write(a, w.store, port, head, key, &out, &w.info));
	return out;
}

static enum pz_err
keep(void *arg, struct pz_slice content, struct pz_errinfo *info)
{
	(void)info;
	return pz_buf_append(arg, content);
}

/* The content as text, which the caller frees. */
static char *
content_of(const struct pz_buf *archive)
{
	struct pz_buf text;

	pz_buf_init(&text, PZ_ARCHIVE_BYTES_MAX, NULL);
	struct pz_archive_reader *r = pz_archive_reader_new(key, keep, &text);
	assert_ok(pz_archive_read(r, pz_buf_slice(archive), &w.info));
	assert_ok(pz_archive_read_end(r, &w.info));
	pz_archive_reader_free(r);
	char *copy = pz_slice_dup(pz_buf_slice(&text));
	pz_buf_fini(&text);
	assert_non_null(copy);
	return copy;
}

/* The lines of a good archive of our zone, to be changed and sealed again. */
static void
good_lines(json_t *out[LINES])
{
	struct pz_buf archive = exported(zone, 8041);
	char *text = content_of(&archive), *rest = text;

	for (size_t i = 0; i < LINES; i++) {
		char *line = strsep(&rest, "\n");
		out[i] = json_loads(line, 0, NULL);
		assert_non_null(out[i]);
	}
	assert_string_equal(rest, "");
	free(text);
	pz_buf_wipe(&archive);
}

static struct pz_buf
sealed(const char *content)
{
	struct pz_archive_writer *writer = NULL;
	struct pz_buf out;

	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	assert_ok(pz_archive_writer_new(head, key, &out, &writer, &w.info));
	assert_ok(pz_archive_write(writer, pz_slice_str(content)));
	assert_ok(pz_archive_finish(writer));
	pz_archive_writer_free(writer);
	return out;
}

static struct pz_migration *migration;

/* Reads it all. What was read stays in `migration` on success. */
static enum pz_err
try_read(const struct pz_buf *archive)
{
	const char *name = NULL;

	migration = pz_migration_new(key, &target.env);
	assert_non_null(migration);
	enum pz_err err = pz_migration_read(migration, pz_buf_slice(archive), &w.info);
	if (err == PZ_OK)
		err = pz_migration_end(migration, &name, &w.info);
	if (err == PZ_OK) {
		assert_non_null(name);
	} else {
		assert_true(w.info.text[0] != '\0');
		pz_migration_free(PZ_TAKE(migration));
	}
	return err;
}

static void
free_lines(json_t *lines[LINES])
{
	for (size_t i = 0; i < LINES; i++)
		json_decref(lines[i]);
}

/* Frees the lines. */
static void
refuse_lines(json_t *lines[LINES], enum pz_err expected, const char *word)
{
	struct pz_buf text;

	pz_buf_init(&text, PZ_ARCHIVE_BYTES_MAX, NULL);
	for (size_t i = 0; i < LINES; i++) {
		char *line = json_dumps(lines[i], JSON_COMPACT);
		assert_ok(pz_buf_append_str(&text, line));
		assert_ok(pz_buf_append_str(&text, "\n"));
		free(line);
	}
	assert_ok(pz_buf_append(&text, pz_slice_of("", 1)));
	struct pz_buf archive = sealed((const char *)pz_buf_slice(&text).ptr);
	if (try_read(&archive) != expected || strstr(w.info.text, word) == NULL)
		fail_msg("expected '%s', not '%s'", word, w.info.text);
	pz_buf_fini(&text);
	pz_buf_wipe(&archive);
	free_lines(lines);
}

/* One member of one line is another, or missing (NULL). */
static void
refuse(size_t line, const char *name, json_t *takes_value, enum pz_err expected, const char *word)
{
	json_t *lines[LINES];

	good_lines(lines);
	json_t *object = line >= 2 && strcmp(name, "space") != 0 && strcmp(name, "key") != 0 &&
					 strcmp(name, "value") != 0 && line < LINES - 1
				 ? json_object_get(lines[line], "value")
				 : lines[line];
	if (takes_value)
		json_object_set_new(object, name, takes_value);
	else
		json_object_del(object, name);
	refuse_lines(lines, expected, word);
}

/* ---- moving ---- */

static enum pz_err
take_zone(void *arg, struct pz_authority *takes)
{
	struct pz_authority **slot = arg;

	assert_null(*slot);
	*slot = takes;
	return PZ_OK;
}

/* Imports into the new hub, which is then started again. */
static struct pz_authority *
imported(const struct pz_buf *archive, const char *host, uint16_t port)
{
	struct pz_authority *a = NULL;
	struct pz_txn *txn = NULL;

	assert_ok(try_read(archive));
	assert_ok(pz_migration_settle(migration, host, port, target.keys, &txn, &a, &w.info));
	pz_migration_free(PZ_TAKE(migration));
	assert_ok(fx_commit(&target, txn));
	pz_authority_free(a);
	a = NULL;
	fx_restart(&target);
	assert_ok(pz_authority_load_all(target.store, target.keys, &target.env, take_zone, &a,
					&w.info));
	assert_non_null(a);
	return a;
}

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
	static const char *const names[] = {"laptop", "phone", "tv"};

	assert_int_equal(pz_map_len(a->members), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct pz_member *is = pz_authority_member(a, names[i]);
		const struct pz_member *was = pz_authority_member(zone, names[i]);
		assert_non_null(is);
		assert_string_equal(is->serial, was->serial);
		assert_memory_equal(is->ca_key_hash, was->ca_key_hash, sizeof(is->ca_key_hash));
		assert_string_equal(is->display_name, was->display_name);
		assert_int_equal(is->revoked, was->revoked);
		assert_int_equal(is->revoked_ms, was->revoked_ms);
		assert_int_equal(is->enrolled_ms, was->enrolled_ms);
		assert_string_equal(is->ca_pem ? is->ca_pem : "", was->ca_pem ? was->ca_pem : "");
	}
}

/* What the devices wrote goes along. */
static struct pz_shared *
open_shared(struct world *world)
{
	char space[PZ_SHARED_SPACE_CHARS];
	struct pz_shared_config config = {
		.store = world->store,
		.env = &world->env,
		.space = space,
		.self = ZONE,
	};
	struct pz_shared *shared = NULL;
	size_t skipped = 0;

	pz_shared_space(ZONE, space);
	assert_ok(pz_shared_load(&config, &shared, &skipped, &world->info));
	assert_int_equal(skipped, 0);
	return shared;
}

static void
test_what_devices_wrote_moves(void **state)
{
	struct pz_shared *here = open_shared(&w);

	(void)state;
	assert_ok(pz_shared_write(here, PZ_SYNC_PREFERENCES, "peer.auto", "true", NULL, NULL,
				  &w.info));
	assert_ok(
		pz_shared_write(here, PZ_SYNC_APP_DATA, "shop list/ü", "[1]", NULL, NULL, &w.info));
	assert_ok(fx_commit(&w, fx_txn()));
	struct pz_buf archive = exported(zone, 8041);
	struct pz_authority *a = imported(&archive, "new.example.org", 9000);
	struct pz_shared *there = open_shared(&target);
	assert_string_equal(pz_shared_value(there, PZ_SYNC_PREFERENCES, "peer.auto"), "true");
	assert_string_equal(pz_shared_value(there, PZ_SYNC_APP_DATA, "shop list/ü"), "[1]");
	pz_shared_free(there);
	pz_shared_forget(here, PZ_SYNC_PREFERENCES, NULL, NULL); /* for the other tests */
	pz_shared_forget(here, PZ_SYNC_APP_DATA, NULL, NULL);
	assert_ok(fx_commit(&w, fx_txn()));
	pz_shared_free(here);
	pz_authority_free(a);
	pz_buf_wipe(&archive);
}

/* A line of them, as somebody else may have made it. */
static void
refuse_shared(const char *place, json_t *takes_record)
{
	json_t *lines[LINES];

	good_lines(lines);
	json_decref(lines[2]);
	lines[2] = json_pack("{s:s, s:s, s:o}", "space", "shared", "key", place, "value",
			     takes_record);
	refuse_lines(lines, PZ_ERR_PROTO, "the zone's devices wrote");
}

static json_t *
chunk(const char *name, const char *value, const char *origin)
{
	return json_pack("{s:s, s:s, s:I, s:s}", "key", name, "value", value, "mtime",
			 (json_int_t)1000, "origin", origin);
}

static void
test_lines_of_what_devices_wrote(void **state)
{
	(void)state;
	refuse_shared("peer.auto", chunk("peer.auto", "true", ZONE));
	refuse_shared("colours/peer.auto", chunk("peer.auto", "true", ZONE));
	refuse_shared("crl/" ZONE, chunk(ZONE, "true", ZONE));
	refuse_shared("preferences/peer.auto", json_object());
	refuse_shared("preferences/peer.auto", chunk("peer.listen", "true", ZONE));
	refuse_shared("preferences/peer.listen", chunk("peer.listen", "true", ZONE));
	refuse_shared("preferences/peer.auto", chunk("peer.auto", "7", ZONE));
	refuse_shared("preferences/peer.auto", chunk("peer.auto", "true", "bob@example.org"));
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
	/* A list that wins over what the former hub goes on to issue. */
	assert_ok(pz_crl_verify(a->crl, zone->ca, NULL));
	assert_true(pz_crl_number(a->crl) > pz_crl_number(zone->crl) + PZ_DEVICES_PER_ZONE_MAX);
	assert_int_equal(pz_crl_len(a->crl), 1);
	assert_true(pz_crl_has_serial(a->crl, pz_authority_member(zone, "phone")->serial));
	/* And the notice of where it is. */
	assert_ok(pz_hub_notice_check(&a->move.notice, ZONE, zone->ca, NULL));
	assert_string_equal(a->move.notice.at.host, "new.example.org");
	assert_int_equal(a->move.notice.at.port, 9000);
	assert_ok(pz_authority_check_stays(a, NULL));
	pz_authority_free(a);
	pz_buf_wipe(&archive);
}

static void
test_same_address(void **state)
{
	struct pz_buf archive = exported(zone, 8041);
	struct pz_authority *a;

	(void)state;
	a = imported(&archive, NULL, 8041);
	assert_string_equal(a->host, HOST);
	assert_int_equal(a->move.notice.number, 0); /* there is nothing to tell */
	pz_authority_free(a);
	pz_buf_wipe(&archive);
}

static struct pz_authority *
announced(const char *host, uint16_t port)
{
	struct pz_authority *a = new_zone("carol@example.org");
	struct pz_hub_address at;
	struct pz_txn *txn = fx_txn();

	admit(a, "pad");
	pz_hub_address_set(&at, host, port);
	assert_ok(pz_authority_announce(a, &at, true, txn, &a->move, &w.info));
	assert_ok(fx_commit(&w, txn));
	return a;
}

static void
test_announced_before(void **state)
{
	struct pz_authority *from = announced("new.example.org", 9000), *a = NULL;
	struct pz_buf archive = exported(from, 8041);
	struct pz_txn *txn = NULL;

	(void)state;
	/* Where devices were told to look for it: that notice goes on to count. */
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
	admit(other, "bobs-phone");
	struct pz_buf archive = exported(zone, 8041);
	text = content_of(&archive);
	assert_null(strstr(text, "bob"));
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
	assert_ok(pz_crl_issue(zone->ca, zone->ca_key, NULL, 0, UINT64_C(1) << 62, &w.env, &huge,
			       NULL));
	refuse(1, "crl", pz_record_crl(huge), PZ_ERR_PROTO, "leaves no room");
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
	admit(other, "laptop");
	good_lines(lines);
	json_object_set_new(json_object_get(lines[2], "value"), "ca",
			    json_string(pz_authority_member(other, "laptop")->ca_pem));
	refuse_lines(lines, PZ_ERR_DENIED_CHAIN, "");
	pz_authority_free(other);
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
	target.wall_ms += 21 * 365 * DAY_MS;
	assert_int_equal(pz_migration_settle(migration, NULL, 1, target.keys, &txn, &a, &w.info),
			 PZ_ERR_DENIED_EXPIRED);
	target.wall_ms -= 21 * 365 * DAY_MS;
	pz_migration_free(PZ_TAKE(migration));
	pz_buf_wipe(&archive);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_same_address),
		cmocka_unit_test(test_announced_before),
		cmocka_unit_test(test_one_zone_only),
		cmocka_unit_test(test_key_in_a_token),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_zone_line),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_list_line),
		cmocka_unit_test(test_member_lines),
		cmocka_unit_test(test_what_devices_wrote_moves),
		cmocka_unit_test(test_lines_of_what_devices_wrote),
		cmocka_unit_test(test_list_binds),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_too_long_a_line),
		cmocka_unit_test(test_settle_refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
