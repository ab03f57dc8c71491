/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dialogue with the server's session. The first octet chooses the limits, the second the pieces
 * that the rest comes in, the third what the driver answers, the fourth what is offered; the rest
 * is what the client says, in flights: at each octet FF it waits, and a handshake that is due takes
 * place. It runs twice, once in pieces and once a flight whole: replies and what the driver is told
 * must be equal. A space counts as 0, so that seeds are text.
 */
#include "core/smtp/server.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct gp_smtp_server *session;
	struct gp_buf told; /* events and octets of bodies, as the driver got them */
	struct gp_buf body;
	uint8_t answers;
	size_t asked;
	size_t accepted, ended;
	uint64_t taken; /* octets of chunks, as the replies have it */
	bool in_body, closed, handshake;
	bool injected; /* something followed STARTTLS in its flight */
};

enum {
	OFFER_CHUNKING = 1,
	OFFER_BINARYMIME = 2,
	OFFER_STARTTLS = 4,
	OFFER_TLS = 8,
	OFFER_AUTH = 16,
	REQUIRE_TLS = 32,
	REQUIRE_AUTH = 64,
	OFFER_REQUIRETLS = 128,
	FLIGHT_END = '\xFF',
};

static struct gp_limits
choose_limits(uint8_t n)
{
	return (struct gp_limits){
		.message_size = n & 1 ? 20 : 10000,
		.header_size = n & 2 ? 30 : 5000,
		.header_fields = n & 4 ? 2 : 100,
		.recipients = n & 8 ? 1 : 100,
		.messages = n & 16 ? 1 : 100,
		.errors = n & 32 ? 2 : 100,
		.useless_commands = n & 64 ? 2 : 100,
		.hops = 2,
		.command_length = n & 128 ? 40 : 512,
		.command_time = 1000,
		.body_rate = 500,
	};
}

static bool
is_binary(const struct run *r)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(r->session);
	return e && (e->flags & GP_ENVELOPE_BINARYMIME);
}

/* Of the chunks that were taken each octet was handed out, but for a CR that waits for its LF. */
static void
check_taken(struct run *r, struct gp_slice line)
{
	struct gp_slice tail = GP_SLICE(" octets taken\r"), code = GP_SLICE("250 2.0.0 ");
	uint64_t n;
	if (line.len < tail.len + code.len ||
	    !gp_slice_eq(gp_slice_drop(line, line.len - tail.len), tail))
		return;
	line = gp_slice_drop(gp_slice_take(line, line.len - tail.len), code.len);
	gp_assert(gp_slice_u64(line, UINT64_MAX, &n));
	r->taken += n;
	gp_assert(r->body.len == r->taken || (!is_binary(r) && r->body.len + 1 == r->taken));
}

/* Replies are lines of printable text that end in CRLF. */
static void
check_output(struct run *r)
{
	struct gp_slice out = gp_smtp_server_output(r->session);
	gp_buf_put(&r->told, out);
	size_t sent = out.len;
	while (out.len > 0) {
		struct gp_slice line = gp_slice_cut(&out, '\n');
		gp_assert(line.len >= 5 && line.len <= 511 && line.ptr[line.len - 1] == '\r');
		gp_assert(line.ptr[0] >= '2' && line.ptr[0] <= '5');
		gp_assert(line.ptr[3] == ' ' || line.ptr[3] == '-');
		for (size_t i = 0; i + 1 < line.len; i++)
			gp_assert(line.ptr[i] >= 32 && line.ptr[i] < 127);
		check_taken(r, line);
	}
	gp_smtp_server_output_sent(r->session, sent);
}

/* What a body is at its end: lines that end in CRLF, and neither CR, LF nor NUL elsewhere. */
static void
check_body(struct run *r)
{
	struct gp_slice body = is_binary(r) ? gp_slice("", 0) : gp_buf_slice(&r->body);
	gp_assert(gp_slice_find(body, '\0') < 0);
	while (body.len > 0) {
		struct gp_slice line = gp_slice_cut(&body, '\n');
		gp_assert(body.ptr && line.len > 0 && line.ptr[line.len - 1] == '\r');
		gp_assert(gp_slice_find(gp_slice_take(line, line.len - 1), '\r') < 0);
	}
	gp_buf_put(&r->told, gp_buf_slice(&r->body));
}

static void
answer(struct run *r, enum gp_smtp_event event)
{
	static const struct gp_reply replies[] = {
		{250, 2, 0, 0, {"Ok", 2}},
		{451, 4, 3, 0, {"Later", 5}},
		{550, 5, 7, 1, {"No", 2}},
		{421, 4, 3, 2, {"Bye", 3}},
	};
	size_t n = (r->answers >> (2 * (r->asked++ % 4))) & 3;
	const struct gp_envelope *e = gp_smtp_server_envelope(r->session);
	gp_assert(event < GP_SMTP_DATA || e->rcpts_len > 0);
	if (event == GP_SMTP_MAIL) {
		gp_buf_clear(&r->body);
		r->taken = 0;
	}
	if (event == GP_SMTP_MAIL && n == 0)
		r->accepted++;
	if (event == GP_SMTP_END) {
		check_body(r);
		r->ended++;
	}
	r->in_body = event == GP_SMTP_DATA && n == 0;
	gp_assert(gp_smtp_server_arena(r->session));
	gp_smtp_server_answer(r->session, &replies[n]);
}

static void
answer_auth(struct run *r)
{
	static const struct gp_reply no = {535, 5, 7, 8, {"No", 2}};
	struct gp_slice said = gp_smtp_server_auth_response(r->session);
	gp_assert(gp_smtp_server_in_tls(r->session) && !gp_smtp_server_envelope(r->session));
	gp_assert(gp_smtp_server_identity(r->session).len == 0);
	gp_buf_put(&r->told, gp_smtp_server_auth_mechanism(r->session));
	gp_buf_put(&r->told, said);
	switch ((r->answers >> (2 * (r->asked++ % 4))) & 3) {
	case 0:
		gp_assert(gp_smtp_server_auth_done(r->session, GP_SLICE("somebody")));
		break;
	case 1:
		gp_smtp_server_answer(r->session, &no);
		break;
	default:
		gp_smtp_server_auth_challenge(r->session, GP_SLICE("what else?"));
	}
}

static void
answer_starttls(struct run *r)
{
	static const struct gp_reply replies[] = {{220, 2, 0, 0, {"Ok", 2}},
						  {421, 4, 7, 0, {"No", 2}}};
	gp_assert(!gp_smtp_server_in_tls(r->session) && !gp_smtp_server_envelope(r->session));
	gp_smtp_server_answer(r->session, &replies[r->answers >> 7]);
}

static void
take_refusal(struct run *r)
{
	struct gp_slice command;
	struct gp_reply refusal = gp_smtp_server_refusal(r->session, &command);
	gp_assert(refusal.code >= 400);
	r->injected |= refusal.code == 554 && gp_slice_eq(command, GP_SLICE("STARTTLS"));
	gp_buf_put(&r->told, command);
}

static void
feed(struct run *r, struct gp_slice input)
{
	while (!r->closed) {
		enum gp_smtp_event event = gp_smtp_server_next(r->session, &input, 0);
		check_output(r);
		if (event != GP_SMTP_BODY && event != GP_SMTP_NEED_INPUT)
			gp_buf_put_char(&r->told, (char)('0' + event));
		switch (event) {
		case GP_SMTP_NEED_INPUT:
			gp_assert(input.len == 0);
			if (gp_smtp_server_deadline(r->session) == 0)
				break;
			return;
		case GP_SMTP_BODY:
			gp_assert(r->in_body && gp_smtp_server_body(r->session).len > 0);
			gp_buf_put(&r->body, gp_smtp_server_body(r->session));
			break;
		case GP_SMTP_ABORT:
			r->ended++;
			r->in_body = false;
			break;
		case GP_SMTP_REFUSED:
			take_refusal(r);
			break;
		case GP_SMTP_AUTH:
		case GP_SMTP_AUTH_STEP:
			answer_auth(r);
			break;
		case GP_SMTP_STARTTLS:
			answer_starttls(r);
			break;
		case GP_SMTP_HANDSHAKE:
			gp_assert(!gp_smtp_server_in_tls(r->session));
			r->handshake = true;
			break;
		case GP_SMTP_CLOSE:
			r->closed = true;
			break;
		default:
			answer(r, event);
		}
	}
}

/* Pieces are copied, so that the sanitizer sees what looks at one too late. */
static void
feed_pieces(struct run *r, struct gp_slice rest, size_t piece)
{
	while (rest.len > 0) {
		struct gp_buf copy = GP_BUF_INIT(SIZE_MAX);
		gp_buf_put(&copy, gp_slice_take(rest, piece));
		feed(r, gp_buf_slice(&copy));
		gp_buf_free(&copy);
		rest = gp_slice_drop(rest, piece);
	}
}

static void
feed_flights(struct run *r, struct gp_slice rest, size_t piece)
{
	feed(r, gp_slice("", 0));
	while (rest.len > 0) {
		feed_pieces(r, gp_slice_cut(&rest, FLIGHT_END), piece);
		if (r->handshake && !r->closed)
			gp_smtp_server_tls_started(r->session);
		r->handshake = false;
	}
	if (!r->closed)
		gp_smtp_server_eof(r->session);
	feed(r, gp_slice("", 0));
	gp_assert(r->closed && r->accepted == r->ended);
}

static struct run
run(struct gp_slice said, size_t piece, const struct gp_limits *limits, uint8_t answers,
    uint8_t offers)
{
	struct gp_smtp_server_setup setup = {
		.hostname = GP_SLICE("mx.example.org"),
		.limits = limits,
		.chunking = offers & OFFER_CHUNKING,
		.binarymime = offers & OFFER_BINARYMIME,
		.tls_offered = offers & OFFER_STARTTLS,
		.tls = offers & OFFER_TLS,
		.auth_mechanisms = gp_slice("PLAIN LOGIN", offers & OFFER_AUTH ? 11 : 0),
		.require_tls = offers & REQUIRE_TLS,
		.require_auth = offers & REQUIRE_AUTH,
		.requiretls_offered = offers & OFFER_REQUIRETLS,
	};
	struct run r = {
		.session = gp_smtp_server_new(&setup, 0),
		.told = GP_BUF_INIT(SIZE_MAX),
		.body = GP_BUF_INIT(SIZE_MAX),
		.answers = answers,
	};
	gp_assert(r.session);
	feed_flights(&r, said, piece);
	return r;
}

static void
end(struct run *r)
{
	gp_smtp_server_free(r->session);
	gp_buf_free(&r->told);
	gp_buf_free(&r->body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	uint8_t limits_octet = data[0] ^ ' ', piece_octet = data[1] ^ ' ', answers = data[2] ^ ' ',
		offers = data[3] ^ ' ';
	struct gp_slice said = gp_slice((const char *)data + 4, size - 4);
	struct gp_limits limits = choose_limits(limits_octet);
	struct run pieces = run(said, 1 + (size_t)piece_octet % 64, &limits, answers, offers);
	struct run whole = run(said, SIZE_MAX, &limits, answers, offers);
	/* What followed STARTTLS ends the session in either case, but not by the same words. */
	gp_assert(pieces.injected == whole.injected);
	if (!whole.injected)
		gp_assert(gp_slice_eq(gp_buf_slice(&pieces.told), gp_buf_slice(&whole.told)));
	end(&pieces);
	end(&whole);
	return 0;
}
