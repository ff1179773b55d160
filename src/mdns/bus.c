/*
 * libdbus on our loop, without waiting.
 *
 * libdbus asks for watches of descriptors and for timeouts; both are mapped to ours (poll.c,
 * pz_timer). Messages are dispatched from a timer, a bounded number in each turn, so that a
 * flooding bus cannot starve the links. Nothing of libdbus that blocks is used: dbus_bus_register
 * would wait for its answer, so "Hello" is sent by hand, then the match rule and the question for
 * the service's owner.
 *
 * Whether the service (avahi-daemon) is there follows from the owner of its name: the match rule
 * for NameOwnerChanged is added before GetNameOwner is sent, so no change between the two is
 * missed.
 */
#include "mdns/bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "mdns/poll.h"

#define DEFAULT_ADDRESS "unix:path=/var/run/dbus/system_bus_socket"
#define ANSWER_MS 10000      /* after that a call fails */
#define DISPATCH_PER_TURN 64 /* messages; then other work of the loop gets its turn */

struct pz_mdns_bus {
	struct pz_loop *loop;
	struct pz_mdns_poll poll; /* the watches of D-Bus come from poll.c too */
	const char *service;
	const struct pz_mdns_bus_events *events;
	void *arg;
	DBusConnection *connection;
	char owner[64]; /* unique name of the service's owner, "" for none */
	struct pz_list calls;
	struct pz_timer dispatch;
	bool is_closing;
};

struct call {
	struct pz_list node;
	DBusPendingCall *pending;
	void (*done)(void *arg, DBusMessage *answer);
	void *arg;
};

struct timeout {
	const struct pz_env *env;
	struct pz_timer timer;
	DBusTimeout *of;
};

/* ---- libdbus on our loop ---- */

static AvahiWatchEvent
watch_events(DBusWatch *watch)
{
	unsigned flags = dbus_watch_get_flags(watch), events = 0;

	if (!dbus_watch_get_enabled(watch))
		return 0;
	if (flags & DBUS_WATCH_READABLE)
		events |= AVAHI_WATCH_IN;
	if (flags & DBUS_WATCH_WRITABLE)
		events |= AVAHI_WATCH_OUT;
	return (AvahiWatchEvent)events;
}

static void
on_watch(AvahiWatch *watch, int fd, AvahiWatchEvent events, void *arg)
{
	unsigned flags = 0;

	(void)watch, (void)fd;
	if (events & AVAHI_WATCH_IN)
		flags |= DBUS_WATCH_READABLE;
	if (events & AVAHI_WATCH_OUT)
		flags |= DBUS_WATCH_WRITABLE;
	if (events & AVAHI_WATCH_ERR)
		flags |= DBUS_WATCH_ERROR;
	dbus_watch_handle(arg, flags);
}

static dbus_bool_t
add_watch(DBusWatch *watch, void *arg)
{
	struct pz_mdns_bus *bus = arg;
	AvahiWatch *ours = bus->poll.api.watch_new(&bus->poll.api, dbus_watch_get_unix_fd(watch),
						   watch_events(watch), on_watch, watch);

	dbus_watch_set_data(watch, ours, NULL);
	return ours != NULL;
}

static void
remove_watch(DBusWatch *watch, void *arg)
{
	struct pz_mdns_bus *bus = arg;

	if (dbus_watch_get_data(watch) != NULL)
		bus->poll.api.watch_free(dbus_watch_get_data(watch));
	dbus_watch_set_data(watch, NULL, NULL);
}

static void
toggle_watch(DBusWatch *watch, void *arg)
{
	struct pz_mdns_bus *bus = arg;

	if (dbus_watch_get_data(watch) != NULL)
		bus->poll.api.watch_update(dbus_watch_get_data(watch), watch_events(watch));
}

static void
run_timeout(struct timeout *timeout)
{
	if (dbus_timeout_get_enabled(timeout->of))
		pz_env_start(timeout->env, &timeout->timer,
			     (uint64_t)dbus_timeout_get_interval(timeout->of) * PZ_US_PER_MS);
	else
		pz_env_stop(timeout->env, &timeout->timer);
}

static void
on_timeout(struct pz_timer *timer, void *arg)
{
	struct timeout *timeout = arg;

	(void)timer;
	run_timeout(timeout); /* D-Bus timeouts repeat until they are removed, which the next line
				 may do */
	dbus_timeout_handle(timeout->of);
}

static dbus_bool_t
add_timeout(DBusTimeout *of, void *arg)
{
	struct pz_mdns_bus *bus = arg;
	struct timeout *timeout = calloc(1, sizeof(*timeout));

	if (timeout == NULL)
		return FALSE;
	timeout->env = &bus->loop->env;
	timeout->of = of;
	pz_timer_init(&timeout->timer, on_timeout, timeout);
	dbus_timeout_set_data(of, timeout, NULL);
	run_timeout(timeout);
	return TRUE;
}

static void
remove_timeout(DBusTimeout *of, void *arg)
{
	struct timeout *timeout = dbus_timeout_get_data(of);

	(void)arg;
	if (timeout == NULL)
		return;
	pz_env_stop(timeout->env, &timeout->timer);
	dbus_timeout_set_data(of, NULL, NULL);
	free(timeout);
}

static void
toggle_timeout(DBusTimeout *of, void *arg)
{
	(void)arg;
	if (dbus_timeout_get_data(of) != NULL)
		run_timeout(dbus_timeout_get_data(of));
}

static void
wake(struct pz_mdns_bus *bus)
{
	if (!bus->dispatch.active && !bus->is_closing)
		pz_env_start(&bus->loop->env, &bus->dispatch, 0);
}

static void
on_status(DBusConnection *connection, DBusDispatchStatus status, void *arg)
{
	(void)connection;
	if (status != DBUS_DISPATCH_COMPLETE)
		wake(arg);
}

static void
on_dispatch(struct pz_timer *timer, void *arg)
{
	struct pz_mdns_bus *bus = arg;

	(void)timer;
	for (unsigned i = 0; i < DISPATCH_PER_TURN; i++)
		if (dbus_connection_dispatch(bus->connection) == DBUS_DISPATCH_COMPLETE)
			return;
	pz_env_start(&bus->loop->env, &bus->dispatch, PZ_US_PER_MS);
}

/* ---- calls ---- */

static void
call_free(struct call *call)
{
	pz_list_remove(&call->node);
	dbus_pending_call_unref(call->pending);
	free(call);
}

/* The call is freed first, because `done` may close the bus. */
static void
on_answer(DBusPendingCall *pending, void *arg)
{
	struct call *call = arg;
	DBusMessage *answer = dbus_pending_call_steal_reply(pending);
	void (*done)(void *arg, DBusMessage *answer) = call->done;
	void *done_arg = call->arg;

	call_free(call);
	done(done_arg, answer);
	dbus_message_unref(answer);
}

/* Without `done` no answer is requested or awaited. */
static bool
send_call(struct pz_mdns_bus *bus, DBusMessage *takes_call,
	  void (*done)(void *arg, DBusMessage *answer), void *arg)
{
	struct call *call = NULL;

	if (takes_call == NULL)
		return false;
	if (done == NULL) {
		dbus_message_set_no_reply(takes_call, TRUE);
		bool is_sent = dbus_connection_send(bus->connection, takes_call, NULL);
		dbus_message_unref(takes_call);
		return is_sent;
	}
	call = calloc(1, sizeof(*call));
	if (call != NULL && dbus_connection_send_with_reply(bus->connection, takes_call,
							    &call->pending, ANSWER_MS)) {
		call->done = done;
		call->arg = arg;
	}
	dbus_message_unref(takes_call);
	if (call == NULL || call->pending == NULL ||
	    !dbus_pending_call_set_notify(call->pending, on_answer, call, NULL)) {
		if (call != NULL && call->pending != NULL) {
			dbus_pending_call_cancel(call->pending);
			dbus_pending_call_unref(call->pending);
		}
		free(call);
		return false;
	}
	pz_list_append(&bus->calls, &call->node);
	return true;
}

bool
pz_mdns_bus_call(struct pz_mdns_bus *bus, DBusMessage *takes_call,
		 void (*done)(void *arg, DBusMessage *answer), void *arg)
{
	return send_call(bus, takes_call, done, arg);
}

/* ---- the service's owner ---- */

/* A unique name looks like ":1.42"; one that does not fit the field is ignored. */
static void
set_owner(struct pz_mdns_bus *bus, const char *owner)
{
	bool was_there = bus->owner[0] != '\0';

	if (strlen(owner) >= sizeof(bus->owner))
		return;
	snprintf(bus->owner, sizeof(bus->owner), "%s", owner);
	if (was_there) /* gone or replaced: it has lost all objects that it had for us */
		bus->events->lost(bus->arg);
	else if (owner[0] != '\0')
		bus->events->ready(bus->arg);
}

static void
on_owner(void *arg, DBusMessage *answer)
{
	struct pz_mdns_bus *bus = arg;
	const char *owner;

	if (bus->owner[0] != '\0') /* a signal has already given the owner */
		return;
	if (dbus_message_get_type(answer) == DBUS_MESSAGE_TYPE_METHOD_RETURN &&
	    dbus_message_get_args(answer, NULL, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID))
		set_owner(bus, owner);
	else
		bus->events->absent(bus->arg);
}

static DBusMessage *
bus_method(const char *name, const char *argument)
{
	DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
							 DBUS_INTERFACE_DBUS, name);

	if (call != NULL && argument != NULL &&
	    !dbus_message_append_args(call, DBUS_TYPE_STRING, &argument, DBUS_TYPE_INVALID)) {
		dbus_message_unref(call);
		return NULL;
	}
	return call;
}

static void
on_hello(void *arg, DBusMessage *answer)
{
	struct pz_mdns_bus *bus = arg;
	char rule[256];

	snprintf(rule, sizeof(rule),
		 "type='signal',sender='" DBUS_SERVICE_DBUS "',interface='" DBUS_INTERFACE_DBUS
		 "',member='NameOwnerChanged',arg0='%s'",
		 bus->service);
	if (dbus_message_get_type(answer) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
	    !send_call(bus, bus_method("AddMatch", rule), NULL, NULL) ||
	    !send_call(bus, bus_method("GetNameOwner", bus->service), on_owner, bus))
		bus->events->lost(bus->arg);
}

static DBusHandlerResult
on_message(DBusConnection *connection, DBusMessage *message, void *arg)
{
	struct pz_mdns_bus *bus = arg;
	const char *sender = dbus_message_get_sender(message);
	const char *name, *before, *after;

	(void)connection;
	if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected")) {
		bus->events->lost(bus->arg);
	} else if (dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged")) {
		if (dbus_message_has_sender(message, DBUS_SERVICE_DBUS) &&
		    dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING,
					  &before, DBUS_TYPE_STRING, &after, DBUS_TYPE_INVALID) &&
		    strcmp(name, bus->service) == 0 && strcmp(after, bus->owner) != 0)
			set_owner(bus, after);
	} else if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_SIGNAL && sender != NULL &&
		   strcmp(sender, bus->owner) == 0) { /* any program can send a signal */
		bus->events->signal(bus->arg, message);
	} else {
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	}
	return DBUS_HANDLER_RESULT_HANDLED;
}

/* ---- life ---- */

static const char *
bus_address(void)
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	return address ? address : DEFAULT_ADDRESS;
}

/* True unless the socket's file is missing: this saves a connection attempt on machines without a
 * bus. */
bool
pz_mdns_bus_may_exist(void)
{
	static const char prefix[] = "unix:path=";
	const char *address = bus_address();
	char path[108]; /* the size of a socket's path, unix(7) */

	if (strncmp(address, prefix, strlen(prefix)) != 0)
		return true; /* libdbus supports other kinds of address, which are not checked */
	address += strlen(prefix);
	size_t len = strcspn(address, ",;");
	if (len >= sizeof(path))
		return true;
	memcpy(path, address, len);
	path[len] = '\0';
	return access(path, F_OK) == 0;
}

void
pz_mdns_bus_close(struct pz_mdns_bus *bus)
{
	if (bus == NULL)
		return;
	bus->is_closing = true;
	PZ_LIST_EACH (&bus->calls, node, tmp) {
		struct call *call = PZ_CONTAINER(node, struct call, node);

		dbus_pending_call_cancel(call->pending);
		call_free(call);
	}
	if (bus->connection != NULL) {
		dbus_connection_remove_filter(bus->connection, on_message, bus);
		dbus_connection_close(bus->connection);
		dbus_connection_set_dispatch_status_function(bus->connection, NULL, NULL, NULL);
		/* Without functions libdbus gives its watches and timeouts back now, while our loop
		 * still knows them. */
		dbus_connection_set_watch_functions(bus->connection, NULL, NULL, NULL, NULL, NULL);
		dbus_connection_set_timeout_functions(bus->connection, NULL, NULL, NULL, NULL,
						      NULL);
		dbus_connection_unref(bus->connection);
	}
	pz_env_stop(&bus->loop->env, &bus->dispatch);
	free(bus);
}

static bool
set_up(struct pz_mdns_bus *bus)
{
	DBusConnection *connection = bus->connection;

	dbus_connection_set_exit_on_disconnect(connection, FALSE);
	if (!dbus_connection_add_filter(connection, on_message, bus, NULL))
		return false;
	if (!dbus_connection_set_watch_functions(connection, add_watch, remove_watch, toggle_watch,
						 bus, NULL) ||
	    !dbus_connection_set_timeout_functions(connection, add_timeout, remove_timeout,
						   toggle_timeout, bus, NULL))
		return false;
	dbus_connection_set_dispatch_status_function(connection, on_status, bus, NULL);
	/* dbus_bus_register would wait for the answer. */
	return send_call(bus, bus_method("Hello", NULL), on_hello, bus);
}

enum pz_err
pz_mdns_bus_open(struct pz_loop *loop, const char *address, const char *service,
		 const struct pz_mdns_bus_events *events, void *arg, struct pz_mdns_bus **out,
		 struct pz_errinfo *info)
{
	struct pz_mdns_bus *bus = calloc(1, sizeof(*bus));
	DBusError error;

	if (bus == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	bus->loop = loop;
	bus->service = service;
	bus->events = events;
	bus->arg = arg;
	pz_mdns_poll_init(&bus->poll, loop);
	pz_list_init(&bus->calls);
	pz_timer_init(&bus->dispatch, on_dispatch, bus);
	dbus_error_init(&error);
	/* A private connection, because libdbus forbids closing a shared one, and this one is
	 * closed whenever the bus is lost. */
	bus->connection = dbus_connection_open_private(address ? address : bus_address(), &error);
	if (bus->connection == NULL) {
		pz_fail(info, PZ_ERR_IO, "message bus: %s", error.message);
		dbus_error_free(&error);
		pz_mdns_bus_close(bus);
		return PZ_ERR_IO;
	}
	if (!set_up(bus)) {
		pz_mdns_bus_close(bus);
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "message bus: out of memory");
	}
	wake(bus);
	*out = bus;
	return PZ_OK;
}
