/*
 * Logging: one line per event, a stable id, key=value fields; journald priorities under systemd.
 * @spec page 14 LOG-2, LOG-3, LOG-4, DOS-8
 */
#ifndef PZ_BASE_LOG_H
#define PZ_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"

/* error: needs a person. warning: odd, handled. notice: state changes a person wants to see.
 * info: normal life. debug: for developers; never secrets or payloads on any level. */
enum pz_log_level {
	PZ_LOG_ERROR = 3,
	PZ_LOG_WARNING = 4,
	PZ_LOG_NOTICE = 5,
	PZ_LOG_INFO = 6,
	PZ_LOG_DEBUG = 7,
};

/** Highest level that is written. Default PZ_LOG_INFO. */
extern enum pz_log_level pz_log_threshold;

/** Level by name ("error" ... "debug"). Errors: CONFIG. */
enum pz_err pz_log_level_parse(const char *name, enum pz_log_level *out_level) PZ_MUST_USE;

/** Where lines go; the default is pz_log_stderr. Tests replace it. */
typedef void (*pz_log_sink)(void *arg, enum pz_log_level level, const char *id, const char *text);
/** Replaces the sink. @param sink NULL: pz_log_stderr again; @param arg borrowed, passed to each
 * call */
void pz_log_set_sink(pz_log_sink sink, void *arg);

/**
 * Writes one line. Use through the macros. Control characters are shown as \xNN, length is bounded.
 * The value of a field "key=%s" or "key=%.*s" (up to the next blank of fmt) is put into double
 * quotes when it has blanks, quotes, backslashes or '='; "suppressed=%u" with the value 0 is left
 * out.
 * @param id stable, greppable, e.g. "link-refused"
 * @param fmt "key=value" fields and, last, text
 */
void pz_log_write(enum pz_log_level level, const char *id, const char *fmt, ...) PZ_PRINTF(3, 4);

#define PZ_LOG(level, ...)                                                                         \
	do {                                                                                       \
		if ((level) <= pz_log_threshold)                                                   \
			pz_log_write((level), __VA_ARGS__);                                        \
	} while (0)
#define pz_error(...) PZ_LOG(PZ_LOG_ERROR, __VA_ARGS__)
#define pz_warning(...) PZ_LOG(PZ_LOG_WARNING, __VA_ARGS__)
#define pz_notice(...) PZ_LOG(PZ_LOG_NOTICE, __VA_ARGS__)
#define pz_info(...) PZ_LOG(PZ_LOG_INFO, __VA_ARGS__)
#ifdef PZ_NO_DEBUG_LOG
#define pz_debug(...) ((void)0)
#else
#define pz_debug(...) PZ_LOG(PZ_LOG_DEBUG, __VA_ARGS__)
#endif

/** Counts the events of one second. */
struct pz_log_rate {
	uint64_t second;
	uint32_t used, suppressed;
};
/** Allows at most `burst` events a second. @return true when this one may be logged;
 * *out_suppressed then says how many were left out since the last one that was */
bool
pz_log_allow(struct pz_log_rate *rate, uint64_t now_us, uint32_t burst, uint32_t *out_suppressed);

/*
 * Lines that the messages of another one can cause, at most PZ_LOG_LINES_PER_S a second of each
 * rate: one rate for each device or address, which outlives its links. The first line after others
 * were left out says how many ("suppressed=N"). scripts/lint-log looks for lines without a rate.
 */
#define PZ_LOG_OF(level, rate, env, id, fmt, ...)                                                  \
	do {                                                                                       \
		uint32_t suppressed_ = 0;                                                          \
		if ((level) <= pz_log_threshold &&                                                 \
		    pz_log_allow((rate), pz_env_mono_us(env), PZ_LOG_LINES_PER_S, &suppressed_))   \
			pz_log_write((level), (id), "suppressed=%u " fmt, (unsigned)suppressed_,   \
				     ##__VA_ARGS__);                                               \
	} while (0)
#define pz_warning_of(rate, env, ...) PZ_LOG_OF(PZ_LOG_WARNING, rate, env, __VA_ARGS__)
#define pz_notice_of(rate, env, ...) PZ_LOG_OF(PZ_LOG_NOTICE, rate, env, __VA_ARGS__)
#define pz_info_of(rate, env, ...) PZ_LOG_OF(PZ_LOG_INFO, rate, env, __VA_ARGS__)

#endif
