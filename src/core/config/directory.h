/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index over a configuration's domains, recipients and aliases: which of them are ours, and what
 * a local part of ours stands for. Read only once it is made.
 */
#pragma once

#include "core/config/config.h"

struct gp_directory;
struct gp_directory_domain;

/* cfg must outlive it. seed: random, since strangers choose what is looked up. NULL: no memory. */
struct gp_directory *
gp_directory_new(const struct gp_config *cfg, const uint64_t seed[2]);
struct gp_directory *
gp_directory_free(struct gp_directory *d);

/* name: A-labels in lower case. NULL: not ours. */
const struct gp_directory_domain *
gp_directory_find(const struct gp_directory *d, struct gp_slice name);
const struct gp_domain_config *
gp_directory_config(const struct gp_directory_domain *domain);

enum gp_directory_kind {
	GP_DIRECTORY_NONE,    /* nobody is called that */
	GP_DIRECTORY_ALIAS,   /* go on with its targets */
	GP_DIRECTORY_MAILBOX, /* a mailbox of the domain */
};

struct gp_directory_entry {
	uint8_t kind;     /* enum gp_directory_kind */
	bool own_mailbox; /* ALIAS: there is a mailbox of that name too, and a target that
			     is the alias's own name means it */
	size_t index;     /* ALIAS: counts through all of them */
	const struct gp_alias *alias; /* ALIAS */
	struct gp_slice mailbox;      /* ALIAS and MAILBOX: the local part without subaddress, in
					 lower case */
};

/*
 * What a local part stands for. local: as struct gp_address has it. In this order: an alias or a
 * recipient of exactly that name; the same of what stands before the first separator of
 * subaddresses; `any`, with the subaddress cut off; postmaster, which every domain has (RFC 5321
 * section 4.5.1) and which is a mailbox like others where it is neither recipient nor alias.
 *
 * A name that holds "@", "%" or "!" is only found when it is listed exactly: some next host could
 * take it for a route to somebody else (the percent hack and its kin), and would relay for the
 * world through us.
 *
 * Letters A to Z are folded, others are not. Returns 0 or -ENOMEM.
 */
[[nodiscard]] int
gp_directory_look_up(const struct gp_directory_domain *domain, struct gp_slice local,
		     struct gp_arena *arena, struct gp_directory_entry *ret);

/* How many aliases there are in all domains. */
size_t
gp_directory_aliases(const struct gp_directory *d);
