/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sasl/scram_client.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "core/sasl/names.h"
#include "core/sasl/scram_message.h"

enum at { AT_FIRST, AT_LAST, AT_END };
enum { NONCES_MAX = 512 }; /* octets of the two together */

static bool
is_printable(struct gp_slice s)
{
	bool good = s.len > 0;
	for (size_t i = 0; good && i < s.len; i++)
		good = s.ptr[i] >= ' ' && s.ptr[i] < 127;
	return good;
}

bool
gp_scram_is_possible(struct gp_slice user, struct gp_slice password)
{
	return is_printable(user) && gp_password_is_prepared(password);
}

static int
fail(struct gp_scram_client *s, const char *why)
{
	s->at = AT_END;
	s->why = why;
	return 1;
}

/* RFC 5802 section 6: "y" tells a server that offers -PLUS that somebody took it out of its offer.
 */
static void
put_gs2_header(struct gp_buf *to, const struct gp_scram_login *login)
{
	if (login->plus)
		gp_buf_printf(to, "p=%.*s,,", GP_SLICE_FMT(login->binding_type));
	else
		gp_buf_put_str(to, login->binding.len > 0 ? "y,," : "n,,");
}

/* As a saslname is written (section 5.1). */
static void
put_name(struct gp_buf *to, struct gp_slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (c == ',' || c == '=')
			gp_buf_put_str(to, c == ',' ? "=2C" : "=3D");
		else
			gp_buf_put_char(to, c);
	}
}

int
gp_scram_begin(struct gp_scram_client *s, const struct gp_scram_login *login,
	       struct gp_arena *arena, struct gp_slice *ret_first)
{
	struct gp_buf text = GP_BUF_INIT(16 * 1024);
	gp_assert(!login->plus || login->binding.len > 0);
	*s = (struct gp_scram_client){.login = *login, .arena = arena, .at = AT_FIRST};
	put_gs2_header(&text, login);
	size_t header_len = text.len;
	gp_buf_put_str(&text, "n=");
	put_name(&text, login->user);
	gp_buf_printf(&text, ",r=%.*s", GP_SLICE_FMT(login->nonce));
	*ret_first = gp_arena_dup(arena, gp_buf_slice(&text));
	bool failed = text.failed || arena->failed;
	gp_buf_free(&text);
	s->gs2_header = gp_slice_take(*ret_first, header_len);
	s->first_bare = gp_slice_drop(*ret_first, header_len);
	return failed ? -ENOMEM : 0;
}

/* --- the server's first message --- */

struct first {
	struct gp_slice nonce, salt;
	uint64_t iterations;
};

/* "r=NONCE,s=SALT,i=COUNT" and extensions. Returns 0, 1 or -ENOMEM. */
static int
read_first(struct gp_scram_client *s, struct gp_slice message, struct first *ret)
{
	struct gp_slice rest = message, salt, iterations;
	if (!scram_take_attribute(&rest, 'r', &ret->nonce) ||
	    !scram_take_attribute(&rest, 's', &salt) ||
	    !scram_take_attribute(&rest, 'i', &iterations) ||
	    !scram_is_nonce(ret->nonce, NONCES_MAX) || !scram_extensions_are_optional(rest))
		return fail(s, "not a server's first message");
	/* What does not begin with ours was not made for us. */
	if (!gp_slice_starts(ret->nonce, s->login.nonce) || ret->nonce.len == s->login.nonce.len)
		return fail(s, "another exchange's nonce");
	if (!gp_slice_u64(iterations, UINT32_MAX, &ret->iterations))
		return fail(s, "not a server's first message");
	/* Few make the password easy to guess for who plays the server (RFC 7677 section 4), many
	   keep us at it. */
	if (ret->iterations < GP_SCRAM_ITERATIONS_MIN || ret->iterations > GP_SCRAM_ITERATIONS_MAX)
		return fail(s, "too few or too many iterations");
	int r = gp_base64_decode(salt, GP_BASE64, s->arena, &ret->salt);
	if (r == 1 || (r == 0 && (ret->salt.len == 0 || ret->salt.len > GP_SCRAM_SALT_MAX)))
		return fail(s, "no salt");
	return r;
}

/* "c=...,r=..." : what the proof is about, and what it follows. */
static void
put_without_proof(struct gp_buf *to, const struct gp_scram_client *s, struct gp_slice nonce)
{
	struct gp_buf bound = GP_BUF_INIT(1024);
	gp_buf_put(&bound, s->gs2_header);
	if (s->login.plus)
		gp_buf_put(&bound, s->login.binding);
	gp_buf_put_str(to, "c=");
	gp_base64_put(to, gp_buf_slice(&bound));
	gp_buf_printf(to, ",r=%.*s", GP_SLICE_FMT(nonce));
	to->failed |= bound.failed;
	gp_buf_free(&bound);
}

static int
prove(struct gp_scram_client *s, const struct first *first, struct gp_slice server_first,
      struct gp_buf *out)
{
	struct gp_sha256 proof;
	put_without_proof(out, s, first->nonce);
	struct gp_slice message =
		gp_arena_printf(s->arena, "%.*s,%.*s,%.*s", GP_SLICE_FMT(s->first_bare),
				GP_SLICE_FMT(server_first), GP_SLICE_FMT(gp_buf_slice(out)));
	if (s->arena->failed || out->failed)
		return -ENOMEM;
	int r = gp_scram_prove(s->login.password, first->salt, (uint32_t)first->iterations, message,
			       &proof, &s->signature);
	gp_buf_put_str(out, ",p=");
	gp_base64_put(out, gp_sha256_slice(&proof));
	return r;
}

static int
take_first(struct gp_scram_client *s, struct gp_slice message, struct gp_slice *ret_response)
{
	struct first first;
	struct gp_buf out = GP_BUF_INIT(4096);
	int r = read_first(s, message, &first);
	if (r == 0)
		r = prove(s, &first, message, &out);
	if (r == 0) {
		*ret_response = gp_arena_dup(s->arena, gp_buf_slice(&out));
		s->at = AT_LAST;
		r = out.failed || s->arena->failed ? -ENOMEM : 0;
	}
	gp_buf_free(&out);
	return r;
}

/* --- its last one --- */

/* "v=SIGNATURE" and extensions; or "e=...", a refusal. */
static int
take_last(struct gp_scram_client *s, struct gp_slice message, struct gp_slice *ret_response)
{
	struct gp_slice rest = message, text, signature;
	if (gp_slice_starts(message, GP_SLICE("e=")))
		return fail(s, "the server refuses");
	if (!scram_take_attribute(&rest, 'v', &text) || !scram_extensions_are_optional(rest))
		return fail(s, "not a server's last message");
	int r = gp_base64_decode(text, GP_BASE64, s->arena, &signature);
	if (r < 0)
		return r;
	if (r == 1 || !gp_equal_secretly(signature, gp_sha256_slice(&s->signature)))
		return fail(s, "the server does not know the password");
	s->at = AT_END;
	s->trusted = true;
	*ret_response = gp_slice("", 0);
	return 0;
}

int
gp_scram_step(struct gp_scram_client *s, struct gp_slice message, struct gp_slice *ret_response)
{
	if (s->at == AT_FIRST)
		return take_first(s, message, ret_response);
	if (s->at == AT_LAST)
		return take_last(s, message, ret_response);
	s->trusted = false;
	return fail(s, "a challenge too many");
}
