/* Inside pzp/ only: how this device becomes a member of a zone (page 3). One enrolment runs at a
 * time; earlier ones may still wait for the disk. */
#ifndef PZ_PZP_ENROLMENT_H
#define PZ_PZP_ENROLMENT_H

#include "pzp/internal.h"

struct pz_enrolment;

/** @param node outlives it. NULL: out of memory. */
struct pz_enrolment *pz_enrolment_new(struct pz_node *node);
/** Frees also what waits for the disk: the store calls back no more. NULL is fine. */
void pz_enrolment_free(struct pz_enrolment *enrolment);
/**
 * Starts one.
 * @param params of the command `enrol`, borrowed
 * Errors: CONFIG (params), EXISTS (not virgin, or one is running), LIMIT_MEMORY, those of
 * pz_keystore_create.
 */
enum pz_err pz_enrolment_start(struct pz_enrolment *enrolment, json_t *params,
			       struct pz_errinfo *info) PZ_MUST_USE;
/** True while one runs. */
bool pz_enrolment_is_running(const struct pz_enrolment *enrolment);
/** Ends the one that runs, unless its certificates are being stored already. @return false: none
 * runs, or it is too late */
bool pz_enrolment_call_off(struct pz_enrolment *enrolment, const char *reason);
/** The step that is under way, with the hub's address, e.g. "the TLS handshake with h port 8041".
 * @return out, or "" without an enrolment */
const char *pz_enrolment_step(const struct pz_enrolment *enrolment, char *out, size_t size);
/** Drops the one that runs: its link closes, its keys are removed. */
void pz_enrolment_drop(struct pz_enrolment *enrolment);

#endif
