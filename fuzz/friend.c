/*
 * Target functions: pz_friend_parse, pz_friend_text, pz_friend_sign, pz_friend_check: a chunk of
 * the item `trusted-pzh`, as hubs and devices of a zone send it.
 * Input: bytes 0 and 1: which byte of a good text is changed, and to what; the rest is a text, in
 * which the word CA stands for the certificate of the friend of data/.
 * Must hold: what is refused has one line of reason. What is read is written and read again the
 * same, and signed it is accepted by the zone that signed it and by no other; nothing else is
 * accepted, nor the signed text with one byte changed, unless it still says the same.
 */
#include "zone.h"

#include "friends/friend.h"
#include "record/record.h"

static struct pz_key *key;
static struct pz_cert *ca;
static char *friend_ca; /* escaped for JSON, without quotes */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	size_t len;

	(void)argc;
	(void)argv;
	fuzz_start();
	key = fuzz_key("device-key.pem");
	ca = fuzz_cert("device-ca.pem");
	char *pem = fuzz_read("friend-ca.pem", &len);
	json_t *string = json_stringn(pem, len);
	char *text = json_dumps(string, JSON_ENCODE_ANY);
	text[strlen(text) - 1] = '\0';
	friend_ca = strdup(text + 1);
	free(text);
	json_decref(string);
	free(pem);
	return 0;
}

/* The input with the first CA replaced. The caller frees it. */
static char *
expand(struct pz_slice input, size_t *out_len)
{
	const uint8_t *at = memmem(input.ptr, input.len, "\"CA\"", 4);
	const size_t before = at ? (size_t)(at - input.ptr) + 1 : input.len;
	char *text = malloc(input.len + strlen(friend_ca) + 1);
	size_t len = before;

	FUZZ_CHECK(text != NULL);
	memcpy(text, input.ptr, before);
	if (at) {
		memcpy(text + len, friend_ca, strlen(friend_ca));
		len += strlen(friend_ca);
		memcpy(text + len, at + 3, input.len - before - 2);
		len += input.len - before - 2;
	}
	*out_len = len;
	return text;
}

static bool
is_same(const struct pz_friend *a, const struct pz_friend *b)
{
	uint8_t fa[32], fb[32];

	pz_cert_fingerprint(a->ca, fa);
	pz_cert_fingerprint(b->ca, fb);
	return strcmp(a->zone, b->zone) == 0 && strcmp(a->display_name, b->display_name) == 0 &&
	       memcmp(fa, fb, sizeof(fa)) == 0 &&
	       memcmp(a->secret, b->secret, sizeof(a->secret)) == 0 && a->since_ms == b->since_ms &&
	       a->changed_ms == b->changed_ms && strcmp(a->by, b->by) == 0 &&
	       strcmp(a->host, b->host) == 0 && a->port == b->port && a->number == b->number;
}

/* A text that the zone has signed, and one byte of it that another node has changed. */
static void
check_signed(struct pz_friend *f, uint8_t place, uint8_t value)
{
	struct pz_friend *again = NULL, *changed = NULL;

	FUZZ_CHECK(pz_friend_sign(f, FUZZ_ZONE, key) == PZ_OK);
	char *text = pz_friend_text(f);
	FUZZ_CHECK(text != NULL);
	size_t len = strlen(text);
	FUZZ_CHECK(len <= PZ_FRIEND_TEXT_BYTES_MAX);
	FUZZ_CHECK(pz_friend_parse(pz_slice_of(text, len), &again, NULL) == PZ_OK);
	FUZZ_CHECK(is_same(f, again));
	FUZZ_CHECK(pz_friend_check(again, FUZZ_ZONE, ca, NULL) == PZ_OK);
	FUZZ_CHECK(pz_friend_check(again, FUZZ_FRIEND, ca, NULL) != PZ_OK);

	text[(size_t)place * len / 256] = (char)value;
	if (pz_friend_parse(pz_slice_of(text, len), &changed, NULL) == PZ_OK &&
	    pz_friend_check(changed, FUZZ_ZONE, ca, NULL) == PZ_OK)
		FUZZ_CHECK(is_same(changed, again));
	pz_friend_free(changed);
	pz_friend_free(again);
	pz_record_text_wipe(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_friend *f = NULL;
	struct pz_errinfo info = {""};
	size_t len;

	if (size < 2)
		return 0;
	char *text = expand(pz_slice_of(data + 2, size - 2), &len);
	enum pz_err err = pz_friend_parse(pz_slice_of(text, len), &f, &info);
	fuzz_check_info(err, &info);
	free(text);
	if (err != PZ_OK)
		return 0;
	FUZZ_CHECK(f->ca != NULL && f->zone[0] && f->display_name[0]);
	err = pz_friend_check(f, FUZZ_ZONE, ca, &info);
	fuzz_check_info(err, &info);
	FUZZ_CHECK(err != PZ_OK);
	check_signed(f, data[0], data[1]);
	pz_friend_free(f);
	return 0;
}
