// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What can be known before a run to be in its way: limits of this machine are errors, with what
 * would help; what cannot reach its pace, or has no effect, is warned of.
 */
#include "checks.h"

#include "util/cleanup.h"
#include "util/log.h"
#include "util/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define OTHER_FILES    32 /* descriptors besides connections and those of workers */
#define FILES_A_WORKER 4
#define BITS_MAX       (FORMAT_MAX + 4)

/**
 * check_files() - have as many descriptors as a run needs
 * @config: of the run
 * @err: what to do where the limit cannot be raised
 *
 * The limit of this process is raised, up to the hard one, which is raised for who may.
 *
 * Return: 0 or negative errno.
 */
int check_files(const struct config *config, struct error *err)
{
	rlim_t need = config->connections + FILES_A_WORKER * (rlim_t)config->threads + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return error_set(err, -errno, "cannot read RLIMIT_NOFILE: %s", strerror(errno));
	if (limit.rlim_cur >= need)
		return 0;
	limit.rlim_cur = need;
	if (limit.rlim_max < need)
		limit.rlim_max = need;
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	return error_set(
		err, -EMFILE,
		"%u connections need %ju open files, but the limit is lower "
		"(ulimit -n %ju in the same shell, as root, or LimitNOFILE=%ju of a unit; or "
		"fewer connections)",
		config->connections, (uintmax_t)need, (uintmax_t)need, (uintmax_t)need);
}

/**
 * check_ports() - whether there is a local port for each connection
 * @config: of the run
 * @path: PORT_RANGE_PATH; what cannot be read there is no trouble
 * @err: what to do where there are too few
 *
 * All connections have the same address and port at the other end, so that each takes a local port.
 *
 * Return: 0 or -EADDRNOTAVAIL.
 */
int check_ports(const struct config *config, const char *path, struct error *err)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char first[16], last[16];
	uint64_t low, high;

	if (!file || fscanf(file, "%15s %15s", first, last) != 2 ||
	    parse_u64(first, 0, UINT16_MAX, &low) || parse_u64(last, low, UINT16_MAX, &high))
		return 0;
	if (high - low + 1 >= config->connections)
		return 0;
	return error_set(
		err, -EADDRNOTAVAIL,
		"%u connections need as many local ports, but there are %ju (sysctl -w "
		"net.ipv4.ip_local_port_range=\"1024 65535\", as root, or fewer connections)",
		config->connections, (uintmax_t)(high - low + 1));
}

static void tell_unused(const struct config *config, enum config_key key, const char *value,
			const char *why)
{
	if (config->origin[key].from != FROM_DEFAULT)
		log_warning("%s %s is not used: %s", config_key_name(key), value, why);
}

/**
 * check_unused() - warn of keys of TLS that have no effect
 * @config: of the run
 *
 * Not an error: a file for https can be used with --url http://... as well.
 */
void check_unused(const struct config *config)
{
	static const char no_tls[] = "http has no certificates";

	if (!config->tls) {
		tell_unused(config, KEY_CA_FILE, config->ca_file, no_tls);
		tell_unused(config, KEY_CERT_FILE, config->cert_file, no_tls);
		tell_unused(config, KEY_SERVER_NAME, config->server_name, no_tls);
	} else if (!config->verify) {
		tell_unused(config, KEY_CA_FILE, config->ca_file,
			    "tls_verify = no (--insecure) trusts any certificate");
	}
}

/* " (8.00 Mbit/s)" of payload, or nothing where there is none. */
static void in_bits(const struct config *config, double rate, char text[BITS_MAX])
{
	char bits[FORMAT_MAX];

	text[0] = '\0';
	if (config->request_size &&
	    !format_rate(bits, sizeof(bits), rate * 8 * (double)config->request_size, "bit/s"))
		snprintf(text, BITS_MAX, " (%s)", bits);
}

/**
 * check_feasible() - warn where so few connections cannot keep the pace
 * @config: of the run
 * @pace: of the run
 * @target: with its round trip
 *
 * A connection can have one request under way, and thinks after each: so it sends a request in each
 * time of latency and round trip, at most.
 */
void check_feasible(const struct config *config, const struct pace *pace,
		    const struct target *target)
{
	double cycle_s = (double)(config->latency_ns + target->round_trip_ns) / 1e9;
	double rate, most, need;
	char asked[BITS_MAX], got[BITS_MAX];

	if (!pace->requests_num)
		return;
	rate = (double)pace->requests_num * 1e9 / (double)pace->ns_den;
	most = config->connections / cycle_s;
	if (most >= rate)
		return;
	need = ceil(rate * cycle_s);
	in_bits(config, rate, asked);
	in_bits(config, most, got);
	log_warning("%u connections cannot send %.6g requests a second%s: each takes at least "
		    "%.3f ms (latency and a round trip), which makes %.6g a second%s at most; it "
		    "takes %.0f connections or more%s",
		    config->connections, rate, asked, cycle_s * 1e3, most, got, need,
		    need > LOADGEN_MAX_CONNECTIONS ? ", and so larger requests or less latency"
						   : "");
}
