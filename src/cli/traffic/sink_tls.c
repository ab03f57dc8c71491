/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/sink_tls.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "cli/self_signed.h"
#include "procs/signer/keys.h"
#include "sys/password.h"
#include "sys/small_file.h"

enum { PEM_MAX = 256 * 1024 };

struct gp_sink_tls {
	struct gp_tls_server *server;
	struct keys keys;
};

static const char *
add_pair(struct gp_sink_tls *t, struct gp_slice certificate, struct gp_slice key)
{
	uint8_t secret[GP_TLS_TICKET_SECRET], wanted[GP_TLS_KEY_ID], given[GP_TLS_KEY_ID];
	const char *why = NULL;
	if (gp_tls_certificate_key(certificate, wanted) < 0)
		return "the certificate cannot be read, or is for no RSA or EC key";
	if (keys_add(&t->keys, key, 1, given) < 0)
		return "the key cannot be read, or is no RSA or EC key that is used";
	if (memcmp(wanted, given, sizeof(wanted)) != 0)
		return "the key is not the certificate's";
	t->server = gp_tls_server_new(&certificate, 1, &why);
	if (!t->server)
		return why;
	gp_random(secret, sizeof(secret));
	gp_tls_server_set_tickets(t->server, secret, NULL);
	return NULL;
}

static const char *
make_pair(struct gp_sink_tls *t)
{
	struct gp_buf certificate = GP_BUF_INIT(PEM_MAX), key = GP_BUF_INIT(PEM_MAX);
	const char *why = "out of memory";
	if (gp_self_signed_make(GP_SLICE("sink.invalid"), &certificate, &key) == 0)
		why = add_pair(t, gp_buf_slice(&certificate), gp_buf_slice(&key));
	gp_buf_free(&certificate);
	gp_buf_free(&key);
	return why;
}

static const char *
read_pair(struct gp_sink_tls *t, const char *certificate, const char *key)
{
	struct gp_arena arena = GP_ARENA_INIT(4 * PEM_MAX);
	struct gp_slice pem, private_pem;
	const char *why = "out of memory";
	int r = gp_file_read(gp_slice_str(certificate), PEM_MAX, &arena, &pem);
	if (r == 0)
		r = gp_file_read(gp_slice_str(key), PEM_MAX, &arena, &private_pem);
	why = r == 0 ? add_pair(t, pem, private_pem) : strerrordesc_np(-r);
	gp_arena_free(&arena);
	return why;
}

struct gp_sink_tls *
gp_sink_tls_new(const char *certificate, const char *key, const char **ret_why)
{
	struct gp_sink_tls *t = calloc(1, sizeof(*t));
	*ret_why = !t            ? "out of memory"
		   : certificate ? read_pair(t, certificate, key)
				 : make_pair(t);
	return *ret_why ? gp_sink_tls_free(t) : t;
}

struct gp_sink_tls *
gp_sink_tls_free(struct gp_sink_tls *t)
{
	if (!t)
		return NULL;
	gp_tls_server_free(t->server);
	keys_free(&t->keys);
	free(t);
	return NULL;
}

struct gp_tls *
gp_sink_tls_accept(struct gp_sink_tls *t, int fd)
{
	return gp_tls_accept(t->server, fd, GP_SLICE("sink"));
}

int
gp_sink_tls_handshake(const struct gp_sink_tls *t, struct gp_tls *connection)
{
	int r;
	while ((r = gp_tls_handshake(connection)) == -EAGAIN &&
	       gp_tls_wants(connection) == GP_TLS_WANTS_SIGNATURE) {
		const struct gp_tls_request *request = gp_tls_request(connection);
		uint8_t signature[GP_TLS_SIGNATURE_MAX];
		int n = keys_sign(&t->keys, gp_slice((const char *)request->key_id, GP_TLS_KEY_ID),
				  request->scheme,
				  gp_slice((const char *)request->input, request->input_len),
				  signature);
		gp_tls_answer(connection, gp_slice((const char *)signature, n > 0 ? (size_t)n : 0));
	}
	return r;
}
