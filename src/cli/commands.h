/* SPDX-License-Identifier: Apache-2.0 */
/* The entry points that main.c's table names. */
#pragma once

int
gp_cmd_serve(int argc, char **argv);
int
gp_cmd_init(int argc, char **argv);
int
gp_cmd_audit(int argc, char **argv);
int
gp_cmd_config(int argc, char **argv);
int
gp_cmd_domain(int argc, char **argv);
int
gp_cmd_dmarc(int argc, char **argv);
int
gp_cmd_user(int argc, char **argv);
int
gp_cmd_queue(int argc, char **argv);
int
gp_cmd_trace(int argc, char **argv);
int
gp_cmd_spf(int argc, char **argv);
int
gp_cmd_dkim(int argc, char **argv);
int
gp_cmd_verify(int argc, char **argv);
int
gp_cmd_arc(int argc, char **argv);
int
gp_cmd_reports(int argc, char **argv);
int
gp_cmd_send(int argc, char **argv);
int
gp_cmd_headers(int argc, char **argv);
int
gp_cmd_scan(int argc, char **argv);
int
gp_cmd_load(int argc, char **argv);
int
gp_cmd_sink(int argc, char **argv);
int
gp_cmd_help(int argc, char **argv);
