#include "prompt/fixture.h"

struct prompt_world t;

static void
fx_answered(void *arg, uint64_t ticket, enum pz_prompt_result result, const char *by)
{
	(void)arg;
	assert_false(t.is_inside);
	t.answers++;
	t.ticket = ticket;
	t.result = result;
	snprintf(t.by, sizeof(t.by), "%s", by ? by : "");
}

static bool
fx_seek(void *arg, struct pz_slice device)
{
	(void)arg;
	(void)device;
	t.sought++;
	return t.can_seek;
}

static bool
fx_reply(void *arg, const char *device, const char *id, enum pz_prompt_answer answer)
{
	(void)arg;
	(void)id;
	t.replies++;
	t.reply = answer;
	snprintf(t.replied_to, sizeof(t.replied_to), "%s", device);
	return !t.is_away;
}

static void
fx_person(void *arg, bool has_person)
{
	(void)arg;
	(void)has_person;
	t.person_changes++;
}

static char *
fx_name(void *arg, struct pz_slice zone, struct pz_slice device)
{
	(void)arg;
	(void)zone;
	(void)device;
	return strdup("<b>Phone</b>");
}

static void
fx_event(void *arg, json_t *takes_event)
{
	(void)arg;
	t.events++;
	json_decref(takes_event);
}

void
fx_show(struct pz_prompt_agent *agent, const json_t *question)
{
	struct noting_agent *noting = PZ_CONTAINER(agent, struct noting_agent, agent);

	noting->shown++;
	snprintf(noting->id, sizeof(noting->id), "%s",
		 json_string_value(json_object_get(question, "id")));
}

void
fx_hide(struct pz_prompt_agent *agent, const char *id, const char *why)
{
	struct noting_agent *noting = PZ_CONTAINER(agent, struct noting_agent, agent);

	noting->hidden++;
	snprintf(noting->hidden_id, sizeof(noting->hidden_id), "%s", id);
	snprintf(noting->why, sizeof(noting->why), "%s", why);
}

static void
fx_stored(void *arg, enum pz_err err, const char *detail, const struct pz_prompt_outcome *outcome)
{
	(void)arg;
	(void)detail;
	assert_false(t.is_inside);
	t.stored++;
	t.stored_err = err;
	t.outcome = *outcome;
}

static void
fx_taken_back(void *arg, const struct pz_prompt_key *key)
{
	(void)arg;
	t.taken_back++;
	if (t.forgets)
		pz_prompts_forget(t.prompts, pz_prompt_key_field(key, PZ_PROMPT_ZONE), t.forgets);
}

static const char *
fx_origin(void *arg, struct pz_slice device, struct pz_slice app)
{
	(void)arg;
	(void)device;
	if (!pz_slice_eq_str(app, FX_APP))
		return NULL;
	return t.origin ? t.origin : FX_ORIGIN;
}

static const struct pz_prompts_ops fx_ops = {
	.app_origin = fx_origin,
	.answered = fx_answered,
	.seek = fx_seek,
	.reply = fx_reply,
	.person_changed = fx_person,
	.display_name = fx_name,
	.event = fx_event,
	.taken_back = fx_taken_back,
};

static void
fx_start(void)
{
	const struct pz_prompts_config config = {
		.env = &t.world.clock.env,
		.store = t.world.store,
		.ops = &fx_ops,
	};
	struct pz_errinfo info = {""};

	assert_ok(pz_prompts_new(&config, &t.prompts, &info));
}

int
fx_setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	pz_kit_world_init(&t.world, 10 * PZ_US_PER_MS);
	t.control.agent =
		(struct pz_prompt_agent){.name = "control", .show = fx_show, .hide = fx_hide};
	t.tv.agent = (struct pz_prompt_agent){
		.name = "tv", .device = "tv", .show = fx_show, .hide = fx_hide};
	fx_start();
	return 0;
}

int
fx_teardown(void **state)
{
	(void)state;
	pz_prompts_free(t.prompts);
	pz_kit_world_fini(&t.world);
	return 0;
}

void
fx_restart(void)
{
	pz_prompts_free(t.prompts);
	pz_kit_world_restart(&t.world);
	memset(&t.control.agent.all, 0, sizeof(t.control.agent.all));
	memset(&t.tv.agent.all, 0, sizeof(t.tv.agent.all));
	fx_start();
}

struct pz_prompt_question
fx_question(uint64_t ticket, enum pz_policy_effect effect, const char *device)
{
	return (struct pz_prompt_question){
		.ticket = ticket,
		.effect = effect,
		.user_id = pz_slice_str(ZONE),
		.device = pz_slice_str(device),
		.feature = GEO,
		.service_id = "0123456789abcdef0123456789abcdef",
		.function = "getCurrentPosition",
	};
}

enum pz_prompt_result
fx_put(const struct pz_prompt_question *question)
{
	t.is_inside = true;
	enum pz_prompt_result result = pz_prompts_ask(t.prompts, question);
	t.is_inside = false;
	return result;
}

enum pz_prompt_result
fx_ask(uint64_t ticket, enum pz_policy_effect effect, const char *device)
{
	struct pz_prompt_question question = fx_question(ticket, effect, device);

	return fx_put(&question);
}

enum pz_err
fx_answer(const struct noting_agent *by, const char *id, long long number)
{
	struct pz_errinfo info = {""};

	t.is_inside = true;
	enum pz_err err = pz_prompts_answer(t.prompts, by ? &by->agent : NULL, id, number,
					    fx_stored, &t, &info);
	t.is_inside = false;
	assert_true(err == PZ_OK || info.text[0] != '\0');
	return err;
}

void
fx_run_ms(uint64_t ms)
{
	pz_kit_clock_run(&t.world.clock, ms * PZ_US_PER_MS);
}

enum pz_prompt_result
fx_decide(enum pz_policy_effect effect, const char *device, int number)
{
	enum pz_prompt_result result = fx_ask(1, effect, device);

	if (result != PZ_PROMPT_LATER)
		return result;
	assert_ok(fx_answer(&t.control, t.control.id, number));
	fx_run_ms(20);
	return t.result;
}
