/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stranger says in RCPT TO. Whatever is accepted goes to one of our own ways to deliver, and
 * mailboxes lie one plain name below their root.
 */
#include "core/policy/policy.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] =
	"hostname: mx.example.org\n"
	"listen: [{address: \"192.0.2.1:25\"}]\n"
	"relay_networks: [10.0.0.0/8]\n"
	"smarthost: {address: smart.example}\n"
	"domains:\n"
	"  example.org:\n"
	"    recipients: any\n"
	"    aliases: {a: [b, c+d], b: [b, x@example.net], c: '\"x y\"', '\"x y\"': e}\n"
	"    subaddress: \"+-=\"\n"
	"    deliver: {maildir: \"/m/{domain}/{local}\"}\n"
	"  b\u00fccher.example: {recipients: any, deliver: {relay: inner.example}}\n"
	"  l.example: {recipients: [a], deliver: {lmtp: \"unix:/l\"}}\n"
	"srs: {domain: example.org, secret_file: s}\n"
	"routes: {.example.net: \"192.0.2.66\"}\n";

static struct gp_policy *
shared_policy(void)
{
	static struct gp_policy *policy;
	static struct gp_arena arena = {.max = GP_CONFIG_ARENA_MAX};
	static struct gp_config cfg;
	static const uint64_t seed[2] = {1, 2};
	struct gp_complaints complaints;
	if (!policy) {
		int rc = gp_config_parse(gp_slice_str(yaml), GP_SLICE("y"), NULL, &arena, &cfg,
					 &complaints);
		gp_assert(rc == 0);
		policy = gp_policy_new(&cfg, seed);
		gp_assert(policy);
	}
	return policy;
}

static void
check_mailbox(struct gp_slice path)
{
	const struct gp_slice root = GP_SLICE("/m/example.org/");
	gp_assert(gp_slice_starts(path, root));
	struct gp_slice name = gp_slice_drop(path, root.len);
	gp_assert(name.len > 0 && name.len <= 255 && name.ptr[0] != '.');
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		gp_assert((c >= 'a' && c <= 'z') || gp_ascii_is_digit(c) ||
			  gp_slice_find(GP_SLICE("-_+.="), c) >= 0);
	}
}

static void
check_target(const struct gp_policy *policy, struct gp_slice target, bool relay,
	     struct gp_arena *arena)
{
	struct gp_route route;
	struct gp_reply reply;
	int rc = gp_policy_route(policy, target, arena, &route, &reply);
	gp_assert(rc == 0);
	gp_assert(route.destination.len > 0);
	if (route.transport == GP_TRANSPORT_MAILDIR)
		check_mailbox(route.mailbox);
	/* The one alias that leads elsewhere is the operator's own will. */
	if (!relay && route.transport == GP_TRANSPORT_SMTP &&
	    !gp_slice_eq(target, GP_SLICE("x@example.net")))
		gp_assert(gp_slice_eq(route.destination, GP_SLICE("smtp:inner.example:25")));
}

static void
check_client(const struct gp_policy *policy, const struct gp_address *rcpt, bool relay,
	     struct gp_arena *arena)
{
	static const struct gp_srs srs = {.keys = {{"0123456789abcdef", 16}}, .keys_len = 1};
	struct gp_client client = {
		.address = {198, 51, 100, 1},
		.address_len = 4,
		.relay = relay,
		.null_sender = true,
		.srs = &srs,
	};
	struct gp_admission admission;
	int rc = gp_policy_rcpt(policy, &client, rcpt, arena, &admission);
	gp_assert(rc == 0);
	gp_assert((admission.reply.code == 250) == (admission.targets_len > 0));
	for (size_t i = 0; i < admission.targets_len; i++)
		check_target(policy, admission.targets[i].address, relay, arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gp_policy *policy = shared_policy();
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_address rcpt;
	const char *why;
	if (gp_address_parse_path(&text, &arena, &rcpt, &why) == 0) {
		check_client(policy, &rcpt, false, &arena);
		check_client(policy, &rcpt, true, &arena);
	}
	gp_arena_free(&arena);
	return 0;
}
