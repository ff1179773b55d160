/*
 * A file that is being received, on disk: a hidden temporary file in the inbox, until it is whole
 * and gets its name. An abstract one, so that the receiver runs on disks that fail or are none; the
 * real one is disk.h.
 *
 * Everything but close takes its time and ends with `done`, never from inside; one at a time.
 */
#ifndef PZ_TRANSFER_PART_H
#define PZ_TRANSFER_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "transfer/offer.h"

#define PZ_PART_KEY_BYTES 33  /* hex, with its NUL */
#define PZ_PART_KEY_GUEST 'g' /* instead of the first digit */

/** Which file it is, and where it goes. */
struct pz_part_spec {
	const char *inbox; /* directory; made where it is missing */
	/* of the temporary file: the same file of the same sender; of a friend it begins with
	 * PZ_PART_KEY_GUEST, and is counted apart */
	char key[PZ_PART_KEY_BYTES];
	/* components below the inbox, joined with '/': the sender's directory and the path */
	char path[PZ_ADDRESS_BYTES_MAX + 1 + PZ_TRANSFER_PATH_BYTES_MAX + 1];
	char name[PZ_TRANSFER_NAME_BYTES_MAX + 1];
	uint64_t size; /* where has_size */
	int64_t mtime_ms;
	bool has_size, is_fresh;
	bool no_digest; /* `write` need not bring it up to date */
};

/** How an operation ended. */
struct pz_part_result {
	enum pz_err err; /* IO_FULL (no space), DENIED_PERMISSION, LIMIT, LIMIT_MEMORY, IO */
	char detail[200];
	bool is_too_large; /* IO_FULL: the disk has room for others, not for this one */
	uint64_t have;     /* bytes that are there */
	char sha256[PZ_TRANSFER_HASH_HEX_BYTES]; /* of them; "": not computed so far */
	/* after place: where it is, below the inbox */
	char file[sizeof(((struct pz_part_spec *)0)->path) + PZ_TRANSFER_NAME_BYTES_MAX + 1];
};

struct pz_part;

/** The end of an operation. @param result borrowed */
typedef void (*pz_part_done)(void *arg, const struct pz_part_result *result);

struct pz_part_ops {
	/** Appends all of the bytes. @param bytes emptied: its memory is taken, and it may be given
	 * that of earlier ones */
	void (*write)(struct pz_part *part, struct pz_buf *bytes, pz_part_done done, void *arg);
	/** Computes the digest of all that is there, as far as that was not done. */
	void (*digest)(struct pz_part *part, pz_part_done done, void *arg);
	/** Drops what is there. */
	void (*restart)(struct pz_part *part, pz_part_done done, void *arg);
	/** Syncs it and gives it a name that no other file has; the temporary one stays, too. */
	void (*place)(struct pz_part *part, pz_part_done done, void *arg);
	/** Removes the temporary file. What was placed stays. */
	void (*remove)(struct pz_part *part, pz_part_done done, void *arg);
	/** Closes and frees it; what is there stays. An end that has not come does not come. */
	void (*close)(struct pz_part *part);
};

/** The first member of each kind. */
struct pz_part {
	const struct pz_part_ops *ops;
};

/** Where parts are made. */
struct pz_parts {
	/**
	 * Opens the temporary file, or makes it, and computes the digest of what is there.
	 * @param spec copied; its inbox, too
	 * @return NULL: out of memory, and `done` does not come
	 */
	struct pz_part *(*open)(void *self, const struct pz_part_spec *spec, pz_part_done done,
				void *arg);
	/** Removes unfinished files of an inbox that are older than PZ_TRANSFER_PART_KEEP_S. */
	void (*sweep)(void *self, const char *inbox);
	void *self;
};

#endif
