/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies on disk, for the time after a restart: two files of records (policy_record.h), of
 * which one is appended to.
 *
 * When that one has grown to twice of what counts, all that counts is written to the other, synced,
 * and the one is emptied: then they have changed places. A crash at any point leaves each policy in
 * one of them or in both, and the one fetched last counts. So both are opened once, before the
 * sandbox, and no name is ever needed again.
 *
 * Appending is not synced: what a power cut takes is fetched again.
 */
#pragma once

#include "procs/fetch/policy_cache.h"

struct policy_file;

/* Opens or makes both files in the folder, and reads what counts at now_ms (since the epoch) into
   the cache. What is damaged is logged and passed over. Returns 0 or -errno. */
[[nodiscard]] int
policy_file_open(int folder, struct policy_cache *cache, uint64_t now_ms, struct policy_file **ret);
/* Accepts NULL, returns NULL. */
struct policy_file *
policy_file_close(struct policy_file *f);

/* Keeps a policy of the cache. Trouble with the disk is logged; the cache does without. */
void
policy_file_keep(struct policy_file *f, const struct policy *p, uint64_t now_ms);
