/* The items as their own files see them. */
#ifndef PZ_ITEMS_INTERNAL_H
#define PZ_ITEMS_INTERNAL_H

#include "base/limits.h"
#include "conf/prefs.h"
#include "items/app_data.h"
#include "items/items.h"
#include "items/prefs.h"
#include "store/keep.h"

/** Where the value of a preference comes from. */
enum pz_pref_source {
	PZ_PREF_FROM_DEFAULT,
	PZ_PREF_FROM_CONFIGURATION,
	PZ_PREF_FROM_USER,
};

/** One preference, with the values that it may take. */
struct pz_kept_pref {
	struct pz_pref_value user, configured;
	bool has_user, has_configured;
	enum pz_pref_source source; /* of the active value */
};

/** All preferences. */
struct pz_kept_prefs {
	struct pz_prefs active;
	struct pz_kept_pref kept[PZ_PREF_COUNT];
	struct pz_pref_value given; /* the name that the zone has for this device */
	bool has_given;
	bool is_loaded;
};

struct pz_items {
	struct pz_items_config config;
	struct pz_shared *shared; /* NULL before pz_items_set_self */
	struct pz_kept_prefs prefs;
	struct pz_keep app_keep; /* while the store does not have is_app_marked */
	bool is_app_marked;      /* a session is under way that ends with a clearing */
};

/* prefs.c */
/** The space of the store for the preferences of this device: key -> {value}. */
#define PZ_USER_PREFS_SPACE "prefs"
/** The value that shall apply: the user's, else the operator's, else the default.
 * @return where it comes from */
enum pz_pref_source
pz_user_prefs_wanted(const struct pz_items *items, enum pz_pref pref, struct pz_pref_value *out);
/** The default, also of those that depend on the device. */
void
pz_user_prefs_default(const struct pz_items *items, enum pz_pref pref, struct pz_pref_value *out);
/** True when the wanted value is not active yet. @param out the wanted value, always set */
bool pz_user_prefs_is_pending(const struct pz_items *items, enum pz_pref pref,
			      struct pz_pref_value *out);
/** A preference of this device was stored. @param value NULL: it was reset */
void
pz_user_prefs_stored(struct pz_items *items, enum pz_pref pref, const struct pz_pref_value *value);
/** Removes what holds for the whole zone: the zone is left. */
void pz_user_prefs_wiped(struct pz_items *items);

/* app_data.c */
/** Prepares what is stored about apps. */
void pz_app_data_init(struct pz_items *items);
/** Stops what waits for the disk. */
void pz_app_data_fini(struct pz_items *items);

#endif
