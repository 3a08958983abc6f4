// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * daemon/model/service.c: lines "name = spec" as services, all of one list. What is taken is within its
 * bounds, and each port that two services claim is found.
 */
#include "fuzz.h"

#include "model/service.h"

#include <stdbool.h>

static void check(const struct service_list *list)
{
	fuzz_assert(list->n >= 2 && list->n <= SAMPLER_MAX_SERVICES);
	for (uint32_t i = 0; i < list->n; i++) {
		const struct service *s = &list->service[i];

		fuzz_assert(memchr(s->name, '\0', sizeof(s->name)) && *s->name);
		fuzz_assert(!s->name[strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789_-")]);
		fuzz_assert(s->n_ranges <= SERVICE_MAX_RANGES);
		for (uint32_t j = 0; j < s->n_ranges; j++)
			fuzz_assert(s->range[j].first && s->range[j].first <= s->range[j].last &&
				    s->range[j].protocol <= SERVICE_UDP);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sampler_port_table table;
	_cleanup_free_ char *text = fuzz_text(data, n);
	struct service_list list;
	char *rest = text;

	service_list_init(&list);
	for (char *line; (line = strsep(&rest, "\n"));) {
		char *spec = strchr(line, '=');
		struct error err = { "" };

		if (!spec)
			continue;
		*spec++ = '\0';
		if (service_list_add(&list, line, spec, &err))
			fuzz_assert(*err.text);
		check(&list);
	}
	memset(&table, 0, sizeof(table));
	if (!service_list_check(&list, &(struct error){ "" }))
		service_list_fill(&list, &table);
	return 0;
}
