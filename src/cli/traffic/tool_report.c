/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/tool_report.h"

#include <stdio.h>
#include <sys/resource.h>

void
gp_tool_raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static double
seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

double
gp_tool_cpu_s(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double
quantile_ms(const struct gp_histogram *ns, double share)
{
	return (double)gp_histogram_quantile(ns, share) / 1e6;
}

json_t *
gp_tool_latency_json(const struct gp_histogram *ns)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "count", (json_int_t)ns->count, "p50",
			 quantile_ms(ns, 0.5), "p90", quantile_ms(ns, 0.9), "p99",
			 quantile_ms(ns, 0.99), "p999", quantile_ms(ns, 0.999), "max",
			 (double)ns->max / 1e6);
}

void
gp_tool_latency_print(const char *name, const struct gp_histogram *ns)
{
	if (ns->count == 0)
		return;
	printf("%-22s p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f ms\n", name,
	       quantile_ms(ns, 0.5), quantile_ms(ns, 0.9), quantile_ms(ns, 0.99),
	       quantile_ms(ns, 0.999), (double)ns->max / 1e6);
}

bool
gp_tool_json_print(json_t *object)
{
	bool good =
		object && json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) == 0;
	json_decref(object);
	return good && putchar('\n') != EOF && fflush(stdout) == 0;
}
