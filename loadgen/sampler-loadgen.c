// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * sampler-loadgen: HTTP requests, or raw frames, at a given pace. This file reads the command line and starts the
 * engine.
 */
#include "config.h"
#include "engine.h"
#include "output.h"
#include "raw-engine.h"
#include "sink.h"

#include "util/error.h"
#include "util/log.h"
#include "util/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE    2
#define MAX_OVERRIDES 256

struct arguments {
	bool print_only, frames_only, hex, sink, sink_body;
	const char *bad_dry_run;
	const char *path, *sink_address;
	size_t n_overrides;
	struct config_override override[MAX_OVERRIDES];
};

static const char help[] =
	"Usage: sampler-loadgen [OPTION]... --url URL\n"
	"       sampler-loadgen [OPTION]... -c FILE\n"
	"       sampler-loadgen --raw --interface NAME [OPTION]...\n"
	"       sampler-loadgen --sink [ADDRESS:PORT] [OPTION]...\n"
	"Send HTTP requests with random payload to URL at a steady pace, and report what\n"
	"was sent and how long the answers took. Or send raw frames, and report how they\n"
	"are to be counted.\n"
	"\n"
	"Target:\n"
	"      --url URL            http://HOST[:PORT][/PATH] or https://...\n"
	"      --protocol NAME      http or https, for a URL without a scheme (http);\n"
	"                           raw: no HTTP but raw frames\n"
	"      --raw                the same as --protocol raw\n"
	"\n"
	"Traffic:\n"
	"      --method NAME        POST, PUT or PATCH; or GET, HEAD or DELETE, without\n"
	"                           payload (POST)\n"
	"      --header HEADER      \"Name: value\", once or more often; also in the place\n"
	"                           of one that is sent anyway, such as Host\n"
	"      --bandwidth BITS/S   payload a second: 10Mbps, 10Mbit/s or 100KB/s; 0: as\n"
	"                           fast as the connections go (10Mbps, without --rate)\n"
	"      --rate N             requests a second, such as 100 or 0.5, instead\n"
	"      --ramp TIME          grow to that pace from nothing in this time (0)\n"
	"      --connections N      at the same time (10; 1 to 10000)\n"
	"      --threads N          at most one a connection (1; 1 to 256)\n"
	"      --request-size SIZE  payload of a request: 1KB is 1000 bytes, 1KiB is 1024\n"
	"                           (1KB; up to 1GiB); 0: GET instead of POST\n"
	"      --latency TIME       pause of a connection after each answer (0)\n"
	"\n"
	"Limits (0, the default: none; without any it runs until it is interrupted):\n"
	"      --duration TIME      such as 60s or 5min\n"
	"      --total-size SIZE    payload of the whole run; the last request may be\n"
	"                           smaller\n"
	"      --requests N         number of requests\n"
	"      --frames N           number of raw frames, which need a limit\n"
	"\n"
	"Timeouts:\n"
	"      --connect-timeout T  for a connection, TLS handshake and all (10s)\n"
	"      --timeout TIME       for a request of which nothing moves any more (30s)\n"
	"      --give-up TIME       without any connection, where no duration ends the\n"
	"                           run (30s); 0: never\n"
	"\n"
	"TLS:\n"
	"      --tls-verify yes|no  check the server's certificate (yes)\n"
	"      --insecure           the same as --tls-verify no\n"
	"      --ca-file FILE       trust these certificates (PEM), not the system's\n"
	"      --cert-file FILE     show this certificate and its chain (PEM)\n"
	"      --key-file FILE      its key (PEM), if that is not in the same file\n"
	"      --server-name NAME   name to ask for and to verify, if not the URL's host\n"
	"      --min-version N      1.2 or 1.3: refuse what is older (1.2)\n"
	"      --session-reuse yes|no\n"
	"                           resume sessions when connecting again (yes)\n"
	"\n"
	"Raw frames (all sizes are of frames without FCS; --bandwidth, --rate, --ramp,\n"
	"--threads, limits but --requests, --give-up and outputs but --hdr hold as well):\n"
	"      --interface NAME     by which they leave\n"
	"      --destination ADDR   IPv4, IPv6 or both, with a blank between\n"
	"      --source ADDR        the same (of the interface, by the route)\n"
	"      --destination-mac A  (of the next hop, by route and neighbour)\n"
	"      --source-mac A       (of the interface)\n"
	"      --mix KINDS          such as \"udp4:7 tcp6:2 arp\"; sampler-loadgen(1) has\n"
	"                           all, fragments and malformed ones too (udp4)\n"
	"      --frame-size SIZES   60, 60-1514, imix, or \"60:7 590:4 1514:1\" (60)\n"
	"      --port PORTS         destination port or range (9)\n"
	"      --source-port PORTS  (1024-65535)\n"
	"      --tcp-flags FLAGS    such as syn+ack, or none (ack)\n"
	"      --vlan TAGS          such as 100; or outer and inner, 100.200 (none)\n"
	"      --ttl N              1 to 255 (1)\n"
	"      --flows N            pairs of ports; a multiple of --threads (1 a thread)\n"
	"      --flow-order NAME    round-robin, uniform or zipf (round-robin)\n"
	"      --burst N            frames that are due together (1)\n"
	"      --bandwidth-layer N  2; or 1, with FCS, preamble and gap (2)\n"
	"      --qdisc-bypass yes|no\n"
	"                           pass by queueing disciplines and local captures (no)\n"
	"      --socket NAME        packet; or xdp, which takes less CPU, passes by these\n"
	"                           as well, and needs a queue for each thread (packet)\n"
	"      --pcap FILE          frames of this capture, as they are\n"
	"      --pcap-speed N       times faster than it was captured; 0: by --rate or\n"
	"                           --bandwidth (1)\n"
	"      --loops N            how often; 0: no limit (1)\n"
	"  They go to ranges for tests, from addresses of the interface, to one receiver,\n"
	"  and not where the default route leads, unless it is allowed (no):\n"
	"      --allow-any-destination yes|no\n"
	"      --allow-any-source yes|no\n"
	"      --allow-multicast yes|no\n"
	"      --allow-default-route yes|no\n"
	"\n"
	"Output (FILE: standard output, if it is - or left out):\n"
	"  -q, --quiet[=yes|no]     no line each second, only the summary (no)\n"
	"      --json[=FILE]        the report as JSON\n"
	"      --ndjson[=FILE]      a JSON object each second, and the report as the last\n"
	"      --csv[=FILE]         comma-separated values each second\n"
	"      --hdr[=FILE]         latencies as an HdrHistogram percentile distribution\n"
	"\n"
	"Thresholds (exit status 3 if one is missed):\n"
	"      --max-p50 TIME       latency of half the requests, such as 5ms\n"
	"      --max-p99 TIME       of 99 %\n"
	"      --max-p99-9 TIME     of 99.9 %\n"
	"      --max-errors SHARE   failures and answers other than 2xx, such as 1%\n"
	"      --min-achieved SHARE of the pace that was asked for, such as 99%\n"
	"\n"
	"Verification (exit status 3 if a sampler has counted something else):\n"
	"      --verify URL         a sampler at the receiving side to ask before and\n"
	"                           after, such as http://192.0.2.1:3000/?interface=eth0\n"
	"      --verify-others yes|no\n"
	"                           others send there as well: more may be counted than\n"
	"                           was sent (no)\n"
	"      --verify-token-file FILE\n"
	"                           token that it wants\n"
	"      --verify-ca-file FILE  trust these certificates (PEM) for it\n"
	"\n"
	"      Each option above is also a key of FILE (- is _ there), and wins over it.\n"
	"\n"
	"Instead of sending, be the target:\n"
	"      --sink[=ADDRESS:PORT]  answer HTTP and HTTPS there (localhost:8080) until\n"
	"                           interrupted; port 0: any that is free\n"
	"      --sink-body SIZE     payload of an answer (0: none, 204); a request for\n"
	"                           /?body=SIZE gets that\n"
	"      It knows --threads, --quiet, --json (the summary) and --timeout (60s, of a\n"
	"      connection without progress) as well.\n"
	"\n"
	"  -c, --config FILE        read FILE first\n"
	"      --print-config       print the resolved configuration as a file, with\n"
	"                           where each value came from, and exit\n"
	"      --dry-run[=hex]      the same; of raw frames show the first ones instead,\n"
	"                           also with all their bytes\n"
	"  -v, --verbose            show more of what happens\n"
	"  -h, --help               show this help\n"
	"      --version            show the version\n"
	"\n"
	"Exit status: 0 done; 1 could not start or go on, nothing was completed, the\n"
	"server was gone for good, or the run could not be verified; 2 wrong usage or\n"
	"configuration; 3 a threshold was missed, or a sampler has counted something\n"
	"else than was sent; 130 or 143 interrupted (SIGINT, SIGTERM).\n";

enum option_value {
	OPT_VERSION = 256,
	OPT_INSECURE,
	OPT_PRINT,
	OPT_DRY_RUN,
	OPT_RAW,
	OPT_SINK,
	OPT_SINK_BODY,
	OPT_KEY,
	OPT_OUTPUT,
};

/* Options with OPT_KEY are keys of the configuration, by name. */
static const struct option options[] = {
	{ "url", required_argument, NULL, OPT_KEY },
	{ "protocol", required_argument, NULL, OPT_KEY },
	{ "method", required_argument, NULL, OPT_KEY },
	{ "header", required_argument, NULL, OPT_KEY },
	{ "bandwidth", required_argument, NULL, OPT_KEY },
	{ "rate", required_argument, NULL, OPT_KEY },
	{ "ramp", required_argument, NULL, OPT_KEY },
	{ "connections", required_argument, NULL, OPT_KEY },
	{ "threads", required_argument, NULL, OPT_KEY },
	{ "request-size", required_argument, NULL, OPT_KEY },
	{ "latency", required_argument, NULL, OPT_KEY },
	{ "duration", required_argument, NULL, OPT_KEY },
	{ "total-size", required_argument, NULL, OPT_KEY },
	{ "requests", required_argument, NULL, OPT_KEY },
	{ "connect-timeout", required_argument, NULL, OPT_KEY },
	{ "timeout", required_argument, NULL, OPT_KEY },
	{ "give-up", required_argument, NULL, OPT_KEY },
	{ "tls-verify", required_argument, NULL, OPT_KEY },
	{ "ca-file", required_argument, NULL, OPT_KEY },
	{ "cert-file", required_argument, NULL, OPT_KEY },
	{ "key-file", required_argument, NULL, OPT_KEY },
	{ "server-name", required_argument, NULL, OPT_KEY },
	{ "min-version", required_argument, NULL, OPT_KEY },
	{ "session-reuse", required_argument, NULL, OPT_KEY },
	{ "max-p50", required_argument, NULL, OPT_KEY },
	{ "max-p99", required_argument, NULL, OPT_KEY },
	{ "max-p99-9", required_argument, NULL, OPT_KEY },
	{ "max-errors", required_argument, NULL, OPT_KEY },
	{ "min-achieved", required_argument, NULL, OPT_KEY },
	{ "verify", required_argument, NULL, OPT_KEY },
	{ "verify-others", required_argument, NULL, OPT_KEY },
	{ "verify-token-file", required_argument, NULL, OPT_KEY },
	{ "verify-ca-file", required_argument, NULL, OPT_KEY },
	{ "frames", required_argument, NULL, OPT_KEY },
	{ "interface", required_argument, NULL, OPT_KEY },
	{ "destination", required_argument, NULL, OPT_KEY },
	{ "source", required_argument, NULL, OPT_KEY },
	{ "destination-mac", required_argument, NULL, OPT_KEY },
	{ "source-mac", required_argument, NULL, OPT_KEY },
	{ "mix", required_argument, NULL, OPT_KEY },
	{ "frame-size", required_argument, NULL, OPT_KEY },
	{ "port", required_argument, NULL, OPT_KEY },
	{ "source-port", required_argument, NULL, OPT_KEY },
	{ "tcp-flags", required_argument, NULL, OPT_KEY },
	{ "vlan", required_argument, NULL, OPT_KEY },
	{ "ttl", required_argument, NULL, OPT_KEY },
	{ "flows", required_argument, NULL, OPT_KEY },
	{ "flow-order", required_argument, NULL, OPT_KEY },
	{ "burst", required_argument, NULL, OPT_KEY },
	{ "bandwidth-layer", required_argument, NULL, OPT_KEY },
	{ "socket", required_argument, NULL, OPT_KEY },
	{ "qdisc-bypass", required_argument, NULL, OPT_KEY },
	{ "pcap", required_argument, NULL, OPT_KEY },
	{ "pcap-speed", required_argument, NULL, OPT_KEY },
	{ "loops", required_argument, NULL, OPT_KEY },
	{ "allow-any-destination", required_argument, NULL, OPT_KEY },
	{ "allow-any-source", required_argument, NULL, OPT_KEY },
	{ "allow-multicast", required_argument, NULL, OPT_KEY },
	{ "allow-default-route", required_argument, NULL, OPT_KEY },
	{ "json", optional_argument, NULL, OPT_OUTPUT },
	{ "ndjson", optional_argument, NULL, OPT_OUTPUT },
	{ "csv", optional_argument, NULL, OPT_OUTPUT },
	{ "hdr", optional_argument, NULL, OPT_OUTPUT },
	{ "insecure", no_argument, NULL, OPT_INSECURE },
	{ "sink", optional_argument, NULL, OPT_SINK },
	{ "sink-body", required_argument, NULL, OPT_SINK_BODY },
	{ "config", required_argument, NULL, 'c' },
	{ "print-config", no_argument, NULL, OPT_PRINT },
	{ "dry-run", optional_argument, NULL, OPT_DRY_RUN },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "quiet", optional_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{},
};

static int usage(const char *what)
{
	fprintf(stderr, "sampler-loadgen: %s; sampler-loadgen --help tells how\n", what);
	return EXIT_USAGE;
}

static void add_override(struct arguments *args, const char *key, const char *value)
{
	args->override[args->n_overrides++] =
		(struct config_override){ .key = key, .value = value };
}

static void take_dry_run(struct arguments *args, const char *value)
{
	args->print_only = args->frames_only = true;
	args->hex = value && !strcmp(value, "hex");
	if (value && !args->hex)
		args->bad_dry_run = value;
}

static void take_option(struct arguments *args, int option, const char *name)
{
	if (option == 'v')
		log_set_level(LOG_DEBUG);
	else if (option == 'c')
		args->path = optarg;
	else if (option == 'q')
		add_override(args, "quiet", optarg ?: "yes");
	else if (option == OPT_OUTPUT)
		add_override(args, name, optarg ?: "-");
	else if (option == OPT_INSECURE)
		add_override(args, "tls_verify", "no");
	else if (option == OPT_SINK_BODY)
		args->sink_body = true, add_override(args, name, optarg);
	else if (option == OPT_RAW)
		add_override(args, "protocol", "raw");
	else if (option == OPT_DRY_RUN)
		take_dry_run(args, optarg);
	else if (option == OPT_KEY)
		add_override(args, name, optarg);
	else if (option == OPT_SINK)
		args->sink = true, args->sink_address = optarg ?: args->sink_address;
	else
		args->print_only = true;
}

/*
 * Sees to descriptors 0 to 2 being taken, so that no socket gets one of them and is sent what is
 * meant for standard output. What was closed cannot be written to still.
 */
static void hold_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Return: status of a program that has written to standard output all it was asked for. */
static int written(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_SUCCESS;
	log_error("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILURE;
}

/* The resolved values, as a file: with these a run can be repeated. */
static int show(const struct config *config)
{
	config_print(config, stdout);
	return written();
}

/* The first frames, of which none is sent. */
static int show_frames(const struct config *config, bool hex)
{
	struct error err = { "" };

	if (!raw_engine_show(config, hex, stdout, &err))
		return written();
	log_error("%s", err.text);
	return EXIT_FAILURE;
}

static int run(const struct arguments *args)
{
	struct error err = { "" };
	struct config config;
	int r;

	if (config_resolve(args->path, args->override, args->n_overrides, &config, &err)) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	if (args->frames_only && config.protocol == PROTOCOL_RAW)
		return show_frames(&config, args->hex);
	if (args->print_only) {
		config_warn_long(&config);
		return show(&config);
	}
	if (!config.quiet && outputs_have_text(&config)) {
		if (show(&config))
			return EXIT_FAILURE;
		putchar('\n');
	}
	r = config.protocol == PROTOCOL_RAW ? raw_engine_run(&config, &err)
					    : engine_run(&config, &err);
	if (r >= 0)
		return r;
	log_error("%s", err.text);
	return EXIT_FAILURE;
}

static int serve(const struct arguments *args)
{
	struct sink_config config;
	struct error err = { "" };

	if (args->path || args->print_only)
		return usage("--sink takes no file and prints no configuration");
	if (sink_config_resolve(args->sink_address, args->override, args->n_overrides, &config,
				&err)) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	if (!sink_run(&config, &err))
		return EXIT_SUCCESS;
	log_error("%s", err.text);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct arguments args = { .path = NULL };
	struct error err;
	int option, i = 0;

	hold_standard_files();
	if (options_check(argv, options, &err))
		return usage(err.text);
	while ((option = getopt_long(argc, argv, "c:hqv", options, &i)) >= 0) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return written();
		case OPT_VERSION:
			puts("sampler-loadgen " SAMPLER_VERSION);
			return written();
		case '?':
			return EXIT_USAGE; /* getopt_long() has said which and why */
		default:
			if (args.n_overrides == MAX_OVERRIDES)
				return usage("too many options");
			take_option(&args, option, options[i].name);
		}
	}
	if (args.bad_dry_run)
		return usage("--dry-run shows frames, and with =hex all their bytes");
	if (args.sink_body && !args.sink)
		return usage("--sink-body goes with --sink only");
	if (args.sink && !args.sink_address && optind < argc)
		args.sink_address = argv[optind++];
	if (optind < argc) {
		error_set(&err, -EINVAL,
			  "%s: no option; the target is --url URL, and a file goes behind = "
			  "(--json=FILE)",
			  argv[optind]);
		return usage(err.text);
	}
	return args.sink ? serve(&args) : run(&args);
}
