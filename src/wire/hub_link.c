/*
 * A link that a person enters (pasted, scanned): white space around it is ignored, and the error
 * gives the fault; its parts are checked like a stranger's input. It may contain a secret, so its
 * buffers are wiped.
 */
#include "wire/hub_link.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/codec.h"
#include "base/host.h"
#include "base/netaddr.h"
#include "wire/address.h"

/* Characters of a path segment that need no escape and occur in a zone (RFC 3986 3.3). */
#define ZONE_KEEP "@+"
#define LINK_BYTES_MAX 2048 /* every byte of host and zone escaped, and the rest */

/** The link's text, for a host without brackets. */
static enum pz_err
format_link(const char *scheme, const char *host, uint16_t port, const char *zone,
	    struct pz_buf *out)
{
	bool v6 = strchr(host, ':') != NULL;
	PZ_TRY(pz_buf_append_str(out, scheme));
	PZ_TRY(pz_buf_append_str(out, v6 ? "[" : ""));
	PZ_TRY(pz_percent_encode(pz_slice_str(host), ":", out));
	PZ_TRY(pz_buf_printf(out, "%s:%u/", v6 ? "]" : "", (unsigned)port));
	return pz_percent_encode(pz_slice_str(zone), ZONE_KEEP, out);
}

enum pz_err
pz_hub_link_format(const char *scheme, const char *host, uint16_t port, const char *zone,
		   struct pz_buf *out)
{
	char bare[PZ_HOST_BYTES_MAX + 1];
	struct pz_slice inner = pz_slice_str(host);
	if (inner.len >= 2 && host[0] == '[' && host[inner.len - 1] == ']')
		inner = pz_slice_of(host + 1, inner.len - 2);
	if (inner.len == 0 || inner.len > PZ_HOST_BYTES_MAX)
		return PZ_ERR_CONFIG;
	memcpy(bare, inner.ptr, inner.len);
	bare[inner.len] = '\0';
	if (port == 0 || !pz_host_is_dialable(bare))
		return PZ_ERR_CONFIG;

	struct pz_buf text;
	pz_buf_init(&text, LINK_BYTES_MAX, NULL);
	enum pz_err err = format_link(scheme, bare, port, zone, &text);
	if (err == PZ_OK) /* all or nothing */
		err = pz_buf_append(out, pz_buf_slice(&text));
	pz_buf_fini(&text);
	return err;
}

enum pz_err
pz_hub_link_decode(struct pz_slice part, char *out, size_t out_size)
{
	struct pz_buf buf;
	pz_buf_init(&buf, out_size - 1, NULL);
	enum pz_err err = pz_percent_decode(part, &buf);
	if (err == PZ_OK) {
		struct pz_slice text = pz_buf_slice(&buf);
		if (text.len > 0)
			memcpy(out, text.ptr, text.len);
		out[text.len] = '\0';
	} else if (err != PZ_ERR_LIMIT_MEMORY) {
		err = PZ_ERR_CONFIG;
	}
	pz_buf_wipe(&buf);
	return err;
}

static enum pz_err
parse_port(struct pz_slice text, uint16_t *out_port)
{
	unsigned long port = 0;
	if (text.len == 0 || text.len > 5)
		return PZ_ERR_CONFIG;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return PZ_ERR_CONFIG;
		port = port * 10 + (unsigned long)(text.ptr[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return PZ_ERR_CONFIG;
	*out_port = (uint16_t)port;
	return PZ_OK;
}

/**
 * The host, decoded. In brackets the '%' before an interface may be unescaped: RFC 6874 requires
 * "%25" there, but people type "%". Errors: CONFIG, LIMIT_MEMORY.
 */
static enum pz_err
decode_host(struct pz_slice text, bool in_brackets, char out[PZ_HOST_BYTES_MAX + 1])
{
	enum pz_err err = pz_hub_link_decode(text, out, PZ_HOST_BYTES_MAX + 1);
	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	if (err == PZ_OK && pz_host_is_dialable(out))
		return in_brackets == (strchr(out, ':') != NULL) ? PZ_OK : PZ_ERR_CONFIG;
	if (!in_brackets || text.len == 0 || text.len > PZ_HOST_BYTES_MAX ||
	    memmem(text.ptr, text.len, "%25", 3))
		return PZ_ERR_CONFIG;
	memcpy(out, text.ptr, text.len);
	out[text.len] = '\0';
	return strlen(out) == text.len && pz_host_kind(out) == PZ_HOST_IPV6_SCOPED ? PZ_OK
										   : PZ_ERR_CONFIG;
}

/** "host:port" or "[address]:port". */
static enum pz_err
parse_authority(struct pz_slice text, struct pz_hub_link *out, struct pz_errinfo *info)
{
	bool in_brackets = text.len > 0 && text.ptr[0] == '[';
	size_t from = in_brackets ? 1 : 0, host_len = 0;
	const uint8_t stop = in_brackets ? ']' : ':';
	while (from + host_len < text.len && text.ptr[from + host_len] != stop)
		host_len++;
	size_t at = from + host_len + (in_brackets ? 1 : 0); /* the place where a ':' must be */

	enum pz_err err =
		decode_host(pz_slice_of(text.ptr + from, host_len), in_brackets, out->host);
	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	if (err != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the link's host is not a name or address (IPv6 goes in [])");
	if (at >= text.len || text.ptr[at] != ':' ||
	    parse_port(pz_slice_of(text.ptr + at + 1, text.len - at - 1), &out->port) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the link needs a port from 1 to 65535 behind the host");
	return PZ_OK;
}

static enum pz_err
parse_zone(struct pz_slice text, struct pz_hub_link *out, struct pz_errinfo *info)
{
	char zone[PZ_ZONE_BYTES_MAX + 1];
	enum pz_err err = pz_hub_link_decode(text, zone, sizeof(zone));
	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	if (err != PZ_OK || pz_zone_normalise(pz_slice_str(zone), out->zone) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the link's zone is not of the form user@domain");
	return PZ_OK;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/** Returns the part before the first `stop`, which is dropped; *rest keeps what follows it. */
static struct pz_slice
cut(struct pz_slice *rest, char stop, bool *out_found)
{
	struct pz_slice all = *rest;
	const uint8_t *at = all.len > 0 ? memchr(all.ptr, stop, all.len) : NULL;
	*out_found = at != NULL;
	if (!at) {
		*rest = pz_slice_of(NULL, 0);
		return all;
	}
	size_t len = (size_t)(at - all.ptr);
	*rest = pz_slice_of(at + 1, all.len - len - 1);
	return pz_slice_of(all.ptr, len);
}

bool
pz_hub_link_next(struct pz_slice *query, struct pz_slice *out_name, struct pz_slice *out_value)
{
	bool found;

	if (query->len == 0)
		return false;
	*out_value = cut(query, '&', &found);
	*out_name = cut(out_value, '=', &found);
	return true;
}

enum pz_err
pz_hub_link_parse(const char *scheme, const char *link, struct pz_hub_link *out,
		  struct pz_errinfo *info)
{
	struct pz_hub_link parsed = {.port = 0};
	bool has_path, found;

	while (is_space(*link))
		link++;
	if (strncasecmp(link, scheme, strlen(scheme)) != 0)
		return PZ_ERR_NOTFOUND;
	link += strlen(scheme);
	struct pz_slice rest = pz_slice_str(link);
	while (rest.len > 0 && is_space((char)rest.ptr[rest.len - 1]))
		rest.len--;

	struct pz_slice head = cut(&rest, '#', &found); /* a fragment has no meaning here */
	parsed.query = head;
	struct pz_slice path = cut(&parsed.query, '?', &found);
	struct pz_slice authority = cut(&path, '/', &has_path);

	PZ_TRY(parse_authority(authority, &parsed, info));
	if (!has_path)
		return pz_fail(info, PZ_ERR_CONFIG, "the link names no zone");
	PZ_TRY(parse_zone(path, &parsed, info));
	*out = parsed;
	return PZ_OK;
}

void
pz_hub_sni(const char *zone, const char *host, char out[PZ_HUB_SNI_BYTES])
{
	char tag[PZ_SNI_TAG_CHARS + 1];
	struct pz_netaddr address;

	pz_zone_sni_tag(pz_slice_str(zone), tag);
	snprintf(out, PZ_HUB_SNI_BYTES, "%s.%s", tag,
		 pz_netaddr_parse(host, &address) ? "pz.invalid" : host);
}
