/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost dkim: keys, and signatures made and verified, by hand. Each verb has a file.
 */
#include "cli/proof/dkim.h"

#include "cli/commands.h"
#include "cli/proof/signing_options.h"
#include "core/dkim/key.h"
#include "sys/log.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

static const char usage[] =
	"usage: gatepost dkim VERB [options] [MESSAGE]\n\n"
	"  keygen             makes a private key, and prints the record to publish\n"
	"  sign               prints the message with a signature on top\n"
	"  verify             what each of its signatures proves; exit code 1 when none passes\n\n"
	"  MESSAGE            a file; - or nothing for standard input\n\n"
	"keygen, sign:\n"
	"  --domain D         whose signature it is\n"
	"  --selector S       which of the domain's keys\n"
	"  --algorithm A      rsa-sha256 or ed25519-sha256; sign: what the key is for\n"
	"  -o FILE            keygen: where the key goes, must not be there; sign: the message\n"
	"keygen:\n"
	"  --bits N           of an RSA key, 1024 to 4096 (2048)\n"
	"  --json             the record as one JSON object\n"
	"sign:\n"
	"  --key FILE         the private key in PEM, or 32 octets in base64 for Ed25519\n"
	"  --headers A:B:C    the fields to sign, in this order; each once more than it is there\n"
	"                     keeps others from adding one\n"
	"  --canon H/B        canonicalisation, simple or relaxed (relaxed/relaxed)\n"
	"  --expire S         seconds that the signature is good for (for ever)\n"
	"verify:\n"
	"  --json             one JSON object\n"
	"  -v, -q             the reasoning too; nothing at all\n"
	"  --dns FILE         answers from this file; nobody is asked\n"
	"  --resolver ADDR    the DNS server to ask\n"
	"sign, verify:\n"
	"  --time EPOCH       the time that it is\n";

enum { KEYGEN, SIGN, VERIFY };

static const struct gp_signing_verb verbs[] = {
	[KEYGEN] = {"keygen", .reads = false},
	[SIGN] = {"sign", .reads = true},
	[VERIFY] = {"verify", .reads = true, .answers = true},
};

static int
run_verb(struct dkim_run *run, size_t verb)
{
	switch (verb) {
	case KEYGEN:
		return dkim_keygen(run);
	case SIGN:
		return dkim_sign(run);
	default:
		return dkim_verify(run);
	}
}

int
gp_cmd_dkim(int argc, char **argv)
{
	struct dkim_run run = {.arena = GP_ARENA_INIT(ARENA_MAX),
			       .signing = {.command = "gatepost dkim"}};
	const struct gp_signing_option own[] = {
		{"headers", .text = &run.headers},
		{"canon", .text = &run.canon},
		{"algorithm", .text = &run.algorithm},
		{"bits", NULL, &run.bits, GP_DKIM_RSA_BITS_MIN, GP_DKIM_RSA_BITS_MAX},
		{"expire", NULL, &run.expire_s, 1, GP_SIGNING_TIME_MAX_S},
	};
	const struct gp_signing_syntax syntax = {
		"dkim", usage, verbs, GP_ARRAY_LEN(verbs), own, GP_ARRAY_LEN(own),
	};
	size_t verb = KEYGEN;
	run.signing.arena = &run.arena;
	int code = gp_signing_options_read(&syntax, argc, argv, &run.signing, &verb);
	if (code > 0)
		return code - 1;
	gp_log_setup("dkim", false, GP_LOG_WARNING);
	code = run_verb(&run, verb);
	gp_signing_close(&run.signing);
	gp_arena_free(&run.arena);
	gp_log_flush();
	return code;
}
