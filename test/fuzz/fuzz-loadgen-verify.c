// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * loadgen/verify-answer.c, verify-counts.c, verify-compare.c: whatever a sampler answers is read, or
 * refused in one line; what it is compared with, the table has its bounds, and a run that has sent what was
 * counted is verified.
 */
#include "fuzz.h"

#include "verify-answer.h"
#include "verify-compare.h"

#include <stdbool.h>

static void check_text(const char *text, size_t size)
{
	fuzz_assert(strnlen(text, size) < size);
	for (; *text; text++)
		fuzz_assert((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void check_error(const struct error *err)
{
	fuzz_assert(*err->text);
	check_text(err->text, sizeof(err->text));
}

static void check_interface(const struct verify_interface *interface,
			    const struct verify_ports *ports)
{
	check_text(interface->name, sizeof(interface->name));
	fuzz_assert(*interface->name && ports->n <= VERIFY_MAX_SERVICES);
	for (size_t port = 0; port < VERIFY_N_PORTS; port++)
		fuzz_assert(ports->slot[0][port] <= ports->n && ports->slot[1][port] <= ports->n);
}

static void check_sample(const struct verify_sample *sample)
{
	static const struct verify_counts none;
	struct verify_sent sent = { .exact = true, .counts = sample->received };
	struct verify_counts counted = sample->received;
	struct verify_result result;
	const char *name;

	check_text(sample->timestamp, sizeof(sample->timestamp));
	check_text(sample->stale_reason, sizeof(sample->stale_reason));
	fuzz_assert(counted.n_services <= VERIFY_MAX_SERVICES);
	fuzz_assert(!verify_counts_fell(&none, &counted, &name));
	verify_compare(&sent, &counted, &result);
	fuzz_assert(result.verdict == VERIFY_GOOD && result.n_rows <= VERIFY_MAX_ROWS);
	verify_compare(&(struct verify_sent){ .exact = true }, &counted, &result);
	fuzz_assert((result.verdict == VERIFY_DIFFERS) == result.excess && !result.missing);
	verify_counts_subtract(&counted, &sample->received);
	fuzz_assert(!counted.class[VERIFY_ALL].packets && !counted.class[VERIFY_RST].packets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool list = fuzz_byte(&data, &n) & 1;
	static struct verify_ports ports;
	struct verify_interface interface;
	struct error err = { "" };
	struct verify_sample sample;
	char text[64];

	verify_read_problem((const char *)data, n, text, sizeof(text));
	check_text(text, sizeof(text));
	if (list && !verify_read_interface((const char *)data, n, "", &interface, &ports, &err))
		check_interface(&interface, &ports);
	else if (!list && !verify_read_sample((const char *)data, n, &sample, &err))
		check_sample(&sample);
	else
		check_error(&err);
	return 0;
}
