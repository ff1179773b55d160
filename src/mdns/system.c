/*
 * Each entry and each watch is an object of avahi-daemon, which answers our request for a new one
 * with the object's path. Until then it is `unborn`: calls on it wait, and if it is removed in this
 * time, it is freed as soon as it has a path. An object that avahi-daemon refuses never gets a
 * path; its owner removes it before the next attempt.
 */
#include "mdns/system.h"

#include <arpa/inet.h>
#include <avahi-common/address.h>
#include <avahi-common/defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "mdns/bus.h"
#include "mdns/service.h"

#define AVAHI "org.freedesktop.Avahi"
#define SERVER AVAHI ".Server"
#define ENTRY_GROUP AVAHI ".EntryGroup"
#define RECORD_BROWSER AVAHI ".RecordBrowser"
#define COLLISION_ERROR AVAHI ".CollisionError"

struct system_backend {
	struct pz_mdns_backend base;
	struct pz_mdns_bus *bus;
	struct pz_list objects;
	struct pz_map *by_path; /* those that have a path */
};

struct object {
	struct pz_list node;
	struct system_backend *system;
	char *path; /* NULL: unborn */
	bool is_watch;
	bool is_given_back;
	bool is_refused; /* no answer is expected any more */
	/* An entry has one of the two. */
	struct pz_mdns_service *service;
	struct pz_mdns_local address;
	char host[PZ_MDNS_LABEL_BYTES_MAX + 1];
	/* Of a watch. */
	void *watch_arg;
};

/* ---- messages ---- */

/** NULL: out of memory. */
static DBusMessage *
method(const char *path, const char *interface, const char *name)
{
	return dbus_message_new_method_call(AVAHI, path, interface, name);
}

/** Returns the call; NULL when appending failed, and the call is freed. */
static DBusMessage *
finished(DBusMessage *call, bool is_good)
{
	if (call != NULL && !is_good) {
		dbus_message_unref(call);
		return NULL;
	}
	return call;
}

/* D-Bus gets a TXT string as bytes, since it need not be UTF-8. */
static bool
append_bytes(DBusMessageIter *list, const char *text)
{
	DBusMessageIter bytes;
	int len = (int)strlen(text);

	return dbus_message_iter_open_container(list, DBUS_TYPE_ARRAY, "y", &bytes) &&
	       dbus_message_iter_append_fixed_array(&bytes, DBUS_TYPE_BYTE, &text, len) &&
	       dbus_message_iter_close_container(list, &bytes);
}

static bool
append_txt(DBusMessage *call, const struct pz_mdns_service *service)
{
	DBusMessageIter iter, list;

	dbus_message_iter_init_append(call, &iter);
	if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "ay", &list))
		return false;
	for (size_t i = 0; i < service->txt_len; i++)
		if (!append_bytes(&list, service->txt[i]))
			return false;
	return dbus_message_iter_close_container(&iter, &list);
}

/* No cookie: it would show which services belong to one machine. */
static DBusMessage *
add_service_call(const struct object *object)
{
	const struct pz_mdns_service *service = object->service;
	DBusMessage *call = method(object->path, ENTRY_GROUP, "AddService");
	dbus_int32_t interface = AVAHI_IF_UNSPEC, protocol = AVAHI_PROTO_UNSPEC;
	dbus_uint32_t flags = AVAHI_PUBLISH_NO_COOKIE;
	const char *type = PZ_MDNS_TYPE, *domain = "local", *host;
	char name[PZ_MDNS_NAME_TEXT_BYTES];

	host = name;
	snprintf(name, sizeof(name), "%s.local", service->host);
	return finished(call,
			call != NULL &&
				dbus_message_append_args(
					call, DBUS_TYPE_INT32, &interface, DBUS_TYPE_INT32,
					&protocol, DBUS_TYPE_UINT32, &flags, DBUS_TYPE_STRING,
					&service->instance, DBUS_TYPE_STRING, &type,
					DBUS_TYPE_STRING, &domain, DBUS_TYPE_STRING, &host,
					DBUS_TYPE_UINT16, &service->port, DBUS_TYPE_INVALID) &&
				append_txt(call, service));
}

static DBusMessage *
update_txt_call(const struct object *object)
{
	const struct pz_mdns_service *service = object->service;
	DBusMessage *call = method(object->path, ENTRY_GROUP, "UpdateServiceTxt");
	dbus_int32_t interface = AVAHI_IF_UNSPEC, protocol = AVAHI_PROTO_UNSPEC;
	dbus_uint32_t flags = AVAHI_PUBLISH_NO_COOKIE;
	const char *type = PZ_MDNS_TYPE, *domain = "local";

	return finished(call, call != NULL &&
				      dbus_message_append_args(
					      call, DBUS_TYPE_INT32, &interface, DBUS_TYPE_INT32,
					      &protocol, DBUS_TYPE_UINT32, &flags, DBUS_TYPE_STRING,
					      &service->instance, DBUS_TYPE_STRING, &type,
					      DBUS_TYPE_STRING, &domain, DBUS_TYPE_INVALID) &&
				      append_txt(call, service));
}

/* Without NO_REVERSE the reverse record would collide with the one that avahi-daemon publishes for
 * the same address. */
static DBusMessage *
add_address_call(const struct object *object)
{
	DBusMessage *call = method(object->path, ENTRY_GROUP, "AddAddress");
	dbus_int32_t interface = object->address.interface, protocol = AVAHI_PROTO_UNSPEC;
	dbus_uint32_t flags = AVAHI_PUBLISH_NO_REVERSE;
	char name[PZ_MDNS_NAME_TEXT_BYTES], text[INET6_ADDRSTRLEN] = "";
	const char *host = name, *address = text;

	snprintf(name, sizeof(name), "%s.local", object->host);
	inet_ntop(object->address.len == 4 ? AF_INET : AF_INET6, object->address.bytes, text,
		  sizeof(text));
	return finished(call,
			call != NULL &&
				dbus_message_append_args(
					call, DBUS_TYPE_INT32, &interface, DBUS_TYPE_INT32,
					&protocol, DBUS_TYPE_UINT32, &flags, DBUS_TYPE_STRING,
					&host, DBUS_TYPE_STRING, &address, DBUS_TYPE_INVALID));
}

/* Multicast only: wide-area DNS would send names of the zone to DNS servers. */
static DBusMessage *
record_browser_call(const char *name, enum pz_mdns_type of_type)
{
	DBusMessage *call = method("/", SERVER, "RecordBrowserNew");
	dbus_int32_t interface = AVAHI_IF_UNSPEC, protocol = AVAHI_PROTO_UNSPEC;
	dbus_uint16_t class = AVAHI_DNS_CLASS_IN, type = (dbus_uint16_t)of_type;
	dbus_uint32_t flags = AVAHI_LOOKUP_USE_MULTICAST;

	return finished(call,
			call != NULL && dbus_message_append_args(
						call, DBUS_TYPE_INT32, &interface, DBUS_TYPE_INT32,
						&protocol, DBUS_TYPE_STRING, &name,
						DBUS_TYPE_UINT16, &class, DBUS_TYPE_UINT16, &type,
						DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID));
}

/* ---- objects ---- */

static void
object_free(struct object *object)
{
	if (object->path != NULL)
		pz_map_remove(object->system->by_path, pz_slice_str(object->path));
	pz_list_remove(&object->node);
	free(object->service);
	free(object->path);
	free(object);
}

static struct object *
object_new(struct system_backend *system, bool is_watch)
{
	struct object *object = calloc(1, sizeof(*object));

	if (object == NULL)
		return NULL;
	object->system = system;
	object->is_watch = is_watch;
	pz_list_append(&system->objects, &object->node);
	return object;
}

/** Asks avahi-daemon to free the object. */
static void
object_end(struct object *object)
{
	if (object->path != NULL)
		pz_mdns_bus_call(object->system->bus,
				 method(object->path,
					object->is_watch ? RECORD_BROWSER : ENTRY_GROUP, "Free"),
				 NULL, NULL);
	object_free(object);
}

/* An object without a path cannot be freed in avahi-daemon yet. */
static void
give_back(struct object *object)
{
	if (object->path == NULL && !object->is_refused)
		object->is_given_back = true;
	else
		object_end(object);
}

/** A step for an entry failed. */
static void
failed(struct system_backend *system, const char *reason)
{
	if (strcmp(reason, COLLISION_ERROR) == 0) {
		system->base.events->collision(system->base.arg, NULL);
		return;
	}
	pz_debug("mdns-entry-failed", "by=avahi-daemon reason=%s", reason);
	system->base.events->failed(system->base.arg, false, reason);
}

/* Only errors matter: the state of the group reports success. */
static void
on_done(void *arg, DBusMessage *answer)
{
	if (dbus_message_get_type(answer) == DBUS_MESSAGE_TYPE_ERROR)
		failed(arg, dbus_message_get_error_name(answer));
}

/* All calls at once: if one fails, the commit after it fails as well. */
static void
fill_entry(struct object *object)
{
	struct system_backend *system = object->system;
	DBusMessage *call = object->service ? add_service_call(object) : add_address_call(object);

	if (!pz_mdns_bus_call(system->bus, call, on_done, system) ||
	    !pz_mdns_bus_call(system->bus, method(object->path, ENTRY_GROUP, "Commit"), on_done,
			      system))
		failed(system, "no memory");
}

/* avahi-daemon has created the object, or refused. */
static void
on_born(void *arg, DBusMessage *answer)
{
	struct object *object = arg;
	struct system_backend *system = object->system;
	const char *path = NULL;

	if (dbus_message_get_type(answer) == DBUS_MESSAGE_TYPE_METHOD_RETURN &&
	    dbus_message_get_args(answer, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID))
		object->path = strdup(path);
	if (object->path != NULL &&
	    pz_map_put(system->by_path, pz_slice_str(path), object, NULL) != PZ_OK) {
		free(object->path);
		object->path = NULL;
	}
	if (object->path == NULL) {
		const char *reason = dbus_message_get_error_name(answer);
		object->is_refused = true;
		if (object->is_given_back)
			object_free(object);
		else if (object->is_watch) /* it stays unborn */
			system->base.events->failed(system->base.arg, true,
						    reason ? reason : "no memory");
		else
			failed(system, reason ? reason : "no memory");
		return;
	}
	if (object->is_given_back)
		object_end(object);
	else if (!object->is_watch)
		fill_entry(object);
}

/* ---- announcing ---- */

static void *
entry_new(struct object *object)
{
	if (!pz_mdns_bus_call(object->system->bus, method("/", SERVER, "EntryGroupNew"), on_born,
			      object)) {
		object_free(object);
		return NULL;
	}
	return object;
}

static void *
system_add_service(struct pz_mdns_backend *backend, const struct pz_mdns_service *service)
{
	struct object *object = object_new((struct system_backend *)backend, false);

	if (object == NULL)
		return NULL;
	object->service = pz_mdns_service_copy(service);
	if (object->service == NULL) {
		object_free(object);
		return NULL;
	}
	return entry_new(object);
}

static bool
system_update_service(struct pz_mdns_backend *backend, void *entry,
		      const struct pz_mdns_service *service)
{
	struct system_backend *system = (struct system_backend *)backend;
	struct pz_mdns_service *copy = pz_mdns_service_copy(service);
	struct object *object = entry;

	if (copy == NULL)
		return false;
	bool is_other_port = object->service->port != copy->port;
	free(object->service);
	object->service = copy;
	if (object->path == NULL)
		return true;
	/* An update cannot change the port: that needs a new entry. */
	return !is_other_port &&
	       pz_mdns_bus_call(system->bus, update_txt_call(object), on_done, system);
}

static void *
system_add_address(struct pz_mdns_backend *backend, const char *host,
		   const struct pz_mdns_local *local)
{
	struct object *object = object_new((struct system_backend *)backend, false);

	if (object == NULL)
		return NULL;
	snprintf(object->host, sizeof(object->host), "%s", host);
	object->address = *local;
	return entry_new(object);
}

static void
system_remove(struct pz_mdns_backend *backend, void *entry)
{
	(void)backend;
	give_back(entry);
}

/* ---- looking ---- */

static void *
system_watch(struct pz_mdns_backend *backend, const char *name, enum pz_mdns_type type, void *arg)
{
	struct object *object = object_new((struct system_backend *)backend, true);

	if (object == NULL)
		return NULL;
	object->watch_arg = arg;
	if (!pz_mdns_bus_call(object->system->bus, record_browser_call(name, type), on_born,
			      object)) {
		object_free(object);
		return NULL;
	}
	return object;
}

static void
system_unwatch(struct pz_mdns_backend *backend, void *watch)
{
	(void)backend;
	give_back(watch);
}

/* ---- signals ---- */

static void
on_item(const struct object *object, DBusMessage *signal, bool is_there)
{
	const struct pz_mdns_backend *base = &object->system->base;
	dbus_int32_t interface, protocol;
	dbus_uint16_t class, type;
	const uint8_t *rdata;
	const char *name;
	int len;

	if (dbus_message_get_args(signal, NULL, DBUS_TYPE_INT32, &interface, DBUS_TYPE_INT32,
				  &protocol, DBUS_TYPE_STRING, &name, DBUS_TYPE_UINT16, &class,
				  DBUS_TYPE_UINT16, &type, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &rdata,
				  &len, DBUS_TYPE_INVALID))
		base->events->record(object->watch_arg, is_there, interface, (uint8_t)protocol,
				     pz_slice_of(rdata, (size_t)len));
}

/* COLLISION, FAILURE and ESTABLISHED are final; the other states lead to one of them. */
static void
on_group_state(struct object *object, DBusMessage *signal)
{
	struct system_backend *system = object->system;
	dbus_int32_t state;

	if (!dbus_message_get_args(signal, NULL, DBUS_TYPE_INT32, &state, DBUS_TYPE_INVALID))
		return;
	if (state == AVAHI_ENTRY_GROUP_COLLISION)
		system->base.events->collision(system->base.arg, object);
	else if (state == AVAHI_ENTRY_GROUP_FAILURE)
		failed(system, "state");
	else if (state == AVAHI_ENTRY_GROUP_ESTABLISHED)
		system->base.events->established(system->base.arg, object);
}

static void
on_signal(void *arg, DBusMessage *signal)
{
	struct system_backend *system = arg;
	const char *path = dbus_message_get_path(signal);
	struct object *object = path ? pz_map_get(system->by_path, pz_slice_str(path)) : NULL;

	if (object == NULL) /* removed in the meantime */
		return;
	if (dbus_message_is_signal(signal, RECORD_BROWSER, "ItemNew"))
		on_item(object, signal, true);
	else if (dbus_message_is_signal(signal, RECORD_BROWSER, "ItemRemove"))
		on_item(object, signal, false);
	else if (dbus_message_is_signal(signal, ENTRY_GROUP, "StateChanged"))
		on_group_state(object, signal);
}

/* ---- life ---- */

static void
on_ready(void *arg)
{
	struct system_backend *system = arg;

	system->base.events->state(system->base.arg, PZ_MDNS_READY);
}

static void
on_absent(void *arg)
{
	struct system_backend *system = arg;

	system->base.events->state(system->base.arg, PZ_MDNS_ABSENT);
}

static void
on_lost(void *arg)
{
	struct system_backend *system = arg;

	system->base.events->state(system->base.arg, PZ_MDNS_LOST);
}

static void
system_free(struct pz_mdns_backend *backend)
{
	struct system_backend *system = (struct system_backend *)backend;

	/* The remaining objects were removed while unborn; avahi-daemon frees them when our
	 * connection ends. */
	pz_mdns_bus_close(system->bus);
	PZ_LIST_EACH (&system->objects, node, tmp)
		object_free(PZ_CONTAINER(node, struct object, node));
	pz_map_free(system->by_path);
	free(system);
}

enum pz_err
pz_mdns_system_new(struct pz_loop *loop, const struct pz_mdns_backend_events *events, void *arg,
		   struct pz_mdns_backend **out, struct pz_errinfo *info)
{
	static const struct pz_mdns_bus_events bus_events = {
		.ready = on_ready,
		.absent = on_absent,
		.lost = on_lost,
		.signal = on_signal,
	};
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

	if (system == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	system->base = (struct pz_mdns_backend){.ops = &ops, .events = events, .arg = arg};
	pz_list_init(&system->objects);
	system->by_path = pz_map_new();
	enum pz_err err = system->by_path ? pz_mdns_bus_open(loop, NULL, AVAHI, &bus_events, system,
							     &system->bus, info)
					  : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		system_free(&system->base);
		return err;
	}
	*out = &system->base;
	return PZ_OK;
}
