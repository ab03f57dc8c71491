/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a survey comes to. Severity hangs on the port: who submits mail can insist on good TLS, and
 * has a password to lose, while mail between servers goes in clear where TLS is refused, so that
 * poor TLS on port 25 is better than none (RFC 7435 section 3): the worst there is MEDIUM, but for
 * what harms other connections too.
 */
#pragma once

#include "core/finding/finding.h"
#include "core/hello/survey.h"

/* Adds one for each thing that was looked for: fail, pass, or not_measured with the reason. Nothing
 * but one not_measured ("tls.survey") when no version was agreed on. software: as core/software
 * names it; NULL: not recognised. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_survey_findings(const struct gp_survey_facts *facts, uint16_t port, const char *software,
		   struct gp_findings *findings);

/* What to do about a kind of finding, for this software: lines for people; NULL: nothing to be
 * said. */
const char *
gp_survey_fix(const char *kind_id, const char *software);

/* Was any version agreed on? Else nothing is known. */
bool
gp_survey_agreed(const struct gp_survey_facts *facts);
