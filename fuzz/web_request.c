/* SPDX-License-Identifier: Apache-2.0 */
/* What a client says, through libmicrohttpd: a policy or a page of the dashboard at most once, to
 * nobody who did not ask for it, and the connection ends; a report that is posted is taken by
 * nobody here, so it is never accepted. The first octet says which listener it came in at; somebody
 * is signed in, whose id and token the corpus may use. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "procs/web/figures.h"
#include "procs/web/http.h"
#include "procs/web/passwords.h"
#include "procs/web/posting.h"
#include "sys/password.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gp_domain_config domains[] = {
	{.name = GP_SLICE("a.test"),
	 .mta_sts = {.mode = GP_OWN_POLICY_ENFORCE, .max_age = 60000},
	 .tls_rpt_https = true},
};
static const struct gp_config cfg = {
	.hostname = GP_SLICE("mx.test"),
	.domains = domains,
	.domains_len = 1,
	.web = {.posts_per_minute = UINT32_MAX},
	.reports = {.received_per_day = UINT32_MAX, .received_size_per_day = UINT64_MAX},
};

static struct dashboard dashboard = {.config = &cfg};

/* A session of which the cookie is known, as the tokens are not. */
static void
start(struct event_base *base)
{
	gp_assert(gp_password_setup() == 0);
	dashboard.signin = signin_new();
	gp_assert(dashboard.signin);
	passwords_start(NULL);
	figures_start();
	gp_assert(posting_start(base, (const uint64_t[2]){1, 2}) == 0);
	gp_assert(http_start(base, &dashboard) == 0);
}

static size_t
count(const char *text, size_t len, const char *what)
{
	size_t n = 0;
	const char *at = text;
	while ((at = memmem(at, len - (size_t)(at - text), what, strlen(what)))) {
		n++;
		at += strlen(what);
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	static char got[128 * 1024];
	if (size == 0)
		return 0;
	const struct http_client client = {
		.address = {.ss.ss_family = AF_INET, .len = sizeof(struct sockaddr_in)},
		.service = data[0] & 1 ? GP_SERVICE_DASHBOARD : GP_SERVICE_POLICIES};
	data++, size--;
	if (!base) {
		base = event_base_new();
		start(base);
	}
	int fd = http_connect(&client);
	gp_assert(fd >= 0);
	(void)!send(fd, data, size, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	size_t len = 0;
	for (int turn = 0; turn < 8; turn++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		ssize_t n = recv(fd, got + len, sizeof(got) - len, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	/* libmicrohttpd 0.9.75 may write the head of an error of its own twice; ours never. */
	gp_assert(count(got, len, "HTTP/1.1 200") <= 1);
	gp_assert(count(got, len, "HTTP/1.1 200") == 0 ||
		  !memmem(data, size, "/tls-reports/", 13) || memmem(data, size, "mta-sts", 7) ||
		  client.service == GP_SERVICE_DASHBOARD);
	gp_assert(count(got, len, "STSv1") == 0 || memmem(data, size, "mta-sts", 7));
	close(fd);
	event_base_loop(base, EVLOOP_NONBLOCK);
	return 0;
}
