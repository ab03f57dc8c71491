/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as a value: what gatepost.yaml says, checked, defaults filled in, the files
 * that it names read in. Everything lives in one arena. Roles get it as text again
 * (gp_config_print) and parse it with the same parser: one form, one reader.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum gp_service {
	GP_SERVICE_INBOUND = 1,
	GP_SERVICE_SUBMISSION = 2,
};

struct gp_listen {
	struct gp_slice address; /* "192.0.2.1:25", "[::]:25" */
	uint8_t service;         /* enum gp_service */
};

/* A network: address of 4 or 16 octets, prefix length. IPv4-mapped IPv6 is stored as IPv4. */
struct gp_network {
	uint8_t address[16];
	uint8_t address_len; /* 4 or 16 */
	uint8_t prefix_len;
};

/* Limits on one session or source; security.md "Limits to ship" in docs has the reasons. Times in
 * ms. */
struct gp_limits {
	uint64_t message_size; /* octets, also announced as SIZE */
	uint64_t header_size;  /* octets of all header fields */
	uint32_t header_fields;
	uint32_t recipients;              /* a transaction */
	uint32_t messages;                /* a connection */
	uint32_t errors;                  /* 4xx and 5xx answers before the session is closed */
	uint32_t useless_commands;        /* NOOP, RSET, VRFY, HELP, repeated EHLO without a message
					     between */
	uint32_t hops;                    /* Received fields: loop */
	uint32_t command_length;          /* octets of a command line with CRLF */
	uint64_t command_time;            /* for a whole command line */
	uint64_t body_rate;               /* octets a second at least, over the whole body */
	uint32_t connections;             /* open at once, this server */
	uint32_t connections_per_source;  /* a /32 (IPv6: /64) */
	uint32_t connections_per_network; /* a /24 (IPv6: /48) */
};

enum gp_deliver_kind {
	GP_DELIVER_MAILDIR = 1,
	GP_DELIVER_LMTP,
	GP_DELIVER_RELAY, /* a fixed host */
	GP_DELIVER_DISCARD,
};

struct gp_deliver {
	uint8_t kind;           /* enum gp_deliver_kind */
	struct gp_slice target; /* maildir: path with {domain} {local}; lmtp: "unix:/path" or
				   host:port; relay: host:port */
};

struct gp_alias {
	struct gp_slice name;           /* local-part, or full address; canonical */
	const struct gp_slice *targets; /* full addresses; a bare local-part got the domain added */
	size_t targets_len;
};

struct gp_domain_config {
	struct gp_slice name; /* lower case, A-labels */
	bool recipients_any;
	const struct gp_slice *recipients; /* local-parts, lower case */
	size_t recipients_len;
	const struct gp_alias *aliases;
	size_t aliases_len;
	struct gp_slice subaddress_separators; /* default "+" ; empty: off */
	struct gp_deliver deliver;
};

struct gp_route_config {
	struct gp_slice domain; /* "example.net", or ".example.net" for what is below it */
	struct gp_slice target; /* host:port */
};

struct gp_config {
	struct gp_slice hostname;
	struct gp_slice state;
	struct gp_slice user;
	const struct gp_listen *listens;
	size_t listens_len;
	const struct gp_network *relay_networks;
	size_t relay_networks_len;
	struct gp_limits limits;       /* of strangers */
	struct gp_limits relay_limits; /* of relay_networks: key `relay_limits` */
	struct {
		uint64_t first, max, lifetime; /* ms: `first`, `max`, `for` */
	} retry;
	uint64_t greet_wait; /* ms; 0: off. Default 0 */
	struct {
		uint32_t start, max; /* transactions at once to one destination: `concurrency:
					{start: 5, max: 20}` */
	} concurrency;
	const struct gp_domain_config *domains;
	size_t domains_len;
	struct {
		struct gp_slice address; /* host:port; empty: none */
	} smarthost;
	const struct gp_route_config *routes;
	size_t routes_len;
	struct {
		struct gp_slice server;  /* addr:port; empty: /etc/resolv.conf */
		struct gp_slice answers; /* content of the file in the form of --dns; empty: none */
		struct gp_slice trust_anchor; /* path; empty: none */
	} dns;
	struct {
		bool json;
		uint8_t level; /* 0 error, 1 warning, 2 info, 3 debug */
	} log;
	uint32_t workers; /* smtpd and relay processes each; 0: one a core */
};
