/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarc/author.h"

#include <errno.h>

#include "core/dmarc/walk.h"
#include "core/message/lone_mailbox.h"

int
gp_dmarc_author_of_domain(struct gp_slice domain, struct gp_arena *arena,
			  struct gp_dmarc_author *ret)
{
	*ret = (struct gp_dmarc_author){};
	if (domain.len > 0 && domain.ptr[0] == '[') {
		ret->state = GP_DMARC_AUTHOR_LITERAL;
		return 0;
	}
	int rc = gp_dmarc_domain(domain, arena, &ret->domain);
	if (rc == 0)
		return 0;
	*ret = (struct gp_dmarc_author){.state = GP_DMARC_AUTHOR_NO_DOMAIN};
	return GP_MIN(rc, 0);
}

/* Of one mailbox more. */
static int
join(struct gp_dmarc_author *author, struct gp_slice domain, struct gp_arena *arena)
{
	struct gp_dmarc_author other;
	int rc = gp_dmarc_author_of_domain(domain, arena, &other);
	if (rc == 0 && author->state == GP_DMARC_AUTHOR_OK &&
	    (other.state != GP_DMARC_AUTHOR_OK || !gp_slice_eq(author->domain, other.domain)))
		*author = (struct gp_dmarc_author){.state = GP_DMARC_AUTHOR_SEVERAL_DOMAINS};
	return rc;
}

/* Of what is no list. */
static int
read_broken(struct gp_slice line, struct gp_arena *arena, struct gp_dmarc_author *ret)
{
	struct gp_mailbox mailbox;
	int rc = gp_lone_mailbox_find(line, arena, &mailbox);
	if (rc == 0)
		rc = gp_dmarc_author_of_domain(mailbox.domain, arena, ret);
	ret->broken = rc == 0 && ret->state == GP_DMARC_AUTHOR_OK;
	if (!ret->broken)
		*ret = (struct gp_dmarc_author){.state = GP_DMARC_AUTHOR_MALFORMED};
	return GP_MIN(rc, 0);
}

static int
read_field(struct gp_slice value, struct gp_arena *arena, struct gp_dmarc_author *ret)
{
	struct gp_mailbox_list list;
	const char *why;
	struct gp_slice line = gp_header_unfold(value, arena);
	if (!line.ptr)
		return -ENOMEM;
	int rc = gp_mailbox_list_parse(line, arena, &list, &why);
	if (rc > 0)
		return read_broken(line, arena, ret);
	if (rc < 0 || list.len == 0) {
		ret->state = GP_DMARC_AUTHOR_NO_MAILBOX;
		return rc;
	}
	rc = gp_dmarc_author_of_domain(list.items[0].domain, arena, ret);
	for (size_t i = 1; rc == 0 && i < list.len; i++)
		rc = join(ret, list.items[i].domain, arena);
	return rc;
}

int
gp_dmarc_author_find(const struct gp_header *h, struct gp_arena *arena, struct gp_dmarc_author *ret)
{
	struct gp_slice name = GP_SLICE("From");
	size_t fields = gp_header_count(h, name);
	*ret = (struct gp_dmarc_author){};
	if (fields == 1)
		return read_field(gp_header_value(h, gp_header_find(h, name, 0)), arena, ret);
	ret->state = fields == 0 ? GP_DMARC_AUTHOR_MISSING : GP_DMARC_AUTHOR_SEVERAL_FIELDS;
	return 0;
}

const char *
gp_dmarc_author_text(uint8_t state)
{
	static const char *const texts[] = {
		[GP_DMARC_AUTHOR_OK] = "From names one domain",
		[GP_DMARC_AUTHOR_MISSING] = "there is no From field",
		[GP_DMARC_AUTHOR_SEVERAL_FIELDS] = "there is more than one From field",
		[GP_DMARC_AUTHOR_MALFORMED] = "the From field is malformed",
		[GP_DMARC_AUTHOR_NO_MAILBOX] = "the From field names nobody",
		[GP_DMARC_AUTHOR_SEVERAL_DOMAINS] = "the From field names more than one domain",
		[GP_DMARC_AUTHOR_LITERAL] = "the From field has an address in place of a domain",
		[GP_DMARC_AUTHOR_NO_DOMAIN] = "what From has for a domain cannot be one",
	};
	gp_assert(state < GP_ARRAY_LEN(texts));
	return texts[state];
}
