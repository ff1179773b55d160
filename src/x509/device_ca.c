/*
 * The rules of page 2 for a chain that still lacks its leaf: at enrolment the device has a PZP CA
 * certificate and a PZH CA certificate and must not store certificates with which every handshake
 * would fail. The anchor is checked by pz_trust_add, the signature and the dates by OpenSSL with a
 * store that holds this anchor only, the rest here.
 */
#include "x509/device_ca.h"

#include <openssl/err.h>

#include "x509/encode.h"
#include "x509/strength.h"
#include "x509/verify.h"

PZ_AUTO_DEFINE(X509_STORE, X509_STORE_free)
PZ_AUTO_DEFINE(X509_STORE_CTX, X509_STORE_CTX_free)

#define AUTH_LEVEL 2 /* as in verify.c */

static enum pz_err
check_names(const struct pz_cert *device_ca, const struct pz_cert *pzh_ca, const char *zone,
	    const char *device, struct pz_errinfo *info)
{
	struct pz_identity dev = {.zone = ""}, pzh = {.zone = ""};
	enum pz_err err = pz_cert_identity(pzh_ca, pzh.zone, pzh.device);

	if (err == PZ_OK)
		err = pz_cert_identity(device_ca, dev.zone, dev.device);
	if (err != PZ_OK)
		return pz_fail(info, err == PZ_ERR_LIMIT_MEMORY ? err : PZ_ERR_DENIED_IDENTITY,
			       "certificate without exactly one valid pz: name");
	if (pzh.device[0] != '\0' || strcmp(pzh.zone, zone) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "the CA certificate is not that of zone %s", zone);
	if (strcmp(dev.zone, zone) != 0 || strcmp(dev.device, device) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "certificate for %s/%s, not for %s/%s",
			       dev.zone, dev.device, zone, device);
	return PZ_OK;
}

/* The constraints of its row in the table of page 2, and its key and digest. */
static enum pz_err
check_profile(X509 *x, struct pz_errinfo *info)
{
	uint32_t flags = X509_get_extension_flags(x),
		 need = EXFLAG_BCONS | EXFLAG_CA | EXFLAG_KUSAGE;

	PZ_TRY(pz_x509_check_strength(x, info));
	if ((flags & need) != need || (flags & EXFLAG_INVALID) != 0 ||
	    (X509_get_key_usage(x) & KU_KEY_CERT_SIGN) == 0 || X509_get_pathlen(x) != 0)
		return pz_fail(info, PZ_ERR_DENIED_CHAIN,
			       "not a device CA: CA flag, path length or keyUsage");
	return PZ_OK;
}

static enum pz_err
check_issued(X509 *device_ca, X509 *pzh_ca, uint64_t wall_ms, struct pz_errinfo *info)
{
	PZ_AUTO(X509_STORE_free) X509_STORE *store = X509_STORE_new();
	PZ_AUTO(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;

	/* The store has only this anchor, even if the system trusts others. */
	if (store == NULL || ctx == NULL || !X509_STORE_add_cert(store, pzh_ca) ||
	    !X509_STORE_CTX_init(ctx, store, device_ca, NULL))
		return pz_openssl_fail(info, PZ_ERR_LIMIT_MEMORY, "certificate verification");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)(wall_ms / 1000));
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, 0); /* no certificate between the two */
	if (X509_verify_cert(ctx) != 1) {
		int x509_error = X509_STORE_CTX_get_error(ctx);
		return pz_fail(info, pz_x509_verify_err(x509_error), "%s",
			       X509_verify_cert_error_string(x509_error));
	}
	/* A chain of one is the anchor itself, presented as the device's. Counted is the chain that
	 * OpenSSL built, not the one that was sent. */
	if (sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) != 2)
		return pz_fail(info, PZ_ERR_DENIED_CHAIN, "not signed by the PZH CA");
	/* OpenSSL accepts this here, but refuses it later in a chain with a leaf. */
	if (X509_get_pathlen(pzh_ca) == 0)
		return pz_fail(info, PZ_ERR_DENIED_CHAIN, "the PZH CA may not have device CAs");
	return PZ_OK;
}

static enum pz_err
verify(const struct pz_cert *device_ca, const struct pz_cert *pzh_ca, const struct pz_crl *crl,
       uint64_t wall_ms, const char *zone, const char *device, struct pz_errinfo *info)
{
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = pz_trust_new();
	char serial[PZ_SERIAL_HEX_BYTES];

	if (trust == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	/* Refuses an anchor that is not a CA, and a list that this anchor has not signed. */
	PZ_TRY(pz_trust_add(trust, pzh_ca, crl, info)); /* a PZH CA, and its own CRL */
	PZ_TRY(check_profile(pz_cert_x509(device_ca), info));
	PZ_TRY(check_issued(pz_cert_x509(device_ca), pz_cert_x509(pzh_ca), wall_ms, info));
	PZ_TRY(check_names(device_ca, pzh_ca, zone, device, info));
	pz_cert_serial_hex(device_ca, serial);
	if (crl && pz_crl_has_serial(crl, serial))
		return pz_fail(info, PZ_ERR_DENIED_REVOKED, "%s/%s is revoked", zone, device);
	return PZ_OK;
}

enum pz_err
pz_verify_device_ca(const struct pz_cert *device_ca, const struct pz_cert *pzh_ca,
		    const struct pz_crl *crl, uint64_t wall_ms, const char *zone,
		    const char *device, struct pz_errinfo *info)
{
	enum pz_err err = verify(device_ca, pzh_ca, crl, wall_ms, zone, device, info);

	ERR_clear_error();
	return err;
}
