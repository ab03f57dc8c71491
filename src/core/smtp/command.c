/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/command.h"

#include <errno.h>

#include "base/scan.h"
#include "base/utf8.h"
#include "core/smtp/xtext.h"

enum {
	ENVID_MAX = 100,      /* RFC 3461 section 4.4 */
	ORCPT_MAX = 500,      /* RFC 3461 section 4.2 */
	AUTH_MAX = 500,       /* RFC 4954 section 3 */
	SIZE_DIGITS_MAX = 20, /* RFC 1870 section 4, RFC 3030 section 2 */
};

static const struct {
	struct gp_slice word;
	enum gp_smtp_verb verb;
} verbs[] = {
	{GP_SLICE("HELO"), GP_VERB_HELO},    {GP_SLICE("EHLO"), GP_VERB_EHLO},
	{GP_SLICE("MAIL"), GP_VERB_MAIL},    {GP_SLICE("RCPT"), GP_VERB_RCPT},
	{GP_SLICE("DATA"), GP_VERB_DATA},    {GP_SLICE("RSET"), GP_VERB_RSET},
	{GP_SLICE("NOOP"), GP_VERB_NOOP},    {GP_SLICE("VRFY"), GP_VERB_VRFY},
	{GP_SLICE("EXPN"), GP_VERB_EXPN},    {GP_SLICE("HELP"), GP_VERB_HELP},
	{GP_SLICE("QUIT"), GP_VERB_QUIT},    {GP_SLICE("STARTTLS"), GP_VERB_STARTTLS},
	{GP_SLICE("AUTH"), GP_VERB_AUTH},    {GP_SLICE("BDAT"), GP_VERB_BDAT},
	{GP_SLICE("GET"), GP_VERB_HTTP},     {GP_SLICE("POST"), GP_VERB_HTTP},
	{GP_SLICE("PUT"), GP_VERB_HTTP},     {GP_SLICE("HEAD"), GP_VERB_HTTP},
	{GP_SLICE("CONNECT"), GP_VERB_HTTP}, {GP_SLICE("OPTIONS"), GP_VERB_HTTP},
	{GP_SLICE("DELETE"), GP_VERB_HTTP},  {GP_SLICE("PATCH"), GP_VERB_HTTP},
	{GP_SLICE("TRACE"), GP_VERB_HTTP},
};

struct gp_smtp_command
gp_smtp_command_parse(struct gp_slice line)
{
	ptrdiff_t space = gp_slice_find(line, ' ');
	struct gp_slice word = gp_slice_take(line, space < 0 ? line.len : (size_t)space);
	struct gp_smtp_command c = {.args = gp_slice_trim(gp_slice_drop(line, word.len))};
	for (size_t i = 0; i < GP_ARRAY_LEN(verbs) && c.verb == GP_VERB_UNKNOWN; i++) {
		if (gp_slice_eq_nocase(word, verbs[i].word))
			c.verb = verbs[i].verb;
	}
	return c;
}

/* What the handlers of parameters fill in; one of mail and rcpt is set. */
struct params {
	struct gp_arena *arena;
	struct gp_smtp_mail *mail;
	struct gp_smtp_rcpt *rcpt;
	bool utf8;
	struct gp_reply *refusal;
	unsigned offers; /* enum gp_smtp_offers */
	uint32_t seen;   /* a bit for each row of the table */
};

static int
refuse(struct gp_reply *ret, struct gp_reply refusal)
{
	*ret = refusal;
	return 1;
}

#define SYNTAX(text) GP_REPLY(501, 5, 5, 4, text)

static int
param_size(struct params *p, struct gp_slice value)
{
	if (value.len == 0 || value.len > SIZE_DIGITS_MAX)
		return refuse(p->refusal, SYNTAX("SIZE is not well formed"));
	for (size_t i = 0; i < value.len; i++) {
		if (!gp_ascii_is_digit(value.ptr[i]))
			return refuse(p->refusal, SYNTAX("SIZE is not well formed"));
	}
	/* 20 digits may be over 64 bits: over every limit, then. */
	if (!gp_slice_u64(value, UINT64_MAX, &p->mail->size))
		p->mail->size = UINT64_MAX;
	return 0;
}

static int
param_body(struct params *p, struct gp_slice value)
{
	bool binary = gp_slice_eq_nocase(value, GP_SLICE("BINARYMIME"));
	if (gp_slice_eq_nocase(value, GP_SLICE("8BITMIME")))
		p->mail->flags |= GP_ENVELOPE_8BITMIME;
	else if (binary && (p->offers & GP_OFFER_BINARYMIME))
		p->mail->flags |= GP_ENVELOPE_BINARYMIME;
	else if (!gp_slice_eq_nocase(value, GP_SLICE("7BIT")))
		return refuse(p->refusal, SYNTAX("BODY is not offered so"));
	return 0;
}

/* RFC 6531 section 3.4: "the keyword has no value". */
static int
param_smtputf8(struct params *p, struct gp_slice value)
{
	if (value.ptr)
		return refuse(p->refusal, SYNTAX("SMTPUTF8 takes no value"));
	p->mail->flags |= GP_ENVELOPE_SMTPUTF8;
	return 0;
}

/* RFC 8689 section 2: it has no value. */
static int
param_requiretls(struct params *p, struct gp_slice value)
{
	if (value.ptr)
		return refuse(p->refusal, SYNTAX("REQUIRETLS takes no value"));
	p->mail->flags |= GP_ENVELOPE_REQUIRETLS;
	return 0;
}

static int
param_ret(struct params *p, struct gp_slice value)
{
	if (gp_slice_eq_nocase(value, GP_SLICE("FULL")))
		p->mail->ret = GP_RET_FULL;
	else if (gp_slice_eq_nocase(value, GP_SLICE("HDRS")))
		p->mail->ret = GP_RET_HDRS;
	else
		return refuse(p->refusal, SYNTAX("RET is FULL or HDRS"));
	return 0;
}

static bool
is_printable_ascii(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 32 || s.ptr[i] > 126)
			return false;
	}
	return true;
}

/* RFC 3461 section 4.4: what the xtext stands for must be printable ASCII. It is looked at after
 * it was decoded, since a control that was spelled "+0A" becomes one in the bounce. */
static int
param_envid(struct params *p, struct gp_slice value)
{
	struct gp_slice decoded;
	if (value.len == 0 || value.len > ENVID_MAX)
		return refuse(p->refusal, SYNTAX("ENVID is empty or too long"));
	int r = gp_xtext_decode(value, false, p->arena, &decoded);
	if (r < 0)
		return r;
	if (r > 0 || !is_printable_ascii(decoded))
		return refuse(p->refusal, SYNTAX("ENVID is not printable xtext"));
	p->mail->envid = gp_arena_dup(p->arena, value);
	return 0;
}

/* RFC 4954 section 5. Whom somebody else has authenticated is not ours to vouch for, so that it is
 * "<>" to us whatever was said. */
static int
param_auth(struct params *p, struct gp_slice value)
{
	struct gp_slice decoded;
	if (value.len == 0 || value.len > AUTH_MAX)
		return refuse(p->refusal, SYNTAX("AUTH is empty or too long"));
	int r = gp_xtext_decode(value, false, p->arena, &decoded);
	if (r < 0)
		return r;
	if (r > 0 || !is_printable_ascii(decoded))
		return refuse(p->refusal, SYNTAX("AUTH is not printable xtext"));
	return 0;
}

static int
param_notify(struct params *p, struct gp_slice value)
{
	static const struct {
		struct gp_slice word;
		uint8_t flag;
	} words[] = {
		{GP_SLICE("NEVER"), GP_NOTIFY_NEVER},
		{GP_SLICE("SUCCESS"), GP_NOTIFY_SUCCESS},
		{GP_SLICE("FAILURE"), GP_NOTIFY_FAILURE},
		{GP_SLICE("DELAY"), GP_NOTIFY_DELAY},
	};
	uint8_t notify = 0;
	do {
		struct gp_slice word = gp_slice_cut(&value, ',');
		uint8_t flag = 0;
		for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
			if (gp_slice_eq_nocase(word, words[i].word))
				flag = words[i].flag;
		}
		if (flag == 0)
			return refuse(p->refusal, SYNTAX("NOTIFY is not well formed"));
		notify |= flag;
	} while (value.ptr);
	/* RFC 3461 section 4.1: NEVER stands alone. */
	if ((notify & GP_NOTIFY_NEVER) && notify != GP_NOTIFY_NEVER)
		return refuse(p->refusal, SYNTAX("NOTIFY=NEVER stands alone"));
	p->rcpt->rcpt.notify = notify;
	return 0;
}

/* EmbeddedUnicodeChar of RFC 6533 section 3, behind its backslash: x{HEX}, 2 to 6 digits. Its
 * grammar has controls and so lets in what a DSN's field could not carry; we do not. */
static bool
take_embedded_char(struct gp_scan *c)
{
	uint32_t point = 0;
	size_t digits = 0;
	if (!gp_scan_word(c, GP_SLICE("x{")))
		return false;
	while (!gp_scan_char(c, '}')) {
		int ch = gp_scan_peek(c);
		int digit = ch < 0 ? -1 : gp_ascii_hex((char)ch);
		if (digit < 0 || ++digits > 6)
			return false;
		point = point * 16 + (uint32_t)digit;
		c->at++;
	}
	bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
	bool surrogate = point >= 0xD800 && point <= 0xDFFF;
	return digits >= 2 && !control && !surrogate && point <= 0x10FFFF;
}

static bool
is_utf8_address(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	if (!gp_utf8_printable(s))
		return false;
	while (!gp_scan_end(&c)) {
		if (!gp_scan_char(&c, '\\'))
			c.at++;
		else if (!take_embedded_char(&c))
			return false;
	}
	return true;
}

static bool
is_address_type(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_ascii_is_alnum(s.ptr[i]) && s.ptr[i] != '-')
			return false;
	}
	return s.len > 0;
}

/* RFC 3461 section 4.2; type "utf-8" by RFC 6533 section 3. Checked after decoding, as ENVID. */
static int
param_orcpt(struct params *p, struct gp_slice value)
{
	struct gp_slice rest = value, decoded;
	if (value.len > ORCPT_MAX)
		return refuse(p->refusal, SYNTAX("ORCPT is too long"));
	struct gp_slice type = gp_slice_cut(&rest, ';');
	if (!is_address_type(type) || rest.len == 0)
		return refuse(p->refusal, SYNTAX("ORCPT is not well formed"));
	bool utf8 = gp_slice_eq_nocase(type, GP_SLICE("utf-8"));
	int r = gp_xtext_decode(rest, utf8 && p->utf8, p->arena, &decoded);
	if (r < 0)
		return r;
	if (r > 0 || !(utf8 ? is_utf8_address(decoded) : is_printable_ascii(decoded)))
		return refuse(p->refusal, SYNTAX("ORCPT is not printable xtext"));
	p->rcpt->rcpt.orcpt = gp_arena_dup(p->arena, value);
	return 0;
}

/* value: NULL ptr when there was no "=". */
struct param {
	struct gp_slice keyword;
	int (*parse)(struct params *p, struct gp_slice value);
	unsigned needs; /* enum gp_smtp_offers */
};

/* clang-format off */
static const struct param mail_params[] = {
	{GP_SLICE("SIZE"), param_size, 0},
	{GP_SLICE("BODY"), param_body, 0},
	{GP_SLICE("SMTPUTF8"), param_smtputf8, 0},
	{GP_SLICE("RET"), param_ret, 0},
	{GP_SLICE("ENVID"), param_envid, 0},
	{GP_SLICE("AUTH"), param_auth, GP_OFFER_AUTH},
	{GP_SLICE("REQUIRETLS"), param_requiretls, GP_OFFER_REQUIRETLS},
	{},
};
/* clang-format on */

static const struct param rcpt_params[] = {
	{GP_SLICE("NOTIFY"), param_notify, 0},
	{GP_SLICE("ORCPT"), param_orcpt, 0},
	{},
};

static int
parse_param(struct params *p, const struct param *table, struct gp_slice word)
{
	struct gp_slice value = word;
	struct gp_slice keyword = gp_slice_cut(&value, '=');
	for (size_t i = 0; table[i].parse; i++) {
		if (!gp_slice_eq_nocase(keyword, table[i].keyword) ||
		    (table[i].needs & ~p->offers) != 0)
			continue;
		if (p->seen & (1U << i))
			return refuse(p->refusal, SYNTAX("Parameter given twice"));
		p->seen |= 1U << i;
		return table[i].parse(p, value);
	}
	return refuse(p->refusal, GP_REPLY(555, 5, 5, 4, "Parameter not recognized"));
}

/* RFC 5321 section 4.1.2, Mail-parameters: each behind a space, of which we take any number. */
static int
parse_params(struct params *p, const struct param *table, struct gp_slice rest)
{
	if (rest.len > 0 && rest.ptr[0] != ' ')
		return refuse(p->refusal, SYNTAX("No space behind the address"));
	while (rest.len > 0) {
		struct gp_slice word = gp_slice_cut(&rest, ' ');
		if (word.len == 0)
			continue;
		if (!(p->offers & GP_OFFER_ESMTP))
			return refuse(p->refusal, GP_REPLY(555, 5, 5, 4, "Parameters need EHLO"));
		int r = parse_param(p, table, word);
		if (r != 0)
			return r;
	}
	return p->arena->failed ? -ENOMEM : 0;
}

/*
 * "FROM:" or "TO:", then the path. RFC 5321 section 3.3 allows no space behind the colon; many
 * clients send one, and nothing can be mistaken for it. *args becomes what follows the path.
 */
static int
parse_path(struct gp_slice *args, struct gp_slice word, struct gp_arena *arena,
	   struct gp_address *ret, struct gp_reply *ret_refusal)
{
	const char *why = NULL;
	if (!gp_slice_starts_nocase(*args, word))
		return refuse(ret_refusal, SYNTAX("Syntax error in arguments"));
	*args = gp_slice_trim(gp_slice_drop(*args, word.len));
	int r = gp_address_parse_path(args, arena, ret, &why);
	if (r > 0)
		ret_refusal->text = gp_slice_str(why);
	return r;
}

int
gp_smtp_mail_parse(struct gp_slice args, unsigned offers, struct gp_arena *arena,
		   struct gp_smtp_mail *ret, struct gp_reply *ret_refusal)
{
	struct params p = {.arena = arena, .mail = ret, .refusal = ret_refusal, .offers = offers};
	*ret = (struct gp_smtp_mail){};
	*ret_refusal = GP_REPLY(501, 5, 1, 7, "");
	int r = parse_path(&args, GP_SLICE("FROM:"), arena, &ret->path, ret_refusal);
	if (r != 0)
		return r;
	if (ret->path.text.len > 0 && ret->path.domain_kind == GP_DOMAIN_NONE)
		return refuse(ret_refusal, GP_REPLY(501, 5, 1, 7, "address without a domain"));
	r = parse_params(&p, mail_params, args);
	if (r != 0)
		return r;
	/* RFC 6531 section 3.5 */
	if (ret->path.utf8 && !(ret->flags & GP_ENVELOPE_SMTPUTF8))
		return refuse(ret_refusal, GP_REPLY(550, 5, 6, 7, "Address needs SMTPUTF8"));
	return 0;
}

int
gp_smtp_rcpt_parse(struct gp_slice args, bool esmtp, bool utf8, struct gp_arena *arena,
		   struct gp_smtp_rcpt *ret, struct gp_reply *ret_refusal)
{
	struct params p = {.arena = arena,
			   .rcpt = ret,
			   .utf8 = utf8,
			   .refusal = ret_refusal,
			   .offers = esmtp ? GP_OFFER_ESMTP : 0};
	*ret = (struct gp_smtp_rcpt){};
	*ret_refusal = GP_REPLY(501, 5, 1, 3, "");
	int r = parse_path(&args, GP_SLICE("TO:"), arena, &ret->path, ret_refusal);
	if (r != 0)
		return r;
	if (ret->path.text.len == 0)
		return refuse(ret_refusal, GP_REPLY(501, 5, 1, 3, "Recipient is empty"));
	r = parse_params(&p, rcpt_params, args);
	if (r != 0)
		return r;
	if (ret->path.utf8 && !utf8)
		return refuse(ret_refusal, GP_REPLY(553, 5, 6, 7, "Address needs SMTPUTF8"));
	ret->rcpt.address = ret->path.text;
	return 0;
}

bool
gp_smtp_bdat_parse(struct gp_slice args, uint64_t *ret_size, bool *ret_last)
{
	struct gp_slice size = gp_slice_cut(&args, ' ');
	args = gp_slice_trim(args);
	*ret_last = gp_slice_eq_nocase(args, GP_SLICE("LAST"));
	return (args.len == 0 || *ret_last) && size.len <= SIZE_DIGITS_MAX &&
	       gp_slice_u64(size, UINT64_MAX, ret_size);
}
