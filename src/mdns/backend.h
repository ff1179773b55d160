/*
 * The implementations of multicast DNS, behind one table: the system's Avahi (system.c) or our own
 * responder (own.c). Only what has to differ is here; what is announced is decided by announce.c,
 * and what was found by catalogue.c.
 */
#ifndef PZ_MDNS_BACKEND_H
#define PZ_MDNS_BACKEND_H

#include "base/slice.h"
#include "mdns/mdns.h"
#include "mdns/text.h"

struct pz_mdns_backend;

/** One address of one interface of this machine. */
struct pz_mdns_local {
	int interface;     /* index */
	uint8_t len;       /* 4 or 16 */
	uint8_t bytes[16]; /* network byte order */
};

/* Handles are opaque; NULL: it failed, which was logged if it matters. */
struct pz_mdns_backend_ops {
	const char *kind; /* for pz_mdns_kind */
	/** Announces PTR, SRV and TXT. */
	void *(*add_service)(struct pz_mdns_backend *backend,
			     const struct pz_mdns_service *service);
	/** Port and TXT of what was added; instance and host are the same. */
	bool (*update_service)(struct pz_mdns_backend *backend, void *entry,
			       const struct pz_mdns_service *service);
	/** Announces A or AAAA on the address's interface; never its reverse. */
	void *(*add_address)(struct pz_mdns_backend *backend, const char *host,
			     const struct pz_mdns_local *address);
	/** Goodbye to what add_service or add_address gave. */
	void (*remove)(struct pz_mdns_backend *backend, void *entry);
	/** Queries records of a name, and reports each that comes or goes until unwatch. @param arg
	 * for events->record */
	void *(*watch)(struct pz_mdns_backend *backend, const char *name, enum pz_mdns_type type,
		       void *arg);
	void (*unwatch)(struct pz_mdns_backend *backend, void *watch);
	/** Every entry and watch must have been given back. */
	void (*free)(struct pz_mdns_backend *backend);
};

enum pz_mdns_backend_state {
	PZ_MDNS_ASKED,  /* it is not known yet whether it works */
	PZ_MDNS_ABSENT, /* not now; another state follows */
	PZ_MDNS_READY,
	PZ_MDNS_LOST, /* never again: to be freed */
	PZ_MDNS_DIED, /* likewise, and by itself: a packet may have done it */
};

/* They may be called from inside any of the functions above: their receivers only note what
 * happened, and act in a timer. */
struct pz_mdns_backend_events {
	void (*state)(void *arg, enum pz_mdns_backend_state state);
	/** Another host has a name that we announced. @param entry the result of add_service or
	 * add_address, no longer announced; NULL: not known */
	void (*collision)(void *arg, void *entry);
	/** What add_service or add_address gave is announced now. */
	void (*established)(void *arg, void *entry);
	/** An entry, or a watch, that was given turned out not to work. @param reason for people */
	void (*failed)(void *arg, bool is_watch, const char *reason);
	/**
	 * A requested record appeared or was removed.
	 * @param rdata uncompressed
	 * @param interface index; protocol 0: IPv4, 1: IPv6
	 */
	void (*record)(void *watch_arg, bool is_there, int interface, uint8_t protocol,
		       struct pz_slice rdata);
};

struct pz_mdns_backend {
	const struct pz_mdns_backend_ops *ops;
	const struct pz_mdns_backend_events *events;
	void *arg;
};

#endif
