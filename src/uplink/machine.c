/*
 * The states of a device and its hub (page 5). One table of edges decides what each event does in
 * each state; docs/states.md is made from it. A pair that the table does not list is either refused
 * (a request that must get an answer) or ignored (an event that comes too late), and a test checks
 * all pairs.
 *
 * An event first changes the whole state: reason, marks, timers, log, watchers. The action comes
 * last, because it may cause the next event. Besides the state a few marks control the retries: a
 * person has disconnected (parked), a preference turns the hub off (unwanted), the hub refuses this
 * device (slow), connections ended soon (flaps).
 */
#include "uplink/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/limits.h"
#include "base/log.h"

/*
 * X(state, event, next state, action): page 5's table; everything else is in the defaults below.
 * One thing besides the state matters: once a wipe has begun only its end changes the state
 * (is_overtaken); otherwise a slow disk would leave a device that is neither in its zone nor out of
 * it.
 */
#define EDGES(X)                                                                                   \
	X(VIRGIN, RESOLVED, VIRGIN_CONNECTING, NONE)                                               \
	X(VIRGIN, ENROL_FAILED, VIRGIN, GIVE_UP)                                                   \
	X(VIRGIN, DISCONNECT, VIRGIN, GIVE_UP)                                                     \
	X(VIRGIN_CONNECTING, ENROL_FAILED, VIRGIN, GIVE_UP)                                        \
	X(VIRGIN_CONNECTING, TIMEOUT, VIRGIN, GIVE_UP)                                             \
	X(VIRGIN_CONNECTING, DISCONNECT, VIRGIN, GIVE_UP)                                          \
	X(VIRGIN_CONNECTING, PROVEN, VIRGIN_CONNECTED, NONE)                                       \
	X(VIRGIN_CONNECTING, STORED, CONNECTING, DIAL)                                             \
	X(VIRGIN_CONNECTED, ENROL_FAILED, VIRGIN, GIVE_UP)                                         \
	X(VIRGIN_CONNECTED, TIMEOUT, VIRGIN, GIVE_UP)                                              \
	X(VIRGIN_CONNECTED, DISCONNECT, VIRGIN, GIVE_UP)                                           \
	X(VIRGIN_CONNECTED, STORED, CONNECTING, DIAL)                                              \
	X(VIRGIN, STORED, CONNECTING, DIAL)                                                        \
	X(NOT_CONNECTED, CONNECT, CONNECTING, DIAL)                                                \
	X(NOT_CONNECTED, REVOKED, DISCONNECTING, CLEAN_AND_WIPE)                                   \
	X(NOT_CONNECTED, LEAVE, DISCONNECTING, CLEAN_AND_WIPE)                                     \
	X(CONNECTING, LINK_FAILED, NOT_CONNECTED, HANG_UP)                                         \
	X(CONNECTING, LINK_LOST, NOT_CONNECTED, HANG_UP)                                           \
	X(CONNECTING, TIMEOUT, NOT_CONNECTED, HANG_UP)                                             \
	X(CONNECTING, DISCONNECT, DISCONNECTING, CLEAN)                                            \
	X(CONNECTING, REGISTERED, CONNECTED, ONLINE)                                               \
	X(CONNECTING, REVOKED, DISCONNECTING, CLEAN_AND_WIPE)                                      \
	X(CONNECTING, LEAVE, DISCONNECTING, CLEAN_AND_WIPE)                                        \
	X(CONNECTED, LINK_LOST, DISCONNECTING, CLEAN)                                              \
	X(CONNECTED, LINK_FAILED, DISCONNECTING, CLEAN)                                            \
	X(CONNECTED, DISCONNECT, DISCONNECTING, CLEAN)                                             \
	X(CONNECTED, REVOKED, DISCONNECTING, CLEAN_AND_WIPE)                                       \
	X(CONNECTED, LEAVE, DISCONNECTING, CLEAN_AND_WIPE)                                         \
	X(DISCONNECTING, CLEANED, NOT_CONNECTED, NONE)                                             \
	X(DISCONNECTING, TIMEOUT, NOT_CONNECTED, NONE)                                             \
	X(DISCONNECTING, REVOKED, DISCONNECTING, CLEAN_AND_WIPE)                                   \
	X(DISCONNECTING, LEAVE, DISCONNECTING, CLEAN_AND_WIPE)                                     \
	X(DISCONNECTING, WIPED, VIRGIN, VIRGIN)

/* Requests that need an answer: refused, not ignored, when they are not possible now. */
#define REFUSALS(X)                                                                                \
	X(VIRGIN, CONNECT)                                                                         \
	X(VIRGIN, LEAVE)                                                                           \
	X(VIRGIN_CONNECTING, CONNECT)                                                              \
	X(VIRGIN_CONNECTING, LEAVE)                                                                \
	X(VIRGIN_CONNECTED, CONNECT)                                                               \
	X(VIRGIN_CONNECTED, LEAVE)                                                                 \
	X(DISCONNECTING, CONNECT)

/* Three small tables of constants, in which an entry of all zeros looks like no entry. */
struct pz_edge
pz_machine_edge(enum pz_state state, enum pz_event event)
{
	static const struct pz_edge table[PZ_STATE_COUNT][PZ_EVENT_COUNT] = {
#define X(from, on, to, what)                                                                      \
	[PZ_STATE_##from][PZ_EVENT_##on] = {PZ_VERDICT_EDGE, PZ_STATE_##to, PZ_ACT_##what},
		EDGES(X)
#undef X
	};
	static const bool refused[PZ_STATE_COUNT][PZ_EVENT_COUNT] = {
#define X(from, on) [PZ_STATE_##from][PZ_EVENT_##on] = true,
		REFUSALS(X)
#undef X
	};
	static const bool is_edge[PZ_STATE_COUNT][PZ_EVENT_COUNT] = {
#define X(from, on, to, what) [PZ_STATE_##from][PZ_EVENT_##on] = true,
		EDGES(X)
#undef X
	};

	if (is_edge[state][event])
		return table[state][event];
	return (struct pz_edge){refused[state][event] ? PZ_VERDICT_REFUSE : PZ_VERDICT_IGNORE,
				state, PZ_ACT_NONE};
}

struct state_info {
	const char *text;
	bool is_hub_mode;
	uint64_t stay_us;
};

static const struct state_info states[PZ_STATE_COUNT] = {
#define X(name, text, hub, stay) {text, hub, stay},
	PZ_STATES(X)
#undef X
};

const char *
pz_state_text(enum pz_state state)
{
	return states[state].text;
}

bool
pz_state_is_hub_mode(enum pz_state state)
{
	return states[state].is_hub_mode;
}

const char *
pz_event_text(enum pz_event event)
{
	static const char *const texts[PZ_EVENT_COUNT] = {
#define X(name, text) text,
		PZ_EVENTS(X)
#undef X
	};

	return texts[event];
}

uint64_t
pz_machine_slow_us(unsigned attempts, uint32_t random)
{
	uint64_t us = pz_backoff_doubled_us(attempts, PZ_BACKOFF_SLOW_MAX_US);

	if (us < PZ_BACKOFF_SLOW_FIRST_US)
		us = PZ_BACKOFF_SLOW_FIRST_US;
	/* 80 % to 100 %: page 5 gives an upper bound */
	return us * 8 / 10 + us * 2 / 10 * random / UINT32_MAX;
}

/* Random within bounds: devices that lost one hub must not all return at the same moment. */
static void
set_retry(struct pz_machine *m)
{
	uint32_t random;

	if (m->is_parked)
		return;
	m->attempts++;
	if (m->is_hurried) {
		m->is_hurried = false;
		pz_env_start(m->env, &m->retry, 0);
		return;
	}
	pz_env_random(m->env, &random, sizeof(random));
	pz_env_start(m->env, &m->retry,
		     m->is_slow ? pz_machine_slow_us(m->attempts, random)
				: pz_backoff_us(m->attempts, random));
}

/*
 * A connection has ended. Earlier failures no longer count, so the first retry is quick again. But
 * a hub that admits us and drops us again and again must not be hammered: consecutive short
 * connections advance the back-off as failures do. A connection that a change of the network ended
 * is no evidence against the hub, and the attempt that the change leads to is still due.
 */
static void
count_connection(struct pz_machine *m, uint64_t now_us)
{
	uint64_t lasted_us = now_us - m->since_us;
	bool has_moved = m->moved_us != 0 && now_us - m->moved_us < PZ_NETWORK_SETTLES_US;

	m->moved_us = 0;
	if (has_moved) {
		m->is_hurried = true;
		m->attempts = 0;
		return;
	}
	m->flaps = lasted_us >= PZ_BACKOFF_RESET_US ? 0 : m->flaps + 1;
	m->attempts = m->flaps > PZ_BACKOFF_QUICK ? m->flaps - PZ_BACKOFF_QUICK : 0;
}

/* The only place where the state changes. */
static void
enter(struct pz_machine *m, const struct pz_edge *edge, enum pz_event event)
{
	enum pz_state old = m->state;
	uint64_t now = pz_env_mono_us(m->env);

	if (old == PZ_STATE_CONNECTED && edge->next != PZ_STATE_CONNECTED)
		count_connection(m, now);
	pz_env_stop(m->env, &m->stay);
	pz_env_stop(m->env, &m->retry);
	m->state = edge->next;
	m->since_us = now;
	if (states[m->state].stay_us)
		pz_env_start(m->env, &m->stay, states[m->state].stay_us);
	if (m->reason[0])
		pz_notice("state", "old=%s new=%s event=\"%s\" reason=%s", states[old].text,
			  states[m->state].text, pz_event_text(event), m->reason);
	else
		pz_notice("state", "old=%s new=%s event=\"%s\"", states[old].text,
			  states[m->state].text, pz_event_text(event));
	m->ops->changed(m->arg, old, m->state, event);
}

/* During a wipe: no time-out, no late event of an earlier clean-up and no second request to leave.
 */
static bool
is_overtaken(const struct pz_machine *m, enum pz_event event)
{
	return m->is_wiping && event != PZ_EVENT_WIPED;
}

static void
park(struct pz_machine *m)
{
	m->is_parked = true;
	pz_env_stop(m->env, &m->retry);
}

/* Effects of an event besides the change of state. `edge` is NULL where the table has none. */
static void
note(struct pz_machine *m, enum pz_event event, const struct pz_edge *edge)
{
	if (event == PZ_EVENT_DISCONNECT && states[m->state].is_hub_mode)
		park(m); /* offline until a request to connect */
	if (edge == NULL)
		return;
	if (event == PZ_EVENT_CONNECT || event == PZ_EVENT_STORED || event == PZ_EVENT_WIPED)
		m->is_parked = m->is_slow = m->is_hurried = false;
	if (event == PZ_EVENT_STORED || event == PZ_EVENT_WIPED)
		m->attempts = m->flaps = 0;
	if (event == PZ_EVENT_WIPED)
		m->is_wiping = false;
	if (edge->action == PZ_ACT_CLEAN_AND_WIPE)
		m->is_wiping = true;
}

static bool
wants_retry(const struct pz_machine *m, enum pz_state old, enum pz_event event)
{
	return m->state == PZ_STATE_NOT_CONNECTED && old != PZ_STATE_NOT_CONNECTED &&
	       event != PZ_EVENT_DISCONNECT && !m->is_parked && !m->is_unwanted;
}

static const char unwanted[] = "connection = peer: connects to the hub only when told to";

/* Records why the last link ended, and later why no other attempt follows. */
static void
explain_unwanted(struct pz_machine *m)
{
	char why[sizeof(m->reason) - sizeof(unwanted) - 1];

	if (m->state != PZ_STATE_NOT_CONNECTED || strstr(m->reason, unwanted))
		return;
	snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, m->reason);
	snprintf(m->reason, sizeof(m->reason), "%s%s%s", why, why[0] ? "; " : "", unwanted);
}

static void
drop_explanation(struct pz_machine *m)
{
	char *at = strstr(m->reason, unwanted);

	if (at)
		at[at == m->reason ? 0 : -2] = '\0';
}

/* During an attempt the reason is about this attempt; why the last one failed is kept beside it. */
static void
set_reason(struct pz_machine *m, const struct pz_edge *edge, enum pz_event event,
	   const char *reason)
{
	bool is_attempt = event == PZ_EVENT_CONNECT, is_over = edge->next == PZ_STATE_CONNECTED;

	if (is_attempt && m->reason[0])
		snprintf(m->last_failure, sizeof(m->last_failure), "%s", m->reason);
	else if (is_over || event == PZ_EVENT_STORED || edge->next == PZ_STATE_VIRGIN)
		m->last_failure[0] = '\0';
	if (reason)
		snprintf(m->reason, sizeof(m->reason), "%s", reason);
	else if (is_attempt || is_over || event == PZ_EVENT_STORED)
		m->reason[0] = '\0';
}

enum pz_err
pz_machine_event(struct pz_machine *m, enum pz_event event, const char *reason)
{
	struct pz_edge edge = pz_machine_edge(m->state, event);
	enum pz_state old = m->state;

	if (edge.verdict == PZ_VERDICT_REFUSE)
		return PZ_ERR_DENIED;
	if (edge.verdict == PZ_VERDICT_IGNORE || is_overtaken(m, event)) {
		note(m, event, NULL);
		return PZ_OK;
	}
	set_reason(m, &edge, event, reason);
	note(m, event, &edge);
	enter(m, &edge, event);
	if (wants_retry(m, old, event))
		set_retry(m);
	if (m->is_unwanted)
		explain_unwanted(m);
	/* Last: the action may cause the next event, which must find the new state complete. */
	if (edge.action != PZ_ACT_NONE)
		m->ops->act(m->arg, edge.action);
	return PZ_OK;
}

void
pz_machine_slow(struct pz_machine *m)
{
	m->is_slow = true;
}

void
pz_machine_explain(struct pz_machine *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(m->reason, sizeof(m->reason), format, args);
	va_end(args);
}

void
pz_machine_park(struct pz_machine *m, const char *reason)
{
	park(m);
	snprintf(m->reason, sizeof(m->reason), "%s", reason);
}

void
pz_machine_want_hub(struct pz_machine *m, bool is_wanted)
{
	m->is_unwanted = !is_wanted;
	if (is_wanted) {
		drop_explanation(m);
		return;
	}
	pz_env_stop(m->env, &m->retry);
	explain_unwanted(m);
}

void
pz_machine_start(struct pz_machine *m)
{
	if (!m->is_unwanted)
		(void)pz_machine_event(m, PZ_EVENT_CONNECT, NULL);
}

/* There is a reason to try now. It does not override what a person or a preference has decided. */
void
pz_machine_nudge(struct pz_machine *m, const char *why)
{
	if (m->state != PZ_STATE_NOT_CONNECTED || m->is_parked || m->is_unwanted)
		return;
	pz_info("retry-now", "cause=\"%s\"", why);
	(void)pz_machine_event(m, PZ_EVENT_CONNECT, NULL);
}

/* Failures in another network say nothing about this one. */
void
pz_machine_network_changed(struct pz_machine *m)
{
	if (m->state == PZ_STATE_CONNECTED)
		m->moved_us = pz_env_mono_us(m->env);
	m->attempts = 0;
	pz_machine_nudge(m, "the network changed");
}

void
pz_machine_hub_moved(struct pz_machine *m)
{
	m->attempts = 0;
	pz_machine_nudge(m, "the hub has moved");
}

/* An event ends a state that must not last (connecting, disconnecting), like any other. */
static void
on_stay(struct pz_timer *timer, void *arg)
{
	struct pz_machine *m = arg;
	char reason[sizeof(m->reason)] = "timed out";

	(void)timer;
	if (m->ops->explain_timeout)
		m->ops->explain_timeout(m->arg, m->state, reason, sizeof(reason));
	(void)pz_machine_event(m, PZ_EVENT_TIMEOUT, reason);
}

static void
on_retry(struct pz_timer *timer, void *arg)
{
	struct pz_machine *m = arg;

	(void)timer;
	(void)pz_machine_event(m, PZ_EVENT_CONNECT, NULL);
}

void
pz_machine_init(struct pz_machine *m, const struct pz_env *env, const struct pz_machine_ops *ops,
		void *arg, bool enrolled)
{
	*m = (struct pz_machine){
		.state = enrolled ? PZ_STATE_NOT_CONNECTED : PZ_STATE_VIRGIN,
		.env = env,
		.ops = ops,
		.arg = arg,
		.since_us = pz_env_mono_us(env),
	};
	pz_timer_init(&m->stay, on_stay, m);
	pz_timer_init(&m->retry, on_retry, m);
}

void
pz_machine_fini(struct pz_machine *m)
{
	pz_env_stop(m->env, &m->stay);
	pz_env_stop(m->env, &m->retry);
}

size_t
pz_machine_dot(char *out, size_t size)
{
	size_t len = 0;

#define PUT(...)                                                                                   \
	len += (size_t)snprintf(len < size ? out + len : NULL, len < size ? size - len : 0,        \
				__VA_ARGS__)
	PUT("digraph pzp {\n");
	for (int s = 0; s < PZ_STATE_COUNT; s++)
		for (int e = 0; e < PZ_EVENT_COUNT; e++) {
			struct pz_edge edge = pz_machine_edge((enum pz_state)s, (enum pz_event)e);
			if (edge.verdict == PZ_VERDICT_EDGE)
				PUT("\t\"%s\" -> \"%s\" [label=\"%s\"];\n", states[s].text,
				    states[edge.next].text, pz_event_text((enum pz_event)e));
		}
	PUT("}\n");
#undef PUT
	return len;
}
