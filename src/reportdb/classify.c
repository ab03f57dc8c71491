/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/classify.h"

/* Half of them at least, and one. */
static bool
most(uint64_t part, const struct gp_reportdb_figures *f)
{
	return part > 0 && part >= f->messages / 2 + f->messages % 2;
}

enum gp_reportdb_class
gp_reportdb_classify(const struct gp_reportdb_figures *f)
{
	/* Who forwards or forges is not in our record. */
	if (most(f->spf, f))
		return GP_REPORTDB_OURS;
	if (most(f->forwarded, f))
		return GP_REPORTDB_FORWARDER;
	if (most(f->dkim, f))
		return most(f->foreign, f) ? GP_REPORTDB_PROVIDER : GP_REPORTDB_FORWARDER;
	return GP_REPORTDB_THREAT;
}

enum gp_reportdb_class
gp_reportdb_classify_source(const struct gp_reportdb_source *s, const struct gp_sender *sender)
{
	enum gp_reportdb_class c = gp_reportdb_classify(&s->figures);
	if (c == GP_REPORTDB_OURS || c == GP_REPORTDB_THREAT || !sender)
		return c;
	/* It rewrites its envelopes. */
	if (sender->kind == GP_SENDER_FORWARDER)
		return GP_REPORTDB_FORWARDER;
	/* It signs for us, and SPF fails for it; no reporter saw it forward. */
	if (sender->kind == GP_SENDER_SERVICE && s->figures.forwarded == 0)
		return GP_REPORTDB_PROVIDER;
	return c;
}

const char *
gp_reportdb_class_name(enum gp_reportdb_class c)
{
	static const char *const names[] = {
		[GP_REPORTDB_OURS] = "ours",
		[GP_REPORTDB_PROVIDER] = "provider",
		[GP_REPORTDB_FORWARDER] = "forwarder",
		[GP_REPORTDB_THREAT] = "threat",
	};
	gp_assert(c >= GP_REPORTDB_OURS && c <= GP_REPORTDB_THREAT);
	return names[c];
}
