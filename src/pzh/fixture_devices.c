#include "pzh/fixture_devices.h"

struct device laptop, car, phone, tv;

/* ---- devices ---- */

static void
enrol(struct device *d, const char *name)
{
	struct pz_authority *a = zone_of(ZONE)->authority;

	d->membership = pz_kit_enrol(&w.world, a, name, w.world.keys, NULL);
	snprintf(d->address, sizeof(d->address), "%s/%s", ZONE, name);
}

struct pz_member *
member_of(const struct device *d)
{
	return pz_authority_member(zone_of(ZONE)->authority, d->membership->device);
}

void
say(const struct device *d, struct pz_buf *frame)
{
	if (!d->link->closing)
		assert_ok(pz_hub_link_events.frame(d->link, pz_buf_slice(frame)));
	pz_buf_fini(frame);
}

void
make_link(struct device *d, enum pz_session_kind kind)
{
	struct pz_hosted_conn *conn = calloc(1, sizeof(*conn));

	assert_non_null(conn);
	struct pz_link *link = pz_kit_link_new(&w.hub->link_host, conn, kind, d->address);
	*conn = (struct pz_hosted_conn){.hosting = &w.hub->hosting,
					.zone = zone_of(ZONE),
					.link = link,
					.log = &w.hub->refuse_log,
					.state = PZ_HOSTED_REGISTERING};
	pz_list_append(&w.hub->hosting.links, &link->owner_node);
	d->link = link;
	d->conn = conn;
}

void
link_up(struct device *d)
{
	struct pz_buf frame;

	make_link(d, PZ_SESSION_DEVICE);
	d->conn->member = member_of(d);
	d->conn->log = &d->conn->member->log;
	snprintf(d->conn->serial, sizeof(d->conn->serial), "%s", d->conn->member->serial);
	pz_buf_init(&frame, PZ_FRAME_BYTES_ENROL, NULL);
	assert_ok(pz_message_register(&frame, d->address, ZONE, PZ_FRAME_BYTES_DEFAULT, NULL));
	say(d, &frame);
	assert_ptr_equal(member_of(d)->session, &d->link->session);
}

void
link_down(struct device *d)
{
	pz_link_close(d->link, PZ_ERR_IO_CLOSED, "the test ends it");
	pz_turn_end(&w.turn);
	d->link = NULL;
	d->conn = NULL;
}

void
restart_without_links(void)
{
	struct device *all[] = {&laptop, &car, &phone, &tv};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->link)
			link_down(all[i]);
	restart_hub();
}

int
set_up_devices(void **state)
{
	set_up(state);
	make_zone(ZONE);
	laptop = car = phone = tv = (struct device){0};
	enrol(&laptop, "laptop");
	enrol(&car, "car");
	enrol(&phone, "phone");
	enrol(&tv, "tv");
	link_up(&laptop);
	link_up(&car);
	link_up(&tv);
	return 0;
}

int
tear_down_devices(void **state)
{
	struct device *all[] = {&laptop, &car, &phone, &tv};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		pz_membership_free(all[i]->membership);
	return tear_down(state);
}

/* ---- what they say ---- */

void
say_prop(const struct device *by, const char *from, const char *status, json_t *message)
{
	struct pz_buf frame;

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_prop(&frame, from, ZONE, status, message));
	json_decref(message);
	say(by, &frame);
}

/* ---- what they receive ---- */

json_t *
told(const struct device *d)
{
	run(PZ_US_PER_S);
	return pz_kit_link_messages(d->link);
}

size_t
count_told(const struct device *d, const char *what, const char *to)
{
	json_t *list = told(d), *message;
	size_t i, count = 0;

	json_array_foreach (list, i, message) {
		const char *type = pz_json_str(message, "type"), *dest = pz_json_str(message, "to");
		const char *status = pz_json_str(json_object_get(message, "payload"), "status");
		if (dest && strcmp(dest, to) == 0 &&
		    (strcmp(type, what) == 0 || (status && strcmp(status, what) == 0)))
			count++;
	}
	json_decref(list);
	return count;
}

void
forget_told(const struct device *d)
{
	json_decref(told(d));
}

int
error_told(const struct device *d)
{
	json_t *list = told(d), *message;
	size_t i;
	int code = 0;

	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		json_t *error = json_object_get(payload, "error");
		if (error)
			code = (int)json_integer_value(json_object_get(error, "code"));
	}
	json_decref(list);
	return code;
}

json_t *
entry_told(const struct device *d, const char *name)
{
	json_t *list = told(d), *message, *entry, *newest = NULL;
	size_t i, k;

	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		json_array_foreach (json_object_get(json_object_get(payload, "message"), "PZP"), k,
				    entry) {
			if (strcmp(pz_json_str(entry, "name"), name) != 0)
				continue;
			json_decref(newest);
			newest = json_incref(entry);
		}
	}
	json_decref(list);
	return newest;
}

uint64_t
metric(enum pz_metric which)
{
	return pz_metric_get(&w.hub->hosting.metrics, which);
}
