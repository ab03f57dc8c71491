/* SPDX-License-Identifier: Apache-2.0 */
/* What a source of mail looks like: by its figures, and by whose it is. */
#pragma once

#include "core/senders/senders.h"
#include "reportdb/reportdb.h"

/* What most mail of a source looks like by its figures alone; a forwarder that rewrites its
   envelopes looks like a provider. */
enum gp_reportdb_class {
	GP_REPORTDB_OURS = 1,  /* SPF aligns: its address is in our record */
	GP_REPORTDB_PROVIDER,  /* signed for us, and SPF passes in its own name */
	GP_REPORTDB_FORWARDER, /* signed for us, and SPF fails; or reasons say so */
	GP_REPORTDB_THREAT,    /* nothing of ours stands for its mail; or it is not known yet */
};

/* Figures may be of a source, of a domain or of a day. No message: GP_REPORTDB_THREAT. */
enum gp_reportdb_class
gp_reportdb_classify(const struct gp_reportdb_figures *f);
/* The same of a source. Whose it is (NULL: nobody's who is known) may settle whether it is a
 * provider or a forwarder, where its figures speak for one of the two and not against the other.
 * It never makes a source ours, nor less of a threat: anybody may be a provider's customer. */
enum gp_reportdb_class
gp_reportdb_classify_source(const struct gp_reportdb_source *s, const struct gp_sender *sender);
/* "ours", "provider", "forwarder", "threat" */
const char *
gp_reportdb_class_name(enum gp_reportdb_class c);
