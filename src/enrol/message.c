/*
 * Members of enrolment messages, which strangers send: a member of a wrong length or alphabet
 * counts as missing. What a message means is decided in device.c and hub.c.
 */
#include "enrol/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "enrol/hub.h"

const char *
pz_enrol_text(const json_t *message, const char *key, size_t max)
{
	const json_t *value = json_object_get(message, key);
	const char *text = json_string_value(value);
	if (!text)
		return NULL;
	size_t len = json_string_length(value);
	/* With a NUL inside (an escape in JSON), C and JSON would read two different texts. */
	return len > 0 && len <= max && strlen(text) == len ? text : NULL;
}

bool
pz_enrol_bytes(const json_t *message, const char *key, uint8_t *out, size_t len)
{
	const size_t text_len = (len + 2) / 3 * 4;
	const char *text = pz_enrol_text(message, key, text_len);
	if (!text)
		return false;

	struct pz_buf buf;
	pz_buf_init(&buf, text_len, NULL);
	bool is_good = pz_base64_decode(pz_slice_str(text), &buf) == PZ_OK &&
		       pz_buf_slice(&buf).len == len;
	if (is_good)
		memcpy(out, pz_buf_slice(&buf).ptr, len);
	pz_buf_fini(&buf);
	return is_good;
}

enum pz_err
pz_enrol_set_bytes(json_t *message, const char *key, struct pz_slice bytes)
{
	char *text = pz_base64_encode(bytes);
	if (!text)
		return PZ_ERR_LIMIT_MEMORY;
	int rc = json_object_set_new(message, key, json_string(text));
	free(text);
	return rc == 0 ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

bool
pz_enrol_device_type_is_valid(const char *type)
{
	struct pz_slice text = pz_slice_str(type);
	return text.len > 0 && text.len <= PZ_ENROL_DEVICE_TYPE_BYTES_MAX &&
	       pz_utf8_is_printable(text);
}
