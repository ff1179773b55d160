/*
 * The codes of one zone: at most one for any device and one for each device's name. A new code for
 * the same name replaces the old one; a code that has ended keeps its place until another needs it,
 * so that a late attempt is answered with the reason.
 */
#include "enrol/codes.h"

#include <stdlib.h>
#include <string.h>

/* A code that was used or cancelled is zeroed: it has no name and needs no place. */
static bool
has_code(const struct pz_code *code)
{
	return code && code->expires_us != 0;
}

static struct pz_code **
place_of(struct pz_codes *codes, const char *device)
{
	for (size_t i = 0; i < PZ_CODES_MAX; i++)
		if (has_code(codes->list[i]) && strcmp(codes->list[i]->device, device) == 0)
			return &codes->list[i];
	return NULL;
}

/* A place that is empty, or holds a code that has ended. */
static struct pz_code **
free_place(struct pz_codes *codes, const struct pz_env *env)
{
	for (size_t i = 0; i < PZ_CODES_MAX; i++)
		if (codes->list[i] == NULL)
			return &codes->list[i];
	for (size_t i = 0; i < PZ_CODES_MAX; i++)
		if (!pz_code_is_live(codes->list[i], env))
			return &codes->list[i];
	return NULL;
}

enum pz_err
pz_codes_issue(struct pz_codes *codes, const struct pz_env *env, const char *device, unsigned ttl_s,
	       struct pz_code **out, bool *out_replaced)
{
	struct pz_code **place = place_of(codes, device ? device : "");

	if (place == NULL)
		place = free_place(codes, env);
	if (place == NULL)
		return PZ_ERR_LIMIT;
	if (*place == NULL)
		*place = calloc(1, sizeof(**place));
	if (*place == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	*out_replaced = pz_code_is_live(*place, env);
	pz_code_issue(*place, env, device, ttl_s);
	*out = *place;
	return PZ_OK;
}

static struct pz_code *
live_one(const struct pz_codes *codes, const struct pz_env *env)
{
	for (size_t i = 0; i < PZ_CODES_MAX; i++)
		if (codes->list[i] && pz_code_is_live(codes->list[i], env))
			return codes->list[i];
	return NULL;
}

/* A code for this name comes first. Without one, the attempt is counted at some live code, which
 * answers. */
struct pz_code *
pz_codes_find(struct pz_codes *codes, const struct pz_env *env, const char *device)
{
	struct pz_code **named = place_of(codes, device), **any = place_of(codes, "");

	if (named && (any == NULL || pz_code_is_live(*named, env)))
		return *named;
	return any ? *any : live_one(codes, env);
}

struct pz_code *
pz_codes_of_issue(struct pz_codes *codes, uint64_t issue)
{
	for (size_t i = 0; i < PZ_CODES_MAX; i++)
		if (has_code(codes->list[i]) && codes->list[i]->issue == issue)
			return codes->list[i];
	return NULL;
}

bool
pz_codes_is_live(const struct pz_codes *codes, const struct pz_env *env)
{
	return live_one(codes, env) != NULL;
}

void
pz_codes_cancel_all(struct pz_codes *codes)
{
	for (size_t i = 0; i < PZ_CODES_MAX; i++) {
		if (codes->list[i])
			pz_code_cancel(codes->list[i]);
		free(codes->list[i]);
		codes->list[i] = NULL;
	}
}
