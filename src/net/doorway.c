/*
 * Counts connections by address, IPv6 /64 ("net") and IPv6 /48 ("site"): a subscriber can use any
 * address of its network, so a limit for each address alone would have no effect. For IPv4 all
 * three are the same object.
 *
 * A new connection is accepted unless its network has links_per_net links. When its network, its
 * site or the whole table is full of connections that have proved no identity, one of them is
 * closed: the oldest of the busiest site. So a flood from one network displaces its own connections
 * and not that of a device elsewhere. Connections that have proved an identity do not count.
 */
#include "net/doorway.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "net/transport.h"

#define NET_BYTES 8  /* of an IPv6 address: the network of one subscriber, or of one link */
#define SITE_BYTES 6 /* the largest network of one subscriber */

/* An address, or a network, with its connections. */
struct pz_crowd {
	unsigned waiting; /* have proved no identity */
	unsigned members; /* guests that point here */
	char name[PZ_NETADDR_CHARS];
};

struct pz_doorway {
	struct pz_doorway_limits limits;
	const struct pz_env *env;
	const struct pz_doorway_ops *ops;
	void *arg;
	struct pz_map *crowds; /* name -> struct pz_crowd */
	struct pz_list guests; /* struct pz_guest.node: those that wait */
	size_t waiting;
	struct pz_timer calm;
	bool is_full_told;
};

static void
on_calm(struct pz_timer *timer, void *arg)
{
	struct pz_doorway *d = arg;

	(void)timer;
	d->is_full_told = false;
	d->ops->calm(d->arg);
}

/* A limit of 0 would evict the new connection itself. */
static unsigned
at_least_one(unsigned limit)
{
	return limit > 0 ? limit : 1;
}

struct pz_doorway *
pz_doorway_new(const struct pz_doorway_limits *limits, const struct pz_env *env,
	       const struct pz_doorway_ops *ops, void *arg)
{
	struct pz_doorway *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->limits = (struct pz_doorway_limits){
		.all = at_least_one(limits->all),
		.per_net = at_least_one(limits->per_net),
		.per_site = at_least_one(limits->per_site),
		.links_per_net = limits->links_per_net,
	};
	d->env = env;
	d->ops = ops;
	d->arg = arg;
	pz_list_init(&d->guests);
	pz_timer_init(&d->calm, on_calm, d);
	d->crowds = pz_map_new();
	if (d->crowds == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void
pz_doorway_free(struct pz_doorway *d)
{
	if (d == NULL)
		return;
	pz_env_stop(d->env, &d->calm);
	pz_map_free(d->crowds);
	free(d);
}

/* ---- addresses and networks ---- */

/* "2001:db8::/64" and the like; false: the address is no IPv6 one. */
static bool
network_name(const char *remote, size_t bytes, char *out, size_t size)
{
	char plain[PZ_NETADDR_CHARS], text[INET6_ADDRSTRLEN];
	struct in6_addr address, network = {.s6_addr = {0}};

	(void)snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(remote, "%"), remote);
	if (inet_pton(AF_INET6, plain, &address) != 1)
		return false;
	memcpy(network.s6_addr, address.s6_addr, bytes);
	inet_ntop(AF_INET6, &network, text, sizeof(text));
	(void)snprintf(out, size, "%s/%zu", text, bytes * 8);
	return true;
}

/* @return the crowd of that name, created if missing; NULL: out of memory */
static struct pz_crowd *
join(struct pz_doorway *d, const char *name)
{
	struct pz_crowd *crowd = pz_map_get(d->crowds, pz_slice_str(name));

	if (crowd == NULL) {
		crowd = calloc(1, sizeof(*crowd));
		if (crowd == NULL)
			return NULL;
		(void)snprintf(crowd->name, sizeof(crowd->name), "%s", name);
		if (pz_map_put(d->crowds, pz_slice_str(crowd->name), crowd, NULL) != PZ_OK) {
			free(crowd);
			return NULL;
		}
	}
	crowd->members++;
	return crowd;
}

/* The crowd is freed with its last member. */
static void
part(struct pz_doorway *d, struct pz_crowd *crowd)
{
	/* The number of connections bounds the memory of crowds. */
	if (crowd == NULL || --crowd->members > 0)
		return;
	pz_map_remove(d->crowds, pz_slice_str(crowd->name));
	free(crowd);
}

/* Also after a join_all that failed half-way: NULL is skipped. */
static void
part_all(struct pz_guest *guest)
{
	struct pz_doorway *d = guest->doorway;

	if (guest->net != guest->address)
		/* For IPv4 the three are one object, which must not be decremented three times. */
		part(d, guest->net);
	if (guest->site != guest->address)
		part(d, guest->site);
	part(d, guest->address);
	*guest = (struct pz_guest){.doorway = NULL};
}

static enum pz_err
join_all(struct pz_guest *guest, const char *remote)
{
	char name[PZ_NETADDR_CHARS];
	struct pz_doorway *d = guest->doorway;

	(void)snprintf(name, sizeof(name), "%s", remote);
	guest->address = guest->net = guest->site = join(d, name);
	/* IPv4, or the name of a simulation: the address is its own network. */
	if (guest->address == NULL || !network_name(remote, NET_BYTES, name, sizeof(name)))
		return guest->address ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	guest->net = join(d, name);
	(void)network_name(remote, SITE_BYTES, name, sizeof(name));
	guest->site = join(d, name);
	return guest->net && guest->site ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

/* ---- guests that wait ---- */

static void
count_waiting(struct pz_guest *guest, int by)
{
	guest->doorway->waiting += (size_t)by;
	guest->address->waiting += (unsigned)by;
	if (guest->net != guest->address)
		guest->net->waiting += (unsigned)by;
	if (guest->site != guest->address)
		guest->site->waiting += (unsigned)by;
}

/* True when the guest belongs to that network or site. @param crowd NULL: any */
static bool
is_from(const struct pz_guest *guest, const struct pz_crowd *crowd)
{
	return crowd == NULL || guest->site == crowd || guest->net == crowd;
}

/* True when `a` belongs to a busier site than `b`, or to a busier network or address in an equally
 * busy site. */
static bool
is_busier(const struct pz_guest *a, const struct pz_guest *b)
{
	if (a->site->waiting != b->site->waiting)
		return a->site->waiting > b->site->waiting;
	if (a->net->waiting != b->net->waiting)
		return a->net->waiting > b->net->waiting;
	return a->address->waiting > b->address->waiting;
}

/* The connection to close: of equally busy ones the oldest. At most limits.all steps.
 * @param crowd only of these; NULL: of all */
static struct pz_guest *
choose(const struct pz_doorway *d, const struct pz_crowd *crowd)
{
	/* The list is in the order of arrival, so that of equally busy ones the first is the
	 * oldest. */
	struct pz_guest *best = NULL;

	for (struct pz_list *n = d->guests.next; n != &d->guests; n = n->next) {
		struct pz_guest *guest = PZ_CONTAINER(n, struct pz_guest, node);
		if (is_from(guest, crowd) && (best == NULL || is_busier(guest, best)))
			best = guest;
	}
	return best;
}

static void
evict(struct pz_doorway *d, const struct pz_crowd *crowd, const char *why)
{
	struct pz_guest *guest = choose(d, crowd);

	if (guest == NULL)
		return;
	/* First, so that the owner may close it at once, and it is not chosen again. */
	pz_guest_proved(guest); /* it does not count any more */
	d->ops->evict(d->arg, guest, why);
}

static void
tell_full(struct pz_doorway *d)
{
	pz_env_start(d->env, &d->calm, PZ_DOORWAY_CALM_US);
	if (d->is_full_told)
		return;
	d->is_full_told = true;
	const struct pz_guest *guest = choose(d, NULL);
	d->ops->full(d->arg, guest->site->name, guest->site->waiting);
}

static void
make_room(struct pz_doorway *d, const struct pz_guest *comes)
{
	/* The narrowest limit first: the network that fills it has its own connection closed. */
	if (comes->net->waiting >= d->limits.per_net) {
		evict(d, comes->net, "a newer connection of its address took its place");
	} else if (comes->site != comes->net && comes->site->waiting >= d->limits.per_site) {
		evict(d, comes->site, "a newer connection of its network took its place");
	} else if (d->waiting >= d->limits.all) {
		tell_full(d);
		evict(d, NULL,
		      "the waiting room was full, and it was the oldest of the busiest "
		      "network");
	}
}

enum pz_err
pz_doorway_admit(struct pz_doorway *d, struct pz_guest *guest, const char *remote,
		 struct pz_errinfo *info)
{
	*guest = (struct pz_guest){.doorway = d};
	if (join_all(guest, remote) != PZ_OK) {
		part_all(guest);
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	/* Links with a proved identity count here, too: the limit is for descriptors, not for
	 * trust. */
	if (d->limits.links_per_net && guest->net->members > d->limits.links_per_net) {
		part_all(guest);
		return pz_fail(info, PZ_ERR_LIMIT, "too many connections from this address (%u)",
			       d->limits.links_per_net);
	}
	make_room(d, guest);
	pz_list_append(&d->guests, &guest->node);
	count_waiting(guest, 1);
	return PZ_OK;
}

void
pz_guest_proved(struct pz_guest *guest)
{
	if (!pz_guest_is_waiting(guest))
		return;
	pz_list_remove(&guest->node);
	count_waiting(guest, -1);
}

void
pz_guest_leave(struct pz_guest *guest)
{
	if (guest->doorway == NULL)
		return;
	pz_guest_proved(guest);
	part_all(guest);
}

const char *
pz_guest_remote(const struct pz_guest *guest)
{
	return guest->address ? guest->address->name : "";
}

const char *
pz_guest_net(const struct pz_guest *guest)
{
	return guest->net ? guest->net->name : "";
}

bool
pz_guest_is_waiting(const struct pz_guest *guest)
{
	return guest->doorway && pz_list_is_linked(&guest->node);
}

size_t
pz_doorway_waiting(const struct pz_doorway *d)
{
	return d->waiting;
}

size_t
pz_doorway_crowds(const struct pz_doorway *d)
{
	return pz_map_len(d->crowds);
}
