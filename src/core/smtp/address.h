/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: the grammar of RFC 5321 sections 4.1.2 and 4.1.3, with UTF-8 as RFC 6531 section 3.3,
 * whole: dot-strings, quoted strings, domains, literals; source routes are accepted and ignored
 * (appendix C). A parsed address is a value of its own type; no other code looks into the text
 * again.
 */
#pragma once

#include "base/arena.h"

enum gp_address_limits {
	GP_LOCAL_MAX = 64,   /* octets of the local-part as written (4.5.3.1.1) */
	GP_DOMAIN_MAX = 255, /* 4.5.3.1.2 */
	GP_PATH_MAX = 512,   /* with source route; the address proper is at most 254 */
};

enum gp_domain_kind {
	GP_DOMAIN_NONE, /* no "@domain": only "<postmaster>", and addresses of local programs */
	GP_DOMAIN_NAME,
	GP_DOMAIN_IPV4,    /* [192.0.2.1] */
	GP_DOMAIN_IPV6,    /* [IPv6:2001:db8::1] */
	GP_DOMAIN_GENERAL, /* [tag:content] */
};

struct gp_address {
	struct gp_slice
		local; /* as a dot-string where it can be written as one, else the quoted string
			  with its quotes: one canonical spelling for equal local-parts */
	struct gp_slice
		domain; /* a name in lower case without final dot (U-labels stay), or the literal
			   with its brackets, canonical text of the address inside */
	struct gp_slice text; /* local@domain, canonical: what is stored and sent */
	uint8_t domain_kind;  /* enum gp_domain_kind */
	bool utf8;            /* an octet over 127 is in it: needs SMTPUTF8 */
};

/*
 * Parses "<...>" as it stands in MAIL FROM or RCPT TO, from the front of *s; on success *s is what
 * follows the bracket. The empty path gives an address whose parts are all empty.
 * Returns 0; 1 when the text is not a path (*ret_why: a short reason for the reply, static);
 * -ENOMEM.
 */
[[nodiscard]] int
gp_address_parse_path(struct gp_slice *s, struct gp_arena *arena, struct gp_address *ret,
		      const char **ret_why);

/* The same for a bare address, all of s: configuration, aliases, commands. */
[[nodiscard]] int
gp_address_parse(struct gp_slice s, struct gp_arena *arena, struct gp_address *ret,
		 const char **ret_why);

/* The content of a canonical local-part: what stands in its quotes, where it has them. In the
   arena, or as it is; a NULL ptr: no memory. */
struct gp_slice
gp_address_unquote(struct gp_slice local, struct gp_arena *arena);

/* A domain name by RFC 5321 (letters, digits, hyphen, UTF-8 labels; 63 a label, 255 in all;
   underscores are accepted, since hosts in the field have them). */
bool
gp_domain_valid(struct gp_slice s);
