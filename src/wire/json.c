#include "wire/json.h"

#include "base/limits.h"
#include "wire/scan.h"

enum pz_err
pz_json_check(struct pz_slice body, bool object_only)
{
	struct pz_scan scan;
	struct pz_slice value;

	pz_scan_init(&scan, body);
	if (object_only && pz_scan_peek(&scan) != '{')
		return PZ_ERR_PROTO_JSON;
	PZ_TRY(pz_scan_value(&scan, 0, &value));
	return pz_scan_finish(&scan, body);
}

json_t *
pz_json_parse(struct pz_slice body, struct pz_errinfo *info)
{
	json_error_t error;
	json_t *tree;
	/* jansson recurses and allows 2048 levels: our limit is checked before it sees the text. */
	enum pz_err err = pz_json_check(body, false);

	if (err != PZ_OK) {
		pz_fail(info, err, "%s", pz_err_text(err));
		return NULL;
	}
	tree = json_loadb((const char *)body.ptr, body.len,
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (tree == NULL)
		pz_fail(info, PZ_ERR_PROTO_JSON, "%s", error.text);
	return tree;
}

const char *
pz_json_str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

bool
pz_json_int(const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const json_t *value = json_object_get(obj, key);
	int64_t number;

	if (!json_is_integer(value))
		return false;
	number = json_integer_value(value);
	if (number < min || number > max)
		return false;
	*out = number;
	return true;
}
