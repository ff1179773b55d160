#include "zone/record.h"

#include <stdio.h>
#include <stdlib.h>

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
	free(text);
	return err;
}

enum pz_err
pz_record_parse(const char *space, const char *key, struct pz_slice value, json_t **out,
		struct pz_errinfo *info)
{
	json_t *record = pz_json_parse(value, NULL);

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

static json_t *
pem_string(struct pz_buf *pem, enum pz_err err)
{
	json_t *string =
		err == PZ_OK ? json_stringn((const char *)pem->mem + pem->start, pem->len) : NULL;

	pz_buf_fini(pem);
	return string;
}

json_t *
pz_record_cert(const struct pz_cert *cert)
{
	struct pz_buf pem;

	pz_buf_init(&pem, PZ_CERT_PEM_BYTES_MAX, NULL);
	enum pz_err err = pz_cert_to_pem(cert, &pem);
	return pem_string(&pem, err);
}

json_t *
pz_record_crl(const struct pz_crl *crl)
{
	struct pz_buf pem;

	pz_buf_init(&pem, PZ_CRL_PEM_BYTES_MAX, NULL);
	enum pz_err err = pz_crl_to_pem(crl, &pem);
	return pem_string(&pem, err);
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
