/* For the tests of this folder: nodes that hold items, links that count bytes. */
#ifndef PZ_SYNC_FIXTURE_H
#define PZ_SYNC_FIXTURE_H

#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit/clock.h"
#include "sync/session.h"
#include "wire/message.h"

#define ZONE "alice@example.org"
#define NOW PZ_KIT_WALL_MS
#define DAY PZ_KIT_DAY_MS

/** A hub or a device. */
struct node {
	const char *name; /* address */
	enum pz_sync_role role;
	struct pz_kit_clock clock;
	struct pz_sync_item *items[PZ_SYNC_KIND_COUNT]; /* NULL: opted out */
	size_t changes, refusals, offers;
	bool is_taking;       /* what is offered, without comparing it */
	char refused[3][128]; /* last: item, key, reason */
};

struct queued {
	struct queued *next;
	char status[16];
	char *text;
};

/** One end of a link. */
struct end {
	struct node *node;
	struct end *peer;
	struct pz_sync_session *session;
	struct queued *first, **last;    /* on the way to this end */
	size_t messages, bytes, largest; /* that this end has sent */
	size_t room;                     /* messages that its queue takes now */
	size_t answers, equal_answers;
};

struct wire {
	struct end ends[2]; /* 0 dialled */
};

/* What the ends of the next wire take. */
extern size_t fx_message_bytes_max;

void node_open(struct node *n, const char *name, enum pz_sync_role role);

void node_close(struct node *n);

/** A chunk as it is, whatever the clock says. */
struct pz_sync_chunk *
make(const char *key, const char *value, const char *origin, uint64_t mtime_ms);

void put(struct node *n, enum pz_sync_id id, struct pz_sync_chunk *takes);

/** The node changes something itself; value NULL: deletes. */
void edit(struct node *n, enum pz_sync_id id, const char *key, const char *value);

/** Value, "(deleted)" or "(none)". */
const char *value_of(const struct node *n, enum pz_sync_id id, const char *key);

bool is_equal(const struct node *a, const struct node *b, enum pz_sync_id id);

/* ---- the owner of a session ---- */

/* A signed value stands for its number: "7 ...". */
bool fx_number(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	       uint64_t *out);

/* ---- links ---- */

void wire_up(struct wire *wire, struct node *dialler, struct node *other);

/** Takes the next message from an end's queue; false: none. */
bool wire_step(struct end *end, enum pz_err *out);

/** Until both are silent. */
void wire_run(struct wire *wire);

void wire_down(struct wire *wire);

/** A link comes up, the dialler opens, everything is said, the link goes. */
void meet(struct node *dialler, struct node *other);

/** One message from a hostile or clumsy other end. */
enum pz_err say(struct end *to, const char *status, const char *json);

#endif
