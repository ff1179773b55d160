/* Why something failed, in one line for people: the step and the address, each once. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pzp/internal.h"
#include "pzp/moved.h"

#define SECONDS(us) ((unsigned)((us) / PZ_US_PER_S))

/* Does the detail say it already? "connection refused", "10.0.0.7 port 8041: Connection refused" */
static bool
has_text(const char *detail, const char *text)
{
	return strcasestr(detail, text) != NULL;
}

const char *
reason_of(enum pz_err err, const char *detail, struct pz_errinfo *out)
{
	const char *text = pz_err_text(err);

	/* What the category says is less than what the detail says of it. */
	if (detail[0] && (has_text(detail, text) || err == PZ_ERR_IO || err == PZ_ERR_CONFIG))
		text = "";
	(void)pz_fail(out, err, "%s%s%s", text, text[0] && detail[0] ? ": " : "", detail);
	return out->text;
}

const char *
reason_of_dial(enum pz_err err, const char *detail, struct pz_errinfo *out)
{
	struct pz_errinfo text;

	if (err == PZ_ERR_IO_RESOLVE)
		(void)pz_fail(out, err, "the name was not found: %s; check the name and the DNS",
			      detail);
	else
		(void)pz_fail(out, err, "cannot connect to %s", reason_of(err, detail, &text));
	return out->text;
}

/* ---- what took too long ---- */

static const char *
hub_step(const struct pz_node *node)
{
	if (node->hub.link == NULL)
		return "the connection to";
	return node->hub.link->secured ? "the registration at" : "the TLS handshake with";
}

void
node_explain_timeout(void *arg, enum pz_state state, char *out, size_t size)
{
	const struct pz_node *node = arg;
	const struct pz_hub_address *at = moved_in_use(node);
	char step[320];

	if (state == PZ_STATE_VIRGIN_CONNECTING || state == PZ_STATE_VIRGIN_CONNECTED)
		snprintf(out, size, "timed out: %s was not completed within %u s",
			 enrolment_step(node, step, sizeof(step)),
			 SECONDS(2 * PZ_CONNECT_TIMEOUT_US));
	else if (state == PZ_STATE_CONNECTING)
		snprintf(out, size, "timed out: %s %s port %u was not completed within %u s",
			 hub_step(node), at->host, (unsigned)at->port,
			 SECONDS(PZ_CONNECT_TIMEOUT_US));
}
