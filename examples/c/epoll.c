/*
 * An epoll loop over three tags: it prints each value as it comes. The same loop may serve other descriptors too.
 *
 *   cc -std=c99 epoll.c -lndsharray -o epoll && ./epoll TAG TAG TAG
 *
 * It waits for the tags, and ends when the writers of all have left.
 */

#include <ndsharray.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { TAGS = 3 };

struct source {
    nds_reader *reader;
    int fd;
    unsigned long values;
};

/* Says what went wrong, and ends. */
static void check(nds_status status, nds_error *error) {
    if (status < 0) {
        fprintf(stderr, "epoll: %s\n", nds_error_message(error));
        nds_error_free(error);
        exit(1);
    }
}

/* Takes all values that are there. A program that works long on each may take one value per call: it is called again. */
static void take(struct source *source) {
    nds_error *error;
    nds_snapshot *value;
    for (;;) {
        const nds_status status = nds_reader_read_next(source->reader, &value, &error);
        check(status, error);
        if (status == NDS_NONE) {
            return;
        }
        if (++source->values % 30 == 1) {
            printf("%s: value %llu, %s, %zu bytes, %.3f ms old\n", nds_reader_tag(source->reader),
                   (unsigned long long)nds_snapshot_version(value), nds_snapshot_dtype(value),
                   nds_snapshot_nbytes(value), (double)nds_snapshot_age(value) / 1e6);
        }
        nds_snapshot_release(value);
    }
}

/* Whether a writer has any of the tags. */
static int is_any_alive(struct source *sources) {
    nds_error *error;
    for (int i = 0; i < TAGS; i++) {
        bool alive;
        check(nds_reader_writer_alive(sources[i].reader, &alive, &error), error);
        if (alive) {
            return 1;
        }
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count != 1 + TAGS) {
        fprintf(stderr, "usage: epoll TAG TAG TAG\n");
        return 2;
    }
    nds_error *error;
    nds_store *store;
    struct source sources[TAGS] = {{NULL, -1, 0}};
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    check(nds_store_open(NULL, &store, &error), error);
    for (int i = 0; i < TAGS; i++) {
        check(nds_reader_open(store, arguments[1 + i], NDS_FOREVER, &sources[i].reader, &error), error);
        check(nds_reader_fd(sources[i].reader, &sources[i].fd, &error), error);
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &sources[i]}};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, sources[i].fd, &event) != 0) {
            perror("epoll: epoll_ctl");
            return 1;
        }
    }

    /* A second without a value: perhaps the writers have left. */
    for (;;) {
        struct epoll_event events[TAGS];
        const int ready = epoll_wait(epoll, events, TAGS, 1000);
        for (int i = 0; i < ready; i++) {
            take(events[i].data.ptr);
        }
        if (ready == 0 && !is_any_alive(sources)) {
            break;
        }
    }
    for (int i = 0; i < TAGS; i++) {
        printf("%s: %lu values, missed %llu\n", nds_reader_tag(sources[i].reader), sources[i].values,
               (unsigned long long)nds_reader_missed(sources[i].reader));
        epoll_ctl(epoll, EPOLL_CTL_DEL, sources[i].fd, NULL);
        nds_reader_close(sources[i].reader);
    }
    nds_store_close(store);
    return 0;
}
