/* For the tests of transfers: two devices with a link between them that is carried by hand, their
 * disks in a directory, and threads that are turns of the virtual clock. */
#ifndef PZ_TRANSFER_FIXTURE_H
#define PZ_TRANSFER_FIXTURE_H

#include "kit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "kit/clock.h"
#include "kit/dir.h"
#include "store/memory.h"
#include "transfer/disk.h"
#include "transfer/transfer.h"
#include "wire/frame.h"

#define COMMIT_US 2000
#define WORK_US 200 /* of one piece of work */

/** Work that runs at its time, in order. */
struct errand {
	struct pz_timer timer;
	struct pz_work *work;
	const struct pz_env *env;
};

/** Something on its way. */
struct parcel {
	struct pz_list node;
	char *status; /* NULL: a frame */
	json_t *message;
	struct pz_buf frame;
};

struct device {
	struct world *world;
	struct device *other;
	const char *name;
	char inbox[96];
	bool by_sender, refuses, has_ended; /* the friendship */
	unsigned ended;                     /* offers that it accepted and closed at once ... */
	bool ends_all;                      /* ... which it does with all of them */
	unsigned judged, over;
	bool asks; /* a judgment waits */
	uint64_t ticket;
	struct pz_workers workers;
	struct pz_memory_disk *disk;
	struct pz_store *store;
	struct pz_transfers *transfers;
	struct pz_channels *channels; /* NULL: no link */
	struct pz_list out;
	struct pz_requests requests;
	/* of the last command */
	unsigned ends, looks;
	int wanted;
	enum pz_err err;
	char detail[256];
	json_t *result;
	uint64_t first_sent; /* of its first event */
	bool has_event;
	bool is_looking; /* for a way, after a look where it takes_long */
	bool takes_long;
	char waiting[160], problem[160]; /* of the last such events, or "" */
	struct pz_conditions *conditions;
};

struct world {
	struct pz_kit_clock clock;
	struct pz_kit_dir dir;
	struct device a, b; /* a sends */
	unsigned frames;    /* data frames that were carried */
	unsigned stop_at;   /* the link breaks when so many were; 0: it lasts */
	enum pz_err broken; /* a rule of channels */
};

/* ---- the link ---- */

void world_cut(struct world *w);

void world_link(struct world *w);

void world_turn(void *arg);

void world_run(struct world *w, uint64_t us);

/* ---- the owner ---- */

/* ---- commands ---- */

/** @param takes_params with device, name */
struct pz_request *device_sends(struct device *d, const char *path, json_t *takes_params);

void device_lists(struct device *d);

json_t *to_b(const char *name);

/* ---- life ---- */

void world_init(struct world *w);

void world_fini(struct world *w);

/** Kills a device, and starts it again with its disk. */
void device_restart(struct device *d);

/* ---- files ---- */

/** Writes the file of the world with so many bytes. */
void world_file(struct world *w, size_t len, char first);

/** True when a file in the inbox of b is the same as that of the world. */
bool is_received(const struct world *w, const char *name);

/** Entries of a directory below the inbox of b, hidden ones too. */
size_t count_in(const struct world *w, const char *below);

#endif
