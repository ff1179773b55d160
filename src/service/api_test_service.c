#include "service/api_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "wire/json.h"

#define REPEAT_US (1 * PZ_US_PER_S)

/* A caller of listenFor42, which gets the value again and again. */
struct repeat {
	struct pz_call *call;
	const struct pz_env *env;
	struct pz_timer timer;
};

static void
on_get42(struct pz_service *service, struct pz_call *call, json_t *params)
{
	const json_t *value = json_array_get(params, 0);
	const char *text = pz_json_text(value);
	PZ_AUTO_FREE char *dump =
		value && !text ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	(void)service;
	if (text == NULL)
		text = dump ? dump : "";
	pz_call_result(call, json_sprintf("42 %s", text));
}

static void
send_event(struct pz_call *call)
{
	pz_call_event(call, "onEvent", json_pack("{s:s}", "msg", "42"));
}

static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct repeat *r = arg;
	pz_env_start(r->env, timer, REPEAT_US);
	send_event(r->call);
}

static void
on_listen(struct pz_service *service, struct pz_call *call, json_t *params)
{
	const json_t *option = json_array_get(params, 0);
	if (!json_is_true(json_object_get(option, "repeat"))) {
		send_event(call);
		pz_call_end(call);
		return;
	}
	struct repeat *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		pz_call_error(call, "QuotaExceededError", NULL);
		return;
	}
	if (pz_call_listen(call) != PZ_OK) {
		free(r);
		return;
	}
	r->call = call;
	r->env = service->state;
	call->user = r;
	pz_timer_init(&r->timer, on_timer, r);
	pz_env_start(r->env, &r->timer, REPEAT_US);
	send_event(call);
}

static void
on_ended(struct pz_service *service, struct pz_call *call)
{
	struct repeat *r = call->user;
	(void)service;
	pz_env_stop(r->env, &r->timer);
	free(r);
}

static const char *const get42_names[] = {"number", NULL};
static const char *const listen_names[] = {"options", NULL};

static const struct pz_method_def methods[] = {
	{.interface = "TestModule",
	 .function = "get42",
	 .form = PZ_PARAMS_BARE,
	 .names = get42_names,
	 .invoke = on_get42,
	 .returns = "\"42 \" and the number",
	 .text = "answers at once: shows that calls arrive"},
	{.path = "listenAttr",
	 .interface = "TestModule",
	 .function = "listenFor42",
	 .form = PZ_PARAMS_OBJECT,
	 .names = listen_names,
	 .invoke = on_listen,
	 .returns = "{msg: \"42\"}",
	 .text = "sends 42 once; each second with {\"repeat\": true}",
	 .is_stream = true},
};

enum pz_err
pz_service_test_new(const struct pz_env *env, struct pz_service **out, struct pz_errinfo *info)
{
	struct pz_service *service = NULL;
	PZ_TRY(pz_service_new("http://webinos.org/api/test", "Test",
			      "Test Module with the life answer.", methods,
			      sizeof(methods) / sizeof(methods[0]), &service, info));
	service->state = (void *)(uintptr_t)env;
	service->call_ended = on_ended;
	*out = service;
	return PZ_OK;
}
