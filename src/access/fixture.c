#include "access/fixture.h"

static void
on_names(void *arg, struct pz_access_names *out)
{
	*out = ((struct world *)arg)->names;
}

static const struct pz_policy_slots *
on_slots(void *arg)
{
	return &((struct world *)arg)->slots;
}

static bool
on_is_known(void *arg, struct pz_slice zone)
{
	return ((struct world *)arg)->has_friend && pz_slice_eq_str(zone, "bob@example.com");
}

static enum pz_access_answer
on_ask(void *arg, const struct pz_access_question *question)
{
	struct world *w = arg;

	w->asked++;
	w->question = *question;
	snprintf(w->question_feature, sizeof(w->question_feature), "%s", question->feature);
	return w->answer;
}

static void
on_withdraw(void *arg, uint64_t ticket)
{
	struct world *w = arg;

	w->withdrawn++;
	w->ticket = ticket;
}

static void
on_record(void *arg, const struct pz_access_entry *entry)
{
	struct world *w = arg;

	w->recorded++;
	w->entry = *entry;
}

static void
on_recheck(void *arg)
{
	((struct world *)arg)->rechecked++;
}

static void
on_local(void *arg, time_t now, struct tm *out)
{
	(void)now;
	*out = ((struct world *)arg)->local;
}

static void
on_done(void *arg, uint64_t ticket, enum pz_access_verdict verdict, bool was_asked)
{
	struct world *w = arg;

	w->done++;
	w->ticket = ticket;
	w->verdict = verdict;
	w->was_asked = was_asked;
}

void
set_slot(struct world *w, enum pz_policy_slot slot, const char *text)
{
	pz_policy_document_unref(w->held[slot]);
	w->held[slot] = NULL;
	if (text)
		assert_ok(pz_policy_document_parse(pz_slice_str(text), &w->held[slot], NULL));
	w->slots.document[slot] = w->held[slot];
}

void
set_user(struct world *w, const char *text)
{
	set_slot(w, PZ_POLICY_SLOT_USER, text);
}

void
set_user_file(struct world *w, const char *path)
{
	char text[16384];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	size_t len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	set_user(w, text);
}

int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	pz_kit_clock_init(&w->clock);
	w->names = (struct pz_access_names){ZONE, "tv"};
	w->ops = (struct pz_access_ops){.names = on_names,
					.slots = on_slots,
					.is_known_zone = on_is_known,
					.ask = on_ask,
					.withdraw = on_withdraw,
					.record = on_record,
					.recheck = on_recheck,
					.local = on_local};
	w->answer = PZ_ACCESS_ANSWER_NO_AGENT;
	w->local.tm_mday = 1;
	assert_ok(pz_access_new(&w->clock.env, &w->ops, w, &w->access));
	*state = w;
	return 0;
}

int
teardown(void **state)
{
	struct world *w = *state;

	pz_access_free(w->access);
	for (int i = 0; i < PZ_POLICY_SLOTS; i++)
		pz_policy_document_unref(w->held[i]);
	free(w);
	return 0;
}

enum pz_access_verdict
judge(struct world *w, const char *from, struct pz_access_call call)
{
	struct pz_access_caller caller;

	assert_ok(pz_access_caller_of(w->access, from, &caller));
	return pz_access_judge(w->access, &caller, &call);
}

struct pz_access_call
invoke(struct world *w, const char *api)
{
	return (struct pz_access_call){.point = PZ_ACCESS_INVOKE,
				       .api = api,
				       .service_id = ID,
				       .function = "get42",
				       .ticket = 7,
				       .done = on_done,
				       .arg = w};
}

enum pz_access_verdict
calls(struct world *w, const char *from, const char *api)
{
	return judge(w, from, invoke(w, api));
}

struct pz_access_call
at(enum pz_access_point point, const char *api)
{
	return (struct pz_access_call){.point = point, .api = api, .service_id = ID};
}
