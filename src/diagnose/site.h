/* Facts from the data directory of a device while no daemon uses it. */
#ifndef PZ_DIAGNOSE_SITE_H
#define PZ_DIAGNOSE_SITE_H

#include "base/limits.h"
#include "diagnose/facts.h"

#define PZ_SITE_PATH_BYTES 4096

/** Read once; nothing stays open. */
struct pz_site {
	char data_dir[PZ_SITE_PATH_BYTES];
	char zone[PZ_ZONE_BYTES_MAX + 1]; /* "": not enrolled */
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char hub_host[PZ_HOST_BYTES_MAX + 1];
	uint16_t hub_port;
	struct pz_facts_life tls, device_ca, crl;
	char problem[512]; /* why it cannot be read, or "" */
};

/** Reads it; `problem` says what cannot be read. Nothing is created or changed, except what a start
 * of the daemon would do to the store: recovery after a crash, a newer schema. */
void pz_site_read(const char *data_dir, struct pz_site *out);
/** The same as facts, which borrow from the site. @param out zeroed */
void pz_site_facts(const struct pz_site *site, struct pz_facts *out);

#endif
