/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys that are somewhere else. An OpenSSL 3 provider, built in, has RSA and EC keys of
 * which only the public half is here; to sign with one pauses the job (an OpenSSL ASYNC_JOB, a
 * stack of its own) that the handshake runs in, until whoever holds the key has answered. So
 * nothing waits but this handshake.
 *
 * The pause hands over a request and nothing else happens on the job's stack of 32 KB: messages are
 * sent, and answers taken, on the process's own.
 *
 * tls.h is what others use; this is shared by the files of our TLS alone.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "sys/tls_request.h"

enum { GP_TLS_HANDSHAKES_PAUSED_MAX = 512 }; /* of a process; each holds a stack of 32 KB */

/* The library context that all our TLS lives in: the default provider and ours, none of the
   system's configuration. Made by the first call, which must come before the sandbox. NULL: it
   could not be. */
OSSL_LIB_CTX *
gp_tls_library(void);

/* The key whose public half is this SubjectPublicKeyInfo, in DER; RSA or EC. NULL: another kind, or
   no memory. */
EVP_PKEY *
gp_tls_remote_key(struct gp_slice spki);

/* The request that the job just paused for; NULL: it paused for nothing of ours. It lives until it
   was answered and the job went on. */
struct gp_tls_request *
gp_tls_paused_request(void);
