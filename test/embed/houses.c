/* houses.c -- each host of examples/embed/ that is a program: it ticks and answers its own clients
 * before ouro is there, beside it and after it; and whichever of the two ends first, nothing is
 * left behind. What it prints is compared to the letter, so nothing odd can be in it.
 *
 * No test here asks how long something took: it asks the host until it has ticked so often. */
#include "example.h"

/* More than libev takes in a pass: a host that hears of each edge once must not lose the rest. */
#define CROWD 100

/* One that is not built is a script that says so, and .ci/deps said why. */
static void skip_what_is_not_built(const char *path)
{
	char text[256];
	FILE *file = fopen(path, "re");
	bool is_script = file && fgets(text, sizeof(text), file) && !strcmp(text, "#!/bin/sh\n");

	if (is_script && fgets(text, sizeof(text), file))
		SKIP(strtok(strchr(text, '"'), "\"\n"));
	CHECK(file != NULL);
	fclose(file);
}

/* The library of a sanitizer has to be there before Python is. */
static struct example open_python(const char *script)
{
	char path[PATH_MAX], library[PATH_MAX];

	if (TEST_SLOW > 1)
		SKIP("python3 has no sanitizer in it");
	if (system("python3 -c 0 2>/dev/null"))
		SKIP("needs the package python3");
	CHECK(realpath("examples/embed", path));
	strcat(strcat(path, "/"), script);
	path_of("../libouro.so", library);
	setenv("OURO_SO", library, 1);
	return run_example("python3", (const char *[]){ "python3", path, "0", NULL });
}

static struct example open_house(const char *name)
{
	char path[PATH_MAX], below[64];
	struct example house;

	snprintf(below, sizeof(below), "embed/%s", name);
	if (strstr(name, ".py")) {
		house = open_python(name);
	} else {
		path_of(below, path);
		skip_what_is_not_built(path);
		house = run_example(path, (const char *[]){ name, "0", NULL });
	}
	read_port(&house);
	return house;
}

/* ---- The host's own work ---- */

static void type(const struct example *house, const char *line)
{
	CHECK_EQ(write(house->keyboard, line, strlen(line)), (ssize_t)strlen(line));
}

/* The host's own client gets its own answer: how often it has ticked. */
static unsigned ticks_by_line(const struct example *house)
{
	char line[64], rest[64];
	unsigned ticks;

	type(house, "well?\n");
	read_words(house, line, sizeof(line), false);
	CHECK_EQ(sscanf(line, "tick %u: %63[^\n]", &ticks, rest), 2);
	CHECK_STR(rest, "well?");
	return ticks;
}

static void ticks_on(const struct example *house)
{
	unsigned first = ticks_by_line(house);

	while (ticks_by_line(house) < first + 2)
		;
}

/* ---- The guest's ---- */

static unsigned ticks_by_page(const struct example *house)
{
	const char *answer = get(house, "/");
	unsigned ticks;

	CHECK(is(answer, 200, NULL));
	CHECK_EQ(sscanf(strstr(answer, "\r\n\r\n"), " the host has ticked %u times", &ticks), 1);
	return ticks;
}

/* All have asked before the first has read. */
static void answers_a_crowd(const struct example *house)
{
	static const char end[] = " times\n";
	int fds[CROWD];

	for (int i = 0; i < CROWD; i++)
		fds[i] = dial(house);
	for (int i = 0; i < CROWD; i++)
		tell(fds[i], "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	for (int i = 0; i < CROWD; i++)
		CHECK(strstr(hear(fds[i]), end));
}

static void both_go_on(const struct example *house)
{
	unsigned first = ticks_by_page(house);

	ticks_on(house);
	answers_a_crowd(house);
	ticks_on(house);
	CHECK(ticks_by_page(house) >= first + 4);
}

static bool is_away(const struct example *house)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(house->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	err = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? errno : 0;
	close(fd);
	return err == ECONNREFUSED;
}

static void has_left(const struct example *house)
{
	char line[64];

	read_words(house, line, sizeof(line), false);
	CHECK_STR(line, "the guest has left\n");
	CHECK(is_away(house));
}

static void ends(struct example *house, const char *last_words)
{
	char text[4096];

	close(house->keyboard);
	house->keyboard = -1;
	CHECK_EQ(finish(house, text, sizeof(text)), 0);
	CHECK_STR(text, last_words);
}

/* ---- What each house must stand ---- */

static void sees_its_guest_out_by_a_request(const char *name)
{
	struct example house = open_house(name);

	both_go_on(&house);
	CHECK(is(ask(&house, "POST /leave", "", ""), 200, "goodbye\n"));
	has_left(&house);
	ticks_on(&house);
	ends(&house, "");
}

/* The request came half before the host wanted the guest to leave, and half after. */
static void sees_its_guest_out_by_its_own_hand(const char *name)
{
	struct example house = open_house(name);
	int idle = dial(&house), half = dial(&house);

	tell(half, "GET / HTTP/1.1\r\nHost: local");
	tell(idle, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(ticks_by_page(&house) < UINT32_MAX); /* it has read what was told before */
	type(&house, "leave\n");
	CHECK(strstr(hear(idle), " times\n"));
	tell(half, "host\r\n\r\n");
	CHECK(strstr(hear(half), "\r\nConnection: close\r\n"));
	has_left(&house);
	ticks_on(&house);
	ends(&house, "");
}

static void ends_with_its_guest_inside(const char *name)
{
	struct example house = open_house(name);
	int idle = dial(&house);

	tell(idle, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	ticks_by_page(&house);
	ends(&house, "the guest has left\n");
	CHECK(strstr(hear(idle), " times\n"));
}

#define HOUSE(words, name)                                \
	TEST(words##_sees_its_guest_out_by_a_request)     \
	{                                                 \
		sees_its_guest_out_by_a_request(name);    \
	}                                                 \
	TEST(words##_sees_its_guest_out_by_its_own_hand)  \
	{                                                 \
		sees_its_guest_out_by_its_own_hand(name); \
	}                                                 \
	TEST(words##_ends_with_its_guest_inside)          \
	{                                                 \
		ends_with_its_guest_inside(name);         \
	}

HOUSE(poll, "poll")
HOUSE(epoll_by_edge, "epoll")
HOUSE(libev, "libev")
HOUSE(glib, "glib-2.0")
HOUSE(libevent, "libevent")
HOUSE(libuv, "libuv")
HOUSE(sd_event, "libsystemd")
HOUSE(asyncio, "python.py")

/* ---- What the README and their heads promise ---- */

/* From a line that has `from` in it to the next heading, or the end. */
static size_t lines_of(const char *path, const char *from)
{
	FILE *file = fopen(path, "re");
	size_t lines = 0;
	char line[256];

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (lines ? !strstr(line, "/* ---- ") : strstr(line, from) != NULL)
			lines++;
		else if (lines)
			break;
	fclose(file);
	return lines;
}

static bool is_short(size_t lines, size_t most)
{
	return lines > 0 && lines <= most;
}

TEST(what_they_share_is_a_page_and_their_own_glue_less)
{
	CHECK(is_short(lines_of("examples/embed/guest.h", "guest.h"), 60));
	CHECK(is_short(lines_of("examples/embed/redis.c", "The glue"), 40));
	CHECK(is_short(lines_of("examples/embed/postgresql.c", "The glue"), 40));
}
