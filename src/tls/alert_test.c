#include "kit/test.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "tls/alert.h"

static const struct pz_tls_alert_scene unproven = {0};
static const struct pz_tls_alert_scene proven = {.proven = true};
static const struct pz_tls_alert_scene enrol = {.enrol = true};

static void
test_alert_error(void **state)
{
	static const struct {
		int alert;
		enum pz_err proven, unproven;
	} rows[] = {
		{SSL_AD_CERTIFICATE_REVOKED, PZ_ERR_DENIED_REVOKED, PZ_ERR_DENIED_REMOTE},
		{SSL_AD_CERTIFICATE_EXPIRED, PZ_ERR_DENIED_REMOTE_DATE, PZ_ERR_DENIED_REMOTE_DATE},
		{SSL_AD_UNKNOWN_CA, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
		{SSL_AD_BAD_CERTIFICATE, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
		{TLS13_AD_CERTIFICATE_REQUIRED, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
		{SSL_AD_ACCESS_DENIED, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_REMOTE},
		{SSL_AD_UNRECOGNIZED_NAME, PZ_ERR_NOTFOUND, PZ_ERR_NOTFOUND},
		{SSL_AD_PROTOCOL_VERSION, PZ_ERR_PROTO, PZ_ERR_PROTO},
		{SSL_AD_BAD_RECORD_MAC, PZ_ERR_PROTO, PZ_ERR_PROTO},
		{255, PZ_ERR_PROTO, PZ_ERR_PROTO},
	};
	struct pz_errinfo info;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(pz_tls_alert_error(rows[i].alert, proven, &info), rows[i].proven);
		assert_int_equal(pz_tls_alert_error(rows[i].alert, unproven, NULL),
				 rows[i].unproven);
	}
	assert_int_equal(pz_tls_alert_error(SSL_AD_ACCESS_DENIED, enrol, &info), PZ_ERR_DENIED);
	pz_tls_alert_error(SSL_AD_CERTIFICATE_REVOKED, proven, &info);
	assert_string_equal(info.text, "the other end says: certificate revoked (alert 44)");
	pz_tls_alert_error(SSL_AD_UNKNOWN_CA, unproven, &info);
	assert_string_equal(info.text,
			    "unknown CA (alert 48), by an end that has not proved its identity");
}

static void
test_queue_error(void **state)
{
	static const struct {
		int lib, reason;
		enum pz_err err;
	} rows[] = {
		{ERR_LIB_SSL, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, PZ_ERR_DENIED_REVOKED},
		{ERR_LIB_SSL, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, PZ_ERR_DENIED_CHAIN},
		{ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL, PZ_ERR_PROTO},
		{ERR_LIB_SSL, ERR_R_MALLOC_FAILURE, PZ_ERR_LIMIT_MEMORY},
		{ERR_LIB_SSL, ERR_R_INTERNAL_ERROR, PZ_ERR_CRYPTO},
		{ERR_LIB_RSA, 1044, PZ_ERR_CRYPTO},
	};
	struct pz_errinfo info;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ERR_raise(ERR_LIB_ASN1, ERR_R_NESTED_ASN1_ERROR); /* a cause; not the verdict */
		ERR_raise(rows[i].lib, rows[i].reason);
		assert_int_equal(pz_tls_queue_error(proven, &info), rows[i].err);
		assert_true(strlen(info.text) > 5);
		assert_int_equal(ERR_peek_error(), 0);
	}
	assert_int_equal(pz_tls_queue_error(proven, NULL), PZ_ERR_CRYPTO); /* an empty queue */
}

static void
test_alert_cause(void **state)
{
	static const struct {
		enum pz_err err;
		int from, to;
	} rows[] = {
		{PZ_ERR_DENIED_REVOKED, X509_V_ERR_CERT_REVOKED, X509_V_ERR_CERT_REVOKED},
		{PZ_ERR_DENIED_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED},
		{PZ_ERR_DENIED_IDENTITY, X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_CERT_REJECTED},
		{PZ_ERR_DENIED_WEAK, X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CERT_REJECTED},
		{PZ_ERR_LIMIT_MEMORY, X509_V_OK, X509_V_ERR_OUT_OF_MEM},
		{PZ_ERR_DENIED_CHAIN, X509_V_OK, X509_V_ERR_CERT_REJECTED},
		{PZ_ERR_DENIED_CHAIN, X509_V_ERR_APPLICATION_VERIFICATION,
		 X509_V_ERR_CERT_REJECTED},
		{PZ_ERR_DENIED_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		 X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
		{PZ_ERR_INTERNAL, X509_V_OK, X509_V_ERR_CERT_REJECTED}, /* never X509_V_OK */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(pz_tls_alert_cause(rows[i].err, rows[i].from), rows[i].to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alert_error),
		cmocka_unit_test(test_queue_error),
		cmocka_unit_test(test_alert_cause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
