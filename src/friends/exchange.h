/*
 * The protocol of two hubs when an invitation is accepted: one object for each end of the
 * connection, sans-I/O. The connection is TLS with ALPN pz-friend/1, on which only the inviting hub
 * shows a certificate.
 *
 *     accepting hub                                          inviting hub
 *     friendHello {id}                                   ->
 *            <-  friendZone {zone, displayName, ca, crl?, host, port, proof}
 *     friendAccept {zone, displayName, ca, crl?, host, port, sig, proof}  ->
 *            <-  friendAdded {}                              it is stored there
 *
 * `proof` is HMAC-SHA-256 with the invitation's secret over lv_cat("pz-friend/1 inviter" or
 * "… guest", E, zone, display name, SHA-256 of ca, host, port) of its sender; E are 32 bytes of the
 * TLS exporter EXPORTER-pz-friend, so a proof counts on its own connection only. `sig` is a
 * signature of the guest's CA over lv_cat("pz-friend/1 ca", E, its zone): the inviting hub proves
 * its CA by its certificate in the handshake. Either end may answer friendError {reason}.
 * @spec page 6 "Friends", page 14 ZON-1
 */
#ifndef PZ_FRIENDS_EXCHANGE_H
#define PZ_FRIENDS_EXCHANGE_H

#include <jansson.h>

#include "friends/friend.h"
#include "friends/invitation.h"

#define PZ_FRIEND_EXPORTER "EXPORTER-pz-friend"
#define PZ_FRIEND_EXPORTER_BYTES 32

/* reasons of friendError */
#define PZ_FRIEND_UNKNOWN "unknown"        /* no such invitation, or it has expired */
#define PZ_FRIEND_BAD_PROOF "badProof"     /* the secret, or the certificate, is not proved */
#define PZ_FRIEND_OWN_ZONE "ownZone"       /* a zone cannot befriend itself */
#define PZ_FRIEND_WRONG_ZONE "wrongZone"   /* the invitation is for another zone */
#define PZ_FRIEND_ALREADY "alreadyFriends" /* the two are friends */
#define PZ_FRIEND_FULL "full"              /* no room for another friend */
#define PZ_FRIEND_BAD_REQUEST "badRequest" /* anything else */

struct pz_friend_exchange;

/** This end. Borrowed for the exchange's life. */
struct pz_friend_self {
	const char *zone, *display_name, *host;
	uint16_t port;
	struct pz_cert *ca;
	struct pz_key *ca_key;
	struct pz_crl *const *
		crl; /* points to the newest one: a revocation may replace it during the exchange */
};

/** Call-backs to the owner; `arg` is that of the constructor. None may free the object at once. */
struct pz_friend_exchange_ops {
	/** Send a prop with this status and payload.message. Both borrowed. */
	void (*send)(void *arg, const char *status, json_t *message);
	/** The inviting end: returns the valid invitation with this id; NULL: not found. Borrowed
	 * for the call. */
	const struct pz_invitation *(*invitation)(void *arg, const char *id);
	/** The accepting end: checks that the other end has shown, in the handshake, a hub's
	 * certificate of this zone under this CA. Errors: as pz_tls_verify_peer. */
	enum pz_err (*verify)(void *arg, const struct pz_cert *ca, const char *zone,
			      struct pz_errinfo *info);
	/**
	 * The other zone has proved itself: store it as an unconfirmed friend. The inviting end
	 * takes the invitation back in the same transaction. Then call pz_friend_exchange_stored or
	 * _refused, now or later.
	 * @param id of the invitation
	 */
	void (*store)(void *arg, struct pz_friend *takes, const char *id);
	/** The exchange has succeeded: the last call-back. */
	void (*done)(void *arg);
	/** The exchange has failed: the last call-back. @param reason of friendError @param detail
	 * one line, without secrets */
	void (*failed)(void *arg, const char *reason, const char *detail);
};

/**
 * The inviting end: waits for friendHello.
 * @param exported PZ_FRIEND_EXPORTER_BYTES of this connection, copied
 * @param ops borrowed, outlive the object
 * @return the caller's, pz_friend_exchange_free; NULL: out of memory
 */
struct pz_friend_exchange *
pz_friend_exchange_invite(const struct pz_friend_self *self, const uint8_t *exported,
			  const struct pz_friend_exchange_ops *ops, void *arg);
/** The accepting end: pz_friend_exchange_start begins. @param invitation copied; the rest as above
 */
struct pz_friend_exchange *
pz_friend_exchange_accept(const struct pz_friend_self *self, const struct pz_invitation *invitation,
			  const uint8_t *exported, const struct pz_friend_exchange_ops *ops,
			  void *arg);
/** Sends friendHello. */
void pz_friend_exchange_start(struct pz_friend_exchange *exchange);
/** Handles one prop of the other end; props after the end are ignored. @param message borrowed,
 * NULL when it has none */
void pz_friend_exchange_message(struct pz_friend_exchange *exchange, const char *status,
				const json_t *message);
/** The friend is stored. */
void pz_friend_exchange_stored(struct pz_friend_exchange *exchange);
/** The friend was not stored. @param reason for the other end @param detail for this end */
void pz_friend_exchange_refused(struct pz_friend_exchange *exchange, const char *reason,
				const char *detail);
/** Wipes its secrets. NULL is fine. Calls nothing. */
void pz_friend_exchange_free(struct pz_friend_exchange *exchange);

/** A reason of friendError as a sentence for the owner, static. @param reason of another hub, not
 * trusted */
const char *pz_friend_reason_text(const char *reason);

#endif
