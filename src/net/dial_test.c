/* Listening, dialling and hanging up with real sockets. */
#include "net/names_fixture.h"
#include "net/tcp_fixture.h"

#include <sys/resource.h>

#include "net/lookup.h"

/* A listening socket whose queue is full: the kernel lets those who connect wait. */
struct dead_end {
	int listener, callers[8];
};

/* On the dead address, at the port that is open on the good one. */
static void
dead_end_open(struct dead_end *d, uint16_t port)
{
	struct sockaddr_in addr = loopback(port);

	addr.sin_addr.s_addr = htonl(DEAD_ADDRESS);
	d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(d->listener, 0), 0);
	for (int i = 0; i < 8; i++) {
		d->callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(d->callers[i], (struct sockaddr *)&addr, sizeof(addr));
	}
}

static void
dead_end_close(struct dead_end *d)
{
	close(d->listener);
	for (int i = 0; i < 8; i++)
		close(d->callers[i]);
}

static void
dial_and_accept(void **state)
{
	struct server s;
	struct dialler d = {.cancel_at_end = true};

	(void)state;
	listen_at(&s, "127.0.0.1");
	dial(&d, "localhost", s.port);
	pz_kit_until(d.connected && s.accepted);
	assert_int_equal(d.resolved, 1);
	assert_int_equal(d.failed, 0);
	assert_string_equal(s.remote, "127.0.0.1");
	close_stream(d.stream);
	server_close(&s);
}

static void
both_families_and_one(void **state)
{
	struct server s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		static const char *const any[] = {"", "::", "0.0.0.0"};
		struct dialler d = {0};
		listen_at(&s, any[i]);
		dial(&d, "127.0.0.1", s.port);
		pz_kit_until(d.connected && s.accepted);
		assert_string_equal(s.remote,
				    "127.0.0.1"); /* also where it came as ::ffff:127.0.0.1 */
		close_stream(d.stream);
		server_close(&s);
	}
}

static void
what_cannot_be_listened_on(void **state)
{
	struct server s;
	struct pz_listener *listener = NULL;
	uint16_t port = 0;
	struct pz_errinfo info = {""};
	static const char *const bad[] = {"localhost", "127.0.0.256", "1.2.3", " 127.0.0.1", "::g"};

	(void)state;
	listen_at(&s, "127.0.0.1");
	assert_int_equal(pz_tcp_listen(&pz_kit_loop.loop, "127.0.0.1", s.port, on_accept, NULL,
				       &listener, &port, &info),
			 PZ_ERR_EXISTS);
	assert_non_null(strstr(info.text, "another program has it"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pz_tcp_listen(&pz_kit_loop.loop, bad[i], 0, on_accept, NULL,
					       &listener, &port, &info),
				 PZ_ERR_CONFIG);
	assert_null(listener);
	assert_int_equal(pz_tcp_listen(&pz_kit_loop.loop, "192.0.2.1", 0, on_accept, NULL,
				       &listener, &port, &info),
			 PZ_ERR_IO); /* RFC 5737: an address that no host has */
	pz_tcp_listen_close(NULL);
	server_close(&s);
}

static void
no_process_listens(void **state)
{
	struct server s;
	struct dialler d = {.cancel_at_end = true};

	(void)state;
	listen_at(&s, "127.0.0.1"); /* a port that is surely free, afterwards */
	server_close(&s);
	pz_kit_loop_turn();
	dial(&d, "127.0.0.1", s.port);
	pz_kit_until(d.failed);
	assert_int_equal(d.connected, 0);
	assert_int_equal(d.err, PZ_ERR_IO_REFUSED);
	assert_non_null(strstr(d.detail, "127.0.0.1 port "));
	for (int i = 0; i < 3; i++)
		pz_kit_loop_turn();
	assert_int_equal(d.failed, 1);
}

static void
no_such_name(void **state)
{
	struct dialler d = {.cancel_at_end = true};
	char host[300];

	(void)state;
	dial(&d, "none", 1);
	pz_kit_until(d.failed);
	assert_int_equal(d.resolved, 0);
	assert_int_equal(d.err, PZ_ERR_IO_RESOLVE);
	assert_non_null(strstr(d.detail, "none port 1: "));

	memset(host, 'a', sizeof(host));
	host[sizeof(host) - 1] = '\0';
	assert_int_equal(pz_tcp_dial(&pz_kit_loop.loop, host, 1, &dial_events, &d, &d.dial),
			 PZ_ERR_CONFIG);
	static const char *const bad[] = {"", "\xff\xff", "a b", "a\n", "h\xc3\xa4user.test"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			pz_tcp_dial(&pz_kit_loop.loop, bad[i], 1, &dial_events, &d, &d.dial),
			PZ_ERR_CONFIG);
	assert_int_equal(pz_tcp_dial(&pz_kit_loop.loop, "a", 0, &dial_events, &d, &d.dial),
			 PZ_ERR_CONFIG);
}

/* The next address joins in after 250 ms, however many lead nowhere (RFC 8305 5). */
static void
a_dead_address_costs_a_head_start(void **state)
{
	struct server s;
	struct dead_end dead;

	(void)state;
	pz_kit_loop_hold(); /* a busy machine would let the head start pass by itself */
	for (int five = 0; five < 2; five++) {
		struct dialler d = {0};
		listen_at(&s, "127.0.0.1");
		dead_end_open(&dead, s.port);
		dial(&d, five ? "dead5" : "dead", s.port);
		pz_kit_until(d.resolved);
		for (int i = 0; i < (five ? 5 : 1); i++) {
			for (int k = 0; k < 5; k++)
				pz_kit_loop_turn();
			assert_int_equal(s.accepted, 0);
			pz_kit_loop_push(PZ_HAPPY_EYEBALLS_US);
		}
		pz_kit_until(d.connected && s.accepted);
		assert_int_equal(d.failed, 0);
		close_stream(d.stream);
		server_close(&s);
		dead_end_close(&dead);
	}
}

/* All have been tried, and those that lead nowhere are still waited for. */
static void
one_that_may_still_answer_is_waited_for(void **state)
{
	struct server s;
	struct dead_end dead;
	struct dialler d = {0};

	(void)state;
	listen_at(&s, "127.0.0.1");
	server_close(&s);
	dead_end_open(&dead, s.port);
	dial(&d, "dead", s.port);
	pz_kit_until(d.resolved);
	pz_kit_loop_push(PZ_HAPPY_EYEBALLS_US);
	for (int i = 0; i < 50; i++)
		pz_kit_loop_turn();
	assert_int_equal(d.failed, 0); /* 127.0.0.1 refused */
	dead_end_close(&dead);
	pz_kit_until(d.failed + d.connected);
	assert_int_equal(d.err, PZ_ERR_IO_REFUSED);
}

/* ---- names ---- */

/* Page 6: dead name servers must not keep us from devices in the same room. */
static void
numbers_need_no_look_up(void **state)
{
	struct server s;
	struct dialler slow[PZ_LOOKUPS_MAX] = {{0}}, d = {0};

	(void)state;
	fx_names_go_on(false);
	for (int i = 0; i < PZ_LOOKUPS_MAX; i++) {
		char name[16];
		snprintf(name, sizeof(name), "slow%d", i);
		dial(&slow[i], name, 1);
	}
	listen_at(&s, "127.0.0.1");
	looked_up = 0;
	dial(&d, "127.0.0.1", s.port);
	pz_kit_until(d.connected && s.accepted);
	assert_int_equal(d.resolved, 1);
	close_stream(d.stream);
	server_close(&s);
	/* No more threads than that, also when all are given up. */
	for (int i = 0; i < PZ_LOOKUPS_MAX; i++)
		pz_tcp_dial_cancel(slow[i].dial);
	d = (struct dialler){0};
	dial(&d, "one-more", 1);
	pz_kit_until(d.failed);
	assert_int_equal(d.err, PZ_ERR_IO);
	assert_non_null(strstr(d.detail, "one-more port 1: 8 look-ups are under way"));
	fx_names_go_on(true);
	pz_kit_until(pz_lookups_running() == 0);
}

static void
a_name_is_looked_up_once_at_a_time(void **state)
{
	struct server s;
	struct dialler d[4] = {{0}};

	(void)state;
	fx_names_go_on(false);
	looked_up = 0;
	listen_at(&s, "127.0.0.1");
	for (int i = 0; i < 3; i++)
		dial(&d[i], "slow", s.port);
	pz_tcp_dial_cancel(d[0].dial);
	pz_kit_until(looked_up == 1);
	pz_lookups_outdated(&pz_kit_loop.loop); /* it asks the name server of another network */
	dial(&d[3], "slow", s.port);
	pz_kit_until(looked_up == 2);
	fx_names_go_on(true);
	pz_kit_until(d[1].connected && d[2].connected && d[3].connected);
	assert_int_equal(looked_up, 2);
	assert_int_equal(d[0].resolved + d[0].failed, 0);
	for (int i = 1; i < 4; i++)
		close_stream(d[i].stream);
	server_close(&s);
}

/* pzpd(8): a daemon ends within seconds, whatever name servers do. */
static void
the_loop_ends_before_a_look_up_does(void **state)
{
	struct dialler d = {0};

	fx_names_go_on(false);
	dial(&d, "slow", 1);
	pz_tcp_dial_cancel(d.dial);
	assert_int_equal(pz_kit_loop_close(state), 0);
	fx_names_go_on(true);
	assert_int_equal(pz_kit_loop_open(state), 0);
	pz_kit_until(pz_lookups_running() == 0);
}

/* RFC 4007 11: a link-local address means something with its interface only. */
static void
interfaces_of_addresses(void **state)
{
	static const struct {
		const char *address;
		enum pz_err listen, dial;
		const char *why;
	} rows[] = {
		{"fe80::1", PZ_ERR_CONFIG, PZ_ERR_IO, "needs its network interface"},
		{"fe80::1%pz-none", PZ_ERR_IO, PZ_ERR_IO, "no network interface 'pz-none'"},
		{"::1%lo", PZ_OK, PZ_OK, ""},
		{"::1%1", PZ_OK, PZ_OK, ""}, /* lo is the first everywhere */
	};
	struct server s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_errinfo info = {""};
		struct dialler d = {0};
		s = (struct server){.port = 1};
		enum pz_err err = pz_tcp_listen(&pz_kit_loop.loop, rows[i].address, 0, on_accept,
						&s, &s.listener, &s.port, &info);
		if (err == PZ_ERR_IO && rows[i].listen == PZ_OK)
			continue; /* this machine has no IPv6 */
		assert_int_equal(err, rows[i].listen);
		assert_non_null(strstr(info.text, rows[i].why));
		dial(&d, rows[i].address, s.port);
		pz_kit_until(d.failed || d.connected);
		assert_int_equal(d.err, rows[i].dial);
		assert_non_null(strstr(d.detail, rows[i].why));
		close_stream(d.stream);
		server_close(&s);
	}
}

enum stage { AT_ONCE, IN_RESOLVED, CONNECTING, SECOND_ADDRESS, STAGES };

static void
cancel_at_every_stage(void **state)
{
	struct server s;
	struct dead_end dead;

	(void)state;
	listen_at(&s, "127.0.0.1");
	dead_end_open(&dead, s.port);
	for (int stage = AT_ONCE; stage < STAGES; stage++) {
		struct dialler d = {.cancel_in_resolved = stage == IN_RESOLVED};
		dial(&d, "dead", s.port);
		if (stage == AT_ONCE) {
			pz_tcp_dial_cancel(d.dial);
		} else {
			pz_kit_until(d.resolved);
			for (int i = 0; i < 5; i++)
				pz_kit_loop_turn();
		}
		if (stage == SECOND_ADDRESS) {
			pz_kit_loop_push(PZ_HAPPY_EYEBALLS_US);
			/* The timers run as the loop goes to wait; the connection comes behind
			 * that. */
			pz_timers_run(&pz_kit_loop.loop.timers,
				      pz_env_mono_us(&pz_kit_loop.loop.env));
		}
		if (stage >= CONNECTING)
			pz_tcp_dial_cancel(d.dial);
		for (int i = 0; i < 50; i++)
			pz_kit_loop_turn();
		pz_kit_loop_push(10 * PZ_US_PER_S);
		pz_kit_loop_turn();
		assert_int_equal(d.connected + d.failed, 0);
		assert_int_equal(s.accepted, stage == SECOND_ADDRESS); /* and hung up */
		s.accepted = 0;
	}
	pz_tcp_dial_cancel(NULL);
	server_close(&s);
	dead_end_close(&dead);
}

struct late_cancel {
	struct dialler d;
	uv_check_t check;
	int turns;
};

/* Runs between the poll that saw the connection and the call-back that hands it over. */
static void
on_check(uv_check_t *check)
{
	struct late_cancel *l = check->data;

	if (l->d.resolved && ++l->turns == 1)
		pz_tcp_dial_cancel(l->d.dial);
}

static void
cancel_when_it_is_connected_already(void **state)
{
	struct server s;
	struct late_cancel l = {0};

	(void)state;
	listen_at(&s, "127.0.0.1");
	uv_check_init(&pz_kit_loop.loop.uv, &l.check);
	l.check.data = &l;
	uv_check_start(&l.check, on_check);
	dial(&l.d, "127.0.0.1", s.port);
	pz_kit_until(s.accepted && l.turns >= 10);
	assert_int_equal(l.d.connected + l.d.failed, 0);
	uv_close((uv_handle_t *)&l.check, NULL);
	server_close(&s);
}

static void
the_loop_ends_with_a_dial_under_way(void **state)
{
	struct dialler d = {0};

	(void)state;
	dial(&d, "none", 1);
	pz_tcp_dial_cancel(d.dial); /* and tear_down ends the loop at once */
}

static void
the_listener_may_be_closed_from_inside(void **state)
{
	struct server s;
	struct dialler d[3] = {{0}};

	(void)state;
	listen_at(&s, "127.0.0.1");
	s.close_listener = true;
	for (int i = 0; i < 3; i++)
		dial(&d[i], "127.0.0.1", s.port);
	pz_kit_until(s.accepted && d[0].connected + d[0].failed && d[1].connected + d[1].failed &&
		     d[2].connected + d[2].failed);
	assert_int_equal(s.accepted, 1);
	for (int i = 0; i < 3; i++)
		close_stream(d[i].stream);
	server_close(&s);
}

static int refusals;

static void
count_refusals(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
	refusals += strcmp(id, "accept-refused") == 0;
}

/* Page 4 "Pressure": limits, once reached, are logged, and the service to others continues. */
static void
without_descriptors_callers_are_turned_away(void **state)
{
	struct server s;
	struct rlimit old, low;
	struct dialler d = {0};
	struct sockaddr_in addr;
	enum { CALLERS = 5 };
	int callers[CALLERS];
	char byte;

	(void)state;
	listen_at(&s, "127.0.0.1");
	addr = loopback(s.port);
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(callers[i], (struct sockaddr *)&addr, sizeof(addr)), 0);
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	int highest = dup(0);
	close(highest);
	low.rlim_cur = (rlim_t)highest; /* the lowest free number is out of reach */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	refusals = 0;
	pz_log_set_sink(count_refusals, NULL);
	for (int i = 0; i < 30; i++)
		pz_kit_loop_turn();
	pz_log_set_sink(NULL, NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(s.accepted, 0);
	assert_int_equal(refusals, 1);
	for (int i = 0; i < CALLERS; i++) {
		assert_int_equal(recv(callers[i], &byte, 1, 0), 0);
		close(callers[i]);
	}
	dial(&d, "127.0.0.1", s.port);
	pz_kit_until(d.connected && s.accepted);
	close_stream(d.stream);
	server_close(&s);
}

/* ---- hanging up ---- */

/* A flood of connections that are turned away must not use up the descriptors. */
static void
few_wait_for_the_others_hang_up(void **state)
{
	enum { CALLERS = 300 };
	static int callers[CALLERS];
	struct server s;
	struct sockaddr_in addr;

	(void)state;
	listen_at(&s, "127.0.0.1");
	addr = loopback(s.port);
	/* As if that many were waiting already. */
	pz_kit_loop.loop.lingering_len = PZ_LINGERING_MAX - 10;
	int before = count_descriptors();
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(callers[i], (struct sockaddr *)&addr, sizeof(addr)), 0);
		pz_kit_until(s.stream);
		struct pz_stream *stream = s.stream;
		s.stream = NULL;
		assert_int_equal(stream->ops->send(stream, pz_slice_str("no")), 2);
		stream->ops->close(stream);
		pz_kit_loop_turn();
	}
	assert_true(count_descriptors() <= before + CALLERS + 12);
	for (int i = 0; i < CALLERS; i++) {
		char text[3];
		assert_int_equal(recv(callers[i], text, sizeof(text), 0), 2); /* received by all */
		close(callers[i]);
	}
	pz_kit_until(pz_kit_loop.loop.lingering_len == PZ_LINGERING_MAX - 10);
	pz_kit_loop.loop.lingering_len = 0;
	server_close(&s);
}

/* A caller that was answered and hangs up only when the test does. */
static int
caller_of(struct server *s)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	listen_at(s, "127.0.0.1");
	struct sockaddr_in addr = loopback(s->port);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	pz_kit_until(s->stream);
	assert_int_equal(s->stream->ops->send(s->stream, pz_slice_str("no")), 2);
	return fd;
}

/* A closed connection does not wait for ever for a peer that never hangs up. */
static void
waiting_for_the_hang_up_ends(void **state)
{
	struct server s;

	(void)state;
	int fd = caller_of(&s);
	close_stream(s.stream);
	s.stream = NULL;
	pz_kit_loop_turn();
	assert_int_equal(pz_kit_loop.loop.lingering_len, 1);
	pz_kit_loop_push(2 * PZ_US_PER_S);
	pz_kit_until(pz_kit_loop.loop.lingering_len == 0);
	close(fd);
	server_close(&s);
}

static void
without_descriptors_none_waits(void **state)
{
	unsigned files_max = pz_kit_loop.loop.files_max;
	struct server s;

	(void)state;
	int fd = caller_of(&s);
	pz_kit_loop.loop.files_max = 4;
	close_stream(s.stream);
	s.stream = NULL;
	assert_int_equal(pz_kit_loop.loop.lingering_len, 0);
	pz_kit_loop.loop.files_max = files_max;
	close(fd);
	server_close(&s);
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LOOP_TEST(dial_and_accept),
		LOOP_TEST(both_families_and_one),
		LOOP_TEST(what_cannot_be_listened_on),
		LOOP_TEST(no_process_listens),
		LOOP_TEST(no_such_name),
		LOOP_TEST(a_dead_address_costs_a_head_start),
		LOOP_TEST(one_that_may_still_answer_is_waited_for),
		LOOP_TEST(numbers_need_no_look_up),
		LOOP_TEST(a_name_is_looked_up_once_at_a_time),
		LOOP_TEST(the_loop_ends_before_a_look_up_does),
		LOOP_TEST(interfaces_of_addresses),
		LOOP_TEST(cancel_at_every_stage),
		LOOP_TEST(cancel_when_it_is_connected_already),
		LOOP_TEST(the_loop_ends_with_a_dial_under_way),
		LOOP_TEST(the_listener_may_be_closed_from_inside),
		LOOP_TEST(without_descriptors_callers_are_turned_away),
		LOOP_TEST(few_wait_for_the_others_hang_up),
		LOOP_TEST(waiting_for_the_hang_up_ends),
		LOOP_TEST(without_descriptors_none_waits),
	};

	pz_log_threshold = PZ_LOG_WARNING;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
