/* One manifest as a value: checked, as text of the store, as sentences, as an element of a policy
 * document. Pure. @spec page 9, 7.2 */
#ifndef PZ_MANIFESTS_MANIFEST_H
#define PZ_MANIFESTS_MANIFEST_H

#include <jansson.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/list.h"
#include "shared/app_key.h"

/** Size of a sentence, of texts that are as long as they may be. */
#define PZ_MANIFEST_SENTENCE_BYTES (PZ_APP_ORIGIN_BYTES_MAX + 2 * PZ_MANIFEST_TEXT_BYTES_MAX + 64)

struct pz_manifest {
	struct pz_list node; /* of the manifests of a device */
	char id[PZ_APP_ID_CHARS + 1];
	/* {origin, name, features[{api, reason}]}, with the checked members only; NULL: the stored
	 * manifest cannot be read, so the app is denied everything */
	json_t *json;
};

/**
 * Reads one.
 * @param text JSON of an app's developer; any member that is not known is refused
 * @param out new; NULL after a failure
 * Errors: CONFIG (with the member), LIMIT (too long), LIMIT_MEMORY.
 */
enum pz_err pz_manifest_read(struct pz_slice text, struct pz_manifest **out,
			     struct pz_errinfo *info) PZ_MUST_USE;
/** Of an app whose stored manifest cannot be read. NULL: out of memory. */
struct pz_manifest *pz_manifest_unreadable(const char *id);
/** NULL is fine. */
void pz_manifest_free(struct pz_manifest *manifest);
PZ_AUTO_DEFINE(struct pz_manifest, pz_manifest_free)

/** Checks that this is an origin that an app can have: of a page that may be one, or
 * PZ_TOKENS_PREFIX and the name of a program. Errors: CONFIG (with how it is written). */
enum pz_err pz_manifest_check_origin(const char *origin, struct pz_errinfo *info) PZ_MUST_USE;

/** As text for the store, which the caller frees. NULL: out of memory. */
char *pz_manifest_text(const struct pz_manifest *manifest);
/** The number of features. */
size_t pz_manifest_features(const struct pz_manifest *manifest);
/** What the app may ask for. @param at index of a feature; their number: all the rest, which is
 * denied */
void pz_manifest_sentence(const struct pz_manifest *manifest, size_t at,
			  char out[PZ_MANIFEST_SENTENCE_BYTES]);

/**
 * Appends the document of all manifests. It compares nothing but the id of the app, so it applies
 * to apps of this device only where access sets it (access/request.c).
 * @param rows struct pz_manifest.node
 * @param fresh one more, in the place of that of the same app; may be NULL
 * Errors: LIMIT, LIMIT_MEMORY.
 */
enum pz_err pz_manifests_document(const struct pz_list *rows, const struct pz_manifest *fresh,
				  struct pz_buf *buf) PZ_MUST_USE;

#endif
