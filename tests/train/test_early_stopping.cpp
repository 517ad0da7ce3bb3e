#include <limits>
#include <vector>

#include "gancodec/train/checkpoint_average.hpp"
#include "gancodec/train/early_stopping.hpp"
#include "support/catch.hpp"

using namespace gancodec;

TEST_CASE("held-out pictures stop a run whose cost falls no more, and only then", "[train]") {
    HeldOutWatch watch({100, 2});
    CHECK(watch.due(200));
    CHECK(!watch.due(250));
    CHECK(watch.observe(100, 3.0));
    CHECK(!watch.observe(200, 3.0));
    CHECK(!watch.says_stop());
    CHECK(watch.observe(300, 2.0));
    CHECK(!watch.observe(400, std::numeric_limits<double>::quiet_NaN()));
    CHECK(!watch.says_stop());
    CHECK(!watch.observe(500, 2.5));
    CHECK(watch.says_stop());
    CHECK(watch.state().lowest_step == 300);
    HeldOutWatch again({100, 2});
    again.restore(watch.state());
    CHECK(again.says_stop());
    HeldOutWatch patient;
    for (int i = 0; i < 99; ++i) patient.observe(i, 1.0);
    CHECK(!patient.says_stop());
}

TEST_CASE("the mean of checkpoints is the mean of their averages", "[train]") {
    const auto file = [](float first, std::vector<int> shape) {
        SafetensorsWriter writer;
        writer.metadata("training", "here");
        writer.add_float("average.a", shape, std::vector<float>{first, 4});
        writer.add_float("value.a", shape, std::vector<float>{9, 9});
        return SafetensorsFile::parse(writer.bytes());
    };
    const std::vector<SafetensorsFile> files = {file(1, {2}), file(2, {2}), file(6, {2})};
    const SafetensorsFile mean = average_checkpoints(files);
    CHECK(mean.read_float("average.a") == std::vector<float>{3, 4});
    CHECK(mean.tensors().size() == 1);
    CHECK(mean.metadata().at("training") == "here");
    const std::vector<SafetensorsFile> other = {file(1, {2}), file(1, {1, 2})};
    CHECK_THROWS_AS(average_checkpoints(other), Error);
}
