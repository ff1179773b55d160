/* A node without a network, its clock, disk and key store, and the commands put to it: for the
 * tests beside. */
#ifndef PZ_PZP_NODE_FIXTURE_H
#define PZ_PZP_NODE_FIXTURE_H

#include "kit/test.h"

#include "base/codec.h"
#include "calls/internal.h"
#include "kit/authority.h"
#include "kit/network.h"
#include "kit/process.h"
#include "pzp/internal.h"
#include "uplink/internal.h"
#include "wire/json.h"
#include "zone/authority.h"
#include "zonedata/internal.h"
#include <stdio.h>
#include <stdlib.h>

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define COMMIT_US (10 * PZ_US_PER_MS)
#define API_TEST "http://webinos.org/api/test"
#define THERMO "http://example.org/api/thermostat"

struct fx_world {
	struct pz_kit_world world;
	struct pz_turn turn;
	struct pz_node *node;
	const char *device;                  /* setting, may be NULL */
	const uint16_t *tls_port, *web_port; /* the same */
	struct pz_kit_network net;
	struct pz_kit_processes processes;
	/* what the node is given, or NULL */
	struct pz_mdns *mdns;
	void (*addresses)(void (*each)(void *arg, const char *address), void *arg);
	/* of the zone that the node is a member of */
	struct pz_authority *authority;
	struct pz_kit_world hub;
	uint8_t secret[PZ_ZONE_SECRET_BYTES]; /* of it that the node has learnt, and others prove */
};

extern struct fx_world w;

/* ---- the world ---- */

/* Of the loop: links that were closed are gone, commands that have ended are answered. */
void end_turn(void);

void dial_fails(enum pz_err err, const char *detail);

void run(uint64_t duration_us);

enum pz_err try_start(struct pz_errinfo *info);

void start_node(void);

void stop_node(void);

void restart_node(void);

int set_up(void **state);

int tear_down(void **state);

/* What a finished enrolment leaves on the disk. */
void enrol_on_disk(void);

/* The hub has given it the zone's secret, which devices at the other end prove from now on. */
void fx_learn_secret(const uint8_t secret[PZ_ZONE_SECRET_BYTES]);

void start_member(void);

/* As if the link were up, which it is not. */
void become_connected(void);

/* ---- commands ---- */

struct answer {
	unsigned ends, events;
	enum pz_err err;
	char detail[256];
	json_t *result;
	json_t *last_event;
	struct pz_request *running;
	void (*then)(struct answer *a);
};

extern const struct pz_reply reply;

/* @param params taken */
void begin_then(struct answer *a, const char *name, json_t *params, void (*then)(struct answer *a));

void begin(struct answer *a, const char *name, json_t *params);

void forget(struct answer *a);

/* The process dies before the command is answered, and starts again. */
void crash(struct answer *a);

/* Ends now with this error and one line. @param params taken */
void refused(const char *name, json_t *params, enum pz_err err);

json_t *status(void);

json_t *call_params(const char *service, const char *function, json_t *params);

#endif
