/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/domains.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/map.h"
#include "cli/audit/transfer.h"
#include "cli/command.h"
#include "core/config/value.h"
#include "core/dmarc/walk.h"
#include "core/identity/visible.h"
#include "core/zone/zone.h"
#include "sys/password.h"
#include "sys/small_file.h"

struct reading {
	struct audit_domains *to;
	struct gp_arena *arena;
	struct gp_map seen;
	const char *file; /* NULL: the command line */
	uint64_t line;
};

static int
complain(const struct reading *r, const char *what, const char *why)
{
	fputs("gatepost audit: ", stderr);
	if (r->file)
		fprintf(stderr, "%s:%llu: ", r->file, (unsigned long long)r->line);
	fprintf(stderr, "%s%s%s\n", what, *what ? ": " : "", why);
	return GP_EXIT_USAGE;
}

static bool
make_room(struct audit_domains *d)
{
	if (d->len < d->room)
		return true;
	size_t room = GP_MAX(2 * d->room, (size_t)64);
	struct gp_slice *list = realloc(d->list, room * sizeof(*list));
	if (!list)
		return false;
	d->list = list;
	d->room = room;
	return true;
}

static int
add(struct reading *r, struct gp_slice text)
{
	struct gp_slice name;
	uint8_t octets[16];
	int rc = gp_dmarc_domain(text, r->arena, &name);
	if (gp_ip_parse(text, octets) > 0)
		return complain(r, gp_visible(text, r->arena).ptr,
				"is an address, and no domain; `gatepost scan` looks at those");
	if (rc > 0)
		return complain(r,
				text.len == 0 ? "''"
					      : gp_visible(gp_slice_take(text, 200), r->arena).ptr,
				"is no domain");
	/* The name may be a part of the line, which is read over. */
	name = rc == 0 ? gp_arena_dup(r->arena, name) : name;
	if (rc < 0 || !name.ptr || !make_room(r->to))
		return GP_EXIT_ERROR;
	if (gp_map_get(&r->seen, name))
		return GP_EXIT_OK;
	if (r->to->len == AUDIT_DOMAINS_MAX)
		return complain(r, "", "these are too many domains");
	if (!gp_map_set(&r->seen, name, r->to))
		return GP_EXIT_ERROR;
	r->to->list[r->to->len++] = name;
	return GP_EXIT_OK;
}

static int
add_line(struct reading *r, const char *line)
{
	struct gp_slice text = gp_slice_str(line);
	text = gp_slice_cut(&text, '#');
	while (text.len > 0 && strchr("\r\n\t ", text.ptr[text.len - 1]))
		text.len--;
	text = gp_slice_trim(text);
	return text.len > 0 ? add(r, text) : GP_EXIT_OK;
}

static int
read_lines(struct reading *r, FILE *file)
{
	char line[AUDIT_LINE_MAX];
	int code = GP_EXIT_OK;
	while (code == GP_EXIT_OK && fgets(line, sizeof(line), file)) {
		r->line++;
		size_t len = strlen(line);
		bool whole = len + 1 < sizeof(line) || line[len - 1] == '\n';
		code = whole ? add_line(r, line) : complain(r, "", "the line is too long");
	}
	if (code == GP_EXIT_OK && ferror(file))
		code = complain(r, "", "cannot be read on");
	return code;
}

static int
read_file(struct reading *r, const char *name)
{
	bool standard = strcmp(name, "-") == 0;
	FILE *file = standard ? stdin : fopen(name, "re");
	if (!file) {
		r->file = NULL;
		return complain(r, name, strerror(errno));
	}
	r->file = standard ? "standard input" : name;
	r->line = 0;
	int code = read_lines(r, file);
	if (!standard)
		fclose(file);
	return code;
}

static int
read_records(struct reading *r, struct gp_slice text, const struct gp_name *origin)
{
	static struct gp_zone_reader zone; /* a record may have many words */
	struct gp_zone_record record;
	int code = GP_EXIT_OK, rc = GP_ZONE_RECORD;
	gp_zone_reader_init(&zone, text, origin);
	while (code == GP_EXIT_OK && (rc = gp_zone_next(&zone, &record)) == GP_ZONE_RECORD) {
		struct gp_slice domain;
		int shown = gp_zone_domain(&record, r->arena, &domain);
		r->line = zone.line;
		if (shown <= 0)
			code = shown == 0 ? add(r, domain) : GP_EXIT_ERROR;
	}
	if (rc != GP_ZONE_WRONG)
		return code;
	r->line = zone.line;
	return complain(r, gp_visible(gp_slice_take(zone.wrong, 200), r->arena).ptr, zone.why);
}

/* The text is needed while it is read, and large. */
static int
read_zone(struct reading *r, const char *name, const struct gp_name *origin)
{
	struct gp_arena arena = GP_ARENA_INIT(AUDIT_ZONE_MAX + (1 << 16));
	struct gp_slice text;
	int rc = gp_file_read(gp_slice_str(name), AUDIT_ZONE_MAX, &arena, &text);
	r->file = rc == 0 ? name : NULL;
	int code = rc == 0 ? read_records(r, text, origin) : complain(r, name, strerror(-rc));
	gp_arena_free(&arena);
	return code;
}

static int
read_zones(struct reading *r, const struct audit_options *o)
{
	struct gp_name origin;
	int code = GP_EXIT_OK;
	r->file = NULL;
	if (o->origin && !gp_name_from_text(gp_slice_str(o->origin), &origin))
		return complain(r, "--origin", "is no name");
	for (size_t i = 0; i < o->zones_len && code == GP_EXIT_OK; i++)
		code = read_zone(r, o->zones[i], o->origin ? &origin : NULL);
	return code;
}

static int
add_shown(struct gp_slice domain, void *context)
{
	return add(context, domain);
}

/* "ZONE@ADDRESS:PORT" */
static int
read_transfer(struct reading *r, const char *text, const struct gp_tsig_key *key)
{
	struct gp_slice server = gp_slice_str(text), zone = gp_slice_cut(&server, '@');
	struct audit_transfer transfer = {
		.server = server, .key = key, .domain = add_shown, .context = r};
	struct gp_slice name = gp_slice("", 0);
	const char *why;
	r->file = NULL;
	if (server.len == 0 || gp_dmarc_domain(zone, r->arena, &name) != 0 ||
	    !gp_name_from_text(name, &transfer.zone))
		return complain(r, text, "this is no ZONE@ADDRESS");
	int code = audit_transfer_read(&transfer, r->arena, &why);
	return code < 0 ? complain(r, text, why) : code;
}

static int
read_signed_transfer(struct reading *r, const char *text, const char *key_path)
{
	struct gp_tsig_key key;
	const char *why;
	r->file = NULL;
	int code = audit_transfer_key_read(key_path, &key, &why) == 0 ? read_transfer(r, text, &key)
								      : complain(r, key_path, why);
	gp_wipe(&key, sizeof(key));
	return code;
}

static int
read_transfers(struct reading *r, const struct audit_options *o)
{
	int code = GP_EXIT_OK;
	for (size_t i = 0; i < o->transfers_len && code == GP_EXIT_OK; i++)
		code = o->transfer_keys[i]
			       ? read_signed_transfer(r, o->transfers[i], o->transfer_keys[i])
			       : read_transfer(r, o->transfers[i], NULL);
	return code;
}

int
audit_domains_read(struct audit_domains *ret, const struct audit_options *o, struct gp_arena *arena)
{
	uint64_t seed[2];
	struct reading r = {.to = ret, .arena = arena};
	int code = GP_EXIT_OK;
	*ret = (struct audit_domains){};
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return GP_EXIT_ERROR;
	r.seen = gp_map(AUDIT_DOMAINS_MAX, seed);
	for (size_t i = 0; i < o->operands_len && code == GP_EXIT_OK; i++) {
		r.file = NULL;
		code = strcmp(o->operands[i], "-") == 0 ? read_file(&r, "-")
							: add(&r, gp_slice_str(o->operands[i]));
	}
	for (size_t i = 0; i < o->files_len && code == GP_EXIT_OK; i++)
		code = read_file(&r, o->files[i]);
	if (code == GP_EXIT_OK)
		code = read_zones(&r, o);
	if (code == GP_EXIT_OK)
		code = read_transfers(&r, o);
	gp_map_free(&r.seen);
	/* A list that somebody emptied is not to pass for domains that are all well. */
	if (code != GP_EXIT_OK || ret->len + o->addresses_len > 0)
		return code;
	r.file = NULL;
	return complain(&r, "", "there is no domain in what was named");
}

void
audit_domains_free(struct audit_domains *d)
{
	free(d->list);
	*d = (struct audit_domains){};
}
