/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/send_message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cli/message_file.h"
#include "core/message/date.h"
#include "sys/clock.h"

/* Is there such a field among those that were given? */
static bool
given(const struct gp_send_message *m, const char *name)
{
	for (size_t i = 0; i < m->headers_len; i++) {
		if (gp_slice_starts_nocase(gp_slice_str(m->headers[i]), gp_slice_str(name)))
			return true;
	}
	return false;
}

static void
put_field(const struct gp_send_message *m, struct gp_buf *out, const char *name,
	  struct gp_slice value)
{
	if (given(m, name))
		return;
	gp_buf_put_str(out, name);
	gp_buf_put_char(out, ' ');
	gp_buf_put(out, value);
	gp_buf_put_str(out, "\r\n");
}

static void
put_test_message(const struct gp_send_message *m, struct gp_buf *out)
{
	struct gp_date_text date = gp_date_text(gp_clock_wall_ms() / 1000);
	struct gp_buf id = GP_BUF_INIT(1024);
	uint64_t random[2] = {};
	ssize_t n = getrandom(random, sizeof(random), 0);
	gp_assert(n == sizeof(random));
	gp_buf_printf(&id, "<%016" PRIx64 "%016" PRIx64 "@%.*s>", random[0], random[1],
		      GP_SLICE_FMT(m->host));
	put_field(m, out, "From:",
		  m->from.len > 0 ? m->from : GP_SLICE("Mail Delivery System <MAILER-DAEMON>"));
	put_field(m, out, "To:", m->to);
	put_field(m, out, "Subject:", GP_SLICE("Test"));
	put_field(m, out, "Date:", gp_slice_str(date.s));
	put_field(m, out, "Message-ID:", gp_buf_slice(&id));
	gp_buf_put_str(out, "\r\n");
	gp_message_put_lines(out, m->body ? gp_slice_str(m->body)
					  : GP_SLICE("This is a test message of gatepost send.\n"));
	gp_buf_free(&id);
}

int
gp_send_message_make(const struct gp_send_message *m, struct gp_buf *out)
{
	struct gp_buf file = GP_BUF_INIT(GP_MESSAGE_FILE_MAX);
	for (size_t i = 0; i < m->headers_len; i++)
		gp_message_put_lines(out, gp_slice_str(m->headers[i]));
	int r = 0;
	if (!m->file)
		put_test_message(m, out);
	else if ((r = gp_message_read(m->file, &file)) == 0)
		gp_message_put_lines(out, gp_buf_slice(&file));
	gp_buf_free(&file);
	return r < 0 ? r : out->failed ? -EFBIG : 0;
}
