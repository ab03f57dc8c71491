/* SPDX-License-Identifier: Apache-2.0 */
/* The octets of a tool's connection: over its socket, or by TLS over that. */
#pragma once

#include "sys/tls.h"

/* Before the first connection by TLS. From then on SIGPIPE is ignored, which TLS's writes would
   raise. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_wire_prepare_tls(void);

/*
 * tls: NULL: in clear. Both return how many octets, at most a record's 16 KB by TLS, or -errno;
 * -EAGAIN, which stands for EINTR too, is no failure. receive: 0 is the peer's end.
 */
[[nodiscard]] ssize_t
gp_wire_send(int fd, struct gp_tls *tls, struct gp_slice data);
[[nodiscard]] ssize_t
gp_wire_receive(int fd, struct gp_tls *tls, char *to, size_t size);

/* What one of them failed by, in words; of TLS they live as long as the connection. */
const char *
gp_wire_error(const struct gp_tls *tls, ssize_t result);
