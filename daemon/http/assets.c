// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The page that a browser gets, and what it loads: the files of one folder.
 *
 * Their names are read once. A request names one of them exactly or gets nothing, so that no path of a
 * request ever reaches the file system. h2o's own handler of a single file does the rest: it opens the
 * file anew for each request, and knows ETag, If-None-Match and ranges.
 */
#include "http/assets.h"

#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define INDEX "index.html"

static const char *mime_type(const char *name)
{
	static const struct {
		const char *extension, *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".mjs", "text/javascript; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".json", "application/json" },
		{ ".webmanifest", "application/manifest+json" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".ico", "image/x-icon" },
		{ ".woff2", "font/woff2" },
		{ ".txt", "text/plain; charset=utf-8" },
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < array_size(types); i++)
		if (!strcmp(dot, types[i].extension))
			return types[i].type;
	return NULL;
}

static int add_handler(h2o_pathconf_t *path, const char *file, const char *type,
		       h2o_handler_t **ret_handler)
{
	h2o_mimemap_t *mimemap = path->global->mimemap;
	const char *extension = strrchr(file, '.') + 1;
	h2o_mime_attributes_t attributes;

	h2o_mimemap_get_default_attributes(type, &attributes);
	h2o_mimemap_define_mimetype(mimemap, extension, type, &attributes);
	*ret_handler = h2o_file_register_file(
		path, file,
		h2o_mimemap_get_type_by_extension(mimemap,
						  h2o_iovec_init(extension, strlen(extension))),
		0);
	return *ret_handler ? 0 : -ENOMEM;
}

/* Files of a kind that we do not know are none of the page's: a README, an editor's backup. */
static int add_file(struct assets *assets, const char *dir, const char *name, h2o_pathconf_t *path,
		    struct error *err)
{
	_cleanup_free_ char *file = NULL, *asked = NULL;
	const char *type = mime_type(name);
	struct stat st;

	if (*name == '.' || !type)
		return 0;
	if (asprintf(&file, "%s/%s", dir, name) < 0 ||
	    asprintf(&asked, "/%s", strcmp(name, INDEX) ? name : "") < 0)
		return error_set(err, -ENOMEM, "no memory");
	if (stat(file, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (assets->n == ASSETS_MAX)
		return error_set(err, -E2BIG, "%s has more than %d files of a page", dir,
				 ASSETS_MAX);
	if (add_handler(path, file, type, &assets->file[assets->n].handler))
		return error_set(err, -ENOMEM, "no memory");
	assets->file[assets->n++].path = take_ptr(asked);
	return 0;
}

/**
 * assets_open() - find the files of the page
 * @dir: where they are
 * @path: h2o's configuration that their handlers belong to; none of them runs by itself if a handler
 *        before them takes every request
 * @ret_assets: the files; index.html is asked for as "/"
 * @err: why there are none
 *
 * Return: 0, -ENOENT without a folder or without index.html, or another negative errno.
 */
int assets_open(const char *dir, h2o_pathconf_t *path, struct assets *ret_assets, struct error *err)
{
	_cleanup_closedir_ DIR *stream = opendir(dir);
	struct assets assets = {};
	struct dirent *entry;
	int r = 0;

	if (!stream)
		return error_set(err, -errno, "%s: %s", dir, strerror(errno));
	while (!r && (entry = readdir(stream)))
		r = add_file(&assets, dir, entry->d_name, path, err);
	if (!r && !assets_find(&assets, "/", 1))
		r = error_set(err, -ENOENT, "%s has no " INDEX, dir);
	if (r)
		assets_close(&assets);
	else
		*ret_assets = assets;
	return r;
}

/** assets_close() - forget the files; their handlers go with h2o's configuration */
void assets_close(struct assets *assets)
{
	while (assets->n)
		free(assets->file[--assets->n].path);
}

/**
 * assets_find() - the handler of a file
 * @assets: the files
 * @path: of the request, without its query, not NUL-terminated
 * @len: bytes at @path
 *
 * Return: the handler or NULL.
 */
h2o_handler_t *assets_find(const struct assets *assets, const char *path, size_t len)
{
	for (size_t i = 0; i < assets->n; i++)
		if (strlen(assets->file[i].path) == len && !memcmp(assets->file[i].path, path, len))
			return assets->file[i].handler;
	return NULL;
}
