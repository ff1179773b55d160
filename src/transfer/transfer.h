/*
 * Files from device to device (page 15 "Kind file"): sending, receiving, and what was received.
 * Devices are named by their name in the zone, those of friends by their whole address. Which
 * devices may send files here, and by which links files may go, is decided by the owner.
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

/** What policy says of an offer. */
enum pz_transfer_permit {
	PZ_TRANSFER_PERMITTED,
	PZ_TRANSFER_DENIED,
	PZ_TRANSFER_WAITS, /* pz_transfers_judged follows */
	PZ_TRANSFER_LATER, /* too many wait: the sender tries again */
};

/** What the owner does. `arg` is that of the configuration. */
struct pz_transfers_ops {
	/** Channels of a link by which files may go to a device now; NULL: it has no such link. */
	struct pz_channels *(*channels)(void *arg, const char *device);
	/** Looks for such a link. */
	void (*look)(void *arg, const char *device);
	/** True while one is looked for. */
	bool (*is_looking)(void *arg, const char *device);
	/** Files for a device wait or are sent, or there are none any more. */
	void (*want)(void *arg, const char *device, bool on);
	/** Why the device cannot be reached, in one line. */
	void (*why_unreachable)(void *arg, const char *device, char *out, size_t size);
	/** The device that a person means, which is not this one. Errors: NOTFOUND, CONFIG. */
	enum pz_err (*find)(void *arg, const char *text, char out[PZ_ADDRESS_BYTES_MAX + 1],
			    struct pz_errinfo *info);
	/** False when it was a friend's device, and its zone is no friend any more. */
	bool (*is_known)(void *arg, const char *device);
	/** The address of a device. */
	void (*address)(void *arg, const char *device, char out[PZ_ADDRESS_BYTES_MAX + 1]);
	/** Whether policy lets this device send a file here; for the first offer of a sending.
	 * @param ticket names the question, if there is one. @return not LATER */
	enum pz_transfer_permit (*judge)(void *arg, const char *device, uint64_t ticket);
	/** The answer to a question is not waited for any longer. */
	void (*judge_over)(void *arg, uint64_t ticket);
	/** Whether a sending that a person has allowed, or that was counted, may go on. */
	bool (*may_go_on)(void *arg, const char *device);
	/** Where received files go now. */
	struct pz_transfers_inbox (*inbox)(void *arg);
};

/** Everything borrowed for the life of the transfers, but copied where it is a struct. */
struct pz_transfers_config {
	const struct pz_env *env;
	const struct pz_workers *workers; /* NULL: no file can be sent */
	struct pz_parts parts;            /* without `open`: no file can be received */
	struct pz_store *store;
	struct pz_conditions *conditions;
	const struct pz_transfers_ops *ops;
	void *arg;
};

/** Loads the list of what was received. Errors: LIMIT_MEMORY, PROTO (a record), IO. */
enum pz_err pz_transfers_new(const struct pz_transfers_config *config, struct pz_transfers **out,
			     struct pz_errinfo *info) PZ_MUST_USE;
/** After all requests, before the links. What was begun stays on the disk. NULL is fine. */
void pz_transfers_free(struct pz_transfers *transfers);

/** A device has opened a channel of kind `file` on its own link: it is judged, and kept or refused.
 */
void pz_transfers_offered(struct pz_transfers *transfers, const char *device,
			  struct pz_channel *channel, const struct pz_channel_offer *offer);
/** The end of a judgment that waited. Unknown tickets are fine. */
void pz_transfers_judged(struct pz_transfers *transfers, uint64_t ticket, bool is_permitted);
/** A way to a device has come or gone, or the search for one has ended. NULL is fine. @param
 * is_news something else is known of the device: a search may find more than the last one */
void pz_transfers_route_changed(struct pz_transfers *transfers, const char *device, bool is_news);

/** `send`: params device, name, path?, wait?, id?, again?, digest?, with the file. */
void pz_transfers_send(struct pz_transfers *transfers, struct pz_request *request);
/** `inbox`: [{file, path, from, friend, size, received, sha256?}], the newest last. */
void pz_transfers_list(struct pz_transfers *transfers, struct pz_request *request);

/** The zone is left: adds the removal of the list to a transaction. Errors: LIMIT_MEMORY. */
enum pz_err pz_transfers_wipe(struct pz_txn *txn) PZ_MUST_USE;
/** That transaction is over. */
void pz_transfers_wiped(struct pz_transfers *transfers);

#endif
