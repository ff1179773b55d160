/*
 * Files from device to device (page 15 "Kind file"): sending, receiving, and the list of received
 * files. A device is identified by its name in the zone, a friend's device by its whole address.
 * The owner decides which devices may send files here, and on which links files are sent.
 */
#ifndef PZ_TRANSFER_TRANSFER_H
#define PZ_TRANSFER_TRANSFER_H

#include "base/env.h"
#include "base/work.h"
#include "channel/channel.h"
#include "command/request.h"
#include "condition/condition.h"
#include "store/store.h"
#include "transfer/part.h"
#include "wire/address.h"

struct pz_transfers;

/** Where received files go. Borrowed until the end of the turn. */
struct pz_transfers_inbox {
	const char *directory;
	bool by_sender; /* a directory in it for each device */
};

/** The policy decision about an offer. */
enum pz_transfer_permit {
	PZ_TRANSFER_PERMITTED,
	PZ_TRANSFER_DENIED,
	PZ_TRANSFER_WAITS, /* pz_transfers_judged follows */
	PZ_TRANSFER_LATER, /* too many wait: the sender tries again */
};

/** Call-backs to the owner. `arg` is that of the configuration. */
struct pz_transfers_ops {
	/** The channels of a link on which files may be sent to a device now; NULL: there is no
	 * such link. */
	struct pz_channels *(*channels)(void *arg, const char *device);
	/** Starts to look for such a link. */
	void (*look)(void *arg, const char *device);
	/** True while the owner looks for one. */
	bool (*is_looking)(void *arg, const char *device);
	/** Files for a device wait or are being sent (`on`), or no longer. */
	void (*want)(void *arg, const char *device, bool on);
	/** Why the device cannot be reached, in one line. */
	void (*why_unreachable)(void *arg, const char *device, char *out, size_t size);
	/** Finds the device that a person has named; not this device. Errors: NOTFOUND, CONFIG. */
	enum pz_err (*find)(void *arg, const char *text, char out[PZ_ADDRESS_BYTES_MAX + 1],
			    struct pz_errinfo *info);
	/** False for a device that has left the zone or was revoked, and for one of a zone that was
	 * a friend. */
	bool (*is_known)(void *arg, const char *device);
	/** Writes the address of a device. */
	void (*address)(void *arg, const char *device, char out[PZ_ADDRESS_BYTES_MAX + 1]);
	/** Decides by policy whether this device may send a file here; called for the first offer
	 * of a file. @param ticket identifies the question, if a person is asked @return not LATER
	 */
	enum pz_transfer_permit (*judge)(void *arg, const char *device, uint64_t ticket);
	/** The answer to a question is no longer needed. */
	void (*judge_over)(void *arg, uint64_t ticket);
	/** True when a file that a person has allowed, or that was counted, may still be sent. */
	bool (*may_go_on)(void *arg, const char *device);
	/** The inbox for files that are received now. */
	struct pz_transfers_inbox (*inbox)(void *arg);
};

/** Configuration. Pointers are borrowed for the life of the transfers, structs are copied. */
struct pz_transfers_config {
	const struct pz_env *env;
	const struct pz_workers *workers; /* NULL: no file can be sent */
	struct pz_parts parts;            /* without `open`: no file can be received */
	struct pz_store *store;
	struct pz_conditions *conditions;
	const struct pz_transfers_ops *ops;
	void *arg;
};

/** Loads the list of received files. Errors: LIMIT_MEMORY, PROTO (a record), IO. */
enum pz_err pz_transfers_new(const struct pz_transfers_config *config, struct pz_transfers **out,
			     struct pz_errinfo *info) PZ_MUST_USE;
/** To be called after all requests have ended, before the links are freed. Unfinished files stay on
 * the disk. NULL is fine. */
void pz_transfers_free(struct pz_transfers *transfers);

/** Handles a channel of kind `file` that a device has opened on its own link: judges the offer, and
 * accepts, keeps or refuses it.
 */
void pz_transfers_offered(struct pz_transfers *transfers, const char *device,
			  struct pz_channel *channel, const struct pz_channel_offer *offer);
/** The result of a question. Unknown tickets are fine. */
void pz_transfers_judged(struct pz_transfers *transfers, uint64_t ticket, bool is_permitted);
/** To be called when the routes to a device have changed, or a search for one has ended. NULL is
 * fine. @param is_news the device has become reachable in a new way: a new search may succeed */
void pz_transfers_route_changed(struct pz_transfers *transfers, const char *device, bool is_news);

/** `send`: params device, name, path?, wait?, id?, again?, digest?, with the file. */
void pz_transfers_send(struct pz_transfers *transfers, struct pz_request *request);
/** `inbox`: [{file, path, from, friend, size, received, sha256?}], the newest last. */
void pz_transfers_list(struct pz_transfers *transfers, struct pz_request *request);

/** The device leaves its zone: adds the removal of the list to a transaction. Errors: LIMIT_MEMORY.
 */
enum pz_err pz_transfers_wipe(struct pz_txn *txn) PZ_MUST_USE;
/** The transaction of pz_transfers_wipe is on the disk: clears the list. */
void pz_transfers_wiped(struct pz_transfers *transfers);

#endif
