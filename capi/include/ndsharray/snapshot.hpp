/* Snapshots. */

#ifndef NDSHARRAY_SNAPSHOT_HPP
#define NDSHARRAY_SNAPSHOT_HPP

#include "dtype.hpp"
#include "time.hpp"
#include "view.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ndsharray {

/// A value, whole and unchanging for as long as it is held. Any thread may use it, several at once.
///
/// A copy holds the same value once more; nothing is copied in memory. It outlives its reader, its writer and the tag. An empty
/// one, made by default, by a call that failed or by a move, is false; its elements and texts are empty, its numbers 0.
class Snapshot {
public:
    Snapshot() noexcept = default;
    /// Takes over a handle of the C interface, which may be NULL.
    explicit Snapshot(nds_snapshot *handle) noexcept : handle_(handle) {}
    Snapshot(const Snapshot &other) noexcept : handle_(nds_snapshot_retain(other.handle())) {}
    Snapshot(Snapshot &&) noexcept = default;
    Snapshot &operator=(Snapshot other) noexcept {
        handle_.swap(other.handle_);
        return *this;
    }

    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /// The handle of the C interface, which stays this object's.
    nds_snapshot *handle() const noexcept { return handle_.get(); }

    /// The elements as T, where they lie. The view lives as long as a snapshot of this value.
    ///
    /// NDS_WRONG_TYPE if they have another dtype, and for T = bool if one is neither 0 nor 1; NDS_INVALID_ARGUMENT if
    /// the snapshot is empty.
    template <class T> View<const T> as(OnError on_error = {}) const & {
        using Element = std::remove_const_t<T>;
        if (!handle_) {
            on_error.refuse("the snapshot is empty: look whether there is a value first");
            return {};
        }
        if (!detail::has_its_size<Element>(on_error)) {
            return {};
        }
        if (!has_dtype<Element>()) {
            on_error.fail(Error(NDS_WRONG_TYPE, 0, "the elements are " + std::string(dtype()) + ", not " + Dtype<Element>::text +
                                                       ": look at dtype() first"));
            return {};
        }
        if constexpr (std::is_same_v<Element, bool>) {
            const auto *bytes = static_cast<const unsigned char *>(data());
            for (std::size_t place = 0; place < nbytes(); ++place) {
                if (bytes[place] > 1) {
                    on_error.fail(Error(NDS_WRONG_TYPE, 0, "the bool at " + std::to_string(place) + " is " + std::to_string(bytes[place]) +
                                                               ", expected 0 or 1: read the bytes with data()"));
                    return {};
                }
            }
        }
        on_error.succeed();
        return {static_cast<const Element *>(data()), nbytes() / sizeof(Element), shape()};
    }
    /// Not of a temporary: the view would outlive it.
    template <class T> View<const T> as(OnError on_error = {}) const && = delete;

    /// The elements, in C order, aligned to 8 bytes at least.
    const void *data() const noexcept { return nds_snapshot_data(handle()); }
    /// The length of the elements in bytes.
    std::size_t nbytes() const noexcept { return nds_snapshot_nbytes(handle()); }
    /// What the elements are, as numpy writes it. It lives as long as a snapshot of this value.
    std::string_view dtype() const noexcept { return handle_ ? nds_snapshot_dtype(handle()) : ""; }
    /// The dtype as a number, such as NDS_FLOAT32.
    nds_dtype dtype_code() const noexcept { return nds_snapshot_dtype_code(handle()); }
    /// The size of an element in bytes.
    std::size_t itemsize() const noexcept { return nds_snapshot_itemsize(handle()); }
    /// The number of axes.
    std::size_t ndim() const noexcept { return nds_snapshot_ndim(handle()); }
    /// The length of each axis. It lives as long as a snapshot of this value.
    Shape shape() const noexcept { return {nds_snapshot_shape(handle()), ndim()}; }
    /// The value as an array of the C interface, such as for Writer::write. It lives as long as a snapshot of this value.
    nds_array array() const noexcept { return nds_snapshot_array(handle()); }

    /// The number of the value: 1 for the first under its tag, one more at each write.
    std::uint64_t version() const noexcept { return nds_snapshot_version(handle()); }
    /// When the value was published.
    Time written_at() const { return detail::time(nds_snapshot_written_at(handle())).value_or(Time()); }
    /// How long ago that was. A clock that is set does not change it.
    std::chrono::nanoseconds age() const {
        return std::chrono::nanoseconds(static_cast<std::int64_t>(nds_snapshot_age(handle())));
    }
    /// When the value was acquired, if the writer said so.
    std::optional<Time> acquired_at() const { return detail::time(nds_snapshot_acquired_at(handle())); }
    /// When the value was written where it comes from, if it was brought from another store.
    std::optional<Time> source_written_at() const { return detail::time(nds_snapshot_source_written_at(handle())); }

    /// The attributes as JSON text, an object; empty if there are none. It lives as long as a snapshot of this value.
    std::string_view attributes() const noexcept {
        const char *text = nds_snapshot_attributes(handle());
        return text != nullptr ? std::string_view(text) : std::string_view();
    }
    /// The bytes that the writer sent along, attributes as their text; empty if there are none. They live as long as a snapshot of
    /// this value.
    std::string_view user_data() const noexcept {
        std::size_t size = 0;
        const void *bytes = nds_snapshot_user_data(handle(), &size);
        return {static_cast<const char *>(bytes), size};
    }
    /// Whether the value was copied into memory of this process, rather than held in the store.
    bool is_copy() const noexcept { return nds_snapshot_is_copy(handle()); }

private:
    template <class T> bool has_dtype() const noexcept {
        if constexpr (detail::is_built_in<T>) {
            return dtype_code() == Dtype<T>::code;
        } else {
            // Mostly the same text, which then need not be parsed.
            return itemsize() == sizeof(T) && (dtype() == Dtype<T>::text || nds_snapshot_has_dtype(handle(), Dtype<T>::text));
        }
    }

    std::unique_ptr<nds_snapshot, detail::Ends<nds_snapshot_release>> handle_;
};

} // namespace ndsharray

#endif
