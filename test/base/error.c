/* Every error has one number, one name and one sentence. */
#include "ouro/error.h"

#include "test.h"
#include <limits.h>

static const struct row {
	int number;
	const char *name, *sentence;
} table[] = {
#define ROW(name, number, sentence) { number, "OURO_" #name, sentence },
	OURO_ERRORS(ROW)
#undef ROW
};

#define ROWS (sizeof(table) / sizeof(table[0]))

TEST(our_own_errors_have_their_words)
{
	for (size_t i = 0; i < ROWS; i++) {
		CHECK_STR(ouro_errname(table[i].number), table[i].name);
		CHECK_STR(ouro_strerror(table[i].number), table[i].sentence);
	}
	CHECK_STR(ouro_errname(OURO_ECLOSED), "OURO_ECLOSED");
	CHECK_STR(ouro_strerror(OURO_EOF), "end of stream");
	CHECK_STR(ouro_errname(OURO_EAI_NONAME), "OURO_EAI_NONAME");
	CHECK_STR(ouro_strerror(OURO_EAI_NONAME), "no host of that name");
}

TEST(no_two_errors_share_a_number_or_a_sentence)
{
	for (size_t i = 0; i < ROWS; i++)
		for (size_t j = 0; j < i; j++) {
			CHECK(table[i].number != table[j].number);
			CHECK(strcmp(table[i].sentence, table[j].sentence) != 0);
		}
}

TEST(our_numbers_are_none_of_the_kernels)
{
	for (size_t i = 0; i < ROWS; i++) {
		CHECK(table[i].number >= -4095 && table[i].number < -1024);
		CHECK(!strerrorname_np(-table[i].number));
	}
}

TEST(the_numbers_never_change)
{
	CHECK_EQ(OURO_EOF, -4095);
	CHECK_EQ(OURO_ECANCELED, -4094);
	CHECK_EQ(OURO_ETIMEOUT, -4093);
	CHECK_EQ(OURO_ECLOSED, -4092);
	CHECK_EQ(OURO_EPROTO, -4091);
	CHECK_EQ(OURO_ETOOBIG, -4090);
	CHECK_EQ(OURO_EBUSY, -4089);
	CHECK_EQ(OURO_ECRASHED, -4088);
	CHECK_EQ(OURO_ENOJOB, -4087);
	CHECK_EQ(OURO_EVERSION, -4086);
	CHECK_EQ(OURO_EAI_ADDRFAMILY, -3000);
	CHECK_EQ(OURO_EAI_AGAIN, -3001);
	CHECK_EQ(OURO_EAI_BADFLAGS, -3002);
	CHECK_EQ(OURO_EAI_FAIL, -3003);
	CHECK_EQ(OURO_EAI_FAMILY, -3004);
	CHECK_EQ(OURO_EAI_MEMORY, -3005);
	CHECK_EQ(OURO_EAI_NODATA, -3006);
	CHECK_EQ(OURO_EAI_NONAME, -3007);
	CHECK_EQ(OURO_EAI_OVERFLOW, -3008);
	CHECK_EQ(OURO_EAI_SERVICE, -3009);
	CHECK_EQ(OURO_EAI_SOCKTYPE, -3010);
	CHECK_EQ(ROWS, 10 + 11);
}

TEST(the_kernels_errors_have_theirs)
{
	CHECK_STR(ouro_errname(-ENOENT), "ENOENT");
	CHECK_STR(ouro_strerror(-ENOENT), "No such file or directory");
	CHECK_STR(ouro_errname(-EHWPOISON), "EHWPOISON");
	for (int err = 1; err <= EHWPOISON; err++) {
		const char *name = strerrorname_np(err);

		CHECK_STR(ouro_errname(-err), name ? name : "?");
	}
}

TEST(zero_is_good)
{
	CHECK_STR(ouro_errname(0), "OK");
	CHECK_STR(ouro_strerror(0), "success");
}

TEST(what_means_nothing_says_so)
{
	static const int nothing[] = { 1, ENOENT, 4095, INT_MAX, -4000, -4096, -100000, INT_MIN };

	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		CHECK_STR(ouro_errname(nothing[i]), "?");
		CHECK_STR(ouro_strerror(nothing[i]), "unknown error");
	}
}

TEST(the_words_are_the_same_each_time)
{
	CHECK(ouro_strerror(-EIO) == ouro_strerror(-EIO));
	CHECK(ouro_strerror(-9999) == ouro_strerror(-8888));
}
