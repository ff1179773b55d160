/*
 * Questions of other devices of the owner. Their content is checked like a stranger's: each text is
 * bounded, and the sentences that a person reads are written here, from the parts. An id that is
 * already known here is refused, so that an answer always belongs to the question that was read.
 * @spec page 9, 11.3
 */
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "prompt/internal.h"
#include "wire/json.h"

#define RULE_BYTES_MAX 1024

/* ---- reading ---- */

static bool
read_id(const json_t *question, char out[PZ_PROMPT_ID_CHARS])
{
	const char *id = pz_json_str(question, "id");
	uint8_t bytes[(PZ_PROMPT_ID_CHARS - 1) / 2];

	if (id == NULL || strlen(id) != PZ_PROMPT_ID_CHARS - 1 ||
	    pz_hex_decode(pz_slice_str(id), bytes, sizeof(bytes)) != PZ_OK)
		return false;
	pz_hex_encode(bytes, sizeof(bytes), out);
	return strcmp(id, out) == 0;
}

static bool
read_effect(const json_t *question, enum pz_policy_effect *out)
{
	const char *name = pz_json_str(question, "effect");

	for (int i = PZ_POLICY_PROMPT_ONESHOT; name && i <= PZ_POLICY_PROMPT_BLANKET; i++) {
		if (strcmp(name, pz_policy_effect_name((enum pz_policy_effect)i)) != 0)
			continue;
		*out = (enum pz_policy_effect)i;
		return true;
	}
	return false;
}

static struct pz_slice
text_of(const json_t *object, const char *name)
{
	return pz_slice_str(pz_json_str(object, name));
}

static bool
read_key(const json_t *question, struct pz_prompt_key *out)
{
	const json_t *who = json_object_get(question, "who"),
		     *what = json_object_get(question, "what");
	const struct pz_slice fields[PZ_PROMPT_FIELDS] = {
		[PZ_PROMPT_ZONE] = text_of(who, "zone"),
		[PZ_PROMPT_DEVICE] = text_of(who, "device"),
		[PZ_PROMPT_APP] = text_of(who, "app"),
		[PZ_PROMPT_FEATURE] = text_of(what, "feature"),
		[PZ_PROMPT_SERVICE] = json_is_true(json_object_get(what, "isForService"))
					      ? text_of(what, "service")
					      : (struct pz_slice){NULL, 0},
	};

	return fields[PZ_PROMPT_ZONE].len > 0 && fields[PZ_PROMPT_FEATURE].len > 0 &&
	       pz_prompt_key_make(fields, out) == PZ_OK;
}

static bool
is_short(struct pz_slice text, size_t max)
{
	return text.len <= max && pz_utf8_is_valid(text);
}

/* The remaining members that are shown. */
static json_t *
read_shown(const struct pz_question *guest, const json_t *question, uint64_t wait_us)
{
	const json_t *who = json_object_get(question, "who"),
		     *what = json_object_get(question, "what");
	struct pz_slice name = text_of(who, "displayName"), service = text_of(what, "service");
	struct pz_slice function = text_of(what, "function"), rule = text_of(question, "rule");
	struct pz_slice origin = text_of(who, "origin");

	if (!is_short(name, PZ_DISPLAY_NAME_BYTES_MAX) ||
	    !is_short(service, PZ_PROMPT_SERVICE_BYTES_MAX) ||
	    !is_short(function, PZ_METHOD_BYTES_MAX) || !is_short(rule, RULE_BYTES_MAX) ||
	    !is_short(origin, PZ_APP_ORIGIN_BYTES_MAX))
		return NULL;
	const struct pz_prompt_view view = {
		.display_name = (const char *)name.ptr,
		.origin = (const char *)origin.ptr,
		.service = (const char *)service.ptr,
		.function = (const char *)function.ptr,
		.rule = rule,
		.wait_us = wait_us,
	};
	return pz_prompt_describe(guest, &view);
}

/* ---- coming ---- */

static size_t
count_of(const struct pz_prompts *prompts, const char *device)
{
	size_t count = 0;

	PZ_LIST_EACH (&prompts->guests, n, tmp) {
		if (strcmp(PZ_CONTAINER(n, struct pz_question, all)->asker, device) == 0)
			count++;
	}
	return count;
}

/* True if the device has asked this question and it still waits. A question from an earlier link of
 * the device is freed to make room for it. */
static bool
is_there(const struct pz_prompts *prompts, const char *device, const char *id)
{
	struct pz_question *known = pz_question_find(prompts, id);

	if (known == NULL || strcmp(known->asker, device) != 0)
		return false;
	if (pz_question_is_open(known))
		return true;
	if (!known->was_answered)
		pz_question_free(known);
	return false;
}

/* By then the device that asks has ended the question. */
static void
on_timeout(struct pz_timer *timer, void *arg)
{
	struct pz_question *guest = arg;

	(void)timer;
	pz_agents_hide(guest, "no answer in time");
	pz_question_end(guest, PZ_QUESTION_ENDED);
}

static enum pz_err
add(struct pz_prompts *prompts, struct pz_question *guest, const char *id, const json_t *question,
    uint64_t wait_us, struct pz_errinfo *info)
{
	memcpy(guest->id, id, PZ_PROMPT_ID_CHARS);
	guest->shown = read_shown(guest, question, wait_us);
	if (guest->shown == NULL) {
		pz_question_free(guest);
		return pz_fail(info, PZ_ERR_PROTO, "a text of the question is malformed");
	}
	guest->state = PZ_QUESTION_WAITS;
	guest->until_us = pz_env_mono_us(prompts->config.env) + wait_us;
	pz_timer_init(&guest->timer, on_timeout, guest);
	pz_env_start(prompts->config.env, &guest->timer, wait_us);
	pz_list_append(&prompts->guests, &guest->all);
	pz_agents_show(guest);
	return PZ_OK;
}

enum pz_err
pz_prompts_guest(struct pz_prompts *prompts, const char *device, const json_t *question,
		 struct pz_errinfo *info)
{
	char id[PZ_PROMPT_ID_CHARS];
	enum pz_policy_effect effect;
	struct pz_prompt_key key;
	int64_t left_ms;

	if (!read_id(question, id) || !read_effect(question, &effect) ||
	    !read_key(question, &key) || strlen(device) > PZ_DEVICE_BYTES_MAX ||
	    !pz_json_int(question, "left", 1, INT64_C(1000) * PZ_PROMPT_TIMEOUT_S_MAX, &left_ms))
		return pz_fail(info, PZ_ERR_PROTO, "the question is malformed");
	if (is_there(prompts, device, id))
		return PZ_OK;
	if (pz_question_find(prompts, id))
		return pz_fail(info, PZ_ERR_PROTO, "the id of the question is known already");
	/* Two bounds: one for all, and a smaller one for each device, so that one device cannot use
	 * all places. */
	if (pz_question_count(&prompts->guests) >= PZ_PROMPT_GUESTS_MAX ||
	    count_of(prompts, device) >= PZ_PROMPT_GUESTS_DEVICE_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "too many questions wait here");
	struct pz_question *guest = pz_question_new(prompts, &key, effect);
	if (guest == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	memcpy(guest->asker, device, strlen(device) + 1);
	return add(prompts, guest, id, question, (uint64_t)left_ms * PZ_US_PER_MS, info);
}

/* ---- going ---- */

void
pz_prompts_guest_gone(struct pz_prompts *prompts, const char *device, const char *id,
		      const char *why)
{
	PZ_LIST_EACH (&prompts->guests, n, tmp) {
		struct pz_question *guest = PZ_CONTAINER(n, struct pz_question, all);

		if (strcmp(guest->asker, device) != 0 || (id && strcmp(guest->id, id) != 0))
			continue;
		pz_agents_hide(guest, why);
		pz_question_end(guest, PZ_QUESTION_ENDED);
	}
}

enum pz_err
pz_guest_answer(struct pz_question *guest, enum pz_prompt_answer answer, struct pz_errinfo *info)
{
	const struct pz_prompts_config *config = &guest->prompts->config;
	bool is_sent = config->ops->reply &&
		       config->ops->reply(config->arg, guest->asker, guest->id, answer);

	pz_agents_hide(guest, "answered");
	guest->was_answered = is_sent;
	pz_question_end(guest, PZ_QUESTION_ENDED);
	return is_sent ? PZ_OK
		       : pz_fail(info, PZ_ERR_IO_CLOSED,
				 "the answer cannot be sent: the device that asks is away");
}
