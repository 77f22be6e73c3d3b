/* A process whose threads write, read and wait while it forks, over and over: each child goes on with what it inherits. */

#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

enum { THREADS = 4, CHILDREN = 40 };

static nds_store *store;
static nds_writer *writer;
/* Read and set by several threads: with the compiler's builtins, since C99 has no atomics. */
static bool stopped;

static bool has_stopped(void) {
    return __atomic_load_n(&stopped, __ATOMIC_SEQ_CST);
}

static void *write_on(void *of) {
    (void)of;
    for (uint64_t number = 2; !has_stopped(); number++) {
        OK(nds_writer_write(writer, ARRAY(&number, "uint64", 1), NULL, NULL, &error));
        usleep(200);
    }
    return NULL;
}

static void *read_on(void *of) {
    nds_reader *reader = of;
    uint64_t last = 0;
    while (!has_stopped()) {
        nds_snapshot *value;
        const nds_status status = nds_reader_wait(reader, 10000000, &value, NULL);
        CHECK(status == NDS_OK || status == NDS_NONE);
        if (status == NDS_OK) {
            const uint64_t found = *(const uint64_t *)nds_snapshot_data(value);
            CHECK(found > last);
            last = found;
            nds_snapshot_release(value);
        }
    }
    nds_reader_close(reader);
    return NULL;
}

/* What the header allows a child. The thread that writes in the parent is not here. */
static void child_of(nds_reader *reader, nds_snapshot *held, nds_loan *loan, int child) {
    alarm(60);
    char tag[32];
    nds_snapshot *value;
    nds_reader *own;
    nds_writer *mine;
    uint64_t number = (uint64_t)child;
    struct pollfd set = {-1, POLLIN, 0};
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    /* What was held stays as it is; the parent's writer goes on, and its values arrive here. */
    CHECK(*(const uint64_t *)nds_snapshot_data(held) == 1);
    nds_snapshot_release(held);
    for (int i = 0; i < 3; i++) {
        OK(nds_reader_wait(reader, LONG, &value, &error));
        nds_snapshot_release(value);
    }
    OK(nds_reader_fd(reader, &set.fd, &error));
    CHECK(poll(&set, 1, 60000) == 1);
    nds_reader_close(reader);
    CHECK(nds_loan_data(loan) == NULL);
    nds_loan_abandon(loan);
    /* The store is for new ones, too. */
    snprintf(tag, sizeof tag, "child %d", child);
    OK(nds_writer_open(store, tag, &options, &mine, &error));
    OK(nds_writer_write(mine, ARRAY(&number, "uint64", 1), NULL, NULL, &error));
    OK(nds_reader_open(store, tag, 0, &own, &error));
    OK(nds_reader_read(own, &value, &error));
    CHECK(*(const uint64_t *)nds_snapshot_data(value) == number);
    nds_snapshot_release(value);
    nds_reader_close(own);
    nds_writer_close(mine);
    nds_store_close(store);
    _exit(0);
}

int main(int count, char **arguments) {
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    pthread_t threads[THREADS], writing;
    nds_reader *reader;
    nds_snapshot *held;
    nds_writer *lending;
    nds_loan *loan;
    const uint64_t number = 1;
    OK(nds_store_open(directory_of(count, arguments), &store, &error));
    OK(nds_writer_open(store, "stream", &options, &writer, &error));
    OK(nds_writer_write(writer, ARRAY(&number, "uint64", 1), NULL, NULL, &error));
    OK(nds_writer_open(store, "lent", &options, &lending, &error));
    OK(nds_writer_loan(lending, "uint64", 1, (size_t[]){1}, &loan, &error));
    OK(nds_reader_open(store, "stream", 0, &reader, &error));
    OK(nds_reader_read(reader, &held, &error));
    /* A thread of the library waits, too. */
    int fd;
    OK(nds_reader_fd(reader, &fd, &error));
    for (int i = 0; i < THREADS; i++) {
        nds_reader *another;
        OK(nds_reader_open(store, "stream", 0, &another, &error));
        CHECK(pthread_create(&threads[i], NULL, read_on, another) == 0);
    }
    CHECK(pthread_create(&writing, NULL, write_on, NULL) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            child_of(reader, held, loan, i);
        }
        int status = 1;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    __atomic_store_n(&stopped, true, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(writing, NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(*(const uint64_t *)nds_snapshot_data(held) == 1);
    *(uint64_t *)nds_loan_data(loan) = 7;
    OK(nds_loan_publish(loan, NULL, &error));
    nds_snapshot_release(held);
    nds_reader_close(reader);
    nds_writer_close(writer);
    nds_writer_close(lending);
    nds_store_close(store);
    return 0;
}
