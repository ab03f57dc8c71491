/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storage engine alone: messages a second for groups of 1, 10 and 50 messages a sync, each
 * message finished one group later, space reclaimed as in the spool.
 *
 *     spool_bench DIR [SIZE]      an empty directory; octets of a body, 4,096 unless told
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "spool/store.h"

enum { GROUP_MAX = 50, SECONDS = 3, BODY_MAX = 16 << 20 };

static double
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static uint64_t
now_ms(void)
{
	return (uint64_t)time(NULL) * 1000;
}

static int
append(struct gp_store *s, struct gp_slice body, struct gp_queued **ret)
{
	static const struct gp_rcpt rcpt = {.address = GP_SLICE("somebody@example.org")};
	struct gp_envelope e = {
		.sender = GP_SLICE("sender@example.com"),
		.arrival_ms = now_ms(),
		.client_addr = GP_SLICE("192.0.2.1"),
		.client_helo = GP_SLICE("mail.example.com"),
		.rcpts = &rcpt,
		.rcpts_len = 1,
	};
	struct gp_store_body b = {.slices = &body, .slices_len = 1};
	uint64_t id;
	int rc = gp_store_ids(s, 1, e.arrival_ms, &id);
	return rc != 0 ? rc : gp_store_append(s, id, &e, &b, 0, ret);
}

/* One group: last group's messages are finished, new ones appended, one sync. */
static int
turn(struct gp_store *s, struct gp_slice body, size_t group, struct gp_queued **queued)
{
	int rc = 0;
	for (size_t i = 0; i < group && rc == 0; i++) {
		if (queued[i])
			rc = gp_store_drop(s, queued[i]);
		if (rc == 0)
			rc = append(s, body, &queued[i]);
	}
	if (rc == 0)
		rc = gp_store_sync(s);
	if (rc == 0)
		rc = gp_store_reclaim(s);
	return rc == GP_STORE_MORE ? 0 : rc;
}

static int
measure(int dirfd, struct gp_slice body, size_t group)
{
	struct gp_store *s;
	struct gp_store_report report;
	struct gp_store_settings set = {.seed = {(uint64_t)getpid(), now_ms()}};
	struct gp_queued *queued[GROUP_MAX] = {};
	int rc = gp_store_open(gp_io_posix(), dirfd, &set, now_ms(), &s, &report);
	if (rc != 0)
		return rc;
	uint64_t n = 0;
	double begin = seconds(), cpu = cpu_seconds(), took = 0;
	for (; took < SECONDS && rc == 0; took = seconds() - begin) {
		rc = turn(s, body, group, queued);
		n += group;
	}
	cpu = cpu_seconds() - cpu;
	printf("%2zu a sync: %8.0f messages/s, %6.0f syncs/s, %.4f CPU s per 1,000 messages\n",
	       group, (double)n / took, (double)gp_store_stats(s).syncs / took,
	       cpu * 1000 / (double)n);
	for (size_t i = 0; i < group && rc == 0; i++)
		rc = gp_store_drop(s, queued[i]);
	int closed = gp_store_close(s);
	return rc != 0 ? rc : closed;
}

int
main(int argc, char **argv)
{
	static const size_t groups[] = {1, 10, 50};
	uint64_t size = 4096;
	if (argc < 2 || argc > 3 ||
	    (argc == 3 && !gp_slice_u64(gp_slice_str(argv[2]), BODY_MAX, &size))) {
		fprintf(stderr, "usage: spool_bench DIR [SIZE]\n");
		return 2;
	}
	int dirfd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *bytes = calloc(1, size + 1);
	int rc = dirfd < 0 ? -errno : bytes ? 0 : -ENOMEM;
	for (size_t i = 0; i < GP_ARRAY_LEN(groups) && rc == 0; i++)
		rc = measure(dirfd, gp_slice(bytes, (size_t)size), groups[i]);
	if (rc != 0)
		fprintf(stderr, "spool_bench: %s\n", rc < 0 ? strerror(-rc) : "the store refused");
	free(bytes);
	return rc != 0;
}
