/*
 * Data handling (page 9, 8), off unless a test asks for it. An application promises for which
 * purposes it uses data, and what it does with the data later; a document says which promises
 * suffice. If they do not, a permit becomes a prompt.
 *
 * While a decision walks through a document, pz_policy_dhp_consider notes which preference is bound
 * to the feature; the innermost one applies, unless an outer one names the feature exactly. So the
 * result depends on the order in which elements are visited: the walk is the same as without data
 * handling, and stops at the same element. At the end pz_policy_dhp_is_satisfied compares promise
 * and preference.
 *
 * Purposes are bits of one number: the table has 35.
 */
#include "policy/dhp.h"

#include "policy/match.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The order is that of the vectors: a request also names purposes by position. */
const char *const pz_policy_purposes[PZ_POLICY_PURPOSES] = {
	"http://www.w3.org/2002/01/P3Pv1/current",
	"http://www.w3.org/2002/01/P3Pv1/admin",
	"http://www.w3.org/2002/01/P3Pv1/develop",
	"http://www.w3.org/2002/01/P3Pv1/tailoring",
	"http://www.w3.org/2002/01/P3Pv1/pseudo-analysis",
	"http://www.w3.org/2002/01/P3Pv1/pseudo-decision",
	"http://www.w3.org/2002/01/P3Pv1/individual-analysis",
	"http://www.w3.org/2002/01/P3Pv1/individual-decision",
	"http://www.w3.org/2002/01/P3Pv1/contact",
	"http://www.w3.org/2002/01/P3Pv1/historical",
	"http://www.w3.org/2002/01/P3Pv1/telemarketing",
	"http://www.w3.org/2002/01/P3Pv11/account",
	"http://www.w3.org/2002/01/P3Pv11/arts",
	"http://www.w3.org/2002/01/P3Pv11/browsing",
	"http://www.w3.org/2002/01/P3Pv11/charity",
	"http://www.w3.org/2002/01/P3Pv11/communicate",
	"http://www.w3.org/2002/01/P3Pv11/custom",
	"http://www.w3.org/2002/01/P3Pv11/delivery",
	"http://www.w3.org/2002/01/P3Pv11/downloads",
	"http://www.w3.org/2002/01/P3Pv11/education",
	"http://www.w3.org/2002/01/P3Pv11/feedback",
	"http://www.w3.org/2002/01/P3Pv11/finmgt",
	"http://www.w3.org/2002/01/P3Pv11/gambling",
	"http://www.w3.org/2002/01/P3Pv11/gaming",
	"http://www.w3.org/2002/01/P3Pv11/government",
	"http://www.w3.org/2002/01/P3Pv11/health",
	"http://www.w3.org/2002/01/P3Pv11/login",
	"http://www.w3.org/2002/01/P3Pv11/marketing",
	"http://www.w3.org/2002/01/P3Pv11/news",
	"http://www.w3.org/2002/01/P3Pv11/payment",
	"http://www.w3.org/2002/01/P3Pv11/sales",
	"http://www.w3.org/2002/01/P3Pv11/search",
	"http://www.w3.org/2002/01/P3Pv11/state",
	"http://www.w3.org/2002/01/P3Pv11/surveys",
	"http://www.primelife.eu/purposes/unspecified",
};

uint64_t
pz_policy_purpose_find(struct pz_slice uri)
{
	for (unsigned i = 0; i < PZ_POLICY_PURPOSES; i++) {
		if (pz_slice_eq_str(uri, pz_policy_purposes[i]))
			return UINT64_C(1) << i;
	}
	return 0;
}

bool
pz_policy_trigger_find(struct pz_slice name, enum pz_policy_trigger_kind *out)
{
	static const char *const names[] = {
		"TriggerAtTime", "TriggerPersonalDataAccessedForPurpose",
		"TriggerPersonalDataDeleted", "TriggerDataSubjectAccess"};

	for (unsigned i = 0; i < COUNT(names); i++) {
		if (pz_slice_eq_str(name, names[i])) {
			*out = (enum pz_policy_trigger_kind)i;
			return true;
		}
	}
	return false;
}

bool
pz_policy_action_find(struct pz_slice name, enum pz_policy_action *out)
{
	static const char *const names[] = {
		"ActionDeletePersonalData", "ActionAnonymizePersonalData",
		"ActionNotifyDataSubject", "ActionLog", "ActionSecureLog"};

	for (unsigned i = 0; i < COUNT(names); i++) {
		if (pz_slice_eq_str(name, names[i])) {
			*out = (enum pz_policy_action)(PZ_POLICY_ACTION_DELETE + i);
			return true;
		}
	}
	return false;
}

/* ---- which preference counts (8.3) ---- */

enum hit { NO_HIT, PARTIAL, EXACT };

/* A binding is a pair, and the documents in use write it in both orders. An exact name at either
 * place wins over a pattern at either. */
static enum hit
hit_of(const struct pz_policy_binding *binding, struct pz_slice feature, struct pz_slice *out_id)
{
	bool swap = false;
	enum hit hit = EXACT;

	if (pz_slice_eq(binding->a, feature)) {
		swap = false;
	} else if (pz_slice_eq(binding->b, feature)) {
		swap = true;
	} else {
		hit = PARTIAL;
		if (pz_policy_glob_feature(binding->a, feature))
			swap = false;
		else if (pz_policy_glob_feature(binding->b, feature))
			swap = true;
		else
			return NO_HIT;
	}
	*out_id = swap ? binding->a : binding->b;
	return hit;
}

/* The first exact match, else the last partial one. */
static enum hit
hit_of_all(const struct pz_policy_bindings *bindings, struct pz_slice feature,
	   struct pz_slice *out_id)
{
	enum hit best = NO_HIT;

	for (size_t i = 0; i < bindings->count; i++) {
		enum hit hit = hit_of(&bindings->list[i], feature, out_id);

		if (hit == EXACT)
			return hit;
		if (hit == PARTIAL)
			best = hit;
	}
	return best;
}

static const struct pz_policy_preference *
find_preference(const struct pz_policy_dhp *dhp, struct pz_slice id)
{
	for (size_t i = 0; dhp && i < dhp->count; i++) {
		if (pz_slice_eq(dhp->list[i].policy_id, id))
			return &dhp->list[i];
	}
	return NULL;
}

/* A binding whose preference is not in the document is ignored: the next one is tried. */
void
pz_policy_dhp_consider(const struct pz_policy_dhp *dhp, const struct pz_policy_node *node,
		       const struct pz_policy_request *request,
		       struct pz_policy_selection *selection)
{
	const struct pz_policy_bag *features = &request->bags[PZ_POLICY_ATTR_API_FEATURE];

	if (selection->is_exact || features->count != 1)
		return;
	for (size_t i = 0; i < node->bindings_count; i++) {
		const struct pz_policy_preference *preference;
		struct pz_slice id = {NULL, 0};
		enum hit hit = hit_of_all(&node->bindings[i], features->values[0], &id);

		if (hit == NO_HIT || (hit == PARTIAL && selection->preference))
			continue;
		preference = find_preference(dhp, id);
		if (preference) {
			*selection = (struct pz_policy_selection){preference, hit == EXACT};
			return;
		}
	}
}

/* ---- whether it is satisfied (8.4) ---- */

/* Both delays are added to the calendar date of today, so that "one month" and "30 days" can be
 * compared. */
static bool
covers_delay(const struct pz_policy_trigger *wanted, const struct pz_policy_trigger *promised,
	     int64_t from_ms)
{
	return pz_policy_time_add(from_ms, wanted->delay) >=
	       pz_policy_time_add(from_ms, promised->delay);
}

/* The promise must begin no sooner and end no later than required. */
static bool
is_in_time(const struct pz_policy_trigger *wanted, const struct pz_policy_trigger *promised,
	   int64_t now_ms)
{
	int64_t wanted_ms = wanted->starts_now ? now_ms : wanted->start_ms;
	int64_t promised_ms = promised->starts_now ? now_ms : promised->start_ms;

	return wanted_ms <= promised_ms && pz_policy_time_add(wanted_ms, wanted->delay) >=
						   pz_policy_time_add(promised_ms, promised->delay);
}

static bool
satisfies_trigger(const struct pz_policy_trigger *wanted, const struct pz_policy_trigger *promised,
		  int64_t now_ms)
{
	if (wanted->kind != promised->kind)
		return false;
	switch (wanted->kind) {
	case PZ_POLICY_TRIGGER_AT_TIME:
		return is_in_time(wanted, promised, now_ms);
	case PZ_POLICY_TRIGGER_ACCESSED:
		return (wanted->purposes & ~promised->purposes) == 0 &&
		       covers_delay(wanted, promised, now_ms);
	case PZ_POLICY_TRIGGER_DELETED:
		return covers_delay(wanted, promised, now_ms);
	case PZ_POLICY_TRIGGER_ACCESS:
		return pz_slice_eq(wanted->uri, promised->uri);
	}
	return false;
}

/* A log that cannot be altered satisfies a requirement of a log. */
static bool
has_action(const struct pz_policy_obligation *wanted, const struct pz_policy_obligation *promised)
{
	if (wanted->action == PZ_POLICY_ACTION_LOG &&
	    promised->action == PZ_POLICY_ACTION_SECURE_LOG)
		return true;
	return wanted->action == promised->action &&
	       (wanted->action != PZ_POLICY_ACTION_NOTIFY ||
		(pz_slice_eq(wanted->media, promised->media) &&
		 pz_slice_eq(wanted->address, promised->address)));
}

/* One promise has to satisfy all required triggers: two promises that satisfy half each do not
 * suffice. */
static bool
satisfies_obligation(const struct pz_policy_obligation *wanted,
		     const struct pz_policy_obligation *promised, int64_t now_ms)
{
	if (!has_action(wanted, promised))
		return false;
	for (size_t i = 0; i < wanted->trigger_count; i++) {
		size_t k = 0;

		while (k < promised->trigger_count &&
		       !satisfies_trigger(&wanted->triggers[i], &promised->triggers[k], now_ms))
			k++;
		if (k == promised->trigger_count)
			return false;
	}
	return true;
}

static bool
is_promised(const struct pz_policy_obligation *wanted, const struct pz_policy_request *request)
{
	if (wanted->action == PZ_POLICY_ACTION_NONE)
		return true;
	for (size_t i = 0; i < request->obligation_count; i++) {
		if (satisfies_obligation(wanted, &request->obligations[i], request->now_ms))
			return true;
	}
	return false;
}

/* The order is that of page 9, 8.4. A malformed vector of purposes satisfies nothing, even without
 * a preference to compare it with. */
bool
pz_policy_dhp_is_satisfied(const struct pz_policy_request *request,
			   const struct pz_policy_selection *selection)
{
	const struct pz_policy_preference *preference = selection->preference;

	if (request->is_purpose_invalid)
		return false;
	if (request->bags[PZ_POLICY_ATTR_API_FEATURE].count != 1)
		return true;
	if (preference == NULL || !preference->has_authorizations ||
	    (request->purposes & ~preference->purposes) != 0)
		return false;
	for (size_t i = 0; i < preference->obligation_count; i++) {
		if (!is_promised(&preference->obligations[i], request))
			return false;
	}
	return true;
}

/* ---- dates and durations: the calendar in UTC, without the C library's time zone ---- */

#define MS_PER_DAY INT64_C(86400000)

/* Days from 1970-01-01 to a date of the Gregorian calendar. Internally the year begins in March, so
 * that a leap day is its last day. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = yoe + era * 400 + (*month <= 2 ? 1 : 0);
}

static int64_t
days_in_month(int64_t year, int64_t month)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return lengths[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

int64_t
pz_policy_time_add(int64_t ms, struct pz_policy_duration delay)
{
	int64_t days = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0 ? 1 : 0);
	int64_t rest = ms - days * MS_PER_DAY, year, month, day;

	date_of(days, &year, &month, &day);
	month += delay.months - 1; /* from 0 */
	year += month / 12;
	month = month % 12 + 1;
	if (day > days_in_month(year, month))
		day = days_in_month(year, month);
	return days_of(year, month, day) * MS_PER_DAY + rest + delay.seconds * 1000;
}

/* 1 to `most` digits. */
static bool
take_number(struct pz_slice *s, unsigned least, unsigned most, int64_t *out)
{
	int64_t n = 0;
	unsigned digits = 0;

	while (digits < s->len && digits < most && s->ptr[digits] >= '0' && s->ptr[digits] <= '9')
		n = n * 10 + (s->ptr[digits++] - '0');
	if (digits < least)
		return false;
	*s = pz_slice_of(s->ptr + digits, s->len - digits);
	*out = n;
	return true;
}

static bool
take_char(struct pz_slice *s, char c)
{
	if (s->len == 0 || s->ptr[0] != (uint8_t)c)
		return false;
	*s = pz_slice_of(s->ptr + 1, s->len - 1);
	return true;
}

bool
pz_policy_duration_parse(struct pz_slice text, struct pz_policy_duration *out)
{
	static const struct {
		char unit;
		int64_t months, seconds;
	} parts[] = {{'Y', 12, 0},   {'M', 1, 0},  {'D', 0, 86400}, {'T', 0, 0},
		     {'H', 0, 3600}, {'M', 0, 60}, {'S', 0, 1}};
	struct pz_policy_duration d = {0, 0};
	bool is_any = false, is_time = false;
	int64_t n;

	if (!take_char(&text, 'P'))
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && text.len > 0; i++) {
		struct pz_slice rest = text;

		if (parts[i].unit == 'T') {
			if (!take_char(&text, 'T') || text.len == 0)
				return false;
			is_time = true;
		} else if (take_number(&rest, 1, 6, &n) && take_char(&rest, parts[i].unit)) {
			d.months += n * parts[i].months;
			d.seconds += n * parts[i].seconds;
			text = rest;
			is_any = true;
			is_time = false;
		}
	}
	if (text.len > 0 || !is_any || is_time)
		return false;
	*out = d;
	return true;
}

/* Hours and minutes of the offset, in milliseconds. */
static bool
take_offset(struct pz_slice *s, int64_t *out_ms)
{
	int64_t sign = 1, hours, minutes;

	*out_ms = 0;
	if (take_char(s, 'Z'))
		return true;
	if (take_char(s, '-'))
		sign = -1;
	else if (!take_char(s, '+'))
		return false;
	if (!take_number(s, 2, 2, &hours) || !take_char(s, ':') ||
	    !take_number(s, 2, 2, &minutes) || hours > 14 || minutes > 59)
		return false;
	*out_ms = sign * (hours * 60 + minutes) * 60000;
	return true;
}

/* The milliseconds of .123456; further digits are ignored. */
static bool
take_fraction(struct pz_slice *s, int64_t *out_ms)
{
	int64_t digit, scale = 100;

	*out_ms = 0;
	if (!take_char(s, '.'))
		return true;
	if (s->len == 0 || s->ptr[0] < '0' || s->ptr[0] > '9')
		return false;
	while (take_number(s, 1, 1, &digit)) {
		*out_ms += digit * scale;
		scale /= 10;
	}
	return true;
}

/* YYYY-MM-DDThh:mm:ss */
static bool
take_fields(struct pz_slice *s, int64_t out[6])
{
	static const char before[] = "\0--T::";

	for (unsigned i = 0; i < 6; i++) {
		unsigned digits = i == 0 ? 4 : 2;

		if ((i > 0 && !take_char(s, before[i])) || !take_number(s, digits, digits, &out[i]))
			return false;
	}
	return true;
}

static bool
is_date(const int64_t f[6])
{
	return f[0] >= 1 && f[1] >= 1 && f[1] <= 12 && f[2] >= 1 &&
	       f[2] <= days_in_month(f[0], f[1]) && f[3] <= 23 && f[4] <= 59 && f[5] <= 59;
}

bool
pz_policy_time_parse(struct pz_slice text, int64_t *out_ms)
{
	int64_t f[6], fraction, offset;

	if (!take_fields(&text, f) || !take_fraction(&text, &fraction) ||
	    !take_offset(&text, &offset) || text.len > 0 || !is_date(f))
		return false;
	*out_ms = days_of(f[0], f[1], f[2]) * MS_PER_DAY + ((f[3] * 60 + f[4]) * 60 + f[5]) * 1000 +
		  fraction - offset;
	return true;
}
