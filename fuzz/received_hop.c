/* SPDX-License-Identifier: Apache-2.0 */
/* A Received field in any dialect: what is read are parts of it, and what we write ourselves is
 * read back. */
#include "base/buf.h"
#include "core/message/received.h"
#include "core/trace/hop.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_hop(const struct gp_hop *hop, struct gp_slice value)
{
	const struct gp_slice parts[] = {hop->helo,   hop->rdns,  hop->ident,     hop->by,
					 hop->with,   hop->via,   hop->id,        hop->rcpt,
					 hop->sender, hop->login, hop->tls_cipher};
	for (size_t i = 0; i < GP_ARRAY_LEN(parts); i++) {
		gp_assert(parts[i].len <= value.len);
		if (parts[i].len > 0)
			gp_assert(parts[i].ptr >= value.ptr &&
				  parts[i].ptr + parts[i].len <= value.ptr + value.len);
	}
	gp_assert((hop->address.len > 0) == (hop->octets_len > 0));
	gp_assert(hop->octets_len == 0 || hop->octets_len == 4 || hop->octets_len == 16);
	gp_assert(hop->tls || hop->tls_version.len == 0);
}

/* Our own field, with the input as what the client called itself. */
static void
check_ours(struct gp_slice helo, struct gp_arena *arena)
{
	struct gp_buf field = GP_BUF_INIT(1 << 20);
	struct gp_hop hop;
	struct gp_received ours = {.helo = helo,
				   .client_addr = GP_SLICE("192.0.2.1"),
				   .by = GP_SLICE("mx.our.test"),
				   .esmtp = true,
				   .id = GP_SLICE("0Jx6Yk3ZqAb"),
				   .time_s = 1795315607};
	gp_received_write(&field, &ours);
	struct gp_slice value = gp_slice_drop(gp_buf_slice(&field), sizeof("Received:") - 1);
	gp_assert(gp_hop_parse(value, arena, &hop) == 0);
	gp_assert(hop.when.known && hop.when.epoch_s == 1795315607);
	/* A client that calls itself "by" or an address in brackets is not followed everywhere. */
	bool plain = helo.len > 0;
	for (size_t i = 0; i < helo.len; i++)
		plain &= gp_ascii_is_digit(helo.ptr[i]) || helo.ptr[i] == '.';
	if (plain)
		gp_assert(gp_slice_eq(hop.by, ours.by) && gp_slice_eq(hop.id, ours.id));
	gp_buf_free(&field);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_slice value = gp_slice((const char *)data, size);
	struct gp_hop hop;
	gp_assert(gp_hop_parse(value, &arena, &hop) == 0);
	check_hop(&hop, value);
	if (size < 1000)
		check_ours(value, &arena);
	gp_arena_free(&arena);
	return 0;
}
