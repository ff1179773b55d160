/* What the tests of this folder share: a log on a disk in memory. */
#ifndef PZ_AUDIT_FIXTURE_H
#define PZ_AUDIT_FIXTURE_H

#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>

#include "audit/internal.h"
#include "kit/world.h"
#include "wire/json.h"

#define COMMIT_US 5000

struct fixture {
	struct pz_kit_world world;
	struct pz_conditions *conditions;
	struct pz_audit *audit;
	struct pz_audit_check check; /* of the last one */
};

extern struct fixture f;

void open_audit(void);

int set_up(void **state);

int tear_down(void **state);

/* The process is killed: what no commit has taken is lost. */
void crash(void);

/* All that waits is on the disk. */
void settle(void);

void record(const char *device, bool is_allowed);

void record_many(unsigned count);

/* All records, read as a program does. */
json_t *read_all(const struct pz_audit_query *wanted);

size_t count_all(const struct pz_audit_query *wanted);

/* The first problem that the check finds, or "". */
const char *verify(void);

#endif
