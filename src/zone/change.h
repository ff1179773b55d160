/* Inside zone/ only: a change of an authority that waits for its transaction. */
#ifndef PZ_ZONE_CHANGE_H
#define PZ_ZONE_CHANGE_H

#include "zone/authority.h"

#define PZ_MEMBER_SPACE_CHARS (PZ_ZONE_BYTES_MAX + 8)

/** Members that are NULL stay as they are. */
struct pz_zone_change {
	struct pz_member *member; /* new record of a device; replaces the old one's fields */
	struct pz_crl *crl;
	struct pz_zone_policy *policy;
	struct pz_key *tls_key;
	struct pz_cert *tls;
	char tls_key_uri[PZ_KEY_URI_MAX];
};

/** The word for a reason as it is stored and sent, static. */
const char *pz_authority_why_key(enum pz_revoked why);
/* Without keys, certificates and list. NULL: out of memory. */
struct pz_authority *pz_authority_new(const char *zone, const struct pz_env *env);
/* Checks zone, host and display name as the owner typed them. Errors: CONFIG. */
enum pz_err pz_authority_check_names(const char *zone, const char *host, const char *name,
				     struct pz_errinfo *info) PZ_MUST_USE;
/* A member's record, but for its name. Errors: PROTO, LIMIT_MEMORY. */
enum pz_err pz_authority_read_member(const json_t *record, struct pz_member *m,
				     struct pz_errinfo *info) PZ_MUST_USE;
/** Name of the store's space that holds the members of a zone. */
void pz_authority_member_space(const char *zone, char out[PZ_MEMBER_SPACE_CHARS]);
/** Makes a key in the key store and has the zone's CA certify it for TLS. @param out_key,out_cert
 * owned by the caller. Errors: those of pz_keystore_create and pz_cert_issue; the new key then
 * stays in the key store. */
enum pz_err pz_authority_make_tls(const struct pz_authority *a, struct pz_keystore *keys,
				  char out_uri[PZ_KEY_URI_MAX], struct pz_key **out_key,
				  struct pz_cert **out_cert, struct pz_errinfo *info) PZ_MUST_USE;
/** Adds the zone's record to the transaction, with these instead of its own TLS key, TLS
 * certificate and CRL. Errors: LIMIT_MEMORY. */
enum pz_err pz_authority_put_zone(const struct pz_authority *a, const char *tls_key_uri,
				  const struct pz_cert *tls, const struct pz_crl *crl,
				  struct pz_txn *txn) PZ_MUST_USE;

/** Signs a CRL with the entries of ours and of `other` (may be NULL) and one more serial (may be
 * NULL), with a crlNumber above both. Errors: LIMIT (no number is left), CRYPTO, LIMIT_MEMORY. */
enum pz_err
pz_authority_next_crl(const struct pz_authority *a, const struct pz_crl *other, const char *serial,
		      struct pz_crl **out, struct pz_errinfo *info) PZ_MUST_USE;

/** When the member's certificate went, or would go if it did now: later than it came, whatever the
 * clock says. */
uint64_t pz_authority_gone_ms(const struct pz_member *member);
/* After a change of memory: updates the published items. member may be NULL. */
void pz_authority_republish(struct pz_authority *a, const struct pz_member *member, bool has_crl);
/** The same for the policy. */
void pz_authority_republish_policy(struct pz_authority *a);
/** Frees the published items. No synchronisation session may use them any more. */
void pz_authority_unpublish(struct pz_authority *a);
/** Frees a member and what it owns. NULL is fine. */
void pz_authority_free_member(struct pz_member *member);

#endif
