/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch/state.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/day.h"
#include "cli/replace_file.h"
#include "cli/watch/news.h"
#include "sys/small_file.h"

enum { VERSION = 1, DAY_TEXT_MAX = 16 };

static bool
complain(const struct watch_state *s, const char *why)
{
	fprintf(stderr, "gatepost reports: %s: %s\n", s->path, why);
	return false;
}

/* --- the file --- */

static bool
lock_folder(struct watch_state *s)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s", s->path) >= (int)sizeof(path))
		return complain(s, strerror(ENAMETOOLONG));
	s->folder = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder < 0 || flock(s->folder, LOCK_EX) < 0)
		return complain(s, strerror(errno));
	return true;
}

static bool
is_ours(const json_t *all)
{
	const json_t *version = json_object_get(all, "version");
	const json_t *channels = json_object_get(all, "channels");
	return json_integer_value(version) == VERSION && json_is_object(channels) &&
	       json_object_size(channels) <= WATCH_CHANNELS_MAX;
}

bool
watch_state_open(struct watch_state *ret, const char *path)
{
	struct gp_arena arena = GP_ARENA_INIT(2 * (size_t)WATCH_STATE_MAX);
	struct gp_slice text;
	*ret = (struct watch_state){.folder = -1, .path = path};
	if (!lock_folder(ret))
		return false;
	int r = gp_file_read(gp_slice_str(path), WATCH_STATE_MAX, &arena, &text);
	if (r == 0)
		ret->all = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	else if (r == -ENOENT)
		ret->all = json_pack("{s:i, s:{}}", "version", VERSION, "channels");
	gp_arena_free(&arena);
	if (r < 0 && r != -ENOENT)
		return complain(ret, strerror(-r));
	return is_ours(ret->all) ||
	       complain(ret, "it is no file of `reports watch`; without it all is told anew");
}

void
watch_state_close(struct watch_state *s)
{
	json_decref(s->all);
	if (s->folder >= 0)
		close(s->folder);
	*s = (struct watch_state){.folder = -1};
}

static bool
write_file(struct watch_state *s, const json_t *all)
{
	char path[PATH_MAX];
	char *text = json_dumps(all, JSON_INDENT(1));
	snprintf(path, sizeof(path), "%s", s->path);
	int r = text ? gp_cli_replace_file(s->folder, basename(path), gp_slice_str(text), NULL)
		     : -ENOMEM;
	free(text);
	return r == 0 || complain(s, strerror(-r));
}

/* --- what was told --- */

static bool
read_text(const json_t *o, const char *name, struct gp_slice *ret)
{
	const json_t *text = json_object_get(o, name);
	*ret = gp_slice(json_string_value(text), json_string_length(text));
	return json_is_string(text);
}

static bool
read_day(const json_t *o, const char *name, int64_t *ret)
{
	struct gp_slice text;
	return read_text(o, name, &text) && gp_day_parse(text, ret);
}

static bool
read_share(const json_t *o, const char *name, struct watch_share *ret)
{
	const json_t *pair = json_object_get(o, name);
	json_int_t part = json_integer_value(json_array_get(pair, 0));
	json_int_t whole = json_integer_value(json_array_get(pair, 1));
	*ret = (struct watch_share){(uint64_t)part, (uint64_t)whole};
	return json_array_size(pair) == 2 && part >= 0 && whole >= 0;
}

static bool
read_known(const json_t *o, struct watch_known *ret)
{
	struct gp_slice kind;
	if (!read_text(o, "kind", &kind))
		return false;
	ret->kind = watch_kind_of(kind);
	return ret->kind != 0 && read_text(o, "domain", &ret->domain) &&
	       read_text(o, "object", &ret->object) && read_day(o, "told", &ret->told_day) &&
	       read_day(o, "day", &ret->day) && read_share(o, "past", &ret->past) &&
	       read_share(o, "now", &ret->now);
}

/* The name of a channel has no NUL. */
static const json_t *
find_channel(const struct watch_state *s, struct gp_slice channel)
{
	return json_object_getn(json_object_get(s->all, "channels"), channel.ptr, channel.len);
}

int
watch_state_known(const struct watch_state *s, struct gp_slice channel, struct gp_arena *arena,
		  struct watch_known **ret, size_t *ret_len)
{
	const json_t *list = find_channel(s, channel);
	size_t len = json_array_size(list);
	if ((list && !json_is_array(list)) || len > WATCH_KNOWN_MAX)
		return -EPROTO;
	*ret = gp_arena_array(arena, GP_MAX(len, (size_t)1), sizeof(**ret));
	*ret_len = len;
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		if (!read_known(json_array_get(list, i), &(*ret)[i]))
			return -EPROTO;
	}
	return 0;
}

static json_t *
text_json(struct gp_slice text)
{
	return json_stringn(text.ptr ? text.ptr : "", text.len);
}

static json_t *
day_json(int64_t day)
{
	struct gp_buf text = GP_BUF_INIT(DAY_TEXT_MAX);
	gp_day_write(&text, GP_MAX(GP_MIN(day, GP_DAY_MAX), INT64_C(0)));
	json_t *json = text_json(gp_buf_slice(&text));
	gp_buf_free(&text);
	return json;
}

static json_t *
share_json(struct watch_share s)
{
	return json_pack("[I, I]", (json_int_t)s.part, (json_int_t)s.whole);
}

static json_t *
known_json(const struct watch_known *k)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", watch_kind_name(k->kind),
			 "domain", text_json(k->domain), "object", text_json(k->object), "told",
			 day_json(k->told_day), "day", day_json(k->day), "past",
			 share_json(k->past), "now", share_json(k->now));
}

bool
watch_state_tell(struct watch_state *s, struct gp_slice channel, const struct watch_known *known,
		 size_t len)
{
	json_t *all = json_deep_copy(s->all), *list = json_array();
	json_t *channels = json_object_get(all, "channels");
	bool good = all && list;
	for (size_t i = 0; i < len && good; i++)
		good = json_array_append_new(list, known_json(&known[i])) == 0;
	good = json_object_setn_new(channels, channel.ptr, channel.len, list) == 0 && good;
	if (!good)
		complain(s, strerror(ENOMEM));
	good = good && write_file(s, all);
	json_decref(good ? s->all : all);
	s->all = good ? all : s->all;
	return good;
}
