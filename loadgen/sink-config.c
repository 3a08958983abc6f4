// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the sink is asked for on the command line. Of the generator's keys it knows those that a server
 * has a use for; a file has no section for it.
 */
#include "sink.h"

#include "sink-request.h"
#include "util/clock.h"
#include "util/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define DEFAULT_ADDRESS "localhost:8080"
#define DEFAULT_TIMEOUT (60 * NSEC_PER_SEC)
#define MAX_TIMEOUT	(3600 * NSEC_PER_SEC)

/* address_parse() has no port 0, which is of no use to those who have to be found. */
static int parse_any_port(const char *text, struct address *ret_address)
{
	size_t n = strlen(text);
	char with_port[64];
	int r;

	if (n < 2 || n >= sizeof(with_port) || strcmp(text + n - 2, ":0"))
		return address_parse(text, ret_address);
	memcpy(with_port, text, n + 1);
	with_port[n - 1] = '1';
	r = address_parse(with_port, ret_address);
	if (!r && ret_address->sa.sa_family == AF_INET)
		ret_address->in.sin_port = 0;
	else if (!r && ret_address->sa.sa_family == AF_INET6)
		ret_address->in6.sin6_port = 0;
	return r;
}

/* An address of many hosts: TCP has no such connections, but the kernel lets it be bound. */
static bool is_of_many(const struct address *address)
{
	const struct in6_addr *in6 = &address->in6.sin6_addr;
	in_addr_t in;

	if (address->sa.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(in6))
		return IN6_IS_ADDR_MULTICAST(in6);
	if (address->sa.sa_family == AF_INET6)
		memcpy(&in, &in6->s6_addr[12], sizeof(in));
	else
		in = address->in.sin_addr.s_addr;
	return IN_MULTICAST(ntohl(in)) || ntohl(in) == INADDR_BROADCAST;
}

static int set_address(const char *text, struct sink_config *config, struct error *err)
{
	struct address *address = config->address;

	if (parse_any_port(text, address) || address->sa.sa_family == AF_UNIX)
		return error_set(err, -EINVAL,
				 "--sink %.100s: expected ADDRESS:PORT such as 127.0.0.1:8080, "
				 "[::1]:8080, localhost:0 (any free port) or 0.0.0.0:8080",
				 text);
	if (is_of_many(address))
		return error_set(err, -EINVAL,
				 "--sink %.100s: nobody can connect to a multicast or broadcast "
				 "address; give one of this machine's, or 0.0.0.0 or [::] for all "
				 "of them",
				 text);
	config->n_addresses = 1;
	if (strncmp(text, "localhost:", 10))
		return 0;
	address[1] = (struct address){
		.in6 = { .sin6_family = AF_INET6,
			 .sin6_port = address[0].in.sin_port,
			 .sin6_addr = IN6ADDR_LOOPBACK_INIT },
		.len = sizeof(address[1].in6),
	};
	config->n_addresses = 2;
	config->second_optional = true;
	return 0;
}

static int set_threads(struct sink_config *config, const char *value)
{
	uint64_t n;
	int r = parse_u64(value, 1, LOADGEN_MAX_THREADS, &n);

	if (!r)
		config->threads = (uint32_t)n;
	return r;
}

static int set_body(struct sink_config *config, const char *value)
{
	return parse_size(value, 0, SINK_MAX_BODY, &config->body_size);
}

static int set_timeout(struct sink_config *config, const char *value)
{
	return parse_duration_ns(value, NSEC_PER_SEC, MAX_TIMEOUT, &config->timeout_ns);
}

static int set_quiet(struct sink_config *config, const char *value)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return -EINVAL;
	config->quiet = !strcmp(value, "yes");
	return 0;
}

static int set_json(struct sink_config *config, const char *value)
{
	if (strcmp(value, "-"))
		return -EINVAL;
	config->json = config->quiet = true;
	return 0;
}

static const struct sink_option {
	const char *name;
	int (*set)(struct sink_config *config, const char *value);
	const char *expected;
} sink_options[] = {
	{ "sink-body", set_body, "a size such as 1KB, up to 1TiB, or 0 for none" },
	{ "threads", set_threads, "a number from 1 to 256" },
	{ "timeout", set_timeout, "a duration such as 60s, from 1s to 1h" },
	{ "quiet", set_quiet, "yes or no" },
	{ "json", set_json, "- or nothing, which is standard output" },
	{},
};

static int set_option(struct sink_config *config, const struct config_override *override,
		      struct error *err)
{
	const struct sink_option *option = sink_options;

	while (option->name && strcmp(option->name, override->key))
		option++;
	if (!option->name)
		return error_set(err, -EINVAL,
				 "--%s has no meaning for --sink, which knows --sink-body, "
				 "--threads, --timeout, --quiet and --json",
				 override->key);
	if (option->set(config, override->value))
		return error_set(err, -EINVAL, "--%s %.100s: expected %s", override->key,
				 override->value, option->expected);
	return 0;
}

/**
 * sink_config_resolve() - what the sink is to do
 * @address: where to listen, or NULL for port 8080 of the loopback
 * @overrides: options of the command line; of two with the same key the last one counts
 * @n_overrides: how many
 * @ret_config: filled on success
 * @err: which option, and what would be right
 *
 * "localhost" is both loopback addresses, of IPv4 and of IPv6.
 *
 * Return: 0 or negative errno.
 */
int sink_config_resolve(const char *address, const struct config_override *overrides,
			size_t n_overrides, struct sink_config *ret_config, struct error *err)
{
	struct sink_config config = { .threads = 1, .timeout_ns = DEFAULT_TIMEOUT };
	int r = set_address(address ?: DEFAULT_ADDRESS, &config, err);

	for (size_t i = 0; !r && i < n_overrides; i++)
		r = set_option(&config, &overrides[i], err);
	if (!r)
		*ret_config = config;
	return r;
}
