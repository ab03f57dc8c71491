/* SPDX-License-Identifier: Apache-2.0 */
/* What we log in with at the smarthost: known to this role alone, and never written anywhere. */
#include <string.h>

#include "ipc/values.h"
#include "procs/relay/relay.h"
#include "sys/log.h"
#include "sys/password.h"
#include "sys/small_file.h"

enum { SECRET_MAX = 4096 };

struct secret {
	char text[SECRET_MAX];
	size_t len; /* 0: there is none */
};

static struct secret password, token, client;

static void
forget(struct secret *s)
{
	explicit_bzero(s->text, sizeof(s->text));
	s->len = 0;
}

void
login_take(struct gp_role_env *env, uint8_t kind, int fd)
{
	(void)env;
	struct secret *s = kind == GP_SECRET_TOKEN    ? &token
			   : kind == GP_SECRET_CLIENT ? &client
						      : &password;
	forget(s);
	int r = gp_file_line(fd, s->text, sizeof(s->text), &s->len);
	if (r == 0)
		return;
	forget(s);
	gp_error("secret_refused",
		 GP_FS("of", s == &token    ? "token_file"
			     : s == &client ? "client_secret_file"
					    : "password_file"),
		 GP_FS("reason", gp_file_line_trouble(r)));
}

void
login_reload(const struct gp_config *cfg)
{
	if (cfg->smarthost.password_file.len == 0)
		forget(&password);
	if (cfg->smarthost.token_file.len == 0)
		forget(&token);
	if (cfg->smarthost.client_secret_file.len == 0)
		forget(&client);
	tokens_forget();
}

struct gp_slice
login_client_secret(void)
{
	return gp_slice(client.text, client.len);
}

struct gp_client_login
login_now(void)
{
	static const uint32_t mechanisms[] = {
		[GP_LOGIN_ANY] = 0, /* all */
		[GP_LOGIN_SCRAM] = GP_EHLO_SCRAM_SHA_256 | GP_EHLO_SCRAM_SHA_256_PLUS,
		[GP_LOGIN_SCRAM_PLUS] = GP_EHLO_SCRAM_SHA_256_PLUS,
		[GP_LOGIN_PLAIN] = GP_EHLO_PLAIN | GP_EHLO_LOGIN,
	};
	static char nonce[GP_NONCE_SIZE];
	gp_nonce(nonce);
	return (struct gp_client_login){
		.user = relay.env->config->smarthost.user,
		.password = gp_slice(password.text, password.len),
		.nonce = gp_slice_str(nonce),
		.mechanisms = mechanisms[relay.env->config->smarthost.login],
		.token = tokens_are_had() ? tokens_now() : gp_slice(token.text, token.len),
	};
}
