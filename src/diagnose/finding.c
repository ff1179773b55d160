/*
 * The list of findings of `pzp doctor`, as JSON: one object for each check. Names are for scripts
 * and never change; titles are for people (finding.h).
 */
#include "diagnose/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_BYTES 1024

static const struct {
	const char *name, *title;
} checks[] = {
#define X(enumerator, name, title) {name, title},
	PZ_CHECK_LIST(X)
#undef X
};

const char *
pz_check_name(enum pz_check check)
{
	return checks[check].name;
}

const char *
pz_check_title(const char *name)
{
	for (size_t i = 0; i < PZ_CHECK_COUNT; i++)
		if (strcmp(checks[i].name, name) == 0)
			return checks[i].title;
	return name;
}

PZ_PRINTF(5, 0)
static void
add(json_t *list, enum pz_check check, bool is_ok, const char *advice, const char *fmt, va_list ap)
{
	char detail[DETAIL_BYTES];

	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	(void)json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s?}", "check",
						    pz_check_name(check), "ok", (int)is_ok,
						    "detail", detail, "advice", advice));
}

void
pz_finding_ok(json_t *list, enum pz_check check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(list, check, true, NULL, fmt, ap);
	va_end(ap);
}

void
pz_finding_bad(json_t *list, enum pz_check check, const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(list, check, false, advice, fmt, ap);
	va_end(ap);
}

/* A check that could not run has found nothing wrong: `ok` stays true for programs that read only
 * this member. */
void
pz_finding_skipped(json_t *list, enum pz_check check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(list, check, true, NULL, fmt, ap);
	va_end(ap);
	(void)json_object_set_new(json_array_get(list, json_array_size(list) - 1), "skipped",
				  json_true());
}

bool
pz_findings_are_ok(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_false(json_object_get(json_array_get(list, i), "ok")))
			return false;
	return true;
}
