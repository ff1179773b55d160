/*
 * Records of the store are JSON objects with sorted members, so equal content has equal bytes.
 * Texts that hold secrets are wiped after use. A record that cannot be read is reported and never
 * repaired: the operator can restore a backup.
 */
#include "record/record.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/limits.h"
#include "wire/json.h"

enum pz_err
pz_record_put(struct pz_txn *txn, const char *space, const char *key, json_t *takes)
{
	char *text = takes ? json_dumps(takes, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(takes);
	if (text == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_txn_put(txn, space, key, pz_slice_str(text));
	pz_record_text_wipe(text);
	return err;
}

enum pz_err
pz_record_parse(const char *space, const char *key, struct pz_slice value, json_t **out,
		struct pz_errinfo *info)
{
	json_t *record = pz_json_read(value, PZ_JSON_OWN, NULL);

	if (!json_is_object(record)) {
		json_decref(record);
		return pz_fail(info, PZ_ERR_PROTO,
			       "store: record %s/%s is not readable; restore the data directory "
			       "from a backup",
			       space, key);
	}
	*out = record;
	return PZ_OK;
}

enum pz_err
pz_record_string(const json_t *record, const char *name, char *out, size_t size,
		 struct pz_errinfo *info)
{
	const char *text = pz_json_str(record, name);

	if (text == NULL || strlen(text) >= size)
		return pz_fail(info, PZ_ERR_PROTO, "store: member %s is missing or too long", name);
	memcpy(out, text, strlen(text) + 1);
	return PZ_OK;
}

/* Takes the buffer. */
static char *
pem_text(struct pz_buf *pem, enum pz_err err)
{
	char *text = err == PZ_OK ? pz_slice_dup(pz_buf_slice(pem)) : NULL;

	pz_buf_fini(pem);
	return text;
}

char *
pz_record_cert_text(const struct pz_cert *cert)
{
	struct pz_buf pem;

	pz_buf_init(&pem, PZ_CERT_PEM_BYTES_MAX, NULL);
	enum pz_err err = pz_cert_to_pem(cert, &pem);
	return pem_text(&pem, err);
}

char *
pz_record_crl_text(const struct pz_crl *crl)
{
	struct pz_buf pem;

	pz_buf_init(&pem, PZ_CRL_PEM_BYTES_MAX, NULL);
	enum pz_err err = pz_crl_to_pem(crl, &pem);
	return pem_text(&pem, err);
}

/* Takes the text. */
static json_t *
string_of(char *text)
{
	json_t *string = json_string(text);

	free(text);
	return string;
}

json_t *
pz_record_cert(const struct pz_cert *cert)
{
	return string_of(pz_record_cert_text(cert));
}

json_t *
pz_record_crl(const struct pz_crl *crl)
{
	return string_of(pz_record_crl_text(crl));
}

enum pz_err
pz_record_get_cert(const json_t *record, const char *name, struct pz_cert **out,
		   struct pz_errinfo *info)
{
	const char *pem = pz_json_str(record, name);

	if (pem == NULL)
		return pz_fail(info, PZ_ERR_PROTO, "store: certificate %s is missing", name);
	return pz_cert_from_pem(pz_slice_str(pem), out, info);
}

enum pz_err
pz_record_get_crl(const json_t *record, const char *name, struct pz_crl **out,
		  struct pz_errinfo *info)
{
	const char *pem = pz_json_str(record, name);

	if (pem == NULL)
		return pz_fail(info, PZ_ERR_PROTO, "store: CRL %s is missing", name);
	return pz_crl_from_pem(pz_slice_str(pem), out, info);
}

char *
pz_record_secret_text(const uint8_t secret[PZ_ZONE_SECRET_BYTES])
{
	return pz_base64_encode(pz_slice_of(secret, PZ_ZONE_SECRET_BYTES));
}

/* Exactly 32 bytes; PROTO also when the base64 is malformed. */
enum pz_err
pz_record_secret_read(struct pz_slice text, uint8_t out[PZ_ZONE_SECRET_BYTES])
{
	struct pz_buf bytes;

	pz_buf_init(&bytes, PZ_ZONE_SECRET_BYTES, NULL);
	enum pz_err err = pz_base64_decode(text, &bytes);
	if (err == PZ_OK && bytes.len == PZ_ZONE_SECRET_BYTES)
		memcpy(out, pz_buf_slice(&bytes).ptr, PZ_ZONE_SECRET_BYTES);
	else if (err != PZ_ERR_LIMIT_MEMORY)
		err = PZ_ERR_PROTO;
	pz_buf_wipe(&bytes);
	return err;
}

void
pz_record_text_wipe(char *text)
{
	if (text == NULL)
		return;
	sodium_memzero(text, strlen(text));
	free(text);
}

/* jansson frees the string without overwriting it. */
void
pz_record_wipe(json_t *record, const char *name)
{
	json_t *string = json_object_get(record, name);

	if (json_is_string(string))
		sodium_memzero((void *)json_string_value(string), json_string_length(string));
}
