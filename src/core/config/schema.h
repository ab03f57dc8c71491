/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of all keys of gatepost.yaml. Parsing, defaults, bounds, the canonical print, the
 * starter file and the reference all walk it; a new key is a line here and, where its value has a
 * shape of its own, a reader and a writer in lists.c and print.c.
 */
#pragma once

#include "core/config/config.h"

enum gp_key_type {
	/* scalars: the member at `offset` */
	GP_KEY_HOSTNAME, /* struct gp_slice */
	GP_KEY_USER,     /* struct gp_slice */
	GP_KEY_PATH,     /* struct gp_slice */
	GP_KEY_SIZE,     /* octets */
	GP_KEY_TIME,     /* ms */
	GP_KEY_COUNT,
	GP_KEY_CHOICE,   /* uint8_t: the index in `choices`, plus `min` */
	GP_KEY_SERVER,   /* struct gp_slice: host:port; `min` is the default port */
	GP_KEY_LISTEN,   /* struct gp_slice: address:port */
	GP_KEY_RESOLVER, /* struct gp_slice: address:port; `min` is the default port */
	GP_KEY_SEPARATORS,
	GP_KEY_ADDRESS, /* struct gp_slice: local@domain */
	GP_KEY_REPORTS, /* struct gp_slice: URIs, with commas between them */
	GP_KEY_URL,     /* struct gp_slice: gp_https_url_parse() takes it */
	GP_KEY_SECRET,  /* struct gp_slice: path of a file that is looked at and not read */
	GP_KEY_SOCKET,  /* struct gp_slice: "unix:PATH" */
	GP_KEY_WORDS,   /* struct gp_slice: text on one line */
	GP_KEY_TEXT,    /* struct gp_slice: the content of a file, or {text: ...} */
	GP_KEY_ANSWERS, /* the same, of answers of the DNS */
	/* shapes: the struct at `offset` is what the key's group or its reader fills */
	GP_KEY_GROUP,
	GP_KEY_LISTENS,
	GP_KEY_NETWORKS,
	GP_KEY_DOMAINS,
	GP_KEY_ROUTES,
	GP_KEY_DESTINATIONS,
	GP_KEY_FINGERPRINTS,
	GP_KEY_RECIPIENTS,
	GP_KEY_ALIASES,
	GP_KEY_DELIVER,
	GP_KEY_LOCAL, /* struct gp_slice: a local part of the domain, lower case */
	GP_KEY_PATTERNS,
	GP_KEY_CERTIFICATES,
	GP_KEY_KEYS,
	GP_KEY_EXEMPT,
	GP_KEY_PROXIES,
	GP_KEY_OVERRIDES,
	GP_KEY_SEALERS,
	/* known, and refused with a word of its own */
	GP_KEY_LATER,
};

struct gp_key_group;

struct gp_key {
	const char *name;
	const char *doc;     /* what it is and why one would change it; sentences */
	const char *preset;  /* the default as it is written in the file; NULL: none */
	const char *example; /* for the starter and the reference; NULL: preset is one */
	const struct gp_key_group
		*group;             /* GROUP; LISTENS, DOMAINS, DESTINATIONS, OVERRIDES: of each
					     entry */
	const char *const *choices; /* ends in NULL; of a PATH: words that name no file */
	uint64_t min, max;          /* bounds of numbers, inclusive */
	size_t offset;
	/* Of a limit of relay_networks: where strangers' limit is in struct gp_config. The default
	   is then whichever of the two is looser, so that raising one limit never leaves our own
	   hosts with less than strangers have. */
	size_t stranger_offset;
	bool floor; /* less is looser */
	bool wide;  /* SIZE, TIME, COUNT: the member is an uint64_t, else an uint32_t */
	uint8_t type;
	bool required;
};

struct gp_key_group {
	const struct gp_key *keys;
	size_t keys_len;
};

extern const struct gp_key_group gp_schema;

/* NULL: there is none. */
const struct gp_key *
gp_schema_key(const struct gp_key_group *group, struct gp_slice name);

/* The value of a SIZE, TIME or COUNT member. */
uint64_t
gp_key_number(const struct gp_key *key, const void *at);
