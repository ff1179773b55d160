/*
 * What a device knows about its zone from the hub: revocation lists, members, friends, the zone's
 * secret, the owner's policy. There are two views of it: items (chunks with versions), which
 * sessions compare and fill, and their parsed values. pz_knowledge_apply updates the values from
 * the items.
 *
 * The hub wrote all of it, and any peer may pass it on. So the signature of the zone's CA in a
 * chunk counts, not the link that brought it: accept_* verifies each kind before it is stored or
 * passed on, and stored chunks are verified again when they are loaded. Numbers never decrease: a
 * list or a policy with a lower number is refused, also from the hub itself, since a hub may have
 * been restored from a backup, or be hostile.
 *
 * Lists are handled before certificates everywhere. A device is removed as soon as any list revokes
 * it, also an older list that the newest does not replace (crl_history.h).
 */
#include "zone/knowledge.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "friends/chunk.h"
#include "record/chunks.h"
#include "record/rights.h"
#include "sync/merge.h"
#include "wire/json.h"
#include "x509/device_ca.h"
#include "zone/policy.h"

#define SPACE "knowledge" /* also in zone/membership.c, where it is wiped */
#define SECRET_KEY "zone-secret"
#define POLICY_PLACE "policies/"     /* records of that item in the store */
#define NUMBER_PLACE "policy-number" /* sorts behind them */

struct pz_knowledge {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	struct pz_cert *master;
	struct pz_sync_item *items[PZ_SYNC_KIND_COUNT];
	struct pz_crl *crl;
	struct pz_crl_history older; /* lists that the newest does not replace */
	struct pz_map *devices;      /* name -> struct pz_known_device, owned */
	struct pz_friends *friends;  /* of trusted-pzh, with their revocation lists */
	bool has_secret;
	bool is_policy_unreadable; /* the stored document cannot be read */
	uint64_t policy_number;    /* of the newest that was stored here; 0: none yet */
	uint8_t secret[PZ_ZONE_SECRET_BYTES];
};

static void
free_device(struct pz_known_device *device)
{
	if (device == NULL)
		return;
	pz_cert_free(device->ca);
	free(device);
}

void
pz_knowledge_free(struct pz_knowledge *k)
{
	size_t pos = 0;
	void *device;

	if (k == NULL)
		return;
	while (k->devices && pz_map_next(k->devices, &pos, NULL, &device))
		free_device(device);
	pz_map_free(k->devices);
	pz_friends_free(k->friends);
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		pz_sync_item_free(k->items[i]);
	pz_cert_free(k->master);
	pz_crl_free(k->crl);
	pz_crl_history_fini(&k->older);
	sodium_memzero(k, sizeof(*k));
	free(k);
}

struct pz_sync_item *
pz_knowledge_item(struct pz_knowledge *k, const struct pz_sync_kind *kind)
{
	return k->items[kind->id];
}

/* ---- what is good ---- */

/* Parses only; check_crl verifies. */
static enum pz_err
read_crl(const struct pz_sync_chunk *chunk, struct pz_crl **out, struct pz_errinfo *info)
{
	return pz_crl_from_pem(pz_slice_of(chunk->value, chunk->value_len), out, info);
}

static enum pz_err
check_crl(const struct pz_knowledge *k, const struct pz_sync_chunk *chunk, struct pz_crl **out,
	  struct pz_errinfo *info)
{
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;

	if (strcmp(chunk->origin, k->zone) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "not written by the hub of %s",
			       k->zone);
	if (strcmp(chunk->key, k->zone) != 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "CRL of a zone that is not known");
	if (chunk->deleted)
		return pz_fail(info, PZ_ERR_DENIED, "a CRL is never deleted");
	/* Origin and key are claims of the sender; this signature is what counts. */
	PZ_TRY(read_crl(chunk, &crl, info));
	PZ_TRY(pz_crl_verify(crl, k->master, info));
	*out = PZ_TAKE(crl);
	return PZ_OK;
}

/* The item also has the lists of friends, each under the name of its zone. */
static bool
is_own_crl(const struct pz_knowledge *k, const struct pz_sync_chunk *chunk)
{
	return strcmp(chunk->key, k->zone) == 0;
}

/* A list with the same number passes: the comparison that all nodes share (sync/merge.h) decides
 * which of the two wins. */
static enum pz_err
accept_crl(const struct pz_knowledge *k, const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;

	if (!is_own_crl(k, chunk))
		return pz_friend_chunk_crl(k->friends, chunk, NULL, info);
	PZ_TRY(check_crl(k, chunk, &crl, info));
	if (k->crl && pz_crl_number(crl) < pz_crl_number(k->crl))
		return pz_fail(info, PZ_ERR_DENIED, "older CRL: number %llu, here is %llu",
			       (unsigned long long)pz_crl_number(crl),
			       (unsigned long long)pz_crl_number(k->crl));
	return PZ_OK;
}

/* Compares the hub's list with ours. A restored hub lacks entries that we have; a hub that has
 * revoked since has entries that we lack. When both are true, neither list alone is enough. */
enum pz_err
pz_knowledge_compare_crl(const struct pz_knowledge *k, const struct pz_sync_chunk *chunk,
			 struct pz_crl_difference *out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;
	struct pz_crl_entry entry;

	PZ_TRY(check_crl(k, chunk, &crl, info));
	*out = (struct pz_crl_difference){
		.number = pz_crl_number(crl),
		.known = pz_crl_number(k->crl),
		.has_less = pz_crl_revokes_more(k->crl, crl),
	};
	for (size_t i = 0; i < pz_crl_len(crl) && !out->has_more; i++) {
		pz_crl_entry_at(crl, i, &entry);
		out->has_more = !pz_knowledge_is_revoked(k, entry.serial_hex);
	}
	return PZ_OK;
}

static void
forget_device(struct pz_knowledge *k, const char *device)
{
	free_device(pz_map_remove(k->devices, pz_slice_str(device)));
}

/* Removes devices that any list revokes, also an older list that is still in force. */
static void
forget_revoked(struct pz_knowledge *k)
{
	size_t pos = 0;
	void *value;

	while (pz_map_next(k->devices, &pos, NULL, &value)) {
		const struct pz_known_device *device = value;
		if (pz_knowledge_is_revoked(k, device->serial))
			forget_device(k, device->device);
	}
}

enum pz_err
pz_knowledge_keep_older_crl(struct pz_knowledge *k, const struct pz_sync_chunk *chunk,
			    struct pz_txn *txn, struct pz_errinfo *info)
{
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;

	PZ_TRY(check_crl(k, chunk, &crl, info));
	if (!pz_crl_history_add(&k->older, crl, k->crl))
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%d revocation lists that do not replace each other are kept "
			       "already",
			       PZ_CRL_HISTORY_MAX);
	forget_revoked(k);
	return pz_crl_history_save(&k->older, SPACE, txn);
}

static enum pz_err
read_cert(const struct pz_sync_chunk *chunk, struct pz_cert **out, struct pz_errinfo *info)
{
	return pz_cert_from_pem(pz_slice_of(chunk->value, chunk->value_len), out, info);
}

/* A deletion needs no proof: it only removes, and the hub is the only author. A certificate that a
 * list revokes is refused, so an old chunk never brings a revoked device back. */
static enum pz_err
accept_device(const struct pz_knowledge *k, const struct pz_sync_chunk *chunk,
	      struct pz_errinfo *info)
{
	PZ_AUTO(pz_cert_free) struct pz_cert *cert = NULL;
	char serial[PZ_SERIAL_HEX_BYTES];

	if (chunk->deleted)
		return PZ_OK;
	PZ_TRY(read_cert(chunk, &cert, info));
	PZ_TRY(pz_verify_device_ca(cert, k->master, NULL, pz_cert_later_start_ms(cert, k->master),
				   k->zone, chunk->key, info));
	pz_cert_serial_hex(cert, serial);
	if (pz_knowledge_is_revoked(k, serial))
		return pz_fail(info, PZ_ERR_DENIED_REVOKED, "the certificate is revoked");
	return PZ_OK;
}

/* The bytes are not kept here: take_secret reads them again from the item. */
static enum pz_err
accept_secret(const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	uint8_t secret[PZ_ZONE_SECRET_BYTES];

	if (strcmp(chunk->key, SECRET_KEY) != 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "no such secret");
	enum pz_err err =
		chunk->deleted ? PZ_ERR_PROTO
			       : pz_record_secret_read(pz_slice_of(chunk->value, chunk->value_len),
						       secret);
	sodium_memzero(secret, sizeof(secret));
	return err == PZ_OK ? err
			    : pz_fail(info, err, "the secret is not %d bytes in base64",
				      PZ_ZONE_SECRET_BYTES);
}

/* A deletion ends a friendship and needs no proof; our own CA signs a friend's record. */
static enum pz_err
accept_friend(const struct pz_knowledge *k, const struct pz_sync_chunk *chunk,
	      struct pz_errinfo *info)
{
	PZ_AUTO(pz_friend_free) struct pz_friend *f = NULL;

	return chunk->deleted ? PZ_OK : pz_friend_chunk_read(k->zone, k->master, chunk, &f, info);
}

/* Parsed at each call. The slot keeps the parsed document (policies.h), so this runs only when the
 * item has changed, and no second copy can differ from the item. */
bool
pz_knowledge_policy(const struct pz_knowledge *k, struct pz_policy_record *out)
{
	const struct pz_sync_chunk *chunk =
		pz_sync_item_get(k->items[PZ_SYNC_POLICIES], PZ_ZONE_POLICY_KEY);

	return chunk && pz_policy_record_parse(pz_slice_of(chunk->value, chunk->value_len), out,
					       NULL) == PZ_OK;
}

/* A hub that is hostile, or restored from an old backup, cannot bring a former policy back. A
 * damaged document is replaced by the same one, which has the same number. */
static enum pz_err
check_number(const struct pz_knowledge *k, const struct pz_policy_version *v,
	     struct pz_errinfo *info)
{
	struct pz_policy_record ours;
	uint64_t lowest = k->policy_number;

	if (pz_knowledge_policy(k, &ours) && ours.version.sequence >= lowest)
		lowest = ours.version.sequence + 1;
	if (v->sequence >= lowest)
		return PZ_OK;
	return pz_fail(info, PZ_ERR_DENIED, "older policy: number %llu, here is %llu",
		       (unsigned long long)v->sequence,
		       (unsigned long long)(k->policy_number > 0 ? k->policy_number : lowest - 1));
}

static enum pz_err
accept_policy(const struct pz_knowledge *k, const struct pz_sync_chunk *chunk,
	      struct pz_errinfo *info)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *document = NULL;
	struct pz_policy_fault fault = {0, {""}};
	struct pz_policy_record record;

	if (strcmp(chunk->key, PZ_ZONE_POLICY_KEY) != 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "no such policy");
	if (chunk->deleted)
		return pz_fail(info, PZ_ERR_DENIED, "a policy is never deleted");
	PZ_TRY(pz_policy_record_parse(pz_slice_of(chunk->value, chunk->value_len), &record, info));
	if (record.version.slot != PZ_POLICY_SLOT_USER)
		return pz_fail(info, PZ_ERR_DENIED, "only the slot user is the zone's");
	PZ_TRY(pz_policy_record_check(&record, k->zone, k->master, info));
	/* The document is parsed last: only one that the CA has signed may cost that time. */
	PZ_TRY(check_number(k, &record.version, info));
	enum pz_err err = pz_policy_document_parse(record.document, &document, &fault);
	return err == PZ_OK ? err
			    : pz_fail(info, err, "the policy is not valid: line %u: %s", fault.line,
				      pz_errinfo_text(&fault.info, err));
}

/* The origin proves nothing, but comparing it is cheap: a chunk that does not even claim to be the
 * hub's is refused before a signature is verified. */
enum pz_err
pz_knowledge_accept(const struct pz_knowledge *k, const struct pz_sync_kind *kind,
		    const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	if (k->items[kind->id] == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND, "%s is not kept here", kind->name);
	if (strcmp(chunk->origin, k->zone) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "not written by the hub of %s",
			       k->zone);
	if (kind->id == PZ_SYNC_CRL)
		return accept_crl(k, chunk, info);
	if (kind->id == PZ_SYNC_TRUSTED_PZP)
		return accept_device(k, chunk, info);
	if (kind->id == PZ_SYNC_TRUSTED_PZH)
		return accept_friend(k, chunk, info);
	if (kind->id == PZ_SYNC_POLICIES)
		return accept_policy(k, chunk, info);
	if (kind->id == PZ_SYNC_RIGHTS)
		return pz_rights_check(chunk, info);
	return accept_secret(chunk, info);
}

static bool
policy_number(const struct pz_sync_chunk *chunk, uint64_t *out)
{
	struct pz_policy_record record;

	if (pz_policy_record_parse(pz_slice_of(chunk->value, chunk->value_len), &record, NULL) !=
	    PZ_OK)
		return false;
	*out = record.version.sequence;
	return true;
}

/* For the comparison of versions: lists and policies are compared by their number, which is signed,
 * not by the chunk's time, which any hub could set. */
bool
pz_knowledge_number(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
		    uint64_t *out)
{
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;

	(void)arg;
	if (kind->id == PZ_SYNC_POLICIES)
		return policy_number(chunk, out);
	if (kind->id != PZ_SYNC_CRL || read_crl(chunk, &crl, NULL) != PZ_OK)
		return false;
	*out = pz_crl_number(crl);
	return true;
}

/* ---- what it says ---- */

/* Replaces what was known about the device by what the item has now. */
static enum pz_err
take_device(struct pz_knowledge *k, const char *name)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(k->items[PZ_SYNC_TRUSTED_PZP], name);

	forget_device(k, name);
	if (chunk == NULL || chunk->deleted)
		return PZ_OK;
	struct pz_known_device *device = calloc(1, sizeof(*device));
	enum pz_err err = device ? read_cert(chunk, &device->ca, NULL) : PZ_ERR_LIMIT_MEMORY;
	if (err == PZ_OK) {
		snprintf(device->device, sizeof(device->device), "%s", name);
		pz_cert_serial_hex(device->ca, device->serial);
		err = pz_map_put(k->devices, pz_slice_str(name), device, NULL);
	}
	if (err != PZ_OK)
		free_device(device);
	return err;
}

/* A newer list is in force at once, also for devices whose deletion has not arrived yet. */
static enum pz_err
take_crl(struct pz_knowledge *k)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(k->items[PZ_SYNC_CRL], k->zone);
	struct pz_crl *crl = NULL;

	if (chunk == NULL)
		return PZ_OK;
	PZ_TRY(read_crl(chunk, &crl, NULL));
	struct pz_crl *former = k->crl;
	k->crl = crl;
	pz_crl_history_drop_replaced(&k->older, crl);
	(void)pz_crl_history_add(&k->older, former, crl);
	pz_crl_free(former);
	forget_revoked(k);
	return PZ_OK;
}

/* A secret that was removed from the item is dropped. */
static enum pz_err
take_secret(struct pz_knowledge *k)
{
	const struct pz_sync_chunk *chunk =
		pz_sync_item_get(k->items[PZ_SYNC_ZONE_SECRET], SECRET_KEY);

	k->has_secret = false;
	sodium_memzero(k->secret, sizeof(k->secret));
	if (chunk == NULL)
		return PZ_OK;
	PZ_TRY(pz_record_secret_read(pz_slice_of(chunk->value, chunk->value_len), k->secret));
	k->has_secret = true;
	return PZ_OK;
}

/* The document is read from the item, see pz_knowledge_policy. */
static void
take_policy(struct pz_knowledge *k)
{
	struct pz_policy_record record;

	k->is_policy_unreadable = false;
	if (pz_knowledge_policy(k, &record) && record.version.sequence > k->policy_number)
		k->policy_number = record.version.sequence;
}

/* Updates one key from an item that has changed. A chunk in an item was accepted before, so a
 * failure here means lack of memory. */
static enum pz_err
take(struct pz_knowledge *k, const struct pz_sync_kind *kind, const char *key)
{
	if (kind->id == PZ_SYNC_TRUSTED_PZP)
		return take_device(k, key);
	if (kind->id == PZ_SYNC_TRUSTED_PZH)
		return pz_friends_take(k->friends, k->items[PZ_SYNC_TRUSTED_PZH],
				       k->items[PZ_SYNC_CRL], k->zone, k->master, key);
	if (kind->id == PZ_SYNC_CRL && strcmp(key, k->zone) != 0)
		return pz_friends_take_crl(k->friends, k->items[PZ_SYNC_CRL], key);
	if (kind->id == PZ_SYNC_POLICIES)
		take_policy(k);
	if (kind->id == PZ_SYNC_POLICIES || kind->id == PZ_SYNC_RIGHTS)
		return PZ_OK;
	return kind->id == PZ_SYNC_CRL ? take_crl(k) : take_secret(k);
}

const struct pz_friends *
pz_knowledge_friends(const struct pz_knowledge *k)
{
	return k->friends;
}

bool
pz_knowledge_is_policy_unreadable(const struct pz_knowledge *k)
{
	return k->is_policy_unreadable;
}

unsigned
pz_knowledge_rights(const struct pz_knowledge *k, const char *device)
{
	return pz_rights_of(k->items[PZ_SYNC_RIGHTS], device);
}

const uint8_t *
pz_knowledge_secret(const struct pz_knowledge *k)
{
	return k->has_secret ? k->secret : NULL;
}

struct pz_crl *
pz_knowledge_crl(const struct pz_knowledge *k)
{
	return k->crl;
}

const struct pz_crl_history *
pz_knowledge_older_crls(const struct pz_knowledge *k)
{
	return &k->older;
}

bool
pz_knowledge_is_revoked(const struct pz_knowledge *k, const char *serial_hex)
{
	return pz_crl_has_serial(k->crl, serial_hex) ||
	       pz_crl_history_has_serial(&k->older, serial_hex);
}

const struct pz_known_device *
pz_knowledge_device(const struct pz_knowledge *k, const char *device)
{
	return pz_map_get(k->devices, pz_slice_str(device));
}

/* A device that enrolled again has the same name and another key. Until its chunk is applied both
 * are known, the former one by its serial. */
bool
pz_knowledge_is_replaced(const struct pz_knowledge *k, const char *device)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(k->items[PZ_SYNC_TRUSTED_PZP], device);
	const struct pz_known_device *known = pz_knowledge_device(k, device);
	PZ_AUTO(pz_cert_free) struct pz_cert *cert = NULL;
	char serial[PZ_SERIAL_HEX_BYTES];

	if (chunk == NULL || chunk->deleted || known == NULL ||
	    read_cert(chunk, &cert, NULL) != PZ_OK)
		return false;
	pz_cert_serial_hex(cert, serial);
	return strcmp(known->serial, serial) != 0;
}

/* Removed by its deletion, or by a CRL that arrived before the deletion. */
bool
pz_knowledge_has_left(const struct pz_knowledge *k, const char *device)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(k->items[PZ_SYNC_TRUSTED_PZP], device);
	PZ_AUTO(pz_cert_free) struct pz_cert *cert = NULL;
	char serial[PZ_SERIAL_HEX_BYTES];

	if (chunk == NULL || pz_knowledge_device(k, device))
		return false;
	if (chunk->deleted)
		return true;
	if (read_cert(chunk, &cert, NULL) != PZ_OK)
		return false;
	pz_cert_serial_hex(cert, serial);
	return pz_knowledge_is_revoked(k, serial);
}

size_t
pz_knowledge_len(const struct pz_knowledge *k)
{
	return pz_map_len(k->devices);
}

const struct pz_known_device *
pz_knowledge_next(const struct pz_knowledge *k, size_t *pos)
{
	void *device;

	return pz_map_next(k->devices, pos, NULL, &device) ? device : NULL;
}

/* ---- store ---- */

static enum pz_err
put_number(uint64_t number, struct pz_txn *txn)
{
	return pz_record_put(txn, SPACE, NUMBER_PLACE,
			     json_pack("{s:I}", "number", (json_int_t)number));
}

/* The policy, unlike other items, is stored before it is in force: chunk and number in one
 * transaction, so that a restart never finds a number without its document (page 9, 13, rules 9 and
 * 10). */
enum pz_err
pz_knowledge_put_policy(const struct pz_sync_chunk *chunk, struct pz_txn *txn)
{
	uint64_t number = 0;

	if (policy_number(chunk, &number))
		PZ_TRY(put_number(number, txn));
	return pz_chunks_put(pz_sync_kind(PZ_SYNC_POLICIES), chunk, SPACE, txn);
}

enum pz_err
pz_knowledge_apply_policy(struct pz_knowledge *k, struct pz_sync_chunk *takes)
{
	enum pz_err err = pz_sync_item_put(k->items[PZ_SYNC_POLICIES], takes, NULL);

	if (err == PZ_OK)
		take_policy(k);
	else
		pz_sync_chunk_free(takes);
	return err;
}

/* All keys are applied, also after one that failed: memory must match the items. */
enum pz_err
pz_knowledge_apply(struct pz_knowledge *k, const struct pz_sync_kind *kind, const json_t *keys,
		   struct pz_txn *txn)
{
	enum pz_err first = PZ_OK;
	const json_t *key;
	size_t i;

	if (k->items[kind->id] == NULL)
		return PZ_OK;
	json_array_foreach (keys, i, key) {
		enum pz_err err = take(k, kind, json_string_value(key));
		if (err == PZ_OK)
			err = pz_chunks_save(k->items[kind->id], json_string_value(key), SPACE,
					     txn);
		if (err == PZ_OK && kind->id == PZ_SYNC_TRUSTED_PZH) /* its list may be gone */
			err = pz_chunks_save(k->items[PZ_SYNC_CRL], json_string_value(key), SPACE,
					     txn);
		if (err == PZ_OK && kind->id == PZ_SYNC_CRL)
			err = pz_crl_history_save(&k->older, SPACE, txn);
		if (err == PZ_OK && kind->id == PZ_SYNC_POLICIES)
			err = put_number(k->policy_number, txn);
		if (first == PZ_OK)
			first = err;
	}
	return first;
}

/* Stores all of it, for a device that has just become a member. The same transaction removes what a
 * former membership left. */
enum pz_err
pz_knowledge_save(const struct pz_knowledge *k, struct pz_txn *txn)
{
	PZ_TRY(pz_txn_remove_space(txn, SPACE));
	for (size_t id = 0; id < PZ_SYNC_KIND_COUNT; id++)
		if (k->items[id])
			PZ_TRY(pz_chunks_save_all(k->items[id], SPACE, txn));
	if (k->policy_number > 0)
		PZ_TRY(put_number(k->policy_number, txn));
	return pz_crl_history_save(&k->older, SPACE, txn);
}

/* Puts a chunk that was stored, or given at enrolment. Takes it. It is verified like one from the
 * network. A stored chunk may be older than the one of the enrolment, and then loses the
 * comparison; that is no error. */
static enum pz_err
put_chunk(struct pz_knowledge *k, const struct pz_sync_kind *kind, struct pz_sync_chunk *chunk)
{
	struct pz_sync_judge judge = {.kind = kind, .number = pz_knowledge_number};
	struct pz_sync_item *item = k->items[kind->id];
	enum pz_err err = pz_knowledge_accept(k, kind, chunk, NULL);

	if (err == PZ_OK && !pz_sync_wins(pz_sync_item_get(item, chunk->key), chunk, &judge)) {
		pz_sync_chunk_free(chunk);
		return PZ_OK;
	}
	if (err == PZ_OK)
		err = pz_sync_item_put(item, chunk, NULL);
	if (err != PZ_OK) {
		pz_sync_chunk_free(chunk);
		return err;
	}
	return take(k, kind, chunk->key);
}

struct load {
	struct pz_knowledge *knowledge;
	size_t skipped;
};

/* A document with a lower number, or with none, is not the last one that was stored. */
static enum pz_err
load_number(struct pz_knowledge *k, struct pz_slice value)
{
	json_t *record = NULL;
	int64_t number = 0;

	PZ_TRY(pz_record_parse(SPACE, NUMBER_PLACE, value, &record, NULL));
	bool ok = pz_json_int(record, "number", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &number);
	json_decref(record);
	if (!ok)
		return PZ_ERR_PROTO;
	if ((uint64_t)number > k->policy_number) {
		k->policy_number = (uint64_t)number;
		k->is_policy_unreadable = true;
	}
	return PZ_OK;
}

/* Read together with its zone: "trusted-pzh" sorts after "crl". Takes it. */
static enum pz_err
load_friend_crl(struct pz_knowledge *k, struct pz_sync_chunk *chunk)
{
	enum pz_err err = pz_sync_item_put(k->items[PZ_SYNC_CRL], chunk, NULL);

	if (err != PZ_OK)
		pz_sync_chunk_free(chunk);
	return err;
}

static enum pz_err
load_record(struct pz_knowledge *k, const char *key, struct pz_slice value)
{
	const struct pz_sync_kind *kind;
	struct pz_sync_chunk *chunk = NULL;

	if (strcmp(key, NUMBER_PLACE) == 0)
		return load_number(k, value);
	if (pz_crl_history_is_place(key))
		return pz_crl_history_load(&k->older, k->master, k->crl, value);
	PZ_TRY(pz_chunks_read(SPACE, key, value, &kind, &chunk));
	if (kind->id == PZ_SYNC_CRL && !is_own_crl(k, chunk))
		return load_friend_crl(k, chunk);
	return put_chunk(k, kind, chunk);
}

/* A record that cannot be read is skipped and counted: the hub sends it again. Only lack of memory
 * ends the load. */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct load *load = arg;
	enum pz_err err = load_record(load->knowledge, key, value);

	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	if (err != PZ_OK && strncmp(key, POLICY_PLACE, strlen(POLICY_PLACE)) == 0)
		load->knowledge->is_policy_unreadable = true; /* it may have denied calls */
	/* A revoked device is not reported: the daemon stopped before the deletion arrived. */
	load->skipped += err != PZ_OK && err != PZ_ERR_DENIED_REVOKED;
	return PZ_OK;
}

/* The list of the enrolment, as the hub would send it: if it is the newest, the digests are equal.
 */
static enum pz_err
load_first_crl(struct pz_knowledge *k, const struct pz_crl *crl)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_CRL);
	struct pz_sync_chunk *chunk = NULL;
	char *pem = pz_record_crl_text(crl);

	if (pem == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	struct pz_sync_parts parts = {
		.key = k->zone,
		.origin = k->zone,
		.value = pz_slice_str(pem),
		.mtime_ms = pz_crl_this_update_ms(crl),
	};
	enum pz_err err = pz_sync_chunk_new(&parts, &chunk, NULL);
	free(pem);
	return err == PZ_OK ? put_chunk(k, kind, chunk) : err;
}

/* The list of the membership is in force from the start, so no certificate is judged without a
 * list. */
static struct pz_knowledge *
new_knowledge(const struct pz_membership *membership)
{
	static const enum pz_sync_id kept[] = {PZ_SYNC_CRL,         PZ_SYNC_TRUSTED_PZP,
					       PZ_SYNC_ZONE_SECRET, PZ_SYNC_POLICIES,
					       PZ_SYNC_TRUSTED_PZH, PZ_SYNC_RIGHTS};
	struct pz_knowledge *k = calloc(1, sizeof(*k));
	bool ok;

	if (k == NULL)
		return NULL;
	memcpy(k->zone, membership->zone, sizeof(k->zone));
	k->master = pz_cert_ref(membership->master);
	k->crl = pz_crl_ref(membership->crl);
	k->devices = pz_map_new();
	k->friends = pz_friends_new();
	ok = k->devices != NULL && k->friends != NULL;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		k->items[kept[i]] = pz_sync_item_new(pz_sync_kind(kept[i]));
		ok = ok && k->items[kept[i]];
	}
	if (ok)
		return k;
	pz_knowledge_free(k);
	return NULL;
}

enum pz_err
pz_knowledge_load(struct pz_store *store, const struct pz_membership *membership,
		  struct pz_knowledge **out, size_t *out_skipped, struct pz_errinfo *info)
{
	struct load load = {.knowledge = new_knowledge(membership)};

	if (load.knowledge == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = load_first_crl(load.knowledge, membership->crl);
	if (err != PZ_ERR_LIMIT_MEMORY)
		err = PZ_OK; /* it is in force all the same, only not passed on */
	/* Lists come before certificates: "crl" sorts first. */
	if (err == PZ_OK)
		err = pz_store_load(store, SPACE, load_one, &load, info);
	load.skipped += pz_friends_drop_crls(
		load.knowledge->friends, load.knowledge->items[PZ_SYNC_CRL], load.knowledge->zone);
	if (err != PZ_OK) {
		pz_knowledge_free(load.knowledge);
		return err;
	}
	*out = load.knowledge;
	if (out_skipped)
		*out_skipped = load.skipped;
	return PZ_OK;
}
