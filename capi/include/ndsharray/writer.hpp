/* Writers. */

#ifndef NDSHARRAY_WRITER_HPP
#define NDSHARRAY_WRITER_HPP

#include "dtype.hpp"
#include "loan.hpp"

#include <cstdint>
#include <memory>
#include <string>

#if __has_include(<span>)
#include <span>
#endif

namespace ndsharray {

/// How a writer is opened.
///
///     store.writer("camera", {.ephemeral = true, .history = 8});     // C++20; in C++17, set the members
struct WriterOptions {
    /// The permissions of the tag's files, such as 0640. 0: 0600 for a new tag, and those that it has for an old one.
    std::uint32_t mode = 0;
    /// The tag is removed when the writer is closed, or found to have been killed.
    bool ephemeral = false;
    /// A living writer of the same user is replaced; its next write is NDS_ENDED.
    bool takeover = false;
    /// The least number of bytes that a slot has room for. 0: the size of the first value.
    std::size_t capacity = 0;
    /// How many of the last values stay in place, 0 to 248.
    std::size_t history = 0;
    /// Where the values come from, up to 128 bytes of UTF-8, for programs that copy them from another host. Empty: from here.
    std::string source = {};
};

/// The one writer of a tag. One thread at a time may use it, together with its loan. It closes when it is destroyed; an empty one is
/// false, and its calls are NDS_INVALID_ARGUMENT.
class Writer {
public:
    Writer() noexcept = default;
    /// Takes over a handle of the C interface.
    explicit Writer(nds_writer *handle) noexcept : handle_(handle) {}

    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /// The handle of the C interface, which stays this object's.
    nds_writer *handle() const noexcept { return handle_.get(); }

    /// Publishes elements that lie in C order, and returns the number of the value. They are copied once. It never waits for a reader.
    ///
    /// NDS_FULL if the store is full; NDS_ENDED if the tag was taken over or removed, or the process forked; NDS_BUSY while a loan
    /// is open; NDS_INVALID_ARGUMENT for a shape that overflows, or meta that is too long or no JSON. The last value stays
    /// readable in each case.
    template <class T>
    std::uint64_t write(const T *data, Shape shape, const Meta &meta = {}, OnError on_error = {}) {
        if (!detail::has_its_size<T>(on_error)) {
            return 0;
        }
        return write(nds_array{data, Dtype<T>::text, shape.size(), shape.data(), nullptr}, meta, on_error);
    }

    /// As write, for elements that lie so many bytes apart along each axis: a picture with padded rows, or one that is mirrored.
    ///
    /// NDS_INVALID_ARGUMENT, too, if there are more or fewer strides than axes.
    template <class T>
    std::uint64_t write_strided(const T *data, Shape shape, Strides strides, const Meta &meta = {}, OnError on_error = {}) {
        if (!detail::has_its_size<T>(on_error)) {
            return 0;
        }
        if (shape.size() != strides.size()) {
            on_error.refuse("there are " + std::to_string(shape.size()) + " axes and " + std::to_string(strides.size()) +
                            " strides: give one stride for each axis");
            return 0;
        }
        return write(nds_array{data, Dtype<T>::text, shape.size(), shape.data(), strides.data()}, meta, on_error);
    }

#ifdef __cpp_lib_span
    /// As write, for a span, which must be as long as the shape says: else NDS_INVALID_ARGUMENT.
    template <class T, std::size_t extent>
    std::uint64_t write(std::span<T, extent> values, Shape shape, const Meta &meta = {}, OnError on_error = {}) {
        std::size_t left = values.size();
        bool is_empty = false;
        for (const std::size_t length : shape) {
            is_empty = is_empty || length == 0;
            // Remainders count as wrong: 0 elements are left for a shape that has some.
            left = length != 0 && left % length == 0 ? left / length : 0;
        }
        if (is_empty ? !values.empty() : left != 1) {
            on_error.refuse("the shape has more or fewer elements than the " + std::to_string(values.size()) +
                            " of the span: correct it");
            return 0;
        }
        return write(static_cast<const T *>(values.data()), shape, meta, on_error);
    }
#endif

    /// As write, for an array of the C interface, whose dtype is a text: such as Snapshot::array.
    std::uint64_t write(const nds_array &array, const Meta &meta = {}, OnError on_error = {}) {
        std::uint64_t version = 0;
        nds_meta raw;
        if (detail::convert(meta, raw, on_error)) {
            detail::call(on_error, [&](nds_error **error) { return nds_writer_write(handle(), &array, &raw, &version, error); });
        }
        return version;
    }

    /// Lends the memory of the next value, to be filled in place: no copy at all. While the loan is open, other calls of the writer
    /// are NDS_BUSY. Otherwise as write.
    template <class T> Loan<T> loan(Shape shape, OnError on_error = {}) {
        return detail::has_its_size<T>(on_error) ? lend<T>(Dtype<T>::text, shape, shape, on_error) : Loan<T>();
    }

    /// As loan, for a dtype that is a text. The loan has the bytes of the elements.
    Loan<std::byte> loan_bytes(const std::string &dtype, Shape shape, OnError on_error = {}) {
        if (!detail::is_text(dtype, "the dtype", on_error)) {
            return {};
        }
        return lend<std::byte>(dtype.c_str(), shape, {}, on_error);
    }

    /// The number of the last value, this writer's or an earlier one's; 0 before the first.
    std::uint64_t version() const noexcept { return nds_writer_version(handle()); }
    /// The tag; empty if the writer is.
    std::string tag() const { return handle_ ? nds_writer_tag(handle()) : ""; }
    /// Closes the writer. The last value stays, unless the writer is ephemeral. While a loan is open, it closes with the loan.
    void close() noexcept { handle_.reset(); }

private:
    template <class T> Loan<T> lend(const char *dtype, Shape shape, Shape viewed, OnError on_error) {
        nds_loan *lent = nullptr;
        detail::call(on_error, [&](nds_error **error) {
            return nds_writer_loan(handle(), dtype, shape.size(), shape.data(), &lent, error);
        });
        const std::size_t bytes = nds_loan_nbytes(lent);
        return Loan<T>(lent, std::is_same_v<T, std::byte> ? Shape(&bytes, 1) : viewed);
    }

    std::unique_ptr<nds_writer, detail::Ends<nds_writer_close>> handle_;
};

} // namespace ndsharray

#endif
