/*
 * The command that makes a token for a program. The token is shown once, in this answer; only its
 * hash is stored (tokens.c), so it is wiped here as soon as the request ends.
 */
#include "tokens/command.h"

#include <sodium.h>
#include <stdio.h>

#include "base/log.h"
#include "wire/json.h"

struct state {
	char app[sizeof(PZ_TOKENS_PREFIX) + PZ_TOKEN_NAME_BYTES_MAX];
	char token[PZ_TOKENS_CHARS + 1];
};

static void
on_release(struct pz_request *request)
{
	sodium_memzero(request->state, sizeof(struct state));
}

/* The commit continues when the person interrupts: then `pzp apps` shows a token that no program
 * has. */
static const struct pz_request_kind kind = {
	.size = sizeof(struct state), .release = on_release, .goes_on = true};

static void
on_made(void *arg, enum pz_err err, const char *detail)
{
	struct pz_request *request = arg;
	const struct state *state = request->state;

	if (err != PZ_OK) {
		pz_request_fail(request, err, detail);
		return;
	}
	pz_notice("app-token", "app=%s made", state->app);
	pz_request_answer(request,
			  json_pack("{s:s, s:s}", "app", state->app, "token", state->token));
}

void
pz_tokens_command(struct pz_tokens *tokens, struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct state *state = pz_request_begin(request, &kind);

	if (state == NULL)
		return;
	const char *name = pz_json_str(request->params, "name");
	snprintf(state->app, sizeof(state->app), "%s%s", PZ_TOKENS_PREFIX, name ? name : "");
	enum pz_err err = pz_tokens_make(tokens, name, state->token, on_made, request, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
}
