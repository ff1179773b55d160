/*
 * One line for each event: formatted, then made safe. Values of fields may be text of a peer, so
 * control characters become \xNN and values with blanks are quoted; otherwise a peer could forge
 * fields or lines.
 *
 * Which parts of the text are values is found by formatting the beginning of the format again
 * (length_until), since vsnprintf does not say where a conversion begins. That costs only lines
 * with "key=%s" fields.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log_stderr.h"
#include "base/timer.h"
#include "base/utf8.h"

#define TEXT_BYTES 2048 /* of one event, escapes and NUL included */
#define FIELDS_MAX 8

static const struct {
	enum pz_log_level level;
	const char *name;
} levels[] = {
	{PZ_LOG_ERROR, "error"}, {PZ_LOG_WARNING, "warning"}, {PZ_LOG_NOTICE, "notice"},
	{PZ_LOG_INFO, "info"},   {PZ_LOG_DEBUG, "debug"},
};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

enum pz_log_level pz_log_threshold = PZ_LOG_INFO;

enum pz_err
pz_log_level_parse(const char *name, enum pz_log_level *out_level)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (name && strcmp(name, levels[i].name) == 0) {
			*out_level = levels[i].level;
			return PZ_OK;
		}
	}
	return PZ_ERR_CONFIG;
}

static pz_log_sink the_sink = pz_log_stderr;
static void *the_sink_arg;

void
pz_log_set_sink(pz_log_sink sink, void *arg)
{
	the_sink = sink ? sink : pz_log_stderr;
	the_sink_arg = arg;
}

/* ---- fields ---- */

/* A value of a field in the formatted text. Quoted where it would not read as one word (logfmt). */
struct span {
	size_t from, to;
};

struct spans {
	struct span quoted[FIELDS_MAX]; /* in order */
	size_t len;
	struct span left_out; /* "suppressed=0 ": it says that nothing happened */
};

#pragma GCC diagnostic push
/* What is formatted is the beginning of a format that the compiler has checked. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static size_t
length_until(const char *fmt, size_t at, va_list ap)
{
	char begin[TEXT_BYTES];
	va_list copy;
	int n;

	if (at >= sizeof(begin))
		return TEXT_BYTES;
	memcpy(begin, fmt, at);
	begin[at] = '\0';
	va_copy(copy, ap);
	n = vsnprintf(NULL, 0, begin, copy);
	va_end(copy);
	return n >= 0 && n < TEXT_BYTES ? (size_t)n : TEXT_BYTES - 1;
}
#pragma GCC diagnostic pop

/* Length of the conversion at fmt; 0 when it is not %s, %.*s or %u, or is not the whole value of a
 * field. */
static size_t
conversion_len(const char *fmt)
{
	static const char *const known[] = {"%s", "%.*s", "%u"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i]);
		if (strncmp(fmt, known[i], len) == 0 && (fmt[len] == ' ' || fmt[len] == '\0'))
			return len;
	}
	return 0;
}

/* True when the value would not read as one word. */
static bool
is_quoted(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)value[i] <= ' ' || strchr("\"=\\", value[i]))
			return true;
	}
	return false;
}

/* Finds the values of "key=%s" in the text that fmt made. */
static void
find_fields(const char *fmt, va_list ap, const char *raw, struct spans *out)
{
	size_t raw_len = strlen(raw), word = 0; /* where the current word of fmt begins */

	*out = (struct spans){.len = 0};
	for (size_t at = 0; fmt[at] && out->len < FIELDS_MAX; at++) {
		if (fmt[at] == ' ')
			word = at + 1;
		size_t len = fmt[at] == '=' && at > word ? conversion_len(fmt + at + 1) : 0;
		if (len == 0)
			continue;
		struct span value = {length_until(fmt, at + 1, ap),
				     length_until(fmt, at + 1 + len, ap)};
		if (value.from > raw_len || value.to > raw_len)
			return; /* cut off */
		if (strncmp(fmt + word, "suppressed=", at + 1 - word) == 0 &&
		    strncmp(raw + value.from, "0 ", 2) == 0)
			out->left_out = (struct span){value.from - (at + 1 - word), value.to + 1};
		else if (is_quoted(raw + value.from, value.to - value.from))
			out->quoted[out->len++] = value;
	}
}

/* ---- text ---- */

struct text {
	char *out; /* TEXT_BYTES */
	size_t len;
};

static void
add(struct text *text, const char *bytes, size_t len)
{
	memcpy(text->out + text->len, bytes, len);
	text->len += len;
}

/* One character: as it is where a terminal may show it, else \xNN. Returns the bytes read. */
static size_t
add_char(struct text *text, const char *raw, size_t left, bool in_quotes)
{
	size_t n = pz_utf8_printable_char((const uint8_t *)raw, left);
	char hex[5];

	if (n == 0) {
		snprintf(hex, sizeof(hex), "\\x%02x", (uint8_t)raw[0]);
		add(text, hex, 4);
		return 1;
	}
	if (in_quotes && (raw[0] == '"' || raw[0] == '\\'))
		add(text, "\\", 1);
	add(text, raw, n);
	return n;
}

/* Copies what a terminal may show; anything else becomes \xNN. Ends with "..." when cut. */
static void
escape(const char *raw, const struct spans *spans, char out[TEXT_BYTES])
{
	struct text text = {.out = out};
	size_t len = strlen(raw), next = 0;
	bool in_quotes = false;

	for (size_t at = 0; at < len;) {
		if (at == spans->left_out.from && spans->left_out.to > at) {
			at = spans->left_out.to;
			continue;
		}
		/* a step writes at most six bytes: both quotes and four */
		if (text.len + 6 + sizeof("...\"") > TEXT_BYTES) {
			add(&text, "...", 3);
			break;
		}
		if (next < spans->len && at == spans->quoted[next].from) {
			add(&text, "\"", 1);
			in_quotes = true;
		}
		at += add_char(&text, raw + at, len - at, in_quotes);
		if (in_quotes && at >= spans->quoted[next].to) {
			add(&text, "\"", 1);
			in_quotes = false;
			next++;
		}
	}
	if (in_quotes)
		add(&text, "\"", 1);
	out[text.len] = '\0';
}

void
pz_log_write(enum pz_log_level level, const char *id, const char *fmt, ...)
{
	char raw[TEXT_BYTES], text[TEXT_BYTES];
	int saved = errno; /* logging between a call and the look at its errno must not hurt */
	struct spans spans = {.len = 0};
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n < 0)
		snprintf(raw, sizeof(raw), "(not printable)");
	else
		find_fields(fmt, again, raw, &spans);
	va_end(again);
	va_end(ap);
	escape(raw, &spans, text);
	the_sink(the_sink_arg, level, id, text);
	errno = saved;
}

/* ---- rates ---- */

bool
pz_log_allow(struct pz_log_rate *rate, uint64_t now_us, uint32_t burst, uint32_t *out_suppressed)
{
	uint64_t second = now_us / PZ_US_PER_S;

	if (second != rate->second) {
		rate->second = second;
		rate->used = 0;
	}
	if (rate->used >= burst) {
		if (rate->suppressed < UINT32_MAX)
			rate->suppressed++;
		return false;
	}
	rate->used++;
	if (out_suppressed)
		*out_suppressed = rate->suppressed;
	rate->suppressed = 0;
	return true;
}
