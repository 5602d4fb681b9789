/* SPDX-License-Identifier: Apache-2.0
 * workers.c - threads for what would hold up the loop: scrypt, files
 *
 * How it works: two lists under one lock, jobs to do and jobs done. Threads wait for the first by a condition variable; the loop hears
 * of the second by an eventfd and calls each job's done() itself, so that nothing but run() leaves the loop's thread.
 */
#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "file.h"

struct job {
	work_fn *run, *done;
	void *context;
	struct job *next;
};
struct jobs {
	struct job *first, **last;
};
struct workers {
	struct loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct jobs waiting, finished;
	int waiting_count, queue_max, thread_count, done_fd;
	bool stopping;
	pthread_t threads[16];
};

static void jobs_add(struct jobs *jobs, struct job *job)
{
	job->next = NULL;
	*jobs->last = job;
	jobs->last = &job->next;
}

static struct job *jobs_take(struct jobs *jobs)
{
	struct job *job = jobs->first;
	if (job && !(jobs->first = job->next))
		jobs->last = &jobs->first;
	return job;
}

static void *thread_main(void *context)
{
	struct workers *w = context;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct job *job = jobs_take(&w->waiting);
		if (!job && w->stopping)
			break;
		if (!job) {
			pthread_cond_wait(&w->more, &w->lock);
			continue;
		}
		w->waiting_count--;
		pthread_mutex_unlock(&w->lock);
		job->run(job->context);
		pthread_mutex_lock(&w->lock);
		jobs_add(&w->finished, job);
		eventfd_write(w->done_fd, 1);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void finish(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	struct job *list = w->finished.first;
	w->finished = (struct jobs){ NULL, &w->finished.first };
	pthread_mutex_unlock(&w->lock);
	while (list) {
		struct job *job = list;
		list = job->next;
		job->done(job->context);
		free(job);
	}
}

static void on_done(void *context, int fd, uint32_t events)
{
	(void)events;
	eventfd_t count;
	if (eventfd_read(fd, &count) == 0)
		finish(context);
}

err_t workers_new(struct loop *loop, int threads, int queue_max, struct workers **ret_workers)
{
	struct workers *w = calloc(1, sizeof *w);
	if (!w)
		return E_NOMEM;
	w->loop = loop;
	w->queue_max = queue_max;
	w->waiting.last = &w->waiting.first;
	w->finished.last = &w->finished.first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err_t e = w->done_fd < 0 ? E_IO : loop_fd_add(loop, w->done_fd, EPOLLIN, on_done, w);
	/* Signals are the loop's. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (!e && w->thread_count < threads && w->thread_count < 16) {
		if (pthread_create(&w->threads[w->thread_count], NULL, thread_main, w))
			e = E_IO;
		else
			w->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e) {
		workers_free(w);
		return e;
	}
	*ret_workers = w;
	return OK;
}

err_t workers_submit(struct workers *w, work_fn *run, work_fn *done, void *context)
{
	struct job *job = malloc(sizeof *job);
	if (!job)
		return E_NOMEM;
	*job = (struct job){ run, done, context, NULL };
	pthread_mutex_lock(&w->lock);
	bool full = w->waiting_count >= w->queue_max || w->stopping;
	if (!full) {
		w->waiting_count++;
		jobs_add(&w->waiting, job);
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	if (full)
		free(job);
	return full ? E_LIMIT : OK;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->thread_count; i++)
		pthread_join(w->threads[i], NULL);
	for (struct job *job; (job = jobs_take(&w->waiting));) { /* only where no thread could be made */
		job->run(job->context);
		jobs_add(&w->finished, job);
	}
	finish(w);
	if (w->done_fd >= 0)
		loop_fd_remove(w->loop, w->done_fd);
	fd_close(&w->done_fd);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
