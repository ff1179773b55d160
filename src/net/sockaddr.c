/* Socket addresses from IP addresses, and as text for logs. Names are resolved in dial.c. */
#include "net/sockaddr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By name or, as in ip(8), by number. */
static unsigned
interface_index(const char *name)
{
	char *end = NULL;
	unsigned index = if_nametoindex(name);

	if (index > 0 || name[0] < '0' || name[0] > '9')
		return index;
	unsigned long number = strtoul(name, &end, 10);
	return *end == '\0' && number <= UINT16_MAX ? (unsigned)number : 0;
}

/* connect() and bind() need the scope only for link-local addresses, but it is always set. */
enum pz_err
pz_sockaddr_make(const struct pz_netaddr *address, uint16_t port, union pz_sockaddr *out,
		 struct pz_errinfo *info)
{
	union pz_sockaddr made = {.v6 = {0}};

	if (pz_netaddr_lacks_interface(address))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "a link-local address needs its network interface, as in "
			       "fe80::1%%eth0");
	if (!address->is_v6) {
		made.v4.sin_family = AF_INET;
		made.v4.sin_port = htons(port);
		memcpy(&made.v4.sin_addr, address->bytes, sizeof(made.v4.sin_addr));
		*out = made;
		return PZ_OK;
	}
	made.v6.sin6_family = AF_INET6;
	made.v6.sin6_port = htons(port);
	memcpy(&made.v6.sin6_addr, address->bytes, sizeof(made.v6.sin6_addr));
	if (address->interface[0]) {
		made.v6.sin6_scope_id = interface_index(address->interface);
		if (made.v6.sin6_scope_id == 0)
			return pz_fail(info, PZ_ERR_IO, "there is no network interface '%s' here",
				       address->interface);
	}
	*out = made;
	return PZ_OK;
}

socklen_t
pz_sockaddr_len(const union pz_sockaddr *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

uint16_t
pz_sockaddr_port(const union pz_sockaddr *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
						       : address->v6.sin6_port);
}

void
pz_sockaddr_set_port(union pz_sockaddr *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET)
		address->v4.sin_port = htons(port);
	else
		address->v6.sin6_port = htons(port);
}

void
pz_sockaddr_text(const union pz_sockaddr *address, char *out, size_t size)
{
	char interface[IF_NAMESIZE];

	out[0] = '\0';
	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, out, (socklen_t)size);
		/* An IPv6 socket shows IPv4 clients as ::ffff:a.b.c.d; people and limits use the
		 * short form. */
	} else if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) {
		inet_ntop(AF_INET, &address->v6.sin6_addr.s6_addr[12], out, (socklen_t)size);
	} else {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, out, (socklen_t)size);
		size_t len = strlen(out);
		if (address->v6.sin6_scope_id != 0 &&
		    if_indextoname(address->v6.sin6_scope_id, interface))
			snprintf(out + len, size - len, "%%%s", interface);
	}
}
