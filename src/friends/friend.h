/*
 * The friend zones of a node: a table by zone, and the text of one friend as it is stored and as
 * the item `trusted-pzh` carries it.
 *
 * The text of a friend that the hub gives to its devices is signed by the key of their own zone's
 * CA, so any device of the zone may pass it on. What is signed is lv_cat("pz-friend/1", zone,
 * friend's zone, display name, SHA-256 of the CA certificate, secret, since, changed, by, host,
 * port, number), numbers in decimal digits, hash and secret in hex.
 * @spec page 6 "Friends", page 8, page 14 CERT-5
 */
#ifndef PZ_FRIENDS_FRIEND_H
#define PZ_FRIENDS_FRIEND_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/key.h"
#include "x509/verify.h"

#define PZ_FRIEND_SECRET_BYTES 32

/** One friend zone. */
struct pz_friend {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char display_name[PZ_DISPLAY_NAME_BYTES_MAX + 1]; /* as its owner chose it */
	struct pz_cert *ca; /* its PZH CA, pinned; owned, never NULL in a table */
	struct pz_crl *crl; /* its newest list; owned; NULL: not known */
	uint8_t secret[PZ_FRIEND_SECRET_BYTES]; /* shared by both zones; never logged */
	/* All times in milliseconds since 1970. */
	uint64_t since_ms;   /* both owners had confirmed; 0: the friendship is pending */
	uint64_t changed_ms; /* last change of the text; the mtime of its chunk */
	bool is_confirmed_here, is_confirmed_there; /* which owner has confirmed */
	char by[PZ_DEVICE_BYTES_MAX + 1];           /* our device that confirmed; "": our hub */
	char host[PZ_HOST_BYTES_MAX + 1];           /* of its hub; "": not known */
	uint16_t port;
	uint64_t number;  /* of the notice that host and port came from; 0: from the exchange */
	uint64_t seen_ms; /* when its hub, or a device of it, was last linked; 0: never. Not in the
			   * text
			   */
	char sig[PZ_SIGNATURE_CHARS_MAX + 1]; /* by our zone's CA; "": not signed */
	/* At a device, not in the text: the one device of that zone that is trusted, until this
	 * daemon ends (page 6, "Strangers"); "": the zone is a friend. */
	char only[PZ_DEVICE_BYTES_MAX + 1];
};

/** True when both owners have confirmed: only then the friend has any rights. */
static inline bool
pz_friend_is_confirmed(const struct pz_friend *f)
{
	return f->since_ms > 0;
}

/** True for a device of that zone that may link with this one directly. */
static inline bool
pz_friend_covers(const struct pz_friend *f, const char *device)
{
	return pz_friend_is_confirmed(f) && (f->only[0] == '\0' || strcmp(f->only, device) == 0);
}

/**
 * An unconfirmed friend.
 * @param zone valid by page 1
 * @param ca its PZH CA, self-signed and of that zone; the friend takes a reference of its own
 * @param out the caller's, pz_friend_free or pz_friends_put
 * Errors: DENIED_IDENTITY (not the CA of this zone), DENIED_CHAIN (no PZH CA), DENIED_WEAK,
 * PROTO_ADDRESS, LIMIT_MEMORY.
 */
enum pz_err pz_friend_new(const char *zone, struct pz_cert *ca, struct pz_friend **out,
			  struct pz_errinfo *info) PZ_MUST_USE;
/** A copy that shares certificate and list. NULL: out of memory. */
struct pz_friend *pz_friend_copy(const struct pz_friend *f);
/** Overwrites the secret and frees. NULL is fine. */
void pz_friend_free(struct pz_friend *f);
PZ_AUTO_DEFINE(struct pz_friend, pz_friend_free)

/**
 * Replaces the friend's list by one that the friend's CA has signed and that has a higher number.
 * @param crl the friend takes a reference of its own
 * Errors: DENIED_CHAIN (not signed by the pinned CA), DENIED_WEAK, EXISTS (not newer).
 * @spec page 14 REV-5
 */
enum pz_err
pz_friend_set_crl(struct pz_friend *f, struct pz_crl *crl, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Signs the current text. To be called before the text is sent to devices.
 * @param zone, ca_key our own zone and the key of its CA
 * Errors: CRYPTO, LIMIT_MEMORY; sig is untouched then.
 */
enum pz_err
pz_friend_sign(struct pz_friend *f, const char *zone, const struct pz_key *ca_key) PZ_MUST_USE;
/**
 * Checks that our own zone has signed the text.
 * Errors: DENIED_CHAIN (it has not), LIMIT_MEMORY.
 */
enum pz_err pz_friend_check(const struct pz_friend *f, const char *zone, const struct pz_cert *ca,
			    struct pz_errinfo *info) PZ_MUST_USE;

/** The text: JSON of at most PZ_FRIEND_TEXT_BYTES_MAX bytes, which the caller frees with
 * pz_record_text_wipe. Without crl and seen_ms. NULL: out of memory. */
char *pz_friend_text(const struct pz_friend *f);
/**
 * Reads a text; each member is checked and copied, unknown ones are ignored. The signature is not
 * verified (pz_friend_check).
 * @param out the caller's, as from pz_friend_new
 * Errors: PROTO_JSON, PROTO_MEMBER, PROTO_ADDRESS, LIMIT (too long), those of pz_friend_new and
 * pz_cert_from_pem; with one line in info.
 */
enum pz_err
pz_friend_parse(struct pz_slice text, struct pz_friend **out, struct pz_errinfo *info) PZ_MUST_USE;

/* ---- the table ---- */

struct pz_friends;

/** An empty table. NULL: out of memory. */
struct pz_friends *pz_friends_new(void);
/** With its friends. NULL is fine. */
void pz_friends_free(struct pz_friends *friends);
PZ_AUTO_DEFINE(struct pz_friends, pz_friends_free)

/** How many there are, pending ones too. */
size_t pz_friends_len(const struct pz_friends *friends);
/** The friend of that zone, which belongs to the table; NULL: no such friend. @param friends NULL:
 * an empty one */
struct pz_friend *pz_friends_find(const struct pz_friends *friends, struct pz_slice zone);
/** Iterates: start with *pos = 0; NULL at the end. The current one may be removed. @param friends
 * NULL: none */
struct pz_friend *pz_friends_next(const struct pz_friends *friends, size_t *pos);
/**
 * Adds a friend; one of the same zone is freed.
 * @param takes freed on failure, too
 * Errors: LIMIT (PZ_FRIENDS_MAX), LIMIT_MEMORY.
 */
enum pz_err pz_friends_put(struct pz_friends *friends, struct pz_friend *takes,
			   struct pz_errinfo *info) PZ_MUST_USE;
/** Removes and frees the friend of that zone. @return false: it was not there */
bool pz_friends_remove(struct pz_friends *friends, struct pz_slice zone);

/**
 * Adds the CA and the list of each friend to a trust set, pending ones too: who is at the other end
 * of a link follows from its CA, and what a pending friend may do there is decided by the link's
 * owner. A friend whose zone the set already has by another key is left out: it can never speak for
 * that zone.
 * @param friends NULL: none
 * Errors: LIMIT_MEMORY, CRYPTO.
 * @spec page 2 "TLS", page 14 CERT-5
 */
enum pz_err pz_friends_add_trust(const struct pz_friends *friends, struct pz_trust *trust,
				 struct pz_errinfo *info) PZ_MUST_USE;

#endif
