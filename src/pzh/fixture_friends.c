#include "pzh/fixture_friends.h"

#include <stdio.h>
#include <stdlib.h>

#include "border/border.h"
#include "hub/friend.h"

struct device bob, carol;
struct pz_kit_zone bob_ca, carol_ca;
struct pz_friends *friends;

static enum pz_err
friend_send(struct pz_session *session, struct pz_slice frame)
{
	return pz_buf_append(&pz_link_of(session)->tx, frame);
}

static void
friend_set_reading(struct pz_session *session, bool on)
{
	(void)session;
	(void)on;
}

static void
friend_close(struct pz_session *session, enum pz_err why, const char *detail)
{
	(void)why;
	(void)detail;
	pz_link_of(session)->closing = true;
}

void
befriend(const struct pz_kit_zone *zone)
{
	struct pz_friend *f = NULL;

	assert_ok(pz_friend_new(zone->name, zone->ca, &f, NULL));
	f->since_ms = 1;
	assert_ok(pz_friends_put(friends, f, NULL));
}

/* The hub's own object of the friend and of its link. */
static void
give_owner(struct pz_link *link, const char *name)
{
	struct pz_hosted_conn *conn = calloc(1, sizeof(*conn));
	struct pz_hub_friend *f = calloc(1, sizeof(*f));

	assert_true(conn && f);
	conn->friend_link = calloc(1, sizeof(*conn->friend_link));
	assert_non_null(conn->friend_link);
	conn->hosting = &w.hub->hosting;
	conn->zone = f->zone = zone_of(ZONE);
	conn->link = link;
	conn->state = PZ_HOSTED_LIVE;
	conn->friend_link->of = f;
	f->conn = conn;
	snprintf(f->name, sizeof(f->name), "%s", name);
	link->owner = conn;
}

static void
free_owner(struct pz_link *link)
{
	struct pz_hosted_conn *conn = link->owner;

	free(conn->friend_link->of);
	free(conn->friend_link);
	free(conn);
}

void
friend_up(struct device *d, const char *zone)
{
	static const struct pz_session_ops ops = {friend_send, friend_set_reading, friend_close};
	struct pz_link *link = calloc(1, sizeof(*link));

	assert_non_null(link);
	snprintf(d->address, sizeof(d->address), "%s", zone);
	link->session = (struct pz_session){.ops = &ops,
					    .kind = PZ_SESSION_FRIEND,
					    .address = d->address,
					    .address_len = strlen(zone)};
	pz_buf_init(&link->tx, PZ_QUEUE_MAX_BYTES, NULL);
	d->link = link;
	give_owner(link, zone);
	assert_ok(pz_router_attach(zone_of(ZONE)->router, &link->session));
	pz_border_up(zone_of(ZONE)->border, link);
}

void
friend_down(struct device *d)
{
	if (d->link == NULL)
		return;
	pz_border_down(zone_of(ZONE)->border, d->link);
	pz_router_detach(zone_of(ZONE)->router, &d->link->session);
	pz_buf_fini(&d->link->tx);
	free_owner(d->link);
	free(PZ_TAKE(d->link));
}

int
set_up_friends(void **state)
{
	set_up_devices(state);
	pz_kit_zone_init(&bob_ca, BOB, &w.world.clock.env);
	pz_kit_zone_init(&carol_ca, CAROL, &w.world.clock.env);
	bob = carol = (struct device){0};
	friends = pz_friends_new();
	befriend(&bob_ca);
	befriend(&carol_ca);
	zone_of(ZONE)->known_friends = friends;
	friend_up(&bob, BOB);
	friend_up(&carol, CAROL);
	return 0;
}

int
tear_down_friends(void **state)
{
	friend_down(&bob);
	friend_down(&carol);
	zone_of(ZONE)->known_friends = NULL;
	pz_friends_free(friends);
	pz_kit_zone_fini(&bob_ca);
	pz_kit_zone_fini(&carol_ca);
	return tear_down_devices(state);
}
