// Publishes three numbers, and reads them back.

#include <ndsharray.hpp>

#include <cstdio>
#include <vector>

int main() try {
    const auto store = ndsharray::Store::open();
    ndsharray::WriterOptions options;
    options.ephemeral = true;
    auto writer = store.writer("numbers", options);
    const std::vector<float> numbers = {1, 2, 3};
    writer.write(numbers.data(), {numbers.size()});

    auto reader = store.reader("numbers");
    if (const auto value = reader.read()) {
        for (const float number : value->as<float>()) {
            std::printf("%g\n", number);
        }
    }
} catch (const ndsharray::Error &error) {
    std::fprintf(stderr, "numbers: %s\n", error.what());
    return 1;
}
