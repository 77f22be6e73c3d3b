/* Threads: a reader each, one snapshot that all of them hold and release, and clones that are closed while others read. */

#include "check.h"

#include <pthread.h>

enum { THREADS = 8, VALUES = 2000, LENGTH = 512 };

static nds_store *store;

/* All elements of a value are its number. */
static uint64_t number_of(const nds_snapshot *value) {
    const uint64_t *elements = nds_snapshot_data(value);
    CHECK(nds_snapshot_dtype_code(value) == NDS_UINT64 && nds_snapshot_nbytes(value) == LENGTH * sizeof *elements);
    for (int i = 1; i < LENGTH; i++) {
        CHECK(elements[i] == elements[0]);
    }
    return elements[0];
}

/* The values of a reader rise, up to the last. */
static void *follow(void *of) {
    nds_reader *reader = of;
    uint64_t last = 0, seen = 0;
    while (last < VALUES) {
        nds_snapshot *value;
        OK(nds_reader_wait(reader, LONG, &value, &error));
        const uint64_t found = number_of(value);
        CHECK(found > last && nds_snapshot_version(value) == found);
        last = found;
        seen++;
        nds_snapshot_release(value);
    }
    CHECK(seen + nds_reader_missed(reader) <= VALUES);
    nds_reader_close(reader);
    return NULL;
}

static void a_reader_each(void) {
    static uint64_t elements[LENGTH];
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    nds_writer *writer;
    pthread_t threads[THREADS];
    OK(nds_writer_open(store, "each", &options, &writer, &error));
    nds_reader *first;
    OK(nds_reader_open(store, "each", 0, &first, &error));
    for (int i = 0; i < THREADS; i++) {
        nds_reader *reader;
        if (i % 2 == 0) {
            OK(nds_reader_clone(first, &reader, &error));
        } else {
            OK(nds_reader_open(store, "each", 0, &reader, &error));
        }
        CHECK(pthread_create(&threads[i], NULL, follow, reader) == 0);
    }
    nds_reader_close(first);
    for (uint64_t value = 1; value <= VALUES; value++) {
        for (int i = 0; i < LENGTH; i++) {
            elements[i] = value;
        }
        OK(nds_writer_write(writer, ARRAY(elements, "uint64", LENGTH), NULL, NULL, &error));
        if (value % 16 == 0) {
            usleep(50);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    nds_writer_close(writer);
}

/* Holds it many times more, and releases it as often, and once for the one that it was given. */
static void *share(void *of) {
    nds_snapshot *value = of;
    for (int i = 0; i < 10000; i++) {
        nds_snapshot *again = nds_snapshot_retain(value);
        CHECK(again == value && nds_snapshot_version(again) == 1);
        nds_snapshot_release(again);
    }
    CHECK(number_of(value) == 7);
    nds_snapshot_release(value);
    return NULL;
}

static size_t pinned(const char *tag) {
    nds_stat *stat;
    OK(nds_store_stat(store, tag, &stat, &error));
    const size_t found = stat->slots_pinned;
    nds_stat_free(stat);
    return found;
}

static void one_snapshot_of_all(void) {
    static uint64_t elements[LENGTH];
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    nds_writer *writer;
    nds_reader *reader;
    nds_snapshot *value;
    pthread_t threads[THREADS];
    for (int i = 0; i < LENGTH; i++) {
        elements[i] = 7;
    }
    OK(nds_writer_open(store, "shared", &options, &writer, &error));
    OK(nds_writer_write(writer, ARRAY(elements, "uint64", LENGTH), NULL, NULL, &error));
    OK(nds_reader_open(store, "shared", 0, &reader, &error));
    OK(nds_reader_read(reader, &value, &error));
    nds_reader_close(reader);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, share, nds_snapshot_retain(value)) == 0);
    }
    CHECK(pinned("shared") == 1);
    /* The last of them lets go of the slot, whichever it is. */
    nds_snapshot_release(value);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(pinned("shared") == 0);
    nds_writer_close(writer);
}

/* A store is for all threads at once. */
static void *use_store(void *of) {
    char tag[16];
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    snprintf(tag, sizeof tag, "own %d", *(int *)of);
    for (int i = 0; i < 30; i++) {
        nds_writer *writer;
        nds_reader *reader;
        nds_snapshot *value;
        nds_names *tags;
        uint64_t element = (uint64_t)i;
        OK(nds_writer_open(store, tag, &options, &writer, &error));
        OK(nds_writer_write(writer, ARRAY(&element, "uint64", 1), NULL, NULL, &error));
        OK(nds_reader_open(store, tag, 0, &reader, &error));
        OK(nds_reader_latest(reader, &value, &error));
        CHECK(*(const uint64_t *)nds_snapshot_data(value) == element);
        OK(nds_store_tags(store, &tags, &error));
        CHECK(tags->count >= 1);
        nds_names_free(tags);
        nds_snapshot_release(value);
        nds_reader_close(reader);
        nds_writer_close(writer);
    }
    return NULL;
}

static void a_store_of_all(void) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, use_store, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

int main(int count, char **arguments) {
    OK(nds_store_open(directory_of(count, arguments), &store, &error));
    a_reader_each();
    one_snapshot_of_all();
    a_store_of_all();
    nds_store_close(store);
    return 0;
}
