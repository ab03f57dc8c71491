/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/scan/sandbox.h"
#include "core/dns/message.h"
#include "core/identity/visible.h"
#include "core/tsig/tsig.h"
#include "core/zone/axfr.h"
#include "core/zone/zone.h"
#include "sys/address.h"
#include "sys/clock.h"
#include "sys/password.h"

enum {
	PORT = 53,
	PREFIX = 2,
	MESSAGE_MAX = UINT16_MAX,
	WRONG = -1,
	TEXT_ARENA_MAX = 4 * MESSAGE_MAX, /* of one TXT record, and a name */
	TOLD_MAX = 4096,                  /* octets, before they are handed to who waits */
	LINE_ROOM = 2048,                 /* a name has 255 octets, of four letters at most */
};

/* How the lines begin that the child tells: a domain; nothing, for the end of the zone; why not. */
enum { TELL_DOMAIN = 'd', TELL_END = 'e', TELL_WHY = 'w' };

/* --- the key --- */

static ssize_t
read_all(int fd, char *to, size_t size)
{
	size_t have = 0;
	ssize_t n;
	while ((n = read(fd, to + have, size - have)) > 0)
		have += (size_t)n;
	return n < 0 ? n : (ssize_t)have;
}

/* The file's text is not left behind in memory. */
int
audit_transfer_key_read(const char *path, struct gp_tsig_key *ret, const char **ret_why)
{
	char text[GP_TSIG_FILE_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read_all(fd, text, sizeof(text));
	*ret = (struct gp_tsig_key){};
	*ret_why = n < 0 ? strerror(errno) : gp_tsig_key_read(gp_slice(text, (size_t)n), ret);
	if (fd >= 0)
		close(fd);
	gp_wipe(text, sizeof(text));
	return *ret_why ? WRONG : 0;
}

/* --- the transfer, as far as the question --- */

struct connection {
	const struct audit_transfer *what;
	struct gp_arena text; /* of one record */
	struct gp_axfr transfer;
	struct gp_tsig *tsig; /* with a key */
	uint64_t end_ms;
	const char *why;
	int fd;
	int out;            /* of the child: where it tells */
	struct gp_buf told; /* what it has not handed on yet */
	char message[MESSAGE_MAX];
};

static int
fail(struct connection *c, const char *why)
{
	c->why = why;
	return WRONG;
}

static int
fail_by_errno(struct connection *c)
{
	return fail(c, errno == EAGAIN || errno == EINPROGRESS ? "the server is silent"
							       : strerror(errno));
}

static int
dial(struct connection *c)
{
	const struct timeval wait = {.tv_sec = AUDIT_TRANSFER_IDLE_S};
	struct gp_sockaddr a;
	if (gp_sockaddr_parse(c->what->server, PORT, &a) < 0 || a.ss.ss_family == AF_UNIX)
		return fail(c, "this is no ADDRESS or ADDRESS:PORT");
	c->fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    connect(c->fd, (const struct sockaddr *)&a.ss, a.len) < 0)
		return fail_by_errno(c);
	return 0;
}

static uint64_t
now_s(void)
{
	return gp_clock_wall_ms() / 1000;
}

/* The question with its signature behind, and the length of both in front. */
static bool
sign(struct connection *c, struct gp_buf *query)
{
	struct gp_buf out = GP_BUF_INIT(query->max);
	struct gp_slice question = gp_slice_drop(gp_buf_slice(query), PREFIX);
	bool good = gp_tsig_sign(c->tsig, now_s(), question, &out);
	gp_buf_clear(query);
	gp_buf_put_char(query, (char)(out.len >> 8));
	gp_buf_put_char(query, (char)out.len);
	gp_buf_put(query, gp_buf_slice(&out));
	gp_buf_free(&out);
	return good && !query->failed;
}

static int
ask(struct connection *c)
{
	struct gp_buf query = GP_BUF_INIT(GP_AXFR_QUERY_MAX + GP_TSIG_RECORD_MAX);
	uint16_t id;
	bool good = getrandom(&id, sizeof(id), 0) == sizeof(id);
	gp_axfr_init(&c->transfer, &c->what->zone, id);
	good = good && gp_axfr_query(&c->transfer, &query);
	if (good && c->tsig && !sign(c, &query)) {
		gp_buf_free(&query);
		return fail(c, "the question cannot be signed");
	}
	struct gp_slice text = gp_buf_slice(&query);
	/* Some octets on a new connection: the kernel takes them at once. */
	good = good && send(c->fd, text.ptr, text.len, MSG_NOSIGNAL) == (ssize_t)text.len;
	gp_buf_free(&query);
	return good ? 0 : fail_by_errno(c);
}

/* --- the answer, in the child --- */

static int
hand_on(struct connection *c)
{
	while (c->told.len > 0) {
		struct gp_slice text = gp_buf_slice(&c->told);
		ssize_t n = write(c->out, text.ptr, text.len);
		if (n < 0)
			return fail(c, strerror(errno));
		gp_buf_consume(&c->told, (size_t)n);
	}
	return 0;
}

/* Names as texts have nothing in them that would end a line. */
static int
tell(struct connection *c, char kind, struct gp_slice text)
{
	gp_buf_put_char(&c->told, kind);
	gp_buf_put(&c->told, text);
	gp_buf_put_char(&c->told, '\n');
	gp_assert(!c->told.failed);
	return kind != TELL_DOMAIN || c->told.len > TOLD_MAX ? hand_on(c) : 0;
}

static int
read_octets(struct connection *c, size_t len)
{
	size_t have = 0;
	while (have < len) {
		ssize_t n = recv(c->fd, c->message + have, len - have, 0);
		if (n == 0)
			return fail(c, "the server hung up before the zone's end");
		if (n < 0 && errno != EINTR)
			return fail_by_errno(c);
		if (gp_clock_monotonic_ms() > c->end_ms)
			return fail(c, "it takes longer than is waited");
		have += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* RFC 1035 section 4.2.2 */
static int
read_message(struct connection *c, struct gp_slice *ret)
{
	int r = read_octets(c, PREFIX);
	size_t len = (size_t)(uint8_t)c->message[0] << 8 | (uint8_t)c->message[1];
	if (r == 0)
		r = read_octets(c, len);
	*ret = gp_slice(c->message, len);
	return r;
}

static int
take_record(struct connection *c, const struct gp_axfr_record *record, struct gp_slice message)
{
	struct gp_dns_record txt = {};
	struct gp_slice domain;
	gp_arena_reset(&c->text);
	int r = record->type == GP_DNS_TXT ? gp_dns_rdata_parse(message, record->at, record->len,
								GP_DNS_TXT, &c->text, &txt)
					   : 0;
	if (r > 0)
		return fail(c, "a TXT record is malformed");
	if (r == 0)
		r = gp_zone_shown(&record->owner, record->type, txt.data, &c->text, &domain);
	if (r < 0)
		return fail(c, strerror(ENOMEM));
	return r == 0 ? tell(c, TELL_DOMAIN, domain) : 0;
}

/* Why a server does not transfer the zone it may say without a signature, as it may not know the
   key: so that is told, and believed in nothing else. */
static int
check_signature(struct connection *c, struct gp_slice message)
{
	int r = c->tsig ? gp_tsig_check(c->tsig, message, now_s()) : GP_TSIG_GOOD;
	if (r == GP_TSIG_BARE && gp_axfr_message(&c->transfer, message) == GP_AXFR_WRONG)
		return fail(c, c->transfer.why);
	return r == GP_TSIG_GOOD ? 0 : fail(c, gp_tsig_why(c->tsig));
}

/* 0, or what ends it before its end. */
static int
take_message(struct connection *c, struct gp_slice message, bool *ret_end)
{
	struct gp_axfr_record record;
	int r = check_signature(c, message);
	if (r != 0)
		return r;
	r = gp_axfr_message(&c->transfer, message);
	while (r == 0 && (r = gp_axfr_next(&c->transfer, &record)) == GP_AXFR_RECORD) {
		int taken = take_record(c, &record, message);
		if (taken != 0)
			return taken;
	}
	*ret_end = r == GP_AXFR_END;
	return r == GP_AXFR_WRONG ? fail(c, c->transfer.why) : 0;
}

static int
read_answer(struct connection *c)
{
	struct gp_slice message;
	bool end = false;
	int r = 0;
	while (r == 0 && !end) {
		r = read_message(c, &message);
		if (r == 0)
			r = take_message(c, message, &end);
	}
	if (r == 0 && c->tsig && gp_tsig_end(c->tsig) != GP_TSIG_GOOD)
		return fail(c, gp_tsig_why(c->tsig));
	return r;
}

/* Never returns. */
static void
be_reader(struct connection *c, pid_t parent)
{
	const struct scan_files no_files = {.command = "gatepost audit"};
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
	    scan_sandbox_enter(&no_files) < 0)
		_exit(1);
	int r = read_answer(c);
	r = r == 0 ? tell(c, TELL_END, GP_SLICE("")) : tell(c, TELL_WHY, gp_slice_str(c->why));
	_exit(r == 0 ? 0 : 1);
}

/* --- what the child tells --- */

/* Whoever has taken it over says what he likes: a name is looked at as any other, and a reason is
   made visible. */
static int
read_told(struct connection *c, FILE *from, struct gp_arena *arena)
{
	char line[LINE_ROOM];
	while (fgets(line, sizeof(line), from)) {
		struct gp_slice text = gp_slice_drop(gp_slice_str(line), 1);
		if (!gp_slice_ends_nocase(text, GP_SLICE("\n")))
			break;
		text = gp_slice_take(text, text.len - 1);
		int r = line[0] == TELL_DOMAIN ? c->what->domain(text, c->what->context) : 0;
		if (r != 0 || line[0] == TELL_END)
			return r;
		if (line[0] == TELL_WHY)
			return fail(c, gp_arena_printf(arena, "%.*s",
						       GP_SLICE_FMT(gp_visible(text, arena)))
					       .ptr);
	}
	return fail(c, "who reads it did not come to an end");
}

static int
read_in_child(struct connection *c, struct gp_arena *arena)
{
	int ends[2];
	pid_t self = getpid();
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(c, strerror(errno));
	FILE *from = fdopen(ends[0], "r");
	pid_t child = from ? fork() : -1;
	c->out = ends[1];
	if (child == 0)
		be_reader(c, self);
	int error = errno;
	close(ends[1]);
	close(c->fd); /* the child has it, and nobody else hears the server */
	c->fd = -1;
	int r = from && child > 0 ? read_told(c, from, arena) : fail(c, strerror(error));
	if (from)
		fclose(from);
	else
		close(ends[0]);
	if (child > 0) {
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
	}
	return r;
}

int
audit_transfer_read(const struct audit_transfer *what, struct gp_arena *arena, const char **ret_why)
{
	struct connection c = {
		.what = what,
		.text = GP_ARENA_INIT(TEXT_ARENA_MAX),
		.told = GP_BUF_INIT(TOLD_MAX + LINE_ROOM),
		.end_ms = gp_clock_monotonic_ms() + AUDIT_TRANSFER_S * 1000,
		.fd = -1,
	};
	if (what->key)
		c.tsig = gp_tsig_new(what->key);
	int r = !what->key || c.tsig ? dial(&c) : fail(&c, strerror(ENOMEM));
	if (r == 0)
		r = ask(&c);
	if (r == 0)
		r = read_in_child(&c, arena);
	gp_tsig_free(c.tsig);
	if (c.fd >= 0)
		close(c.fd);
	gp_buf_free(&c.told);
	gp_arena_free(&c.text);
	*ret_why = c.why ? c.why : strerror(ENOMEM);
	return r;
}
