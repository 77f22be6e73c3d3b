/* The descriptor of a reader: readable while there is something newer than what the reader returned last. */

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>

static nds_store *store;

static void put(nds_writer *writer, uint64_t number) {
    OK(nds_writer_write(writer, ARRAY(&number, "uint64", 1), NULL, NULL, &error));
}

/* The number of a value, which is released. */
static uint64_t number(nds_snapshot *value) {
    const uint64_t found = *(const uint64_t *)nds_snapshot_data(value);
    nds_snapshot_release(value);
    return found;
}

static bool readable(int fd, int milliseconds) {
    struct pollfd set = {fd, POLLIN, 0};
    const int found = poll(&set, 1, milliseconds);
    CHECK(found >= 0 && (found == 0 || set.revents == POLLIN));
    return found == 1;
}

/* Not readable, also not in a moment. */
static bool silent(int fd) {
    return !readable(fd, 30);
}

static void open_pair(nds_writer **writer, nds_reader **reader, int *fd) {
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL, .history = 8};
    OK(nds_writer_open(store, "fd", &options, writer, &error));
    OK(nds_reader_open(store, "fd", 0, reader, &error));
    OK(nds_reader_fd(*reader, fd, &error));
    int again = -1;
    OK(nds_reader_fd(*reader, &again, &error));
    CHECK(*fd >= 0 && again == *fd);
    CHECK((fcntl(*fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static void levels(void) {
    nds_writer *writer;
    nds_reader *reader, *late;
    nds_snapshot *value;
    int fd, late_fd;
    open_pair(&writer, &reader, &fd);
    CHECK(silent(fd));
    for (uint64_t i = 1; i <= 50; i++) {
        put(writer, i);
        CHECK(readable(fd, 60000) && readable(fd, 0));
        OK(nds_reader_read(reader, &value, &error));
        CHECK(number(value) == i && !readable(fd, 0));
    }
    CHECK(silent(fd));
    /* What does not count as returned leaves it as it is. */
    put(writer, 51);
    CHECK(readable(fd, 60000));
    OK(nds_reader_latest(reader, &value, &error));
    CHECK(number(value) == 51 && readable(fd, 0));
    OK(nds_reader_nearest(reader, 0, -1, &value, &error));
    nds_snapshot_release(value);
    CHECK(readable(fd, 0));
    /* One after the other: readable until the last one is returned. */
    put(writer, 52);
    put(writer, 53);
    for (uint64_t i = 51; i <= 53; i++) {
        CHECK(readable(fd, 0));
        OK(nds_reader_read_next(reader, &value, &error));
        CHECK(number(value) == i);
    }
    CHECK(!readable(fd, 0));
    EXPECT(NDS_NONE, nds_reader_read_next(reader, &value, &error));
    CHECK(silent(fd));
    /* A caller reads without having waited for the descriptor. */
    put(writer, 54);
    OK(nds_reader_wait(reader, LONG, &value, &error));
    CHECK(number(value) == 54 && silent(fd));
    /* There was a value before anybody asked for a descriptor. */
    OK(nds_reader_open(store, "fd", 0, &late, &error));
    OK(nds_reader_fd(late, &late_fd, &error));
    CHECK(readable(late_fd, 0) && silent(fd));
    /* A clone has none of its own until it asks. */
    nds_reader *clone;
    int clone_fd;
    OK(nds_reader_clone(reader, &clone, &error));
    OK(nds_reader_fd(clone, &clone_fd, &error));
    CHECK(clone_fd != fd && silent(clone_fd));
    put(writer, 55);
    CHECK(readable(clone_fd, 60000) && readable(fd, 60000));
    OK(nds_reader_wait_next(clone, 0, &value, &error));
    CHECK(number(value) == 55 && !readable(clone_fd, 0) && readable(fd, 0));
    nds_reader_close(clone);
    nds_reader_close(late);
    /* It closes with its reader. */
    nds_reader_close(reader);
    CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
    nds_writer_close(writer);
}

/* Another writer, and the tag removed and written again. */
static void following(void) {
    nds_writer *writer, *other;
    nds_reader *reader;
    nds_snapshot *value;
    int fd;
    open_pair(&writer, &reader, &fd);
    put(writer, 1);
    CHECK(readable(fd, 60000));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(number(value) == 1);
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_TAKEOVER | NDS_EPHEMERAL};
    OK(nds_writer_open(store, "fd", &options, &other, &error));
    CHECK(silent(fd));
    put(other, 2);
    CHECK(readable(fd, 60000));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(number(value) == 2);
    nds_writer_close(writer);
    nds_writer_close(other);
    /* The tag is gone, which is nothing new. */
    CHECK(silent(fd));
    OK(nds_writer_open(store, "fd", &options, &other, &error));
    CHECK(silent(fd));
    put(other, 3);
    CHECK(readable(fd, 60000));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(number(value) == 3 && silent(fd));
    nds_writer_close(other);
    nds_reader_close(reader);
}

static void *write_many(void *of) {
    nds_writer *writer = of;
    for (uint64_t i = 1; i <= 3000; i++) {
        put(writer, i);
        if (i % 7 == 0) {
            usleep(100);
        }
    }
    return NULL;
}

/* A loop that takes `most` values for each event, until it has the last. No event is missed, or it would hang. */
static void loop(uint32_t events, int most, bool next) {
    nds_writer *writer;
    nds_reader *reader;
    int fd;
    open_pair(&writer, &reader, &fd);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = events};
    CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, write_many, writer) == 0);
    uint64_t last = 0;
    while (last < 3000) {
        CHECK(epoll_wait(epoll, &event, 1, 60000) == 1);
        for (int i = 0; i < most; i++) {
            nds_snapshot *value;
            const nds_status status =
                next ? nds_reader_read_next(reader, &value, NULL) : nds_reader_read(reader, &value, NULL);
            if (status == NDS_NONE) {
                break;
            }
            CHECK(status == NDS_OK);
            const uint64_t found = number(value);
            CHECK(found > last);
            last = found;
        }
    }
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(silent(fd));
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) == 0);
    close(epoll);
    nds_reader_close(reader);
    nds_writer_close(writer);
}

#ifndef NO_FORKS
/* A child asks for a descriptor of its own; the parent's goes on. */
static void forked(void) {
    nds_writer *writer;
    nds_reader *reader;
    nds_snapshot *value;
    int fd, go[2];
    open_pair(&writer, &reader, &fd);
    put(writer, 1);
    OK(nds_reader_wait(reader, LONG, &value, &error));
    CHECK(number(value) == 1 && pipe(go) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        int own = -1;
        char byte;
        EXPECT(NDS_NONE, nds_reader_read(reader, &value, &error));
        OK(nds_reader_fd(reader, &own, &error));
        CHECK(silent(own));
        CHECK(write(go[1], "x", 1) == 1);
        CHECK(readable(own, 60000));
        OK(nds_reader_read(reader, &value, &error));
        CHECK(number(value) == 2 && silent(own));
        nds_reader_close(reader);
        (void)byte;
        _exit(0);
    }
    char byte;
    CHECK(read(go[0], &byte, 1) == 1 && silent(fd));
    put(writer, 2);
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(readable(fd, 60000));
    OK(nds_reader_read(reader, &value, &error));
    CHECK(number(value) == 2 && silent(fd));
    close(go[0]);
    close(go[1]);
    nds_reader_close(reader);
    nds_writer_close(writer);
}
#endif

/* More tags than one thread waits for; each of them is heard. */
static void many(void) {
    enum { COUNT = 200 };
    static nds_writer *writers[COUNT];
    static nds_reader *readers[COUNT];
    static int fds[COUNT];
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    for (int i = 0; i < COUNT; i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "fd %d", i);
        OK(nds_writer_open(store, tag, &options, &writers[i], &error));
        OK(nds_reader_open(store, tag, 0, &readers[i], &error));
        OK(nds_reader_fd(readers[i], &fds[i], &error));
    }
    for (int i = 0; i < COUNT; i++) {
        nds_snapshot *value;
        put(writers[i], (uint64_t)i);
        CHECK(readable(fds[i], 60000));
        OK(nds_reader_read(readers[i], &value, &error));
        CHECK(number(value) == (uint64_t)i && !readable(fds[(i + 1) % COUNT], 0));
    }
    for (int i = 0; i < COUNT; i++) {
        nds_reader_close(readers[i]);
        nds_writer_close(writers[i]);
    }
}

int main(int count, char **arguments) {
    OK(nds_store_open(directory_of(count, arguments), &store, &error));
    levels();
    following();
    loop(EPOLLIN, 1, false);
    loop(EPOLLIN, 1, true);
    loop(EPOLLIN, 1000, true);
    loop(EPOLLIN | EPOLLET, 1, false);
    loop(EPOLLIN | EPOLLET, 1, true);
    loop(EPOLLIN | EPOLLET, 1000, false);
    loop(EPOLLIN | EPOLLET, 1000, true);
#ifndef NO_FORKS
    forked();
#endif
    many();
    nds_store_close(store);
    return 0;
}
