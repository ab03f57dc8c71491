/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports made from arbitrary envelopes, outcomes and messages: what comes out is a message
 * whatever went in. The input is a list of fields: a letter, a 16-bit length, octets (set_field).
 */
#include "core/dsn/dsn.h"
#include "base/wire.h"

enum { RCPTS_MAX = 8 };

struct input {
	struct gp_envelope envelope;
	struct gp_rcpt rcpts[RCPTS_MAX];
	struct gp_outcome outcomes[RCPTS_MAX];
	struct gp_dsn_rcpt entries[RCPTS_MAX];
	struct gp_dsn dsn;
};

static void
set_codes(struct gp_reply *r, struct gp_slice v)
{
	struct gp_reader in = gp_reader(v);
	r->code = (uint16_t)(200 + gp_read_u16(&in) % 400);
	r->enhanced_class = gp_read_u8(&in) % 6;
	r->enhanced_subject = gp_read_u8(&in) % 10;
	r->enhanced_detail = gp_read_u8(&in) % 40;
}

/* 'r' begins a further recipient; what follows it is about that one. */
static void
set_field(struct input *in, char letter, struct gp_slice v)
{
	size_t last = in->dsn.rcpts_len - 1;
	uint8_t first = v.len > 0 ? (uint8_t)v.ptr[0] : 0;
	switch (letter) {
	case 's':
		in->envelope.sender = v.len > 0 ? v : GP_SLICE("a");
		break;
	case 'i':
		in->envelope.envid = v;
		break;
	case 'h':
		in->envelope.client_helo = v;
		break;
	case 'f':
		in->envelope.flags = first & 3;
		in->envelope.ret = (first >> 2) % 3;
		break;
	case 'r':
		last = GP_MIN(in->dsn.rcpts_len, (size_t)RCPTS_MAX - 1);
		in->dsn.rcpts_len = last + 1;
		in->rcpts[last].address = v;
		break;
	case 'o':
		in->rcpts[last].orcpt = v;
		break;
	case 'e':
		in->entries[last].event = (uint8_t)(GP_DSN_FAILED + first % 4);
		in->outcomes[last].remote_said = first & 64;
		break;
	case 'c':
		set_codes(&in->outcomes[last].reply, v);
		break;
	case 't':
		in->outcomes[last].reply.text = v;
		break;
	case 'm':
		in->outcomes[last].remote = v;
		break;
	case 'b':
		in->dsn.message = v;
		in->dsn.message_size = v.len;
		break;
	}
}

static void
read_input(struct input *in, struct gp_slice data)
{
	struct gp_reader r = gp_reader(data);
	*in = (struct input){
		.envelope = {.sender = GP_SLICE("alice@example.org"), .arrival_ms = 1},
		.dsn = {.hostname = GP_SLICE("mx.example.org"),
			.queue_id = GP_SLICE("0Abcdefghij"),
			.unique = GP_SLICE("U"),
			.rcpts_len = 1},
	};
	for (size_t i = 0; i < RCPTS_MAX; i++)
		in->entries[i] =
			(struct gp_dsn_rcpt){&in->rcpts[i], &in->outcomes[i], GP_DSN_FAILED, i, i};
	in->dsn.envelope = &in->envelope;
	in->dsn.rcpts = in->entries;
	while (r.rest.len > 0 && !r.failed) {
		char letter = (char)gp_read_u8(&r);
		struct gp_slice v = gp_read_raw(&r, gp_read_u16(&r));
		if (!r.failed)
			set_field(in, letter, v);
	}
}

/* Lines as a mail reader sees them: CRLF and nothing else ends one, none is over 998 octets, no
 * NUL; octets over 127 only where the envelope allows them. */
static void
check_lines(struct gp_slice s, bool eight_bit)
{
	while (s.len > 0) {
		struct gp_slice line = gp_slice_cut(&s, '\n');
		gp_assert(line.len > 0 && line.ptr[line.len - 1] == '\r');
		line = gp_slice_take(line, line.len - 1);
		gp_assert(line.len <= 998);
		for (size_t i = 0; i < line.len; i++) {
			gp_assert(line.ptr[i] != '\r' && line.ptr[i] != 0);
			gp_assert(eight_bit || (unsigned char)line.ptr[i] < 128);
		}
	}
}

/* The header has the fields that we wrote and no others. */
static struct gp_slice
check_header(struct gp_slice s)
{
	static const char *const names[] = {"From:",         "To:",
					    "Date:",         "Message-ID:",
					    "Subject:",      "Auto-Submitted:",
					    "MIME-Version:", "Content-Type:",
					    " boundary=",    "Content-Transfer-Encoding:"};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++)
		gp_assert(gp_slice_starts(gp_slice_cut(&s, '\n'), gp_slice_str(names[i])));
	gp_assert(gp_slice_starts(gp_slice_cut(&s, '\n'), GP_SLICE("\r")));
	return s;
}

static struct gp_slice
boundary_of(struct gp_slice report)
{
	for (;;) {
		struct gp_slice line = gp_slice_cut(&report, '\n');
		if (gp_slice_starts(line, GP_SLICE(" boundary=\"")))
			return gp_slice_take(gp_slice_drop(line, 11), line.len - 13);
	}
}

/* Three parts and the end, and as many recipients as were given. */
static void
check_body(struct gp_slice body, struct gp_slice boundary, size_t rcpts)
{
	size_t delimiters = 0, recipients = 0;
	while (body.len > 0) {
		struct gp_slice line = gp_slice_cut(&body, '\n');
		bool delimiter = gp_slice_starts(line, GP_SLICE("--")) &&
				 gp_slice_starts(gp_slice_drop(line, 2), boundary);
		delimiters += delimiter;
		if (delimiters == 2)
			recipients += gp_slice_starts(line, GP_SLICE("Final-Recipient:"));
	}
	gp_assert(delimiters == 4);
	gp_assert(recipients == rcpts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_buf out = GP_BUF_INIT(1 << 22);
	struct gp_envelope envelope;
	read_input(&in, gp_slice((const char *)data, size));
	if (gp_dsn_build(&in.dsn, &arena, &out, &envelope) == 0) {
		struct gp_slice report = gp_buf_slice(&out);
		check_lines(report, envelope.flags & GP_ENVELOPE_8BITMIME);
		check_body(check_header(report), boundary_of(report), in.dsn.rcpts_len);
	}
	gp_buf_free(&out);
	gp_arena_free(&arena);
	return 0;
}
