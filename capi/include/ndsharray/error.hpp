/* Errors: thrown, or filled in. */

#ifndef NDSHARRAY_ERROR_HPP
#define NDSHARRAY_ERROR_HPP

#include "../ndsharray.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

namespace ndsharray {

/// Why a call failed, or that it did not: a status, an errno and a text.
class Error : public std::runtime_error {
public:
    /// No error.
    Error() : Error(NDS_OK, 0, "") {}

    /// An error with this status, errno (0 if there is none) and text.
    Error(nds_status status, int number, const std::string &message)
        : std::runtime_error(message), status_(status), number_(number) {}

    /// Whether it is an error.
    explicit operator bool() const noexcept { return status_ != NDS_OK; }

    /// What a program does about it, such as NDS_BUSY; NDS_OK if it is no error.
    nds_status status() const noexcept { return status_; }

    /// The errno of the system call that was refused; 0 if it was none.
    int system_errno() const noexcept { return number_; }

private:
    nds_status status_;
    int number_;
};

/// The last argument of each call that can fail: what it does then.
///
///     auto writer = store.writer("camera");             // throws an Error
///
///     ndsharray::Error error;
///     auto writer = store.writer("camera", {}, error);  // throws nothing
///     if (error.status() == NDS_BUSY) { ... }
///
/// A call that fails without throwing returns something empty: a handle that is false, 0, or nothing. One that succeeds clears the
/// Error. Where exceptions are switched off (-fno-exceptions), a call without an Error that fails prints why, and aborts.
class OnError {
public:
    /// Throws.
    OnError() noexcept = default;

    /// Fills in the error.
    OnError(Error &error) noexcept : error_(&error) {}

    /// Throws this error, or fills it in.
    void fail(const Error &error) const {
        if (error_ != nullptr) {
            *error_ = error;
            return;
        }
#ifdef __cpp_exceptions
        throw error;
#else
        std::fprintf(stderr, "ndsharray: %s\n", error.what());
        std::abort();
#endif
    }

    /// As fail, for an argument that is not valid.
    void refuse(const std::string &message) const { fail(Error(NDS_INVALID_ARGUMENT, 0, message)); }

    /// Clears the error of the caller.
    void succeed() const {
        if (error_ != nullptr && *error_) {
            *error_ = Error();
        }
    }

private:
    Error *error_ = nullptr;
};

namespace detail {

/// Ends a handle with its function of the C interface.
template <auto end> struct Ends {
    template <class T> void operator()(T *handle) const noexcept { end(handle); }
};

/// Calls a function of the C interface, which gets a place for its error.
template <class Function> nds_status call(OnError on_error, Function &&function) {
    nds_error *raw = nullptr;
    const nds_status status = function(&raw);
    const std::unique_ptr<nds_error, Ends<nds_error_free>> found(raw);
    if (status < 0) {
        on_error.fail(Error(status, nds_error_errno(found.get()), nds_error_message(found.get())));
    } else {
        on_error.succeed();
    }
    return status;
}

/// Whether a text can be given to C, where it ends at the first NUL; if not, fails.
inline bool is_text(const std::string &text, const char *name, OnError on_error) {
    const bool is_one = text.find('\0') == std::string::npos;
    if (!is_one) {
        on_error.refuse(std::string(name) + " has a NUL in it: take that out");
    }
    return is_one;
}

} // namespace detail
} // namespace ndsharray

#endif
