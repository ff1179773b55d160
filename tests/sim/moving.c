#include "moving.h"

#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/codec.h"
#include "harness.h"
#include "pzh/fake_file.h"

#define HUB_PORT 8041
#define PART_BYTES 4000 /* of the archive, at a time */

static json_t *
base64(const void *bytes, size_t len)
{
	char *text = pz_base64_encode(pz_slice_of(bytes, len));
	json_t *string = json_string(text);

	free(text);
	return string;
}

/* @param bytes what the file has, or what is written into it */
static void
run_with_file(struct sim_node *hub, const char *name, json_t *params, struct pz_buf *bytes)
{
	struct fake_file *file = fake_file_new(&hub->env, bytes, PART_BYTES);
	struct sim_call *call = sim_command_file(hub, name, params, &file->base);

	(void)sim_await(call, SIM_MINUTE);
	sim_check(hub->world, call->is_done && call->err == PZ_OK, "%s: %s failed: %s", hub->name,
		  name, call->detail);
	sim_call_free(call);
}

struct sim_node *
moving_move(struct sim_node *former, const char *zone, const char *host)
{
	struct sim_node *hub = world_add_hub(former->world, host);
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];
	struct pz_buf archive;

	sim_start(hub);
	json_decref(
		sim_do(former, "move",
		       json_pack("{s:s, s:s, s:i}", "zone", zone, "host", host, "port", HUB_PORT),
		       SIM_MINUTE));
	pz_archive_head_make(&former->env, head);
	memset(key, 7, sizeof(key));
	pz_buf_init(&archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	run_with_file(former, "export",
		      json_pack("{s:s, s:o, s:o}", "zone", zone, "head", base64(head, sizeof(head)),
				"key", base64(key, sizeof(key))),
		      &archive);
	sim_stop(former);
	run_with_file(hub, "import",
		      json_pack("{s:s, s:o}", "host", host, "key", base64(key, sizeof(key))),
		      &archive);
	pz_buf_wipe(&archive);
	return hub;
}

void
moving_follow(struct sim_node *device, const char *host)
{
	json_t *known = sim_do(device, "hub", NULL, SIM_MINUTE);
	const char *at = json_string_value(json_object_get(known, "host"));

	if (at == NULL || strcmp(at, host) != 0)
		json_decref(sim_do(device, "hub", json_pack("{s:s}", "host", host), SIM_MINUTE));
	json_decref(known);
}
