/* What a device knows of itself, as `pzp doctor` needs it: from a node that runs, or from a data
 * directory that no daemon uses (site.h). */
#ifndef PZ_DIAGNOSE_FACTS_H
#define PZ_DIAGNOSE_FACTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/** Why others can, or cannot, connect to this device. */
enum pz_facts_listen {
	PZ_FACTS_LISTENS,
	PZ_FACTS_LISTEN_OFF,    /* the preference peer.listen is false */
	PZ_FACTS_LISTEN_FAILED, /* the port cannot be opened */
};

/** A certificate's or list's life in ms since 1970; to_ms 0: the device has no such thing. */
struct pz_facts_life {
	uint64_t from_ms, to_ms;
};

/** Texts are borrowed, and NULL or "" where there is nothing. */
struct pz_facts {
	bool is_daemon;         /* pzpd runs, and these are its facts */
	const char *data_dir;   /* NULL: not known (a simulation) */
	uint64_t wall_ms;       /* now */
	const char *wrong_time; /* why the wall clock is certainly wrong */

	const char *zone, *device; /* NULL: not enrolled */
	const char *problem;       /* why zone, hub and dates cannot be read */
	struct pz_facts_life tls, device_ca, crl;

	const char *hub_host; /* NULL: there is no hub */
	uint16_t hub_port;
	bool hub_is_up, hub_is_unwanted; /* unwanted: the user wants no link now */
	const char *hub_reason;          /* why there is no link */
	const char *hub_version;         /* of the last link */
	bool has_hub_clock;
	int64_t hub_ahead_ms; /* its clock, of ours */

	enum pz_facts_listen listen;
	bool is_loopback; /* it listens on loopback only, and uses no local network */
	uint16_t tls_port;

	json_t *conditions; /* pz_conditions_json, owned by the receiver of the facts; NULL: none */
};

#endif
