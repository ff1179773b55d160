/*
 * The link of an enrolment: pzp://host:port/zone?code=12345678, as text and QR code. Buffers that
 * held the code are wiped.
 */
#include "enrol/link.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "enrol/code.h"
#include "wire/hub_link.h"

#define SCHEME "pzp://"
#define LINK_BYTES_MAX 2048 /* every byte of host and zone escaped, and the rest */

enum pz_err
pz_enrol_link_format(const char *host, uint16_t port, const char *zone, const char *digits,
		     struct pz_buf *out)
{
	struct pz_buf text;
	pz_buf_init(&text, LINK_BYTES_MAX, NULL);
	enum pz_err err = pz_hub_link_format(SCHEME, host, port, zone, &text);
	if (err == PZ_OK && digits)
		err = pz_buf_printf(&text, "?code=%s", digits);
	if (err == PZ_OK) /* all or nothing */
		err = pz_buf_append(out, pz_buf_slice(&text));
	pz_buf_wipe(&text);
	return err;
}

static enum pz_err
parse_code(struct pz_slice value, struct pz_enrol_link *out)
{
	char typed[32];
	enum pz_err err = pz_hub_link_decode(value, typed, sizeof(typed));
	if (err == PZ_OK)
		err = out->code[0] == '\0' ? pz_code_parse(typed, out->code) : PZ_ERR_CONFIG;
	sodium_memzero(typed, sizeof(typed));
	return err;
}

/** The parameters after '?', up to the end. */
static enum pz_err
parse_query(struct pz_slice text, struct pz_enrol_link *out, struct pz_errinfo *info)
{
	struct pz_slice name, value;
	while (pz_hub_link_next(&text, &name, &value)) {
		if (!pz_slice_eq_str(name, "code"))
			continue;
		enum pz_err err = parse_code(value, out);
		if (err == PZ_ERR_LIMIT_MEMORY)
			return err;
		if (err != PZ_OK)
			return pz_fail(info, PZ_ERR_CONFIG,
				       "the link's code is not one code of %d digits",
				       PZ_CODE_DIGITS);
	}
	return PZ_OK;
}

enum pz_err
pz_enrol_link_parse(const char *link, struct pz_enrol_link *out, struct pz_errinfo *info)
{
	struct pz_enrol_link parsed = {.port = 0};
	struct pz_hub_link to;

	sodium_memzero(out, sizeof(*out));
	enum pz_err err = pz_hub_link_parse(SCHEME, link, &to, info);
	if (err == PZ_ERR_NOTFOUND)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "not an enrolment link: it must look like " SCHEME
			       "<host>:<port>/<zone>?code=<code>");
	PZ_TRY(err);
	snprintf(parsed.host, sizeof(parsed.host), "%s", to.host);
	snprintf(parsed.zone, sizeof(parsed.zone), "%s", to.zone);
	parsed.port = to.port;
	err = parse_query(to.query, &parsed, info);
	if (err == PZ_OK)
		*out = parsed;
	sodium_memzero(&parsed, sizeof(parsed));
	return err;
}
