/* Why a link or a dial failed, in one line for people: the step and the address, each once. */
#ifndef PZ_UPLINK_REASON_H
#define PZ_UPLINK_REASON_H

#include "base/err.h"

/**
 * An error and its detail as one text in which nothing is repeated.
 * @param detail may be ""
 * @param out holds the text
 * @return out->text
 */
const char *pz_uplink_reason(enum pz_err err, const char *detail, struct pz_errinfo *out);
/** The same of a dial that failed. @param detail begins with the address. @return out->text */
const char *pz_uplink_dial_reason(enum pz_err err, const char *detail, struct pz_errinfo *out);

#endif
