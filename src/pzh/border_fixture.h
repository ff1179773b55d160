/* For the tests of the border between zones: friends with devices, and what is said and shown. */
#ifndef PZ_PZH_BORDER_FIXTURE_H
#define PZ_PZH_BORDER_FIXTURE_H

#include "pzh/fixture_friends.h"

#include "border/border.h"

#define TEST "http://webinos.org/api/test"
#define OTHER "http://webinos.org/api/other"

/* ---- what is said ---- */

void frame_by(const struct device *by, struct pz_buf *frame);

void call(const struct device *by, const char *from, const char *to, const char *method);

void friend_prop(const struct device *by, const char *from, const char *status, json_t *message);

json_t *service(const char *address, const char *api);

void announce(const struct device *d, const char *api, const char *more);

/* The owner's policy: the rules, before one that denies everything to other zones. */
void set_policy(const char *rules);

#define RULE(who, what)                                                                            \
	"<rule effect='permit'><condition><subject-match attr='user-id' match='" who "'/>"         \
	"<resource-match attr='api-feature' match='" what "'/></condition></rule>"
#define DISCOVERY "http://webinos.org/api/discovery"
#define SHARE(who) RULE(who, TEST)
#define ONE_DEVICE                                                                                 \
	"<rule effect='permit'><condition><subject-match attr='user-id' match='" BOB "'/>"         \
	"<subject-match attr='requestor-id' match='pad'/>"                                         \
	"<resource-match attr='api-feature' match='" TEST "'/></condition></rule>"

/* The names of the devices in the Updates that a friend was sent, in order, with how each is. */
const char *shown(const struct device *d);

/* serviceAddress and last part of the API of each service that a search has found. */
const char *found(const struct device *d, const char *id);

/* What is told to a device of a zone's hub: "zone connected" of the last friendUpdate. */
const char *friend_told(const struct device *d);

void forget_all(void);

#endif
