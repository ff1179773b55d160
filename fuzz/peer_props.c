/*
 * Target functions: pz_peer_on_prop and what it calls; pz_uplink_on_prop for what a relay brings;
 * pz_node_command peers, which shows what was believed.
 * Input: one line for each event (see `act`): a device's digit and the payload of a prop, or a
 * whole body. Must hold: what is said is JSON from us to that device; what is kept of a peer has
 * the form that the rest of the node relies on, and is bounded; a device that is no relay speaks
 * for itself only; only the hub takes the zone away.
 *
 * The links are real but for their handshake, which is skipped: TLS has fuzz targets of its own.
 */
#include "far.h"
#include "kit/authority.h"
#include "kit/link.h"

#include "calls/internal.h"
#include "pzp/wipe.h"
#include "wire/json.h"
#include "zone/authority.h"
#include "zone/info.h"

#define ZONE "alice@example.org"
#define SELF ZONE "/laptop"
#define DEVICES 2
/* Names of devices that it reaches, addresses, and little else. */
#define INFO_BYTES_MAX                                                                             \
	(PZ_PEER_REACH_MAX * (PZ_DEVICE_BYTES_MAX + 8) + 5 * PZ_CERT_PEM_BYTES_MAX +               \
	 PZ_INFO_ADDRESSES_MAX * (PZ_NETADDR_CHARS + 8) + 4096)

static const char *const devices[DEVICES] = {"desk", "tv"};
static const char *const addresses[DEVICES] = {ZONE "/desk", ZONE "/tv"};

static struct {
	struct pz_kit_world world;
	struct pz_turn turn;
	struct pz_node *node;
	struct fuzz_far far[DEVICES];
} w;

/* ---- the node ---- */

static void
enrol(void)
{
	struct pz_kit_world hub;
	struct pz_txn *txn = pz_kit_txn();

	pz_kit_world_init_beside(&hub, &w.world);
	struct pz_authority *a = pz_kit_authority_new(&hub, ZONE);
	pz_membership_free(pz_kit_enrol(&hub, a, "laptop", w.world.keys, txn));
	PZ_KIT_OK(pz_kit_world_commit(&w.world, txn));
	pz_authority_free(a);
	pz_kit_world_fini(&hub);
}

/* ---- what must hold ---- */

/* What waits to be encrypted: the link never gets that far. */
static void
check_said(const struct fuzz_far *far, const char *to)
{
	json_t *said = pz_kit_link_messages(far->pl->link), *message;
	size_t i;

	json_array_foreach (said, i, message) {
		const char *receiver = pz_json_str(message, "to");
		FUZZ_CHECK(receiver == NULL || strncmp(receiver, ZONE, strlen(ZONE)) == 0);
		if (strcmp(pz_json_str(message, "from"), SELF) == 0 &&
		    strcmp(pz_json_str(message, "type"), "prop") == 0)
			FUZZ_CHECK(receiver &&
				   (strcmp(receiver, to) == 0 || strcmp(receiver, ZONE) == 0));
	}
	json_decref(said);
}

static void
check_kept(const struct peer *peer)
{
	const json_t *reach = json_object_get(peer->info, "reach");
	const json_t *list = json_object_get(peer->info, "addresses"), *value;
	const char *name;

	json_object_foreach ((json_t *)peer->info, name, value)
		FUZZ_CHECK(strstr("displayName deviceType addresses port reach", name) != NULL);
	FUZZ_CHECK(json_array_size(list) <= (size_t)2 * PZ_PEER_ADDRESSES_MAX);
	FUZZ_CHECK(json_array_size(reach) <= PZ_PEER_REACH_MAX);
	FUZZ_CHECK(json_dumpb(peer->info, NULL, 0, 0) <= INFO_BYTES_MAX);
	FUZZ_CHECK(json_array_size(peer->services) <= PZ_SERVICES_PER_DEVICE_MAX);
	FUZZ_CHECK(peer->live || (peer->info == NULL && peer->services == NULL));
}

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	char *text = json_dumps(result, 0);

	(void)arg;
	(void)detail;
	FUZZ_CHECK(err == PZ_OK && text != NULL); /* all of it can be shown */
	free(text);
}

static void
check(void)
{
	static const struct pz_reply reply = {.done = on_done};
	size_t pos = 0;
	struct pz_slice key;
	void *peer;
	json_t *none = json_object();

	while (pz_map_next(w.node->peers->by_device, &pos, &key, &peer))
		check_kept(peer);
	for (size_t i = 0; i < DEVICES; i++)
		if (w.far[i].pl)
			check_said(&w.far[i], addresses[i]);
	FUZZ_CHECK(pz_node_command(w.node, "peers", none, &reply, NULL) != NULL);
	pz_requests_report(&w.node->requests);
	json_decref(none);
	FUZZ_CHECK(w.node->zone.membership != NULL && !pz_wipe_is_running(w.node->wipe));
	FUZZ_CHECK(w.node->calls->answer_count <= PZ_RESEND_ANSWERS_MAX);
	FUZZ_CHECK(json_object_size(pz_uplink_directory(w.node->uplink)) ==
		   0); /* that is the hub's to fill */
}

/* ---- events ---- */

static void
hear(size_t i, struct pz_slice body)
{
	fuzz_far_says(&w.far[i], &w.world.clock, body);
}

static void
hear_prop(size_t i, const char *from, struct pz_slice payload)
{
	char *body = NULL;
	int len = asprintf(&body,
			   "{\"type\":\"prop\",\"from\":\"%s\",\"to\":\"%s\",\"payload\":%.*s}",
			   from, SELF, PZ_SLICE_FMT(payload));

	FUZZ_CHECK(len > 0);
	hear(i, pz_slice_of(body, (size_t)len));
	free(body);
}

/* What is shown of their answers: who tried is one of them, the words are known ones. */
static void
on_tried(void *arg, json_t *results)
{
	json_t *one;
	size_t i;

	(void)arg;
	FUZZ_CHECK(json_array_size(results) <= (size_t)DEVICES * PZ_PEER_TRIAL_ADDRESSES_MAX);
	json_array_foreach (results, i, one) {
		const char *by = pz_json_str(one, "by"), *error = pz_json_str(one, "error");
		FUZZ_CHECK(by && (strcmp(by, devices[0]) == 0 || strcmp(by, devices[1]) == 0));
		FUZZ_CHECK(json_is_true(json_object_get(one, "ok")) == (error == NULL));
		FUZZ_CHECK(error == NULL || strlen(error) < 32);
	}
}

static void
act(struct pz_slice line)
{
	char event = (char)fuzz_byte(&line);

	switch (event) {
	case '0': /* a prop of this device */
	case '1':
		hear_prop((size_t)(event - '0'), addresses[event - '0'], line);
		break;
	case 'h': /* by the second one, in the hub's name */
		hear_prop(1, ZONE, line);
		break;
	case 'o': /* by the second one, in the first one's name */
		hear_prop(1, addresses[0], line);
		break;
	case 'b': /* any body */
		hear(1, line);
		break;
	case '~': /* time passes */
		pz_kit_clock_run(&w.world.clock, (uint64_t)(fuzz_byte(&line) % 16) * PZ_US_PER_S);
		break;
	case 'd': /* they are to try this device (pzp doctor) */
		(void)pz_peers_trial_start(w.node->peers, on_tried, NULL);
		break;
	case 'x': /* the second one hangs up */
		if (w.far[1].pl)
			pz_link_close(w.far[1].pl->link, PZ_ERR_IO_CLOSED, "hang-up");
		break;
	case 'n': /* and comes again */
		if (w.far[1].pl == NULL)
			fuzz_far_open(&w.far[1], w.node, devices[1], addresses[1]);
		break;
	default:
		break;
	}
	pz_turn_end(&w.turn);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	pz_kit_world_init(&w.world, 1);
	PZ_KIT_OK(pz_turn_init(&w.turn, 0));
	enrol();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	struct pz_node_config config = {
		.env = &w.world.clock.env,
		.transport = {&fuzz_transport_ops, &w},
		.turn = &w.turn,
		.store = w.world.store,
		.keys = w.world.keys,
		.key_type = "ec-p256",
	};

	fuzz_clock_init(&w.world.clock);
	FUZZ_CHECK(pz_node_new(&config, &w.node, NULL) == PZ_OK);
	for (size_t i = 0; i < DEVICES; i++)
		fuzz_far_open(&w.far[i], w.node, devices[i], addresses[i]);
	while (rest.len > 0) {
		act(fuzz_line(&rest));
		check();
	}
	pz_node_stop(w.node);
	pz_turn_end(&w.turn);
	for (size_t i = 0; i < DEVICES; i++)
		FUZZ_CHECK(w.far[i].pl == NULL);
	pz_kit_clock_run(&w.world.clock, PZ_US_PER_S);
	pz_node_free(w.node);
	FUZZ_CHECK(pz_kit_clock_is_idle(&w.world.clock));
	return 0;
}
