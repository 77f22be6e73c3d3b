/*
 * OpenCV matrices as values, and values as matrices, without a copy. It needs the core of OpenCV 4 alone.
 *
 *     ndsharray::write(writer, mat);                            // whatever its rows: they need not be contiguous
 *     ndsharray::write(writer, mat, ndsharray::encoded("bgr8"));
 *
 *     if (auto value = reader.wait(std::chrono::seconds(1))) {
 *         ndsharray::MatOf image(*value);
 *         cv::Scalar mean = cv::mean(image.mat());
 *     }
 *
 * A matrix of several channels is an array with one axis more: height, width, channels.
 */

#ifndef NDSHARRAY_OPENCV_HPP
#define NDSHARRAY_OPENCV_HPP

#include "ndsharray.hpp"

#include <opencv2/core.hpp>

#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ndsharray {

namespace detail {

/// The dtypes that matrices have, in the order of OpenCV's depths, which begin with 0.
inline constexpr std::array<nds_dtype, 8> depths = {NDS_UINT8, NDS_INT8,    NDS_UINT16,  NDS_INT16,
                                                    NDS_INT32, NDS_FLOAT32, NDS_FLOAT64, NDS_FLOAT16};
static_assert(CV_8U == 0 && CV_8S == 1 && CV_16U == 2 && CV_16S == 3 && CV_32S == 4 && CV_32F == 5 && CV_64F == 6 &&
              CV_16F == 7);

/// The depth of a dtype, or -1.
inline int depth(nds_dtype dtype) {
    for (std::size_t depth = 0; depth < depths.size(); ++depth) {
        if (depths[depth] == dtype) {
            return static_cast<int>(depth);
        }
    }
    return -1;
}

} // namespace detail

/// A value as a matrix, where it lies. It holds the value: the matrix, and all that share its data, are good for as long as this
/// object or a copy of it.
///
/// The memory is mapped for reading only. OpenCV has no word for that, so do not write to the matrix, nor give it to a function that
/// does: the process would be ended by a signal. clone() it first.
class MatOf {
public:
    /// No value, and an empty matrix.
    MatOf() = default;

    /// The matrix of a value. With 3 axes of which the last is 1 to 4 long, it has 2 dimensions and as many channels. Otherwise it
    /// has as many dimensions as the value has axes, but 2 at least: a value with one axis is a column.
    ///
    /// NDS_WRONG_TYPE for a dtype that matrices do not have; NDS_INVALID_ARGUMENT for more than 32 axes, one of more than
    /// INT_MAX elements, and an empty snapshot. The matrix is empty then.
    explicit MatOf(Snapshot snapshot, OnError on_error = {}) {
        const int depth = detail::depth(snapshot.dtype_code());
        if (!snapshot) {
            on_error.refuse("the snapshot is empty: look whether there is a value first");
            return;
        }
        if (depth < 0) {
            on_error.fail(Error(NDS_WRONG_TYPE, 0, "the elements are " + std::string(snapshot.dtype()) +
                                                       ", which a cv::Mat cannot have: use as<T>()"));
            return;
        }
        // CV_MAX_DIM, which is in the headers of C alone.
        constexpr std::size_t most_axes = 32;
        std::vector<int> sizes;
        for (const std::size_t length : snapshot.shape()) {
            if (length > INT_MAX || snapshot.ndim() > most_axes) {
                on_error.refuse("the shape is too large for a cv::Mat: use as<T>()");
                return;
            }
            sizes.push_back(static_cast<int>(length));
        }
        int channels = 1;
        if (sizes.size() == 3 && sizes[2] >= 1 && sizes[2] <= 4) {
            channels = sizes[2];
            sizes.pop_back();
        }
        sizes.resize(sizes.size() < 2 ? 2 : sizes.size(), 1);
        // OpenCV takes no pointer to memory that is only read.
        void *data = const_cast<void *>(snapshot.data());
        if (snapshot.nbytes() == 0) {
            mat_.create(static_cast<int>(sizes.size()), sizes.data(), CV_MAKETYPE(depth, channels));
        } else {
            mat_ = cv::Mat(static_cast<int>(sizes.size()), sizes.data(), CV_MAKETYPE(depth, channels), data);
        }
        snapshot_ = std::move(snapshot);
        on_error.succeed();
    }

    /// The matrix, to be read only.
    const cv::Mat &mat() const noexcept { return mat_; }
    /// The value.
    const Snapshot &snapshot() const noexcept { return snapshot_; }

private:
    Snapshot snapshot_;
    cv::Mat mat_;
};

/// The attribute `encoding` of a value, which says how its pixels lie: "bgr8", "rgb8", "mono8". Empty if it has none.
inline std::string encoding_of(const Snapshot &snapshot) {
    const std::string_view text = snapshot.attributes();
    std::string_view key;
    int depth = 0;
    bool is_value = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char letter = text[at];
        if (letter == '"') {
            std::size_t end = at + 1;
            while (end < text.size() && text[end] != '"') {
                end += text[end] == '\\' ? 2 : 1;
            }
            const std::string_view found = text.substr(at + 1, end - at - 1);
            if (depth == 1 && is_value && key == "encoding") {
                return std::string(found);
            }
            key = depth == 1 && !is_value ? found : key;
            at = end;
        } else if (letter == '{' || letter == '[') {
            ++depth;
        } else if (letter == '}' || letter == ']') {
            --depth;
        } else if (depth == 1 && (letter == ':' || letter == ',')) {
            is_value = letter == ':';
        }
    }
    return {};
}

/// A copy of a picture with blue first, as OpenCV has it, to be written to or given to any function. Pixels of 3 or 4 channels
/// have red first, unless the attribute `encoding` says bgr8, bgra8, bgr16 or bgra16, as fits them; others stay as they are.
inline cv::Mat copy_as_bgr(const MatOf &image) {
    cv::Mat copy = image.mat().clone();
    const int channels = copy.channels();
    if (channels != 3 && channels != 4) {
        return copy;
    }
    const char *bits = copy.depth() == CV_8U ? "8" : copy.depth() == CV_16U ? "16" : "";
    if (*bits != '\0' && encoding_of(image.snapshot()) == (channels == 3 ? "bgr" : "bgra") + std::string(bits)) {
        return copy;
    }
    cv::mixChannels({image.mat()}, {copy}, {0, 2, 2, 0});
    return copy;
}

/// The meta of a picture whose pixels lie as this name says: "bgr8" is what OpenCV has, and other programs take red to be first if
/// nothing is said. The name is that of ROS; it has neither quotes nor backslashes.
inline Meta encoded(const std::string &encoding) { return {"{\"encoding\": \"" + encoding + "\"}"}; }

/// Publishes a matrix, and returns the number of the value. It is copied once, also if its rows are not contiguous.
///
/// The attributes say nothing of the order of its channels, unless you have them do so with `encoded`. Fails as Writer::write;
/// NDS_WRONG_TYPE for elements of a type of the user's.
inline std::uint64_t write(Writer &writer, const cv::Mat &mat, const Meta &meta = {}, OnError on_error = {}) {
    if (static_cast<std::size_t>(mat.depth()) >= detail::depths.size()) {
        on_error.fail(Error(NDS_WRONG_TYPE, 0, "the matrix has a depth that is none of OpenCV 4's: convert it"));
        return 0;
    }
    std::vector<std::size_t> shape;
    std::vector<std::ptrdiff_t> strides;
    for (int axis = 0; axis < mat.dims; ++axis) {
        shape.push_back(static_cast<std::size_t>(mat.size[axis]));
        strides.push_back(static_cast<std::ptrdiff_t>(mat.step[axis]));
    }
    if (mat.dims == 0) {
        // A matrix by default: no rows, no columns.
        shape.assign(2, 0);
        strides.assign(2, 0);
    }
    if (mat.channels() > 1) {
        shape.push_back(static_cast<std::size_t>(mat.channels()));
        strides.push_back(static_cast<std::ptrdiff_t>(mat.elemSize1()));
    }
    const char *dtype = nds_dtype_name(detail::depths[static_cast<std::size_t>(mat.depth())]);
    return writer.write(nds_array{mat.data, dtype, shape.size(), shape.data(), strides.data()}, meta, on_error);
}

} // namespace ndsharray

#endif
