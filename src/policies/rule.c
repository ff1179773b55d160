/* The texts of a short rule. */
#include "policies/rule.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"

#define OWNER "http://webinos.org/subject/id/PZ-Owner"

static void
who_text(const struct pz_rule *rule, char *out, size_t size)
{
	if (rule->app)
		snprintf(out, size, "The app %s", rule->app);
	else if (rule->zone && rule->device)
		snprintf(out, size, "The device %s of %s", rule->device, rule->zone);
	else if (rule->zone)
		snprintf(out, size, "The zone %s", rule->zone);
	else if (rule->device)
		snprintf(out, size, "The device %s", rule->device);
	else
		snprintf(out, size, "My devices");
}

static bool
is_about_files(const struct pz_rule *rule)
{
	return strcmp(rule->api, PZ_RULE_FILE_API) == 0 && rule->function &&
	       strcmp(rule->function, PZ_RULE_FILE_FUNCTION) == 0;
}

/* "test on tv", "get42 of test", "files to tv". */
static void
what_text(const struct pz_rule *rule, char *out, size_t size)
{
	/* A rule for another zone without a device grants more than a user would expect. */
	const char *target = rule->target ? rule->target : rule->zone ? "all my devices" : "";

	if (is_about_files(rule))
		snprintf(out, size, "send files%s%s", target[0] ? " to " : "", target);
	else
		snprintf(out, size, "use %s%s%s%s%s", rule->function ? rule->function : "",
			 rule->function ? " of " : "", rule->api, target[0] ? " on " : "", target);
}

void
pz_rule_sentence(const struct pz_rule *rule, char *out, size_t size)
{
	char who[PZ_ADDRESS_BYTES_MAX + PZ_SYNC_KEY_BYTES_MAX], until[64] = "", calls[48] = "";
	char what[PZ_POLICY_ATTRIBUTE_BYTES_MAX / 4];
	const char *verb = rule->effect == PZ_POLICY_PERMIT ? "may"
			   : rule->effect == PZ_POLICY_DENY ? "may not"
							    : "may, when I agree,";

	who_text(rule, who, sizeof(who));
	if (rule->until_s) {
		time_t end = (time_t)rule->until_s;
		struct tm tm;

		if (localtime_r(&end, &tm) == NULL ||
		    strftime(until, sizeof(until), " until %Y-%m-%d %H:%M:%S", &tm) == 0)
			until[0] = '\0';
	}
	if (rule->counter)
		snprintf(calls, sizeof(calls), ", %llu %s", (unsigned long long)rule->calls,
			 rule->calls == 1 ? "call" : "calls");
	what_text(rule, what, sizeof(what));
	snprintf(out, size, "%s %s %s%s%s.", who, verb, what, until, calls);
}

enum pz_err
pz_rule_append_escaped(struct pz_buf *buf, const char *text)
{
	for (;;) {
		size_t plain = strcspn(text, "&<\"");

		PZ_TRY(pz_buf_append(buf, pz_slice_of(text, plain)));
		text += plain;
		if (*text == '\0')
			return PZ_OK;
		PZ_TRY(pz_buf_append_str(buf, *text == '&'   ? "&amp;"
					      : *text == '<' ? "&lt;"
							     : "&quot;"));
		text++;
	}
}

static enum pz_err
append_match(struct pz_buf *buf, const char *kind, const char *attr, const char *value)
{
	if (value == NULL)
		return PZ_OK;
	PZ_TRY(pz_buf_printf(buf, "\n\t\t\t<%s-match attr=\"%s\" func=\"equal\" match=\"", kind,
			     attr));
	PZ_TRY(pz_rule_append_escaped(buf, value));
	return pz_buf_printf(buf, "\"/>");
}

/* An api covers its parts, which `equal` would not. The order is fixed: `pzp unshare` finds a rule
 * by these bytes (find_share). */
enum pz_err
pz_rule_append_conditions(struct pz_buf *buf, const struct pz_rule *rule)
{
	PZ_TRY(append_match(buf, "subject", "user-id", rule->zone ? rule->zone : OWNER));
	PZ_TRY(append_match(buf, "subject", "requestor-id", rule->device));
	/* `uri` is known only on the device of the app, its id everywhere. */
	PZ_TRY(append_match(buf, "subject", "id", rule->app_id));
	PZ_TRY(pz_buf_printf(buf, "\n\t\t\t<resource-match attr=\"api-feature\" match=\""));
	PZ_TRY(pz_rule_append_escaped(buf, rule->api));
	PZ_TRY(pz_buf_printf(buf, "\"/>"));
	PZ_TRY(append_match(buf, "resource", "service-id", rule->service_id));
	PZ_TRY(append_match(buf, "resource", "function", rule->function));
	PZ_TRY(append_match(buf, "subject", "target-id", rule->target));
	return PZ_OK;
}

#define LESS_THAN "\n\t\t\t<environment-match attr=\"%s\" func=\"less-than\" match=\"%llu\"/>"

static enum pz_err
append_end(struct pz_buf *buf, const struct pz_rule *rule)
{
	if (rule->until_s)
		PZ_TRY(pz_buf_printf(buf, LESS_THAN, "time", (unsigned long long)rule->until_s));
	if (rule->counter)
		PZ_TRY(pz_buf_printf(buf, LESS_THAN, rule->counter,
				     (unsigned long long)rule->calls));
	return PZ_OK;
}

enum pz_err
pz_rule_append(struct pz_buf *buf, const struct pz_rule *rule, const char *id)
{
	char sentence[PZ_POLICY_ATTRIBUTE_BYTES_MAX / 2];

	pz_rule_sentence(rule, sentence, sizeof(sentence));
	PZ_TRY(pz_buf_printf(buf, "\n\t\t<rule id=\"%s\" effect=\"%s\"\n\t\t\tdescription=\"", id,
			     pz_policy_effect_name(rule->effect)));
	PZ_TRY(pz_rule_append_escaped(buf, sentence));
	PZ_TRY(pz_buf_printf(buf, "\">\n\t\t\t<condition combine=\"and\">"));
	PZ_TRY(pz_rule_append_conditions(buf, rule));
	PZ_TRY(append_end(buf, rule));
	return pz_buf_printf(buf, "\n\t\t\t</condition>\n\t\t</rule>");
}
