/*
 * Finds the red square in each frame of producer.cpp, in the memory that the frame was published in.
 *
 *   c++ -std=c++17 consumer.cpp -o consumer -I/usr/include/opencv4 -lopencv_core -lndsharray && ./consumer [TAG]
 *
 * It waits for the tag, and ends when the producer has left.
 */

#include <ndsharray_opencv.hpp>

#include <cstdio>

using namespace std::chrono_literals;

int main(int count, char **arguments) try {
    auto reader = ndsharray::Store::open().reader(count > 1 ? arguments[1] : "camera", ndsharray::forever);
    unsigned long frames = 0;
    for (;;) {
        const auto value = reader.wait_next(1s);
        if (!value) {
            if (!reader.writer_alive()) {
                break;
            }
            continue;
        }
        const ndsharray::MatOf image(*value);
        const bool is_blue_first = ndsharray::encoding_of(*value) == "bgr8";
        if (image.mat().type() != CV_8UC3) {
            std::fprintf(stderr, "consumer: value %llu is no colour picture\n", static_cast<unsigned long long>(value->version()));
            continue;
        }
        cv::Mat red;
        cv::extractChannel(image.mat(), red, is_blue_first ? 2 : 0);
        cv::Point brightest;
        cv::minMaxLoc(red, nullptr, nullptr, nullptr, &brightest);
        if (frames++ % 30 == 0) {
            const std::chrono::duration<double, std::milli> age = value->age();
            std::printf("frame %llu: the square is at (%d, %d), %.3f ms old\n", static_cast<unsigned long long>(value->version()),
                        brightest.x, brightest.y, age.count());
        }
    }
    std::printf("%lu frames, missed %llu\n", frames, static_cast<unsigned long long>(reader.missed()));
} catch (const ndsharray::Error &error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    return 1;
}
