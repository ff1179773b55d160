/*
 * Target functions: pz_dispatcher_request, _permit_result, _peer_gone, _recheck; pz_find_*; the
 * test service.
 * Input: one line for each event (see `act`), most of them a caller's digit and a JSON-RPC payload.
 * Must hold: what is sent is JSON-RPC and goes to the caller; a request is answered at most once;
 * a caller that is gone receives nothing; a caller without permission (eve) gets no result; nothing
 * runs on at the end.
 */
#include "fuzz.h"

#include "rpc/payload.h"
#include "service/api_test.h"
#include "service/dispatch.h"
#include "wire/address.h"
#include "wire/json.h"

#define CALLERS 3
#define EVE 2
#define HELD_MAX 64
#define API_TEST "http://webinos.org/api/test"

static const char *const callers[CALLERS] = {
	"alice@example.org/laptop/7f3a:1",
	"alice@example.org/phone",
	"eve@example.com/pad/7f3a:3",
};

static struct {
	struct pz_kit_clock world;
	struct pz_registry *registry;
	struct pz_dispatcher *d;
	enum pz_permit permit;
	uint64_t ticket;
	json_t *asked; /* "caller id" to the number of requests that are not answered */
	bool is_gone[CALLERS];
	struct pz_find *finds[HELD_MAX];
	struct pz_call *builtins[HELD_MAX];
	size_t find_count, builtin_count;
	bool holds_finds;
} w;

static size_t
caller_of(const char *address)
{
	for (size_t i = 0; i < CALLERS; i++) {
		if (strcmp(callers[i], address) == 0)
			return i;
	}
	FUZZ_CHECK(false); /* sent to an address that did not call */
	return 0;
}

/* ---- requests and answers ---- */

/* Raises or lowers what the caller may be answered. */
static json_int_t
count(size_t caller, const json_t *id, int by)
{
	char *text = json_dumps(id, JSON_ENCODE_ANY), *key = NULL;

	FUZZ_CHECK(text != NULL && asprintf(&key, "%zu %s", caller, text) > 0);
	json_int_t n = json_integer_value(json_object_get(w.asked, key)) + by;
	FUZZ_CHECK(json_object_set_new(w.asked, key, json_integer(n)) == 0);
	free(text);
	free(key);
	return n;
}

static void
check_sent(size_t caller, json_t *element)
{
	struct pz_rpc rpc;
	int code;

	FUZZ_CHECK(pz_rpc_parse(element, &rpc, &code) == PZ_OK);
	FUZZ_CHECK(rpc.kind != PZ_RPC_REQUEST);
	if (rpc.kind == PZ_RPC_NOTIFICATION) {
		const char *dot = strrchr(rpc.method, '.');
		FUZZ_CHECK(dot != NULL && (caller != EVE || strcmp(dot, ".onError") == 0));
		return;
	}
	FUZZ_CHECK(rpc.kind == PZ_RPC_ERROR || caller != EVE);
	if (json_is_null(rpc.id))
		FUZZ_CHECK(rpc.kind == PZ_RPC_ERROR);
	else
		FUZZ_CHECK(count(caller, rpc.id, -1) >= 0);
}

static void
on_send(void *arg, const char *to, json_t *payload)
{
	size_t caller = caller_of(to);

	(void)arg;
	FUZZ_CHECK(!w.is_gone[caller]);
	for (size_t i = 0; i < pz_rpc_batch_len(payload); i++)
		check_sent(caller, pz_rpc_batch_at(payload, i));
	json_decref(payload);
}

static void
request(size_t caller, struct pz_slice text)
{
	json_t *payload = pz_json_parse(text, NULL);

	if (payload == NULL)
		return;
	for (size_t i = 0; i < pz_rpc_batch_len(payload); i++) {
		const json_t *id = pz_rpc_id(pz_rpc_batch_at(payload, i));
		if (id)
			(void)count(caller, id, 1);
	}
	w.is_gone[caller] = false;
	pz_dispatcher_request(w.d, callers[caller], payload);
	json_decref(payload);
}

/* ---- the owner ---- */

static enum pz_permit
on_permit(void *arg, struct pz_permit_query *query)
{
	(void)arg;
	FUZZ_CHECK(query->from != NULL && query->api != NULL);
	if (caller_of(query->from) == EVE)
		return query->ticket % 2 ? PZ_PERMIT_DENY : PZ_PERMIT_REFUSED;
	w.ticket = query->ticket;
	return w.permit;
}

static void
on_find(void *arg, const char *caller, struct pz_find *find)
{
	(void)arg;
	FUZZ_CHECK(strcmp(caller, find->caller) == 0 && find->api != NULL);
	for (size_t i = 0; i < find->zone_count; i++)
		FUZZ_CHECK(find->zone_ids[i] != NULL);
	if (w.holds_finds && w.find_count < HELD_MAX)
		w.finds[w.find_count++] = find;
	else
		pz_find_done(find);
}

static bool
on_builtin(void *arg, struct pz_call *call, const char *object, const char *function,
	   const json_t *params)
{
	(void)arg;
	(void)params;
	if (strcmp(object, "PolicyManagement") != 0 || strcmp(function, "getPolicy") != 0 ||
	    caller_of(pz_call_from(call)) == EVE || w.builtin_count == HELD_MAX)
		return false;
	w.builtins[w.builtin_count++] = call;
	return true;
}

static void
on_builtin_ended(void *arg, struct pz_call *call)
{
	size_t i = 0;

	(void)arg;
	while (i < w.builtin_count && w.builtins[i] != call)
		i++;
	FUZZ_CHECK(i < w.builtin_count);
	w.builtins[i] = w.builtins[--w.builtin_count];
}

static const struct pz_dispatch_ops ops = {
	.send = on_send,
	.find = on_find,
	.permit = on_permit,
	.builtin = on_builtin,
	.builtin_ended = on_builtin_ended,
};

/* ---- events ---- */

/* Ends what the owner holds. @param text a descriptor that all searches find */
static void
finish_held(struct pz_slice text)
{
	json_t *found = pz_json_parse(text, NULL);

	while (w.find_count > 0) {
		struct pz_find *find = w.finds[--w.find_count];
		if (found)
			pz_find_add_json(find, found);
		else if (text.len > 0)
			pz_find_unreachable(find);
		pz_find_done(find);
	}
	while (w.builtin_count > 0)
		pz_call_result(w.builtins[--w.builtin_count], NULL);
	json_decref(found);
}

static void
toggle_service(void)
{
	struct pz_service *service;
	char id[PZ_SERVICE_ID_CHARS + 1];

	FUZZ_CHECK(pz_service_test_new(&w.world.env, &service, NULL) == PZ_OK);
	memcpy(id, service->descriptor.id, sizeof(id));
	if (pz_registry_remove(w.registry, API_TEST, id) == PZ_OK)
		pz_service_free(service);
	else
		FUZZ_CHECK(pz_registry_add(w.registry, service, NULL) == PZ_OK);
}

static void
gone(size_t caller)
{
	struct pz_slice node = pz_address_node(pz_slice_str(callers[caller]));
	char *prefix = fuzz_text(node);

	w.is_gone[caller] = true;
	pz_dispatcher_peer_gone(w.d, prefix);
	free(prefix);
}

static void
act(struct pz_slice line)
{
	char event = (char)fuzz_byte(&line);

	if (event >= '0' && event < '0' + CALLERS) { /* that caller's payload */
		request((size_t)(event - '0'), line);
		return;
	}
	switch (event) {
	case '~': /* time passes: "~9" are 9 seconds, "~z" many more */
		pz_kit_clock_run(&w.world,
				 (uint64_t)(fuzz_byte(&line) % 128) * 7 % 128 * PZ_US_PER_S);
		break;
	case '!': /* a caller goes */
		gone(fuzz_byte(&line) % CALLERS);
		break;
	case 'p': /* the answer to questions from now on, and to the last one that was pending */
		w.permit = fuzz_byte(&line) % 4;
		break;
	case 't':
		pz_dispatcher_permit_result(w.d, w.ticket, fuzz_byte(&line) % 4, true);
		break;
	case 'r':
		pz_dispatcher_recheck(w.d);
		break;
	case 'f': /* searches are answered at once, or with `d` */
		w.holds_finds = !w.holds_finds;
		break;
	case 'd':
		finish_held(line);
		break;
	case 'x': /* the service goes or comes */
		toggle_service();
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	struct pz_dispatch_stats stats;

	memset(&w, 0, sizeof(w));
	fuzz_clock_init(&w.world);
	w.asked = json_object();
	w.registry = pz_registry_new();
	FUZZ_CHECK(w.asked != NULL && w.registry != NULL);
	FUZZ_CHECK(pz_registry_set_address(w.registry, "alice@example.org/tv") == PZ_OK);
	w.d = pz_dispatcher_new(&w.world.env, w.registry, &ops, NULL);
	FUZZ_CHECK(w.d != NULL);
	toggle_service();
	while (rest.len > 0)
		act(fuzz_line(&rest));

	finish_held(rest);
	for (size_t i = 0; i < CALLERS; i++)
		gone(i);
	pz_dispatcher_stats(w.d, &stats);
	FUZZ_CHECK(stats.calls_open == 0 && stats.listeners == 0 && stats.binders == 0);
	FUZZ_CHECK(stats.finds == 0);
	pz_dispatcher_free(w.d);
	pz_registry_free(w.registry);
	FUZZ_CHECK(pz_kit_clock_is_idle(&w.world));
	json_decref(w.asked);
	return 0;
}
