/*
 * The services that this node offers, in a list: there are at most PZ_SERVICES_PER_DEVICE_MAX, so
 * searches are linear. A service is identified by api and id (page 7, 3). Watchers are called after
 * the list has changed, except that the removed service still exists during the call: the
 * dispatcher ends its calls then.
 */
#include "service/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/slice.h"
#include "service/methods.h"
#include "wire/address.h"

struct pz_registry {
	struct pz_list services; /* pz_service.node, oldest first */
	struct pz_list watches;
	size_t count;
	char *address; /* or NULL */
};

enum pz_err
pz_service_new(const char *api, const char *display_name, const char *description,
	       const struct pz_method_def *methods, size_t method_count, struct pz_service **out,
	       struct pz_errinfo *info)
{
	struct pz_service *service = calloc(1, sizeof(*service));
	if (service == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_descriptor_init(&service->descriptor, api, display_name, description,
					     NULL, info);
	if (err != PZ_OK) {
		free(service);
		return err;
	}
	service->methods = methods;
	service->method_count = method_count;
	service->descriptor.methods = pz_methods_of(methods, method_count);
	*out = service;
	return PZ_OK;
}

void
pz_service_free(struct pz_service *service)
{
	if (service == NULL)
		return;
	if (service->destroy)
		service->destroy(service);
	pz_descriptor_fini(&service->descriptor);
	free(service);
}

struct pz_registry *
pz_registry_new(void)
{
	struct pz_registry *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	pz_list_init(&r->services);
	pz_list_init(&r->watches);
	return r;
}

static void
tell(struct pz_registry *r, enum pz_registry_event event, struct pz_service *service)
{
	PZ_LIST_EACH (&r->watches, node, tmp) {
		struct pz_registry_watch *w = PZ_CONTAINER(node, struct pz_registry_watch, node);
		w->changed(w->arg, event, service);
	}
}

/* Watchers see a registry without the service; the service itself is still valid. */
static void
drop(struct pz_registry *r, struct pz_service *service)
{
	pz_list_remove(&service->node);
	r->count--;
	tell(r, PZ_REGISTRY_REMOVED, service);
	pz_service_free(service);
}

void
pz_registry_free(struct pz_registry *r)
{
	if (r == NULL)
		return;
	for (struct pz_list *node; (node = pz_list_first(&r->services)) != NULL;)
		drop(r, PZ_CONTAINER(node, struct pz_service, node));
	for (struct pz_list *node; (node = pz_list_first(&r->watches)) != NULL;)
		pz_list_remove(node);
	free(r->address);
	free(r);
}

enum pz_err
pz_registry_add(struct pz_registry *r, struct pz_service *service, struct pz_errinfo *info)
{
	const struct pz_descriptor *d = &service->descriptor;
	if (pz_registry_lookup(r, d->api, d->id))
		return pz_fail(info, PZ_ERR_EXISTS,
			       "%s: a service with this name and description is registered already",
			       d->api);
	if (r->count >= PZ_SERVICES_PER_DEVICE_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "%d services are registered already",
			       PZ_SERVICES_PER_DEVICE_MAX);
	char *address = r->address ? strdup(r->address) : NULL;
	if (r->address && !address)
		return PZ_ERR_LIMIT_MEMORY;
	free(service->descriptor.address);
	service->descriptor.address = address;
	pz_list_append(&r->services, &service->node);
	r->count++;
	tell(r, PZ_REGISTRY_ADDED, service);
	return PZ_OK;
}

enum pz_err
pz_registry_remove(struct pz_registry *r, const char *api, const char *id)
{
	struct pz_service *service = pz_registry_lookup(r, api, id);
	if (service == NULL)
		return PZ_ERR_NOTFOUND;
	drop(r, service);
	return PZ_OK;
}

struct pz_service *
pz_registry_lookup(const struct pz_registry *r, const char *api, const char *id)
{
	PZ_LIST_EACH (&r->services, node, tmp) {
		struct pz_service *service = PZ_CONTAINER(node, struct pz_service, node);
		if (strcmp(service->descriptor.id, id) == 0 &&
		    strcmp(service->descriptor.api, api) == 0)
			return service;
	}
	return NULL;
}

size_t
pz_registry_count(const struct pz_registry *r)
{
	return r->count;
}

json_t *
pz_registry_list(const struct pz_registry *r, const char *api_pattern)
{
	json_t *list = json_array();
	PZ_LIST_EACH (&r->services, node, tmp) {
		struct pz_service *service = PZ_CONTAINER(node, struct pz_service, node);
		if (api_pattern && !pz_api_matches(api_pattern, service->descriptor.api))
			continue;
		if (json_array_append_new(list, pz_descriptor_json(&service->descriptor)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

void
pz_registry_each(const struct pz_registry *r, void (*fn)(void *arg, const struct pz_descriptor *d),
		 void *arg)
{
	PZ_LIST_EACH (&r->services, node, tmp)
		fn(arg, &PZ_CONTAINER(node, struct pz_service, node)->descriptor);
}

/* All copies are made first, so that a failure changes nothing. */
static enum pz_err
set_all(struct pz_registry *r, const char *address)
{
	char **copies = calloc(r->count + 1, sizeof(*copies));
	if (copies == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	size_t made = 0;
	/* An event for each service, and one for the registry. */
	while (made <= r->count && (copies[made] = strdup(address)) != NULL)
		made++;
	if (made <= r->count) {
		while (made > 0)
			free(copies[--made]);
		free(copies);
		return PZ_ERR_LIMIT_MEMORY;
	}
	PZ_LIST_EACH (&r->services, node, tmp) {
		struct pz_service *service = PZ_CONTAINER(node, struct pz_service, node);
		free(service->descriptor.address);
		service->descriptor.address = copies[--made];
	}
	free(r->address);
	r->address = copies[--made];
	free(copies);
	return PZ_OK;
}

enum pz_err
pz_registry_set_address(struct pz_registry *r, const char *node_address)
{
	struct pz_address parts;
	PZ_TRY(pz_address_parse(pz_slice_str(node_address), &parts));
	if (parts.app.len != 0)
		return PZ_ERR_PROTO_ADDRESS;
	if (r->address && strcmp(r->address, node_address) == 0)
		return PZ_OK;
	PZ_TRY(set_all(r, node_address));
	tell(r, PZ_REGISTRY_ADDRESS, NULL);
	return PZ_OK;
}

const char *
pz_registry_address(const struct pz_registry *r)
{
	return r->address;
}

void
pz_registry_watch(struct pz_registry *r, struct pz_registry_watch *watch)
{
	pz_list_append(&r->watches, &watch->node);
}

void
pz_registry_unwatch(struct pz_registry_watch *watch)
{
	pz_list_remove(&watch->node);
}
