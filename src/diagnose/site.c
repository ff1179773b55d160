/*
 * The facts about a device in its data directory, read without a daemon, for `pzp doctor`. It opens
 * what pzpd opens, in the same order and under the same lock, so it never reads while a daemon
 * writes: the lock shows that one is running.
 */
#include "diagnose/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "store/lock.h"
#include "store/owner.h"
#include "store/sqlite.h"
#include "zone/device.h"
#include "zone/place.h"

/** Open during the reading. */
struct opened {
	int lock_fd;
	struct pz_owner owner; /* root works as the owner of the directory */
	struct pz_keystore *keys;
	struct pz_store *store;
	struct pz_device_zone zone;
};

static void
close_all(struct opened *o)
{
	pz_knowledge_free(o->zone.knowledge);
	pz_membership_free(o->zone.membership);
	pz_store_free(o->store);
	pz_keystore_free(o->keys);
	if (o->lock_fd >= 0)
		close(o->lock_fd);
	pz_owner_return(&o->owner);
}

static void
path_of(const struct pz_site *site, const char *name, char out[PZ_SITE_PATH_BYTES])
{
	if (snprintf(out, PZ_SITE_PATH_BYTES, "%s/%s", site->data_dir, name) >= PZ_SITE_PATH_BYTES)
		out[0] = '\0';
}

static enum pz_err
open_all(struct pz_site *site, struct opened *o, struct pz_errinfo *info)
{
	char path[PZ_SITE_PATH_BYTES], keys[PZ_SITE_PATH_BYTES];

	/* Files that root creates could not be opened by the daemon. */
	PZ_TRY(pz_owner_become(site->data_dir, &o->owner, info));
	PZ_TRY(pz_lock_data_dir(site->data_dir, &o->lock_fd, info));
	path_of(site, "keys", keys);
	PZ_TRY(pz_keystore_open_dir(keys, &o->keys, info));
	path_of(site, "pzpd.db", path);
	if (pz_keystore_count(o->keys) > 0)
		PZ_TRY(pz_store_check_not_lost(path, keys, info));
	PZ_TRY(pz_store_open_sqlite(path, NULL, NULL, &o->store, info));
	PZ_TRY(pz_membership_load(o->store, o->keys, &o->zone.membership, info));
	if (o->zone.membership == NULL)
		return PZ_OK;
	return pz_knowledge_load(o->store, o->zone.membership, &o->zone.knowledge, NULL, info);
}

static struct pz_facts_life
life_of(const struct pz_cert *cert)
{
	return (struct pz_facts_life){pz_cert_not_before_ms(cert), pz_cert_not_after_ms(cert)};
}

static enum pz_err
take(struct pz_site *site, const struct opened *o, struct pz_errinfo *info)
{
	const struct pz_membership *m = o->zone.membership;
	const struct pz_crl *crl = pz_device_zone_crl(&o->zone);
	struct pz_hub_place place;

	if (m == NULL)
		return PZ_OK;
	snprintf(site->zone, sizeof(site->zone), "%s", m->zone);
	snprintf(site->device, sizeof(site->device), "%s", m->device);
	site->tls = life_of(m->tls);
	site->device_ca = life_of(m->device_ca);
	if (crl)
		site->crl = (struct pz_facts_life){pz_crl_this_update_ms(crl),
						   pz_crl_next_update_ms(crl)};
	PZ_TRY(pz_hub_place_load(o->store, m, &place, info));
	snprintf(site->hub_host, sizeof(site->hub_host), "%s", place.at.host);
	site->hub_port = place.at.port;
	return PZ_OK;
}

void
pz_site_read(const char *data_dir, struct pz_site *out)
{
	struct opened o = {.lock_fd = -1};
	struct pz_errinfo info = {""};
	char path[PZ_SITE_PATH_BYTES];

	*out = (struct pz_site){.hub_port = 0};
	snprintf(out->data_dir, sizeof(out->data_dir), "%s", data_dir);
	/* Opening would create it: a device whose daemon never ran has no zone. The store alone can
	 * be lost. */
	path_of(out, "keys", path);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return;
	enum pz_err err = open_all(out, &o, &info);
	if (err == PZ_OK)
		err = take(out, &o, &info);
	if (err != PZ_OK)
		snprintf(out->problem, sizeof(out->problem), "%s", pz_errinfo_text(&info, err));
	close_all(&o);
}

void
pz_site_facts(const struct pz_site *site, struct pz_facts *out)
{
	bool is_enrolled = site->zone[0] != '\0';

	out->data_dir = access(site->data_dir, F_OK) == 0 ? site->data_dir : NULL;
	out->problem = site->problem;
	out->zone = is_enrolled ? site->zone : NULL;
	out->device = is_enrolled ? site->device : NULL;
	out->hub_host = site->hub_host[0] ? site->hub_host : NULL;
	out->hub_port = site->hub_port;
	out->tls = site->tls;
	out->device_ca = site->device_ca;
	out->crl = site->crl;
}
