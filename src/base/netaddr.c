/*
 * IP addresses as text and bytes, and their kinds: loopback, link-local, private. No names, no
 * ports; socket addresses are in net/sockaddr.c.
 */
#include "base/netaddr.h"

#include <arpa/inet.h>
#include <string.h>

/* The kernel allows more in a name; what has a meaning in links and on command lines is left out.
 */
static bool
is_interface(const char *name)
{
	static const char refused[] = "/%[]\"\\'<>&";
	size_t len = strlen(name);

	if (len == 0 || len > PZ_INTERFACE_BYTES_MAX || strcspn(name, refused) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return true;
}

/* A zone index behind % (RFC 4007 11) counts with IPv6 only, and may be a name: indices change with
 * each start. */
bool
pz_netaddr_parse(const char *text, struct pz_netaddr *out)
{
	struct pz_netaddr address = {.is_v6 = true};
	char plain[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "%");

	if (inet_pton(AF_INET, text, address.bytes) == 1) {
		address.is_v6 = false;
		*out = address;
		return true;
	}
	if (len >= sizeof(plain) || (text[len] == '%' && !is_interface(text + len + 1)))
		return false;
	memcpy(plain, text, len);
	plain[len] = '\0';
	if (inet_pton(AF_INET6, plain, address.bytes) != 1)
		return false;
	if (text[len] == '%')
		memcpy(address.interface, text + len + 1, strlen(text + len + 1) + 1);
	*out = address;
	return true;
}

bool
pz_netaddr_is_link_local(const struct pz_netaddr *a)
{
	if (a->is_v6)
		return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
	return a->bytes[0] == 169 && a->bytes[1] == 254;
}

bool
pz_netaddr_is_loopback(const struct pz_netaddr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->is_v6 ? memcmp(a->bytes, one, sizeof(one)) == 0 : a->bytes[0] == 127;
}

bool
pz_netaddr_is_private(const struct pz_netaddr *a)
{
	/* Unique local addresses (RFC 4193 3.1); below the networks of RFC 1918 3. */
	if (a->is_v6)
		return (a->bytes[0] & 0xfe) == 0xfc;
	return a->bytes[0] == 10 || (a->bytes[0] == 172 && (a->bytes[1] & 0xf0) == 16) ||
	       (a->bytes[0] == 192 && a->bytes[1] == 168);
}

/* fe80::1 is on every interface: without the interface the system does not know where to send (RFC
 * 4007 6). */
bool
pz_netaddr_lacks_interface(const struct pz_netaddr *a)
{
	return a->is_v6 && a->interface[0] == '\0' && pz_netaddr_is_link_local(a);
}
