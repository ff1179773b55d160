/* What the files of the transfers call of each other. receive.c the offers of files, permit.c
 * which may come, send.c files that go, inbox.c the list of what came; incoming.h is apart. */
#ifndef PZ_TRANSFER_INTERNAL_H
#define PZ_TRANSFER_INTERNAL_H

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "transfer/offer.h"
#include "transfer/transfer.h"

struct pz_transfers {
	struct pz_transfers_config config;
	const struct pz_env *env; /* of config */
	struct pz_list incoming;  /* receive.c */
	struct pz_list sendings;  /* send.c */
	struct pz_list asked;     /* permit.c */
	uint64_t last_ticket;
	/* receive.c: an offer that waited continues */
	void (*judged)(struct pz_transfers *transfers, const char *device,
		       struct pz_channel *channel, const struct pz_transfer_offer *offer,
		       bool is_permitted);
	json_t *records;        /* inbox.c: array, the oldest first */
	struct pz_log_rate log; /* lines that other devices cause */
	struct pz_timer pump;   /* send.c */
	struct pz_timer sweep;  /* receive.c */
};

/** True for a device of a friend zone. */
static inline bool
pz_transfer_is_guest(const char *device)
{
	return strchr(device, '/') != NULL;
}

/** True for the same device, and for two of one friend zone: they share its places. */
static inline bool
pz_transfer_is_same_party(const char *device, const char *other)
{
	size_t len = strcspn(device, "/");

	if (!pz_transfer_is_guest(device))
		return strcmp(device, other) == 0;
	return strncmp(device, other, len + 1) == 0;
}

/* ---- receive.c ---- */
/** Readies the list and the timer, and removes unfinished files that are old. */
void pz_receive_init(struct pz_transfers *transfers);
/** Closes every file. */
void pz_receive_fini(struct pz_transfers *transfers);

/* ---- permit.c ---- */
/** Judges an offer. With WAITS it keeps the channel. */
enum pz_transfer_permit
pz_transfer_permit(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
		   const struct pz_transfer_offer *offer) PZ_MUST_USE;
/** Nothing waits any more. */
void pz_transfer_permit_end(struct pz_transfers *transfers);

/* ---- send.c ---- */
/** Readies the list and the timer. */
void pz_send_init(struct pz_transfers *transfers);

/* ---- inbox.c ---- */
/** Loads the list. Errors: as pz_transfers_new. */
enum pz_err pz_inbox_load(struct pz_transfers *transfers, struct pz_errinfo *info) PZ_MUST_USE;
/** What was received by this id from this device; NULL: nothing. Borrowed. */
json_t *pz_inbox_find(const struct pz_transfers *transfers, const char *from, const char *id);
/** Bytes that were received within 24 h of the zone of a friend's device. */
uint64_t pz_inbox_bytes_of_day(const struct pz_transfers *transfers, const char *device);
/**
 * Notes a file that is in its place.
 * @param takes_record NULL: out of memory @param done as for pz_store_commit; `drop` frees arg when
 * the store goes before
 */
void pz_inbox_add(struct pz_transfers *transfers, json_t *takes_record, pz_store_done done,
		  void *arg, void (*drop)(void *arg));

#endif
