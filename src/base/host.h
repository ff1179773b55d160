/* What a host is: the one rule for names and addresses that people, links and messages give. */
#ifndef PZ_BASE_HOST_H
#define PZ_BASE_HOST_H

#include <stdbool.h>

#include "base/limits.h"

enum pz_host_kind {
	PZ_HOST_NONE,        /* not a host */
	PZ_HOST_NAME,        /* a DNS name: labels of letters, digits, '-' and '_' */
	PZ_HOST_IPV4,        /* "192.0.2.1" */
	PZ_HOST_IPV6,        /* "2001:db8::1", without brackets */
	PZ_HOST_IPV6_SCOPED, /* "fe80::1%eth0": means something on this machine only */
};

/**
 * What kind of host a text is, judged by its form alone.
 * A name has at most PZ_HOST_BYTES_MAX bytes and labels of 1 to 63, none of which begins or ends
 * with '-'; its last label is not a number (a wrong IPv4 address is not a name); it may end with
 * one
 * '.'. '_' is allowed: private networks use it.
 * @param host NUL-terminated, not NULL
 * @spec RFC 1035 2.3.1, RFC 1123 2.1, RFC 4291 2.2, RFC 4007 11
 */
enum pz_host_kind pz_host_kind(const char *host);

/** True for a host that other machines can use too: any kind but a scoped one. */
bool pz_host_is_valid(const char *host);

/** True for a host that this machine may dial: any kind. */
bool pz_host_is_dialable(const char *host);

/** True for "host:port" (or "[address]:port") with a valid host: what people write where only a
 * host belongs. */
bool pz_host_has_port(const char *text);

#endif
