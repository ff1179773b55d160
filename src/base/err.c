/* Names and texts of errors come from one list (PZ_ERR_LIST). pz_fail is used everywhere an error
 * gets a detail, so it is also the place where text of a peer is made safe to show. */
#include "base/err.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum pz_err_category
pz_err_category(enum pz_err err)
{
	return (enum pz_err_category)((unsigned)err >> 8);
}

const char *
pz_err_text(enum pz_err err)
{
	switch (err) {
	case PZ_OK:
		return "success";
#define X(name, cat, num, text)                                                                    \
	case PZ_ERR_##name:                                                                        \
		return text;
		PZ_ERR_LIST(X)
#undef X
	}
	return "unknown error";
}

const char *
pz_err_name(enum pz_err err)
{
	switch (err) {
	case PZ_OK:
		return "OK";
#define X(name, cat, num, text)                                                                    \
	case PZ_ERR_##name:                                                                        \
		return #name;
		PZ_ERR_LIST(X)
#undef X
	}
	return "UNKNOWN";
}

/* The text ends in terminals, logs and JSON strings: only printable UTF-8 survives. */
static void
clean(char *text)
{
	uint8_t *p = (uint8_t *)text;
	size_t len = strlen(text);

	for (size_t at = 0; at < len;) {
		size_t n = pz_utf8_printable_char(p + at, len - at);
		if (n == 0) {
			p[at] = '?';
			n = 1;
		}
		at += n;
	}
}

enum pz_err
pz_fail(struct pz_errinfo *info, enum pz_err err, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (info == NULL)
		return err;
	va_start(ap, fmt);
	n = vsnprintf(info->text, sizeof(info->text), fmt, ap);
	va_end(ap);
	if (n < 0)
		info->text[0] = '\0';
	clean(info->text);
	return err;
}

const char *
pz_errinfo_text(const struct pz_errinfo *info, enum pz_err err)
{
	return info->text[0] ? info->text : pz_err_text(err);
}
