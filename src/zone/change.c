/*
 * Changes of an authority: admission, revocation, renewal. Each prepares everything (certificates,
 * CRL, records of the transaction) in a struct pz_zone_change without touching the authority;
 * pz_authority_apply changes memory when the transaction is durable, pz_authority_drop forgets it
 * when it failed. So memory never says more than the disk, and a hub that crashes in between has
 * neither or both.
 */
#include "zone/change.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "record/record.h"
#include "zone/policy.h"

#define HALF_CRL_LIFE_MS (15ULL * 86400 * 1000) /* page 2: a CRL lives 30 days */

void
pz_authority_drop(struct pz_zone_change *change)
{
	if (change == NULL)
		return;
	if (change->member) {
		free(change->member->ca_pem);
		json_decref(change->member->former);
	}
	free(change->member); /* the other fields are borrowed from the member in force */
	pz_crl_free(change->crl);
	pz_zone_policy_free(change->policy);
	pz_key_free(change->tls_key);
	pz_cert_free(change->tls);
	free(change);
}

/* The record changes; the member's place in memory and its link stay. */
static struct pz_member *
apply_member(struct pz_authority *a, struct pz_member *fresh)
{
	struct pz_member *m = pz_authority_member(a, fresh->device);

	if (m == NULL) {
		/* Room was reserved when the change was prepared. Without memory the next start
		 * finds it. */
		if (pz_map_put(a->members, pz_slice_str(fresh->device), fresh, NULL) == PZ_OK)
			return fresh;
		pz_authority_free_member(fresh);
		return NULL;
	}
	bool is_same = strcmp(fresh->serial, m->serial) == 0; /* or another of that name */
	fresh->session = m->session;
	memcpy(fresh->instance, m->instance, sizeof(fresh->instance));
	fresh->info = m->info;
	if (!is_same) {
		json_decref(fresh->info);
		fresh->info = NULL;
	}
	free(m->ca_pem);
	json_decref(m->former);
	free(m->summary);
	fresh->summary = NULL; /* made again when it is needed */
	*m = *fresh;
	free(fresh);
	return m;
}

/* Takes each part out of the change, so that dropping the change frees only what was not used. What
 * is published is made last, from the new members and the new CRL. */
struct pz_member *
pz_authority_apply(struct pz_authority *a, struct pz_zone_change *change)
{
	struct pz_member *m = NULL;

	bool has_crl = change->crl != NULL;

	if (change->crl) {
		pz_crl_free(a->crl);
		a->crl = PZ_TAKE(change->crl);
	}
	if (change->tls) {
		pz_cert_free(a->tls);
		pz_key_free(a->tls_key);
		a->tls = PZ_TAKE(change->tls);
		a->tls_key = PZ_TAKE(change->tls_key);
		snprintf(a->tls_key_uri, sizeof(a->tls_key_uri), "%s", change->tls_key_uri);
	}
	if (change->policy) {
		pz_zone_policy_free(a->policy);
		a->policy = PZ_TAKE(change->policy);
		pz_authority_republish_policy(a);
	}
	if (change->member)
		m = apply_member(a, PZ_TAKE(change->member));
	pz_authority_republish(a, m, has_crl);
	pz_authority_drop(change);
	return m;
}

/* ---- revocation list ---- */

struct entries {
	struct pz_crl_entry *list;
	size_t len, cap;
};

/* Room grows by doubling: a CRL has up to thousands of entries. */
static enum pz_err
add_entry(struct entries *entries, const char *serial, uint64_t when_ms)
{
	if (entries->len == entries->cap) {
		size_t cap = entries->cap ? 2 * entries->cap : 16;
		struct pz_crl_entry *grown = reallocarray(entries->list, cap, sizeof(*grown));
		if (grown == NULL)
			return PZ_ERR_LIMIT_MEMORY;
		entries->list = grown;
		entries->cap = cap;
	}
	struct pz_crl_entry *entry = &entries->list[entries->len++];
	snprintf(entry->serial_hex, sizeof(entry->serial_hex), "%s", serial);
	entry->when_ms = when_ms;
	return PZ_OK;
}

/* Adds the entries of `crl` that are not in `other` (NULL: all of them). */
static enum pz_err
add_list(struct entries *entries, const struct pz_crl *crl, const struct pz_crl *other)
{
	struct pz_crl_entry entry;

	for (size_t i = 0; i < pz_crl_len(crl); i++) {
		pz_crl_entry_at(crl, i, &entry);
		if (other == NULL || !pz_crl_has_serial(other, entry.serial_hex))
			PZ_TRY(add_entry(entries, entry.serial_hex, entry.when_ms));
	}
	return PZ_OK;
}

enum pz_err
pz_authority_next_crl(const struct pz_authority *a, const struct pz_crl *other, const char *serial,
		      struct pz_crl **out, struct pz_errinfo *info)
{
	struct entries entries = {0};
	uint64_t number = pz_crl_number(a->crl);
	enum pz_err err = PZ_OK;

	/* Above both numbers: a device has one of the two lists, and accepts only a higher number.
	 */
	if (other && pz_crl_number(other) > number)
		number = pz_crl_number(other);
	if (number >= INT64_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "no crlNumber is left");
	err = add_list(&entries, a->crl, NULL);
	if (err == PZ_OK && other)
		err = add_list(&entries, other, a->crl);
	if (err == PZ_OK && serial && !pz_crl_has_serial(a->crl, serial))
		err = add_entry(&entries, serial, pz_env_wall_ms(a->env));
	if (err == PZ_OK)
		err = pz_crl_issue(a->ca, a->ca_key, entries.list, entries.len, number + 1, a->env,
				   out, info);
	free(entries.list);
	return err;
}

/* ---- admission ---- */

/* The former holders of a name; without memory the list is shorter. */
static json_t *
former_holders(const struct pz_member *former, uint64_t now_ms)
{
	json_t *list = former->former ? json_copy(former->former) : json_array();
	enum pz_revoked why = former->revoked ? former->revoked_why : PZ_REVOKED_REPLACED;

	(void)json_array_append_new(
		list, json_pack("{s:s, s:I, s:I, s:s}", "serial", former->serial, "enrolled",
				(json_int_t)former->enrolled_ms, "revokedAt",
				(json_int_t)(former->revoked ? former->revoked_ms : now_ms), "why",
				pz_authority_why_key(why)));
	while (json_array_size(list) > PZ_FORMER_HOLDERS_MAX)
		(void)json_array_remove(list, 0);
	return list;
}

/* @param former the member that had the name before, or NULL */
static struct pz_member *
new_member(const struct pz_authority *a, const struct pz_admission *admission,
	   const struct pz_cert *cert, const struct pz_member *former)
{
	struct pz_member *m = calloc(1, sizeof(*m));

	if (m == NULL || (m->ca_pem = pz_record_cert_text(cert)) == NULL) {
		free(m);
		return NULL;
	}
	if (former) { /* what the name's former holders lost stays lost (page 14 CERT-9) */
		m->former = former_holders(former, pz_env_wall_ms(a->env));
		m->rights_lost = former->rights_lost;
		m->rights_ms = former->rights_ms;
	}
	snprintf(m->device, sizeof(m->device), "%s", admission->device);
	snprintf(m->display_name, sizeof(m->display_name), "%s", admission->display_name);
	snprintf(m->device_type, sizeof(m->device_type), "%s", admission->device_type);
	pz_cert_serial_hex(cert, m->serial);
	pz_cert_spki_hash(cert, m->ca_key_hash);
	m->enrolled_ms = pz_env_wall_ms(a->env);
	/* Devices that pass it on keep the later time: with a clock that was set back, the
	 * revocation of the former holder would win over the new one. */
	if (former && m->enrolled_ms <= pz_authority_gone_ms(former))
		m->enrolled_ms = pz_authority_gone_ms(former) + 1;
	return m;
}

/* The former holder's certificate is revoked in the same transaction: two valid ones of a name
 * never exist. */
static enum pz_err
prepare_admission(struct pz_authority *a, const struct pz_admission *admission, struct pz_txn *txn,
		  struct pz_zone_change *change, struct pz_cert **out_cert, struct pz_errinfo *info)
{
	struct pz_cert_subject subject = {.zone = a->zone, .device = admission->device};
	const struct pz_member *former = pz_authority_member(a, admission->device);

	PZ_TRY(pz_cert_issue(PZ_CERT_PZP_CA, &subject, admission->key, a->ca, a->ca_key, a->env,
			     out_cert, info));
	change->member = new_member(a, admission, *out_cert, former);
	if (change->member == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	if (former && !former->revoked) {
		PZ_TRY(pz_authority_next_crl(a, NULL, former->serial, &change->crl, info));
		PZ_TRY(pz_authority_put_zone(a, a->tls_key_uri, a->tls, change->crl, txn));
	}
	return pz_authority_save_member(a, change->member, txn);
}

enum pz_err
pz_authority_admit(struct pz_authority *a, const struct pz_admission *admission, struct pz_txn *txn,
		   struct pz_zone_change **out, struct pz_cert **out_cert, struct pz_crl **out_crl,
		   struct pz_errinfo *info)
{
	struct pz_cert *cert = NULL;

	PZ_TRY(pz_authority_check_stays(a, info));
	if (!pz_authority_is_name_free(a, admission->device))
		return pz_fail(info, PZ_ERR_EXISTS, "device name %s is taken", admission->device);
	if (pz_authority_member(a, admission->device) == NULL &&
	    pz_map_len(a->members) >= PZ_DEVICES_PER_ZONE_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "zone %s has %d devices already", a->zone,
			       PZ_DEVICES_PER_ZONE_MAX);
	struct pz_zone_change *change = calloc(1, sizeof(*change));
	if (change == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = prepare_admission(a, admission, txn, change, &cert, info);
	if (err != PZ_OK) {
		pz_cert_free(cert);
		pz_authority_drop(change);
		return err;
	}
	*out_crl = pz_crl_ref(change->crl ? change->crl : a->crl);
	*out_cert = cert;
	*out = change;
	return PZ_OK;
}

/* ---- revocation ---- */

/* The new CRL, and the member's record with time and reason. */
static enum pz_err
prepare_revocation(struct pz_authority *a, const struct pz_member *m, enum pz_revoked why,
		   struct pz_txn *txn, struct pz_zone_change *change, struct pz_errinfo *info)
{
	change->member = malloc(sizeof(*change->member));
	if (change->member == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	*change->member = *m;
	change->member->revoked = true;
	change->member->revoked_ms = pz_env_wall_ms(a->env);
	change->member->revoked_why = why;
	change->member->ca_pem = NULL; /* devices do not get a revoked member's CA certificate */
	json_incref(change->member->former);
	PZ_TRY(pz_authority_next_crl(a, NULL, m->serial, &change->crl, info));
	PZ_TRY(pz_authority_put_zone(a, a->tls_key_uri, a->tls, change->crl, txn));
	return pz_authority_save_member(a, change->member, txn);
}

enum pz_err
pz_authority_revoke(struct pz_authority *a, const char *device, enum pz_revoked why,
		    struct pz_txn *txn, struct pz_zone_change **out, struct pz_errinfo *info)
{
	const struct pz_member *m = pz_authority_member(a, device);

	PZ_TRY(pz_authority_check_stays(a, info));
	if (m == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND, "zone %s has no device %s", a->zone, device);
	if (m->revoked)
		return pz_fail(info, PZ_ERR_EXISTS, "device %s is revoked already", device);
	struct pz_zone_change *change = calloc(1, sizeof(*change));
	if (change == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = prepare_revocation(a, m, why, txn, change, info);
	if (err != PZ_OK) {
		pz_authority_drop(change);
		return err;
	}
	*out = change;
	return PZ_OK;
}

/* ---- rights ---- */

static enum pz_err
prepare_rights(const struct pz_authority *a, const struct pz_member *m, unsigned rights,
	       struct pz_txn *txn, struct pz_zone_change *change)
{
	uint64_t now = pz_env_wall_ms(a->env);

	change->member = malloc(sizeof(*change->member));
	if (change->member == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	*change->member = *m;
	json_incref(change->member->former);
	change->member->ca_pem = m->ca_pem ? strdup(m->ca_pem) : NULL;
	if (m->ca_pem && change->member->ca_pem == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	change->member->rights_lost = PZ_RIGHTS_ALL & ~rights;
	/* Later than before, whatever the clock says. */
	change->member->rights_ms = now > m->rights_ms ? now : m->rights_ms + 1;
	return pz_authority_save_member(a, change->member, txn);
}

enum pz_err
pz_authority_set_rights(struct pz_authority *a, const char *device, unsigned rights,
			struct pz_txn *txn, struct pz_zone_change **out, struct pz_errinfo *info)
{
	const struct pz_member *m = pz_authority_member(a, device);

	PZ_TRY(pz_authority_check_stays(a, info));
	if (m == NULL || m->revoked)
		return pz_fail(info, PZ_ERR_NOTFOUND, "zone %s has no device %s", a->zone, device);
	struct pz_zone_change *change = calloc(1, sizeof(*change));
	if (change == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = prepare_rights(a, m, rights, txn, change);
	if (err != PZ_OK) {
		pz_authority_drop(change);
		return err;
	}
	*out = change;
	return PZ_OK;
}

/* ---- renewal ---- */

/* Also when the certificate is not valid yet: its issuer's clock was wrong. */
bool
pz_authority_is_renewal_due(const struct pz_authority *a)
{
	uint64_t now = pz_env_wall_ms(a->env);

	return now >= pz_cert_renew_at_ms(a->tls) || now < pz_cert_not_before_ms(a->tls) ||
	       now + HALF_CRL_LIFE_MS >= pz_crl_next_update_ms(a->crl);
}

enum pz_err
pz_authority_renew(struct pz_authority *a, struct pz_keystore *keys, struct pz_txn *txn,
		   struct pz_zone_change **out, struct pz_errinfo *info)
{
	struct pz_zone_change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_authority_next_crl(a, NULL, NULL, &change->crl, info);
	uint64_t now = pz_env_wall_ms(a->env);
	/* A certificate that is not valid yet was issued by a clock that was ahead: no device
	 * accepts it. */
	if (err == PZ_OK &&
	    (now >= pz_cert_renew_at_ms(a->tls) || now < pz_cert_not_before_ms(a->tls)))
		err = pz_authority_make_tls(a, keys, change->tls_key_uri, &change->tls_key,
					    &change->tls, info);
	if (err == PZ_OK)
		err = pz_authority_put_zone(a, change->tls ? change->tls_key_uri : a->tls_key_uri,
					    change->tls ? change->tls : a->tls, change->crl, txn);
	if (err != PZ_OK) {
		pz_authority_drop(change);
		return err;
	}
	*out = change;
	return PZ_OK;
}
