/* Readers. */

#ifndef NDSHARRAY_READER_HPP
#define NDSHARRAY_READER_HPP

#include "snapshot.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ndsharray {

/// A reader of a tag: any number of them, in any process. One thread at a time may use it. It closes when it is destroyed; an empty one
/// is false, and its calls are NDS_INVALID_ARGUMENT.
///
/// It follows its tag when the writer is replaced, and when the tag is removed and written again.
class Reader {
public:
    Reader() noexcept = default;
    /// Takes over a handle of the C interface.
    explicit Reader(nds_reader *handle) noexcept : handle_(handle) {}

    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /// The handle of the C interface, which stays this object's.
    nds_reader *handle() const noexcept { return handle_.get(); }

    /// Another reader of the same tag, such as for another thread. It has returned what this one has.
    Reader clone(OnError on_error = {}) const {
        nds_reader *made = nullptr;
        detail::call(on_error, [&](nds_error **error) { return nds_reader_clone(handle(), &made, error); });
        return Reader(made);
    }

    /// The latest value if it is newer than what this reader returned last, from read, wait, read_next or wait_next. Nothing if
    /// it is not, and while the tag is removed.
    ///
    /// NDS_NOT_FOUND if somebody removed the data file by hand; NDS_CONTENDED if the writer was faster each time; NDS_DAMAGED.
    std::optional<Snapshot> read(OnError on_error = {}) {
        return take(on_error, [&](auto to, auto error) { return nds_reader_read(handle(), to, error); });
    }

    /// Waits for what read returns: for a duration, until a time_point, or `forever`. Nothing after that.
    std::optional<Snapshot> wait(Timeout timeout, OnError on_error = {}) {
        return take(on_error,
                    [&](auto to, auto error) { return nds_reader_wait(handle(), timeout.nanoseconds(), to, error); });
    }

    /// The oldest value that is still there and newer than what this reader returned last. With a writer that keeps a history, a
    /// reader that stalls while fewer values are written loses none.
    std::optional<Snapshot> read_next(OnError on_error = {}) {
        return take(on_error, [&](auto to, auto error) { return nds_reader_read_next(handle(), to, error); });
    }

    /// Waits for what read_next returns, as wait.
    std::optional<Snapshot> wait_next(Timeout timeout, OnError on_error = {}) {
        return take(on_error,
                    [&](auto to, auto error) { return nds_reader_wait_next(handle(), timeout.nanoseconds(), to, error); });
    }

    /// The latest value, new or not; what read returns is not changed by it.
    ///
    /// NDS_EMPTY if nothing was ever written; NDS_NOT_FOUND if the tag was removed and its value cannot be reached any more; and as
    /// read. The snapshot is empty then.
    Snapshot latest(OnError on_error = {}) {
        return take(on_error, [&](auto to, auto error) { return nds_reader_latest(handle(), to, error); })
            .value_or(Snapshot());
    }

    /// Of the values that are still there the one that was acquired nearest to a time, and at most `within` away; nothing if there
    /// is none. A value without a time of acquisition counts by when it was written.
    std::optional<Snapshot> nearest(Time time, Timeout within = forever, OnError on_error = {}) {
        const auto since = time.time_since_epoch().count();
        const auto raw = since > 0 ? static_cast<std::uint64_t>(since) : 0;
        return take(on_error,
                    [&](auto to, auto error) { return nds_reader_nearest(handle(), raw, within.nanoseconds(), to, error); });
    }

    /// Whether the latest value is another one than this; a few nanoseconds. For loops that run more often than something is
    /// written.
    bool has_changed(const Snapshot &snapshot) const noexcept { return nds_reader_has_changed(handle(), snapshot.handle()); }

    /// How many values were published between those that read, wait, read_next and wait_next returned.
    std::uint64_t missed() const noexcept { return nds_reader_missed(handle()); }

    /// Whether a writer has the tag now.
    bool writer_alive(OnError on_error = {}) {
        bool is_alive = false;
        detail::call(on_error, [&](nds_error **error) { return nds_reader_writer_alive(handle(), &is_alive, error); });
        return is_alive;
    }

    /// A file descriptor that is readable while there is a newer value than this reader returned last, for poll and epoll loops; -1
    /// if it fails. It is the reader's: wait for it, and nothing else. nds_reader_fd has more.
    int fd(OnError on_error = {}) {
        int descriptor = -1;
        detail::call(on_error, [&](nds_error **error) { return nds_reader_fd(handle(), &descriptor, error); });
        return descriptor;
    }

    /// The tag; empty if the reader is.
    std::string tag() const { return handle_ ? nds_reader_tag(handle()) : ""; }
    /// Closes the reader and its file descriptor. Its snapshots live on.
    void close() noexcept { handle_.reset(); }

private:
    template <class Function> static std::optional<Snapshot> take(OnError on_error, Function &&function) {
        nds_snapshot *taken = nullptr;
        detail::call(on_error, [&](nds_error **error) { return function(&taken, error); });
        return taken != nullptr ? std::optional(Snapshot(taken)) : std::nullopt;
    }

    std::unique_ptr<nds_reader, detail::Ends<nds_reader_close>> handle_;
};

/// Waits until at least one of these readers has a newer value than it returned last, and returns which one; nothing if there is none
/// in time. Others may have one too: read each. Each reader may be there once only.
///
///     wait_any({&left, &right}, std::chrono::seconds(1));
inline std::optional<std::size_t> wait_any(Slice<Reader *const> readers, Timeout timeout, OnError on_error = {}) {
    std::vector<nds_reader *> handles;
    for (const Reader *reader : readers) {
        handles.push_back(reader != nullptr ? reader->handle() : nullptr);
    }
    std::size_t index = 0;
    const nds_status status = detail::call(on_error, [&](nds_error **error) {
        return nds_wait_any(handles.data(), handles.size(), timeout.nanoseconds(), &index, error);
    });
    return status == NDS_OK ? std::optional(index) : std::nullopt;
}

} // namespace ndsharray

#endif
