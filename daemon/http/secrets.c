// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What has to be secret is in files that the configuration names, or in credentials that systemd passes to the
 * unit (systemd.exec(5)). A file that is named wins over a credential.
 *
 * Files are read twice in different circumstances: at the start, where root may have started us, and at a reload,
 * as the user that we have become. What that one may not read is told at the start, not in three months, when the
 * certificate has been renewed. A reload that fails keeps what was in use: the pair as a whole, and the tokens as a
 * whole, each for itself.
 */
#include "http/secrets.h"

#include "http/secret-file.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CREDENTIAL	 "credential"
#define CERT_CREDENTIAL	 "sampler-web.crt"
#define KEY_CREDENTIAL	 "sampler-web.key"
#define TOKEN_CREDENTIAL "sampler-web.token"
#define DAY_S		 86400
#define EXPIRES_SOON_S	 (14 * DAY_S)

static void find_place(const char *key, const char *path, const char *dir, const char *credential,
		       struct secret_place *ret_place)
{
	struct secret_place place = { .name = key };

	if (*path) {
		snprintf(place.path, sizeof(place.path), "%s", path);
	} else if (dir) {
		place.name = CREDENTIAL;
		snprintf(place.path, sizeof(place.path), "%s/%s", dir, credential);
		/* One that cannot be looked at may be there: to read it will fail, and with that the start. */
		if (access(place.path, F_OK) && errno == ENOENT)
			*place.path = '\0';
	}
	*ret_place = place;
}

static int find_places(const struct secret_paths *paths, struct secrets *secrets, struct error *err)
{
	const char *dir = paths->credential_dir;
	bool named = *paths->tls_cert || *paths->tls_key;

	/* A pair comes from one place: a certificate that is named and a key that is a credential would not fit. */
	find_place("tls_cert", paths->tls_cert, named ? NULL : dir, CERT_CREDENTIAL,
		   &secrets->cert);
	find_place("tls_key", paths->tls_key, named ? NULL : dir, KEY_CREDENTIAL, &secrets->key);
	find_place("token_file", paths->token_file, dir, TOKEN_CREDENTIAL, &secrets->token);
	if (*secrets->key.path && !*secrets->cert.path)
		return error_set(err, -EINVAL,
				 "%s %s: is of no use without its certificate (tls_cert, or the "
				 "credential " CERT_CREDENTIAL ")",
				 secrets->key.name, secrets->key.path);
	if (*secrets->cert.path && !*secrets->key.path)
		secrets->key = secrets->cert; /* both in one file */
	return 0;
}

static int load_tls(const struct secrets *secrets, SSL_CTX **ret_tls, struct tls_dates *ret_dates,
		    struct error *err)
{
	const struct tls_source source = { secrets->cert.name, secrets->cert.path,
					   secrets->key.name, secrets->key.path };

	return tls_load(&source, ret_tls, ret_dates, err);
}

static int load_tokens(const struct secrets *secrets, struct tokens *ret_tokens, struct error *err)
{
	_cleanup_secret_ struct secret_file file = {};
	struct error why;
	int r = secret_file_read(secrets->token.name, secrets->token.path, &file, err);

	if (!r && tokens_parse(file.text, file.len, ret_tokens, &why))
		r = error_set(err, -EINVAL, "%s %s: %s", secrets->token.name, secrets->token.path,
			      why.text);
	if (!r)
		secret_file_warn(secrets->token.name, secrets->token.path, &file);
	return r;
}

static int64_t from_now_s(int64_t date_s)
{
	return date_s - (int64_t)(clock_realtime_ns() / NSEC_PER_SEC);
}

static bool warn_expiry(const struct secrets *secrets)
{
	int64_t expires_in_s = from_now_s(secrets->dates.expires_s), days = expires_in_s / DAY_S;
	int64_t begins_in_s = from_now_s(secrets->dates.begins_s);

	if (expires_in_s <= 0)
		log_warning("%s %s: has expired, %" PRId64 " days ago: clients refuse it",
			    secrets->cert.name, secrets->cert.path, -days);
	else if (begins_in_s > 0)
		log_warning("%s %s: is not valid yet, but in %" PRId64
			    " hours: is the clock right?",
			    secrets->cert.name, secrets->cert.path, begins_in_s / 3600 + 1);
	else if (expires_in_s < EXPIRES_SOON_S)
		log_warning("%s %s: expires in %" PRId64 " days", secrets->cert.name,
			    secrets->cert.path, days);
	else
		return false;
	return true;
}

static void tell_expiry(const struct secrets *secrets)
{
	if (!warn_expiry(secrets))
		log_info("%s %s: expires in %" PRId64 " days", secrets->cert.name,
			 secrets->cert.path, from_now_s(secrets->dates.expires_s) / DAY_S);
}

/** secrets_warn_expiry() - warn of a certificate, if there is one, that has expired or is about to */
void secrets_warn_expiry(const struct secrets *secrets)
{
	if (secrets->tls)
		warn_expiry(secrets);
}

/**
 * secrets_open() - find and read what there is
 * @paths: where
 * @ret_secrets: to be closed with secrets_close(); may have neither
 * @err: what is wrong with which file
 *
 * An expired certificate is a warning: clients decide, and a page that does not come up helps nobody.
 *
 * Return: 0 or negative errno.
 */
int secrets_open(const struct secret_paths *paths, struct secrets *ret_secrets, struct error *err)
{
	struct secrets secrets = {};
	int r = find_places(paths, &secrets, err);

	if (!r && *secrets.cert.path) {
		r = load_tls(&secrets, &secrets.tls, &secrets.dates, err);
		if (!r)
			tell_expiry(&secrets);
	}
	if (!r && *secrets.token.path)
		r = load_tokens(&secrets, &secrets.tokens, err);
	if (r)
		secrets_close(&secrets);
	else
		*ret_secrets = secrets;
	return r;
}

/** secrets_warn_unreadable() - say which files a reload will not be able to read; after privilege is given up */
void secrets_warn_unreadable(const struct secrets *secrets)
{
	const struct secret_place *places[] = { &secrets->cert, &secrets->key, &secrets->token };

	for (size_t i = 0; i < array_size(places); i++)
		if (*places[i]->path && access(places[i]->path, R_OK) &&
		    (i != 1 || strcmp(places[1]->path, places[0]->path)))
			log_warning(
				"%s %s: was read by root, and user %u, who we are now, cannot "
				"(%s): a reload will "
				"keep this one; let that user read it, or restart after a change",
				places[i]->name, places[i]->path, getuid(), strerror(errno));
}

static bool is_credential(const struct secret_place *place)
{
	return *place->path && !strcmp(place->name, CREDENTIAL);
}

static bool reload_tls(struct secrets *secrets)
{
	struct tls_dates dates;
	int64_t expires_in_s;
	struct error err;
	SSL_CTX *tls;

	if (load_tls(secrets, &tls, &dates, &err)) {
		log_error("certificate and key stay as they were: %s", err.text);
		return false;
	}
	expires_in_s = from_now_s(dates.expires_s);
	if (expires_in_s <= 0 && secrets->dates.expires_s > dates.expires_s) {
		log_error("certificate and key stay as they were: %s %s: the new one has expired, "
			  "%" PRId64 " days ago",
			  secrets->cert.name, secrets->cert.path, -expires_in_s / DAY_S);
		SSL_CTX_free(tls);
		return false;
	}
	SSL_CTX_free(secrets->tls); /* connections that have it keep it */
	secrets->tls = tls;
	secrets->dates = dates;
	tell_expiry(secrets);
	return true;
}

static bool reload_tokens(struct secrets *secrets)
{
	struct error err;

	if (!load_tokens(secrets, &secrets->tokens, &err))
		return true;
	log_error("tokens stay as they were: %s", err.text);
	return false;
}

/**
 * secrets_reload() - read the same files anew
 * @secrets: what is in use; what cannot be replaced stays, which is told
 *
 * New connections have the new certificate, those that are open stay; each next request has to have a token that is in
 * the file now.
 *
 * Return: whether the tokens are others than before.
 */
bool secrets_reload(struct secrets *secrets)
{
	const struct tokens before = secrets->tokens;
	bool tls = secrets->tls && reload_tls(secrets),
	     tokens = secrets->tokens.n && reload_tokens(secrets);

	if (tls || tokens)
		log_notice("reloaded: %s%s%s; any other change needs a restart",
			   tls ? "certificate and key" : "", tls && tokens ? ", " : "",
			   tokens ? "tokens" : "");
	else if (!secrets->tls && !secrets->tokens.n)
		log_notice("the configuration is read at the start only: restart to apply changes");
	if (is_credential(&secrets->cert) || is_credential(&secrets->token))
		log_notice("credentials are those that systemd passed at the start: restart to "
			   "have others");
	return memcmp(&before, &secrets->tokens, sizeof(before)) != 0;
}

/** secrets_close() - release what was read */
void secrets_close(struct secrets *secrets)
{
	SSL_CTX_free(secrets->tls);
	explicit_bzero(secrets, sizeof(*secrets));
}
