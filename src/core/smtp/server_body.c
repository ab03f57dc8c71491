/* SPDX-License-Identifier: Apache-2.0 */
/* The message as it comes in: counted, judged at its end, and handed on in pieces. */
#include <string.h>

#include "core/smtp/server_internal.h"

enum {
	FLOOD_EXTRA =
		1024 * 1024, /* reading stops at FLOOD_FACTOR message sizes and so much more */
	BODY_GRACE_MS = 60 * 1000, /* before body_rate counts */
};

void
server_body_begins(struct gp_smtp_server *s)
{
	if (s->tx->since_ms == UINT64_MAX)
		s->tx->since_ms = s->since_ms;
}

struct gp_reply
server_body_verdict(const struct gp_smtp_server *s)
{
	const struct gp_limits *limits = s->setup.limits;
	const struct transaction *tx = s->tx;
	if (tx->dots.fault)
		return GP_REPLY(554, 5, 6, 0, "Bare CR, bare LF or NUL in the message");
	if (tx->header.received > limits->hops)
		return GP_REPLY(554, 5, 4, 6, "Too many hops");
	if (tx->header.size > limits->header_size || tx->header.fields > limits->header_fields)
		return GP_REPLY(552, 5, 3, 4, "Header is too big");
	if (tx->body_size > limits->message_size)
		return GP_REPLY(552, 5, 3, 4, "Message is too big");
	return (struct gp_reply){};
}

/* The end of a body that was refused. Where the two sides may disagree about where it ended,
 * nothing that follows is a command. */
static int
end_refused(struct gp_smtp_server *s, struct gp_reply verdict)
{
	server_set_state(s, s->tx->dots.fault ? STATE_POISONED : STATE_COMMAND);
	(void)server_refuse(s, verdict, GP_SLICE("end of data"));
	return server_tx_end(s);
}

uint64_t
server_flood_max(const struct gp_smtp_server *s)
{
	uint64_t max;
	if (gp_mul_overflow(s->setup.limits->message_size, (uint64_t)FLOOD_FACTOR, &max) ||
	    gp_add_overflow(max, (uint64_t)FLOOD_EXTRA, &max))
		max = UINT64_MAX;
	return max;
}

/* How much more of this body we are ready to read, if only to throw it away. */
static size_t
body_room(const struct gp_smtp_server *s)
{
	return (size_t)(server_flood_max(s) - s->tx->body_read);
}

/*
 * A dot that is taken off ends a piece, and a body may be nothing but dots: small ones are handed
 * out together. The one that is too much stays in the input.
 */
static struct gp_slice
next_piece(struct transaction *tx, struct gp_slice *input)
{
	size_t len = 0;
	struct gp_slice piece = gp_dot_reader_next(&tx->dots, input);
	if (input->len == 0 || piece.len > sizeof(tx->gathered))
		return piece;
	for (;;) {
		if (piece.len > 0)
			memcpy(tx->gathered + len, piece.ptr, piece.len);
		len += piece.len;
		struct gp_dot_reader before = tx->dots;
		struct gp_slice rest = *input;
		piece = gp_dot_reader_next(&tx->dots, input);
		if (piece.len == 0)
			break;
		if (piece.len > sizeof(tx->gathered) - len) {
			tx->dots = before;
			*input = rest;
			break;
		}
	}
	return gp_slice(tx->gathered, len);
}

int
server_step_body(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	struct transaction *tx = s->tx;
	(void)now_ms;
	server_body_begins(s);
	struct gp_slice part = gp_slice_take(*input, body_room(s));
	size_t before = part.len;
	struct gp_slice piece = next_piece(tx, &part);
	size_t taken = before - part.len;
	*input = gp_slice_drop(*input, taken);
	tx->body_read += taken;
	tx->body_size += piece.len;
	gp_header_meter_feed(&tx->header, piece);
	struct gp_reply verdict = server_body_verdict(s);
	if (tx->dots.state == GP_DOT_END && piece.len == 0)
		return verdict.code == 0 ? server_ask(s, GP_SMTP_END) : end_refused(s, verdict);
	if (body_room(s) == 0)
		return server_dismiss(s, GP_REPLY(552, 5, 3, 4, "Message is much too big"),
				      GP_SLICE("end of data"));
	if (piece.len == 0)
		return GP_SMTP_NEED_INPUT;
	if (verdict.code != 0)
		return AGAIN;
	s->body = piece;
	return GP_SMTP_BODY;
}

int
server_step_poisoned(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)now_ms;
	if (input->len == 0)
		return GP_SMTP_NEED_INPUT;
	return server_dismiss(s,
			      GP_REPLY(421, 4, 7, 0, "Closing after a message with bad line ends"),
			      GP_SLICE(""));
}

/* RFC 5321 section 4.5.3.2.5 asks for patience with each block; the rate is over the whole body, so
 * that a trickle does not hold a session for ever. */
uint64_t
server_body_deadline(const struct gp_smtp_server *s)
{
	const struct gp_limits *limits = s->setup.limits;
	uint64_t silent = s->heard_ms + limits->command_time;
	if (limits->body_rate == 0)
		return silent;
	bool refused = s->state == STATE_CHUNK && s->chunk.refusal.code != 0;
	uint64_t since = refused ? s->since_ms : s->tx->since_ms;
	uint64_t read = refused ? s->chunk.read : s->tx->body_read;
	return GP_MIN(silent, since + BODY_GRACE_MS + read * 1000 / limits->body_rate);
}
