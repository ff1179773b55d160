/* Inside pzh/ only: the hub's structs. */
#ifndef PZ_PZH_INTERNAL_H
#define PZ_PZH_INTERNAL_H

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "command/table.h"
#include "condition/condition.h"
#include "enrol/codes.h"
#include "enrol/hub.h"
#include "net/doorway.h"
#include "net/link.h"
#include "pzh/hub.h"
#include "route/router.h"
#include "service/dispatch.h"
#include "service/registry.h"
#include "shared/shared.h"
#include "sync/link.h"
#include "wire/address.h"
#include "zone/authority.h"

struct pz_hub_transact;

/** One zone at work. */
struct hub_zone {
	struct pz_hub *hub;
	struct pz_authority *authority;
	struct pz_shared *shared; /* what every device may write */
	struct pz_sync_links sync;
	struct pz_router *router;
	struct pz_tls_ctx *link_ctx, *enrol_ctx;
	struct pz_trust *trust;           /* own CA and CRL of now */
	struct pz_registry *registry;     /* empty: a hub hosts no services (page 1) */
	struct pz_dispatcher *dispatcher; /* answers discovery */
	struct pz_map *announced;         /* device -> json array of descriptors, owned */
	struct pz_map *twice;             /* device -> struct hub_twice */
	struct pz_list links;             /* struct pz_link.owner_node, registered ones */
	struct pz_codes codes;
	unsigned failed_attempts; /* to enrol, of late; told by a condition */
	uint64_t failed_us;       /* when the last one failed */
	char tag[PZ_SNI_TAG_CHARS + 1];
	json_t *changed; /* devices whose Update entry changed: {name: true} */
	json_t *unsaved; /* devices whose record is to be stored: {name: true} */
	json_t *saving;  /* those whose record is on its way to the disk */
	unsigned saves;  /* commits of such records under way */
	bool is_behind;  /* one has failed, and was not made good yet */
	struct pz_timer update_timer, save_timer;
	uint64_t updated_us;              /* when the last Update was told */
	struct pz_list transacts;         /* struct pz_hub_transact.node, those that wait */
	struct pz_hub_transact *transact; /* whose turn it is, or NULL */
	size_t connected;
	size_t learning;  /* lists of devices among the turns */
	bool is_changing; /* a change of the authority waits for the disk */
	/* The device whose record that change writes, "" if none: nobody else may, or an older
	 * record would end up on top of a newer one. */
	char changing[PZ_DEVICE_BYTES_MAX + 1];
	bool is_removed; /* removal.c: it is, or is being, removed: nothing of it is stored */
	struct pz_list removed_node; /* hub->removed */
};

struct pz_hub {
	struct pz_hub_config config;
	struct pz_link_host link_host;
	struct pz_metrics metrics;
	struct pz_requests requests;      /* commands that have not ended */
	struct pz_conditions *conditions; /* what is wrong now, for `status` */
	struct pz_map *zones;             /* zone -> struct hub_zone */
	struct pz_map *by_tag;            /* SNI tag -> struct hub_zone */
	struct pz_doorway *doorway;       /* connections that have not proved an identity */
	struct pz_map *making;  /* zones that wait for the disk -> struct init, borrowed */
	struct pz_list links;   /* owner_node of links that are not registered */
	struct pz_list removed; /* struct hub_zone.removed_node: their links may point to them */
	struct pz_listener *listener;
	struct pz_timer housekeeping;
	struct pz_clock_watch clock;
	struct pz_log_rate refuse_log, enrol_log;
	uint64_t started_us;
	uint16_t port;
	bool is_stopping;
	bool is_sweep_due; /* key files may have been left over by a renewal or an init */
};

enum hub_link_state { HUB_LINK_SECURING, HUB_LINK_REGISTERING, HUB_LINK_LIVE, HUB_LINK_ENROLLING };

/** What the hub knows of a connection besides the link. */
struct hub_peer {
	struct pz_hub *hub;
	struct hub_zone *zone; /* chosen by SNI, NULL before */
	struct pz_link *link;
	struct pz_guest guest;
	struct pz_member *member;         /* once admitted */
	struct pz_log_rate *log;          /* of the member, before that of strangers */
	char serial[PZ_SERIAL_HEX_BYTES]; /* of the PZP CA that was admitted: the name may be given
					     to another device while the link lasts */
	struct pz_enrol_hub *enrol;       /* while enrolling */
	struct admission *admission;      /* a signed device that waits for the disk */
	struct pz_log_rate refused_rate;  /* of what its device is told about refused values */
	struct pz_list claims;            /* struct hub_claim.node: who hangs behind it */
	uint64_t attest_window_us;        /* since when attestations are counted, and how many */
	unsigned attest_checks;
	enum hub_link_state state;
	bool is_enrol_decided;     /* admitted or refused: told already */
	bool is_enrol_counted;     /* as an attempt */
	bool is_leaving;           /* asked to be revoked */
	struct pz_sync_link *sync; /* while it is live; NULL: out of memory */
};

/* hub.c */
static inline struct pz_hub *
hub_of(const struct pz_request *request)
{
	return request->self;
}
bool hub_has_live_code(struct pz_hub *hub);
struct hub_zone *hub_zone_by_name(struct pz_hub *hub, const char *zone);
/** The zone named, or the only one. Errors: NOTFOUND, CONFIG (several: say which). */
enum pz_err hub_choose_zone(struct pz_hub *hub, const char *zone, struct hub_zone **out,
			    struct pz_errinfo *info) PZ_MUST_USE;
/** Takes the authority, also on failure. */
enum pz_err hub_add_zone(struct pz_hub *hub, struct pz_authority *takes, struct hub_zone **out,
			 struct pz_errinfo *info) PZ_MUST_USE;
/** commands.c: is the name free here? Errors: EXISTS. */
enum pz_err
hub_check_new_zone(struct pz_hub *hub, const char *zone, struct pz_errinfo *info) PZ_MUST_USE;
/** commands.c: stores a zone that is new here; when it is on disk the hub has it, and the command
 * is answered. Takes all but the command. */
void hub_store_zone(struct pz_request *request, struct pz_authority *takes,
		    struct pz_txn *takes_txn, json_t *takes_result);
/** commands.c: frees a zone that waits for a store which calls nobody back any more. */
void hub_drop_init(void *init);

/* zone.c */
enum pz_err zone_new(struct pz_hub *hub, struct pz_authority *takes, struct hub_zone **out,
		     struct pz_errinfo *info) PZ_MUST_USE;
void zone_free(struct hub_zone *zone);
/** New TLS contexts from the authority's certificates and CRL; live links are checked again. */
enum pz_err zone_refresh_trust(struct hub_zone *zone, struct pz_errinfo *info) PZ_MUST_USE;
/** The member's entry in `Update` changed: told to everyone soon, in one message with others. */
void zone_member_changed(struct hub_zone *zone, struct pz_member *member);
/** A device that comes back at once: that it was gone is told first, so that others end what its
 * former session had begun. */
void zone_tell_before_return(struct hub_zone *zone, const struct pz_member *member);
void zone_send_whole_update(struct hub_zone *zone, struct pz_link *link);
void zone_device_gone(struct hub_zone *zone, struct pz_member *member);
/** Sends a JSON-RPC payload in the hub's name. @param takes_payload NULL: nothing is sent */
void zone_send_rpc(struct hub_zone *zone, const char *to, json_t *takes_payload);
/** Something is longer than the other end of the link takes: a condition until the link ends. */
void
zone_too_large(struct hub_zone *zone, const struct pz_link *link, const char *what, size_t bytes);
/** Sends a prop over one link. @param message borrowed, may be NULL */
void
zone_send_prop(struct hub_zone *zone, struct pz_link *link, const char *status, json_t *message);
/** The same to a device behind the link. */
void zone_send_prop_to(struct hub_zone *zone, struct pz_link *link, const char *to,
		       const char *status, json_t *message);
/** Closes every link whose certificate is on the CRL, also one that is not registered yet. */
void zone_close_revoked(struct hub_zone *zone, const char *reason);
/** Stores when members were last seen, as far as that changed; regularly and at the end. */
void zone_save_seen(struct hub_zone *zone);
/** Stores a member's record soon, together with others; failures are logged. */
void zone_save_member(struct hub_zone *zone, const struct pz_member *member);
/** Stores what zone_save_member noted. */
void zone_save_now(struct hub_zone *zone);

/* change.c */
/** Page 2 "Revocation", once durable. */
void zone_revoked(struct hub_zone *zone, struct pz_member *member, const char *reason);
/** Revokes a device. @param request ends when that is durable; NULL: none */
void zone_revoke(struct hub_zone *zone, const char *device, enum pz_revoked why,
		 struct pz_request *request);
/** The same by the owner; and what the device has written is removed, `purged` in the result says
 * how many values. Also of one that was revoked before. */
void zone_revoke_and_purge(struct hub_zone *zone, const char *device, struct pz_request *request);
void zone_renew_if_due(struct hub_zone *zone);

/* moving.c */
/** Tells where the zone is, when that was ever said. */
void moving_greet(struct hub_peer *peer);
/** The zone is to move elsewhere, or to stay after all. */
void cmd_move(struct pz_request *request);
/** removal.c */
void cmd_remove(struct pz_request *request);

/* archive.c */
/** The command `export`: writes a zone into the file that came with the request. */
void cmd_export(struct pz_request *request);
/** The command `import`: reads a zone from the file that came with the request. */
void cmd_import(struct pz_request *request);

/* props.c */
extern const struct pz_router_ops zone_router_ops;

/* update.c */
/** Appends a whole or partial Update as frames of bounded size. */
enum pz_err update_build(struct hub_zone *zone, bool partial, struct pz_buf *out) PZ_MUST_USE;

/* behind.c */
/** What a relay says about who hangs behind it now, whole. Those that are refused change nothing
 * for the others. @param list an array, or NULL: nobody. @return how many were refused; info tells
 * of the first */
size_t behind_listed(struct hub_peer *relay, const json_t *list, struct pz_errinfo *info);
/** A relay's link has ended: no device is connected through it. */
void behind_forget_relay(struct hub_peer *relay);
/** The member gets a link of its own: what it agreed to before counts no more. */
void behind_has_own_link(struct pz_member *member);
/** The member's own link has gone: a relay that it agreed to meanwhile is the way to it. */
void behind_lost_own_link(struct hub_zone *zone, struct pz_member *member);
/** Forgets what is too old, and whom the zone does not know any more. */
void behind_clean(struct hub_zone *zone);
/** The member of this address, when it hangs behind this session; else NULL. */
struct pz_member *
behind_member(struct hub_zone *zone, const struct pz_session *via, struct pz_slice address);

/* sync.c */
/** Readies the exchange on the zone's links. Errors: LIMIT_MEMORY. */
enum pz_err pz_hub_sync_init(struct hub_zone *zone) PZ_MUST_USE;
/** The link is live: its device may ask what has changed. */
void pz_hub_sync_begin(struct hub_peer *peer);
/** A chunk that has changed, to everybody who is connected. */
void pz_hub_sync_push(struct hub_zone *zone, enum pz_sync_id id, const char *key);
/** What is known of one device is another. */
void pz_hub_sync_device_changed(struct hub_zone *zone, const char *device);
/** The CRL is another, and what is known of one device, "": of none. */
void pz_hub_sync_membership_changed(struct hub_zone *zone, const char *device);

/* data.c */
/** Removes what a device has written. @param takes_result of its revocation; NULL: it was revoked
 * before. @param request ends when that is durable */
void zone_purge(struct hub_zone *zone, const char *device, json_t *takes_result,
		struct pz_request *request);
/** The commands `data` and `data-remove`. */
void zone_data_list(struct pz_request *request);
void zone_data_remove(struct pz_request *request);

/* details.c */
/** The commands `user` and `name`. */
void zone_details_user(struct pz_request *request);
void zone_details_name(struct pz_request *request);
/** Details came in from a device. @param keys array of strings */
void zone_details_received(struct hub_zone *zone, const json_t *keys);
/** The zone has been loaded: members' records may be older than what was stored of their names. */
void zone_details_loaded(struct hub_zone *zone);
/** A device has come into the zone, or is out of it: the name that one of the same name was given
 * goes, as a deletion that travels. @param device "": none */
void zone_details_membership_changed(struct hub_zone *zone, const char *device);

/* dates.c */
/** {tls, ca, crl}: days that certificates and revocation list have left, negative when they have
 * ended. New. */
json_t *zone_days_left(const struct hub_zone *zone);
/** @param failure why nothing was renewed, "": it was */
void zone_renewal_ended(struct hub_zone *zone, const char *failure);
/** What the operator should know now, each a line of text. New. */
json_t *hub_warnings(const struct pz_hub *hub);
/** Raises and clears what time and a move bring. */
void zone_check_conditions(const struct hub_zone *zone);
/** Sets the gauges of days: those of the zone that ends first. */
void hub_set_days(struct pz_hub *hub);

/* twice.c */
/** The link is about to be replaced by a newer one of its device. */
void twice_thrown_out(struct hub_peer *older);
/** The device has said which start of it is connected (member->instance). */
void twice_named(struct hub_peer *peer);
/** Forgets what is long ago. */
void twice_clean(struct hub_zone *zone);
/** The device is out of the zone. */
void twice_forget(struct hub_zone *zone, const char *device);

/* crl_learn.c */
/** A device offers a revocation list. One that says more than ours counts as soon as it is stored.
 * Errors: DENIED_* (not signed by this zone's CA), PROTO, NOTFOUND (of another zone), LIMIT. */
enum pz_err crl_learn_offered(struct hub_peer *peer, const struct pz_sync_chunk *chunk,
			      struct pz_errinfo *info) PZ_MUST_USE;

/* link.c */
extern const struct pz_link_events hub_link_events;
extern const struct pz_doorway_ops hub_doorway_ops;
void hub_accept(void *arg, struct pz_stream *stream, const char *remote);
/** Closes with a `bye` that says why. */
void hub_link_bye(struct hub_peer *peer, enum pz_err why, const char *reason);
/** The same for a device that is to forget the zone: prop `revoked` goes first. */
void hub_link_revoked(struct hub_peer *peer, const char *reason);
/** Somebody says that this link is dead: asks for a sign of life, and closes it without one. */
void hub_link_probe(struct hub_peer *peer);
/** More waits for this peer than it should: what it asks for is not answered meanwhile. */
bool hub_link_is_choked(const struct hub_peer *peer);

/* enrol.c */
/** Failed attempts of long ago are no condition any more. */
void hub_enrol_clean(struct hub_zone *zone);
void hub_enrol_begin(struct hub_peer *peer);
enum pz_err hub_enrol_frame(struct hub_peer *peer, struct pz_slice frame) PZ_MUST_USE;
void hub_enrol_end(struct hub_peer *peer);

#endif
