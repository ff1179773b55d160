/*
 * Modes and states of a PZP towards its hub (seed "PZP Modes - Connection States", page 5): one
 * list of states, one of events, one table of edges, one function that changes the state.
 *
 * The machine decides; it does nothing by itself. The actions of an edge go to the owner
 * through `act`, time and randomness come from the environment.
 */
#ifndef PZ_UPLINK_MACHINE_H
#define PZ_UPLINK_MACHINE_H

#include "base/env.h"
#include "base/err.h"

/* X(name, shown as, hub mode?, longest stay in microseconds or 0) */
#define PZ_STATES(X)                                                                               \
	X(VIRGIN, "virgin", false, 0)                                                              \
	X(VIRGIN_CONNECTING, "virgin-connecting", false, 2 * PZ_CONNECT_TIMEOUT_US)                \
	X(VIRGIN_CONNECTED, "virgin-connected", false, 2 * PZ_CONNECT_TIMEOUT_US)                  \
	X(NOT_CONNECTED, "not-connected", true, 0)                                                 \
	X(CONNECTING, "connecting", true, PZ_CONNECT_TIMEOUT_US)                                   \
	X(CONNECTED, "connected", true, 0)                                                         \
	X(DISCONNECTING, "disconnecting", true, PZ_DISCONNECT_TIMEOUT_US)

#define PZ_DISCONNECT_TIMEOUT_US (5 * PZ_US_PER_S)

enum pz_state {
#define X(name, text, hub, stay) PZ_STATE_##name,
	PZ_STATES(X)
#undef X
		PZ_STATE_COUNT
};

/* X(name, text for the log) */
#define PZ_EVENTS(X)                                                                               \
	X(RESOLVED, "hub's name resolved")                                                         \
	X(ENROL_FAILED, "enrolment failed")                                                        \
	X(PROVEN, "both sides proven")                                                             \
	X(STORED, "certificates stored")                                                           \
	X(CONNECT, "connect")                                                                      \
	X(LINK_FAILED, "link failed")                                                              \
	X(REGISTERED, "link registered")                                                           \
	X(LINK_LOST, "link lost")                                                                  \
	X(DISCONNECT, "disconnect")                                                                \
	X(CLEANED, "clean-up done")                                                                \
	X(REVOKED, "revoked")                                                                      \
	X(LEAVE, "leave")                                                                          \
	X(WIPED, "wiped")                                                                          \
	X(TIMEOUT, "timeout")

enum pz_event {
#define X(name, text) PZ_EVENT_##name,
	PZ_EVENTS(X)
#undef X
		PZ_EVENT_COUNT
};

/** What the owner has to do after a change of state. */
enum pz_action {
	PZ_ACT_NONE,
	PZ_ACT_GIVE_UP,        /* drop the enrolment connection, answer the request */
	PZ_ACT_DIAL,           /* connect to the hub */
	PZ_ACT_HANG_UP,        /* drop the attempt that failed; the retry timer is set */
	PZ_ACT_ONLINE,         /* the link is registered */
	PZ_ACT_CLEAN,          /* close the link, end what depends on it, then CLEANED */
	PZ_ACT_CLEAN_AND_WIPE, /* the same, then forget the zone durably, then WIPED */
	PZ_ACT_VIRGIN,         /* the zone is forgotten */
};

/** The result for a pair that is no edge of the table. */
enum pz_verdict {
	PZ_VERDICT_EDGE,
	PZ_VERDICT_IGNORE, /* late or repeated news: nothing to do */
	PZ_VERDICT_REFUSE, /* a request that makes no sense now */
};

struct pz_edge {
	enum pz_verdict verdict;
	enum pz_state next;
	enum pz_action action;
};

struct pz_machine_ops {
	void (*act)(void *arg, enum pz_action action);
	/** After each change; watchers and metrics. */
	void (*changed)(void *arg, enum pz_state old, enum pz_state now, enum pz_event event);
	/** The longest stay in `state` is over: writes which step took too long. @param out holds
	 * "timed out" before. May be NULL. */
	void (*explain_timeout)(void *arg, enum pz_state state, char *out, size_t size);
};

struct pz_machine {
	enum pz_state state;
	char reason[256];       /* why it is not connected; "" when there is nothing to say */
	char last_failure[256]; /* while connecting: the reason before this attempt, or "" */
	bool is_parked;         /* no retry until a request to connect */
	bool is_slow;      /* waiting hardly mends the last failure: the next retry comes late */
	bool is_unwanted;  /* the user prefers peers: to the hub only on request */
	bool is_wiping;    /* from CLEAN_AND_WIPE to WIPED: nothing else leads on */
	unsigned attempts; /* steps of the back-off that are used up */
	unsigned flaps;    /* connections in a row that were shorter than PZ_BACKOFF_RESET_US */
	uint64_t since_us; /* of the state */
	uint64_t moved_us; /* the network changed while connected; 0: no, or it has had its attempt
			    */
	bool is_hurried;   /* the next retry comes at once */
	const struct pz_env *env;
	const struct pz_machine_ops *ops;
	void *arg;
	struct pz_timer stay, retry;
};

/** The decision for a pair: pure, for the tests and the generated diagram. */
struct pz_edge pz_machine_edge(enum pz_state state, enum pz_event event);

/** Name of the state as `status` shows it (page 5). */
const char *pz_state_text(enum pz_state state);
/** Name of the event for the log and the diagram. */
const char *pz_event_text(enum pz_event event);
/** True for the states of hub mode, false for those of a virgin device. */
bool pz_state_is_hub_mode(enum pz_state state);

/** @param enrolled start state: not-connected, else virgin. ops and env are borrowed. */
void pz_machine_init(struct pz_machine *machine, const struct pz_env *env,
		     const struct pz_machine_ops *ops, void *arg, bool enrolled);
/** Stops its timers. */
void pz_machine_fini(struct pz_machine *machine);

/**
 * Something happened.
 * @param reason for people, kept and shown; NULL: nothing to say. Copied.
 * Errors: DENIED (the table refuses it now; nothing changed).
 */
enum pz_err pz_machine_event(struct pz_machine *machine, enum pz_event event, const char *reason);

/** An enrolled device begins: connects unless the user prefers peers. */
void pz_machine_start(struct pz_machine *machine);

/**
 * Sets whether it connects by itself (page 5, last sentence). When not, no start, timer, network or
 * program makes it connect, only PZ_EVENT_CONNECT of a request, and the reason states it. A link
 * that is up stays. Does not connect by itself; may be called from `changed`.
 */
void pz_machine_want_hub(struct pz_machine *machine, bool is_wanted);

/** Waiting hardly helps after this failure, or the next one (page 5 "Back-off"): the next retry
 * comes after pz_machine_slow_us, unless the network changes before. */
void pz_machine_slow(struct pz_machine *machine);

/** Says for people what continues while the state stays as it is: becomes the reason. */
void pz_machine_explain(struct pz_machine *machine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Stays not-connected until a request to connect. */
void pz_machine_park(struct pz_machine *machine, const char *reason);

/** Another network: what failed in the one before says nothing about this one. Begins the back-off
 * again and tries at once, unless parked. */
void pz_machine_network_changed(struct pz_machine *machine);

/** The hub has another address: what failed there says nothing about here. Begins the back-off
 * again and tries at once, unless parked, or a link or an attempt is there. */
void pz_machine_hub_moved(struct pz_machine *machine);

/** Something changed that makes a retry worth it now (network, app request): tries at once unless
 * parked or the hub is not wanted. */
void pz_machine_nudge(struct pz_machine *machine, const char *why);

/** The delay (base/backoff.h) after a failure that waiting hardly helps: PZ_BACKOFF_SLOW_FIRST_US,
 * then doubling with `attempts` to PZ_BACKOFF_SLOW_MAX_US; up to 20 % less by `random`, never more.
 */
uint64_t pz_machine_slow_us(unsigned attempts, uint32_t random);

/** The table as a Graphviz document, for the docs. Writes at most `size` bytes with NUL; returns
 * the length it has. */
size_t pz_machine_dot(char *out, size_t size);

#endif
