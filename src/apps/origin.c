/*
 * What kind of page or program an Origin is (RFC 6454 6.2), and which kinds are accepted. Only the
 * text is judged: a browser or any other program may have sent it (page 11 "What is proved").
 */
#include "apps/origin.h"

#include "base/limits.h"
#include "tokens/tokens.h"

static bool
starts_with(struct pz_slice text, const char *prefix, struct pz_slice *out_rest)
{
	size_t len = strlen(prefix);

	if (text.len < len || memcmp(text.ptr, prefix, len) != 0)
		return false;
	*out_rest = pz_slice_of(text.ptr + len, text.len - len);
	return true;
}

/* No upper case, no user info, no escapes: a browser writes the host in its normal form (RFC 6454
 * 4), and two spellings of one origin would be two apps. */
static bool
is_host(struct pz_slice host)
{
	for (size_t i = 0; i < host.len; i++) {
		uint8_t c = host.ptr[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && !memchr("-._[]:", c, 6))
			return false;
	}
	return host.len > 0;
}

/* Nothing, or ":" and a number. */
static bool
is_port(struct pz_slice port)
{
	if (port.len == 0)
		return true;
	for (size_t i = 1; i < port.len; i++)
		if (port.ptr[i] < '0' || port.ptr[i] > '9')
			return false;
	return port.ptr[0] == ':' && port.len > 1 && port.len <= 6;
}

/* The host without its port, as a browser writes it: in lower case. @return false: malformed */
static bool
take_host(struct pz_slice authority, struct pz_slice *out)
{
	size_t end = 0;

	if (authority.len > 0 && authority.ptr[0] == '[') {
		const uint8_t *bracket = memchr(authority.ptr, ']', authority.len);
		if (bracket == NULL)
			return false;
		end = (size_t)(bracket - authority.ptr) + 1;
	}
	while (end < authority.len && authority.ptr[end] != ':')
		end++;
	*out = pz_slice_of(authority.ptr, end);
	return is_host(*out) && is_port(pz_slice_of(authority.ptr + end, authority.len - end));
}

enum pz_origin_kind
pz_origin_kind_of(struct pz_slice origin)
{
	struct pz_slice authority, host;

	if (pz_slice_eq_str(origin, "null"))
		return PZ_ORIGIN_NULL;
	if (starts_with(origin, PZ_TOKENS_PREFIX, &host))
		return PZ_ORIGIN_PROGRAM;
	if (origin.len > PZ_APP_ORIGIN_BYTES_MAX)
		return PZ_ORIGIN_OTHER;
	/* A page that was loaded over plain http can be changed in transit, so plain http is
	 * accepted from this machine only. */
	bool is_https = starts_with(origin, "https://", &authority);
	if ((!is_https && !starts_with(origin, "http://", &authority)) ||
	    !take_host(authority, &host))
		return PZ_ORIGIN_OTHER;
	if (is_https)
		return PZ_ORIGIN_HTTPS;
	/* Exactly these three: "localhost.example.com" and "127.0.0.1.example.com" belong to
	 * others. */
	if (pz_slice_eq_str(host, "localhost") || pz_slice_eq_str(host, "127.0.0.1") ||
	    pz_slice_eq_str(host, "[::1]"))
		return PZ_ORIGIN_LOCAL;
	return PZ_ORIGIN_PLAIN;
}

/* The first failure is the exit status; the other files are still sent. */
bool
pz_origin_is_taken(enum pz_origin_kind kind)
{
	return kind == PZ_ORIGIN_HTTPS || kind == PZ_ORIGIN_LOCAL;
}

const char *
pz_origin_kind_name(enum pz_origin_kind kind)
{
	switch (kind) {
	case PZ_ORIGIN_HTTPS:
		return "https";
	case PZ_ORIGIN_LOCAL:
		return "local";
	case PZ_ORIGIN_PLAIN:
		return "http";
	case PZ_ORIGIN_NULL:
		return "null";
	case PZ_ORIGIN_PROGRAM:
		return "program";
	case PZ_ORIGIN_OTHER:
		break;
	}
	return "other";
}
