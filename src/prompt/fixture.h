/* Prompts with a store in memory, agents that note what they see, and calls that note their answer.
 */
#ifndef PZ_PROMPT_FIXTURE_H
#define PZ_PROMPT_FIXTURE_H

#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "kit/json.h"
#include "kit/world.h"
#include "prompt/prompt.h"

#define ZONE "alice@example.org"
#define GEO "http://webinos.org/api/w3c/geolocation"

/* An agent that notes. */
struct noting_agent {
	struct pz_prompt_agent agent;
	unsigned shown, hidden;
	char id[33], hidden_id[33], why[64];
};

struct prompt_world {
	struct pz_kit_world world;
	struct pz_prompts *prompts;
	struct noting_agent control, tv;
	/* what was reported */
	unsigned answers;
	uint64_t ticket;
	enum pz_prompt_result result;
	char by[64]; /* "": no person */
	unsigned stored;
	enum pz_err stored_err;
	struct pz_prompt_outcome outcome;
	/* what the owner does */
	bool can_seek, is_away;
	const char *origin; /* of FX_APP; NULL: FX_ORIGIN */
	unsigned taken_back;
	const char *forgets; /* a device, in each call of taken_back */
	unsigned sought, replies, person_changes, events;
	enum pz_prompt_answer reply;
	char replied_to[64];
	bool is_inside; /* of a call that must report nothing */
};
extern struct prompt_world t;

void fx_show(struct pz_prompt_agent *agent, const json_t *question);

void fx_hide(struct pz_prompt_agent *agent, const char *id, const char *why);

/* One app is known by its origin. */
#define FX_APP "00112233"
#define FX_ORIGIN "https://maps.example"

int fx_setup(void **state);

int fx_teardown(void **state);

/* The process dies and starts again. */
void fx_restart(void);

struct pz_prompt_question
fx_question(uint64_t ticket, enum pz_policy_effect effect, const char *device);

enum pz_prompt_result fx_put(const struct pz_prompt_question *question);

enum pz_prompt_result fx_ask(uint64_t ticket, enum pz_policy_effect effect, const char *device);

enum pz_err fx_answer(const struct noting_agent *by, const char *id, long long number);

void fx_run_ms(uint64_t ms);

/* Asks and answers as far as the answer is needed; ends when all is durable. */
enum pz_prompt_result fx_decide(enum pz_policy_effect effect, const char *device, int number);

#endif
