/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `gatepost reports`. Each returns an exit code. */
#pragma once

#include "cli/reports/options.h"
#include "reportdb/reportdb.h"

int
reports_import(const struct reports_options *o, int64_t now_s);
int
reports_names(const struct reports_options *o, int64_t now_s);
int
reports_summary(const struct reports_options *o, struct gp_reportdb *db);
int
reports_list(const struct reports_options *o, struct gp_reportdb *db);
int
reports_show(const struct reports_options *o, struct gp_reportdb *db);
int
reports_export(const struct reports_options *o, struct gp_reportdb *db);
int
reports_weekly(const struct reports_options *o, struct gp_reportdb *db);
int
reports_refused(const struct reports_options *o);
int
reports_copy(const struct reports_options *o);
int
reports_tls(const struct reports_options *o);
int
reports_watch(const struct reports_options *o, struct gp_reportdb *db);
