/* SPDX-License-Identifier: Apache-2.0 */
/* From the outside inwards: octets, records, messages. Messages are put together in one buffer, so
 * that records may cut them anywhere. */
#include "core/hello/flight.h"

#include "core/hello/message.h"
#include "core/hello/octets.h"

enum {
	RECORD_HEADER = 5,
	RECORD_MAX = 16'384 + 2048, /* RFC 5246 section 6.2.3 */
	MESSAGE_HEADER = 4,
	CHANGE_CIPHER_SPEC = 20,
	ALERT = 21,
	HANDSHAKE = 22,
	APPLICATION_DATA = 23,
	HEARTBEAT = 24,
	HELLO_REQUEST = 0,
	SERVER_HELLO = 2,
	NEW_TICKET = 4,
	CERTIFICATE = 11,
	KEY_EXCHANGE = 12,
	CERTIFICATE_REQUEST = 13,
	HELLO_DONE = 14,
	CERTIFICATE_STATUS = 22,
	WARNING = 1,
	CLOSE_NOTIFY = 0,
};

void
gp_flight_init(struct gp_flight *f, uint16_t version, enum gp_flight_want want)
{
	*f = (struct gp_flight){
		.asked = version,
		.want = (uint8_t)want,
		.in = GP_BUF_INIT(GP_FLIGHT_MAX),
		.messages = GP_BUF_INIT(GP_FLIGHT_MAX),
	};
}

void
gp_flight_free(struct gp_flight *f)
{
	gp_buf_free(&f->in);
	gp_buf_free(&f->messages);
}

static void
set_bad(struct gp_flight *f, const char *why)
{
	f->state = GP_FLIGHT_BAD;
	f->bad = why;
}

static struct gp_slice
part(const struct gp_flight *f, struct gp_flight_part p)
{
	return gp_slice_take(gp_slice_drop(gp_buf_slice(&f->messages), p.at), p.len);
}

/* What points into the messages is found when no more of them come. */
static void
set_done(struct gp_flight *f)
{
	f->state = GP_FLIGHT_DONE;
	if (f->certificate.len > 0 && !gp_flight_certificates(f, part(f, f->certificate)))
		set_bad(f, "certificates that are no list, or too many");
	else if (f->status.len > 0 && !gp_flight_staple(f, part(f, f->status)))
		set_bad(f, "a certificate status that is none");
}

/* --- messages --- */

static void
take_hello(struct gp_flight *f, struct gp_slice body)
{
	if (f->hello) {
		set_bad(f, "a second ServerHello");
		return;
	}
	if (!gp_flight_server_hello(f, body)) {
		set_bad(f, "a ServerHello that is none");
		return;
	}
	f->hello = true;
	/* All that follows in TLS 1.3 is encrypted, or waits for another hello. */
	if (f->want == GP_FLIGHT_HELLO || f->version >= GP_TLS_1_3)
		set_done(f);
}

static void
take_message(struct gp_flight *f, unsigned type, struct gp_flight_part body)
{
	if (!f->hello && type != SERVER_HELLO && type != HELLO_REQUEST) {
		set_bad(f, "a message before ServerHello");
		return;
	}
	switch (type) {
	case SERVER_HELLO:
		take_hello(f, part(f, body));
		break;
	case CERTIFICATE:
		f->certificate = body;
		break;
	case CERTIFICATE_STATUS:
		f->status = body;
		break;
	case KEY_EXCHANGE:
		if (!gp_flight_key_exchange(f, part(f, body)))
			set_bad(f, "a ServerKeyExchange that is none");
		break;
	case HELLO_DONE:
		set_done(f);
		break;
	case HELLO_REQUEST:
	case NEW_TICKET:
	case CERTIFICATE_REQUEST:
		break;
	default:
		set_bad(f, "a message of no known kind");
	}
}

static void
take_messages(struct gp_flight *f)
{
	while (f->state == GP_FLIGHT_MORE) {
		struct gp_octets o = {gp_slice_drop(gp_buf_slice(&f->messages), f->scanned)};
		if (o.rest.len < MESSAGE_HEADER)
			return;
		unsigned type = gp_octets_number(&o, 1);
		size_t len = gp_octets_number(&o, 3);
		if (len > GP_FLIGHT_MAX || ++f->count > GP_FLIGHT_MESSAGES_MAX) {
			set_bad(f, "messages that are too long, or too many");
			return;
		}
		if (o.rest.len < len) {
			f->count--;
			return;
		}
		struct gp_flight_part body = {f->scanned + MESSAGE_HEADER, len};
		f->scanned = body.at + len;
		take_message(f, type, body);
	}
}

/* --- records --- */

static void
take_alert(struct gp_flight *f, struct gp_slice data)
{
	if (data.len != 2) {
		set_bad(f, "an alert that is none");
		return;
	}
	bool warning = data.ptr[0] == WARNING;
	f->alert = true;
	f->alert_fatal = !warning;
	f->description = (uint8_t)data.ptr[1];
	/* A warning, such as unrecognized_name, changes nothing. */
	if (!warning || f->description == CLOSE_NOTIFY)
		set_done(f);
}

static void
take_record(struct gp_flight *f, unsigned type, struct gp_slice data)
{
	switch (type) {
	case ALERT:
		take_alert(f, data);
		break;
	case HANDSHAKE:
		if (gp_buf_put(&f->messages, data))
			take_messages(f);
		else
			set_bad(f, "no memory");
		break;
	case HEARTBEAT:
		break;
	default:
		/* From here on it is encrypted. */
		if (f->hello)
			set_done(f);
		else
			set_bad(f, "a record before ServerHello");
	}
}

/* A record of SSLv2 has a length of two octets with the highest bit set. False: more is needed. */
static bool
next_ssl2(struct gp_flight *f)
{
	struct gp_octets o = {gp_buf_slice(&f->in)};
	size_t len = gp_octets_number(&o, 2) & 0x7fff;
	struct gp_slice body = gp_octets_raw(&o, len);
	if (o.failed)
		return false;
	if (gp_flight_ssl2(f, body))
		set_done(f);
	else
		set_bad(f, "an answer in SSLv2 that is no hello");
	return false;
}

/* Takes one record when it is there. False: more is needed, or the end. */
static bool
next_record(struct gp_flight *f)
{
	struct gp_octets o = {gp_buf_slice(&f->in)};
	if (o.rest.len == 0 || f->state != GP_FLIGHT_MORE)
		return false;
	if (f->asked == GP_SSL_2 && (uint8_t)o.rest.ptr[0] & 0x80)
		return next_ssl2(f);
	unsigned type = gp_octets_number(&o, 1);
	if (type < CHANGE_CIPHER_SPEC || type > HEARTBEAT) {
		set_bad(f, "no record of TLS");
		return false;
	}
	unsigned version = gp_octets_number(&o, 2);
	size_t len = gp_octets_number(&o, 2);
	if (o.failed)
		return false;
	if (version >> 8 != 3 || len > RECORD_MAX) {
		set_bad(f, "no record of TLS");
		return false;
	}
	struct gp_slice data = gp_octets_raw(&o, len);
	if (o.failed)
		return false;
	take_record(f, type, data);
	gp_buf_consume(&f->in, RECORD_HEADER + len);
	return true;
}

/* --- octets --- */

enum gp_flight_state
gp_flight_feed(struct gp_flight *f, struct gp_slice bytes)
{
	if (f->state != GP_FLIGHT_MORE)
		return f->state;
	f->octets += bytes.len;
	if (f->octets > GP_FLIGHT_MAX)
		set_bad(f, "more than 64 KB");
	else if (!gp_buf_put(&f->in, bytes))
		set_bad(f, "no memory");
	while (next_record(f))
		;
	return f->state;
}

enum gp_flight_state
gp_flight_eof(struct gp_flight *f)
{
	if (f->state != GP_FLIGHT_MORE)
		return f->state;
	if (f->hello || f->alert)
		set_done(f);
	else
		set_bad(f, "hung up");
	return f->state;
}

const char *
gp_tls_alert_name(uint8_t description)
{
	static const struct {
		uint8_t number;
		const char *name;
	} alerts[] = {
		{0, "close_notify"},
		{10, "unexpected_message"},
		{20, "bad_record_mac"},
		{22, "record_overflow"},
		{30, "decompression_failure"},
		{40, "handshake_failure"},
		{42, "bad_certificate"},
		{47, "illegal_parameter"},
		{49, "access_denied"},
		{50, "decode_error"},
		{51, "decrypt_error"},
		{70, "protocol_version"},
		{71, "insufficient_security"},
		{80, "internal_error"},
		{86, "inappropriate_fallback"},
		{90, "user_canceled"},
		{100, "no_renegotiation"},
		{109, "missing_extension"},
		{110, "unsupported_extension"},
		{112, "unrecognized_name"},
		{116, "certificate_required"},
		{120, "no_application_protocol"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(alerts); i++)
		if (alerts[i].number == description)
			return alerts[i].name;
	return "?";
}
