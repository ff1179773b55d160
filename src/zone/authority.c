/*
 * The hub's authority over one zone: creates and loads it, and decides about members.
 *
 * Memory is a copy of the store: space "zone" has a record for each zone (host, keys, certificates,
 * CRL, secret), space "member:ZONE" a record for each member. This file reads both and writes the
 * zone's record; changes of members are in change.c, moves in moving.c, lists that the devices of a
 * restored hub bring, in learn.c.
 *
 * Private keys stay in the key store; records hold their URIs. The CRL decides who is revoked, not
 * the member's record: devices verify the CRL.
 */
#include "zone/authority.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/host.h"
#include "base/log.h"
#include "record/record.h"
#include "wire/address.h"
#include "wire/json.h"
#include "zone/change.h"
#include "zone/policy.h"

/* one record for each zone, under its name */
#define SPACE_ZONE "zone"

/* "member:" zone: a space for the members of each zone */
void
pz_authority_member_space(const char *zone, char out[PZ_MEMBER_SPACE_CHARS])
{
	snprintf(out, PZ_MEMBER_SPACE_CHARS, "member:%s", zone);
}

enum pz_err
pz_authority_check_names(const char *zone, const char *host, const char *name,
			 struct pz_errinfo *info)
{
	if (!pz_zone_is_valid(pz_slice_str(zone)))
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"zone '%s' is not valid: write it as user@domain, e.g. alice@example.org",
			zone);
	if (pz_host_has_port(host))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "host '%s' is not valid: leave out the port; devices learn the one "
			       "that the hub listens on (pzhd --port)",
			       host);
	if (!pz_host_is_valid(host))
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"host '%s' is not valid: give the DNS name or IP address under which "
			"devices reach this hub",
			host);
	if (!pz_display_name_is_valid(pz_slice_str(name)))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "name '%s' is not valid: 1 to 128 bytes of text", name);
	return PZ_OK;
}

/* Makes a new TLS key and certificate of the PZH. */
enum pz_err
pz_authority_make_tls(const struct pz_authority *a, struct pz_keystore *keys,
		      char out_uri[PZ_KEY_URI_MAX], struct pz_key **out_key,
		      struct pz_cert **out_cert, struct pz_errinfo *info)
{
	struct pz_cert_subject subject = {.zone = a->zone, .host = a->host};
	struct pz_key *key = NULL;

	PZ_TRY(pz_keystore_create(keys, a->key_type, out_uri, &key, info));
	enum pz_err err = pz_cert_issue(PZ_CERT_PZH_TLS, &subject, key, a->ca, a->ca_key, a->env,
					out_cert, info);
	if (err != PZ_OK) {
		pz_key_free(key);
		return err;
	}
	*out_key = key;
	return PZ_OK;
}

enum pz_err
pz_authority_put_zone(const struct pz_authority *a, const char *tls_key_uri,
		      const struct pz_cert *tls, const struct pz_crl *crl, struct pz_txn *txn)
{
	char *secret = pz_record_secret_text(a->secret);
	json_t *record =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s}", "host", a->host, "name",
			  a->name, "keyType", a->key_type, "caKey", a->ca_key_uri, "tlsKey",
			  tls_key_uri, "ca", pz_record_cert(a->ca), "tls", pz_record_cert(tls),
			  "crl", pz_record_crl(crl), "secret", secret);

	pz_record_text_wipe(secret);
	json_incref(record);
	enum pz_err err = pz_record_put(txn, SPACE_ZONE, a->zone, record);
	pz_record_wipe(record, "secret");
	json_decref(record);
	return err;
}

enum pz_err
pz_authority_save(struct pz_authority *a, struct pz_txn *txn)
{
	PZ_TRY(pz_authority_put_zone(a, a->tls_key_uri, a->tls, a->crl, txn));
	a->is_secret_unsaved = false;
	return PZ_OK;
}

struct pz_authority *
pz_authority_new(const char *zone, const struct pz_env *env)
{
	struct pz_authority *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->env = env;
	a->members = pz_map_new();
	snprintf(a->zone, sizeof(a->zone), "%s", zone);
	if (a->members == NULL || pz_friends_kept_init(&a->friends) != PZ_OK) {
		pz_friends_kept_fini(&a->friends);
		pz_map_free(a->members);
		free(a);
		return NULL;
	}
	return a;
}

/* Makes keys, certificates, an empty CRL with number 1 and the secret, and puts the record into
 * txn. After a failure no record refers to the keys that are left in the key store. */
static enum pz_err
make_zone(struct pz_authority *a, struct pz_keystore *keys, struct pz_txn *txn,
	  struct pz_errinfo *info)
{
	struct pz_cert_subject subject = {.zone = a->zone, .host = a->host};

	PZ_TRY(pz_keystore_create(keys, a->key_type, a->ca_key_uri, &a->ca_key, info));
	PZ_TRY(pz_cert_issue(PZ_CERT_PZH_CA, &subject, a->ca_key, NULL, a->ca_key, a->env, &a->ca,
			     info));
	PZ_TRY(pz_authority_make_tls(a, keys, a->tls_key_uri, &a->tls_key, &a->tls, info));
	PZ_TRY(pz_crl_issue(a->ca, a->ca_key, NULL, 0, 1, a->env, &a->crl, info));
	pz_env_random(a->env, a->secret, sizeof(a->secret));
	return pz_authority_put_zone(a, a->tls_key_uri, a->tls, a->crl, txn);
}

enum pz_err
pz_authority_create(const char *zone, const char *host, const char *name, const char *key_type,
		    struct pz_keystore *keys, const struct pz_env *env, struct pz_txn *txn,
		    struct pz_authority **out, struct pz_errinfo *info)
{
	PZ_TRY(pz_authority_check_names(zone, host, name ? name : zone, info));
	PZ_TRY(pz_clock_check(env, info));
	struct pz_authority *a = pz_authority_new(zone, env);
	if (a == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	snprintf(a->host, sizeof(a->host), "%s", host);
	/* A zone's name may be longer than a display name. */
	snprintf(a->name, sizeof(a->name), "%.*s", PZ_DISPLAY_NAME_BYTES_MAX, name ? name : zone);
	snprintf(a->key_type, sizeof(a->key_type), "%s", key_type);
	enum pz_err err = make_zone(a, keys, txn, info);
	if (err != PZ_OK) {
		pz_authority_free(a);
		return err;
	}
	*out = a;
	return PZ_OK;
}

void
pz_authority_free_member(struct pz_member *member)
{
	if (member == NULL)
		return;
	free(member->ca_pem);
	json_decref(member->info);
	json_decref(member->former);
	free(member->summary);
	free(member);
}

void
pz_authority_free(struct pz_authority *a)
{
	size_t pos = 0;
	struct pz_slice key;
	void *member;

	if (a == NULL)
		return;
	while (pz_map_next(a->members, &pos, &key, &member))
		pz_authority_free_member(member);
	pz_map_free(a->members);
	pz_key_free(a->ca_key);
	pz_key_free(a->tls_key);
	pz_cert_free(a->ca);
	pz_cert_free(a->tls);
	pz_crl_free(a->crl);
	pz_zone_policy_free(a->policy);
	pz_friends_kept_fini(&a->friends);
	pz_authority_unpublish(a);
	sodium_memzero(a->secret, sizeof(a->secret));
	free(a);
}

/* ---- members ---- */

static const struct {
	const char *key, *text;
} revoked_whys[PZ_REVOKED_COUNT] = {
	[PZ_REVOKED_UNKNOWN] = {"unknown", ""},
	[PZ_REVOKED_BY_OWNER] = {"owner", "revoked by the owner"},
	[PZ_REVOKED_LEFT] = {"left", "left by itself"},
	[PZ_REVOKED_REPLACED] = {"replaced", "enrolled again"},
	[PZ_REVOKED_LISTED] = {"listed", "on a revocation list that a device had"},
};

const char *
pz_revoked_text(enum pz_revoked why)
{
	return revoked_whys[why].text;
}

const char *
pz_authority_why_key(enum pz_revoked why)
{
	return revoked_whys[why].key;
}

enum pz_revoked
pz_revoked_of(const json_t *record, const char *name)
{
	const char *key = pz_json_str(record, name);

	for (int why = 0; key && why < PZ_REVOKED_COUNT; why++)
		if (strcmp(revoked_whys[why].key, key) == 0)
			return (enum pz_revoked)why;
	return PZ_REVOKED_UNKNOWN;
}

enum pz_err
pz_authority_save_member(const struct pz_authority *a, const struct pz_member *m,
			 struct pz_txn *txn)
{
	char space[PZ_MEMBER_SPACE_CHARS], hash[2 * PZ_KEY_HASH_BYTES + 1];

	pz_authority_member_space(a->zone, space);
	pz_hex_encode(m->ca_key_hash, sizeof(m->ca_key_hash), hash);
	return pz_record_put(
		txn, space, m->device,
		json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:s*, s:I, s:s, s:O*, s:I, "
			  "s:I}",
			  "displayName", m->display_name, "deviceType", m->device_type, "serial",
			  m->serial, "keyHash", hash, "enrolled", (json_int_t)m->enrolled_ms,
			  "lastSeen", (json_int_t)m->last_seen_ms, "confirmed", m->confirmed,
			  "revoked", m->revoked, "ca", m->ca_pem, "revokedAt",
			  (json_int_t)m->revoked_ms, "why", pz_authority_why_key(m->revoked_why),
			  "former", m->former, "rightsLost", (json_int_t)m->rights_lost, "rightsAt",
			  (json_int_t)m->rights_ms));
}

struct load_members {
	struct pz_authority *authority;
	struct pz_errinfo *info;
	const char *space;
};

enum pz_err
pz_authority_read_member(const json_t *record, struct pz_member *m, struct pz_errinfo *info)
{
	char hash[2 * PZ_KEY_HASH_BYTES + 1];
	const char *pem = pz_json_str(record, "ca");
	int64_t enrolled = 0, seen = 0, revoked = 0, lost = 0, rights_at = 0;

	PZ_TRY(pz_record_string(record, "displayName", m->display_name, sizeof(m->display_name),
				info));
	PZ_TRY(pz_record_string(record, "deviceType", m->device_type, sizeof(m->device_type),
				info));
	PZ_TRY(pz_record_string(record, "serial", m->serial, sizeof(m->serial), info));
	PZ_TRY(pz_record_string(record, "keyHash", hash, sizeof(hash), info));
	PZ_TRY(pz_hex_decode(pz_slice_str(hash), m->ca_key_hash, sizeof(m->ca_key_hash)));
	(void)pz_json_int(record, "enrolled", 0, INT64_MAX, &enrolled);
	(void)pz_json_int(record, "lastSeen", 0, INT64_MAX, &seen);
	(void)pz_json_int(record, "revokedAt", 0, INT64_MAX, &revoked);
	/* Records of an older version have neither member: such a device has all rights. */
	(void)pz_json_int(record, "rightsLost", 0, PZ_RIGHTS_ALL, &lost);
	(void)pz_json_int(record, "rightsAt", 0, INT64_MAX, &rights_at);
	m->rights_lost = (unsigned)lost;
	m->rights_ms = (uint64_t)rights_at;
	m->enrolled_ms = (uint64_t)enrolled;
	m->revoked_ms = (uint64_t)revoked;
	m->last_seen_ms = (uint64_t)seen;
	m->confirmed = json_is_true(json_object_get(record, "confirmed"));
	m->revoked = json_is_true(json_object_get(record, "revoked"));
	m->revoked_why = pz_revoked_of(record, "why");
	m->former = json_incref(json_object_get(record, "former"));
	if (pem && (m->ca_pem = strdup(pem)) == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return PZ_OK;
}

/* One record of space "member:ZONE". */
static enum pz_err
load_member(void *arg, const char *key, struct pz_slice value)
{
	struct load_members *load = arg;
	json_t *record = NULL;
	struct pz_member *m = NULL;

	PZ_TRY(pz_record_parse(load->space, key, value, &record, load->info));
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;
	if (strlen(key) < sizeof(m->device))
		m = calloc(1, sizeof(*m));
	if (m) {
		snprintf(m->device, sizeof(m->device), "%s", key);
		err = pz_authority_read_member(record, m, load->info);
	}
	json_decref(record);
	/* The CRL is binding, also against a record that was written while it changed. */
	if (err == PZ_OK)
		(void)pz_authority_mark_listed(load->authority, m);
	if (err == PZ_OK)
		err = pz_map_put(load->authority->members, pz_slice_str(m->device), m, NULL);
	if (err != PZ_OK)
		pz_authority_free_member(m);
	return err;
}

/* ---- loading ---- */

struct load_zones {
	struct pz_store *store;
	struct pz_keystore *keys;
	const struct pz_env *env;
	struct pz_map *found; /* zone -> struct pz_authority, without members yet */
	struct pz_errinfo *info;
};

/* An older version stored no secret: one is made here, and stored when the caller saves the zone.
 */
static enum pz_err
read_secret(json_t *record, struct pz_authority *a, struct pz_errinfo *info)
{
	const json_t *text = json_object_get(record, "secret");
	enum pz_err err = PZ_OK;

	a->is_secret_unsaved = text == NULL;
	if (text == NULL)
		pz_env_random(a->env, a->secret, sizeof(a->secret));
	else
		err = pz_record_secret_read(
			pz_slice_of(json_string_value(text), json_string_length(text)), a->secret);
	pz_record_wipe(record, "secret");
	return err == PZ_OK
		       ? err
		       : pz_fail(info, err, "store: the secret of %s is not readable", a->zone);
}

/* The zone's CA can replace a TLS key that was lost. The record is stored once the disk can; until
 * then each start makes a key. */
static enum pz_err
replace_lost_key(const struct load_zones *load, struct pz_authority *a)
{
	PZ_AUTO(pz_txn_free) struct pz_txn *txn = pz_txn_new();
	struct pz_cert *lost = a->tls;

	if (txn == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	pz_warning("tls-key-lost", "zone=%s the TLS key is missing or damaged, a new one is made",
		   a->zone);
	PZ_TRY(pz_authority_make_tls(a, load->keys, a->tls_key_uri, &a->tls_key, &a->tls,
				     load->info));
	pz_cert_free(lost);
	PZ_TRY(pz_authority_put_zone(a, a->tls_key_uri, a->tls, a->crl, txn));
	pz_store_commit(load->store, PZ_TAKE(txn), NULL, NULL);
	return PZ_OK;
}

static enum pz_err
load_tls_key(const struct load_zones *load, struct pz_authority *a)
{
	enum pz_err err = pz_keystore_load(load->keys, a->tls_key_uri, &a->tls_key, load->info);

	return err == PZ_ERR_NOTFOUND ? replace_lost_key(load, a) : err;
}

/* Loads the members of a zone's record, and the keys that it names from the key store. */
static enum pz_err
read_zone(const struct load_zones *load, json_t *record, struct pz_authority *a)
{
	struct pz_errinfo *info = load->info;

	PZ_TRY(read_secret(record, a, info));
	PZ_TRY(pz_record_string(record, "host", a->host, sizeof(a->host), info));
	PZ_TRY(pz_record_string(record, "name", a->name, sizeof(a->name), info));
	PZ_TRY(pz_record_string(record, "keyType", a->key_type, sizeof(a->key_type), info));
	PZ_TRY(pz_record_string(record, "caKey", a->ca_key_uri, sizeof(a->ca_key_uri), info));
	PZ_TRY(pz_record_string(record, "tlsKey", a->tls_key_uri, sizeof(a->tls_key_uri), info));
	PZ_TRY(pz_record_get_cert(record, "ca", &a->ca, info));
	PZ_TRY(pz_record_get_cert(record, "tls", &a->tls, info));
	PZ_TRY(pz_record_get_crl(record, "crl", &a->crl, info));
	PZ_TRY(pz_keystore_load(load->keys, a->ca_key_uri, &a->ca_key, info));
	return load_tls_key(load, a);
}

/* One record of space "zone". */
static enum pz_err
load_zone(void *arg, const char *key, struct pz_slice value)
{
	struct load_zones *load = arg;
	json_t *record = NULL;

	PZ_TRY(pz_record_parse(SPACE_ZONE, key, value, &record, load->info));
	struct pz_authority *a = pz_authority_new(key, load->env);
	enum pz_err err = a ? read_zone(load, record, a) : PZ_ERR_LIMIT_MEMORY;
	json_decref(record);
	if (err == PZ_OK)
		err = pz_map_put(load->found, pz_slice_str(a->zone), a, NULL);
	if (err != PZ_OK)
		pz_authority_free(a);
	return err;
}

static enum pz_err
load_members(struct pz_store *store, struct pz_authority *a, struct pz_errinfo *info)
{
	char space[PZ_MEMBER_SPACE_CHARS];
	struct load_members load = {a, info, space};

	pz_authority_member_space(a->zone, space);
	PZ_TRY(pz_store_load(store, space, load_member, &load, info));
	PZ_TRY(pz_authority_load_policy(store, a, info));
	PZ_TRY(pz_friends_kept_load(store, a->zone, a->ca, &a->friends, info));
	return pz_authority_load_move(store, a, info);
}

enum pz_err
pz_authority_load_all(struct pz_store *store, struct pz_keystore *keys, const struct pz_env *env,
		      enum pz_err (*each)(void *arg, struct pz_authority *takes), void *arg,
		      struct pz_errinfo *info)
{
	struct load_zones load = {store, keys, env, pz_map_new(), info};
	size_t pos = 0;
	void *a;

	if (load.found == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	/* All zones first, then their members: a load must not start another load. */
	enum pz_err err = pz_store_load(store, SPACE_ZONE, load_zone, &load, info);
	while (pz_map_next(load.found, &pos, NULL, &a)) {
		if (err == PZ_OK)
			err = load_members(store, a, info);
		if (err == PZ_OK)
			err = each(arg, a);
		else
			pz_authority_free(a);
	}
	pz_map_free(load.found);
	return err;
}

/* ---- questions ---- */

struct pz_member *
pz_authority_member(const struct pz_authority *a, const char *device)
{
	return pz_map_get(a->members, pz_slice_str(device));
}

bool
pz_authority_is_name_free(const struct pz_authority *a, const char *device)
{
	const struct pz_member *m = pz_authority_member(a, device);

	return m == NULL || m->revoked || !m->confirmed;
}

/*
 * The most certain verdict first: the CRL, since a revoked device must wipe itself
 * (DENIED_REVOKED); then whether the hub has a record at all, which a restored backup may lack;
 * then whether the record has the same certificate and key.
 */
enum pz_err
pz_authority_admits(const struct pz_authority *a, const struct pz_peer *peer,
		    struct pz_member **out_member, struct pz_errinfo *info)
{
	struct pz_member *m = pz_authority_member(a, peer->device);

	if (strcmp(peer->zone, a->zone) != 0 || peer->is_hub)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "not a device of zone %s", a->zone);
	if (pz_crl_has_serial(a->crl, peer->ca_serial))
		return pz_fail(info, PZ_ERR_DENIED_REVOKED,
			       "device %s: its certificate %s is revoked", peer->device,
			       peer->ca_serial);
	if (m == NULL)
		return pz_fail(
			info, PZ_ERR_DENIED_IDENTITY,
			"this hub does not know device %s (certificate %s); if the hub was "
			"restored from a backup made before this device was enrolled, let it "
			"leave and enrol again",
			peer->device, peer->ca_serial);
	if (strcmp(m->serial, peer->ca_serial) != 0 ||
	    memcmp(m->ca_key_hash, peer->ca_key_hash, sizeof(m->ca_key_hash)) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "device %s: certificate %s is not the one on record", peer->device,
			       peer->ca_serial);
	if (m->revoked)
		return pz_fail(info, PZ_ERR_DENIED_REVOKED, "device %s is revoked", peer->device);
	*out_member = m;
	return PZ_OK;
}

void
pz_authority_key_uris(const struct pz_authority *a, const char *out[2])
{
	out[0] = a->ca_key_uri;
	out[1] = a->tls_key_uri;
}

bool
pz_authority_mark_listed(struct pz_authority *a, struct pz_member *m)
{
	struct pz_crl_entry entry = {.when_ms = 0};

	if (m->revoked || !pz_crl_has_serial(a->crl, m->serial))
		return false;
	for (size_t i = 0; i < pz_crl_len(a->crl) && strcmp(entry.serial_hex, m->serial) != 0; i++)
		pz_crl_entry_at(a->crl, i, &entry);
	m->revoked = true;
	m->revoked_ms = entry.when_ms;
	m->revoked_why = PZ_REVOKED_LISTED;
	free(PZ_TAKE(m->ca_pem));
	pz_authority_republish(a, m, false);
	return true;
}

size_t
pz_authority_devices(const struct pz_authority *a)
{
	size_t pos = 0, n = 0;
	struct pz_slice key;
	void *member;

	while (pz_map_next(a->members, &pos, &key, &member))
		n += !((struct pz_member *)member)->revoked;
	return n;
}
