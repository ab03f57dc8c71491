/* SPDX-License-Identifier: Apache-2.0 */
/* A server's TLS: versions, certificates, tickets, and clients that mean no good. */
#include "tls_rig.h"

#include <malloc.h>
#include <sys/ioctl.h>

enum { LARGE_EXTENSION = 28 * 1024 };

static struct made rsa, ec, other_ec, other_rsa;

static int
set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as roles do */
	rsa = make((struct wanted){.rsa = true, .names = "DNS:mx.example"});
	ec = make((struct wanted){.names = "DNS:mx.example,DNS:mail.example"});
	other_ec = make((struct wanted){.curve = "P-384", .names = "DNS:*.other.example"});
	other_rsa = make((struct wanted){.rsa = true, .names = "DNS:mx.other.example"});
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unmake(&rsa);
	unmake(&ec);
	unmake(&other_ec);
	unmake(&other_rsa);
	return 0;
}

static const struct made *const one[] = {&ec};
static const struct made *const all[] = {&ec, &rsa, &other_rsa, &other_ec};

/* Whose certificate the client was shown. */
static const struct made *
shown(const struct ends *e)
{
	const X509 *x = SSL_get0_peer_certificate(e->client->ssl);
	for (size_t i = 0; x && i < GP_ARRAY_LEN(all); i++) {
		if (X509_cmp(x, all[i]->x) == 0)
			return all[i];
	}
	return NULL;
}

/* --- what is agreed on --- */

static void
each_version_goes_with_each_key(void **state)
{
	static const struct {
		int version;
		const char *schemes; /* that the client takes */
		const struct made *shown;
		const char *name, *cipher;
	} rows[] = {
		{TLS1_3_VERSION, NULL, &ec, "TLSv1.3", "TLS_AES_256_GCM_SHA384"},
		{TLS1_3_VERSION, "RSA-PSS+SHA256", &rsa, "TLSv1.3", "TLS_AES_256_GCM_SHA384"},
		{TLS1_3_VERSION, "RSA-PSS+SHA512", &rsa, "TLSv1.3", "TLS_AES_256_GCM_SHA384"},
		{TLS1_2_VERSION, NULL, &ec, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"},
		{TLS1_2_VERSION, "ECDSA+SHA384", &ec, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"},
		{TLS1_2_VERSION, "RSA+SHA256", &rsa, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"},
		{TLS1_2_VERSION, "RSA-PSS+SHA384", &rsa, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"},
	};
	struct rig r = {};
	(void)state;
	rig_serve(&r, all, GP_ARRAY_LEN(all));
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct ends e;
		ends_open(&e, &r, "a", NULL);
		SSL_set_max_proto_version(e.client->ssl, rows[i].version);
		if (rows[i].schemes)
			assert_true(SSL_set1_sigalgs_list(e.client->ssl, rows[i].schemes));
		if (ends_shake(&e, &r) != 0)
			fail_msg("row %zu: %s, %s", i, gp_tls_error(e.server),
				 gp_tls_error(e.client));
		struct gp_tls_facts facts = gp_tls_facts(e.server);
		assert_ptr_equal(shown(&e), rows[i].shown);
		assert_string_equal(facts.version, rows[i].name);
		assert_string_equal(facts.cipher, rows[i].cipher);
		assert_null(facts.name);
		assert_false(facts.resumed);
		ends_talk(&e);
		ends_free(&e);
		assert_int_equal(r.signatures, i + 1);
	}
	rig_free(&r);
}

/* What the client finds by its own means. */
static void
check_bindings(const struct ends *e, bool unique, const struct made *certificate)
{
	struct gp_tls_bindings b;
	uint8_t exporter[GP_TLS_EXPORTER], end_point[EVP_MAX_MD_SIZE];
	unsigned int len;
	gp_tls_bindings(e->server, &b);
	assert_int_equal(b.exporter_len, unique ? GP_TLS_EXPORTER : 0);
	if (unique) {
		assert_int_equal(SSL_export_keying_material(e->client->ssl, exporter,
							    sizeof(exporter),
							    "EXPORTER-Channel-Binding", 24,
							    (const unsigned char *)"", 0, 1),
				 1);
		assert_memory_equal(b.exporter, exporter, sizeof(exporter));
	}
	assert_int_equal(b.end_point_len, certificate ? 32 : 0);
	if (certificate) {
		assert_true(X509_digest(certificate->x, EVP_sha256(), end_point, &len));
		assert_memory_equal(b.end_point, end_point, len);
	}
}

static void
channels_are_bound_to(void **state)
{
	static const struct {
		int version;
		const char *schemes, *name;
		uint64_t options;
		bool unique;
		const struct made *shown;
	} rows[] = {
		{TLS1_3_VERSION, NULL, "mx.example", 0, true, &ec},
		{TLS1_3_VERSION, "RSA-PSS+SHA256", "mx.example", 0, true, &rsa},
		{TLS1_3_VERSION, "RSA-PSS+SHA256", "mx.other.example", 0, true, &other_rsa},
		{TLS1_2_VERSION, NULL, "mx.example", 0, true, &ec},
		{TLS1_2_VERSION, "RSA+SHA256", "mx.example", SSL_OP_NO_EXTENDED_MASTER_SECRET,
		 false, &rsa},
	};
	struct rig r = {};
	(void)state;
	rig_serve(&r, all, GP_ARRAY_LEN(all));
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct ends e;
		struct gp_tls_goal goal = {.name = gp_slice_str(rows[i].name)};
		ends_open(&e, &r, "a", &goal);
		SSL_set_max_proto_version(e.client->ssl, rows[i].version);
		SSL_set_options(e.client->ssl, rows[i].options);
		if (rows[i].schemes)
			assert_true(SSL_set1_sigalgs_list(e.client->ssl, rows[i].schemes));
		if (ends_shake(&e, &r) != 0)
			fail_msg("row %zu: %s, %s", i, gp_tls_error(e.server),
				 gp_tls_error(e.client));
		assert_ptr_equal(shown(&e), rows[i].shown);
		check_bindings(&e, rows[i].unique, rows[i].shown);
		ends_free(&e);
	}
	rig_free(&r);
}

static void
sni_chooses_the_certificate(void **state)
{
	static const struct {
		const char *name;
		bool rsa; /* the client takes no other */
		const struct made *shown;
	} rows[] = {
		{"mx.example", false, &ec},
		{"MX.example", false, &ec},
		{"mx.example", true, &rsa},
		{"mail.example", false, &ec},
		{"mx.other.example", false, &other_ec},
		{"mx.other.example", true, &other_rsa},
		{"a.other.example", false, &other_ec},
		{"nobody.test", false, &ec},
		{"nobody.test", true, &rsa},
	};
	struct rig r = {};
	(void)state;
	rig_serve(&r, all, GP_ARRAY_LEN(all));
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct ends e;
		struct gp_tls_goal goal = {.name = gp_slice_str(rows[i].name)};
		ends_open(&e, &r, "a", &goal);
		if (rows[i].rsa)
			SSL_set1_sigalgs_list(e.client->ssl, "RSA-PSS+SHA256");
		assert_int_equal(ends_shake(&e, &r), 0);
		assert_ptr_equal(shown(&e), rows[i].shown);
		assert_string_equal(gp_tls_facts(e.server).name, rows[i].name);
		ends_free(&e);
	}
	rig_free(&r);
}

static void
what_is_old_is_refused(void **state)
{
	static const struct {
		int version;
		const char *ciphers, *groups;
	} rows[] = {
		{TLS1_1_VERSION, "ALL:@SECLEVEL=0", NULL},
		{TLS1_VERSION, "ALL:@SECLEVEL=0", NULL},
		{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", NULL}, /* CBC */
		{TLS1_2_VERSION, "AES128-GCM-SHA256", NULL},         /* the key's own exchange */
		{TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", NULL},
		{TLS1_2_VERSION, NULL, "P-521"},
		{TLS1_3_VERSION, NULL, "P-521"},
	};
	struct rig r = {};
	(void)state;
	rig_serve(&r, all, GP_ARRAY_LEN(all));
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct ends e;
		ends_open(&e, &r, "a", NULL);
		SSL *ssl = e.client->ssl;
		SSL_set_min_proto_version(ssl, GP_MIN(rows[i].version, TLS1_2_VERSION));
		SSL_set_max_proto_version(ssl, rows[i].version);
		if (rows[i].ciphers)
			assert_true(SSL_set_cipher_list(ssl, rows[i].ciphers));
		if (rows[i].groups)
			assert_true(SSL_set1_groups_list(ssl, rows[i].groups));
		(void)step(&r, e.client);
		assert_int_equal(step(&r, e.server), -EPROTO);
		if (rows[i].version < TLS1_2_VERSION)
			assert_string_equal(gp_tls_error(e.server), "unsupported protocol");
		assert_true(strlen(gp_tls_error(e.server)) > 0);
		assert_int_equal(gp_tls_handshake(e.server), -EPROTO);
		ends_free(&e);
	}
	assert_int_equal(r.signatures, 0);
	rig_free(&r);
}

static void
nothing_is_renegotiated(void **state)
{
	struct rig r = {};
	struct ends e;
	char octet;
	(void)state;
	rig_serve(&r, one, 1);
	ends_open(&e, &r, "a", NULL);
	SSL_set_max_proto_version(e.client->ssl, TLS1_2_VERSION);
	SSL_clear_options(e.client->ssl, SSL_OP_NO_RENEGOTIATION);
	assert_int_equal(ends_shake(&e, &r), 0);
	assert_true(SSL_renegotiate(e.client->ssl));
	(void)SSL_do_handshake(e.client->ssl);
	assert_int_equal(gp_tls_read(e.server, &octet, 1), -EAGAIN);
	(void)SSL_do_handshake(e.client->ssl);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
	assert_int_equal(r.signatures, 1);
	ends_free(&e);
	rig_free(&r);
}

/* RFC 8446 section 4.6.3 lets a peer change its keys as often as it likes; each time costs us more
 * than it does the network. Other connections have their turn in between. */
static void
changes_of_keys_hold_nobody_up(void **state)
{
	enum { CHANGES = 200 };
	struct rig r = {};
	struct ends e;
	char octet;
	int before = 0, after = 0;
	(void)state;
	rig_serve(&r, one, 1);
	ends_open(&e, &r, "a", NULL);
	assert_int_equal(ends_shake(&e, &r), 0);
	for (size_t i = 0; i < CHANGES; i++) {
		assert_true(SSL_key_update(e.client->ssl, SSL_KEY_UPDATE_NOT_REQUESTED));
		assert_int_equal(SSL_do_handshake(e.client->ssl), 1);
	}
	assert_int_equal(ioctl(e.fds[0], FIONREAD, &before), 0);
	assert_int_equal(gp_tls_read(e.server, &octet, 1), -EAGAIN);
	assert_int_equal(ioctl(e.fds[0], FIONREAD, &after), 0);
	assert_in_range(before - after, 1, before / 10);
	for (size_t i = 1; i < CHANGES; i++)
		assert_int_equal(gp_tls_read(e.server, &octet, 1), -EAGAIN);
	ends_talk(&e);
	ends_free(&e);
	rig_free(&r);
}

/* So large a ClientHello that it takes many records. */
static int
fill_extension(SSL *ssl, unsigned type, unsigned context, const unsigned char **ret,
	       size_t *ret_len, X509 *x, size_t chain, int *alert, void *arg)
{
	static const unsigned char filling[LARGE_EXTENSION];
	(void)ssl, (void)type, (void)context, (void)x, (void)chain, (void)alert, (void)arg;
	*ret = filling;
	*ret_len = sizeof(filling);
	return 1;
}

/* OpenSSL itself goes on to the next record after each that it refuses to renegotiate for. */
static void
refused_records_hold_nobody_up(void **state)
{
	enum { UNASKED = 0xff00, TURN_MAX = 8 * 1024 };
	struct rig r = {};
	struct ends e;
	char octet;
	int before = 0, after = 0, size = 1 << 20;
	(void)state;
	rig_serve(&r, one, 1);
	ends_open(&e, &r, "a", NULL);
	assert_true(SSL_CTX_add_custom_ext(SSL_get_SSL_CTX(e.client->ssl), UNASKED,
					   SSL_EXT_CLIENT_HELLO, fill_extension, NULL, NULL, NULL,
					   NULL));
	ends_free(&e);
	ends_open(&e, &r, "a", NULL);
	assert_int_equal(setsockopt(e.fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	SSL_set_max_proto_version(e.client->ssl, TLS1_2_VERSION);
	SSL_clear_options(e.client->ssl, SSL_OP_NO_RENEGOTIATION);
	assert_int_equal(ends_shake(&e, &r), 0);
	assert_true(SSL_set_max_send_fragment(e.client->ssl, 512));
	assert_true(SSL_renegotiate(e.client->ssl));
	(void)SSL_do_handshake(e.client->ssl);
	assert_int_equal(ioctl(e.fds[0], FIONREAD, &before), 0);
	assert_int_equal(gp_tls_read(e.server, &octet, 1), -EAGAIN);
	assert_int_equal(ioctl(e.fds[0], FIONREAD, &after), 0);
	assert_in_range(before - after, 1, TURN_MAX);
	ends_free(&e);
	rig_free(&r);
}

/* --- tickets --- */

static const uint8_t first[GP_TLS_TICKET_SECRET] = {1}, second[GP_TLS_TICKET_SECRET] = {2},
		     third[GP_TLS_TICKET_SECRET] = {3};

/* A handshake with this ticket, which is replaced by the one that came of it. Whether it was
 * resumed. */
static bool
resume(struct rig *r, int version, const char *listener, const char *name,
       struct gp_tls_session **session)
{
	struct ends e;
	struct gp_tls_goal goal = {.name = gp_slice_str(name), .session = *session};
	ends_open(&e, r, listener, &goal);
	SSL_set_max_proto_version(e.client->ssl, version);
	assert_int_equal(ends_shake(&e, r), 0);
	bool resumed = gp_tls_facts(e.server).resumed;
	assert_int_equal(resumed, gp_tls_facts(e.client).resumed);
	check_bindings(&e, true, resumed ? NULL : shown(&e));
	ends_talk(&e);
	struct gp_tls_session *fresh = gp_tls_session(e.client);
	gp_tls_session_free(*session);
	*session = fresh;
	gp_tls_close(e.client);
	ends_free(&e);
	return resumed;
}

static void
a_ticket_is_for_its_listener(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(versions); i++) {
		struct rig r = {};
		struct gp_tls_session *s = NULL;
		int v = versions[i];
		rig_serve(&r, all, GP_ARRAY_LEN(all));
		assert_false(resume(&r, v, "25", "mx.example", &s));
		assert_null(s); /* without a secret there are none */
		gp_tls_server_set_tickets(r.server, first, NULL);
		assert_false(resume(&r, v, "25", "mx.example", &s));
		assert_non_null(s);
		size_t signatures = r.signatures;
		assert_true(resume(&r, v, "25", "mx.example", &s));
		assert_true(resume(&r, v, "25", "mx.example", &s));
		assert_int_equal(r.signatures, signatures);
		assert_false(resume(&r, v, "587", "mx.example", &s));
		assert_true(resume(&r, v, "587", "mx.example", &s));
		assert_false(resume(&r, v, "587", "mx.other.example", &s));
		s = gp_tls_session_free(s);
		rig_free(&r);
	}
}

static void
a_secret_lives_on_in_the_next_one(void **state)
{
	struct rig r = {}, worker = {};
	struct gp_tls_session *s = NULL;
	(void)state;
	rig_serve(&r, one, 1);
	rig_serve(&worker, one, 1);
	gp_tls_server_set_tickets(r.server, first, NULL);
	gp_tls_server_set_tickets(worker.server, first, NULL);
	assert_false(resume(&r, TLS1_3_VERSION, "25", "mx.example", &s));
	assert_true(resume(&worker, TLS1_3_VERSION, "25", "mx.example", &s));
	gp_tls_server_set_tickets(r.server, second, first);
	assert_true(resume(&r, TLS1_3_VERSION, "25", "mx.example", &s));
	gp_tls_server_set_tickets(r.server, third, second);
	assert_true(resume(&r, TLS1_3_VERSION, "25", "mx.example", &s));
	gp_tls_server_set_tickets(r.server, first, second);
	assert_false(resume(&r, TLS1_3_VERSION, "25", "mx.example", &s));
	gp_tls_session_free(s);
	rig_free(&r);
	rig_free(&worker);
}

/* --- the signer --- */

static void
only_who_waits_for_the_signer_waits(void **state)
{
	struct rig r = {};
	struct ends waits, goes;
	(void)state;
	rig_serve(&r, one, 1);
	ends_open(&waits, &r, "a", NULL);
	assert_int_equal(gp_tls_handshake(waits.client), -EAGAIN);
	assert_int_equal(gp_tls_handshake(waits.server), -EAGAIN);
	assert_int_equal(gp_tls_wants(waits.server), GP_TLS_WANTS_SIGNATURE);
	/* To ask again changes nothing. */
	assert_int_equal(gp_tls_handshake(waits.server), -EAGAIN);
	assert_int_equal(gp_tls_wants(waits.server), GP_TLS_WANTS_SIGNATURE);
	ends_open(&goes, &r, "a", NULL);
	assert_int_equal(ends_shake(&goes, &r), 0);
	ends_talk(&goes);
	ends_free(&goes);
	rig_sign(&r, waits.server);
	assert_int_equal(ends_shake(&waits, &r), 0);
	ends_talk(&waits);
	ends_free(&waits);
	rig_free(&r);
}

static void
a_signature_that_never_comes_costs_one_connection(void **state)
{
	struct rig r = {};
	(void)state;
	rig_serve(&r, all, GP_ARRAY_LEN(all));
	/* More of them than may be paused at once: each gives its place back. */
	for (int i = 0; i < GP_TLS_HANDSHAKES_PAUSED_MAX + 10; i++) {
		struct ends e;
		ends_open(&e, &r, "a", NULL);
		SSL_set_max_proto_version(e.client->ssl, i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
		(void)gp_tls_handshake(e.client);
		assert_int_equal(gp_tls_handshake(e.server), -EAGAIN);
		assert_int_equal(gp_tls_wants(e.server), GP_TLS_WANTS_SIGNATURE);
		ends_free(&e);
	}
	rig_free(&r);
}

static void
handshakes_that_are_paused_have_a_limit(void **state)
{
	static struct ends e[GP_TLS_HANDSHAKES_PAUSED_MAX + 1];
	struct rig r = {};
	size_t last = GP_ARRAY_LEN(e) - 1;
	(void)state;
	rig_serve(&r, one, 1);
	for (size_t i = 0; i < last; i++) {
		ends_open(&e[i], &r, "a", NULL);
		(void)gp_tls_handshake(e[i].client);
		assert_int_equal(gp_tls_handshake(e[i].server), -EAGAIN);
	}
	ends_open(&e[last], &r, "a", NULL);
	(void)gp_tls_handshake(e[last].client);
	assert_int_equal(gp_tls_handshake(e[last].server), -EPROTO);
	assert_string_equal(gp_tls_error(e[last].server),
			    "too many handshakes wait for signatures");
	for (size_t i = 0; i <= last; i++)
		ends_free(&e[i]);
	rig_free(&r);
}

static void
a_refused_or_wrong_signature_fails_the_handshake(void **state)
{
	static const char *const answers[] = {"", "not a signature"};
	struct rig r = {};
	(void)state;
	rig_serve(&r, one, 1);
	for (size_t i = 0; i < GP_ARRAY_LEN(answers); i++) {
		struct ends e;
		ends_open(&e, &r, "a", NULL);
		(void)gp_tls_handshake(e.client);
		assert_int_equal(gp_tls_handshake(e.server), -EAGAIN);
		gp_tls_answer(e.server, gp_slice_str(answers[i]));
		/* Our end fails at once, or the client refuses what it got. */
		assert_int_equal(ends_shake(&e, &r), -EPROTO);
		ends_free(&e);
	}
	rig_free(&r);
}

/* --- the end --- */

static void
an_end_is_told_from_a_cut(void **state)
{
	struct rig r = {};
	struct ends e;
	char octet;
	(void)state;
	rig_serve(&r, one, 1);
	ends_open(&e, &r, "a", NULL);
	assert_int_equal(ends_shake(&e, &r), 0);
	assert_int_equal(gp_tls_read(e.server, &octet, 1), -EAGAIN);
	assert_int_equal(gp_tls_wants(e.server), GP_TLS_WANTS_READ);
	gp_tls_close(e.client);
	assert_int_equal(gp_tls_read(e.server, &octet, 1), 0);
	/* The other direction is still open. */
	assert_int_equal(gp_tls_write(e.server, GP_SLICE("!")), 1);
	ends_free(&e);
	ends_open(&e, &r, "a", NULL);
	assert_int_equal(ends_shake(&e, &r), 0);
	shutdown(e.fds[1], SHUT_RDWR);
	assert_int_equal(gp_tls_read(e.server, &octet, 1), -ECONNRESET);
	assert_int_equal(gp_tls_write(e.server, GP_SLICE("!")), -EPROTO);
	ends_free(&e);
	rig_free(&r);
}

static void
a_full_socket_is_waited_for(void **state)
{
	static char data[1 << 20], got[1 << 20];
	struct rig r = {};
	struct ends e;
	size_t sent = 0, seen = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 251);
	rig_serve(&r, one, 1);
	ends_open(&e, &r, "a", NULL);
	assert_int_equal(ends_shake(&e, &r), 0);
	while (seen < sizeof(got)) {
		ssize_t n = gp_tls_write(e.server, gp_slice(data + sent, sizeof(data) - sent));
		if (n == -EAGAIN)
			assert_int_equal(gp_tls_wants(e.server), GP_TLS_WANTS_WRITE);
		else
			assert_true(n > 0 || sent == sizeof(data));
		sent += n > 0 ? (size_t)n : 0;
		n = gp_tls_read(e.client, got + seen, sizeof(got) - seen);
		assert_true(n > 0 || n == -EAGAIN);
		seen += n > 0 ? (size_t)n : 0;
	}
	assert_memory_equal(data, got, sizeof(data));
	ends_free(&e);
	rig_free(&r);
}

/* --- clients that mean no good --- */

static void
octet_by_octet_is_the_same(void **state)
{
	struct rig r = {};
	struct ends e;
	int between[2]; /* the server's end of it goes to the client by hand */
	char octet;
	(void)state;
	rig_serve(&r, one, 1);
	ends_open(&e, &r, "a", NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, between), 0);
	assert_true(SSL_set_fd(e.server->ssl, between[0]));
	int client = -EAGAIN, server = -EAGAIN;
	for (int i = 0; i < 10000 && (client == -EAGAIN || server == -EAGAIN); i++) {
		client = step(&r, e.client);
		if (recv(e.fds[0], &octet, 1, 0) == 1)
			assert_int_equal(send(between[1], &octet, 1, 0), 1);
		server = step(&r, e.server);
		if (recv(between[1], &octet, 1, 0) == 1)
			assert_int_equal(send(e.fds[0], &octet, 1, 0), 1);
	}
	assert_int_equal(client, 0);
	assert_int_equal(server, 0);
	ends_free(&e);
	close(between[0]);
	close(between[1]);
	rig_free(&r);
}

/* Sends as much as the server takes, and returns what its handshake came to. */
static int
pour(struct rig *r, const uint8_t *data, size_t len, size_t *ret_taken)
{
	struct ends e;
	int result = -EAGAIN;
	size_t sent = 0;
	ends_open(&e, r, "a", NULL);
	while (result == -EAGAIN && sent < len) {
		ssize_t n =
			send(e.fds[1], data + sent, GP_MIN(len - sent, (size_t)1000), MSG_NOSIGNAL);
		assert_true(n > 0);
		sent += (size_t)n;
		result = gp_tls_handshake(e.server);
	}
	*ret_taken = sent;
	if (result != -EAGAIN)
		assert_true(strlen(gp_tls_error(e.server)) > 0);
	ends_free(&e);
	return result;
}

static void
a_client_hello_has_a_size(void **state)
{
	static uint8_t data[1100000];
	enum { RECORD = 16384, HELLO = 1 << 20 };
	static const struct {
		size_t said; /* length in the ClientHello's header */
		size_t taken_max;
	} rows[] = {{HELLO, 20000}, {100000, 64 * 1024}};
	struct rig r = {};
	(void)state;
	rig_serve(&r, one, 1);
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		size_t taken, said = rows[i].said;
		memset(data, 0, sizeof(data));
		/* Full records of handshake, all of one ClientHello. */
		for (size_t at = 0; at + 5 + RECORD < sizeof(data); at += 5 + RECORD)
			memcpy(data + at, (uint8_t[]){22, 3, 1, RECORD >> 8, RECORD & 0xff}, 5);
		memcpy(data + 5,
		       (uint8_t[]){1, (uint8_t)(said >> 16), (uint8_t)(said >> 8), (uint8_t)said, 3,
				   3},
		       6);
		assert_int_equal(pour(&r, data, sizeof(data), &taken), -EPROTO);
		if (taken > rows[i].taken_max)
			fail_msg("%zu octets taken", taken);
	}
	rig_free(&r);
}

static void
nonsense_fails(void **state)
{
	static const struct gp_slice rows[] = {
		GP_SLICE("EHLO client.example\r\n"),
		GP_SLICE("GET / HTTP/1.1\r\n\r\n"),
		GP_SLICE("\x16\x03\x01\xff\xff"),
		GP_SLICE("\x15\x03\x01\x00\x02\x02\x28"),
		GP_SLICE("\x17\x03\x03\x00\x05hello"),
		GP_SLICE("\x14\x03\x03\x00\x01\x01\x14\x03\x03\x00\x01\x01"),
	};
	struct rig r = {};
	size_t taken;
	(void)state;
	rig_serve(&r, one, 1);
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		uint8_t data[64] = {};
		memcpy(data, rows[i].ptr, rows[i].len);
		assert_int_equal(pour(&r, data, sizeof(data), &taken), -EPROTO);
	}
	rig_free(&r);
}

/* --- certificates that will not do --- */

static void
certificates_are_looked_at(void **state)
{
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct made odd = make((struct wanted){.names = "DNS:a.example"});
	uint8_t id[GP_TLS_KEY_ID];
	const char *why = NULL;
	(void)state;
	struct gp_slice nonsense[] = {GP_SLICE(""), GP_SLICE("hello"),
				      GP_SLICE("-----BEGIN CERTIFICATE-----\nMIIB\n"
					       "-----END CERTIFICATE-----\n"),
				      gp_buf_slice(&odd.key_pem)};
	for (size_t i = 0; i < GP_ARRAY_LEN(nonsense); i++) {
		assert_int_equal(gp_tls_certificate_key(nonsense[i], id), -EINVAL);
		assert_null(gp_tls_server_new(&nonsense[i], 1, &why));
		assert_non_null(strstr(why, "cannot be read"));
	}
	X509_set_pubkey(odd.x, ed);
	X509_sign(odd.x, ed, NULL);
	gp_buf_clear(&odd.pem);
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, odd.x);
	put_bio(&odd.pem, bio);
	assert_int_equal(gp_tls_certificate_key(gp_buf_slice(&odd.pem), id), -EINVAL);
	EVP_PKEY_free(ed);
	unmake(&odd);
}

/* --- memory --- */

static void
an_idle_connection_is_small(void **state)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
	(void)state;
	skip();
#endif
#endif
	enum { N = 100, MAX = 40 * 1024 };
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static struct ends e[N];
	struct rig r = {};
	(void)state;
	rig_serve(&r, all, GP_ARRAY_LEN(all));
	gp_tls_server_set_tickets(r.server, first, NULL);
	for (size_t v = 0; v < GP_ARRAY_LEN(versions); v++) {
		size_t before = 0;
		/* The first is to warm up what is shared. */
		for (size_t i = 0; i < N; i++) {
			ends_open(&e[i], &r, "a", NULL);
			SSL_set_max_proto_version(e[i].client->ssl, versions[v]);
			assert_int_equal(ends_shake(&e[i], &r), 0);
			ends_talk(&e[i]);
			if (i == 0)
				before = mallinfo2().uordblks + mallinfo2().hblkhd;
		}
		size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / (N - 1);
		/* Both ends are in it. */
		print_message("idle: %zu octets, both ends\n", each);
		assert_in_range(each, 1000, 2 * MAX);
		for (size_t i = 0; i < N; i++) {
			e[i].client = gp_tls_free(e[i].client);
		}
		each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / (N - 1);
		print_message("idle: %zu octets, the server\n", each);
		assert_in_range(each, 1000, MAX);
		for (size_t i = 0; i < N; i++)
			ends_free(&e[i]);
	}
	rig_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_version_goes_with_each_key),
		cmocka_unit_test(channels_are_bound_to),
		cmocka_unit_test(sni_chooses_the_certificate),
		cmocka_unit_test(what_is_old_is_refused),
		cmocka_unit_test(nothing_is_renegotiated),
		cmocka_unit_test(changes_of_keys_hold_nobody_up),
		cmocka_unit_test(refused_records_hold_nobody_up),
		cmocka_unit_test(a_ticket_is_for_its_listener),
		cmocka_unit_test(a_secret_lives_on_in_the_next_one),
		cmocka_unit_test(only_who_waits_for_the_signer_waits),
		cmocka_unit_test(a_signature_that_never_comes_costs_one_connection),
		cmocka_unit_test(handshakes_that_are_paused_have_a_limit),
		cmocka_unit_test(a_refused_or_wrong_signature_fails_the_handshake),
		cmocka_unit_test(an_end_is_told_from_a_cut),
		cmocka_unit_test(a_full_socket_is_waited_for),
		cmocka_unit_test(octet_by_octet_is_the_same),
		cmocka_unit_test(a_client_hello_has_a_size),
		cmocka_unit_test(nonsense_fails),
		cmocka_unit_test(certificates_are_looked_at),
		cmocka_unit_test(an_idle_connection_is_small),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
