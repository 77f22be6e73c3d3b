/* Points in time, and times to wait. */

#ifndef NDSHARRAY_TIME_HPP
#define NDSHARRAY_TIME_HPP

#include "../ndsharray.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <ratio>

namespace ndsharray {

/// When a value was written or acquired. A time_point of system_clock becomes one by itself.
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// For ever, as a Timeout.
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

/// How long to wait: any duration, or the point in time of any clock at which to stop.
///
/// What is 0, negative or past does not wait. What is more than 292 years is for ever.
class Timeout {
public:
    /// Waits so long.
    template <class Rep, class Period>
    Timeout(const std::chrono::duration<Rep, Period> &wait) : nanoseconds_(clamped(wait)) {}

    /// Waits until then.
    template <class Clock, class Duration>
    Timeout(const std::chrono::time_point<Clock, Duration> &deadline) : nanoseconds_(0) {
        const auto now = Clock::now();
        if (now < deadline) {
            nanoseconds_ = clamped(deadline - now);
        }
    }

    /// As the C interface has it: nanoseconds, or NDS_FOREVER.
    std::int64_t nanoseconds() const noexcept { return nanoseconds_; }

private:
    template <class Rep, class Period>
    static std::int64_t clamped(const std::chrono::duration<Rep, Period> &wait) {
        // In floating point, where nothing overflows.
        using Real = std::chrono::duration<long double, std::nano>;
        if (!(wait > wait.zero())) {
            return 0;
        }
        if (Real(wait) >= Real(forever)) {
            return NDS_FOREVER;
        }
        return std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count();
    }

    std::int64_t nanoseconds_;
};

namespace detail {

/// A time of the C interface, where 0 is none.
inline std::optional<Time> time(std::uint64_t nanoseconds) {
    if (nanoseconds == 0) {
        return std::nullopt;
    }
    return Time(std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds)));
}

} // namespace detail
} // namespace ndsharray

#endif
