/*
 * A file that came with a command, as its handler sees it: something to read or to write, in order
 * and without waiting. The caller has opened it, with its own rights and by its own path;
 * daemon/file.h makes one of a descriptor, a test one of memory.
 */
#ifndef PZ_COMMAND_FILE_H
#define PZ_COMMAND_FILE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

struct pz_file;

/**
 * The end of one read or write; comes later, never from inside the call that began it.
 * @param bytes what was read, borrowed; empty at the end of the file, and of a write
 * @param detail one line, "" unless err
 * Errors: IO, IO_FULL (the disk, or a quota), LIMIT_MEMORY.
 */
typedef void (*pz_file_done)(void *arg, enum pz_err err, const char *detail, struct pz_slice bytes);

struct pz_file_ops {
	/** Reads the next bytes, at most PZ_FILE_PART_BYTES. One read or write at a time. */
	void (*read)(struct pz_file *file, pz_file_done done, void *arg);
	/** Writes all of the bytes. @param bytes borrowed until done, or until the close */
	void (*write)(struct pz_file *file, struct pz_slice bytes, pz_file_done done, void *arg);
	/** Closes and frees the file; a pending end is not called any more. */
	void (*close)(struct pz_file *file);
};

/** The first member of each kind of file. */
struct pz_file {
	const struct pz_file_ops *ops;
	bool can_read, can_write; /* as it was opened */
	int fd;                   /* for what works on descriptors, borrowed; -1: it has none */
};

/** Closes it. NULL is fine. */
static inline void
pz_file_close(struct pz_file *file)
{
	if (file)
		file->ops->close(file);
}

#endif
