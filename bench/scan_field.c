/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A field of mail servers for `gatepost scan`: one process that answers on a port of every address
 * that leads here, all of 127.0.0.0/8 among them, each as a host with a name of its own.
 *
 *     build/scan_field PORT             as sinks do: no TLS, everything is welcome
 *     build/scan_field PORT --postfix   as Postfix 3.7 does with its defaults: nothing is relayed,
 *                                       STARTTLS with a certificate of P-256; who has made ten
 *                                       errors waits a second for each reply, after twenty it ends
 *     build/scan_field PORT --delay MS  and greets so much later
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/self_signed.h"
#include "sys/loop.h"

enum {
	LINE_MAX_OCTETS = 1024,
	BACKLOG = 65'535,
	/* Postfix's smtpd_soft_error_limit, smtpd_hard_error_limit and smtpd_error_sleep_time. */
	ERRORS_SLOW = 10,
	ERRORS_MAX = 20,
	ERROR_SLEEP_MS = 1000,
};

struct answer;

struct connection {
	struct event *readable, *timer;
	const struct answer *later; /* waits for the timer, and all that follows with it */
	SSL *tls;                   /* NULL: in clear */
	bool shaking;
	unsigned errors;
	char name[32];
	char line[LINE_MAX_OCTETS];
	size_t len;
};

static struct {
	struct gp_loop *loop;
	SSL_CTX *tls; /* NULL: a field of sinks */
	uint64_t delay_ms;
} field;

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "scan_field: %s: %s\n", what, strerror(errno));
	exit(4);
}

/* --- what is said --- */

static const struct answer {
	const char *verb;
	/* % stands for the host's name; NULL: as what no server knows. */
	const char *sink, *postfix;
} answers[] = {
	{"HELO", "250 %", "250 %"},
	{"EHLO", "250-%\r\n250-8BITMIME\r\n250 SIZE 10240000",
	 "250-%\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n"
	 "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING"},
	{"MAIL", "250 OK", "250 2.1.0 Ok"},
	{"RCPT", "250 OK", "554 5.7.1 <user@example.com>: Relay access denied"},
	{"DATA", "354 go on", "554 5.5.1 Error: no valid recipients"},
	{"RSET", "250 OK", "250 2.0.0 Ok"},
	{"NOOP", "250 OK", "250 2.0.0 Ok"},
	{"VRFY", "252 perhaps", "252 2.0.0 user"},
	{"STARTTLS", NULL, "220 2.0.0 Ready to start TLS"},
	{"QUIT", "221 bye", "221 2.0.0 Bye"},
};

static const struct answer ehlo_within = {
	"", NULL,
	"250-%\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n"
	"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING"};
/* Both are known by their greeting, so that nobody has to try what else they might be. */
static const struct answer greeting = {"", "220 % ESMTP Postfix",
				       "220 % ESMTP Postfix (Debian/GNU)"};
static const struct answer unknown = {"", "500 what?", "502 5.5.2 Error: command not recognized"};
static const struct answer too_many = {"", NULL, "421 4.7.0 % Error: too many errors"};
static const struct answer nameless = {"", "501 who?", "501 Syntax: EHLO hostname"};

static const char *
words_of(const struct answer *a)
{
	const char *words = field.tls ? a->postfix : a->sink;
	return words ? words : field.tls ? unknown.postfix : unknown.sink;
}

/* RFC 3207 section 4.2: within TLS there is no STARTTLS to offer. */
static const struct answer *
find_answer(bool within, struct gp_slice line)
{
	struct gp_slice rest = line, verb = gp_slice_cut(&rest, ' ');
	for (size_t i = 0; i < GP_ARRAY_LEN(answers); i++) {
		const struct answer *a = &answers[i];
		if (!gp_slice_eq_nocase(verb, gp_slice_str(a->verb)))
			continue;
		bool hello = gp_slice_ends_nocase(verb, GP_SLICE("LO"));
		if (hello && rest.len == 0)
			return &nameless;
		return within && gp_slice_eq_nocase(verb, GP_SLICE("EHLO")) ? &ehlo_within : a;
	}
	return &unknown;
}

/* Answers are short and each waits for the one before: a socket that does not take one has lost its
   client. */
static bool
say(struct connection *c, const struct answer *a)
{
	char text[512];
	const char *words = words_of(a);
	struct gp_slice all = gp_slice_str(words), after = all, before = gp_slice_cut(&after, '%');
	int len = snprintf(text, sizeof(text), "%.*s%s%.*s\r\n", GP_SLICE_FMT(before),
			   before.len < all.len ? c->name : "", GP_SLICE_FMT(after));
	return (c->tls ? SSL_write(c->tls, text, len)
		       : (int)write(event_get_fd(c->readable), text, (size_t)len)) == len;
}

static bool
begin_tls(struct connection *c)
{
	c->tls = SSL_new(field.tls);
	c->shaking = true;
	c->len = 0; /* what was said in clear ends here */
	if (!c->tls)
		return false;
	SSL_set_accept_state(c->tls);
	return SSL_set_fd(c->tls, event_get_fd(c->readable)) == 1;
}

/* False: it is over. */
static bool
answer(struct connection *c, const struct answer *a)
{
	struct gp_slice verb = gp_slice_str(a->verb);
	if (!say(c, a) || a == &too_many || gp_slice_eq(verb, GP_SLICE("QUIT")))
		return false;
	bool starts = field.tls && !c->tls && gp_slice_eq(verb, GP_SLICE("STARTTLS"));
	return !starts || begin_tls(c);
}

static bool
answer_later(struct connection *c, const struct answer *a, uint64_t in_ms)
{
	c->later = a;
	gp_timer_set(c->timer, in_ms);
	return event_del(c->readable) == 0;
}

static bool
answer_line(struct connection *c, struct gp_slice line)
{
	const struct answer *a = find_answer(c->tls, line);
	c->errors += field.tls && words_of(a)[0] == '5';
	if (c->errors > ERRORS_MAX)
		a = &too_many;
	return c->errors >= ERRORS_SLOW ? answer_later(c, a, ERROR_SLEEP_MS) : answer(c, a);
}

static bool
answer_lines(struct connection *c)
{
	struct gp_slice rest = gp_slice(c->line, c->len);
	bool good = true;
	for (ptrdiff_t lf;
	     good && !c->shaking && !c->later && (lf = gp_slice_find(rest, '\n')) >= 0;) {
		struct gp_slice line = gp_slice_take(rest, (size_t)lf);
		if (gp_slice_ends_nocase(line, GP_SLICE("\r")))
			line = gp_slice_take(line, line.len - 1);
		rest = gp_slice_drop(rest, (size_t)lf + 1);
		good = answer_line(c, line);
	}
	if (!c->shaking) {
		memmove(c->line, rest.ptr, rest.len);
		c->len = rest.len;
	}
	return good && c->len < sizeof(c->line);
}

/* --- connections --- */

static void
forget(struct connection *c)
{
	int fd = event_get_fd(c->readable);
	event_free(c->readable);
	event_free(c->timer);
	SSL_free(c->tls);
	close(fd);
	free(c);
}

static bool
shake_hands(struct connection *c)
{
	int r = SSL_do_handshake(c->tls);
	c->shaking = r != 1;
	return r == 1 || SSL_get_error(c->tls, r) == SSL_ERROR_WANT_READ;
}

static bool
receive(struct connection *c)
{
	size_t room = sizeof(c->line) - c->len;
	int n = c->tls ? SSL_read(c->tls, c->line + c->len, (int)room)
		       : (int)read(event_get_fd(c->readable), c->line + c->len, room);
	if (n <= 0)
		return c->tls ? SSL_get_error(c->tls, n) == SSL_ERROR_WANT_READ
			      : n < 0 && errno == EAGAIN;
	c->len += (size_t)n;
	return answer_lines(c);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd, (void)what;
	if (!(c->shaking ? shake_hands(c) : receive(c)))
		forget(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	const struct answer *a = c->later;
	(void)fd, (void)what;
	c->later = NULL;
	if (event_add(c->readable, NULL) < 0 || !answer(c, a) || !answer_lines(c))
		forget(c);
}

/* A host's name is made of the address that it was called by. */
static void
name_it(struct connection *c, int fd)
{
	struct sockaddr_in own;
	socklen_t len = sizeof(own);
	check(getsockname(fd, (struct sockaddr *)&own, &len) == 0, "getsockname");
	uint32_t a = ntohl(own.sin_addr.s_addr);
	snprintf(c->name, sizeof(c->name), "mx-%u-%u-%u.field.test", a >> 16 & 255, a >> 8 & 255,
		 a & 255);
}

static void
begin(int fd)
{
	struct event_base *base = gp_loop_base(field.loop);
	const int one = 1;
	struct connection *c = calloc(1, sizeof(*c));
	check(c, "memory");
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->timer = evtimer_new(base, on_timer, c);
	check(c->readable && c->timer, "memory");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	name_it(c, fd);
	bool good = field.delay_ms > 0 ? answer_later(c, &greeting, field.delay_ms)
				       : event_add(c->readable, NULL) == 0 && answer(c, &greeting);
	if (!good)
		forget(c);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	(void)what, (void)arg;
	for (int peer; (peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
		begin(peer);
	check(errno == EAGAIN || errno == ECONNABORTED, "accept");
}

/* --- the field --- */

static SSL_CTX *
make_tls(void)
{
	struct gp_buf certificate = GP_BUF_INIT(1 << 16), key = GP_BUF_INIT(1 << 16);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	check(ctx && gp_self_signed_make(GP_SLICE("field.test"), &certificate, &key) == 0, "key");
	struct gp_slice text = gp_buf_slice(&certificate);
	BIO *in = BIO_new_mem_buf(text.ptr, (int)text.len);
	X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	text = gp_buf_slice(&key);
	in = BIO_new_mem_buf(text.ptr, (int)text.len);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	BIO_free(in);
	check(SSL_CTX_use_cert_and_key(ctx, x, k, NULL, 1) == 1, "key");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	X509_free(x);
	EVP_PKEY_free(k);
	gp_buf_free(&certificate);
	gp_buf_free(&key);
	return ctx;
}

static void
listen_on(uint16_t port)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	check(fd >= 0, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0, "bind");
	check(listen(fd, BACKLOG) == 0, "listen");
	struct event *e =
		event_new(gp_loop_base(field.loop), fd, EV_READ | EV_PERSIST, on_accept, NULL);
	check(e && event_add(e, NULL) == 0, "memory");
}

static void
raise_files(void)
{
	struct rlimit files;
	check(getrlimit(RLIMIT_NOFILE, &files) == 0, "getrlimit");
	files.rlim_cur = files.rlim_max;
	check(setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
}

static void
read_options(int argc, char **argv, uint16_t *ret_port)
{
	static const struct option options[] = {
		{"postfix", no_argument, NULL, 'p'}, {"delay", required_argument, NULL, 'd'}, {}};
	uint64_t port = 0;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'p')
			field.tls = make_tls();
		else if (c != 'd' || !gp_slice_u64(gp_slice_str(optarg), 600'000, &field.delay_ms))
			exit(2);
	}
	if (optind + 1 != argc || !gp_slice_u64(gp_slice_str(argv[optind]), UINT16_MAX, &port))
		exit(2);
	*ret_port = (uint16_t)port;
}

int
main(int argc, char **argv)
{
	uint16_t port;
	signal(SIGPIPE, SIG_IGN);
	read_options(argc, argv, &port);
	raise_files();
	field.loop = gp_loop_new();
	check(field.loop, "loop");
	listen_on(port);
	puts("ready");
	fflush(stdout);
	return gp_loop_run(field.loop) == 0 ? 0 : 4;
}
