/* What is stored about members: records are written together, and again when the disk was full. */
#ifndef PZ_HOSTED_RECORDS_H
#define PZ_HOSTED_RECORDS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/timer.h"

struct pz_hosted;
struct pz_member;

/** Records that are being stored. */
struct pz_hosted_records {
	json_t *unsaved; /* devices whose record is to be stored: {name: true} */
	json_t *saving;  /* those whose record is being stored */
	unsigned saves;  /* running commits of such records */
	bool is_behind;  /* one has failed, and was not made good yet */
	struct pz_timer timer;
};

/** Errors: LIMIT_MEMORY. pz_hosted_records_fini in any case. */
enum pz_err pz_hosted_records_init(struct pz_hosted *zone) PZ_MUST_USE;
/** Frees what waits; no record is stored after that. A zeroed zone is fine. */
void pz_hosted_records_fini(struct pz_hosted *zone);
/** Stores nothing more by itself: the zone is being removed. */
void pz_hosted_records_stop(struct pz_hosted *zone);

/** Stores a member's record soon, together with others. Failures are logged. */
void pz_hosted_save_member(struct pz_hosted *zone, const struct pz_member *member);
/** Stores what pz_hosted_save_member noted. */
void pz_hosted_save_now(struct pz_hosted *zone);
/** Notes the members whose time of being seen has changed; regularly and at the end. */
void pz_hosted_save_seen(struct pz_hosted *zone);
/** Stores a secret that the zone was given when it was loaded: an older version had none. */
void pz_hosted_save_secret(struct pz_hosted *zone);

#endif
