/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS reports that others post (RFC 8460 sections 3 and 5.4), to
 * https://HOST/tls-reports/DOMAIN, where HOST is our hostname or mta-sts.DOMAIN, for those of our
 * domains that have `tls_rpt_https`. By its head alone it is decided whether a body is read. Pure.
 */
#pragma once

#include "procs/web/answer.h"

#define POST_PATH "/tls-reports/"

/* Octets of a body: as many as we post ourselves. */
enum { POST_BODY_MAX = 1024 * 1024 };

/* Whether it is about such a report, and not about a policy. */
bool
post_is_asked(const struct question *q);

/* 200: it goes on, the body has *ret_len octets and is for the domain *ret, a part of cfg. Or the
 * status that refuses it. */
int
post_head(const struct gp_config *cfg, const struct question *q,
	  const struct gp_domain_config **ret, size_t *ret_len);

/* The status for what became of the body. outcome: enum gp_ingested. */
int
post_status(uint8_t outcome);
