/*
 * Descriptors of services (page 7, 2). The id is MD5 over api, display name and description:
 * existing clients compute it that way, and it only names a service, it protects nothing.
 * Descriptors of other nodes have to pass the same checks as our own, and the id is computed again,
 * so a service cannot use the id of another.
 */
#include "service/descriptor.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/codec.h"
#include "base/limits.h"
#include "base/slice.h"
#include "service/methods.h"
#include "wire/address.h"

#define MD5_BYTES 16

/* Printable ASCII; '@' separates api and id in method names. */
static bool
is_api(const char *api)
{
	size_t len = strlen(api);
	if (len == 0 || len > PZ_API_BYTES_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (api[i] <= ' ' || api[i] > '~' || api[i] == '@')
			return false;
	}
	return true;
}

static bool
is_text(const char *text, size_t max_bytes)
{
	struct pz_slice s = pz_slice_str(text);
	return s.len <= max_bytes && pz_utf8_is_printable(s);
}

static enum pz_err
check_texts(const char *api, const char *display_name, const char *description,
	    struct pz_errinfo *info)
{
	if (!is_api(api))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER,
			       "api: 1 to %d bytes of printable ASCII without \"@\" and spaces",
			       PZ_API_BYTES_MAX);
	if (!is_text(display_name, PZ_SERVICE_NAME_BYTES_MAX))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER,
			       "displayName: at most %d bytes, no control characters",
			       PZ_SERVICE_NAME_BYTES_MAX);
	if (!is_text(description, PZ_SERVICE_DESCRIPTION_BYTES_MAX))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER,
			       "description: at most %d bytes, no control characters",
			       PZ_SERVICE_DESCRIPTION_BYTES_MAX);
	return PZ_OK;
}

/* EVP, since libsodium has no MD5. @spec page 7, 2 */
enum pz_err
pz_descriptor_id(const char *api, const char *display_name, const char *description,
		 char out_id[PZ_SERVICE_ID_CHARS + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (ctx == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	bool ok = EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, api, strlen(api)) == 1 &&
		  EVP_DigestUpdate(ctx, display_name, strlen(display_name)) == 1 &&
		  EVP_DigestUpdate(ctx, description, strlen(description)) == 1 &&
		  EVP_DigestFinal_ex(ctx, digest, &len) == 1 && len == MD5_BYTES;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return PZ_ERR_CRYPTO;
	pz_hex_encode(digest, MD5_BYTES, out_id);
	return PZ_OK;
}

enum pz_err
pz_descriptor_init(struct pz_descriptor *out, const char *api, const char *display_name,
		   const char *description, const char *address, struct pz_errinfo *info)
{
	struct pz_descriptor d = {.api = NULL};
	PZ_TRY(check_texts(api, display_name, description, info));
	PZ_TRY(pz_descriptor_id(api, display_name, description, d.id));
	d.api = strdup(api);
	d.display_name = strdup(display_name);
	d.description = strdup(description);
	d.address = address ? strdup(address) : NULL;
	if (!d.api || !d.display_name || !d.description || (address && !d.address)) {
		pz_descriptor_fini(&d);
		return PZ_ERR_LIMIT_MEMORY;
	}
	*out = d;
	return PZ_OK;
}

void
pz_descriptor_fini(struct pz_descriptor *d)
{
	free(d->api);
	free(d->display_name);
	free(d->description);
	free(d->address);
	json_decref(d->methods);
	memset(d, 0, sizeof(*d));
}

/* "icon" is null: old clients expect the member. */
json_t *
pz_descriptor_json(const struct pz_descriptor *d)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:n}", "id", d->id, "api", d->api,
			 "displayName", d->display_name, "description", d->description,
			 "serviceAddress", d->address, "icon");
}

json_t *
pz_descriptor_full_json(const struct pz_descriptor *d)
{
	json_t *json = pz_descriptor_json(d);

	if (json && d->methods)
		(void)json_object_set(json, "methods", d->methods);
	return json;
}

/* A string member without an embedded NUL, or NULL. */
static const char *
member(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);
	const char *text = json_string_value(value);
	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* @param expected the sender, which can only host services of its own; NULL: any */
static enum pz_err
check_address(const char *address, const char *expected, struct pz_errinfo *info)
{
	struct pz_address parts;
	PZ_TRY(pz_address_parse(pz_slice_str(address), &parts));
	if (parts.app.len != 0)
		return pz_fail(info, PZ_ERR_PROTO_ADDRESS, "serviceAddress: an app hosts nothing");
	if (expected && strcmp(address, expected) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "serviceAddress: not the sender's");
	return PZ_OK;
}

enum pz_err
pz_descriptor_parse(const json_t *json, const char *expected_address, struct pz_descriptor *out,
		    struct pz_errinfo *info)
{
	const char *api = member(json, "api"), *name = member(json, "displayName");
	const char *description = member(json, "description");
	const char *address = member(json, "serviceAddress");
	if (!api || !name || !description || !address)
		return pz_fail(info, PZ_ERR_PROTO_MEMBER,
			       "api, displayName, description and serviceAddress must be strings");
	PZ_TRY(check_address(address, expected_address, info));
	const json_t *id = json_object_get(json, "id");
	struct pz_descriptor d;
	PZ_TRY(pz_descriptor_init(&d, api, name, description, address, info));
	/* The id is a digest of the texts: with a wrong one this service could be taken for
	 * another. */
	if (id && !(json_is_string(id) && strcmp(json_string_value(id), d.id) == 0)) {
		pz_descriptor_fini(&d);
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "id: not the one of these texts");
	}
	d.methods = pz_methods_copy(json_object_get(json, "methods"));
	*out = d;
	return PZ_OK;
}

/*
 * The pattern consists of literal pieces between stars: the first must be a prefix, the last a
 * suffix, the others are found in order, leftmost first. memmem is linear, so the whole is.
 */
bool
pz_api_matches(const char *pattern, const char *api)
{
	const char *end = pattern + strlen(pattern), *star = memchr(pattern, '*', strlen(pattern));
	if (star == NULL)
		return strcmp(pattern, api) == 0;
	size_t head = (size_t)(star - pattern), left = strlen(api);
	if (left < head || memcmp(pattern, api, head) != 0)
		return false;
	api += head;
	left -= head;
	for (pattern = star + 1; (star = memchr(pattern, '*', (size_t)(end - pattern))) != NULL;
	     pattern = star + 1) {
		size_t len = (size_t)(star - pattern);
		const char *at = len == 0 ? api : memmem(api, left, pattern, len);
		if (at == NULL)
			return false;
		left -= (size_t)(at - api) + len;
		api = at + len;
	}
	size_t tail = (size_t)(end - pattern);
	return left >= tail && memcmp(api + left - tail, pattern, tail) == 0;
}

/* Written again, so that unknown members are not passed on. */
enum pz_err
pz_descriptors_copy(const json_t *list, const char *address, json_t **out, struct pz_errinfo *info)
{
	struct pz_descriptor descriptor;
	json_t *copy;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > PZ_SERVICES_PER_DEVICE_MAX)
		return pz_fail(info, PZ_ERR_PROTO, "services must be an array of at most %d",
			       PZ_SERVICES_PER_DEVICE_MAX);
	copy = json_array();
	if (copy == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	for (i = 0; i < json_array_size(list); i++) {
		enum pz_err err =
			pz_descriptor_parse(json_array_get(list, i), address, &descriptor, info);
		if (err != PZ_OK) {
			json_decref(copy);
			return err;
		}
		(void)json_array_append_new(copy, pz_descriptor_json(&descriptor));
		pz_descriptor_fini(&descriptor);
	}
	*out = copy;
	return PZ_OK;
}
