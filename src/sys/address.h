/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Socket addresses as text and back: "192.0.2.1:25", "[2001:db8::1]:25", "unix:/path". Names are
 * not resolved here.
 */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "base/slice.h"

struct gp_sockaddr {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* default_port is used when the text has none; 0: a port is required. Returns 0 or -EINVAL. */
[[nodiscard]] int
gp_sockaddr_parse(struct gp_slice text, uint16_t default_port, struct gp_sockaddr *ret);

/* From 4 or 16 octets. */
struct gp_sockaddr
gp_sockaddr_from_octets(const uint8_t *octets, size_t len, uint16_t port);

/* The address as octets, IPv4-mapped as IPv4: 4 or 16; 0 for other families. */
size_t
gp_sockaddr_octets(const struct gp_sockaddr *a, uint8_t ret_octets[16]);

struct gp_sockaddr_text {
	char s[128];
};

/* "192.0.2.1", "2001:db8::1", "unix:/path"; with_port adds ":25", brackets where needed. */
struct gp_sockaddr_text
gp_sockaddr_text(const struct gp_sockaddr *a, bool with_port);

/* A listening, non-blocking, close-on-exec TCP or Unix socket. reuse_port: several may listen, the
   kernel spreads. Returns the descriptor or -errno. */
int
gp_socket_listen(const struct gp_sockaddr *a, int backlog, bool reuse_port);

/* Whether nobody listens on this TCP address: neither somebody who would let us share it, which
   SO_REUSEPORT does without a word to programs of the same user. 0, -EADDRINUSE, or what else is in
   the way. */
int
gp_socket_is_free(const struct gp_sockaddr *a);

/* A listening Unix socket of packets (SOCK_SEQPACKET), for channels. Returns the descriptor or
 * -errno. */
int
gp_socket_listen_packets(const struct gp_sockaddr *a, int backlog);
