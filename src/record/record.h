/* Records: JSON objects in the store, and PEM inside them. */
#ifndef PZ_RECORD_RECORD_H
#define PZ_RECORD_RECORD_H

#include <jansson.h>

#include "store/store.h"
#include "x509/cert.h"
#include "x509/crl.h"

/** The zone's secret, which only the members of the zone have. */
#define PZ_ZONE_SECRET_BYTES 32

/** Puts a JSON object. Its text in our memory is overwritten afterwards. @param takes freed in any
 * case; NULL: LIMIT_MEMORY. */
enum pz_err
pz_record_put(struct pz_txn *txn, const char *space, const char *key, json_t *takes) PZ_MUST_USE;
/** Parses a stored JSON object. Errors: PROTO (the detail names space and key). */
enum pz_err pz_record_parse(const char *space, const char *key, struct pz_slice value, json_t **out,
			    struct pz_errinfo *info) PZ_MUST_USE;
/** Copies a string member into a fixed field. Errors: PROTO (absent or too long). */
enum pz_err pz_record_string(const json_t *record, const char *name, char *out, size_t size,
			     struct pz_errinfo *info) PZ_MUST_USE;
/** PEM as a JSON string, NULL when memory is out. */
json_t *pz_record_cert(const struct pz_cert *cert);
/** The same for a CRL. */
json_t *pz_record_crl(const struct pz_crl *crl);
/** A member that holds PEM. Errors: PROTO, CRYPTO. */
enum pz_err pz_record_get_cert(const json_t *record, const char *name, struct pz_cert **out,
			       struct pz_errinfo *info) PZ_MUST_USE;
/** The same for a CRL. */
enum pz_err pz_record_get_crl(const json_t *record, const char *name, struct pz_crl **out,
			      struct pz_errinfo *info) PZ_MUST_USE;

/** PEM as a string that the caller frees; NULL when memory is out. */
char *pz_record_cert_text(const struct pz_cert *cert);
/** The same for a CRL. */
char *pz_record_crl_text(const struct pz_crl *crl);
/** The secret in base64; NULL when memory is out. */
char *pz_record_secret_text(const uint8_t secret[PZ_ZONE_SECRET_BYTES]);
/** Reads the same. Errors: PROTO (not base64 of that many bytes), LIMIT_MEMORY. */
enum pz_err
pz_record_secret_read(struct pz_slice text, uint8_t out[PZ_ZONE_SECRET_BYTES]) PZ_MUST_USE;
/** Overwrites and frees a text. NULL is fine. */
void pz_record_text_wipe(char *text);
/** Overwrites a string member of a record that is about to be freed. It need not be there. */
void pz_record_wipe(json_t *record, const char *name);

#endif
