/* date.c -- HTTP's dates. See encoded.h.
 *
 * Not libc's functions: strftime() and strptime() ask the locale, gmtime() may read a file of time
 * zones, and here each name and digit has one place. Days are counted by the 400 years after which
 * the calendar repeats itself, years beginning in March so that a leap day is a year's last. */
#include "http/encoded.h"
#include "http/octet.h"

static const char week_days[7][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
				       "Thursday", "Friday", "Saturday" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

#define DAY         86400
#define YEAR_DAYS   365
#define ERA_YEARS   400
#define ERA_DAYS    146097
#define EPOCH_DAY   719468                /* 1970-01-01, from 0000-03-01 */
#define LAST_SECOND INT64_C(253402300799) /* of 9999 */

/* month and day from 0. */
struct date {
	int year, month, day, hour, minute, second;
};

/* How many days of a year that begins in March are before its nth month. */
static int days_before(int month_from_march)
{
	return (153 * month_from_march + 2) / 5;
}

static int64_t day_number(const struct date *date)
{
	int year = date->year - (date->month < 2), era = year / ERA_YEARS,
	    of_era = year % ERA_YEARS;

	return (int64_t)era * ERA_DAYS + of_era * YEAR_DAYS + of_era / 4 - of_era / 100 +
	       days_before((date->month + 10) % 12) + date->day - EPOCH_DAY;
}

/* day: since 1970. */
static void date_of_day(int64_t day, struct date *date)
{
	int era = (int)((day + EPOCH_DAY) / ERA_DAYS), of_era = (int)((day + EPOCH_DAY) % ERA_DAYS);
	int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / YEAR_DAYS;
	int of_year = of_era - (YEAR_DAYS * year + year / 4 - year / 100);
	int month = (5 * of_year + 2) / 153;

	date->day = of_year - days_before(month);
	date->month = (month + 2) % 12;
	date->year = era * ERA_YEARS + year + (date->month < 2);
}

/* ---- Out ---- */

static char *put(char *to, const char *text, size_t n)
{
	memcpy(to, text, n);
	return to + n;
}

static char *put_number(char *to, int number, int digits)
{
	for (int i = digits; i-- > 0; number /= 10)
		to[i] = (char)('0' + number % 10);
	return to + digits;
}

size_t ouro__http_date_format(char *text, time_t when)
{
	int64_t second = when < 0 ? 0 : when > LAST_SECOND ? LAST_SECOND : when;
	int64_t day = second / DAY;
	int of_day = (int)(second % DAY);
	struct date date;
	char *to = text;

	date_of_day(day, &date);
	to = put(to, week_days[(day + 4) % 7], 3);
	to = put(to, ", ", 2);
	to = put_number(to, date.day + 1, 2);
	to = put(to, " ", 1);
	to = put(to, months[date.month], 3);
	to = put(to, " ", 1);
	to = put_number(to, date.year, 4);
	to = put(to, " ", 1);
	to = put_number(to, of_day / 3600, 2);
	to = put(to, ":", 1);
	to = put_number(to, of_day / 60 % 60, 2);
	to = put(to, ":", 1);
	to = put_number(to, of_day % 60, 2);
	put(to, " GMT", 4);
	return HTTP_DATE_LEN;
}

/* ---- In ---- */

struct reader {
	const char *at, *end;
	bool bad;
};

static bool take(struct reader *reader, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(reader->end - reader->at) < n || memcmp(reader->at, text, n) != 0)
		return false;
	reader->at += n;
	return true;
}

static void must_take(struct reader *reader, const char *text)
{
	if (!take(reader, text))
		reader->bad = true;
}

static int take_number(struct reader *reader, int digits)
{
	int number = 0;

	for (; digits > 0; digits--) {
		if (reader->at == reader->end || !octet_is(*reader->at, OCTET_DIGIT)) {
			reader->bad = true;
			return 0;
		}
		number = number * 10 + (*reader->at++ - '0');
	}
	return number;
}

static int take_month(struct reader *reader)
{
	for (int i = 0; i < 12; i++)
		if (take(reader, months[i]))
			return i;
	reader->bad = true;
	return 0;
}

static void take_time(struct reader *reader, struct date *date)
{
	date->hour = take_number(reader, 2);
	must_take(reader, ":");
	date->minute = take_number(reader, 2);
	must_take(reader, ":");
	date->second = take_number(reader, 2);
}

/* `06 Nov 1994 08:49:37 GMT` */
static void take_fixdate(struct reader *reader, struct date *date)
{
	date->day = take_number(reader, 2) - 1;
	must_take(reader, " ");
	date->month = take_month(reader);
	must_take(reader, " ");
	date->year = take_number(reader, 4);
	must_take(reader, " ");
	take_time(reader, date);
	must_take(reader, " GMT");
}

static int year_of(time_t when)
{
	struct date date;

	date_of_day(when < 0 ? 0 : when > LAST_SECOND ? LAST_SECOND / DAY : when / DAY, &date);
	return date.year;
}

/* `06-Nov-94 08:49:37 GMT`: of the years that end so, the last that is not too far ahead. */
static void take_rfc850(struct reader *reader, struct date *date, time_t now)
{
	int limit = year_of(now) + 50, year;

	date->day = take_number(reader, 2) - 1;
	must_take(reader, "-");
	date->month = take_month(reader);
	must_take(reader, "-");
	year = take_number(reader, 2);
	date->year = limit - (limit - year) % 100;
	must_take(reader, " ");
	take_time(reader, date);
	must_take(reader, " GMT");
}

/* `Nov  6 08:49:37 1994` */
static void take_asctime(struct reader *reader, struct date *date)
{
	date->month = take_month(reader);
	must_take(reader, " ");
	date->day = (take(reader, " ") ? take_number(reader, 1) : take_number(reader, 2)) - 1;
	must_take(reader, " ");
	take_time(reader, date);
	must_take(reader, " ");
	date->year = take_number(reader, 4);
}

/* The day of the week is written three ways, and which one it is tells the form. */
static void take_date(struct reader *reader, struct date *date, time_t now)
{
	for (int i = 0; i < 7; i++) {
		char brief[4] = { week_days[i][0], week_days[i][1], week_days[i][2], 0 };

		if (take(reader, week_days[i])) {
			must_take(reader, ", ");
			take_rfc850(reader, date, now);
			return;
		}
		if (!take(reader, brief))
			continue;
		if (take(reader, ", "))
			take_fixdate(reader, date);
		else if (take(reader, " "))
			take_asctime(reader, date);
		else
			reader->bad = true;
		return;
	}
	reader->bad = true;
}

/* A 31st of April comes back from its number as another day. Second 60 is a leap second. */
static bool is_date(const struct date *date)
{
	struct date again;

	if (date->day < 0 || date->day > 30 || date->hour > 23 || date->minute > 59 ||
	    date->second > 60 || date->year < 1)
		return false;
	date_of_day(day_number(date), &again);
	return again.day == date->day && again.month == date->month;
}

bool ouro__http_date_parse(ouro_str text, time_t now, time_t *ret_when)
{
	struct reader reader = { text.ptr, octet_end(text), false };
	struct date date = { 0 };

	take_date(&reader, &date, now);
	if (reader.bad || reader.at != reader.end || !is_date(&date))
		return false;
	*ret_when = (time_t)(day_number(&date) * DAY + date.hour * 3600 + date.minute * 60 +
			     date.second);
	return true;
}
