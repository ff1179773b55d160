/* The file of a command in memory, for tests: it reads and writes on virtual time, and can fail. */
#ifndef PZ_PZH_FAKE_FILE_H
#define PZ_PZH_FAKE_FILE_H

#include <stdlib.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/list.h"
#include "command/file.h"

#define FAKE_FILE_US (5 * PZ_US_PER_MS) /* of one read or write */

struct fake_file {
	struct pz_file base;
	const struct pz_env *env;
	struct pz_timer timer;
	struct pz_buf *bytes; /* what is in the file, the test's */
	size_t at, part;      /* where it stands, and how much it reads at once */
	struct pz_slice write;
	pz_file_done done;
	void *arg;
	bool is_write, fails;
};

extern unsigned fake_files_open;

/* @param bytes borrowed; @param part how much it reads at once */
struct fake_file *fake_file_new(const struct pz_env *env, struct pz_buf *bytes, size_t part);

#endif
