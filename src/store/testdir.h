/* For the tests of this folder: a fresh directory, and a store that a test can wait for. */
#ifndef PZ_STORE_TESTDIR_H
#define PZ_STORE_TESTDIR_H

#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/store.h"

struct testdir {
	char path[64];
	char file[96]; /* <path>/store.db */
};

/** Makes a directory of mode 0700. */
static inline void
testdir_init(struct testdir *dir)
{
	snprintf(dir->path, sizeof(dir->path), "/tmp/pz-store-XXXXXX");
	if (mkdtemp(dir->path) == NULL)
		abort();
	snprintf(dir->file, sizeof(dir->file), "%s/store.db", dir->path);
}

static inline int
testdir_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void
testdir_fini(struct testdir *dir)
{
	nftw(dir->path, testdir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/** The wake function of a test: `arg` is a pointer to an eventfd. */
static inline void
test_wake(void *arg)
{
	uint64_t one = 1;

	if (write(*(int *)arg, &one, sizeof(one)) != sizeof(one))
		abort();
}

/** Polls until every commit has had its call-back. */
static inline void
test_settle(struct pz_store *store, int event_fd)
{
	while (pz_store_pending(store) > 0) {
		struct pollfd pfd = {.fd = event_fd, .events = POLLIN};
		uint64_t count;

		if (poll(&pfd, 1, 60000) != 1 ||
		    read(event_fd, &count, sizeof(count)) != sizeof(count))
			abort(); /* the store never woke us */
		pz_store_poll(store);
	}
}

#endif
