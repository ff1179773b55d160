/* The friends of a hosted zone: one object for each, as long as the friendship lasts. */
#include "hub/friend.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "border/border.h"

static void
on_retry(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_hub_friend_dial_in(arg, 0);
}

static enum pz_err
make(struct pz_hosted *zone, const char *name, struct pz_hub_friend **out)
{
	struct pz_hub_friend *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	f->zone = zone;
	snprintf(f->name, sizeof(f->name), "%s", name);
	pz_timer_init(&f->retry, on_retry, f);
	enum pz_err err = pz_map_put(zone->friends, pz_slice_str(name), f, NULL);
	if (err != PZ_OK) {
		free(f);
		return err;
	}
	*out = f;
	return PZ_OK;
}

/* The bytewise smaller zone dials at once, the other a little later: so usually one link is made,
 * and not two of which one has to end. */
static uint64_t
first_delay_us(const struct pz_hub_friend *f)
{
	bool is_smaller = strcmp(f->zone->authority->zone, f->name) < 0;
	const struct pz_friend *known = pz_hub_friend_known(f);

	/* The other hub stores a new friend a moment later. */
	if (is_smaller && known && pz_friend_is_confirmed(known))
		return PZ_US_PER_MS;
	return is_smaller ? PZ_BACKOFF_FIRST_US / 4 : PZ_BACKOFF_FIRST_US;
}

enum pz_err
pz_hub_friend_begin(struct pz_hosted *zone, const char *name)
{
	struct pz_hub_friend *f = pz_hub_friend_find(zone, name);

	if (f == NULL)
		PZ_TRY(make(zone, name, &f));
	f->failures = 0;
	f->is_refused = false;
	pz_hub_friend_dial_in(f, first_delay_us(f));
	return PZ_OK;
}

enum pz_err
pz_hub_friends_start(struct pz_hosted *zone)
{
	size_t pos = 0;
	const struct pz_friend *known;

	if (zone->friends == NULL && (zone->friends = pz_map_new()) == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	while ((known = pz_friends_next(zone->authority->friends.table, &pos)) != NULL)
		PZ_TRY(pz_hub_friend_begin(zone, known->zone));
	return PZ_OK;
}

static void
stop(struct pz_hub_friend *f)
{
	struct pz_hub *hub = pz_hub_of(f->zone->hosting);

	pz_env_stop(hub->config.env, &f->retry);
	if (f->dial)
		hub->config.transport.ops->dial_cancel(PZ_TAKE(f->dial));
}

void
pz_hub_friends_stop(struct pz_hosted *zone)
{
	size_t pos = 0;
	void *f;

	while (zone->friends && pz_map_next(zone->friends, &pos, NULL, &f))
		stop(f);
}

/* The attempt was dialling an address that may be out of date. */
static void
network_changed(struct pz_hub_friend *f)
{
	if (f->conn) {
		pz_hosted_conn_probe(f->conn);
		return;
	}
	stop(f);
	f->failures = 0;
	pz_hub_friend_dial_in(f, 0);
}

void
pz_hub_friends_network_changed(struct pz_hosted *zone)
{
	size_t pos = 0;
	void *f;

	while (zone->friends && pz_map_next(zone->friends, &pos, NULL, &f))
		network_changed(f);
}

void
pz_hub_friends_fini(struct pz_hosted *zone)
{
	size_t pos = 0;
	void *f;

	pz_hub_friends_stop(zone);
	while (zone->friends && pz_map_next(zone->friends, &pos, NULL, &f))
		free(f);
	pz_map_free(PZ_TAKE(zone->friends)); /* waiting changes are dropped after this */
}

/* The link stays until the end of the turn, detached from its friend. */
static void
close_link(struct pz_hosted_conn *conn, const char *reason)
{
	pz_border_down(conn->zone->border, conn->link);
	pz_router_detach(conn->zone->router, &conn->link->session);
	conn->friend_link->of = NULL;
	pz_hosted_conn_bye(conn, PZ_ERR_IO_CLOSED, reason);
}

/* Also links that have not registered, or were replaced. */
void
pz_hub_friend_end(struct pz_hub_friend *f, const char *reason)
{
	if (f == NULL)
		return;
	stop(f);
	PZ_LIST_EACH (&f->zone->hosting->links, hook, tmp) {
		struct pz_hosted_conn *conn = PZ_CONTAINER(hook, struct pz_link, owner_node)->owner;
		if (conn->friend_link && conn->friend_link->of == f)
			close_link(conn, reason);
	}
	pz_border_friend_gone(f->zone->border, f->name);
	pz_condition_clear(f->zone->hosting->conditions, PZ_CONDITION_FRIEND_REFUSED, f->name);
	pz_map_remove(f->zone->friends, pz_slice_str(f->name));
	free(f);
}

void
pz_hub_friend_send(struct pz_hub_friend *f, const char *status, json_t *takes)
{
	if (f->conn && !f->conn->link->closing)
		pz_hosted_send_prop(f->zone, f->conn->link, status, takes);
	json_decref(takes);
}
