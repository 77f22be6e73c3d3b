/*
 * ndsharray for C++17 and later: N-dimensional arrays shared between processes on one Linux machine, by name.
 *
 *     auto store = ndsharray::Store::open();
 *     auto writer = store.writer("pose");
 *     writer.write(values.data(), {2, 3});
 *
 *     auto reader = store.reader("pose");
 *     if (auto value = reader.wait(std::chrono::seconds(1))) {
 *         for (double number : value->as<double>()) { ... }
 *     }
 *
 * It is a thin layer over ndsharray.h, which has the rules that hold for both: threads, forks, and how long things live. It has
 * no source file: link libndsharray.
 *
 * Errors. Each call that can fail takes an OnError as its last argument. Without it, the call throws an Error. With an Error of
 * the caller, it throws nothing and fills that: error.hpp says how.
 */

#ifndef NDSHARRAY_HPP
#define NDSHARRAY_HPP

#include "ndsharray/store.hpp"

#endif
