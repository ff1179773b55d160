/*
 * The document follows its version unchanged, not as a JSON string: it is hashed, signed and parsed
 * as it was written, and need not be escaped twice. The signature covers values, not JSON, as with
 * notices (zone/notice.c): no two encoders have to agree.
 */
#include "policies/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/codec.h"
#include "wire/json.h"

#define PROTOCOL "pz-policy/1"
#define WORDS_BYTES_MAX 2048 /* protocol, zone, slot, two numbers, author, hash, their lengths */

static enum pz_err
put_words(const struct pz_policy_version *v, const char *zone, struct pz_buf *out)
{
	char sequence[24], time[24], hash[2 * PZ_POLICY_SHA256_BYTES + 1];

	snprintf(sequence, sizeof(sequence), "%" PRIu64, v->sequence);
	snprintf(time, sizeof(time), "%" PRIu64, v->time_ms);
	pz_hex_encode(v->sha256, sizeof(v->sha256), hash);
	const struct pz_slice parts[] = {
		pz_slice_str(PROTOCOL),
		pz_slice_str(zone),
		pz_slice_str(pz_policy_slot_name(v->slot)),
		pz_slice_str(sequence),
		pz_slice_str(time),
		pz_slice_str(v->author),
		pz_slice_str(hash),
	};

	return pz_lv_cat(out, parts, sizeof(parts) / sizeof(parts[0]));
}

static enum pz_err
sign(const struct pz_policy_version *v, const char *zone, const struct pz_key *ca_key,
     char out[PZ_SIGNATURE_CHARS_MAX + 1])
{
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = put_words(v, zone, &words);
	if (err == PZ_OK)
		err = pz_key_sign_text(ca_key, pz_buf_slice(&words), out);
	pz_buf_fini(&words);
	return err;
}

/* The first line, without its end. NULL: out of memory, or the author is not a valid text. */
static char *
head_of(const struct pz_policy_version *v, const char *sig)
{
	char hash[2 * PZ_POLICY_SHA256_BYTES + 1];

	pz_hex_encode(v->sha256, sizeof(v->sha256), hash);
	json_t *head =
		json_pack("{s:s, s:I, s:I, s:s, s:s, s:s}", "slot", pz_policy_slot_name(v->slot),
			  "sequence", (json_int_t)v->sequence, "time", (json_int_t)v->time_ms,
			  "author", v->author, "sha256", hash, "sig", sig);
	char *line = head ? json_dumps(head, JSON_COMPACT) : NULL;
	json_decref(head);
	return line;
}

enum pz_err
pz_policy_record_make(const struct pz_policy_version *version, struct pz_slice document,
		      const char *zone, const struct pz_key *ca_key, char **out,
		      struct pz_errinfo *info)
{
	struct pz_policy_version v = *version;
	char sig[PZ_SIGNATURE_CHARS_MAX + 1] = "";

	if (document.len > PZ_POLICY_ZONE_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "the document is longer than %d bytes, which is the most that is "
			       "stored and sent",
			       PZ_POLICY_ZONE_BYTES_MAX);
	if (document.len > 0 && memchr(document.ptr, '\0', document.len))
		return pz_fail(info, PZ_ERR_CONFIG, "the document contains a NUL byte");
	crypto_hash_sha256(v.sha256, document.ptr, document.len);
	if (ca_key)
		PZ_TRY(sign(&v, zone, ca_key, sig));
	PZ_AUTO_FREE char *head = head_of(&v, sig);
	if (head == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "out of memory, or the author is no text");
	size_t head_len = strlen(head);
	char *text = malloc(head_len + 1 + document.len + 1);
	if (text == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	memcpy(text, head, head_len);
	text[head_len] = '\n';
	if (document.len > 0)
		memcpy(text + head_len + 1, document.ptr, document.len);
	text[head_len + 1 + document.len] = '\0';
	*out = text;
	return PZ_OK;
}

static bool
read_slot(const char *name, enum pz_policy_slot *out)
{
	for (unsigned i = 0; name && i < PZ_POLICY_SLOTS; i++) {
		if (strcmp(name, pz_policy_slot_name((enum pz_policy_slot)i)) == 0) {
			*out = (enum pz_policy_slot)i;
			return true;
		}
	}
	return false;
}

static enum pz_err
read_head(const json_t *head, struct pz_policy_record *r, struct pz_errinfo *info)
{
	const char *author = pz_json_str(head, "author"), *sig = pz_json_str(head, "sig");
	const char *hash = pz_json_str(head, "sha256");
	struct pz_policy_version *v = &r->version;
	const int64_t max = (int64_t)PZ_SYNC_TIME_MS_MAX;
	int64_t sequence = 0, time = 0;

	if (!author || !sig || !hash || !read_slot(pz_json_str(head, "slot"), &v->slot) ||
	    !pz_json_int(head, "sequence", 1, max, &sequence) ||
	    !pz_json_int(head, "time", 0, max, &time) ||
	    pz_hex_decode(pz_slice_str(hash), v->sha256, sizeof(v->sha256)) != PZ_OK)
		return pz_fail(info, PZ_ERR_PROTO_MEMBER,
			       "record of a policy: a member is missing or wrong");
	if (strlen(author) >= sizeof(v->author) || strlen(sig) >= sizeof(r->sig))
		return pz_fail(info, PZ_ERR_LIMIT,
			       "record of a policy: author or signature is too long");
	snprintf(v->author, sizeof(v->author), "%s", author);
	snprintf(r->sig, sizeof(r->sig), "%s", sig);
	v->sequence = (uint64_t)sequence;
	v->time_ms = (uint64_t)time;
	return PZ_OK;
}

enum pz_err
pz_policy_record_parse(struct pz_slice text, struct pz_policy_record *out, struct pz_errinfo *info)
{
	const size_t most =
		text.len < PZ_POLICY_HEAD_BYTES_MAX ? text.len : PZ_POLICY_HEAD_BYTES_MAX;
	const uint8_t *end = most > 0 ? memchr(text.ptr, '\n', most) : NULL;
	struct pz_policy_record r = {.sig = ""};

	if (end == NULL)
		return pz_fail(info, PZ_ERR_PROTO_JSON, "record of a policy: it has no first line");
	size_t head_len = (size_t)(end - text.ptr);
	json_t *head = pz_json_parse(pz_slice_of(text.ptr, head_len), NULL);
	enum pz_err err = json_is_object(head)
				  ? read_head(head, &r, info)
				  : pz_fail(info, PZ_ERR_PROTO_JSON,
					    "record of a policy: its first line is no JSON object");
	json_decref(head);
	if (err != PZ_OK)
		return err;
	r.document = pz_slice_of(end + 1, text.len - head_len - 1);
	if (r.document.len > PZ_POLICY_ZONE_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "record of a policy: the document is longer than %d bytes",
			       PZ_POLICY_ZONE_BYTES_MAX);
	*out = r;
	return PZ_OK;
}

static enum pz_err
check_signature(const struct pz_policy_record *r, const char *zone, const struct pz_cert *ca)
{
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = put_words(&r->version, zone, &words);
	if (err == PZ_OK)
		err = pz_cert_verify_signature_text(ca, pz_buf_slice(&words), r->sig);
	pz_buf_fini(&words);
	return err == PZ_OK || err == PZ_ERR_LIMIT_MEMORY ? err : PZ_ERR_DENIED_CHAIN;
}

enum pz_err
pz_policy_record_check(const struct pz_policy_record *r, const char *zone, const struct pz_cert *ca,
		       struct pz_errinfo *info)
{
	uint8_t sha256[PZ_POLICY_SHA256_BYTES];

	crypto_hash_sha256(sha256, r->document.ptr, r->document.len);
	if (memcmp(sha256, r->version.sha256, sizeof(sha256)) != 0)
		return pz_fail(info, PZ_ERR_DENIED,
			       "record of a policy: the hash is not that of the document");
	enum pz_err err = ca ? check_signature(r, zone, ca) : PZ_OK;
	if (err != PZ_OK)
		return pz_fail(info, err, "policy %s %" PRIu64 ": not signed by the CA of zone %s",
			       pz_policy_slot_name(r->version.slot), r->version.sequence, zone);
	return PZ_OK;
}
