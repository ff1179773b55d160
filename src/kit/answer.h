/*
 * How a command ended, for tests that run a command's handler.
 *
 *     struct pz_kit_answer answer = {0};
 *     handler(thing, pz_kit_request(&requests, params, &answer));
 *     assert_ok(pz_kit_answer_wait(&answer, &clock, step_us));
 *     ... answer.result ...
 *     pz_kit_answer_fini(&answer);
 */
#ifndef PZ_KIT_ANSWER_H
#define PZ_KIT_ANSWER_H

#include "command/request.h"
#include "kit/clock.h"

/** The ends of one or more commands. Starts zeroed. */
struct pz_kit_answer {
	unsigned ends;    /* how many commands have ended */
	enum pz_err err;  /* of the last one; so are the members below */
	char detail[512]; /* "" with PZ_OK */
	json_t *result;   /* owned; NULL with an error */
};

/** Fills an answer: `arg` is a struct pz_kit_answer. */
extern const struct pz_reply pz_kit_reply;

/** A command whose end fills `answer`.
 * @param takes_params object; NULL: out of memory, which ends the test
 * @return owned by `requests` */
struct pz_request *
pz_kit_request(struct pz_requests *requests, json_t *takes_params, struct pz_kit_answer *answer);

/** Lets time pass until one more command has ended: steps of `step_us` microseconds, 1000 at most,
 * then one microsecond more for what its end has begun.
 * @return the error of the command */
enum pz_err pz_kit_answer_wait(const struct pz_kit_answer *answer, struct pz_kit_clock *clock,
			       uint64_t step_us);

/** Frees the result, and makes the answer empty. */
void pz_kit_answer_fini(struct pz_kit_answer *answer);

#endif
