/* SPDX-License-Identifier: Apache-2.0 */
/* A sink's TLS: one certificate, its key in this process, and tickets of a secret of its own. */
#pragma once

#include "sys/tls_server.h"

struct gp_sink_tls;

/*
 * certificate, key: files in PEM; both NULL: a certificate for sink.invalid that nobody vouches
 * for, on P-256, is made. NULL: it cannot be; *ret_why says why, static.
 */
struct gp_sink_tls *
gp_sink_tls_new(const char *certificate, const char *key, const char **ret_why);
/* Accepts NULL, returns NULL. */
struct gp_sink_tls *
gp_sink_tls_free(struct gp_sink_tls *t);

/* A connection that a client has made, at the point where TLS begins. NULL: no memory. */
struct gp_tls *
gp_sink_tls_accept(struct gp_sink_tls *t, int fd);

/* gp_tls_handshake, which signs as it goes: it never wants a signature. */
[[nodiscard]] int
gp_sink_tls_handshake(const struct gp_sink_tls *t, struct gp_tls *connection);
