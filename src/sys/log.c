/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/log.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/clock.h"

enum {
	LINE_MAX_OCTETS = 8192,
	ESCAPED_MAX = 6, /* octets that an octet may take: \u0000 */
	/* A write of up to PIPE_BUF octets into a pipe is not mixed with another process's. */
	PIECE = 4096,
	KEEP_MAX = 256 * 1024,
};

static struct {
	const char *who;
	bool json;
	enum gp_log_level level;
	struct gp_buf pending;
} state = {.who = "gatepost", .level = GP_LOG_INFO, .pending = {.max = KEEP_MAX}};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void
gp_log_setup(const char *who, bool json, enum gp_log_level level)
{
	state.who = who;
	state.json = json;
	state.level = level;
}

static void
write_all(struct gp_slice s)
{
	while (s.len > 0) {
		ssize_t n = write(STDERR_FILENO, s.ptr, s.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nowhere left to complain */
		s = gp_slice_drop(s, (size_t)n);
	}
}

void
gp_log_flush(void)
{
	struct gp_slice rest = gp_buf_slice(&state.pending);
	while (rest.len > PIECE) {
		/* Whole lines in a piece, unless one line alone is longer. */
		ptrdiff_t end = gp_slice_rfind(gp_slice_take(rest, PIECE), '\n');
		if (end < 0)
			end = gp_slice_find(rest, '\n');
		write_all(gp_slice_take(rest, (size_t)end + 1));
		rest = gp_slice_drop(rest, (size_t)end + 1);
	}
	write_all(rest);
	gp_buf_clear(&state.pending);
}

/* The time as RFC 3339 with milliseconds, UTC. The calendar part is made once a second. */
static void
put_time(struct gp_buf *b)
{
	static char text[32];
	static time_t made;
	uint64_t ms = gp_clock_wall_ms();
	time_t s = (time_t)(ms / 1000);
	if (s != made) {
		struct tm tm;
		gmtime_r(&s, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		made = s;
	}
	unsigned part = (unsigned)(ms % 1000);
	char tail[] = {'.', (char)('0' + part / 100), (char)('0' + part / 10 % 10),
		       (char)('0' + part % 10), 'Z'};
	gp_buf_put_str(b, text);
	gp_buf_put(b, gp_slice(tail, sizeof(tail)));
}

/* JSON string escapes; octets over 127 are shown as they are when they come from valid UTF-8 mail
   addresses, but the log does not check: so they are escaped as well, as the octets they are. */
static void
put_escaped(struct gp_buf *b, struct gp_slice s, bool json)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '"' || c == '\\')
			gp_buf_printf(b, "\\%c", c);
		else if (c >= 32 && c < 127)
			gp_buf_put_char(b, (char)c);
		else
			gp_buf_printf(b, json ? "\\u%04x" : "\\x%02x", c);
	}
}

static bool
plain(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c <= ' ' || c >= 127 || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return s.len > 0;
}

static void
put_field(struct gp_buf *b, const struct gp_log_field *f, size_t text_max)
{
	struct gp_slice text = gp_slice_take(f->text, text_max);
	gp_buf_put_str(b, state.json ? ",\"" : " ");
	gp_buf_put_str(b, f->key);
	gp_buf_put_str(b, state.json ? "\":" : "=");
	if (f->is_number) {
		gp_buf_put_u64(b, f->number);
	} else if (!state.json && plain(text)) {
		gp_buf_put(b, text);
	} else {
		gp_buf_put_char(b, '"');
		put_escaped(b, text, state.json);
		gp_buf_put_char(b, '"');
	}
}

static void
put_line(struct gp_buf *b, enum gp_log_level level, const char *event,
	 const struct gp_log_field *fields, size_t fields_len, size_t text_max)
{
	gp_buf_put_str(b, state.json ? "{\"time\":\"" : "");
	put_time(b);
	gp_buf_put_str(b, state.json ? "\",\"role\":\"" : " ");
	gp_buf_put_str(b, state.who);
	gp_buf_put_str(b, state.json ? "\",\"level\":\"" : " ");
	gp_buf_put_str(b, level_names[level]);
	gp_buf_put_str(b, state.json ? "\",\"event\":\"" : " ");
	gp_buf_put_str(b, event);
	gp_buf_put_str(b, state.json ? "\"" : "");
	for (size_t i = 0; i < fields_len; i++)
		put_field(b, &fields[i], text_max);
	gp_buf_put_str(b, state.json ? "}\n" : "\n");
}

void
gp_log_event(enum gp_log_level level, const char *event, const struct gp_log_field *fields,
	     size_t fields_len)
{
	if (level > state.level)
		return;
	size_t before = state.pending.len;
	put_line(&state.pending, level, event, fields, fields_len, SIZE_MAX);
	if (state.pending.failed || state.pending.len - before > LINE_MAX_OCTETS) {
		/* Too long to show whole. Every field keeps its beginning, so that nobody hides
		 * who he is behind a long name. */
		state.pending.failed = false;
		gp_buf_truncate(&state.pending, before);
		gp_log_flush();
		put_line(&state.pending, level, event, fields, fields_len,
			 LINE_MAX_OCTETS / 2 / (ESCAPED_MAX * GP_MAX(fields_len, 1u)));
	}
	if (level <= GP_LOG_WARNING || state.pending.len > KEEP_MAX / 2)
		gp_log_flush();
}
