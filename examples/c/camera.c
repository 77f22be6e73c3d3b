/*
 * A camera: 30 frames a second, drawn into the memory that readers see, so that no frame is copied.
 *
 *   cc -std=c99 camera.c -lndsharray -o camera && ./camera [TAG [SECONDS]]
 *
 * Look at it with epoll.c, with `ndsharray top camera`, or from Python: ndsharray.Store().reader("camera").latest()
 */

#define _POSIX_C_SOURCE 200809L

#include <ndsharray.h>

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HEIGHT = 480, WIDTH = 640 };

static volatile sig_atomic_t stopped;

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

/* Says what went wrong, and ends. */
static void check(nds_status status, nds_error *error) {
    if (status < 0) {
        fprintf(stderr, "camera: %s\n", nds_error_message(error));
        nds_error_free(error);
        exit(1);
    }
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* A bright bar that moves to the right; a driver would fill the memory here. */
static void draw(uint8_t *pixels, int frame) {
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            pixels[y * WIDTH + x] = (uint8_t)(255 - (x - 4 * frame) % WIDTH * 255 / WIDTH);
        }
    }
}

int main(int count, char **arguments) {
    const char *tag = count > 1 ? arguments[1] : "camera";
    const double seconds = count > 2 ? atof(arguments[2]) : 60;
    nds_error *error;
    nds_store *store;
    nds_writer *writer;

    check(nds_store_open(NULL, &store, &error), error);
    /* Ephemeral: the tag goes when the camera goes. History: a reader that stalls for 8 frames loses none. */
    const nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL, .history = 8};
    check(nds_writer_open(store, tag, &options, &writer, &error), error);

    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    const struct timespec pause = {0, 1000000000 / 30};
    int frame = 0;
    for (; !stopped && frame < 30 * seconds; frame++) {
        nds_loan *loan;
        const size_t shape[] = {HEIGHT, WIDTH};
        check(nds_writer_loan(writer, "uint8", 2, shape, &loan, &error), error);
        const nds_meta meta = {.size = sizeof meta, .attributes = "{\"encoding\": \"mono8\"}", .acquired_at = now()};
        draw(nds_loan_data(loan), frame);
        check(nds_loan_set_meta(loan, &meta, &error), error);
        check(nds_loan_publish(loan, NULL, &error), error);
        nanosleep(&pause, NULL);
    }
    printf("%s: %d frames\n", tag, frame);
    nds_writer_close(writer);
    nds_store_close(store);
    return 0;
}
