/* For the tests of this folder: the hubs of two friend zones, on links without TLS. */
#ifndef PZ_PZH_FIXTURE_FRIENDS_H
#define PZ_PZH_FIXTURE_FRIENDS_H

#include "kit/zone.h"
#include "pzh/fixture_devices.h"

#define BOB "bob@example.net"
#define CAROL "carol@example.com"

/* Their hubs; without membership and conn. */
extern struct device bob, carol;
extern struct pz_kit_zone bob_ca, carol_ca;
/* What the hub knows of them. */
extern struct pz_friends *friends;

/* Both owners have confirmed it. */
void befriend(const struct pz_kit_zone *zone);

/* The link with a friend's hub comes up. */
void friend_up(struct device *d, const char *zone);
/* It ends; nothing happens when it is down. */
void friend_down(struct device *d);

/* The hub with its devices, and both friends linked: cmocka. */
int set_up_friends(void **state);
int tear_down_friends(void **state);

#endif
