/* Shared by the files of this folder. apps.c: life and events; listen.c: the port; visitor.c: one
 * connection; output.c: its output; session.c: what an app may do, by its state; protocol.c:
 * messages; origin.c: identities; known.c: origins that have connected; command.c: the command
 * `apps`; service.c: services of apps; open.c: requests that wait for answers; storage.c: stored
 * values; resume.c: sessions that outlive their connection. */
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

/** The API of the services by which apps receive messages. */
#define PZ_APPS_MESSAGES "http://webinos.org/api/app2app"

/** Characters of the secret by which a session is resumed on another connection: hex digits. */
#define PZ_APP_SECRET_CHARS 64

#define PZ_APPS_FAMILIES 2 /* 127.0.0.1 and ::1 */

/** An origin that has connected. */
struct pz_app_known {
	struct pz_list hook; /* pz_apps.known, the most recent one at the end */
	char id[PZ_APP_ID_CHARS + 1];
	uint64_t first_ms, last_ms;
	uint64_t stored_ms; /* `last_ms` as it is on the disk */
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

/** The state of an app. */
enum pz_app_state {
	PZ_APP_NONE,   /* no WebSocket: a visitor that makes HTTP requests */
	PZ_APP_SILENT, /* has not registered */
	PZ_APP_ASKED,  /* the owner is being asked */
	PZ_APP_OPEN,   /* it has a session in the router */
	PZ_APP_MOVING, /* likewise, but outside of the router while the address of this device
			  changes */
	PZ_APP_DENIED,
	PZ_APP_ENDED,
};

/** How a session is resumed on another connection (resume.c). */
struct pz_app_resume {
	char secret[PZ_APP_SECRET_CHARS + 1]; /* "": it cannot be resumed */
	bool is_wanted;                       /* the client has asked for a secret */
	struct pz_timer left;  /* time in which a session without a connection can be resumed */
	uint64_t left_us;      /* when its connection ended */
	struct pz_buf waiting; /* messages received without a connection: length, text */
};

/** One connection. */
struct pz_visitor {
	struct pz_session session; /* the router's view, while OPEN */
	struct pz_apps *apps;
	struct pz_list hook;
	struct pz_stream *stream; /* NULL with `http` */
	struct pz_http *http; /* NULL: its connection has ended, and the session waits (resume.c) */
	struct pz_timer work; /* zero delay: sends or ends outside of call-backs */
	struct pz_app_resume resume;
	struct pz_list services; /* that it provides */
	struct pz_timer claim;   /* time in which services must be registered again */
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
	bool is_held;       /* the router has stopped reading */
	bool is_broken;     /* the stream has ended */
};

/* ---- listen.c ---- */
/** Readies the timer. */
void pz_apps_listen_init(struct pz_apps *apps);
/** Closes what is open. */
void pz_apps_unlisten(struct pz_apps *apps);

/* ---- visitor.c ---- */
/** Starts a connection; when there are too many, the oldest one that is no app ends. @param
 * takes_stream taken in every case */
void pz_visitor_new(struct pz_apps *apps, struct pz_stream *takes_stream);
/** Frees it at once; not from inside its own call-backs. */
void pz_visitor_free(struct pz_visitor *visitor);
/* ---- output.c ---- */
/** Schedules sending of what waits. */
void pz_visitor_wake(struct pz_visitor *visitor);
/** True while messages wait for another connection. */
bool pz_visitor_waits(const struct pz_visitor *visitor);
/** Sends one text frame, or keeps it for the next connection. Errors: those of pz_websocket_send.
 */
enum pz_err pz_visitor_send(struct pz_visitor *visitor, struct pz_slice text) PZ_MUST_USE;
/** Closes it for good: its session cannot be resumed. */
void pz_visitor_close(struct pz_visitor *visitor, uint16_t code, const char *why);
/** The connection has ended, or ends now without a message: schedules what follows from that. */
void pz_visitor_cut(struct pz_visitor *visitor);
/** Schedules the freeing of a visitor without a connection. */
void pz_visitor_expire(struct pz_visitor *visitor);
/** Closes the connection; messages wait from then on. Not from inside a call-back of `http`. */
void pz_visitor_disconnect(struct pz_visitor *visitor);
/** Counts connections that are apps, and others. @param origin NULL: of any */
void pz_visitors_count(const struct pz_apps *apps, const char *origin, size_t *out_apps,
		       size_t *out_others);

/* ---- session.c ---- */
/** Handles an upgrade. @return 0: accepted; else the HTTP status that refuses it, with *out_why for
 * people */
int pz_app_begin(struct pz_visitor *visitor, const struct pz_http_request *request,
		 const char **out_why);
/**
 * Reads the method of one element of a payload, by the rules that every receiver uses.
 * @param out new, the caller's; untouched on failure. Errors: NOTFOUND (an answer, or no text),
 * EXISTS (there are two), PROTO_JSON, LIMIT_MEMORY
 */
enum pz_err pz_app_method_of(struct pz_slice element, char **out) PZ_MUST_USE;
/** Handles a message of the app. */
void pz_app_message(struct pz_visitor *visitor, bool text, struct pz_slice bytes);
/** Takes the session out of the router and withdraws its questions; the connection stays. */
void pz_app_end(struct pz_visitor *visitor);
/** Applies the answer of the owner, or of the policy. */
void pz_app_admit(struct pz_visitor *visitor, bool is_yes, bool was_asked);
/** Judges an allowed app again, and closes it when it is no longer allowed. */
void pz_app_recheck(struct pz_visitor *visitor);
/** Takes a session out of the router, to come back under another address. */
void pz_app_unroute(struct pz_visitor *visitor);
/** Adds the session to the router again. */
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
/** Records a request to another node. @param id as raw JSON @param method of a service */
void pz_app_open_note(struct pz_visitor *visitor, struct pz_slice to, struct pz_slice id,
		      const struct pz_method *method);
/** Records a message to the app: a request that it answers is no longer open. */
void pz_app_open_answered(struct pz_visitor *visitor, const struct pz_envelope *envelope);
/** Moves open requests to another connection. */
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
/** The connection of an app has ended. @return true: its session continues without one */
bool pz_app_leave(struct pz_visitor *visitor);
/** Takes over the session of a former connection of the same origin, all but the router's.
 * @param wish {secret, keep: ids that the page still knows} @return false: no such session waits */
bool pz_app_resume(struct pz_visitor *visitor, const json_t *wish);
/** Sends what has waited. */
void pz_app_resumed(struct pz_visitor *visitor);
/** Makes a new secret, and the JSON object in which the page receives it. New. @param takes_kept
 * NULL: left out */
json_t *pz_app_session_json(struct pz_visitor *visitor, bool is_resumed, json_t *takes_kept);

/* ---- storage.c ---- */
/** Moves writes that wait for the disk to another connection, which gets the answers. */
void pz_app_storage_move(struct pz_visitor *from, struct pz_visitor *to);
/** A request to `AppStorage`. @return the answer, new; NULL: it is sent later */
json_t *
pz_app_storage_request(struct pz_visitor *visitor, const struct pz_rpc *rpc, const char *function);
/** A session has ended: drops the answers to its writes, and removes the values of its origin if
 * the user has set that preference. */
void pz_app_storage_end(struct pz_visitor *visitor);
/** Frees all writes that wait. */
void pz_app_storage_fini(struct pz_apps *apps);

/* ---- service.c ---- */
/** A request to `ServiceRegistry`. @return the answer, new */
json_t *
pz_app_service_request(struct pz_visitor *visitor, const struct pz_rpc *rpc, const char *function);
/** To be called before the other functions. */
void pz_app_services_init(struct pz_visitor *visitor);
/** Moves services to another connection, where each has to be registered again within
 * PZ_APP_RETURN_US. @param keep ids of the calls that the page still knows; the others fail */
void pz_app_services_move(struct pz_visitor *from, struct pz_visitor *to, const json_t *keep);
/** Removes the services of an app. Not from inside a call of one. */
void pz_app_services_end(struct pz_visitor *visitor);

/* ---- known.c ---- */
/** Errors: LIMIT_MEMORY, those of pz_store_load. */
enum pz_err pz_known_load(struct pz_apps *apps, struct pz_errinfo *info) PZ_MUST_USE;
/** Records that an origin has connected. */
void pz_known_touch(struct pz_apps *apps, const char *origin);
/** The record of an origin; NULL: it has not connected. */
struct pz_app_known *pz_known_find(const struct pz_apps *apps, struct pz_slice origin);
/** Removes a record, also from the disk. */
void pz_known_remove(struct pz_apps *apps, struct pz_app_known *known);
/** Removes all records from memory. */
void pz_known_clear(struct pz_apps *apps);

#endif
