/* What the doctor asks of the machine: the disk, and multicast. A table, so that tests and
 * simulations can be the machine. */
#ifndef PZ_DIAGNOSE_SYSTEM_H
#define PZ_DIAGNOSE_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/** The disk below a directory. */
struct pz_disk_report {
	uint64_t free_bytes; /* for this user */
	enum pz_err err;     /* of a small file that was written, synchronised and removed */
	char problem[256];   /* one line when err is not PZ_OK */
};

/** What one multicast DNS query showed. */
struct pz_multicast_report {
	unsigned interfaces;     /* that are up and can do multicast, without loopback */
	unsigned sent;           /* of these, the ones that the query left by */
	bool has_received_self;  /* the query came back to its sender */
	unsigned received_other; /* packets of other machines */
	char problem[256];       /* one line: the last failure, or "" */
};

/** Called once, never from inside pz_diagnose_system.multicast_start. @param report borrowed */
typedef void (*pz_multicast_done)(void *arg, const struct pz_multicast_report *report);

struct pz_multicast_probe;

/** What a machine is asked. */
struct pz_diagnose_system {
	/** Looks at the disk; writes and removes a file in the directory. */
	void (*disk)(void *self, const char *directory, struct pz_disk_report *out);
	/** Sends one query for personal zone devices by each interface and listens for
	 * PZ_DOCTOR_LISTEN_US. NULL: out of memory. */
	struct pz_multicast_probe *(*multicast_start)(void *self, pz_multicast_done done,
						      void *arg);
	/** No call follows. Not for one whose `done` was called. */
	void (*multicast_cancel)(struct pz_multicast_probe *probe);
};

/** The machine that a device runs on. */
struct pz_diagnose_machine {
	const struct pz_diagnose_system *system;
	void *self; /* for its functions */
	const char *data_dir;
};

/** This machine. `self` is a struct pz_loop. */
extern const struct pz_diagnose_system pz_diagnose_this_system;

#endif
