/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forwarder of DNS questions that is as far away as one likes: each answer leaves so many
 * milliseconds after it came. It keeps nothing: what is asked twice is asked twice.
 *
 *     build/dns_delay PORT SERVER_PORT DELAY_MS [FILE]
 *
 * Both ports are of 127.0.0.1. It says "ready", and at SIGTERM how many questions there were; what
 * was asked goes to the file, a name and a type a line, as dnsperf reads it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/dns/name.h"
#include "sys/clock.h"

enum {
	PACKET_MAX = 1500,
	HEADER = 12,
	IDS = 65'536,
	BATCH = 64,
	SOCKET_OCTETS = 8 << 20,
	FLAGS = 3, /* the octet of the header with RA: who asks a forwarder wants to see it */
	RA = 0x80,
};

struct held {
	uint64_t due_ms;
	struct sockaddr_in to;
	size_t len;
	uint8_t packet[PACKET_MAX];
};

static struct {
	int front, back;
	uint64_t delay_ms;
	FILE *log;
	uint64_t questions;
	/* Who asked, by the id under which the server was asked. */
	struct {
		struct sockaddr_in from;
		uint8_t id[2];
	} asked[IDS];
	uint16_t next_id;
	/* All are held equally long, so they leave in the order in which they came. */
	struct held *ring;
	size_t first, end;
	uint8_t packets[BATCH][PACKET_MAX];
	struct sockaddr_in from[BATCH];
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
} d;

static volatile sig_atomic_t ended;

static void
on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "dns_delay: %s: %s\n", what, strerror(errno));
	exit(4);
}

static int
open_socket(uint16_t port, bool server)
{
	const int octets = SOCKET_OCTETS;
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	check(fd >= 0, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof(octets));
	check((server ? connect : bind)(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "the port");
	return fd;
}

/* How many came. */
static size_t
receive(int fd)
{
	for (size_t i = 0; i < BATCH; i++) {
		d.vectors[i] = (struct iovec){d.packets[i], PACKET_MAX};
		d.messages[i].msg_hdr = (struct msghdr){.msg_name = &d.from[i],
							.msg_namelen = sizeof(d.from[i]),
							.msg_iov = &d.vectors[i],
							.msg_iovlen = 1};
	}
	int n = recvmmsg(fd, d.messages, BATCH, 0, NULL);
	return n > 0 ? (size_t)n : 0;
}

static void
send_all(int fd, size_t len)
{
	size_t sent = 0;
	while (sent < len) {
		int n = sendmmsg(fd, d.messages + sent, (unsigned)(len - sent), 0);
		struct pollfd full = {.fd = fd, .events = POLLOUT};
		if (n > 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			(void)poll(&full, 1, -1);
		else
			sent++; /* a server that is not there yet, a client that has gone */
	}
}

static void
log_question(struct gp_slice packet)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_slice text;
	struct gp_name name;
	size_t at = HEADER;
	if (gp_name_from_message(packet, &at, &name) && packet.len >= at + 2 &&
	    gp_name_to_text(&name, &arena, &text) == 0)
		fprintf(d.log, "%.*s TYPE%u\n", GP_SLICE_FMT(text),
			(unsigned)(uint8_t)packet.ptr[at] << 8 | (uint8_t)packet.ptr[at + 1]);
	gp_arena_free(&arena);
}

/* --- both ways --- */

static void
take_questions(void)
{
	size_t n = receive(d.front), len = 0;
	for (size_t i = 0; i < n; i++) {
		size_t octets = d.messages[i].msg_len;
		if (octets < HEADER)
			continue;
		uint8_t *p = d.packets[i];
		uint16_t id = d.next_id++;
		if (d.log)
			log_question(gp_slice((const char *)p, octets));
		d.asked[id].from = d.from[i];
		memcpy(d.asked[id].id, p, 2);
		p[0] = (uint8_t)(id >> 8);
		p[1] = (uint8_t)id;
		d.vectors[i].iov_len = octets;
		d.messages[len++].msg_hdr =
			(struct msghdr){.msg_iov = &d.vectors[i], .msg_iovlen = 1};
	}
	d.questions += len;
	send_all(d.back, len);
}

static void
take_answers(void)
{
	size_t n = receive(d.back);
	uint64_t due = gp_clock_monotonic_ms() + d.delay_ms;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = d.packets[i];
		size_t octets = d.messages[i].msg_len;
		if (octets < HEADER || d.end - d.first == IDS)
			continue;
		size_t id = (size_t)p[0] << 8 | p[1];
		struct held *h = &d.ring[d.end++ % IDS];
		*h = (struct held){.due_ms = due, .to = d.asked[id].from, .len = octets};
		memcpy(h->packet, p, octets);
		memcpy(h->packet, d.asked[id].id, 2);
		h->packet[FLAGS] |= RA;
	}
}

static void
send_due(void)
{
	uint64_t now = gp_clock_monotonic_ms();
	while (d.first < d.end && d.ring[d.first % IDS].due_ms <= now) {
		size_t len = 0;
		for (; len < BATCH && d.first < d.end; d.first++) {
			struct held *h = &d.ring[d.first % IDS];
			if (h->due_ms > now)
				break;
			d.vectors[len] = (struct iovec){h->packet, h->len};
			d.messages[len].msg_hdr = (struct msghdr){.msg_name = &h->to,
								  .msg_namelen = sizeof(h->to),
								  .msg_iov = &d.vectors[len],
								  .msg_iovlen = 1};
			len++;
		}
		send_all(d.front, len);
	}
}

static int
wait_ms(void)
{
	uint64_t now = gp_clock_monotonic_ms();
	if (d.first == d.end)
		return -1;
	uint64_t due = d.ring[d.first % IDS].due_ms;
	return due > now ? (int)(due - now) : 0;
}

static void
forward(void)
{
	struct pollfd both[] = {{.fd = d.front, .events = POLLIN},
				{.fd = d.back, .events = POLLIN}};
	while (!ended) {
		(void)poll(both, 2, wait_ms());
		take_questions();
		take_answers();
		send_due();
	}
}

static uint64_t
number(const char *text, uint64_t max)
{
	uint64_t n;
	errno = EINVAL;
	check(gp_slice_u64(gp_slice_str(text), max, &n), text);
	return n;
}

int
main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	errno = EINVAL;
	check(argc == 4 || argc == 5, "PORT SERVER_PORT DELAY_MS [FILE]");
	d.front = open_socket((uint16_t)number(argv[1], UINT16_MAX), false);
	d.back = open_socket((uint16_t)number(argv[2], UINT16_MAX), true);
	d.delay_ms = number(argv[3], 10'000);
	d.log = argc == 5 ? fopen(argv[4], "we") : NULL;
	check(argc == 4 || d.log, "the file");
	d.ring = calloc(IDS, sizeof(*d.ring));
	check(d.ring && sigaction(SIGTERM, &action, NULL) == 0, "start");
	puts("ready");
	fflush(stdout);
	forward();
	printf("%llu questions\n", (unsigned long long)d.questions);
	check(!d.log || fclose(d.log) == 0, "the file");
	return 0;
}
