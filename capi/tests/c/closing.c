/*
 * The library opened with dlopen and closed again, while its threads wait behind descriptors: it stays where it is, what is in
 * use goes on, and each round leaves no thread and no descriptor behind.
 */

#include "check.h"

#include <dirent.h>
#include <dlfcn.h>
#include <poll.h>

/* A function of the library by name, as of its declaration. */
#define FIND(name) __typeof__(name) *name##_ = (__typeof__(name) *)(uintptr_t)dlsym(library, #name); CHECK(name##_ != NULL)

static void *open_library(void) {
    void *library = dlopen("libndsharray.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return library;
}

static int entries(const char *path) {
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    int found = 0;
    while (readdir(directory) != NULL) {
        found++;
    }
    closedir(directory);
    return found;
}

/* What a plugin does between its start and its end. */
static void round_of(const char *path, void *library, uint64_t number) {
    FIND(nds_store_open);
    FIND(nds_store_close);
    FIND(nds_writer_open);
    FIND(nds_writer_write);
    FIND(nds_writer_close);
    FIND(nds_reader_open);
    FIND(nds_reader_fd);
    FIND(nds_reader_read);
    FIND(nds_reader_close);
    FIND(nds_snapshot_data);
    FIND(nds_snapshot_release);
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    nds_store *store;
    nds_writer *writer;
    nds_reader *reader;
    nds_snapshot *value;
    struct pollfd set = {-1, POLLIN, 0};
    CHECK(nds_store_open_(path, &store, NULL) == NDS_OK);
    CHECK(nds_writer_open_(store, "plugin", &options, &writer, NULL) == NDS_OK);
    CHECK(nds_reader_open_(store, "plugin", 0, &reader, NULL) == NDS_OK);
    CHECK(nds_reader_fd_(reader, &set.fd, NULL) == NDS_OK);
    CHECK(nds_writer_write_(writer, ARRAY(&number, "uint64", 1), NULL, NULL, NULL) == NDS_OK);
    CHECK(poll(&set, 1, 60000) == 1);
    CHECK(nds_reader_read_(reader, &value, NULL) == NDS_OK);
    CHECK(*(const uint64_t *)nds_snapshot_data_(value) == number);
    nds_snapshot_release_(value);
    nds_reader_close_(reader);
    nds_writer_close_(writer);
    nds_store_close_(store);
}

int main(int count, char **arguments) {
    const char *path = directory_of(count, arguments);
    /* A reader whose thread waits while the library is closed, over and over. */
    void *library = open_library();
    FIND(nds_store_open);
    FIND(nds_store_close);
    FIND(nds_writer_open);
    FIND(nds_writer_write);
    FIND(nds_writer_close);
    FIND(nds_reader_open);
    FIND(nds_reader_fd);
    FIND(nds_reader_close);
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL};
    nds_store *store;
    nds_writer *writer;
    nds_reader *reader;
    struct pollfd set = {-1, POLLIN, 0};
    CHECK(nds_store_open_(path, &store, NULL) == NDS_OK);
    CHECK(nds_writer_open_(store, "stays", &options, &writer, NULL) == NDS_OK);
    CHECK(nds_reader_open_(store, "stays", 0, &reader, NULL) == NDS_OK);
    CHECK(nds_reader_fd_(reader, &set.fd, NULL) == NDS_OK);
    CHECK(dlclose(library) == 0);
    int threads = 0, descriptors = 0;
    for (uint64_t number = 1; number <= 100; number++) {
        library = open_library();
        round_of(path, library, number);
        CHECK(dlclose(library) == 0);
        /* The first rounds start what stays: a thread that is asked for anew goes on with one that is there. */
        if (number == 10) {
            threads = entries("/proc/self/task");
            descriptors = entries("/proc/self/fd");
        }
    }
    /* A thread that was told to end may still do so. */
    for (int i = 0; i < 600 && entries("/proc/self/task") > threads; i++) {
        usleep(100000);
    }
    CHECK(entries("/proc/self/task") <= threads);
    CHECK(entries("/proc/self/fd") <= descriptors);
    /* The thread of before the first dlclose still waits, and wakes. */
    const uint64_t number = 1;
    CHECK(poll(&set, 1, 0) == 0);
    CHECK(nds_writer_write_(writer, ARRAY(&number, "uint64", 1), NULL, NULL, NULL) == NDS_OK);
    CHECK(poll(&set, 1, 60000) == 1);
    nds_reader_close_(reader);
    nds_writer_close_(writer);
    nds_store_close_(store);
    return 0;
}
