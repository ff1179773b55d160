#include "pzh/border_fixture.h"

/* ---- what is said ---- */

void
frame_by(const struct device *by, struct pz_buf *frame)
{
	assert_ok(pz_router_frame(zone_of(ZONE)->router, &by->link->session, pz_buf_slice(frame)));
	pz_buf_fini(frame);
}

void
call(const struct device *by, const char *from, const char *to, const char *method)
{
	struct pz_buf frame;
	json_t *payload =
		json_pack("{s:s, s:s, s:s}", "jsonrpc", "2.0", "id", "r1", "method", method);

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_rpc(&frame, from, to, payload));
	json_decref(payload);
	frame_by(by, &frame);
}

void
friend_prop(const struct device *by, const char *from, const char *status, json_t *message)
{
	struct pz_buf frame;

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_prop(&frame, from, ZONE, status, message));
	json_decref(message);
	frame_by(by, &frame);
}

json_t *
service(const char *address, const char *api)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "api", api, "displayName", "Test", "description",
			 "a test", "serviceAddress", address);
}

void
announce(const struct device *d, const char *api, const char *more)
{
	json_t *list = json_pack("[o]", service(d->address, api));

	if (more)
		json_array_append_new(list, service(d->address, more));
	say_prop(d, d->address, "registerServices",
		 json_pack("{s:o, s:s}", "services", list, "from", d->address));
}

void
set_policy(const char *rules)
{
	char text[4096];

	snprintf(
		text, sizeof(text),
		"<policy-set combine='first-matching-target'>"
		"<policy combine='first-applicable'><target><subject><subject-match "
		"attr='user-id' match='http://webinos.org/subject/id/PZ-Owner'/></subject></target>"
		"<rule effect='permit'/></policy>"
		"<policy combine='first-applicable'>%s<rule effect='deny'/></policy></policy-set>",
		rules);
	const struct pz_kit_answer *a =
		ask("policy-set", json_pack("{s:s, s:s}", "zone", ZONE, "document", text));
	if (a->err != PZ_OK)
		fail_msg("%s", a->detail);
}

const char *
shown(const struct device *d)
{
	static char text[512];
	json_t *list = told(d), *message, *entry;
	size_t i, k;

	text[0] = '\0';
	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		const char *status = pz_json_str(payload, "status");
		if (status == NULL || strcmp(status, "Update") != 0)
			continue;
		json_array_foreach (json_object_get(json_object_get(payload, "message"), "PZP"), k,
				    entry) {
			size_t len = strlen(text);
			snprintf(text + len, sizeof(text) - len, "%s%s%s%s", len ? " " : "",
				 pz_json_str(entry, "name"),
				 json_is_true(json_object_get(entry, "hidden"))      ? "-hidden"
				 : json_is_true(json_object_get(entry, "connected")) ? ""
										     : "-away",
				 json_object_get(entry, "displayName") ? "" : "-bare");
		}
	}
	json_decref(list);
	return text;
}

const char *
found(const struct device *d, const char *id)
{
	static char text[512];
	json_t *list = told(d), *message, *one;
	size_t i, k;

	snprintf(text, sizeof(text), "(no answer)");
	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		json_t *body = json_object_get(payload, "message");
		const char *status = pz_json_str(payload, "status");
		if (!status || strcmp(status, "foundServices") != 0 ||
		    strcmp(pz_json_str(body, "id"), id) != 0)
			continue;
		text[0] = '\0';
		json_array_foreach (json_object_get(body, "services"), k, one) {
			size_t len = strlen(text);
			snprintf(text + len, sizeof(text) - len, "%s%s %s", len ? ", " : "",
				 pz_json_str(one, "serviceAddress"),
				 strrchr(pz_json_str(one, "api"), '/') + 1);
		}
	}
	json_decref(list);
	return text;
}

const char *
friend_told(const struct device *d)
{
	static char text[512];
	json_t *list = told(d), *message, *entry;
	size_t i, k;

	text[0] = '\0';
	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		json_t *body = json_object_get(payload, "message");
		const char *status = pz_json_str(payload, "status");
		if (status == NULL || strcmp(status, "friendUpdate") != 0)
			continue;
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s%s%s:", len ? "; " : "",
			 pz_json_str(body, "zone"),
			 json_is_true(json_object_get(body, "connected")) ? "" : " away",
			 json_is_true(json_object_get(body, "partial")) ? "" : " whole");
		json_array_foreach (json_object_get(body, "PZP"), k, entry) {
			len = strlen(text);
			snprintf(text + len, sizeof(text) - len, " %s%s",
				 pz_json_str(entry, "name"),
				 json_is_true(json_object_get(entry, "connected")) ? "" : "-away");
		}
	}
	json_decref(list);
	return text;
}

void
forget_all(void)
{
	forget_told(&bob);
	forget_told(&carol);
	forget_told(&laptop);
	forget_told(&tv);
}
