#include "tls/alert.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

/* The alerts that give a more exact reason than "protocol violation". An alert is a claim of the
 * other end and not a decision of ours, so it has an error of its own. A revoked device wipes
 * itself (page 2), so certificate_revoked counts only from a peer that has proved its identity:
 * during a handshake every machine on the path can forge an alert. Columns: the alert, its meaning
 * from a peer that has proved its identity, and from one that has not. */
static const struct {
	int alert;
	enum pz_err proven, unproven;
} alerts[] = {
	{SSL_AD_CERTIFICATE_REVOKED, PZ_ERR_DENIED_REVOKED, PZ_ERR_DENIED_REMOTE},
	{SSL_AD_CERTIFICATE_EXPIRED, PZ_ERR_DENIED_REMOTE_DATE, PZ_ERR_DENIED_REMOTE_DATE},
	{SSL_AD_UNKNOWN_CA, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
	{SSL_AD_BAD_CERTIFICATE, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
	{SSL_AD_UNSUPPORTED_CERTIFICATE, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
	{SSL_AD_CERTIFICATE_UNKNOWN, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
	{TLS13_AD_CERTIFICATE_REQUIRED, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
	{SSL_AD_ACCESS_DENIED, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
	{SSL_AD_UNRECOGNIZED_NAME, PZ_ERR_NOTFOUND, PZ_ERR_NOTFOUND},
	{SSL_AD_USER_CANCELLED, PZ_ERR_IO_CLOSED, PZ_ERR_IO_CLOSED},
};

static const char *
alert_text(int alert)
{
	/* Our own refusal covers both ends of the validity (pz_tls_alert_cause). */
	if (alert == SSL_AD_CERTIFICATE_EXPIRED)
		return "certificate expired or not yet valid, by the clock of the other end";
	if (alert == SSL_AD_HANDSHAKE_FAILURE)
		return "handshake failure: a device answers only to its own zone and to friends";
	return SSL_alert_desc_string_long(alert);
}

enum pz_err
pz_tls_alert_error(int alert, struct pz_tls_alert_scene scene, struct pz_errinfo *info)
{
	enum pz_err err = PZ_ERR_PROTO;

	if (alert == SSL_AD_ACCESS_DENIED && scene.enrol)
		return pz_fail(info, PZ_ERR_DENIED, "the hub accepts no enrolment now");
	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (alerts[i].alert == alert)
			err = scene.proven ? alerts[i].proven : alerts[i].unproven;
	return pz_fail(info, err, "%s%s (alert %d)%s",
		       err == PZ_ERR_DENIED_REMOTE || err == PZ_ERR_DENIED_REMOTE_DATE
			       ? ""
			       : "the other end says: ",
		       alert_text(alert), alert,
		       scene.proven ? "" : ", by an end that has not proved its identity");
}

static enum pz_err
reason_error(unsigned long code)
{
	if (ERR_GET_LIB(code) != ERR_LIB_SSL)
		return PZ_ERR_CRYPTO;
	switch (ERR_GET_REASON(code)) {
	case ERR_R_MALLOC_FAILURE:
		return PZ_ERR_LIMIT_MEMORY;
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return PZ_ERR_DENIED_CHAIN;
	case ERR_R_INTERNAL_ERROR:
		return PZ_ERR_CRYPTO;
	default:
		return PZ_ERR_PROTO;
	}
}

enum pz_err
pz_tls_queue_error(struct pz_tls_alert_scene scene, struct pz_errinfo *info)
{
	/* The last entry is the TLS layer's own error; the entries before it are its causes. */
	unsigned long code = ERR_peek_last_error();
	int reason = ERR_GET_REASON(code);
	enum pz_err err;

	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
	    reason <= SSL_AD_REASON_OFFSET + 255) {
		err = pz_tls_alert_error(reason - SSL_AD_REASON_OFFSET, scene, info);
	} else {
		const char *text = ERR_reason_error_string(code);
		err = pz_fail(info, reason_error(code), "TLS: %s", text ? text : "failed");
	}
	ERR_clear_error();
	return err;
}

int
pz_tls_alert_cause(enum pz_err err, int x509_error)
{
	if (err == PZ_ERR_DENIED_REVOKED)
		return X509_V_ERR_CERT_REVOKED; /* certificate_revoked */
	if (err == PZ_ERR_DENIED_EXPIRED)
		return X509_V_ERR_CERT_HAS_EXPIRED; /* certificate_expired */
	if (err == PZ_ERR_LIMIT_MEMORY)
		return X509_V_ERR_OUT_OF_MEM; /* internal_error */
	if (err != PZ_ERR_DENIED_CHAIN)
		return X509_V_ERR_CERT_REJECTED; /* bad_certificate */
	switch (x509_error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_INVALID_CA:
		return x509_error; /* unknown_ca */
	default:
		return X509_V_ERR_CERT_REJECTED;
	}
}
