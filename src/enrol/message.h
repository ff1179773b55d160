/* Names and members of the enrolment messages; private to this module. */
#ifndef PZ_ENROL_MESSAGE_H
#define PZ_ENROL_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* prop statuses (page 3) */
#define PZ_ENROL_HELLO "enrolHello"
#define PZ_ENROL_SHARE "enrolShare"
#define PZ_ENROL_REQUEST "enrollPzp"
#define PZ_ENROL_SIGNED "signedCert"
#define PZ_ENROL_ERROR "enrolError"

/* reasons of enrolError (page 3) */
#define PZ_ENROL_BAD_CODE "badCode"
#define PZ_ENROL_EXPIRED "expired"
#define PZ_ENROL_ATTEMPTS "attempts"
#define PZ_ENROL_NAME_TAKEN "nameTaken"
#define PZ_ENROL_BUSY "busy" /* later; the code stays good */
#define PZ_ENROL_BAD_REQUEST "badRequest"

/**
 * A string member of 1 to max bytes, borrowed from the message.
 * @param message may be NULL or no object
 * NULL: absent, no string, empty, too long, or with a NUL inside.
 */
const char *pz_enrol_text(const json_t *message, const char *key, size_t max);

/** A base64 member of exactly len bytes. False: absent or anything else; out is then untouched. */
bool pz_enrol_bytes(const json_t *message, const char *key, uint8_t *out, size_t len);

/** Sets a base64 member. Errors: LIMIT_MEMORY. */
enum pz_err pz_enrol_set_bytes(json_t *message, const char *key, struct pz_slice bytes) PZ_MUST_USE;

/** A device type: printable UTF-8, 1 to PZ_ENROL_DEVICE_TYPE_BYTES_MAX bytes. */
bool pz_enrol_device_type_is_valid(const char *type);

#endif
