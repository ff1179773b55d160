#include "mdns/own.h"

#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-core/core.h>
#include <avahi-core/log.h>
#include <avahi-core/lookup.h>
#include <avahi-core/publish.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mdns/poll.h"
#include "mdns/service.h"

/* What Avahi gives us of one record at most; more than any of ours may have. */
#define RDATA_BYTES_MAX 9000

struct watch {
	struct own *own;
	AvahiSRecordBrowser *browser;
	void *arg;
};

struct own {
	struct pz_mdns_backend base;
	AvahiPoll poll;
	AvahiServer *server;
};

/* Strangers' packets can make Avahi say something for each. */
static void
on_log(AvahiLogLevel level, const char *text)
{
	(void)level, (void)text;
	pz_debug("mdns-avahi", "level=%d %s", (int)level, text);
}

static void
on_state(AvahiServer *server, AvahiServerState state, void *arg)
{
	struct own *own = arg;

	(void)server;
	if (state == AVAHI_SERVER_FAILURE)
		own->base.events->state(own->base.arg, PZ_MDNS_LOST);
}

static void
on_group(AvahiServer *server, AvahiSEntryGroup *group, AvahiEntryGroupState state, void *arg)
{
	struct own *own = arg;

	(void)server, (void)group;
	if (state == AVAHI_ENTRY_GROUP_COLLISION)
		own->base.events->collision(own->base.arg);
}

/* ---- announcing ---- */

/** Commits what was added; gives the group, or NULL after freeing it. */
static void *
commit(struct own *own, AvahiSEntryGroup *group, int err)
{
	if (err >= 0)
		err = avahi_s_entry_group_commit(group);
	if (err >= 0)
		return group;
	if (err == AVAHI_ERR_COLLISION)
		own->base.events->collision(own->base.arg);
	pz_debug("mdns-entry-failed", "by=own reason=%s", avahi_strerror(err));
	avahi_s_entry_group_free(group);
	return NULL;
}

static int
put_service(struct own *own, AvahiSEntryGroup *group, unsigned flags,
	    const struct pz_mdns_service *service)
{
	char host[PZ_MDNS_NAME_TEXT_BYTES];
	AvahiStringList *txt = avahi_string_list_new_from_array((const char **)service->txt,
								(int)service->txt_len);

	snprintf(host, sizeof(host), "%s.local", service->host);
	int err = avahi_server_add_service_strlst(
		own->server, group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, (AvahiPublishFlags)flags,
		service->instance, PZ_MDNS_TYPE, "local", host, service->port, txt);
	avahi_string_list_free(txt);
	return err;
}

static void *
own_add_service(struct pz_mdns_backend *backend, const struct pz_mdns_service *service)
{
	struct own *own = (struct own *)backend;
	AvahiSEntryGroup *group = avahi_s_entry_group_new(own->server, on_group, own);

	return group ? commit(own, group, put_service(own, group, 0, service)) : NULL;
}

static bool
own_update_service(struct pz_mdns_backend *backend, void *entry,
		   const struct pz_mdns_service *service)
{
	return put_service((struct own *)backend, entry, AVAHI_PUBLISH_UPDATE, service) >= 0;
}

static void *
own_add_address(struct pz_mdns_backend *backend, const char *host,
		const struct pz_mdns_local *local)
{
	struct own *own = (struct own *)backend;
	AvahiSEntryGroup *group = avahi_s_entry_group_new(own->server, on_group, own);
	AvahiAddress address = {
		.proto = local->len == 4 ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6,
	};
	char name[PZ_MDNS_NAME_TEXT_BYTES];

	if (group == NULL)
		return NULL;
	memcpy(address.data.data, local->bytes, local->len);
	snprintf(name, sizeof(name), "%s.local", host);
	return commit(own, group,
		      avahi_server_add_address(own->server, group, local->interface,
					       AVAHI_PROTO_UNSPEC, AVAHI_PUBLISH_NO_REVERSE, name,
					       &address));
}

static void
own_remove(struct pz_mdns_backend *backend, void *entry)
{
	(void)backend;
	avahi_s_entry_group_free(entry);
}

/* ---- looking ---- */

static void
on_record(AvahiSRecordBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
	  AvahiBrowserEvent event, AvahiRecord *record, AvahiLookupResultFlags flags, void *arg)
{
	struct watch *watch = arg;
	uint8_t rdata[RDATA_BYTES_MAX];
	bool is_there = event == AVAHI_BROWSER_NEW;

	(void)browser;
	/* What this server announces itself is ours. */
	if ((!is_there && event != AVAHI_BROWSER_REMOVE) ||
	    (flags & AVAHI_LOOKUP_RESULT_LOCAL) != 0)
		return;
	size_t len = avahi_rdata_serialize(record, rdata, sizeof(rdata));
	if (len <= sizeof(rdata)) /* (size_t)-1: it does not fit */
		watch->own->base.events->record(watch->arg, is_there, interface, (uint8_t)protocol,
						pz_slice_of(rdata, len));
}

static void *
own_watch(struct pz_mdns_backend *backend, const char *name, enum pz_mdns_type type, void *arg)
{
	struct own *own = (struct own *)backend;
	AvahiKey *key = avahi_key_new(name, AVAHI_DNS_CLASS_IN, (uint16_t)type);
	struct watch *watch = calloc(1, sizeof(*watch));

	if (key != NULL && watch != NULL) {
		*watch = (struct watch){.own = own, .arg = arg};
		watch->browser = avahi_s_record_browser_new(
			own->server, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, key,
			AVAHI_LOOKUP_USE_MULTICAST, on_record, watch);
	}
	if (key != NULL)
		avahi_key_unref(key);
	if (watch != NULL && watch->browser == NULL) {
		free(watch);
		return NULL;
	}
	return watch;
}

static void
own_unwatch(struct pz_mdns_backend *backend, void *handle)
{
	struct watch *watch = handle;

	(void)backend;
	avahi_s_record_browser_free(watch->browser);
	free(watch);
}

/* ---- life ---- */

static void
own_free(struct pz_mdns_backend *backend)
{
	struct own *own = (struct own *)backend;

	if (own->server != NULL)
		avahi_server_free(own->server);
	free(own);
}

/* Everything that a responder tells of its machine by itself is off; and no unicast DNS. */
static AvahiServer *
server_new(struct own *own, const struct pz_env *env, int *err)
{
	char name[PZ_MDNS_RANDOM_NAME_BYTES];
	AvahiServerConfig config;

	pz_mdns_random_name(env, name);
	avahi_server_config_init(&config);
	config.host_name = avahi_strdup(name); /* else it would be the machine's */
	config.use_ipv4 = config.use_ipv6 = 1;
	config.publish_hinfo = 0;
	config.publish_addresses = 0; /* with them goes their reverse */
	config.publish_workstation = 0;
	config.publish_domain = 0;
	config.add_service_cookie = 0;
	config.enable_wide_area = 0;
	config.enable_reflector = 0;
	config.disallow_other_stacks = 0;
	config.allow_point_to_point = 0; /* who is at the other end of a VPN is no neighbour */
	AvahiServer *server =
		config.host_name ? avahi_server_new(&own->poll, &config, on_state, own, err) : NULL;
	avahi_server_config_free(&config);
	return server;
}

enum pz_err
pz_mdns_own_new(struct pz_loop *loop, const struct pz_mdns_backend_events *events, void *arg,
		struct pz_mdns_backend **out, struct pz_errinfo *info)
{
	static const struct pz_mdns_backend_ops ops = {
		.kind = "own",
		.add_service = own_add_service,
		.update_service = own_update_service,
		.add_address = own_add_address,
		.remove = own_remove,
		.watch = own_watch,
		.unwatch = own_unwatch,
		.free = own_free,
	};
	struct own *own = calloc(1, sizeof(*own));
	int err = AVAHI_ERR_NO_MEMORY;

	if (own == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	own->base = (struct pz_mdns_backend){.ops = &ops, .events = events, .arg = arg};
	avahi_set_log_function(on_log);
	pz_mdns_poll_init(&own->poll, loop);
	own->server = server_new(own, &loop->env, &err);
	if (own->server == NULL) {
		free(own);
		return pz_fail(info, err == AVAHI_ERR_NO_MEMORY ? PZ_ERR_LIMIT_MEMORY : PZ_ERR_IO,
			       "multicast DNS: %s", avahi_strerror(err));
	}
	*out = &own->base;
	return PZ_OK;
}
