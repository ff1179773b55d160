/* Numeric network addresses as text: the one parser of them, for settings, commands, links and
 * messages. */
#ifndef PZ_BASE_NETADDR_H
#define PZ_BASE_NETADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest name of a network interface, without NUL (IFNAMSIZ of net/if.h). */
#define PZ_INTERFACE_BYTES_MAX 15

struct pz_netaddr {
	uint8_t bytes[16];                          /* network byte order; of IPv4 the first four */
	char interface[PZ_INTERFACE_BYTES_MAX + 1]; /* behind '%' (RFC 4007 11), or "" */
	bool is_v6;
};

/**
 * Reads "192.0.2.1", "2001:db8::1" or "fe80::1%eth0"; without brackets, port or spaces.
 * @param text NUL-terminated
 * @return false: no such text; out is untouched
 */
bool pz_netaddr_parse(const char *text, struct pz_netaddr *out);
/** fe80::/10 or 169.254/16: means nothing outside its own network. */
bool pz_netaddr_is_link_local(const struct pz_netaddr *address);
/** True for loopback: ::1 or 127.0.0.0/8. */
bool pz_netaddr_is_loopback(const struct pz_netaddr *address);
/** True for private addresses: fc00::/7 (RFC 4193), or 10/8, 172.16/12, 192.168/16 (RFC 1918). */
bool pz_netaddr_is_private(const struct pz_netaddr *address);
/** A link-local IPv6 address that names no interface: the system cannot use it. */
bool pz_netaddr_lacks_interface(const struct pz_netaddr *address);

#endif
