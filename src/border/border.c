/*
 * The border of a zone at its hub: one side for each friend zone, with what was shown to it and
 * what it shows (show.c, theirs.c), and searches across it (find.c). Which messages cross is
 * decided in cross.c.
 */
#include "border/border.h"

#include <stdio.h>
#include <stdlib.h>

#include "border/internal.h"
#include "hosted/conn.h"
#include "wire/json.h"

/* ---- sides ---- */

static void
free_side(struct pz_border_side *side)
{
	pz_border_theirs_fini(side);
	json_decref(side->shown);
	json_decref(side->met);
	free(side);
}

/* NULL: out of memory. */
static struct pz_border_side *
make_side(struct pz_border *border, const char *zone)
{
	struct pz_border_side *side = pz_border_side(border, pz_slice_str(zone));

	if (side)
		return side;
	side = calloc(1, sizeof(*side));
	if (side == NULL)
		return NULL;
	snprintf(side->zone, sizeof(side->zone), "%s", zone);
	side->border = border;
	side->shown = json_object();
	side->met = json_object();
	if (pz_border_theirs_init(side) == PZ_OK && side->shown && side->met &&
	    pz_map_put(border->sides, pz_slice_str(side->zone), side, NULL) == PZ_OK)
		return side;
	free_side(side);
	return NULL;
	/* A friend's hub can have two links for a moment, an old and a new one. Only the newest is
	 * used; messages on the other are ignored. */
}

static struct pz_border_side *
side_of_link(const struct pz_border *border, const struct pz_link *link)
{
	struct pz_border_side *side = pz_border_side(border, pz_session_address(&link->session));

	return side && side->link == link ? side : NULL;
}

/* ---- what a friend's hub says ---- */

static void
on_update(struct pz_border *border, struct pz_border_side *side, const json_t *message)
{
	bool is_first = json_is_true(json_object_get(message, "first"));

	pz_border_theirs_update(side, message);
	/* The friend's owner or ours may have been the last to confirm: what we sent before came
	 * too early. Once for each link, since an answer costs a judgment of all services. */
	if (is_first && !side->is_answered) {
		side->is_answered = true;
		pz_border_show_all(border, side, false);
	}
}

static void
on_find(struct pz_border *border, struct pz_border_side *side, const json_t *message)
{
	pz_border_asked(border, side, message);
}

static void
on_found(struct pz_border *border, struct pz_border_side *side, const json_t *message)
{
	pz_border_found(border, side, message);
}

static const struct {
	const char *status;
	void (*handle)(struct pz_border *border, struct pz_border_side *side,
		       const json_t *message);
} statuses[] = {
	{"Update", on_update},
	{"findServices", on_find},
	{"foundServices", on_found},
};

bool
pz_border_on_prop(struct pz_border *border, struct pz_link *link, const char *status,
		  json_t *message)
{
	struct pz_border_side *side = side_of_link(border, link);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (strcmp(statuses[i].status, status) != 0)
			continue;
		if (side)
			statuses[i].handle(border, side, message);
		/* The prop is known but not accepted yet. The link stays: the two owners confirm in
		 * any order. */
		else /* our owner has not confirmed yet */
			pz_metric_add(&border->zone->hosting->metrics, PZ_METRIC_messages_dropped,
				      1);
		return true;
	}
	return false;
}

/* ---- links ---- */

void
pz_border_up(struct pz_border *border, struct pz_link *link)
{
	struct pz_border_side *side = make_side(border, link->session.address);

	if (side == NULL) {
		pz_link_close(link, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	side->link = link;
	side->seen_ms = pz_env_wall_ms(border->zone->hosting->env);
	side->is_answered = false;
	json_object_clear(side->theirs); /* it sends them again */
	pz_border_show_all(border, side, true);
	pz_border_theirs_link(side);
}

/* The devices that it has shown become away; they are dropped when it is connected again, or no
 * friend any more. The entries stay, marked as away, so that devices see an offline friend rather
 * than none; answers to searches that wait for it end now. */
static void
side_down(struct pz_border *border, struct pz_border_side *side)
{
	const char *device;
	json_t *entry;

	side->link = NULL;
	side->seen_ms = pz_env_wall_ms(border->zone->hosting->env);
	json_object_clear(side->met);
	json_object_foreach (side->theirs, device, entry)
		(void)json_object_set_new(entry, "connected", json_false());
	pz_border_finds_end(border, side);
	pz_border_theirs_link(side);
}

void
pz_border_device_up(struct pz_border *border, struct pz_link *link)
{
	size_t pos = 0;
	void *side;

	while (pz_map_next(border->sides, &pos, NULL, &side))
		pz_border_theirs_to(side, link);
}

void
pz_border_down(struct pz_border *border, const struct pz_link *link)
{
	struct pz_border_side *side = side_of_link(border, link);

	if (side)
		side_down(border, side);
}

/* The friendship has ended: first devices are informed, then the side is freed. The owner closes a
 * link that is still live. */
void
pz_border_friend_gone(struct pz_border *border, const char *zone)
{
	struct pz_border_side *side = pz_border_side(border, pz_slice_str(zone));

	if (side == NULL)
		return;
	json_object_clear(side->theirs);
	if (side->link)
		side_down(border, side);
	pz_map_remove(border->sides, pz_slice_str(zone));
	free_side(side);
}

bool
pz_border_is_connected(const struct pz_border *border, const char *zone, uint64_t *out_seen_ms)
{
	const struct pz_border_side *side = pz_border_side(border, pz_slice_str(zone));

	*out_seen_ms = side ? side->seen_ms : 0;
	return side && side->link;
}

/* ---- life ---- */

static void
on_member(void *arg, const struct pz_member *member)
{
	pz_border_show_again(arg, member->device);
}

static void
on_policy(void *arg)
{
	pz_border_show_again(arg, NULL);
}

/* `zone->watch` reports changes of members and policies from here on; pz_border_free removes it. */
struct pz_border *
pz_border_new(struct pz_hosted *zone)
{
	struct pz_border *border = calloc(1, sizeof(*border));

	if (border == NULL)
		return NULL;
	border->zone = zone;
	pz_list_init(&border->finds);
	border->sides = pz_map_new();
	if (pz_border_show_init(border) != PZ_OK || border->sides == NULL) {
		pz_border_free(border);
		return NULL;
	}
	zone->watch =
		(struct pz_hosted_watch){.member = on_member, .policy = on_policy, .arg = border};
	return border;
}

void
pz_border_free(struct pz_border *border)
{
	size_t pos = 0;
	void *side;

	if (border == NULL)
		return;
	border->zone->watch = (struct pz_hosted_watch){.arg = NULL};
	pz_border_finds_end(border, NULL);
	pz_border_show_fini(border);
	while (border->sides && pz_map_next(border->sides, &pos, NULL, &side))
		free_side(side);
	pz_map_free(border->sides);
	free(border);
}
