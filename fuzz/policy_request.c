/*
 * Target function: pz_policy_request_parse, and pz_policy_decide with what it accepts.
 * Input: a request as JSON.
 * Must hold: what is refused has at most one line of reason; what is accepted is within the bounds,
 * has values only where it is not undetermined, and is decided as without the index.
 */
#include "fuzz.h"

#include "base/limits.h"
#include "policy/decide.h"

/* Every kind of comparison, long enough for the index. */
static const char document[] =
	"<policy-set combine='first-matching-target'>"
	"<policy><target><subject><subject-match attr='uri.host' match='*.example'/></subject>"
	"</target><rule effect='prompt-session'/></policy>"
	"<policy><target><subject><subject-match attr='user-id' "
	"match='a,http://webinos.org/subject/id/PZ-Owner,http://webinos.org/subject/id/known'/>"
	"</subject></target>"
	"<rule effect='permit'><condition><resource-match attr='api-feature' "
	"match='f'/></condition>"
	"</rule><rule effect='deny'><condition><resource-match attr='api-feature' match='g'/>"
	"<environment-match attr='timemin' match='9' func='greater-than'/></condition></rule>"
	"<rule effect='prompt-oneshot'><condition combine='or'><resource-match attr='service-id' "
	"match='[a-f]+$' func='regexp'/><environment-match attr='days-of-week' match='62'/>"
	"</condition></rule>"
	"<rule effect='permit'><condition><resource-match attr='param:a' "
	"match='?*'/></condition></rule>"
	"<rule effect='permit'><condition><subject-match attr='class' "
	"match='b-a'/></condition></rule>"
	"<rule effect='permit'><condition><resource-match attr='api-feature' "
	"match='h/i'/></condition>"
	"</rule><rule effect='prompt-blanket'><condition><environment-match attr='roaming' "
	"match='true'/></condition></rule></policy>"
	"<policy><rule effect='permit'/>"
	"<DataHandlingPreferences PolicyId='#a'><AuthorizationsSet><AuthzUseForPurpose><Purpose/>"
	"</AuthzUseForPurpose></AuthorizationsSet><ObligationsSet><Obligation><TriggersSet>"
	"<TriggerAtTime><StartTime><StartNow/></StartTime><MaxDelay><Duration>P7D</Duration></"
	"MaxDelay>"
	"</TriggerAtTime></TriggersSet><ActionLog/></Obligation></ObligationsSet>"
	"</DataHandlingPreferences><ProvisionalActions><ProvisionalAction><AttributeValue>*"
	"</AttributeValue><AttributeValue>#a</AttributeValue></ProvisionalAction></"
	"ProvisionalActions>"
	"</policy></policy-set>";

static struct pz_policy_slots slots;

static void
check_bag(const struct pz_policy_bag *bag)
{
	FUZZ_CHECK(bag->count <= PZ_POLICY_VALUES_MAX);
	FUZZ_CHECK(bag->count == 0 || (bag->is_given && !bag->is_undetermined));
	for (size_t i = 0; i < bag->count; i++)
		FUZZ_CHECK(bag->values[i].len <= PZ_POLICY_VALUE_BYTES_MAX);
}

static void
check_decision(const struct pz_policy_request *request)
{
	struct pz_policy_decision d = pz_policy_decide(&slots, request, 0);
	struct pz_policy_decision plain = pz_policy_decide(&slots, request, PZ_POLICY_PLAIN);
	struct pz_policy_decision dhp = pz_policy_decide(&slots, request, PZ_POLICY_DHP);

	FUZZ_CHECK(d.effect < PZ_POLICY_UNDETERMINED && d.effect == plain.effect);
	FUZZ_CHECK(d.slots[PZ_POLICY_SLOT_USER].node == plain.slots[PZ_POLICY_SLOT_USER].node);
	FUZZ_CHECK(dhp.effect == d.effect ||
		   (d.effect == PZ_POLICY_PERMIT && dhp.effect == PZ_POLICY_PROMPT_BLANKET));
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct pz_policy_document *doc;

	(void)argc;
	(void)argv;
	fuzz_start();
	FUZZ_CHECK(pz_policy_document_parse(pz_slice_str(document), &doc, NULL) == PZ_OK);
	slots.document[PZ_POLICY_SLOT_USER] = doc;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_policy_request *request = NULL;
	struct pz_errinfo info = {""};
	struct tm local = {.tm_hour = 12, .tm_wday = 3, .tm_mday = 15};

	enum pz_err err = pz_policy_request_parse(pz_slice_of(data, size), 0, &request, &info);
	fuzz_check_info(err, &info);
	FUZZ_CHECK((err == PZ_OK) == (request != NULL));
	if (request == NULL)
		return 0;
	FUZZ_CHECK(request->attributes <= PZ_POLICY_REQUEST_ATTRIBUTES_MAX);
	FUZZ_CHECK(request->bytes <= PZ_POLICY_REQUEST_BYTES_MAX);
	FUZZ_CHECK(request->obligation_count <= PZ_POLICY_OBLIGATIONS_MAX);
	for (size_t i = 0; i < PZ_POLICY_ATTR_OTHER; i++)
		check_bag(&request->bags[i]);
	for (const struct pz_policy_other *o = request->others; o; o = o->next)
		check_bag(&o->bag);
	check_decision(request);
	if (pz_policy_request_complete(request, &local) == PZ_OK)
		check_decision(request);
	pz_policy_request_free(request);
	return 0;
}
