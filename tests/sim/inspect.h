/*
 * What a scenario may see and do inside of a node, besides its commands: what it knows of its zone,
 * who it is linked with, what is synchronised. (In two files: the internal headers of the two kinds
 * of nodes are not made to be included together.)
 */
#ifndef PZ_SIM_INSPECT_H
#define PZ_SIM_INSPECT_H

#include "sync/item.h"
#include "world.h"
#include "x509/crl.h"

struct pz_authority;

/** What a scenario may ask of a node of either kind; it has to run. */
struct inspect {
	/** The newest list of revocations, borrowed; NULL: in no zone. */
	const struct pz_crl *(*crl)(const struct sim_node *node);
	/** A synchronised item as it is now, borrowed; NULL: not kept here, or opted out. */
	struct pz_sync_item *(*item)(const struct sim_node *node, enum pz_sync_id id);
	/** The same, also where it is opted out of. */
	struct pz_sync_item *(*held)(const struct sim_node *node, enum pz_sync_id id);
	/** A change of what everybody may write. @param value JSON; NULL: a deletion */
	enum pz_err (*write)(const struct sim_node *node, enum pz_sync_id id, const char *key,
			     const char *value, struct pz_errinfo *info);
	/** A device with which it is linked and whose certificate is on the list; NULL: none.
	 * Borrowed. */
	const char *(*revoked_link)(const struct sim_node *node, const struct pz_crl *crl);
	/** Whether this serial is on a list that it knows, also on one that is kept aside. */
	bool (*is_revoked)(const struct sim_node *node, const char *serial);
	/** Whether there is a way to a device. */
	bool (*has_route)(const struct sim_node *node, const char *device);
};

const struct inspect *inspect(const struct sim_node *node);
/** For inspect() alone. */
extern const struct inspect inspect_hub, inspect_device;

/** The policies of a zone of the hub, which has to run. NULL: it has no such zone. */
struct pz_sync_item *inspect_policies(const struct sim_node *hub, const char *zone);
/** Whether a hub has a link with the hub of a friend of its zone. */
bool inspect_has_friend_link(const struct sim_node *hub, const char *zone, const char *friend);
/** Whether a device has a grant for a zone as a whole. */
bool inspect_has_grant(const struct sim_node *device, const char *zone);
/** The hub's zone. */
struct pz_authority *inspect_authority(const struct sim_node *hub);
/** Serial of the PZP CA of a device; false: it is in no zone. */
bool inspect_serial(const struct sim_node *device, char out[PZ_SERIAL_HEX_BYTES]);
/** Whether the device has a certificate of another one that it believes in. */
bool inspect_knows(const struct sim_node *device, const char *other);

#endif
