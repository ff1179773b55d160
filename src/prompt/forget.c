/* Ends what belongs to callers that no longer exist: their questions, and the answers about
 * them. */
#include <stdlib.h>
#include <string.h>

#include "prompt/internal.h"

/* The callers that are meant: an app, a device, a zone, or the devices that have left a zone. */
struct those {
	const char *zone, *device, *app;
	bool (*has_left)(void *arg, const char *device);
	void *arg;
};

/* A caller without a device has not left the zone: it is an app of this device, or a zone. */
static bool
is_of(void *arg, const struct pz_prompt_key *key)
{
	const struct those *those = arg;
	const char *device = pz_prompt_key_field(key, PZ_PROMPT_DEVICE);

	if (!pz_prompt_key_is_of(key, those->zone, those->device))
		return false;
	if (those->app && strcmp(pz_prompt_key_field(key, PZ_PROMPT_APP), those->app) != 0)
		return false;
	return those->has_left == NULL || (device[0] && those->has_left(those->arg, device));
}

/* Calls whose answer is being stored are denied too: a device that is revoked between answer and
 * commit must not be let in by it, and the memory removes the record again. */
static void
forget(struct pz_prompts *prompts, struct those *those)
{
	PZ_LIST_EACH (&prompts->open, n, tmp) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		if (!is_of(those, &question->key))
			continue;
		if (pz_question_is_open(question))
			pz_question_deny(question, PZ_QUESTION_ENDED,
					 "denied: the caller was revoked or forgotten");
		else /* an answer that is being stored does not help any more */
			pz_question_report(question, PZ_PROMPT_NO, "");
	}
	pz_prompt_memory_forget(&prompts->memory, is_of, those);
}

void
pz_prompts_forget(struct pz_prompts *prompts, const char *zone, const char *device)
{
	forget(prompts, &(struct those){.zone = zone, .device = device});
	if (device)
		pz_prompts_guest_gone(prompts, device, NULL, "the device was revoked");
}

void
pz_prompts_forget_left(struct pz_prompts *prompts, const char *zone,
		       bool (*has_left)(void *arg, const char *device), void *arg)
{
	forget(prompts, &(struct those){.zone = zone, .has_left = has_left, .arg = arg});
}

void
pz_prompts_forget_app(struct pz_prompts *prompts, const char *zone, const char *device,
		      const char *app)
{
	forget(prompts, &(struct those){.zone = zone, .device = device, .app = app});
}

void
pz_prompts_session_ended(struct pz_prompts *prompts, struct pz_slice user_id,
			 struct pz_slice device, const struct pz_slice *instance)
{
	pz_prompt_memory_session_ended(&prompts->memory, user_id, device, instance);
}

enum pz_err
pz_prompts_wipe(struct pz_prompts *prompts, struct pz_txn *txn)
{
	return pz_prompt_memory_wipe(&prompts->memory, txn);
}

/* The transaction that removed the answers is durable already. What still waits is denied; answers
 * that were being stored are reported as refused, because nothing of them remains. */
void
pz_prompts_wiped(struct pz_prompts *prompts)
{
	struct pz_list *n;

	pz_prompt_memory_clear(&prompts->memory);
	while ((n = pz_list_first(&prompts->open)) != NULL) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		pz_question_report_stored(prompts, question, PZ_ERR_DENIED, "the zone was left");
		pz_question_deny(question, PZ_QUESTION_ENDED, "denied: the zone was left");
	}
	PZ_LIST_EACH (&prompts->guests, m, tmp) {
		struct pz_question *guest = PZ_CONTAINER(m, struct pz_question, all);

		pz_agents_hide(guest, "the zone was left");
		pz_question_end(guest, PZ_QUESTION_ENDED);
	}
	pz_questions_free(&prompts->ended);
}
