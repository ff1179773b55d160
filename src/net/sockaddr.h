/* Socket addresses from parsed text and back; only files of net/ need them. */
#ifndef PZ_NET_SOCKADDR_H
#define PZ_NET_SOCKADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/netaddr.h"

/** The addresses that we listen on, connect to and accept from. */
union pz_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/**
 * The socket address of a numeric address.
 * Errors: CONFIG (a link-local IPv6 address without its interface), IO (no such interface here
 * now); the detail says which.
 */
enum pz_err pz_sockaddr_make(const struct pz_netaddr *address, uint16_t port,
			     union pz_sockaddr *out, struct pz_errinfo *info) PZ_MUST_USE;
/** What connect() and bind() want to know. */
socklen_t pz_sockaddr_len(const union pz_sockaddr *address);
/** The port in host byte order. */
uint16_t pz_sockaddr_port(const union pz_sockaddr *address);
/** Sets the port. @param port host byte order */
void pz_sockaddr_set_port(union pz_sockaddr *address, uint16_t port);
/** Without port; IPv4 also where it is mapped into IPv6; link-local IPv6 with its interface.
 * @param out at least PZ_NETADDR_CHARS bytes */
void pz_sockaddr_text(const union pz_sockaddr *address, char *out, size_t size);

#endif
