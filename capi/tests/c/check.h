/* What the test programs share. Each is one process that ends with 0 if all is well. */

#ifndef CHECK_H
#define CHECK_H

#include "ndsharray.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);        \
            exit(1);                                                                       \
        }                                                                                  \
    } while (0)

/* A call returns this status; if it fails, with an error that says so and names something. */
#define EXPECT(status, call)                                                               \
    do {                                                                                   \
        nds_error *error = (nds_error *)&error;                                            \
        const int found = (call), expected = (status);                                     \
        if (found != expected) {                                                           \
            fprintf(stderr, "%s:%d: %s: found %d (%s), expected %d\n", __FILE__, __LINE__, \
                    #call, found, nds_error_message(error), expected);                     \
            exit(1);                                                                       \
        }                                                                                  \
        CHECK((found < 0) == (error != NULL));                                             \
        CHECK(found >= 0 || (int)nds_error_status(error) == found);                        \
        CHECK(found >= 0 || strlen(nds_error_message(error)) > 10);                        \
        nds_error_free(error);                                                             \
    } while (0)

#define OK(call) EXPECT(NDS_OK, call)
#define INVALID(call) EXPECT(NDS_INVALID_ARGUMENT, call)

/* An array of the built-in dtype, in C order. */
#define ARRAY(data, dtype, ...)                                                            \
    (&(nds_array){(data), (dtype), sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t),       \
                  (size_t[]){__VA_ARGS__}, NULL})

/* A second, as a time to wait. Nothing here waits so long if all is well. */
#define LONG INT64_C(60000000000)

static inline const char *directory_of(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", arguments[0]);
        exit(2);
    }
    /* The watchdog. */
    alarm(120);
    return arguments[1];
}

#endif
