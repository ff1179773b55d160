/*
 * What a set of measurements starts from, in one directory:
 *   hub/                      a hub's data directory with zones and members
 *   trust.pem                 the PZH CAs of all zones
 *   server.pem, server.key    PZH TLS certificate of the first zone, for the bare forwarder
 *   secret                    the first zone's, which direct links prove
 *   devices.pem, devices.key  PZP TLS and PZP CA certificate of each device, zone after zone
 * All devices share two keys: making 20 000 would only take time, and nothing looks at that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/env.h"
#include "common/bench.h"
#include "load/load.h"
#include "store/sqlite.h"
#include "zone/authority.h"

#define PATH_BYTES 4096
#define PEM_BYTES_MAX (64U << 20)

struct maker {
	const struct load_options *options;
	struct pz_env env;
	struct pz_keystore *keys;
	struct pz_store *store;
	struct pz_key *ca_key, *tls_key; /* of every device */
	struct pz_buf trust, devices;
	struct pz_errinfo info;
};

static void
must(const struct maker *m, enum pz_err err, const char *what)
{
	if (err != PZ_OK)
		bench_fail("%s: %s: %s", what, pz_err_text(err), m->info.text);
}

static void
write_file(const struct maker *m, const char *name, struct pz_slice content)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", m->options->dir, name);
	FILE *file = fopen(path, "we");
	if (file == NULL || fwrite(content.ptr, 1, content.len, file) != content.len ||
	    fclose(file) != 0)
		bench_fail("%s", path);
}

static void
write_key(struct maker *m, const char *name, const struct pz_key *key)
{
	struct pz_buf pem;

	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	must(m, pz_key_to_pem(key, &pem), name);
	write_file(m, name, pz_buf_slice(&pem));
	pz_buf_wipe(&pem);
}

static void
make_dir(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		bench_fail("%s", path);
}

static void
open_all(struct maker *m)
{
	char path[PATH_BYTES];

	make_dir(m->options->dir);
	snprintf(path, sizeof(path), "%s/hub", m->options->dir);
	make_dir(path);
	snprintf(path, sizeof(path), "%s/hub/keys", m->options->dir);
	must(m, pz_keystore_open_dir(path, &m->keys, &m->info), "keys");
	snprintf(path, sizeof(path), "%s/hub/pzhd.db", m->options->dir);
	must(m, pz_store_open_sqlite(path, NULL, NULL, &m->store, &m->info), "store");
	must(m, pz_key_generate(NULL, &m->ca_key, &m->info), "key");
	must(m, pz_key_generate(NULL, &m->tls_key, &m->info), "key");
	pz_env_system(&m->env, NULL);
	pz_buf_init(&m->trust, PEM_BYTES_MAX, NULL);
	pz_buf_init(&m->devices, PEM_BYTES_MAX, NULL);
}

static void
add_device(struct maker *m, struct pz_authority *zone, unsigned number, struct pz_txn *txn)
{
	char device[32];
	struct pz_cert *ca = NULL, *tls = NULL;
	struct pz_crl *crl = NULL;
	struct pz_zone_change *change = NULL;

	snprintf(device, sizeof(device), "device-%02u", number);
	struct pz_admission admission = {device, device, "benchmark", m->ca_key};
	struct pz_cert_subject subject = {.zone = zone->zone, .device = device};
	must(m, pz_authority_admit(zone, &admission, txn, &change, &ca, &crl, &m->info), device);
	must(m,
	     pz_cert_issue(PZ_CERT_PZP_TLS, &subject, m->tls_key, ca, m->ca_key, &m->env, &tls,
			   &m->info),
	     device);
	must(m, pz_cert_to_pem(tls, &m->devices), device);
	must(m, pz_cert_to_pem(ca, &m->devices), device);
	(void)pz_authority_apply(zone, change);
	pz_cert_free(ca);
	pz_cert_free(tls);
	pz_crl_free(crl);
}

static void
add_zone(struct maker *m, unsigned number)
{
	char name[64];
	struct pz_authority *zone = NULL;
	struct pz_txn *txn = pz_txn_new();

	snprintf(name, sizeof(name), "zone%03u@bench.example", number);
	must(m,
	     txn ? pz_authority_create(name, "127.0.0.1", NULL, PZ_KEY_TYPE_DEFAULT, m->keys,
				       &m->env, txn, &zone, &m->info)
		 : PZ_ERR_LIMIT_MEMORY,
	     name);
	for (unsigned i = 0; i < m->options->devices; i++)
		add_device(m, zone, i, txn);
	pz_store_commit(m->store, txn, NULL, NULL);
	must(m, pz_cert_to_pem(zone->ca, &m->trust), name);
	if (number == 0) {
		struct pz_buf pem;
		pz_buf_init(&pem, PZ_CERT_PEM_BYTES_MAX, NULL);
		must(m, pz_cert_to_pem(zone->tls, &pem), name);
		write_file(m, "server.pem", pz_buf_slice(&pem));
		pz_buf_fini(&pem);
		write_key(m, "server.key", zone->tls_key);
		write_file(m, "secret", pz_slice_of(zone->secret, sizeof(zone->secret)));
	}
	pz_authority_free(zone);
}

static enum pz_err
count_item(void *arg, const char *key, struct pz_slice value)
{
	unsigned *count = arg;

	(void)key;
	(void)value;
	(*count)++;
	return PZ_OK;
}

int
load_prepare(const struct load_options *options)
{
	struct maker m = {.options = options};
	unsigned stored = 0;

	if (options->zones == 0 || options->devices == 0)
		bench_fail("prepare: --zones and --devices");
	open_all(&m);
	for (unsigned i = 0; i < options->zones; i++)
		add_zone(&m, i);
	write_file(&m, "trust.pem", pz_buf_slice(&m.trust));
	write_file(&m, "devices.pem", pz_buf_slice(&m.devices));
	write_key(&m, "devices.key", m.tls_key);
	/* A load sees what was committed: a commit that failed shows here. */
	must(&m, pz_store_load(m.store, "zone", count_item, &stored, &m.info), "store");
	pz_store_free(m.store);
	pz_keystore_free(m.keys);
	pz_key_free(m.ca_key);
	pz_key_free(m.tls_key);
	pz_buf_fini(&m.trust);
	pz_buf_fini(&m.devices);
	if (stored != options->zones)
		bench_fail("%u of %u zones were stored", stored, options->zones);
	printf("{\"zones\":%u,\"devices\":%u}\n", options->zones,
	       options->zones * options->devices);
	return 0;
}
