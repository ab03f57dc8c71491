/* SPDX-License-Identifier: Apache-2.0 */
/* What a survey found out, for programs and for people: versions, suites, groups. */
#include "cli/scan/report.h"
#include "core/hello/survey.h"
#include "core/message/date.h"

/* --- JSON --- */

static json_t *
known(uint8_t fact)
{
	return fact == GP_SURVEY_UNKNOWN ? json_null() : json_boolean(fact == GP_SURVEY_YES);
}

static json_t *
version_object(const struct gp_survey_version *v)
{
	json_t *ciphers = json_array();
	for (size_t i = 0; i < v->ciphers_len; i++)
		json_array_append_new(ciphers, json_string(gp_cipher_of(v->ciphers[i])->name));
	return json_pack("{s:s, s:o, s:b, s:o}", "version", gp_tls_version_name(v->version),
			 "spoken", known(v->spoken), "listed", v->listed, "ciphers", ciphers);
}

static const char *
group_name(uint16_t group)
{
	const char *name = gp_tls_group_name(group);
	return name ? name : "?";
}

static json_t *
groups_array(const uint16_t *groups, size_t len)
{
	json_t *all = json_array();
	for (size_t i = 0; i < len; i++)
		json_array_append_new(all, json_string(group_name(groups[i])));
	return all;
}

static json_t *
chains_array(const struct scan_report *report, const struct scan_surveyed *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < SCAN_CHAINS; i++) {
		const struct scan_certificates *c = &s->chains[i];
		struct gp_slice names = scan_visible(report, c->certificate.names);
		if (c->shown.links_len > 0)
			json_array_append_new(all, json_pack("{s:s%, s:o}", "names",
							     names.len > 0 ? names.ptr : "",
							     names.len, "chain",
							     scan_chain_json(report, &c->shown)));
	}
	return all;
}

json_t *
scan_survey_json(const struct scan_report *report, const struct scan_surveyed *s)
{
	const struct gp_survey_facts *f = &s->facts;
	json_t *versions = json_array();
	for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++)
		json_array_append_new(versions, version_object(&f->versions[i]));
	json_t *all = json_pack("{s:o, s:o, s:o, s:i, s:s?, s:i, s:i, s:I, s:s?}", "versions",
				versions, "curves", groups_array(f->curves, f->curves_len),
				"groups", groups_array(f->groups, f->groups_len), "dh_bits",
				(int)f->dh_bits, "dh_prime", f->dh_prime, "connections",
				(int)f->connections, "lost", (int)f->lost, "octets",
				(json_int_t)s->octets, "cut", f->cut ? f->cut_why : NULL);
	const struct {
		const char *key;
		uint8_t fact;
	} facts[] = {
		{"server_order", f->server_order},
		{"fallback", f->fallback},
		{"tolerant", f->tolerant},
		{"renegotiation", f->renegotiation},
		{"master_secret", f->master_secret},
		{"ticket", f->ticket},
		{"heartbeat", f->heartbeat},
		{"deflate", f->deflate},
		{"stapled", f->stapled},
	};
	json_object_set_new(all, "chains", chains_array(report, s));
	for (size_t i = 0; i < GP_ARRAY_LEN(facts); i++)
		json_object_set_new(all, facts[i].key, known(facts[i].fact));
	return all;
}

/* --- text --- */

static void
put_versions(const struct gp_survey_facts *f, struct gp_buf *out)
{
	for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++) {
		const struct gp_survey_version *v = &f->versions[i];
		const char *said = v->spoken == GP_SURVEY_YES  ? "yes"
				   : v->spoken == GP_SURVEY_NO ? "no"
							       : "not known";
		bool more = v->spoken == GP_SURVEY_YES && !v->listed;
		gp_buf_printf(out, "  %-12s %s%s\n", gp_tls_version_name(v->version), said,
			      more ? ", and perhaps more suites than these" : "");
	}
}

static const char *
worth(const struct gp_cipher *c)
{
	static const char *const words[] = {
		[GP_CLASS_TLS13] = "",
		[GP_CLASS_BROKEN] = "  broken",
		[GP_CLASS_ANON] = "  anonymous",
		[GP_CLASS_ECDHE] = "",
		[GP_CLASS_DHE] = "",
		[GP_CLASS_STATIC] = "  no forward secrecy",
		[GP_CLASS_NONE] = "",
	};
	return words[gp_cipher_class(c)];
}

static bool
takes(const struct gp_survey_version *v, uint16_t cipher)
{
	for (size_t i = 0; i < v->ciphers_len; i++)
		if (v->ciphers[i] == cipher)
			return true;
	return false;
}

/* A suite, and the versions in which it is taken. */
static void
put_suite(const struct gp_survey_facts *f, const struct gp_cipher *c, struct gp_buf *out)
{
	gp_buf_printf(out, "  %-12s %-46s", "suite", c->name);
	for (size_t i = 1; i < GP_SURVEY_VERSIONS; i++) {
		const struct gp_survey_version *v = &f->versions[i];
		if (v->spoken == GP_SURVEY_YES)
			gp_buf_printf(out, " %-7s",
				      takes(v, c->id) ? gp_tls_version_name(v->version) : "-");
	}
	gp_buf_printf(out, "%s\n", worth(c));
}

static bool
is_taken(const struct gp_survey_facts *f, uint16_t cipher)
{
	for (size_t i = 1; i < GP_SURVEY_VERSIONS; i++)
		if (takes(&f->versions[i], cipher))
			return true;
	return false;
}

static void
put_suites(const struct gp_survey_facts *f, struct gp_buf *out)
{
	for (int class = GP_CLASS_TLS13; class < GP_CLASS_NONE; class ++)
		for (size_t i = 0; i < GP_CIPHERS; i++)
			if (gp_cipher_class(&gp_ciphers[i]) == (enum gp_cipher_class) class &&
			    is_taken(f, gp_ciphers[i].id))
				put_suite(f, &gp_ciphers[i], out);
}

static void
put_groups(const char *label, const uint16_t *groups, size_t len, struct gp_buf *out)
{
	if (len == 0)
		return;
	gp_buf_printf(out, "  %-12s", label);
	for (size_t i = 0; i < len; i++)
		gp_buf_printf(out, " %s", group_name(groups[i]));
	gp_buf_put_str(out, "\n");
}

static void
put_chain(const struct scan_report *report, const struct scan_certificates *c, struct gp_buf *out)
{
	const struct gp_tls_link *l = &c->shown.links[0];
	struct gp_slice names = scan_visible(report, c->certificate.names);
	if (c->shown.links_len > 0)
		gp_buf_printf(out, "  %-12s %s of %u bits, until %s, for %.*s\n", "chain", l->key,
			      l->key_bits, gp_date_stamp((uint64_t)GP_MAX(l->until_s, 0)).s,
			      GP_SLICE_FMT(names));
}

void
scan_survey_text(const struct scan_report *report, const struct scan_surveyed *s,
		 struct gp_buf *out)
{
	const struct gp_survey_facts *f = &s->facts;
	put_versions(f, out);
	put_suites(f, out);
	put_groups("groups", f->groups, f->groups_len, out);
	put_groups("curves", f->curves, f->curves_len, out);
	if (f->dh_bits > 0)
		gp_buf_printf(out, "  %-12s %u bits, %s\n", "DHE", f->dh_bits,
			      f->dh_prime ? f->dh_prime : "a prime of its own");
	for (size_t i = 0; i < SCAN_CHAINS; i++)
		put_chain(report, &s->chains[i], out);
	gp_buf_printf(out, "  %-12s %u connections%s%s\n", "survey", f->connections,
		      f->cut ? ", not complete: " : "", f->cut ? f->cut_why : "");
}
