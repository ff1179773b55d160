#include "service/fixture.h"

static void
fx_send(void *arg, const char *to, json_t *payload)
{
	struct fixture *f = arg;
	assert_non_null(payload);
	assert_int_equal(json_array_append_new(f->sent, json_pack("[s, o]", to, payload)), 0);
}

enum pz_permit
fx_permit(void *arg, struct pz_permit_query *q)
{
	struct fixture *f = arg;
	f->ticket = q->ticket;
	f->was_asked = q->was_asked;
	q->is_asking = f->is_asking;
	json_array_append_new(f->asked, json_sprintf("%d %s %s %s %s %s", (int)q->kind, q->from,
						     q->api, q->service_id ? q->service_id : "-",
						     q->function ? q->function : "-",
						     q->feature ? q->feature : "-"));
	if (q->kind == PZ_PERMIT_SHOW && f->hidden && strcmp(f->hidden, q->service_id) == 0)
		return PZ_PERMIT_DENY;
	return f->answer[q->kind];
}

void
fx_permit_over(void *arg, uint64_t ticket)
{
	((struct fixture *)arg)->over = ticket;
}

void
fx_find(void *arg, const char *caller, struct pz_find *find)
{
	struct fixture *f = arg;
	assert_string_equal(caller, find->caller);
	f->find = find;
	f->finds++;
}

bool
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

void
fx_builtin_ended(void *arg, struct pz_call *call)
{
	struct fixture *f = arg;
	assert_ptr_equal(call, f->builtin);
	f->builtin_ended++;
}

struct fixture *
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

void
fx_free(struct fixture *f)
{
	pz_dispatcher_free(f->d);
	pz_registry_free(f->registry);
	assert_true(pz_kit_clock_is_idle(&f->clock)); /* all timers were stopped */
	json_decref(f->sent);
	json_decref(f->asked);
	free(f);
}

void
fx_add(struct fixture *f, struct pz_service *service)
{
	assert_non_null(service);
	assert_ok(pz_registry_add(f->registry, service, NULL));
}

void
fx_add_test_service(struct fixture *f)
{
	struct pz_service *service = NULL;

	assert_ok(pz_service_test_new(&f->clock.env, &service, NULL));
	fx_add(f, service);
}

struct fixture *
fx_with_test_api(void)
{
	struct fixture *f = fx_new();

	fx_add_test_service(f);
	return f;
}

void
fx_payload(struct fixture *f, const char *from, const char *text)
{
	json_t *payload = pz_kit_json(text);

	pz_dispatcher_request(f->d, from, payload);
	json_decref(payload);
}

void
fx_call(struct fixture *f, const char *from, const char *id, const char *method, const char *params)
{
	char *text = NULL;
	assert_true(asprintf(&text, "{'jsonrpc':'2.0','id':'%s','method':'%s'%s%s}", id, method,
			     params ? ",'params':" : "", params ? params : "") > 0);
	fx_payload(f, from, text);
	free(text);
}

char *
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

void
fx_expect_at(struct fixture *f, const char *expected, const char *file, int line)
{
	char *got = fx_take(f);
	_assert_string_equal(got, expected, file, line);
	free(got);
}
