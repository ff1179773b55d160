/* Sessions: what the router sees of a link or of a local program. Links embed one as their first
 * member. */
#ifndef PZ_ROUTE_SESSION_H
#define PZ_ROUTE_SESSION_H

#include "base/err.h"
#include "base/log.h"
#include "base/slice.h"

struct pz_session;
struct pz_pressure;

/** What has been proved about the other end, and so what its `from` may be (page 1, "Who may say
 * what"). */
enum pz_session_kind {
	PZ_SESSION_DEVICE, /* a PZP at its hub: that PZP, or an app of it */
	PZ_SESSION_PEER,   /* a PZP's direct link at another PZP: that PZP, or an app of it */
	PZ_SESSION_HUB,    /* the hub at a PZP: anything in the zone but ourselves, or in a
			    * friend zone */
	PZ_SESSION_APP,    /* a local program at its PZP: exactly the address the PZP gave it */
	PZ_SESSION_FRIEND, /* of a friend zone. At a hub its hub: any address of exactly that zone;
			    * at a PZP a PZP of it: that PZP, or an app of it */
};

/** What the owner of a session does for the router. None of these may free the session at once. */
struct pz_session_ops {
	/**
	 * Appends one complete frame (header included) to the output queue and updates `queued`.
	 * Errors: LIMIT_QUEUE, LIMIT_MEMORY, PROTO_FRAME (longer than frame_max; nothing is
	 * appended), IO_CLOSED.
	 */
	enum pz_err (*send)(struct pz_session *session, struct pz_slice frame);
	/** Stops or resumes reading from the other end (page 4, "Pressure"). No frame comes from
	 * inside the call. */
	void (*set_reading)(struct pz_session *session, bool on);
	/** Closes the session; its owner will detach it. @param detail one line, borrowed */
	void (*close)(struct pz_session *session, enum pz_err why, const char *detail);
};

/** One session. The owner sets ops and kind, keeps `queued` and `drained`; the rest is the
 * router's. */
struct pz_session {
	const struct pz_session_ops *ops;
	char *address; /* proved address, owned by the session's owner, stable while attached */
	size_t address_len;
	uint32_t frame_max; /* largest body that the other end takes: it said so, or as we do; 0:
			     * any. Kept by the owner, which refuses longer frames */
	size_t queued;      /* bytes waiting in the output queue */
	uint64_t drained;   /* bytes that ever left the queue: shows progress */
	enum pz_session_kind kind;
	uint32_t blocked; /* destinations over their high mark that this session feeds */
	struct pz_pressure *pressure; /* NULL unless over the high mark */
	uint32_t spoofed;             /* messages dropped because of their from or resp_to */
	bool attached;
	struct pz_log_rate *log; /* the owner's, for lines that the other end causes; outlives the
				  * session */
	struct pz_log_rate own_log;    /* where log is NULL */
	struct pz_log_rate spoofs_log; /* spoofed messages: one line a second (page 1) */
	struct pz_log_rate limit_log;  /* refused messages, likewise */
	uint64_t allowance_us;         /* when time was last added to `allowance` */
	uint32_t allowance;            /* messages that it may send now (allowance.h) */
	uint64_t work_us, work_at_us;  /* what its messages have cost this node, and until when that
					* was counted (allowance.h) */
};

static inline struct pz_slice
pz_session_address(const struct pz_session *session)
{
	return pz_slice_of(session->address, session->address_len);
}

#endif
