/* chaos.c -- many clients at once, each doing at each step what chance wants.
 *
 * They come, send some of what they have to say, listen or do not, shut their side, close, reset;
 * time passes, an allocation fails, the server ends and another begins. Whatever has happened, in
 * the end nothing is left, and the next client is served. What went wrong is told by its seed. */
#include "http/scripts.h"
#include "ouro/shed.h"

#define CLIENTS 12
#define STEPS   (1200 / TEST_SLOW)
#define SEEDS   40

struct client {
	int fd; /* -1: not here */
	const char *words;
	size_t left;
};

struct crowd {
	struct site site;
	struct client clients[CLIENTS];
	uint32_t seed;
};

static void come(struct crowd *crowd, struct client *client)
{
	const char *words = scripts[random_below(&crowd->seed, SCRIPTS)].request;

	client->fd = random_below(&crowd->seed, 4) ? visit(&crowd->site) : visit_tcp(&crowd->site);
	client->words = words;
	client->left = strlen(words);
}

static void go(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static void say_some(struct crowd *crowd, struct client *client)
{
	size_t n = client->left ? 1 + random_below(&crowd->seed, (uint32_t)client->left) : 0;

	n = tell_bytes(client->fd, client->words, n);
	client->words += n;
	client->left -= n;
	if (client->left || random_below(&crowd->seed, 2))
		return;
	client->words = scripts[random_below(&crowd->seed, SCRIPTS)].request;
	client->left = strlen(client->words);
}

static void listen_to(struct client *client)
{
	struct heard heard = { .bytes = 0 };

	hear_more(client->fd, &heard);
	if (heard.closed)
		go(client);
}

static void open_again(struct crowd *crowd)
{
	ouro_shed_opts shed = {
		.requests_max = 1 + random_below(&crowd->seed, 2 * CLIENTS),
		.lag_ms = 1 + random_below(&crowd->seed, 100),
	};
	ouro_http_opts opts = {
		.shed = random_below(&crowd->seed, 4) ? &shed : NULL,
		.body_max = 1u << random_below(&crowd->seed, 20),
		.pipeline_max = 1 + random_below(&crowd->seed, 4),
		.high = 1u << random_below(&crowd->seed, 18),
		.unread_max = 1u << random_below(&crowd->seed, 12),
		.head_ms = 100,
		.body_ms = 100,
		.idle_ms = 100,
		.write_ms = 100,
		.linger_ms = 100,
	};

	crowd->site.kept_count = 0;
	site_listen(&crowd->site, opts);
}

/* The one before ends on its own, with its clients and what its handlers have. */
static void begin_again(struct crowd *crowd)
{
	fail_allocation(0);
	site_settle(&crowd->site);
	ouro_server_on_close(crowd->site.server, NULL);
	ouro_server_close_after(crowd->site.server,
				random_below(&crowd->seed, 2) * random_below(&crowd->seed, 100),
				random_below(&crowd->seed, 200));
	open_again(crowd);
}

static void act(struct crowd *crowd)
{
	struct client *client = &crowd->clients[random_below(&crowd->seed, CLIENTS)];
	unsigned what = random_below(&crowd->seed, 64);

	if (client->fd < 0)
		come(crowd, client);
	else if (what < 30)
		say_some(crowd, client);
	else if (what < 50)
		listen_to(client);
	else if (what < 52)
		shutdown(client->fd, SHUT_WR);
	else if (what < 56)
		go(client);
	else if (what < 58)
		reset(client->fd), client->fd = -1;
	else if (what < 60)
		site_wait(&crowd->site, random_below(&crowd->seed, 150), NULL, NULL);
	else if (what < 62)
		fail_allocation(1 + random_below(&crowd->seed, 8));
	else if (what < 63 || crowd->site.kept_count > SITE_KEPT / 2)
		site_settle(&crowd->site);
	else
		begin_again(crowd);
	if (crowd->site.kept_count > SITE_KEPT - CLIENTS)
		site_settle(&crowd->site);
	if (random_below(&crowd->seed, 2))
		site_step(&crowd->site);
}

static void be_chaotic(uint32_t seed)
{
	struct crowd crowd = { .seed = seed };
	ouro_shed_state state;

	for (unsigned i = 0; i < CLIENTS; i++)
		crowd.clients[i].fd = -1;
	site_loop(&crowd.site);
	open_again(&crowd);
	for (unsigned i = 0; i < STEPS; i++)
		act(&crowd);
	fail_allocation(0);
	for (unsigned i = 0; i < CLIENTS; i++)
		go(&crowd.clients[i]);
	do { /* what is answered may have had another request behind it */
		site_settle(&crowd.site);
		site_wait(&crowd.site, 1000, NULL, NULL);
	} while (crowd.site.kept_count);
	wait_for_connections(&crowd.site, 0);
	CHECK_EQ(figures(&crowd.site).waiting, 0);
	ouro_server_get_shed(crowd.site.server, &state);
	CHECK_EQ(state.requests, 0); /* who has been counted has left */
	check_served(&crowd.site);
	site_free(&crowd.site);
}

TEST(chaos_leaves_nothing_behind)
{
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		fprintf(stderr, "# seed %u\n", seed);
		be_chaotic(seed * 2654435761u);
	}
}
