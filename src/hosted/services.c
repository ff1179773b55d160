/*
 * The hub answers discovery from the services that devices have announced; its dispatcher knows no
 * other function.
 *
 * Its answers are judged like calls at a device (page 9, E5 and E6), by the owner's policy alone:
 * exceptions and manufacturers' policies are for devices. The hub prompts no person.
 */
#include "hosted/services.h"

#include "access/permit.h"
#include "base/auto.h"
#include "hosted/zone.h"
#include "policies/default.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "wire/message.h"
#include "zone/policy.h"

/* ---- who may do what ---- */

static void
on_names(void *arg, struct pz_access_names *out)
{
	const struct pz_hosted *zone = arg;

	out->zone = zone->authority->zone;
}

/* Parsed again when its hash has changed. An invalid document denies. */
static const struct pz_policy_slots *
on_slots(void *arg)
{
	struct pz_hosted *zone = arg;
	struct pz_hosted_services *s = &zone->services;
	const struct pz_zone_policy *policy = zone->authority->policy;
	static const uint8_t of_default[PZ_POLICY_SHA256_BYTES];
	const uint8_t *sha256 = policy ? policy->record.version.sha256 : of_default;

	if (s->is_user_read && memcmp(s->user_sha256, sha256, sizeof(s->user_sha256)) == 0)
		return &s->slots;
	pz_policy_document_unref(PZ_TAKE(s->user));
	bool is_valid =
		pz_policy_document_parse(policy ? policy->record.document : pz_policies_default(),
					 &s->user, NULL) == PZ_OK;
	memcpy(s->user_sha256, sha256, sizeof(s->user_sha256));
	s->is_user_read = true;
	s->slots.document[PZ_POLICY_SLOT_USER] = s->user;
	s->slots.is_corrupt[PZ_POLICY_SLOT_USER] = !is_valid;
	return &s->slots;
}

static bool
on_is_own_device(void *arg, struct pz_slice device)
{
	const struct pz_hosted *zone = arg;
	PZ_AUTO_FREE char *name = pz_slice_dup(device);
	const struct pz_member *member = name ? pz_authority_member(zone->authority, name) : NULL;

	return member && !member->revoked;
}

static bool
on_is_known_zone(void *arg, struct pz_slice name)
{
	return pz_hosted_is_friend(arg, name);
}

/* The policy has changed, or a time that it compares has passed: what friends are shown may change.
 */
static void
on_recheck(void *arg)
{
	const struct pz_hosted *zone = arg;

	if (zone->watch.policy)
		zone->watch.policy(zone->watch.arg);
}

static const struct pz_access_ops access_ops = {
	.names = on_names,
	.slots = on_slots,
	.is_known_zone = on_is_known_zone,
	.is_own_device = on_is_own_device,
	.recheck = on_recheck,
};

static enum pz_permit
on_permit(void *arg, struct pz_permit_query *query)
{
	struct pz_hosted *zone = arg;

	return pz_access_permit(zone->services.access, query, NULL, NULL);
}

/* ---- discovery ---- */

static void
on_find(void *arg, const char *caller, struct pz_find *find)
{
	struct pz_hosted *zone = arg;
	size_t pos = 0, i;
	struct pz_slice device;
	void *list;
	json_t *one;

	(void)caller;
	/* The hub answers at once from memory: devices announce again when they connect. */
	while (pz_map_next(zone->services.announced, &pos, &device, &list))
		json_array_foreach ((json_t *)list, i, one)
			pz_find_add_json(find, one);
	pz_find_done(find);
}

static enum pz_err
send_rpc(struct pz_hosted *zone, const char *to, json_t *payload)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_rpc(&out, zone->authority->zone, to, payload);
	if (err == PZ_OK)
		err = pz_router_send(zone->router, pz_buf_slice(&out));
	pz_buf_fini(&out);
	return err;
}

void
pz_hosted_send_rpc(struct pz_hosted *zone, const char *to, json_t *takes_payload)
{
	if (takes_payload == NULL)
		return;
	enum pz_err err = send_rpc(zone, to, takes_payload);
	if (pz_err_category(err) == PZ_CAT_PROTO || err == PZ_ERR_LIMIT) {
		/* The caller waits for an answer with this id: it gets the reason as an error. */
		json_t *instead = pz_rpc_instead(
			takes_payload,
			pz_rpc_error(PZ_RPC_INTERNAL_ERROR, "the answer is too large", NULL));
		if (instead)
			err = send_rpc(zone, to, instead);
		json_decref(instead);
	}
	if (err != PZ_OK)
		pz_metric_add(&zone->hosting->metrics, PZ_METRIC_messages_dropped, 1);
	json_decref(takes_payload);
}

static void
on_send(void *arg, const char *to, json_t *payload)
{
	pz_hosted_send_rpc(arg, to, payload);
}

static const struct pz_dispatch_ops dispatch_ops = {
	.send = on_send,
	.find = on_find,
	.permit = on_permit,
};

void
pz_hosted_device_gone(struct pz_hosted *zone, struct pz_member *member)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	/* Its services are dropped: it announces them again on each link. */
	json_decref(pz_map_remove(zone->services.announced, pz_slice_str(member->device)));
	snprintf(address, sizeof(address), "%s/%s", zone->authority->zone, member->device);
	pz_dispatcher_peer_gone(zone->services.dispatcher, address);
}

void
pz_hosted_services_announced(struct pz_hosted *zone, const struct pz_member *member,
			     json_t *takes_list)
{
	void *old = NULL;

	if (pz_map_put(zone->services.announced, pz_slice_str(member->device), takes_list, &old) !=
	    PZ_OK)
		json_decref(takes_list);
	json_decref(old);
	if (zone->watch.member)
		zone->watch.member(zone->watch.arg, member);
}

enum pz_err
pz_hosted_services_init(struct pz_hosted *zone)
{
	struct pz_hosted_services *s = &zone->services;

	s->announced = pz_map_new();
	s->registry = pz_registry_new();
	if (s->announced == NULL || s->registry == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	PZ_TRY(pz_registry_set_address(s->registry, zone->authority->zone));
	PZ_TRY(pz_access_new(zone->hosting->env, &access_ops, zone, &s->access));
	s->dispatcher = pz_dispatcher_new(zone->hosting->env, s->registry, &dispatch_ops, zone);
	return s->dispatcher ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_hosted_services_fini(struct pz_hosted *zone)
{
	struct pz_hosted_services *s = &zone->services;
	size_t pos = 0;
	void *list;

	while (s->announced && pz_map_next(s->announced, &pos, NULL, &list))
		json_decref(list);
	pz_map_free(s->announced);
	pz_dispatcher_free(s->dispatcher);
	pz_registry_free(s->registry);
	pz_access_free(s->access);
	pz_policy_document_unref(s->user);
}
