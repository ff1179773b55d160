/* What devices have announced, and the hub's own answers to calls: it hosts no service (page 1). */
#ifndef PZ_HOSTED_SERVICES_H
#define PZ_HOSTED_SERVICES_H

#include <jansson.h>

#include "access/access.h"
#include "base/map.h"
#include "service/dispatch.h"
#include "service/registry.h"

struct pz_hosted;
struct pz_member;

struct pz_hosted_services {
	struct pz_registry *registry;     /* empty */
	struct pz_dispatcher *dispatcher; /* answers discovery */
	struct pz_map *announced;         /* device -> json array of descriptors, owned */
	struct pz_access *access;         /* judges calls of the hub by the owner's policy */
	struct pz_policy_document *user;  /* that policy, parsed; NULL: it is not valid */
	uint8_t user_sha256[PZ_POLICY_SHA256_BYTES]; /* of the text of `user` */
	bool is_user_read;                           /* `user` and its hash are what was read */
	struct pz_policy_slots slots;
};

/** Errors: LIMIT_MEMORY. pz_hosted_services_fini in any case. */
enum pz_err pz_hosted_services_init(struct pz_hosted *zone) PZ_MUST_USE;
/** Frees what devices have announced. A zeroed zone is fine. */
void pz_hosted_services_fini(struct pz_hosted *zone);

/** A device has announced its services, in the place of those of before.
 * @param takes_list array of descriptors that were checked */
void pz_hosted_services_announced(struct pz_hosted *zone, const struct pz_member *member,
				  json_t *takes_list);
/** A device has no route to it any more: its services are forgotten, its calls end. */
void pz_hosted_device_gone(struct pz_hosted *zone, struct pz_member *member);
/** Sends a JSON-RPC payload in the hub's name; one that is too large is replaced by an error.
 * @param takes_payload NULL: nothing is sent */
void pz_hosted_send_rpc(struct pz_hosted *zone, const char *to, json_t *takes_payload);

#endif
