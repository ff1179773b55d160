/* How a command ended. */
#include "kit/answer.h"

#include <stdio.h>

#include "kit/check.h"

#define STEPS_MAX 1000

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct pz_kit_answer *answer = arg;

	PZ_KIT_CHECK((err == PZ_OK) == (result != NULL));
	answer->ends++;
	answer->err = err;
	snprintf(answer->detail, sizeof(answer->detail), "%s", detail);
	json_decref(answer->result);
	answer->result = json_incref(result);
}

const struct pz_reply pz_kit_reply = {.done = on_done};

struct pz_request *
pz_kit_request(struct pz_requests *requests, json_t *takes_params, struct pz_kit_answer *answer)
{
	PZ_KIT_CHECK(takes_params != NULL);
	struct pz_request *request = pz_request_new(requests, takes_params, &pz_kit_reply, answer);

	json_decref(takes_params);
	PZ_KIT_CHECK(request != NULL);
	return request;
}

enum pz_err
pz_kit_answer_wait(const struct pz_kit_answer *answer, struct pz_kit_clock *clock, uint64_t step_us)
{
	unsigned before = answer->ends;

	for (int steps = 0; answer->ends == before; steps++) {
		PZ_KIT_CHECK(steps < STEPS_MAX);
		pz_kit_clock_run(clock, step_us);
	}
	pz_kit_clock_run(clock, 1);
	return answer->err;
}

void
pz_kit_answer_fini(struct pz_kit_answer *answer)
{
	json_decref(answer->result);
	*answer = (struct pz_kit_answer){0};
}
