/*
 * What a decision costs, by the number of rules of the user's document, in microseconds; one line
 * of JSON.
 *   policy   one policy, first-applicable; half of its rules name an API, half a caller
 *   set      first-matching-target; a policy for each caller, with up to 100 rules for APIs
 *   globs    one policy; patterns that begin with '*', each of another end
 * Requests go through many callers and APIs in turn; more than half find no rule but the last. The
 * other slots hold a policy without rules (manufacturer) and one rule that denies (exceptions).
 *   judge    a whole judgment of a call (pz_access_judge): the request is built from caller and
 *            call, decided by the default policy, and kept for `pzp policy why`
 *   answered the same by a rule that asks, with the answer among as many as are kept for good
 * usage: bench_policy [--plain] [--ms N]
 *   --plain   without the index; --ms: time of each measurement (100)
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/access.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/log.h"
#include "common/bench.h"
#include "kit/world.h"
#include "policies/default.h"
#include "policy/decide.h"
#include "prompt/prompt.h"

#define REQUESTS 256

/* How many rules of a set are about one caller. */
static unsigned
rules_of_one(unsigned rules)
{
	return rules < 1000 ? 5 : 100;
}

#define APPEND(buf, ...)                                                                           \
	do {                                                                                       \
		if (pz_buf_printf(buf, __VA_ARGS__) != PZ_OK)                                      \
			bench_fail("the document is too long");                                    \
	} while (0)

/* 10 000 rules are within 1 MiB when each has one comparison. */
static void
build_policy(struct pz_buf *buf, unsigned rules)
{
	APPEND(buf, "<policy combine='first-applicable'>");
	for (unsigned i = 0; i + 1 < rules; i++) {
		if (i % 2)
			APPEND(buf,
			       "<rule effect='permit'><condition><subject-match attr='user-id' "
			       "match='u%u'/></condition></rule>",
			       i);
		else
			APPEND(buf,
			       "<rule effect='deny'><condition><resource-match "
			       "attr='api-feature' match='a%u'/></condition></rule>",
			       i);
	}
	APPEND(buf, "<rule effect='deny'/></policy>");
}

static void
build_set(struct pz_buf *buf, unsigned rules)
{
	unsigned each = rules_of_one(rules);

	APPEND(buf, "<policy-set combine='first-matching-target'>");
	for (unsigned i = 0; i < rules / each; i++) {
		APPEND(buf,
		       "<policy><target><subject><subject-match attr='user-id' match='u%u'/>"
		       "</subject></target>",
		       i);
		for (unsigned k = 0; k < each; k++)
			APPEND(buf,
			       "<rule effect='permit'><condition><resource-match "
			       "attr='api-feature' match='a%u'/></condition></rule>",
			       k);
		APPEND(buf, "</policy>");
	}
	APPEND(buf, "</policy-set>");
}

static void
build_globs(struct pz_buf *buf, unsigned rules)
{
	APPEND(buf, "<policy combine='first-applicable'>");
	for (unsigned i = 0; i + 1 < rules; i++)
		APPEND(buf,
		       "<rule effect='deny'><condition>"
		       "<resource-match attr='api-feature' match='*b%u'/></condition></rule>",
		       i);
	APPEND(buf, "<rule effect='deny'/></policy>");
}

static struct pz_policy_document *
parse(struct pz_slice text)
{
	struct pz_policy_document *doc = NULL;
	struct pz_policy_fault fault = {0, {""}};

	if (pz_policy_document_parse(text, &doc, &fault) != PZ_OK)
		bench_fail("line %u: %s", fault.line, fault.info.text);
	return doc;
}

/* Callers and APIs, half of them in the document. */
static void
make_requests(struct pz_policy_request **requests, unsigned callers)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"subject\":{\"user-id\":\"u%u\",\"requestor-id\":\"phone\",\"id\":"
			 "\"app\","
			 "\"class\":\"b-a\"},\"resource\":{\"api-feature\":\"a%u\","
			 "\"service-id\":\"0123456789abcdef0123456789abcdef\"},"
			 "\"context\":{\"owner\":\"me\",\"device\":\"tv\"}}",
			 i * 7919 % (2 * callers), i * 104729 % 200);
		if (pz_policy_request_parse(pz_slice_str(text), 0, &requests[i], NULL) != PZ_OK)
			bench_fail("a request is not valid");
	}
}

/* Nanoseconds of one decision: the median of rounds, each of all requests. */
static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
measure(const struct pz_policy_slots *slots, struct pz_policy_request **requests, unsigned flags,
	unsigned ms, unsigned *out_permits)
{
	static double rounds[100000];
	uint64_t began = bench_now_ns(), now = began;
	size_t count = 0;

	while ((now - began < (uint64_t)ms * 1000000 || count < 3) && count < 100000) {
		uint64_t start = bench_now_ns();

		*out_permits = 0;
		for (unsigned i = 0; i < REQUESTS; i++)
			*out_permits += pz_policy_decide(slots, requests[i], flags).effect ==
					PZ_POLICY_PERMIT;
		now = bench_now_ns();
		rounds[count++] = (double)(now - start) / REQUESTS;
	}
	qsort(rounds, count, sizeof(*rounds), compare);
	return rounds[count / 2];
}

static double
decision_us(void (*build)(struct pz_buf *, unsigned), unsigned rules, unsigned flags, unsigned ms)
{
	struct pz_policy_document *user, *manufacturer = parse(pz_slice_str("<policy/>"));
	struct pz_policy_document *exceptions = parse(pz_slice_str(
		"<policy><rule effect='deny'><condition><resource-match attr='api-feature' "
		"match='core'/></condition></rule></policy>"));
	struct pz_policy_request *requests[REQUESTS];
	unsigned permits = 0, others = 0;
	struct pz_buf buf;

	pz_buf_init(&buf, 4U << 20, NULL);
	build(&buf, rules);
	user = parse(pz_buf_slice(&buf));
	make_requests(requests, build == build_set ? rules / rules_of_one(rules) : rules);
	struct pz_policy_slots slots = {.document = {manufacturer, exceptions, user, NULL}};
	double ns = measure(&slots, requests, flags, ms, &permits);
	measure(&slots, requests, flags ^ PZ_POLICY_PLAIN, 1, &others);
	if (permits != others)
		bench_fail("the index changes a result");
	for (unsigned i = 0; i < REQUESTS; i++)
		pz_policy_request_free(requests[i]);
	pz_policy_document_unref(user);
	pz_policy_document_unref(manufacturer);
	pz_policy_document_unref(exceptions);
	pz_buf_fini(&buf);
	return ns / 1000;
}

/* ---- the whole judgment ---- */

static void
on_names(void *arg, struct pz_access_names *out)
{
	(void)arg;
	*out = (struct pz_access_names){"alice@example.org", "tv"};
}

static const struct pz_policy_slots *
on_slots(void *arg)
{
	return arg;
}

static const struct pz_access_ops access_ops = {.names = on_names, .slots = on_slots};

static double
judge_us(unsigned ms)
{
	struct pz_policy_slots slots = {
		.document = {[PZ_POLICY_SLOT_USER] = parse(pz_policies_default())}};
	struct pz_timers timers = {0};
	struct pz_access *access = NULL;
	struct pz_access_caller caller;
	struct pz_env env;
	uint64_t calls = 0;

	pz_env_system(&env, &timers);
	if (pz_access_new(&env, &access_ops, &slots, &access) != PZ_OK)
		bench_fail("out of memory");
	uint64_t began = bench_now_ns(), now = began;
	for (; now - began < (uint64_t)ms * 1000000; calls++, now = bench_now_ns()) {
		struct pz_access_call call = {.point = PZ_ACCESS_INVOKE,
					      .api = "http://webinos.org/api/test",
					      .service_id = "0123456789abcdef0123456789abcdef",
					      .function = "get42"};

		if (pz_access_caller_of(access, "alice@example.org/laptop", &caller) != PZ_OK ||
		    pz_access_judge(access, &caller, &call) != PZ_ACCESS_PERMIT)
			bench_fail("the default policy does not permit the call");
	}
	pz_access_free(access);
	pz_policy_document_unref(
		(struct pz_policy_document *)(uintptr_t)slots.document[PZ_POLICY_SLOT_USER]);
	return (double)(now - began) / (double)calls / 1000;
}

/* ---- the same with an answer of before ---- */

/* A device whose rules ask about everything, and whose person has answered. */
struct asking {
	struct pz_kit_world world;
	struct pz_policy_slots slots;
	struct pz_prompts *prompts;
	struct pz_prompt_agent person;
};

static const struct pz_policy_slots *
on_asking_slots(void *arg)
{
	return &((struct asking *)arg)->slots;
}

static enum pz_access_answer
on_ask(void *arg, const struct pz_access_question *asked)
{
	const struct asking *a = arg;
	const struct pz_prompt_question question = {
		.ticket = asked->ticket,
		.effect = asked->effect,
		.user_id = asked->caller->user_id,
		.device = asked->caller->device,
		.app = asked->caller->app,
		.instance = asked->caller->instance,
		.feature = asked->feature,
		.service_id = asked->service_id,
		.function = asked->function,
		.is_for_service = asked->is_for_service,
		.rule = asked->rule,
	};

	return pz_prompts_ask(a->prompts, &question) == PZ_PROMPT_YES ? PZ_ACCESS_ANSWER_YES
								      : PZ_ACCESS_ANSWER_NO;
}

static void
on_answered(void *arg, uint64_t ticket, enum pz_prompt_result result, const char *by)
{
	(void)arg, (void)ticket, (void)result, (void)by;
}

static void
on_show(struct pz_prompt_agent *agent, const json_t *question)
{
	(void)agent, (void)question;
}

static void
on_hide(struct pz_prompt_agent *agent, const char *id, const char *why)
{
	(void)agent, (void)id, (void)why;
}

static const struct pz_prompts_ops prompts_ops = {.answered = on_answered};
static const struct pz_access_ops asking_ops = {
	.names = on_names, .slots = on_asking_slots, .ask = on_ask};

/* One question, answered for good, and on the disk. */
static void
remember(struct asking *a, const char *feature)
{
	const struct pz_prompt_question question = {
		.ticket = 1,
		.effect = PZ_POLICY_PROMPT_BLANKET,
		.user_id = pz_slice_str("alice@example.org"),
		.device = pz_slice_str("laptop"),
		.feature = feature,
	};
	struct pz_errinfo info = {""};

	if (pz_prompts_ask(a->prompts, &question) != PZ_PROMPT_LATER)
		bench_fail("the question about %s is not asked", feature);
	json_t *list = pz_prompts_list(a->prompts);
	const char *id = json_string_value(json_object_get(json_array_get(list, 0), "id"));
	if (pz_prompts_answer(a->prompts, NULL, id ? id : "", PZ_PROMPT_ALLOW_ALWAYS, NULL, NULL,
			      &info) != PZ_OK)
		bench_fail("%s", info.text);
	json_decref(list);
	pz_kit_clock_run(&a->world.clock, 20 * PZ_US_PER_MS);
}

static void
open_asking(struct asking *a)
{
	const struct pz_prompts_config config = {
		.env = &a->world.clock.env, .store = a->world.store, .ops = &prompts_ops};

	a->slots.document[PZ_POLICY_SLOT_USER] =
		parse(pz_slice_str("<policy><rule effect='prompt-blanket'/></policy>"));
	a->person = (struct pz_prompt_agent){.name = "control", .show = on_show, .hide = on_hide};
	if (pz_prompts_new(&config, &a->prompts, NULL) != PZ_OK)
		bench_fail("out of memory");
	pz_prompts_join(a->prompts, &a->person);
	pz_log_threshold = PZ_LOG_WARNING; /* each question has a line */
	for (unsigned i = 1; i < PZ_PROMPT_ANSWERS_MAX; i++) {
		char feature[64];

		snprintf(feature, sizeof(feature), "http://example.org/api/%u", i);
		remember(a, feature);
	}
	remember(a, "http://webinos.org/api/test");
}

static void
close_asking(struct asking *a)
{
	pz_prompts_free(a->prompts);
	pz_policy_document_unref(
		(struct pz_policy_document *)(uintptr_t)a->slots.document[PZ_POLICY_SLOT_USER]);
	pz_kit_world_fini(&a->world);
}

static void
on_done(void *arg, uint64_t ticket, enum pz_access_verdict verdict, bool was_asked)
{
	(void)arg, (void)ticket, (void)verdict, (void)was_asked;
}

static double
answered_us(unsigned ms)
{
	static struct asking a;
	struct pz_access *access = NULL;
	struct pz_access_caller caller;
	uint64_t calls = 0;

	pz_kit_world_init(&a.world, PZ_US_PER_MS);
	open_asking(&a);
	if (pz_access_new(&a.world.clock.env, &asking_ops, &a, &access) != PZ_OK)
		bench_fail("out of memory");
	uint64_t began = bench_now_ns(), now = began;
	for (; now - began < (uint64_t)ms * 1000000; calls++, now = bench_now_ns()) {
		struct pz_access_call call = {.point = PZ_ACCESS_INVOKE,
					      .api = "http://webinos.org/api/test",
					      .service_id = "0123456789abcdef0123456789abcdef",
					      .function = "get42",
					      .ticket = 1,
					      .done = on_done};

		if (pz_access_caller_of(access, "alice@example.org/laptop", &caller) != PZ_OK ||
		    pz_access_judge(access, &caller, &call) != PZ_ACCESS_PERMIT)
			bench_fail("the answer that is remembered does not permit the call");
	}
	pz_access_free(access);
	close_asking(&a);
	return (double)(now - began) / (double)calls / 1000;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"ms", required_argument, NULL, 'm'}, {"plain", no_argument, NULL, 'p'}, {0}};
	static const unsigned sizes[] = {10, 1000, 10000};
	static const struct {
		const char *name;
		void (*build)(struct pz_buf *buf, unsigned rules);
	} documents[] = {{"policy", build_policy}, {"set", build_set}, {"globs", build_globs}};
	unsigned ms = 100, flags = 0;
	const char *lead = "{";

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'm')
			ms = (unsigned)bench_number("--ms", optarg, 60000);
		else if (c == 'p')
			flags = PZ_POLICY_PLAIN;
		else
			return 2;
	}
	for (size_t d = 0; d < 3; d++) {
		for (size_t i = 0; i < 3; i++) {
			printf("%s\"%s_%u_us\": %.3f", lead, documents[d].name, sizes[i],
			       decision_us(documents[d].build, sizes[i], flags, ms));
			lead = ", ";
		}
	}
	printf(", \"judge_us\": %.3f, \"answered_us\": %.3f", judge_us(ms), answered_us(ms));
	puts("}");
	return 0;
}
