/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stranger may make us connect to and believe: which addresses are the Internet's, how a
 * host, a path and a media type are written. Pure.
 */
#pragma once

#include "base/slice.h"

/*
 * Whether an address (4 or 16 octets; another number is none) is one that any host of the Internet
 * may have: not loopback, private, link-local, multicast or reserved (the registries of RFC 6890),
 * nor an IPv6 form that stands for such an IPv4 address.
 */
bool
reach_is_global(struct gp_slice octets);

/* A host name in A-labels, 1 to 253 octets, no final dot; nothing that a URL could take for an
 * address or more than a host. */
bool
reach_host_valid(struct gp_slice host);

/* Begins with "/"; printable ASCII without "#" (the rest would not be sent). */
bool
reach_path_valid(struct gp_slice path);

/* A header field's value that cannot become two fields: printable ASCII, not empty. */
bool
reach_media_type_valid(struct gp_slice value);
