/*
 * Judges calls. What each point does with a decision:
 *
 *                  permit   prompt                        deny
 *     INVOKE BIND FIND  yes  the person is asked           no
 *     LISTEN       yes      yes when a person was asked   no
 *     SHOW         yes      yes                           no
 *     SEND ENTER LEAVE  yes  yes: it is asked at the end  no, where a document says so
 *     MANAGE       the built-in rule: programs of the owner on this device, and no others
 *
 * A call that a rule counts waits until it is on the disk (counters.c): a crash forgets none. A
 * prompt holds its call while it waits. When a policy changes meanwhile the call is judged again,
 * so an answer never permits more than the policy in force.
 */
#include "access/access.h"

#include <stdio.h>
#include <stdlib.h>

#include "access/internal.h"
#include "base/auto.h"
#include "policy/attribute.h"

#define TURN_MAX_MS (24 * UINT64_C(3600000)) /* also the longest delay after the clock was set */

struct wait {
	struct pz_list node;
	uint64_t ticket;
	pz_access_done done;
	void *arg;
	struct pz_access_kept *kept; /* owned */
	bool is_counting;            /* waits for the disk, not for a person */
};

/* ---- time ---- */

/* A document that compares the time can end streams without any change: they are judged again at
 * its next bound, and each minute when it compares the time of day. */
static void
set_turn(struct pz_access *access, const struct pz_policy_slots *slots)
{
	uint64_t now_ms = pz_env_wall_ms(access->env), next_ms = now_ms + TURN_MAX_MS;
	bool is_timed = false;

	pz_access_learn_counters(access, slots);
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++) {
		bool has_clock = false;

		/* Compared by pointer: a replaced document has a new one (decide). */
		access->timed[i] = slots->document[i];
		if (slots->document[i] == NULL)
			continue;
		uint64_t at_ms = 1000 * pz_policy_document_next_time(slots->document[i],
								     now_ms / 1000, &has_clock);
		/* A rule about the time of day can change its result at any minute, so each minute
		 * is a bound. */
		uint64_t minute_ms = (now_ms / 60000 + 1) * 60000;
		is_timed |= at_ms || has_clock;
		if (at_ms && at_ms < next_ms)
			next_ms = at_ms;
		if (has_clock && minute_ms < next_ms)
			next_ms = minute_ms;
	}
	pz_env_stop(access->env, &access->turn);
	if (is_timed)
		pz_env_start(access->env, &access->turn, (next_ms - now_ms) * PZ_US_PER_MS);
}

static void
on_turn(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_access_changed(arg);
}

/* ---- life ---- */

enum pz_err
pz_access_new(const struct pz_env *env, const struct pz_access_ops *ops, void *arg,
	      struct pz_access **out)
{
	struct pz_access *access = calloc(1, sizeof(*access));

	if (access == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	access->env = env;
	access->ops = ops;
	access->arg = arg;
	access->minute = -1;
	pz_list_init(&access->waits);
	pz_timer_init(&access->turn, on_turn, access);
	*out = access;
	return PZ_OK;
}

static void
wait_free(struct pz_access *access, struct wait *wait)
{
	pz_list_remove(&wait->node);
	access->wait_count--;
	pz_access_kept_free(wait->kept);
	free(wait);
}

static void
withdraw(struct pz_access *access, struct wait *wait)
{
	if (access->ops->withdraw && !wait->is_counting)
		access->ops->withdraw(access->arg, wait->ticket);
	wait_free(access, wait);
}

void
pz_access_free(struct pz_access *access)
{
	if (access == NULL)
		return;
	pz_env_stop(access->env, &access->turn);
	PZ_LIST_EACH (&access->waits, node, tmp)
		withdraw(access, PZ_CONTAINER(node, struct wait, node));
	/* Decisions hold documents and requests, also those that are only recorded. */
	for (size_t i = 0; i < PZ_ACCESS_DECISIONS_KEPT; i++)
		pz_access_kept_free(access->noted[i].kept);
	pz_access_forget(access);
	free(access);
}

/* ---- a call that is kept ---- */

static size_t
text_size(const char *text)
{
	return (text ? strlen(text) : 0) + 1;
}

static const char *
append(char **at, const char *text)
{
	char *begin = *at;
	size_t size = text_size(text);

	memcpy(begin, text ? text : "", size);
	*at += size;
	return begin;
}

/* A copy of the call that owns its texts. NULL: out of memory. */
static struct pz_access_kept *
kept_new(struct pz_access *access, const struct pz_access_caller *caller,
	 const struct pz_access_call *call, const char *feature)
{
	struct pz_access_kept *kept = calloc(1, sizeof(*kept));
	char target[PZ_DEVICE_BYTES_MAX + 1];

	if (kept == NULL)
		return NULL;
	kept->references = 1;
	pz_access_target(call, target);
	kept->text =
		malloc(text_size(caller->address) + text_size(feature) +
		       text_size(call->service_id) + text_size(call->function) + text_size(target));
	char *at = kept->text;
	if (at == NULL) {
		free(kept);
		return NULL;
	}
	kept->caller = *caller;
	const char *address = append(&at, caller->address);
	kept->feature = append(&at, feature);
	kept->service_id = append(&at, call->service_id);
	kept->function = append(&at, call->function);
	kept->target = append(&at, target);
	/* The parts of a caller are slices of its address, so they are parsed again from the copy.
	 */
	if (pz_access_caller_of(access, address, &kept->caller) != PZ_OK)
		kept->caller =
			(struct pz_access_caller){.kind = PZ_ACCESS_STRANGER, .address = address};
	kept->point = call->point;
	kept->was_asked = call->was_asked;
	kept->time_ms = pz_env_wall_ms(access->env);
	kept->decision.slot = -1;
	return kept;
}

/* ---- deciding ---- */

/* Decides by the current documents, and holds them: the decision points into them. */
static void
decide(struct pz_access *access, struct pz_access_kept *kept)
{
	const struct pz_policy_slots *now =
		access->ops->slots ? access->ops->slots(access->arg) : NULL;
	struct pz_policy_slots slots;

	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++)
		/* Decided again: nodes of the new decision must not be used with the documents of
		 * the former. */
		pz_policy_document_unref(PZ_TAKE(kept->documents[i]));
	kept->decision = (struct pz_policy_decision){.effect = PZ_POLICY_DENY, .slot = -1};
	if (now == NULL) {
		kept->fault = "there is no policy to decide by";
		return;
	}
	/* Comparing pointers suffices: documents never change, and a new one has a new pointer
	 * while the old one is held. */
	if (memcmp(access->timed, now->document, sizeof(access->timed)) != 0)
		set_turn(access, now);
	if (pz_access_put_counters(access, kept) != PZ_OK) {
		kept->fault = "there are too many limits in calls";
		return;
	}
	slots = pz_access_slots_at(access, kept, now);
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++) {
		if (slots.document[i])
			kept->documents[i] = pz_policy_document_ref(
				(struct pz_policy_document *)(uintptr_t)slots.document[i]);
	}
	access->is_identity_asked = false;
	kept->decision = pz_policy_decide(&slots, kept->request, 0);
}

static bool
is_prompt(enum pz_policy_effect effect)
{
	return effect == PZ_POLICY_PROMPT_ONESHOT || effect == PZ_POLICY_PROMPT_SESSION ||
	       effect == PZ_POLICY_PROMPT_BLANKET;
}

/* The provider knows the function's feature and parameters, and counts calls; without them, where a
 * call enters the zone, the owner's document may be undetermined. A corrupt document has no node.
 */
static bool
is_left_to_provider(const struct pz_access_kept *kept)
{
	const struct pz_policy_result *of_user = &kept->decision.slots[PZ_POLICY_SLOT_USER];

	return kept->point == PZ_ACCESS_ENTER && kept->decision.slot == PZ_POLICY_SLOT_USER &&
	       of_user->effect == PZ_POLICY_UNDETERMINED && of_user->node;
}

/* What the decision means at this point; ASKED: prompt the person. */
static enum pz_access_verdict
verdict_of(const struct pz_access_kept *kept)
{
	enum pz_policy_effect effect = kept->decision.effect;

	if (kept->fault)
		return PZ_ACCESS_DENY;
	/* Policies do not apply here: otherwise a document that locks the owner out could not be
	 * repaired (page 14). */
	if (kept->point == PZ_ACCESS_MANAGE)
		return kept->caller.kind == PZ_ACCESS_PROGRAM ? PZ_ACCESS_PERMIT : PZ_ACCESS_DENY;
	/* At the border of a zone the default permits: rules for the service are applied at the
	 * device. */
	if (effect == PZ_POLICY_PERMIT ||
	    (pz_access_is_edge(kept->point) && kept->decision.slot < 0) ||
	    is_left_to_provider(kept))
		return PZ_ACCESS_PERMIT;
	if (!is_prompt(effect))
		return PZ_ACCESS_DENY;
	if (kept->point == PZ_ACCESS_SHOW || pz_access_is_edge(kept->point))
		return PZ_ACCESS_PERMIT;
	if (kept->point == PZ_ACCESS_LISTEN)
		return kept->was_asked ? PZ_ACCESS_PERMIT : PZ_ACCESS_DENY;
	return PZ_ACCESS_ASKED;
}

/* ---- the end of a judgment ---- */

/* Repeated judgments without a change are not recorded as new: running streams, listed services,
 * passing messages. */
static bool
is_news(const struct pz_access_kept *kept)
{
	return kept->verdict != PZ_ACCESS_PERMIT ||
	       !(kept->point == PZ_ACCESS_LISTEN || kept->point == PZ_ACCESS_SHOW ||
		 pz_access_is_edge(kept->point));
}

/* @param takes_kept a reference */
static void
report(struct pz_access *access, struct pz_access_kept *takes_kept, uint64_t time_ms)
{
	struct pz_access_kept *kept = takes_kept;
	const struct pz_access_entry entry = {
		.id = ++access->last_id,
		.same = kept->same,
		.time_ms = time_ms,
		.point = kept->point,
		.verdict = kept->verdict,
		.caller = &kept->caller,
		.feature = kept->feature,
		.service_id = kept->service_id,
		.function = kept->function,
		.target = kept->target,
		.decision = &kept->decision,
		.was_asked = kept->was_asked,
		.asked_by = kept->asked_by[0] ? kept->asked_by : NULL,
		.fault = kept->fault,
	};
	if (access->ops->record)
		access->ops->record(access->arg, &entry);
	pz_access_note(access, entry.id, time_ms, kept);
}

static enum pz_access_verdict
conclude(struct pz_access *access, struct pz_access_kept *takes_kept,
	 enum pz_access_verdict verdict)
{
	struct pz_access_kept *kept = takes_kept;

	kept->verdict = verdict;
	if (is_news(kept))
		report(access, kept, kept->time_ms);
	else
		pz_access_kept_free(kept);
	return verdict;
}

/* The same call was permitted before, and nothing has changed. */
static enum pz_access_verdict
permit_again(struct pz_access *access, struct pz_access_kept *kept)
{
	/* The request is from an earlier call, the time is now: the log of decisions counts each
	 * call. */
	if (is_news(kept)) {
		kept->references++;
		report(access, kept, pz_env_wall_ms(access->env));
	}
	return PZ_ACCESS_PERMIT;
}

/* ---- asking ---- */

static void
note_service(void *arg, const struct pz_policy_attribute *attr)
{
	bool *is_for_service = arg;

	*is_for_service |= attr->id == PZ_POLICY_ATTR_SERVICE_ID;
}

static enum pz_access_answer
ask(struct pz_access *access, const struct pz_access_kept *kept, uint64_t ticket)
{
	const struct pz_policy_node *node = kept->decision.slots[kept->decision.slot].node;
	struct pz_access_question question = {
		.ticket = ticket,
		.effect = kept->decision.effect,
		.caller = &kept->caller,
		.feature = kept->feature,
		.service_id = kept->service_id[0] ? kept->service_id : NULL,
		.function = kept->function[0] ? kept->function : NULL,
	};

	/* The answer is remembered for this service, or for all of its kind, as the rule names it.
	 */
	if (node) {
		question.rule = pz_policy_node_description(node);
		pz_policy_node_attributes(node, note_service, &question.is_for_service);
	}
	return access->ops->ask ? access->ops->ask(access->arg, &question)
				: PZ_ACCESS_ANSWER_NO_AGENT;
}

static enum pz_access_verdict
verdict_of_answer(struct pz_access_kept *kept, enum pz_access_answer answer)
{
	kept->was_asked = answer == PZ_ACCESS_ANSWER_YES || answer == PZ_ACCESS_ANSWER_NO;
	if (answer == PZ_ACCESS_ANSWER_NO_AGENT)
		kept->fault = "a person has to be asked, and there is no one to ask";
	if (answer == PZ_ACCESS_ANSWER_YES)
		return PZ_ACCESS_PERMIT;
	return answer == PZ_ACCESS_ANSWER_NO ? PZ_ACCESS_REFUSED : PZ_ACCESS_DENY;
}

/* ---- counting ---- */

/* Waits for the disk. False: the call cannot be counted, so it is denied. */
static bool
begin_count(struct pz_access *access, struct pz_access_kept *kept, uint64_t ticket,
	    const struct pz_slice *counters, size_t count)
{
	kept->is_counted =
		access->ops->count && access->ops->count(access->arg, ticket, counters, count);
	if (!kept->is_counted)
		kept->fault = "the call cannot be counted";
	return kept->is_counted;
}

static bool
is_same_subject(const struct pz_access_caller *a, const struct pz_access_caller *b)
{
	return pz_slice_eq(a->user_id, b->user_id) && pz_slice_eq(a->device, b->device) &&
	       pz_slice_eq(a->app, b->app);
}

/* One caller must not take all places. */
static bool
has_place(const struct pz_access *access, const struct pz_access_kept *kept)
{
	size_t of_subject = 0;

	PZ_LIST_EACH (&access->waits, node, tmp) {
		const struct wait *wait = PZ_CONTAINER(node, struct wait, node);
		of_subject += is_same_subject(&wait->kept->caller, &kept->caller);
	}
	return access->wait_count < PZ_ACCESS_WAITING_MAX &&
	       of_subject < PZ_ACCESS_WAITING_SUBJECT_MAX;
}

/* The state of a waiting call. NULL: it cannot wait. */
static struct wait *
wait_new(const struct pz_access *access, const struct pz_access_call *call,
	 struct pz_access_kept *kept)
{
	struct wait *wait = NULL;

	if (call->done && has_place(access, kept))
		wait = calloc(1, sizeof(*wait));
	if (wait)
		*wait = (struct wait){
			.ticket = call->ticket, .done = call->done, .arg = call->arg, .kept = kept};
	return wait;
}

static enum pz_access_verdict
wait_for(struct pz_access *access, struct wait *wait)
{
	pz_list_append(&access->waits, &wait->node);
	access->wait_count++;
	return PZ_ACCESS_ASKED;
}

/* A permit, in force when the rules that give it have counted it. @param takes_kept in every case
 */
static enum pz_access_verdict
permit(struct pz_access *access, const struct pz_access_call *call,
       struct pz_access_kept *takes_kept)
/* A call is counted when it begins, not when it ends: otherwise many concurrent calls would all be
 * within the limit. */
{
	struct pz_slice counters[PZ_POLICY_COUNTERS_MAX];
	size_t count = pz_access_counters_of(takes_kept, counters);

	if (count == 0)
		return conclude(access, takes_kept, PZ_ACCESS_PERMIT);
	struct wait *wait = wait_new(access, call, takes_kept);
	if (wait == NULL || !begin_count(access, takes_kept, call->ticket, counters, count)) {
		free(wait);
		takes_kept->fault = "the call cannot be counted";
		return conclude(access, takes_kept, PZ_ACCESS_DENY);
	}
	wait->is_counting = true;
	return wait_for(access, wait);
}

/* @param takes_kept in every case */
static enum pz_access_verdict
ask_first(struct pz_access *access, struct pz_access_call *call, struct pz_access_kept *takes_kept)
{
	struct pz_access_kept *kept = takes_kept;
	struct wait *wait = wait_new(access, call, kept);
	enum pz_access_answer answer =
		wait ? ask(access, kept, call->ticket) : PZ_ACCESS_ANSWER_NO_AGENT;
	if (answer != PZ_ACCESS_ANSWER_LATER) {
		call->was_asked = answer == PZ_ACCESS_ANSWER_YES;
		/* `kept` has the reason of a denial: the person's answer, no person to ask, or no
		 * place to wait. */
		enum pz_access_verdict verdict = verdict_of_answer(kept, answer);
		if (call->done == NULL)
			kept->fault =
				"a person has to be asked, and this cannot wait for an answer";
		else if (wait == NULL)
			kept->fault = "a person has to be asked, and too many calls wait already";
		free(wait);
		return verdict == PZ_ACCESS_PERMIT ? permit(access, call, kept)
						   : conclude(access, kept, verdict);
	}
	call->is_asking = true;
	return wait_for(access, wait);
}

static struct wait *
wait_of(struct pz_access *access, uint64_t ticket)
{
	PZ_LIST_EACH (&access->waits, node, tmp) {
		struct wait *wait = PZ_CONTAINER(node, struct wait, node);

		if (wait->ticket == ticket)
			return wait;
	}
	return NULL;
}

static void
finish(struct pz_access *access, struct wait *wait, enum pz_access_verdict verdict)
{
	pz_access_done done = wait->done;
	uint64_t ticket = wait->ticket;
	void *arg = wait->arg;

	/* Before `done`, which may judge, cancel or answer other calls, and so change the list of
	 * waits. */
	bool was_asked = wait->kept->was_asked;

	verdict = conclude(access, PZ_TAKE(wait->kept), verdict);
	wait_free(access, wait);
	done(arg, ticket, verdict, was_asked);
}

void
pz_access_answered(struct pz_access *access, uint64_t ticket, enum pz_access_answer answer,
		   const char *by)
{
	struct pz_slice counters[PZ_POLICY_COUNTERS_MAX];
	struct wait *wait = wait_of(access, ticket);

	if (wait == NULL || wait->is_counting || answer == PZ_ACCESS_ANSWER_LATER)
		return;
	snprintf(wait->kept->asked_by, sizeof(wait->kept->asked_by), "%s", by ? by : "");
	enum pz_access_verdict verdict = verdict_of_answer(wait->kept, answer);
	size_t count = pz_access_counters_of(wait->kept, counters);
	if (verdict == PZ_ACCESS_PERMIT && count > 0) {
		decide(access, wait->kept); /* other calls may have reached the limit */
		if (verdict_of(wait->kept) == PZ_ACCESS_ASKED) {
			count = pz_access_counters_of(wait->kept, counters);
			wait->is_counting =
				begin_count(access, wait->kept, ticket, counters, count);
		}
		if (wait->is_counting)
			return;
		verdict = PZ_ACCESS_DENY;
	}
	finish(access, wait, verdict);
}

void
pz_access_counted(struct pz_access *access, uint64_t ticket, bool is_counted)
{
	/* Not in the list: the call was cancelled while its count was being stored; the count
	 * stays. */
	struct wait *wait = access ? wait_of(access, ticket) : NULL;

	if (wait == NULL || !wait->is_counting)
		return;
	if (!is_counted)
		wait->kept->fault = "the call cannot be counted";
	finish(access, wait, is_counted ? PZ_ACCESS_PERMIT : PZ_ACCESS_DENY);
}

void
pz_access_cancel(struct pz_access *access, uint64_t ticket)
{
	struct wait *wait = access ? wait_of(access, ticket) : NULL;

	if (wait)
		withdraw(access, wait);
}

/* ---- judging ---- */

enum pz_access_verdict
pz_access_judge(struct pz_access *access, const struct pz_access_caller *caller,
		struct pz_access_call *call)
{
	char feature[PZ_ACCESS_FEATURE_BYTES] = "";
	struct pz_access_key key;
	struct pz_access_kept *kept;

	/* A service without an API cannot be named by a rule. */
	if (access == NULL || call->api == NULL)
		return PZ_ACCESS_DENY;
	bool is_keyed = pz_access_key(caller, call, &key);
	/* Looked up before the request is built, which costs more than the comparison. */
	kept = is_keyed ? pz_access_recall(access, &key) : NULL;
	if (kept)
		return permit_again(access, kept);
	bool is_named = pz_access_feature(call->api, call->part, feature);
	kept = kept_new(access, caller, call, feature);
	if (kept == NULL)
		return PZ_ACCESS_DENY;
	enum pz_err err = is_named ? pz_access_request(access, caller, call, pz_slice_str(feature),
						       &kept->request)
				   : PZ_ERR_LIMIT;
	if (err == PZ_OK)
		decide(access, kept);
	else if (err == PZ_ERR_PROTO_MEMBER)
		kept->fault = "a parameter that policies look at is neither text nor number";
	else
		kept->fault = "an attribute of the call is too long";
	enum pz_access_verdict verdict = verdict_of(kept);
	if (verdict == PZ_ACCESS_ASKED)
		return ask_first(access, call, kept);
	kept->verdict = verdict;
	/* Remembered before permit() takes it; it holds a reference of its own. */
	if (verdict == PZ_ACCESS_PERMIT && is_keyed)
		pz_access_remember(access, &key, kept);
	return verdict == PZ_ACCESS_PERMIT ? permit(access, call, kept)
					   : conclude(access, kept, verdict);
}

/* Prompts whose calls need no answer any more end; the others continue. `done` may judge and end
 * others, so the list is walked from the start after each. */
static bool
judge_one_again(struct pz_access *access)
{
	struct pz_slice counters[PZ_POLICY_COUNTERS_MAX];

	PZ_LIST_EACH (&access->waits, node, tmp) {
		struct wait *wait = PZ_CONTAINER(node, struct wait, node);
		enum pz_policy_effect before = wait->kept->decision.effect;

		decide(access, wait->kept);
		enum pz_access_verdict verdict = verdict_of(wait->kept);
		/* The prompt still fits: the person may be typing the answer. */
		if (verdict == PZ_ACCESS_ASKED && wait->kept->decision.effect == before)
			continue;
		/* It is permitted already and only waits for the disk. */
		if (verdict == PZ_ACCESS_PERMIT && wait->is_counting)
			continue;
		/* An answer never gives more than the effect that was prompted for: another effect
		 * needs a new prompt. */
		if (verdict == PZ_ACCESS_ASKED)
			verdict = PZ_ACCESS_DENY;
		/* A rule with a limit would first have to count it; another call may. */
		if (verdict == PZ_ACCESS_PERMIT && pz_access_counters_of(wait->kept, counters) > 0)
			verdict = PZ_ACCESS_DENY;
		if (access->ops->withdraw && !wait->is_counting)
			access->ops->withdraw(access->arg, wait->ticket);
		finish(access, wait, verdict);
		return true;
	}
	return false;
}

void
pz_access_changed(struct pz_access *access)
{
	const struct pz_policy_slots *slots =
		access->ops->slots ? access->ops->slots(access->arg) : NULL;

	access->minute = -1; /* the clock may have been set */
	pz_access_forget(access);
	if (slots)
		set_turn(access, slots);
	/* One at a time, since each end may change the list. */
	while (judge_one_again(access))
		;
	if (access->ops->recheck)
		access->ops->recheck(access->arg);
}
