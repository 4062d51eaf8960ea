/* servers.h -- the servers that are compared: ours in this process, Node and nginx beside it.
 *
 * The others inherit a socket that listens already, so that nobody has to wait until they are up.
 * They end with the test, whatever happens to it. nginx answers from a second server of its own,
 * behind a proxy: only so it reads bodies before it answers, and judges chunks. */
#ifndef SERVERS_H
#define SERVERS_H
#include "exchange.h"
#include "kit.h"
#include "ouro/http.h"
#include <fcntl.h>
#include <ftw.h>

#define LISTENING 3 /* the descriptor that they inherit */

/* --- ouro --- */

static void say_what_it_saw(ouro_req *req, void *arg)
{
	ouro_str method = ouro_req_method(req), target = ouro_req_target(req);
	ouro_str saw =
		ouro_req_printf(req, "%s %s %zu", method.ptr, target.ptr, ouro_req_body(req).len);

	(void)arg;
	CHECK_EQ(ouro_req_set(req, "X-Saw", saw), 0);
	CHECK_EQ(ouro_req_reply(req, 200, NULL, ouro_str_z("")), 0);
}

static inline void start_ouro(struct server *ret)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = say_what_it_saw };
	ouro_server *server;

	*ret = (struct server){ .name = "ouro", .loop = ouro_loop_new(NULL) };
	CHECK(ret->loop != NULL);
	CHECK_EQ(ouro_http_listen(ret->loop, &opts, &server), 0);
	ret->port = ouro_server_port(server);
}

/* --- Another program --- */

/* A daemon's folder is not on everybody's path. */
static inline void see_daemons(void)
{
	const char *path = getenv("PATH");
	char wider[4096];

	snprintf(wider, sizeof(wider), "%s:/usr/sbin", path ? path : "/usr/bin:/bin");
	CHECK_EQ(setenv("PATH", wider, 1), 0);
}

static inline bool is_installed(const char *program)
{
	char *save, *path = strdup(getenv("PATH")), try[4096];
	bool found = false;

	CHECK(path != NULL);
	for (char *dir = strtok_r(path, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		snprintf(try, sizeof(try), "%s/%s", dir, program);
		found |= !access(try, X_OK);
	}
	free(path);
	return found;
}

static int listening(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	CHECK_EQ(listen(fd, 16), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static pid_t start(char *const *command, int fd)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (fd == LISTENING)
			fcntl(fd, F_SETFD, 0);
		else
			dup2(fd, LISTENING);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	close(fd);
	return pid;
}

static inline void start_node(struct server *ret, char *script)
{
	char *command[] = { word("node"), script, NULL };

	*ret = (struct server){ .name = "node" };
	ret->pid = start(command, listening(&ret->port));
}

/* --- nginx --- */

static void configure(const struct server *nginx)
{
	const char *folder = nginx->folder;
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/conf", folder);
	out = fopen(path, "we");
	CHECK(out != NULL);
	fprintf(out, "daemon off; worker_processes 1; error_log stderr emerg; pid %s/pid;\n",
		folder);
	fprintf(out, "%s\n", geteuid() ? "" : "user root;"); /* the folder is ours alone */
	fprintf(out, "events { worker_connections 64; }\n");
	fprintf(out, "http { access_log off; client_max_body_size 0;\n");
	for (const char *kinds = "client_body\0proxy\0fastcgi\0uwsgi\0scgi\0"; *kinds;
	     kinds += strlen(kinds) + 1)
		fprintf(out, "%s_temp_path %s/%s;\n", kinds, folder, kinds);
	fprintf(out, "large_client_header_buffers 4 16k;\n");
	fprintf(out, "map $content_length $octets { '' 0; default $content_length; }\n");
	fprintf(out, "server { listen 127.0.0.1:%d; location / {\n", nginx->port);
	fprintf(out, "  proxy_pass http://unix:%s/up; proxy_ignore_client_abort on;\n", folder);
	fprintf(out,
		"  proxy_buffer_size 64k; proxy_buffers 4 64k; proxy_busy_buffers_size 64k;\n");
	fprintf(out, "  proxy_pass_request_headers off; } }\n");
	fprintf(out, "server { listen unix:%s/up; location / { return 200;\n", folder);
	fprintf(out, "  add_header X-Saw \"$request_method $request_uri $octets\"; } } }\n");
	CHECK_EQ(fclose(out), 0);
}

static inline void start_nginx(struct server *ret)
{
	char conf[128], log[128];
	char *command[] = { word("nginx"), word("-c"), conf, word("-e"), log, NULL };
	int fd;

	*ret = (struct server){ .name = "nginx", .folder = "/tmp/differ.XXXXXX" };
	CHECK(mkdtemp(ret->folder) != NULL);
	fd = listening(&ret->port);
	configure(ret);
	snprintf(conf, sizeof(conf), "%s/conf", ret->folder);
	snprintf(log, sizeof(log), "%s/log", ret->folder);
	setenv("NGINX", "3;", 1);
	ret->pid = start(command, fd);
	unsetenv("NGINX");
}

/* --- The end --- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static inline void stop(struct server *server)
{
	ouro_loop_free(server->loop);
	if (server->pid) {
		kill(server->pid, SIGTERM);
		CHECK_EQ(waitpid(server->pid, NULL, 0), server->pid);
	}
	if (server->folder[0])
		CHECK_EQ(nftw(server->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
#endif
