/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection. Bytes go from the socket into the protocol's session object; its events are
 * decided in commands.c and message.c.
 *
 *     read -> advance -> MAIL, RCPT, DATA: answered at once
 *                     -> RCPT, user with limits: auth_count -> WAITS_COUNT -> session_counted
 *                     -> BODY: into s->body; memory full -> WAITS_STAGE -> session_staged
 *                     -> END, a stranger's: WAITS_CHECKS -> session_checked
 *                     -> END: dkim_ask -> WAITS_SIGNATURE -> session_mail_signed, where it is a
 *                             user's; store_commit -> WAITS_COMMIT -> session_committed
 *                     -> AUTH: auth_begin, auth_step -> WAITS_AUTH -> session_challenged, _judged
 *                     -> STARTTLS: answered at once
 *                     -> HANDSHAKE: tls_accept -> SHAKES_HANDS -> finish_handshake
 *                     -> CLOSE: the last reply is written -> LINGERS -> free
 *
 * Each of these goes on by advance().
 *
 * While the session waits, nothing is read from the client: what came behind is in s->held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/values.h"
#include "procs/smtpd/session.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	READ_SIZE = 64 * 1024,
	/* How long a closed session waits for the client to close, so that a reset does not eat the
	   last reply. */
	LINGER_MS = 2000,
	LINGER_OCTETS = 256 * 1024,
	/* For a handshake, and for a signature within it. RFC 3207 says no number. */
	HANDSHAKE_MS = 30 * 1000,
	HANDSHAKE_STRESS_MS = 10 * 1000,
	SIGNATURE_MS = 5 * 1000,
};

static void
advance(struct session *s, struct gp_slice input);

void
session_reset_transaction(struct session *s)
{
	s->checks = checks_free(s->checks);
	s->junk = false;
	s->id = 0;
	s->message_id = s->results = gp_slice("", 0);
	body_reset(&s->body);
	targets_reset(&s->targets);
	gp_buf_free(&s->head);
	dkim_reset(&s->signing_mail);
}

static void
session_free(struct session *s)
{
	if (s->state == SESSION_WAITS_COMMIT || s->state == SESSION_WAITS_STAGE)
		store_forget(s);
	if (s->state == SESSION_WAITS_COUNT)
		auth_forget_count(s);
	if (s->state == SESSION_WAITS_SIGNATURE)
		dkim_forget(s);
	if (s->signing)
		tls_forget(s);
	login_forget(&s->login);
	gp_tls_free(s->tls);
	event_del(&s->readable);
	event_del(&s->writable);
	event_del(&s->timer);
	close(s->fd);
	session_reset_transaction(s);
	gp_buf_free(&s->body.memory);
	gp_buf_free(&s->held);
	gp_smtp_server_free(s->smtp);
	gp_list_remove(&s->link);
	smtpd.sessions_len--;
	listener_release(&s->client);
	free(s);
	smtpd_session_gone();
}

bool
session_is_user(const struct session *s)
{
	return gp_smtp_server_identity(s->smtp).len > 0;
}

struct gp_tls_facts
session_tls(const struct session *s)
{
	return s->tls ? gp_tls_facts(s->tls) : (struct gp_tls_facts){};
}

/* --- the connection --- */

static void
want_read(struct session *s, bool on)
{
	if (s->reading == on)
		return;
	s->reading = on;
	if (on)
		event_add(&s->readable, NULL);
	else
		event_del(&s->readable);
}

static void
want_write(struct session *s, bool on)
{
	if (s->writing == on)
		return;
	s->writing = on;
	if (on)
		event_add(&s->writable, NULL);
	else
		event_del(&s->writable);
}

/* Octets written, or -errno; -EAGAIN: wait until the socket is writable. */
static ssize_t
write_octets(struct session *s, struct gp_slice out)
{
	if (s->tls)
		return gp_tls_write(s->tls, out);
	ssize_t n = send(s->fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

/* Octets read, 0 at the end, or -errno. TLS gives one record a call, and the buffer has room for
   it: nothing is left that the loop does not know of. */
static ssize_t
read_octets(struct session *s, char *to, size_t size)
{
	if (s->tls)
		return gp_tls_read(s->tls, to, size);
	ssize_t n = recv(s->fd, to, size, 0);
	return n < 0 ? -errno : n;
}

/* False: the connection is broken. */
static bool
send_output(struct session *s)
{
	for (;;) {
		struct gp_slice out = gp_smtp_server_output(s->smtp);
		if (out.len == 0)
			break;
		ssize_t n = write_octets(s, out);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			want_write(s, true);
			return true;
		}
		if (n < 0)
			return false;
		gp_smtp_server_output_sent(s->smtp, (size_t)n);
	}
	want_write(s, false);
	return true;
}

static void
arm_timer(struct session *s, uint64_t at_ms)
{
	/* A timer that fires too early only looks and goes on; so later deadlines need no call. */
	if (at_ms >= s->timer_ms)
		return;
	uint64_t now = gp_clock_monotonic_ms();
	uint64_t in = at_ms > now ? at_ms - now : 0;
	s->timer_ms = at_ms;
	gp_timer_set(&s->timer, in);
}

/* The protocol is over: write what is left, and wait a little for the client's end; not for one
   that said QUIT, as nothing unread can make the kernel answer with a reset. */
static void
linger(struct session *s, bool quit)
{
	s->state = SESSION_LINGERS;
	if (!send_output(s) || (quit && !s->writing)) {
		if (s->tls)
			gp_tls_close(s->tls);
		session_free(s);
		return;
	}
	if (!s->writing && s->tls)
		gp_tls_close(s->tls);
	if (!s->writing)
		shutdown(s->fd, SHUT_WR);
	s->timer_ms = UINT64_MAX;
	arm_timer(s, gp_clock_monotonic_ms() + LINGER_MS);
	want_read(s, true);
}

/* --- TLS --- */

static void
fail_handshake(struct session *s, const char *why)
{
	gp_info("tls_failed", GP_FS("client", s->client_text.s), GP_FS("reason", why));
	if (s->signing)
		tls_forget(s);
	s->signing = false;
	/* Nothing of ours is left to be said; what the client still sends must not make the kernel
	   take back the alert. */
	want_write(s, false);
	linger(s, false);
}

static void
finish_handshake(struct session *s)
{
	struct gp_tls_facts facts = gp_tls_facts(s->tls);
	gp_debug("tls_started", GP_FS("client", s->client_text.s), GP_FS("version", facts.version),
		 GP_FS("cipher", facts.cipher), GP_FS("name", facts.name),
		 GP_FN("resumed", facts.resumed));
	want_write(s, false);
	s->state = SESSION_TALKS;
	s->timer_ms = UINT64_MAX;
	if (s->starttls)
		gp_smtp_server_tls_started(s->smtp);
	advance(s, gp_slice(NULL, 0));
}

/* The handshake waits: for the socket, or for signer. */
static void
await_handshake(struct session *s)
{
	enum gp_tls_want want = gp_tls_wants(s->tls);
	if (want == GP_TLS_WANTS_SIGNATURE && !s->signing) {
		s->signing = tls_sign(s, gp_tls_request(s->tls));
		if (!s->signing) {
			fail_handshake(s, "no signer");
			return;
		}
		s->signature_end_ms = gp_clock_monotonic_ms() + SIGNATURE_MS;
	}
	want_read(s, want == GP_TLS_WANTS_READ);
	want_write(s, want == GP_TLS_WANTS_WRITE);
	arm_timer(s, s->signing ? GP_MIN(s->signature_end_ms, s->handshake_end_ms)
				: s->handshake_end_ms);
}

static void
shake_hands(struct session *s)
{
	if (s->signing)
		return;
	int r = gp_tls_handshake(s->tls);
	if (r == 0)
		finish_handshake(s);
	else if (r == -EAGAIN)
		await_handshake(s);
	else
		fail_handshake(s, gp_tls_error(s->tls));
}

static void
begin_handshake(struct session *s)
{
	s->state = SESSION_SHAKES_HANDS;
	s->tls = tls_accept(s->fd, s->listen);
	s->timer_ms = UINT64_MAX;
	bool hurry = smtpd.stressed && !s->client.relay;
	s->handshake_end_ms =
		gp_clock_monotonic_ms() + (uint64_t)(hurry ? HANDSHAKE_STRESS_MS : HANDSHAKE_MS);
	if (s->tls)
		shake_hands(s);
	else
		fail_handshake(s, "no certificate, or out of memory");
}

static void
look_at_handshake(struct session *s)
{
	uint64_t now = gp_clock_monotonic_ms();
	if (s->signing && now >= s->signature_end_ms)
		fail_handshake(s, "signer does not answer");
	else if (now >= s->handshake_end_ms)
		fail_handshake(s, "took too long");
	else
		await_handshake(s);
}

/* --- the protocol --- */

/* The 220 to STARTTLS may just have been written: the session is told before anything is read,
   since what comes next is TLS. */
static bool
tls_may_begin(const struct session *s)
{
	return s->starttls && !s->tls && s->state == SESSION_TALKS && !s->writing;
}

/* False: s is gone, lingers or shakes hands. */
static bool
take_turn(struct session *s, struct gp_slice input)
{
	commands_run(s, &input);
	if (s->state == SESSION_LINGERS) {
		linger(s, gp_smtp_server_quit(s->smtp) && input.len == 0);
		return false;
	}
	if (s->state == SESSION_SHAKES_HANDS) {
		begin_handshake(s);
		return false;
	}
	if (input.len > 0 && !gp_buf_put(&s->held, input)) {
		session_free(s);
		return false;
	}
	if (send_output(s))
		return true;
	gp_smtp_server_eof(s->smtp);
	if (s->state == SESSION_TALKS)
		session_free(s);
	return false;
}

/* When there is something to do though nobody says anything. */
static uint64_t
next_look_ms(const struct session *s)
{
	if (s->state == SESSION_WAITS_CHECKS)
		return s->checks_end_ms;
	if (s->state == SESSION_WAITS_SIGNATURE)
		return s->signature_end_ms;
	return gp_smtp_server_deadline(s->smtp);
}

static void
advance(struct session *s, struct gp_slice input)
{
	if (!take_turn(s, input) || (tls_may_begin(s) && !take_turn(s, gp_slice(NULL, 0))))
		return;
	/* A client that does not read its replies is not read from either. */
	want_read(s, s->state == SESSION_TALKS ? !s->writing : s->reading);
	arm_timer(s, next_look_ms(s));
}

/* Goes on with what was held while the session waited. */
static void
resume(struct session *s)
{
	struct gp_buf held = s->held;
	s->state = SESSION_TALKS;
	s->held = (struct gp_buf){.max = held.max};
	want_read(s, true);
	advance(s, gp_buf_slice(&held));
	gp_buf_free(&held);
}

/* The answers that are missing may not be coming. */
static void
look_at_checks(struct session *s)
{
	if (gp_clock_monotonic_ms() < s->checks_end_ms) {
		arm_timer(s, s->checks_end_ms);
		return;
	}
	checks_expire(s->checks);
	session_checked(s);
}

static void
look_at_signature(struct session *s)
{
	if (gp_clock_monotonic_ms() < s->signature_end_ms) {
		arm_timer(s, s->signature_end_ms);
		return;
	}
	gp_error("mail_not_signed", GP_FID("id", s->id), GP_FS("reason", "signer does not answer"));
	dkim_forget(s);
	session_mail_signed(s, gp_slice(NULL, 0));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void)fd, (void)what;
	s->timer_ms = UINT64_MAX;
	if (s->state == SESSION_LINGERS)
		session_free(s);
	else if (s->state == SESSION_SHAKES_HANDS)
		look_at_handshake(s);
	else if (s->state == SESSION_WAITS_CHECKS)
		look_at_checks(s);
	else if (s->state == SESSION_WAITS_SIGNATURE)
		look_at_signature(s);
	else if (s->state == SESSION_TALKS)
		advance(s, gp_slice(NULL, 0));
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void)fd, (void)what;
	if (s->state == SESSION_LINGERS)
		linger(s, false);
	else if (s->state == SESSION_SHAKES_HANDS)
		shake_hands(s);
	else
		advance(s, gp_slice(NULL, 0));
}

static void
read_lingering(struct session *s, ssize_t n)
{
	s->lingered += n > 0 ? (size_t)n : 0;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || s->lingered > LINGER_OCTETS)
		session_free(s);
}

static bool
waits_for_others(const struct session *s)
{
	return s->state == SESSION_WAITS_STAGE || s->state == SESSION_WAITS_CHECKS ||
	       s->state == SESSION_WAITS_SIGNATURE || s->state == SESSION_WAITS_COMMIT ||
	       s->state == SESSION_WAITS_AUTH || s->state == SESSION_WAITS_COUNT;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char data[READ_SIZE];
	struct session *s = arg;
	(void)what;
	if (waits_for_others(s)) {
		want_read(s, false);
		return;
	}
	if (s->state == SESSION_LINGERS) {
		read_lingering(s, recv(fd, data, sizeof(data), 0));
		return;
	}
	if (s->state == SESSION_SHAKES_HANDS) {
		shake_hands(s);
		return;
	}
	ssize_t n = read_octets(s, data, sizeof(data));
	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0)
		gp_smtp_server_eof(s->smtp);
	bool submission = s->listen->service == GP_SERVICE_SUBMISSION;
	advance(s, gp_slice(data, n > 0 ? (size_t)n : 0));
	if (submission && n > 0)
		explicit_bzero(data, (size_t)n); /* a password, perhaps; s may be gone */
}

/* --- what the other parts call --- */

static struct gp_smtp_server_setup
setup_for(const struct gp_client *client, const struct gp_role_listen *listen)
{
	struct gp_smtp_server_setup setup = client->relay ? smtpd.relay_setup : smtpd.setup;
	setup.tls = listen->tls == GP_LISTEN_IMPLICIT;
	setup.tls_offered = !setup.tls && tls_possible();
	auth_offer(&setup, listen, client->relay);
	return setup;
}

void
session_start(int fd, const struct gp_sockaddr *peer, const struct gp_client *client,
	      const struct gp_role_listen *listen)
{
	struct event_base *base = gp_loop_base(smtpd.env->loop);
	struct gp_smtp_server_setup setup = setup_for(client, listen);
	struct session *s = calloc(1, sizeof(*s));
	if (s)
		s->smtp = gp_smtp_server_new(&setup, gp_clock_monotonic_ms());
	if (!s || !s->smtp) {
		free(s);
		listener_release(client);
		close(fd);
		return;
	}
	s->fd = fd;
	s->listen = listen;
	s->starttls = setup.tls_offered;
	s->client = *client;
	s->client_text = gp_sockaddr_text(peer, false);
	s->timer_ms = UINT64_MAX;
	s->held = GP_BUF_INIT(READ_SIZE * 2);
	body_init(&s->body);
	event_assign(&s->readable, base, fd, EV_READ | EV_PERSIST, on_readable, s);
	event_assign(&s->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
	evtimer_assign(&s->timer, base, on_timer, s);
	gp_list_append(&smtpd.sessions, &s->link);
	smtpd.sessions_len++;
	session_stress(s);
	if (setup.tls)
		begin_handshake(s);
	else
		advance(s, gp_slice(NULL, 0));
}

void
session_signed(struct session *s, struct gp_slice signature)
{
	gp_assert(s->state == SESSION_SHAKES_HANDS && s->signing);
	s->signing = false;
	if (signature.len == 0) {
		fail_handshake(s, "signer refused, or is gone");
		return;
	}
	gp_tls_answer(s->tls, signature);
	shake_hands(s);
}

void
session_mail_signed(struct session *s, struct gp_slice signature)
{
	gp_assert(s->state == SESSION_WAITS_SIGNATURE);
	if (message_take_signature(s, signature))
		resume(s);
	else if (s->state == SESSION_WAITS_SIGNATURE)
		arm_timer(s, s->signature_end_ms);
}

void
session_committed(struct session *s, enum gp_commit_result result)
{
	if (s->state == SESSION_WAITS_STAGE) {
		/* spool went away before it gave the staging file */
		session_staged(s, -1);
		return;
	}
	gp_assert(s->state == SESSION_WAITS_COMMIT);
	message_answer(s, result);
	resume(s);
}

void
session_checked(struct session *s)
{
	gp_assert(s->state == SESSION_WAITS_CHECKS);
	message_finish(s);
	if (s->state == SESSION_WAITS_CHECKS)
		resume(s);
}

bool
session_waits_for_auth(const struct session *s)
{
	return s->state == SESSION_WAITS_AUTH;
}

void
session_challenged(struct session *s, struct gp_slice challenge)
{
	if (s->state != SESSION_WAITS_AUTH)
		return;
	gp_smtp_server_auth_challenge(s->smtp, challenge);
	resume(s);
}

void
session_judged(struct session *s, const struct gp_reply *refusal, struct gp_slice user)
{
	if (s->state != SESSION_WAITS_AUTH)
		return;
	if (refusal)
		gp_smtp_server_answer(s->smtp, refusal);
	else
		(void)gp_smtp_server_auth_done(s->smtp, user);
	resume(s);
}

void
session_counted(struct session *s, enum gp_quota_result result)
{
	gp_assert(s->state == SESSION_WAITS_COUNT);
	commands_take_count(s, result);
	resume(s);
}

void
session_staged(struct session *s, int fd)
{
	if (s->state == SESSION_WAITS_COMMIT) {
		/* A spool that has fallen gives this for that; what became of the message nobody
		 * knows. */
		body_keep_stage(fd);
		session_committed(s, GP_COMMIT_FAILED);
		return;
	}
	gp_assert(s->state == SESSION_WAITS_STAGE);
	commands_take_stage(s, fd);
	resume(s);
}

void
session_stress(struct session *s)
{
	if (s->client.relay)
		return;
	gp_smtp_server_stress(s->smtp, smtpd.stressed);
	if (s->state == SESSION_TALKS)
		arm_timer(s, gp_smtp_server_deadline(s->smtp));
}

void
session_shutdown(struct session *s, bool now)
{
	static const struct gp_reply closing =
		GP_REPLY_INIT(421, 4, 3, 2, "Service is shutting down");
	if (s->state == SESSION_SHAKES_HANDS) {
		/* Within a handshake no reply can be said. */
		session_free(s);
		return;
	}
	bool in_transaction = s->state != SESSION_TALKS || gp_smtp_server_envelope(s->smtp);
	if (s->state == SESSION_LINGERS || (in_transaction && !now))
		return;
	gp_smtp_server_shutdown(s->smtp, &closing);
	if (s->state == SESSION_TALKS)
		advance(s, gp_slice(NULL, 0));
}
