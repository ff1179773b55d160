/*
 * Key of a chunk of app-data: origin, a space, the app's own key. An origin holds no space, so the
 * first one is the separator, and all data of an app is one range of keys.
 *
 * Origins of pages are compared as texts by browsers, so only the one canonical spelling is
 * accepted; a second spelling of an origin would make a second app.
 */
#include "shared/app_key.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

#define PROGRAM "program:"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* ---- origins of pages ---- */

/* [hex:hex] as a browser writes it: in lower case. */
static bool
is_ipv6(struct pz_slice host)
{
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];

	if (host.len < 4 || host.len - 2 >= sizeof(text) || host.ptr[host.len - 1] != ']')
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(host.len - 2), (const char *)host.ptr + 1);
	return strspn(text, DIGITS "abcdef:") == strlen(text) &&
	       inet_pton(AF_INET6, text, &address) == 1;
}

/* Labels with a dot between any two. Browsers accept '_', so names with it are in use. */
static bool
is_host(struct pz_slice host)
{
	size_t label = 0;

	if (host.len == 0 || host.len > 253)
		return false;
	if (host.ptr[0] == '[')
		return is_ipv6(host);
	for (size_t i = 0; i < host.len; i++) {
		char c = (char)host.ptr[i];
		if (c == '.' && label == 0)
			return false;
		if (c != '.' && strchr(LOWER DIGITS "-_", c) == NULL)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

static bool
is_default_port(struct pz_slice scheme, unsigned long port)
{
	return (pz_slice_eq_str(scheme, "http") && port == 80) ||
	       (pz_slice_eq_str(scheme, "https") && port == 443);
}

/* @param port the text after the colon; "": a port is not allowed */
static bool
is_port(const char *port, struct pz_slice scheme)
{
	size_t len = strspn(port, DIGITS);

	if (len == 0 || len > 5 || port[len] != '\0' || port[0] == '0')
		return false;
	unsigned long number = strtoul(port, NULL, 10);
	return number <= UINT16_MAX && !is_default_port(scheme, number);
}

static bool
is_web_origin(const char *origin, const char *mark)
{
	struct pz_slice scheme = pz_slice_of(origin, (size_t)(mark - origin));
	const char *host = mark + strlen("://");
	const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
	const char *colon = strchr(end ? end : host, ':');

	if (scheme.len == 0 || strchr(LOWER, origin[0]) == NULL ||
	    strspn(origin, LOWER DIGITS "+-.") != scheme.len)
		return false;
	size_t host_len = colon ? (size_t)(colon - host) : strlen(host);
	return is_host(pz_slice_of(host, host_len)) &&
	       (colon == NULL || is_port(colon + 1, scheme));
}

/* ---- any ---- */

/* A program with a token has "program:" before its name (page 11). */
static bool
is_name(const char *origin)
{
	if (strncmp(origin, PROGRAM, sizeof(PROGRAM) - 1) == 0)
		origin += sizeof(PROGRAM) - 1;
	return origin[0] != '\0' && strchr("._-", origin[0]) == NULL &&
	       strspn(origin, LOWER UPPER DIGITS "._-") == strlen(origin) &&
	       strcmp(origin, "null") != 0;
}

enum pz_err
pz_app_origin_check(const char *origin, struct pz_errinfo *info)
{
	const char *mark = strstr(origin, "://");

	if (mark ? is_web_origin(origin, mark) : is_name(origin))
		return PZ_OK;
	return pz_fail(
		info, PZ_ERR_CONFIG,
		"\"%.50s\" is no origin: a page's is scheme://host[:port] in lower case, without "
		"path or default port; a program's is a name of letters, digits, '.', '_', '-'",
		origin);
}

enum pz_err
pz_app_key_make(const char *origin, const char *key, char out[PZ_APP_KEY_CHARS],
		struct pz_errinfo *info)
{
	size_t origin_len = strlen(origin), key_len = strlen(key);

	PZ_TRY(pz_app_origin_check(origin, info));
	if (key_len == 0 || !pz_utf8_is_printable(pz_slice_of(key, key_len)))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "a key is text of at least one character, without control "
			       "characters");
	if (origin_len + 1 + key_len > PZ_SYNC_KEY_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "the key has %zu bytes; with this origin at most %zu fit", key_len,
			       origin_len + 1 < PZ_SYNC_KEY_BYTES_MAX
				       ? PZ_SYNC_KEY_BYTES_MAX - origin_len - 1
				       : 0);
	snprintf(out, PZ_APP_KEY_CHARS, "%s %s", origin, key);
	return PZ_OK;
}

enum pz_err
pz_app_key_split(const char *chunk_key, char out_origin[PZ_APP_KEY_CHARS], const char **out_key,
		 struct pz_errinfo *info)
{
	const char *space = strchr(chunk_key, ' ');
	char origin[PZ_APP_KEY_CHARS];

	if (space == NULL || (size_t)(space - chunk_key) >= sizeof(origin) || space[1] == '\0')
		return pz_fail(info, PZ_ERR_NOTFOUND, "the key is not an app's origin and key");
	snprintf(origin, sizeof(origin), "%.*s", (int)(space - chunk_key), chunk_key);
	if (pz_app_origin_check(origin, NULL) != PZ_OK)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "the key does not begin with an app's origin");
	if (!pz_utf8_is_printable(pz_slice_str(space + 1)))
		return pz_fail(info, PZ_ERR_NOTFOUND, "an app's key has control characters");
	if (out_origin)
		memcpy(out_origin, origin, sizeof(origin));
	if (out_key)
		*out_key = space + 1;
	return PZ_OK;
}

void
pz_app_id(struct pz_slice origin, char out[PZ_APP_ID_CHARS + 1])
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, origin.ptr, origin.len);
	pz_hex_encode(digest, PZ_APP_ID_CHARS / 2, out);
}
