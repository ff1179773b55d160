/*
 * Reads the archive of a zone: lines of JSON in a fixed order (zone, list, records, end), and
 * builds the authority and the transaction that the new hub stores. migration_write.c is the
 * writer; docs/archive-format.md describes the format.
 *
 * The archive was authenticated with the passphrase, but any holder of the passphrase may have made
 * it: every record is checked like one from a peer, and the archive is refused if a record
 * contradicts another (a certificate for another key, a revoked device that is not on the CRL).
 * Nothing is stored before the end was read.
 */
#include "archive/migration.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/chunks.h"
#include "record/record.h"
#include "shared/check.h"
#include "wire/address.h"
#include "wire/json.h"
#include "x509/device_ca.h"
#include "zone/change.h"
#include "zone/policy.h"

#define SPACE_BYTES (PZ_ZONE_BYTES_MAX + 32)
/* The former hub may continue, and increments the number with each of its lists: this leaves room
 * for several lists for each device of a zone. */
#define CRL_STEP 65536
#define FORMER_MEMBERS 4 /* serial, enrolled, revokedAt, why */
#define FORMER_WHY_BYTES_MAX 32
#define CRL_NUMBER_MAX (UINT64_C(1) << 62)

enum stage { AT_ZONE, AT_LIST, AT_RECORDS, AT_END };

struct pz_migration {
	struct pz_archive_reader *reader;
	const struct pz_env *env;
	struct pz_buf line; /* secret: the part of the next line that has arrived */
	struct pz_authority *authority;
	struct pz_sync_item
		*items[PZ_SYNC_KIND_COUNT]; /* of shared/shared.h; NULL: nothing of it */
	struct pz_txn *txn;                 /* what the hub will store */
	struct pz_hub_address at;           /* where devices look for the zone; port 0: unknown */
	uint64_t records;
	enum stage stage;
};

/* ---- spaces that belong to one zone alone: "name:" zone ---- */

static enum pz_err
take_member(struct pz_migration *m, const char *key, json_t *record, struct pz_errinfo *info);
static enum pz_err put_members(struct pz_migration *m, const char *space);
static enum pz_err
take_shared(struct pz_migration *m, const char *key, json_t *record, struct pz_errinfo *info);
static enum pz_err put_shared(struct pz_migration *m, const char *space);
static enum pz_err
take_policy(struct pz_migration *m, const char *key, json_t *record, struct pz_errinfo *info);
static enum pz_err put_policy(struct pz_migration *m, const char *space);
static enum pz_err
take_friend(struct pz_migration *m, const char *key, json_t *record, struct pz_errinfo *info);
static enum pz_err put_friends(struct pz_migration *m, const char *space);

static const struct zone_space {
	const char *name;
	/** Checks a record of the archive, which is not trusted, and keeps its content. */
	enum pz_err (*take)(struct pz_migration *m, const char *key, json_t *record,
			    struct pz_errinfo *info);
	/** Writes the kept content into m->txn, for this space of the store. Errors:
	 * LIMIT_MEMORY. */
	enum pz_err (*put)(struct pz_migration *m, const char *space);
} spaces[] = {
	{"member", take_member, put_members},
	{"shared", take_shared, put_shared},
	{"policy", take_policy, put_policy},
	{"friend", take_friend, put_friends},
};

#define SPACES (sizeof(spaces) / sizeof(spaces[0]))

const char *
pz_migration_space(size_t i)
{
	return i < SPACES ? spaces[i].name : NULL;
}

/* ---- what is good ---- */

/* One text for every fault of the content. */
static enum pz_err
bad(struct pz_errinfo *info, const char *what)
{
	return pz_fail(info, PZ_ERR_PROTO, "the archive's content is not valid: %s", what);
}

/* A private key contains its public half, which may be the CA's even if the private half is
 * damaged. */
static bool
is_ca_key(const struct pz_authority *a)
{
	const struct pz_slice message = pz_slice_str("pz-migration-key/1");
	struct pz_buf signature;

	if (!pz_cert_key_matches(a->ca, a->ca_key))
		return false;
	pz_buf_init(&signature, PZ_SIGNATURE_BYTES_MAX, NULL);
	bool is_one = pz_key_sign(a->ca_key, message, &signature) == PZ_OK &&
		      pz_cert_verify_signature(a->ca, message, pz_buf_slice(&signature)) == PZ_OK;
	pz_buf_fini(&signature);
	return is_one;
}

/* Reads the CA's key, and checks that it belongs to the certificate. */
static enum pz_err
take_key(struct pz_authority *a, json_t *line, struct pz_errinfo *info)
{
	const char *pem = pz_json_str(line, "caKey");

	PZ_TRY(pz_record_get_cert(line, "ca", &a->ca, info));
	if (pem == NULL)
		return bad(info, "the CA's key is missing");
	PZ_TRY(pz_key_from_pem(pz_slice_str(pem), &a->ca_key, info));
	PZ_TRY(pz_key_check_strength(a->ca_key, info));
	if (!is_ca_key(a))
		return bad(info, "the key is not that of the CA certificate");
	const char *secret = pz_json_str(line, "secret");
	if (secret == NULL || pz_record_secret_read(pz_slice_str(secret), a->secret) != PZ_OK)
		return bad(info, "the zone's secret is missing or malformed");
	return PZ_OK;
}

/* The first line, without its secrets. */
static enum pz_err
take_names(struct pz_migration *m, const json_t *line, struct pz_errinfo *info)
{
	const char *zone = pz_json_str(line, "zone"), *host = pz_json_str(line, "host");
	const char *name = pz_json_str(line, "name"), *type = pz_json_str(line, "keyType");
	int64_t port = 0;

	if (!zone || !host || !name || !pz_key_type_is_valid(type) ||
	    !pz_json_int(line, "port", 0, UINT16_MAX, &port))
		return bad(info, "zone, host, port, name or key type is missing or wrong");
	PZ_TRY(pz_authority_check_names(zone, host, name, info));
	m->authority = pz_authority_new(zone, m->env);
	if (m->authority == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	struct pz_authority *a = m->authority;
	snprintf(a->host, sizeof(a->host), "%s", host);
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->key_type, sizeof(a->key_type), "%s", type);
	pz_hub_address_set(&m->at, host, (uint16_t)port);
	return PZ_OK;
}

static enum pz_err
take_zone(struct pz_migration *m, json_t *line, struct pz_errinfo *info)
{
	enum pz_err err = take_names(m, line, info);

	if (err == PZ_OK)
		err = take_key(m->authority, line, info);
	pz_record_wipe(line, "caKey");
	pz_record_wipe(line, "secret");
	m->stage = AT_LIST;
	return err;
}

/* Checks that the CA is a PZH CA of this zone and no other, and that it has signed the list. */
static enum pz_err
check_ca(const struct pz_authority *a, struct pz_errinfo *info)
{
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = pz_trust_new();

	if (trust == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	/* The set accepts only a strong, self-signed CA with a list that it has signed. */
	PZ_TRY(pz_trust_add(trust, a->ca, a->crl, info));
	PZ_TRY(pz_cert_identity(a->ca, zone, device));
	if (strcmp(zone, a->zone) != 0 || device[0])
		return bad(info, "the CA certificate is of another zone");
	return pz_crl_number(a->crl) < CRL_NUMBER_MAX
		       ? PZ_OK
		       : bad(info, "the number of the revocation list is too high");
}

static enum pz_err
take_list(struct pz_migration *m, json_t *line, struct pz_errinfo *info)
{
	struct pz_authority *a = m->authority;
	const json_t *notice = json_object_get(line, "notice");

	PZ_TRY(pz_record_get_crl(line, "crl", &a->crl, info));
	PZ_TRY(check_ca(a, info));
	if (notice) {
		PZ_TRY(pz_hub_notice_parse(notice, &a->move.notice, info));
		PZ_TRY(pz_hub_notice_check(&a->move.notice, a->zone, a->ca, info));
		m->at = a->move.notice.at;
	}
	m->stage = AT_RECORDS;
	return PZ_OK;
}

/* ---- members ---- */

static enum pz_err
check_member_ca(const struct pz_authority *a, const struct pz_member *member,
		struct pz_errinfo *info)
{
	PZ_AUTO(pz_cert_free) struct pz_cert *cert = NULL;
	char serial[PZ_SERIAL_HEX_BYTES];
	uint8_t hash[PZ_KEY_HASH_BYTES];

	PZ_TRY(pz_cert_from_pem(pz_slice_str(member->ca_pem), &cert, info));
	/* Checked at a time when both were valid: a certificate that has expired since is no fault
	 * of the archive. */
	PZ_TRY(pz_verify_device_ca(cert, a->ca, NULL, pz_cert_later_start_ms(cert, a->ca), a->zone,
				   member->device, info));
	pz_cert_serial_hex(cert, serial);
	pz_cert_spki_hash(cert, hash);
	if (strcmp(serial, member->serial) != 0 ||
	    memcmp(hash, member->ca_key_hash, sizeof(hash)) != 0)
		return bad(info, "a device's certificate is not the one of its record");
	return PZ_OK;
}

static bool
is_serial(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len % 2 == 0 && strspn(text, "0123456789abcdef") == len;
}

/* A former holder of the name, which must be revoked. */
static bool
is_former(const struct pz_authority *a, const json_t *one)
{
	const char *serial = pz_json_str(one, "serial");
	int64_t ms;

	return serial && is_serial(serial) && pz_crl_has_serial(a->crl, serial) &&
	       pz_json_int(one, "enrolled", 0, INT64_MAX, &ms) &&
	       pz_json_int(one, "revokedAt", 0, INT64_MAX, &ms) &&
	       json_object_size(one) <= FORMER_MEMBERS &&
	       json_string_length(json_object_get(one, "why")) <= FORMER_WHY_BYTES_MAX;
}

static enum pz_err
check_former(const struct pz_authority *a, const struct pz_member *member, struct pz_errinfo *info)
{
	const json_t *one;
	size_t i;

	if (member->former && (!json_is_array(member->former) ||
			       json_array_size(member->former) > PZ_FORMER_HOLDERS_MAX))
		return bad(info,
			   "the former holders of a device's name are no list, or too long a list");
	json_array_foreach (member->former, i, one)
		if (!is_former(a, one))
			return bad(
				info,
				"a former holder of a device's name is malformed, or not revoked");
	return PZ_OK;
}

static enum pz_err
check_member(const struct pz_authority *a, struct pz_member *member, struct pz_errinfo *info)
{
	bool is_listed = pz_crl_has_serial(a->crl, member->serial);

	if (!pz_display_name_is_valid(pz_slice_str(member->display_name)) ||
	    (member->device_type[0] &&
	     !pz_display_name_is_valid(pz_slice_str(member->device_type))) ||
	    !is_serial(member->serial))
		return bad(info, "a device's names or serial number are malformed");
	if (member->revoked && !is_listed)
		return bad(info, "a device is revoked but not on the revocation list");
	member->revoked = is_listed; /* as everywhere, the list decides */
	PZ_TRY(check_former(a, member, info));
	return member->ca_pem ? check_member_ca(a, member, info) : PZ_OK;
}

static enum pz_err
take_member(struct pz_migration *m, const char *key, json_t *record, struct pz_errinfo *info)
{
	struct pz_authority *a = m->authority;

	if (!pz_device_is_valid(pz_slice_str(key)) || pz_authority_member(a, key))
		return bad(info, "a device's name is not valid, or there twice");
	if (pz_map_len(a->members) >= PZ_DEVICES_PER_ZONE_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "the archive has more than %d devices",
			       PZ_DEVICES_PER_ZONE_MAX);
	struct pz_member *member = calloc(1, sizeof(*member));
	if (member == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	snprintf(member->device, sizeof(member->device), "%s", key);
	enum pz_err err = pz_authority_read_member(record, member, info);
	if (err == PZ_OK)
		err = check_member(a, member, info);
	if (err == PZ_OK)
		err = pz_map_put(a->members, pz_slice_str(member->device), member, NULL);
	if (err != PZ_OK)
		pz_authority_free_member(member);
	return err;
}

static enum pz_err
put_members(struct pz_migration *m, const char *space)
{
	size_t pos = 0;
	void *member;

	(void)space; /* an authority stores its own space */
	while (pz_map_next(m->authority->members, &pos, NULL, &member))
		PZ_TRY(pz_authority_save_member(m->authority, member, m->txn));
	return PZ_OK;
}

/* ---- what every device may write ---- */

static enum pz_err
put_chunk(struct pz_migration *m, const struct pz_sync_kind *kind, struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	struct pz_sync_item **item = &m->items[kind->id];

	PZ_TRY(pz_shared_check(kind, chunk, m->authority->zone, info));
	if (*item == NULL && (*item = pz_sync_item_new(kind)) == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (pz_sync_item_get(*item, chunk->key))
		return bad(info, "a shared value is there twice");
	return pz_sync_item_put(*item, chunk, info);
}

/* Named and written as in record/chunks.c. */
static enum pz_err
take_shared(struct pz_migration *m, const char *key, json_t *record, struct pz_errinfo *info)
{
	const char *slash = strchr(key, '/');
	struct pz_sync_chunk *chunk = NULL;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", slash ? (int)(slash - key) : 0, key);
	const struct pz_sync_kind *kind = pz_sync_kind_find(name);
	if (slash == NULL || kind == NULL || !pz_shared_is_kept(kind->id))
		return bad(info, "a shared value has an unknown name");
	PZ_TRY(pz_sync_chunk_from_json(record, &chunk, info));
	enum pz_err err = strcmp(chunk->key, slash + 1) == 0
				  ? put_chunk(m, kind, chunk, info)
				  : bad(info, "a shared value has two names");
	if (err != PZ_OK)
		pz_sync_chunk_free(chunk);
	return err;
}

static enum pz_err
put_shared(struct pz_migration *m, const char *space)
{
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		if (m->items[i])
			PZ_TRY(pz_chunks_save_all(m->items[i], space, m->txn));
	return PZ_OK;
}

/* ---- the owner's policy ---- */

/* The previous policy is not in the archive. */
static enum pz_err
take_policy(struct pz_migration *m, const char *key, json_t *record, struct pz_errinfo *info)
{
	struct pz_authority *a = m->authority;
	struct pz_zone_policy *policy = NULL;

	if (strcmp(key, PZ_ZONE_POLICY_KEY) != 0)
		return PZ_OK;
	if (a->policy)
		return bad(info, "the policy is there twice");
	PZ_TRY(pz_authority_read_policy(record, &policy, info));
	enum pz_err err = pz_policy_record_check(&policy->record, a->zone, a->ca, info);
	if (err == PZ_OK)
		a->policy = policy;
	else
		pz_zone_policy_free(policy);
	return err;
}

static enum pz_err
put_policy(struct pz_migration *m, const char *space)
{
	const struct pz_authority *a = m->authority;

	(void)space; /* an authority stores its own space */
	return a->policy ? pz_authority_put_policy(a, a->policy, NULL, m->txn) : PZ_OK;
}

/* ---- friends ---- */

/* Invitations name the former hub, so they are not moved. */
static enum pz_err
take_friend(struct pz_migration *m, const char *key, json_t *record, struct pz_errinfo *info)
{
	struct pz_authority *a = m->authority;

	if (strncmp(key, "invitation/", strlen("invitation/")) == 0)
		return PZ_OK;
	return pz_friends_kept_read(&a->friends, key, record, a->zone, a->ca, info);
}

static enum pz_err
put_friends(struct pz_migration *m, const char *space)
{
	return pz_friends_kept_save(&m->authority->friends, space, m->txn);
}

/* ---- lines ---- */

static enum pz_err
take_record(struct pz_migration *m, json_t *line, struct pz_errinfo *info)
{
	const char *space = pz_json_str(line, "space"), *key = pz_json_str(line, "key");
	json_t *value = json_object_get(line, "value");
	int64_t count = 0;

	if (json_object_get(line, "end")) {
		m->stage = AT_END;
		return pz_json_int(line, "end", 0, INT64_MAX, &count) &&
				       (uint64_t)count == m->records
			       ? PZ_OK
			       : bad(info, "records are missing");
	}
	if (space == NULL || key == NULL || !json_is_object(value))
		return bad(info, "a record is malformed");
	if (++m->records > PZ_ARCHIVE_RECORDS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "the archive has too many records");
	for (size_t i = 0; i < SPACES; i++)
		if (strcmp(spaces[i].name, space) == 0)
			return spaces[i].take(m, key, value, info);
	return pz_fail(
		info, PZ_ERR_CONFIG,
		"the archive has records of '%.40s', which this pzh does not know: update it",
		space);
}

static enum pz_err
take_line(struct pz_migration *m, struct pz_slice text, struct pz_errinfo *info)
{
	json_t *line = pz_json_parse(text, NULL);
	enum pz_err err = PZ_ERR_PROTO;

	if (!json_is_object(line))
		err = bad(info, "a line is no JSON object");
	else if (m->stage == AT_ZONE)
		err = take_zone(m, line, info);
	else if (m->stage == AT_LIST)
		err = take_list(m, line, info);
	else if (m->stage == AT_RECORDS)
		err = take_record(m, line, info);
	else
		err = bad(info, "data follows the end");
	json_decref(line);
	return err;
}

static enum pz_err
take_content(void *arg, struct pz_slice content, struct pz_errinfo *info)
{
	struct pz_migration *m = arg;

	while (content.len > 0) {
		const uint8_t *end = memchr(content.ptr, '\n', content.len);
		size_t len = end ? (size_t)(end - content.ptr) : content.len;

		if (pz_buf_append(&m->line, pz_slice_of(content.ptr, len)) != PZ_OK)
			return pz_fail(info, PZ_ERR_LIMIT, "a record of the archive is too long");
		if (end == NULL)
			return PZ_OK;
		enum pz_err err = take_line(m, pz_buf_slice(&m->line), info);
		pz_buf_wipe(&m->line);
		PZ_TRY(err);
		content = pz_slice_of(content.ptr + len + 1, content.len - len - 1);
	}
	return PZ_OK;
}

struct pz_migration *
pz_migration_new(const uint8_t key[PZ_ARCHIVE_KEY_BYTES], const struct pz_env *env)
{
	struct pz_migration *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->env = env;
	pz_buf_init(&m->line, PZ_ARCHIVE_LINE_BYTES_MAX, NULL);
	m->reader = pz_archive_reader_new(key, take_content, m);
	m->txn = pz_txn_new();
	if (m->reader == NULL || m->txn == NULL) {
		pz_migration_free(m);
		return NULL;
	}
	return m;
}

/* The line may contain the CA's key. */
void
pz_migration_free(struct pz_migration *m)
{
	if (m == NULL)
		return;
	pz_archive_reader_free(m->reader);
	pz_buf_wipe(&m->line);
	pz_authority_free(m->authority);
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		pz_sync_item_free(m->items[i]);
	pz_txn_free(m->txn);
	free(m);
}

/* Some checks give no detail: then the text of the error is used. */
static enum pz_err
with_reason(enum pz_err err, const struct pz_errinfo *why, struct pz_errinfo *info)
{
	return err == PZ_OK ? err
			    : pz_fail(info, err, "%s", why->text[0] ? why->text : pz_err_text(err));
}

enum pz_err
pz_migration_read(struct pz_migration *m, struct pz_slice bytes, struct pz_errinfo *info)
{
	struct pz_errinfo why = {""};

	return with_reason(pz_archive_read(m->reader, bytes, &why), &why, info);
}

enum pz_err
pz_migration_end(struct pz_migration *m, const char **out_zone, struct pz_errinfo *info)
{
	struct pz_errinfo why = {""};
	enum pz_err err = pz_archive_read_end(m->reader, &why);

	if (err == PZ_OK && (m->stage != AT_END || m->line.len > 0))
		err = bad(&why, "it ends too early");
	if (err == PZ_OK)
		*out_zone = m->authority->zone;
	return with_reason(err, &why, info);
}

/* ---- the zone at its new hub ---- */

/* The same entries with a much higher number: the former hub may still sign lists, and this one
 * must take precedence. */
static enum pz_err
fresh_crl(struct pz_authority *a, struct pz_errinfo *info)
{
	size_t count = pz_crl_len(a->crl);
	PZ_AUTO_FREE struct pz_crl_entry *entries = calloc(count + 1, sizeof(*entries));
	struct pz_crl *fresh = NULL;

	if (entries == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++)
		pz_crl_entry_at(a->crl, i, &entries[i]);
	PZ_TRY(pz_crl_issue(a->ca, a->ca_key, entries, count, pz_crl_number(a->crl) + CRL_STEP,
			    a->env, &fresh, info));
	pz_crl_free(a->crl);
	a->crl = fresh;
	return PZ_OK;
}

/* Devices look for the zone at m->at. If it is now at another address, a notice is made. */
static enum pz_err
settle_address(struct pz_migration *m, const char *host, uint16_t port, struct pz_errinfo *info)
{
	struct pz_authority *a = m->authority;
	struct pz_hub_address at;

	pz_hub_address_set(&at, host ? host : m->at.host, port);
	PZ_TRY(pz_authority_check_names(a->zone, at.host, a->name, info));
	snprintf(a->host, sizeof(a->host), "%.*s", PZ_HOST_BYTES_MAX, at.host);
	if (!pz_hub_address_eq(&at, &m->at))
		return pz_authority_announce(a, &at, false, m->txn, &a->move, info);
	return pz_authority_put_move(a, &a->move, m->txn);
}

static enum pz_err
put_spaces(struct pz_migration *m)
{
	char space[SPACE_BYTES];

	for (size_t i = 0; i < SPACES; i++) {
		snprintf(space, sizeof(space), "%s:%s", spaces[i].name, m->authority->zone);
		PZ_TRY(spaces[i].put(m, space));
	}
	return PZ_OK;
}

/* Key files are the last step that can fail. */
static enum pz_err
settle(struct pz_migration *m, const char *host, uint16_t port, struct pz_keystore *keys,
       struct pz_errinfo *info)
{
	struct pz_authority *a = m->authority;

	PZ_TRY(settle_address(m, host, port, info));
	PZ_TRY(fresh_crl(a, info));
	PZ_TRY(put_spaces(m));
	PZ_TRY(pz_keystore_add(keys, a->ca_key, a->ca_key_uri, info));
	PZ_TRY(pz_authority_make_tls(a, keys, a->tls_key_uri, &a->tls_key, &a->tls, info));
	return pz_authority_put_zone(a, a->tls_key_uri, a->tls, a->crl, m->txn);
}

enum pz_err
pz_migration_settle(struct pz_migration *m, const char *host, uint16_t port,
		    struct pz_keystore *keys, struct pz_txn **out_txn, struct pz_authority **out,
		    struct pz_errinfo *info)
{
	struct pz_errinfo why = {""};
	enum pz_err err = settle(m, host, port, keys, &why);

	if (err == PZ_OK) {
		*out_txn = PZ_TAKE(m->txn);
		*out = PZ_TAKE(m->authority);
	}
	return with_reason(err, &why, info);
}
