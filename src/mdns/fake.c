#include "mdns/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "mdns/service.h"

struct pz_mdns_fake_net {
	struct pz_list nodes;
	bool (*reachable)(void *arg, const char *a, const char *b);
	void *arg;
	uint64_t versions; /* counts announcements on the whole network */
};

struct fake {
	struct pz_mdns base;
	struct pz_mdns_fake_net *net;
	const struct pz_env *env;
	struct pz_list node;
	struct pz_mdns_service *announced; /* NULL: nothing */
	uint64_t version;
	bool is_browsing;
	struct pz_list known;
	struct pz_timer timer;
	char address[];
};

/* An instance that was reported to a browsing node. */
struct known {
	struct pz_list node;
	uint64_t version;    /* the version that was reported; 0: report it again */
	uint64_t expires_us; /* UINT64_MAX: it can be reached, so it does not expire */
	bool said_goodbye;
	char instance[PZ_MDNS_LABEL_BYTES_MAX + 1];
};

struct pz_mdns_fake_net *
pz_mdns_fake_net_new(void)
{
	struct pz_mdns_fake_net *net = calloc(1, sizeof(*net));

	if (net != NULL)
		pz_list_init(&net->nodes);
	return net;
}

void
pz_mdns_fake_net_free(struct pz_mdns_fake_net *net)
{
	free(net);
}

void
pz_mdns_fake_net_reachable(struct pz_mdns_fake_net *net,
			   bool (*reachable)(void *arg, const char *a, const char *b), void *arg)
{
	net->reachable = reachable;
	net->arg = arg;
	pz_mdns_fake_net_changed(net);
}

/** Schedules the next report; an earlier one stays. */
static void
kick(struct fake *fake)
{
	uint64_t delay = 0, range = PZ_MDNS_FAKE_DELAY_MAX_US - PZ_MDNS_FAKE_DELAY_MIN_US + 1;

	if (!fake->is_browsing)
		return;
	pz_env_random(fake->env, &delay, sizeof(delay));
	delay = PZ_MDNS_FAKE_DELAY_MIN_US + delay % range;
	if (!fake->timer.active || fake->timer.due_us > pz_env_mono_us(fake->env) + delay)
		pz_env_start(fake->env, &fake->timer, delay);
}

void
pz_mdns_fake_net_changed(struct pz_mdns_fake_net *net)
{
	PZ_LIST_EACH (&net->nodes, node, tmp)
		kick(PZ_CONTAINER(node, struct fake, node));
}

static bool
sees(const struct fake *a, const struct fake *b)
{
	return a->net->reachable == NULL || a->net->reachable(a->net->arg, a->address, b->address);
}

/** The other node that announces this instance and can be reached, or NULL. */
static struct fake *
announcer_of(const struct fake *fake, const char *instance)
{
	PZ_LIST_EACH (&fake->net->nodes, node, tmp) {
		struct fake *other = PZ_CONTAINER(node, struct fake, node);

		if (other != fake && other->announced != NULL && sees(fake, other) &&
		    strcasecmp(other->announced->instance, instance) == 0)
			return other;
	}
	return NULL;
}

static struct known *
known_of(const struct fake *fake, const char *instance)
{
	PZ_LIST_EACH (&fake->known, node, tmp) {
		struct known *known = PZ_CONTAINER(node, struct known, node);

		if (strcasecmp(known->instance, instance) == 0)
			return known;
	}
	return NULL;
}

static void
forget_all(struct fake *fake)
{
	PZ_LIST_EACH (&fake->known, node, tmp) {
		pz_list_remove(node);
		free(PZ_CONTAINER(node, struct known, node));
	}
}

/** Reports one instance that is gone; false without such an instance. */
static bool
tell_gone(struct fake *fake, uint64_t now)
{
	PZ_LIST_EACH (&fake->known, node, tmp) {
		struct known *known = PZ_CONTAINER(node, struct known, node);
		bool is_there = announcer_of(fake, known->instance) != NULL;

		if (is_there)
			known->expires_us = UINT64_MAX;
		else if (known->expires_us == UINT64_MAX)
			known->expires_us = now + PZ_MDNS_FAKE_EXPIRY_US;
		if (is_there || (!known->said_goodbye && known->expires_us > now))
			continue;
		pz_list_remove(node);
		fake->base.events->gone(fake->base.arg, known->instance);
		free(known);
		return true;
	}
	return false;
}

/** False when there is no memory. */
static bool
tell(struct fake *fake, const struct fake *other)
{
	struct known *known = known_of(fake, other->announced->instance);
	/* A copy, because the call-back may change what the other node announces. */
	struct pz_mdns_service *copy = pz_mdns_service_copy(other->announced);
	bool is_new = known == NULL;

	if (is_new)
		known = calloc(1, sizeof(*known));
	if (copy == NULL || known == NULL) {
		free(copy);
		if (is_new)
			free(known);
		return false;
	}
	if (is_new)
		pz_list_append(&fake->known, &known->node);
	snprintf(known->instance, sizeof(known->instance), "%s", copy->instance);
	known->version = other->version;
	known->expires_us = UINT64_MAX;
	known->said_goodbye = false;
	struct pz_mdns_found found = {
		.instance = copy->instance,
		.address = other->address,
		.port = copy->port,
		.txt = copy->txt,
		.txt_len = copy->txt_len,
	};
	(void)fake->base.events->found(fake->base.arg, &found);
	free(copy);
	return true;
}

/** Reports one instance that is new or has changed; false without such an instance. */
static bool
tell_found(struct fake *fake)
{
	PZ_LIST_EACH (&fake->net->nodes, node, tmp) {
		struct fake *other = PZ_CONTAINER(node, struct fake, node);

		if (other == fake || other->announced == NULL || !sees(fake, other))
			continue;
		struct known *known = known_of(fake, other->announced->instance);
		if (known == NULL || known->version != other->version)
			return tell(fake, other);
	}
	return false;
}

static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct fake *fake = arg;
	uint64_t now = pz_env_mono_us(fake->env), next = UINT64_MAX;

	(void)timer;
	if (fake->base.events == NULL)
		return;
	/* One at a time, each time from the start: a call-back may have changed everything. */
	while (fake->is_browsing && (tell_gone(fake, now) || tell_found(fake)))
		;
	PZ_LIST_EACH (&fake->known, node, tmp) {
		uint64_t expires_us = PZ_CONTAINER(node, struct known, node)->expires_us;

		next = expires_us < next ? expires_us : next;
	}
	if (next != UINT64_MAX && !fake->timer.active)
		pz_env_start(fake->env, &fake->timer, next - now);
}

static void
fake_unpublish(struct pz_mdns *mdns)
{
	struct fake *fake = (struct fake *)mdns;

	if (fake->announced == NULL)
		return;
	PZ_LIST_EACH (&fake->net->nodes, node, tmp) {
		struct fake *other = PZ_CONTAINER(node, struct fake, node);
		struct known *known = known_of(other, fake->announced->instance);

		if (other != fake && known != NULL && sees(other, fake))
			known->said_goodbye = true;
	}
	free(fake->announced);
	fake->announced = NULL;
	pz_mdns_fake_net_changed(fake->net);
}

static enum pz_err
fake_publish(struct pz_mdns *mdns, const struct pz_mdns_service *service)
{
	struct fake *fake = (struct fake *)mdns;
	struct pz_mdns_service wanted = *service;
	char name[PZ_MDNS_RANDOM_NAME_BYTES];

	PZ_TRY(pz_mdns_service_check(service, NULL));
	if (announcer_of(fake, service->instance) != NULL) {
		pz_mdns_random_name(fake->env, name);
		wanted.instance = name;
	}
	struct pz_mdns_service *copy = pz_mdns_service_copy(&wanted);
	if (copy == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	if (fake->announced != NULL && strcmp(fake->announced->instance, wanted.instance) != 0)
		fake_unpublish(mdns);
	free(fake->announced);
	fake->announced = copy;
	fake->version = ++fake->net->versions;
	pz_mdns_fake_net_changed(fake->net);
	return PZ_OK;
}

static enum pz_err
fake_browse(struct pz_mdns *mdns, bool on)
{
	struct fake *fake = (struct fake *)mdns;

	fake->is_browsing = on;
	if (!on) {
		pz_env_stop(fake->env, &fake->timer);
		forget_all(fake);
		return PZ_OK;
	}
	PZ_LIST_EACH (&fake->known, node, tmp)
		PZ_CONTAINER(node, struct known, node)->version = 0;
	kick(fake);
	return PZ_OK;
}

void
pz_mdns_fake_crash(struct pz_mdns *mdns)
{
	struct fake *fake = (struct fake *)mdns;

	if (fake == NULL)
		return;
	pz_env_stop(fake->env, &fake->timer);
	forget_all(fake);
	pz_list_remove(&fake->node);
	pz_mdns_fake_net_changed(fake->net);
	free(fake->announced);
	free(fake);
}

static void
fake_free(struct pz_mdns *mdns)
{
	fake_unpublish(mdns);
	pz_mdns_fake_crash(mdns);
}

enum pz_err
pz_mdns_fake_new(struct pz_mdns_fake_net *net, const struct pz_env *env, const char *address,
		 struct pz_mdns **out)
{
	static const struct pz_mdns_ops ops = {
		.publish = fake_publish,
		.unpublish = fake_unpublish,
		.browse = fake_browse,
		.free = fake_free,
	};
	size_t len = strlen(address) + 1;
	struct fake *fake = calloc(1, sizeof(*fake) + len);

	if (fake == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	fake->base.ops = &ops;
	fake->net = net;
	fake->env = env;
	memcpy(fake->address, address, len);
	pz_list_init(&fake->known);
	pz_timer_init(&fake->timer, on_timer, fake);
	pz_list_append(&net->nodes, &fake->node);
	*out = &fake->base;
	return PZ_OK;
}

const char *
pz_mdns_fake_instance(const struct pz_mdns *mdns)
{
	const struct fake *fake = (const struct fake *)mdns;

	return fake->announced ? fake->announced->instance : "";
}
