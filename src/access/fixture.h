/* For the tests of this folder: access with a table of operations and nothing else. */
#ifndef PZ_ACCESS_FIXTURE_H
#define PZ_ACCESS_FIXTURE_H

#include "access/access.h"

#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/clock.h"
#include "kit/json.h"
#include "policy/document.h"

#define ZONE "alice@example.org"
#define LAPTOP ZONE "/laptop"
#define TV ZONE "/tv"
#define APP TV "/7f3a:1"
#define BOB "bob@example.com/pad"
#define TEST "http://webinos.org/api/test"
#define ID "6e6885b25a7ddb5f4658e7a599d1fc17"

struct world {
	struct pz_kit_clock clock;
	struct pz_access *access;
	struct pz_access_ops ops;
	struct pz_access_names names;
	struct pz_policy_slots slots;
	struct pz_policy_document *held[PZ_POLICY_SLOTS];
	bool has_friend;
	struct tm local;
	/* prompts */
	enum pz_access_answer answer;
	unsigned asked, withdrawn, done, rechecked;
	struct pz_access_question question;
	char question_feature[128];
	enum pz_access_verdict verdict;
	uint64_t ticket;
	bool was_asked;
	/* counters */
	uint64_t used;
	unsigned counting;
	uint64_t counting_ticket;
	bool cannot_count;
	/* audit */
	unsigned recorded;
	struct pz_access_entry entry;
};

/* Quotes are '. NULL: the slot is empty. */
void set_slot(struct world *w, enum pz_policy_slot slot, const char *text);

void set_user(struct world *w, const char *text);

void set_user_file(struct world *w, const char *path);

int setup(void **state);

int teardown(void **state);

enum pz_access_verdict judge(struct world *w, const char *from, struct pz_access_call call);

/* A call of a function of a service here; the person can be asked. */
struct pz_access_call invoke(struct world *w, const char *api);

enum pz_access_verdict calls(struct world *w, const char *from, const char *api);

struct pz_access_call at(enum pz_access_point point, const char *api);

#endif
