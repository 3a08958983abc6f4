// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The outputs of a run: opened before it starts, a row each second for those that have rows, and
 * what the run came to at its end.
 *
 * Text for people goes to standard output, unless another format has that. An output that is not
 * read (a full pipe, a terminal that is held) holds nothing up: it gets fewer rows, each of which
 * is about a longer time. One that cannot be written any more ends the run, and the others still
 * get their report.
 */
#include "output.h"

#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct kind {
	const struct output_format *format;
	const struct output_format *raw; /* of runs of raw frames */
	size_t path;			 /* in struct config */
} kinds[] = {
	{ &output_json, &output_json, offsetof(struct config, json) },
	{ &output_ndjson, &output_raw_ndjson, offsetof(struct config, ndjson) },
	{ &output_csv, &output_csv, offsetof(struct config, csv) },
	{ &output_hdr, NULL, offsetof(struct config, hdr) },
};

static const struct output_format *text_format(const struct config *config)
{
	if (config->protocol == PROTOCOL_RAW)
		return config->quiet ? &output_raw_text_quiet : &output_raw_text;
	return config->quiet ? &output_text_quiet : &output_text;
}

static const struct output_format *format_of(const struct config *config, const struct kind *kind)
{
	return config->protocol == PROTOCOL_RAW ? kind->raw : kind->format;
}

static const char *path_of(const struct config *config, const struct kind *kind)
{
	return (const char *)config + kind->path;
}

/** outputs_have_text() - Return: whether standard output is for people */
bool outputs_have_text(const struct config *config)
{
	for (size_t i = 0; i < array_size(kinds); i++) {
		if (format_of(config, &kinds[i]) && !strcmp(path_of(config, &kinds[i]), "-"))
			return false;
	}
	return true;
}

/* Opens without a change of what is in it: it is not sure that there will be a report. */
static FILE *open_file(const char *path, bool *ret_made)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	FILE *out;

	*ret_made = fd < 0 && errno == ENOENT;
	if (*ret_made)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return NULL;
	out = fdopen(fd, "w");
	if (out)
		take_fd(&fd);
	return out;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return S_ISREG(a->st_mode) && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A file that was made for nothing, unless another one has got its name since. */
static void drop_file(const struct output *output)
{
	struct stat file, named;

	if (output->made && output->kept && !fstat(fileno(output->out), &file) &&
	    !lstat(output->name, &named) && same_file(&file, &named))
		unlink(output->name);
}

/* Before the first byte: what a file had before gives way. */
static void take_over(struct output *output)
{
	struct stat file;

	if (!output->kept)
		return;
	output->kept = false;
	if (!fstat(fileno(output->out), &file) && S_ISREG(file.st_mode) &&
	    ftruncate(fileno(output->out), 0))
		output->error = -errno;
}

/*
 * One file can have several names. What was given as text was compared by config_agree(); standard
 * output counts where it is a file.
 */
static int check_apart(const struct outputs *outputs, const struct output *output,
		       struct error *err)
{
	const char *config = output->config->path;
	struct stat file, other;

	if (fstat(fileno(output->out), &file))
		return error_set(err, -errno, "cannot look at %s: %s", output->name,
				 strerror(errno));
	for (size_t i = 0; i < outputs->n; i++) {
		if (!fstat(fileno(outputs->output[i].out), &other) && same_file(&file, &other))
			return error_set(err, -EINVAL,
					 "%s and %s are the same file; each output needs one of "
					 "its own",
					 outputs->output[i].name, output->name);
	}
	if (config && output->out != stdout && !stat(config, &other) && same_file(&file, &other))
		return error_set(err, -EINVAL,
				 "%s is the file of -c; an output needs one of its own",
				 output->name);
	return 0;
}

static int add(struct outputs *outputs, const struct config *config,
	       const struct output_format *format, const char *path, struct error *err)
{
	struct output *output = &outputs->output[outputs->n];
	bool ours = strcmp(path, "-") != 0;
	int r;

	*output = (struct output){
		.format = format,
		.config = config,
		.name = ours ? path : "standard output",
		.kept = ours,
	};
	output->out = ours ? open_file(path, &output->made) : stdout;
	if (!output->out)
		return error_set(err, -errno, "cannot write %s: %s", path, strerror(errno));
	r = check_apart(outputs, output, err);
	outputs->n++; /* is to be closed in any case */
	if (r)
		return r;
	if (!format->row)
		return 0;
	output->before = calloc(1, sizeof(*output->before));
	return output->before ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/**
 * outputs_open() - make ready to write
 * @config: which ones, and where to; is used as long as they
 * @outputs: to be closed by outputs_close(), also after a failure
 * @err: which file cannot be written
 *
 * A file keeps what is in it until something is written. Without a run it has the report of the
 * one before still.
 *
 * Return: 0 or negative errno.
 */
int outputs_open(const struct config *config, struct outputs *outputs, struct error *err)
{
	int r = 0;

	outputs->n = 0;
	if (outputs_have_text(config))
		r = add(outputs, config, text_format(config), "-", err);
	for (size_t i = 0; !r && i < array_size(kinds); i++) {
		const struct output_format *format = format_of(config, &kinds[i]);

		if (*path_of(config, &kinds[i]) && format)
			r = add(outputs, config, format, path_of(config, &kinds[i]), err);
	}
	return r;
}

/** outputs_close() - release what outputs_open() has made; a new file with nothing in it goes */
void outputs_close(struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->n; i++) {
		struct output *output = &outputs->output[i];

		free(output->before);
		drop_file(output);
		if (output->out != stdout)
			fclose(output->out);
	}
	outputs->n = 0;
}

static void settle(struct output *output)
{
	if (fflush(output->out) || ferror(output->out))
		output->error = errno ? -errno : -EIO;
}

/**
 * outputs_begin() - before the first row
 * @outputs: opened
 * @stats: of all workers as of the start
 */
void outputs_begin(struct outputs *outputs, const struct stats *stats)
{
	for (size_t i = 0; i < outputs->n; i++) {
		struct output *output = &outputs->output[i];

		if (output->before)
			*output->before = *stats;
		take_over(output);
		if (output->error || !output->format->begin)
			continue;
		output->format->begin(output);
		settle(output);
	}
}

/*
 * A pipe that is full, or a terminal that is held (^S): what is written would wait, and with it
 * all.
 */
static bool is_read(FILE *out)
{
	struct pollfd fd = { .fd = fileno(out), .events = POLLOUT };

	return poll(&fd, 1, 0) != 0;
}

static bool wants_row(const struct output *output, const struct stats *now, bool last)
{
	if (!output->before || output->error || (!last && !is_read(output->out)))
		return false;
	return now->time_ns > output->before->time_ns &&
	       now->time_ns >= output->before->time_ns + output->format->min_row_ns;
}

/**
 * outputs_row() - write what happened since the last row
 * @outputs: begun
 * @pace: of the run
 * @start_ns: when the run started
 * @now: stats of all workers
 * @last: the run is over: also to who does not read
 *
 * Return: 0, or a negative errno when one cannot be written any more.
 */
int outputs_row(struct outputs *outputs, const struct pace *pace, uint64_t start_ns,
		const struct stats *now, bool last)
{
	struct interval interval;
	int r = 0;

	for (size_t i = 0; i < outputs->n; i++) {
		struct output *output = &outputs->output[i];

		r = r ?: output->error;
		if (!wants_row(output, now, last))
			continue;
		interval_between(output->config, pace, start_ns, output->before, now,
				 &outputs->scratch, &interval);
		output->format->row(output, &interval);
		*output->before = *now;
		settle(output);
		r = r ?: output->error;
	}
	return r;
}

/**
 * outputs_end() - write what the run came to
 * @outputs: begun, or not if the run had no start
 * @outcome: the run
 * @stats: of all workers
 * @err: which output could not be written
 *
 * Return: 0 or negative errno.
 */
int outputs_end(struct outputs *outputs, const struct outcome *outcome, const struct stats *stats,
		struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < outputs->n; i++) {
		struct output *output = &outputs->output[i];
		bool before;

		take_over(output);
		before = output->error;
		if (!before && output->format->end) {
			output->format->end(output, outcome, stats);
			settle(output);
		}
		if (!r && output->error)
			r = error_set(err, output->error, "cannot write %s%s: %s",
				      before || output->out != stdout ? "to " : "the report to ",
				      output->name, strerror(-output->error));
	}
	return r;
}
