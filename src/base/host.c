/*
 * Which texts are hosts: numeric addresses (netaddr.h), and DNS names by RFC 1123 2.1 with '_',
 * which occurs in practice. A name whose last label is all digits is refused: it would be a
 * mistyped IPv4 address, and resolvers disagree about those.
 */
#include "base/host.h"

#include <string.h>

#include "base/netaddr.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LABEL_BYTES_MAX 63U

static bool
is_label(const char *at, size_t len)
{
	return len > 0 && len <= LABEL_BYTES_MAX && at[0] != '-' && at[len - 1] != '-' &&
	       strspn(at, DIGITS LETTERS "-_") >= len;
}

/* One dot at the end is allowed: the name is then absolute. */
static bool
is_name(const char *host)
{
	const char *at = host;

	for (;;) {
		size_t len = strcspn(at, ".");
		if (!is_label(at, len))
			return false;
		bool is_last = at[len] == '\0' || at[len + 1] == '\0';
		if (is_last)
			return strspn(at, DIGITS) < len;
		at += len + 1;
	}
}

static enum pz_host_kind
address_kind(const char *host)
{
	struct pz_netaddr address;

	if (!pz_netaddr_parse(host, &address))
		return PZ_HOST_NONE;
	if (!address.is_v6)
		return PZ_HOST_IPV4;
	return address.interface[0] ? PZ_HOST_IPV6_SCOPED : PZ_HOST_IPV6;
}

enum pz_host_kind
pz_host_kind(const char *host)
{
	if (strlen(host) > PZ_HOST_BYTES_MAX)
		return PZ_HOST_NONE;
	enum pz_host_kind kind = address_kind(host);
	if (kind == PZ_HOST_NONE && is_name(host))
		return PZ_HOST_NAME;
	return kind;
}

bool
pz_host_is_valid(const char *host)
{
	enum pz_host_kind kind = pz_host_kind(host);

	return kind != PZ_HOST_NONE && kind != PZ_HOST_IPV6_SCOPED;
}

bool
pz_host_is_dialable(const char *host)
{
	return pz_host_kind(host) != PZ_HOST_NONE;
}

/* For a better error: people type HOST:PORT where a host alone is asked for. */
bool
pz_host_has_port(const char *text)
{
	char host[PZ_HOST_BYTES_MAX + 1];
	const char *colon = strrchr(text, ':');
	bool in_brackets = text[0] == '[';
	size_t digits = colon ? strspn(colon + 1, DIGITS) : 0;

	if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' ||
	    pz_host_kind(text) != PZ_HOST_NONE)
		return false;
	size_t len = (size_t)(colon - text);
	if (in_brackets && (len < 2 || colon[-1] != ']'))
		return false;
	text += in_brackets ? 1 : 0;
	len -= in_brackets ? 2 : 0;
	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return pz_host_is_valid(host);
}
