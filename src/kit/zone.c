#include "kit/zone.h"

#include "kit/check.h"

#include <string.h>

static struct pz_key *
new_key(void)
{
	struct pz_key *key = NULL;

	PZ_KIT_OK(pz_key_generate(NULL, &key, NULL));
	return key;
}

struct pz_cert *
pz_kit_issue(const struct pz_kit_zone *zone, enum pz_cert_kind kind, const char *device,
	     const struct pz_key *key, const struct pz_cert *issuer,
	     const struct pz_key *issuer_key)
{
	struct pz_cert_subject subject = {zone->name, device, device ? NULL : PZ_KIT_HOST};
	struct pz_cert *cert = NULL;

	PZ_KIT_OK(pz_cert_issue(kind, &subject, key, issuer, issuer_key, zone->env, &cert, NULL));
	return cert;
}

void
pz_kit_device_init(struct pz_kit_identity *device, const struct pz_kit_zone *zone, const char *name)
{
	*device = (struct pz_kit_identity){.key = new_key(), .ca_key = new_key(), .chain_len = 2};
	device->ca =
		pz_kit_issue(zone, PZ_CERT_PZP_CA, name, device->ca_key, zone->ca, zone->ca_key);
	device->tls =
		pz_kit_issue(zone, PZ_CERT_PZP_TLS, name, device->key, device->ca, device->ca_key);
}

void
pz_kit_identity_fini(struct pz_kit_identity *identity)
{
	pz_key_free(identity->key);
	pz_key_free(identity->ca_key);
	pz_cert_free(identity->tls);
	pz_cert_free(identity->ca);
}

void
pz_kit_zone_init(struct pz_kit_zone *zone, const char *name, const struct pz_env *env)
{
	*zone = (struct pz_kit_zone){.name = name, .env = env, .ca_key = new_key()};
	zone->ca = pz_kit_issue(zone, PZ_CERT_PZH_CA, NULL, zone->ca_key, NULL, zone->ca_key);
	zone->crl = pz_kit_crl(zone, NULL, 1);
	for (size_t i = 0; i < sizeof(zone->secret); i++)
		zone->secret[i] = (uint8_t)((size_t)name[i % strlen(name)] + i);
	zone->hub = (struct pz_kit_identity){.key = new_key(), .chain_len = 1};
	zone->hub.tls =
		pz_kit_issue(zone, PZ_CERT_PZH_TLS, NULL, zone->hub.key, zone->ca, zone->ca_key);
	pz_kit_device_init(&zone->laptop, zone, "laptop");
	pz_kit_device_init(&zone->phone, zone, "phone");
}

void
pz_kit_zone_fini(struct pz_kit_zone *zone)
{
	pz_kit_identity_fini(&zone->hub);
	pz_kit_identity_fini(&zone->laptop);
	pz_kit_identity_fini(&zone->phone);
	pz_key_free(zone->ca_key);
	pz_cert_free(zone->ca);
	pz_crl_free(zone->crl);
}

struct pz_crl *
pz_kit_crl(const struct pz_kit_zone *zone, const struct pz_cert *revoked, uint64_t number)
{
	struct pz_crl_entry entry = {.when_ms = pz_env_wall_ms(zone->env)};
	struct pz_crl *crl = NULL;

	if (revoked)
		pz_cert_serial_hex(revoked, entry.serial_hex);
	PZ_KIT_OK(pz_crl_issue(zone->ca, zone->ca_key, &entry, revoked != NULL, number, zone->env,
			       &crl, NULL));
	return crl;
}

struct pz_trust *
pz_kit_trust(const struct pz_kit_zone *zone, const struct pz_crl *crl)
{
	struct pz_trust *trust = pz_trust_new();

	PZ_KIT_CHECK(trust != NULL);
	PZ_KIT_OK(pz_trust_add(trust, zone->ca, crl, NULL));
	return trust;
}
