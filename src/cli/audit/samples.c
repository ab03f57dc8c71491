/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/samples.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message_file.h"
#include "core/dkim/signature.h"
#include "core/message/header.h"

enum { MESSAGE_ARENA_MAX = 64 << 20 };

static bool
is_there(const struct audit_samples *s, const struct gp_dkim_signature *sig)
{
	for (size_t i = 0; i < s->len; i++) {
		if (gp_slice_eq(s->list[i].domain, sig->domain) &&
		    gp_slice_eq(s->list[i].selector, sig->selector))
			return true;
	}
	return false;
}

static void
add(struct audit_samples *s, const struct gp_dkim_signature *sig, struct gp_arena *arena)
{
	bool named = sig->domain.len > 0 && sig->selector.len > 0;
	if (named && s->len < AUDIT_SAMPLES_MAX && !is_there(s, sig))
		s->list[s->len++] = (struct audit_sample){gp_arena_dup(arena, sig->domain),
							  gp_arena_dup(arena, sig->selector)};
}

/* Returns 0 or -ENOMEM; *ret_any: a signature names a key. */
static int
read_message(struct audit_samples *s, struct gp_slice text, struct gp_arena *arena, bool *ret_any)
{
	static const struct gp_slice name = GP_SLICE("DKIM-Signature");
	struct gp_arena own = GP_ARENA_INIT(MESSAGE_ARENA_MAX);
	struct gp_header header;
	int r = gp_header_split(text, &own, &header);
	size_t at = r >= 0 ? gp_header_find(&header, name, 0) : 0;
	while (r >= 0 && at < header.fields_len) {
		struct gp_dkim_signature sig;
		r = gp_dkim_signature_read(gp_header_value(&header, at), GP_DKIM_FIELD, &own, &sig);
		if (r < 0)
			break;
		*ret_any |= sig.selector.len > 0;
		add(s, &sig, arena);
		at = gp_header_find(&header, name, at + 1);
	}
	gp_arena_free(&own);
	return r < 0 || arena->failed ? -ENOMEM : 0;
}

static int
read_file(struct audit_samples *s, const char *file, struct gp_arena *arena)
{
	struct gp_buf text = GP_BUF_INIT(2 * (size_t)GP_MESSAGE_FILE_MAX);
	const char *why = NULL;
	bool any = false;
	int r = gp_message_file_read(file, &text, &why);
	if (r == 0)
		r = read_message(s, gp_buf_slice(&text), arena, &any);
	gp_buf_free(&text);
	if (r == 0 && any)
		return GP_EXIT_OK;
	if (r == 0)
		why = "no DKIM signature in it names a selector";
	fprintf(stderr, "gatepost audit: %s: %s\n", file, r < 0 ? strerror(-r) : why);
	return r < 0 ? GP_EXIT_ERROR : GP_EXIT_USAGE;
}

int
audit_samples_read(struct audit_samples *s, const struct audit_options *o, struct gp_arena *arena)
{
	int code = GP_EXIT_OK;
	for (size_t i = 0; code == GP_EXIT_OK && i < o->samples_len; i++)
		code = read_file(s, o->samples[i], arena);
	return code;
}

int
audit_samples_apply(const struct audit_samples *s, struct gp_posture_query *query,
		    struct gp_arena *arena)
{
	struct gp_slice *all = NULL;
	size_t len = 0;
	for (size_t i = 0; i < s->len && len < GP_POSTURE_SELECTORS_MAX; i++) {
		if (!gp_slice_eq_nocase(s->list[i].domain, query->domain))
			continue;
		if (!all)
			all = gp_arena_array(arena, GP_POSTURE_SELECTORS_MAX, sizeof(*all));
		if (!all)
			return -ENOMEM;
		all[len++] = s->list[i].selector;
	}
	if (len == 0)
		return 0;
	for (size_t i = 0; i < query->selectors_len && len < GP_POSTURE_SELECTORS_MAX; i++)
		all[len++] = query->selectors[i];
	query->selectors = all;
	query->selectors_len = len;
	query->selectors_known = true;
	return 0;
}
