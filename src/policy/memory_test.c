/* Every allocation fails in turn: a document or a request is refused with LIMIT_MEMORY, a decision
 * is undetermined, and nothing leaks or crashes; without regular expressions a decision allocates
 * nothing. Not under a sanitizer, which has its own malloc. */
#include "policy/fixture.h"

#include <errno.h>
#include <jansson.h>

#include "kit/sanitized.h"

static unsigned long allocations, fails_at; /* 0: none fails */
static long live;

#if !PZ_KIT_IS_SANITIZED
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *at);

static bool
is_out(void)
{
	if (++allocations != fails_at)
		return false;
	errno = ENOMEM;
	return true;
}

static void *
counted(void *at)
{
	live += at ? 1 : 0;
	return at;
}

void *
malloc(size_t size)
{
	return is_out() ? NULL : counted(__libc_malloc(size));
}

void *
calloc(size_t count, size_t size)
{
	return is_out() ? NULL : counted(__libc_calloc(count, size));
}

void *
realloc(void *old, size_t size)
{
	if (is_out())
		return NULL;
	return old ? __libc_realloc(old, size) : counted(__libc_malloc(size));
}

void
free(void *at)
{
	live -= at ? 1 : 0;
	__libc_free(at);
}
#endif

#define RULE                                                                                       \
	"<rule effect='permit'><condition><resource-match attr='api-feature' match='f'/>"          \
	"<subject-match attr='user-id' match='a, b'/></condition></rule>"

static const char document[] =
	"<policy-set id='a'><policy id='b'><target><subject><subject-match attr='user-id' "
	"match='a'/>"
	"</subject></target>" RULE RULE RULE RULE RULE RULE RULE
	"<rule effect='deny'><condition><subject-match attr='user-id' match='^b' func='regexp'/>"
	"</condition></rule><DataHandlingPreferences PolicyId='#a'><AuthorizationsSet/>"
	"<ObligationsSet><Obligation><TriggersSet><TriggerDataSubjectAccess><AccessURI>x</"
	"AccessURI>"
	"</TriggerDataSubjectAccess></TriggersSet><ActionLog/></Obligation></ObligationsSet>"
	"</DataHandlingPreferences><ProvisionalActions><ProvisionalAction><AttributeValue>f"
	"</AttributeValue><AttributeValue>#a</AttributeValue></ProvisionalAction>"
	"</ProvisionalActions></policy></policy-set>";

static const char request[] =
	"{\"subject\":{\"user-id\":[\"a\"],\"other\":[\"x\"]},\"resource\":{\"api-feature\":[\"f\"]"
	"},"
	"\"context\":{\"owner\":\"me\",\"known\":[\"bob\"]},\"obligations\":[{\"action\":{"
	"\"actionID\":"
	"\"ActionLog\"},\"triggers\":[{\"triggerID\":\"TriggerDataSubjectAccess\",\"AccessURI\":"
	"\"x\"}]}]}";

static enum pz_err
parse_document(void)
{
	struct pz_policy_document *doc = NULL;
	enum pz_err err = pz_policy_document_parse(pz_slice_str(document), &doc, NULL);

	pz_policy_document_unref(doc);
	return err;
}

static enum pz_err
parse_request(void)
{
	struct pz_policy_request *parsed = NULL;
	enum pz_err err = pz_policy_request_parse(pz_slice_str(request), 0, &parsed, NULL);

	pz_policy_request_free(parsed);
	return err;
}

/* Lets each allocation fail, until one run needs fewer. @return how many it needs */
static unsigned long
exhaust(enum pz_err (*run)(void), const enum pz_err *allowed)
{
	unsigned long at = 0;
	enum pz_err err;

	assert_int_equal(run(), PZ_OK); /* what libraries keep for ever is there now */
	do {
		long before = live;

		allocations = 0;
		fails_at = ++at;
		err = run();
		fails_at = 0;
		if (err != PZ_OK && err != allowed[0] && err != allowed[1])
			fail_msg("allocation %lu: %s", at, pz_err_name(err));
		assert_int_equal(live, before);
	} while (allocations >= at);
	assert_int_equal(err, PZ_OK);
	return at;
}

static void
a_document_is_refused_when_memory_runs_out(void **state)
{
	static const enum pz_err allowed[] = {PZ_ERR_LIMIT_MEMORY, PZ_ERR_LIMIT_MEMORY};

	(void)state;
	if (PZ_KIT_IS_SANITIZED)
		skip();
	assert_true(exhaust(parse_document, allowed) > 10);
}

static void
a_request_is_refused_when_memory_runs_out(void **state)
{
	/* jansson does not say why a text became no tree */
	static const enum pz_err allowed[] = {PZ_ERR_LIMIT_MEMORY, PZ_ERR_PROTO_JSON};

	(void)state;
	if (PZ_KIT_IS_SANITIZED)
		skip();
	assert_true(exhaust(parse_request, allowed) > 10);
}

static void
a_decision_allocates_only_for_regular_expressions(void **state)
{
	(void)state;
	if (PZ_KIT_IS_SANITIZED)
		skip();
	struct pz_policy_document *doc = parse(document);
	struct pz_policy_request *asked = request_of(request);
	struct pz_policy_result result;

	for (fails_at = 1; fails_at < 8; fails_at++) {
		allocations = 0;
		result = pz_policy_evaluate(doc, asked, 0);
		if (allocations < fails_at)
			break;
		assert_int_equal(result.effect, PZ_POLICY_UNDETERMINED);
	}
	assert_true(fails_at > 1); /* there is a regular expression */
	assert_true(fails_at < 8);
	fails_at = 0;
	assert_int_equal(result.effect, PZ_POLICY_PERMIT);
	pz_policy_document_unref(doc);

	doc = parse("<policy>" RULE RULE RULE RULE RULE RULE RULE "</policy>");
	allocations = 0;
	assert_int_equal(pz_policy_evaluate(doc, asked, 0).effect, PZ_POLICY_PERMIT);
	assert_int_equal(pz_policy_evaluate(doc, asked, PZ_POLICY_DHP).effect,
			 PZ_POLICY_PROMPT_BLANKET);
	assert_int_equal(allocations, 0);
	pz_policy_document_unref(doc);
	pz_policy_request_free(asked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_refused_when_memory_runs_out),
		cmocka_unit_test(a_request_is_refused_when_memory_runs_out),
		cmocka_unit_test(a_decision_allocates_only_for_regular_expressions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
