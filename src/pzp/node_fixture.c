#include "pzp/node_fixture.h"

#include "pzp/membership.h"

struct fx_world w;

/* ---- the world ---- */

void
end_turn(void)
{
	pz_turn_end(&w.turn);
	if (w.node)
		pz_requests_report(&w.node->requests);
}

void
dial_fails(enum pz_err err, const char *detail)
{
	pz_kit_dial_failed(pz_kit_network_dial(&w.net, NULL), err, detail);
	pz_requests_report(&w.node->requests);
}

static void
on_turn(void *arg)
{
	(void)arg;
	pz_turn_end(&w.turn);
}

void
run(uint64_t duration_us)
{
	pz_turn_end(&w.turn);
	pz_kit_clock_run(&w.world.clock, duration_us);
}

enum pz_err
try_start(struct pz_errinfo *info)
{
	struct pz_node_config config = {
		.env = &w.world.clock.env,
		.transport = pz_kit_network_transport(&w.net),
		.turn = &w.turn,
		.store = w.world.store,
		.keys = w.world.keys,
		.key_type = "ec-p256",
		.device = w.device,
		.tls_port = w.tls_port,
		.web_port = w.web_port,
		.processes = &pz_kit_process_ops,
		.processes_arg = &w.processes,
		.mdns = w.mdns,
		.addresses = w.addresses,
	};

	return pz_node_new(&config, &w.node, info);
}

void
start_node(void)
{
	struct pz_errinfo info = {""};

	assert_ok(try_start(&info));
	pz_node_start(w.node);
	run(COMMIT_US);
}

void
stop_node(void)
{
	pz_node_stop(w.node);
	pz_turn_end(&w.turn);
	run(COMMIT_US); /* what was submitted is stored */
	pz_node_free(w.node);
	w.node = NULL;
	assert_null(pz_kit_network_dial(&w.net, NULL));
	run(PZ_US_PER_S);
}

void
restart_node(void)
{
	stop_node();
	pz_kit_world_restart(&w.world);
	start_node();
}

int
set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	pz_kit_world_init(&w.world, COMMIT_US);
	pz_kit_world_init_beside(&w.hub, &w.world);
	w.world.clock.turn = on_turn;
	pz_kit_network_init(&w.net, &w.world.clock);
	w.net.is_single = true;
	w.processes.env = &w.world.clock.env;
	w.device = "laptop";
	assert_ok(pz_turn_init(&w.turn, 0));
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	if (w.node)
		stop_node();
	pz_kit_processes_fini(&w.processes);
	pz_kit_world_fini(&w.world);
	pz_turn_fini(&w.turn);
	pz_authority_free(w.authority);
	pz_kit_world_fini(&w.hub);
	return 0;
}

void
enrol_on_disk(void)
{
	struct pz_txn *txn = pz_kit_txn();

	w.authority = pz_kit_authority_new(&w.hub, ZONE);
	pz_membership_free(pz_kit_enrol(&w.hub, w.authority, "laptop", w.world.keys, txn));
	assert_ok(pz_kit_world_commit(&w.world, txn));
}

void
fx_learn_secret(const uint8_t secret[PZ_ZONE_SECRET_BYTES])
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_ZONE_SECRET);
	struct pz_sync_item *item = pz_knowledge_item(w.node->zone.knowledge, kind);
	char *text = pz_base64_encode(pz_slice_of((const char *)secret, PZ_ZONE_SECRET_BYTES));
	json_t *keys = json_pack("[s]", kind->name);
	struct pz_txn *txn = pz_txn_new();

	assert_ok(pz_sync_item_write(item, kind->name, pz_slice_str(text), false, ZONE, 1, NULL));
	assert_ok(pz_knowledge_apply(w.node->zone.knowledge, kind, keys, txn));
	pz_store_commit(w.world.store, txn, NULL, NULL);
	json_decref(keys);
	free(text);
	memcpy(w.secret, secret, sizeof(w.secret));
	assert_ok(pz_node_refresh_trust(w.node, NULL));
	run(COMMIT_US);
}

void
start_member(void)
{
	enrol_on_disk();
	start_node();
	assert_string_equal(pz_node_address(w.node), ZONE "/laptop");
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTING);
	assert_int_equal(w.net.dial_count, 1);
}

void
become_connected(void)
{
	if (pz_node_state(w.node) == PZ_STATE_NOT_CONNECTED)
		assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_CONNECT,
					   NULL));
	pz_kit_network_forget(&w.net);
	w.node->uplink->dial = NULL;
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_REGISTERED, NULL));
	pz_requests_report(&w.node->requests);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
}

/* ---- commands ---- */

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct answer *a = arg;

	a->ends++;
	a->err = err;
	a->running = NULL;
	snprintf(a->detail, sizeof(a->detail), "%s", detail);
	assert_int_equal(err == PZ_OK, result != NULL);
	a->result = json_incref(result);
	if (a->then)
		a->then(a);
}

static void
on_event(void *arg, json_t *event)
{
	struct answer *a = arg;

	a->events++;
	json_decref(a->last_event);
	a->last_event = json_incref(event);
}

const struct pz_reply reply = {.done = on_done, .event = on_event};

void
begin_then(struct answer *a, const char *name, json_t *params, void (*then)(struct answer *a))
{
	*a = (struct answer){.then = then};
	a->running = pz_node_command(w.node, name, params, &reply, a);
	json_decref(params);
	assert_non_null(a->running);
	assert_int_equal(a->ends, 0); /* never from inside the call that began it */
	pz_requests_report(&w.node->requests);
	/* A search never ends inside the command that began it. */
	if (strcmp(name, "call") == 0 || strcmp(name, "services") == 0)
		run(0);
}

void
begin(struct answer *a, const char *name, json_t *params)
{
	begin_then(a, name, params, NULL);
}

void
forget(struct answer *a)
{
	if (a->running && a->ends == 0) {
		pz_request_cancel(a->running);
		pz_requests_report(&w.node->requests);
	}
	json_decref(a->result);
	json_decref(a->last_event);
	*a = (struct answer){0};
}

void
crash(struct answer *a)
{
	pz_node_stop(w.node);
	pz_turn_end(&w.turn);
	pz_node_free(w.node);
	w.node = NULL;
	a->running = NULL;
	forget(a);
	pz_store_free(PZ_TAKE(w.world.store));
	pz_kit_world_restart(&w.world);
	start_node();
}

void
refused(const char *name, json_t *params, enum pz_err err)
{
	struct answer a;

	begin(&a, name, params);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, err);
	assert_true(a.detail[0] != '\0' && strchr(a.detail, '\n') == NULL);
	forget(&a);
}

json_t *
status(void)
{
	static json_t *last;
	struct answer a;

	json_decref(last);
	begin(&a, "status", json_object());
	assert_ok(a.err);
	last = json_deep_copy(a.result);
	forget(&a);
	return last;
}

json_t *
call_params(const char *service, const char *function, json_t *params)
{
	return json_pack("{s:s, s:s, s:o}", "service", service, "function", function, "params",
			 params);
}
