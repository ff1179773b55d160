/*
 * Two machines with one identity, for example from one image: each replaces the other's link. A
 * process sends an id of its start in pzpInfo. A start that was replaced and comes back shows that
 * both run: a restart or another network never causes that.
 * @spec page 14 TLS-12
 */
#include <stdio.h>
#include <stdlib.h>

#include "hosted/clone.h"
#include "net/transport.h"

#define RETURNS_SHOWN 2 /* A, B, A, B: three turns */
#define FORGOTTEN_US (600 * PZ_US_PER_S)

/* The starts of one device that were replaced last. */
struct pz_hosted_clone {
	struct {
		char instance[PZ_INSTANCE_BYTES_MAX + 1];
		char remote[PZ_NETADDR_CHARS];
	} out[2];
	unsigned next; /* index of the next entry of out[] */
	unsigned returns;
	uint64_t last_us; /* time of its replacement */
};

static struct pz_hosted_clone *
get(struct pz_hosted *zone, const char *device)
{
	struct pz_hosted_clone *clone = pz_map_get(zone->clones, pz_slice_str(device));

	if (clone)
		return clone;
	clone = calloc(1, sizeof(*clone));
	if (clone && pz_map_put(zone->clones, pz_slice_str(device), clone, NULL) != PZ_OK) {
		free(clone);
		return NULL;
	}
	return clone;
}

void
pz_hosted_clone_replaced(struct pz_hosted_conn *older)
{
	const struct pz_member *member = older->member;

	if (member->instance[0] == '\0')
		return;
	struct pz_hosted_clone *clone = get(older->zone, member->device);
	if (clone == NULL)
		return;
	unsigned i = clone->next;
	snprintf(clone->out[i].instance, sizeof(clone->out[i].instance), "%s", member->instance);
	snprintf(clone->out[i].remote, sizeof(clone->out[i].remote), "%s",
		 pz_guest_remote(&older->guest));
	clone->next = 1 - i;
	clone->last_us = pz_env_mono_us(older->hosting->env);
}

void
pz_hosted_clone_named(struct pz_hosted_conn *conn)
{
	const struct pz_member *member = conn->member;
	struct pz_hosted_clone *clone =
		pz_map_get(conn->zone->clones, pz_slice_str(member->device));
	unsigned newest = clone ? 1 - clone->next : 0;

	if (clone == NULL || member->instance[0] == '\0')
		return;
	/* The newest is the one that this link has just replaced. */
	if (strcmp(clone->out[1 - newest].instance, member->instance) != 0 ||
	    strcmp(clone->out[newest].instance, member->instance) == 0)
		return;
	clone->out[1 - newest].instance[0] = '\0'; /* counted */
	if (++clone->returns < RETURNS_SHOWN)
		return;
	pz_condition_raise(conn->hosting->conditions, PZ_CONDITION_IDENTITY_TWICE,
			   conn->link->session.address,
			   "two machines have the identity of %s and throw each other out by "
			   "turns: one at %s, the other one at %s",
			   conn->link->session.address, pz_guest_remote(&conn->guest),
			   clone->out[newest].remote);
}

void
pz_hosted_clone_clean(struct pz_hosted *zone)
{
	uint64_t now = pz_env_mono_us(zone->hosting->env);
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(zone->clones, &pos, &key, &value)) {
		struct pz_hosted_clone *clone = value;
		if (now < clone->last_us + FORGOTTEN_US)
			continue;
		snprintf(address, sizeof(address), "%s/%.*s", zone->authority->zone, (int)key.len,
			 (const char *)key.ptr);
		pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_IDENTITY_TWICE, address);
		*clone = (struct pz_hosted_clone){.last_us = now};
	}
}

void
pz_hosted_clone_forget(struct pz_hosted *zone, const char *device)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(address, sizeof(address), "%s/%s", zone->authority->zone, device);
	pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_IDENTITY_TWICE, address);
	free(pz_map_remove(zone->clones, pz_slice_str(device)));
}

void
pz_hosted_clone_fini(struct pz_hosted *zone)
{
	size_t pos = 0;
	void *clone;

	while (zone->clones && pz_map_next(zone->clones, &pos, NULL, &clone))
		free(clone);
	pz_map_free(zone->clones);
}
