// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * sampler-web: tells over HTTP what samplerd counts and has recorded. This file reads the command
 * line, listens, gives up root, and hands over to the server.
 */
#include "config/config.h"
#include "http/listener.h"
#include "http/secrets.h"
#include "http/server.h"
#include "kernel/pins.h"
#include "read/catalog.h"
#include "util/address.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/options.h"
#include "util/privileges.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, EXIT_BUSY = 4 };

#define MAX_HOSTS 64

struct arguments {
	struct config_source source;
	const char *asset_dir;
	char listen[CONFIG_VALUE_MAX];	    /* all --listen, separated by blanks */
	char allow_hosts[CONFIG_VALUE_MAX]; /* all --allow-host */
};

static const char help[] =
	"Usage: sampler-web [OPTION]...\n"
	"Tell over HTTP what samplerd counts and has recorded: JSON, and a page at \"/\".\n"
	"\n"
	"Takes the sockets that systemd passes, else listens by itself. Started as root\n"
	"it gives up root for good before it answers anything. It never writes.\n"
	"\n"
	"Options (those with * are keys of the configuration, and win over it):\n"
	"      --listen ADDRESS    * 127.0.0.1:3000, [::1]:3000, localhost:3000 or\n"
	"                          unix:/PATH; may be repeated (127.0.0.1:3000)\n"
	"      --tls-cert FILE     * certificate with its chain (PEM); then all but UNIX\n"
	"                          sockets speak TLS\n"
	"      --tls-key FILE      * its key (PEM), if that is not in the same file\n"
	"      --token-file FILE   * tokens, one a line; then all but UNIX sockets ask\n"
	"                          for one of them\n"
	"      --insecure-no-token * listen also where other machines can connect and no\n"
	"                          token is asked for\n"
	"      --allow-host NAME   * a name that a request may have as its Host, besides\n"
	"                          addresses, localhost and this machine's name; may be\n"
	"                          repeated\n"
	"      --streams N         * clients that may follow /api/stream at once (256)\n"
	"      --config-dir DIR    read DIR/sampler.conf (default /etc/sampler)\n"
	"      --pin-dir DIR       * where counters are pinned (/sys/fs/bpf/sampler)\n"
	"      --state-dir DIR     * where history files are (/var/lib/sampler)\n"
	"      --user NAME         * user to become (sampler)\n"
	"      --asset-dir DIR     where the page is\n"
	"                          (default " SAMPLER_ASSET_DIR ")\n"
	"  -v, --verbose           show more\n"
	"  -q, --quiet             show warnings and errors only\n"
	"  -h, --help              show this help\n"
	"      --version           show the version\n"
	"\n"
	"SIGHUP reads certificate, key and tokens anew, or keeps them if they are wrong.\n"
	"SIGTERM and SIGINT end it, after open requests are answered.\n"
	"\n"
	"Exit status: 0 stopped; 1 failed; 2 wrong usage or configuration; 4 an address\n"
	"to listen at is in use.\n";

enum option_value {
	OPT_LISTEN = 256,
	OPT_ALLOW_HOST,
	OPT_NO_TOKEN,
	OPT_CONFIG_DIR,
	OPT_ASSET_DIR,
	OPT_VERSION,
	OPT_KEY,
	OPT_FILE = OPT_KEY + 4
};

/* Options from OPT_KEY on are keys of the configuration, in this order; those from OPT_FILE on name a file. */
static const char *const option_keys[] = { "pin_dir",  "state_dir", "user",	 "streams",
					   "tls_cert", "tls_key",   "token_file" };

static const struct option options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "allow-host", required_argument, NULL, OPT_ALLOW_HOST },
	{ "config-dir", required_argument, NULL, OPT_CONFIG_DIR },
	{ "pin-dir", required_argument, NULL, OPT_KEY },
	{ "state-dir", required_argument, NULL, OPT_KEY + 1 },
	{ "user", required_argument, NULL, OPT_KEY + 2 },
	{ "streams", required_argument, NULL, OPT_KEY + 3 },
	{ "tls-cert", required_argument, NULL, OPT_FILE },
	{ "tls-key", required_argument, NULL, OPT_FILE + 1 },
	{ "token-file", required_argument, NULL, OPT_FILE + 2 },
	{ "insecure-no-token", no_argument, NULL, OPT_NO_TOKEN },
	{ "asset-dir", required_argument, NULL, OPT_ASSET_DIR },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{},
};

/* ---- listening ---- */

/* Calls fn for each word of a list; it is cut into pieces. */
static int for_each_word(char *list, int (*fn)(const char *word, void *user, struct error *err),
			 void *user, struct error *err)
{
	char *at = NULL;
	int r = 0;

	for (char *word = strtok_r(list, " \t", &at); !r && word; word = strtok_r(NULL, " \t", &at))
		r = fn(word, user, err);
	return r;
}

struct listening {
	struct listeners *listeners;
	bool guarded; /* who connects is asked for a token, or nobody need be */
};

static int check_reach(const struct listening *listening, const struct address *address,
		       struct error *err)
{
	char text[ADDRESS_TEXT_MAX];

	if (listening->guarded || address_is_local(address))
		return 0;
	address_format(address, text);
	return error_set(
		err, -EINVAL,
		"listen = %s: other machines can reach that, which needs a token: set token_file "
		"(--token-file; openssl rand -hex 32 makes one), or a UNIX socket with a proxy in "
		"front, or insecure_no_token = yes",
		text);
}

static int listen_at(const char *text, void *user, struct error *err)
{
	struct listening *listening = user;
	struct address address;

	if (address_parse(text, &address))
		return error_set(err, -EINVAL, "listen = %s: expected " ADDRESS_EXPECTED, text);
	return check_reach(listening, &address, err)
		       ?: listeners_add(listening->listeners, &address, err);
}

/* How safe is what listens there, in the words of whoever has to mend it. */
static void tell_listener(const struct address *address, bool inherited,
			  const struct secrets *secrets)
{
	bool is_unix = address->sa.sa_family == AF_UNIX, is_local = address_is_local(address);
	char text[ADDRESS_TEXT_MAX];

	address_format(address, text);
	log_notice("listening at %s%s%s%s", text, inherited ? ", as systemd says" : "",
		   secrets->tls && !is_unix ? ", with TLS" : "",
		   secrets->tokens.n && !is_unix ? ", for who has a token" : "");
	if (!is_local && !secrets->tokens.n)
		log_warning("%s: other machines can reach this, and nothing asks them who they are",
			    text);
	else if (!is_local && !secrets->tls)
		log_warning("%s: tokens and answers cross the network in the clear: set tls_cert "
			    "and tls_key",
			    text);
}

static int open_listeners(const struct arguments *args, struct config *config, bool has_tokens,
			  struct listeners *ret_listeners, struct error *err)
{
	struct listeners listeners = {};
	struct listening listening = { &listeners, has_tokens || config->web_no_token };
	int r = listeners_inherit(&listeners, err);

	if (!r && listeners.n && *args->listen)
		r = error_set(err, -EINVAL,
			      "--listen: systemd has passed sockets already; leave one of both");
	for (size_t i = 0; !r && i < listeners.n; i++)
		r = check_reach(&listening, &listeners.address[i], err);
	if (!r && !listeners.n)
		r = for_each_word(config->web_listen, listen_at, &listening, err);
	if (r)
		listeners_close(&listeners);
	else
		*ret_listeners = listeners;
	return r;
}

/* ---- running ---- */

static int give_up_root(const struct config *config, const struct listeners *listeners,
			struct error *err)
{
	uid_t uid;
	gid_t gid;

	if (geteuid())
		return 0;
	return privileges_lookup(config->user, &uid, &gid, err)
		       ?: listeners_own(listeners, uid, gid, err)
		       ?: privileges_drop(config->user, err);
}

struct hosts {
	size_t n;
	const char *name[MAX_HOSTS];
};

static int add_host(const char *name, void *user, struct error *err)
{
	struct hosts *hosts = user;

	if (hosts->n == MAX_HOSTS)
		return error_set(err, -EINVAL, "allow_hosts: more than %d names", MAX_HOSTS);
	hosts->name[hosts->n++] = name;
	return 0;
}

static int serve(const struct server_options *server_options, const struct listeners *listeners,
		 struct error *err)
{
	struct server *server;
	int r = server_open(server_options, &server, err);

	if (r)
		return r;
	for (size_t i = 0; i < listeners->n; i++)
		tell_listener(&listeners->address[i], listeners->inherited,
			      server_options->secrets);
	listeners_notify_ready(listeners);
	r = server_run(server, err);
	server_close(server);
	return r;
}

/* No error: samplerd makes both when it first attaches and records. */
static void tell_missing(const char *dir, const char *remedy)
{
	if (access(dir, F_OK) && errno == ENOENT)
		log_warning("%s does not exist yet: %s", dir, remedy);
}

static int run_with(const struct arguments *args, struct config *config,
		    const struct listeners *listeners, struct secrets *secrets, struct error *err)
{
	struct hosts hosts = {};
	struct server_options server_options = {
		.listener_fds = listeners->fd,
		.n_listener_fds = listeners->n,
		.asset_dir = args->asset_dir,
		.hosts = hosts.name,
		.max_streams = config->web_streams,
		.secrets = secrets,
	};
	int r = for_each_word(config->web_hosts, add_host, &hosts, err);

	server_options.n_hosts = hosts.n;
	r = r ?: give_up_root(config, listeners, err);
	pins_reach(config->pin_dir);
	if (!r) {
		secrets_warn_unreadable(secrets);
		tell_missing(config->pin_dir, "samplerd makes it when it attaches an interface, "
					      "unless its pin_dir is another");
		tell_missing(config->state_dir, "samplerd makes it when it records an interface, "
						"unless its state_dir is another");
	}
	r = r ?: catalog_open(config->pin_dir, config->state_dir, &server_options.catalog, err);
	if (r)
		return r;
	r = serve(&server_options, listeners, err);
	catalog_close(server_options.catalog);
	return r;
}

static int run_configured(const struct arguments *args, struct config *config, struct error *err)
{
	const struct secret_paths paths = { config->web_tls_cert, config->web_tls_key,
					    config->web_token_file,
					    getenv("CREDENTIALS_DIRECTORY") };
	struct listeners listeners;
	struct secrets secrets;
	int r = secrets_open(&paths, &secrets, err);

	if (r)
		return r;
	r = open_listeners(args, config, secrets.tokens.n, &listeners, err);
	if (!r) {
		r = run_with(args, config, &listeners, &secrets, err);
		listeners_close(&listeners);
	}
	secrets_close(&secrets);
	return r;
}

static int run(const struct arguments *args)
{
	struct config config;
	struct error err = { "" };
	int r = config_resolve(&args->source, &config, &err);

	if (r) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	r = run_configured(args, &config, &err);
	if (!r)
		return EXIT_SUCCESS;
	log_error("%s", err.text);
	return r == -EADDRINUSE ? EXIT_BUSY : r == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
}

/* ---- command line ---- */

static int usage(const char *what)
{
	fprintf(stderr, "sampler-web: %s; sampler-web --help tells how\n", what);
	return EXIT_USAGE;
}

/* Return: 0, -E2BIG. */
static int override(struct arguments *args, const char *key, const char *value)
{
	size_t n = args->source.n_overrides;

	if (n == CONFIG_MAX_OVERRIDES)
		return -E2BIG;
	args->source.override[n].key = key;
	args->source.override[n].value = value;
	args->source.n_overrides++;
	return 0;
}

/* Return: 0, -E2BIG. */
static int append_word(char *list, const char *word)
{
	size_t used = strlen(list);

	if (used + strlen(word) + 2 > CONFIG_VALUE_MAX)
		return -E2BIG;
	sprintf(list + used, "%s%s", used ? " " : "", word);
	return 0;
}

/* Return: 0, -E2BIG. */
static int take_option(struct arguments *args, int option)
{
	switch (option) {
	case 'v':
		log_set_level(LOG_DEBUG);
		return 0;
	case 'q':
		log_set_level(LOG_WARNING);
		return 0;
	case OPT_LISTEN:
		return append_word(args->listen, optarg);
	case OPT_ALLOW_HOST:
		return append_word(args->allow_hosts, optarg);
	case OPT_NO_TOKEN:
		return override(args, "insecure_no_token", "yes");
	case OPT_CONFIG_DIR:
		args->source.dir = optarg;
		return 0;
	case OPT_ASSET_DIR:
		args->asset_dir = optarg;
		return 0;
	default:
		return override(args, option_keys[option - OPT_KEY], optarg);
	}
}

int main(int argc, char **argv)
{
	static const char too_many[] = "too many options, addresses or names";
	struct arguments args = { .asset_dir = SAMPLER_ASSET_DIR };
	struct error err;
	int option;

	if (options_check(argv, options, &err))
		return usage(err.text);
	while ((option = getopt_long(argc, argv, "hvq", options, NULL)) >= 0) {
		/* A shell's variable that is not set must not open what was to be closed. */
		if (option >= OPT_FILE && !*optarg)
			return usage(
				"--tls-cert, --tls-key and --token-file need the path of a file, "
				"and one is empty");
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		case OPT_VERSION:
			puts("sampler-web " SAMPLER_VERSION);
			return EXIT_SUCCESS;
		case '?':
			return EXIT_USAGE; /* getopt_long() has said which and why */
		default:
			if (take_option(&args, option))
				return usage(too_many);
		}
	}
	if (optind < argc)
		return usage("no argument is taken: all sampled interfaces are served");
	if ((*args.listen && override(&args, "listen", args.listen)) ||
	    (*args.allow_hosts && override(&args, "allow_hosts", args.allow_hosts)))
		return usage(too_many);
	return run(&args);
}
