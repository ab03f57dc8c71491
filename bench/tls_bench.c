/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs that private keys are elsewhere: full handshakes against a server with its key in
 * the process, as OpenSSL has it; with our remote key, signed for in the same process; and with a
 * process beside it that signs, as signer does. Client and server are one process over socket
 * pairs, so the rate has both ends in it; `server` is the CPU time of the server's end alone.
 *
 *     ninja -C build tls_bench && build/tls_bench [handshakes]
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/self_signed.h"
#include "procs/signer/keys.h"
#include "sys/tls_client.h"
#include "sys/tls_server.h"

enum { AT_ONCE = 16 };

enum mode { LOCAL, INLINE, BESIDE, MODES };

static const char *const names[MODES] = {"key in OpenSSL", "remote, same process",
					 "remote, process beside"};

struct shake {
	int fds[2];
	SSL *local; /* the server's end in mode LOCAL */
	struct gp_tls *server, *client;
	bool asked, server_done, client_done;
};

static struct {
	enum mode mode;
	SSL_CTX *local;
	struct gp_tls_server *server;
	struct gp_tls_client *client;
	struct keys keys;
	int signer; /* the socket to the process beside */
	double server_s;
} bench;

static double
seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "tls_bench: %s failed\n", what);
	exit(4);
}

/* --- the process that signs --- */

struct question {
	size_t from;
	struct gp_tls_request request;
};

static int
sign(const struct gp_tls_request *r, uint8_t to[GP_TLS_SIGNATURE_MAX])
{
	return keys_sign(&bench.keys, gp_slice((const char *)r->key_id, GP_TLS_KEY_ID), r->scheme,
			 gp_slice((const char *)r->input, r->input_len), to);
}

static void
answer_questions(int fd)
{
	struct question q;
	while (recv(fd, &q, sizeof(q), 0) == sizeof(q)) {
		int n = sign(&q.request, q.request.signature);
		q.request.signature_len = n > 0 ? (size_t)n : 0;
		if (send(fd, &q, sizeof(q), 0) < 0)
			break;
	}
	_exit(0);
}

static pid_t
start_signer(void)
{
	int fds[2];
	check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0, "socketpair");
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		answer_questions(fds[1]);
	}
	close(fds[1]);
	bench.signer = fds[0];
	return pid;
}

/* --- handshakes --- */

static void
want_signature(struct shake *s, size_t at)
{
	const struct gp_tls_request *r = gp_tls_request(s->server);
	struct question q = {.from = at, .request = *r};
	if (bench.mode == INLINE) {
		int n = sign(r, q.request.signature);
		gp_tls_answer(s->server, gp_slice((char *)q.request.signature, (size_t)n));
	} else if (!s->asked) {
		s->asked = true;
		check(send(bench.signer, &q, sizeof(q), 0) == sizeof(q), "asking");
	}
}

static void
step_server(struct shake *s, size_t at)
{
	double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
	if (s->server_done || s->asked)
		return;
	if (bench.mode == LOCAL) {
		s->server_done = SSL_do_handshake(s->local) == 1;
	} else {
		int r = gp_tls_handshake(s->server);
		check(r == 0 || r == -EAGAIN, "handshake");
		s->server_done = r == 0;
		if (r == -EAGAIN && gp_tls_wants(s->server) == GP_TLS_WANTS_SIGNATURE)
			want_signature(s, at);
	}
	bench.server_s += seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
}

static void
take_answers(struct shake *shakes, bool wait)
{
	struct question q;
	double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
	while (recv(bench.signer, &q, sizeof(q), wait ? 0 : MSG_DONTWAIT) == sizeof(q)) {
		struct shake *s = &shakes[q.from];
		gp_tls_answer(s->server,
			      gp_slice((char *)q.request.signature, q.request.signature_len));
		s->asked = false;
		wait = false;
	}
	bench.server_s += seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
}

static void
begin(struct shake *s)
{
	static const struct gp_tls_goal goal;
	*s = (struct shake){};
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s->fds) == 0, "socketpair");
	s->client = gp_tls_connect(bench.client, s->fds[1], &goal);
	if (bench.mode == LOCAL) {
		s->local = SSL_new(bench.local);
		SSL_set_fd(s->local, s->fds[0]);
		SSL_set_accept_state(s->local);
	} else {
		s->server = gp_tls_accept(bench.server, s->fds[0], GP_SLICE("bench"));
	}
	check(s->client && (s->server || s->local), "connection");
}

static void
end(struct shake *s)
{
	SSL_free(s->local);
	gp_tls_free(s->server);
	gp_tls_free(s->client);
	close(s->fds[0]);
	close(s->fds[1]);
}

static void
shake_all(size_t count)
{
	static struct shake shakes[AT_ONCE];
	for (size_t done = 0; done < count; done += AT_ONCE) {
		size_t open = AT_ONCE;
		for (size_t i = 0; i < AT_ONCE; i++)
			begin(&shakes[i]);
		while (open > 0) {
			size_t asked = 0;
			open = 0;
			for (size_t i = 0; i < AT_ONCE; i++) {
				struct shake *s = &shakes[i];
				if (!s->client_done)
					s->client_done = gp_tls_handshake(s->client) == 0;
				step_server(s, i);
				open += !s->server_done || !s->client_done;
				asked += s->asked;
			}
			if (bench.mode == BESIDE)
				take_answers(shakes, asked > 0 && asked == open);
		}
		for (size_t i = 0; i < AT_ONCE; i++)
			end(&shakes[i]);
	}
}

/* --- the comparison --- */

static SSL_CTX *
local_server(struct gp_slice certificate, struct gp_slice key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	BIO *in = BIO_new_mem_buf(certificate.ptr, (int)certificate.len);
	X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	in = BIO_new_mem_buf(key.ptr, (int)key.len);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	BIO_free(in);
	check(SSL_CTX_use_cert_and_key(ctx, x, k, NULL, 1) == 1, "local key");
	SSL_CTX_set_num_tickets(ctx, 0);
	X509_free(x);
	EVP_PKEY_free(k);
	return ctx;
}

static void
run(enum mode mode, size_t count)
{
	struct rusage beside = {};
	pid_t pid = 0;
	bench.mode = mode;
	if (mode == BESIDE)
		pid = start_signer();
	shake_all(count / 10); /* to warm up */
	bench.server_s = 0;
	double began = seconds(CLOCK_MONOTONIC);
	shake_all(count);
	double took = seconds(CLOCK_MONOTONIC) - began;
	if (mode == BESIDE) {
		close(bench.signer);
		wait4(pid, NULL, 0, &beside);
	}
	double n = (double)count;
	double signer_s = (double)(beside.ru_utime.tv_sec + beside.ru_stime.tv_sec) +
			  (double)(beside.ru_utime.tv_usec + beside.ru_stime.tv_usec) / 1e6;
	printf("%-24s %6.0f handshakes/s   server %4.0f us   signer %4.0f us\n", names[mode],
	       n / took, bench.server_s / n * 1e6, signer_s / (n * 1.1) * 1e6);
}

int
main(int argc, char **argv)
{
	struct gp_buf certificate = GP_BUF_INIT(1 << 16), key = GP_BUF_INIT(1 << 16);
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 3200;
	uint8_t id[GP_TLS_KEY_ID];
	const char *why = NULL;
	check(gp_self_signed_make(GP_SLICE("bench.test"), &certificate, &key) == 0, "key");
	struct gp_slice pem = gp_buf_slice(&certificate);
	bench.client = gp_tls_client_new(NULL);
	check(keys_prepare() == 0 && keys_add(&bench.keys, gp_buf_slice(&key), 1, id) == 0, "keys");
	bench.server = gp_tls_server_new(&pem, 1, &why);
	bench.local = local_server(pem, gp_buf_slice(&key));
	check(bench.client && bench.server, why ? why : "client");
	printf("ECDSA P-256, TLS 1.3, X25519, %d at once\n", AT_ONCE);
	for (int round = 0; round < 3; round++) {
		for (enum mode m = LOCAL; m < MODES; m++)
			run(m, count);
	}
	return 0;
}
