/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection: socket, timer and the client's session, and the pool of those that are idle.
 *
 *     dial -> CONNECTING --writable--> TALKING <--reuse--- IDLE
 *                 |              STARTTLS |  ^ |               ^
 *                 v                       v  | +--READY, no ---+
 *               failed <---CLOSE----- HANDSHAKE    delivery
 *
 * At the first READY the session is held against its verdict, before anything of the message is
 * said. A kept connection was found good for what its delivery demanded: it serves deliveries to
 * the same destination that demand the same, for RELAY_AGE_MS at most.
 *
 * A delivery is told that its connection is lost by delivery_lost(), after the connection is gone;
 * whatever it then does meets no half-dead object.
 */
#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "procs/relay/relay.h"
#include "sys/log.h"

enum { READ_SIZE = 64 * 1024 };

struct connection {
	struct gp_list link; /* in `idle`, or in nothing */
	int fd;
	struct event readable, writable, timer;
	bool reading, writing;       /* whether the event is registered */
	const struct target *target; /* until it is judged: the delivery's */
	struct gp_tls *tls;          /* NULL: in clear */
	bool shaking;                /* hands */
	bool resuming;               /* a session was offered */
	bool judged;
	bool good;          /* and found good: its TLS session may be resumed */
	uint64_t proven_ms; /* when TLS proved what it proved: before this connection, if resumed */
	struct gp_buf session_key; /* what its TLS session is kept under; empty: it is not */
	uint8_t wishes; /* enum gp_tlspolicy_message, of those deliveries that it may serve */
	struct gp_smtp_client *client; /* NULL: connecting */
	struct delivery *delivery;     /* NULL: idle, or saying QUIT */
	bool lmtp;
	bool kept;     /* was idle before this delivery */
	bool answered; /* bytes have come in this delivery */
	bool leaving;  /* QUIT is said */
	uint64_t born_ms;
	struct gp_buf destination, name; /* own copies */
};

static struct {
	struct gp_list list; /* the one that was used last is the first */
	size_t len;
} idle = {.list = {&idle.list, &idle.list}};

static void
advance(struct connection *c, struct gp_slice input);

static uint64_t
now_ms(void)
{
	return gp_loop_now_ms(relay.env->loop);
}

static bool
is_idle(const struct connection *c)
{
	return !gp_list_empty(&c->link);
}

static void
leave_pool(struct connection *c)
{
	if (!is_idle(c))
		return;
	gp_list_remove(&c->link);
	idle.len--;
}

static void
free_connection(struct connection *c)
{
	leave_pool(c);
	event_del(&c->readable);
	event_del(&c->writable);
	event_del(&c->timer);
	if (c->shaking)
		sessions_drop(gp_buf_slice(&c->session_key)); /* it may be why that took too long */
	if (c->good && c->session_key.len > 0)
		sessions_keep(gp_buf_slice(&c->session_key), gp_tls_session(c->tls), c->proven_ms);
	if (c->tls && !c->shaking)
		gp_tls_close(c->tls);
	gp_tls_free(c->tls);
	close(c->fd);
	gp_smtp_client_free(c->client);
	gp_buf_free(&c->session_key);
	gp_buf_free(&c->destination);
	gp_buf_free(&c->name);
	free(c);
}

/* The end of it; its delivery, if it has one, goes on elsewhere. */
static void
lose_as(struct connection *c, const struct gp_outcome *why, enum lost how)
{
	struct delivery *d = c->delivery;
	/* The words are the connection's own: they are needed a little longer than it. */
	struct gp_arena words = GP_ARENA_INIT(16 * 1024);
	struct gp_outcome copy = *why;
	copy.reply.text = gp_arena_dup(&words, why->reply.text);
	copy.remote = gp_arena_dup(&words, why->remote);
	free_connection(c);
	if (d)
		delivery_lost(d, &copy, how);
	gp_arena_free(&words);
}

static void
lose(struct connection *c, const struct gp_outcome *why)
{
	/* A kept connection that was closed meanwhile, or a server that takes no more mail in a
	   session: neither says that the next one will fare worse. */
	bool again = why->kind == 0 || (c->kept && (!c->answered || why->reply.code == 421));
	lose_as(c, why, again ? LOST_AGAIN : LOST_BROKEN);
}

/* It could not be made. */
static void
lose_unmade(struct connection *c, int error)
{
	struct gp_buf text = GP_BUF_INIT(GP_CLIENT_TEXT_MAX);
	gp_buf_printf(&text, "connect to %.*s: %s", GP_SLICE_FMT(gp_buf_slice(&c->name)),
		      strerror(error));
	struct gp_outcome why = {
		.kind = GP_OUTCOME_DEFERRED,
		.reply = {451, 4, 4, 1, gp_buf_slice(&text)},
	};
	lose(c, &why);
	gp_buf_free(&text);
}

/* --- the pool --- */

static void
say_quit(struct connection *c)
{
	leave_pool(c);
	c->leaving = true;
	gp_smtp_client_quit(c->client, now_ms());
	advance(c, gp_slice("", 0));
}

static size_t
idle_at(struct gp_slice destination)
{
	size_t n = 0;
	gp_list_each (it, &idle.list) {
		struct connection *c = gp_container_of(it, struct connection, link);
		n += gp_slice_eq(gp_buf_slice(&c->destination), destination);
	}
	return n;
}

/* READY and without work. */
static void
become_idle(struct connection *c)
{
	bool keep = !relay.stopping && now_ms() - c->born_ms < RELAY_AGE_MS &&
		    c->born_ms >= relay.reloaded_ms &&
		    idle_at(gp_buf_slice(&c->destination)) < RELAY_IDLE_DESTINATION_MAX;
	if (!keep) {
		say_quit(c);
		return;
	}
	gp_list_insert(&idle.list, &c->link);
	if (++idle.len > RELAY_IDLE_MAX)
		say_quit(gp_container_of(idle.list.prev, struct connection, link));
	gp_timer_set(&c->timer, RELAY_IDLE_MS);
}

void
connection_close_idle(void)
{
	while (!gp_list_empty(&idle.list))
		say_quit(gp_container_of(idle.list.next, struct connection, link));
}

bool
connection_reuse(struct delivery *d)
{
	gp_list_each (it, &idle.list) {
		struct connection *c = gp_container_of(it, struct connection, link);
		if (c->lmtp != delivery_lmtp(d) || c->wishes != delivery_wishes(d) ||
		    !gp_slice_eq(gp_buf_slice(&c->destination), delivery_destination(d)))
			continue;
		leave_pool(c);
		c->delivery = d;
		c->kept = true;
		c->answered = false;
		if (gp_smtp_client_start(c->client, delivery_next(d, c->client), now_ms()) < 0) {
			c->delivery = NULL;
			become_idle(c);
			return false;
		}
		advance(c, gp_slice("", 0));
		return true;
	}
	return false;
}

/* --- the dialogue --- */

static void
want_write(struct connection *c, bool on)
{
	if (on && !c->writing)
		event_add(&c->writable, NULL);
	else if (!on && c->writing)
		event_del(&c->writable);
	c->writing = on;
}

/* How many octets the connection took, or -errno. */
static ssize_t
send_octets(struct connection *c, struct gp_slice out)
{
	if (c->tls)
		return gp_tls_write(c->tls, out);
	ssize_t n;
	do
		n = send(c->fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t
receive_octets(struct connection *c, char *to, size_t size)
{
	if (c->tls)
		return gp_tls_read(c->tls, to, size);
	ssize_t n = recv(c->fd, to, size, MSG_DONTWAIT);
	return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

/* How many octets were sent; negative: the connection is broken. */
static ssize_t
send_output(struct connection *c)
{
	ssize_t all = 0;
	for (;;) {
		struct gp_slice out = gp_smtp_client_output(c->client);
		if (out.len == 0)
			break;
		ssize_t n = send_octets(c, out);
		if (n < 0 && n != -EAGAIN)
			return -1;
		if (n < 0) {
			want_write(c, true);
			return all;
		}
		gp_smtp_client_output_sent(c->client, (size_t)n, now_ms());
		all += n;
	}
	want_write(c, false);
	return all;
}

static void
arm_timer(struct connection *c)
{
	uint64_t at = gp_smtp_client_deadline(c->client), now = now_ms();
	if (at != UINT64_MAX)
		gp_timer_set(&c->timer, at > now ? at - now : 0);
	else if (c->delivery)
		event_del(&c->timer);
	else if (!is_idle(c))
		/* The server spoke, half a line perhaps, when there was nothing to say. */
		gp_timer_set(&c->timer, RELAY_IDLE_MS);
}

/* READY: the next transaction, or the pool. False: the connection may be gone. */
static bool
next_work(struct connection *c)
{
	if (!c->delivery) {
		become_idle(c);
		return false;
	}
	if (gp_smtp_client_start(c->client, delivery_next(c->delivery, c->client), now_ms()) == 0)
		return true;
	struct gp_outcome why = {
		.kind = GP_OUTCOME_DEFERRED,
		.reply = GP_REPLY(451, 4, 3, 0, "out of memory"),
	};
	lose(c, &why);
	return false;
}

/* --- TLS --- */

static void
log_session(const struct connection *c, const struct gp_tlspolicy_judgement *j)
{
	static const char *const decisions[] = {
		[GP_TLSPOLICY_DELIVER] = "deliver",
		[GP_TLSPOLICY_CLEAR] = "clear",
		[GP_TLSPOLICY_NEXT] = "next",
	};
	struct gp_tls_facts facts = {.version = "", .cipher = "", .trust_text = ""};
	if (c->tls && gp_smtp_client_in_tls(c->client))
		facts = gp_tls_facts(c->tls);
	gp_info("session", GP_FID("id", delivery_id(c->delivery)),
		GP_F("remote", gp_buf_slice(&c->name)),
		GP_FS("policy", gp_tlspolicy_level_name(c->target->verdict->level)),
		GP_FS("decision", decisions[j->decision]), GP_FS("tls_version", facts.version),
		GP_FS("tls_cipher", facts.cipher), GP_FS("proof", facts.trust_text),
		GP_FS("resumed", facts.resumed ? "yes" : "no"), GP_F("reason", j->reply.text));
}

/* Holds the session against its verdict. False: the connection is gone, its delivery goes on
   elsewhere. */
static bool
judge(struct connection *c)
{
	struct gp_arena words = {.max = 16 * 1024};
	struct gp_tlspolicy_judgement j = {};
	const struct target *target = c->target;
	bool broken = gp_smtp_client_failure(c->client).kind != 0;
	c->judged = true;
	if (!target->verdict || target->clear)
		return true;
	int r = secure_judge(target->verdict, c->client, c->tls, &words, &j);
	if (r < 0)
		j.decision = GP_TLSPOLICY_NEXT, j.reply = GP_REPLY(451, 4, 3, 0, "out of memory");
	log_session(c, &j);
	results_tell(delivery_way(c->delivery), target->verdict, &j, &target->address, c->fd);
	c->good = c->tls && j.decision == GP_TLSPOLICY_DELIVER;
	if (j.decision == GP_TLSPOLICY_NEXT) {
		j.reply.text =
			gp_arena_printf(&words, "%.*s (TLS policy: %s)", GP_SLICE_FMT(j.reply.text),
					gp_tlspolicy_level_name(target->verdict->level));
		struct gp_outcome why = {
			.kind = gp_reply_permanent(&j.reply) ? GP_OUTCOME_FAILED
							     : GP_OUTCOME_DEFERRED,
			.reply = j.reply,
			.remote = gp_buf_slice(&c->name),
		};
		lose_as(c, &why, LOST_UNPROVEN);
	} else if (broken) {
		struct delivery *d = c->delivery;
		free_connection(c);
		delivery_clear(d);
	}
	gp_arena_free(&words);
	return j.decision != GP_TLSPOLICY_NEXT && !broken;
}

/* Whether the session broke over TLS, before anything was said of the message. */
static bool
failed_in_tls(const struct connection *c)
{
	enum gp_client_tls_fault fault = gp_smtp_client_tls_fault(c->client);
	return c->delivery && !c->judged && c->target->verdict && fault != GP_CLIENT_TLS_FINE;
}

static void
session_over(struct connection *c)
{
	struct gp_outcome why = gp_smtp_client_failure(c->client);
	(void)send_output(c);
	if (c->delivery && !c->judged && c->target->login.len > 0 && why.reply.code == 535)
		tokens_forget();
	if (failed_in_tls(c))
		(void)judge(c);
	else
		lose(c, &why);
}

/* A TLS session belongs to one destination, one address of it, and one proof. */
static void
write_session_key(struct connection *c)
{
	struct gp_slice destination = gp_buf_slice(&c->destination), name = gp_buf_slice(&c->name);
	gp_buf_printf(&c->session_key, "%zu:%.*s%zu:%.*s", destination.len,
		      GP_SLICE_FMT(destination), name.len, GP_SLICE_FMT(name));
	gp_tlspolicy_put_proof(&c->session_key, c->target->verdict);
	if (c->session_key.failed)
		gp_buf_clear(&c->session_key);
}

/* What comes next on the socket is TLS. False: no memory. */
static bool
start_tls(struct connection *c)
{
	const struct gp_tls_session *session = NULL;
	write_session_key(c);
	if (c->session_key.len > 0)
		session = sessions_find(gp_buf_slice(&c->session_key), &c->proven_ms);
	c->resuming = session != NULL;
	c->tls = secure_connect(c->fd, c->target->verdict, session);
	c->shaking = c->tls != NULL;
	return c->shaking;
}

static bool
make_client(struct connection *c)
{
	const struct gp_smtp_client_setup setup = {
		.hostname = relay.env->config->hostname,
		.remote = gp_buf_slice(&c->name),
		.lmtp = c->lmtp,
		.tls = (uint8_t)secure_wish(c->target),
		.tls_implicit = c->target->implicit,
		.login = c->target->login.len > 0 ? login_now() : (struct gp_client_login){},
	};
	c->client = gp_smtp_client_new(&setup, now_ms());
	return c->client != NULL;
}

/* A smarthost that was configured before shall not hear what its successor is told. False: the
   connection is gone. */
static bool
may_log_in(struct connection *c)
{
	struct gp_slice login = c->target->login;
	if (login.len == 0 || gp_slice_eq(login, relay.env->config->smarthost.address))
		return true;
	struct gp_outcome why = {
		.kind = GP_OUTCOME_DEFERRED,
		.reply = GP_REPLY(451, 4, 3, 5, "the smarthost has just been changed"),
	};
	lose(c, &why);
	return false;
}

/* The handshake of a connection that begins with it has failed. */
static void
lose_implicit(struct connection *c)
{
	struct gp_arena words = {.max = 16 * 1024};
	struct gp_outcome why = {
		.kind = GP_OUTCOME_DEFERRED,
		.reply = GP_REPLY(451, 4, 7, 5, ""),
		.remote = gp_buf_slice(&c->name),
	};
	why.reply.text = gp_arena_printf(&words, "%s, at the TLS handshake", gp_tls_error(c->tls));
	lose(c, &why);
	gp_arena_free(&words);
}

/* A login is bound to this channel, where the server can do that. */
static void
bind_login(struct connection *c)
{
	struct gp_tls_bindings b;
	struct gp_slice data;
	gp_tls_bindings(c->tls, &b);
	const char *type = gp_tls_binding(&b, &data);
	if (type)
		gp_smtp_client_bind(c->client, type, data);
}

/* TLS stands. False: the connection is gone. */
static bool
tls_is_up(struct connection *c)
{
	if (!gp_tls_facts(c->tls).resumed)
		c->proven_ms = now_ms();
	if (c->client) {
		gp_smtp_client_tls_started(c->client, now_ms());
	} else if (!may_log_in(c)) {
		return false;
	} else if (!make_client(c)) {
		lose_unmade(c, ENOMEM);
		return false;
	}
	if (c->target->login.len > 0)
		bind_login(c);
	/* Whoever we log in to must have proven who it is before it hears our secret. */
	return c->target->login.len == 0 || secure_is_proven(c->target->verdict, c->tls) ||
	       judge(c);
}

/* Goes on with the handshake. True: it is over, and the session goes on, be it to its end. */
static bool
shake_hands(struct connection *c)
{
	int r = gp_tls_handshake(c->tls);
	want_write(c, r == -EAGAIN && gp_tls_wants(c->tls) == GP_TLS_WANTS_WRITE);
	if (r == -EAGAIN)
		return false;
	c->shaking = false;
	if (r == 0)
		return tls_is_up(c);
	sessions_drop(gp_buf_slice(&c->session_key));
	if (c->resuming) {
		/* It may be the old session that the server stumbled over: once more, without. */
		lose(c, &(struct gp_outcome){});
		return false;
	}
	if (!c->client) {
		lose_implicit(c);
		return false;
	}
	gp_smtp_client_tls_failed(c->client, gp_tls_error(c->tls));
	return true;
}

/* c may be gone afterwards. */
static void
go_on_shaking(struct connection *c)
{
	if (shake_hands(c))
		advance(c, gp_slice("", 0));
}

/* Runs the session until it waits. c may be gone afterwards. */
static void
advance(struct connection *c, struct gp_slice input)
{
	for (;;) {
		switch (gp_smtp_client_next(c->client, &input, now_ms())) {
		case GP_CLIENT_STARTTLS:
			if (start_tls(c)) {
				arm_timer(c);
				go_on_shaking(c);
				return;
			}
			gp_smtp_client_tls_failed(c->client, "out of memory");
			break;
		case GP_CLIENT_READY:
			if ((!c->judged && !judge(c)) || !next_work(c))
				return;
			break;
		case GP_CLIENT_BODY:
			if (c->delivery)
				(void)delivery_feed(c->delivery, c->client);
			break;
		case GP_CLIENT_DONE:
			if (delivery_take(c->delivery, c->client))
				c->delivery = NULL;
			break;
		case GP_CLIENT_CLOSE:
			session_over(c);
			return;
		case GP_CLIENT_WAIT: {
			ssize_t n = send_output(c);
			if (n < 0) {
				gp_smtp_client_eof(c->client);
				break;
			}
			/* What is sent makes room for more of a body. */
			if (n > 0 && !c->writing)
				break;
			arm_timer(c);
			return;
		}
		}
	}
}

/* --- events --- */

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char data[READ_SIZE];
	struct connection *c = arg;
	(void)what;
	(void)fd;
	if (c->shaking) {
		go_on_shaking(c);
		return;
	}
	ssize_t n = receive_octets(c, data, sizeof(data));
	if (n == -EAGAIN)
		return;
	leave_pool(c);
	if (n > 0)
		c->answered = true;
	else
		gp_smtp_client_eof(c->client);
	advance(c, gp_slice(data, n > 0 ? (size_t)n : 0));
}

/* It is connected. */
static void
begin_session(struct connection *c)
{
	if (!may_log_in(c))
		return;
	bool implicit = c->target->implicit;
	bool ok = event_add(&c->readable, NULL) == 0 && (implicit ? start_tls(c) : make_client(c));
	if (!ok) {
		lose_unmade(c, ENOMEM);
	} else if (implicit) {
		gp_timer_set(&c->timer, RELAY_CONNECT_MS);
		go_on_shaking(c);
	} else {
		advance(c, gp_slice("", 0));
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)what;
	if (c->shaking) {
		go_on_shaking(c);
		return;
	}
	if (c->client) {
		advance(c, gp_slice("", 0));
		return;
	}
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	want_write(c, false);
	if (error != 0)
		lose_unmade(c, error);
	else
		begin_session(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd, (void)what;
	if (!c->client)
		lose_unmade(c, ETIMEDOUT);
	else if (is_idle(c))
		say_quit(c);
	else if (!c->delivery && gp_smtp_client_deadline(c->client) == UINT64_MAX)
		free_connection(c);
	else
		advance(c, gp_slice("", 0));
}

/* --- dialling --- */

static int
open_socket(const struct gp_sockaddr *a)
{
	bool local = a->ss.ss_family == AF_UNIX;
	int on = 1;
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			local ? 0 : IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	/* A group of commands must not wait for the acknowledgement of the one before. */
	if (!local)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&a->ss, a->len) == 0 || errno == EINPROGRESS)
		return fd;
	int r = -errno;
	close(fd);
	return r;
}

int
connection_dial(struct delivery *d, const struct target *target)
{
	struct event_base *base = gp_loop_base(relay.env->loop);
	int fd = open_socket(&target->address);
	if (fd < 0)
		return fd;
	struct connection *c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	*c = (struct connection){
		.fd = fd,
		.delivery = d,
		.target = target,
		.lmtp = delivery_lmtp(d),
		.wishes = delivery_wishes(d),
		.born_ms = now_ms(),
		.destination = GP_BUF_INIT(2048),
		.name = GP_BUF_INIT(2048),
		.session_key = GP_BUF_INIT(RELAY_KEY_MAX),
	};
	gp_list_init(&c->link);
	event_assign(&c->readable, base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	evtimer_assign(&c->timer, base, on_timer, c);
	c->writing = true;
	if (!gp_buf_put(&c->destination, delivery_destination(d)) ||
	    !gp_buf_put(&c->name, target->name) || event_add(&c->writable, NULL) < 0) {
		free_connection(c);
		return -ENOMEM;
	}
	gp_timer_set(&c->timer, RELAY_CONNECT_MS);
	return 0;
}
