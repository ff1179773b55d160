/*
 * Target functions: pz_hub_friend_frame and what it calls: pz_hub_friend_prop, pz_border_on_prop,
 * the registration of a friend's hub, and which of several links of it counts.
 * Input: one line for each event (see `act`): a prop of the friend's hub, or a whole body.
 * Must hold: what is said is JSON from this zone to that one; the own zone keeps its name, its
 * authority, its list and its device, whatever a friend says; of the friend the pinned authority
 * stays, a list of it is signed by that, and what it shows is bounded; at most one link counts and
 * one waits, and both are links of this friend.
 *
 * The links are without TLS, which has fuzz targets of its own.
 */
#include "zone.h"

#include "border/internal.h"
#include "hub/friend.h"
#include "kit/authority.h"
#include "kit/link.h"
#include "kit/network.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

#define DEVICE "laptop"
#define LINKS 2 /* that the friend's hub has opened, and that ours has */

static struct {
	struct pz_kit_world world;
	struct pz_kit_network net;
	struct pz_turn turn;
	struct pz_hub *hub;
	struct pz_hosted_conn *conn[LINKS];
	struct pz_cert *ca;
} w;

static struct pz_hosted *
own(void)
{
	struct pz_hosted *zone = pz_hub_zone_by_name(w.hub, FUZZ_ZONE);

	FUZZ_CHECK(zone != NULL);
	return zone;
}

static const struct pz_friend *
known(void)
{
	return pz_friends_find(own()->authority->friends.table, pz_slice_str(FUZZ_FRIEND));
}

/* ---- links ---- */

static void
hear(size_t i, struct pz_slice body)
{
	struct pz_link *link = w.conn[i] ? w.conn[i]->link : NULL;
	uint8_t *frame = malloc(PZ_FRAME_HEADER_BYTES + body.len);

	FUZZ_CHECK(frame != NULL);
	pz_frame_put_header(frame, body.len);
	memcpy(frame + PZ_FRAME_HEADER_BYTES, body.ptr, body.len);
	if (link && !link->closing) {
		link->rx_us = w.world.clock.now_us;
		pz_liveness_on_bytes(link);
		enum pz_err err = pz_hub_link_events.frame(
			link, pz_slice_of(frame, PZ_FRAME_HEADER_BYTES + body.len));
		if (err != PZ_OK)
			pz_link_close(link, err, "");
	}
	free(frame);
}

/* As TLS leaves a link whose other end has proved to be the friend's hub. */
static void
open_link(size_t i)
{
	struct pz_hub_friend *f = pz_hub_friend_find(own(), FUZZ_FRIEND);
	struct pz_link *link;

	if (f == NULL || w.conn[i])
		return;
	w.conn[i] = calloc(1, sizeof(*w.conn[i]));
	FUZZ_CHECK(w.conn[i]);
	link = pz_kit_link_new(&w.hub->link_host, w.conn[i], PZ_SESSION_FRIEND, FUZZ_FRIEND);
	*w.conn[i] =
		(struct pz_hosted_conn){.hosting = &w.hub->hosting,
					.zone = own(),
					.link = link,
					.log = &f->log,
					.state = PZ_HOSTED_REGISTERING,
					.friend_link = calloc(1, sizeof(*f->conn->friend_link))};
	FUZZ_CHECK(w.conn[i]->friend_link != NULL);
	w.conn[i]->friend_link->of = f;
	w.conn[i]->friend_link->is_ours = i == 1;
	pz_list_append(&w.hub->hosting.links, &link->owner_node);
}

static void
register_link(size_t i)
{
	static const char body[] = "{\"type\":\"JSONRPC\",\"register\":true,\"from\":\"" FUZZ_FRIEND
				   "\",\"to\":\"" FUZZ_ZONE "\",\"payload\":null}";

	hear(i, pz_slice_str(body));
}

/* ---- what must hold ---- */

static bool
is_of_list(const struct pz_hosted_conn *conn)
{
	PZ_LIST_EACH (&w.hub->hosting.links, hook, tmp)
		if (PZ_CONTAINER(hook, struct pz_link, owner_node)->owner == conn)
			return true;
	return false;
}

static void
check_said(const struct pz_hosted_conn *conn)
{
	json_t *said = pz_kit_link_messages(conn->link), *message;
	size_t i;

	json_array_foreach (said, i, message) {
		const char *from = pz_json_str(message, "from"), *to = pz_json_str(message, "to");
		FUZZ_CHECK(from && strncmp(from, FUZZ_ZONE, strlen(FUZZ_ZONE)) == 0);
		FUZZ_CHECK(to == NULL || strncmp(to, FUZZ_FRIEND, strlen(FUZZ_FRIEND)) == 0);
	}
	json_decref(said);
}

static void
check_friend(const struct pz_hub_friend *f)
{
	const struct pz_friend *friend = known();
	const struct pz_border_side *side =
		pz_border_side(own()->border, pz_slice_str(FUZZ_FRIEND));
	uint8_t pinned[PZ_KEY_HASH_BYTES], now[PZ_KEY_HASH_BYTES];

	FUZZ_CHECK((friend == NULL) == (f == NULL));
	if (f == NULL)
		return;
	pz_cert_spki_hash(w.ca, pinned);
	pz_cert_spki_hash(friend->ca, now);
	FUZZ_CHECK(memcmp(pinned, now, sizeof(now)) == 0);
	FUZZ_CHECK(friend->crl == NULL || pz_crl_verify(friend->crl, w.ca, NULL) == PZ_OK);
	FUZZ_CHECK(f->waiting <= PZ_FRIEND_CHANGES_MAX);
	FUZZ_CHECK(f->conn == NULL || (f->conn != f->held && is_of_list(f->conn)));
	FUZZ_CHECK(f->held == NULL || is_of_list(f->held));
	if (side)
		FUZZ_CHECK(json_object_size(side->theirs) <= PZ_FRIEND_DEVICES_MAX);
}

static void
check(void)
{
	const struct pz_authority *a = own()->authority;

	for (size_t i = 0; i < LINKS; i++) {
		if (w.conn[i] && !is_of_list(w.conn[i]))
			w.conn[i] = NULL; /* the turn's end has freed it */
		if (w.conn[i])
			check_said(w.conn[i]);
	}
	check_friend(pz_hub_friend_find(own(), FUZZ_FRIEND));
	FUZZ_CHECK(strcmp(a->zone, FUZZ_ZONE) == 0 && pz_crl_number(a->crl) == 1);
	FUZZ_CHECK(pz_authority_devices(a) == 1 && pz_authority_member(a, DEVICE) != NULL);
	FUZZ_CHECK(a->move.notice.number == 0);
}

/* ---- events ---- */

static void
hear_prop(size_t i, const char *from, struct pz_slice payload)
{
	char *body = NULL;
	int len = asprintf(&body,
			   "{\"type\":\"prop\",\"from\":\"%s\",\"to\":\"" FUZZ_ZONE
			   "\",\"payload\":%.*s}",
			   from, PZ_SLICE_FMT(payload));

	FUZZ_CHECK(len > 0);
	hear(i, pz_slice_of(body, (size_t)len));
	free(body);
}

static void
act(struct pz_slice line)
{
	char event = (char)fuzz_byte(&line);

	switch (event) {
	case '0': /* a prop of the friend's hub, by the link that it has opened, or by ours */
	case '1':
		hear_prop((size_t)(event - '0'), FUZZ_FRIEND, line);
		break;
	case 'd': /* by a device of the friend */
		hear_prop(0, FUZZ_FRIEND "/pad", line);
		break;
	case 'o': /* in the own zone's name */
		hear_prop(0, FUZZ_ZONE, line);
		break;
	case 'b': /* any body */
		hear(0, line);
		break;
	case 'n': /* the friend's hub dials, and registers */
	case 'u': /* ours does */
		open_link(event == 'u');
		register_link(event == 'u');
		break;
	case 'm': /* the machine's network has changed */
		pz_hub_network_changed(w.hub);
		break;
	case 'x': /* a link ends */
		if (w.conn[0])
			pz_link_close(w.conn[0]->link, PZ_ERR_IO_CLOSED, "hang-up");
		break;
	case '~': /* time passes */
		pz_kit_clock_run(&w.world.clock, (uint64_t)(fuzz_byte(&line) % 16) * PZ_US_PER_S);
		break;
	default:
		break;
	}
	pz_turn_end(&w.turn);
	pz_kit_clock_run(&w.world.clock, 10); /* the disk */
	check();
}

/* ---- one input ---- */

static void
note(void *arg, enum pz_err err, const char *detail)
{
	(void)detail;
	*(enum pz_err *)arg = err;
}

/* As the exchange of an invitation leaves it; confirmed by both where the input says so. */
static void
befriend(bool is_confirmed)
{
	struct pz_friend *f = NULL;
	enum pz_err err = PZ_ERR_INTERNAL;

	FUZZ_CHECK(pz_friend_new(FUZZ_FRIEND, w.ca, &f, NULL) == PZ_OK);
	snprintf(f->host, sizeof(f->host), "hub.example.net");
	f->port = 8041;
	pz_hub_friend_add(own(), f, NULL, note, &err);
	pz_kit_clock_run(&w.world.clock, 10);
	FUZZ_CHECK(err == PZ_OK);
	if (!is_confirmed)
		return;
	pz_hub_friend_confirm(own(), FUZZ_FRIEND, "", note, &err);
	pz_hub_friend_confirmed_there(own(), FUZZ_FRIEND);
	pz_kit_clock_run(&w.world.clock, 10);
	FUZZ_CHECK(known() && pz_friend_is_confirmed(known()));
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct pz_authority *a;

	(void)argc;
	(void)argv;
	fuzz_start();
	pz_kit_world_init(&w.world, 1);
	PZ_KIT_OK(pz_turn_init(&w.turn, 0));
	a = pz_kit_authority_new(&w.world, FUZZ_ZONE);
	(void)pz_kit_admit(&w.world, a, DEVICE, NULL);
	pz_authority_free(a);
	w.ca = fuzz_cert("friend-ca.pem");
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	enum pz_err err = PZ_ERR_INTERNAL;

	fuzz_clock_init(&w.world.clock);
	pz_kit_network_init(&w.net, &w.world.clock);
	const struct pz_hub_config config = {
		.env = &w.world.clock.env,
		.transport = pz_kit_network_transport(&w.net),
		.turn = &w.turn,
		.store = w.world.store,
		.keys = w.world.keys,
		.key_type = "ec-p256",
	};
	FUZZ_CHECK(pz_hub_new(&config, &w.hub, NULL) == PZ_OK);
	befriend(fuzz_byte(&rest) != '-');
	open_link(0);
	register_link(0);
	while (rest.len > 0)
		act(fuzz_line(&rest));
	if (known()) {
		pz_hub_friend_remove(own(), FUZZ_FRIEND, false, note, &err);
		pz_kit_clock_run(&w.world.clock, 10);
		FUZZ_CHECK(err == PZ_OK && known() == NULL);
	}
	pz_hub_stop(w.hub);
	pz_turn_end(&w.turn);
	pz_kit_clock_run(&w.world.clock, PZ_US_PER_S);
	pz_hub_free(w.hub);
	memset(w.conn, 0, sizeof(w.conn));
	return 0;
}
