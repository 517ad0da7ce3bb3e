// What can happen to a training run: it is killed, the disk is full, a picture is damaged.

#include <algorithm>
#include <cstdlib>
#include <string>

#include "cli/bench.hpp"
#include "run_log.hpp"

using namespace gancodec;
using namespace gancodec::cli;

namespace {

const std::string kShort =
    R"({"batch": 1, "augmentation": {"crop_px": 128}, "lpips_weight": 0, "checkpoint_steps": 1, )";

}  // namespace

TEST_CASE("training that is killed while it writes a checkpoint resumes and ends where it would have", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(kShort + R"("steps": 4})", "four.json");
    static_cast<void>(bench.good({"train", "--data", "photos", "--out", "alive", "--recipe", "four.json"}));
    const std::string start =
        "cd '" + bench.path("") +
        "' && { '" GANCODEC_PROGRAM
        "' train --data photos --out killed --resume --recipe four.json 2> killed.txt > nothing.txt & } && pid=$! && "
        "while kill -0 $pid && ! ls killed/checkpoint.safetensors.part$pid; do :; done > nothing.txt 2>&1; "
        "kill -9 $pid; wait $pid; true";
    REQUIRE(std::system(start.c_str()) == 0);
    CHECK(PendingFile::leftovers(bench.path("killed")).size() == 1);
    REQUIRE(std::system(start.c_str()) == 0);
    CHECK(text_of(bench.path("killed.txt")).find("removed; a program was ended while it wrote this") !=
          std::string::npos);
    const Outcome resumed = bench.run({"train", "--data", "photos", "--out", "killed", "--resume"});
    INFO(resumed.error);
    REQUIRE(resumed.status == 0);
    CHECK(PendingFile::leftovers(bench.path("killed")).empty());
    check_same_tensors(bench.path("alive/checkpoint.safetensors"), bench.path("killed/checkpoint.safetensors"));
}

TEST_CASE("training on a full disk goes on, keeps the checkpoint it has, and says so", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(kShort + R"("steps": 1})", "full1.json");
    bench.write(kShort + R"("steps": 3})", "full3.json");
    static_cast<void>(bench.good({"train", "--data", "photos", "--out", "full", "--recipe", "full1.json"}));
    const Bytes before = read_file(bench.path("full/checkpoint.safetensors"));
    // No file may grow beyond half a megabyte: the recipe and the log fit, a checkpoint does not.
    const std::string limited = "cd '" + bench.path("") +
                                "' && ulimit -f 512 && '" GANCODEC_PROGRAM
                                "' train --data photos --out full --resume --recipe full3.json > full.txt 2>&1";
    const int status = std::system(limited.c_str());
    CHECK(WEXITSTATUS(status) == 1);
    const std::string told = text_of(bench.path("full.txt"));
    INFO(told);
    CHECK(told.find("step 2: full/checkpoint.safetensors: expected to write") != std::string::npos);
    CHECK(told.find("the checkpoint of step 1 is whole, training goes on") != std::string::npos);
    CHECK(told.find("gancodec: step 3: ") != std::string::npos);
    CHECK(read_file(bench.path("full/checkpoint.safetensors")) == before);
    // With room again, the run goes on and ends where one without a full disk ends.
    CHECK(Json::parse(bench.good({"train", "--data", "photos", "--out", "full", "--resume", "--json"}))["steps"] == 3);
    static_cast<void>(bench.good({"train", "--data", "photos", "--out", "roomy", "--recipe", "full3.json"}));
    check_same_tensors(bench.path("full/checkpoint.safetensors"), bench.path("roomy/checkpoint.safetensors"));
}

TEST_CASE("training leaves out a damaged picture and names it", "[program]") {
    const Bench& bench = Bench::get();
    fs::create_directory(bench.path("mixed"));
    write_image(bench.path("mixed/whole.jpg"), read_image(bench.path("photos/192.png")));
    const Bytes whole = read_file(bench.path("mixed/whole.jpg"));
    write_file(bench.path("mixed/cut.jpg"), ByteView(whole).first(whole.size() / 3));
    bench.write("not a picture", "mixed/text.png");
    const Outcome outcome = bench.run({"train", "--data", "mixed", "--out", "mixed_run", "--recipe", "recipe.json"});
    INFO(outcome.error);
    CHECK(outcome.status == 0);
    CHECK(outcome.error.find("note: skipped mixed/cut.jpg") != std::string::npos);
    CHECK(outcome.error.find("note: skipped mixed/text.png") != std::string::npos);
    CHECK(std::count(outcome.error.begin(), outcome.error.end(), '\n') == 2);
}

TEST_CASE("a log goes on behind a line that was cut off", "[program]") {
    const Bench& bench = Bench::get();
    bench.write("{\"step\": 1}\n{\"st", "torn.jsonl");
    RunLog(bench.path("torn.jsonl")).append({{"step", 2}});
    CHECK(text_of(bench.path("torn.jsonl")) == "{\"step\": 1}\n{\"st\n{\"step\":2}\n");
}

TEST_CASE("a run that loads some tensors, freezes them and has an optimiser of its own resumes", "[program]") {
    const Bench& bench = Bench::get();
    bench.write(kShort + R"("steps": 2, "seed": 9, "optimizer": "sgd", "sgd": {"momentum": 0.5},
                "learning_rate": {"shape": "step", "step_every": 1, "peak": 1e-5}, "load": ["encoder.*", "gain.*"],
                "freeze": ["encoder.*", "gain.*"], "rate_factors": [{"pattern": "generator.*", "factor": 0.5}]})",
                "transfer.json");
    const std::vector<std::string> begin = {"train",    "--data",   "photos",       "--out",
                                            "transfer", "--recipe", "transfer.json"};
    CHECK(bench.bad(1, begin).find("--start") != std::string::npos);
    std::vector<std::string> with_start = begin;
    with_start.insert(with_start.end(), {"--start", "run/checkpoint.safetensors"});
    static_cast<void>(bench.good(with_start));
    CHECK(Json::parse(bench.good({"train", "--data", "photos", "--out", "transfer", "--resume", "--json"}))["steps"] ==
          2);
    const auto from = SafetensorsFile::load(bench.path("run/checkpoint.safetensors"));
    const auto to = SafetensorsFile::load(bench.path("transfer/checkpoint.safetensors"));
    int same = 0;
    for (const auto& [name, tensor] : from.tensors()) {
        if (name.rfind("average.encoder.", 0) != 0) continue;
        ++same;
        CHECK(std::ranges::equal(from.raw(name), to.raw(name)));
    }
    CHECK(same > 0);
}
