#include "probe.h"

#include <stdlib.h>

#include "pzp/internal.h"
#include "service/registry.h"

struct probe {
	struct sim_node *node;
	void *scene;
	probe_fn run;
};

static void
on_run(struct pz_service *service, struct pz_call *call, json_t *params)
{
	const struct probe *probe = service->state;

	(void)params;
	probe->run(probe->scene, probe->node, call);
	pz_call_result(call, json_true());
}

static void
destroy(struct pz_service *service)
{
	free(service->state);
}

void
probe_add(struct sim_node *node, void *scene, probe_fn run)
{
	static const struct pz_method_def methods[] = {
		{.function = "run", .form = PZ_PARAMS_POSITIONAL, .invoke = on_run},
	};
	struct probe *probe = calloc(1, sizeof(*probe));
	struct pz_service *service = NULL;

	if (probe == NULL || pz_service_new(PROBE_API, "Probe", "Runs, or is not allowed to.",
					    methods, 1, &service, NULL) != PZ_OK)
		abort();
	*probe = (struct probe){node, scene, run};
	service->state = probe;
	service->destroy = destroy;
	if (pz_registry_add(node->node->registry, service, NULL) != PZ_OK)
		abort();
}
