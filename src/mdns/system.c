#include "mdns/system.h"

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>
#include <avahi-common/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "mdns/poll.h"

struct system_backend {
	struct pz_mdns_backend base;
	AvahiPoll poll;
	AvahiClient *client;
};

struct watch {
	struct system_backend *system;
	AvahiRecordBrowser *browser;
	void *arg;
};

static void
on_state(AvahiClient *client, AvahiClientState state, void *arg)
{
	struct system_backend *system = arg;

	(void)client;
	switch (state) {
	case AVAHI_CLIENT_S_REGISTERING:
	case AVAHI_CLIENT_S_RUNNING:
	case AVAHI_CLIENT_S_COLLISION: /* of the machine's name: ours are others */
		system->base.events->state(system->base.arg, true);
		break;
	case AVAHI_CLIENT_FAILURE:
		system->base.events->state(system->base.arg, false);
		break;
	case AVAHI_CLIENT_CONNECTING:
		break;
	}
}

static void
on_group(AvahiEntryGroup *group, AvahiEntryGroupState state, void *arg)
{
	struct system_backend *system = arg;

	(void)group;
	if (state == AVAHI_ENTRY_GROUP_COLLISION)
		system->base.events->collision(system->base.arg);
}

/* ---- announcing ---- */

/** Commits what was added; gives the group, or NULL after freeing it. */
static void *
commit(struct system_backend *system, AvahiEntryGroup *group, int err)
{
	if (err >= 0)
		err = avahi_entry_group_commit(group);
	if (err >= 0)
		return group;
	if (err == AVAHI_ERR_COLLISION) /* with another client of this daemon */
		system->base.events->collision(system->base.arg);
	pz_debug("mdns-entry-failed", "by=avahi-daemon reason=%s", avahi_strerror(err));
	avahi_entry_group_free(group);
	return NULL;
}

/* No cookie: it would tell which services are of one machine. */
static int
put_service(AvahiEntryGroup *group, unsigned flags, const struct pz_mdns_service *service)
{
	char host[PZ_MDNS_NAME_TEXT_BYTES];
	AvahiStringList *txt = avahi_string_list_new_from_array((const char **)service->txt,
								(int)service->txt_len);

	snprintf(host, sizeof(host), "%s.local", service->host);
	int err = avahi_entry_group_add_service_strlst(
		group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC,
		(AvahiPublishFlags)(flags | AVAHI_PUBLISH_NO_COOKIE), service->instance,
		PZ_MDNS_TYPE, "local", host, service->port, txt);
	avahi_string_list_free(txt);
	return err;
}

static void *
system_add_service(struct pz_mdns_backend *backend, const struct pz_mdns_service *service)
{
	struct system_backend *system = (struct system_backend *)backend;
	AvahiEntryGroup *group = avahi_entry_group_new(system->client, on_group, system);

	return group ? commit(system, group, put_service(group, 0, service)) : NULL;
}

static bool
system_update_service(struct pz_mdns_backend *backend, void *entry,
		      const struct pz_mdns_service *service)
{
	(void)backend;
	return put_service(entry, AVAHI_PUBLISH_UPDATE, service) >= 0;
}

static void *
system_add_address(struct pz_mdns_backend *backend, const char *host,
		   const struct pz_mdns_local *local)
{
	struct system_backend *system = (struct system_backend *)backend;
	AvahiEntryGroup *group = avahi_entry_group_new(system->client, on_group, system);
	AvahiAddress address = {
		.proto = local->len == 4 ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6,
	};
	char name[PZ_MDNS_NAME_TEXT_BYTES];

	if (group == NULL)
		return NULL;
	memcpy(address.data.data, local->bytes, local->len);
	snprintf(name, sizeof(name), "%s.local", host);
	return commit(system, group,
		      avahi_entry_group_add_address(group, local->interface, AVAHI_PROTO_UNSPEC,
						    AVAHI_PUBLISH_NO_REVERSE, name, &address));
}

static void
system_remove(struct pz_mdns_backend *backend, void *entry)
{
	(void)backend;
	avahi_entry_group_free(entry);
}

/* ---- looking ---- */

static void
on_record(AvahiRecordBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
	  AvahiBrowserEvent event, const char *name, uint16_t class, uint16_t type,
	  const void *rdata, size_t len, AvahiLookupResultFlags flags, void *arg)
{
	struct watch *watch = arg;

	(void)browser, (void)name, (void)class, (void)type, (void)flags;
	if (event == AVAHI_BROWSER_NEW || event == AVAHI_BROWSER_REMOVE)
		watch->system->base.events->record(watch->arg, event == AVAHI_BROWSER_NEW,
						   interface, (uint8_t)protocol,
						   pz_slice_of(rdata, len));
}

static void *
system_watch(struct pz_mdns_backend *backend, const char *name, enum pz_mdns_type type, void *arg)
{
	struct system_backend *system = (struct system_backend *)backend;
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	*watch = (struct watch){.system = system, .arg = arg};
	watch->browser = avahi_record_browser_new(
		system->client, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, name, AVAHI_DNS_CLASS_IN,
		(uint16_t)type, AVAHI_LOOKUP_USE_MULTICAST, on_record, watch);
	if (watch->browser == NULL) {
		free(watch);
		return NULL;
	}
	return watch;
}

static void
system_unwatch(struct pz_mdns_backend *backend, void *handle)
{
	struct watch *watch = handle;

	(void)backend;
	avahi_record_browser_free(watch->browser);
	free(watch);
}

/* ---- life ---- */

bool
pz_mdns_system_may_exist(void)
{
	static const char prefix[] = "unix:path=";
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	char path[108]; /* of a socket: unix(7) */

	if (address == NULL)
		address = "unix:path=/var/run/dbus/system_bus_socket";
	if (strncmp(address, prefix, strlen(prefix)) != 0)
		return true; /* libdbus knows more kinds */
	address += strlen(prefix);
	size_t len = strcspn(address, ",;");
	if (len >= sizeof(path))
		return true;
	memcpy(path, address, len);
	path[len] = '\0';
	return access(path, F_OK) == 0;
}

static void
system_free(struct pz_mdns_backend *backend)
{
	struct system_backend *system = (struct system_backend *)backend;

	avahi_client_free(system->client);
	free(system);
}

enum pz_err
pz_mdns_system_new(struct pz_loop *loop, const struct pz_mdns_backend_events *events, void *arg,
		   struct pz_mdns_backend **out, struct pz_errinfo *info)
{
	static const struct pz_mdns_backend_ops ops = {
		.kind = "avahi-daemon",
		.add_service = system_add_service,
		.update_service = system_update_service,
		.add_address = system_add_address,
		.remove = system_remove,
		.watch = system_watch,
		.unwatch = system_unwatch,
		.free = system_free,
	};
	struct system_backend *system = calloc(1, sizeof(*system));
	int err = AVAHI_ERR_FAILURE;

	if (system == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	system->base = (struct pz_mdns_backend){.ops = &ops, .events = events, .arg = arg};
	pz_mdns_poll_init(&system->poll, loop);
	system->client =
		avahi_client_new(&system->poll, AVAHI_CLIENT_NO_FAIL, on_state, system, &err);
	if (system->client == NULL) {
		free(system);
		return pz_fail(info, err == AVAHI_ERR_NO_MEMORY ? PZ_ERR_LIMIT_MEMORY : PZ_ERR_IO,
			       "avahi-daemon: %s", avahi_strerror(err));
	}
	*out = &system->base;
	return PZ_OK;
}
