/*
 * Everything that a device knows about its zone: its own certificates (zone/membership.h), and what
 * the hub has published (zone/knowledge.h). Links, lists and announcements query the zone through
 * this header.
 */
#ifndef PZ_ZONE_DEVICE_H
#define PZ_ZONE_DEVICE_H

#include <jansson.h>

#include "x509/verify.h"
#include "zone/knowledge.h"
#include "zone/membership.h"
#include "zone/tag.h"

/** Both are NULL while the device is virgin. Owned by the device, which replaces them when it
 * enrols, renews its certificate, or leaves. */
struct pz_device_zone {
	struct pz_membership *membership;
	struct pz_knowledge *knowledge; /* in tests also NULL for a member: it knows nothing yet */
	/* Friend zones: the hub's list, and what this device has paired by itself. Owned by the
	 * device for its life; NULL: none is kept. */
	struct pz_friends *friends;
};

/** The newest CRL of the zone. Borrowed until the next pz_knowledge_apply; NULL: virgin. */
struct pz_crl *pz_device_zone_crl(const struct pz_device_zone *zone);
/**
 * True when the zone has revoked this PZP CA. All its lists are in force, also those that the
 * newest one does not replace (zone/crl_history.h).
 * @param serial_hex as pz_cert_serial_hex writes it
 * @return false while virgin
 */
bool pz_device_zone_is_revoked(const struct pz_device_zone *zone, const char *serial_hex);
/** True when the zone has revoked this device itself. */
bool pz_device_zone_is_self_revoked(const struct pz_device_zone *zone);
/**
 * Makes the trust of a member's links: the zone's CA with all its revocation lists.
 * @param zone not virgin
 * @param out a new reference
 * Errors: those of pz_trust_add; LIMIT_MEMORY.
 */
enum pz_err pz_device_zone_trust(const struct pz_device_zone *zone, struct pz_trust **out,
				 struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Checks that a peer is the device that the zone knows by this name. A device that the zone's data
 * does not name yet is accepted: its certificate proves enough.
 * @param who what the handshake has proved
 * Errors: DENIED_IDENTITY (another PZP CA).
 * @spec page 2 "What a verifier checks"
 */
enum pz_err pz_device_zone_check_ca(const struct pz_device_zone *zone, const struct pz_peer *who,
				    struct pz_errinfo *info) PZ_MUST_USE;
/** @param out not written when it is not known. @return false: not known (yet) */
bool pz_device_zone_secret(const struct pz_device_zone *zone, uint8_t out[PZ_ZONE_SECRET_BYTES]);
/** True for a device that the zone's data names and that is not revoked. */
bool pz_device_zone_has(const struct pz_device_zone *zone, const char *device);
/** True for a former device of the zone. */
bool pz_device_zone_has_left(const struct pz_device_zone *zone, const char *device);
/** True when the owner lets that device do it; also while nothing is known. @param right of enum
 * pz_right. @spec page 14 AC-10 */
bool pz_device_zone_may(const struct pz_device_zone *zone, const char *device, unsigned right);
/** True for the name of this device. False while virgin. */
bool pz_device_zone_is_self(const struct pz_device_zone *zone, const char *device);
/** Adds the names of the devices that the zone's data names: {name: true}. What memory does not
 * allow is left out. */
void pz_device_zone_add_devices(const struct pz_device_zone *zone, json_t *names);

/* ---- friend zones ---- */

/**
 * Updates the table from the hub's list: entries of the list replace those in the table, and
 * entries that the list had before and lacks now are removed. Friends that the device has paired
 * itself stay.
 * @return array of the zones that are no friends any more, or have another CA now; new. NULL: out
 * of memory, the table is as it was
 */
json_t *pz_device_zone_follow_friends(struct pz_device_zone *zone);
/** The friend of that zone, confirmed; NULL: no friend. */
const struct pz_friend *
pz_device_zone_friend(const struct pz_device_zone *zone, struct pz_slice name);
/** True when a friend's own list revokes this PZP CA. @param serial_hex as pz_cert_serial_hex
 * writes it */
bool pz_device_zone_friend_has_revoked(const struct pz_device_zone *zone, struct pz_slice name,
				       const char *serial_hex);

#endif
