/*
 * The service devicestatus (webinos): aspects with properties, each of components. The values come
 * from tables of readers (devicestatus_*.c) that look below a root directory, so tests and
 * simulations have machines of their own. Properties that identify the device (serial numbers,
 * addresses) are for its own zone only.
 *
 * A watch reads its value at intervals and sends it when it has changed enough, or when the longest
 * interval is over. It is a listening call; its state hangs at call->user and ends with it.
 */
#include "devicestatus/devicestatus.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "devicestatus/internal.h"
#include "rpc/error.h"
#include "wire/json.h"

#define WATCH_MIN_MS 1000U               /* how often values are looked at, at most */
#define WATCH_MAX_MS (24U * 3600 * 1000) /* longest interval that can be asked for */

PZ_AUTO_DEFINE(json_t, json_decref)

/* ---- looking up ---- */

/* Which value a caller means. */
struct target {
	const struct pz_ds_aspect *aspect;
	const struct pz_ds_property *property;
	char *component; /* owned */
};

/* True when the device has a component of that name. */
static bool
has_name(const json_t *names, const char *name)
{
	size_t i;
	json_t *entry;
	/* A component that is named must exist: the name becomes a part of a path. */
	json_array_foreach ((json_t *)(uintptr_t)names, i, entry) {
		if (strcmp(json_string_value(entry), name) == 0)
			return true;
	}
	return false;
}

/* The component in use, else the first; NULL: no component. Borrowed from names. */
static const char *
active_of(struct pz_ds *ds, const struct pz_ds_aspect *aspect, const json_t *names)
{
	for (size_t i = 0; aspect->is_active && i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		if (aspect->is_active(ds, name))
			return name;
	}
	return json_string_value(json_array_get(names, 0));
}

/* The component that is meant: no name or "_active", "_default" (the first), or its own name. */
static const char *
choose(struct pz_ds *ds, const struct pz_ds_aspect *aspect, const json_t *names, const char *wanted,
       const char **out_error)
{
	const char *component = wanted;
	if (wanted == NULL || strcmp(wanted, "_active") == 0)
		component = active_of(ds, aspect, names);
	else if (strcmp(wanted, "_default") == 0)
		component = json_string_value(json_array_get(names, 0));
	else if (!has_name(names, wanted)) {
		*out_error = "InvalidAccessError";
		return NULL;
	}
	if (component == NULL)
		*out_error = "NotFoundError";
	return component;
}

/* Finds what {aspect, property, component?} names. @return NULL, or the DOM error's name. */
static const char *
find_target(struct pz_ds *ds, const struct pz_call *call, const json_t *what, struct target *out)
{
	const char *aspect = pz_json_text(json_object_get(what, "aspect"));
	const char *property = pz_json_text(json_object_get(what, "property"));
	const json_t *component = json_object_get(what, "component");
	const char *error = NULL;
	/* Checked as a whole before anything is read. */
	if (!aspect || !property ||
	    (component && !json_is_null(component) && !json_is_string(component)))
		return "TypeMismatchError";
	out->aspect = pz_ds_aspect(aspect);
	out->property = out->aspect ? pz_ds_property(out->aspect, property) : NULL;
	if (out->property == NULL)
		return "NotFoundError";
	/* Before the value is read, and whatever policies permit. */
	if (out->property->is_identifying && !pz_call_is_own_zone(call))
		return "SecurityError";
	PZ_AUTO(json_decref) json_t *names = pz_ds_components(ds, out->aspect);
	const char *name = choose(ds, out->aspect, names, json_string_value(component), &error);
	if (name == NULL)
		return error;
	out->component = strdup(name);
	return out->component ? NULL : "QuotaExceededError";
}

/* What the names of errors mean here. */
static void
refuse(struct pz_call *call, const char *error)
{
	static const struct {
		const char *name, *text;
	} texts[] = {
		{"TypeMismatchError",
		 "wrong type of parameter: give {\"aspect\": A, \"property\": P}, "
		 "both texts, e.g. \"CPU\" and \"model\""},
		{"NotFoundError",
		 "no such aspect or property on this device; aspects are Battery, CPU, "
		 "Device, Display, MemoryUnit, OperatingSystem, WiredNetwork, ..."},
		{"SecurityError", "it identifies the device: only its own zone may read it"},
		{"InvalidAccessError",
		 "no such component of this aspect; getComponents lists them"},
	};
	const char *text = NULL;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].name, error) == 0)
			text = texts[i].text;
	pz_call_error(call, error, text);
}

/* ---- methods ---- */

static void
on_get_components(struct pz_service *service, struct pz_call *call, json_t *params)
{
	const char *name = pz_json_text(json_array_get(params, 0));
	if (name == NULL) {
		pz_call_error(call, "TypeMismatchError", "The aspect must be a string.");
		return;
	}
	const struct pz_ds_aspect *aspect = pz_ds_aspect(name);
	pz_call_result(call, aspect ? pz_ds_components(service->state, aspect) : json_null());
}

/* True when at least one component has a value now. */
static bool
is_supported(struct pz_ds *ds, const char *aspect_name, const char *property_name)
{
	const struct pz_ds_aspect *aspect = pz_ds_aspect(aspect_name);
	const struct pz_ds_property *property =
		aspect ? pz_ds_property(aspect, property_name) : NULL;
	if (property == NULL)
		return false;
	PZ_AUTO(json_decref) json_t *names = pz_ds_components(ds, aspect);
	/* Known and readable now: a battery without a level is not supported. */
	for (size_t i = 0; i < json_array_size(names); i++) {
		PZ_AUTO(json_decref)
		json_t *value = property->get(ds, json_string_value(json_array_get(names, i)));
		if (value)
			return true;
	}
	return false;
}

static void
on_is_supported(struct pz_service *service, struct pz_call *call, json_t *params)
{
	const char *aspect = pz_json_text(json_array_get(params, 0));
	const char *property = pz_json_text(json_array_get(params, 1));
	if (!aspect || !property) {
		pz_call_error(call, "TypeMismatchError",
			      "The aspect and the property must be strings.");
		return;
	}
	pz_call_result(call,
		       json_pack("{s:s, s:s, s:b}", "aspect", aspect, "property", property,
				 "isSupported", is_supported(service->state, aspect, property)));
}

static void
on_get_property(struct pz_service *service, struct pz_call *call, json_t *params)
{
	struct target target = {.aspect = NULL};
	const char *error = find_target(service->state, call, json_array_get(params, 0), &target);
	json_t *value = error ? NULL : target.property->get(service->state, target.component);
	free(target.component);
	if (value)
		pz_call_result(call, value);
	else
		refuse(call, error ? error : "NotFoundError");
}

/* ---- watching ---- */

struct watch {
	struct pz_ds *ds;
	struct pz_call *call;
	struct target target;
	struct pz_timer timer;
	uint64_t look_us;     /* between two looks */
	uint64_t send_max_us; /* sent again at the latest; 0: only on change */
	uint64_t sent_us;
	double change_percent;
	json_t *last; /* sent last, or NULL */
};

static void
watch_free(struct watch *w)
{
	pz_env_stop(w->ds->env, &w->timer);
	free(w->target.component);
	json_decref(w->last);
	free(w);
}

/* Numbers have to change by change_percent of the value sent last; anything else by anything. */
static bool
is_changed(const struct watch *w, const json_t *value)
{
	if (w->last == NULL || json_equal(w->last, value))
		return w->last == NULL;
	if (!json_is_number(w->last) || !json_is_number(value))
		return true;
	double before = json_number_value(w->last), change = json_number_value(value) - before;
	if (before < 0)
		before = -before;
	if (change < 0)
		change = -change;
	/* Relative to what the watcher knows, so that slow drift is reported, too. */
	return change * 100 >= w->change_percent * before;
}

/* Sends the value when it is due. One that cannot be read now is skipped, not reported. */
static void
look(struct watch *w)
{
	uint64_t now = pz_env_mono_us(w->ds->env);
	PZ_AUTO(json_decref) json_t *value = w->target.property->get(w->ds, w->target.component);
	bool is_due = w->send_max_us > 0 && now - w->sent_us >= w->send_max_us;
	if (value == NULL || !(is_due || is_changed(w, value)))
		return;
	json_decref(w->last);
	w->last = json_incref(value);
	w->sent_us = now;
	pz_call_event(w->call, "onEvent", json_incref(value));
}

/* Started again first: look() may end the watch by its event. */
static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct watch *w = arg;
	pz_env_start(w->ds->env, timer, w->look_us);
	look(w);
}

/* A number of milliseconds or percent; absent or null: `absent`. False: no number, or negative. */
static bool
read_number(const json_t *options, const char *key, double absent, double *out)
{
	const json_t *value = json_object_get(options, key);
	*out = absent;
	if (value == NULL || json_is_null(value))
		return true;
	*out = json_number_value(value);
	return json_is_number(value) && *out >= 0;
}

static double
clamp(double value, double min, double max)
{
	return value < min ? min : value > max ? max : value;
}

static bool
read_options(struct watch *w, const json_t *options)
{
	double min_ms, max_ms, percent;
	if (options && !json_is_null(options) && !json_is_object(options))
		return false;
	if (!read_number(options, "minNotificationInterval", WATCH_MIN_MS, &min_ms) ||
	    !read_number(options, "maxNotificationInterval", 0, &max_ms) ||
	    !read_number(options, "minChangePercent", 0, &percent))
		return false;
	/* A caller cannot make this device read its files in a loop. */
	min_ms = clamp(min_ms, WATCH_MIN_MS, WATCH_MAX_MS);
	w->look_us = (uint64_t)min_ms * PZ_US_PER_MS;
	if (max_ms > 0)
		w->send_max_us = (uint64_t)clamp(max_ms, min_ms, WATCH_MAX_MS) * PZ_US_PER_MS;
	w->change_percent = percent;
	return true;
}

/* The value is sent once at the beginning, so that a watcher knows what later changes start from.
 */
static void
on_watch(struct pz_service *service, struct pz_call *call, json_t *params)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (w == NULL) {
		pz_call_error(call, "QuotaExceededError", NULL);
		return;
	}
	w->ds = service->state;
	w->call = call;
	pz_timer_init(&w->timer, on_timer, w);
	if (!read_options(w, json_array_get(params, 1))) {
		watch_free(w);
		pz_call_fault(call, PZ_RPC_INVALID_PARAMS, NULL);
		return;
	}
	const char *error = find_target(w->ds, call, json_array_get(params, 0), &w->target);
	if (error) {
		watch_free(w);
		refuse(call, error);
		return;
	}
	/* It has answered with the reason. */
	if (pz_call_listen(call) != PZ_OK) {
		watch_free(w);
		return;
	}
	call->user = w;
	pz_env_start(w->ds->env, &w->timer, w->look_us);
	look(w);
}

static void
on_clear(struct pz_service *service, struct pz_call *call, json_t *params)
{
	(void)service;
	pz_call_remove_listener(call, json_array_get(params, 0));
}

/* Also when the watcher gave up or is gone. */
static void
on_ended(struct pz_service *service, struct pz_call *call)
{
	(void)service;
	watch_free(call->user);
}

static void
on_destroy(struct pz_service *service)
{
	struct pz_ds *ds = service->state;
	free(ds->root);
	free(ds);
}

/* ---- the service ---- */

#define PATH "devicestatus"
#define INTERFACE "DevicestatusManager"

static const char *const aspect_names[] = {"aspect", "property", NULL};
static const char *const components_names[] = {"aspect", NULL};
static const char *const property_names[] = {"prop", NULL};
static const char *const property_exports[] = {"component", "aspect", "property", NULL};
static const char *const watch_names[] = {"prop", "options", NULL};
static const char *const clear_names[] = {"watchHandler", NULL};

static const struct pz_method_def methods[] = {
	{.path = PATH,
	 .interface = INTERFACE,
	 .function = "getComponents",
	 .form = PZ_PARAMS_BARE,
	 .names = components_names,
	 .invoke = on_get_components,
	 .returns = "list of names, or null",
	 .text = "components of an aspect (Battery, CPU, Device, Display, MemoryUnit, "
		 "OperatingSystem, WiredNetwork, ...)"},
	{.path = PATH,
	 .interface = INTERFACE,
	 .function = "isSupported",
	 .form = PZ_PARAMS_POSITIONAL,
	 .names = aspect_names,
	 .invoke = on_is_supported,
	 .returns = "{aspect, property, isSupported}",
	 .text = "whether a property is known here"},
	{.path = PATH,
	 .interface = INTERFACE,
	 .function = "getPropertyValue",
	 .form = PZ_PARAMS_OBJECT,
	 .names = property_names,
	 .part = "/getproperty",
	 .exports = property_exports,
	 .invoke = on_get_property,
	 .returns = "the value",
	 .text = "reads one: {\"aspect\": \"MemoryUnit\", \"property\": \"availableSize\"}"},
	{.path = PATH,
	 .interface = INTERFACE,
	 .function = "watchPropertyChange",
	 .form = PZ_PARAMS_OBJECT,
	 .names = watch_names,
	 .part = "/watchproperty",
	 .exports = property_exports,
	 .invoke = on_watch,
	 .returns = "the value, when it changes",
	 .text = "the same, again and again",
	 .is_stream = true},
	{.path = PATH,
	 .interface = INTERFACE,
	 .function = "clearPropertyChange",
	 .form = PZ_PARAMS_BARE,
	 .names = clear_names,
	 .invoke = on_clear,
	 .returns = "{}",
	 .text = "ends a watchPropertyChange, by its request id"},
};

enum pz_err
pz_service_devicestatus_new(const struct pz_env *env, const char *root, struct pz_service **out,
			    struct pz_errinfo *info)
{
	struct pz_service *service = NULL;
	struct pz_ds *ds = calloc(1, sizeof(*ds));
	char *copy = strdup(root);
	enum pz_err err = ds && copy ? PZ_OK : pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (err == PZ_OK)
		err = pz_service_new("http://webinos.org/api/devicestatus", "DeviceStatus",
				     "Get information about the device status.", methods,
				     sizeof(methods) / sizeof(methods[0]), &service, info);
	if (err != PZ_OK) {
		free(ds);
		free(copy);
		return err;
	}
	/* Paths are written with a leading slash, so the root must not end with one. */
	size_t len = strlen(copy);
	while (len > 0 && copy[len - 1] == '/')
		copy[--len] = '\0';
	ds->env = env;
	ds->root = copy;
	service->state = ds;
	service->call_ended = on_ended;
	service->destroy = on_destroy;
	*out = service;
	return PZ_OK;
}
