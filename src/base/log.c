#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timer.h"
#include "base/utf8.h"

#define TEXT_BYTES 2048 /* of one event, escapes and NUL included */
#define ID_BYTES 64

static const struct {
	enum pz_log_level level;
	const char *name;
	const char *label;
} levels[] = {
	{PZ_LOG_ERROR, "error", "ERROR"},    {PZ_LOG_WARNING, "warning", "WARNING"},
	{PZ_LOG_NOTICE, "notice", "NOTICE"}, {PZ_LOG_INFO, "info", "INFO"},
	{PZ_LOG_DEBUG, "debug", "DEBUG"},
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

static const char *
label_of(enum pz_log_level level)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (levels[i].level == level)
			return levels[i].label;
	}
	return "LOG";
}

/* One write for the whole line, so that lines of several threads or processes do not mix. */
static void
stderr_sink(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	char line[TEXT_BYTES + ID_BYTES + 16];
	ssize_t done;
	int n;

	(void)arg;
	if (getenv("JOURNAL_STREAM")) /* sd-daemon(3): the priority as a prefix */
		n = snprintf(line, sizeof(line), "<%d>%.*s %s\n", (int)level, ID_BYTES, id, text);
	else
		n = snprintf(line, sizeof(line), "%s %.*s %s\n", label_of(level), ID_BYTES, id,
			     text);
	if (n < 0)
		return;
	do {
		done = write(STDERR_FILENO, line, (size_t)n);
	} while (done < 0 && errno == EINTR);
}

static pz_log_sink the_sink = stderr_sink;
static void *the_sink_arg;

void
pz_log_set_sink(pz_log_sink sink, void *arg)
{
	the_sink = sink ? sink : stderr_sink;
	the_sink_arg = arg;
}

/* Copies what a terminal may show; anything else becomes \xNN. Ends with "..." when cut. */
static void
escape(const char *raw, char out[TEXT_BYTES])
{
	const uint8_t *p = (const uint8_t *)raw;
	size_t len = strlen(raw), to = 0;

	for (size_t at = 0; at < len;) {
		size_t n = pz_utf8_printable_char(p + at, len - at);
		if (to + 4 + sizeof("...") > TEXT_BYTES) { /* a step writes at most four bytes */
			memcpy(out + to, "...", 3);
			to += 3;
			break;
		}
		if (n == 0) {
			snprintf(out + to, 5, "\\x%02x", p[at]);
			to += 4;
			at++;
		} else {
			memcpy(out + to, p + at, n);
			to += n;
			at += n;
		}
	}
	out[to] = '\0';
}

void
pz_log_write(enum pz_log_level level, const char *id, const char *fmt, ...)
{
	char raw[TEXT_BYTES], text[TEXT_BYTES];
	int saved = errno; /* logging between a call and the look at its errno must not hurt */
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	if (n < 0)
		snprintf(raw, sizeof(raw), "(not printable)");
	escape(raw, text);
	the_sink(the_sink_arg, level, id, text);
	errno = saved;
}

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
