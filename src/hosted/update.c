/*
 * `Update` (page 4): who is in the zone. A zone may be large, so the message is written directly
 * (names are safe in JSON by their grammar, jansson quotes the rest) and split: the first frame
 * replaces the list, the partial ones that follow add to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hosted/conn.h"
#include "hosted/update.h"
#include "wire/frame.h"

/* Changes are sent together: a zone whose devices all come back at once sends few messages. */
#define UPDATE_DELAY_US (100 * PZ_US_PER_MS)
/* The more devices receive a change, the longer changes are collected: that limits the traffic of a
 * large zone. */
#define UPDATE_DELAY_PER_DEVICE_US (500)
#define UPDATE_SOON_US (2 * PZ_US_PER_MS)

/* With the last entry (4 KiB at most) the frame still fits the limit of every node. */
#define UPDATE_FRAME_BYTES (PZ_FRAME_BYTES_ENROL * 3 / 4)

/*
 * The part of an entry that does not depend on the connection, as text with its brace: stored with
 * the member, because it is sent far more often than it changes. NULL: out of memory.
 */
static const char *
summary(struct pz_member *member)
{
	json_t *addresses = json_object_get(member->info, "addresses");
	json_t *port = json_object_get(member->info, "port");

	if (member->summary)
		return member->summary;
	json_t *object =
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:b}", "name", member->device, "displayName",
			  member->display_name, "deviceType", member->device_type, "ipaddress",
			  addresses ? json_incref(addresses) : json_array(), "port",
			  port ? json_incref(port) : json_integer(0), "listening",
			  json_is_true(json_object_get(member->info, "listening")));
	member->summary = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (member->summary)
		member->summary[strlen(member->summary) - 1] = '\0'; /* the closing brace */
	return member->summary;
}

struct writer {
	struct pz_hosted *zone;
	struct pz_buf *out;
	struct pz_buf body; /* of the current frame */
	bool partial;
	bool is_change; /* also lists devices that are out of the zone */
	bool is_first_entry;
};

static enum pz_err
begin_frame(struct writer *w)
{
	const struct pz_authority *a = w->zone->authority;
	char *name = NULL;
	json_t *display = json_string(a->name);

	name = display ? json_dumps(display, JSON_ENCODE_ANY) : NULL;
	json_decref(display);
	if (name == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_buf_printf(
		&w->body,
		"{\"type\":\"prop\",\"from\":\"%s\",\"payload\":{\"status\":\"Update\",\"message\":"
		"{"
		"%s\"version\":\"" PZ_VERSION
		"\",\"PZH\":[{\"name\":\"%s\",\"displayName\":%s,\"connected\":true}],\"PZP\":[",
		a->zone, w->partial ? "\"partial\":true," : "", a->zone, name);
	free(name);
	w->is_first_entry = true;
	return err;
}

static enum pz_err
end_frame(struct writer *w)
{
	uint8_t header[PZ_FRAME_HEADER_BYTES];

	PZ_TRY(pz_buf_append_str(&w->body, "]}}}"));
	pz_frame_put_header(header, w->body.len);
	PZ_TRY(pz_buf_append(w->out, pz_slice_of(header, sizeof(header))));
	PZ_TRY(pz_buf_append(w->out, pz_buf_slice(&w->body)));
	pz_buf_consume(&w->body, w->body.len);
	w->partial = true; /* the frames that follow add to the first */
	return PZ_OK;
}

/* An instance is a name that needs no quoting. */
static enum pz_err
write_presence(struct writer *w, const struct pz_member *member)
{
	PZ_TRY(pz_buf_append_str(&w->body, pz_member_is_connected(member)
						   ? ",\"connected\":true"
						   : ",\"connected\":false"));
	if (!pz_member_is_connected(member) && member->last_seen_ms)
		PZ_TRY(pz_buf_printf(&w->body, ",\"lastSeen\":%llu",
				     (unsigned long long)(member->last_seen_ms / 1000)));
	if (member->instance[0])
		PZ_TRY(pz_buf_printf(&w->body, ",\"session\":\"%s\"", member->instance));
	return pz_buf_append_str(&w->body, member->revoked ? ",\"revoked\":true}" : "}");
}

/* A whole list simply omits a revoked device; a partial one has to list its removal. */
static enum pz_err
write_member(struct writer *w, struct pz_member *member)
{
	if (member->revoked && !w->is_change)
		return PZ_OK;
	if (w->body.len > UPDATE_FRAME_BYTES) {
		PZ_TRY(end_frame(w));
		PZ_TRY(begin_frame(w));
	}
	const char *text = summary(member);
	if (text == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	if (!w->is_first_entry)
		PZ_TRY(pz_buf_append_str(&w->body, ","));
	w->is_first_entry = false;
	PZ_TRY(pz_buf_append_str(&w->body, text));
	return write_presence(w, member);
}

static enum pz_err
write_members(struct writer *w, bool partial)
{
	const struct pz_authority *a = w->zone->authority;
	size_t pos = 0;
	struct pz_slice key;
	const char *device;
	void *member;
	json_t *ignored;

	if (!partial) {
		while (pz_map_next(a->members, &pos, &key, &member))
			PZ_TRY(write_member(w, member));
		return PZ_OK;
	}
	json_object_foreach (w->zone->update.changed, device, ignored) {
		struct pz_member *changed = pz_authority_member(a, device);
		if (changed)
			PZ_TRY(write_member(w, changed));
	}
	return PZ_OK;
}

static enum pz_err
build(struct pz_hosted *zone, bool partial, struct pz_buf *out)
{
	struct writer w = {.zone = zone, .out = out, .partial = partial, .is_change = partial};

	pz_buf_init(&w.body, 2 * UPDATE_FRAME_BYTES, NULL);
	enum pz_err err = begin_frame(&w);
	if (err == PZ_OK)
		err = write_members(&w, partial);
	if (err == PZ_OK)
		err = end_frame(&w);
	pz_buf_fini(&w.body);
	return err;
}

/* ---- when it is sent ---- */

static void
on_update(struct pz_timer *timer, void *arg)
{
	struct pz_hosted *zone = arg;
	struct pz_buf frames;

	(void)timer;
	zone->update.sent_us = pz_env_mono_us(zone->hosting->env);
	/* Built once, for all: the entries do not depend on the receiver. */
	pz_buf_init(&frames, PZ_QUEUE_HIGH_BYTES, NULL);
	enum pz_err err = build(zone, true, &frames);
	PZ_LIST_EACH (&zone->links, hook, tmp) {
		struct pz_link *link = PZ_CONTAINER(hook, struct pz_link, owner_node);
		if (err == PZ_OK && pz_hosted_send(zone, link, pz_buf_slice(&frames)) != PZ_OK)
			pz_link_close(link, PZ_ERR_LIMIT_QUEUE, "cannot take an Update");
	}
	if (err != PZ_OK)
		pz_error("update", "zone=%s cannot send the change to the devices: %s",
			 zone->authority->zone, pz_err_text(err));
	pz_buf_fini(&frames);
	json_object_clear(zone->update.changed);
}

/* A lone change is sent at once, those that follow are collected. */
void
pz_hosted_member_changed(struct pz_hosted *zone, struct pz_member *member)
{
	const struct pz_env *env = zone->hosting->env;
	uint64_t now = pz_env_mono_us(env);
	uint64_t due = zone->update.sent_us + UPDATE_DELAY_US +
		       zone->connected * UPDATE_DELAY_PER_DEVICE_US;

	if (zone->hosting->is_stopping)
		return;
	if (zone->watch.member)
		zone->watch.member(zone->watch.arg, member);
	(void)json_object_set_new(zone->update.changed, member->device, json_true());
	if (!zone->update.timer.active)
		pz_env_start(env, &zone->update.timer,
			     due > now + UPDATE_SOON_US ? due - now : UPDATE_SOON_US);
}

void
pz_hosted_update_before_return(struct pz_hosted *zone, const struct pz_member *member)
{
	if (json_object_get(zone->update.changed, member->device) == NULL)
		return;
	pz_env_stop(zone->hosting->env, &zone->update.timer);
	on_update(&zone->update.timer, zone);
}

void
pz_hosted_send_whole_update(struct pz_hosted *zone, struct pz_link *link)
{
	struct pz_buf frames;

	pz_buf_init(&frames, PZ_QUEUE_HIGH_BYTES, NULL);
	enum pz_err err = build(zone, false, &frames);
	if (err == PZ_OK)
		err = pz_hosted_send(zone, link, pz_buf_slice(&frames));
	pz_buf_fini(&frames);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot take the first Update");
}

/* ---- life ---- */

enum pz_err
pz_hosted_update_init(struct pz_hosted *zone)
{
	pz_timer_init(&zone->update.timer, on_update, zone);
	zone->update.changed = json_object();
	return zone->update.changed ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_hosted_update_stop(struct pz_hosted *zone)
{
	pz_env_stop(zone->hosting->env, &zone->update.timer);
}

void
pz_hosted_update_fini(struct pz_hosted *zone)
{
	pz_hosted_update_stop(zone);
	json_decref(zone->update.changed);
}
