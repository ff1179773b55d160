/* Why there is no link to the hub, in one line for `status` and the log. */
#include "uplink/reason.h"

#include <stdbool.h>
#include <string.h>

/* True when the detail contains it: "connection refused", "10.0.0.7 port 8041: Connection refused"
 */
static bool
has_text(const char *detail, const char *text)
{
	return strcasestr(detail, text) != NULL;
}

const char *
pz_uplink_reason(enum pz_err err, const char *detail, struct pz_errinfo *out)
{
	const char *text = pz_err_text(err);

	/* The detail is more exact than the category. */
	if (detail[0] && (has_text(detail, text) || err == PZ_ERR_IO || err == PZ_ERR_CONFIG))
		text = "";
	(void)pz_fail(out, err, "%s%s%s", text, text[0] && detail[0] ? ": " : "", detail);
	return out->text;
}

const char *
pz_uplink_dial_reason(enum pz_err err, const char *detail, struct pz_errinfo *out)
{
	struct pz_errinfo text;

	if (err == PZ_ERR_IO_RESOLVE)
		(void)pz_fail(out, err, "the name was not found: %s; check the name and the DNS",
			      detail);
	else
		(void)pz_fail(out, err, "cannot connect to %s",
			      pz_uplink_reason(err, detail, &text));
	return out->text;
}
