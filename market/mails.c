/* SPDX-License-Identifier: Apache-2.0
 * mails.c - the market's mail
 *
 * How it works: what is to be mailed lies in the database, put there by the transaction that it is about, or by mail_news(), which looks
 * through the events behind them. A timer lets a thread take what is due; it has a connection of its own, so that neither a statement
 * nor a mail server holds up the loop. Taking a mail puts it off, so a crash forgets none, and sends one twice at worst. Links are made when they are
 * sent: a token is in the mail and nowhere else, and whether anybody has the address shows in no answer's time.
 */
#include "mails.h"

#include <pthread.h>
#include "gate.h"
#include "letters.h"
#include "log.h"
#include "people.h"
#include "smtp.h"

#define TURN_US (250 * MILLISECOND_US)
#define SUMS_US (15 * SECOND_US)
#define EVENTS_AT_ONCE 20000
#define AT_ONCE 8
#define LINKS 3 /* of a kind to one address while a link is good: whoever asks for others in vain leaves one that is */
#define LINKS_US RESET_US
#define CONFIRM_US (2 * DAY_US)

struct mails {
	const struct settings *settings;
	const char *url;
	struct smtp *smtp;
	struct store *store; /* the thread's */
	struct workers *thread;
	atomic_bool stopping;
	bool busy; /* the loop's: a turn is under way */
	mono_time counted;
	pthread_mutex_t lock; /* for what follows */
	struct mail_sums sums;
};

err_t mails_new(const struct settings *s, const char *url, struct mails **ret_mails, char *error)
{
	struct smtp_config config = { s->mail_server, s->mail_from, s->name, s->mail_ca, s->mail_login };
	if (!*s->mail_server)
		return OK;
	struct mails *mails = calloc(1, sizeof *mails);
	if (!mails)
		return E_NOMEM;
	mails->settings = s;
	mails->url = url;
	pthread_mutex_init(&mails->lock, NULL);
	err_t e = smtp_new(&config, &mails->smtp, error);
	if (e)
		mails_free(mails);
	else
		*ret_mails = mails;
	return e;
}

void mails_free(struct mails *mails)
{
	if (!mails)
		return;
	smtp_free(mails->smtp);
	pthread_mutex_destroy(&mails->lock);
	free(mails);
}

/* ---- the thread ---- */

/* Of an account, or of whoever has the address. E_NOT_FOUND: nobody; E_LIMIT: there were enough; E_EXISTS: a sign-up needs none. */
static err_t make_link(struct mails *mails, const struct mail_row *mail, wall_time now, char *ret_token)
{
	bool password = !strcmp(mail->kind, MAIL_PASSWORD_KIND), move = !strcmp(mail->kind, MAIL_MOVE_KIND),
	     signup = !strcmp(mail->kind, MAIL_SIGNUP_KIND);
	struct account account = { .id = mail->account };
	char hash[PASSWORD_HASH_SIZE];
	int64_t count;
	err_t e = password || move || signup ? store_account_by_email(mails->store, mail->address, &account, hash) : OK;
	bool taken = signup && e == OK;
	explicit_bzero(hash, sizeof hash);
	if ((move || signup) && (e == OK || e == E_NOT_FOUND))
		e = move && e == OK ? E_NOT_FOUND : OK; /* what is somebody's already is nobody's to take */
	TRY(e);
	TRY(store_mail_count(mails->store, mail->address, mail->kind, (wall_time){ now.us - LINKS_US }, &count));
	if (count >= LINKS)
		return E_LIMIT;
	if (taken)
		return E_EXISTS;
	token_make(password ? TOKEN_PREFIX_RESET : TOKEN_PREFIX_CONFIRM, ret_token);
	sha256 token = token_hash(ret_token);
	if (signup)
		return store_signup_add(mails->store, mail->id, token, (wall_time){ now.us + CONFIRM_US });
	return password ? store_reset_add(mails->store, account.id, token, (wall_time){ now.us + RESET_US })
			: store_confirmation_add(mails->store, mail->id, token, move ? mail->address : NULL,
						 (wall_time){ now.us + CONFIRM_US });
}

static err_t write_mail(struct mails *mails, const struct mail_row *mail, wall_time now, struct buf *message)
{
	char subject[SUBJECT_SIZE], token[TOKEN_TEXT_SIZE] = "";
	bool link = !strcmp(mail->kind, MAIL_PASSWORD_KIND) || !strcmp(mail->kind, MAIL_CONFIRM_KIND) ||
		    !strcmp(mail->kind, MAIL_MOVE_KIND) || !strcmp(mail->kind, MAIL_SIGNUP_KIND);
	struct json_error error;
	AUTO_JSON data = NULL;
	AUTO_BUF text = { 0 };
	TRY(json_parse(mail->data, strlen(mail->data), &data, &error));
	err_t e = link ? make_link(mails, mail, now, token) : OK;
	bool taken = e == E_EXISTS;
	if (!taken)
		TRY(e);
	struct letter_about about = { .kind = taken ? "taken" : mail->kind,
				      .data = data,
				      .market = mails->settings->name,
				      .url = mails->url,
				      .currency = mails->settings->currency,
				      .token = link && !taken ? token : NULL };
	e = letter_write(&about, subject, &text);
	if (e == OK)
		e = smtp_message(mails->smtp, mail->id, mail->address, subject, text.data, now, message);
	explicit_bzero(token, sizeof token);
	return e;
}

static err_t note(struct mails *mails, const struct mail_row *mail, enum mail_state state, const char *why)
{
	static struct log_bucket bucket;
	char id[UUID_TEXT_SIZE];
	if (*why && log_allowed(&bucket))
		log_warn("a mail was not sent", "mail=%s kind=%s state=%s tries=%lld why=\"%s\"", uuid_format(mail->id, id),
			 mail->kind, mail_state_names[state], (long long)mail->tries, why);
	return store_mail_note(mails->store, mail->id, state, why);
}

static err_t send_one(struct mails *mails, const struct mail_row *mail, wall_time now)
{
	AUTO_BUF message = { 0 };
	char why[SMTP_NOTE_SIZE] = "";
	err_t e = write_mail(mails, mail, now, &message);
	if (e == E_NOT_FOUND || e == E_LIMIT) /* said nowhere: who is here is nobody's business */
		return store_mail_note(mails->store, mail->id, MAIL_DROPPED, e == E_LIMIT ? "too many of them" : "");
	if (e == E_INVALID)
		return note(mails, mail, MAIL_GIVEN_UP, "it cannot be written");
	TRY(e);
	e = smtp_send(mails->smtp, mail->address, &message, why);
	explicit_bzero(message.data, message.len);
	if (e == OK)
		return note(mails, mail, MAIL_SENT, "");
	if (atomic_load(&mails->stopping))
		return OK;
	if (e == E_UNAVAILABLE && now.us < mail->created_at.us + mails->settings->mail_give_up_us)
		return note(mails, mail, MAIL_WAITS, why);
	return note(mails, mail, MAIL_GIVEN_UP, why);
}

static err_t count(struct mails *mails)
{
	struct mail_sums sums;
	mono_time now = clock_mono();
	if (mails->counted.us && now.us - mails->counted.us < SUMS_US)
		return OK;
	TRY(store_mail_sums(mails->store, &sums));
	mails->counted = now;
	pthread_mutex_lock(&mails->lock);
	mails->sums = sums;
	pthread_mutex_unlock(&mails->lock);
	return OK;
}

static err_t turn(struct mails *mails)
{
	const struct settings *s = mails->settings;
	struct mail_row *rows = NULL;
	size_t n = 0;
	wall_time now = clock_wall();
	TRY(store_mail_news(mails->store, EVENTS_AT_ONCE, s->mail_a_day, now));
	TRY(store_mail_due(mails->store, AT_ONCE, s->mail_retry_us, now, &rows, &n));
	err_t e = OK;
	for (size_t i = 0; i < n && e == OK && !atomic_load(&mails->stopping); i++)
		e = send_one(mails, &rows[i], clock_wall());
	mail_rows_free(rows, n);
	TRY(e);
	return count(mails);
}

static void run(void *job)
{
	static struct log_bucket bucket;
	struct mails *mails = job;
	err_t e = atomic_load(&mails->stopping) ? OK : turn(mails);
	if (e && e != E_UNAVAILABLE && log_allowed(&bucket))
		log_error("mail is held up", "error=%s store=%s", err_name(e), store_error(mails->store));
}

/* ---- the loop ---- */

static void done(void *job)
{
	struct mails *mails = job;
	mails->busy = false;
}

static void on_turn(void *context, mono_time now)
{
	struct market *m = context;
	struct mails *mails = m->mails;
	(void)now;
	if (m->stopping || !m->database_up || !m->holds_book || mails->busy)
		return;
	mails->busy = workers_submit(mails->thread, run, done, mails) == OK;
}

err_t mails_start(struct market *m, const char *uri)
{
	struct mails *mails = m->mails;
	if (!mails)
		return OK;
	TRY(store_open(uri, &mails->store));
	store_watch(mails->store, m->pulse);
	TRY(workers_new(m->loop, 1, 1, &mails->thread));
	return loop_timer_add(m->loop, TURN_US, on_turn, m) ? OK : E_NOMEM;
}

void mails_stop(struct market *m)
{
	struct mails *mails = m->mails;
	if (!mails)
		return;
	atomic_store(&mails->stopping, true);
	smtp_stop(mails->smtp);
	workers_free(mails->thread);
	store_close(mails->store);
}

struct mail_sums mails_sums(const struct mails *mails)
{
	struct mails *unlocked = (struct mails *)mails;
	pthread_mutex_lock(&unlocked->lock);
	struct mail_sums sums = mails->sums;
	pthread_mutex_unlock(&unlocked->lock);
	return sums;
}

bool mails_confirm_signup(const struct market *m)
{
	return m->mails && m->settings->mail_confirm_signup;
}

err_t mails_add_confirmation(struct market *m, const struct account *account, wall_time now)
{
	return m->mails ? store_mail_add(m->store, account->id, account->email, MAIL_CONFIRM_KIND, now) : OK;
}

err_t mails_add_login(struct request *r, uuid account, const char *client)
{
	struct market *m = market_of(r);
	return m->mails ? store_mail_login(m->store, account, client, r->address, m->settings->mail_a_day, r->now) : OK;
}
