/* SPDX-License-Identifier: Apache-2.0 */
#include "core/trace/hop.h"

#include <errno.h>

#include "base/buf.h"
#include "base/scan.h"
#include "core/config/value.h"
#include "core/trace/parts.h"

/* --- pieces --- */

enum piece_kind { END, WORD, COMMENT, LITERAL, QUOTED, SEMICOLON };

struct piece {
	enum piece_kind kind;
	struct gp_slice text; /* without the brackets or quotes around it */
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Up to the bracket that closes the one just passed, brackets within it included. */
static struct gp_slice
take_nested(struct gp_scan *c, char open, char close)
{
	size_t from = c->at, depth = 1;
	while (!gp_scan_end(c)) {
		int octet = gp_scan_peek(c);
		if (octet == close && --depth == 0)
			break;
		depth += octet == open;
		c->at++;
	}
	struct gp_slice inside = gp_scan_since(c, from);
	(void)gp_scan_char(c, close);
	return inside;
}

static struct gp_slice
take_up_to(struct gp_scan *c, char end)
{
	size_t from = c->at;
	while (!gp_scan_end(c) && gp_scan_peek(c) != end)
		c->at++;
	struct gp_slice inside = gp_scan_since(c, from);
	(void)gp_scan_char(c, end);
	return inside;
}

static bool
is_word_char(char c)
{
	return !is_space(c) && c != '(' && c != ')' && c != '[' && c != ']' && c != ';' && c != ',';
}

/* An address in angle brackets is one word, whatever stands in it; some write two of them. */
static struct piece
take_plain_word(struct gp_scan *c)
{
	if (gp_scan_char(c, '<')) {
		while (gp_scan_char(c, '<'))
			;
		struct gp_slice inside = take_up_to(c, '>');
		while (gp_scan_char(c, '>'))
			;
		return (struct piece){WORD, inside};
	}
	struct gp_slice word = gp_scan_while(c, is_word_char);
	if (word.len == 0)
		c->at++; /* a bracket that closes nothing, or a comma */
	return (struct piece){WORD, word};
}

static struct piece
take_piece(struct gp_scan *c)
{
	gp_scan_while(c, is_space);
	if (gp_scan_end(c))
		return (struct piece){.kind = END};
	if (gp_scan_char(c, ';'))
		return (struct piece){.kind = SEMICOLON};
	if (gp_scan_char(c, '('))
		return (struct piece){COMMENT, take_nested(c, '(', ')')};
	if (gp_scan_char(c, '['))
		return (struct piece){LITERAL, take_nested(c, '[', ']')};
	if (gp_scan_char(c, '"'))
		return (struct piece){QUOTED, take_up_to(c, '"')};
	return take_plain_word(c);
}

/* --- addresses --- */

/* An address as literals have it: with a tag, a port behind it, or the zone of an interface. */
static size_t
read_address(struct gp_slice s, uint8_t octets[16])
{
	s = gp_slice_trim(s);
	if (gp_slice_starts_nocase(s, GP_SLICE("IPv6:")))
		s = gp_slice_drop(s, 5);
	ptrdiff_t colon = gp_slice_find(s, ':'), zone = gp_slice_find(s, '%');
	if (zone >= 0)
		s = gp_slice_take(s, (size_t)zone);
	else if (colon >= 0 && colon == gp_slice_rfind(s, ':'))
		s = gp_slice_take(s, (size_t)colon);
	return gp_ip_parse(s, octets);
}

static bool
set_address(struct gp_hop_reading *r, struct gp_slice s)
{
	uint8_t octets[16];
	struct gp_buf text = GP_BUF_INIT(64);
	size_t len = read_address(s, octets);
	if (len == 0)
		return false;
	if (r->hop->octets_len > 0) /* the first one counts */
		return true;
	for (size_t i = 0; i < len; i++)
		r->hop->octets[i] = octets[i];
	r->hop->octets_len = len;
	gp_ip_write(&text, octets, len);
	r->hop->address = gp_arena_dup(r->arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return true;
}

static bool
is_host_name(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (!gp_ascii_is_alnum(c) && c != '.' && c != '-' && c != '_' &&
		    (unsigned char)c < 128)
			return false;
	}
	return s.len > 0;
}

static void
set_rdns(struct gp_hop_reading *r, struct gp_slice name)
{
	static const struct gp_slice none[] = {GP_SLICE("unknown"),    GP_SLICE("softdnserr"),
					       GP_SLICE("unverified"), GP_SLICE("verified"),
					       GP_SLICE("no"),         GP_SLICE("unauthenticated")};
	for (size_t i = 0; i < GP_ARRAY_LEN(none); i++) {
		if (gp_slice_eq_nocase(name, none[i]))
			return;
	}
	if (name.len > 1 && name.ptr[name.len - 1] == '.') /* Gmail */
		name.len--;
	if (r->hop->rdns.len == 0 && is_host_name(name))
		r->hop->rdns = name;
}

/* --- comments about the client --- */

static struct gp_slice
behind(struct gp_slice s, struct gp_slice prefix)
{
	return gp_slice_starts_nocase(s, prefix) ? gp_slice_drop(s, prefix.len) : gp_slice(NULL, 0);
}

/* Without the brackets that qmail and others put around a literal: "[1.2.3.4]", "?1.2.3.4?". */
static struct gp_slice
bare(struct gp_slice s)
{
	while (s.len > 1 &&
	       (s.ptr[0] == '[' || s.ptr[0] == '?' || s.ptr[0] == '"' || s.ptr[0] == '<'))
		s = gp_slice_take(gp_slice_drop(s, 1), s.len - 2);
	return s;
}

static void
set_helo(struct gp_hop_reading *r, struct gp_slice name)
{
	r->helo_said = true;
	r->hop->helo = bare(gp_slice_trim(name));
}

/* "HELO name", "EHLO name", "LHLO name" of qmail, GMX, Zimbra; there may be nothing behind it. */
static bool
read_helo(struct gp_hop_reading *r, struct gp_slice s)
{
	static const struct gp_slice words[] = {GP_SLICE("HELO"), GP_SLICE("EHLO"),
						GP_SLICE("LHLO")};
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		struct gp_slice rest = behind(s, words[i]);
		if (!rest.ptr || (rest.len > 0 && !is_space(rest.ptr[0])))
			continue;
		rest = gp_slice_trim(rest);
		set_helo(r, gp_slice_cut(&rest, ' '));
		return true;
	}
	return false;
}

/* "ident@192.0.2.1", "IDENT:somebody@name", and a login that is itself an address. */
static bool
read_ident(struct gp_hop_reading *r, struct gp_slice word)
{
	ptrdiff_t at = gp_slice_rfind(word, '@');
	if (at <= 0)
		return false;
	struct gp_slice ident = gp_slice_take(word, (size_t)at);
	struct gp_slice host = gp_slice_drop(word, (size_t)at + 1);
	if (set_address(r, host))
		r->plain_address = true;
	else
		set_rdns(r, host);
	struct gp_slice tagged = behind(ident, GP_SLICE("IDENT:"));
	r->hop->ident = tagged.ptr ? tagged : ident;
	return true;
}

/* "helo=name", "ident=name", and Exim's with the same meaning. */
static bool
read_pair(struct gp_hop_reading *r, struct gp_slice word)
{
	struct gp_slice value = behind(word, GP_SLICE("helo="));
	if (value.ptr) {
		set_helo(r, value);
		return true;
	}
	value = behind(word, GP_SLICE("ident="));
	if (value.ptr)
		r->hop->ident = value;
	return value.ptr != NULL;
}

/*
 * "rdns [192.0.2.1] (may be forged)", "[192.0.2.1]:25 helo=name", "192.0.2.1", "ident@192.0.2.1",
 * "account a HELO b": word by word.
 */
static void
read_client(struct gp_hop_reading *r, struct gp_slice comment)
{
	struct gp_scan c = gp_scan(comment);
	for (bool first = true;; first = false) {
		gp_scan_while(&c, is_space);
		if (read_helo(r, gp_scan_rest(&c)))
			return;
		struct piece piece = take_piece(&c);
		if (piece.kind == END)
			return;
		if (piece.kind == LITERAL && set_address(r, piece.text)) {
			r->bracketed = true;
			continue;
		}
		struct gp_slice word = piece.text;
		if (piece.kind != WORD || read_pair(r, word))
			continue;
		if (set_address(r, word))
			r->plain_address = true;
		else if (gp_slice_eq(word, GP_SLICE("verified")))
			r->verified = true;
		else if (!read_ident(r, word) && first)
			set_rdns(r, word);
	}
}

static bool
contains(struct gp_slice s, struct gp_slice what)
{
	for (; s.len >= what.len; s = gp_slice_drop(s, 1)) {
		if (gp_slice_starts_nocase(s, what))
			return true;
	}
	return false;
}

/* What stands behind the word `what`, up to a space. Empty: it is not there. */
static struct gp_slice
word_behind(struct gp_slice s, struct gp_slice what)
{
	for (; s.len > what.len; s = gp_slice_drop(s, 1)) {
		if (!gp_slice_starts_nocase(s, what))
			continue;
		s = gp_slice_trim(gp_slice_drop(s, what.len));
		struct gp_slice word = gp_slice_cut(&s, ' ');
		while (word.len > 0 &&
		       (word.ptr[word.len - 1] == ',' || word.ptr[word.len - 1] == ';'))
			word.len--;
		return word;
	}
	return gp_slice(NULL, 0);
}

/* Who has said by AUTH, or to a web page, who he is. */
static bool
read_login(struct gp_hop_reading *r, struct gp_slice comment)
{
	static const struct gp_slice before[] = {
		GP_SLICE("Authenticated sender:"),
		GP_SLICE("authenticated as"),
		GP_SLICE("authenticated user"),
		GP_SLICE("authenticated-user"),
		GP_SLICE("account "),
		GP_SLICE("AUTH: LOGIN"),
		GP_SLICE("Authenticated user:"),
	};
	if (contains(comment, GP_SLICE("unauthenticated")))
		return false;
	bool auth = contains(comment, GP_SLICE("authenticated")) ||
		    gp_slice_starts(comment, GP_SLICE("AUTH")) ||
		    gp_slice_starts(comment, GP_SLICE("account "));
	for (size_t i = 0; auth && r->hop->login.len == 0 && i < GP_ARRAY_LEN(before); i++)
		r->hop->login = word_behind(comment, before[i]);
	r->hop->authenticated |= auth;
	return auth;
}

static bool
read_sender(struct gp_hop_reading *r, struct gp_slice comment)
{
	struct gp_slice word = word_behind(comment, GP_SLICE("envelope-from"));
	if (!word.ptr)
		return false;
	if (word.len > 0 && word.ptr[0] == '<') {
		word = gp_slice_drop(word, 1);
		word = gp_slice_cut(&word, '>');
	}
	r->hop->sender = word;
	return true;
}

static void
read_helo_behind(struct gp_hop_reading *r, struct gp_slice comment)
{
	struct gp_slice name = word_behind(comment, GP_SLICE("HELO "));
	if (name.len > 0)
		set_helo(r, name);
}

/* Comments stand behind the clause that they are about, but for Postfix's about TLS and AUTH. */
static void
read_comment(struct gp_hop_reading *r, struct gp_slice comment)
{
	comment = gp_slice_trim(comment);
	if (contains(comment, GP_SLICE("forged")))
		r->hop->rdns_forged = true;
	bool auth = read_login(r, comment);
	if (gp_hop_read_tls(r, comment) || read_sender(r, comment))
		return;
	if (gp_slice_starts(comment, GP_SLICE("Exim")) || contains(comment, GP_SLICE(" Exim")))
		r->exim = true;
	if (gp_slice_eq_nocase(comment, GP_SLICE("via HTTP")))
		r->hop->with = gp_slice_drop(comment, 4);
	if (r->clause == CLAUSE_FROM && auth) /* CommuniGate: "account a@b HELO name" */
		read_helo_behind(r, comment);
	else if (r->clause == CLAUSE_FROM)
		read_client(r, comment);
}

/* --- clauses --- */

static bool
read_keyword(struct gp_hop_reading *r, struct gp_slice word)
{
	static const struct {
		struct gp_slice name;
		enum gp_hop_clause clause;
	} keywords[] = {
		{GP_SLICE("from"), CLAUSE_FROM}, {GP_SLICE("by"), CLAUSE_BY},
		{GP_SLICE("with"), CLAUSE_WITH}, {GP_SLICE("id"), CLAUSE_ID},
		{GP_SLICE("for"), CLAUSE_FOR},   {GP_SLICE("via"), CLAUSE_VIA},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(keywords); i++) {
		if (gp_slice_eq_nocase(word, keywords[i].name)) {
			/* XMail has the sender in a second `from`. */
			bool again = keywords[i].clause == CLAUSE_FROM && r->hop->by.len > 0;
			r->clause = again ? CLAUSE_SENDER : keywords[i].clause;
			r->words = 0;
			return true;
		}
	}
	return false;
}

static void
set_once(struct gp_slice *field, struct gp_slice word)
{
	if (field->len == 0)
		*field = word;
}

static void
read_from_word(struct gp_hop_reading *r, struct gp_slice word, bool literal)
{
	if (r->words == 1) {
		r->name = word;
		r->name_literal = literal;
	} else if (literal) {
		r->bracketed |= set_address(r, word);
	} else if (gp_slice_eq_nocase(word, GP_SLICE("claiming"))) {
		r->claiming = true;
	}
}

/* "Microsoft SMTP Server", and one word for everybody else. */
static void
read_with_word(struct gp_hop_reading *r, struct gp_slice word)
{
	struct gp_hop *hop = r->hop;
	if (r->words == 1)
		set_once(&hop->with, word);
	else if (hop->with.ptr && word.ptr > hop->with.ptr && !r->tls_word)
		hop->with = gp_slice(hop->with.ptr, (size_t)(word.ptr - hop->with.ptr) + word.len);
	if (r->tls_word) /* Exim: "(TLS1.3) tls TLS_AES_256_GCM_SHA384" */
		set_once(&hop->tls_cipher, word);
}

static void
read_word(struct gp_hop_reading *r, struct gp_slice word, bool literal)
{
	r->words++;
	switch (r->clause) {
	case CLAUSE_FROM:
		read_from_word(r, word, literal);
		break;
	case CLAUSE_BY:
		set_once(&r->hop->by, word);
		break;
	case CLAUSE_WITH:
		if (gp_slice_eq(word, GP_SLICE("tls")) && r->words > 1)
			r->tls_word = true;
		else
			read_with_word(r, word);
		break;
	case CLAUSE_VIA:
		set_once(&r->hop->via, word);
		break;
	case CLAUSE_ID:
		set_once(&r->hop->id, word);
		break;
	case CLAUSE_FOR:
		set_once(&r->hop->rcpt, word);
		break;
	case CLAUSE_SENDER:
		set_once(&r->hop->sender, word);
		break;
	case CLAUSE_NONE:
		break;
	}
}

/* Before any keyword: qmail's "(qmail 1 invoked by uid 0)", and clauses wholly within brackets. */
static bool
read_opening(struct gp_hop_reading *r, struct gp_slice comment)
{
	if (r->clause != CLAUSE_NONE || r->hop->by.len > 0)
		return false;
	struct gp_slice rest = behind(comment, GP_SLICE("from "));
	struct gp_slice qmail = behind(comment, GP_SLICE("qmail "));
	if (!rest.ptr && !qmail.ptr)
		return false;
	r->clause = CLAUSE_FROM;
	struct gp_scan c = gp_scan(rest.ptr ? rest : qmail);
	for (struct piece p = take_piece(&c); p.kind != END; p = take_piece(&c)) {
		if (p.kind == LITERAL) /* qmail: "invoked from network[192.0.2.1/name]" */
			read_word(r, gp_slice_cut(&p.text, '/'), true);
		else if (p.kind == WORD && rest.ptr)
			read_word(r, p.text, false);
	}
	/* qmail's queue writes that, above what its server wrote of the client. */
	r->hop->local = qmail.ptr && r->name.len == 0;
	return true;
}

static void
read_piece(struct gp_hop_reading *r, struct piece piece)
{
	if (piece.kind == COMMENT) {
		if (!read_opening(r, piece.text))
			read_comment(r, piece.text);
	} else if (piece.kind == QUOTED && r->claiming) {
		set_helo(r, piece.text);
	} else if (piece.kind == LITERAL || piece.kind == QUOTED) {
		read_word(r, piece.text, piece.kind == LITERAL);
	} else if (piece.text.len > 0 && !read_keyword(r, piece.text)) {
		read_word(r, piece.text, false);
	}
}

/* --- the whole --- */

/* Behind a semicolon stands the time, or more of the clauses: a SquirrelMail has two of them. */
static void
read_time(struct gp_hop_reading *r, struct gp_scan *c)
{
	struct gp_when when = gp_when_parse(gp_slice_take(gp_scan_rest(c), GP_HOP_TIME_MAX));
	if (!when.known)
		return;
	r->hop->when = when;
	c->at += when.len;
	r->clause = CLAUSE_NONE;
}

/* Some have no semicolon: then a time that begins with a weekday is looked for. */
static void
find_time(struct gp_hop_reading *r)
{
	struct gp_slice s = r->hop->value;
	for (; s.len >= 16 && !r->hop->when.known; s = gp_slice_drop(s, 1)) {
		bool weekday = gp_ascii_is_alpha(s.ptr[0]) && s.ptr[3] == ',' && s.ptr[4] == ' ';
		if (weekday)
			r->hop->when = gp_when_parse(gp_slice_take(s, GP_HOP_TIME_MAX));
	}
}

/*
 * Who the name of the `from` clause is. With a HELO beside it, and with Exim, it is what the DNS
 * says; else it is what the client said.
 */
static void
settle_client(struct gp_hop_reading *r)
{
	struct gp_hop *hop = r->hop;
	bool pickup = gp_slice_eq(r->name, GP_SLICE("mail")) && hop->octets_len == 0;
	bool is_address = set_address(r, r->name);
	if (!r->helo_said && r->name_literal)
		hop->helo = r->name;
	else if (!r->helo_said && !(is_address && !r->bracketed))
		hop->helo = r->name;
	bool looked_up = r->exim || r->verified;
	bool is_rdns = looked_up || r->helo_said || (r->plain_address && !r->bracketed);
	if (is_rdns && hop->rdns.len == 0 && hop->octets_len > 0 && !is_address &&
	    gp_slice_find(r->name, '.') > 0) {
		set_rdns(r, r->name);
		hop->rdns_from_name = hop->rdns.len > 0 && !looked_up;
	}
	hop->local |= pickup || (hop->octets_len == 0 && hop->helo.len == 0 && hop->by.len > 0);
}

static bool
ends_in(struct gp_slice s, struct gp_slice end)
{
	return gp_slice_ends_nocase(s, end);
}

/* RFC 3848: S for TLS, A for AUTH, both of ESMTP and LMTP; and web mail's HTTP. */
static void
settle_protocol(struct gp_hop *hop)
{
	struct gp_slice with = hop->with;
	bool smtp = contains(with, GP_SLICE("SMTP")) || contains(with, GP_SLICE("LMTP"));
	bool one_word = gp_slice_find(with, ' ') < 0;
	if (smtp && one_word) {
		hop->authenticated |=
			ends_in(with, GP_SLICE("PA")) || ends_in(with, GP_SLICE("SA"));
		hop->tls |= ends_in(with, GP_SLICE("PS")) || ends_in(with, GP_SLICE("PSA"));
	}
	hop->authenticated |= gp_slice_starts_nocase(with, GP_SLICE("asmtp")) ||
			      gp_slice_starts_nocase(with, GP_SLICE("HTTP"));
	hop->tls |= hop->tls_version.len > 0;
}

int
gp_hop_parse(struct gp_slice value, struct gp_arena *arena, struct gp_hop *ret)
{
	*ret = (struct gp_hop){.value = value};
	struct gp_hop_reading r = {.hop = ret, .arena = arena};
	struct gp_scan c = gp_scan(value);
	for (struct piece p = take_piece(&c); p.kind != END; p = take_piece(&c)) {
		if (p.kind == SEMICOLON)
			read_time(&r, &c);
		else
			read_piece(&r, p);
	}
	if (!ret->when.known)
		find_time(&r);
	settle_client(&r);
	settle_protocol(ret);
	ret->understood = ret->by.len > 0 || ret->helo.len > 0 || ret->octets_len > 0 || ret->local;
	return arena->failed ? -ENOMEM : 0;
}
