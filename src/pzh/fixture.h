/* For the tests of this folder: a hub on virtual time without a network, its commands, members. */
#ifndef PZ_PZH_FIXTURE_H
#define PZ_PZH_FIXTURE_H

#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "enrol/link.h"
#include "hosted/records.h"
#include "kit/answer.h"
#include "kit/authority.h"
#include "kit/network.h"
#include "pzh/internal.h"
#include "wire/json.h"
#include "wire/message.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define COMMIT_US (10 * PZ_US_PER_MS)
#define PORT PZ_KIT_HUB_PORT

struct fx_world {
	struct pz_kit_world world;
	struct pz_turn turn;
	struct pz_hub *hub;
	struct pz_kit_network net;
	struct pz_file *file; /* comes with the next command */
};

extern struct fx_world w;

/* ---- the world ---- */

void run(uint64_t duration_us);

void start_hub(void);

/* The daemon is killed and started again. */
void restart_hub(void);

int set_up(void **state);

int tear_down(void **state);

/* ---- commands ---- */

/* @param params taken */
void begin(struct pz_kit_answer *a, const char *name, json_t *params);

/* To its end; the result, if any, is freed with the next call. @param params taken */
const struct pz_kit_answer *ask(const char *name, json_t *params);

void make_zone(const char *zone);

struct pz_hosted *zone_of(const char *name);

/* A device that was enrolled, and had a link if `confirmed`. */
struct pz_member *add_member(const char *zone_name, const char *device, bool confirmed);

#endif
