/* What the fuzz targets share: a check that ends the run, a clock without chance, lines of input.
 */
#ifndef PZ_FUZZ_FUZZ_H
#define PZ_FUZZ_FUZZ_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/slice.h"
#include "kit/check.h"
#include "kit/clock.h"

/** The default in fuzz.c calls fuzz_start; a target that needs more defines its own. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/** The target: feeds one input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What must hold. libFuzzer keeps the input when it does not. */
#define FUZZ_CHECK PZ_KIT_CHECK

/** Checks each log line, and makes hash tables the same in each run. */
void fuzz_start(void);
/** Time, randomness and message ids of one input: the same for the same input. */
void fuzz_clock_init(struct pz_kit_clock *clock);

/** Takes the bytes up to the next line feed, which is dropped. Empty at the end. */
struct pz_slice fuzz_line(struct pz_slice *rest);
/** Takes the first byte; 0 at the end. */
uint8_t fuzz_byte(struct pz_slice *rest);
/** A NUL-terminated copy that the caller frees. A NUL inside ends it. */
char *fuzz_text(struct pz_slice s);
/** Checks that a failure, and only a failure, left one line for people. */
void fuzz_check_info(enum pz_err err, const struct pz_errinfo *info);

#endif
