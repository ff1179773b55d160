/* Private to the device status service: the table of aspects and where their values come from. */
#ifndef PZ_DEVICESTATUS_INTERNAL_H
#define PZ_DEVICESTATUS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/env.h"

#define PZ_DS_FILE_BYTES_MAX (64U << 10) /* of a file below /proc, /sys or /etc that is read */
#define PZ_DS_COMPONENTS_MAX 64          /* of one aspect */

/** State of the service. */
struct pz_ds {
	const struct pz_env *env;
	char *root; /* without a trailing slash; "" is the real root */
	/* the processor's load between two looks at /proc/stat */
	uint64_t cpu_busy, cpu_total, cpu_read_us;
	double cpu_load;
	bool has_cpu_load;
};

/** One property of an aspect. */
struct pz_ds_property {
	const char *name;
	bool is_identifying; /* own zone only (page 14 SRV-5) */
	/** The value now, new reference; NULL: this component has no such value. */
	json_t *(*get)(struct pz_ds *ds, const char *component);
};

/** One aspect. */
struct pz_ds_aspect {
	const char *name;
	/** Appends the names of the components that exist. */
	void (*components)(struct pz_ds *ds, json_t *names);
	/** True when this component is the one in use. NULL: the first one is in use. */
	bool (*is_active)(struct pz_ds *ds, const char *component);
	const struct pz_ds_property *properties;
	size_t property_count;
};

/** The aspect, or NULL. @spec page 7, 9.2 */
const struct pz_ds_aspect *pz_ds_aspect(const char *name);
/** The property of an aspect, or NULL. */
const struct pz_ds_property *pz_ds_property(const struct pz_ds_aspect *aspect, const char *name);
/** Component names, new array; NULL: out of memory. */
json_t *pz_ds_components(struct pz_ds *ds, const struct pz_ds_aspect *aspect);

/* ---- read.c ---- */

/**
 * The content of root + the formatted path (at most PZ_DS_FILE_BYTES_MAX), trailing white space
 * removed; the caller frees. Made UTF-8 by replacing other bytes. NULL: cannot be read.
 */
char *
pz_ds_read(const struct pz_ds *ds, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** The same, raw; length in *out_len. */
char *pz_ds_read_raw(const struct pz_ds *ds, size_t *out_len, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** A whole number in a file. */
bool pz_ds_read_int(const struct pz_ds *ds, int64_t *out, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** True when root + the formatted path exists. */
bool
pz_ds_exists(const struct pz_ds *ds, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Appends the sorted entries of a directory that `keep` wants. */
void pz_ds_list(struct pz_ds *ds, const char *dir, bool (*keep)(struct pz_ds *ds, const char *name),
		json_t *names);
/** Value of "KEY=value" or "Key : value" (the first such line), quotes removed; the caller frees;
 * NULL: none. */
char *pz_ds_field(const char *text, const char *key, char separator);
/** A JSON string that takes and frees text; NULL for NULL or empty text. */
json_t *pz_ds_string(char *text);

/* ---- the aspects of system.c and network.c ---- */

extern const struct pz_ds_aspect pz_ds_battery, pz_ds_cpu, pz_ds_device, pz_ds_display,
	pz_ds_memory, pz_ds_os, pz_ds_runtime;
extern const struct pz_ds_aspect pz_ds_wifi_hardware, pz_ds_wifi_network, pz_ds_wired;

#endif
