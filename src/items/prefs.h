/*
 * The preferences of the user (page 10): which value of each applies, from when on, and the command
 * `prefs`. The table of preferences is conf/prefs.h.
 */
#ifndef PZ_ITEMS_PREFS_H
#define PZ_ITEMS_PREFS_H

#include "command/request.h"
#include "conf/prefs.h"
#include "items/items.h"

/** What the operator has configured. Borrowed for the call; NULL: not configured. */
struct pz_user_prefs_configured {
	const char *display_name, *device_type;
	const uint16_t *tls_port, *web_port;
};

/**
 * Loads what the user has set and takes what the operator has configured; all of it is active.
 * Called once, after pz_items_set_self.
 * Errors: CONFIG (the configuration), PROTO (unreadable record), LIMIT_MEMORY, IO_*.
 */
enum pz_err
pz_user_prefs_load(struct pz_items *items, const struct pz_user_prefs_configured *configured,
		   struct pz_errinfo *info) PZ_MUST_USE;
/** Takes a new configuration of the ports. It waits for a reconnect as any change does. */
void pz_user_prefs_configure_ports(struct pz_items *items, const uint16_t *tls_port,
				   const uint16_t *web_port);

/** The values that apply now. Borrowed; changed by pz_user_prefs_apply. */
const struct pz_prefs *pz_user_prefs(const struct pz_items *items);
/** False before pz_user_prefs_load: every value is zero. */
bool pz_user_prefs_are_loaded(const struct pz_items *items);
/** The name that people shall see when the device is called `device`. Borrowed until it changes. */
const char *pz_user_prefs_name_as(const struct pz_items *items, const char *device);
/** What waits for a reconnect: {key: value}. New; NULL: out of memory. */
json_t *pz_user_prefs_pending(const struct pz_items *items);

/** Makes changes that waited for a reconnect active: called before the hub is dialled and when the
 * link has ended. */
void pz_user_prefs_apply(struct pz_items *items);
/** Preferences that hold for the whole zone were received. @param keys array of strings
 * @param at_once they apply even while changes wait: they were set before this device was in the
 * zone */
void pz_user_prefs_synchronised(struct pz_items *items, const json_t *keys, bool at_once);
/** This device was given a name in the zone, or the name was removed. It applies at once: it is no
 * preference that was set here and would have to wait. */
void pz_user_prefs_named(struct pz_items *items);

/** The command `prefs`: params key?, value?, reset?. */
void pz_user_prefs_command(struct pz_items *items, struct pz_request *request);

#endif
