/* What the test programs share. Each is one process that ends with 0 if all is well. */

#ifndef CHECK_HPP
#define CHECK_HPP

#include <ndsharray.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <unistd.h>

#define CHECK(...)                                                                           \
    do {                                                                                     \
        if (!(__VA_ARGS__)) {                                                                \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #__VA_ARGS__);   \
            std::exit(1);                                                                    \
        }                                                                                    \
    } while (0)

/* Runs code that takes `on_error` as its last argument, once with an Error and once, where there are exceptions, without. Both ways it
   fails with this status, and says something. */
inline void expect(int line, nds_status status, const std::function<void(ndsharray::OnError)> &code) {
    const auto check = [&](const ndsharray::Error &error) {
        if (error.status() != status || std::string(error.what()).size() < 10) {
            std::fprintf(stderr, "line %d: found %d (%s), expected %d\n", line, error.status(), error.what(), status);
            std::exit(1);
        }
    };
    ndsharray::Error error;
    code(ndsharray::OnError(error));
    check(error);
#ifdef __cpp_exceptions
    bool is_thrown = false;
    try {
        code(ndsharray::OnError());
    } catch (const ndsharray::Error &thrown) {
        is_thrown = true;
        check(thrown);
    }
    if (!is_thrown) {
        std::fprintf(stderr, "line %d: nothing is thrown\n", line);
        std::exit(1);
    }
#endif
}

#define EXPECT(status, ...) expect(__LINE__, status, [&](ndsharray::OnError on_error) { (void)(__VA_ARGS__); })
#define INVALID(...) EXPECT(NDS_INVALID_ARGUMENT, __VA_ARGS__)

inline const char *directory_of(int count, char **arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: %s DIRECTORY\n", arguments[0]);
        std::exit(2);
    }
    /* The watchdog. */
    alarm(120);
    return arguments[1];
}

#endif
