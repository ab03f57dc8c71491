/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/refused_mail.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/ingest/wire.h"
#include "reportdb/refused.h"
#include "sys/log.h"

static struct gp_refused *refused; /* NULL: it could not be opened */

void
refused_mail_open(const char *path)
{
	int r = gp_refused_open(path, GP_REFUSED_MAKE, &refused);
	/* Whatever it opens when it first writes is open then. */
	if (r == 0)
		r = gp_refused_forget(refused, INT64_MIN);
	if (r < 0)
		gp_error("refused_not_opened", GP_FS("reason", gp_refused_why(r)));
}

int
refused_mail_forget(const struct gp_config *cfg, int64_t now_s)
{
	int64_t keep_s = (int64_t)(cfg->reports.keep_received / 1000);
	int r = refused ? gp_refused_forget(refused, now_s - keep_s) : 0;
	if (r < 0)
		gp_error("refused_not_forgotten", GP_FS("reason", gp_refused_why(r)));
	return r;
}

bool
refused_mail_sane(const struct gp_message *m)
{
	const struct gp_msg_report_mail *mail = &m->report_mail;
	return gp_told_is_text(mail->file, mail->file.len, false) &&
	       gp_told_is_text(mail->reason, mail->reason.len, false) &&
	       (m->fd >= 0 ? mail->body.len == 0 : mail->body.len == mail->size);
}

static int
read_octets(void *context, uint64_t at, char *to, size_t len)
{
	const struct gp_message *m = context;
	if (m->fd < 0) {
		memcpy(to, m->report_mail.body.ptr + at, len);
		return 0;
	}
	while (len > 0) {
		ssize_t n = pread(m->fd, to, len, (off_t)at);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		to += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

bool
refused_mail_keep(const struct gp_config *cfg, const struct gp_message *m, int64_t now_s)
{
	const struct gp_refused_mail mail = {.file = m->report_mail.file,
					     .why = m->report_mail.reason,
					     .authenticated = m->report_mail.authenticated,
					     .received_s = now_s,
					     .size = m->report_mail.size};
	const struct gp_refused_source source = {(void *)m, read_octets};
	int r = refused ? gp_refused_keep(refused, &mail, &source, cfg->reports.refused_size)
			: -ENOENT;
	if (r == 1)
		gp_warning("refused_mail_too_large", GP_F("mail", mail.file),
			   GP_FN("size", mail.size));
	if (r < 0)
		gp_error("refused_mail_not_kept", GP_F("mail", mail.file),
			 GP_FS("reason", gp_refused_why(r)));
	return r >= 0;
}
