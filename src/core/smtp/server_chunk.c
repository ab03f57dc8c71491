/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BDAT (RFC 3030). A chunk's octets are counted off the wire whatever becomes of it, so that none
 * of them is ever taken for a command. Once a chunk has failed, so has its message: the transaction
 * is over, and the chunks that a pipelining client has sent behind it hear the same until LAST.
 */
#include "core/smtp/server_internal.h"

enum {
	/* Chunks of a message that may be of any size, and how large those beyond must be in the
	 * mean: a chunk costs us a reply and a turn, however small it is. */
	CHUNKS_MAX = 1000,
	CHUNK_MEAN = 1024,
	/* What a refused chunk costs beside its octets, of all that we read only to refuse. */
	CHUNK_COST = 512,
};

bool
server_in_transaction(const struct gp_smtp_server *s)
{
	return s->tx || s->failed_chunks.code != 0;
}

static bool
is_binary(const struct transaction *tx)
{
	return tx->envelope.flags & GP_ENVELOPE_BINARYMIME;
}

/* Why a chunk of this size will not be taken; code 0: it will. */
static struct gp_reply
judge(const struct gp_smtp_server *s, uint64_t size)
{
	const struct transaction *tx = s->tx;
	if (!s->setup.chunking || !s->esmtp)
		return GP_REPLY(502, 5, 5, 1, "Command not implemented");
	if (s->failed_chunks.code != 0)
		return s->failed_chunks;
	if (!tx)
		return GP_REPLY(503, 5, 5, 1, "Need MAIL first");
	if (tx->envelope.rcpts_len == 0)
		return GP_REPLY(554, 5, 5, 1, "No valid recipients");
	if (size > s->setup.limits->message_size - tx->body_size)
		return GP_REPLY(552, 5, 3, 4, "Message is too big");
	if (tx->chunks >= CHUNKS_MAX + tx->body_size / CHUNK_MEAN)
		return GP_REPLY(554, 5, 7, 0, "Too many small chunks");
	return (struct gp_reply){};
}

/* Reads the chunk to refuse it at its end; or ends the session when that has been too much. */
static int
swallow(struct gp_smtp_server *s)
{
	uint64_t max = server_flood_max(s), size = s->chunk.size;
	if (size > max || s->swallowed + CHUNK_COST > max - size)
		return server_dismiss(s, s->chunk.refusal, GP_SLICE("BDAT"));
	s->swallowed += size + CHUNK_COST;
	server_set_state(s, STATE_CHUNK);
	return AGAIN;
}

int
server_handle_bdat(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	s->chunk = (struct chunk){};
	if (!gp_smtp_bdat_parse(args, &s->chunk.size, &s->chunk.last))
		return server_dismiss(s, GP_REPLY(501, 5, 5, 4, "Syntax: BDAT size [LAST]"), line);
	s->chunk.refusal = judge(s, s->chunk.size);
	if (s->chunk.refusal.code != 0)
		return swallow(s);
	if (s->tx->chunks++ == 0)
		return server_ask(s, GP_SMTP_DATA);
	server_set_state(s, STATE_CHUNK);
	return AGAIN;
}

void
server_chunk_decided(struct gp_smtp_server *s, struct gp_reply r)
{
	if (gp_reply_positive(&r)) {
		s->messages++;
	} else {
		s->chunk.refusal = r;
		s->chunk.refusal.text = gp_arena_dup(&s->arena, r.text);
	}
	s->tx->dots.plain = true;
	server_set_state(s, STATE_CHUNK);
}

/* The chunk was read, and is refused: with it goes the transaction. */
static int
refuse_chunk(struct gp_smtp_server *s, struct gp_reply r)
{
	bool again = s->failed_chunks.code != 0;
	int abort = server_tx_end(s), refused = AGAIN;
	if (!s->chunk.last) {
		s->failed_chunks = r;
		s->failed_chunks.text = GP_SLICE("The message has failed already");
	}
	server_set_state(s, STATE_COMMAND);
	/* Whoever sent them ahead could not know: the chunks behind are neither errors nor news. */
	if (again)
		server_reply(s, r);
	else
		refused = server_refuse(s, r, GP_SLICE("BDAT"));
	return abort == AGAIN ? refused : abort;
}

/*
 * A message that does not end in CRLF gets one, as it would by DATA (RFC 3030 leaves it open): what
 * we hold is lines, and may go on by DATA. By BINARYMIME it stays as it is.
 */
static int
end_chunk(struct gp_smtp_server *s)
{
	struct transaction *tx = s->tx;
	char text[64];
	if (s->chunk.last && tx->dots.state == GP_DOT_CR)
		tx->dots.fault = true;
	struct gp_reply verdict = server_body_verdict(s);
	if (verdict.code != 0)
		return refuse_chunk(s, verdict);
	if (!s->chunk.last) {
		int n = snprintf(text, sizeof(text), "%llu octets taken",
				 (unsigned long long)s->chunk.size);
		server_set_state(s, STATE_COMMAND);
		server_reply(s, (struct gp_reply){250, 2, 0, 0, gp_slice(text, (size_t)n)});
		return AGAIN;
	}
	if (tx->dots.state != GP_DOT_LINE)
		return server_ask(s, GP_SMTP_END);
	tx->dots.state = GP_DOT_START;
	s->body = GP_SLICE("\r\n");
	return GP_SMTP_BODY;
}

/* Takes a piece of the message; empty when there is nothing to hand on. */
static struct gp_slice
take_piece(struct transaction *tx, struct gp_slice *part)
{
	struct gp_slice piece = *part;
	if (is_binary(tx))
		*part = gp_slice("", 0);
	else
		piece = gp_dot_reader_next(&tx->dots, part);
	gp_header_meter_feed(&tx->header, piece);
	return piece;
}

int
server_step_chunk(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	struct chunk *c = &s->chunk;
	struct gp_slice part = gp_slice_take(*input, c->size - c->read), piece = {};
	size_t taken = part.len;
	bool refused = c->refusal.code != 0;
	(void)now_ms;
	if (c->read == c->size)
		return refused ? refuse_chunk(s, c->refusal) : end_chunk(s);
	if (part.len == 0)
		return GP_SMTP_NEED_INPUT;
	if (!refused) {
		server_body_begins(s);
		piece = take_piece(s->tx, &part);
		taken -= part.len;
		s->tx->body_read += taken;
		s->tx->body_size += taken;
	}
	*input = gp_slice_drop(*input, taken);
	c->read += taken;
	if (piece.len == 0 || server_body_verdict(s).code != 0)
		return AGAIN;
	s->body = piece;
	return GP_SMTP_BODY;
}
