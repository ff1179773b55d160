/*
 * Finding and being found on the local network: DNS-SD over multicast DNS (RFC 6762, RFC 6763),
 * page 6. An interface, so that the system's Avahi, our own responder and a simulation's fake are
 * one thing to the node.
 */
#ifndef PZ_MDNS_MDNS_H
#define PZ_MDNS_MDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

struct pz_loop;
struct pz_mdns;

#define PZ_MDNS_TYPE "_pzp._tcp"
#define PZ_MDNS_LABEL_BYTES_MAX 63 /* RFC 1035 2.3.4 */

/** What we announce. */
struct pz_mdns_service {
	const char *instance; /* a DNS label: 1 to 63 bytes of printable UTF-8 */
	const char *host;     /* random host name of our own: letters, digits, '-'; no ".local" */
	uint16_t port;
	const char *const *txt; /* "key=value", at most PZ_MDNS_TXT_MAX of at most 255 bytes */
	size_t txt_len;
};

/** One address of an instance that was found. All borrowed for the call. */
struct pz_mdns_found {
	const char *instance; /* printable UTF-8 */
	const char *address;  /* numeric; link-local IPv6 with %interface */
	uint16_t port;        /* not 0 */
	/* As it was sent, but for strings that are empty, no UTF-8 or hold a NUL, and for what is
	 * over PZ_MDNS_TXT_MAX strings or PZ_MDNS_TXT_BYTES_MAX bytes. */
	const char *const *txt;
	size_t txt_len;
};

/** Failures of multicast DNS; everything else works meanwhile. */
enum pz_mdns_trouble {
	PZ_MDNS_TROUBLE_RESPONDER, /* our own responder cannot run, or ends again and again */
	PZ_MDNS_TROUBLE_PUBLISH,   /* not everything can be announced */
	PZ_MDNS_TROUBLE_BROWSE,    /* not everything can be queried */
};

/** The value of an instance to the owner: with too many instances, those of the lowest value are
 * dropped first. */
enum pz_mdns_worth {
	PZ_MDNS_STRANGER,
	PZ_MDNS_LIKELY, /* its TXT is that of a member; a stranger can copy it */
	PZ_MDNS_MEMBER, /* its tag is right: the member itself, or a copy of its announcement */
};

/** Called from the loop (a timer), never from inside a call. They may call everything but free. */
struct pz_mdns_events {
	/** An instance of _pzp._tcp has this address; repeated for each address and when TXT or
	 * port change. Never our own instance. */
	enum pz_mdns_worth (*found)(void *arg, const struct pz_mdns_found *found);
	/** It is gone (goodbye, or its record ran out). Only after found. */
	void (*gone)(void *arg, const char *instance);
	/**
	 * Something does not work, or works again. May come from inside a call, so it may call
	 * nothing here. May be NULL.
	 * @param text one line: what does not work and why; NULL: it works again
	 */
	void (*trouble)(void *arg, enum pz_mdns_trouble trouble, const char *text);
};

struct pz_mdns_ops {
	/**
	 * Announces on every interface, IPv4 and IPv6, following interfaces that come and go;
	 * replaces what was announced. Copies. When another host has one of the names, instance and
	 * host get random names; the caller is not informed.
	 * Errors: CONFIG (a name or TXT too long or malformed; what was announced stays),
	 * LIMIT_MEMORY (likewise), IO (not possible now; it is tried again by itself).
	 * @spec page 6 "Being found, finding", RFC 6762 8, RFC 6763 4.1
	 */
	enum pz_err (*publish)(struct pz_mdns *mdns, const struct pz_mdns_service *service);
	/** Goodbye (RFC 6762 10.1). Nothing when nothing is announced. */
	void (*unpublish)(struct pz_mdns *mdns);
	/**
	 * Starts or stops browsing. Starting again sends the queries again, and found is called
	 * again for all that is known. Stopping forgets what is known, without gone. Errors:
	 * LIMIT_MEMORY, IO (not possible now; it is tried again by itself).
	 */
	enum pz_err (*browse)(struct pz_mdns *mdns, bool on);
	/** Goodbye, and frees. No event follows. */
	void (*free)(struct pz_mdns *mdns);
};

/** First member of every implementation. */
struct pz_mdns {
	const struct pz_mdns_ops *ops;
	const struct pz_mdns_events *events; /* set by the owner after making it */
	void *arg;
};

/**
 * The daemon's: Avahi's daemon where it runs (D-Bus), else our own responder on avahi-core;
 * switches between them when the daemon starts or stops. Nothing is opened, connected or sent
 * before the first publish or browse. The loop is borrowed, and must outlive it by the turn in
 * which handles close (pz_loop_fini sees to that).
 * Errors: LIMIT_MEMORY, IO.
 */
enum pz_err
pz_mdns_new(struct pz_loop *loop, struct pz_mdns **out, struct pz_errinfo *info) PZ_MUST_USE;

/** The backend in use, for status and log: "avahi-daemon", "own"; "" for fakes and before the first
 * publish or browse. */
const char *pz_mdns_kind(const struct pz_mdns *mdns);

/** For implementations: calls events->trouble when the owner has set it. */
static inline void
pz_mdns_report_trouble(const struct pz_mdns *mdns, enum pz_mdns_trouble trouble, const char *text)
{
	if (mdns->events != NULL && mdns->events->trouble != NULL)
		mdns->events->trouble(mdns->arg, trouble, text);
}

/** Withdraws what is announced and frees; see struct pz_mdns_ops. NULL is fine. */
static inline void
pz_mdns_free(struct pz_mdns *mdns)
{
	if (mdns != NULL)
		mdns->ops->free(mdns);
}

#endif
