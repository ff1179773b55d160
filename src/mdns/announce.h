/*
 * The announcer: keeps the entries of a backend as the owner wants them, while the addresses of
 * this machine change and names turn out to be taken. No I/O: a backend announces, addresses and
 * timers are handed in.
 */
#ifndef PZ_MDNS_ANNOUNCE_H
#define PZ_MDNS_ANNOUNCE_H

#include "base/env.h"
#include "mdns/backend.h"
#include "mdns/service.h"

struct pz_mdns_announced_address {
	struct pz_mdns_local local;
	void *entry;         /* NULL: to be announced */
	bool is_wanted;      /* the machine still has it */
	bool is_established; /* the entry is announced */
	bool has_collided;   /* the entry is not announced any more */
};

struct pz_mdns_announcer {
	const struct pz_env *env;
	const struct pz_mdns *owner;     /* its trouble event is called */
	struct pz_mdns_backend *backend; /* NULL: none is attached */
	struct pz_mdns_service *wanted;  /* NULL: nothing is announced */
	/* As they are announced: the wanted ones, or random ones when those were taken. "" when
	 * nothing is announced. */
	char instance[PZ_MDNS_LABEL_BYTES_MAX + 1], host[PZ_MDNS_LABEL_BYTES_MAX + 1];
	void *entry;              /* the service's; NULL: to be announced */
	bool is_stale;            /* entry says what was wanted before */
	bool has_collided;        /* something of ours has, or entry itself: */
	bool entry_has_collided;  /* it is not announced any more */
	bool is_established;      /* entry is announced */
	bool has_failed;          /* reported; not everything has been announced since */
	bool is_broken;           /* an entry does not work */
	unsigned collisions;      /* that cost us our names */
	uint64_t probed_again_us; /* when the names were tried once more; 0: they were not */
	struct pz_mdns_announced_address addresses[PZ_MDNS_ADDRESSES_MAX];
	size_t addresses_len;
	struct pz_timer settle;
};

/** Announces nothing yet. @param owner whose trouble event is called; borrowed */
void pz_mdns_announcer_init(struct pz_mdns_announcer *announcer, const struct pz_env *env,
			    const struct pz_mdns *owner);
/** Withdraws the announcement and stops the timer. */
void pz_mdns_announcer_fini(struct pz_mdns_announcer *announcer);

/** See struct pz_mdns_ops. Errors: CONFIG, LIMIT_MEMORY. */
enum pz_err pz_mdns_announcer_publish(struct pz_mdns_announcer *announcer,
				      const struct pz_mdns_service *service) PZ_MUST_USE;
/** Withdraws the announcement. */
void pz_mdns_announcer_unpublish(struct pz_mdns_announcer *announcer);
/** From now on this backend announces, NULL for none. */
void pz_mdns_announcer_attach(struct pz_mdns_announcer *announcer, struct pz_mdns_backend *backend);
/** The addresses that the machine has now; over PZ_MDNS_ADDRESSES_MAX are left out. */
void pz_mdns_announcer_addresses(struct pz_mdns_announcer *announcer,
				 const struct pz_mdns_local *locals, size_t len);
/** The backend's event: a name of ours is taken. @param entry see struct pz_mdns_backend_events */
void pz_mdns_announcer_collision(struct pz_mdns_announcer *announcer, const void *entry);
/** The backend's event: an entry does not work. The owner is informed once. @param reason one line
 */
void pz_mdns_announcer_failed(struct pz_mdns_announcer *announcer, const char *reason);
/** The backend's event: an entry is announced now. @param entry as the backend's add_service or
 * add_address returned it */
void pz_mdns_announcer_established(struct pz_mdns_announcer *announcer, const void *entry);

#endif
