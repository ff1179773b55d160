/* For the tests of this folder: virtual time, a dispatcher, and what it sent. */
#ifndef PZ_SERVICE_FIXTURE_H
#define PZ_SERVICE_FIXTURE_H

#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "kit/clock.h"
#include "kit/json.h"
#include "service/api_test.h"
#include "service/dispatch.h"

#define NODE "alice@example.org/tv"
#define ANN "alice@example.org/laptop/7f3a:1"
#define BOB "alice@example.org/phone/7f3a:2"
#define EVE "eve@example.com/pad/7f3a:3"
#define TEST_ID "6e6885b25a7ddb5f4658e7a599d1fc17"
#define TEST "http://webinos.org/api/test@" TEST_ID

struct fixture {
	struct pz_kit_clock clock;
	struct pz_registry *registry;
	struct pz_dispatcher *d;
	struct pz_dispatch_ops ops;
	json_t *sent; /* array of [to, payload] */
	/* permit */
	enum pz_permit answer[6]; /* by kind */
	bool was_asked;           /* of the last question */
	uint64_t over;            /* ticket of the last call that ended while its question waited */
	json_t *asked;            /* "kind from api id function feature" */
	uint64_t ticket;
	const char *hidden; /* service id that SHOW denies */
	/* find */
	struct pz_find *find;
	int finds;
	/* builtin */
	struct pz_call *builtin;
	int builtin_ended;
};

static inline void
fx_send(void *arg, const char *to, json_t *payload)
{
	struct fixture *f = arg;
	assert_non_null(payload);
	assert_int_equal(json_array_append_new(f->sent, json_pack("[s, o]", to, payload)), 0);
}

static inline enum pz_permit
fx_permit(void *arg, struct pz_permit_query *q)
{
	struct fixture *f = arg;
	f->ticket = q->ticket;
	f->was_asked = q->was_asked;
	json_array_append_new(f->asked, json_sprintf("%d %s %s %s %s %s", (int)q->kind, q->from,
						     q->api, q->service_id ? q->service_id : "-",
						     q->function ? q->function : "-",
						     q->feature ? q->feature : "-"));
	if (q->kind == PZ_PERMIT_SHOW && f->hidden && strcmp(f->hidden, q->service_id) == 0)
		return PZ_PERMIT_DENY;
	return f->answer[q->kind];
}

static inline void
fx_permit_over(void *arg, uint64_t ticket)
{
	((struct fixture *)arg)->over = ticket;
}

static inline void
fx_find(void *arg, const char *caller, struct pz_find *find)
{
	struct fixture *f = arg;
	assert_string_equal(caller, find->caller);
	f->find = find;
	f->finds++;
}

static inline bool
fx_builtin(void *arg, struct pz_call *call, const char *object, const char *function,
	   const json_t *params)
{
	struct fixture *f = arg;
	(void)params;
	if (strcmp(object, "PolicyManagement") != 0 || strcmp(function, "getPolicy") != 0)
		return false;
	f->builtin = call;
	return true;
}

static inline void
fx_builtin_ended(void *arg, struct pz_call *call)
{
	struct fixture *f = arg;
	assert_ptr_equal(call, f->builtin);
	f->builtin_ended++;
}

static inline struct fixture *
fx_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	pz_kit_clock_init(&f->clock);
	f->ops.send = fx_send;
	f->sent = json_array();
	f->asked = json_array();
	f->registry = pz_registry_new();
	assert_non_null(f->registry);
	assert_ok(pz_registry_set_address(f->registry, NODE));
	f->d = pz_dispatcher_new(&f->clock.env, f->registry, &f->ops, f);
	assert_non_null(f->d);
	return f;
}

static inline void
fx_free(struct fixture *f)
{
	pz_dispatcher_free(f->d);
	pz_registry_free(f->registry);
	assert_true(pz_kit_clock_is_idle(&f->clock)); /* all timers were stopped */
	json_decref(f->sent);
	json_decref(f->asked);
	free(f);
}

static inline void
fx_add(struct fixture *f, struct pz_service *service)
{
	assert_non_null(service);
	assert_ok(pz_registry_add(f->registry, service, NULL));
}

static inline void
fx_add_test_service(struct fixture *f)
{
	struct pz_service *service = NULL;

	assert_ok(pz_service_test_new(&f->clock.env, &service, NULL));
	fx_add(f, service);
}

/* Hands over a payload in which ' stands for ". */
static inline void
fx_payload(struct fixture *f, const char *from, const char *text)
{
	json_t *payload = pz_kit_json(text);

	pz_dispatcher_request(f->d, from, payload);
	json_decref(payload);
}

/* A request; params in the notation of fx_payload, or NULL. */
static inline void
fx_call(struct fixture *f, const char *from, const char *id, const char *method, const char *params)
{
	char *text = NULL;
	assert_true(asprintf(&text, "{'jsonrpc':'2.0','id':'%s','method':'%s'%s%s}", id, method,
			     params ? ",'params':" : "", params ? params : "") > 0);
	fx_payload(f, from, text);
	free(text);
}

/* Everything that was sent since the last look, one "to payload" a line with sorted members and '
 * for ". */
static inline char *
fx_take(struct fixture *f)
{
	char *all = strdup("");
	size_t i;
	json_t *entry;
	json_array_foreach (f->sent, i, entry) {
		char *body = json_dumps(json_array_get(entry, 1),
					JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
		char *next = NULL;
		for (char *c = body; *c; c++)
			*c = *c == '"' ? '\'' : *c;
		assert_true(asprintf(&next, "%s%s %s\n", all,
				     json_string_value(json_array_get(entry, 0)), body) > 0);
		free(body);
		free(all);
		all = next;
	}
	json_array_clear(f->sent);
	return all;
}

static inline void
fx_expect_at(struct fixture *f, const char *expected, const char *file, int line)
{
	char *got = fx_take(f);
	_assert_string_equal(got, expected, file, line);
	free(got);
}
#define fx_expect(f, expected) fx_expect_at((f), (expected), __FILE__, __LINE__)

/* Lines as fx_take gives them. */
#define RESULT(to, id, result) to " {'id':'" id "','jsonrpc':'2.0','result':" result "}\n"
#define EVENT(to, method, params)                                                                  \
	to " {'jsonrpc':'2.0','method':'" method "','params':" params "}\n"
#define FAULT(to, id, code, message)                                                               \
	to " {'error':{'code':" code ",'message':'" message "'},'id':'" id "','jsonrpc':'2.0'}\n"
#define ERROR(to, id, name, dom, message)                                                          \
	to " {'error':{'code':-31000,'data':{'code':" dom ",'message':'" message "','name':'" name \
	   "'},'message':'Method Invocation returned with error'},'id':'" id                       \
	   "','jsonrpc':'2.0'}\n"

#endif
