/*
 * A device of the zone changes the owner's policy (page 9, 13). The document is sent in pieces,
 * each of which is answered before the next one is sent, so that calls of the device need not wait
 * behind it.
 *
 *     device                                                     hub
 *     policyEdit {id, base, size, at, text, force?}      ->
 *            <-   policyEdited {id, next}                        the next piece, from there
 *            <-   policyEdited {id, sequence}                    it is stored, and counts
 *            <-   policyEdited {id, code, message, sequence}     it is refused
 */
#include <stdlib.h>
#include <string.h>

#include "hosted/policy.h"
#include "hub/internal.h"
#include "wire/json.h"

struct pz_hub_upload {
	struct pz_hosted *zone;
	struct pz_hosted_policy_edit edit;
	size_t size; /* of the whole document */
	struct pz_buf text;
};

static void
upload_free(struct pz_hub_upload *u)
{
	if (u == NULL)
		return;
	u->zone->uploads--;
	pz_buf_fini(&u->text);
	free(u);
}

void
pz_hub_policy_end(struct pz_hosted_conn *conn)
{
	upload_free(PZ_TAKE(conn->upload));
}

/* ---- answers ---- */

static void
answer(struct pz_hosted_conn *conn, json_t *message)
{
	pz_hosted_answer(conn, conn->link->session.address, "policyEdited", message);
	json_decref(message);
}

static const char *
code_of(enum pz_err err)
{
	if (err == PZ_ERR_EXISTS)
		return "conflict";
	if (err == PZ_ERR_DENIED)
		return "refused";
	return err == PZ_ERR_CONFIG || err == PZ_ERR_LIMIT ? "invalid" : "failed";
}

static void
refuse(struct pz_hosted_conn *conn, int64_t id, enum pz_err err, const char *detail,
       uint64_t sequence)
{
	answer(conn, json_pack("{s:I, s:s, s:s, s:I}", "id", (json_int_t)id, "code", code_of(err),
			       "message", detail, "sequence", (json_int_t)sequence));
}

/* The link of the request may have been replaced by another one of the device meanwhile. */
static void
on_done(struct pz_hosted *zone, const struct pz_hosted_policy_edit *edit, enum pz_err err,
	const char *detail, uint64_t sequence)
{
	const struct pz_member *member = pz_authority_member(zone->authority, edit->device);

	if (member == NULL || member->session == NULL || strcmp(member->serial, edit->serial) != 0)
		return;
	struct pz_hosted_conn *conn = pz_link_of(member->session)->owner;
	if (err == PZ_OK)
		answer(conn, json_pack("{s:I, s:I}", "id", (json_int_t)edit->id, "sequence",
				       (json_int_t)sequence));
	else
		refuse(conn, edit->id, err, detail, sequence);
}

/* ---- pieces ---- */

/* One document at a time for each link; a new one replaces an incomplete one. */
static struct pz_hub_upload *
begin(struct pz_hosted_conn *conn, int64_t id, int64_t base, size_t size, bool is_forced)
{
	struct pz_hosted *zone = conn->zone;
	struct pz_hub_upload *u = NULL;

	pz_hub_policy_end(conn);
	if (zone->uploads < PZ_POLICY_UPLOADS_MAX)
		u = calloc(1, sizeof(*u));
	if (u == NULL)
		return NULL;
	zone->uploads++;
	u->zone = zone;
	u->size = size;
	pz_buf_init(&u->text, size + 1, NULL);
	u->edit = (struct pz_hosted_policy_edit){
		.has_base = true,
		.base = (uint64_t)base,
		.is_forced = is_forced,
		.id = id,
		.done = on_done,
	};
	snprintf(u->edit.device, sizeof(u->edit.device), "%s", conn->member->device);
	snprintf(u->edit.serial, sizeof(u->edit.serial), "%s", conn->serial);
	conn->upload = u;
	return u;
}

/* Counted against the limit once for each document, not for each piece. */
static void
complete(struct pz_hosted_conn *conn)
{
	struct pz_hub_upload *u = PZ_TAKE(conn->upload);
	struct pz_errinfo info = {""};

	if (pz_hub_may_change(conn->zone, conn->member->device, "policyEdit", &info) != PZ_OK) {
		refuse(conn, u->edit.id, PZ_ERR_DENIED, info.text, 0);
		upload_free(u);
		return;
	}
	u->edit.document = pz_slice_dup(pz_buf_slice(&u->text));
	u->edit.len = u->text.len;
	if (u->edit.document)
		pz_hosted_policy_set(u->zone, &u->edit);
	else
		refuse(conn, u->edit.id, PZ_ERR_LIMIT_MEMORY, "out of memory", 0);
	upload_free(u);
}

static void
take_piece(struct pz_hosted_conn *conn, struct pz_slice text)
{
	struct pz_hub_upload *u = conn->upload;

	if (pz_buf_append(&u->text, text) != PZ_OK) {
		refuse(conn, u->edit.id, PZ_ERR_LIMIT_MEMORY, "out of memory", 0);
		pz_hub_policy_end(conn);
	} else if (u->text.len == u->size) {
		complete(conn);
	} else {
		answer(conn, json_pack("{s:I, s:I}", "id", (json_int_t)u->edit.id, "next",
				       (json_int_t)u->text.len));
	}
}

const char *
pz_hub_policy_edit(struct pz_hosted_conn *conn, const json_t *message)
{
	const json_t *text = json_object_get(message, "text");
	const int64_t max = (int64_t)PZ_SYNC_TIME_MS_MAX;
	size_t len = json_string_length(text);
	int64_t id, base, size, at;

	if (!json_is_string(text) || !pz_json_int(message, "id", 0, max, &id) ||
	    !pz_json_int(message, "base", 0, max, &base) ||
	    !pz_json_int(message, "size", 1, PZ_POLICY_ZONE_BYTES_MAX, &size) ||
	    !pz_json_int(message, "at", 0, size - 1, &at) || len == 0 || len > (size_t)(size - at))
		return "policyEdit needs id, base, size, at, and a piece of a document that is not "
		       "too long";
	struct pz_errinfo info = {""};
	/* Checked with each piece: the owner may take the right away while a document is being
	 * sent. */
	if (pz_hosted_conn_may(conn, PZ_RIGHT_POLICY, "policyEdit", &info) != PZ_OK) {
		pz_hub_policy_end(conn);
		refuse(conn, id, PZ_ERR_DENIED, info.text, 0);
		return NULL;
	}
	if (at == 0 && begin(conn, id, base, (size_t)size,
			     json_is_true(json_object_get(message, "force"))) == NULL) {
		refuse(conn, id, PZ_ERR_LIMIT_MEMORY,
		       "other devices change the policy just now; try again", 0);
		return NULL;
	}
	const struct pz_hub_upload *u = conn->upload;
	if (u == NULL || u->edit.id != id || u->text.len != (size_t)at || u->size != (size_t)size)
		return "the piece does not continue the document";
	take_piece(conn, pz_slice_of(json_string_value(text), len));
	return NULL;
}
