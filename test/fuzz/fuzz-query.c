// SPDX-License-Identifier: MIT OR Apache-2.0
/* daemon/http/query.c: any bytes behind the "?". What is taken is text, and has one canonical form. */
#include "fuzz.h"

#include "http/query.h"

static const char *const parameters[] = { "a", "from", "interface", "to", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct query_text query;
	_cleanup_free_ char *copy = fuzz_copy(data, n);
	char buf[QUERY_CANONICAL_MAX];
	struct error err = { "" };
	size_t n_canonical;

	if (query_parse(copy, n, &query, &err)) {
		fuzz_assert(*err.text && !strchr(err.text, '\n'));
		return 0;
	}
	fuzz_assert(query.query.n <= QUERY_MAX_PARAMETERS);
	for (size_t i = 0; i < query.query.n; i++) {
		const char *name = query.query.parameter[i].name;
		const char *value = query.query.parameter[i].value;

		fuzz_assert(name >= query.text &&
			    name + strlen(name) < query.text + sizeof(query.text));
		fuzz_assert(value >= query.text &&
			    value + strlen(value) < query.text + sizeof(query.text));
	}
	if (query_check(&query.query, parameters, &err))
		return 0;
	n_canonical = query_canonical(&query.query, parameters, buf);
	fuzz_assert(n_canonical <= sizeof(buf));
	return 0;
}
