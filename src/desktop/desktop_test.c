/* The desktop as an agent: a message bus of this test's own, and a notification service on it. */
#include "kit/test.h"

#include <dbus/dbus.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "desktop/desktop.h"
#include "kit/loop.h"
#include "store/memory.h"

#define SERVICE "org.freedesktop.Notifications"
#define GEO "http://webinos.org/api/w3c/geolocation"

extern char **environ;

/* The service notes what it is asked for. */
static struct {
	char dir[64], address[128];
	pid_t bus;
	DBusConnection *service;
	bool has_actions, has_markup;
	unsigned notified, closed;
	char body[2048], actions[512];
	struct pz_memory_disk *disk;
	struct pz_store *store;
	struct pz_prompts *prompts;
	struct pz_desktop *desktop;
	unsigned answers;
	enum pz_prompt_result result;
} t;

/* ---- the service ---- */

static void
answer_capabilities(DBusMessage *call)
{
	DBusMessage *answer = dbus_message_new_method_return(call);
	const char *all[] = {"body", t.has_actions ? "actions" : "sound",
			     t.has_markup ? "body-markup" : "persistence"};
	const char **names = all;

	assert_true(dbus_message_append_args(answer, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &names, 3,
					     DBUS_TYPE_INVALID));
	dbus_connection_send(t.service, answer, NULL);
	dbus_message_unref(answer);
}

static void
note_actions(DBusMessageIter *args)
{
	DBusMessageIter list;
	const char *text;

	t.actions[0] = '\0';
	for (dbus_message_iter_recurse(args, &list);
	     dbus_message_iter_get_arg_type(&list) == DBUS_TYPE_STRING;
	     dbus_message_iter_next(&list)) {
		dbus_message_iter_get_basic(&list, &text);
		strncat(t.actions, text, sizeof(t.actions) - strlen(t.actions) - 2);
		strcat(t.actions, "|");
	}
}

static void
answer_notify(DBusMessage *call)
{
	DBusMessage *answer = dbus_message_new_method_return(call);
	dbus_uint32_t number = ++t.notified;
	DBusMessageIter args;
	const char *body;

	dbus_message_iter_init(call, &args);
	for (int i = 0; i < 4; i++)
		dbus_message_iter_next(&args);
	dbus_message_iter_get_basic(&args, &body);
	snprintf(t.body, sizeof(t.body), "%s", body);
	dbus_message_iter_next(&args);
	note_actions(&args);
	assert_true(dbus_message_append_args(answer, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID));
	dbus_connection_send(t.service, answer, NULL);
	dbus_message_unref(answer);
}

static DBusHandlerResult
on_message(DBusConnection *connection, DBusMessage *message, void *arg)
{
	(void)connection;
	(void)arg;
	if (dbus_message_is_method_call(message, SERVICE, "GetCapabilities"))
		answer_capabilities(message);
	else if (dbus_message_is_method_call(message, SERVICE, "Notify"))
		answer_notify(message);
	else if (dbus_message_is_method_call(message, SERVICE, "CloseNotification"))
		t.closed++;
	else
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	return DBUS_HANDLER_RESULT_HANDLED;
}

static void
send_signal(DBusConnection *from, const char *name, dbus_uint32_t number, const char *key)
{
	DBusMessage *signal =
		dbus_message_new_signal("/org/freedesktop/Notifications", SERVICE, name);
	dbus_uint32_t reason = 2; /* the person has closed it */

	if (key)
		assert_true(dbus_message_append_args(signal, DBUS_TYPE_UINT32, &number,
						     DBUS_TYPE_STRING, &key, DBUS_TYPE_INVALID));
	else
		assert_true(dbus_message_append_args(signal, DBUS_TYPE_UINT32, &number,
						     DBUS_TYPE_UINT32, &reason, DBUS_TYPE_INVALID));
	dbus_connection_send(from, signal, NULL);
	dbus_connection_flush(from);
	dbus_message_unref(signal);
}

static DBusConnection *
connect_to_bus(void)
{
	DBusConnection *connection = dbus_connection_open_private(t.address, NULL);

	assert_non_null(connection);
	dbus_connection_set_exit_on_disconnect(connection, FALSE);
	assert_true(dbus_bus_register(connection, NULL));
	return connection;
}

static void
service_start(bool has_actions, bool has_markup)
{
	t.has_actions = has_actions;
	t.has_markup = has_markup;
	t.service = connect_to_bus();
	assert_true(dbus_connection_add_filter(t.service, on_message, NULL, NULL));
	assert_int_equal(dbus_bus_request_name(t.service, SERVICE, 0, NULL),
			 DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER);
}

static void
service_stop(void)
{
	if (t.service == NULL)
		return;
	dbus_connection_close(t.service);
	dbus_connection_unref(t.service);
	t.service = NULL;
}

/* Lets the service do what waits. @return true, for pz_kit_until */
static bool
serve(void)
{
	if (t.service)
		dbus_connection_read_write_dispatch(t.service, 0);
	return true;
}

/* ---- the questions ---- */

static void
on_answered(void *arg, uint64_t ticket, enum pz_prompt_result result, const char *by)
{
	assert_string_equal(by, "desktop");
	(void)arg;
	(void)ticket;
	t.answers++;
	t.result = result;
}

static const struct pz_prompts_ops ops = {.answered = on_answered};

static enum pz_prompt_result
ask(enum pz_policy_effect effect, const char *app)
{
	const struct pz_prompt_question question = {
		.ticket = 1,
		.effect = effect,
		.user_id = pz_slice_str("alice@example.org"),
		.device = pz_slice_str("phone"),
		.app = pz_slice_str(app),
		.feature = GEO,
	};

	return pz_prompts_ask(t.prompts, &question);
}

static void
agent_comes(void)
{
	pz_kit_until(serve() && pz_prompts_has_person(t.prompts));
}

/* ---- a bus of our own ---- */

static void
bus_start(void)
{
	char config[512], path[128], option[160];
	char program[] = "dbus-daemon", nofork[] = "--nofork", nosyslog[] = "--nosyslog";
	char *argv[] = {program, nofork, nosyslog, option, NULL};

	snprintf(t.dir, sizeof(t.dir), "/tmp/pz-desktop-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.address, sizeof(t.address), "unix:path=%s/bus", t.dir);
	snprintf(path, sizeof(path), "%s/conf", t.dir);
	snprintf(config, sizeof(config),
		 "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration "
		 "1.0//EN\" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
		 "<busconfig><type>session</type><listen>%s</listen><auth>EXTERNAL</auth>"
		 "<policy context=\"default\"><allow send_destination=\"*\"/>"
		 "<allow receive_sender=\"*\"/><allow own=\"*\"/><allow user=\"*\"/></policy>"
		 "</busconfig>",
		 t.address);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(config, file);
	assert_int_equal(fclose(file), 0);
	snprintf(option, sizeof(option), "--config-file=%s", path);
	if (posix_spawnp(&t.bus, program, NULL, NULL, argv, environ) != 0)
		t.bus = 0;
}

static void
bus_stop(void)
{
	char path[128];

	if (t.bus > 0) {
		kill(t.bus, SIGKILL);
		waitpid(t.bus, NULL, 0);
	}
	snprintf(path, sizeof(path), "%s/conf", t.dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/bus", t.dir);
	unlink(path);
	rmdir(t.dir);
}

/* The file of the socket is there before it can be connected to. */
static bool
bus_is_up(void)
{
	DBusConnection *connection = dbus_connection_open_private(t.address, NULL);

	if (connection == NULL)
		return false;
	dbus_connection_close(connection);
	dbus_connection_unref(connection);
	return true;
}

static int
setup(void **state)
{
	struct pz_errinfo info = {""};

	memset(&t, 0, sizeof(t));
	if (pz_kit_loop_open(state) != 0)
		return -1;
	bus_start();
	assert_true(t.bus > 0); /* a package that the build needs has it: scripts/deps */
	pz_kit_until(bus_is_up());
	t.disk = pz_memory_disk_new();
	t.store = pz_store_new_memory(&pz_kit_loop.loop.env, t.disk, 0);
	const struct pz_prompts_config config = {
		.env = &pz_kit_loop.loop.env, .store = t.store, .ops = &ops};
	assert_ok(pz_prompts_new(&config, &t.prompts, &info));
	t.desktop = pz_desktop_new(&pz_kit_loop.loop, t.address, t.prompts);
	assert_non_null(t.desktop);
	return 0;
}

static int
teardown(void **state)
{
	pz_desktop_free(t.desktop);
	pz_prompts_free(t.prompts);
	pz_store_free(t.store);
	pz_memory_disk_free(t.disk);
	service_stop();
	for (int i = 0; i < 5; i++) /* what was closed is let go in a turn */
		pz_kit_loop_turn();
	bus_stop();
	return pz_kit_loop_close(state);
}

/* ---- tests ---- */

static void
an_action_answers_the_question(void **state)
{
	(void)state;
	service_start(true, true);
	agent_comes();
	assert_int_equal(ask(PZ_POLICY_PROMPT_SESSION, ""), PZ_PROMPT_LATER);
	pz_kit_until(serve() && t.notified == 1);
	assert_string_equal(t.actions, "0|deny always|1|deny for this session|2|deny this time|"
				       "3|allow this time|4|allow for this session|");
	send_signal(t.service, "ActionInvoked", 99, "3");      /* of none of ours */
	send_signal(t.service, "ActionInvoked", 1, "default"); /* no answer */
	send_signal(t.service, "ActionInvoked", 1, "4");
	pz_kit_until(serve() && t.answers == 1);
	assert_int_equal(t.result, PZ_PROMPT_YES);
	pz_kit_until(serve() && t.closed == 1);
	assert_int_equal(ask(PZ_POLICY_PROMPT_SESSION, ""), PZ_PROMPT_YES);
}

static void
what_is_not_offered_is_brought_down(void **state)
{
	(void)state;
	service_start(true, false);
	agent_comes();
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_LATER);
	pz_kit_until(serve() && t.notified == 1);
	send_signal(t.service, "ActionInvoked", 1, "5");
	pz_kit_until(serve() && t.answers == 1);
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_LATER);
}

static void
names_of_others_are_text(void **state)
{
	(void)state;
	service_start(true, true);
	agent_comes();
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, "<b>a&b</b>"), PZ_PROMPT_LATER);
	pz_kit_until(serve() && t.notified == 1);
	assert_non_null(strstr(t.body, "the app &lt;b&gt;a&amp;b&lt;/b&gt; on the device phone"));
	/* a right-to-left override hides nothing */
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, "gpj.\xe2\x80\xae"
						       "exe"),
			 PZ_PROMPT_LATER);
	pz_kit_until(serve() && t.notified == 2);
	assert_non_null(strstr(t.body, "the app gpj.?exe on"));
}

static void
a_service_without_actions_is_no_agent(void **state)
{
	(void)state;
	service_start(false, true);
	for (int i = 0; i < 50; i++) {
		serve();
		pz_kit_loop_turn();
	}
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_NO_AGENT);
}

static void
a_question_that_was_answered_elsewhere_is_taken_away(void **state)
{
	(void)state;
	service_start(true, false);
	agent_comes();
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_LATER);
	pz_prompts_withdraw(t.prompts, 1); /* before the service has given its number */
	pz_kit_until(serve() && t.notified == 1 && t.closed == 1);
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_LATER);
	pz_kit_until(serve() && t.notified == 2);
	for (int i = 0; i < 20; i++) {
		serve();
		pz_kit_loop_turn();
	}
	pz_prompts_withdraw(t.prompts, 1);
	pz_kit_until(serve() && t.closed == 2);
	send_signal(t.service, "ActionInvoked", 2, "3"); /* too late */
	for (int i = 0; i < 20; i++) {
		serve();
		pz_kit_loop_turn();
	}
	assert_int_equal(t.answers, 0);
}

static void
a_window_that_is_closed_is_no_answer(void **state)
{
	(void)state;
	service_start(true, false);
	agent_comes();
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_LATER);
	pz_kit_until(serve() && t.notified == 1);
	for (int i = 0; i < 20; i++) {
		serve();
		pz_kit_loop_turn();
	}
	send_signal(t.service, "NotificationClosed", 1, NULL);
	send_signal(t.service, "ActionInvoked", 1, "3");
	for (int i = 0; i < 20; i++) {
		serve();
		pz_kit_loop_turn();
	}
	assert_int_equal(t.answers, 0);
	json_t *list = pz_prompts_list(t.prompts);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

static void
another_program_on_the_bus_answers_nothing(void **state)
{
	(void)state;
	service_start(true, false);
	agent_comes();
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_LATER);
	pz_kit_until(serve() && t.notified == 1);
	DBusConnection *other = connect_to_bus();
	send_signal(other, "ActionInvoked", 1, "3");
	send_signal(t.service, "ActionInvoked", 1, "2");
	pz_kit_until(serve() && t.answers == 1);
	assert_int_equal(t.result, PZ_PROMPT_NO);
	dbus_connection_close(other);
	dbus_connection_unref(other);
}

static void
a_service_that_ends_is_no_agent_until_it_is_back(void **state)
{
	(void)state;
	service_start(true, false);
	agent_comes();
	service_stop();
	pz_kit_until(!pz_prompts_has_person(t.prompts));
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_NO_AGENT);
	service_start(true, false);
	agent_comes();
	assert_int_equal(ask(PZ_POLICY_PROMPT_ONESHOT, ""), PZ_PROMPT_LATER);
}

static void
only_a_socket_that_is_there_is_a_bus(void **state)
{
	char address[256];

	(void)state;
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	assert_false(pz_desktop_bus_address(address, sizeof(address)));
	setenv("DBUS_SESSION_BUS_ADDRESS", "autolaunch:", 1);
	assert_false(pz_desktop_bus_address(address, sizeof(address)));
	setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	assert_false(pz_desktop_bus_address(address, sizeof(address)));
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	setenv("XDG_RUNTIME_DIR", t.dir, 1);
	assert_true(pz_desktop_bus_address(address, sizeof(address)));
	assert_string_equal(address, t.address);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_action_answers_the_question),
		TEST(what_is_not_offered_is_brought_down),
		TEST(names_of_others_are_text),
		TEST(a_service_without_actions_is_no_agent),
		TEST(a_question_that_was_answered_elsewhere_is_taken_away),
		TEST(a_window_that_is_closed_is_no_answer),
		TEST(another_program_on_the_bus_answers_nothing),
		TEST(a_service_that_ends_is_no_agent_until_it_is_back),
		TEST(only_a_socket_that_is_there_is_a_bus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
