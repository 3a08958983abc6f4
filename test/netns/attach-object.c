// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * attach-object [-n] [-s] [-g GID] OBJECT INTERFACE: samplerd --attach with the BPF object of a file.
 * Prints what was done, as one word. For tests of the hand-over, where the program has to be another one.
 */
#include "kernel/attach.h"
#include "kernel/pins.h"
#include "model/service.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_file(const char *path, struct attach_options *options)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st))
		return -1;
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -1;
	options->object = map;
	options->object_size = st.st_size;
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const outcomes[] = {
		[ATTACH_NEW] = "new",
		[ATTACH_ADOPTED] = "adopted",
		[ATTACH_REPLACED] = "replaced",
	};
	struct service_list services;
	struct attach_options options = {
		.pin_dir = PINS_DEFAULT_DIR,
		.run_priority = ATTACH_DEFAULT_PRIORITY,
		.chain_actions = 1u << ATTACH_DEFAULT_CHAIN_ACTION,
		.tx = true,
		.services = &services,
	};
	enum attach_outcome outcome;
	struct sampler_meta meta;
	struct error err;
	int option;

	while ((option = getopt(argc, argv, "nsg:")) >= 0) {
		if (option == '?')
			return 2;
		if (option == 'g')
			options.group = (gid_t)strtoul(optarg, NULL, 10);
		else
			options.mode = option == 'n' ? ATTACH_NATIVE : ATTACH_SKB;
	}
	if (argc - optind != 2 || map_file(argv[optind], &options)) {
		fprintf(stderr, "usage: attach-object [-n] [-s] [-g GID] OBJECT INTERFACE\n");
		return 2;
	}
	options.ifname = argv[optind + 1];
	service_list_init(&services);
	if (attach_interface(&options, &outcome, &meta, &err)) {
		fprintf(stderr, "attach-object: %s\n", err.text);
		return 1;
	}
	puts(outcomes[outcome]);
	return 0;
}
