/* SPDX-License-Identifier: Apache-2.0 */
/* Text in markup. */
#pragma once

#include "base/buf.h"

/* Text of XML or HTML, or a value between quotes there. It is visible already
   (core/identity/visible.h): no controls are looked for here. */
void
gp_markup_put(struct gp_buf *out, struct gp_slice text);
