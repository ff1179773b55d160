/*
 * An invitation to become friends: pzh://host:port/zone?friend=SECRET&ca=FINGERPRINT, which one
 * owner gives to another. It names the hub that invites, the fingerprint of its PZH CA, and a
 * secret that counts once and for PZ_INVITATION_MS.
 * @spec page 6 "Friends"
 */
#ifndef PZ_FRIENDS_INVITATION_H
#define PZ_FRIENDS_INVITATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"
#include "x509/cert.h"

#define PZ_INVITATION_SECRET_BYTES 16
#define PZ_INVITATION_ID_CHARS 16

/** One invitation. A secret: wipe it after use. */
struct pz_invitation {
	char zone[PZ_ZONE_BYTES_MAX + 1]; /* that invites */
	char host[PZ_HOST_BYTES_MAX + 1]; /* of its hub, IPv6 without brackets */
	uint16_t port;
	uint8_t ca[32]; /* SHA-256 over its PZH CA certificate */
	uint8_t secret[PZ_INVITATION_SECRET_BYTES];
	char id[PZ_INVITATION_ID_CHARS + 1]; /* follows from the secret, and shows nothing of it */
	char guest[PZ_ZONE_BYTES_MAX + 1];   /* the only zone that may accept it; "": any. Not in
						the link */
	char by[PZ_DEVICE_BYTES_MAX + 1];    /* device that invited; "": the hub. As above */
	uint64_t expires_ms;                 /* since 1970; 0: not known here. As above */
};

/**
 * Makes one that counts from now on.
 * @param zone, ca that invite; @param host, port where its hub is
 * Errors: CONFIG (no link can be made of host and port).
 */
enum pz_err
pz_invitation_make(const char *zone, const struct pz_cert *ca, const char *host, uint16_t port,
		   const struct pz_env *env, struct pz_invitation *out) PZ_MUST_USE;
/** Overwrites it. */
void pz_invitation_wipe(struct pz_invitation *invitation);
/** True until it runs out. */
bool pz_invitation_is_live(const struct pz_invitation *invitation, const struct pz_env *env);

/** Appends the link, a secret. Errors: CONFIG, LIMIT_QUEUE, LIMIT_MEMORY. */
enum pz_err
pz_invitation_link(const struct pz_invitation *invitation, struct pz_buf *out) PZ_MUST_USE;
/**
 * Reads a link; white space around it is ignored, and parameters that it does not know.
 * @param out wiped first, so all zeros on failure
 * Errors: CONFIG (with a line that says what is wrong), LIMIT_MEMORY.
 */
enum pz_err pz_invitation_parse(const char *link, struct pz_invitation *out,
				struct pz_errinfo *info) PZ_MUST_USE;

/** What the store keeps of one, with its secret: a text that the caller frees with
 * pz_record_text_wipe. NULL: out of memory. */
char *pz_invitation_text(const struct pz_invitation *invitation);
/**
 * Reads the same.
 * @param zone, ca whose invitation it is
 * Errors: PROTO_JSON, PROTO_MEMBER. @param out untouched on failure
 */
enum pz_err pz_invitation_read(struct pz_slice text, const char *zone, const struct pz_cert *ca,
			       struct pz_invitation *out) PZ_MUST_USE;

/* ---- those of a zone ---- */

/** All zero: none. */
struct pz_invitations {
	struct pz_invitation list[PZ_INVITATIONS_MAX];
	size_t len;
};

/** Adds one. Errors: LIMIT (PZ_INVITATIONS_MAX). */
enum pz_err
pz_invitations_add(struct pz_invitations *all, const struct pz_invitation *invitation) PZ_MUST_USE;
/** The one of an id, also when it has run out; NULL: none. Borrowed until the next change. */
const struct pz_invitation *pz_invitations_find(const struct pz_invitations *all, const char *id);
/** Removes and wipes one. It need not be there. */
void pz_invitations_remove(struct pz_invitations *all, const char *id);
/** The first that has run out; NULL: none. Borrowed until the next change. */
const struct pz_invitation *
pz_invitations_expired(const struct pz_invitations *all, const struct pz_env *env);
/** True while one of them counts. */
bool pz_invitations_are_live(const struct pz_invitations *all, const struct pz_env *env);

#endif
