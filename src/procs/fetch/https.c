/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/https.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config/value.h"
#include "core/mtasts/policy.h"
#include "procs/fetch/curl_library.h"
#include "sys/address.h"
#include "sys/log.h"
#include "sys/loop.h"

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

enum {
	URL_MAX = 4096,
	/* "+host:port:" and the addresses, of at most 39 octets, brackets and a comma each. */
	PLACE_MAX = 4096,
};

struct https {
	struct event_base *base;
	CURLM *multi;
	X509_STORE *authorities;
	struct event *timer;
	uint16_t port;
};

struct https_transfer {
	struct https *https;
	struct https_request *request;
	CURL *easy;
	struct curl_slist *place, *fields;
	struct gp_buf body;
	size_t header_len;
	bool header_too_long;
	char error[CURL_ERROR_SIZE];
};

/* A socket that the library wants watched. */
struct watch {
	struct https *https;
	struct event *event;
};

/* --- what came of a transfer --- */

static bool
is_success(const struct https_transfer *t, long status)
{
	return status == 200 || (status == 201 && t->request->media_type);
}

static enum gp_fetch_result
trouble_of(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return GP_FETCH_CONNECT_FAILED;
	case CURLE_OPERATION_TIMEDOUT:
		return GP_FETCH_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return GP_FETCH_TLS_FAILED;
	case CURLE_OUT_OF_MEMORY:
		return GP_FETCH_NO_ROOM;
	default:
		return GP_FETCH_BROKEN;
	}
}

static bool
is_wanted(const struct https_request *q, struct gp_slice type)
{
	if (q->media_type)
		return true;
	if (!q->wanted)
		return gp_mtasts_content_type_valid(type);
	struct gp_slice name = gp_slice_trim(gp_slice_cut(&type, ';'));
	return q->wanted[0] == '\0' || gp_slice_eq_nocase(name, gp_slice_str(q->wanted));
}

/* Of an answer whose status came; `whole`: so did the rest. */
static enum gp_fetch_result
judge_answer(const struct https_transfer *t, long status, const char **ret_reason)
{
	char *type = NULL;
	if (status >= 300 && status < 400) {
		*ret_reason = "redirects are not followed";
		return GP_FETCH_REDIRECT;
	}
	if (!is_success(t, status)) {
		*ret_reason = "the status is not one of success";
		return GP_FETCH_HTTP_STATUS;
	}
	(void)curl_easy_get(t->easy, CURLINFO_CONTENT_TYPE, &type);
	if (!is_wanted(t->request, gp_slice_str(type))) {
		*ret_reason = t->request->wanted ? "the content is of another media type"
						 : "the content is not text/plain";
		return GP_FETCH_BAD_CONTENT;
	}
	if (t->body.failed) {
		*ret_reason = "larger than 64 KiB";
		return GP_FETCH_TOO_LARGE;
	}
	return GP_FETCH_OK;
}

static struct https_answer
judge(const struct https_transfer *t, CURLcode code)
{
	struct https_answer a = {.reason = ""};
	long status = 0;
	(void)curl_easy_get(t->easy, CURLINFO_RESPONSE_CODE, &status);
	a.status = (uint16_t)status;
	if (t->header_too_long) {
		a.result = GP_FETCH_TOO_LARGE;
		a.reason = "more than 16 KiB of header fields";
	} else if (code == CURLE_OK || code == CURLE_WRITE_ERROR) {
		a.result = judge_answer(t, status, &a.reason);
	} else {
		a.result = trouble_of(code);
		a.reason = t->error[0] != '\0' ? t->error : curl.easy_strerror(code);
	}
	if (a.result == GP_FETCH_OK || t->request->media_type)
		a.body = gp_buf_slice(&t->body);
	return a;
}

/* --- what the library calls while it transfers --- */

/* All that the library connects to passes here, whatever it made of what it was told. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct https_request *q = ((struct https_transfer *)arg)->request;
	struct gp_sockaddr a = {.len = to->addrlen};
	uint8_t octets[16];
	(void)purpose;
	if (to->addrlen > sizeof(a.ss) || to->socktype != SOCK_STREAM)
		return CURL_SOCKET_BAD;
	memcpy(&a.ss, &to->addr, to->addrlen);
	struct gp_slice wanted = gp_slice((char *)octets, gp_sockaddr_octets(&a, octets));
	for (size_t i = 0; i < q->addresses_len; i++) {
		/* By number: see the sandbox. */
		if (gp_slice_eq(q->addresses[i].octets, wanted))
			return socket(to->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				      IPPROTO_TCP);
	}
	return CURL_SOCKET_BAD;
}

static CURLcode
set_up_tls(CURL *easy, void *ssl_ctx, void *arg)
{
	const struct https_transfer *t = arg;
	SSL_CTX *ctx = ssl_ctx;
	X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(ctx);
	(void)easy;
	/* A server that sends nothing but changes of keys would keep the library in one read. */
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	/* The store is read once, not for each connection. */
	SSL_CTX_set1_cert_store(ctx, t->https->authorities);
	/* The library's own check would take a common name, and part of a label as a wildcard. */
	X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
						       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	bool good = X509_VERIFY_PARAM_set1_host(rules, t->request->host, 0) == 1;
	return good ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

static size_t
take_header(char *ptr, size_t size, size_t n, void *arg)
{
	struct https_transfer *t = arg;
	(void)ptr;
	t->header_len += size * n;
	t->header_too_long = t->header_len > HTTPS_HEADER_MAX;
	return t->header_too_long ? 0 : size * n;
}

/* Returning less than was given ends the transfer. */
static size_t
take_body(char *ptr, size_t size, size_t n, void *arg)
{
	struct https_transfer *t = arg;
	const char *why;
	long status = 0;
	(void)curl_easy_get(t->easy, CURLINFO_RESPONSE_CODE, &status);
	bool wanted = t->request->media_type || judge_answer(t, status, &why) == GP_FETCH_OK;
	return wanted && gp_buf_put(&t->body, gp_slice(ptr, size * n)) ? size * n : 0;
}

/* --- a transfer's life --- */

static struct https_transfer *
free_transfer(struct https_transfer *t)
{
	if (t->easy) {
		(void)curl.multi_remove_handle(t->https->multi, t->easy);
		curl.easy_cleanup(t->easy);
	}
	curl.slist_free_all(t->place);
	curl.slist_free_all(t->fields);
	gp_buf_free(&t->body);
	free(t);
	return NULL;
}

static void
add_text(struct curl_slist **list, const char *text, bool *good)
{
	struct curl_slist *longer = curl.slist_append(*list, text);
	*good = *good && longer;
	*list = longer ? longer : *list;
}

/* "+host:port:address,[address]": the library's memory of it ends by itself. */
static bool
set_place(struct https_transfer *t)
{
	const struct https_request *q = t->request;
	struct gp_buf text = GP_BUF_INIT(PLACE_MAX);
	bool good = true;
	gp_buf_printf(&text, "+%s:%u:", q->host, t->https->port);
	for (size_t i = 0; i < q->addresses_len; i++) {
		struct gp_slice octets = q->addresses[i].octets;
		gp_buf_put_str(&text, i > 0 ? "," : "");
		gp_buf_put_str(&text, octets.len == 16 ? "[" : "");
		gp_ip_write(&text, (const uint8_t *)octets.ptr, octets.len);
		gp_buf_put_str(&text, octets.len == 16 ? "]" : "");
	}
	gp_buf_put_char(&text, '\0');
	good = !text.failed;
	if (good)
		add_text(&t->place, gp_buf_slice(&text).ptr, &good);
	gp_buf_free(&text);
	return good && curl_easy_set(t->easy, CURLOPT_RESOLVE, t->place) == CURLE_OK;
}

static bool
set_target(struct https_transfer *t)
{
	char url[URL_MAX];
	int len = snprintf(url, sizeof(url), "https://%s:%u%s", t->request->host, t->https->port,
			   t->request->path);
	return len > 0 && (size_t)len < sizeof(url) && set_place(t) &&
	       curl_easy_set(t->easy, CURLOPT_URL, url) == CURLE_OK;
}

/* Collects the first refusal of a row of options. */
#define SET(option, value) bad = bad ? bad : curl_easy_set(t->easy, option, value)

static bool
set_rules(struct https_transfer *t)
{
	CURLcode bad = CURLE_OK;
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_CAINFO, (char *)NULL);
	SET(CURLOPT_CAPATH, (char *)NULL);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "Gatepost");
	SET(CURLOPT_TIMEOUT_MS, (long)t->request->time_max_ms);
	return bad == CURLE_OK;
}

static bool
set_callbacks(struct https_transfer *t)
{
	CURLcode bad = CURLE_OK;
	SET(CURLOPT_PRIVATE, (void *)t);
	SET(CURLOPT_ERRORBUFFER, t->error);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, (void *)t);
	SET(CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
	SET(CURLOPT_SSL_CTX_DATA, (void *)t);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, (void *)t);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, (void *)t);
	return bad == CURLE_OK;
}

static bool
set_post(struct https_transfer *t)
{
	char field[256];
	bool good = true;
	CURLcode bad = CURLE_OK;
	if (!t->request->media_type)
		return true;
	snprintf(field, sizeof(field), "Content-Type: %s", t->request->media_type);
	add_text(&t->fields, field, &good);
	/* A second of waiting for "100 Continue" that hardly any server says. */
	add_text(&t->fields, "Expect:", &good);
	if (t->request->field)
		add_text(&t->fields, t->request->field, &good);
	SET(CURLOPT_HTTPHEADER, t->fields);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->request->body.len);
	SET(CURLOPT_POSTFIELDS, t->request->body.ptr);
	return good && bad == CURLE_OK;
}

int
https_start(struct https *h, struct https_request *q)
{
	struct https_transfer *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->https = h;
	t->request = q;
	t->body = GP_BUF_INIT(HTTPS_BODY_MAX);
	t->easy = curl.easy_init();
	if (!t->easy || !set_rules(t) || !set_callbacks(t) || !set_target(t) || !set_post(t) ||
	    curl.multi_add_handle(h->multi, t->easy) != CURLM_OK) {
		free_transfer(t);
		return -ENOMEM;
	}
	q->transfer = t;
	return 0;
}

void
https_cancel(struct https *h, struct https_request *q)
{
	gp_assert(q->transfer && q->transfer->https == h);
	q->transfer = free_transfer(q->transfer);
}

static void
end_transfer(struct https_transfer *t, CURLcode code)
{
	struct https_answer answer = judge(t, code);
	t->request->transfer = NULL;
	t->request->done(t->request, &answer);
	free_transfer(t);
}

static void
end_those_done(struct https *h)
{
	CURLMsg *m;
	for (int left; (m = curl.multi_info_read(h->multi, &left));) {
		struct https_transfer *t = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;
		(void)curl_easy_get(m->easy_handle, CURLINFO_PRIVATE, &t);
		end_transfer(t, code);
	}
}

/* --- the library on our loop --- */

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct https *h = ((struct watch *)arg)->https;
	int flags =
		(what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;
	(void)curl.multi_socket_action(h->multi, fd, flags, &running);
	end_those_done(h);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct https *h = arg;
	int running;
	(void)fd, (void)what;
	(void)curl.multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	end_those_done(h);
}

static int
set_timer(CURLM *multi, long wait_ms, void *arg)
{
	struct https *h = arg;
	(void)multi;
	if (wait_ms < 0)
		evtimer_del(h->timer);
	else
		gp_timer_set(h->timer, (uint64_t)wait_ms);
	return 0;
}

static void
unwatch(struct watch *w)
{
	if (w && w->event)
		event_free(w->event);
	free(w);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct https *h = arg;
	short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
			       (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);
	(void)easy;
	unwatch(known);
	(void)curl.multi_assign(h->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return -1;
	w->https = h;
	w->event = event_new(h->base, fd, events, on_socket, w);
	if (!w->event || event_add(w->event, NULL) < 0) {
		unwatch(w);
		return -1;
	}
	(void)curl.multi_assign(h->multi, fd, w);
	return 0;
}

/* --- the beginning and the end --- */

static size_t
read_authorities(X509_STORE *store, struct gp_slice pem)
{
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	size_t n = 0;
	X509 *one;
	while (in && (one = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL))) {
		n += X509_STORE_add_cert(store, one) == 1;
		X509_free(one);
	}
	BIO_free(in);
	ERR_clear_error(); /* the end of the text was one */
	return n;
}

static X509_STORE *
make_store(struct gp_slice pem)
{
	X509_STORE *store = X509_STORE_new();
	bool any = false;
	if (store && pem.len > 0)
		any = read_authorities(store, pem) > 0;
	else if (store)
		any = X509_STORE_load_file(store, SYSTEM_AUTHORITIES) == 1;
	if (store && !any)
		gp_error("no_authorities",
			 GP_FS("file", pem.len > 0 ? "fetch.ca_file" : SYSTEM_AUTHORITIES),
			 GP_FS("reason", "no certificate in it: nobody is believed"));
	return store;
}

static bool
set_up_multi(struct https *h)
{
	return curl.multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK &&
	       curl.multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
	       curl.multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK &&
	       curl.multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK;
}

static int
load_curl(void)
{
	int r = gp_library_load(&curl_library);
	if (r < 0)
		gp_error("library_not_loaded", GP_FS("reason", curl_library.why));
	return r;
}

int
https_new(struct event_base *base, const struct https_options *options, struct https **ret)
{
	*ret = NULL;
	int r = load_curl();
	if (r < 0)
		return r;
	struct https *h = calloc(1, sizeof(*h));
	/* It prints local times; a zone that was looked for once is not again. */
	setenv("TZ", "UTC0", 1);
	tzset();
	if (!h || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(h);
		return -ENOMEM;
	}
	h->base = base;
	h->port = options->port;
	h->authorities = make_store(options->ca);
	h->timer = evtimer_new(base, on_timer, h);
	h->multi = curl.multi_init();
	if (!h->authorities || !h->timer || !h->multi || !set_up_multi(h)) {
		https_free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

struct https *
https_free(struct https *h)
{
	if (!h)
		return NULL;
	if (h->multi)
		(void)curl.multi_cleanup(h->multi);
	if (h->timer)
		event_free(h->timer);
	X509_STORE_free(h->authorities);
	free(h);
	curl.global_cleanup();
	return NULL;
}
