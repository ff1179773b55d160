/* HOST[:PORT] as people type it; an IPv6 address with a port has brackets. */
#include "cli/host.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"

bool
pz_cli_parse_port(const char *text, unsigned *out_port)
{
	char *rest;
	unsigned long number = isdigit((unsigned char)text[0]) ? strtoul(text, &rest, 10) : 0;

	if (number == 0 || number > 65535 || *rest != '\0')
		return false;
	*out_port = (unsigned)number;
	return true;
}

bool
pz_cli_split_host(const char *text, char host[PZ_HOST_BYTES_MAX + 1], unsigned *out_port)
{
	bool bracketed = text[0] == '[';
	const char *from = bracketed ? text + 1 : text;
	const char *end = strchr(from, bracketed ? ']' : ':');
	const char *port = NULL;

	if (bracketed) {
		if (end == NULL || (end[1] != ':' && end[1] != '\0'))
			return false;
		port = end[1] == ':' ? end + 2 : NULL;
	} else if (end && strchr(end + 1, ':') == NULL) {
		port = end + 1;
	} else {
		end = text + strlen(text); /* no colon, or several: then all of it is an address */
	}
	if (end == from || end - from > PZ_HOST_BYTES_MAX)
		return false;
	memcpy(host, from, (size_t)(end - from));
	host[end - from] = '\0';
	if (!pz_host_is_dialable(host))
		return false;
	return port == NULL || pz_cli_parse_port(port, out_port);
}
