/* One request's head, taken apart. The HTTP parser of the distribution is behind this file. */
#ifndef PZ_HTTP_REQUEST_H
#define PZ_HTTP_REQUEST_H

#include <stdbool.h>

#include "base/slice.h"

enum pz_http_method {
	PZ_HTTP_GET,
	PZ_HTTP_HEAD,
	PZ_HTTP_OPTIONS, /* a preflight of a page from elsewhere, and no other */
};

/** A request. Slices borrow from the head; an absent field is empty. */
struct pz_http_request {
	enum pz_http_method method;
	struct pz_slice path; /* as it was sent, nothing is decoded; without the query */
	struct pz_slice host; /* as it was sent, with its port */
	struct pz_slice origin;
	struct pz_slice authorization; /* a secret: it is not logged */
	bool has_origin, has_authorization;
	bool is_upgrade;  /* it wants the protocol websocket */
	bool keeps_alive; /* the connection may serve another request */
	struct pz_slice websocket_key, websocket_version;
	/* Of a preflight: the method that the page wants, and by which names its browser asks
	 * whether the page may reach this machine. */
	struct pz_slice asked_method;
	bool asks_private, asks_local;
};

/**
 * Takes a head apart that pz_http_lines_look has let pass.
 * @param head whole, with its empty line
 * @param out untouched where it is refused
 * @return 0, or the status that refuses it: 400 (malformed; a field twice that may be there once;
 * a target that is no path; no Host), 405 (OPTIONS, too, where it is no preflight for this
 * machine), 413 (a body: nothing here takes one), 505
 * @spec RFC 9112 3, 6; RFC 6455 4.2.1; page 11
 */
int pz_http_request_parse(struct pz_slice head, struct pz_http_request *out);

/** True when a list of tokens with commas has this one, in any case. @spec RFC 9110 5.6.1 */
bool pz_http_has_token(struct pz_slice list, const char *token);

#endif
