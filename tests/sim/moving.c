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
static struct sim_call *
begin_with_file(struct sim_node *hub, const char *name, json_t *params, struct pz_buf *bytes)
{
	struct fake_file *file = fake_file_new(&hub->env, bytes, PART_BYTES);

	return sim_command_file(hub, name, params, &file->base);
}

static json_t *
key_of_archives(void)
{
	uint8_t key[PZ_ARCHIVE_KEY_BYTES];

	memset(key, 7, sizeof(key));
	return base64(key, sizeof(key));
}

static void
await_end(struct sim_call *call, const char *name)
{
	(void)sim_await(call, SIM_MINUTE);
	sim_check(call->node->world, call->is_done && call->err == PZ_OK, "%s: %s failed: %s",
		  call->node->name, name, call->detail);
	sim_call_free(call);
}

void
moving_announce(struct sim_node *former, const char *zone, const char *host)
{
	json_decref(
		sim_do(former, "move",
		       json_pack("{s:s, s:s, s:i}", "zone", zone, "host", host, "port", HUB_PORT),
		       SIM_MINUTE));
}

struct sim_call *
moving_export(struct sim_node *former, const char *zone, struct pz_buf *archive)
{
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES];

	pz_archive_head_make(&former->env, head);
	return begin_with_file(former, "export",
			       json_pack("{s:s, s:o, s:o}", "zone", zone, "head",
					 base64(head, sizeof(head)), "key", key_of_archives()),
			       archive);
}

struct sim_call *
moving_import(struct sim_node *hub, struct pz_buf *archive)
{
	return begin_with_file(hub, "import",
			       json_pack("{s:s, s:o}", "host", hub->name, "key", key_of_archives()),
			       archive);
}

struct sim_node *
moving_move(struct sim_node *former, const char *zone, const char *host)
{
	struct sim_node *hub = world_add_hub(former->world, host);
	struct pz_buf archive;

	sim_start(hub);
	moving_announce(former, zone, host);
	pz_buf_init(&archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	await_end(moving_export(former, zone, &archive), "export");
	sim_stop(former);
	await_end(moving_import(hub, &archive), "import");
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
