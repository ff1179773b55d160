/* Dates and durations of data handling: the calendar in UTC, without the C library's time zone. */
#include "policy/dhp.h"

#define MS_PER_DAY INT64_C(86400000)

/* Days from 1970-01-01 of a date of the Gregorian calendar (March is the first month inside, so
 * that a leap day is the last one of a year). */
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

/* Of .123456 the milliseconds; the digits after them are left out. */
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
