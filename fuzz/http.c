/*
 * Target functions: pz_http_input with all that is below it (lines, request, answer, websocket).
 * Input: byte 0: how the bytes fall into pieces; the rest: what a visitor sends.
 * Must hold: what a request is asked for is what it says, in visible ASCII; nothing is served, and
 * no WebSocket begins, without a right Host; every answer is whole; a connection that is over stays
 * so, and one that is not ends by time alone.
 */
#include "fuzz.h"

#include "base/limits.h"
#include "http/http.h"

#define PORT 8080
#define MESSAGE_MAX 4096

struct visit {
	struct pz_http *http;
	size_t answers, messages;
	bool is_upgraded;
};

static void
check_request(const struct pz_http_request *request)
{
	FUZZ_CHECK(request->path.len > 0 && request->path.ptr[0] == '/');
	FUZZ_CHECK(memchr(request->path.ptr, '?', request->path.len) == NULL);
	for (size_t i = 0; i < request->path.len; i++)
		FUZZ_CHECK(request->path.ptr[i] > ' ' && request->path.ptr[i] < 0x7f);
	FUZZ_CHECK(request->host.len >= 5); /* "[::1]" and more */
}

static void
on_request(void *arg, const struct pz_http_request *request, struct pz_http_answer *out)
{
	struct visit *visit = arg;

	check_request(request);
	FUZZ_CHECK(!visit->is_upgraded && request->method != PZ_HTTP_OPTIONS);
	visit->answers++;
	*out = (struct pz_http_answer){.status = 200, .body = pz_slice_str("hello")};
}

static int
on_upgrade(void *arg, const struct pz_http_request *request, const char **out_why)
{
	struct visit *visit = arg;

	(void)out_why;
	check_request(request);
	FUZZ_CHECK(!visit->is_upgraded && request->websocket_key.len == 24);
	if (!pz_slice_eq_str(request->path, "/"))
		return 404;
	visit->is_upgraded = true;
	return 0;
}

/* A preflight has what it is made of. */
static int
on_preflight(void *arg, const struct pz_http_request *request, const char **out_why)
{
	struct visit *visit = arg;

	(void)out_why;
	check_request(request);
	FUZZ_CHECK(!visit->is_upgraded && request->method == PZ_HTTP_OPTIONS);
	FUZZ_CHECK(request->origin.len > 0 && request->asked_method.len > 0);
	FUZZ_CHECK(request->asks_private || request->asks_local);
	visit->answers++;
	return request->path.len > 1 ? 0 : 403;
}

static void
on_message(void *arg, bool text, struct pz_slice bytes)
{
	struct visit *visit = arg;

	FUZZ_CHECK(visit->is_upgraded && bytes.len <= MESSAGE_MAX);
	visit->messages++;
	(void)!pz_websocket_send(pz_http_websocket(visit->http), text, bytes);
}

static void
on_changed(void *arg)
{
	(void)arg;
}

static const struct pz_http_ops ops = {.request = on_request,
				       .upgrade = on_upgrade,
				       .preflight = on_preflight,
				       .message = on_message,
				       .changed = on_changed};

/* The first answer is there as a whole head. */
static void
check_out(struct pz_slice out)
{
	static const char begin[] = "HTTP/1.1 ";

	if (out.len == 0)
		return;
	FUZZ_CHECK(out.len > sizeof(begin) && memcmp(out.ptr, begin, sizeof(begin) - 1) == 0);
	FUZZ_CHECK(memmem(out.ptr, out.len, "\r\n\r\n", 4) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	struct pz_kit_clock clock, pieces = {.random = fuzz_byte(&rest)};
	struct visit visit = {0};

	fuzz_clock_init(&clock);
	const struct pz_http_config config = {.env = &clock.env,
					      .ops = &ops,
					      .port = PORT,
					      .message_max = MESSAGE_MAX,
					      .out_max = 1U << 20};
	visit.http = pz_http_new(&config, &visit);
	FUZZ_CHECK(visit.http != NULL);
	while (rest.len > 0 && pz_http_wants_input(visit.http)) {
		uint8_t piece = 0;
		pz_kit_random(&pieces, &piece, 1);
		size_t len = piece < 128 ? 1 + piece % 8 : (size_t)piece * 4;
		if (len > rest.len)
			len = rest.len;
		pz_http_input(visit.http, pz_slice_of(rest.ptr, len));
		rest = pz_slice_of(rest.ptr + len, rest.len - len);
	}
	check_out(pz_http_out(visit.http));
	FUZZ_CHECK(visit.is_upgraded ==
		   (memmem(data, size, "HTTP", 4) && pz_http_websocket(visit.http) != NULL));
	pz_http_sent(visit.http, pz_http_out(visit.http).len);
	bool was_over = pz_http_is_over(visit.http);
	if (!visit.is_upgraded)
		pz_kit_clock_run(&clock, 2 * PZ_HTTP_IDLE_US);
	FUZZ_CHECK(pz_http_is_over(visit.http) || (visit.is_upgraded && !was_over));
	pz_http_free(visit.http);
	FUZZ_CHECK(pz_kit_clock_is_idle(&clock));
	return 0;
}
