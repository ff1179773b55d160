/*
 * The local network: announces this device so that only its own zone learns anything, and receives
 * announcements of others (page 6 "Being found, finding"). An announcement is a hint where to dial,
 * never a proof: the device that answers has to prove its identity in the handshake.
 */
#include "peers/internal.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "zone/tag.h"

#define INSTANCE_BYTES_MAX 63 /* a DNS label */
#define NAME_DIGITS 16
#define DAY_MS UINT64_C(86400000)

/** One announcement of another PZP. */
struct instance {
	char name[INSTANCE_BYTES_MAX + 1];
	struct peer_target targets[PZ_NEARBY_ADDRESSES_MAX];
	size_t count;
	bool is_ours; /* has our zone's tag: from a member, or copied from one */
	int days;     /* the tag's day, from today */
	char device_tag[PZ_ZONE_TAG_CHARS + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1];         /* the device of that tag, "" when unknown */
	char friend_tags[PZ_PEER_FRIEND_DIGITS + 1];  /* as announced, "" without */
	char friend_device[PZ_ADDRESS_BYTES_MAX + 1]; /* that has proved itself there, or "" */
	unsigned number;                              /* of this announcement, from 1 */
	uint64_t tried_us; /* when no known device had the tag; 0: not tried */
};

/* A tag as a TXT string: "t=", digits. */
#define TAG_BYTES (2 + PZ_ZONE_TAG_CHARS + 1)

struct pz_nearby {
	struct pz_peers *peers;
	pz_nearby_found heard;
	struct pz_map *instances; /* name -> struct instance */
	struct pz_zone_tags tags;
	size_t strangers;
	struct pz_timer end, date;
	uint64_t announced_day; /* since 1970 */
	uint64_t until_us, dial_until_us;
	uint64_t tags_us, tags_left; /* begin of a second, and tags that may be computed in it */
	char instance[NAME_DIGITS + 1], host[NAME_DIGITS + 1]; /* random, of this start */
	struct {
		char zone[PZ_ZONE_BYTES_MAX + 1];
		uint64_t until_us;
	} zones[PZ_FIND_ZONES_MAX]; /* friends' that are looked for */
	unsigned count;             /* announcements so far */
	bool is_browsing, is_announced, is_full_logged;
	uint16_t announced_port;
};

static struct pz_mdns *
mdns_of(const struct pz_nearby *nearby)
{
	return nearby->peers->config.mdns;
}

/* ---- announcements of others ---- */

/**
 * The date on a device's clock, from its announcement. Of several instances the best one is used:
 * one of them may be a replay from days ago.
 */
static void
judge_clock(const struct pz_nearby *nearby, const char *device)
{
	size_t pos = 0;
	struct pz_slice key;
	void *value;
	int best = INT_MAX;

	while (pz_map_next(nearby->instances, &pos, &key, &value)) {
		const struct instance *instance = value;

		if (instance->is_ours && strcmp(instance->device, device) == 0 &&
		    (best == INT_MAX || abs(instance->days) < abs(best)))
			best = instance->days;
	}
	nearby->peers->config.ops->saw_day(nearby->peers->config.arg, device,
					   best == INT_MAX ? 0 : best);
}

static void
forget_instance(struct pz_nearby *nearby, struct instance *instance)
{
	pz_map_remove(nearby->instances, pz_slice_str(instance->name));
	nearby->strangers -= !instance->is_ours;
	free(instance);
}

/* The map may change during the loop: pz_map_next allows the removal of its current key. */
static void
forget_instances(struct pz_nearby *nearby)
{
	size_t pos = 0;
	struct pz_slice key;
	void *instance;

	while (pz_map_next(nearby->instances, &pos, &key, &instance))
		forget_instance(nearby, instance);
}

static const char *
txt_value(const struct pz_mdns_found *found, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < found->txt_len; i++)
		if (strncmp(found->txt[i], key, len) == 0 && found->txt[i][len] == '=')
			return found->txt[i] + len + 1;
	return "";
}

/* Checks whether it is announced by this device. */
static bool
is_announced_by(const struct pz_nearby *nearby, struct instance *instance, const char *device)
{
	const struct pz_peers *peers = nearby->peers;
	uint8_t secret[PZ_ZONE_SECRET_BYTES];
	uint64_t then_ms = pz_zone_tag_day(pz_env_wall_ms(peers->env), instance->days);

	if (instance->device[0] || !instance->is_ours)
		return strcmp(instance->device, device) == 0;
	if (instance->device_tag[0] == '\0' || !pz_device_zone_secret(peers->config.zone, secret))
		return false;
	bool is_it = pz_zone_device_tag_matches(secret, then_ms, instance->name, device,
						instance->device_tag);
	sodium_memzero(secret, sizeof(secret));
	if (is_it) {
		snprintf(instance->device, sizeof(instance->device), "%s", device);
		judge_clock(nearby, instance->device);
	}
	return is_it;
}

/* Any machine can repeat the zone's tag with device tags that it makes up: each is compared with
 * three for each device. So a failure is remembered, and their number in a second is bounded. */
static bool
may_try(struct pz_nearby *nearby, const struct instance *instance)
{
	uint64_t now = pz_env_mono_us(nearby->peers->env);

	if (instance->tried_us && now - instance->tried_us < PZ_NEARBY_AGAIN_US)
		return false;
	if (now - nearby->tags_us >= PZ_US_PER_S) {
		nearby->tags_us = now;
		nearby->tags_left = PZ_NEARBY_TAGS_PER_S;
	}
	return nearby->tags_left > 0;
}

/* Checks which device of our zone it is. A device that is looked for is recognised without this. */
static void
recognise(struct pz_nearby *nearby, struct instance *instance)
{
	json_t *names, *value;
	const char *device;

	if (instance->device[0] || instance->device_tag[0] == '\0' || !may_try(nearby, instance))
		return;
	names = pz_peers_names(nearby->peers);
	uint64_t tags = 3 * json_object_size(names); /* of three days */
	nearby->tags_left -= tags < nearby->tags_left ? tags : nearby->tags_left;
	json_object_foreach (names, device, value)
		if (is_announced_by(nearby, instance, device))
			break;
	json_decref(names);
	if (instance->device[0] == '\0')
		instance->tried_us = pz_env_mono_us(nearby->peers->env);
}

static bool
has_our_tag(struct pz_nearby *nearby, const struct pz_mdns_found *found, int *out_days)
{
	const struct pz_peers *peers = nearby->peers;
	const char *tag = txt_value(found, "t");
	uint8_t secret[PZ_ZONE_SECRET_BYTES];

	if (tag[0] == '\0' || !pz_device_zone_secret(peers->config.zone, secret))
		return false;
	bool is_ours =
		pz_zone_tags_find(&nearby->tags, secret, pz_env_wall_ms(peers->env), tag, out_days);
	sodium_memzero(secret, sizeof(secret));
	return is_ours;
}

/* A TXT record may come again with other tags: after midnight, after a new start under the same
 * name, or from an impostor. So it is recognised again whenever the tag of the device differs. */
static void
read_txt(struct pz_nearby *nearby, struct instance *instance, const struct pz_mdns_found *found)
{
	const char *device_tag = txt_value(found, "d"), *friend_tags = txt_value(found, "f");

	nearby->strangers -= !instance->is_ours;
	instance->is_ours = has_our_tag(nearby, found, &instance->days);
	nearby->strangers += !instance->is_ours;
	bool has_tags = strlen(friend_tags) == PZ_PEER_FRIEND_DIGITS;
	snprintf(instance->friend_tags, sizeof(instance->friend_tags), "%s",
		 has_tags ? friend_tags : "");
	if (strcmp(instance->device_tag, device_tag) != 0) {
		instance->device[0] = '\0';
		instance->tried_us = 0;
		snprintf(instance->device_tag, sizeof(instance->device_tag), "%.16s", device_tag);
	}
	if (instance->is_ours)
		recognise(nearby, instance);
	if (instance->device[0])
		judge_clock(nearby, instance->device);
}

/* One host announces several addresses, in separate records; a new port of a known address replaces
 * the old one. False: there is no room, or the address is too long. */
static bool
add_target(struct instance *instance, const struct pz_mdns_found *found)
{
	struct peer_target *target = NULL;

	if (strlen(found->address) >= sizeof(target->address))
		return false;
	for (size_t i = 0; i < instance->count && target == NULL; i++)
		if (strcmp(instance->targets[i].address, found->address) == 0)
			target = &instance->targets[i];
	if (target == NULL && instance->count < PZ_NEARBY_ADDRESSES_MAX)
		target = &instance->targets[instance->count++];
	if (target == NULL)
		return false;
	snprintf(target->address, sizeof(target->address), "%s", found->address);
	target->port = found->port;
	target->is_heard = true;
	target->group = instance->number;
	return true;
}

/* Logged once for each start, since any machine on the network can cause it. */
static void
say_full(struct pz_nearby *nearby)
{
	pz_metric_add(nearby->peers->metrics, PZ_METRIC_limits_hit, 1);
	if (!nearby->is_full_logged)
		pz_warning("nearby-full", "more announcements on the local network than are looked "
					  "at; the rest is ignored");
	nearby->is_full_logged = true;
}

static struct instance *
instance_of(struct pz_nearby *nearby, const struct pz_mdns_found *found)
{
	struct instance *instance = pz_map_get(nearby->instances, pz_slice_str(found->instance));
	int days;

	if (instance)
		return instance;
	/* Strangers get only a part of the places: a crowd of them cannot displace our devices. */
	if (pz_map_len(nearby->instances) >= PZ_NEARBY_INSTANCES_MAX ||
	    (nearby->strangers >= PZ_NEARBY_STRANGERS_MAX && !has_our_tag(nearby, found, &days))) {
		say_full(nearby);
		return NULL;
	}
	instance = calloc(1, sizeof(*instance));
	if (instance == NULL)
		return NULL;
	snprintf(instance->name, sizeof(instance->name), "%s", found->instance);
	instance->number = ++nearby->count ? nearby->count : ++nearby->count;
	/* A stranger until its TXT record has shown the zone's tag (read_txt). */
	nearby->strangers++;
	if (pz_map_put(nearby->instances, pz_slice_str(instance->name), instance, NULL) != PZ_OK) {
		nearby->strangers--;
		free(instance);
		return NULL;
	}
	return instance;
}

/* ---- and what is made of it ---- */

/* A person searches the network, or the preferences request every device. */
static bool
is_dialling(const struct pz_nearby *nearby)
{
	const struct pz_peers *peers = nearby->peers;

	return peers->config.peer_prefs->auto_dial || peers->config.peer_prefs->is_peer_mode ||
	       pz_env_mono_us(peers->env) < nearby->dial_until_us;
}

static bool
may_be_of(const struct pz_nearby *nearby, const struct instance *instance,
	  const struct pz_friend *f)
{
	return f && !instance->is_ours && instance->friend_tags[0] &&
	       pz_peer_is_friend_tagged(nearby->peers, f, instance->name, instance->friend_tags);
}

/* Friends' devices that are wanted now; the handshake shows which of them it is. */
static void
dial_friends(struct pz_nearby *nearby, const struct instance *instance)
{
	size_t pos = 0;
	void *value;

	while (instance->friend_tags[0] && instance->count > 0 &&
	       pz_map_next(nearby->peers->by_device, &pos, NULL, &value)) {
		const struct peer *peer = value;
		bool is_other = instance->friend_device[0] &&
				strcmp(instance->friend_device, peer->device) != 0;
		if (peer->is_friend && peer->attempt && !is_other &&
		    may_be_of(nearby, instance, pz_peers_friend_of(nearby->peers, peer->address)))
			nearby->heard(nearby->peers, peer->device,
				      &instance->targets[instance->count - 1], false);
	}
}

/* The device may have dialled us: that link does not say which announcement is its own. */
static bool
is_met(const struct pz_nearby *nearby, const struct instance *instance, const char *zone)
{
	bool is_linked = false;

	if (instance->friend_device[0])
		return pz_peers_is_linked(nearby->peers, instance->friend_device);
	for (size_t i = 0; i < instance->count; i++)
		is_linked |=
			pz_peers_has_friend_at(nearby->peers, zone, instance->targets[i].address);
	return is_linked;
}

/* A search in a friend zone, which is not shown the names of its devices. */
static void
dial_friend_zones(struct pz_nearby *nearby, const struct instance *instance)
{
	const struct pz_peers *peers = nearby->peers;
	char name[PZ_ZONE_BYTES_MAX + 2];

	for (size_t i = 0; i < PZ_FIND_ZONES_MAX && instance->count > 0; i++) {
		const char *zone = nearby->zones[i].zone;
		if (pz_env_mono_us(peers->env) >= nearby->zones[i].until_us ||
		    !may_be_of(nearby, instance,
			       pz_device_zone_friend(peers->config.zone, pz_slice_str(zone))) ||
		    is_met(nearby, instance, zone))
			continue;
		snprintf(name, sizeof(name), "%s/", zone);
		for (size_t k = 0; k < instance->count; k++)
			nearby->heard(nearby->peers,
				      instance->friend_device[0] ? instance->friend_device : name,
				      &instance->targets[k], true);
	}
}

void
pz_nearby_note_friend(struct pz_nearby *nearby, const struct peer_target *target,
		      const char *device)
{
	size_t pos = 0;
	void *value;

	while (pz_map_next(nearby->instances, &pos, NULL, &value)) {
		struct instance *instance = value;
		if (instance->number == target->group)
			snprintf(instance->friend_device, sizeof(instance->friend_device), "%s",
				 device);
	}
}

static void
dial_instance(struct pz_nearby *nearby, const struct instance *instance)
{
	dial_friends(nearby, instance);
	dial_friend_zones(nearby, instance);
	if (instance->is_ours && instance->count > 0)
		nearby->heard(nearby->peers, instance->device,
			      &instance->targets[instance->count - 1], is_dialling(nearby));
}

/* It is in a pairing window, and so is this device. A device of our own zone needs no pairing. */
static void
see_window(const struct pz_nearby *nearby, const struct instance *instance,
	   const struct pz_mdns_found *found)
{
	const struct pz_peers *peers = nearby->peers;
	const struct pz_peers_window window = {
		.instance = instance->name,
		.display_name = txt_value(found, "n"),
		.address = found->address,
		.port = found->port,
		.is_ours_first = strcmp(nearby->instance, instance->name) < 0,
	};

	if (peers->has_window && !instance->is_ours && window.display_name[0])
		peers->config.ops->saw_window(peers->config.arg, &window);
}

/* For mdns, which drops the least useful entry when it is full (mdns/catalogue.h). */
static enum pz_mdns_worth
worth_of(const struct instance *instance)
{
	if (!instance->is_ours)
		return PZ_MDNS_STRANGER;
	return instance->device[0] ? PZ_MDNS_MEMBER : PZ_MDNS_LIKELY;
}

/* Called for each record of an instance; the port may come before or after the TXT record. An
 * instance of our own name is our own announcement. */
static enum pz_mdns_worth
on_found(void *arg, const struct pz_mdns_found *found)
{
	struct pz_nearby *nearby = arg;

	if (strlen(found->instance) > INSTANCE_BYTES_MAX || found->port == 0 ||
	    strcmp(found->instance, nearby->instance) == 0)
		return PZ_MDNS_STRANGER;
	struct instance *instance = instance_of(nearby, found);
	if (instance == NULL)
		return PZ_MDNS_STRANGER;
	read_txt(nearby, instance, found);
	enum pz_mdns_worth worth = worth_of(instance);
	if (add_target(instance, found)) {
		dial_instance(nearby, instance);
		see_window(nearby, instance, found);
	}
	return worth;
}

static void
on_gone(void *arg, const char *name)
{
	struct pz_nearby *nearby = arg;
	struct instance *instance = pz_map_get(nearby->instances, pz_slice_str(name));

	char device[PZ_DEVICE_BYTES_MAX + 1];

	if (instance == NULL)
		return;
	memcpy(device, instance->device, sizeof(device));
	forget_instance(nearby, instance);
	if (device[0])
		judge_clock(nearby, device);
}

/* Conditions without a subject: all local networks of this machine share them. */
static void
on_trouble(void *arg, enum pz_mdns_trouble trouble, const char *text)
{
	static const enum pz_condition conditions[] = {
		[PZ_MDNS_TROUBLE_RESPONDER] = PZ_CONDITION_MDNS_RESPONDER,
		[PZ_MDNS_TROUBLE_PUBLISH] = PZ_CONDITION_MDNS_PUBLISH,
		[PZ_MDNS_TROUBLE_BROWSE] = PZ_CONDITION_MDNS_BROWSE,
	};
	const struct pz_nearby *nearby = arg;

	if (text != NULL)
		pz_condition_raise(nearby->peers->config.conditions, conditions[trouble], "", "%s",
				   text);
	else
		pz_condition_clear(nearby->peers->config.conditions, conditions[trouble], "");
}

static const struct pz_mdns_events mdns_events = {
	.found = on_found,
	.gone = on_gone,
	.trouble = on_trouble,
};

/* ---- looking ---- */

static bool
is_always_looking(const struct pz_nearby *nearby)
{
	const struct pz_peers *peers = nearby->peers;

	return peers->config.zone->membership && !peers->is_ending &&
	       (peers->config.peer_prefs->auto_dial || peers->config.peer_prefs->is_peer_mode);
}

static void
browse(struct pz_nearby *nearby, bool on)
{
	if (mdns_of(nearby) == NULL || (!on && !nearby->is_browsing))
		return;
	if (on && !nearby->is_browsing)
		forget_instances(nearby); /* their removals were not received */
	nearby->is_browsing = on;
	if (mdns_of(nearby)->ops->browse(mdns_of(nearby), on) != PZ_OK)
		pz_warning("nearby-search-failed", "cannot search the local network");
}

static void
on_end(struct pz_timer *timer, void *arg)
{
	struct pz_nearby *nearby = arg;

	(void)timer;
	if (!is_always_looking(nearby))
		browse(nearby, false);
}

static void
dial_all(struct pz_nearby *nearby)
{
	size_t pos = 0;
	struct pz_slice key;
	void *instance;

	while (pz_map_next(nearby->instances, &pos, &key, &instance))
		dial_instance(nearby, instance);
}

/* Searches may overlap: the longest one determines the end, and a search that must not dial does
 * not shorten one that may. */
void
pz_nearby_look(struct pz_nearby *nearby, uint64_t duration_us, bool dial)
{
	const struct pz_env *env = nearby->peers->env;
	uint64_t now = pz_env_mono_us(env), until = now + duration_us;

	if (dial && until > nearby->dial_until_us)
		nearby->dial_until_us = until;
	if (until > nearby->until_us) {
		nearby->until_us = until;
		pz_env_start(env, &nearby->end, duration_us);
	}
	if (!nearby->is_browsing)
		browse(nearby, true);
	else if (dial)
		dial_all(nearby);
}

/* The look that ends first makes room for a ninth zone. */
void
pz_nearby_look_for_zone(struct pz_nearby *nearby, const char *zone, uint64_t duration_us)
{
	size_t pos = 0, k = 0;
	struct pz_slice key;
	void *instance;

	for (size_t i = 0; i < PZ_FIND_ZONES_MAX; i++) {
		if (strcmp(nearby->zones[i].zone, zone) == 0) {
			k = i;
			break;
		}
		if (nearby->zones[i].until_us < nearby->zones[k].until_us)
			k = i;
	}
	snprintf(nearby->zones[k].zone, sizeof(nearby->zones[k].zone), "%s", zone);
	nearby->zones[k].until_us = pz_env_mono_us(nearby->peers->env) + duration_us;
	pz_nearby_look(nearby, duration_us, false);
	while (pz_map_next(nearby->instances, &pos, &key, &instance))
		dial_friend_zones(nearby, instance);
}

void
pz_nearby_look_for_windows(struct pz_nearby *nearby, uint64_t duration_us)
{
	pz_nearby_look(nearby, duration_us, false);
	browse(nearby, true); /* what was found before is reported again */
}

uint64_t
pz_nearby_left_us(const struct pz_nearby *nearby)
{
	uint64_t now = pz_env_mono_us(nearby->peers->env);

	return nearby->until_us > now ? nearby->until_us - now : 0;
}

void
pz_nearby_targets(struct pz_nearby *nearby, const char *device,
		  void (*each)(void *arg, const struct peer_target *target), void *arg)
{
	const struct pz_friend *f = pz_peers_friend_of(nearby->peers, device);
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(nearby->instances, &pos, &key, &value)) {
		struct instance *instance = value;
		bool is_known = instance->friend_device[0] != '\0';
		bool is_it = is_announced_by(nearby, instance, device) ||
			     (may_be_of(nearby, instance, f) &&
			      (!is_known || strcmp(instance->friend_device, device) == 0));
		for (size_t i = 0; is_it && i < instance->count; i++)
			each(arg, &instance->targets[i]);
	}
}

/* The friend whose device it seems to be, or NULL. */
static const char *
friend_of(const struct pz_nearby *nearby, const struct instance *instance)
{
	const struct pz_friend *f;
	size_t pos = 0;

	while ((f = pz_friends_next(nearby->peers->config.zone->friends, &pos)) != NULL)
		if (pz_friend_is_confirmed(f) && may_be_of(nearby, instance, f))
			return f->zone;
	return NULL;
}

static json_t *
describe(struct pz_nearby *nearby, struct instance *instance)
{
	json_t *addresses = json_array(), *id = NULL;
	uint16_t port = instance->count ? instance->targets[0].port : 0;

	if (instance->is_ours)
		recognise(nearby, instance);
	for (size_t i = 0; i < instance->count; i++)
		json_array_append_new(addresses, json_string(instance->targets[i].address));
	if (instance->is_ours && instance->device[0])
		id = json_sprintf("%s/%s", nearby->peers->config.zone->membership->zone,
				  instance->device);
	const char *friend = friend_of(nearby, instance);
	return json_pack("{s:s, s:o?, s:i, s:o, s:b, s:o}", "instance", instance->name, "addresses",
			 addresses, "port", (int)port, "id", id ? id : json_null(), "ours",
			 instance->is_ours, "friend", friend ? json_string(friend) : json_null());
}

json_t *
pz_nearby_list(struct pz_nearby *nearby)
{
	json_t *list = json_array();
	size_t pos = 0;
	struct pz_slice key;
	void *instance;

	while (pz_map_next(nearby->instances, &pos, &key, &instance))
		json_array_append_new(list, describe(nearby, instance));
	return list;
}

/* ---- being found ---- */

/** A new day begins at midnight, or when the clock is set. */
static void
watch_date(struct pz_nearby *nearby)
{
	const struct pz_env *env = nearby->peers->env;
	uint64_t left_us = pz_zone_tag_left_ms(pz_env_wall_ms(env)) * PZ_US_PER_MS;

	pz_env_start(env, &nearby->date, left_us < PZ_NEARBY_DATE_US ? left_us : PZ_NEARBY_DATE_US);
}

/* The tags are made from the zone's secret and the date, so only devices of the zone recognise them
 * (page 6). @return number of strings */
static size_t
put_tags(const struct pz_nearby *nearby, const char **txt, char tag[TAG_BYTES],
	 char device_tag[TAG_BYTES])
{
	const struct pz_peers *peers = nearby->peers;
	uint64_t now_ms = pz_env_wall_ms(peers->env);
	uint8_t secret[PZ_ZONE_SECRET_BYTES];

	if (peers->config.zone->membership == NULL ||
	    !pz_device_zone_secret(peers->config.zone, secret))
		return 0;
	snprintf(tag, TAG_BYTES, "t=");
	snprintf(device_tag, TAG_BYTES, "d=");
	pz_zone_tag(secret, now_ms, tag + 2);
	pz_zone_device_tag(secret, now_ms, nearby->instance, peers->config.zone->membership->device,
			   device_tag + 2);
	sodium_memzero(secret, sizeof(secret));
	txt[0] = tag;
	txt[1] = device_tag;
	return 2;
}

/* Announced only if it can be dialled: it listens, and is in a zone, or in a pairing window, where
 * it shows its name. @return false: there is nothing to announce */
static bool
publish(struct pz_nearby *nearby, enum pz_err *out_err)
{
	const struct pz_peers *peers = nearby->peers;
	char tag[TAG_BYTES], device_tag[TAG_BYTES], name[2 + PZ_DISPLAY_NAME_BYTES_MAX + 1];
	char friend_tags[PZ_PEER_FRIEND_TXT + 1];
	const char *txt[5] = {"v=1"};
	struct pz_mdns_service service = {
		.instance = nearby->instance,
		.host = nearby->host,
		.port = peers->port,
		.txt = txt,
		.txt_len = 1,
	};

	if (peers->port == 0 || peers->is_ending)
		return false;
	service.txt_len += put_tags(nearby, txt + 1, tag, device_tag);
	if (pz_peers_friend_tags(peers, nearby->instance, friend_tags))
		txt[service.txt_len++] = friend_tags;
	if (peers->has_window) {
		snprintf(name, sizeof(name), "n=%s", peers->config.display_name);
		txt[service.txt_len++] = name;
	}
	if (service.txt_len == 1)
		return false;
	nearby->announced_day = pz_env_wall_ms(peers->env) / DAY_MS;
	watch_date(nearby);
	*out_err = mdns_of(nearby)->ops->publish(mdns_of(nearby), &service);
	return true;
}

void
pz_nearby_announce(struct pz_nearby *nearby)
{
	const struct pz_peers *peers = nearby->peers;
	enum pz_err err = PZ_OK;

	if (mdns_of(nearby) == NULL)
		return;
	if (publish(nearby, &err)) {
		nearby->is_announced = err == PZ_OK;
		if (err != PZ_OK)
			pz_warning("nearby-announce-failed",
				   "this device cannot be found on the local network: %s",
				   pz_err_text(err));
	} else if (nearby->is_announced) {
		nearby->is_announced = false;
		pz_env_stop(peers->env, &nearby->date);
		mdns_of(nearby)->ops->unpublish(mdns_of(nearby));
	}
	if (is_always_looking(nearby) && !nearby->is_browsing)
		browse(nearby, true);
}

static void
on_date(struct pz_timer *timer, void *arg)
{
	struct pz_nearby *nearby = arg;

	(void)timer;
	if (pz_env_wall_ms(nearby->peers->env) / DAY_MS != nearby->announced_day)
		pz_nearby_announce(nearby);
	else
		watch_date(nearby);
}

/* The device has left its zone: tags of it must not be announced any more, and recognised names
 * have no meaning. */
void
pz_nearby_forget(struct pz_nearby *nearby)
{
	forget_instances(nearby);
	pz_nearby_announce(nearby);
}

/* ---- life ---- */

/* Random names, so that an observer cannot recognise this device after a restart. */
static void
draw_name(const struct pz_env *env, char out[NAME_DIGITS + 1])
{
	uint8_t bytes[NAME_DIGITS / 2];

	pz_env_random(env, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

struct pz_nearby *
pz_nearby_new(struct pz_peers *peers, pz_nearby_found heard)
{
	struct pz_nearby *nearby = calloc(1, sizeof(*nearby));

	if (nearby == NULL)
		return NULL;
	nearby->peers = peers;
	nearby->heard = heard;
	nearby->instances = pz_map_new();
	if (nearby->instances == NULL) {
		free(nearby);
		return NULL;
	}
	pz_timer_init(&nearby->end, on_end, nearby);
	pz_timer_init(&nearby->date, on_date, nearby);
	draw_name(peers->env, nearby->instance);
	draw_name(peers->env, nearby->host);
	if (peers->config.mdns) {
		peers->config.mdns->events = &mdns_events;
		peers->config.mdns->arg = nearby;
	}
	return nearby;
}

/* Wipes the secrets of the tags too. */
void
pz_nearby_free(struct pz_nearby *nearby)
{
	if (nearby == NULL)
		return;
	browse(nearby, false);
	pz_env_stop(nearby->peers->env, &nearby->end);
	pz_env_stop(nearby->peers->env, &nearby->date);
	forget_instances(nearby);
	pz_map_free(nearby->instances);
	sodium_memzero(&nearby->tags, sizeof(nearby->tags));
	free(nearby);
}
