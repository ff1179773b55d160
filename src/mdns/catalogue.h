/*
 * The instances that are known on the local network: takes DNS records as they come and go, decides
 * what to query next, and reports instances and their addresses to the owner. No I/O: a backend
 * asks, timers are handed in.
 */
#ifndef PZ_MDNS_CATALOGUE_H
#define PZ_MDNS_CATALOGUE_H

#include "base/env.h"
#include "base/list.h"
#include "base/map.h"
#include "mdns/backend.h"

struct pz_mdns_catalogue;

/** One question to the backend. */
struct pz_mdns_watch {
	struct pz_mdns_catalogue *catalogue;
	struct pz_mdns_instance *instance; /* NULL: the PTR query for all instances */
	enum pz_mdns_type type;
	void *handle; /* NULL: not asked */
};

struct pz_mdns_catalogue {
	const struct pz_env *env;
	const struct pz_mdns *owner;                  /* its events are called */
	const char *own;                              /* our own instance name, "" for none */
	char own_before[PZ_MDNS_LABEL_BYTES_MAX + 1]; /* when that was looked at last */
	struct pz_mdns_backend *backend;              /* NULL: none is attached */
	bool is_on;
	struct pz_list instances;
	size_t instances_len;
	struct pz_list leaving; /* replaced; `gone` is to be called, then they are freed */
	struct pz_map *former;  /* names of those that were replaced; NULL: none was */
	uint64_t ignored;       /* instances over PZ_MDNS_INSTANCES_MAX that found no room */
	uint64_t replaced_us;   /* begin of the second that `replaced` counts */
	unsigned replaced;      /* how many gave way in it */
	bool has_overflowed;    /* since the last query for all instances */
	bool is_crowd_told;     /* logged, once */
	bool is_broken;         /* a watch does not work: everything is asked again by `confirm` */
	bool has_failed;        /* reported; since then it has not been seen to work */
	struct pz_mdns_watch who;
	struct pz_timer settle, confirm, crowd;
};

/** @param own borrowed; its contents may change */
void pz_mdns_catalogue_init(struct pz_mdns_catalogue *catalogue, const struct pz_env *env,
			    const struct pz_mdns *owner, const char *own);
/** Ends browsing and frees what is known, without events. */
void pz_mdns_catalogue_fini(struct pz_mdns_catalogue *catalogue);

/** Begins or ends looking; see struct pz_mdns_ops. */
void pz_mdns_catalogue_browse(struct pz_mdns_catalogue *catalogue, bool on);
/** Uses this backend from now on, NULL for none; known entries have PZ_MDNS_CONFIRM_US to be found
 * again. */
void pz_mdns_catalogue_attach(struct pz_mdns_catalogue *catalogue, struct pz_mdns_backend *backend);

/**
 * To be called while a name is ours and when another one is: the instance of another host with the
 * former name was taken for ourselves, so all are queried again; one with the new name is gone.
 */
void pz_mdns_catalogue_own_changed(struct pz_mdns_catalogue *catalogue);

/** For the backend's event: a watch does not work. */
void pz_mdns_catalogue_failed(struct pz_mdns_catalogue *catalogue, const char *reason);
/** For the backend's event. @param watch_arg as it was given to ops->watch */
void pz_mdns_catalogue_record(void *watch_arg, bool is_there, int interface, uint8_t protocol,
			      struct pz_slice rdata);

#endif
