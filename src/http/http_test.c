#include "kit/test.h"
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "http/http.h"
#include "kit/clock.h"

#define PORT 8080
#define HOST "Host: localhost:8080\r\n"
#define UPGRADE                                                                                    \
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct {
	struct pz_kit_clock clock;
	struct pz_http *http;
	char path[64];
	unsigned requests, upgrades, preflights, changes;
	size_t body;
} t;

static void
on_request(void *arg, const struct pz_http_request *request, struct pz_http_answer *out)
{
	static const char body[PZ_HTTP_UNSENT_BYTES];

	(void)arg;
	t.requests++;
	snprintf(t.path, sizeof(t.path), "%.*s", PZ_SLICE_FMT(request->path));
	if (t.body)
		*out = (struct pz_http_answer){.status = 200, .body = pz_slice_of(body, t.body)};
}

static int
on_upgrade(void *arg, const struct pz_http_request *request, const char **out_why)
{
	(void)arg;
	(void)out_why;
	t.upgrades++;
	return pz_slice_eq_str(request->path, "/") ? 0 : 404;
}

static int
on_preflight(void *arg, const struct pz_http_request *request, const char **out_why)
{
	(void)arg;
	t.preflights++;
	*out_why = "no, because\n";
	return pz_slice_eq_str(request->origin, "https://a.example") ? 0 : 403;
}

static void
on_message(void *arg, bool text, struct pz_slice bytes)
{
	(void)arg;
	assert_ok(pz_websocket_send(pz_http_websocket(t.http), text, bytes));
}

static void
on_changed(void *arg)
{
	(void)arg;
	t.changes++;
}

static const struct pz_http_ops ops = {.request = on_request,
				       .upgrade = on_upgrade,
				       .preflight = on_preflight,
				       .message = on_message,
				       .changed = on_changed};

static int
start(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	pz_kit_clock_init(&t.clock);
	const struct pz_http_config config = {.env = &t.clock.env,
					      .ops = &ops,
					      .port = PORT,
					      .message_max = 1024,
					      .out_max = 4U << 20};
	t.http = pz_http_new(&config, NULL);
	return t.http ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	pz_http_free(t.http);
	assert_true(pz_kit_clock_is_idle(&t.clock));
	return 0;
}

static void
put(const char *text)
{
	pz_http_input(t.http, pz_slice_str(text));
}

/* The status of the first answer that waits; 0: none. */
static int
status(void)
{
	struct pz_slice out = pz_http_out(t.http);
	char text[13] = "";

	if (out.len < 12)
		return 0;
	memcpy(text, out.ptr, 12);
	return atoi(text + 9);
}

static bool
has(const char *text)
{
	struct pz_slice out = pz_http_out(t.http);

	return memmem(out.ptr, out.len, text, strlen(text)) != NULL;
}

/* ---- heads ---- */

static void
heads_are_judged(void **state)
{
	static const struct {
		int status;
		const char *head;
	} rows[] = {
		{404, "GET / HTTP/1.1\r\n" HOST "\r\n"},
		{404, "GET / HTTP/1.1\r\nhost:\tLOCALHOST:8080 \r\n\r\n"},
		{404, "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"},
		{404, "HEAD /a?b=c HTTP/1.0\r\nHost: [::1]:8080\r\n\r\n"},
		{404, "GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"},
		/* other hosts */
		{400, "GET / HTTP/1.1\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
		{421, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"},
		{421, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{421, "GET / HTTP/1.1\r\nHost: localhost:80800\r\n\r\n"},
		{421, "GET / HTTP/1.1\r\nHost: localhost.:8080\r\n\r\n"},
		{421, "GET / HTTP/1.1\r\nHost: 127.1:8080\r\n\r\n"},
		/* what smuggling needs */
		{400, "GET / HTTP/1.1\n"},
		{400, "\r\n"},
		{400, "\n"},
		{400, "GET / HTTP/1.1\r\nX: a\nY: b\r\n"},
		{400, "GET / HTTP/1.1\r\nX: a\rY: b\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\nHost : localhost:8080\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n Host: localhost:8080\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "X: \x01\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST
		      "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST
		      "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"},
		{413, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"},
		{413, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"},
		{413, "GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n"},
		/* first lines */
		{400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET / HTTP/1.1 \r\n" HOST "\r\n"},
		{400, "GET /\r\n" HOST "\r\n"},
		{400, "GET / H/TP/1.1\r\n" HOST "\r\n"},
		{400, "GET / HTTP/11\r\n" HOST "\r\n"},
		{400, "GET /a\tb HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET http://localhost:8080/ HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET * HTTP/1.1\r\n" HOST "\r\n"},
		{505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
		{505, "GET / HTTP/1.2\r\n" HOST "\r\n"},
		{505, "GET / HTTP/0.9\r\n" HOST "\r\n"},
		{405, "POST / HTTP/1.1\r\n" HOST "\r\n"},
		{405, "OPTIONS / HTTP/1.1\r\n" HOST "\r\n"},
		{405, "XYZ / HTTP/1.1\r\n" HOST "\r\n"},
		{405, "get / HTTP/1.1\r\n" HOST "\r\n"},
	};

	stop(state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(state);
		put(rows[i].head);
		if (status() != rows[i].status)
			fail_msg("%s\nis answered with %d instead of %d", rows[i].head, status(),
				 rows[i].status);
		assert_int_equal(t.requests, rows[i].status == 404);
		stop(state);
	}
	start(state);
}

/* The same octet by octet: a refusal needs no end of the head. */
static void
a_head_comes_in_any_pieces(void **state)
{
	static const char head[] = "GET /a HTTP/1.1\r\n" HOST "\r\n";

	(void)state;
	for (size_t i = 0; i < sizeof(head) - 1; i++) {
		assert_int_equal(t.requests, 0);
		pz_http_input(t.http, pz_slice_of(head + i, 1));
	}
	assert_int_equal(t.requests, 1);
	assert_string_equal(t.path, "/a");
	assert_false(pz_http_is_over(t.http));
}

static void
requests_follow_each_other(void **state)
{
	(void)state;
	put("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\nGET /3 HTTP/1.1\r\n" HOST
	    "Connection: close\r\n\r\nGET /4 HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(t.requests, 3);
	assert_string_equal(t.path, "/3");
	assert_true(pz_http_is_over(t.http));
}

static void
heads_are_bounded(void **state)
{
	char line[64];

	put("GET / HTTP/1.1\r\n" HOST);
	for (int i = 0; i < PZ_HTTP_FIELDS_MAX; i++) {
		snprintf(line, sizeof(line), "X-%d: y\r\n", i);
		put(line);
	}
	assert_int_equal(status(), 431);
	stop(state);
	start(state);
	put("GET / HTTP/1.1\r\nX: ");
	for (size_t i = 0; i < PZ_HTTP_HEAD_BYTES_MAX && !pz_http_is_over(t.http); i += 8)
		put("aaaaaaaa");
	assert_int_equal(status(), 431);
}

/* page 14 APP-9 */
static void
answers_protect_pages(void **state)
{
	static const char *const fields[] = {
		("Content-Security-Policy: default-src 'self'; object-src 'none'; "
		 "frame-ancestors 'none'; base-uri 'none'; form-action 'self'\r\n"),
		"X-Content-Type-Options: nosniff\r\n",
		"Referrer-Policy: no-referrer\r\n",
		"Cross-Origin-Resource-Policy: same-origin\r\n",
		"Permissions-Policy: ",
		"Date: Fri, 15 Jan 2027 08:00:00 GMT\r\n",
		"Content-Length: 9\r\n",
	};

	(void)state;
	put("GET / HTTP/1.1\r\n" HOST "\r\n");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_true(has(fields[i]));
	assert_false(has("Access-Control"));
}

/* ---- preflights ---- */

#define OPTIONS(target) "OPTIONS " target " HTTP/1.1\r\n" HOST
#define ORIGIN "Origin: https://a.example\r\n"
#define METHOD "Access-Control-Request-Method: GET\r\n"
#define PRIVATE "Access-Control-Request-Private-Network: true\r\n"
#define LOCAL "Access-Control-Request-Local-Network: true\r\n"

/* What is no preflight for this machine is refused before the owner of the connection sees it. */
static void
preflights_are_judged(void **state)
{
	static const struct {
		int status;
		bool is_seen;
		const char *head;
	} rows[] = {
		{204, true, OPTIONS("/a") ORIGIN METHOD PRIVATE "\r\n"},
		{204, true, OPTIONS("/a") ORIGIN METHOD LOCAL "\r\n"},
		{204, true, OPTIONS("/a") PRIVATE METHOD ORIGIN "Content-Length: 0\r\n\r\n"},
		{403, true, OPTIONS("/a") "Origin: https://b.example\r\n" METHOD PRIVATE "\r\n"},
		{403, true, OPTIONS("/a") "Origin: null\r\n" METHOD PRIVATE "\r\n"},
		/* without one of its fields, or with another value */
		{405, false, OPTIONS("/a") METHOD PRIVATE "\r\n"},
		{405, false, OPTIONS("/a") "Origin:\r\n" METHOD PRIVATE "\r\n"},
		{405, false, OPTIONS("/a") ORIGIN PRIVATE "\r\n"},
		{405, false, OPTIONS("/a") ORIGIN METHOD "\r\n"},
		{405, false,
		 OPTIONS("/a") ORIGIN METHOD
		 "Access-Control-Request-Private-Network: false\r\n\r\n"},
		{405, false,
		 OPTIONS("/a") ORIGIN METHOD "Access-Control-Request-Private-Network:\r\n\r\n"},
		{405, false, "POST /a HTTP/1.1\r\n" HOST ORIGIN METHOD PRIVATE "\r\n"},
		/* what holds for every request */
		{421, false,
		 "OPTIONS /a HTTP/1.1\r\nHost: evil.example\r\n" ORIGIN METHOD PRIVATE "\r\n"},
		{400, false, "OPTIONS /a HTTP/1.1\r\n" ORIGIN METHOD PRIVATE "\r\n"},
		{400, false, "OPTIONS * HTTP/1.1\r\n" HOST ORIGIN METHOD PRIVATE "\r\n"},
		{400, false, OPTIONS("/a") ORIGIN ORIGIN METHOD PRIVATE "\r\n"},
		{400, false, OPTIONS("/a") ORIGIN METHOD METHOD PRIVATE "\r\n"},
		{400, false, OPTIONS("/a") ORIGIN METHOD PRIVATE PRIVATE "\r\n"},
		{413, false, OPTIONS("/a") ORIGIN METHOD PRIVATE "Content-Length: 1\r\n\r\n"},
		{413, false,
		 OPTIONS("/a") ORIGIN METHOD PRIVATE "Transfer-Encoding: chunked\r\n\r\n"},
	};

	stop(state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(state);
		put(rows[i].head);
		if (status() != rows[i].status)
			fail_msg("%s\nis answered with %d instead of %d", rows[i].head, status(),
				 rows[i].status);
		assert_int_equal(t.preflights, rows[i].is_seen);
		assert_int_equal(t.requests, 0);
		assert_int_equal(has("Access-Control"), rows[i].status == 204);
		assert_int_equal(pz_http_is_over(t.http), rows[i].status != 204);
		stop(state);
	}
	start(state);
}

/* The answer is one head, names what was asked for and nothing else, and the request that it is
 * about may follow on the same connection. */
static void
a_preflight_is_answered_as_browsers_expect(void **state)
{
	static const char *const fields[] = {
		"Access-Control-Allow-Origin: https://a.example\r\n",
		"Access-Control-Allow-Methods: GET\r\n",
		"Access-Control-Allow-Private-Network: true\r\n",
		"Access-Control-Max-Age: 10\r\n",
		"Vary: Origin\r\n",
	};

	(void)state;
	put(OPTIONS("/a") ORIGIN METHOD PRIVATE "\r\n");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_true(has(fields[i]));
	assert_false(has("Content-Length"));
	assert_false(has("Allow-Local-Network"));
	assert_false(has("Allow-Headers"));
	assert_false(has("Allow-Credentials"));
	struct pz_slice out = pz_http_out(t.http);
	assert_true(pz_slice_eq(pz_slice_of(out.ptr + out.len - 4, 4), pz_slice_str("\r\n\r\n")));
	pz_http_sent(t.http, out.len);
	put(OPTIONS("/a") ORIGIN METHOD LOCAL PRIVATE "Access-Control-Request-Headers: x\r\n\r\n");
	assert_true(has("Access-Control-Allow-Local-Network: true\r\n"));
	assert_true(has("Access-Control-Allow-Private-Network: true\r\n"));
	assert_false(has("Allow-Headers"));
	pz_http_sent(t.http, pz_http_out(t.http).len);
	put("GET /a HTTP/1.1\r\n" HOST ORIGIN PRIVATE "\r\n");
	assert_int_equal(t.requests, 1);
	assert_false(has("Access-Control"));
	pz_kit_clock_run(&t.clock, PZ_HTTP_IDLE_US);
	assert_true(pz_http_is_over(t.http));
}

/* ---- time and pressure ---- */

/* Octet by octet, each in time, but not all of them. */
static void
a_slow_head_ends(void **state)
{
	(void)state;
	put("GET / HTTP/1.1\r\nX: ");
	for (uint64_t us = 0; us < PZ_HTTP_HEAD_US; us += PZ_US_PER_S) {
		assert_false(pz_http_is_over(t.http));
		put("a");
		pz_kit_clock_run(&t.clock, PZ_US_PER_S);
	}
	assert_true(pz_http_is_over(t.http));
}

static void
a_silent_connection_ends(void **state)
{
	(void)state;
	pz_kit_clock_run(&t.clock, PZ_HTTP_IDLE_US - 1);
	assert_false(pz_http_is_over(t.http));
	pz_kit_clock_run(&t.clock, 1);
	assert_true(pz_http_is_over(t.http));
}

/* It is not read on until it has taken its answers, and ends where it takes none. */
static void
a_visitor_that_does_not_read_is_not_read(void **state)
{
	(void)state;
	t.body = PZ_HTTP_UNSENT_BYTES;
	put("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(t.requests, 1);
	assert_false(pz_http_wants_input(t.http));
	pz_http_sent(t.http, pz_http_out(t.http).len);
	assert_int_equal(t.requests, 2);
	pz_kit_clock_run(&t.clock, PZ_HTTP_IDLE_US);
	assert_true(pz_http_is_over(t.http));
}

/* ---- WebSocket ---- */

static void
the_handshake_of_the_rfc(void **state)
{
	(void)state;
	put("GET / HTTP/1.1\r\n" HOST UPGRADE "\r\n\x81\x82");
	assert_int_equal(status(), 101);
	assert_true(has("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(pz_http_websocket(t.http));
	pz_http_sent(t.http, pz_http_out(t.http).len);
	put("\x01\x01\x01\x01ih"); /* the rest of a frame that came with the handshake */
	struct pz_slice out = pz_http_out(t.http);
	assert_true(pz_slice_eq(out, pz_slice_of("\x81\x02hi", 4)));
	pz_kit_clock_run(&t.clock, 24 * 3600 * PZ_US_PER_S); /* a tab in the background */
	assert_false(pz_http_is_over(t.http));
}

static void
other_handshakes_are_refused(void **state)
{
	static const struct {
		int status;
		const char *head;
	} rows[] = {
		{404, "GET /x HTTP/1.1\r\n" HOST UPGRADE "\r\n"},
		{421, "GET / HTTP/1.1\r\nHost: evil.example\r\n" UPGRADE "\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n"},
		{400,
		 "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"},
		{426, "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Version: 8\r\n"
		      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIA==\r\n\r\n"},
		{400, "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Version: 13\r\n"
		      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j****\r\n\r\n"},
	};

	stop(state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(state);
		put(rows[i].head);
		assert_int_equal(status(), rows[i].status);
		assert_null(pz_http_websocket(t.http));
		stop(state);
	}
	start(state);
}

static void
a_close_waits_for_the_other_end_for_a_while(void **state)
{
	(void)state;
	put("GET / HTTP/1.1\r\n" HOST UPGRADE "\r\n");
	pz_http_close(t.http, PZ_WEBSOCKET_GOING_AWAY, "bye");
	assert_false(pz_http_is_over(t.http));
	pz_kit_clock_run(&t.clock, PZ_HTTP_CLOSE_US);
	assert_true(pz_http_is_over(t.http));
	stop(state);
	start(state);
	put("GET / HTTP/1.1\r\n" HOST UPGRADE "\r\n");
	pz_http_close(t.http, PZ_WEBSOCKET_GOING_AWAY, "bye");
	pz_http_input(t.http, pz_slice_of("\x88\x82\0\0\0\0\x03\xe9", 8));
	assert_true(pz_http_is_over(t.http));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(heads_are_judged),
		TEST(a_head_comes_in_any_pieces),
		TEST(requests_follow_each_other),
		TEST(heads_are_bounded),
		TEST(answers_protect_pages),
		TEST(preflights_are_judged),
		TEST(a_preflight_is_answered_as_browsers_expect),
		TEST(a_slow_head_ends),
		TEST(a_silent_connection_ends),
		TEST(a_visitor_that_does_not_read_is_not_read),
		TEST(the_handshake_of_the_rfc),
		TEST(other_handshakes_are_refused),
		TEST(a_close_waits_for_the_other_end_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
