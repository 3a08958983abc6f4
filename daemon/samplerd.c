// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * samplerd: count an interface, record it. This file reads the command line and calls the layer that
 * does the work.
 */
#include "config/config.h"
#include "kernel/attach.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "kernel/requirements.h"
#include "record/broker.h"
#include "record/export.h"
#include "record/journal.h"
#include "record/recorder.h"
#include "store/history.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/log.h"
#include "util/message-ids.h"
#include "util/options.h"
#include "util/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum verb { RECORD, ATTACH, DETACH, VERIFY, PRINT, HISTORY, CHECK_CONFIG, PURGE };

enum { EXIT_USAGE = 2, EXIT_NO_INTERFACE, EXIT_BUSY, EXIT_UNSUPPORTED, EXIT_ABI };

struct arguments {
	enum verb verb;
	struct config_source source;
};

static const char help[] =
	"Usage: samplerd [OPTION]... INTERFACE\n"
	"Count every frame that INTERFACE receives and sends, and record the counts.\n"
	"\n"
	"Without a verb: record in the foreground. As root it attaches first, then gives\n"
	"up root for good, and detaches when it is stopped. As another user it records\n"
	"an interface that is attached already.\n"
	"\n"
	"Verbs:\n"
	"      --attach            attach, or adopt what is attached, and exit (root)\n"
	"      --detach            detach, unpin the counters, and exit (root)\n"
	"      --verify-attached   exit 0 if our programs are on INTERFACE (root)\n"
	"      --print             print the counters as JSON\n"
	"      --history           print the recorded samples as JSON, one a line\n"
	"      --check-config      print the resolved configuration, or what is wrong;\n"
	"                          INTERFACE may be left out\n"
	"      --purge             delete INTERFACE's history file\n"
	"\n"
	"Options (each but the first is a key of the configuration, and wins over it):\n"
	"      --config-dir DIR    read DIR/sampler.conf and DIR/INTERFACE.conf\n"
	"                          (default /etc/sampler)\n"
	"      --interval TIME     time between samples (1s; 100ms to 60s)\n"
	"      --log-interval TIME time between rate logs (10s; 0: none)\n"
	"      --mode MODE         auto, native or skb (auto)\n"
	"      --priority N        run priority in a chain of XDP programs (10)\n"
	"      --state-dir DIR     where history files are (/var/lib/sampler)\n"
	"      --pin-dir DIR       where counters are pinned (/sys/fs/bpf/sampler)\n"
	"      --user NAME         user to become (sampler)\n"
	"  -v, --verbose           show what libbpf and libxdp say\n"
	"  -q, --quiet             show warnings and errors only\n"
	"  -h, --help              show this help\n"
	"      --version           show the version\n"
	"\n"
	"Exit status: 0 done; 1 failed; 2 wrong usage or configuration; 3 no such\n"
	"interface, or not an Ethernet device; 4 interface or history busy; 5 kernel,\n"
	"bpffs or a capability is missing; 6 counters of another version.\n";

enum option_value { OPT_CONFIG_DIR = 256, OPT_VERSION, OPT_VERB, OPT_KEY = 512 };

/* Options from OPT_KEY on are keys of the configuration, in this order. */
static const char *const option_keys[] = { "interval",	"log_interval", "mode", "priority",
					   "state_dir", "pin_dir",	"user" };

static const struct option options[] = {
	{ "attach", no_argument, NULL, OPT_VERB + ATTACH },
	{ "detach", no_argument, NULL, OPT_VERB + DETACH },
	{ "verify-attached", no_argument, NULL, OPT_VERB + VERIFY },
	{ "print", no_argument, NULL, OPT_VERB + PRINT },
	{ "history", no_argument, NULL, OPT_VERB + HISTORY },
	{ "check-config", no_argument, NULL, OPT_VERB + CHECK_CONFIG },
	{ "purge", no_argument, NULL, OPT_VERB + PURGE },
	{ "config-dir", required_argument, NULL, OPT_CONFIG_DIR },
	{ "interval", required_argument, NULL, OPT_KEY },
	{ "log-interval", required_argument, NULL, OPT_KEY + 1 },
	{ "mode", required_argument, NULL, OPT_KEY + 2 },
	{ "priority", required_argument, NULL, OPT_KEY + 3 },
	{ "state-dir", required_argument, NULL, OPT_KEY + 4 },
	{ "pin-dir", required_argument, NULL, OPT_KEY + 5 },
	{ "user", required_argument, NULL, OPT_KEY + 6 },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{},
};

static int exit_status(int r)
{
	switch (r) {
	case 0:
		return EXIT_SUCCESS;
	case -ENODEV:
	case -EPROTONOSUPPORT:
		return EXIT_NO_INTERFACE;
	case -EBUSY:
		return EXIT_BUSY;
	case -ENOSYS:
	case -ENOTDIR:
	case -EPERM:
	case -EACCES:
		return EXIT_UNSUPPORTED;
	case -EPROTO:
		return EXIT_ABI;
	default:
		return EXIT_FAILURE;
	}
}

/* ---- verbs ---- */

static const char *mode_name(const struct sampler_meta *meta)
{
	return meta->mode == SAMPLER_MODE_SKB ? "skb mode" : "native mode";
}

static void say_attached(const struct sampler_meta *meta, enum attach_outcome outcome)
{
	static const char *const what[] = {
		[ATTACH_NEW] = "attached",
		[ATTACH_ADOPTED] = "was attached already",
		[ATTACH_REPLACED] = "replaced the program that was attached",
	};

	char tx[64] = "";

	if (meta->flags & SAMPLER_META_TX)
		snprintf(tx, sizeof(tx), "; at tc egress program id %u", meta->tx_prog_id);
	log_notice("%s: %s: %s, %s, program id %u%s", meta->ifname, what[outcome], mode_name(meta),
		   meta->flags & SAMPLER_META_CHAINED ? "in libxdp's chain" : "alone",
		   meta->prog_id, tx);
}

/* A stop that comes while we attach waits for the event loop, which detaches as at any other time. */
static void hold_stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Never broken off half way: a unit that is stopped meanwhile detaches when this is done. */
static int attach(const struct config_source *source, struct error *err)
{
	enum attach_outcome outcome;
	struct sampler_meta meta;
	int r;

	hold_stop_signals();
	r = broker_attach_now(source, &outcome, &meta, err);
	if (!r)
		say_attached(&meta, outcome);
	return r;
}

static int detach(const struct config *config, const char *ifname, struct error *err)
{
	int r = attach_detach(config->pin_dir, ifname, err);

	if (r == -ENOENT) {
		log_notice("%s: nothing to detach", ifname);
		return 0;
	}
	if (!r)
		log_notice("%s: detached", ifname);
	return r;
}

static int purge(const struct config *config, const char *ifname, struct error *err)
{
	char key[KEY_MAX];

	return pins_key(config->pin_dir, ifname, key, err)
		       ?: history_purge(config->state_dir, key, err);
}

/* ---- recording ---- */

/* One that is there already belongs to whoever made it; recording works, as root opens the file. */
static void check_state_dir(const char *dir, const char *user, uid_t uid, gid_t gid)
{
	struct stat st;

	if (!stat(dir, &st) && st.st_uid != uid && st.st_gid != gid && !(st.st_mode & S_IXOTH))
		log_warning("%s belongs to another user than %s, whose readers (sampler-web) "
			    "cannot look into it: chown it, or choose another state_dir",
			    dir, user);
}

static int make_state_dir(const char *dir, const char *user, uid_t uid, gid_t gid,
			  struct error *err)
{
	if (!mkdir(dir, 0750))
		return chown(dir, uid, gid) ? error_set(err, -errno, "%s: %s", dir, strerror(errno))
					    : 0;
	if (errno != EEXIST)
		return error_set(err, -errno, "cannot make %s: %s", dir, strerror(errno));
	check_state_dir(dir, user, uid, gid);
	return 0;
}

static int open_history(const struct config *config, const char *ifname, bool as_root,
			struct history_writer **ret_history, struct error *err)
{
	struct history_geometry geometry = {
		.interval_ns = config->interval_ns,
		.fine_records = config->fine_records,
		.medium_span_ns = config->medium_span_ns,
		.coarse_span_ns = config->coarse_span_ns,
	};
	struct history_place place = { .dir = config->state_dir, .ifname = ifname };
	char key[KEY_MAX];
	int r = pins_key(config->pin_dir, ifname, key, err);

	place.key = key;
	place.uid = place.gid = -1;
	if (!r && as_root)
		r = privileges_lookup(config->user, &place.uid, &place.gid, err)
			    ?: make_state_dir(config->state_dir, config->user, place.uid, place.gid,
					      err);
	r = r ?: history_open_writer(&place, &geometry, ret_history, err);
	if (!r && *history_writer_note(*ret_history))
		log_warning("%s", history_writer_note(*ret_history));
	return r;
}

static int give_up_root(const struct config *config, int *ret_pin_dir_fd, struct error *err)
{
	_cleanup_close_ int fd = open(config->pin_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return error_set(err, -errno, "%s: %s", config->pin_dir, strerror(errno));
	r = privileges_drop(config->user, err);
	if (!r)
		*ret_pin_dir_fd = take_fd(&fd);
	return r;
}

static void detach_after(struct broker *broker, const char *ifname)
{
	struct error err;
	int r = broker_detach(broker, &err);

	if (!r)
		log_notice("%s: detached", ifname);
	else if (r != -ENOENT)
		log_error("%s: not detached (samplerd --detach %s): %s", ifname, ifname, err.text);
}

static int record_attached(struct recorder_setup *setup, struct error *err)
{
	enum attach_outcome outcome;
	struct sampler_meta meta;
	int r = broker_attach(setup->broker, &outcome, &meta, err);

	if (r)
		return r;
	say_attached(&meta, outcome);
	r = give_up_root(setup->config, &setup->pin_dir_fd, err);
	if (r && outcome != ATTACH_NEW)
		return r; /* what was there before a start that failed stays there */
	r = r ?: recorder_run(setup, err);
	if (r != -EPROTO) /* else another version has taken over, and counts */
		detach_after(setup->broker, setup->source->ifname);
	return r;
}

/* What attaching needs, before anything is made that a failure would leave. */
static int check_requirements(const struct config *config, const char *ifname, bool as_root,
			      struct error *err)
{
	struct link_info link;
	uint64_t device;
	int r = requirements_find_link(ifname, &link, err);

	if (r || !as_root)
		return r;
	return requirements_check_kernel(err) ?:
	       requirements_check_capabilities(err) ?:
	       pins_check_bpffs(config->pin_dir, &device, err);
}

/* A history that a start has made in vain. */
static void leave_no_history(struct history_writer **history, const struct config *config,
			     const char *ifname)
{
	char key[KEY_MAX];

	if (!*history || history_last(*history))
		return;
	history_close_writer(*history);
	*history = NULL;
	if (!pins_key(config->pin_dir, ifname, key, NULL))
		history_purge(config->state_dir, key, NULL);
}

static int record(const struct config_source *source, const struct config *config,
		  struct error *err)
{
	_cleanup_history_writer_ struct history_writer *history = NULL;
	struct recorder_setup setup = { .source = source, .config = config, .pin_dir_fd = -1 };
	bool as_root = geteuid() == 0;
	struct broker broker;
	int r = check_requirements(config, source->ifname, as_root, err);

	if (r)
		return r;
	if (as_root) {
		hold_stop_signals();
		r = broker_start(&broker, source, err);
		if (r)
			return r;
		setup.broker = &broker;
	}
	r = open_history(config, source->ifname, as_root, &history, err);
	if (!r) {
		setup.history = history;
		r = as_root ? record_attached(&setup, err) : recorder_run(&setup, err);
	}
	if (r)
		leave_no_history(&history, config, source->ifname);
	if (as_root)
		broker_end(&broker);
	return r;
}

/* ---- command line ---- */

static int usage(const char *what)
{
	fprintf(stderr, "samplerd: %s; samplerd --help tells how\n", what);
	return EXIT_USAGE;
}

/* Other tools have verbs without dashes. */
static int too_many(char *const *words)
{
	char text[128];

	for (; *words; words++) {
		for (const struct option *o = options; o->name; o++) {
			if (o->val < OPT_VERB || o->val >= OPT_KEY || strcmp(o->name, *words))
				continue;
			snprintf(text, sizeof(text), "more than one interface; did you mean --%s?",
				 o->name);
			return usage(text);
		}
	}
	return usage("more than one interface");
}

/* Return: 0, or -E2BIG where there is no room for one more key. */
static int take_option(struct arguments *args, int option)
{
	size_t n = args->source.n_overrides;

	if (option == 'v')
		log_set_level(LOG_DEBUG);
	else if (option == 'q')
		log_set_level(LOG_WARNING);
	else if (option == OPT_CONFIG_DIR)
		args->source.dir = optarg;
	else if (option < OPT_KEY)
		args->verb = option - OPT_VERB;
	else if (n == CONFIG_MAX_OVERRIDES)
		return -E2BIG;
	else {
		args->source.override[n].key = option_keys[option - OPT_KEY];
		args->source.override[n].value = optarg;
		args->source.n_overrides++;
	}
	return 0;
}

static int perform(const struct arguments *args, const struct config *config, struct error *err)
{
	const char *ifname = args->source.ifname;

	switch (args->verb) {
	case ATTACH:
		return attach(&args->source, err);
	case DETACH:
		return detach(config, ifname, err);
	case VERIFY:
		return attach_verify(config->pin_dir, ifname, err);
	case PRINT:
		return export_snapshot(config, ifname, stdout, err);
	case HISTORY:
		return export_history(config, ifname, stdout, err);
	case PURGE:
		return purge(config, ifname, err);
	case CHECK_CONFIG:
		config_print(config, stdout);
		return 0;
	default:
		return record(&args->source, config, err);
	}
}

/* Where the journal's catalog knows what to do about it. */
static const char *failure_id(enum verb verb, int r)
{
	if (verb == ATTACH)
		return MESSAGE_ATTACH_FAILED;
	if (verb == VERIFY && r == -ENOENT)
		return MESSAGE_NOT_ATTACHED;
	return verb == RECORD ? MESSAGE_RECORD_FAILED : NULL;
}

static int run(struct arguments *args)
{
	struct error err = { "" };
	struct config config;
	int r;

	/* A mistake in a file must not keep a program attached that is to go. */
	args->source.lenient = args->verb == DETACH;
	journal_start(args->source.ifname);
	if (config_resolve(&args->source, &config, &err)) {
		log_event(LOG_ERR, failure_id(args->verb, -EINVAL), "%s", err.text);
		return EXIT_USAGE;
	}
	if (args->verb == PRINT || args->verb == HISTORY)
		pins_reach(config.pin_dir);
	r = perform(args, &config, &err);
	if (r)
		log_event(LOG_ERR, failure_id(args->verb, r), "%s", err.text);
	return exit_status(r);
}

int main(int argc, char **argv)
{
	struct arguments args = { .verb = RECORD };
	struct error err;
	int option;

	if (options_check(argv, options, &err))
		return usage(err.text);
	while ((option = getopt_long(argc, argv, "hvq", options, NULL)) >= 0) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		case OPT_VERSION:
			puts("samplerd " SAMPLER_VERSION);
			return EXIT_SUCCESS;
		case '?':
			return EXIT_USAGE; /* getopt_long() has said which and why */
		default:
			if (option >= OPT_VERB && option < OPT_KEY && args.verb)
				return usage("more than one verb");
			if (take_option(&args, option))
				return usage("too many options");
		}
	}
	if (argc - optind > 1)
		return too_many(argv + optind);
	if (optind < argc)
		args.source.ifname = argv[optind];
	else if (args.verb != CHECK_CONFIG)
		return usage("which interface?");
	return run(&args);
}
