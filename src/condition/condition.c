/*
 * A bounded array, oldest first: there are few conditions, and most of the time none. A condition
 * is found by its kind and subject.
 *
 * It is logged once when it is raised and once when it is over. A text that changes while the
 * condition stays replaces the shown one at once, but is logged at most once an hour.
 */
#include "condition/condition.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"

#define SUBJECT_BYTES_MAX 256 /* an address, a path or a setting; a longer subject is cut */
#define LOG_AGAIN_US (3600 * PZ_US_PER_S)

struct raised {
	enum pz_condition condition;
	char subject[SUBJECT_BYTES_MAX];
	struct pz_errinfo text;
	uint64_t since_ms, logged_us;
	uint64_t failed_us;   /* see pz_condition_outcome */
	bool is_calming_down; /* it has succeeded since the last failure */
};

struct pz_conditions {
	const struct pz_env *env;
	size_t count;
	struct raised raised[PZ_CONDITIONS_MAX]; /* oldest first */
	struct pz_log_rate full_log;
	struct pz_timer calm; /* while a condition is calming down */
};

static const struct pz_condition_info table[PZ_CONDITION_COUNT] = {
#define X(enumerator, name, daemon, meaning, advice)                                               \
	{name, meaning, advice, PZ_CONDITION_AT_##daemon},
	PZ_CONDITION_LIST(X)
#undef X
};

/* A condition ends when it has succeeded and has not failed for long enough. */
static void
on_calm(struct pz_timer *timer, void *arg)
{
	struct pz_conditions *conditions = arg;
	uint64_t now_us = pz_env_mono_us(conditions->env), left_us = 0;

	for (size_t i = conditions->count; i-- > 0;) {
		struct raised *raised = &conditions->raised[i];
		uint64_t end_us = raised->failed_us + PZ_CONDITION_CALM_US;
		if (!raised->is_calming_down)
			continue;
		if (now_us >= end_us)
			pz_condition_clear(conditions, raised->condition, raised->subject);
		else if (left_us == 0 || end_us - now_us < left_us)
			left_us = end_us - now_us;
	}
	if (left_us > 0)
		pz_env_start(conditions->env, timer, left_us);
}

struct pz_conditions *
pz_conditions_new(const struct pz_env *env)
{
	struct pz_conditions *conditions = calloc(1, sizeof(*conditions));

	if (conditions == NULL)
		return NULL;
	conditions->env = env;
	pz_timer_init(&conditions->calm, on_calm, conditions);
	return conditions;
}

void
pz_conditions_free(struct pz_conditions *conditions)
{
	if (conditions)
		pz_env_stop(conditions->env, &conditions->calm);
	free(conditions);
}

const struct pz_condition_info *
pz_condition_info(enum pz_condition condition)
{
	return &table[condition];
}

/* @param subject NULL: any. Longer subjects are compared up to the stored length. */
static bool
is_about(const struct raised *raised, enum pz_condition condition, const char *subject)
{
	return raised->condition == condition &&
	       (subject == NULL ||
		strncmp(raised->subject, subject, sizeof(raised->subject) - 1) == 0);
}

static struct raised *
find(const struct pz_conditions *conditions, enum pz_condition condition, const char *subject)
{
	for (size_t i = 0; i < conditions->count; i++)
		if (is_about(&conditions->raised[i], condition, subject))
			return (struct raised *)&conditions->raised[i];
	return NULL;
}

static void
log_raise(struct pz_conditions *conditions, struct raised *raised)
{
	raised->logged_us = pz_env_mono_us(conditions->env);
	pz_warning(table[raised->condition].name, "%s; %s", raised->text.text,
		   table[raised->condition].advice);
}

/* The text has changed: a fault whose text changes every second must not fill the log. */
static void
replace_text(struct pz_conditions *conditions, struct raised *raised, const struct pz_errinfo *text)
{
	if (strcmp(raised->text.text, text->text) == 0)
		return;
	raised->text = *text;
	if (pz_env_mono_us(conditions->env) - raised->logged_us >= LOG_AGAIN_US)
		log_raise(conditions, raised);
}

/* Conditions above the bound are only in the log. */
static void
log_full(struct pz_conditions *conditions, enum pz_condition condition,
	 const struct pz_errinfo *text)
{
	uint32_t suppressed;

	if (pz_log_allow(&conditions->full_log, pz_env_mono_us(conditions->env), 1, &suppressed))
		pz_warning("conditions-full", "suppressed=%u condition=%s not in status: %s",
			   suppressed, table[condition].name, text->text);
}

void
pz_condition_raise(struct pz_conditions *conditions, enum pz_condition condition,
		   const char *subject, const char *fmt, ...)
{
	struct pz_errinfo text;
	struct raised *raised;
	char line[sizeof(text.text)];
	va_list args;

	if (conditions == NULL)
		return;
	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	/* only its formatting is needed */
	(void)pz_fail(&text, PZ_ERR_INTERNAL, "%s", line); /* replaces control characters */
	subject = subject ? subject : "";
	raised = find(conditions, condition, subject);
	if (raised) {
		replace_text(conditions, raised, &text);
		return;
	}
	if (conditions->count == PZ_CONDITIONS_MAX) {
		log_full(conditions, condition, &text);
		return;
	}
	raised = &conditions->raised[conditions->count++];
	*raised = (struct raised){
		.condition = condition, .text = text, .since_ms = pz_env_wall_ms(conditions->env)};
	(void)snprintf(raised->subject, sizeof(raised->subject), "%s", subject);
	log_raise(conditions, raised);
}

static void
remove_at(struct pz_conditions *conditions, size_t i)
{
	conditions->count--;
	memmove(&conditions->raised[i], &conditions->raised[i + 1],
		(conditions->count - i) * sizeof(conditions->raised[0]));
}

void
pz_condition_clear(struct pz_conditions *conditions, enum pz_condition condition,
		   const char *subject)
{
	size_t i = 0;

	while (conditions && i < conditions->count) {
		struct raised *raised = &conditions->raised[i];
		if (!is_about(raised, condition, subject)) {
			i++;
			continue;
		}
		pz_notice(table[condition].name, "over: %s", raised->text.text);
		remove_at(conditions, i);
	}
}

void
pz_condition_outcome(struct pz_conditions *conditions, enum pz_condition condition, enum pz_err err,
		     const char *text)
{
	struct raised *raised;

	if (conditions == NULL)
		return;
	if (err != PZ_OK)
		pz_condition_raise(conditions, condition, "", "%s", text);
	raised = find(conditions, condition, "");
	if (raised == NULL)
		return;
	raised->is_calming_down = err == PZ_OK;
	if (err != PZ_OK)
		raised->failed_us = pz_env_mono_us(conditions->env);
	else if (!conditions->calm.active)
		on_calm(&conditions->calm, conditions);
}

void
pz_conditions_clear_all(struct pz_conditions *conditions)
{
	if (conditions)
		conditions->count = 0;
}

bool
pz_condition_is_raised(const struct pz_conditions *conditions, enum pz_condition condition,
		       const char *subject)
{
	return conditions && find(conditions, condition, subject) != NULL;
}

json_t *
pz_conditions_texts(const struct pz_conditions *conditions)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < conditions->count; i++) {
		const struct raised *raised = &conditions->raised[i];
		json_t *text =
			json_sprintf("%s; %s", raised->text.text, table[raised->condition].advice);
		if (json_array_append_new(list, text) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *
pz_conditions_json(const struct pz_conditions *conditions)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < conditions->count; i++) {
		const struct raised *raised = &conditions->raised[i];
		const struct pz_condition_info *info = &table[raised->condition];
		json_t *one = json_pack("{s:s, s:s, s:I, s:s, s:s}", "id", info->name, "subject",
					raised->subject, "since", (json_int_t)raised->since_ms,
					"text", raised->text.text, "advice", info->advice);
		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
