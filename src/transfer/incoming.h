/* One file that comes, from its offer until it is in its place. receive.c decides which offers
 * become one; it reads `device`, `key` and `offer`, and changes nothing. */
#ifndef PZ_TRANSFER_INCOMING_H
#define PZ_TRANSFER_INCOMING_H

#include "base/buf.h"
#include "transfer/hash.h"
#include "transfer/internal.h"

enum pz_incoming_state {
	PZ_INCOMING_OPENING, /* the temporary file is opened and hashed */
	PZ_INCOMING_READY, /* bytes come (a channel that was accepted), or it rests (no channel) */
	PZ_INCOMING_PLACING,  /* it is synced and gets its name */
	PZ_INCOMING_NOTING,   /* the list of what came is stored */
	PZ_INCOMING_REMOVING, /* the temporary file goes, then the object */
};

struct pz_incoming {
	struct pz_list node; /* transfers.incoming, in the order in which they began */
	struct pz_transfers *transfers;
	struct pz_channel *channel; /* NULL: it rests, or ends without one */
	struct pz_part *part;
	struct pz_transfer_offer offer;
	char device[PZ_ADDRESS_BYTES_MAX + 1];
	char key[PZ_PART_KEY_BYTES];
	enum pz_incoming_state state;
	struct pz_buf pending; /* received, not given to the part yet */
	size_t writing;        /* given to the part by the operation that runs */
	size_t owed;           /* received and not credited yet */
	uint64_t total;        /* bytes of the file that are here, written or not */
	char sha256[PZ_TRANSFER_HASH_HEX_BYTES]; /* of what is written, when is_digested */
	char *file;                              /* below the inbox, once it is placed */
	uint64_t seen_us;
	struct pz_timer timer;  /* it rests too long, or its sender is stuck */
	struct pz_timer gather; /* less than a block waits for more */
	struct pz_noting *noting;
	bool is_busy, is_accepted, has_ended, wants_restart;
	bool is_digested; /* sha256 is that of all that is written, or cannot be computed */
	bool is_gathered; /* what waits is written, however little */
	bool is_doomed;   /* removed as soon as nothing runs */
};

/**
 * A file begins, in transfers.incoming.
 * @param key as find() of receive.c knows it @return NULL: out of memory, or of threads
 */
struct pz_incoming *pz_incoming_new(struct pz_transfers *transfers, const char *device,
				    const char *key, const struct pz_transfer_offer *offer);
/** Closes its channel with "lost"; what was written stays, and the next offer continues with it. */
void pz_incoming_free(struct pz_incoming *incoming);
/** Keeps the channel for the file, which accepts it when its beginning is hashed. */
void pz_incoming_keep(struct pz_incoming *incoming, struct pz_channel *channel);
/** True when this offer continues with the file. */
bool
pz_incoming_may_adopt(const struct pz_incoming *incoming, const struct pz_transfer_offer *offer);
/** Goes on with this channel instead of the one it had. */
void pz_incoming_adopt(struct pz_incoming *incoming, struct pz_channel *channel,
		       const struct pz_transfer_offer *offer);
/** True when it has no channel and nothing runs: its sender is away. */
bool pz_incoming_rests(const struct pz_incoming *incoming);
/**
 * Answers an offer that becomes no file: accepted, so that the answer can carry a word, and closed.
 * @param more of the acceptance, borrowed, or NULL @param takes_message of the end, or NULL
 */
void pz_incoming_answer(struct pz_channel *channel, json_t *more, const char *word,
			json_t *takes_message);

#endif
