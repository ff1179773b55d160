/* Maps TLS alerts and OpenSSL's errors to ours and back. Inside this module only. */
#ifndef PZ_TLS_ALERT_H
#define PZ_TLS_ALERT_H

#include <stdbool.h>

#include "base/err.h"

/** Circumstances under which an alert arrived. */
struct pz_tls_alert_scene {
	bool proven; /* the peer has proved its identity and the alert is protected */
	bool enrol;  /* the connection is for enrolment */
};

/**
 * Our error for the peer's fatal alert.
 * @param alert number of RFC 8446 6
 * @param info gets one line
 * @return never PZ_OK
 */
enum pz_err pz_tls_alert_error(int alert, struct pz_tls_alert_scene scene, struct pz_errinfo *info);

/**
 * Our error for what OpenSSL left in this thread's error queue; the queue is emptied.
 * @param info gets one line
 * @return never PZ_OK
 */
enum pz_err pz_tls_queue_error(struct pz_tls_alert_scene scene, struct pz_errinfo *info);

/**
 * The X509_V_ERR_* that makes OpenSSL send the right alert for a refused certificate.
 * @param err result of pz_verify_chain, a failure
 * @param x509_error out_x509_error of pz_verify_chain
 */
int pz_tls_alert_cause(enum pz_err err, int x509_error);

#endif
