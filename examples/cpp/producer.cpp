/*
 * Publishes the frames of a camera as OpenCV has them: 30 a second, blue first. In place of the camera there is a moving square.
 *
 *   c++ -std=c++17 producer.cpp -o producer -I/usr/include/opencv4 -lopencv_core -lndsharray && ./producer [TAG [SECONDS]]
 *
 * Look at it with consumer.cpp, or with `ndsharray top camera`, which shows the square in red.
 */

#include <ndsharray_opencv.hpp>

#include <cstdio>
#include <cstdlib>
#include <thread>

int main(int count, char **arguments) try {
    const std::string tag = count > 1 ? arguments[1] : "camera";
    const double seconds = count > 2 ? std::atof(arguments[2]) : 60;

    // Ephemeral: the tag goes when the camera goes. History: a reader that stalls for 8 frames loses none.
    ndsharray::WriterOptions options;
    options.ephemeral = true;
    options.history = 8;
    auto writer = ndsharray::Store::open().writer(tag, options);

    // A sensor has a border that nobody wants: the rows of the picture are not contiguous.
    cv::Mat sensor(500, 660, CV_8UC3);
    cv::Mat picture = sensor(cv::Rect(10, 10, 640, 480));
    ndsharray::Meta meta = ndsharray::encoded("bgr8");
    auto next = std::chrono::steady_clock::now();
    int frame = 0;
    for (; frame < 30 * seconds; ++frame) {
        picture = cv::Scalar(40, 40, 40);
        picture(cv::Rect(4 * frame % 560, 200, 80, 80)) = cv::Scalar(0, 0, 255);
        meta.acquired_at = std::chrono::system_clock::now();
        ndsharray::write(writer, picture, meta);
        std::this_thread::sleep_until(next += std::chrono::milliseconds(33));
    }
    std::printf("%s: %d frames\n", tag.c_str(), frame);
} catch (const ndsharray::Error &error) {
    std::fprintf(stderr, "producer: %s\n", error.what());
    return 1;
}
