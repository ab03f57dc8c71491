/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a message, from its Received fields (RFC 5321 section 4.4): the hops in the order in
 * which it took them, how long each took, and how far down the fields can be believed.
 *
 * A field is worth as much as the host that wrote it. The topmost is our own; one below is true as
 * long as the host above it, which is ours, took the message from another of ours. The last of
 * these is the boundary: there the message came in, and the client that it names is the last fact.
 * Everything below was in the message when it came, so anybody may have written it.
 */
#pragma once

#include "core/config/config.h"
#include "core/finding/finding.h"
#include "core/message/header.h"
#include "core/trace/hop.h"

enum gp_path_limits {
	GP_PATH_HOPS_MAX = 100, /* as many as a server lets a message have (RFC 5321 section 6.3) */
	GP_PATH_NONE = -1,
};

/* Which hosts are ours. */
struct gp_trust {
	const struct gp_slice *hosts; /* "mx.example.org"; ".example.org" for all below it */
	size_t hosts_len;
	const struct gp_network *networks; /* beside loopback */
	size_t networks_len;
};

/* Does a name that a trusted host wrote belong to one of ours? */
bool
gp_trust_names(const struct gp_trust *trust, struct gp_slice host);

struct gp_path_hop {
	struct gp_hop hop;
	size_t field;    /* its place in the header */
	bool trusted;    /* written by a host of ours */
	bool has_delay;  /* not of the first, nor where a time is missing */
	int64_t delay_s; /* since the hop before; negative: their clocks disagree */
};

struct gp_path {
	const struct gp_path_hop *hops; /* the first is the oldest */
	size_t len;
	size_t more;           /* older ones, over the limit */
	int boundary;          /* the hop where it came in to us; GP_PATH_NONE: no hop is ours */
	bool assumed;          /* nobody said who is ours: the topmost field's host was taken */
	int submission;        /* a trusted hop that took it from a client who had authenticated */
	struct gp_when date;   /* of the field Date */
	bool has_total;        /* first and last time are known */
	int64_t total_s;       /* between them */
	struct gp_slice ours;  /* the newest host with a name */
	struct gp_trust trust; /* what was gone by: the query's, or what was assumed */
};

/*
 * now_s: seconds since 1970, for times that have not come yet. What is strange goes to `findings`.
 * Returns 0 or -ENOMEM.
 */
[[nodiscard]] int
gp_path_read(const struct gp_header *header, const struct gp_trust *trust, int64_t now_s,
	     struct gp_arena *arena, struct gp_findings *findings, struct gp_path *ret);
