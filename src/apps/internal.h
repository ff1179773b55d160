/* What the files of the apps call of each other. apps.c the whole; listen.c the port; visitor.c one
 * connection, output.c what goes out by it; session.c what an app may do, by its state; protocol.c
 * messages; origin.c identities; known.c which were here; command.c
 * the command; service.c what apps provide, open.c what they wait for; storage.c what
 * they store; resume.c sessions that outlive their connection. */
#ifndef PZ_APPS_INTERNAL_H
#define PZ_APPS_INTERNAL_H

#include "apps/apps.h"
#include "apps/origin.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "http/http.h"
#include "rpc/method.h"
#include "rpc/payload.h"
#include "shared/app_key.h"
#include "wire/address.h"

/** The API of the services by which apps get messages. */
#define PZ_APPS_MESSAGES "http://webinos.org/api/app2app"

/** Characters of the secret by which a session goes on at another connection: hex digits. */
#define PZ_APP_SECRET_CHARS 64

#define PZ_APPS_FAMILIES 2 /* 127.0.0.1 and ::1 */

/** An origin that was here. */
struct pz_app_known {
	struct pz_list hook; /* pz_apps.known, the one that was here last at the end */
	char id[PZ_APP_ID_CHARS + 1];
	uint64_t first_ms, last_ms;
	uint64_t stored_ms; /* `last_ms` on the disk */
	char origin[];
};

struct pz_apps {
	struct pz_apps_config config;
	const struct pz_env *env; /* of config */
	struct pz_list visitors;  /* struct pz_visitor.hook */
	struct pz_list known;
	size_t known_count;
	struct pz_tokens *tokens;
	struct pz_listener *listeners[PZ_APPS_FAMILIES];
	uint16_t wanted_port, port;
	struct pz_timer listen_again, change;
	struct pz_log_rate log;
	json_t *zone; /* as it was last sent; NULL: not yet */
	uint64_t last_ticket;
	uint64_t last_instance;
	struct pz_list writes; /* storage.c */
	bool is_listening, is_ending;
};

/** How far an app has come. */
enum pz_app_state {
	PZ_APP_NONE,   /* no WebSocket: a visitor that reads */
	PZ_APP_SILENT, /* it has not registered */
	PZ_APP_ASKED,  /* the owner is being asked */
	PZ_APP_OPEN,   /* it has a session in the router */
	PZ_APP_MOVING, /* likewise, while the address of this device changes */
	PZ_APP_DENIED,
	PZ_APP_ENDED,
};

/** By what a session goes on at another connection (resume.c). */
struct pz_app_resume {
	char secret[PZ_APP_SECRET_CHARS + 1]; /* "": it does not go on */
	bool is_wanted;                       /* the client has asked for a secret */
	struct pz_timer left;                 /* until it ends without a connection */
	uint64_t left_us;                     /* when its connection ended */
	struct pz_buf waiting;                /* messages meanwhile: length, text */
};

/** One connection. */
struct pz_visitor {
	struct pz_session session; /* the router's view, while OPEN */
	struct pz_apps *apps;
	struct pz_list hook;
	struct pz_stream *stream; /* NULL with `http` */
	struct pz_http *http;     /* NULL: its connection has ended, the session waits (resume.c) */
	struct pz_timer work;     /* sends, or ends: without delay, not from inside */
	struct pz_app_resume resume;
	struct pz_list services; /* that it provides */
	struct pz_timer claim;   /* until those that are not registered again go */
	struct pz_list open;     /* open.c; so is the next one */
	size_t open_count;
	enum pz_app_state state;
	char *origin; /* once it is an app */
	char id[PZ_APP_ID_CHARS + 1];
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	uint64_t ticket;      /* of the question that waits; 0: none */
	uint64_t refilled_us; /* when time was last added to `allowance` */
	uint32_t allowance;   /* requests that it may send now */
	bool was_asked;       /* a person has let it in, or has given it a token */
	bool has_token;
	bool wants_changes; /* of what it stores */
	bool is_held;       /* by the router: not read */
	bool is_broken;     /* the stream has ended */
};

/* ---- listen.c ---- */
/** Readies the timer. */
void pz_apps_listen_init(struct pz_apps *apps);
/** Closes what is open. */
void pz_apps_unlisten(struct pz_apps *apps);

/* ---- visitor.c ---- */
/** A connection; where there are too many the oldest ends that is no app. @param takes_stream in
 * every case */
void pz_visitor_new(struct pz_apps *apps, struct pz_stream *takes_stream);
/** At once, not from inside its own call-backs. */
void pz_visitor_free(struct pz_visitor *visitor);
/* ---- output.c ---- */
/** Sends what waits, soon. */
void pz_visitor_wake(struct pz_visitor *visitor);
/** True while what is sent waits for another connection. */
bool pz_visitor_waits(const struct pz_visitor *visitor);
/** Sends one text frame, or keeps it for the next connection. Errors: those of pz_websocket_send.
 */
enum pz_err pz_visitor_send(struct pz_visitor *visitor, struct pz_slice text) PZ_MUST_USE;
/** Ends it, for good: no other connection goes on with its session. */
void pz_visitor_close(struct pz_visitor *visitor, uint16_t code, const char *why);
/** Its connection has ended, or ends now without a word: what follows from that happens soon. */
void pz_visitor_cut(struct pz_visitor *visitor);
/** One without a connection is freed, soon. */
void pz_visitor_expire(struct pz_visitor *visitor);
/** Closes the connection; what is sent from then on waits. Not from inside of one of `http`. */
void pz_visitor_disconnect(struct pz_visitor *visitor);
/** How many connections are apps and how many are not. @param origin NULL: of any */
void pz_visitors_count(const struct pz_apps *apps, const char *origin, size_t *out_apps,
		       size_t *out_others);

/* ---- session.c ---- */
/** An upgrade. @return 0: accepted; else the status that refuses it, with *out_why for people */
int pz_app_begin(struct pz_visitor *visitor, const struct pz_http_request *request,
		 const char **out_why);
/**
 * The method of one element of a payload, as every receiver reads it.
 * @param out new, the caller's; untouched on failure. Errors: NOTFOUND (an answer, or no text),
 * EXISTS (there are two), PROTO_JSON, LIMIT_MEMORY
 */
enum pz_err pz_app_method_of(struct pz_slice element, char **out) PZ_MUST_USE;
/** A message of the app. */
void pz_app_message(struct pz_visitor *visitor, bool text, struct pz_slice bytes);
/** Leaves the router, questions are withdrawn; the connection stays. */
void pz_app_end(struct pz_visitor *visitor);
/** The owner's answer, or the policy's. */
void pz_app_admit(struct pz_visitor *visitor, bool is_yes, bool was_asked);
/** Judges one that is let in again; cuts it off where it may not stay. */
void pz_app_recheck(struct pz_visitor *visitor);
/** Takes a session out of the router, to come back under another address. */
void pz_app_unroute(struct pz_visitor *visitor);
/** Brings it back. */
void pz_app_reroute(struct pz_visitor *visitor);

/* ---- protocol.c ---- */
/** Sends a prop with `from` = this device and `to` = the app. @param message borrowed, may be NULL
 */
void pz_app_send_prop(struct pz_visitor *visitor, const char *status, json_t *message);
/** `registeredBrowser` with the zone, or with none for one that is denied. @param takes_session
 * of pz_app_session_json; NULL: left out */
void pz_app_send_registered(struct pz_visitor *visitor, const char *status, json_t *takes_session);
/** Answers requests of an app that may do nothing. @param payload raw JSON */
void pz_app_refuse(struct pz_visitor *visitor, struct pz_slice payload);
/** The same with another error. @param takes_error NULL: nothing is sent */
void pz_app_fail(struct pz_visitor *visitor, struct pz_slice payload, json_t *takes_error);

/** Sends a payload of ours. @param takes_payload NULL: nothing */
void pz_app_send_rpc(struct pz_visitor *visitor, json_t *takes_payload);

/* ---- open.c ---- */
/** A request to another node leaves. @param id as raw JSON @param method of a service */
void pz_app_open_note(struct pz_visitor *visitor, struct pz_slice to, struct pz_slice id,
		      const struct pz_method *method);
/** A message goes to the app: what it answers is not open any more. */
void pz_app_open_answered(struct pz_visitor *visitor, const struct pz_envelope *envelope);
/** What is open goes on at another connection. */
void pz_app_open_move(struct pz_visitor *from, struct pz_visitor *to);
/** What the page does not know any more is given up. @param keep array of ids, or NULL
 * @return the ids that are still open, new */
json_t *pz_app_open_keep(struct pz_visitor *visitor, const json_t *keep);
/** The app goes: what is open is given up where it runs. */
void pz_app_open_end(struct pz_visitor *visitor);
/** Policies have changed: what may not leave any more (E1) ends there, and here with an error. */
void pz_app_open_recheck(struct pz_visitor *visitor);
/** Ways have changed: what has none any more ends with an error. */
void pz_app_open_check(struct pz_visitor *visitor);

/* ---- resume.c ---- */
/** The connection of an app has ended. @return true: its session goes on without one */
bool pz_app_leave(struct pz_visitor *visitor);
/** Takes over the session of a former connection of the same origin, all but the router's.
 * @param wish {secret, keep: ids that the page still knows} @return false: no such session waits */
bool pz_app_resume(struct pz_visitor *visitor, const json_t *wish);
/** Sends what has waited. */
void pz_app_resumed(struct pz_visitor *visitor);
/** A new secret, and what the page learns of it. New. @param takes_kept NULL: left out */
json_t *pz_app_session_json(struct pz_visitor *visitor, bool is_resumed, json_t *takes_kept);

/* ---- storage.c ---- */
/** What waits for the disk is answered at another connection. */
void pz_app_storage_move(struct pz_visitor *from, struct pz_visitor *to);
/** A request to `AppStorage`. @return the answer, new; NULL: it comes later */
json_t *
pz_app_storage_request(struct pz_visitor *visitor, const struct pz_rpc *rpc, const char *function);
/** A session has ended: its writes are answered to none, and what its origin stored goes where the
 * user wants that. */
void pz_app_storage_end(struct pz_visitor *visitor);
/** The apps end: what is under way is forgotten. */
void pz_app_storage_fini(struct pz_apps *apps);

/* ---- service.c ---- */
/** A request to `ServiceRegistry`. @return the answer, new */
json_t *
pz_app_service_request(struct pz_visitor *visitor, const struct pz_rpc *rpc, const char *function);
/** Before any of the others. */
void pz_app_services_init(struct pz_visitor *visitor);
/** They go on at another connection, where each has to be registered again within
 * PZ_APP_RETURN_US. @param keep ids of the calls that the page still knows; the others fail */
void pz_app_services_move(struct pz_visitor *from, struct pz_visitor *to, const json_t *keep);
/** The services of an app go. Not from inside a call of one. */
void pz_app_services_end(struct pz_visitor *visitor);

/* ---- known.c ---- */
/** Errors: LIMIT_MEMORY, those of pz_store_load. */
enum pz_err pz_known_load(struct pz_apps *apps, struct pz_errinfo *info) PZ_MUST_USE;
/** An origin is here. */
void pz_known_touch(struct pz_apps *apps, const char *origin);
/** NULL: it was never here. */
struct pz_app_known *pz_known_find(const struct pz_apps *apps, struct pz_slice origin);
/** Forgets one, also on the disk. */
void pz_known_remove(struct pz_apps *apps, struct pz_app_known *known);
/** Forgets all in memory. */
void pz_known_clear(struct pz_apps *apps);

#endif
