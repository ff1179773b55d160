/*
 * The capabilities of the notification service are queried (GetCapabilities). The desktop becomes
 * an agent only if the service shows actions: without them a person could not answer.
 *
 *     Notify ──> its number ──> ActionInvoked(number, key): the answer
 *                           └─> NotificationClosed: no answer; the question waits on
 *
 * The keys of actions are the numbers of answers, the most restrictive first. There is no "default"
 * action: a click on the text allows nothing. If the service interprets markup, texts are escaped.
 */
#include "desktop/desktop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "mdns/bus.h"

#define SERVICE "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"
#define TEXT_BYTES_MAX 16384
#define LOOK_AGAIN_US (60 * PZ_US_PER_S)

/* One question on the screen. */
struct shown {
	struct pz_list node;
	struct pz_desktop *desktop;
	char id[40];
	dbus_uint32_t number; /* number of the notification; 0: not known yet */
	bool is_over;         /* no longer waits: closed as soon as its number is known */
};

struct pz_desktop {
	struct pz_prompt_agent agent;
	struct pz_loop *loop;
	struct pz_prompts *prompts;
	char *address;
	struct pz_mdns_bus *bus;
	struct pz_list shown;
	struct pz_timer again;
	bool reads_markup;
};

/* ---- messages ---- */

static DBusMessage *
method(const char *name)
{
	return dbus_message_new_method_call(SERVICE, PATH, SERVICE, name);
}

static void
close_notification(struct pz_desktop *desktop, dbus_uint32_t number)
{
	DBusMessage *call = method("CloseNotification");

	if (call && !dbus_message_append_args(call, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID)) {
		dbus_message_unref(call);
		return;
	}
	(void)pz_mdns_bus_call(desktop->bus, call, NULL, NULL);
}

static bool
append_actions(DBusMessageIter *args, const json_t *answers)
{
	DBusMessageIter list;
	const json_t *answer;
	size_t i;
	bool ok = dbus_message_iter_open_container(args, DBUS_TYPE_ARRAY, "s", &list);

	json_array_foreach (answers, i, answer) {
		char number[8];
		const char *key = number;
		const char *label = json_string_value(json_object_get(answer, "text"));

		snprintf(number, sizeof(number), "%d",
			 (int)json_integer_value(json_object_get(answer, "number")));
		ok = ok && label && dbus_message_iter_append_basic(&list, DBUS_TYPE_STRING, &key) &&
		     dbus_message_iter_append_basic(&list, DBUS_TYPE_STRING, &label);
	}
	return ok && dbus_message_iter_close_container(args, &list);
}

/* Critical: it stays until it is answered or removed. */
static bool
append_hints(DBusMessageIter *args)
{
	DBusMessageIter list, entry, value;
	const char *name = "urgency";
	unsigned char critical = 2;

	return dbus_message_iter_open_container(args, DBUS_TYPE_ARRAY, "{sv}", &list) &&
	       dbus_message_iter_open_container(&list, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &name) &&
	       dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "y", &value) &&
	       dbus_message_iter_append_basic(&value, DBUS_TYPE_BYTE, &critical) &&
	       dbus_message_iter_close_container(&entry, &value) &&
	       dbus_message_iter_close_container(&list, &entry) &&
	       dbus_message_iter_close_container(args, &list);
}

/* Characters that control or hide text: control characters, marks and overrides of direction, line
 * separators, characters without width. In UTF-8, the first and the last byte sequence of each
 * range. */
static const struct {
	size_t len;
	unsigned char first[4], last[4];
} hidden_ranges[] = {
	{1, {0x01}, {0x1f}},
	{1, {0x7f}, {0x7f}},
	{2, {0xc2, 0x80}, {0xc2, 0x9f}},
	{2, {0xd8, 0x9c}, {0xd8, 0x9c}},
	{3, {0xe2, 0x80, 0x8b}, {0xe2, 0x80, 0x8f}},
	{3, {0xe2, 0x80, 0xa8}, {0xe2, 0x80, 0xae}},
	{3, {0xe2, 0x81, 0xa0}, {0xe2, 0x81, 0xaf}},
	{3, {0xef, 0xbb, 0xbf}, {0xef, 0xbb, 0xbf}},
};

/* Length in bytes of such a character; 0: the text does not begin with one. */
static size_t
hiding(const char *text)
{
	for (size_t i = 0; i < sizeof(hidden_ranges) / sizeof(hidden_ranges[0]); i++) {
		size_t len = hidden_ranges[i].len;

		if (strnlen(text, len) == len && memcmp(text, hidden_ranges[i].first, len) >= 0 &&
		    memcmp(text, hidden_ranges[i].last, len) <= 0)
			return len;
	}
	return 0;
}

/* Adds a text in the form that the service has to display. @param text UTF-8 */
static bool
add_text(const struct pz_desktop *desktop, struct pz_buf *out, const char *text)
{
	bool ok = true;

	while (*text && ok) {
		size_t hidden = hiding(text);
		char plain[2] = {hidden ? '?' : *text, '\0'};
		const char *shown = desktop->reads_markup && *text == '<'   ? "&lt;"
				    : desktop->reads_markup && *text == '>' ? "&gt;"
				    : desktop->reads_markup && *text == '&' ? "&amp;"
									    : plain;

		ok = pz_buf_append_str(out, shown) == PZ_OK;
		text += hidden ? hidden : 1;
	}
	return ok;
}

/* " LEAD text END", or nothing for an empty text. */
static bool
add_part(const struct pz_desktop *desktop, struct pz_buf *out, const char *lead, const json_t *part,
	 const char *end)
{
	const char *text = json_string_value(part);

	if (text == NULL || text[0] == '\0')
		return true;
	return add_text(desktop, out, lead) && add_text(desktop, out, text) &&
	       add_text(desktop, out, end);
}

/* The question, then the texts of the asking device and of the rule. */
static bool
write_body(const struct pz_desktop *desktop, const json_t *question, struct pz_buf *out)
{
	const json_t *who = json_object_get(question, "who");

	return add_part(desktop, out, "", json_object_get(question, "text"), "") &&
	       add_part(desktop, out, " Asked by your device ", json_object_get(question, "device"),
			".") &&
	       add_part(desktop, out, " It calls itself \"", json_object_get(who, "displayName"),
			"\".") &&
	       add_part(desktop, out, " Rule: ", json_object_get(question, "rule"), "") &&
	       pz_buf_append(out, pz_slice_of("", 1)) == PZ_OK;
}

/* NULL: out of memory. */
static DBusMessage *
notify(const struct pz_desktop *desktop, const json_t *question)
{
	const char *app = "pzp", *icon = "dialog-question", *summary = "Allow this?";
	dbus_uint32_t replaces = 0;
	dbus_int32_t never = 0;
	DBusMessage *call = method("Notify");
	DBusMessageIter args;
	struct pz_buf body;

	pz_buf_init(&body, TEXT_BYTES_MAX, NULL);
	bool ok = call && write_body(desktop, question, &body);
	const char *text = ok ? (const char *)pz_buf_slice(&body).ptr : "";
	if (ok) {
		dbus_message_iter_init_append(call, &args);
		ok = dbus_message_iter_append_basic(&args, DBUS_TYPE_STRING, &app) &&
		     dbus_message_iter_append_basic(&args, DBUS_TYPE_UINT32, &replaces) &&
		     dbus_message_iter_append_basic(&args, DBUS_TYPE_STRING, &icon) &&
		     dbus_message_iter_append_basic(&args, DBUS_TYPE_STRING, &summary) &&
		     dbus_message_iter_append_basic(&args, DBUS_TYPE_STRING, &text) &&
		     append_actions(&args, json_object_get(question, "answers")) &&
		     append_hints(&args) &&
		     dbus_message_iter_append_basic(&args, DBUS_TYPE_INT32, &never);
	}
	pz_buf_fini(&body);
	if (!ok && call) {
		dbus_message_unref(call);
		call = NULL;
	}
	return call;
}

/* ---- the agent ---- */

static void
free_shown(struct shown *shown)
{
	pz_list_remove(&shown->node);
	free(shown);
}

static void
on_notified(void *arg, DBusMessage *answer)
{
	struct shown *shown = arg;
	dbus_uint32_t number = 0;

	if (dbus_message_get_type(answer) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
	    !dbus_message_get_args(answer, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID)) {
		free_shown(shown);
		return;
	}
	shown->number = number;
	if (!shown->is_over)
		return;
	close_notification(shown->desktop, number);
	free_shown(shown);
}

static void
on_show(struct pz_prompt_agent *agent, const json_t *question)
{
	struct pz_desktop *desktop = PZ_CONTAINER(agent, struct pz_desktop, agent);
	struct shown *shown = calloc(1, sizeof(*shown));

	if (shown == NULL)
		return;
	shown->desktop = desktop;
	snprintf(shown->id, sizeof(shown->id), "%s",
		 json_string_value(json_object_get(question, "id")));
	pz_list_append(&desktop->shown, &shown->node);
	if (!pz_mdns_bus_call(desktop->bus, notify(desktop, question), on_notified, shown))
		free_shown(shown);
}

/* A notification without a number is closed by on_notified, when the service has answered. */
static void
on_hide(struct pz_prompt_agent *agent, const char *id, const char *why)
{
	struct pz_desktop *desktop = PZ_CONTAINER(agent, struct pz_desktop, agent);

	(void)why;
	PZ_LIST_EACH (&desktop->shown, n, tmp) {
		struct shown *shown = PZ_CONTAINER(n, struct shown, node);

		if (strcmp(shown->id, id) != 0)
			continue;
		shown->is_over = true;
		if (shown->number) {
			close_notification(desktop, shown->number);
			free_shown(shown);
		}
		return;
	}
}

/* ---- what the service says ---- */

static struct shown *
find_shown(const struct pz_desktop *desktop, dbus_uint32_t number)
{
	PZ_LIST_EACH (&desktop->shown, n, tmp) {
		struct shown *shown = PZ_CONTAINER(n, struct shown, node);

		if (shown->number == number && number != 0)
			return shown;
	}
	return NULL;
}

/* Only offered keys are answers: "default" is not. */
static void
on_action(struct pz_desktop *desktop, dbus_uint32_t number, const char *key)
{
	const struct shown *shown = find_shown(desktop, number);
	struct pz_errinfo info = {""};
	char id[40];

	if (shown == NULL || key[0] < '0' || key[0] > '9' || key[1] != '\0')
		return;
	memcpy(id, shown->id, sizeof(id)); /* the answer removes it */
	if (pz_prompts_answer(desktop->prompts, &desktop->agent, id, key[0] - '0', NULL, NULL,
			      &info) != PZ_OK)
		pz_info("desktop-answer", "an answer of the desktop does not count: %s", info.text);
}

static void
on_signal(void *arg, DBusMessage *signal)
{
	struct pz_desktop *desktop = arg;
	dbus_uint32_t number, reason;
	const char *key;

	if (dbus_message_is_signal(signal, SERVICE, "ActionInvoked")) {
		if (dbus_message_get_args(signal, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_STRING,
					  &key, DBUS_TYPE_INVALID))
			on_action(desktop, number, key);
	} else if (dbus_message_is_signal(signal, SERVICE, "NotificationClosed")) {
		if (dbus_message_get_args(signal, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_UINT32,
					  &reason, DBUS_TYPE_INVALID) &&
		    find_shown(desktop, number))
			free_shown(find_shown(desktop, number));
	}
}

static void
on_capabilities(void *arg, DBusMessage *answer)
{
	struct pz_desktop *desktop = arg;
	char **names = NULL;
	int count = 0;
	bool has_actions = false;

	if (dbus_message_get_type(answer) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
	    !dbus_message_get_args(answer, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &names, &count,
				   DBUS_TYPE_INVALID))
		return;
	desktop->reads_markup = false;
	for (int i = 0; i < count; i++) {
		has_actions |= strcmp(names[i], "actions") == 0;
		desktop->reads_markup |= strcmp(names[i], "body-markup") == 0;
	}
	dbus_free_string_array(names);
	if (!has_actions || pz_list_is_linked(&desktop->agent.all))
		return;
	pz_info("desktop", "questions are shown on the desktop");
	pz_prompts_join(desktop->prompts, &desktop->agent);
}

/* ---- the bus ---- */

static void
look_again(struct pz_desktop *desktop, uint64_t delay_us)
{
	pz_env_start(&desktop->loop->env, &desktop->again, delay_us);
}

static DBusMessage *
match(void)
{
	const char *rule = "type='signal',sender='" SERVICE "',interface='" SERVICE "'";
	DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
							 DBUS_INTERFACE_DBUS, "AddMatch");

	if (call && !dbus_message_append_args(call, DBUS_TYPE_STRING, &rule, DBUS_TYPE_INVALID)) {
		dbus_message_unref(call);
		return NULL;
	}
	return call;
}

static void
on_ready(void *arg)
{
	struct pz_desktop *desktop = arg;

	if (!pz_mdns_bus_call(desktop->bus, match(), NULL, NULL) ||
	    !pz_mdns_bus_call(desktop->bus, method("GetCapabilities"), on_capabilities, desktop))
		look_again(desktop, LOOK_AGAIN_US);
}

static void
on_absent(void *arg)
{
	(void)arg; /* `ready` is called when the service appears */
}

static void
forget_shown(struct pz_desktop *desktop)
{
	PZ_LIST_EACH (&desktop->shown, n, tmp)
		free_shown(PZ_CONTAINER(n, struct shown, node));
}

/* The connection is closed from a timer, because this runs inside it. */
static void
on_lost(void *arg)
{
	struct pz_desktop *desktop = arg;

	pz_prompts_leave(desktop->prompts, &desktop->agent);
	look_again(desktop, 0);
}

static const struct pz_mdns_bus_events bus_events = {on_ready, on_absent, on_lost, on_signal};

static void
on_again(struct pz_timer *timer, void *arg)
{
	struct pz_desktop *desktop = arg;
	bool had_bus = desktop->bus != NULL;
	struct pz_errinfo info = {""};

	(void)timer;
	pz_prompts_leave(desktop->prompts, &desktop->agent);
	pz_mdns_bus_close(desktop->bus); /* its pending answers are dropped */
	desktop->bus = NULL;
	forget_shown(desktop);
	if (had_bus || pz_mdns_bus_open(desktop->loop, desktop->address, SERVICE, &bus_events,
					desktop, &desktop->bus, &info) != PZ_OK)
		look_again(desktop, had_bus ? PZ_US_PER_S : LOOK_AGAIN_US);
}

/* ---- life ---- */

/* True if there is a socket at the path of "unix:path=…". */
static bool
is_there(const char *address)
{
	static const char prefix[] = "unix:path=";
	char path[108]; /* the size of a socket's path, unix(7) */

	if (strncmp(address, prefix, strlen(prefix)) != 0)
		return false; /* other addresses could start a program */
	address += strlen(prefix);
	size_t len = strcspn(address, ",;");
	if (len == 0 || len >= sizeof(path))
		return false;
	memcpy(path, address, len);
	path[len] = '\0';
	return access(path, R_OK | W_OK) == 0;
}

bool
pz_desktop_bus_address(char *out, size_t size)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (address)
		snprintf(out, size, "%s", address);
	else if (runtime)
		snprintf(out, size, "unix:path=%s/bus", runtime);
	else
		return false;
	return is_there(out);
}

struct pz_desktop *
pz_desktop_new(struct pz_loop *loop, const char *address, struct pz_prompts *prompts)
{
	struct pz_desktop *desktop = calloc(1, sizeof(*desktop));

	if (desktop == NULL)
		return NULL;
	desktop->agent =
		(struct pz_prompt_agent){.name = "desktop", .show = on_show, .hide = on_hide};
	desktop->loop = loop;
	desktop->prompts = prompts;
	desktop->address = strdup(address);
	pz_list_init(&desktop->shown);
	pz_timer_init(&desktop->again, on_again, desktop);
	if (desktop->address == NULL) {
		free(desktop);
		return NULL;
	}
	look_again(desktop, 0);
	return desktop;
}

/* The agent leaves first, so that no new question is shown while the notifications are closed. */
void
pz_desktop_free(struct pz_desktop *desktop)
{
	if (desktop == NULL)
		return;
	pz_prompts_leave(desktop->prompts, &desktop->agent);
	pz_env_stop(&desktop->loop->env, &desktop->again);
	PZ_LIST_EACH (&desktop->shown, n, tmp) {
		const struct shown *shown = PZ_CONTAINER(n, struct shown, node);

		if (shown->number && desktop->bus)
			close_notification(desktop, shown->number);
	}
	pz_mdns_bus_close(desktop->bus);
	forget_shown(desktop);
	free(desktop->address);
	free(desktop);
}
