#include "kit/authority.h"

#include <string.h>

#include "kit/check.h"

struct pz_authority *
pz_kit_authority_new(struct pz_kit_world *hub, const char *zone)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_authority *authority = NULL;

	PZ_KIT_OK(pz_authority_create(zone, PZ_KIT_HOST, NULL, hub->key_type, hub->keys,
				      &hub->time->env, txn, &authority, NULL));
	PZ_KIT_OK(pz_kit_world_commit(hub, txn));
	return authority;
}

/* Puts the zone of that name in the place of the one that is there. */
static enum pz_err
take_zone(void *arg, struct pz_authority *takes)
{
	struct pz_authority **slot = arg;
	bool is_wanted = strcmp((*slot)->zone, takes->zone) == 0;
	struct pz_authority *other = is_wanted ? *slot : takes;

	if (is_wanted)
		*slot = takes;
	pz_authority_free(other);
	return PZ_OK;
}

void
pz_kit_authority_restart(struct pz_kit_world *hub, struct pz_authority **authority)
{
	struct pz_authority *before = *authority;

	pz_kit_world_restart(hub);
	PZ_KIT_OK(pz_authority_load_all(hub->store, hub->keys, &hub->time->env, take_zone,
					authority, NULL));
	PZ_KIT_CHECK(*authority != before);
}

struct pz_member *
pz_kit_apply(struct pz_kit_world *hub, struct pz_authority *authority, struct pz_txn *takes_txn,
	     struct pz_zone_change *takes_change)
{
	PZ_KIT_OK(pz_kit_world_commit(hub, takes_txn));
	return pz_authority_apply(authority, takes_change);
}

/* @param out_cert, out_crl the caller's */
static struct pz_member *
admit(struct pz_kit_world *hub, struct pz_authority *authority, const char *device,
      const struct pz_key *ca_key, struct pz_cert **out_cert, struct pz_crl **out_crl)
{
	struct pz_admission wish = {device, device, "pc", ca_key};
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	PZ_KIT_OK(pz_authority_admit(authority, &wish, txn, &change, out_cert, out_crl, NULL));
	return pz_kit_apply(hub, authority, txn, change);
}

struct pz_member *
pz_kit_admit(struct pz_kit_world *hub, struct pz_authority *authority, const char *device,
	     const struct pz_key *ca_key)
{
	struct pz_key *own = NULL;
	struct pz_cert *cert = NULL;
	struct pz_crl *crl = NULL;

	if (ca_key == NULL)
		PZ_KIT_OK(pz_key_generate(hub->key_type, &own, NULL));
	struct pz_member *member =
		admit(hub, authority, device, ca_key ? ca_key : own, &cert, &crl);
	pz_cert_free(cert);
	pz_crl_free(crl);
	pz_key_free(own);
	return member;
}

void
pz_kit_admit_identity(struct pz_kit_world *hub, struct pz_authority *authority, const char *device,
		      struct pz_kit_identity *out)
{
	struct pz_cert_subject subject = {.zone = authority->zone, .device = device};
	struct pz_crl *crl = NULL;

	*out = (struct pz_kit_identity){.chain_len = 2};
	PZ_KIT_OK(pz_key_generate(hub->key_type, &out->ca_key, NULL));
	PZ_KIT_OK(pz_key_generate(hub->key_type, &out->key, NULL));
	(void)admit(hub, authority, device, out->ca_key, &out->ca, &crl);
	PZ_KIT_OK(pz_cert_issue(PZ_CERT_PZP_TLS, &subject, out->key, out->ca, out->ca_key,
				&hub->time->env, &out->tls, NULL));
	pz_crl_free(crl);
}

struct pz_member *
pz_kit_revoke(struct pz_kit_world *hub, struct pz_authority *authority, const char *device,
	      enum pz_revoked why)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	PZ_KIT_OK(pz_authority_revoke(authority, device, why, txn, &change, NULL));
	return pz_kit_apply(hub, authority, txn, change);
}

struct pz_membership *
pz_kit_enrol(struct pz_kit_world *hub, struct pz_authority *authority, const char *device,
	     struct pz_keystore *keys, struct pz_txn *txn)
{
	char uri[PZ_KEY_URI_MAX];
	struct pz_membership_grant grant = {
		.zone = authority->zone,
		.device = device,
		.hub_host = PZ_KIT_HOST,
		.hub_port = PZ_KIT_HUB_PORT,
		.key_type = hub->key_type,
		.ca_key_uri = uri,
		.master = authority->ca,
	};
	struct pz_txn *own = txn ? NULL : pz_kit_txn();
	struct pz_membership *membership = NULL;

	PZ_KIT_OK(pz_keystore_create(keys, hub->key_type, uri, &grant.ca_key, NULL));
	(void)admit(hub, authority, device, grant.ca_key, &grant.device_ca, &grant.crl);
	PZ_KIT_OK(pz_membership_create(&grant, keys, &hub->time->env, txn ? txn : own, &membership,
				       NULL));
	pz_txn_free(own);
	pz_key_free(grant.ca_key);
	pz_cert_free(grant.device_ca);
	pz_crl_free(grant.crl);
	return membership;
}
