/*
 * The membership of a device: its zone, name, keys and certificates, and the hub's address at the
 * enrolment, as one record. The keys are in the key store; the record holds their URIs.
 *
 * Enrolment and renewal both end in finish(): it makes a new TLS key, has the device's own CA
 * certify it, and puts the record. The caller replaces the membership in memory once the
 * transaction is durable.
 */
#include "zone/membership.h"

#include <stdio.h>
#include <stdlib.h>

#include "record/record.h"
#include "wire/json.h"

/* Everything that belongs to the zone is in spaces that a wipe removes as a whole. */
#define SPACE PZ_MEMBERSHIP_SPACE
#define KEY "self"
#define SPACE_SERVICES "services"
#define SPACE_KNOWLEDGE "knowledge" /* zone/knowledge.c */

/* Puts the record. A part that is NULL (out of memory) makes json_pack return NULL, which
 * pz_record_put reports. */
static enum pz_err
put(const struct pz_membership *m, struct pz_txn *txn)
{
	json_t *record = json_pack(
		"{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "zone", m->zone,
		"device", m->device, "hubHost", m->hub_host, "hubPort", m->hub_port, "keyType",
		m->key_type, "caKey", m->ca_key_uri, "tlsKey", m->tls_key_uri, "deviceCa",
		pz_record_cert(m->device_ca), "tls", pz_record_cert(m->tls), "master",
		pz_record_cert(m->master), "crl", pz_record_crl(m->crl));

	return pz_record_put(txn, SPACE, KEY, record);
}

/* A TLS certificate of the device's own CA: so renewal needs no hub. */
static enum pz_err
make_tls(struct pz_membership *m, struct pz_keystore *keys, const struct pz_env *env,
	 struct pz_errinfo *info)
{
	struct pz_cert_subject subject = {.zone = m->zone, .device = m->device};

	PZ_TRY(pz_keystore_create(keys, m->key_type, m->tls_key_uri, &m->tls_key, info));
	return pz_cert_issue(PZ_CERT_PZP_TLS, &subject, m->tls_key, m->device_ca, m->ca_key, env,
			     &m->tls, info);
}

/* Takes m: it is freed on failure. */
static enum pz_err
finish(struct pz_membership *m, struct pz_keystore *keys, const struct pz_env *env,
       struct pz_txn *txn, struct pz_membership **out, struct pz_errinfo *info)
{
	enum pz_err err = make_tls(m, keys, env, info);

	if (err == PZ_OK)
		err = put(m, txn);
	if (err != PZ_OK) {
		pz_membership_free(m);
		return err;
	}
	*out = m;
	return PZ_OK;
}

enum pz_err
pz_membership_create(const struct pz_membership_grant *grant, struct pz_keystore *keys,
		     const struct pz_env *env, struct pz_txn *txn, struct pz_membership **out,
		     struct pz_errinfo *info)
{
	struct pz_membership *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	snprintf(m->zone, sizeof(m->zone), "%s", grant->zone);
	snprintf(m->device, sizeof(m->device), "%s", grant->device);
	snprintf(m->hub_host, sizeof(m->hub_host), "%s", grant->hub_host);
	snprintf(m->key_type, sizeof(m->key_type), "%s", grant->key_type);
	snprintf(m->ca_key_uri, sizeof(m->ca_key_uri), "%s", grant->ca_key_uri);
	m->hub_port = grant->hub_port;
	m->ca_key = pz_key_ref(grant->ca_key);
	m->device_ca = pz_cert_ref(grant->device_ca);
	m->master = pz_cert_ref(grant->master);
	m->crl = pz_crl_ref(grant->crl);
	/* Of another hub, when the last wipe failed. */
	enum pz_err err = pz_txn_remove(txn, SPACE, PZ_MEMBERSHIP_PLACE_KEY);
	if (err != PZ_OK) {
		pz_membership_free(m);
		return err;
	}
	return finish(m, keys, env, txn, out, info);
}

/* The new object shares keys and certificates of the old one except those for TLS; both are freed
 * by their owner. */
enum pz_err
pz_membership_renew(const struct pz_membership *old, struct pz_keystore *keys,
		    const struct pz_env *env, struct pz_txn *txn, struct pz_membership **out,
		    struct pz_errinfo *info)
{
	struct pz_membership *m = malloc(sizeof(*m));

	if (m == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	*m = *old;
	m->tls_key = NULL;
	m->tls = NULL;
	pz_key_ref(m->ca_key);
	pz_cert_ref(m->device_ca);
	pz_cert_ref(m->master);
	pz_crl_ref(m->crl);
	return finish(m, keys, env, txn, out, info);
}

struct load {
	struct pz_keystore *keys;
	struct pz_membership *found;
	struct pz_errinfo *info;
};

static enum pz_err
read_names(const json_t *record, struct pz_membership *m, struct pz_errinfo *info)
{
	int64_t port = 0;

	PZ_TRY(pz_record_string(record, "zone", m->zone, sizeof(m->zone), info));
	PZ_TRY(pz_record_string(record, "device", m->device, sizeof(m->device), info));
	PZ_TRY(pz_record_string(record, "hubHost", m->hub_host, sizeof(m->hub_host), info));
	PZ_TRY(pz_record_string(record, "keyType", m->key_type, sizeof(m->key_type), info));
	PZ_TRY(pz_record_string(record, "caKey", m->ca_key_uri, sizeof(m->ca_key_uri), info));
	PZ_TRY(pz_record_string(record, "tlsKey", m->tls_key_uri, sizeof(m->tls_key_uri), info));
	if (!pz_json_int(record, "hubPort", 1, UINT16_MAX, &port))
		return pz_fail(info, PZ_ERR_PROTO, "store: hubPort is missing or out of range");
	m->hub_port = (uint16_t)port;
	return PZ_OK;
}

/* A lost TLS key is replaced by a new one, see pz_membership_load; the loss of the CA's key ends
 * the membership. */
static enum pz_err
load_keys(struct pz_membership *m, struct pz_keystore *keys, struct pz_errinfo *info)
{
	PZ_TRY(pz_keystore_load(keys, m->ca_key_uri, &m->ca_key, info));
	enum pz_err err = pz_keystore_load(keys, m->tls_key_uri, &m->tls_key, info);
	return err == PZ_ERR_NOTFOUND ? PZ_OK : err;
}

static enum pz_err
read_record(const json_t *record, struct pz_keystore *keys, struct pz_membership *m,
	    struct pz_errinfo *info)
{
	PZ_TRY(read_names(record, m, info));
	PZ_TRY(pz_record_get_cert(record, "deviceCa", &m->device_ca, info));
	PZ_TRY(pz_record_get_cert(record, "tls", &m->tls, info));
	PZ_TRY(pz_record_get_cert(record, "master", &m->master, info));
	PZ_TRY(pz_record_get_crl(record, "crl", &m->crl, info));
	return load_keys(m, keys, info);
}

/* The space also has the hub's place (zone/place.c). */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct load *load = arg;
	json_t *record = NULL;

	if (strcmp(key, KEY) != 0)
		return PZ_OK;
	PZ_TRY(pz_record_parse(SPACE, key, value, &record, load->info));
	struct pz_membership *m = calloc(1, sizeof(*m));
	enum pz_err err = m ? read_record(record, load->keys, m, load->info) : PZ_ERR_LIMIT_MEMORY;
	json_decref(record);
	if (err != PZ_OK) {
		pz_membership_free(m);
		return err;
	}
	load->found = m;
	return PZ_OK;
}

enum pz_err
pz_membership_load(struct pz_store *store, struct pz_keystore *keys, struct pz_membership **out,
		   struct pz_errinfo *info)
{
	struct load load = {.keys = keys, .info = info};

	PZ_TRY(pz_store_load(store, SPACE, load_one, &load, info));
	*out = load.found;
	return PZ_OK;
}

void
pz_membership_free(struct pz_membership *m)
{
	if (m == NULL)
		return;
	pz_key_free(m->ca_key);
	pz_key_free(m->tls_key);
	pz_cert_free(m->device_ca);
	pz_cert_free(m->tls);
	pz_cert_free(m->master);
	pz_crl_free(m->crl);
	free(m);
}

enum pz_err
pz_membership_wipe(struct pz_txn *txn)
{
	PZ_TRY(pz_txn_remove_space(txn, SPACE));
	PZ_TRY(pz_txn_remove_space(txn, SPACE_KNOWLEDGE));
	return pz_txn_remove_space(txn, SPACE_SERVICES);
}

bool
pz_membership_is_renewal_due(const struct pz_membership *m, const struct pz_env *env)
{
	uint64_t now = pz_env_wall_ms(env);

	/* A certificate that is not valid yet was made while the clock was wrong. */
	return now >= pz_cert_renew_at_ms(m->tls) || now < pz_cert_not_before_ms(m->tls);
}

void
pz_membership_key_uris(const struct pz_membership *m, const char *out[2])
{
	out[0] = m->ca_key_uri;
	out[1] = m->tls_key_uri;
}
