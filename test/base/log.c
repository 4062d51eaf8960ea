/* One sentence for whoever listens. */
#include "base/log.h"

#include "test.h"

static struct heard {
	int times;
	ouro_log_level level;
	char sentence[1024];
} heard;

static void hear(ouro_log_level level, const char *sentence, void *arg)
{
	struct heard *it = arg;

	it->times++;
	it->level = level;
	snprintf(it->sentence, sizeof(it->sentence), "%s", sentence);
}

static const struct log listener = { hear, &heard };

TEST(a_sentence_arrives_whole)
{
	ouro__log(&listener, OURO_LOG_WARN, "%d posts were dropped by %s", 3, "a full queue");
	CHECK_EQ(heard.times, 1);
	CHECK_EQ(heard.level, OURO_LOG_WARN);
	CHECK_STR(heard.sentence, "3 posts were dropped by a full queue");
}

TEST(nobody_needs_to_listen)
{
	static const struct log nobody;

	ouro__log(&nobody, OURO_LOG_ERROR, "%s", "unheard");
}

TEST(of_a_long_sentence_511_bytes_arrive)
{
	ouro__log(&listener, OURO_LOG_INFO, "%0511d", 7);
	CHECK_EQ(strlen(heard.sentence), 511);
	CHECK_EQ(heard.sentence[510], '7');
	ouro__log(&listener, OURO_LOG_INFO, "%0512d", 7);
	CHECK_EQ(strlen(heard.sentence), 511);
	CHECK_EQ(heard.sentence[510], '0');
	ouro__log(&listener, OURO_LOG_INFO, "%0100000d", 7);
	CHECK_EQ(strlen(heard.sentence), 511);
}

TEST(what_cannot_be_printed_arrives_as_it_was_written)
{
	static const wchar_t no_letter[] = { 0x7fffffff, 0 };

	ouro__log(&listener, OURO_LOG_ERROR, "odd: %ls", no_letter);
	CHECK_STR(heard.sentence, "odd: %ls");
}

TEST(it_takes_no_memory)
{
	size_t before = allocations();

	ouro__log(&listener, OURO_LOG_DEBUG, "%s %*d", "words", 300, 1);
	CHECK_EQ(allocations(), before);
	CHECK_EQ(heard.times, 1);
}

TEST(levels_have_names)
{
	CHECK_STR(ouro_log_level_name(OURO_LOG_ERROR), "error");
	CHECK_STR(ouro_log_level_name(OURO_LOG_WARN), "warn");
	CHECK_STR(ouro_log_level_name(OURO_LOG_INFO), "info");
	CHECK_STR(ouro_log_level_name(OURO_LOG_DEBUG), "debug");
	CHECK_STR(ouro_log_level_name((ouro_log_level)4), "?");
}
