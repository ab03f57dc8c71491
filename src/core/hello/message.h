/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of the messages of a flight, each read into it. False: not of its form. */
#pragma once

#include "core/hello/flight.h"

bool
gp_flight_server_hello(struct gp_flight *f, struct gp_slice body);

/* Of the suite that was chosen; one whose form hangs on a suite we do not know is passed over. */
bool
gp_flight_key_exchange(struct gp_flight *f, struct gp_slice body);

bool
gp_flight_certificates(struct gp_flight *f, struct gp_slice body);

bool
gp_flight_staple(struct gp_flight *f, struct gp_slice body);

/* SERVER-HELLO of SSLv2, behind its record's length; false also when it is an error message. */
bool
gp_flight_ssl2(struct gp_flight *f, struct gp_slice body);
