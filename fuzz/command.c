/*
 * Target functions: pz_command_service_parse; what becomes of a program's output (command_job.c).
 * Input: a description; behind a line "---", if there is one, what the programs write.
 * Must hold: only absolute paths are started, with one line of input; every request is answered
 * exactly once (a stream by events and an end), by a JSON-RPC message, whatever a program writes.
 */
#include "fuzz.h"

#include "rpc/payload.h"
#include "service/command.h"
#include "service/dispatch.h"
#include "wire/json.h"

#define CALLER "alice@example.org/laptop/7f3a:1"
#define PROCESSES 8

struct pz_process {
	const struct pz_process_events *events;
	void *arg;
	bool is_killed;
};

static struct {
	struct pz_kit_clock world;
	struct pz_process processes[PROCESSES];
	size_t started, answers;
} w;

static struct pz_process *
on_start(void *ops_arg, char *const argv[], char *const envp[], struct pz_slice stdin_line,
	 const struct pz_process_events *events, void *arg, struct pz_errinfo *info)
{
	struct pz_process *p = &w.processes[w.started];

	(void)ops_arg;
	FUZZ_CHECK(argv[0][0] == '/' && envp[0] != NULL);
	FUZZ_CHECK(stdin_line.len > 0);
	FUZZ_CHECK(memchr(stdin_line.ptr, '\n', stdin_line.len) ==
		   stdin_line.ptr + stdin_line.len - 1);
	if (w.started == PROCESSES) {
		(void)pz_fail(info, PZ_ERR_IO, "No such file or directory");
		return NULL;
	}
	w.started++;
	*p = (struct pz_process){.events = events, .arg = arg};
	return p;
}

static void
on_kill(struct pz_process *process)
{
	process->is_killed = true;
}

static const struct pz_process_ops process_ops = {on_start, on_kill};

static void
on_send(void *arg, const char *to, json_t *payload)
{
	struct pz_rpc rpc;
	int code;

	(void)arg;
	FUZZ_CHECK(strcmp(to, CALLER) == 0 && pz_rpc_parse(payload, &rpc, &code) == PZ_OK);
	if (rpc.kind != PZ_RPC_NOTIFICATION) {
		FUZZ_CHECK(rpc.kind != PZ_RPC_REQUEST);
		w.answers++;
	}
	json_decref(payload);
}

static const struct pz_dispatch_ops dispatch_ops = {.send = on_send};

/* The first half of the text is a program's output, in two pieces; the second is its complaints. */
static void
live(struct pz_process *p, struct pz_slice text, int status)
{
	size_t half = text.len / 2, quarter = half / 2;

	p->events->out(p->arg, pz_slice_of(text.ptr, quarter));
	p->events->err(p->arg, pz_slice_of(text.ptr + half, text.len - half));
	p->events->out(p->arg, pz_slice_of(text.ptr + quarter, half - quarter));
	p->events->exited(p->arg, status);
}

static void
call(struct pz_dispatcher *d, const struct pz_service *service, size_t i)
{
	char *method = NULL, id[16];

	FUZZ_CHECK(asprintf(&method, "%s@%s.%s", service->descriptor.api, service->descriptor.id,
			    service->methods[i].function) > 0);
	snprintf(id, sizeof(id), "%zu", i);
	json_t *request = pz_rpc_request(id, method, json_pack("[s]", "x\ny"));
	FUZZ_CHECK(request != NULL);
	pz_dispatcher_request(d, CALLER, request);
	json_decref(request);
	free(method);
}

static void
run(struct pz_service *service, struct pz_slice text)
{
	struct pz_registry *registry = pz_registry_new();
	struct pz_dispatcher *d;
	size_t count = service->method_count < PROCESSES ? service->method_count : PROCESSES;

	FUZZ_CHECK(registry != NULL);
	FUZZ_CHECK(pz_registry_set_address(registry, "alice@example.org/tv") == PZ_OK);
	FUZZ_CHECK(pz_registry_add(registry, service, NULL) == PZ_OK);
	d = pz_dispatcher_new(&w.world.env, registry, &dispatch_ops, NULL);
	FUZZ_CHECK(d != NULL);
	for (size_t i = 0; i < count; i++)
		call(d, service, i);
	if (text.len % 3 == 1)
		pz_kit_clock_run(&w.world, 20 * PZ_US_PER_S);
	if (text.len % 5 == 1)
		pz_dispatcher_peer_gone(d, CALLER);
	for (size_t i = 0; i < w.started; i++)
		live(&w.processes[i], text, (int)(text.len % 4) - 1);
	FUZZ_CHECK(w.answers == count || text.len % 5 == 1);
	pz_dispatcher_free(d);
	pz_registry_free(registry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char border[] = "\n---\n";
	const uint8_t *at = memmem(data, size, border, sizeof(border) - 1);
	size_t len = at ? (size_t)(at - data) : size;
	size_t skip = at ? len + sizeof(border) - 1 : size;
	json_t *json = pz_json_parse(pz_slice_of(data, len), NULL);
	struct pz_errinfo info = {""};
	struct pz_service *service = NULL;

	memset(&w, 0, sizeof(w));
	fuzz_clock_init(&w.world);
	enum pz_err err =
		pz_command_service_parse(json, &w.world.env, &process_ops, NULL, &service, &info);
	fuzz_check_info(err, &info);
	if (err == PZ_OK)
		run(service, pz_slice_of(data + skip, size - skip));
	else
		FUZZ_CHECK(service == NULL && pz_err_category(err) == PZ_CAT_CONFIG);
	FUZZ_CHECK(pz_kit_clock_is_idle(&w.world));
	json_decref(json);
	return 0;
}
