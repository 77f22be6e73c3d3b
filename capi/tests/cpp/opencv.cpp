/* Matrices of OpenCV go through a store. */

#include "check.hpp"

#include <ndsharray_opencv.hpp>

using ndsharray::MatOf;
using ndsharray::Snapshot;

static bool are_equal(const cv::Mat &left, const cv::Mat &right) {
    return left.type() == right.type() && left.size == right.size &&
           (left.empty() || cv::norm(left.reshape(1), right.reshape(1), cv::NORM_INF) == 0);
}

int main(int count, char **arguments) {
    const auto store = ndsharray::Store::open(directory_of(count, arguments));
    ndsharray::WriterOptions options;
    options.ephemeral = true;
    auto writer = store.writer("mat", options);
    auto reader = store.reader("mat");

    /* Each depth with each number of channels, whole and in part. */
    for (const int depth : {CV_8U, CV_8S, CV_16U, CV_16S, CV_32S, CV_32F, CV_64F}) {
        for (int channels = 1; channels <= 4; ++channels) {
            cv::Mat whole(48, 64, CV_MAKETYPE(depth, channels));
            cv::randu(whole, 0, 100);
            for (const cv::Mat &mat : {whole, whole(cv::Rect(5, 7, 30, 20)), whole.col(3), whole.row(3)}) {
                ndsharray::write(writer, mat);
                const Snapshot value = reader.read().value();
                const MatOf found(value);
                CHECK(value.ndim() == (channels > 1 ? 3u : 2u));
                CHECK(are_equal(found.mat(), mat) && found.mat().data == value.data() && found.mat().isContinuous());
            }
        }
    }
    cv::Mat half;
    cv::Mat(3, 4, CV_32F, cv::Scalar(1.5)).convertTo(half, CV_16F);
    ndsharray::write(writer, half);
    CHECK(reader.read()->dtype_code() == NDS_FLOAT16 && MatOf(reader.latest()).mat().type() == CV_16F);

    /* More dimensions, many channels, no elements. */
    const int sizes[] = {3, 4, 5, 6};
    cv::Mat many(4, sizes, CV_32FC2);
    cv::randu(many, 0, 1);
    ndsharray::write(writer, many);
    const Snapshot five = reader.read().value();
    CHECK(five.ndim() == 5 && std::memcmp(five.data(), many.data, five.nbytes()) == 0);
    CHECK(MatOf(five).mat().dims == 5 && MatOf(five).mat().channels() == 1);
    ndsharray::write(writer, cv::Mat(cv::Mat::zeros(2, 21, CV_8U)).reshape(7));
    CHECK(reader.read()->shape()[2] == 7 && MatOf(reader.latest()).mat().dims == 3);
    ndsharray::write(writer, cv::Mat());
    CHECK(reader.read()->nbytes() == 0 && MatOf(reader.latest()).mat().empty());

    /* A column, and a number. */
    const float numbers[] = {1, 2, 3};
    writer.write(numbers, {3});
    CHECK(MatOf(reader.latest()).mat().rows == 3 && MatOf(reader.latest()).mat().cols == 1);
    writer.write(numbers, {});
    CHECK(MatOf(reader.latest()).mat().size() == cv::Size(1, 1));

    /* It holds its value, also when the tag is written on. */
    ndsharray::write(writer, cv::Mat(2, 2, CV_8U, cv::Scalar(7)));
    MatOf held(reader.read().value());
    for (int i = 0; i < 10; ++i) {
        ndsharray::write(writer, cv::Mat(2, 2, CV_8U, cv::Scalar(9)));
    }
    const MatOf copy = held;
    held = MatOf();
    CHECK(copy.mat().at<std::uint8_t>(1, 1) == 7 && held.mat().empty());

    /* Encodings, only if asked. */
    const cv::Mat blue(2, 3, CV_8UC3, cv::Scalar(200, 10, 30));
    ndsharray::write(writer, blue);
    CHECK(ndsharray::encoding_of(reader.latest()).empty());
    CHECK(ndsharray::copy_as_bgr(MatOf(reader.latest())).at<cv::Vec3b>(1, 2) == cv::Vec3b(30, 10, 200));
    ndsharray::write(writer, blue, ndsharray::encoded("bgr8"));
    CHECK(reader.latest().attributes() == "{\"encoding\": \"bgr8\"}" && ndsharray::encoding_of(reader.latest()) == "bgr8");
    CHECK(are_equal(ndsharray::copy_as_bgr(MatOf(reader.latest())), blue));
    /* One of another type says nothing. */
    cv::Mat wide;
    blue.convertTo(wide, CV_16U);
    ndsharray::write(writer, wide, ndsharray::encoded("bgr8"));
    CHECK(ndsharray::copy_as_bgr(MatOf(reader.latest())).at<cv::Vec3w>(0, 0) == cv::Vec3w(30, 10, 200));
    ndsharray::write(writer, wide, ndsharray::encoded("bgr16"));
    CHECK(are_equal(ndsharray::copy_as_bgr(MatOf(reader.latest())), wide));
    ndsharray::write(writer, cv::Mat(1, 1, CV_8UC4, cv::Scalar(1, 2, 3, 4)), ndsharray::encoded("rgba8"));
    CHECK(ndsharray::copy_as_bgr(MatOf(reader.latest())).at<cv::Vec4b>(0, 0) == cv::Vec4b(3, 2, 1, 4));
    ndsharray::write(writer, half, ndsharray::encoded("mono8"));
    CHECK(ndsharray::copy_as_bgr(MatOf(reader.latest())).type() == CV_16F);
    for (const auto &[attributes, encoding] :
         {std::pair(R"({"a": {"encoding": "no"}, "b": ["encoding", ":"], "encoding" : "yes"})", "yes"),
          std::pair(R"({"a": "encoding", "b": "\"encoding\": \"no\""})", ""), std::pair(R"({"encoding": 3, "a": "b"})", ""),
          std::pair(R"({"encoding": {"encoding": "no"}})", ""), std::pair(R"({"a": "\\", "encoding": "mono8"})", "mono8")}) {
        writer.write(numbers, {}, {attributes, {}, {}, {}});
        CHECK(ndsharray::encoding_of(reader.latest()) == encoding);
    }

    /* What no matrix has. */
    const std::complex<float> imaginary[] = {{1, 2}};
    writer.write(imaginary, {1});
    const Snapshot complex = reader.latest();
    EXPECT(NDS_WRONG_TYPE, MatOf(complex, on_error));
    INVALID(MatOf(Snapshot(), on_error));
    writer.write(numbers, std::vector<std::size_t>(33, 1));
    const Snapshot deep = reader.latest();
    INVALID(MatOf(deep, on_error));
    writer.write(numbers, {std::size_t(INT_MAX) + 1, 0});
    const Snapshot long_one = reader.latest();
    INVALID(MatOf(long_one, on_error));
    ndsharray::Writer none;
    INVALID(ndsharray::write(none, blue, {}, on_error));
    return 0;
}
