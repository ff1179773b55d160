/* Derives findings from facts: each judgment in one place, without I/O. */
#ifndef PZ_DIAGNOSE_JUDGE_H
#define PZ_DIAGNOSE_JUDGE_H

#include "diagnose/facts.h"
#include "diagnose/system.h"

/** How the attempt to connect to the hub's port ended. */
enum pz_hub_try {
	PZ_HUB_NOT_TRIED,
	PZ_HUB_NO_ADDRESS, /* the name has no address, or no name server answers */
	PZ_HUB_FAILED,     /* it has one, and no connection was possible */
	PZ_HUB_CONNECTED,
};

/** What was found by trying. */
struct pz_evidence {
	enum pz_hub_try hub;
	const char *hub_problem; /* one line, borrowed */
	bool has_disk, has_multicast;
	struct pz_disk_report disk;
	struct pz_multicast_report multicast;
	/* [{by, address, ok, error}] by linked devices, borrowed; NULL: none was asked */
	json_t *tries;
};

/** All findings but that of `daemon`. New array, or NULL. */
json_t *pz_judge(const struct pz_facts *facts, const struct pz_evidence *evidence);

#endif
