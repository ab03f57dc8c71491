/* SPDX-License-Identifier: Apache-2.0 */
#include "core/identity/identity.h"

#include <errno.h>

#include "core/dns/idn.h"
#include "core/identity/lookalike.h"
#include "core/identity/parts.h"
#include "core/identity/visible.h"
#include "core/identity/words.h"
#include "core/message/lone_mailbox.h"

static const struct gp_finding_kind
	from_none = {"from.missing", GP_SEVERITY_HIGH, "no From",
		     "a message has exactly one (RFC 5322 section 3.6.2); without it a reader "
		     "shows something else as the author"},
	from_fields = {"from.several_fields", GP_SEVERITY_HIGH, "more than one From",
		       "one program checks the first and another shows the last (RFC 5322 section "
		       "3.6 allows one)"},
	from_several = {"from.several_authors", GP_SEVERITY_MEDIUM, "several authors in From",
			"it is allowed, hardly anybody does it, and programs differ in whom they "
			"check"},
	from_unreadable = {"from.unreadable", GP_SEVERITY_HIGH, "From has no single reading",
			   "its text is none of RFC 5322 section 3.4, so programs differ in what "
			   "they see there"},
	from_malformed = {"from.malformed", GP_SEVERITY_LOW, "From is written wrongly",
			  "its text is none of RFC 5322 section 3.4, and there is one address in "
			  "it alone: whoever finds one finds this"},
	from_literal = {"from.no_domain", GP_SEVERITY_MEDIUM, "From has no domain",
			"an address literal has no policy that could be checked"},
	reply_to = {"reply_to.elsewhere", GP_SEVERITY_MEDIUM, "answers go elsewhere",
		    "Reply-To is of another organisation than From: usual for lists and help "
		    "desks, and for fraud"},
	sender = {"sender.elsewhere", GP_SEVERITY_INFO, "sent for somebody else",
		  "Sender is of another organisation than From"},
	return_path = {"return_path.elsewhere", GP_SEVERITY_INFO, "bounces go elsewhere",
		       "the envelope's sender is of another organisation than From: usual for "
		       "lists and services that send for others; SPF then proves nothing of From"},
	message_id = {"message_id.elsewhere", GP_SEVERITY_INFO, "made elsewhere",
		      "Message-ID is of another organisation than From"},
	name_address = {"name.address", GP_SEVERITY_HIGH, "another address in From's text",
			"many readers show the name alone, so this address is taken for the "
			"sender's"},
	name_own = {"name.own", GP_SEVERITY_MEDIUM, "our name in a stranger's display name",
		    "the name says that it is from us, the address does not"},
	name_brand = {"name.brand", GP_SEVERITY_MEDIUM, "a brand in the display name",
		      "the name is one that is often abused, the address is not of its owner"},
	looks = {"domain.lookalike", GP_SEVERITY_HIGH, "a domain that looks like ours",
		 "it is made to be mistaken"},
	mixed = {"domain.mixed_scripts", GP_SEVERITY_HIGH, "letters of several scripts in a name",
		 "a label of Latin and Cyrillic or Greek letters is no word of any language; RFC "
		 "5890 leaves it to the registries to forbid it"},
	hidden = {"text.hidden", GP_SEVERITY_MEDIUM, "characters that cannot be seen",
		  "direction marks and zero-width characters change what a text looks like"},
	control = {"header.control", GP_SEVERITY_HIGH, "a control character in the header",
		   "NUL, bare CR and bare LF are read differently by each program (RFC 5322 "
		   "section 2.2)"},
	no_field = {"header.malformed", GP_SEVERITY_MEDIUM, "a line that is no field",
		    "programs differ in whether the header goes on behind it"},
	twice = {"header.twice", GP_SEVERITY_MEDIUM,
		 "a field that may stand once stands more often",
		 "RFC 5322 section 3.6 allows one; programs differ in which they take"};

/* --- texts --- */

static struct gp_slice
visible_text(struct gp_identity_reading *r, struct gp_slice value)
{
	struct gp_slice decoded;
	gp_words_decode(gp_slice_take(value, 2 * GP_IDENTITY_TEXT_MAX), r->arena, &decoded);
	decoded = gp_slice_take(decoded, GP_IDENTITY_TEXT_MAX);
	if (gp_visible_hides(decoded))
		r->hides = true;
	return gp_visible(decoded, r->arena);
}

static struct gp_slice
unfolded(struct gp_identity_reading *r, struct gp_slice name)
{
	size_t field = gp_header_find(r->header, name, 0);
	if (field == r->header->fields_len)
		return gp_slice(NULL, 0);
	return gp_header_unfold(gp_header_value(r->header, field), r->arena);
}

static void
note_hidden(struct gp_identity_reading *r, struct gp_slice name, struct gp_slice shown)
{
	if (r->hides)
		gp_finding_add(r->findings, &hidden, "%.*s: %.*s", GP_SLICE_FMT(name),
			       GP_SLICE_FMT(shown));
	r->hides = false;
}

/* --- one field --- */

/* Quotes and their backslashes go: RFC 5322 section 3.2.4. */
static struct gp_slice
unquoted(struct gp_identity_reading *r, struct gp_slice phrase)
{
	char *to = gp_arena_alloc(r->arena, phrase.len);
	size_t len = 0;
	for (size_t i = 0; to && i < phrase.len; i++) {
		if (phrase.ptr[i] == '\\' && i + 1 < phrase.len)
			to[len++] = phrase.ptr[++i];
		else if (phrase.ptr[i] != '"')
			to[len++] = phrase.ptr[i];
	}
	return gp_slice_trim(gp_slice(to, len));
}

static void
set_domain(struct gp_identity_reading *r, struct gp_identity *id, struct gp_slice domain)
{
	struct gp_slice ascii = domain;
	if (domain.len > 0 && domain.ptr[0] != '[' &&
	    gp_idn_to_ascii(domain, r->arena, &ascii) != 0)
		ascii = domain;
	id->domain = ascii;
	id->shown = gp_visible(gp_lookalike_unicode(ascii, r->arena), r->arena);
}

static void
set_first(struct gp_identity_reading *r, struct gp_identity *id, const struct gp_mailbox *first)
{
	id->address = first->text;
	id->name = visible_text(r, unquoted(r, first->name));
	set_domain(r, id, first->domain);
}

/* Returns 0; 1 when the field is malformed (*ret_why), be there one mailbox in it or none that can
 * be read; or -ENOMEM. */
static int
read_mailboxes(struct gp_identity_reading *r, struct gp_slice value, struct gp_identity *id,
	       const char **ret_why)
{
	struct gp_mailbox_list list;
	struct gp_mailbox lone;
	int rc = gp_mailbox_list_parse(value, r->arena, &list, ret_why);
	if (rc == 0 && list.len > 0) {
		id->mailboxes = list.len;
		set_first(r, id, &list.items[0]);
	} else if (rc > 0 && gp_lone_mailbox_find(value, r->arena, &lone) == 0) {
		id->mailboxes = 1;
		set_first(r, id, &lone);
	}
	return r->arena->failed ? -ENOMEM : rc;
}

static int
read_identity(struct gp_identity_reading *r, struct gp_slice name, struct gp_identity *id,
	      const char **ret_why)
{
	struct gp_slice value = unfolded(r, name);
	if (!value.ptr)
		return r->arena->failed ? -ENOMEM : 0;
	id->there = true;
	id->text = visible_text(r, value);
	note_hidden(r, name, id->text);
	return read_mailboxes(r, value, id, ret_why);
}

/* "<id@host>", and whatever else people put there. */
static void
read_message_id(struct gp_identity_reading *r)
{
	struct gp_slice value = gp_slice_trim(unfolded(r, GP_SLICE("Message-ID")));
	ptrdiff_t at = gp_slice_rfind(value, '@');
	r->ret->message_id = gp_visible(value, r->arena);
	if (at < 0)
		return;
	struct gp_slice domain = gp_slice_drop(value, (size_t)at + 1);
	r->ret->message_id_domain = gp_visible(gp_slice_cut(&domain, '>'), r->arena);
}

static void
read_subject(struct gp_identity_reading *r)
{
	r->ret->subject = visible_text(r, unfolded(r, GP_SLICE("Subject")));
	note_hidden(r, GP_SLICE("Subject"), r->ret->subject);
}

/* --- what is done with them --- */

static void
judge_from(struct gp_identity_reading *r, int outcome, const char *why)
{
	const struct gp_identity *from = &r->ret->from;
	if (!from->there)
		gp_finding_add(r->findings, &from_none, "no field From");
	else if (r->ret->from_fields > 1)
		gp_finding_add(r->findings, &from_fields, "%zu fields", r->ret->from_fields);
	if (outcome == 1)
		gp_finding_add(r->findings,
			       from->mailboxes == 1 ? &from_malformed : &from_unreadable,
			       "%s: %.*s", why, GP_SLICE_FMT(from->text));
	else if (from->there && from->mailboxes == 0)
		gp_finding_add(r->findings, &from_unreadable, "nobody is named: %.*s",
			       GP_SLICE_FMT(from->text));
	if (from->mailboxes > 1)
		gp_finding_add(r->findings, &from_several, "%.*s", GP_SLICE_FMT(from->text));
	if (from->domain.len > 0 && from->domain.ptr[0] == '[')
		gp_finding_add(r->findings, &from_literal, "%.*s", GP_SLICE_FMT(from->text));
}

/* Of several domains of ours one may be the very name: then it is like none of the others. */
static int
find_likeness(struct gp_identity_reading *r, struct gp_slice domain, enum gp_lookalike *ret,
	      struct gp_slice *ret_own)
{
	*ret = GP_LOOKALIKE_NOT;
	for (size_t i = 0; *ret != GP_LOOKALIKE_SAME && i < r->query->own_len; i++) {
		enum gp_lookalike how;
		int rc = gp_lookalike_of(domain, r->query->own[i], r->arena, &how);
		if (rc != 0)
			return rc;
		if (how == GP_LOOKALIKE_NOT ||
		    (*ret != GP_LOOKALIKE_NOT && how != GP_LOOKALIKE_SAME))
			continue;
		*ret = how;
		*ret_own = r->query->own[i];
	}
	return 0;
}

static int
judge_likeness(struct gp_identity_reading *r, const struct gp_identity *id, const char *what)
{
	enum gp_lookalike how;
	struct gp_slice own;
	bool from = id == &r->ret->from;
	int rc = find_likeness(r, id->domain, &how, &own);
	if (rc != 0 || how == GP_LOOKALIKE_NOT)
		return rc;
	if (how == GP_LOOKALIKE_SAME) {
		r->ret->from_own |= from;
		return 0;
	}
	if (from)
		r->ret->looks_like = own;
	gp_finding_add(r->findings, &looks, "%s: %.*s %s %.*s", what, GP_SLICE_FMT(id->shown),
		       gp_lookalike_words(how), GP_SLICE_FMT(own));
	return 0;
}

static int
judge_domain(struct gp_identity_reading *r, const struct gp_identity *id, const char *what)
{
	if (id->domain.len == 0 || id->domain.ptr[0] == '[')
		return 0;
	if (gp_lookalike_mixes(id->shown))
		gp_finding_add(r->findings, &mixed, "%s: %.*s (%.*s)", what,
			       GP_SLICE_FMT(id->shown), GP_SLICE_FMT(id->domain));
	return judge_likeness(r, id, what);
}

static void
judge_elsewhere(struct gp_identity_reading *r, const struct gp_finding_kind *kind,
		struct gp_slice domain)
{
	struct gp_slice from = r->ret->from.domain;
	if (from.len > 0 && domain.len > 0 && !gp_organisation_same(from, domain))
		gp_finding_add(r->findings, kind, "%.*s; From is %.*s", GP_SLICE_FMT(domain),
			       GP_SLICE_FMT(from));
}

static void
judge_name(struct gp_identity_reading *r)
{
	const struct gp_identity *from = &r->ret->from;
	struct gp_slice other = gp_identity_other_address(from->text, from->domain);
	struct gp_slice brand = gp_identity_brand(from->name, from->domain);
	if (other.len > 0)
		gp_finding_add(r->findings, &name_address, "%.*s, in %.*s", GP_SLICE_FMT(other),
			       GP_SLICE_FMT(from->text));
	if (brand.len > 0)
		gp_finding_add(r->findings, &name_brand, "\"%.*s\" <%.*s>: %.*s",
			       GP_SLICE_FMT(from->name), GP_SLICE_FMT(from->address),
			       GP_SLICE_FMT(brand));
	for (size_t i = 0; !r->ret->from_own && i < r->query->own_len; i++) {
		if (!gp_identity_names(from->name, r->query->own[i]))
			continue;
		gp_finding_add(r->findings, &name_own, "\"%.*s\" <%.*s>", GP_SLICE_FMT(from->name),
			       GP_SLICE_FMT(from->address));
		break;
	}
}

/* --- the header as a whole --- */

static bool
has_control(struct gp_slice raw)
{
	for (size_t i = 0; i < raw.len; i++) {
		bool folding = raw.ptr[i] == '\r' && i + 1 < raw.len && raw.ptr[i + 1] == '\n';
		if (folding)
			i++;
		else if (raw.ptr[i] == '\0' || raw.ptr[i] == '\r' || raw.ptr[i] == '\n')
			return true;
	}
	return false;
}

static void
judge_lines(struct gp_identity_reading *r)
{
	bool controls = false, malformed = false;
	for (size_t i = 0; i < r->header->fields_len; i++) {
		struct gp_slice raw = gp_slice_take(gp_header_raw(r->header, i), 80);
		if (!controls && has_control(gp_header_raw(r->header, i))) {
			controls = true;
			gp_finding_add(r->findings, &control, "field %zu: %.*s", i + 1,
				       GP_SLICE_FMT(gp_visible(raw, r->arena)));
		}
		if (!malformed && gp_header_name(r->header, i).len == 0) {
			malformed = true;
			gp_finding_add(r->findings, &no_field, "line %zu: %.*s", i + 1,
				       GP_SLICE_FMT(gp_visible(raw, r->arena)));
		}
	}
}

/* From has a finding of its own. */
static void
judge_singles(struct gp_identity_reading *r)
{
	static const struct gp_slice singles[] = {
		GP_SLICE("Date"),       GP_SLICE("Sender"),       GP_SLICE("Reply-To"),
		GP_SLICE("To"),         GP_SLICE("Cc"),           GP_SLICE("Bcc"),
		GP_SLICE("Message-ID"), GP_SLICE("In-Reply-To"),  GP_SLICE("References"),
		GP_SLICE("Subject"),    GP_SLICE("MIME-Version"), GP_SLICE("Content-Type"),
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(singles); i++) {
		size_t n = gp_header_count(r->header, singles[i]);
		if (n > 1)
			gp_finding_add(r->findings, &twice, "%.*s: %zu", GP_SLICE_FMT(singles[i]),
				       n);
	}
}

static int
read_all(struct gp_identity_reading *r)
{
	struct gp_identities *ids = r->ret;
	const char *why = NULL, *not_asked = NULL;
	ids->from_fields = gp_header_count(r->header, GP_SLICE("From"));
	int outcome = read_identity(r, GP_SLICE("From"), &ids->from, &why);
	int rc = GP_MIN(outcome, 0);
	if (rc == 0)
		rc = GP_MIN(read_identity(r, GP_SLICE("Sender"), &ids->sender, &not_asked), 0);
	if (rc == 0)
		rc = GP_MIN(read_identity(r, GP_SLICE("Reply-To"), &ids->reply_to, &not_asked), 0);
	if (rc == 0)
		rc = GP_MIN(
			read_identity(r, GP_SLICE("Return-Path"), &ids->return_path, &not_asked),
			0);
	read_message_id(r);
	read_subject(r);
	judge_from(r, outcome, why);
	return rc;
}

int
gp_identities_read(const struct gp_header *header, const struct gp_identities_query *query,
		   struct gp_arena *arena, struct gp_findings *findings, struct gp_identities *ret)
{
	struct gp_identity_reading r = {
		.header = header, .query = query, .arena = arena, .findings = findings, .ret = ret};
	*ret = (struct gp_identities){};
	int rc = read_all(&r);
	if (rc == 0)
		rc = judge_domain(&r, &ret->from, "From");
	if (rc == 0)
		rc = judge_domain(&r, &ret->reply_to, "Reply-To");
	if (rc != 0)
		return rc;
	judge_name(&r);
	judge_elsewhere(&r, &reply_to, ret->reply_to.domain);
	judge_elsewhere(&r, &sender, ret->sender.domain);
	judge_elsewhere(&r, &return_path, ret->return_path.domain);
	judge_elsewhere(&r, &message_id, ret->message_id_domain);
	judge_lines(&r);
	judge_singles(&r);
	return arena->failed ? -ENOMEM : 0;
}
