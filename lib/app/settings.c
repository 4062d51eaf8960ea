/* settings.c -- flags over environment over defaults. See settings.h. */
#include "app/settings.h"
#include "ouro/str.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *flag, *variable, *value, *otherwise, *kind, *words;
} settings[] = {
#define X(name, flag, variable, value, otherwise, kind, words) \
	{ flag, variable, value, otherwise, kind, words },
	SETTINGS(X)
#undef X
};

const char *ouro__setting(enum setting setting)
{
	const char *text = getenv(settings[setting].variable);

	if (text && !*text && strcmp(settings[setting].kind, "text") == 0)
		return NULL;
	return text;
}

bool ouro__setting_number(enum setting setting, unsigned otherwise, unsigned *ret_number)
{
	const char *text = ouro__setting(setting);
	uint64_t number = text ? ouro_str_u64(ouro_str_z(text), UINT64_MAX) : otherwise;

	if (number > UINT32_MAX) {
		fprintf(stderr, "ouro: %s is no %s: %s\n", settings[setting].variable,
			settings[setting].kind, text);
		return false;
	}
	*ret_number = (unsigned)number;
	return true;
}

/* ---- Is it one? ---- */

/* Past the last: it is none. */
static ouro_log_level level_of(const char *text)
{
	int level = OURO_LOG_ERROR;

	while (level <= OURO_LOG_DEBUG &&
	       strcmp(text, ouro_log_level_name((ouro_log_level)level)) != 0)
		level++;
	return (ouro_log_level)level;
}

ouro_log_level ouro__setting_level(void)
{
	const char *text = ouro__setting(SETTING_LOG);

	return text ? level_of(text) : OURO_LOG_WARN;
}

static bool is_good(enum setting setting, const char *text)
{
	const char *kind = settings[setting].kind;
	uint64_t number = ouro_str_u64(ouro_str_z(text), UINT64_MAX);

	if (strcmp(kind, "port") == 0)
		return number <= UINT16_MAX;
	if (strncmp(kind, "number", 6) == 0)
		return number <= UINT32_MAX;
	if (strcmp(kind, "level") == 0)
		return level_of(text) <= OURO_LOG_DEBUG;
	return true;
}

/* ---- What is printed ---- */

static const char *default_of(enum setting setting, unsigned port, char *room, size_t size)
{
	if (setting != SETTING_PORT)
		return settings[setting].otherwise;
	snprintf(room, size, "%u", port);
	return room;
}

static int help(FILE *to, unsigned port)
{
	char left[64], number[16];

	fprintf(to, "usage: %s [-p PORT] [option...]\n", program_invocation_short_name);
	for (int i = 0; i < SETTING_COUNT; i++) {
		const char *otherwise = default_of((enum setting)i, port, number, sizeof(number));

		snprintf(left, sizeof(left), "%s %s", settings[i].flag ? settings[i].flag : "",
			 settings[i].value);
		fprintf(to, "  %-20s %-23s %s", settings[i].flag ? left : "", settings[i].variable,
			settings[i].words);
		if (*otherwise)
			fprintf(to, " (%s)", otherwise);
		fputc('\n', to);
	}
	fprintf(to, "  %-44s print what holds, and where it is said\n", "--print-config");
	fprintf(to, "  %-44s this\n", "-h, --help");
	return to == stdout ? 0 : 2;
}

static int mistaken(const char *what, const char *why, unsigned port)
{
	fprintf(stderr, "ouro: %s %s\n", what, why);
	return help(stderr, port);
}

static int print_all(unsigned port, const bool by_flag[SETTING_COUNT])
{
	char number[16];

	for (int i = 0; i < SETTING_COUNT; i++) {
		const char *said = ouro__setting((enum setting)i);

		printf("%-23s %-16s %s\n", settings[i].variable,
		       said ? said : default_of((enum setting)i, port, number, sizeof(number)),
		       by_flag[i] ? settings[i].flag
		       : said     ? "environment"
				  : "default");
	}
	return 0;
}

/* ---- The flags ---- */

static int setting_of(const char *flag)
{
	int i = 0;

	while (i < SETTING_COUNT && (!settings[i].flag || strcmp(flag, settings[i].flag) != 0))
		i++;
	return i;
}

/* What is wrong with the flag, as main's status; below 0: nothing. */
static int take_flag(int i, const char *flag, const char *text, unsigned port)
{
	char why[64];

	if (!text) {
		snprintf(why, sizeof(why), "wants a %s", settings[i].kind);
		return mistaken(flag, why, port);
	}
	if (!is_good((enum setting)i, text)) {
		snprintf(why, sizeof(why), "is no %s", settings[i].kind);
		return mistaken(text, why, port);
	}
	return setenv(settings[i].variable, text, 1) ? mistaken(flag, strerror(errno), port) : -1;
}

/* The environment may be wrong, too, and is told by its variable's name. */
static bool environment_is_good(void)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		const char *said = ouro__setting((enum setting)i);

		if (said && !is_good((enum setting)i, said)) {
			fprintf(stderr, "ouro: %s is no %s: %s\n", settings[i].variable,
				settings[i].kind, said);
			return false;
		}
	}
	return true;
}

bool ouro__settings_read(int argc, char **argv, unsigned port, int *ret_status)
{
	bool by_flag[SETTING_COUNT] = { false }, print = false;
	int status = -1;

	for (int i = 1; i < argc && status < 0; i++) {
		int setting = setting_of(argv[i]);

		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			status = help(stdout, port);
		else if (!strcmp(argv[i], "--print-config"))
			print = true;
		else if (setting == SETTING_COUNT)
			status = mistaken(argv[i], "is no option", port);
		else
			status = take_flag(setting, argv[i], argv[i + 1], port);
		if (setting < SETTING_COUNT)
			by_flag[setting] = true, i++;
	}
	if (status < 0 && !environment_is_good())
		status = 1;
	if (status < 0 && print)
		status = print_all(port, by_flag);
	*ret_status = status;
	return status < 0;
}
