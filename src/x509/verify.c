/*
 * The six rules of page 2. OpenSSL builds the chain and checks signatures, dates, basicConstraints
 * and pathlen with a store that holds our anchors only; what OpenSSL does not know about our chains
 * (length, names, roles, revocation, strength) is checked here, after it.
 *
 * run() is one straight list without branches, so that the result of one rule never causes another
 * to be skipped: a rule either passes or refuses the chain.
 */
#include "x509/verify.h"

#include <openssl/err.h>
#include <stdatomic.h>

#include "x509/encode.h"
#include "x509/strength.h"

PZ_AUTO_DEFINE(X509_STORE_CTX, X509_STORE_CTX_free)

#define AUTH_LEVEL 2 /* OpenSSL's level of 112 bits, in addition to our own checks */
#define DEVICE_CHAIN 3
#define HUB_CHAIN 2

struct anchor {
	struct pz_cert *ca;
	struct pz_crl *crl; /* NULL: none known */
	char zone[PZ_ZONE_BYTES_MAX + 1];
};

struct pz_trust {
	X509_STORE *store;
	struct anchor *anchors;
	size_t count;
	atomic_uint refs;
};

/* One verification. certs are wrapped views of the built chain: leaf first, anchor last. */
struct check {
	const struct pz_trust *trust;
	X509 *leaf;
	STACK_OF(X509) * untrusted;
	const struct pz_expect *expect;
	uint64_t wall_ms;
	struct pz_cert *certs[DEVICE_CHAIN];
	size_t count;
	const struct anchor *anchor;
	int x509_error;
	struct pz_errinfo *info;
};

struct pz_trust *
pz_trust_new(void)
{
	struct pz_trust *trust = calloc(1, sizeof(*trust));

	if (trust == NULL)
		return NULL;
	trust->store = X509_STORE_new();
	if (trust->store == NULL) {
		ERR_clear_error();
		free(trust);
		return NULL;
	}
	atomic_init(&trust->refs, 1);
	return trust;
}

struct pz_trust *
pz_trust_ref(struct pz_trust *trust)
{
	atomic_fetch_add(&trust->refs, 1);
	return trust;
}

void
pz_trust_free(struct pz_trust *trust)
{
	if (trust == NULL || atomic_fetch_sub(&trust->refs, 1) != 1)
		return;
	for (size_t i = 0; i < trust->count; i++) {
		pz_cert_free(trust->anchors[i].ca);
		pz_crl_free(trust->anchors[i].crl);
	}
	free(trust->anchors);
	X509_STORE_free(trust->store);
	free(trust);
}

/* A CA by its own extensions: OpenSSL alone would let a CA without keyUsage pass. */
static bool
is_ca(X509 *x)
{
	uint32_t need = EXFLAG_BCONS | EXFLAG_CA | EXFLAG_KUSAGE;
	uint32_t flags = X509_get_extension_flags(x);

	/* EXFLAG_INVALID: OpenSSL could not read an extension, so its flags mean nothing. */
	return (flags & need) == need && (flags & EXFLAG_INVALID) == 0 &&
	       (X509_get_key_usage(x) & KU_KEY_CERT_SIGN) != 0;
}

/* digitalSignature without keyCertSign, and both extended usages; OpenSSL's purpose check would let
 * a missing extension pass. */
static bool
is_tls_leaf(X509 *x)
{
	uint32_t flags = X509_get_extension_flags(x);
	uint32_t eku = XKU_SSL_SERVER | XKU_SSL_CLIENT;

	if ((flags & (EXFLAG_INVALID | EXFLAG_CA)) != 0 ||
	    (flags & (EXFLAG_KUSAGE | EXFLAG_XKUSAGE)) != (EXFLAG_KUSAGE | EXFLAG_XKUSAGE))
		return false;
	return (X509_get_key_usage(x) & (KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN)) ==
		       KU_DIGITAL_SIGNATURE &&
	       (X509_get_extended_key_usage(x) & eku) == eku;
}

/* A self-signed CA of a zone; each zone may have only one key. */
static enum pz_err
check_anchor(const struct pz_trust *trust, const struct pz_cert *ca, char *zone,
	     struct pz_errinfo *info)
{
	char device[PZ_DEVICE_BYTES_MAX + 1];
	X509 *x = pz_cert_x509(ca);
	enum pz_err err = pz_cert_identity(ca, zone, device);

	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	PZ_TRY(pz_x509_check_strength(x, info));
	if (err != PZ_OK || device[0] != '\0' || !is_ca(x) || X509_self_signed(x, 1) != 1)
		return pz_openssl_fail(info, PZ_ERR_DENIED_CHAIN, "not a PZH CA certificate");
	for (size_t i = 0; i < trust->count; i++) {
		uint8_t a[PZ_KEY_HASH_BYTES], b[PZ_KEY_HASH_BYTES];
		/* The same zone twice is allowed: its CA certificate may be renewed with the same
		 * key. */
		if (strcmp(trust->anchors[i].zone, zone) != 0)
			continue;
		pz_cert_spki_hash(trust->anchors[i].ca, a);
		pz_cert_spki_hash(ca, b);
		if (memcmp(a, b, sizeof(a)) != 0)
			return pz_fail(info, PZ_ERR_EXISTS, "a second PZH CA for zone %s", zone);
	}
	return PZ_OK;
}

enum pz_err
pz_trust_add(struct pz_trust *trust, const struct pz_cert *pzh_ca, const struct pz_crl *crl,
	     struct pz_errinfo *info)
{
	struct anchor anchor = {0}, *grown;

	PZ_TRY(check_anchor(trust, pzh_ca, anchor.zone, info));
	if (crl)
		PZ_TRY(pz_crl_verify(crl, pzh_ca, info));
	/* Memory first, then the store, then the count: after an error the set is unchanged. */
	grown = realloc(trust->anchors, (trust->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "trust set: out of memory");
	trust->anchors = grown;
	if (!X509_STORE_add_cert(trust->store, pz_cert_x509(pzh_ca)))
		return pz_openssl_fail(info, PZ_ERR_LIMIT_MEMORY, "trust set");
	anchor.ca = pz_cert_ref((struct pz_cert *)pzh_ca);
	anchor.crl = crl ? pz_crl_ref((struct pz_crl *)crl) : NULL;
	trust->anchors[trust->count++] = anchor;
	return PZ_OK;
}

/* Checks what the peer sent, before any signature is verified. */
static enum pz_err
check_presented(struct check *c)
{
	int count = 1;

	/* Strength first: a huge RSA key costs most when its signature is checked. */
	PZ_TRY(pz_x509_check_strength(c->leaf, c->info));
	for (int i = 0; i < sk_X509_num(c->untrusted); i++) {
		X509 *x = sk_X509_value(c->untrusted, i);
		if (x == c->leaf)
			continue; /* a TLS server includes the leaf in this list */
		if (++count > PZ_CHAIN_CERTS_MAX)
			return pz_fail(c->info, PZ_ERR_DENIED_CHAIN,
				       "more than %d certificates presented", PZ_CHAIN_CERTS_MAX);
		PZ_TRY(pz_x509_check_strength(x, c->info));
	}
	return PZ_OK;
}

/* The reason that the alert gives when our own check, not OpenSSL's, has refused. */
static int
default_error(enum pz_err err)
{
	switch ((int)err) {
	case PZ_OK:
		return X509_V_OK;
	case PZ_ERR_DENIED_IDENTITY:
		return X509_V_ERR_HOSTNAME_MISMATCH;
	case PZ_ERR_DENIED_REVOKED:
		return X509_V_ERR_CERT_REVOKED;
	case PZ_ERR_DENIED_WEAK:
		return X509_V_ERR_EE_KEY_TOO_SMALL;
	case PZ_ERR_LIMIT_MEMORY:
		return X509_V_ERR_OUT_OF_MEM;
	default:
		return X509_V_ERR_CERT_REJECTED;
	}
}

/* Keeps the built chain if it has the length of one of ours. */
static enum pz_err
keep_chain(struct check *c, STACK_OF(X509) * chain)
{
	int count = sk_X509_num(chain);

	if (count != HUB_CHAIN && count != DEVICE_CHAIN)
		return pz_fail(c->info, PZ_ERR_DENIED_CHAIN, "chain of %d certificates", count);
	for (size_t i = 0; i < c->trust->count; i++) {
		if (X509_cmp(pz_cert_x509(c->trust->anchors[i].ca),
			     sk_X509_value(chain, count - 1)) == 0)
			c->anchor = &c->trust->anchors[i];
	}
	if (c->anchor == NULL)
		return pz_fail(c->info, PZ_ERR_INTERNAL, "chain ends in no known anchor");
	for (; c->count < (size_t)count - 1; c->count++) {
		c->certs[c->count] = pz_cert_wrap(sk_X509_value(chain, (int)c->count));
		if (c->certs[c->count] == NULL)
			return pz_fail(c->info, PZ_ERR_DENIED_CHAIN,
				       "certificate with an unusable key, date or serial");
	}
	c->certs[c->count++] = pz_cert_ref(c->anchor->ca);
	return PZ_OK;
}

static void
date_of(const ASN1_TIME *time, char out[32])
{
	struct tm tm = {0};

	if (time == NULL || !ASN1_TIME_to_tm(time, &tm) ||
	    strftime(out, 32, "%Y-%m-%d %H:%M", &tm) == 0)
		out[0] = '\0';
}

/** Reports both ends of the validity, so that the reader can see which clock is wrong. */
static enum pz_err
fail_dates(const struct check *c, const X509 *cert, int depth)
{
	char begin[32], end[32];

	date_of(cert ? X509_get0_notBefore(cert) : NULL, begin);
	date_of(cert ? X509_get0_notAfter(cert) : NULL, end);
	return pz_fail(c->info, PZ_ERR_DENIED_EXPIRED,
		       "%s (certificate %d of the chain, valid from %s to %s UTC)",
		       X509_verify_cert_error_string(c->x509_error), depth, begin, end);
}

/* Rule 1 and the part of rule 2 that OpenSSL knows. */
static enum pz_err
build_chain(struct check *c)
{
	PZ_AUTO(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;

	if (ctx == NULL || !X509_STORE_CTX_init(ctx, c->trust->store, c->leaf, c->untrusted))
		return pz_openssl_fail(c->info, PZ_ERR_LIMIT_MEMORY, "certificate verification");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)(c->wall_ms / 1000));
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, PZ_CHAIN_CERTS_MAX - 1); /* keep_chain is exact */
	/* Server purpose for both roles: our leaves have both usages, which is_tls_leaf checks. */
	if (!X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER))
		return pz_openssl_fail(c->info, PZ_ERR_INTERNAL, "certificate verification");
	if (X509_verify_cert(ctx) != 1) {
		c->x509_error = X509_STORE_CTX_get_error(ctx);
		if (c->x509_error == X509_V_OK)
			c->x509_error = X509_V_ERR_UNSPECIFIED;
		if (pz_x509_verify_err(c->x509_error) == PZ_ERR_DENIED_EXPIRED)
			return fail_dates(c, X509_STORE_CTX_get_current_cert(ctx),
					  X509_STORE_CTX_get_error_depth(ctx));
		return pz_fail(c->info, pz_x509_verify_err(c->x509_error),
			       "%s (certificate %d of the chain)",
			       X509_verify_cert_error_string(c->x509_error),
			       X509_STORE_CTX_get_error_depth(ctx));
	}
	return keep_chain(c, X509_STORE_CTX_get0_chain(ctx));
}

/* The rest of rule 2. */
static enum pz_err
check_usage(const struct check *c)
{
	if (!is_tls_leaf(pz_cert_x509(c->certs[0])))
		return pz_fail(c->info, PZ_ERR_DENIED_CHAIN,
			       "not a TLS certificate: CA flag, keyUsage or extendedKeyUsage");
	for (size_t i = 1; i < c->count; i++) {
		if (!is_ca(pz_cert_x509(c->certs[i])))
			return pz_fail(c->info, PZ_ERR_DENIED_CHAIN,
				       "issuer without the CA flag or keyCertSign");
	}
	return PZ_OK;
}

/* The CA of a device must not issue names of hubs, nor common names that look like one
 * (page 14 CERT-3). */
static bool
has_hub_cn(const struct pz_cert *cert)
{
	X509_NAME *name = X509_get_subject_name(pz_cert_x509(cert));
	bool found = false;

	for (int i = -1;
	     /* All common names are checked: a second one could differ from the first. */
	     (i = X509_NAME_get_index_by_NID(name, NID_commonName, i)) >= 0 && !found;) {
		unsigned char *cn = NULL;
		int len = ASN1_STRING_to_UTF8(
			&cn, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
		found = len < 0 || (len >= 4 && strncasecmp((const char *)cn, "Pzh:", 4) == 0);
		OPENSSL_free(cn);
	}
	return found;
}

/* Rule 3; and of rule 6 that the length of the chain and the name give the same role. */
static enum pz_err
check_identity(const struct check *c, struct pz_peer *peer)
{
	struct pz_identity ca;
	enum pz_err err = pz_cert_identity(c->certs[0], peer->zone, peer->device);

	if (err == PZ_OK && c->count == DEVICE_CHAIN)
		err = pz_cert_identity(c->certs[1], ca.zone, ca.device);
	if (err != PZ_OK)
		return pz_fail(c->info, err == PZ_ERR_LIMIT_MEMORY ? err : PZ_ERR_DENIED_IDENTITY,
			       "certificate without exactly one valid pz: name");
	peer->is_hub = c->count == HUB_CHAIN;
	/* The chain's length and the name must agree: a device's CA that issues a hub's name has a
	 * chain that is too long for a hub. */
	if (peer->is_hub != (peer->device[0] == '\0'))
		return pz_fail(c->info, PZ_ERR_DENIED_IDENTITY, "%s certificate issued as a %s",
			       peer->is_hub ? "device" : "hub",
			       peer->is_hub ? "hub's" : "device's");
	if (!peer->is_hub &&
	    (strcmp(peer->zone, ca.zone) != 0 || strcmp(peer->device, ca.device) != 0))
		return pz_fail(c->info, PZ_ERR_DENIED_IDENTITY, "the CA of %s/%s vouches for %s/%s",
			       ca.zone, ca.device, peer->zone, peer->device);
	if (!peer->is_hub && (has_hub_cn(c->certs[0]) || has_hub_cn(c->certs[1])))
		return pz_fail(c->info, PZ_ERR_DENIED_IDENTITY, "device certificate named Pzh:");
	if (strcmp(peer->zone, c->anchor->zone) != 0)
		return pz_fail(c->info, PZ_ERR_DENIED_IDENTITY, "the CA of zone %s vouches for %s",
			       c->anchor->zone, peer->zone);
	return PZ_OK;
}

/* Rule 4. A zone's CA may be present in several versions with one key: every CRL of it applies. */
static enum pz_err
check_revocation(const struct check *c, struct pz_peer *peer)
{
	/* certs[1] is the issuer in both roles: the device's CA, or the zone's for a hub. */
	pz_cert_spki_hash(c->certs[0], peer->key_hash);
	pz_cert_spki_hash(c->certs[1], peer->ca_key_hash);
	pz_cert_serial_hex(c->certs[peer->is_hub ? 0 : 1], peer->ca_serial);
	for (size_t i = 0; i < c->trust->count; i++) {
		const struct anchor *a = &c->trust->anchors[i];
		if (a->crl && strcmp(a->zone, peer->zone) == 0 &&
		    pz_crl_has_serial(a->crl, peer->ca_serial))
			return pz_fail(c->info, PZ_ERR_DENIED_REVOKED, "%s%s%s is revoked",
				       peer->zone, peer->is_hub ? "" : "/", peer->device);
	}
	return PZ_OK;
}

/* Rules 5 and 6. */
static enum pz_err
check_expected(const struct check *c, const struct pz_peer *peer)
{
	const struct pz_expect *e = c->expect;
	const char *slash = peer->is_hub ? "" : "/";

	if (e == NULL)
		return PZ_OK;
	if (e->role == PZ_EXPECT_HUB && !peer->is_hub)
		return pz_fail(c->info, PZ_ERR_DENIED_IDENTITY, "%s/%s is not a hub", peer->zone,
			       peer->device);
	if ((e->role == PZ_EXPECT_DEVICE || e->device) && peer->is_hub)
		return pz_fail(c->info, PZ_ERR_DENIED_IDENTITY, "%s is not a device", peer->zone);
	if (e->zone && strcmp(e->zone, peer->zone) != 0)
		return pz_fail(c->info, PZ_ERR_DENIED_IDENTITY, "%s%s%s is not of zone %s",
			       peer->zone, slash, peer->device, e->zone);
	if (e->device && strcmp(e->device, peer->device) != 0)
		return pz_fail(c->info, PZ_ERR_DENIED_IDENTITY, "%s/%s is not the device %s",
			       peer->zone, peer->device, e->device);
	return PZ_OK;
}

/* In the order of page 2; see the head of this file. */
static enum pz_err
run(struct check *c, struct pz_peer *peer)
{
	PZ_TRY(check_presented(c));
	PZ_TRY(build_chain(c));
	PZ_TRY(check_usage(c));
	PZ_TRY(check_identity(c, peer));
	PZ_TRY(check_revocation(c, peer));
	return check_expected(c, peer);
}

/* `out` is written only if every rule passes. */
enum pz_err
pz_verify_chain(const struct pz_trust *trust, struct x509_st *leaf, struct stack_st_X509 *untrusted,
		const struct pz_expect *expect, uint64_t wall_ms, struct pz_peer *out,
		int *out_x509_error, struct pz_errinfo *info)
{
	struct check c = {.trust = trust,
			  .leaf = leaf,
			  .untrusted = untrusted,
			  .expect = expect,
			  .wall_ms = wall_ms,
			  .x509_error = X509_V_OK,
			  .info = info};
	struct pz_peer peer = {0};
	enum pz_err err = run(&c, &peer);

	/* The caller's struct is untouched after a refusal, so that no caller uses a half-filled
	 * one. */
	if (err == PZ_OK)
		*out = peer;
	if (out_x509_error)
		*out_x509_error = c.x509_error != X509_V_OK ? c.x509_error : default_error(err);
	for (size_t i = 0; i < c.count; i++)
		pz_cert_free(c.certs[i]);
	ERR_clear_error();
	return err;
}

enum pz_err
pz_verify_device(const struct pz_trust *trust, const struct pz_cert *leaf,
		 const struct pz_cert *device_ca, const struct pz_expect *expect, uint64_t wall_ms,
		 struct pz_peer *out, struct pz_errinfo *info)
{
	STACK_OF(X509) *chain = sk_X509_new_null();

	if (chain == NULL || sk_X509_push(chain, pz_cert_x509(device_ca)) == 0) {
		sk_X509_free(chain);
		return pz_openssl_fail(info, PZ_ERR_LIMIT_MEMORY, "certificate chain");
	}
	enum pz_err err =
		pz_verify_chain(trust, pz_cert_x509(leaf), chain, expect, wall_ms, out, NULL, info);
	sk_X509_free(chain);
	return err;
}
