/* For the tests of catalogue.c: a backend that notes what it is asked, and records for it. */
#ifndef PZ_MDNS_CATALOGUE_FIXTURE_H
#define PZ_MDNS_CATALOGUE_FIXTURE_H

#include "kit/test.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kit/clock.h"
#include "mdns/catalogue.h"

#define WATCHES_MAX (4 * PZ_MDNS_INSTANCES_MAX + 16)
#define IF 1 /* "lo" everywhere */

/* ---- a backend that notes what it is asked ---- */

struct watch {
	char name[PZ_MDNS_NAME_TEXT_BYTES];
	enum pz_mdns_type type;
	void *arg;
	bool is_open;
};

struct fixture {
	struct pz_mdns_backend backend;
	struct watch watches[4 * WATCHES_MAX];
	size_t watches_len, open;
	bool refuses;
	struct pz_kit_clock clock;
	char own[64];
	struct pz_mdns owner;
	struct pz_mdns_catalogue catalogue;
	enum pz_mdns_worth worth; /* that is answered to found */
	unsigned troubles;        /* that were reported */
	bool is_in_trouble;
	char told[65536]; /* "+name@address:port[txt,] -name " */
};

extern struct fixture fix;
extern unsigned warnings;

enum pz_mdns_worth on_found(void *arg, const struct pz_mdns_found *found);

void on_gone(void *arg, const char *instance);

int setup(void **state);

int teardown(void **state);

/** Looks for all instances; the question is out. */
void browse(void);

const char *told(void);

/** What is told when the time is over in which missing records may come back. */
const char *told_later(void);

/** The newest open question, or NULL. */
struct watch *asked(const char *name, enum pz_mdns_type type);

void answer_by(int interface, bool is_there, const char *name, enum pz_mdns_type type,
	       const void *rdata, size_t len);

void ptr(bool is_there, const char *instance);

const char *full(const char *instance);

void srv(bool is_there, const char *instance, uint8_t port, const char *host);

void txt(bool is_there, const char *instance, const char *text);

void a(bool is_there, const char *host, uint8_t last);

void appear(const char *instance);

#endif
