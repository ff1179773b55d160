/*
 * Target functions: pz_policy_record_parse, pz_policy_record_check, pz_policy_record_make: a chunk
 * of the item `policies`, as peers, the hub and devices send it.
 * Input: bytes 0 and 1: which byte of a good record is changed, and to what; the rest is a record.
 * Must hold: what is refused has one line of reason. What is read is written and read again the
 * same, and signed it is accepted; nothing else is accepted: neither the input itself (the key is
 * made at the start), nor the signed record with one byte changed, unless it still says the same.
 */
#include "zone.h"

#include "policies/record.h"

static struct pz_key *key;
static struct pz_cert *ca;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	key = fuzz_key("device-key.pem");
	ca = fuzz_cert("device-ca.pem");
	return 0;
}

static bool
is_same(const struct pz_policy_record *a, const struct pz_policy_record *b)
{
	return a->version.slot == b->version.slot && a->version.sequence == b->version.sequence &&
	       a->version.time_ms == b->version.time_ms &&
	       strcmp(a->version.author, b->version.author) == 0 &&
	       pz_slice_eq(a->document, b->document);
}

/* A record that the zone has signed, and one byte of it that another node has changed. */
static void
check_signed(const struct pz_policy_record *read, uint8_t place, uint8_t value)
{
	struct pz_policy_record again, changed;
	char *text = NULL;

	if (pz_policy_record_make(&read->version, read->document, FUZZ_ZONE, key, &text, NULL) !=
	    PZ_OK)
		return; /* a document with a NUL */
	size_t len = strlen(text);
	FUZZ_CHECK(pz_policy_record_parse(pz_slice_of(text, len), &again, NULL) == PZ_OK);
	FUZZ_CHECK(is_same(read, &again));
	FUZZ_CHECK(pz_policy_record_check(&again, FUZZ_ZONE, ca, NULL) == PZ_OK);
	FUZZ_CHECK(pz_policy_record_check(&again, FUZZ_FRIEND, ca, NULL) != PZ_OK);

	char *bent = strdup(text);
	FUZZ_CHECK(bent != NULL);
	bent[(size_t)place * len / 256] = (char)value;
	if (pz_policy_record_parse(pz_slice_of(bent, len), &changed, NULL) == PZ_OK &&
	    pz_policy_record_check(&changed, FUZZ_ZONE, ca, NULL) == PZ_OK)
		FUZZ_CHECK(is_same(&changed, &again));
	free(bent);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_policy_record record = {.sig = ""};
	struct pz_errinfo info = {""};

	if (size < 2)
		return 0;
	struct pz_slice text = pz_slice_of(data + 2, size - 2);
	enum pz_err err = pz_policy_record_parse(text, &record, &info);
	fuzz_check_info(err, &info);
	if (err != PZ_OK)
		return 0;
	FUZZ_CHECK(record.version.sequence > 0 && record.version.slot < PZ_POLICY_SLOTS);
	FUZZ_CHECK(record.document.ptr >= text.ptr &&
		   record.document.ptr + record.document.len == text.ptr + text.len);
	err = pz_policy_record_check(&record, FUZZ_ZONE, ca, &info);
	fuzz_check_info(err, &info);
	FUZZ_CHECK(err != PZ_OK);
	check_signed(&record, data[0], data[1]);
	return 0;
}
