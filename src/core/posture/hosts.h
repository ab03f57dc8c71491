/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What MX hosts and the web server of an MTA-STS policy showed to whoever talked to them: input of
 * the evaluation, which judges it and talks to nobody. Each fact is as it was seen; what was not
 * seen says why, and nothing is concluded from it: a host that was busy has not lost its TLS.
 *
 * Texts from outside are any octets.
 */
#pragma once

#include "core/dane/match.h"

enum gp_posture_host_limits {
	GP_POSTURE_LINKS_MAX = 10, /* certificates of a chain */
	GP_POSTURE_CHAINS_MAX = 2, /* RSA's and ECDSA's */
};

enum gp_posture_reach {
	GP_POSTURE_NOT_MET, /* nobody tried, it was silent, or did not want to talk: `why` */
	GP_POSTURE_CLOSED,  /* the connection was refused: nobody listens there */
	GP_POSTURE_MET,     /* it answered EHLO */
};

enum gp_posture_tls {
	GP_POSTURE_TLS_UNKNOWN, /* `tls_why` */
	GP_POSTURE_TLS_NONE,    /* EHLO's answer does not offer STARTTLS */
	GP_POSTURE_TLS_BROKEN,  /* it does, and no handshake comes of it: `tls_why` */
	GP_POSTURE_TLS_SPOKEN,
};

enum gp_posture_trust {
	GP_POSTURE_TRUST_UNKNOWN, /* nobody held it against authorities */
	GP_POSTURE_TRUSTED,       /* names and dates aside */
	GP_POSTURE_SELF_SIGNED,
	GP_POSTURE_UNTRUSTED,
};

enum gp_posture_known {
	GP_POSTURE_ASK_NOT, /* nobody asked, or there was no answer */
	GP_POSTURE_NO,
	GP_POSTURE_YES,
};

struct gp_posture_chain {
	struct gp_slice names;   /* of the first certificate, with a space between */
	int64_t from_s, until_s; /* of the first; 0: not said */
	uint8_t trust;           /* enum gp_posture_trust */
	const char *trust_why;   /* in words; or NULL */
	struct gp_slice weak;    /* what is weak in its keys and signatures; empty: nothing */
	struct gp_dane_link links[GP_POSTURE_LINKS_MAX];
	size_t links_len;
};

/* One address, by port 25. */
struct gp_posture_host {
	uint8_t address[16];
	uint8_t address_len;   /* 4 or 16 */
	uint8_t reach;         /* enum gp_posture_reach */
	const char *why;       /* NOT_MET: because; never NULL then */
	struct gp_slice asked; /* the name that TLS was asked for (RFC 6066 section 3) */
	struct gp_slice says;  /* the name in its answer to EHLO */
	const char *software;  /* as core/software names it; NULL: not recognised */
	uint8_t auth_clear;    /* enum gp_posture_known: AUTH PLAIN or LOGIN outside TLS */
	uint8_t tls;           /* enum gp_posture_tls */
	const char *tls_why;
	/* Of a host with TLS: */
	struct gp_slice old;  /* versions before TLS 1.2 that it takes; empty: none is known */
	bool old_ssl;         /* SSL 2 or 3 among them */
	bool old_known;       /* it takes no others */
	struct gp_slice weak; /* the same of suites: */
	bool weak_known;
	uint8_t compression, renegotiation; /* enum gp_posture_known: does; is secured (RFC 5746) */
	struct gp_posture_chain chains[GP_POSTURE_CHAINS_MAX]; /* as it was shown, each once */
	size_t chains_len;
};

/* All that were looked at, those of other domains too, in the order of gp_posture_host_cmp(). An
   address is there once, and behind that once more for each other name that TLS was asked for
   there, with what it showed then. */
struct gp_posture_hosts {
	const struct gp_posture_host *list;
	size_t len;
};

int
gp_posture_host_cmp(const struct gp_posture_host *a, const struct gp_posture_host *b);

/* What became of fetching a file by HTTPS: an MTA-STS policy (RFC 8461 section 3.3), or what a
   BIMI record leads to. */
enum gp_posture_fetch {
	GP_POSTURE_FETCH_NOT, /* nobody tried, or nothing can be concluded */
	GP_POSTURE_FETCHED,
	GP_POSTURE_FETCH_CONNECT,
	GP_POSTURE_FETCH_TLS,
	GP_POSTURE_FETCH_REDIRECT,
	GP_POSTURE_FETCH_STATUS,
	GP_POSTURE_FETCH_TYPE,
	GP_POSTURE_FETCH_TOO_LARGE,
	GP_POSTURE_FETCH_BROKEN,
};

struct gp_posture_file {
	uint8_t outcome;      /* enum gp_posture_fetch */
	struct gp_slice why;  /* in words, unless it was fetched */
	struct gp_slice text; /* the body, where it was */
};

/* What a mark certificate says of itself, and of the chain that it came with. Which authority
   vouches for it is not known. */
struct gp_posture_mark {
	struct gp_slice names;   /* of the first certificate, with a space between */
	int64_t from_s, until_s; /* of the first; 0: not said */
	bool is_mark;            /* its extended key usage is that of marks */
	bool has_logotype;       /* RFC 9399 section 4.1 */
	bool self_signed;        /* it is alone, and its own issuer */
	bool chained;            /* each but the last is signed by the one behind it */
	struct gp_slice logo;    /* the SVG file that it holds; empty: none that could be read */
};

/* What the BIMI record leads to. */
struct gp_posture_bimi {
	struct gp_posture_file logo, certificate;
	const struct gp_posture_mark *mark; /* NULL: what was fetched is no certificate */
};
