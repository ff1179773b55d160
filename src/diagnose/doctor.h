/*
 * `pzp doctor`: looks at what may be wrong, all at the same time, and gives the findings. It runs
 * inside a node, or in the command line where no daemon runs; the machine and the network are
 * handed in.
 */
#ifndef PZ_DIAGNOSE_DOCTOR_H
#define PZ_DIAGNOSE_DOCTOR_H

#include "base/env.h"
#include "diagnose/facts.h"
#include "diagnose/system.h"
#include "net/transport.h"

/** [{by, address, ok, error}] of what peers have tried; NULL: none was asked. Borrowed. */
typedef void (*pz_doctor_tried)(void *arg, json_t *tries);

/** What the owner of a doctor knows and can ask. `arg` is that of the configuration. */
struct pz_doctor_ops {
	/** What is known now. @param out zeroed */
	void (*facts)(void *arg, struct pz_facts *out);
	/** Asks peers to connect to this device. `tried` is called once, never from inside.
	 * @return for try_cancel; NULL: there is no peer to ask. May be NULL: there never is */
	void *(*try_start)(void *arg, pz_doctor_tried tried, void *tried_arg);
	/** No call follows. Not for one whose `tried` was called. */
	void (*try_cancel)(void *trial);
};

/** Copied; everything in it is borrowed for the life of the doctor. */
struct pz_doctor_config {
	const struct pz_env *env;
	struct pz_transport transport;
	const struct pz_diagnose_system *system; /* no checks of the machine */
	void *system_self;
	const struct pz_doctor_ops *ops;
	void *arg;
};

struct pz_doctor;

/** The end. Called once, never from inside pz_doctor_start; the doctor is freed after it.
 * @param findings array (finding.h), borrowed; NULL: out of memory */
typedef void (*pz_doctor_done)(void *arg, json_t *findings);

/** Begins; ends after PZ_DOCTOR_TIME_US at the latest. NULL: out of memory. */
struct pz_doctor *
pz_doctor_start(const struct pz_doctor_config *config, pz_doctor_done done, void *arg);
/** Ends it without a call. Not after `done`. NULL is fine. */
void pz_doctor_cancel(struct pz_doctor *doctor);

#endif
