/*
 * For each instance that a PTR record names, this queries its SRV and TXT records, and the A and
 * AAAA records of the host that the SRV record names. Records are stored as received, one for each
 * interface and protocol, and nothing is decided on receipt: `settle` looks at all of them a moment
 * later. So the order and repetitions do not matter, nor does a backend that calls from inside
 * another call.
 *
 * `found` is called for an instance when PTR, SRV, TXT and an address are known, `gone` when one of
 * PTR, SRV and addresses has been missing for PZ_MDNS_GONE_US: a device whose port or address
 * changes may withdraw the old record some moments before it announces the new one. (An announcer
 * that crashes leaves a PTR record that lives for 75 minutes; SRV and addresses live for two.)
 *
 * When everything is queried again, or by another backend, the known instances are unconfirmed;
 * `gone` is not called for them before `confirm`.
 *
 * Why not Avahi's own browsers of services and resolvers: a resolver reports only one address of an
 * instance, while a device is dialled at all of its addresses, on each interface; avahi-daemon and
 * avahi-core have different interfaces for resolvers, but the same for records; and here the limits
 * are ours: how many instances, queries and bytes a stranger can make us keep, which instances are
 * dropped when there are too many, and what remains valid while the backend changes.
 */
#include "mdns/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/log.h"
#include "mdns/records.h"

enum { ASK_SRV, ASK_TXT, ASK_A, ASK_AAAA, ASK_COUNT };

struct pz_mdns_instance {
	struct pz_list node;
	struct pz_mdns_records records;
	struct pz_mdns_watch ask[ASK_COUNT];
	enum pz_mdns_worth worth; /* the last result of `found` */
	uint64_t since_us;        /* when it became known */
	bool is_changed;          /* settle has to look at it */
	bool is_reported;         /* found was called, and gone was not called after it */
	bool is_unconfirmed;      /* queried again: a missing answer means nothing yet */
	uint64_t incomplete_us;   /* since when PTR, SRV or addresses are missing, or 0 */
	bool is_overdue; /* missing for long enough, except that records may wait to be read */
	/* What was reported last, to detect a change. */
	uint16_t reported_port;
	struct pz_slice reported_txt;       /* owned */
	char host[PZ_MDNS_NAME_TEXT_BYTES]; /* whose addresses are queried, "" for none */
	char name[PZ_MDNS_LABEL_BYTES_MAX + 1];
};

/* ---- questions ---- */

static bool
ask(struct pz_mdns_watch *watch, const char *name)
{
	struct pz_mdns_backend *backend = watch->catalogue->backend;

	if (watch->handle == NULL)
		watch->handle = backend->ops->watch(backend, name, watch->type, watch);
	return watch->handle != NULL;
}

static void
unask(struct pz_mdns_watch *watch)
{
	struct pz_mdns_backend *backend = watch->catalogue->backend;

	if (watch->handle != NULL)
		backend->ops->unwatch(backend, watch->handle);
	watch->handle = NULL;
}

static void
unask_all(struct pz_mdns_instance *instance)
{
	for (size_t i = 0; i < ASK_COUNT; i++)
		unask(&instance->ask[i]);
	instance->host[0] = '\0';
}

static void
wake(struct pz_mdns_catalogue *catalogue, uint64_t delay_us)
{
	uint64_t due = pz_env_mono_us(catalogue->env) + delay_us;

	if (!catalogue->settle.active || catalogue->settle.due_us > due)
		pz_env_start(catalogue->env, &catalogue->settle, delay_us);
}

/* ---- instances ---- */

static struct pz_mdns_instance *
find(const struct pz_mdns_catalogue *catalogue, const char *name)
{
	PZ_LIST_EACH (&catalogue->instances, node, tmp) {
		struct pz_mdns_instance *instance =
			PZ_CONTAINER(node, struct pz_mdns_instance, node);

		if (strcasecmp(instance->name, name) == 0)
			return instance;
	}
	return NULL;
}

/** Of the instances that may be dropped for a new one: the one of least worth, and of these the
 * oldest. */
static struct pz_mdns_instance *
worth_least(const struct pz_mdns_catalogue *catalogue)
{
	struct pz_mdns_instance *least = NULL;
	uint64_t now = pz_env_mono_us(catalogue->env);

	PZ_LIST_EACH (&catalogue->instances, node, tmp) {
		struct pz_mdns_instance *instance =
			PZ_CONTAINER(node, struct pz_mdns_instance, node);
		/* An instance that the owner has not looked at yet may be a member. */
		bool had_time = now - instance->since_us >= PZ_MDNS_LOOK_US;

		if (instance->worth == PZ_MDNS_MEMBER || (!instance->is_reported && !had_time))
			continue;
		if (least == NULL || instance->worth < least->worth)
			least = instance;
	}
	return least;
}

/** How many may be dropped now: each new instance costs queries on the network. */
static bool
may_replace(struct pz_mdns_catalogue *catalogue)
{
	uint64_t now = pz_env_mono_us(catalogue->env);

	if (now - catalogue->replaced_us >= PZ_US_PER_S) {
		catalogue->replaced_us = now;
		catalogue->replaced = 0;
	}
	return catalogue->replaced++ < PZ_MDNS_REPLACED_PER_S_MAX;
}

/**
 * Drops it for another one. It is not looked at again while there are too many: otherwise instances
 * that are announced again and again would take all the attention.
 */
static void
give_way(struct pz_mdns_catalogue *catalogue, struct pz_mdns_instance *instance)
{
	if (catalogue->former == NULL || pz_map_len(catalogue->former) >= PZ_MDNS_FORMER_MAX) {
		pz_map_free(catalogue->former);
		catalogue->former = pz_map_new();
	}
	/* Without memory it is only looked at again, which is harmless. */
	if (catalogue->former != NULL)
		(void)!pz_map_put(catalogue->former, pz_slice_str(instance->name), catalogue, NULL);
	unask_all(instance);
	pz_list_remove(&instance->node);
	catalogue->instances_len--;
	pz_list_append(&catalogue->leaving, &instance->node); /* settle calls `gone` for it */
	wake(catalogue, 0);
}

static bool
make_room(struct pz_mdns_catalogue *catalogue, const char *name)
{
	struct pz_mdns_instance *least = NULL;

	if (catalogue->instances_len < PZ_MDNS_INSTANCES_MAX)
		return true;
	if (!catalogue->is_crowd_told)
		pz_warning("mdns-many",
			   "over %d instances on the local network: strangers give way",
			   PZ_MDNS_INSTANCES_MAX);
	catalogue->has_overflowed = catalogue->is_crowd_told = true;
	bool is_former = catalogue->former != NULL &&
			 pz_map_get(catalogue->former, pz_slice_str(name)) != NULL;
	if (!is_former)
		least = may_replace(catalogue) ? worth_least(catalogue) : NULL;
	if (least != NULL) {
		give_way(catalogue, least);
		return true;
	}
	catalogue->ignored++;
	if (!is_former && !catalogue->crowd.active) /* later the next ones may be dropped */
		pz_env_start(catalogue->env, &catalogue->crowd, PZ_MDNS_CROWD_US);
	return false;
}

static struct pz_mdns_instance *
add_instance(struct pz_mdns_catalogue *catalogue, const char *name)
{
	static const enum pz_mdns_type types[ASK_COUNT] = {PZ_MDNS_SRV, PZ_MDNS_TXT, PZ_MDNS_A,
							   PZ_MDNS_AAAA};

	if (!make_room(catalogue, name))
		return NULL;
	struct pz_mdns_instance *instance = calloc(1, sizeof(*instance));
	if (instance == NULL)
		return NULL;
	pz_mdns_records_init(&instance->records);
	instance->since_us = pz_env_mono_us(catalogue->env);
	snprintf(instance->name, sizeof(instance->name), "%s", name);
	for (size_t i = 0; i < ASK_COUNT; i++)
		instance->ask[i] = (struct pz_mdns_watch){
			.catalogue = catalogue,
			.instance = instance,
			.type = types[i],
		};
	pz_list_append(&catalogue->instances, &instance->node);
	catalogue->instances_len++;
	return instance;
}

/** Removes it from its list. */
static void
free_instance(struct pz_mdns_instance *instance)
{
	pz_mdns_records_drop(&instance->records, pz_mdns_is_any);
	pz_list_remove(&instance->node);
	free((void *)instance->reported_txt.ptr);
	free(instance);
}

static void
drop_instance(struct pz_mdns_catalogue *catalogue, struct pz_mdns_instance *instance)
{
	unask_all(instance);
	catalogue->instances_len--;
	free_instance(instance);
	/* There is room again for an instance that was ignored: query all again, but not at once,
	 * or an attacker whose instances appear and disappear would make us query all the time. */
	if (catalogue->has_overflowed && !catalogue->confirm.active)
		pz_env_start(catalogue->env, &catalogue->confirm, PZ_MDNS_CONFIRM_US);
}

void
pz_mdns_catalogue_record(void *watch_arg, bool is_there, int interface, uint8_t protocol,
			 struct pz_slice rdata)
{
	struct pz_mdns_watch *watch = watch_arg;
	struct pz_mdns_catalogue *catalogue = watch->catalogue;
	struct pz_mdns_instance *instance = watch->instance;
	char name[PZ_MDNS_LABEL_BYTES_MAX + 1];

	if (watch->type == PZ_MDNS_PTR) {
		if (pz_mdns_ptr_read(rdata, name) != PZ_OK)
			return;
		instance = find(catalogue, name);
		/* Our own announcement comes back by multicast, and is not an instance. */
		if (instance == NULL && is_there && strcasecmp(name, catalogue->own) != 0)
			instance = add_instance(catalogue, name);
	}
	if (instance == NULL)
		return;
	if (is_there)
		pz_mdns_records_add(&instance->records, watch->type, interface, protocol, rdata);
	else
		pz_mdns_records_remove(&instance->records, watch->type, interface, protocol, rdata);
	instance->is_changed = true;
	wake(catalogue, 0);
}

/* ---- telling ---- */

static void
tell_again(struct pz_mdns_instance *instance)
{
	instance->is_changed = true;
	pz_mdns_records_report_again(&instance->records);
}

/** Marks all addresses to be reported again if port or TXT have changed; false: no memory. */
static bool
see_change(struct pz_mdns_instance *instance, uint16_t port, struct pz_slice txt)
{
	if (instance->is_reported && instance->reported_port == port &&
	    pz_slice_eq(instance->reported_txt, txt))
		return true;
	uint8_t *copy = malloc(txt.len + 1);
	if (copy == NULL)
		return false;
	if (txt.len > 0)
		memcpy(copy, txt.ptr, txt.len);
	free((void *)instance->reported_txt.ptr);
	instance->reported_txt = pz_slice_of(copy, txt.len);
	instance->reported_port = port;
	tell_again(instance);
	return true;
}

static void
tell_found(struct pz_mdns_catalogue *catalogue, struct pz_mdns_instance *instance,
	   const struct pz_mdns_record *record)
{
	/* Copies, because the call-back may end the browsing. */
	char name[sizeof(instance->name)], address[sizeof(record->text)];
	struct pz_mdns_txt txt;

	pz_mdns_txt_read(instance->reported_txt, &txt);
	memcpy(name, instance->name, sizeof(name));
	memcpy(address, record->text, sizeof(address));
	struct pz_mdns_found found = {
		.instance = name,
		.address = address,
		.port = instance->reported_port,
		.txt = txt.strings,
		.txt_len = txt.len,
	};
	pz_mdns_records_reported(&instance->records, address);
	instance->is_reported = true;
	instance->is_changed = true; /* there may be more to report */
	enum pz_mdns_worth worth = catalogue->owner->events->found(catalogue->owner->arg, &found);
	instance = find(catalogue, name); /* unless the call-back has ended the browsing */
	if (instance != NULL)
		instance->worth = worth;
}

/** Treats an instance as gone. @return whether `gone` was called */
static bool
retire(struct pz_mdns_catalogue *catalogue, struct pz_mdns_instance *instance, bool forever)
{
	char name[sizeof(instance->name)];
	bool was_reported = instance->is_reported;

	memcpy(name, instance->name, sizeof(name));
	instance->is_reported = instance->is_overdue = false;
	instance->incomplete_us = 0;
	if (forever)
		drop_instance(catalogue, instance);
	if (was_reported)
		catalogue->owner->events->gone(catalogue->owner->arg, name);
	return was_reported;
}

/**
 * PTR, SRV or addresses are missing. After the time has passed it waits one moment more: on a
 * machine that was busy for so long, the records may have arrived and wait to be read. @return
 * whether the instance is gone
 */
static bool
is_gone(struct pz_mdns_catalogue *catalogue, struct pz_mdns_instance *instance)
{
	uint64_t now = pz_env_mono_us(catalogue->env);

	if (!instance->is_reported)
		return !instance->is_unconfirmed;
	if (instance->incomplete_us == 0)
		instance->incomplete_us = now;
	uint64_t passed = now - instance->incomplete_us;
	if (passed >= PZ_MDNS_GONE_US && instance->is_overdue)
		return !instance->is_unconfirmed;
	instance->is_overdue = passed >= PZ_MDNS_GONE_US;
	instance->is_changed = true; /* looked at again after that moment */
	wake(catalogue, instance->is_overdue ? PZ_US_PER_MS : PZ_MDNS_GONE_US - passed);
	return false;
}

/** @return whether an event was called: its receiver may have changed everything, so nothing read
 * before is valid */
static bool
tell(struct pz_mdns_catalogue *catalogue, struct pz_mdns_instance *instance)
{
	const struct pz_mdns_record *srv = pz_mdns_records_newest(&instance->records, PZ_MDNS_SRV);
	const struct pz_mdns_record *txt = pz_mdns_records_newest(&instance->records, PZ_MDNS_TXT);
	char host[PZ_MDNS_NAME_TEXT_BYTES];
	bool has_address;
	uint16_t port;

	if (pz_mdns_records_newest(&instance->records, PZ_MDNS_PTR) == NULL)
		return is_gone(catalogue, instance) && retire(catalogue, instance, true);
	pz_mdns_records_unreported(&instance->records, &has_address);
	if (srv == NULL || !has_address ||
	    pz_mdns_srv_read(pz_mdns_record_rdata(srv), &port, host) != PZ_OK)
		return is_gone(catalogue, instance) && retire(catalogue, instance, false);
	instance->incomplete_us = 0;
	instance->is_overdue = false;
	if (txt == NULL)
		return false;
	instance->is_unconfirmed =
		false; /* everything was found again: from now on a goodbye counts */
	if (!see_change(instance, port, pz_mdns_record_rdata(txt)))
		return false;
	const struct pz_mdns_record *untold =
		pz_mdns_records_unreported(&instance->records, &has_address);
	if (untold == NULL)
		return false;
	tell_found(catalogue, instance, untold);
	return true;
}

/* ---- settling ---- */

/** Queries the missing records. @return how many queries were made */
static unsigned
ask_about(struct pz_mdns_instance *instance)
{
	char name[PZ_MDNS_NAME_TEXT_BYTES], host[PZ_MDNS_NAME_TEXT_BYTES] = "";
	const struct pz_mdns_record *srv = pz_mdns_records_newest(&instance->records, PZ_MDNS_SRV);
	unsigned count = 0;
	uint16_t port;

	if (srv != NULL && pz_mdns_srv_read(pz_mdns_record_rdata(srv), &port, host) != PZ_OK)
		host[0] = '\0';
	if (host[0] != '\0' && strcasecmp(host, instance->host) != 0) {
		unask(&instance->ask[ASK_A]);
		unask(&instance->ask[ASK_AAAA]);
		pz_mdns_records_drop(&instance->records, pz_mdns_is_address);
		memcpy(instance->host, host, sizeof(host));
	}
	pz_mdns_full_name(instance->name, name);
	for (size_t i = 0; i < ASK_COUNT; i++) {
		const char *subject =
			pz_mdns_is_address(instance->ask[i].type) ? instance->host : name;

		if (instance->ask[i].handle == NULL && subject[0] != '\0' &&
		    ask(&instance->ask[i], subject))
			count++;
	}
	return count;
}

/** @return whether all queries have been made */
static bool
ask_all(struct pz_mdns_catalogue *catalogue)
{
	unsigned count = 0;

	if (catalogue->backend == NULL)
		return true;
	ask(&catalogue->who, PZ_MDNS_TYPE ".local");
	PZ_LIST_EACH (&catalogue->instances, node, tmp) {
		count += ask_about(PZ_CONTAINER(node, struct pz_mdns_instance, node));
		if (count >= PZ_MDNS_LOOKUPS_PER_TURN_MAX)
			return false;
	}
	return true;
}

static bool
tell_one(struct pz_mdns_catalogue *catalogue)
{
	PZ_LIST_EACH (&catalogue->instances, node, tmp) {
		struct pz_mdns_instance *instance =
			PZ_CONTAINER(node, struct pz_mdns_instance, node);

		if (strcasecmp(instance->name, catalogue->own) == 0) {
			/* No record will end it any more: without this the owner would keep it for
			 * ever. */
			if (retire(catalogue, instance, true))
				return true;
		} else if (instance->is_changed) {
			/* Before the call, because the instance may be freed after it. */
			instance->is_changed = false;
			if (tell(catalogue, instance))
				return true;
		}
	}
	return false;
}

/** Reports the dropped instances as gone to the owner. */
static void
tell_left(struct pz_mdns_catalogue *catalogue)
{
	while (!pz_list_is_empty(&catalogue->leaving)) {
		struct pz_mdns_instance *instance =
			PZ_CONTAINER(catalogue->leaving.next, struct pz_mdns_instance, node);
		char name[sizeof(instance->name)];
		bool was_reported = instance->is_reported;

		memcpy(name, instance->name, sizeof(name));
		free_instance(instance);
		if (was_reported)
			catalogue->owner->events->gone(catalogue->owner->arg, name);
	}
}

static void
on_settle(struct pz_timer *timer, void *arg)
{
	struct pz_mdns_catalogue *catalogue = arg;

	(void)timer;
	if (!catalogue->is_on)
		return;
	if (!ask_all(catalogue))
		wake(catalogue, PZ_US_PER_MS);
	if (catalogue->owner->events == NULL)
		return;
	tell_left(catalogue);
	/* Begins again after each one: a call-back may have changed everything. */
	while (catalogue->is_on && tell_one(catalogue))
		;
}

static void
ask_who_again(struct pz_mdns_catalogue *catalogue)
{
	unask(&catalogue->who);
	catalogue->has_overflowed = false;
	PZ_LIST_EACH (&catalogue->instances, node, tmp) {
		struct pz_mdns_instance *instance =
			PZ_CONTAINER(node, struct pz_mdns_instance, node);

		instance->is_unconfirmed = true;
		pz_mdns_records_drop(&instance->records, pz_mdns_is_ptr);
	}
	pz_env_start(catalogue->env, &catalogue->confirm, PZ_MDNS_CONFIRM_US);
	wake(catalogue, 0);
}

/** An instance that was never looked at found no room. All are queried again; the known ones stay
 * valid meanwhile. */
static void
on_crowd(struct pz_timer *timer, void *arg)
{
	struct pz_mdns_catalogue *catalogue = arg;

	(void)timer;
	if (catalogue->backend != NULL)
		unask(&catalogue->who);
	catalogue->has_overflowed = false;
	wake(catalogue, 0);
}

static void
forget_failure(struct pz_mdns_catalogue *catalogue)
{
	if (catalogue->has_failed)
		pz_mdns_report_trouble(catalogue->owner, PZ_MDNS_TROUBLE_BROWSE, NULL);
	catalogue->has_failed = catalogue->is_broken = false;
}

static void
ask_anew(struct pz_mdns_catalogue *catalogue, struct pz_mdns_backend *backend)
{
	PZ_LIST_EACH (&catalogue->instances, node, tmp) {
		struct pz_mdns_instance *instance =
			PZ_CONTAINER(node, struct pz_mdns_instance, node);

		unask_all(instance);
		pz_mdns_records_drop(&instance->records, pz_mdns_is_any);
	}
	if (catalogue->is_on)
		ask_who_again(catalogue);
	unask(&catalogue->who);
	catalogue->backend = backend;
	catalogue->is_broken = false;
}

/* All devices have had the time to answer by now, so a missing answer counts from here on. */
static void
on_confirm(struct pz_timer *timer, void *arg)
{
	struct pz_mdns_catalogue *catalogue = arg;

	(void)timer;
	PZ_LIST_EACH (&catalogue->instances, node, tmp) {
		struct pz_mdns_instance *instance =
			PZ_CONTAINER(node, struct pz_mdns_instance, node);

		instance->is_unconfirmed = instance->is_overdue = false;
		instance->is_changed = true;
	}
	wake(catalogue, 0);
	if (!catalogue->is_broken)
		forget_failure(catalogue);
	if (catalogue->is_broken)
		ask_anew(catalogue, catalogue->backend);
	else if (catalogue->has_overflowed && catalogue->instances_len < PZ_MDNS_INSTANCES_MAX)
		ask_who_again(catalogue);
}

/* ---- outside ---- */

void
pz_mdns_catalogue_init(struct pz_mdns_catalogue *catalogue, const struct pz_env *env,
		       const struct pz_mdns *owner, const char *own)
{
	*catalogue = (struct pz_mdns_catalogue){.env = env, .owner = owner, .own = own};
	catalogue->who = (struct pz_mdns_watch){.catalogue = catalogue, .type = PZ_MDNS_PTR};
	pz_list_init(&catalogue->instances);
	pz_list_init(&catalogue->leaving);
	pz_timer_init(&catalogue->settle, on_settle, catalogue);
	pz_timer_init(&catalogue->confirm, on_confirm, catalogue);
	pz_timer_init(&catalogue->crowd, on_crowd, catalogue);
}

static void
forget_all(struct pz_mdns_catalogue *catalogue)
{
	unask(&catalogue->who);
	catalogue->has_overflowed = false;
	PZ_LIST_EACH (&catalogue->instances, node, tmp)
		drop_instance(catalogue, PZ_CONTAINER(node, struct pz_mdns_instance, node));
	PZ_LIST_EACH (&catalogue->leaving, node, tmp)
		free_instance(PZ_CONTAINER(node, struct pz_mdns_instance, node));
	pz_env_stop(catalogue->env, &catalogue->settle);
	pz_env_stop(catalogue->env, &catalogue->confirm);
	pz_env_stop(catalogue->env, &catalogue->crowd);
}

void
pz_mdns_catalogue_fini(struct pz_mdns_catalogue *catalogue)
{
	pz_mdns_catalogue_browse(catalogue, false);
}

void
pz_mdns_catalogue_browse(struct pz_mdns_catalogue *catalogue, bool on)
{
	catalogue->is_on = on;
	pz_map_free(catalogue->former);
	catalogue->former = NULL;
	if (!on) {
		forget_failure(catalogue);
		forget_all(catalogue);
		return;
	}
	PZ_LIST_EACH (&catalogue->instances, node, tmp)
		tell_again(PZ_CONTAINER(node, struct pz_mdns_instance, node));
	ask_who_again(catalogue);
}

void
pz_mdns_catalogue_attach(struct pz_mdns_catalogue *catalogue, struct pz_mdns_backend *backend)
{
	forget_failure(catalogue);
	ask_anew(catalogue, backend);
}

void
pz_mdns_catalogue_own_changed(struct pz_mdns_catalogue *catalogue)
{
	bool is_renamed = catalogue->own_before[0] != '\0' &&
			  strcmp(catalogue->own_before, catalogue->own) != 0;

	if (catalogue->own[0] == '\0') /* search for the previous name */
		return;
	snprintf(catalogue->own_before, sizeof(catalogue->own_before), "%s", catalogue->own);
	if (!catalogue->is_on)
		return;
	wake(catalogue, 0); /* an instance may have the name that is now ours */
	if (is_renamed && catalogue->backend != NULL)
		ask_who_again(catalogue);
}

void
pz_mdns_catalogue_failed(struct pz_mdns_catalogue *catalogue, const char *reason)
{
	struct pz_errinfo text;

	if (!catalogue->is_on || catalogue->backend == NULL)
		return;
	catalogue->is_broken = true;
	pz_env_start(catalogue->env, &catalogue->confirm, PZ_MDNS_RETRY_US);
	if (catalogue->has_failed)
		return;
	catalogue->has_failed = true;
	(void)pz_fail(&text, PZ_ERR_IO, "%s does not look for devices on the local network: %s",
		      catalogue->backend->ops->kind, reason);
	pz_mdns_report_trouble(catalogue->owner, PZ_MDNS_TROUBLE_BROWSE, text.text);
}
