/*
 * The exchange of two strangers on one connection, one side: messages in, messages out, one verdict
 * at the end. Both sides run the same steps.
 *
 *     start -> pairHello out;  pairHello in -> met
 *     pz_pair_reveal -> pairReveal out (the side that dialled: by itself, after the other's)
 *     both revealed -> compare: people compare six digits
 *     pz_pair_answer -> pairConfirm out; both say yes -> pairResult out and in -> done
 *     both say "remember", too -> store; pz_pair_stored -> pairResult out, then as above
 *
 * The side that accepted the connection reveals first: where two connections of the same devices
 * have crossed it chooses between them, and only one of them costs the try of the window.
 * @spec page 6 "Strangers: the peer-to-peer certificate exchange (SHCBK)"
 */
#ifndef PZ_PAIR_PAIR_H
#define PZ_PAIR_PAIR_H

#include <jansson.h>
#include <stdbool.h>

#include "base/env.h"
#include "pair/card.h"
#include "pair/digits.h"
#include "x509/key.h"

/* prop statuses (page 6) */
#define PZ_PAIR_HELLO "pairHello"
#define PZ_PAIR_REVEAL "pairReveal"
#define PZ_PAIR_CONFIRM "pairConfirm"
#define PZ_PAIR_RESULT "pairResult"

/* reasons of a pairResult that is not trusted */
#define PZ_PAIR_BUSY "busy"           /* another partner has come first */
#define PZ_PAIR_SAME "same"           /* both ends are of one zone, or the same device */
#define PZ_PAIR_DIFFERENT "different" /* a person said that the digits differ */
#define PZ_PAIR_TIME_OUT "timeOut"
#define PZ_PAIR_STOPPED "stopped" /* a person closed the window */
#define PZ_PAIR_BAD "badRequest"

struct pz_pair;

/** What an exchange is given. */
struct pz_pair_config {
	const struct pz_pair_card *card;        /* our own; borrowed until pz_pair_free */
	struct pz_key *key;                     /* of card->pzp_ca; borrowed until pz_pair_free */
	uint8_t exporter[PZ_PAIR_NUMBER_BYTES]; /* PZ_PAIR_EXPORTER of this very connection */
	bool is_opener;                         /* our side dialled */
	uint64_t left_us;                       /* until the window closes */
	const struct pz_env *env;               /* borrowed until pz_pair_free; with timers */
};

/** What two strangers have agreed on. Borrowed for the call. */
struct pz_pair_result {
	const struct pz_pair_card *partner;
	bool wanted;           /* both said "remember", and both are of a zone */
	bool remembered;       /* wanted, and both have stored it */
	const uint8_t *secret; /* PZ_PAIR_NUMBER_BYTES: of the friendship, the same at both */
};

/** Wishes of an exchange. None of them may free it. `done` and `failed` come once and last. */
struct pz_pair_ops {
	/** Send a prop with this status and payload.message. Both borrowed. */
	void (*send)(void *arg, const char *status, json_t *message);
	/** The other side has introduced itself, and cannot change that any more. The side that
	 * accepted the connection calls pz_pair_reveal where it wants this partner. */
	void (*met)(void *arg, const struct pz_pair_card *partner);
	/** The digits can be compared. @param digits borrowed */
	void (*compare)(void *arg, const char *digits);
	/**
	 * Both persons said yes, and that it is remembered: to be stored, before the other side is
	 * sent that it is trusted. The end is reported with pz_pair_stored, never inside this call.
	 * @param result `wanted`, and not yet `remembered`
	 * @return false: it cannot be stored
	 */
	bool (*store)(void *arg, const struct pz_pair_result *result);
	/** Both persons said yes; what both remember is stored at both. */
	void (*done)(void *arg, const struct pz_pair_result *result);
	/** It has failed. @param reason one line for people */
	void (*failed)(void *arg, enum pz_err err, const char *reason);
};

/**
 * Prepares an exchange; sends nothing yet.
 * @param ops, arg outlive the object
 * @param out the caller's, pz_pair_free
 * Errors: LIMIT_MEMORY.
 */
enum pz_err pz_pair_new(const struct pz_pair_config *config, const struct pz_pair_ops *ops,
			void *arg, struct pz_pair **out) PZ_MUST_USE;
/** Sends pairHello. */
void pz_pair_start(struct pz_pair *pair);
/**
 * Takes one prop of the other side. Anything that is malformed, out of order or comes twice ends
 * the exchange; what comes after the end is ignored.
 * Errors given to failed: PROTO, LIMIT, DENIED_IDENTITY (it is this device, of this zone, or its
 * certificates are not its own), DENIED_CODE (a wrong commitment, or a person said no), DENIED_*
 * (certificates), DENIED_REMOTE (the other side has ended it), IO_TIMEOUT (here or there), CRYPTO,
 * LIMIT_MEMORY.
 */
void pz_pair_message(struct pz_pair *pair, const char *status, json_t *message);
/** This is the partner: shows it our number. Nothing happens before `met` and a second time. */
void pz_pair_reveal(struct pz_pair *pair);
/** What the person here said. Nothing happens before `compare` and a second time. @param match the
 * digits are the same at both; @param remember become friends, where both are of a zone */
void pz_pair_answer(struct pz_pair *pair, bool match, bool remember);
/** What `store` has begun has ended. Nothing happens where the exchange is over, or a second time.
 * @param is_stored false: trusted, and not remembered by either side */
void pz_pair_stored(struct pz_pair *pair, bool is_stored);
/** Ends it from our side: sends pairResult, and calls `failed`. @param reason PZ_PAIR_*; @param
 * text one line for people here */
void pz_pair_stop(struct pz_pair *pair, enum pz_err err, const char *reason, const char *text);
/** True while the digits are compared and the person here has not answered. */
bool pz_pair_is_comparing(const struct pz_pair *pair);
/** True when our number was shown: the try of this window is spent. */
bool pz_pair_has_revealed(const struct pz_pair *pair);
/** Wipes its secrets. Calls nothing. NULL is fine. */
void pz_pair_free(struct pz_pair *pair);

#endif
