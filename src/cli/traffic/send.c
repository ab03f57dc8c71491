/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost send: hands one message to a server, and shows what was said. */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/message_file.h"
#include "cli/traffic/send_dialogue.h"
#include "cli/traffic/send_message.h"
#include "cli/traffic/send_secret.h"
#include "cli/traffic/tool_report.h"
#include "core/message/date.h"
#include "sys/password.h"

enum {
	RCPTS_MAX = 1000,
	RAW_MAX = 1000,
	ENVID_MAX = 100, /* RFC 3461 section 4.4 */
	ORCPT_MAX = 500, /* RFC 3461 section 4.2 */
};

struct send {
	struct gp_send_plan plan;
	struct gp_send_message message;
	struct gp_envelope envelope;
	struct gp_rcpt rcpts[RCPTS_MAX];
	size_t rcpts_len;
	const char *raw[RAW_MAX];
	uint8_t notify;
	struct gp_buf envid, orcpt, text;
	char name[GP_SEND_NAME_MAX + 1]; /* the server's, where --server has one */
	const char *user, *password_file, *token_file;
	struct gp_buf secret;
	char nonce[GP_NONCE_SIZE];
	bool unverified;  /* --no-verify */
	bool raw_connect; /* --quit-after connect */
	bool json, quiet, verbose, help, utf8;
};

static const char usage[] =
	"usage: gatepost send --server HOST[:PORT] --to ADDRESS [options]\n"
	"\n"
	"Hands one message to a server and shows the dialogue.\n"
	"\n"
	"  -S, --server HOST[:PORT]  a name, an address, or unix:/path; port 25, or 24 with "
	"--lmtp\n"
	"  -4, -6                    only addresses of this kind\n"
	"  -f, --from ADDRESS        sender; '' for the null reverse-path (the default)\n"
	"  -t, --to ADDRESS          recipient; may be given again\n"
	"      --helo NAME           what to say in EHLO (this host's name)\n"
	"      --lmtp                speak LMTP\n"
	"      --helo-only           say HELO, not EHLO\n"
	"      --no-pipelining       wait for each answer\n"
	"      --timeout S           for each step; without it those of RFC 5321\n"
	"\n"
	"      --tls none|starttls|require|implicit\n"
	"                            STARTTLS if it is offered (the default), or nothing without;\n"
	"                            implicit: TLS from the first octet, port 465\n"
	"      --verify              nothing to a server that does not prove its name\n"
	"      --tls-name NAME       the name to ask for and to prove, instead of --server's\n"
	"      --ca FILE             who is believed, in PEM; without it the system's authorities\n"
	"      --user NAME           AUTH, within TLS, with --verify; asks for the password\n"
	"      --password-file FILE, --token-file FILE\n"
	"                            its first line; a token is for OAUTHBEARER and XOAUTH2\n"
	"      --auth MECHANISM      PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-256-PLUS, OAUTHBEARER\n"
	"                            or XOAUTH2, and no other\n"
	"      --no-verify           say the password to any server\n"
	"\n"
	"  -d, --data FILE           the message; - for standard input; without it one is made\n"
	"  -H, --header 'NAME: V'    put before the header; may be given again\n"
	"  -b, --body TEXT           of the message that is made\n"
	"\n"
	"      --8bit                say BODY=8BITMIME, where offered, for 7-bit text too\n"
	"      --strict-8bit         do not send 8-bit text to a server without 8BITMIME\n"
	"      --smtputf8            the header needs SMTPUTF8 if it is not ASCII\n"
	"      --bdat                BDAT, where CHUNKING is offered, instead of DATA\n"
	"      --requiretls          the message is to travel by proven TLS alone (RFC 8689)\n"
	"      --ret FULL|HDRS, --envid ID, --notify NEVER|SUCCESS,FAILURE,DELAY, --orcpt ADDRESS\n"
	"                            what DSN is wanted (RFC 3461)\n"
	"\n"
	"  -Q, --quit-after STAGE    connect, hello, mail or rcpt: then say QUIT\n"
	"  -r, --raw LINE            say this instead of a session; may be given again\n"
	"\n"
	"  -v, --verbose             times, and the message's lines\n"
	"  -q, --quiet               no dialogue\n"
	"      --json                the result as one JSON object, with the dialogue in it\n"
	"\n"
	"Exit code: 0 taken for all recipients; 1 refused for some, or the server proved nothing;\n"
	"2 usage; 3 no connection or no answer; 4 internal or I/O error.\n";

enum {
	OPT_HELO = 256,
	OPT_LMTP,
	OPT_HELO_ONLY,
	OPT_NO_PIPELINING,
	OPT_TIMEOUT,
	OPT_8BIT,
	OPT_STRICT_8BIT,
	OPT_SMTPUTF8,
	OPT_RET,
	OPT_ENVID,
	OPT_NOTIFY,
	OPT_ORCPT,
	OPT_JSON,
	OPT_TLS,
	OPT_VERIFY,
	OPT_NO_VERIFY,
	OPT_TLS_NAME,
	OPT_CA,
	OPT_USER,
	OPT_PASSWORD_FILE,
	OPT_TOKEN_FILE,
	OPT_AUTH,
	OPT_BDAT,
	OPT_REQUIRETLS,
};

static const struct option long_options[] = {
	{"server", required_argument, NULL, 'S'},
	{"from", required_argument, NULL, 'f'},
	{"to", required_argument, NULL, 't'},
	{"helo", required_argument, NULL, OPT_HELO},
	{"lmtp", no_argument, NULL, OPT_LMTP},
	{"helo-only", no_argument, NULL, OPT_HELO_ONLY},
	{"no-pipelining", no_argument, NULL, OPT_NO_PIPELINING},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"tls", required_argument, NULL, OPT_TLS},
	{"verify", no_argument, NULL, OPT_VERIFY},
	{"no-verify", no_argument, NULL, OPT_NO_VERIFY},
	{"tls-name", required_argument, NULL, OPT_TLS_NAME},
	{"ca", required_argument, NULL, OPT_CA},
	{"user", required_argument, NULL, OPT_USER},
	{"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
	{"token-file", required_argument, NULL, OPT_TOKEN_FILE},
	{"auth", required_argument, NULL, OPT_AUTH},
	{"bdat", no_argument, NULL, OPT_BDAT},
	{"requiretls", no_argument, NULL, OPT_REQUIRETLS},
	{"data", required_argument, NULL, 'd'},
	{"header", required_argument, NULL, 'H'},
	{"body", required_argument, NULL, 'b'},
	{"8bit", no_argument, NULL, OPT_8BIT},
	{"strict-8bit", no_argument, NULL, OPT_STRICT_8BIT},
	{"smtputf8", no_argument, NULL, OPT_SMTPUTF8},
	{"ret", required_argument, NULL, OPT_RET},
	{"envid", required_argument, NULL, OPT_ENVID},
	{"notify", required_argument, NULL, OPT_NOTIFY},
	{"orcpt", required_argument, NULL, OPT_ORCPT},
	{"quit-after", required_argument, NULL, 'Q'},
	{"raw", required_argument, NULL, 'r'},
	{"verbose", no_argument, NULL, 'v'},
	{"quiet", no_argument, NULL, 'q'},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{},
};

/* ---- options ---- */

/* An address, without the brackets that people copy with it. */
static struct gp_slice
address_of(const char *text)
{
	struct gp_slice s = gp_slice_str(text);
	bool bracketed = s.len >= 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>';
	return bracketed ? gp_slice_take(gp_slice_drop(s, 1), s.len - 2) : s;
}

static bool
read_rcpt(const struct gp_arg *arg, struct send *s)
{
	if (s->rcpts_len == RCPTS_MAX)
		return gp_arg_wrong(arg, "is one recipient too many");
	s->rcpts[s->rcpts_len++].address = address_of(arg->value);
	return true;
}

static bool
read_server(const struct gp_arg *arg, const char **ret)
{
	*ret = arg->value;
	return gp_send_server_good(arg->value) ||
	       gp_arg_wrong(arg,
			    "is not HOST, HOST:PORT with a port from 1 to 65535, or unix:/path");
}

/* It may be senseless, to see what a server makes of it, but it stays one line: --raw says more. */
static bool
read_helo(const struct gp_arg *arg, struct gp_slice *ret)
{
	*ret = gp_slice_str(arg->value);
	return !strpbrk(arg->value, "\r\n") || gp_arg_wrong(arg, "is more than one line");
}

static bool
read_ret(const struct gp_arg *arg, uint8_t *ret)
{
	struct gp_slice s = gp_slice_str(arg->value);
	if (gp_slice_eq_nocase(s, GP_SLICE("FULL")))
		*ret = GP_RET_FULL;
	else if (gp_slice_eq_nocase(s, GP_SLICE("HDRS")))
		*ret = GP_RET_HDRS;
	else
		return gp_arg_wrong(arg, "is neither FULL nor HDRS");
	return true;
}

static bool
read_notify(const struct gp_arg *arg, uint8_t *ret)
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
	const char *why = "is not NEVER, or a list of SUCCESS,FAILURE,DELAY";
	*ret = 0;
	for (struct gp_slice rest = gp_slice_str(arg->value); rest.len > 0;) {
		struct gp_slice word = gp_slice_cut(&rest, ',');
		size_t i = 0;
		while (i < GP_ARRAY_LEN(words) && !gp_slice_eq_nocase(word, words[i].word))
			i++;
		if (i == GP_ARRAY_LEN(words))
			return gp_arg_wrong(arg, why);
		*ret |= words[i].flag;
	}
	bool alone = *ret == GP_NOTIFY_NEVER || !(*ret & GP_NOTIFY_NEVER);
	return (*ret != 0 && alone) || gp_arg_wrong(arg, why);
}

/* As xtext (RFC 3461 section 4). */
static bool
put_xtext(const struct gp_arg *arg, struct gp_slice s, struct gp_buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c >= '!' && c <= '~' && c != '+' && c != '=')
			gp_buf_put_char(out, c);
		else
			gp_buf_printf(out, "+%02X", (unsigned char)c);
	}
	return !out->failed || gp_arg_wrong(arg, "is too long");
}

static bool
read_envid(const struct gp_arg *arg, struct gp_buf *ret)
{
	gp_buf_clear(ret);
	return put_xtext(arg, gp_slice_str(arg->value), ret);
}

/* "rfc822;" and xtext, unless it has a type already. */
static bool
read_orcpt(const struct gp_arg *arg, struct gp_buf *ret)
{
	struct gp_slice s = gp_slice_str(arg->value);
	bool typed = gp_slice_find(s, ';') >= 0;
	gp_buf_clear(ret);
	if (!typed) {
		gp_buf_put_str(ret, "rfc822;");
		return put_xtext(arg, s, ret);
	}
	gp_buf_put(ret, s);
	return !ret->failed || gp_arg_wrong(arg, "is too long");
}

static bool
read_stage(const struct gp_arg *arg, struct send *s)
{
	struct gp_slice stage = gp_slice_str(arg->value);
	if (gp_slice_eq(stage, GP_SLICE("connect")))
		s->raw_connect = true;
	else if (gp_slice_eq(stage, GP_SLICE("hello")))
		s->plan.hello_only = true;
	else if (gp_slice_eq(stage, GP_SLICE("mail")))
		s->plan.mail.until = GP_CLIENT_UNTIL_MAIL;
	else if (gp_slice_eq(stage, GP_SLICE("rcpt")))
		s->plan.mail.until = GP_CLIENT_UNTIL_RCPT;
	else
		return gp_arg_wrong(arg, "is not connect, hello, mail or rcpt");
	return true;
}

static bool
read_tls(const struct gp_arg *arg, struct gp_smtp_client_setup *setup)
{
	static const struct {
		struct gp_slice word;
		uint8_t wish;
	} words[] = {
		{GP_SLICE("none"), GP_CLIENT_TLS_OFF},
		{GP_SLICE("starttls"), GP_CLIENT_TLS_IF_OFFERED},
		{GP_SLICE("require"), GP_CLIENT_TLS_REQUIRED},
		{GP_SLICE("implicit"), GP_CLIENT_TLS_REQUIRED},
	};
	struct gp_slice value = gp_slice_str(arg->value);
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		if (!gp_slice_eq(value, words[i].word))
			continue;
		setup->tls = words[i].wish;
		setup->tls_implicit = gp_slice_eq(value, GP_SLICE("implicit"));
		return true;
	}
	return gp_arg_wrong(arg, "is not none, starttls, require or implicit");
}

static bool
read_mechanism(const struct gp_arg *arg, uint32_t *ret)
{
	static const struct {
		struct gp_slice word;
		uint32_t flag;
	} words[] = {
		{GP_SLICE("PLAIN"), GP_EHLO_PLAIN},
		{GP_SLICE("LOGIN"), GP_EHLO_LOGIN},
		{GP_SLICE("XOAUTH2"), GP_EHLO_XOAUTH2},
		{GP_SLICE("OAUTHBEARER"), GP_EHLO_OAUTHBEARER},
		{GP_SLICE("SCRAM-SHA-256"), GP_EHLO_SCRAM_SHA_256},
		{GP_SLICE("SCRAM-SHA-256-PLUS"), GP_EHLO_SCRAM_SHA_256_PLUS},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		if (!gp_slice_eq_nocase(gp_slice_str(arg->value), words[i].word))
			continue;
		*ret = words[i].flag;
		return true;
	}
	return gp_arg_wrong(arg, "is not PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-256-PLUS, "
				 "OAUTHBEARER or XOAUTH2");
}

static bool
read_switch(struct send *s, int c)
{
	switch (c) {
	case OPT_VERIFY:
		s->plan.verify = true;
		return true;
	case OPT_NO_VERIFY:
		s->unverified = true;
		return true;
	case OPT_BDAT:
		s->plan.setup.chunking = true;
		return true;
	case OPT_REQUIRETLS:
		s->envelope.flags |= GP_ENVELOPE_REQUIRETLS;
		return true;
	case '4':
		s->plan.family = AF_INET;
		return true;
	case '6':
		s->plan.family = AF_INET6;
		return true;
	case OPT_LMTP:
		s->plan.setup.lmtp = true;
		return true;
	case OPT_HELO_ONLY:
		s->plan.setup.helo_only = true;
		return true;
	case OPT_NO_PIPELINING:
		s->plan.setup.no_pipelining = true;
		return true;
	case OPT_8BIT:
		s->envelope.flags |= GP_ENVELOPE_8BITMIME;
		return true;
	case OPT_STRICT_8BIT:
		s->plan.setup.strict_8bit = true;
		return true;
	case OPT_SMTPUTF8:
		s->envelope.flags |= GP_ENVELOPE_SMTPUTF8;
		return true;
	case OPT_JSON:
		s->json = true;
		return true;
	case 'v':
		s->verbose = true;
		return true;
	case 'q':
		s->quiet = true;
		return true;
	case 'h':
		s->help = true;
		return true;
	default: /* gp_arg_next() has said what is wrong */
		return false;
	}
}

/* TLS and AUTH. */
static bool
read_secure_option(struct send *s, int c, const struct gp_arg *arg)
{
	switch (c) {
	case OPT_TLS:
		return read_tls(arg, &s->plan.setup);
	case OPT_TLS_NAME:
		s->plan.tls_name = gp_slice_str(optarg);
		return true;
	case OPT_CA:
		s->plan.authorities = optarg;
		return true;
	case OPT_USER:
		s->user = optarg;
		return true;
	case OPT_PASSWORD_FILE:
		s->password_file = optarg;
		return true;
	case OPT_TOKEN_FILE:
		s->token_file = optarg;
		return true;
	case OPT_AUTH:
		return read_mechanism(arg, &s->plan.setup.login.mechanisms);
	default:
		return read_switch(s, c);
	}
}

static bool
read_option(struct send *s, int c)
{
	const struct gp_arg arg = gp_arg_of("send", long_options, c);
	switch (c) {
	case 'S':
		return read_server(&arg, &s->plan.server);
	case 'f':
		s->envelope.sender = address_of(optarg);
		return true;
	case 't':
		return read_rcpt(&arg, s);
	case OPT_HELO:
		return read_helo(&arg, &s->plan.setup.hostname);
	case OPT_TIMEOUT:
		return gp_arg_seconds(&arg, 0.001, 1e6, &s->plan.timeout_ms);
	case 'd':
		s->message.file = optarg;
		return true;
	case 'H':
		if (s->message.headers_len == GP_SEND_HEADERS_MAX)
			return gp_arg_wrong(&arg, "is one field too many");
		s->message.headers[s->message.headers_len++] = optarg;
		return true;
	case 'b':
		s->message.body = optarg;
		return true;
	case OPT_RET:
		return read_ret(&arg, &s->envelope.ret);
	case OPT_ENVID:
		return read_envid(&arg, &s->envid);
	case OPT_NOTIFY:
		return read_notify(&arg, &s->notify);
	case OPT_ORCPT:
		return read_orcpt(&arg, &s->orcpt);
	case 'Q':
		return read_stage(&arg, s);
	case 'r':
		if (s->plan.raw_len == RAW_MAX)
			return gp_arg_wrong(&arg, "is one command too many");
		s->raw[s->plan.raw_len++] = optarg;
		return true;
	default:
		return read_secure_option(s, c, &arg);
	}
}

static const char *
wrong_with_tls(const struct send *s)
{
	const struct gp_smtp_client_setup *setup = &s->plan.setup;
	bool has_login = s->password_file || s->token_file || setup->login.mechanisms != 0;
	if (s->plan.verify && s->unverified)
		return "--verify and --no-verify contradict each other";
	if (setup->tls == GP_CLIENT_TLS_OFF && (s->plan.verify || s->user))
		return "--verify and --user need TLS";
	if (s->plan.verify && s->plan.tls_name.len == 0)
		return "a proof needs a name, and --server has none: --tls-name NAME (or "
		       "--no-verify)";
	if (has_login && !s->user)
		return "--password-file, --token-file and --auth belong to --user";
	if (s->password_file && s->token_file)
		return "--password-file and --token-file: one secret is enough";
	if (s->user && s->plan.raw_len > 0)
		return "--user is for a session, not for --raw commands";
	return NULL;
}

/* What follows from what was said about TLS: a password is for a server that has proved its name,
   and neither proof nor REQUIRETLS can be had without TLS. */
static void
imply_tls(struct send *s)
{
	struct gp_smtp_client_setup *setup = &s->plan.setup;
	bool required_tls = s->envelope.flags & GP_ENVELOPE_REQUIRETLS;
	if (s->plan.tls_name.len == 0 && s->plan.server)
		s->plan.tls_name = gp_send_server_name(s->plan.server, s->name);
	s->plan.verify |= s->user && !s->unverified;
	if ((s->plan.verify || s->user || required_tls) && setup->tls == GP_CLIENT_TLS_IF_OFFERED)
		setup->tls = GP_CLIENT_TLS_REQUIRED;
}

static bool
check_options(const struct send *s, int argc, char **argv)
{
	bool session = s->plan.raw_len == 0 && !s->plan.hello_only;
	const char *wrong = NULL;
	if (optind < argc) {
		fprintf(stderr, "gatepost send: what is '%s'? It takes options only\n",
			argv[optind]);
		return false;
	}
	if (!s->plan.server)
		wrong = "--server HOST[:PORT] is missing";
	else if (session && s->rcpts_len == 0)
		wrong = "--to ADDRESS is missing";
	else if (s->message.file && s->message.body)
		wrong = "--body is for a message that is made, --data for one that is there";
	else
		wrong = wrong_with_tls(s);
	if (wrong)
		fprintf(stderr, "gatepost send: %s\n", wrong);
	return !wrong;
}

static bool
read_options(struct send *s, int argc, char **argv)
{
	int c;
	s->plan.setup.tls = GP_CLIENT_TLS_IF_OFFERED;
	while ((c = gp_arg_next("send", argc, argv, "S:46f:t:d:H:b:Q:r:vqh", long_options)) != -1) {
		if (!read_option(s, c))
			return false;
	}
	if (s->raw_connect) {
		s->raw[0] = "QUIT";
		s->plan.raw_len = 1;
	}
	imply_tls(s);
	return s->help || check_options(s, argc, argv);
}

/* ---- what is sent ---- */

static struct gp_slice
header_of(struct gp_slice message)
{
	const char *end = message.len > 0 ? memmem(message.ptr, message.len, "\r\n\r\n", 4) : NULL;
	return end ? gp_slice_take(message, (size_t)(end - message.ptr)) : message;
}

static void
fill_in(struct send *s, char *hostname, size_t hostname_size)
{
	if (s->plan.setup.hostname.len == 0) {
		if (gethostname(hostname, hostname_size - 1) < 0 || hostname[0] == '\0')
			snprintf(hostname, hostname_size, "localhost");
		s->plan.setup.hostname = gp_slice_str(hostname);
	}
	for (size_t i = 0; i < s->rcpts_len; i++) {
		s->rcpts[i].notify = s->notify;
		s->rcpts[i].orcpt = gp_buf_slice(&s->orcpt);
	}
	s->envelope.envid = gp_buf_slice(&s->envid);
	s->envelope.rcpts = s->rcpts;
	s->envelope.rcpts_len = s->rcpts_len;
	s->plan.port = s->plan.setup.lmtp ? 24 : s->plan.setup.tls_implicit ? 465 : 25;
	s->plan.raw = s->raw;
	s->plan.print = !s->quiet && !s->json;
	s->plan.times = s->verbose;
	s->plan.body = s->verbose || s->json;
	s->message.from = s->envelope.sender;
	s->message.to = s->rcpts_len > 0 ? s->rcpts[0].address : gp_slice("", 0);
	s->message.host = s->plan.setup.hostname;
}

static int
make_mail(struct send *s)
{
	int r = gp_send_message_make(&s->message, &s->text);
	if (r < 0) {
		fprintf(stderr, "gatepost send: %s: %s\n",
			s->message.file ? s->message.file : "the message", strerror(-r));
		return GP_EXIT_ERROR;
	}
	s->plan.message = gp_buf_slice(&s->text);
	s->plan.mail.envelope = &s->envelope;
	s->plan.mail.size = s->plan.message.len;
	s->plan.mail.body_8bit = gp_slice_has_8bit(s->plan.message);
	s->plan.mail.header_utf8 = gp_slice_has_8bit(header_of(s->plan.message));
	return GP_EXIT_OK;
}

/* ---- report ---- */

static const char *const kinds[] = {
	[GP_OUTCOME_DELIVERED] = "delivered",
	[GP_OUTCOME_RELAYED] = "relayed",
	[GP_OUTCOME_DEFERRED] = "deferred",
	[GP_OUTCOME_FAILED] = "failed",
};

/* Text from a hand, which may be in any encoding. */
static json_t *
text_json(struct gp_slice s)
{
	json_t *value = json_stringn(s.ptr ? s.ptr : "", s.len);
	return value ? value : json_string("(not UTF-8)");
}

static json_t *
reply_json(const struct gp_reply *r)
{
	char status[32];
	snprintf(status, sizeof(status), "%u.%u.%u", r->enhanced_class, r->enhanced_subject,
		 r->enhanced_detail);
	return json_pack("{s:i, s:s, s:o}", "code", r->code, "status", status, "text",
			 text_json(r->text));
}

static json_t *
rcpts_json(const struct send *s, const struct gp_send_result *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < r->outcomes_len; i++) {
		const struct gp_outcome *o = &r->outcomes[i];
		json_t *rcpt = reply_json(&o->reply);
		json_object_set_new(rcpt, "address", text_json(s->rcpts[i].address));
		json_object_set_new(rcpt, "outcome", json_string(kinds[o->kind]));
		json_object_set_new(rcpt, "remote_said", json_boolean(o->remote_said));
		json_array_append_new(list, rcpt);
	}
	return list;
}

static json_t *
dialogue_json(const struct gp_send_result *r)
{
	static const char *const sides[] = {"server", "client", "tls"};
	json_t *list = json_array();
	for (size_t i = 0; i < r->lines_len; i++) {
		const struct gp_send_line *l = &r->lines[i];
		json_array_append_new(list, json_pack("{s:f, s:s, s:o}", "time",
						      (double)l->at_us / 1e6, "from",
						      sides[l->from], "text", text_json(l->text)));
	}
	return list;
}

static json_t *
date_json(int64_t epoch_s)
{
	return epoch_s > 0 ? json_string(gp_date_stamp((uint64_t)epoch_s).s) : json_null();
}

static json_t *
tls_json(const struct gp_send_tls *tls)
{
	const struct gp_tls_certificate *c = &tls->certificate;
	if (!tls->version)
		return json_null();
	json_t *certificate =
		!tls->has_certificate
			? json_null()
			: json_pack("{s:o, s:o, s:o, s:o, s:o}", "subject", text_json(c->subject),
				    "issuer", text_json(c->issuer), "names", text_json(c->names),
				    "from", date_json(c->from_s), "until", date_json(c->until_s));
	return json_pack("{s:s, s:s, s:b, s:s, s:o}", "version", tls->version, "cipher",
			 tls->cipher, "proven", tls->proven, "verdict", tls->verdict, "certificate",
			 certificate);
}

static bool
print_json(const struct send *s, const struct gp_send_result *r, int end)
{
	static const char *const ends[] = {"accepted", "refused", "lost", "unproven"};
	json_t *all = json_pack("{s:s, s:s, s:s, s:o, s:o}", "server", s->plan.server, "address",
				r->address, "result", ends[end], "recipients", rcpts_json(s, r),
				"dialogue", dialogue_json(r));
	json_object_set_new(all, "tls", tls_json(&r->tls));
	json_object_set_new(all, "failure",
			    r->failure.code > 0 ? reply_json(&r->failure) : json_null());
	json_object_set_new(all, "reason", r->why.len > 0 ? text_json(r->why) : json_null());
	return gp_tool_json_print(all);
}

static void
print_outcomes(const struct send *s, const struct gp_send_result *r)
{
	for (size_t i = 0; i < r->outcomes_len; i++) {
		const struct gp_outcome *o = &r->outcomes[i];
		if (o->kind <= GP_OUTCOME_RELAYED)
			continue;
		fprintf(stderr, "gatepost send: %.*s %s: %u %u.%u.%u %.*s\n",
			GP_SLICE_FMT(s->rcpts[i].address), kinds[o->kind], o->reply.code,
			o->reply.enhanced_class, o->reply.enhanced_subject,
			o->reply.enhanced_detail, GP_SLICE_FMT(o->reply.text));
	}
	if (r->why.len > 0 && r->outcomes_len == 0)
		fprintf(stderr, "gatepost send: %.*s\n", GP_SLICE_FMT(r->why));
}

static int
send_mail(struct send *s)
{
	static const int codes[] = {
		[GP_SEND_DONE] = GP_EXIT_OK,
		[GP_SEND_REFUSED] = GP_EXIT_BAD,
		[GP_SEND_LOST] = GP_EXIT_UNKNOWN,
		[GP_SEND_UNPROVEN] = GP_EXIT_BAD,
	};
	struct gp_send_result result;
	int end = gp_send_run(&s->plan, &result);
	int code = end < 0 ? GP_EXIT_ERROR : codes[end];
	if (end < 0)
		fprintf(stderr, "gatepost send: %s\n", strerror(-end));
	else if (s->json && !print_json(s, &result, end))
		code = GP_EXIT_ERROR;
	else if (!s->json)
		print_outcomes(s, &result);
	gp_arena_free(&result.arena);
	return code;
}

static int
get_secret(struct send *s)
{
	struct gp_client_login *login = &s->plan.setup.login;
	const char *file = s->token_file ? s->token_file : s->password_file;
	if (!s->user)
		return GP_EXIT_OK;
	int r = file ? gp_send_secret_read(file, &s->secret)
		     : gp_send_secret_ask(s->user, &s->secret);
	if (r < 0) {
		fprintf(stderr, "gatepost send: %s: %s\n", file ? file : "the password",
			r == -ENODATA ? "there is none" : strerror(-r));
		return GP_EXIT_USAGE;
	}
	gp_nonce(s->nonce);
	login->nonce = gp_slice_str(s->nonce);
	login->user = gp_slice_str(s->user);
	*(s->token_file ? &login->token : &login->password) = gp_buf_slice(&s->secret);
	return GP_EXIT_OK;
}

int
gp_cmd_send(int argc, char **argv)
{
	static struct send s = {
		.envid = {.max = ENVID_MAX},
		.orcpt = {.max = ORCPT_MAX},
		.text = {.max = GP_MESSAGE_FILE_MAX},
		.secret = {.max = GP_SEND_SECRET_MAX},
	};
	char hostname[256] = "";
	if (!read_options(&s, argc, argv))
		return GP_EXIT_USAGE;
	if (s.help) {
		fputs(usage, stdout);
		return GP_EXIT_OK;
	}
	fill_in(&s, hostname, sizeof(hostname));
	int code = get_secret(&s);
	if (code == GP_EXIT_OK)
		code = make_mail(&s);
	if (code == GP_EXIT_OK)
		code = send_mail(&s);
	gp_buf_free(&s.text);
	gp_buf_free(&s.envid);
	gp_buf_free(&s.orcpt);
	if (s.secret.len > 0)
		gp_wipe((void *)gp_buf_slice(&s.secret).ptr, s.secret.len);
	gp_buf_free(&s.secret);
	return code;
}
