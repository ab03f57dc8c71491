/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/canary.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char field[] = GP_CANARY_FIELD;

static bool
is_token_char(char c)
{
	return gp_ascii_is_alnum(c) || c == '-';
}

static void
end_token(struct gp_canaries *c)
{
	c->token[c->token_len] = '\0';
	if (c->token_len > 0 && c->len < GP_CANARY_TOKENS_MAX)
		memcpy(c->tokens[c->len++], c->token, sizeof(c->token));
	c->matched = 0;
	c->token_len = 0;
}

/* No octet of the field but the first is like the first, so that a mismatch begins anew. */
static void
match(struct gp_canaries *c, char octet)
{
	if (octet == field[c->matched])
		c->matched++;
	else
		c->matched = octet == field[0];
}

void
gp_canaries_feed(struct gp_canaries *c, struct gp_slice octets)
{
	for (size_t i = 0; i < octets.len; i++) {
		char octet = octets.ptr[i];
		if (c->matched < sizeof(field) - 1)
			match(c, octet);
		else if (is_token_char(octet) && c->token_len < GP_CANARY_TOKEN_MAX)
			c->token[c->token_len++] = octet;
		else
			end_token(c);
	}
}

void
gp_canaries_write(struct gp_buf *out, const struct gp_canaries *c, uint64_t message)
{
	for (size_t i = 0; i < c->len; i++)
		gp_buf_printf(out, "%" PRIu64 " %s\n", message, c->tokens[i]);
}

static size_t
count_lines(struct gp_slice text)
{
	size_t n = 0;
	for (ptrdiff_t lf; (lf = gp_slice_find(text, '\n')) >= 0; n++)
		text = gp_slice_drop(text, (size_t)lf + 1);
	return n;
}

ssize_t
gp_canary_list_parse(struct gp_slice text, struct gp_arena *arena, struct gp_probe_arrival **ret)
{
	size_t len = 0, lines = count_lines(text);
	*ret = gp_arena_array(arena, lines, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < lines; i++) {
		struct gp_slice token = gp_slice_cut(&text, '\n');
		struct gp_slice number = gp_slice_cut(&token, ' ');
		uint64_t message;
		if (token.len > 0 && token.len <= GP_CANARY_TOKEN_MAX &&
		    gp_slice_u64(number, UINT64_MAX, &message))
			(*ret)[len++] = (struct gp_probe_arrival){token, message};
	}
	return (ssize_t)len;
}
