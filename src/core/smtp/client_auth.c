/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/client_auth.h"

#include <string.h>

#include "base/base64.h"

enum {
	LOGIN_MAX = 8 * 1024, /* in base64 below the 12,288 octets of RFC 4954 section 4 */
	RESPONSE_MAX = LOGIN_MAX + 64,
};

/* In the order of our preference: what can be taken back and is good for little else first; then
   what does not tell the password, and to no other channel; and PLAIN, which has a specification,
   before LOGIN. */
static const struct mechanism {
	uint32_t flag;
	const char *name;
	bool token;  /* else the password */
	bool begins; /* with a response that needs no challenge */
	bool scram;  /* speaks of the password without telling it */
} mechanisms[] = {
	{GP_EHLO_OAUTHBEARER, "OAUTHBEARER", .token = true, .begins = true},
	{GP_EHLO_XOAUTH2, "XOAUTH2", .token = true, .begins = true},
	{GP_EHLO_SCRAM_SHA_256_PLUS, "SCRAM-SHA-256-PLUS", .begins = true, .scram = true},
	{GP_EHLO_SCRAM_SHA_256, "SCRAM-SHA-256", .begins = true, .scram = true},
	{GP_EHLO_PLAIN, "PLAIN", .begins = true},
	{GP_EHLO_LOGIN, "LOGIN"},
};

static const struct mechanism *
find(uint32_t flag)
{
	size_t i = 0;
	while (i < GP_ARRAY_LEN(mechanisms) && mechanisms[i].flag != flag)
		i++;
	gp_assert(i < GP_ARRAY_LEN(mechanisms));
	return &mechanisms[i];
}

static bool
has_control(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 127)
			return true;
	}
	return false;
}

bool
gp_client_login_sane(const struct gp_client_login *login)
{
	size_t user_len = 3 * login->user.len; /* were every character escaped */
	return !has_control(login->user) && !has_control(login->token) &&
	       gp_slice_find(login->password, '\0') < 0 &&
	       user_len + login->password.len + login->token.len <= LOGIN_MAX;
}

uint32_t
gp_client_choose_mechanism(const struct gp_client_login *login, uint32_t offered, bool bound)
{
	uint32_t may = login->mechanisms != 0 ? login->mechanisms : UINT32_MAX;
	bool scram = login->nonce.len > 0 && gp_scram_is_possible(login->user, login->password);
	if (!bound)
		may &= ~(uint32_t)GP_EHLO_SCRAM_SHA_256_PLUS;
	for (size_t i = 0; i < GP_ARRAY_LEN(mechanisms); i++) {
		const struct mechanism *m = &mechanisms[i];
		size_t secret_len = m->token ? login->token.len : login->password.len;
		if (secret_len > 0 && (scram || !m->scram) && (m->flag & offered & may))
			return m->flag;
	}
	return 0;
}

const char *
gp_client_mechanism_name(uint32_t mechanism)
{
	return find(mechanism)->name;
}

bool
gp_client_mechanism_begins(uint32_t mechanism)
{
	return find(mechanism)->begins;
}

bool
gp_client_is_scram(uint32_t mechanism)
{
	return find(mechanism)->scram;
}

/* RFC 4616 section 2: no other identity to act as, who we are, the password. */
static void
plain(struct gp_buf *to, const struct gp_client_login *login)
{
	gp_buf_put_char(to, '\0');
	gp_buf_put(to, login->user);
	gp_buf_put_char(to, '\0');
	gp_buf_put(to, login->password);
}

static void
bearer(struct gp_buf *to, const struct gp_client_login *login)
{
	gp_buf_put_str(to, "\001auth=Bearer ");
	gp_buf_put(to, login->token);
	gp_buf_put_str(to, "\001\001");
}

/* RFC 7628 section 3.1, with the name as RFC 5801 section 4 escapes it. */
static void
oauthbearer(struct gp_buf *to, const struct gp_client_login *login)
{
	gp_buf_put_str(to, "n,a=");
	for (size_t i = 0; i < login->user.len; i++) {
		char c = login->user.ptr[i];
		if (c == ',' || c == '=')
			gp_buf_put_str(to, c == ',' ? "=2C" : "=3D");
		else
			gp_buf_put_char(to, c);
	}
	gp_buf_put_char(to, ',');
	bearer(to, login);
}

static void
xoauth2(struct gp_buf *to, const struct gp_client_login *login)
{
	gp_buf_put_str(to, "user=");
	gp_buf_put(to, login->user);
	bearer(to, login);
}

/* The response in clear. A second one of the mechanisms with a token acknowledges that the first
   was refused, after which the server says so in a reply (RFC 7628 section 3.2.3). */
static bool
compose(struct gp_buf *to, const struct gp_client_login *login, uint32_t mechanism, unsigned number)
{
	if (number > 1 || (number == 1 && mechanism == GP_EHLO_PLAIN))
		return false;
	if (mechanism == GP_EHLO_PLAIN)
		plain(to, login);
	else if (mechanism == GP_EHLO_LOGIN)
		gp_buf_put(to, number == 0 ? login->user : login->password);
	else if (number == 1)
		gp_buf_put_str(to, mechanism == GP_EHLO_OAUTHBEARER ? "\001" : "");
	else if (mechanism == GP_EHLO_OAUTHBEARER)
		oauthbearer(to, login);
	else
		xoauth2(to, login);
	return true;
}

bool
gp_client_put_response(struct gp_buf *out, const struct gp_client_login *login, uint32_t mechanism,
		       unsigned number)
{
	struct gp_buf clear = GP_BUF_INIT(RESPONSE_MAX);
	bool has = compose(&clear, login, mechanism, number);
	gp_base64_put(out, gp_buf_slice(&clear));
	out->failed |= clear.failed;
	gp_client_wipe(&clear);
	return has;
}

int
gp_client_begin_scram(struct gp_buf *out, struct gp_scram_client *s,
		      const struct gp_scram_login *login, struct gp_arena *arena)
{
	struct gp_slice first = {};
	int r = gp_scram_begin(s, login, arena, &first);
	gp_base64_put(out, first);
	out->failed |= r < 0;
	return r;
}

int
gp_client_step_scram(struct gp_buf *out, struct gp_scram_client *s, struct gp_slice challenge)
{
	struct gp_slice message, response = {};
	int r = gp_base64_decode(challenge, GP_BASE64, s->arena, &message);
	if (r == 1)
		s->why = "a challenge that is not base64";
	if (r == 0)
		r = gp_scram_step(s, message, &response);
	gp_base64_put(out, response);
	out->failed |= r < 0;
	return r;
}

void
gp_client_wipe(struct gp_buf *b)
{
	if (b->ptr)
		explicit_bzero(b->ptr, b->cap);
	gp_buf_free(b);
}
