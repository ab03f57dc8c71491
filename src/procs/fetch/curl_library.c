/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/curl_library.h"

struct curl_calls curl;

#define CURL_SYMBOL(name) {"curl_" #name, &curl.name},
static const struct gp_library_symbol symbols[] = {CURL_CALLS(CURL_SYMBOL)};

struct gp_library curl_library = {
	.file = "libcurl.so.4",
	.package = "libcurl4",
	.symbols = symbols,
	.symbols_len = GP_ARRAY_LEN(symbols),
	.table = &curl,
	.table_size = sizeof(curl),
};
