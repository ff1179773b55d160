/*
 * A member's own record has the revocation list of the day on which it enrolled. The hub's data has
 * the newest list, and the older ones that it does not replace.
 */
#include "zone/device.h"

#include <string.h>

struct pz_crl *
pz_device_zone_crl(const struct pz_device_zone *zone)
{
	if (zone->membership == NULL)
		return NULL;
	struct pz_crl *newest = zone->knowledge ? pz_knowledge_crl(zone->knowledge) : NULL;
	return newest ? newest : zone->membership->crl;
}

bool
pz_device_zone_is_revoked(const struct pz_device_zone *zone, const char *serial_hex)
{
	if (zone->membership == NULL)
		return false;
	return pz_crl_has_serial(pz_device_zone_crl(zone), serial_hex) ||
	       (zone->knowledge && pz_knowledge_is_revoked(zone->knowledge, serial_hex));
}

bool
pz_device_zone_is_self_revoked(const struct pz_device_zone *zone)
{
	char serial[PZ_SERIAL_HEX_BYTES];

	if (zone->membership == NULL)
		return false;
	pz_cert_serial_hex(zone->membership->device_ca, serial);
	return pz_device_zone_is_revoked(zone, serial);
}

enum pz_err
pz_device_zone_trust(const struct pz_device_zone *zone, struct pz_trust **out,
		     struct pz_errinfo *info)
{
	const struct pz_crl_history *older =
		zone->knowledge ? pz_knowledge_older_crls(zone->knowledge) : NULL;
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = pz_trust_new();

	if (trust == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	for (size_t i = 0; older && i < older->count; i++)
		PZ_TRY(pz_trust_add(trust, zone->membership->master, older->lists[i], info));
	PZ_TRY(pz_trust_add(trust, zone->membership->master, pz_device_zone_crl(zone), info));
	*out = PZ_TAKE(trust);
	return PZ_OK;
}

/* Seed, "Outgoing TLS connections": "Just the certificate of the PZP CA we are contacting, if they
 * are known". */
enum pz_err
pz_device_zone_check_ca(const struct pz_device_zone *zone, const struct pz_peer *who,
			struct pz_errinfo *info)
{
	const struct pz_known_device *known =
		zone->knowledge ? pz_knowledge_device(zone->knowledge, who->device) : NULL;

	if (known && strcmp(known->serial, who->ca_serial) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "%s shows another certificate authority than the zone knows of it",
			       who->device);
	return PZ_OK;
}

bool
pz_device_zone_secret(const struct pz_device_zone *zone, uint8_t out[PZ_ZONE_SECRET_BYTES])
{
	const uint8_t *secret = zone->knowledge ? pz_knowledge_secret(zone->knowledge) : NULL;

	if (secret)
		memcpy(out, secret, PZ_ZONE_SECRET_BYTES);
	return secret != NULL;
}

bool
pz_device_zone_has(const struct pz_device_zone *zone, const char *device)
{
	return zone->knowledge && pz_knowledge_device(zone->knowledge, device) != NULL;
}

bool
pz_device_zone_has_left(const struct pz_device_zone *zone, const char *device)
{
	return zone->knowledge && pz_knowledge_has_left(zone->knowledge, device);
}

bool
pz_device_zone_may(const struct pz_device_zone *zone, const char *device, unsigned right)
{
	return zone->knowledge == NULL || (pz_knowledge_rights(zone->knowledge, device) & right);
}

bool
pz_device_zone_is_self(const struct pz_device_zone *zone, const char *device)
{
	return zone->membership && strcmp(device, zone->membership->device) == 0;
}

void
pz_device_zone_add_devices(const struct pz_device_zone *zone, json_t *names)
{
	const struct pz_known_device *known;
	size_t pos = 0;

	while (zone->knowledge && (known = pz_knowledge_next(zone->knowledge, &pos)) != NULL)
		(void)json_object_set_new(names, known->device, json_true());
}

/* ---- friend zones ---- */

static bool
is_of_hub(const struct pz_friend *f)
{
	return f->sig[0] != '\0';
}

/* Compares keys: a renewed certificate is of the same zone. */
static bool
has_same_ca(const struct pz_friend *a, const struct pz_friend *b)
{
	uint8_t key_a[PZ_KEY_HASH_BYTES], key_b[PZ_KEY_HASH_BYTES];

	pz_cert_spki_hash(a->ca, key_a);
	pz_cert_spki_hash(b->ca, key_b);
	return memcmp(key_a, key_b, sizeof(key_a)) == 0;
}

/* Devices that the hub's list lacks now, or has with another CA. */
static void
drop_gone(struct pz_device_zone *zone, const struct pz_friends *list, json_t *gone)
{
	struct pz_friend *f;
	size_t pos = 0;

	while ((f = pz_friends_next(zone->friends, &pos)) != NULL) {
		const struct pz_friend *now = pz_friends_find(list, pz_slice_str(f->zone));

		if (now ? has_same_ca(now, f) : !is_of_hub(f))
			continue;
		(void)json_array_append_new(gone, json_string(f->zone));
		(void)pz_friends_remove(zone->friends, pz_slice_str(f->zone));
	}
}

json_t *
pz_device_zone_follow_friends(struct pz_device_zone *zone)
{
	const struct pz_friends *list =
		zone->knowledge ? pz_knowledge_friends(zone->knowledge) : NULL;
	json_t *gone = json_array();
	const struct pz_friend *f;
	size_t pos = 0;

	if (gone == NULL || zone->friends == NULL)
		return gone;
	drop_gone(zone, list, gone);
	while ((f = pz_friends_next(list, &pos)) != NULL) {
		struct pz_friend *copy = pz_friend_copy(f);
		const struct pz_friend *old = pz_friends_find(zone->friends, pz_slice_str(f->zone));

		if (copy && old)
			copy->seen_ms = old->seen_ms;
		if (copy)
			(void)!pz_friends_put(zone->friends, copy, NULL);
	}
	return gone;
}

const struct pz_friend *
pz_device_zone_friend(const struct pz_device_zone *zone, struct pz_slice name)
{
	const struct pz_friend *f = pz_friends_find(zone->friends, name);

	return f && pz_friend_is_confirmed(f) ? f : NULL;
}

bool
pz_device_zone_friend_has_revoked(const struct pz_device_zone *zone, struct pz_slice name,
				  const char *serial_hex)
{
	const struct pz_friend *f = pz_friends_find(zone->friends, name);

	return f && f->crl && pz_crl_has_serial(f->crl, serial_hex);
}
