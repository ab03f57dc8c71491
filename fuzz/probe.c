/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner's conversation with a server that says anything. The first octet chooses mode and
 * consents, the second the size of the pieces in which the rest arrives; an octet 0x01 at a piece's
 * beginning lets the server close, 0x02 lets time pass. It must come to its end, keep to its
 * limits, and its record must be one that findings can be made of.
 */
#include <stdlib.h>

#include "core/probe/findings.h"
#include "core/probe/probe.h"
#include "core/probe/relay.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 100'000, ROUND_MS = 5'000 };

struct run {
	struct gp_probe *probe;
	struct gp_slice input;
	size_t piece;
	uint64_t now_ms;
	uint8_t handshakes; /* a bit each: does it succeed? */
};

static void
shake(struct run *r)
{
	const struct gp_probe_tls tls = {.ok = r->handshakes & 1, .error = GP_SLICE("no")};
	r->handshakes = (uint8_t)(r->handshakes >> 1 | r->handshakes << 7);
	gp_probe_tls_done(r->probe, &tls, r->now_ms);
}

/* A server that has nothing more to say is gone. */
static void
dial(struct run *r)
{
	gp_probe_connecting(r->probe, r->now_ms);
	if (r->input.len > 0)
		gp_probe_connected(r->probe, r->now_ms);
	else
		gp_probe_unreachable(r->probe, r->now_ms);
}

/* What the server does now. */
static struct gp_slice
serve(struct run *r)
{
	struct gp_slice piece = gp_slice_take(r->input, r->piece);
	r->input = gp_slice_drop(r->input, r->piece);
	if (piece.len == 0 || piece.ptr[0] == 2)
		r->now_ms += ROUND_MS;
	if (piece.len > 0 && piece.ptr[0] == 1)
		gp_probe_eof(r->probe, r->now_ms);
	return piece;
}

static void
talk(struct run *r)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		struct gp_slice in = serve(r);
		enum gp_probe_want want = gp_probe_next(r->probe, &in, r->now_ms);
		gp_assert(in.len == 0);
		if (want == GP_PROBE_WANT_DONE)
			return;
		if (want == GP_PROBE_WANT_CONNECT)
			dial(r);
		else if (want == GP_PROBE_WANT_TLS)
			shake(r);
		gp_probe_output_sent(r->probe, gp_probe_output(r->probe).len, r->now_ms);
	}
	gp_unreachable("it does not end");
}

static void
judge(struct gp_probe *p, uint16_t port)
{
	static const struct gp_probe_arrival arrivals[] = {{GP_SLICE("abcd1234-r2"), 1},
							   {GP_SLICE("abcd1234-s1x"), 2}};
	const struct gp_probe_facts facts = {.port = port, .software = "Postfix"};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_findings list = gp_findings(&arena);
	gp_probe_arrived(p, arrivals, GP_ARRAY_LEN(arrivals));
	gp_assert(gp_probe_findings(gp_probe_record(p), &facts, &list) == 0);
	gp_assert(list.len > 0 && list.dropped == 0);
	gp_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	struct gp_probe_options options = {
		.helo = GP_SLICE("scan.example.org"),
		.mode = (data[0] >> 6) % 3,
		.consents = (data[0] & 63U) | (data[1] & 1 ? GP_PROBE_ASK_MAILBOX : 0U),
		.brief = data[2] & 2,
		.octets_max = 100'000,
		.recipient = GP_SLICE("me@own.example"),
		.token = GP_SLICE("abcd1234"),
		.date = GP_SLICE("Mon, 30 Nov 2026 00:00:00 +0000"),
		.server = GP_SLICE("mx.example.net"),
		.hosted = GP_SLICE("example.net"),
		.address = GP_SLICE("192.0.2.1"),
	};
	if (gp_probe_options_wrong(&options))
		return 0;
	struct run r = {
		.probe = gp_probe_new(&options, 0),
		.input = gp_slice((const char *)data + 3, size - 3),
		.piece = (size_t)data[1] + 1,
		.handshakes = data[2],
	};
	if (!r.probe)
		return 0;
	talk(&r);
	const struct gp_probe_record *record = gp_probe_record(r.probe);
	gp_assert(record->octets <= options.octets_max + 256);
	gp_assert(record->end != GP_PROBE_END_NONE && record->end_why);
	for (size_t i = 0; i < GP_PROBE_ASKS; i++)
		gp_assert(record->replies[i].code > 0 || record->replies[i].none);
	for (size_t i = 0; i < record->relay_len; i++)
		gp_assert(record->relay[i].state != GP_PROBE_RELAY_NOT_TESTED ||
			  record->relay[i].why);
	judge(r.probe, data[2] & 1 ? 25 : 587);
	r.probe = gp_probe_free(r.probe);
	return 0;
}
