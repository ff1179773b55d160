#include "friends_check.h"

#include <stdlib.h>
#include <string.h>

static void
check_call(struct scene *s, size_t from, size_t device, size_t to, size_t service)
{
	const char *own = friends_devices[service];
	struct sim_call *call = friends_begin_call(s->device[from][device], to, service);
	bool is_over = sim_await(call, SIM_MINUTE);
	bool expected = from == to || (friends_are_both(s, to, from) &&
				       friends_is_shared(s->device[to][0], friends_zones[from],
							 friends_devices[device], own));
	bool is_done = json_is_true(json_object_get(call->result, "result"));
	char *text = json_dumps(call->result ? call->result : json_null(), JSON_ENCODE_ANY);

	sim_check(s->world, is_over && is_done == expected,
		  "%s calls %s/%s, which %s allowed, and gets: %s %s",
		  s->device[from][device]->name, friends_zones[to], own, expected ? "is" : "is not",
		  text, call->detail);
	free(text);
	sim_call_free(call);
}

/* With its name: one of the zone's devices that is shared with every device of the other zone. */
static void
check_peers(struct scene *s, size_t zone, size_t device)
{
	json_t *list = sim_do(s->device[zone][device], "peers", NULL, 10 * SIM_S), *one;
	size_t i, named = 0, expected = 0;

	for (size_t other = 0; other < ZONES; other++)
		for (size_t k = 0; k < DEVICES && other != zone; k++)
			expected += friends_are_both(s, other, zone) &&
				    friends_is_shared(s->device[other][0], friends_zones[zone],
						      NULL, friends_devices[k]);
	json_array_foreach (list, i, one) {
		const char *id = json_string_value(json_object_get(one, "id"));
		const char *slash = strchr(id, '/');

		if (!json_is_true(json_object_get(one, "friend")))
			continue;
		for (size_t other = 0; other < ZONES; other++)
			if (strncmp(id, friends_zones[other], strlen(friends_zones[other])) == 0 &&
			    (friends_are_both(s, other, zone) || !friends_are(s, zone, other))) {
				bool shown = friends_is_shared(
					s->device[other][0], friends_zones[zone], NULL, slash + 1);
				bool is_bare =
					json_array_size(json_object_get(one, "addresses")) == 0;

				sim_check(s->world, shown || is_bare,
					  "%s knows addresses of %s, which is not shown to it",
					  s->device[zone][device]->name, id);
				sim_check(s->world, friends_are(s, other, zone),
					  "%s knows %s, which is no friend",
					  s->device[zone][device]->name, id);
				named += shown;
			}
	}
	sim_check(s->world, named == expected,
		  "%s is shown %zu devices of other friends_zones, not %zu",
		  s->device[zone][device]->name, named, expected);
	json_decref(list);
}

void
friends_check_end(struct scene *s)
{
	for (size_t a = 0; a < ZONES; a++)
		for (size_t i = 0; i < DEVICES; i++)
			check_peers(s, a, i);
	for (size_t a = 0; a < ZONES; a++)
		for (size_t i = 0; i < DEVICES; i++)
			for (size_t b = 0; b < ZONES; b++)
				for (size_t k = 0; k < DEVICES; k++)
					check_call(s, a, i, b, k);
}
