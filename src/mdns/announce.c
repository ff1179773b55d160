/*
 * Keeps this device announced on the local network: one service and the machine's addresses, under
 * names that are changed when another host has them. on_settle makes all changes, and compares only
 * the present wish with what is announced, so the order of events does not matter; the backend
 * (Avahi's daemon or our own responder) may be replaced at any time.
 */
#include "mdns/announce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void
put_name(char out[PZ_MDNS_LABEL_BYTES_MAX + 1], const char *name)
{
	snprintf(out, PZ_MDNS_LABEL_BYTES_MAX + 1, "%s", name);
}

static void
wake(struct pz_mdns_announcer *announcer, uint64_t delay_us)
{
	uint64_t due = pz_env_mono_us(announcer->env) + delay_us;

	if (!announcer->settle.active || announcer->settle.due_us > due)
		/* The earlier of two times wins: a retry in 30 s must not delay a change, and
		 * events in a row must not postpone one again and again. */
		pz_env_start(announcer->env, &announcer->settle, delay_us);
}

static void
take_service_back(struct pz_mdns_announcer *announcer)
{
	if (announcer->entry != NULL)
		announcer->backend->ops->remove(announcer->backend, announcer->entry);
	announcer->entry = NULL;
	announcer->is_established = announcer->entry_has_collided = false;
}

static void
take_address_back(struct pz_mdns_announcer *announcer, struct pz_mdns_announced_address *address)
{
	if (address->entry != NULL)
		announcer->backend->ops->remove(announcer->backend, address->entry);
	address->entry = NULL;
	address->is_established = address->has_collided = false;
}

static void
take_all_back(struct pz_mdns_announcer *announcer)
{
	take_service_back(announcer);
	for (size_t i = 0; i < announcer->addresses_len; i++)
		take_address_back(announcer, &announcer->addresses[i]);
}

/** Withdraws only what has met a conflict: a goodbye for the other records would make all peers
 * believe that this device is gone. */
static void
take_collided_back(struct pz_mdns_announcer *announcer)
{
	if (announcer->entry_has_collided)
		take_service_back(announcer);
	for (size_t i = 0; i < announcer->addresses_len; i++)
		if (announcer->addresses[i].has_collided)
			take_address_back(announcer, &announcer->addresses[i]);
}

/** Another host has one of our names. Both names are replaced by random ones: it does not matter
 * which one collided. */
static void
rename_all(struct pz_mdns_announcer *announcer)
{
	if (announcer->collisions++ == 0)
		pz_notice("mdns-collision", "a name of ours is taken on the local network: going "
					    "on with random ones");
	announcer->probed_again_us = 0;
	pz_mdns_random_name(announcer->env, announcer->instance);
	pz_mdns_random_name(announcer->env, announcer->host);
}

/**
 * RFC 6762 9: a host that sees a conflict with its announcement probes again. The conflict may be
 * false: our own delayed packet from before a change looks the same. @return whether there is
 * something to announce now
 */
static bool
see_collision(struct pz_mdns_announcer *announcer)
{
	uint64_t now = pz_env_mono_us(announcer->env), again = announcer->probed_again_us;

	announcer->has_collided = false;
	if (again != 0 && now - again < PZ_MDNS_PROBE_VALID_US) {
		take_all_back(announcer);
		rename_all(announcer);
		return true;
	}
	take_collided_back(announcer);
	announcer->probed_again_us = now;
	wake(announcer, PZ_MDNS_PROBE_AGAIN_US);
	return false;
}

static bool
is_on_interface(const struct pz_mdns_announcer *announcer, int interface)
{
	for (size_t i = 0; i < announcer->addresses_len; i++)
		if (announcer->addresses[i].is_wanted &&
		    announcer->addresses[i].local.interface == interface)
			return true;
	return false;
}

/**
 * Removes only the addresses that the machine no longer has. If a service was withdrawn on an
 * interface while Avahi was still probing for it, Avahi never announces it there again: so the
 * service is submitted anew.
 */
static void
drop_addresses(struct pz_mdns_announcer *announcer)
{
	size_t kept = 0;

	for (size_t i = 0; i < announcer->addresses_len; i++)
		if (!is_on_interface(announcer, announcer->addresses[i].local.interface))
			take_service_back(announcer);
	for (size_t i = 0; i < announcer->addresses_len; i++) {
		struct pz_mdns_announced_address *address = &announcer->addresses[i];

		if (address->is_wanted)
			/* The backend identifies an entry by its own pointer, so our array may move
			 * its elements. */
			announcer->addresses[kept++] = *address;
		else
			take_address_back(announcer, address);
	}
	announcer->addresses_len = kept;
}

/** @return whether the backend accepted it */
static bool
announce_service(struct pz_mdns_announcer *announcer)
{
	struct pz_mdns_backend *backend = announcer->backend;
	struct pz_mdns_service service = *announcer->wanted;

	service.instance = announcer->instance;
	service.host = announcer->host;
	if (announcer->entry != NULL && announcer->is_stale &&
	    /* Without an update the record would be removed and added again: peers would see the
	     * device disappear for a moment. */
	    !backend->ops->update_service(backend, announcer->entry, &service))
		take_service_back(announcer);
	announcer->is_stale = false;
	if (announcer->entry == NULL)
		announcer->entry = backend->ops->add_service(backend, &service);
	return announcer->entry != NULL;
}

static bool
announce_addresses(struct pz_mdns_announcer *announcer)
{
	struct pz_mdns_backend *backend = announcer->backend;
	bool is_done = true;

	for (size_t i = 0; i < announcer->addresses_len; i++) {
		struct pz_mdns_announced_address *address = &announcer->addresses[i];

		if (address->entry == NULL)
			address->entry = backend->ops->add_address(backend, announcer->host,
								   &address->local);
		is_done = is_done && address->entry != NULL;
	}
	return is_done;
}

/**
 * Reported once until everything is announced: a daemon that forbids it answers so a moment after
 * each attempt, and each attempt seems to succeed at first.
 */
static void
retry(struct pz_mdns_announcer *announcer, const char *reason)
{
	struct pz_errinfo text;

	wake(announcer, PZ_MDNS_RETRY_US);
	if (announcer->has_failed)
		return;
	announcer->has_failed = true;
	(void)pz_fail(&text, PZ_ERR_IO, "%s does not announce this device on the local network: %s",
		      announcer->backend->ops->kind, reason);
	pz_mdns_report_trouble(announcer->owner, PZ_MDNS_TROUBLE_PUBLISH, text.text);
}

static void
see_success(struct pz_mdns_announcer *announcer)
{
	bool is_done =
		announcer->entry != NULL && announcer->is_established && !announcer->is_broken;

	for (size_t i = 0; i < announcer->addresses_len; i++)
		is_done = is_done && announcer->addresses[i].entry != NULL &&
			  announcer->addresses[i].is_established;
	if (!is_done || !announcer->has_failed)
		return;
	announcer->has_failed = false;
	pz_mdns_report_trouble(announcer->owner, PZ_MDNS_TROUBLE_PUBLISH, NULL);
}

static void
on_settle(struct pz_timer *timer, void *arg)
{
	struct pz_mdns_announcer *announcer = arg;

	(void)timer;
	if (announcer->wanted == NULL || announcer->backend == NULL)
		return;
	if (announcer->has_collided && !see_collision(announcer))
		return;
	if (announcer->is_broken) /* the record does not matter: the failure is some time ago */
		take_all_back(announcer);
	announcer->is_broken = false;
	/* Addresses first: a host that sees the service can resolve it at once. */
	bool is_done = announce_addresses(announcer);
	is_done = announce_service(announcer) && is_done;
	if (announcer->has_collided) /* a collision with another program on this machine is reported
					at once */
		return;
	if (!is_done)
		retry(announcer, "no memory");
	see_success(announcer);
}

void
pz_mdns_announcer_init(struct pz_mdns_announcer *announcer, const struct pz_env *env,
		       const struct pz_mdns *owner)
{
	*announcer = (struct pz_mdns_announcer){.env = env, .owner = owner};
	pz_timer_init(&announcer->settle, on_settle, announcer);
}

void
pz_mdns_announcer_fini(struct pz_mdns_announcer *announcer)
{
	pz_mdns_announcer_unpublish(announcer);
	pz_env_stop(announcer->env, &announcer->settle);
}

enum pz_err
pz_mdns_announcer_publish(struct pz_mdns_announcer *announcer,
			  const struct pz_mdns_service *service)
{
	struct pz_mdns_service *old = announcer->wanted;

	PZ_TRY(pz_mdns_service_check(service, NULL));
	/* A copy, because the caller's strings end with the call. */
	struct pz_mdns_service *copy = pz_mdns_service_copy(service);
	if (copy == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	/* If the names have not changed, the ones that replaced them after a collision are kept. */
	if (old == NULL || strcmp(old->instance, copy->instance) != 0 ||
	    strcmp(old->host, copy->host) != 0) {
		take_all_back(announcer);
		put_name(announcer->instance, copy->instance);
		put_name(announcer->host, copy->host);
		announcer->has_collided = false;
		announcer->probed_again_us = 0;
	} else if (old->port != copy->port || !pz_mdns_service_txt_eq(old, copy)) {
		announcer->is_stale = true;
	}
	free(old);
	announcer->wanted = copy;
	wake(announcer, 0);
	return PZ_OK;
}

/** A failure of another backend, or of something that is no longer wanted, is forgotten. */
static void
forget_failure(struct pz_mdns_announcer *announcer)
{
	if (announcer->has_failed)
		pz_mdns_report_trouble(announcer->owner, PZ_MDNS_TROUBLE_PUBLISH, NULL);
	announcer->has_failed = announcer->is_broken = false;
}

void
pz_mdns_announcer_unpublish(struct pz_mdns_announcer *announcer)
{
	take_all_back(announcer);
	free(announcer->wanted);
	announcer->wanted = NULL;
	announcer->instance[0] = announcer->host[0] = '\0';
	announcer->has_collided = false;
	forget_failure(announcer);
}

/* Entries belong to a backend, so they are freed before it is replaced; the names are kept. */
void
pz_mdns_announcer_attach(struct pz_mdns_announcer *announcer, struct pz_mdns_backend *backend)
{
	take_all_back(announcer);
	announcer->backend = backend;
	forget_failure(announcer);
	wake(announcer, 0);
}

static bool
is_same(const struct pz_mdns_local *a, const struct pz_mdns_local *b)
{
	return a->interface == b->interface && a->len == b->len &&
	       memcmp(a->bytes, b->bytes, a->len) == 0;
}

static struct pz_mdns_announced_address *
find(struct pz_mdns_announcer *announcer, const struct pz_mdns_local *local)
{
	for (size_t i = 0; i < announcer->addresses_len; i++)
		if (is_same(&announcer->addresses[i].local, local))
			return &announcer->addresses[i];
	return NULL;
}

/* Kept addresses first, then the removed ones, so that there is room for the new ones. */
void
pz_mdns_announcer_addresses(struct pz_mdns_announcer *announcer, const struct pz_mdns_local *locals,
			    size_t len)
{
	for (size_t i = 0; i < announcer->addresses_len; i++)
		announcer->addresses[i].is_wanted = false;
	for (size_t i = 0; i < len; i++) {
		struct pz_mdns_announced_address *known = find(announcer, &locals[i]);

		if (known != NULL)
			known->is_wanted = true;
	}
	drop_addresses(announcer);
	for (size_t i = 0; i < len && announcer->addresses_len < PZ_MDNS_ADDRESSES_MAX; i++)
		if (find(announcer, &locals[i]) == NULL)
			announcer->addresses[announcer->addresses_len++] =
				(struct pz_mdns_announced_address){.local = locals[i]};
	wake(announcer, 0);
}

void
pz_mdns_announcer_collision(struct pz_mdns_announcer *announcer, const void *entry)
{
	announcer->has_collided = true;
	/* NULL: the backend does not report which record collided. */
	announcer->entry_has_collided |= entry == NULL || entry == announcer->entry;
	for (size_t i = 0; i < announcer->addresses_len; i++)
		announcer->addresses[i].has_collided |=
			entry == NULL || entry == announcer->addresses[i].entry;
	/* An attacker may claim every name; RFC 6762 8.1 requires a delay then. */
	wake(announcer,
	     announcer->collisions < PZ_MDNS_COLLISIONS_MAX ? 0 : PZ_MDNS_COLLISION_WAIT_US);
}

void
pz_mdns_announcer_failed(struct pz_mdns_announcer *announcer, const char *reason)
{
	if (announcer->wanted == NULL || announcer->backend == NULL)
		return;
	announcer->is_broken = true;
	retry(announcer, reason);
}

void
pz_mdns_announcer_established(struct pz_mdns_announcer *announcer, const void *entry)
{
	/* There may be several entries; only when all are announced is the failure over. */
	if (entry == announcer->entry)
		announcer->is_established = true;
	for (size_t i = 0; i < announcer->addresses_len; i++)
		if (entry == announcer->addresses[i].entry)
			announcer->addresses[i].is_established = true;
	see_success(announcer);
}
