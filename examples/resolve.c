/* resolve.c -- names to addresses, all of them asked for at once.  ★
 *
 * getaddrinfo() waits for name servers; here it does so on the loop's pool, a few names at a time,
 * and the answers come as they come. A name that has none after three seconds is given up, though
 * the call that hangs in it cannot be interrupted.
 *
 *     cc resolve.c $(pkg-config --cflags --libs ouro)
 *     ./a.out localhost debian.org nobody.invalid ::1 */
#include <errno.h>
#include <ouro.h>
#include <stdio.h>

static void on_found(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	char text[OURO_ADDR_TEXT];

	printf("%s\n", (const char *)arg);
	for (size_t i = 0; i < count; i++)
		printf("        %s\n", ouro_addr_text(&addrs[i], text, sizeof(text)));
	if (err)
		printf("        %s (%s)\n", ouro_strerror(err), ouro_errname(err));
}

int main(int argc, char **argv)
{
	ouro_dns_opts opts = { .order = OURO_DNS_V6_FIRST, .timeout_ms = 3000 };
	ouro_loop *loop = ouro_loop_or_die(NULL);

	if (argc == 1)
		printf("which names?  %s localhost nobody.invalid\n", argv[0]);
	for (int i = 1; i < argc; i++)
		if (!ouro_dns_lookup(loop, argv[i], &opts, on_found, argv[i]).id)
			return ouro_die("look up a name", -errno);
	return ouro_loop_main(loop);
}
