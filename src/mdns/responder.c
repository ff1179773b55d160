/*
 * Runs libavahi-core as the node's messages request (message.h), and sends the results. It has a
 * loop of its own; only its socket to the node and Avahi's sockets are open. When the node closes
 * the socket, everything announced is withdrawn, and the process ends.
 *
 * A write blocks until the node reads, because the responder has no other work then. A kernel timer
 * ends a process that hangs.
 */
#include "mdns/responder.h"

#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-core/core.h>
#include <avahi-core/log.h>
#include <avahi-core/lookup.h>
#include <avahi-core/publish.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/map.h"
#include "mdns/message.h"
#include "mdns/poll.h"
#include "mdns/sandbox.h"
#include "mdns/service.h"
#include "mdns/text.h"

struct responder {
	struct pz_loop loop;
	struct pz_mdns_poll poll;
	AvahiServer *server;
	uv_poll_t in;
	struct pz_buf received;
	struct pz_list objects;
	struct pz_map *by_id;
};

/** An entry or a watch of the node. */
struct object {
	struct pz_list node;
	struct responder *responder;
	uint32_t id;
	struct pz_mdns_mark marks[PZ_MDNS_MARKS_MAX]; /* marks of what an entry announces */
	size_t marks_len;
	AvahiSEntryGroup *group;      /* of an entry; NULL: Avahi did not create it */
	AvahiSRecordBrowser *browser; /* of a watch; NULL: Avahi did not create it */
};

/* ---- to the node ---- */

static void
send_all(struct pz_slice bytes)
{
	while (bytes.len > 0) {
		ssize_t sent = send(PZ_MDNS_RESPONDER_FD, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			struct pollfd room = {PZ_MDNS_RESPONDER_FD, POLLOUT, 0};
			(void)poll(&room, 1, -1);
			continue;
		}
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) /* the node is gone */
			_exit(0);
		bytes = pz_slice_of(bytes.ptr + sent, bytes.len - (size_t)sent);
	}
}

static void
say(const struct pz_mdns_message *message)
{
	struct pz_buf out;

	pz_buf_init(&out, SIZE_MAX, NULL);
	/* A record that is too long for a message cannot be of a device of a personal zone. */
	if (pz_mdns_message_write(message, &out) == PZ_OK)
		send_all(pz_buf_slice(&out));
	pz_buf_fini(&out);
}

static void
say_kind(enum pz_mdns_message_kind kind, uint32_t id, bool is_watch)
{
	struct pz_mdns_message message = {.kind = kind, .id = id, .is_watch = is_watch};

	say(&message);
}

static void
say_unable(int err)
{
	say_kind(PZ_MDNS_UNABLE, (uint32_t)-err, false);
	_exit(1);
}

/* ---- from Avahi ---- */

static void
on_log(AvahiLogLevel level, const char *text)
{
	(void)level, (void)text; /* strangers could fill a log */
}

static void
on_state(AvahiServer *server, AvahiServerState state, void *arg)
{
	(void)arg;
	if (state == AVAHI_SERVER_FAILURE)
		say_unable(server ? avahi_server_errno(server) : AVAHI_ERR_FAILURE);
}

static void
on_group(AvahiServer *server, AvahiSEntryGroup *group, AvahiEntryGroupState state, void *arg)
{
	const struct object *object = arg;

	(void)server, (void)group;
	if (state == AVAHI_ENTRY_GROUP_COLLISION)
		say_kind(PZ_MDNS_COLLISION, object->id, false);
	else if (state == AVAHI_ENTRY_GROUP_ESTABLISHED)
		say_kind(PZ_MDNS_ESTABLISHED, object->id, false);
}

static void
on_record(AvahiSRecordBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
	  AvahiBrowserEvent event, AvahiRecord *record, AvahiLookupResultFlags flags, void *arg)
{
	const struct object *object = arg;
	uint8_t rdata[PZ_MDNS_PACKET_BYTES_MAX];
	struct pz_mdns_message message = {
		.kind = PZ_MDNS_RECORD,
		.id = object->id,
		.is_there = event == AVAHI_BROWSER_NEW,
		.interface = interface,
		.protocol = (uint8_t)protocol,
	};

	(void)browser;
	/* What this server itself announces is ours, not a result. */
	if ((!message.is_there && event != AVAHI_BROWSER_REMOVE) ||
	    (flags & AVAHI_LOOKUP_RESULT_LOCAL) != 0)
		return;
	size_t len = avahi_rdata_serialize(record, rdata, sizeof(rdata));
	if (len > sizeof(rdata)) /* (size_t)-1: too long */
		return;
	message.rdata = pz_slice_of(rdata, len);
	say(&message);
}

/* ---- objects ---- */

static struct pz_slice
key_of(const uint32_t *id)
{
	return pz_slice_of(id, sizeof(*id));
}

static struct object *
object_new(struct responder *r, uint32_t id)
{
	struct object *object = calloc(1, sizeof(*object));

	if (object == NULL || pz_map_put(r->by_id, key_of(&id), object, NULL) != PZ_OK)
		_exit(1); /* the node starts another process */
	object->responder = r;
	object->id = id;
	pz_list_append(&r->objects, &object->node);
	return object;
}

/** Our former records may return from the network later: as an echo (packet.h). */
static void
forget_marks(struct object *object)
{
	for (size_t i = 0; i < object->marks_len; i++)
		pz_mdns_echoes_add(&object->responder->poll.echoes, &object->marks[i]);
	object->marks_len = 0;
}

static void
object_free(struct object *object)
{
	forget_marks(object);
	pz_map_remove(object->responder->by_id, key_of(&object->id));
	pz_list_remove(&object->node);
	if (object->group != NULL)
		avahi_s_entry_group_free(object->group);
	if (object->browser != NULL)
		avahi_s_record_browser_free(object->browser);
	free(object);
}

/* ---- announcing ---- */

static void
entry_failed(struct object *object, int err)
{
	if (object->group != NULL)
		avahi_s_entry_group_free(object->group);
	object->group = NULL;
	say_kind(err == AVAHI_ERR_COLLISION ? PZ_MDNS_COLLISION : PZ_MDNS_FAILED, object->id,
		 false);
}

/**
 * With AVAHI_PUBLISH_UPDATE Avahi announces the new records at once in place of the old ones: the
 * name is ours, so RFC 6762 8.4 requires no probe.
 */
static int
put_service(struct object *object, unsigned flags, const struct pz_mdns_service *service)
{
	char host[PZ_MDNS_NAME_TEXT_BYTES];
	AvahiStringList *txt = avahi_string_list_new_from_array((const char **)service->txt,
								(int)service->txt_len);

	snprintf(host, sizeof(host), "%s.local", service->host);
	int err = avahi_server_add_service_strlst(object->responder->server, object->group,
						  AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC,
						  (AvahiPublishFlags)flags, service->instance,
						  PZ_MDNS_TYPE, "local", host, service->port, txt);
	avahi_string_list_free(txt);
	return err;
}

static int
put_address(struct object *object, const char *host, const struct pz_mdns_local *local)
{
	AvahiAddress address = {
		.proto = local->len == 4 ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6,
	};
	char name[PZ_MDNS_NAME_TEXT_BYTES];

	memcpy(address.data.data, local->bytes, local->len);
	snprintf(name, sizeof(name), "%s.local", host);
	return avahi_server_add_address(object->responder->server, object->group, local->interface,
					AVAHI_PROTO_UNSPEC, AVAHI_PUBLISH_NO_REVERSE, name,
					&address);
}

/** Sets the marks of what an entry announces from now on. */
static void
set_marks(struct object *object, const struct pz_mdns_message *message)
{
	forget_marks(object);
	if (message->kind == PZ_MDNS_ADD_ADDRESS) {
		pz_mdns_address_mark(message->host, &message->address, &object->marks[0]);
		object->marks_len = 1;
	} else {
		object->marks_len = pz_mdns_service_marks(&message->service, object->marks);
	}
	for (size_t i = 0; i < object->marks_len; i++)
		pz_mdns_echoes_remove(&object->responder->poll.echoes, &object->marks[i]);
}

static void
fill_entry(struct object *object, const struct pz_mdns_message *message)
{
	int err = AVAHI_ERR_NO_MEMORY;

	set_marks(object, message);
	object->group = avahi_s_entry_group_new(object->responder->server, on_group, object);
	if (object->group != NULL)
		err = message->kind == PZ_MDNS_ADD_ADDRESS
			      ? put_address(object, message->host, &message->address)
			      : put_service(object, 0, &message->service);
	if (err >= 0)
		err = avahi_s_entry_group_commit(object->group);
	if (err < 0)
		entry_failed(object, err);
}

static void
update_service(struct object *object, const struct pz_mdns_message *message)
{
	set_marks(object, message);
	if (object->group != NULL &&
	    put_service(object, AVAHI_PUBLISH_UPDATE, &message->service) >= 0)
		return;
	if (object->group != NULL)
		avahi_s_entry_group_free(object->group);
	fill_entry(object, message);
}

/* ---- looking ---- */

static void
start_watch(struct object *object, const struct pz_mdns_message *message)
{
	AvahiKey *key = avahi_key_new(message->name, AVAHI_DNS_CLASS_IN, (uint16_t)message->type);

	if (key != NULL) {
		object->browser = avahi_s_record_browser_new(
			object->responder->server, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, key,
			AVAHI_LOOKUP_USE_MULTICAST, on_record, object);
		avahi_key_unref(key);
	}
	if (object->browser == NULL)
		say_kind(PZ_MDNS_FAILED, object->id, true);
}

/* ---- from the node ---- */

static void
take_message(struct responder *r, const struct pz_mdns_message *message)
{
	struct object *object = pz_map_get(r->by_id, key_of(&message->id));

	(void)alarm(PZ_MDNS_RESPONDER_ALARM_S);
	switch ((int)message->kind) {
	case PZ_MDNS_ADD_SERVICE:
	case PZ_MDNS_ADD_ADDRESS:
		if (object == NULL)
			fill_entry(object_new(r, message->id), message);
		break;
	case PZ_MDNS_UPDATE_SERVICE:
		if (object != NULL && object->browser == NULL)
			update_service(object, message);
		break;
	case PZ_MDNS_WATCH:
		if (object == NULL)
			start_watch(object_new(r, message->id), message);
		break;
	case PZ_MDNS_REMOVE:
	case PZ_MDNS_UNWATCH:
		if (object != NULL)
			object_free(object);
		break;
	default:
		say_kind(PZ_MDNS_PONG, message->id, false);
		break;
	}
}

/** Withdraws everything: this sends the goodbyes. */
static void
end(struct responder *r)
{
	PZ_LIST_EACH (&r->objects, node, tmp)
		object_free(PZ_CONTAINER(node, struct object, node));
	avahi_server_free(r->server);
	_exit(0);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct responder *r = poll->data;
	struct pz_mdns_message_text text;
	struct pz_mdns_message message;
	uint8_t bytes[4096];
	size_t used;

	(void)events;
	ssize_t n = status < 0 ? 0 : recv(PZ_MDNS_RESPONDER_FD, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		end(r);
	if (pz_buf_append(&r->received, pz_slice_of(bytes, (size_t)n)) != PZ_OK)
		_exit(1);
	for (;;) {
		/* A malformed message is a fault of ours: this process ends, and the node starts
		 * another. */
		if (pz_mdns_message_read(pz_buf_slice(&r->received), false, &text, &message,
					 &used) != PZ_OK)
			_exit(1);
		if (used == 0)
			return;
		take_message(r, &message);
		pz_buf_consume(&r->received, used);
	}
}

/* ---- life ---- */

/* No records about the machine (host information, workstation, domains), and no unicast DNS. */
static AvahiServer *
server_new(struct responder *r, int *err)
{
	char name[PZ_MDNS_RANDOM_NAME_BYTES];
	AvahiServerConfig config;

	pz_mdns_random_name(&r->loop.env, name);
	avahi_server_config_init(&config);
	config.host_name = avahi_strdup(name); /* otherwise Avahi would use the machine's name */
	config.use_ipv4 = config.use_ipv6 = 1;
	config.publish_hinfo = 0;
	config.publish_addresses = 0; /* this also omits their reverse records */
	config.publish_workstation = 0;
	config.publish_domain = 0;
	config.add_service_cookie = 0;
	config.enable_wide_area = 0;
	config.enable_reflector = 0;
	config.disallow_other_stacks = 0;
	config.allow_point_to_point = 0; /* the other end of a VPN is not on the local network */
	AvahiServer *server = avahi_server_new(&r->poll.api, &config, on_state, r, err);
	avahi_server_config_free(&config);
	return server;
}

/* The node decides when this process ends, so signals to the whole process group are ignored. */
static void
ignore_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

void
pz_mdns_responder_main(int argc, char **argv)
{
	static struct responder r;
	int err = AVAHI_ERR_NO_MEMORY;

	if (argc != 2 || strcmp(argv[1], PZ_MDNS_RESPONDER_WORD) != 0)
		return;
	(void)prctl(PR_SET_NAME, "pz-mdns");
	ignore_signals();
	pz_mdns_sandbox_begin(PZ_MDNS_RESPONDER_FD);
	(void)alarm(PZ_MDNS_RESPONDER_ALARM_S);
	pz_list_init(&r.objects);
	pz_buf_init(&r.received, (size_t)2 * PZ_MDNS_MESSAGE_BYTES_MAX, NULL);
	if (sodium_init() < 0 || pz_loop_init(&r.loop, 1) != PZ_OK ||
	    (r.by_id = pz_map_new()) == NULL)
		say_unable(AVAHI_ERR_NO_MEMORY);
	avahi_set_log_function(on_log);
	pz_mdns_poll_init(&r.poll, &r.loop);
	r.server = server_new(&r, &err);
	if (r.server == NULL || uv_poll_init(&r.loop.uv, &r.in, PZ_MDNS_RESPONDER_FD) != 0)
		say_unable(r.server ? AVAHI_ERR_OS : err);
	r.in.data = &r;
	uv_poll_start(&r.in, UV_READABLE, on_readable);
	(void)pz_mdns_sandbox_seal();
	say_kind(PZ_MDNS_STARTED, 0, false);
	pz_loop_run(&r.loop);
	_exit(1);
}
