/* Inside border/ only: border.c the friends and their links; cross.c messages; show.c what friends
 * are shown; theirs.c what they show; find.c searches. */
#ifndef PZ_BORDER_INTERNAL_H
#define PZ_BORDER_INTERNAL_H

#include "base/list.h"
#include "border/border.h"

/** A friend zone that has, or had, a link. */
struct pz_border_side {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	struct pz_border *border;
	struct pz_link *link; /* NULL: its hub is not connected */
	uint64_t seen_ms;
	bool is_answered; /* on this link it was sent all, because it had sent its own before */
	/* theirs.c */
	json_t *theirs; /* device -> entry, as its hub has shown it */
	json_t *news;   /* device -> changes to be sent to the own devices */
	bool is_news_whole;
	struct pz_timer news_timer;
	uint64_t told_us;
	/* the other files */
	json_t *shown;  /* device of ours -> entry, as it was shown to it; show.c */
	json_t *met;    /* devices of ours that have exchanged messages with it; show.c */
	uint32_t finds; /* that it may make now; find.c */
	uint64_t finds_us;
	struct pz_log_rate log;
};

struct pz_border {
	struct pz_hosted *zone;
	struct pz_map *sides; /* zone -> struct pz_border_side, owned */
	/* show.c */
	struct pz_timer show;
	json_t *changed;  /* devices whose entries may have changed: {name: true} */
	bool has_changed; /* and all of them */
	uint64_t shown_us;
	/* find.c */
	struct pz_list finds;
	size_t find_count;
};

/** The side of that zone; NULL: its hub was never connected. */
static inline struct pz_border_side *
pz_border_side(const struct pz_border *border, struct pz_slice zone)
{
	return pz_map_get(border->sides, zone);
}

/* ---- show.c ---- */
/** Readies the timer. Errors: LIMIT_MEMORY. */
enum pz_err pz_border_show_init(struct pz_border *border) PZ_MUST_USE;
/** Stops it. */
void pz_border_show_fini(struct pz_border *border);
/** Sends the friend all that it may see. @param is_first requests that it sends what it shows, too:
 * it may have sent that before this hub took it */
void pz_border_show_all(struct pz_border *border, struct pz_border_side *side, bool is_first);
/** A device may have to be shown in another way. @param device NULL: all of them, since policy has
 * changed */
void pz_border_show_again(struct pz_border *border, const char *device);
/** A message between this device and the friend has crossed. */
void pz_border_met(struct pz_border *border, struct pz_border_side *side, struct pz_slice device);
/** Services of a device that a caller of a friend zone may see. @param caller zone or zone/device
 * of the friend. New array; NULL: out of memory */
json_t *
pz_border_visible(struct pz_border *border, const struct pz_member *member, const char *caller);
/** A prop with a list in as many messages as it needs. @param head the other members, borrowed
 * @param list array, borrowed; @param is_partial the first message, too, adds to what was sent */
void pz_border_send_list(struct pz_border *border, struct pz_link *link, const char *status,
			 json_t *head, const char *member, const json_t *list, bool is_partial);

/* ---- theirs.c ---- */
/** Prepares what a side shows. On failure pz_border_theirs_fini is still due. Errors: LIMIT_MEMORY.
 */
enum pz_err pz_border_theirs_init(struct pz_border_side *side) PZ_MUST_USE;
/** Stops the timer, frees the entries. */
void pz_border_theirs_fini(struct pz_border_side *side);
/** An `Update` of the friend's hub. The own devices get it within 100 ms. @param message borrowed
 */
void pz_border_theirs_update(struct pz_border_side *side, const json_t *message);
/** Sends one of the own devices all that the friend has shown. */
void pz_border_theirs_to(struct pz_border_side *side, struct pz_link *link);
/** Sends the own devices at once whether the friend's hub is connected. */
void pz_border_theirs_link(struct pz_border_side *side);

/* ---- find.c ---- */
/** A friend's device searches here. */
void pz_border_asked(struct pz_border *border, struct pz_border_side *side, const json_t *message);
/** A friend's hub answers a search. */
void pz_border_found(struct pz_border *border, struct pz_border_side *side, const json_t *message);
/** The hub of a friend is gone: searches there end. @param side NULL: all, silently */
void pz_border_finds_end(struct pz_border *border, const struct pz_border_side *side);

#endif
