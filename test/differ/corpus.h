/* corpus.h -- reads the folder corpus: what may be sent to a server, and what it should make of it.
 *
 *     refuse the octet {} in a target (9112 3.2)     accept, refuse or either: a rule and its RFC
 *     with \0 \x01 \x7f                              a case for each of these, in place of {}
 *     > GET /a{}b HTTP/1.1                           a line to send, ended by CR LF
 *     > Host: a
 *     >
 *     < GET /a 0                                     a request to be seen: method, target, octets
 *                                                    of body; " *9" behind it: nine of them
 *
 * In what is sent and seen \r \n \t \s (a space) \0 \xHH and \\ stand for an octet, \{9 text} for
 * nine times the text, and a \ that ends a line for no CR LF. After a case comes another request,
 * the sentinel, which must be seen too when the connection stays. `!close`: it must not;
 * `!may-close`: either is fine; `!eof`: it is not even sent. Of what is refused `<` says what is
 * seen of the connection before; `!unsaid`: it may end without a status, as after `!eof`. */
#ifndef CORPUS_H
#define CORPUS_H
#include "test.h"
#include <dirent.h>

#define CASES 4096

enum verdict { ACCEPT, REFUSE, EITHER };
enum after { STAYS, CLOSES, MAY_CLOSE };

struct rule {
	char *name; /* "targets:12 the octet \0 in a target (9112 3.2)" */
	enum verdict verdict;
	enum after after;
	bool eof;    /* the client ends without a sentinel */
	bool unsaid; /* a refusal need not be said */
	char *bytes; /* to send */
	size_t len;
	char *seen; /* a line a request */
};

static struct rule corpus[CASES];
static size_t corpus_count;

/* --- Octets --- */

static void write_text(FILE *out, const char **at, char stop);

static void write_repeated(FILE *out, const char **at)
{
	char *text;
	unsigned long n = strtoul(*at, &text, 10);

	text += *text == ' ';
	while (n--) {
		*at = text;
		write_text(out, at, '}');
	}
	CHECK(**at == '}');
	++*at;
}

static void write_escape(FILE *out, const char **at)
{
	static const char letters[] = "rnts0\\", octets[] = "\r\n\t \0\\";
	char hex[3] = "";
	char c = *(*at)++;
	const char *letter = c ? strchr(letters, c) : NULL;

	if (letter) {
		fputc(octets[letter - letters], out);
	} else if (c == 'x') {
		memcpy(hex, *at, 2);
		fputc((int)strtoul(hex, NULL, 16), out);
		*at += 2;
	} else {
		CHECK(c == '{');
		write_repeated(out, at);
	}
}

/* Up to `stop`, which may be the zero at the end. */
static void write_text(FILE *out, const char **at, char stop)
{
	while (**at && **at != stop) {
		char c = *(*at)++;

		if (c == '\\')
			write_escape(out, at);
		else
			fputc(c, out);
	}
}

/* --- A case --- */

/* A copy of line with `with` in place of every {}. */
static void fill(char **ret, const char *line, const char *with)
{
	const char *hole;
	size_t len;
	FILE *out = open_memstream(ret, &len);

	CHECK(out != NULL);
	for (; with && (hole = strstr(line, "{}")); line = hole + 2)
		fprintf(out, "%.*s%s", (int)(hole - line), line, with);
	fputs(line, out);
	CHECK_EQ(fclose(out), 0);
}

/* Cuts the backslash off that says: no CR LF here. */
static bool ends_open(char *line)
{
	size_t end = strlen(line), n = 0;

	while (n < end && line[end - 1 - n] == '\\')
		n++;
	if (n % 2)
		line[end - 1] = 0;
	return n % 2;
}

static void add_sent(FILE *out, char *line)
{
	const char *at = line;
	bool open = ends_open(line);

	write_text(out, &at, 0);
	if (!open)
		fputs("\r\n", out);
}

static void add_seen(FILE *out, char *line)
{
	char *star = strstr(line, " *");
	long times = star ? strtol(star + 2, NULL, 10) : 0;

	if (times)
		*star = 0;
	do {
		const char *at = line;

		write_text(out, &at, 0);
		fputc('\n', out);
	} while (--times > 0);
}

static void add_mark(struct rule *rule, const char *word)
{
	if (!strcmp(word, "close"))
		rule->after = CLOSES;
	else if (!strcmp(word, "may-close"))
		rule->after = MAY_CLOSE;
	else if (!strcmp(word, "eof"))
		rule->eof = true;
	else
		CHECK_STR(word, "unsaid");
	rule->unsaid |= word[0] == 'e' || word[0] == 'u';
}

static void name_rule(struct rule *rule, const char *where, const char *title)
{
	static const char *const verdicts[] = { "accept ", "refuse ", "either " };
	size_t v = 0;

	while (v < 3 && strncmp(title, verdicts[v], 7))
		v++;
	CHECK(v < 3);
	rule->verdict = (enum verdict)v;
	CHECK(asprintf(&rule->name, "%s %s", where, title) > 0);
	CHECK(strstr(title, " (") && title[strlen(title) - 1] == ')');
}

/* One case: the lines that follow its title, with {} filled in. */
static void add_case(const char *where, char *const *lines, size_t count, const char *with)
{
	struct rule *rule = &corpus[corpus_count++];
	size_t seen_len;
	FILE *bytes = open_memstream(&rule->bytes, &rule->len);
	FILE *seen = open_memstream(&rule->seen, &seen_len);

	CHECK(corpus_count < CASES && bytes && seen);
	for (size_t i = 0; i < count; i++) {
		char *line;

		fill(&line, lines[i], with);
		if (!i)
			name_rule(rule, where, line);
		else if (line[0] == '>')
			add_sent(bytes, line + 1 + (line[1] == ' '));
		else if (line[0] == '<')
			add_seen(seen, line + 2);
		else if (line[0] == '!')
			add_mark(rule, line + 1);
		else
			CHECK(!strncmp(line, "with ", 5));
		free(line);
	}
	CHECK(!fclose(bytes) && !fclose(seen));
	CHECK(rule->verdict == REFUSE || rule->seen[0]);
}

/* --- A file --- */

static void add_cases(const char *where, char *const *lines, size_t count)
{
	bool filled_in = false;

	for (size_t i = 1; i < count && !strncmp(lines[i], "with ", 5); i++) {
		char *save, *words = strdup(lines[i] + 5);

		CHECK(words != NULL);
		for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
			add_case(where, lines, count, w);
		free(words);
		filled_in = true;
	}
	if (!filled_in)
		add_case(where, lines, count, NULL);
}

/* Cases end at an empty line; `#` begins a line of comment. */
static void read_family(const char *family, FILE *file)
{
	char *lines[64], where[300];
	size_t count = 0, room = 0;
	bool more = true;

	for (int number = 1; more; number++) {
		char *line = NULL;

		more = getline(&line, &room, file) >= 0;
		line[more ? strcspn(line, "\n") : 0] = 0;
		room = 0;
		if (line[0] && line[0] != '#') {
			if (!count)
				snprintf(where, sizeof(where), "%s:%d", family, number);
			CHECK(count < 64);
			lines[count++] = line;
			continue;
		}
		if (count && line[0] != '#')
			add_cases(where, lines, count);
		while (count)
			free(lines[--count]);
		free(line);
	}
}

/* The path of what lies in the folder of a source. */
static inline char *beside(const char *source, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%.*s/%s", (int)(strrchr(source, '/') - source), source, name);
	return path;
}

static inline void read_corpus(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);
	char path[512];

	CHECK(n > 0);
	for (int i = 0; i < n; i++) {
		char *name = names[i]->d_name, *dot = strstr(name, ".txt");

		CHECK(snprintf(path, sizeof(path), "%s/%s", folder, name) < 512);
		if (dot) {
			FILE *file = fopen(path, "re");

			CHECK(file != NULL);
			*dot = 0;
			read_family(name, file);
			fclose(file);
		}
		free(names[i]);
	}
	free(names);
}
#endif
