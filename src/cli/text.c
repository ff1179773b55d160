/*
 * Text for terminals: cleaning, widths, times, tables. Cells may contain text from other devices,
 * so each is cleaned when it is added: control characters, malformed UTF-8 and characters that
 * reorder a line become "?". Widths are in columns (wcwidth), because tables with Chinese or
 * combining characters would otherwise be misaligned.
 */
#include "cli/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/utf8.h"

#define GAP 2 /* columns between columns */
#define CELL_BYTES 512
#define NARROW 6 /* columns; a cell is never cut to fewer */

/* ---- characters ---- */

/* The code point of one well-formed character of n bytes. */
static uint32_t
decode(const uint8_t *p, size_t n)
{
	static const uint8_t first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	if (n == 0 || n >= sizeof(first_mask))
		return 0;
	/* n bytes are present, as pz_utf8_char has counted; the analyser cannot see that. */
	/* NOLINTBEGIN(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	uint32_t c = p[0] & first_mask[n];
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	/* NOLINTEND(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	return c;
}

/* Format characters that reorder or break a line, so that a person reads something other than the
 * bytes mean. */
static bool
is_deceptive(uint32_t c)
{
	return (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0x061c || c == 0xfeff;
}

char *
pz_cli_clean(const char *text, bool keep_lines)
{
	size_t len = strlen(text);
	char *out = malloc(len + 1), *at = out;

	if (out == NULL)
		return NULL;
	while (len > 0) {
		const uint8_t *p = (const uint8_t *)text;
		size_t n = pz_utf8_char(p, len);
		bool kept_control = keep_lines && (*text == '\n' || *text == '\t');
		bool shown =
			n > 0 && pz_utf8_printable_char(p, len) > 0 && !is_deceptive(decode(p, n));

		if (n == 0)
			n = 1;
		if (shown || kept_control) {
			memcpy(at, text, n);
			at += n;
		} else {
			*at++ = '?';
		}
		text += n;
		len -= n;
	}
	*at = '\0';
	return out;
}

/* An ASCII character takes one column; only the others need wcwidth. */
size_t
pz_cli_width(const char *text)
{
	size_t width = 0, len = strlen(text);

	while (len > 0) {
		size_t n = pz_utf8_char((const uint8_t *)text, len);
		int w = n > 1 ? wcwidth((wchar_t)decode((const uint8_t *)text, n)) : 1;

		width += w < 0 ? 1 : (size_t)w; /* unknown in this locale: most take one column */
		text += n ? n : 1;
		len -= n ? n : 1;
	}
	return width;
}

const char *
pz_cli_member(const json_t *object, const char *key, char scratch[32])
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	scratch[0] = '\0';
	if (json_is_integer(value))
		snprintf(scratch, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(scratch, 32, "%g", json_real_value(value));
	return scratch;
}

/* ---- times ---- */

void
pz_cli_time(int64_t unix_s, char out[32])
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (unix_s == 0)
		snprintf(out, 32, "never");
	else if (localtime_r(&t, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(out, 32, "?");
}

void
pz_cli_span(uint64_t seconds, char out[32])
{
	unsigned long long s = seconds;

	if (s < 60)
		snprintf(out, 32, "%llu s", s);
	else if (s < 3600)
		snprintf(out, 32, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, 32, "%llu h %llu min", s / 3600, s / 60 % 60);
	else
		snprintf(out, 32, "%llu d %llu h", s / 86400, s / 3600 % 24);
}

/* ---- tables ---- */

struct cell {
	char *text; /* owned */
	size_t width;
	enum pz_cli_colour colour;
};

struct pz_cli_table {
	const char *const *titles;
	size_t columns;
	struct cell *cells; /* row after row */
	size_t count, cap;
	bool failed;
};

struct pz_cli_table *
pz_cli_table_new(const char *const *titles, size_t columns)
{
	struct pz_cli_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->titles = titles;
	t->columns = columns;
	for (size_t i = 0; titles && i < columns; i++)
		pz_cli_table_add(t, PZ_CLI_BOLD, titles[i]);
	return t;
}

void
pz_cli_table_free(struct pz_cli_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

static bool
grow(struct pz_cli_table *t)
{
	size_t cap = t->cap ? t->cap * 2 : 64;
	struct cell *cells;

	if (t->count < t->cap)
		return true;
	cells = realloc(t->cells, cap * sizeof(*cells));
	if (cells == NULL)
		return false;
	t->cells = cells;
	t->cap = cap;
	return true;
}

void
pz_cli_table_add(struct pz_cli_table *table, enum pz_cli_colour colour, const char *text)
{
	bool dash = table->titles && text[0] == '\0';
	char *clean;

	if (!grow(table) || (clean = pz_cli_clean(dash ? "-" : text, false)) == NULL) {
		table->failed = true;
		return;
	}
	table->cells[table->count++] =
		(struct cell){.text = clean, .width = pz_cli_width(clean), .colour = colour};
}

void
pz_cli_table_addf(struct pz_cli_table *table, enum pz_cli_colour colour, const char *fmt, ...)
{
	char text[CELL_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pz_cli_table_add(table, colour, text);
}

/* The widest cell of a column, including its title. */
static size_t
column_width(const struct pz_cli_table *t, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < t->count; i += t->columns)
		if (t->cells[i].width > width)
			width = t->cells[i].width;
	return width;
}

/* Reduces the widest columns until a row fits. A narrow column keeps its width. */
static void
fit(size_t *widths, size_t columns, size_t width)
{
	for (;;) {
		size_t sum = GAP * (columns - 1), widest = 0;

		for (size_t c = 0; c < columns; c++) {
			sum += widths[c];
			if (widths[c] > widths[widest])
				widest = c;
		}
		if (sum <= width || widths[widest] <= NARROW)
			return;
		widths[widest]--;
	}
}

size_t
pz_cli_prefix(const char *text, size_t columns, size_t *out_width)
{
	size_t len = strlen(text), at = 0, width = 0;

	while (at < len) {
		size_t n = pz_utf8_char((const uint8_t *)text + at, len - at);
		int w = n > 1 ? wcwidth((wchar_t)decode((const uint8_t *)text + at, n)) : 1;
		size_t wide = w < 0 ? 1 : (size_t)w;

		if (width + wide > columns)
			break;
		width += wide;
		at += n ? n : 1;
	}
	*out_width = width;
	return at;
}

/* @param room columns of the cell. @return columns that were printed */
static size_t
print_cell(const struct cell *cell, size_t room, FILE *out, bool colour)
{
	static const char *const codes[] = {
		[PZ_CLI_PLAIN] = "",         [PZ_CLI_BOLD] = "\033[1m",
		[PZ_CLI_GREEN] = "\033[32m", [PZ_CLI_YELLOW] = "\033[33m",
		[PZ_CLI_RED] = "\033[31m",
	};
	bool coloured = colour && cell->colour != PZ_CLI_PLAIN, is_cut = cell->width > room;
	size_t width = cell->width;
	size_t len = is_cut ? pz_cli_prefix(cell->text, room - 1, &width) : strlen(cell->text);

	fprintf(out, "%s%.*s%s%s", coloured ? codes[cell->colour] : "", (int)len, cell->text,
		is_cut ? "~" : "", coloured ? "\033[0m" : "");
	return width + (is_cut ? 1 : 0);
}

enum pz_err
pz_cli_table_print(const struct pz_cli_table *table, FILE *out, bool colour, size_t width)
{
	size_t rows = table->count / table->columns;
	size_t *widths = calloc(table->columns, sizeof(*widths));

	if (widths == NULL || table->failed) {
		free(widths);
		return PZ_ERR_LIMIT_MEMORY;
	}
	for (size_t c = 0; c < table->columns; c++)
		widths[c] = column_width(table, c);
	if (width > 0)
		fit(widths, table->columns, width);
	for (size_t i = 0; i < rows * table->columns; i++) {
		size_t room = widths[i % table->columns];
		bool last = (i + 1) % table->columns == 0;
		size_t printed = print_cell(&table->cells[i], room, out, colour);

		fprintf(out, last ? "\n" : "%*s", (int)(room - printed + GAP), "");
	}
	free(widths);
	return PZ_OK;
}

/* ---- rows that pzp and pzh share ---- */

/* @return bytes written to out, 0: the member is missing */
static int
day_text(const json_t *days, const char *name, const char *label, const char *before, char *out,
	 size_t size)
{
	const json_t *left = json_object_get(days, name);
	json_int_t n = json_integer_value(left);

	if (!json_is_integer(left))
		return 0;
	if (n < 0)
		return snprintf(out, size, "%s%s %" JSON_INTEGER_FORMAT " days ago", before, label,
				-n);
	return snprintf(out, size, "%s%s in %" JSON_INTEGER_FORMAT " days", before, label, n);
}

void
pz_cli_add_days(struct pz_cli_table *t, const json_t *days, const char *authority)
{
	const char *const names[][2] = {
		{"tls", "certificate"}, {"ca", authority}, {"crl", "revocation list"}};
	char text[200] = "";
	size_t len = 0;

	for (size_t i = 0; i < 3; i++)
		len += (size_t)day_text(days, names[i][0], names[i][1], len ? ", " : "", text + len,
					sizeof(text) - len);
	if (len == 0)
		return;
	pz_cli_table_add(t, PZ_CLI_BOLD, "ends");
	pz_cli_table_add(t, PZ_CLI_PLAIN, text);
}

void
pz_cli_add_warnings(struct pz_cli_table *t, const json_t *warnings)
{
	json_t *one;
	size_t i;

	json_array_foreach ((json_t *)warnings, i, one) {
		if (!json_is_string(one))
			continue;
		pz_cli_table_add(t, PZ_CLI_BOLD, "warning");
		pz_cli_table_add(t, PZ_CLI_RED, json_string_value(one));
	}
}
