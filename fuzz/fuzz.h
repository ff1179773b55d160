/* What the fuzz targets share: a check that ends the run, a world without chance, lines of input.
 */
#ifndef PZ_FUZZ_FUZZ_H
#define PZ_FUZZ_FUZZ_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/err.h"
#include "base/log.h"
#include "base/slice.h"
#include "wire/message.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What must hold. libFuzzer keeps the input when it does not. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define FUZZ_WALL_MS UINT64_C(1800000000000) /* 2027-01-15: within the dates of data/ */

/** Time and randomness of one input: the same for the same input. */
struct fuzz_world {
	struct pz_env env;
	struct pz_timers timers;
	uint64_t now_us, random;
};

static inline uint64_t
fuzz_mono(void *arg)
{
	return ((struct fuzz_world *)arg)->now_us;
}

static inline uint64_t
fuzz_wall(void *arg)
{
	return FUZZ_WALL_MS + ((struct fuzz_world *)arg)->now_us / PZ_US_PER_MS;
}

/* splitmix64 */
static inline void
fuzz_random(void *arg, void *out, size_t len)
{
	struct fuzz_world *w = arg;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = (w->random += UINT64_C(0x9e3779b97f4a7c15));
		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		((uint8_t *)out)[i] = (uint8_t)(z ^ z >> 31);
	}
}

static inline void
fuzz_world_init(struct fuzz_world *w)
{
	*w = (struct fuzz_world){.now_us = PZ_US_PER_S};
	w->env = (struct pz_env){fuzz_mono, fuzz_wall, fuzz_random, w, &w->timers};
	pz_message_seed_ids(1);
}

/** Lets time pass, timer by timer. */
static inline void
fuzz_pass(struct fuzz_world *w, uint64_t us)
{
	uint64_t until = w->now_us + us;

	for (uint64_t due; (due = pz_timers_next_us(&w->timers)) <= until;) {
		if (due > w->now_us)
			w->now_us = due;
		pz_timers_run(&w->timers, w->now_us);
	}
	w->now_us = until;
}

/* A log line must not be able to forge another one, whatever a peer sent. */
static inline void
fuzz_log(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg;
	(void)level;
	FUZZ_CHECK(id[0] != '\0');
	for (; *text; text++)
		FUZZ_CHECK((unsigned char)*text >= 0x20 && *text != 0x7f);
}

/** To be called by LLVMFuzzerInitialize. */
static inline void
fuzz_start(void)
{
	json_object_seed(1);
	pz_log_set_sink(fuzz_log, NULL);
	pz_log_threshold = PZ_LOG_DEBUG;
}

/** Takes the bytes up to the next line feed, which is dropped. Empty at the end. */
static inline struct pz_slice
fuzz_line(struct pz_slice *rest)
{
	const uint8_t *feed = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
	size_t len = feed ? (size_t)(feed - rest->ptr) : rest->len;
	struct pz_slice line = pz_slice_of(rest->ptr, len);

	*rest = pz_slice_of(rest->ptr + len + (feed ? 1 : 0), rest->len - len - (feed ? 1 : 0));
	return line;
}

/** Takes the first byte; 0 at the end. */
static inline uint8_t
fuzz_byte(struct pz_slice *rest)
{
	if (rest->len == 0)
		return 0;
	rest->len--;
	return *rest->ptr++;
}

/** A NUL-terminated copy that the caller frees. A NUL inside ends it. */
static inline char *
fuzz_text(struct pz_slice s)
{
	char *text = pz_slice_dup(s);

	FUZZ_CHECK(text != NULL);
	return text;
}

/** A failure leaves one line for people, never more. */
static inline void
fuzz_check_info(enum pz_err err, const struct pz_errinfo *info)
{
	size_t len = strnlen(info->text, sizeof(info->text));

	FUZZ_CHECK(len < sizeof(info->text));
	FUZZ_CHECK(strchr(info->text, '\n') == NULL);
	FUZZ_CHECK(err != PZ_OK || len == 0);
}

#endif
