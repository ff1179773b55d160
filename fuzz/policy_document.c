/*
 * Target function: pz_policy_document_parse, and pz_policy_decide with what it accepts.
 * Input: a document.
 * Must hold: what is refused has one line of reason and no document; what is accepted parses the
 * same again, and decides every request of a fixed few as without the index; an element that
 * decided is part of the document, and no document makes the root undetermined or inapplicable.
 */
#include "fuzz.h"

#include "policy/decide.h"

static const char *const requests[] = {
	"{}",
	"{\"resource\":{\"service-id\":[\"s\"]}}",
	"{\"subject\":{\"user-id\":[\"me\"],\"requestor-id\":[\"tv\"],\"class\":[\"b-a\"],"
	"\"uri\":[\"https://a@b.example:1/c\"]},\"resource\":{\"api-feature\":[\"f\"],"
	"\"service-id\":[],\"param:feature\":[\"g\"]},\"environment\":{\"timemin\":[\"720\"],"
	"\"days-of-week\":[\"8\"],\"profile\":[]},\"context\":{\"owner\":\"me\","
	"\"known\":[\"bob\"],\"device\":\"tv\",\"devices\":[\"tv\"]}}",
	"{\"subject\":{\"user-id\":[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\",\"bob\"],"
	"\"id\":[\"a\"]},\"resource\":{\"api-feature\":[\"http://webinos.org/api/w3c/file.read\"]},"
	"\"environment\":{\"roaming\":null},\"context\":{\"owner\":\"me\",\"known\":[\"bob\"]},"
	"\"purpose\":\"10000000000000000000000000000000001\",\"obligations\":[{\"action\":"
	"{\"actionID\":\"ActionSecureLog\"},\"triggers\":[{\"triggerID\":\"TriggerAtTime\","
	"\"StartTime\":\"StartNow\",\"MaxDelay\":\"P1Y\"}]}]}",
};
#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

static struct pz_policy_request *parsed[REQUESTS];

/* Elements from the root down are named, and end at the one that decided. */
static void
check_path(const struct pz_policy_result *result)
{
	unsigned depth = 0;
	char label[PZ_POLICY_LABEL_BYTES];

	if (result->effect == PZ_POLICY_INAPPLICABLE)
		FUZZ_CHECK(result->node == NULL);
	if (result->node == NULL)
		return;
	while (pz_policy_node_at(result->node, depth)) {
		pz_policy_node_label(pz_policy_node_at(result->node, depth), label);
		FUZZ_CHECK(label[0] != '\0' && ++depth <= 32);
	}
	FUZZ_CHECK(pz_policy_node_at(result->node, depth - 1) == result->node);
	FUZZ_CHECK(pz_policy_node_line(result->node) > 0);
}

static void
check_decisions(const struct pz_policy_document *doc)
{
	struct pz_policy_slots slots = {.document = {[PZ_POLICY_SLOT_USER] = doc}};

	for (size_t i = 0; i < REQUESTS; i++) {
		struct pz_policy_decision d = pz_policy_decide(&slots, parsed[i], 0);
		struct pz_policy_decision plain =
			pz_policy_decide(&slots, parsed[i], PZ_POLICY_PLAIN);
		struct pz_policy_decision dhp = pz_policy_decide(&slots, parsed[i], PZ_POLICY_DHP);
		const struct pz_policy_result *one = &d.slots[PZ_POLICY_SLOT_USER];

		FUZZ_CHECK(d.effect < PZ_POLICY_UNDETERMINED);
		/* a regular expression that reached its bound may do so for one of the two only */
		if (one->effect != PZ_POLICY_UNDETERMINED &&
		    plain.slots[PZ_POLICY_SLOT_USER].effect != PZ_POLICY_UNDETERMINED) {
			FUZZ_CHECK(d.effect == plain.effect);
			FUZZ_CHECK(one->node == plain.slots[PZ_POLICY_SLOT_USER].node);
		}
		FUZZ_CHECK(dhp.effect == plain.effect || (plain.effect == PZ_POLICY_PERMIT &&
							  dhp.effect == PZ_POLICY_PROMPT_BLANKET));
		check_path(one);
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	for (size_t i = 0; i < REQUESTS; i++)
		FUZZ_CHECK(pz_policy_request_parse(pz_slice_str(requests[i]), 0, &parsed[i],
						   NULL) == PZ_OK);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_policy_document *doc = NULL, *again = NULL;
	struct pz_policy_fault fault = {0, {""}};
	struct pz_slice text = pz_slice_of(data, size);

	enum pz_err err = pz_policy_document_parse(text, &doc, &fault);
	fuzz_check_info(err, &fault.info);
	FUZZ_CHECK((err == PZ_OK) == (doc != NULL));
	FUZZ_CHECK(pz_policy_document_parse(text, &again, NULL) == err);
	if (doc == NULL) {
		FUZZ_CHECK(fault.info.text[0] != '\0');
		return 0;
	}
	FUZZ_CHECK(pz_policy_document_rules(doc) == pz_policy_document_rules(again));
	check_decisions(doc);
	pz_policy_document_unref(doc);
	pz_policy_document_unref(again);
	return 0;
}
