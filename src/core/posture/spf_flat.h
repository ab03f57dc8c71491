/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SPF record that asks less: some of its includes are replaced by records of the domain's own,
 * which hold the networks that they come to. It authorises the same addresses, which is proven on
 * the texts that are proposed; and it is a picture of today, to be taken anew when those who were
 * included change.
 */
#pragma once

#include "core/posture/spf_tree.h"

enum posture_flat_limits {
	FLAT_NETWORKS_MAX = 1000,
	FLAT_RECORDS_MAX = 7,  /* as many lookups as a record may have and not be told of */
	FLAT_LENGTH_MAX = 450, /* octets of each */
};

struct posture_flat {
	struct gp_finding_record records[1 + FLAT_RECORDS_MAX]; /* the domain's own first */
	size_t len;
	size_t networks;
	unsigned lookups; /* of the record that is proposed */
};

/* False: it cannot be done, as something in it depends on the message, is in error, gives another
   result than pass, or is not known; or there are too many networks. */
[[nodiscard]] bool
posture_spf_flatten(struct posture_run *run, const struct posture_spf *tree,
		    struct posture_flat *ret);
