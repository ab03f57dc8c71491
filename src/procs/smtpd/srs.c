/* SPDX-License-Identifier: Apache-2.0 */
/* What addresses of core/srs are made and read with: never written anywhere. */
#include <string.h>

#include "core/sasl/crypto.h"
#include "procs/smtpd/smtpd.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/small_file.h"

enum { SECRET_MAX = 4096 };

struct secret {
	char text[SECRET_MAX];
	size_t len; /* 0: there is none */
};

static struct secret current, before;

static void
forget(struct secret *s)
{
	explicit_bzero(s->text, sizeof(s->text));
	s->len = 0;
}

int
srs_prepare(void)
{
	struct gp_sha256 mac;
	return gp_hmac_sha256(GP_SLICE("x"), GP_SLICE("x"), &mac);
}

void
srs_take(struct gp_role_env *env, uint8_t kind, int fd)
{
	(void)env;
	struct secret *s = kind == GP_SECRET_SRS_BEFORE ? &before : &current;
	forget(s);
	int r = gp_file_line(fd, s->text, sizeof(s->text), &s->len);
	if (r == 0 && s->len >= GP_SRS_KEY_MIN)
		return;
	forget(s);
	gp_error("secret_refused",
		 GP_FS("of", s == &before ? "srs.previous_file" : "srs.secret_file"),
		 GP_FS("reason", r == 0 ? "it has less than 16 octets" : gp_file_line_trouble(r)));
}

void
srs_reload(const struct gp_config *cfg)
{
	if (cfg->srs.secret_file.len == 0)
		forget(&current);
	if (cfg->srs.previous_file.len == 0)
		forget(&before);
}

const struct gp_srs *
srs_now(void)
{
	static struct gp_srs srs;
	srs = (struct gp_srs){.now_ms = gp_clock_wall_ms()};
	if (current.len == 0)
		return NULL;
	srs.keys[srs.keys_len++] = gp_slice(current.text, current.len);
	if (before.len > 0)
		srs.keys[srs.keys_len++] = gp_slice(before.text, before.len);
	return &srs;
}
