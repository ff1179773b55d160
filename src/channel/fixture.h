/* For the tests of channels: two ends with a link between them that is carried by hand. */
#ifndef PZ_CHANNEL_FIXTURE_H
#define PZ_CHANNEL_FIXTURE_H

#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "channel/splice.h"
#include "kit/clock.h"
#include "wire/frame.h"

/** What an owner of a channel has seen. */
struct user {
	struct pz_channel *channel; /* NULL: gone */
	struct pz_buf in;
	size_t unconsumed, credits;
	unsigned writables;
	bool is_lazy;            /* does not consume */
	bool is_beside_messages; /* one has come with each data */
	bool is_accepted, is_refused, has_ended, is_closed;
	enum pz_channel_refusal why;
	bool has_message; /* of the close */
	json_int_t more;
	char reason[PZ_CHANNEL_REASON_BYTES_MAX + 1];
};

/** Something on its way over a link. */
struct item {
	struct pz_list node;
	char *status; /* NULL: a frame */
	json_t *message;
	struct pz_buf frame;
};

enum answer { ANSWER_ACCEPT, ANSWER_REFUSE, ANSWER_KEEP, ANSWER_NOTHING, ANSWER_SPLICE };

/** One end of a link. */
struct end {
	const struct pz_env *env;
	struct end *other;
	struct pz_channels *channels;
	struct pz_list out; /* items on their way to the other end */
	enum answer answer; /* to offers */
	struct user *user;  /* that the next offer is for */
	uint32_t window;    /* of acceptances */
	struct pz_splices *splices;
	struct end *next; /* where a hop continues */
	const char *proved;
	char offer_to[64], offer_kind[64], offer_from[64];
	unsigned offers, wakes, data_frames;
	enum pz_err broken; /* what the other end did */
};

struct world {
	struct pz_kit_clock clock;
	struct end a, b;
};

void world_pass(struct world *w, uint64_t us);

/* ---- an owner ---- */

extern const struct pz_channel_ops user_ops;

void user_init(struct user *u);

/* ---- an end ---- */

void item_free(struct item *item);

/* The link is gone. */
void end_fini(struct end *end);

/* What the flush of one turn sends. @return false: nothing */
bool end_flush(struct end *end);

/* The first item arrives at the other end. @return false: no item waits */
bool end_carry(struct end *end);
bool end_carry_all(struct end *end);

/* Until nothing moves. */
void world_settle(struct world *w);

void world_init(struct world *w);

void world_fini(struct world *w);

extern const struct pz_channel_offer some_offer;

void open_some(struct end *end, struct user *u);

/* An open channel from a to b. */
void world_open(struct world *w, struct user *ua, struct user *ub);

/* Bytes by which a loss, a repetition or a wrong order shows. */
void pattern(uint8_t *out, size_t len, size_t from);

/* Sends until everything was taken. @param settle runs after each piece, until nothing moves */
void send_all(struct user *u, size_t len, void (*settle)(void *arg), void *arg);
/* The same, while the world continues. */
void world_send(struct world *w, struct user *u, size_t len);

void assert_received(const struct user *u, size_t len);

#endif
